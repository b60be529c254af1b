"""What size costs: which sizes are measured, in which ways, and what the picture says."""

import matplotlib.pyplot as plt
import pandas
import pytest

from kmslab.learn import plot_sizes, size_bench, time_sizes
from kmslab.learn.size_costs import AES, ENVELOPE, PIECES, crossover, size_text, sizes_in

pytest_plugins = ["lab_session"]


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def costs_of(*rows) -> pandas.DataFrame:
    """Rows of way, size and median, with a middle half around it."""
    return pandas.DataFrame(
        [(way, size, median, median / 2, median * 2) for way, size, median in rows],
        columns=["way", "size", "median", "low", "high"],
    )


COSTS = costs_of(
    *((PIECES, 1, 100), (ENVELOPE, 1, 120), (AES, 1, 2)),
    *((PIECES, 16384, 400), (ENVELOPE, 16384, 130), (AES, 16384, 5)),
    *((ENVELOPE, 2**20, 300), (AES, 2**20, 100)),
)


# --- Sizes as words -----------------------------------------------------------------------


def test_sizes_are_read_in_order_and_once():
    assert sizes_in("1 MiB, 100,4 KiB , 100 B,1024") == [100, 1024, 4096, 2**20]


@pytest.mark.parametrize(
    "text",
    ["", "many", "1 TiB", "1 GiB", "0", "-5", "65 MiB", "1.5 KiB", "10,,20", "١", "9" * 5000],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="size"):
        sizes_in(text)


@pytest.mark.parametrize(
    ("size", "words"), [(1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"), (64 * 2**20, "64 MiB")]
)
def test_a_size_is_told_in_the_largest_unit_that_fits(size, words):
    assert size_text(size) == words
    assert sizes_in(words) == [size]


# --- Measuring ----------------------------------------------------------------------------


def test_every_way_really_encrypts_each_size(lab, kms, arn):
    before = len(lab.events())
    costs = time_sizes(kms, arn, [100, 5000, 2**20], rounds=3)
    assert costs.groupby("way")["size"].apply(list).to_dict() == {
        PIECES: [100, 5000],
        ENVELOPE: [100, 5000, 2**20],
        AES: [100, 5000, 2**20],
    }
    assert (costs["low"] <= costs["median"]).all()
    assert (costs["median"] <= costs["high"]).all()
    names = [event["eventName"] for event in lab.events()[before:]]
    # Once to warm up and three rounds: one call for 100 bytes, two for 5000.
    assert names.count("Encrypt") == 4 * (1 + 2)
    assert names.count("GenerateDataKey") == 4 * 3


@pytest.mark.parametrize("size", [0, -1, 64 * 2**20 + 1])
def test_sizes_out_of_bounds_are_refused_before_anything_is_measured(kms, arn, size):
    with pytest.raises(ValueError, match=str(size)):
        time_sizes(kms, arn, [100, size])


# --- The picture --------------------------------------------------------------------------


def test_the_crossover_is_where_envelopes_begin_to_be_quicker():
    assert crossover(COSTS) == 16384
    assert crossover(costs_of((PIECES, 1, 1), (ENVELOPE, 1, 2), (AES, 1, 1))) is None


def test_one_size_at_which_envelopes_happened_to_be_quicker_is_no_crossover():
    happened = costs_of(
        *((PIECES, 1, 100), (ENVELOPE, 1, 99), (PIECES, 4096, 100), (ENVELOPE, 4096, 130)),
        *((PIECES, 16384, 400), (ENVELOPE, 16384, 130)),
    )
    assert crossover(happened) == 16384


def test_without_pieces_there_is_no_crossover():
    assert crossover(costs_of((ENVELOPE, 2**20, 300), (AES, 2**20, 100))) is None


def test_two_rounds_are_too_few_for_a_middle_half():
    with pytest.raises(ValueError, match="at least 3, not 2"):
        time_sizes(None, "", [1], rounds=2)


def test_the_caption_says_what_is_drawn(drawn):
    assert plot_sizes(COSTS) == (
        "An envelope takes 60 times as long as AES alone for 1 B, and 3.0 times for 1 MiB; "
        "it is quicker than KMS in pieces from 16 KiB on."
    )
    axes = plt.gcf().axes[0]
    drawn_ways = [bars[0] for bars in axes.containers]
    assert [len(line.get_xdata()) for line in drawn_ways] == [2, 3, 3]
    assert axes.get_yscale() == "log"


# --- The widget ---------------------------------------------------------------------------


def test_the_bench_measures_the_sizes_that_were_typed(kms, arn, drawn):
    bench = size_bench(kms, arn)
    assert repr(bench) == "SizeBench: nothing was measured yet"
    bench.sizes.value = "2 KiB, 10"
    bench.press()
    assert repr(bench) == "SizeBench: measured 10 B, 2 KiB"
    assert bench.table().splitlines()[2].startswith("| 10 B | ")
    assert "2 KiB" in bench.view.value
    assert bench.plot().startswith("An envelope takes ")


def test_the_bench_tells_what_it_cannot_read_and_keeps_nothing_older(kms, arn):
    bench = size_bench(kms, arn)
    bench.press()
    bench.sizes.value = "<b>many</b>"
    bench.press()
    assert "nothing was measured: a size is a number" in repr(bench)
    assert "&lt;b&gt;many" in bench.view.value
    assert bench.costs is None
    with pytest.raises(ValueError, match="nothing was measured"):
        bench.plot()
