"""Requests to S3 as sequence diagrams, drawn from the trail, with a slider from one to the next.

It shows what `s3_steps` reads and `s3_drawing` draws, and makes no call itself.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

import ipywidgets as widgets
from traitlets import Int, TraitError, link, validate

from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.widgets import look
from kmslab.learn.widgets.s3_drawing import drawing, marked
from kmslab.learn.widgets.s3_requests import Record
from kmslab.learn.widgets.s3_steps import OK, Decisions, Exchange, LooksAtRest, Step, exchanges

_LEGEND = (
    "→ request · ⇠ answer: ✓ given, ✗ refused. Caller, S3 and KMS: as recorded in the trail; "
    "disk: as it lies there now."
)
_STYLE = f"""<style>
.kmslab .noUi-handle:focus {{ outline: 3px solid {look.BLUE}; outline-offset: 2px; }}
.kmslab ol.kmslab-steps {{ margin: 4px 0; padding-left: 1.6em; }}
.kmslab ol.kmslab-steps > li {{ list-style: decimal; }}
</style>"""


class S3Sequence(widgets.VBox):  # type: ignore[misc]
    """See `s3_sequence`. `slider` moves `number`; `picture` and `view` are HTML."""

    number = Int(1, min=1)

    def __init__(self, told: list[Exchange]) -> None:
        self.exchanges = tuple(told)
        self.slider = _slider(len(told))
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
        """The request that is shown: `who`, `operation`, `outcome`, `asked_kms`, `steps`."""
        return self.exchanges[self.number - 1]

    def table(self, *numbers: int) -> MarkdownText:
        """The requests with these numbers as text, or all of them: a row for each step."""
        rows = [
            (f"{number}.{place}", _way(step), marked(step), " · ".join(step.details))
            for number, exchange in enumerate(self.exchanges, start=1)
            if number in (numbers or (number,))
            for place, step in enumerate(exchange.steps, start=1)
        ]
        return table(("step", "who to whom", "what", "more"), rows)

    def __repr__(self) -> str:
        return f"S3Sequence, request {self.number} of {len(self.exchanges)}: {self.exchange.title}"

    @validate("number")
    def _there(self, proposal: dict[str, Any]) -> int:
        number, count = int(proposal["value"]), len(self.exchanges)
        if number > count:
            raise TraitError(f"there are {count} requests, and none has the number {number}")
        return number

    def _show(self) -> None:
        exchange, count = self.exchange, len(self.exchanges)
        colour, symbol = (look.GREEN, "✓") if exchange.outcome == OK else (look.VERMILION, "✗")
        self.picture.value = (
            f"{_STYLE}{look.title(f'Request {self.number} of {count}: {exchange.title}')}"
            f"{drawing(exchange)}{look.small(_LEGEND)}"
        )
        heading = f"{symbol} {exchange.title}, on {exchange.object_arn}"
        steps = "".join(map(_item, exchange.steps))
        self.view.value = look.page(
            f'<div class="kmslab-box" style="border-left-color: {colour}">'
            f'<b>{escape(heading)}</b><ol class="kmslab-steps">{steps}</ol></div>'
        )


def s3_sequence(
    records: Iterable[Record],
    at_rest: LooksAtRest | None = None,
    why: Decisions | None = None,
) -> S3Sequence:
    """The requests about objects in `records`, each as a sequence diagram: what the caller asked
    of S3, what S3 asked of KMS and in whose name, and what each of them answered.

    `records` are CloudTrail's, as `lab.events(data_events=True)` gives them. With
    `lab.s3.at_rest` as `at_rest` the diagram has the disk as well, for an object that was not
    changed since; with `lab.decisions` as `why` each answer says what decided. `number` can be
    set by the next cell as well; `exchange` is then that request. Raises ValueError where no
    record is about an object.
    """
    return S3Sequence(exchanges(records, at_rest, why))


def _slider(count: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        value=1,
        min=1,
        max=count,
        disabled=count == 1,
        description="request",
        tooltip="Which of the requests is shown",
        layout=widgets.Layout(width="auto", max_width="560px"),
        style={"description_width": "60px"},
    )


def _item(step: Step) -> str:
    details = "".join(f'<span class="kmslab-detail">{escape(each)}</span>' for each in step.details)
    return f"<li>{escape(f'{_way(step)}: {marked(step)}')}{details}</li>"


def _way(step: Step) -> str:
    if step.origin == step.target:
        return step.origin
    return f"{step.origin} → {step.target}"
