"""The pictures of RESULTS.md, drawn from the record alone."""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas

from kmslab.learn.benchmark_record import SIZES_CURVE, STAGES_CURVE, points_of
from kmslab.learn.encrypt_path import draw_stacks
from kmslab.learn.growth import draw_growth
from kmslab.learn.size_costs import size_text
from kmslab.learn.spans import STAGES


def draw(part: str, curve: dict[str, Any], folder: Path) -> Path:
    """Draw one curve of the record into `folder`, as SVG; its path."""
    before = matplotlib.get_backend()
    plt.switch_backend("agg")
    try:
        points = points_of(curve)
        if curve["title"] == STAGES_CURVE:
            draw_stacks(_spans(points))
        elif curve["title"] == SIZES_CURVE:
            draw_growth(points, curve["title"], curve["y"], curve["x"], size_text)
        else:
            draw_growth(points, curve["title"], curve["y"], curve["x"])
        path = folder / f"{part}-{curve['title'].lower().replace(',', '').replace(' ', '-')}.svg"
        plt.savefig(path, metadata={"Date": None})
        plt.close()
    finally:
        plt.switch_backend(before)
    return path


def _spans(points: pandas.DataFrame) -> dict[str, dict[str, float]]:
    """Microseconds by stage, for each way to call."""
    stages = points[points["x"] < len(STAGES)]
    return {
        str(name): {
            STAGES[int(place)]: median for place, median in zip(of["x"], of["median"], strict=True)
        }
        for name, of in stages.groupby("line", sort=False)
    }
