"""The grant timeline: a slider of minutes, and when a grant lets its grantee decrypt.

It shows `GrantMinutes`: all calls have been made there, and the slider only uncovers them.
"""

from collections.abc import Iterator
from html import escape

import ipywidgets as widgets
from traitlets import Int, link

from kmslab.lab import Lab
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.grant_minutes import (
    ALLOWED,
    DENIED,
    FIRST,
    LAST,
    NO_TOKEN,
    ROWS,
    GrantMinutes,
    Try,
)

_MARKS = {ALLOWED: "✓", DENIED: "✗", NO_TOKEN: "–"}
_COLOURS = {ALLOWED: look.GREEN, DENIED: look.VERMILION, NO_TOKEN: look.BLUE}
_LEGEND = "✓ allowed · ✗ denied · – no token yet. Each mark is a real call of Decrypt, made then."
_STYLE = f"""<style>
.kmslab-minutes {{ border-collapse: collapse; table-layout: fixed; width: 100%; }}
.kmslab-minutes th, .kmslab-minutes td {{ padding: 2px 0; text-align: center; font-size: 13px;
  border-bottom: 1px solid var(--jp-border-color1, #bdbdbd); }}
.kmslab-minutes th[scope=col] {{ font-size: 11px; font-weight: 400;
  letter-spacing: -0.5px; white-space: nowrap; }}
.kmslab-minutes th:first-child {{ width: 76px; text-align: left; }}
.kmslab-minutes td {{ font-weight: 700; }}
.kmslab-minutes .kmslab-now {{ outline: 2px solid {look.BLUE}; }}
.kmslab .noUi-handle:focus {{ outline: 3px solid {look.BLUE}; outline-offset: 2px; }}
</style>"""


class GrantTimeline(widgets.VBox):  # type: ignore[misc]
    """See `grant_timeline`. `slider` moves `minute`; `grid` and `view` are HTML."""

    minute = Int(FIRST, min=FIRST, max=LAST)

    def __init__(self, told: GrantMinutes) -> None:
        self._told = told
        self.slider = _slider()
        self.grid = widgets.HTML()
        self.view = widgets.HTML()
        super().__init__([look.style_sheet(), self.slider, self.grid, self.view])
        self.add_class("kmslab")
        link((self, "minute"), (self.slider, "value"))
        self.observe(lambda _: self._show(), names="minute")
        self._show()

    @property
    def lab(self) -> Lab:
        """The lab in which all calls were made; its clock stands after the last minute."""
        return self._told.lab

    @property
    def verdicts(self) -> dict[str, str]:
        """What came of both calls at `minute`."""
        return self._told.verdicts(self.minute)

    def table(self) -> MarkdownText:
        """All minutes as text: a row for each stretch in which nothing changes."""
        rows = []
        for first, last in self._stretches():
            happened = " and ".join(self._told.markers.get(first, ["–"]))
            verdicts = (_marked(verdict) for verdict in self._told.verdicts(first).values())
            rows.append((_stretch(first, last), happened, *verdicts))
        return table(("minutes", "what happens", *ROWS), rows)

    def plot(self) -> str:
        """Draw all minutes; the answer is the caption, with the numbers in it."""
        from kmslab.learn.widgets.grant_plot import plot_grant

        return plot_grant(self._told)

    def __repr__(self) -> str:
        said = ", ".join(f"{row}: {verdict}" for row, verdict in self.verdicts.items())
        return f"GrantTimeline at minute {self.minute}, {said}"

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """First and last minute of each stretch without a marker or another verdict."""
        starts = [
            minute
            for minute in range(FIRST, LAST + 1)
            if minute == FIRST
            or minute in self._told.markers
            or self._told.verdicts(minute) != self._told.verdicts(minute - 1)
        ]
        yield from zip(starts, [start - 1 for start in [*starts[1:], LAST + 1]], strict=True)

    # --- What is shown --------------------------------------------------------------------

    def _show(self) -> None:
        self.grid.value = (
            f'{_STYLE}<table class="kmslab-minutes">{self._above()}{self._heads()}'
            f"{''.join(map(self._marks, ROWS))}</table>"
            f"{look.small(f'▼ minute {self._happenings()}')}{look.small(_LEGEND)}"
        )
        tries = self._told.tries[self.minute]
        self.view.value = look.page(
            look.title(f"Minute {_number(self.minute)}{self._happening()}"),
            look.boxes(_box(row, tries[row]) for row in ROWS),
        )

    def _happening(self) -> str:
        words = " and ".join(self._told.markers.get(self.minute, ()))
        return f": {words}" if words else ""

    def _happenings(self) -> str:
        """What happens when, in the words for the marks above the minutes."""
        markers = sorted(self._told.markers.items())
        return " · ".join(f"{_number(at)}: {' and '.join(words)}" for at, words in markers)

    def _above(self) -> str:
        cells = (
            f'<td title="{escape(" and ".join(self._told.markers[minute]))}">▼</td>'
            if minute in self._told.markers
            else "<td></td>"
            for minute in range(FIRST, LAST + 1)
        )
        return f"<tr><th>grant</th>{''.join(cells)}</tr>"

    def _heads(self) -> str:
        cells = (
            f'<th scope="col"{self._now(minute)}>{_number(minute)}</th>'
            for minute in range(FIRST, LAST + 1)
        )
        return f"<tr><th>minute</th>{''.join(cells)}</tr>"

    def _marks(self, row: str) -> str:
        cells = (self._mark(row, minute) for minute in range(FIRST, LAST + 1))
        return f'<tr><th scope="row">{row}</th>{"".join(cells)}</tr>'

    def _mark(self, row: str, minute: int) -> str:
        if minute > self.minute:
            return "<td>·</td>"
        verdict = self._told.tries[minute][row].verdict
        return (
            f'<td aria-label="{verdict}" title="{verdict}" style="color: {_COLOURS[verdict]}"'
            f"{self._now(minute)}>{_MARKS[verdict]}</td>"
        )

    def _now(self, minute: int) -> str:
        return ' class="kmslab-now"' if minute == self.minute else ""


def grant_timeline(spreads_in: int = 5, revoked_at: int = 8) -> GrantTimeline:
    """Minutes −2 to 15 around CreateGrant, and whether the grantee may decrypt at each of them,
    with and without the grant token.

    The grant takes `spreads_in` minutes to spread and is revoked at minute `revoked_at`. The
    calls are made in a lab of the timeline's own, since a lab's clock cannot go back. `minute`
    can be set by the next cell as well; `verdicts` says what came of the two calls then. Raises
    ValueError for minutes that do not fit, TypeError for what is no whole number.
    """
    return GrantTimeline(GrantMinutes(spreads_in, revoked_at))


def _slider() -> widgets.IntSlider:
    return widgets.IntSlider(
        value=FIRST,
        min=FIRST,
        max=LAST,
        description="minute",
        tooltip="Minutes since CreateGrant",
        layout=widgets.Layout(width="auto", max_width="560px"),
        style={"description_width": "60px"},
    )


def _box(row: str, tried: Try) -> str:
    lines = [look.line(f"{line.where}: {line.words}", line.role) for line in tried.weighed]
    nothing = [look.line("No call is made: there is no token to show.")]
    heading = f"{row}: {_marked(tried.verdict)}"
    return look.box(_COLOURS[tried.verdict], heading, lines or nothing)


def _marked(verdict: str) -> str:
    return f"{_MARKS[verdict]} {verdict}"


def _stretch(first: int, last: int) -> str:
    return _number(first) if first == last else f"{_number(first)} to {_number(last)}"


def _number(minute: int) -> str:
    return str(minute).replace("-", "−")
