"""One look for all plots: readable in grey, safe for colour-blind eyes, the same on every run."""

from typing import Any

import matplotlib
from matplotlib_inline.backend_inline import set_matplotlib_formats

# Okabe and Ito's colours, ordered so that neighbours also differ in lightness.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#F0E442", "#56B4E9", "#D55E00", "#CC79A7")
INK = "#222222"

_SETTINGS: dict[Any, Any] = {
    "figure.figsize": (7.2, 2.9),
    "figure.dpi": 100,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "svg.hashsalt": "kmslab",
    "svg.fonttype": "none",
}


def use_style() -> None:
    """Set the look, and emit each figure as PNG and as an SVG without a date."""
    matplotlib.rcParams.update(_SETTINGS)
    set_matplotlib_formats(  # type: ignore[no-untyped-call]
        "png", "svg", bbox_inches=None, metadata={"Date": None}
    )
