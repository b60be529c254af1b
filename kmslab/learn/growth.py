"""How cost grows with the number of events: lines of a reference record as one picture."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas
from matplotlib.ticker import LogLocator

from kmslab.learn.style import INK, PALETTE, use_style

# Without yellow, which is no line on white.
_COLOURS = (*PALETTE[:3], INK, PALETTE[5])
_MARKS = (("s", ":"), ("o", "-"), ("^", "--"), ("D", "-."), ("v", ":"))


def plot_growth(points: pandas.DataFrame, title: str, unit: str) -> str:
    """Draw one line for each of `points["line"]`, of which there may be five, with a bar from `low`
    to `high`, both scales logarithmic; return the caption, which says in numbers what the picture
    shows."""
    draw_growth(points, title, unit)
    plt.show()
    largest = points["x"].max()
    most = points[points["x"] == largest].sort_values("median")
    said = (
        f"{line} {median:,.1f}" for line, median in zip(most["line"], most["median"], strict=True)
    )
    return f"At {largest:,.0f} events, in {unit}: {', '.join(said)}."


def draw_growth(
    points: pandas.DataFrame,
    title: str,
    unit: str,
    x_label: str = "events",
    x_text: Callable[[int], str] = "{:,}".format,
) -> None:
    """Draw the picture of `plot_growth`; `x_text` writes the places of the horizontal axis."""
    use_style()
    axes = plt.subplots(figsize=(7.2, 2.8), dpi=72, layout="constrained")[1]
    lines = list(dict.fromkeys(points["line"]))
    for name, (marker, dashes), colour in zip(lines, _MARKS, _COLOURS, strict=False):
        line = points[points["line"] == name]
        spread = [line["median"] - line["low"], line["high"] - line["median"]]
        look: dict[str, Any] = {"marker": marker, "color": colour, "label": name}
        axes.errorbar(line["x"], line["median"], spread, None, dashes, capsize=3, ms=5, **look)
    places = sorted(set(points["x"]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [x_text(int(place)) for place in places], rotation=30)
    # A line that hardly climbs spans less than a power of ten: one number is no scale.
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.minorticks_off()
    axes.set_xlabel(x_label)
    axes.set_ylabel(f"{unit}, logarithmic")
    axes.set_title(title)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
