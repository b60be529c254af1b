"""Exchanges as sequence diagrams, with a slider from one to the next.

It shows what other modules read from the trail and what `sequence_drawing` draws, and makes no call
itself.
"""

from html import escape
from typing import Any, ClassVar

import ipywidgets as widgets
from traitlets import Int, TraitError, link, validate

from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.exchanges import OK, Exchange, Step
from kmslab.learn.widgets.sequence_drawing import drawing

_STYLE = f"""<style>
.kmslab .noUi-handle:focus {{ outline: 3px solid {look.BLUE}; outline-offset: 2px; }}
.kmslab ol.kmslab-steps {{ margin: 4px 0; padding-left: 1.6em; }}
.kmslab ol.kmslab-steps > li {{ list-style: decimal; }}
</style>"""


class SequenceView(widgets.VBox):  # type: ignore[misc]
    """`slider` moves `number`; `picture` and `view` are HTML. `noun` is what it calls an exchange,
    `recorded` whose lifelines are drawn from the trail."""

    noun: ClassVar[str] = "request"
    recorded: ClassVar[str] = "Caller, S3 and KMS"

    number = Int(1, min=1)

    def __init__(self, told: list[Exchange]) -> None:
        self.exchanges = tuple(told)
        self.slider = _slider(self.noun, len(told))
        self.picture = widgets.HTML()
        self.view = widgets.HTML()
        sides = widgets.Box([self.picture, self.view], layout=look.side_by_side())
        super().__init__([look.style_sheet(), self.slider, sides])
        self.add_class("kmslab")
        link((self, "number"), (self.slider, "value"))
        self.observe(lambda _: self._show(), names="number")
        self._show()

    @property
    def exchange(self) -> Exchange:
        """The one that is shown: `who`, `operation`, `outcome`, `asked_kms`, `steps`."""
        return self.exchanges[self.number - 1]

    def table(self, *numbers: int) -> MarkdownText:
        """The exchanges with these numbers as text, or all of them: a row for each step."""
        rows = [
            (f"{number}.{place}", step.way, step.marked, " · ".join(step.details))
            for number, exchange in enumerate(self.exchanges, start=1)
            if number in (numbers or (number,))
            for place, step in enumerate(exchange.steps, start=1)
        ]
        return table(("step", "who to whom", "what", "more"), rows)

    def __repr__(self) -> str:
        place = f"{self.noun} {self.number} of {len(self.exchanges)}"
        return f"{type(self).__name__}, {place}: {self.exchange.title}"

    @validate("number")
    def _there(self, proposal: dict[str, Any]) -> int:
        number, count = int(proposal["value"]), len(self.exchanges)
        if number > count:
            raise TraitError(f"there are {count} {self.noun}s, and none has the number {number}")
        return number

    def _show(self) -> None:
        exchange, count = self.exchange, len(self.exchanges)
        colour, symbol = (look.GREEN, "✓") if exchange.outcome == OK else (look.VERMILION, "✗")
        heading = f"{self.noun.capitalize()} {self.number} of {count}: {exchange.title}"
        legend = (
            f"→ request · ⇠ answer: ✓ given, ✗ refused. {self.recorded}: as recorded in the trail; "
            "disk: as it lies there now."
        )
        self.picture.value = f"{_STYLE}{look.title(heading)}{drawing(exchange)}{look.small(legend)}"
        steps = "".join(map(_item, exchange.steps))
        about = escape(f"{symbol} {exchange.title}, on {exchange.resource_arn}")
        self.view.value = look.page(
            f'<div class="kmslab-box" style="border-left-color: {colour}">'
            f'<b>{about}</b><ol class="kmslab-steps">{steps}</ol></div>'
        )


def _slider(noun: str, count: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        value=1,
        min=1,
        max=count,
        disabled=count == 1,
        description=noun,
        tooltip=f"Which of the {noun}s is shown",
        layout=widgets.Layout(width="auto", max_width="560px"),
        style={"description_width": "60px"},
    )


def _item(step: Step) -> str:
    details = "".join(f'<span class="kmslab-detail">{escape(each)}</span>' for each in step.details)
    return f"<li>{escape(f'{step.way}: {step.marked}')}{details}</li>"
