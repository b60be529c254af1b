"""The use of keys as pictures: when who used one, and who uses which.

They draw what the questions of `kmslab.audit` answer, and find out nothing themselves.
"""

import math
from collections.abc import Iterator
from typing import Any

import matplotlib.dates
import matplotlib.pyplot as plt
import pandas

from kmslab import audit
from kmslab.learn.style import INK, PALETTE, use_style

# Shape and lightness tell the outcomes apart where colours do not.
_MARKS = {
    "ok": {"marker": "|", "color": PALETTE[0], "s": 160},
    "denied": {"marker": "X", "color": PALETTE[5], "s": 70},
    "failed": {"marker": "^", "color": PALETTE[1], "s": 50},
}


# More marks than this lie on one another; so wide is a mark in parts of the picture.
_FEW, _SLOTS = 300, 250


def plot_key_use(table: pandas.DataFrame, key: str) -> str:
    """Draw when who called with a KMS key, one line for each; return the caption, which says in
    numbers what the picture shows. `key` is an ARN, an id or an alias; ValueError where the table
    knows no such alias, or no call with the key."""
    used = audit.of_key(table, key)
    if used.empty:
        raise ValueError(f"the table has no call with the key {key!r}")
    callers = audit.actor(used).astype("object").map(_name)
    lines = list(dict.fromkeys(callers))
    places = callers.map(lines.index)
    axes = _axes(len(lines))
    drawn = _drawn(used, places)
    for outcome, mark in _MARKS.items():
        shown = drawn & (used["outcome"] == outcome)
        if shown.any():
            axes.scatter(used.loc[shown, "time"], places[shown], label=outcome, **mark)
    axes.set_yticks(range(len(lines)), lines)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(
        matplotlib.dates.ConciseDateFormatter(  # type: ignore[no-untyped-call]
            axes.xaxis.get_major_locator(), tz="UTC"
        )
    )
    axes.set_xlabel("UTC")
    axes.set_title(f"Calls with {key}")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    plt.show()
    refused = int((used["outcome"] != "ok").sum())
    first, last = (f"{moment:%H:%M}" for moment in (used["time"].min(), used["time"].max()))
    return (
        f"{_counted(len(used), 'call')} with {key} by {_counted(len(lines), 'caller')} between "
        f"{first} and {last} UTC, {refused} in vain. The busiest: {callers.mode()[0]}."
    )


def plot_who_uses_what(table: pandas.DataFrame) -> str:
    """Draw the matrix of callers and keys, each field with its number of successful cryptographic
    calls; return the caption, which says in numbers what the picture shows."""
    counted = audit.who_uses_what(table)
    if counted.empty:
        raise ValueError("no key was used in this table")
    axes = _axes(len(counted) + 1)
    # Many calls and few differ by factors, not by amounts.
    axes.imshow(counted.map(_shade), cmap="Blues", aspect="auto")
    darkest = _shade(int(counted.to_numpy().max()))
    for (row, column), calls in _fields(counted):
        ink = "#FFFFFF" if _shade(calls) > 0.6 * darkest else INK
        axes.text(column, row, calls or "·", ha="center", va="center", color=ink)
    axes.set_xticks(range(len(counted.columns)), counted.columns)
    axes.set_yticks(range(len(counted)), [_name(each) for each in counted.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Who uses which key, and how often")
    plt.show()
    of_several = int(((counted > 0).sum(axis=1) > 1).sum())
    return (
        f"{_counted(int(counted.to_numpy().sum()), 'call')} by {_counted(len(counted), 'caller')} "
        f"with {_counted(len(counted.columns), 'key')}; with more than one of them: {of_several}."
    )


def _drawn(used: pandas.DataFrame, places: pandas.Series) -> pandas.Series:
    """Which of the calls get a mark: of very many one stands for those that its mark would hide."""
    if len(used) <= _FEW:
        return pandas.Series(True, used.index)
    slots = (used["time"] - used["time"].min()) // (_span(used) / _SLOTS)
    seen = pandas.DataFrame({"place": places, "outcome": used["outcome"], "slot": slots})
    return ~seen.duplicated()


def _span(used: pandas.DataFrame) -> pandas.Timedelta:
    return max(used["time"].max() - used["time"].min(), pandas.Timedelta(seconds=1))


def _axes(lines: int) -> Any:
    use_style()
    return plt.subplots(figsize=(7.2, 1.4 + 0.36 * lines), layout="constrained")[1]


def _name(arn: str) -> str:
    """A principal as people call it: its resource without the account."""
    return arn.split(":", 5)[5] if arn.startswith("arn:") else arn


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _shade(calls: int) -> float:
    return math.log1p(calls)


def _fields(counted: pandas.DataFrame) -> Iterator[tuple[tuple[int, int], int]]:
    for row, line in enumerate(counted.to_numpy().tolist()):
        for column, calls in enumerate(line):
            yield (row, column), calls
