"""How cost grows with the number of events: lines of a reference record as one picture."""

import matplotlib.pyplot as plt
import pandas

from kmslab.learn.style import INK, PALETTE, use_style

# Without yellow, which is no line on white.
_COLOURS = (*PALETTE[:3], INK, PALETTE[5])
_MARKS = (("s", ":"), ("o", "-"), ("^", "--"), ("D", "-."), ("v", ":"))


def plot_growth(points: pandas.DataFrame, title: str, unit: str) -> str:
    """Draw one line for each of `points["line"]`, with `low` to `high` as a band, both scales
    logarithmic; return the caption, which says in numbers what the picture shows."""
    use_style()
    axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")[1]
    lines = list(dict.fromkeys(points["line"]))
    for name, (marker, dashes), colour in zip(lines, _MARKS, _COLOURS, strict=False):
        line = points[points["line"] == name]
        axes.plot(line["x"], line["median"], dashes, marker=marker, color=colour, label=name, ms=5)
        axes.fill_between(line["x"], line["low"], line["high"], color=colour, alpha=0.25)
    places = sorted(set(points["x"]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [f"{place:,.0f}" for place in places])
    axes.minorticks_off()
    axes.set_xlabel("events")
    axes.set_ylabel(unit)
    axes.set_title(title)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    plt.show()
    most = points[points["x"] == places[-1]].sort_values("median")
    said = (
        f"{line} {median:,.1f}" for line, median in zip(most["line"], most["median"], strict=True)
    )
    return f"At {places[-1]:,.0f} events, in {unit}: {', '.join(said)}."
