"""The life of one grant as a picture: a bar for each stretch of minutes, and what happened when.

It draws what `GrantMinutes` found out, and finds out nothing itself.
"""

from typing import Any

import matplotlib.pyplot as plt

from kmslab.learn.style import INK, PALETTE, use_style
from kmslab.learn.widgets.grant_minutes import (
    ALLOWED,
    DENIED,
    LAST,
    NO_TOKEN,
    ROWS,
    WITH_TOKEN,
    WITHOUT_TOKEN,
    GrantMinutes,
)

# Dark, light and white: in grey they differ too, and a word in the bar says the same.
_FILLS = {ALLOWED: PALETTE[2], DENIED: "#FFFFFF", NO_TOKEN: "#DDDDDD"}


def plot_grant(told: GrantMinutes) -> str:
    """Draw both rows over the minutes; return the caption, which says in numbers what the
    picture shows."""
    use_style()
    axes = plt.subplots(layout="constrained")[1]
    for place, row in enumerate(ROWS):
        for verdict, first, last in told.spans(row):
            _draw_span(axes, place, verdict, first, last + 1)
    for minute, words in told.markers.items():
        axes.axvline(minute, color=PALETTE[0], linewidth=1.5)
        axes.text(minute + 0.1, -0.72, " and ".join(words), color=INK)
    axes.set_yticks(range(len(ROWS)), ROWS)
    axes.set_ylim(1.5, -0.95)
    axes.set_xticks(range(-2, LAST + 1))
    axes.set_xlabel("minutes after CreateGrant")
    axes.set_title("When the grantee may decrypt")
    plt.show()
    return _caption(told)


def _draw_span(axes: Any, place: int, verdict: str, start: int, end: int) -> None:
    axes.barh(place, end - start, left=start, height=0.6, color=_FILLS[verdict], edgecolor=INK)
    # Two minutes have room for eight letters; the rest stands in the table and the caption.
    words = verdict.removesuffix(" yet") if end - start > 1 else ""
    middle = (start + end) / 2
    axes.text(middle, place, words, color=INK, fontsize=9, ha="center", va="center")


def _caption(told: GrantMinutes) -> str:
    (first, last), (first_shown, last_shown) = (
        _allowed(told, row) for row in (WITHOUT_TOKEN, WITH_TOKEN)
    )
    return (
        f"Without its token the grant works in minutes {first} to {last}, with it in minutes "
        f"{first_shown} to {last_shown}: the token saves {first - first_shown} minutes at the "
        f"beginning and {last - last_shown} at the end."
    )


def _allowed(told: GrantMinutes, row: str) -> tuple[int, int]:
    return next((first, last) for verdict, first, last in told.spans(row) if verdict == ALLOWED)
