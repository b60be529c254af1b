"""Where the time of an Encrypt goes: the pictures, drawn from spans that were recorded.

A bar for each stage, stacked bars for each way to call, and the share of calls that were done
after so long. Times are in microseconds and belong to the machine they were measured on.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy
import pandas

from kmslab.lab import Lab
from kmslab.learn.spans import DOOR_STAGES, time_calls
from kmslab.learn.style import INK, PALETTE, use_style

STAGES = ("boto3", *DOOR_STAGES)

# Lightness and hatching tell the groups of stages apart where colours do not.
_GROUPS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "boto3 builds and signs": (("build", "sign"), {"color": "#999999"}),
    "on the way": (("send", "receive"), {"color": "#FFFFFF", "hatch": "xx"}),
    "verify": (("verify",), {"color": PALETTE[1]}),
    "validate": (("validate",), {"color": PALETTE[4]}),
    "authorise": (("authorise",), {"color": PALETTE[5]}),
    "HSM": (("HSM",), {"color": PALETTE[0]}),
    "record": (("record",), {"color": PALETTE[3]}),
    "answer": (("answer",), {"color": PALETTE[2]}),
    "boto3 parses": (("parse",), {"color": "#DDDDDD", "hatch": "//"}),
}
_LINES = ("-", "--", "-.", ":")


def time_encrypt_path(
    lab: Lab, client: Any, key_id: str, plaintext: bytes, rounds: int = 300
) -> pandas.DataFrame:
    """Microseconds of each stage for `rounds` calls of Encrypt, one row a call.

    `boto3` is all that is not spent inside the door: building, signing and parsing.
    """
    times = time_calls(lab, lambda: client.encrypt(KeyId=key_id, Plaintext=plaintext), None, rounds)
    # Until the request arrives, it is boto3's.
    door = times[list(DOOR_STAGES)]
    return door.assign(boto3=times["total"] - door.sum(axis=1))[list(STAGES)]


def plot_stages(times: pandas.DataFrame) -> str:
    """Draw each stage's median with the middle half of the calls as a line; return the caption,
    which says in numbers what the picture shows."""
    use_style()
    medians, low, high = (times.quantile(q) for q in (0.5, 0.25, 0.75))
    axes = plt.subplots(layout="constrained")[1]
    places = range(len(STAGES))
    colours = [INK if stage == "boto3" else PALETTE[0] for stage in STAGES]
    spread = [medians - low, high - medians]
    axes.barh(places, medians, color=colours, xerr=spread, ecolor=PALETTE[1], capsize=3)
    for place, median in zip(places, medians, strict=True):
        axes.annotate(
            f"{median:.0f}",
            (high.iloc[place], place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(places, STAGES)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("microseconds (median; the line spans the middle half of the calls)")
    axes.set_title("Where the time of one Encrypt goes")
    plt.show()
    door = medians[list(DOOR_STAGES)].sum()
    slowest = medians[list(DOOR_STAGES)].idxmax()
    return (
        f"One Encrypt: boto3 itself {medians['boto3']:.0f} µs, the simulated AWS {door:.0f} µs, "
        f"whose longest stage is {slowest} ({medians[slowest]:.0f} µs); {len(times)} calls."
    )


def plot_ways(ways: Mapping[str, pandas.DataFrame]) -> str:
    """Draw for each way to call the medians of its stages, one upon the other; return the caption.
    `ways` is what `time_ways` measured."""
    draw_stacks({name: times.drop(columns="total").median() for name, times in ways.items()})
    plt.show()
    said = (f"{name} {times['total'].median():.0f} µs" for name, times in ways.items())
    return f"One Encrypt takes, in the median of {len(next(iter(ways.values())))} calls: " + (
        f"{', '.join(said)}."
    )


def draw_stacks(ways: Mapping[str, Mapping[Any, float]]) -> None:
    """Draw the picture of `plot_ways`: `ways` are names, and microseconds by stage."""
    use_style()
    axes = plt.subplots(figsize=(7.2, 1.4 + 0.4 * len(ways)), dpi=72, layout="constrained")[1]
    places = numpy.arange(len(ways))
    left = numpy.zeros(len(ways))
    for group, (stages, look) in _GROUPS.items():
        widths = numpy.array(
            [sum(spans.get(stage, 0.0) for stage in stages) for spans in ways.values()]
        )
        axes.barh(places, widths, left=left, label=group, edgecolor=INK, linewidth=0.5, **look)
        left += widths
    axes.set_yticks(places, list(ways))
    axes.invert_yaxis()
    axes.set_xlabel("microseconds (medians of the stages)")
    axes.set_title("One Encrypt, stage by stage")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)


def plot_ecdf(ways: Mapping[str, pandas.DataFrame]) -> str:
    """Draw for each way to call which share of the calls was done after so long; return the
    caption. `ways` as for `plot_ways`."""
    use_style()
    axes = plt.subplots(figsize=(6.6, 2.4), dpi=64, layout="constrained")[1]
    for (name, times), line, colour in zip(ways.items(), _LINES, PALETTE, strict=False):
        # Forty places show what three hundred do.
        shares = numpy.linspace(0, 1, 41)
        axes.plot(times["total"].quantile(shares), shares, line, color=colour, label=name)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("microseconds, on a logarithmic scale")
    axes.set_ylabel("share of the calls done")
    axes.set_title("How evenly do the calls take their time?")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    plt.show()
    said = (
        f"{name} {times['total'].quantile(0.99) / times['total'].median():.1f}"
        for name, times in ways.items()
    )
    return f"The slowest hundredth takes at least so many times the median: {', '.join(said)}."
