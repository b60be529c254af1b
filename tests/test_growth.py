"""Reference figures from the benchmarks' record, and the picture of how cost grows."""

import json

import matplotlib.pyplot as plt
import pytest

from kmslab.learn import benchmark_record, plot_growth
from kmslab.learn.benchmark_record import reference

MACHINE = {"processor": "A processor", "cores": "2", "memory": "4 GiB", "Python": "3.11.0"}
CURVE = {
    "title": "Cost",
    "x": "events",
    "y": "seconds",
    "lines": {"slow": [[10, 1, 0.5, 2], [100, 20, 10, 30]], "quick": [[10, 0.1, 0.1, 0.2]]},
}


@pytest.fixture
def record(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"growth": {"machine": MACHINE, "curves": [CURVE]}}))
    monkeypatch.setattr(benchmark_record, "_RECORD", path)
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def test_a_reference_has_a_row_for_each_point_and_its_machine(record):
    points, machine = reference("growth", "Cost")
    assert points.to_dict("list") == {
        "line": ["slow", "slow", "quick"],
        "x": [10, 100, 10],
        "median": [1, 20, 0.1],
        "low": [0.5, 10, 0.1],
        "high": [2, 30, 0.2],
    }
    assert machine == "A processor, 2 cores, 4 GiB, Python 3.11.0"


@pytest.mark.parametrize(("part", "title"), [("growth", "Other"), ("other", "Cost")])
def test_a_curve_that_is_not_in_the_record_is_told(record, part, title):
    with pytest.raises(LookupError, match="has no"):
        reference(part, title)


def test_no_record_has_no_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_record, "_RECORD", tmp_path / "none.json")
    with pytest.raises(LookupError):
        reference("growth", "Cost")


def test_each_line_is_drawn_and_the_largest_told(record):
    said = plot_growth(reference("growth", "Cost").points, "Cost", "seconds")
    axes = plt.gcf().axes[0]
    assert [bars.get_label() for bars in axes.containers] == ["slow", "quick"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert said == "At 100 events, in seconds: slow 20.0."


def test_the_committed_record_has_what_the_notebooks_show():
    for part, title in (
        ("answers", benchmark_record.ANSWERS_CURVE),
        ("answers", benchmark_record.MEMORY_CURVE),
        ("spans", benchmark_record.STAGES_CURVE),
    ):
        assert len(reference(part, title).points) > 3
