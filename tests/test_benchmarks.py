"""What the benchmarks leave behind: a record that runs of some parts add to, and its table."""

import pytest

from benchmarks import parts, race, results
from benchmarks.results import Curve, Point, Row
from kmslab.learn.benchmark_record import STAGES_CURVE


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RECORD", tmp_path / "records" / "results.json")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    return tmp_path


def row(figure: str, median: float, asked: str = "") -> Row:
    return Row(figure, race.Ratio(median, median - 0.5, median + 0.5), asked)


@pytest.mark.parametrize(
    ("median", "asked", "verdict"),
    [
        (2.0, "≥ 2", "met"),
        (1.9, "≥ 2", "missed"),
        (1.25, "≤ 1.25", "met"),
        (1.3, "≤ 1.25", "missed"),
        (7.0, "", ""),
    ],
)
def test_a_row_is_judged_by_its_median(median, asked, verdict):
    assert row("a / b", median, asked).verdict() == verdict


def test_a_ratio_is_taken_round_by_round():
    measured = race.ratio([10, 20, 40], [5, 10, 20])
    assert measured == (2, 2, 2)


def test_a_later_run_replaces_its_own_parts_alone(record):
    results.keep("first", [row("a / b", 2)], 1.0)
    results.keep("second", [row("c / d", 3)], 1.0)
    results.keep("first", [row("a / b", 4)], 1.0)
    kept = results.recorded()
    assert {part: entry["rows"][0]["median"] for part, entry in kept.items()} == {
        "first": 4,
        "second": 3,
    }


def test_the_table_names_every_figure_and_the_machine(record):
    results.keep("first", [row("a / b", 2, "≥ 3"), row("c / d", 3)], 1.0)
    results.write_results(["second", "first"])
    written = results.RESULTS.read_text()
    assert "| a / b | 2.00 (1.50-2.50) | ≥ 3 | missed |" in written
    assert "## second" not in written
    assert results.machine()["processor"] in written


def test_a_curve_is_kept_with_its_spread(record):
    curve = Curve("cost", "events", "seconds", {"DuckDB": [Point(10, 1.0, 0.9, 1.23456)]})
    results.keep("growth", [curve], 1.0)
    (kept,) = results.recorded()["growth"]["curves"]
    assert kept["lines"] == {"DuckDB": [[10, 1.0, 0.9, 1.235]]}


def test_a_part_that_is_not_there_is_refused(capsys, monkeypatch):
    from benchmarks import __main__

    monkeypatch.setattr("sys.argv", ["benchmarks", "nothing"])
    with pytest.raises(SystemExit):
        __main__.main()
    said = capsys.readouterr().err
    assert "'nothing'" in said
    assert all(part in said for part in parts.PARTS)


def test_a_curve_is_drawn_beside_the_record_and_shown_in_the_table(record):
    points = [Point(10, 1.0, 0.9, 1.2), Point(100, 2.0, 1.0, 3.0)]
    results.keep("growth", [Curve("What it costs", "events", "seconds", {"DuckDB": points})], 1.0)
    results.write_results(["growth"])
    assert "(records/growth-what-it-costs.svg)" in results.RESULTS.read_text()
    drawn = (record / "records" / "growth-what-it-costs.svg").read_text()
    assert "DuckDB" in drawn
    results.write_results(["growth"])
    assert (record / "records" / "growth-what-it-costs.svg").read_text() == drawn


def test_stages_are_drawn_as_stacks(record):
    points = [Point(place, 10.0 + place, 9.0, 20.0) for place in range(12)]
    results.keep("spans", [Curve(STAGES_CURVE, "stage", "microseconds", {"HTTP": points})], 1.0)
    results.write_results(["spans"])
    (drawn,) = (record / "records").glob("*.svg")
    assert "authorise" in drawn.read_text()
