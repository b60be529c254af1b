"""An exchange as a sequence diagram: lifelines, and an arrow for each step.

SVG as text, the same bytes for the same steps, with nothing in it from elsewhere. Who refuses is
marked ✗, an answer is dashed: the colour only repeats it. Long details are cut; the list of steps
beside the drawing has them whole. What the steps mean is not known here.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from kmslab.learn.widgets import look
from kmslab.learn.widgets.exchanges import Exchange, Step

WIDTH = 440
# Where lifelines stand, from left to right.
_PLACES = (44, 138, 276, 402)
_TOP, _LINE, _GAP, _HEAD = 40, 16, 20, 7
_HEADING, _DETAIL = 'font-weight="600"', 'font-size="12"'
# The width of a letter of either, rather more than less.
_HEADING_LETTER, _DETAIL_LETTER = 8.1, 7.1
_COLOUR = "var(--jp-content-font-color1, #222222)"
_PAPER = "var(--jp-layout-color1, #ffffff)"
_FONT = "font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px"


def drawing(exchange: Exchange) -> str:
    """The diagram of `exchange`, as an SVG element."""
    places = dict(zip(exchange.lifelines, _PLACES, strict=False))
    marks, bottom = [], _TOP
    for number, step in enumerate(exchange.steps, start=1):
        mark, bottom = _step(number, step, bottom, places)
        marks.append(mark)
    height = bottom + _GAP
    heads = "".join(_lifeline(name, place, height) for name, place in places.items())
    words = f"<title>{escape(exchange.title)}</title><desc>{escape(_told(exchange))}</desc>"
    label = escape(f"Sequence diagram. {exchange.title}. {_told(exchange)}")
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height}" '
        f'style="width: 100%; max-width: {WIDTH + 50}px; height: auto; {_FONT}" '
        f'xmlns="http://www.w3.org/2000/svg">{words}{heads}{"".join(marks)}</svg>'
    )


def _told(exchange: Exchange) -> str:
    return "; ".join(
        f"{step.origin} to {step.target}: {step.marked}"
        if step.origin != step.target
        else f"{step.origin}: {step.words}"
        for step in exchange.steps
    )


# --- The parts ----------------------------------------------------------------------------


def _lifeline(name: str, place: int, height: int) -> str:
    half = max(32, int(len(name) * _HEADING_LETTER / 2) + 4)
    return (
        f'<rect x="{place - half}" y="4" width="{2 * half}" height="24" rx="3" fill="{_PAPER}" '
        f'stroke="{_COLOUR}"/>'
        f'<text x="{place}" y="21" text-anchor="middle" fill="{_COLOUR}" '
        f'font-weight="600">{name}</text>'
        f'<line x1="{place}" y1="28" x2="{place}" y2="{height}" stroke="{_COLOUR}" '
        f'stroke-opacity="0.45" stroke-dasharray="2 3"/>'
    )


def _step(number: int, step: Step, top: int, places: Mapping[str, int]) -> tuple[str, int]:
    """A step below `top`, and where it ends."""
    start, end = places[step.origin], places[step.target]
    left, baseline = min(start, end) + 8, top + _GAP
    texts = [_text(_cut(f"{number} {step.marked}", left), left, baseline, _HEADING)]
    for line in _lines(step.details, left):
        baseline += _LINE
        texts.append(_text(line, left, baseline, _DETAIL))
    if start == end:
        return "".join(texts), baseline + 4
    return "".join(texts) + "".join(_arrow(start, end, baseline + 9, step)), baseline + 9


def _lines(details: Iterable[str], left: int) -> Iterator[str]:
    """The details in lines that fit, of each the first two."""
    room = int((WIDTH - left) / _DETAIL_LETTER)
    for detail in details:
        first, *more = _wrapped(detail, room)
        yield first
        if more:
            yield more[0] if len(more) == 1 else f"{more[0][: room - 1]}…"


def _wrapped(detail: str, room: int) -> Iterator[str]:
    """Lines of words; an ARN that is longer than a line is broken, but begins a line of its own."""
    for line in textwrap.wrap(
        detail, room, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    ):
        while len(line) > room:
            yield line[:room]
            line = f"  {line[room:]}"
        yield line


def _cut(words: str, left: int) -> str:
    room = int((WIDTH - left) / _HEADING_LETTER)
    return words if len(words) <= room else f"{words[: room - 1]}…"


def _text(words: str, left: int, baseline: int, style: str) -> str:
    # The halo lets a lifeline pass behind the words.
    halo = f'stroke="{_PAPER}" stroke-width="4" paint-order="stroke" stroke-linejoin="round"'
    indent = len(words) - len(words.lstrip())
    return (
        f'<text x="{left + 5 * indent}" y="{baseline}" fill="{_COLOUR}" {style} {halo}>'
        f"{escape(words.lstrip())}</text>"
    )


def _arrow(start: int, end: int, height: int, step: Step) -> Iterator[str]:
    colour = look.VERMILION if step.error_code else look.BLUE
    dashes = ' stroke-dasharray="6 4"' if step.is_answer else ""
    yield (
        f'<line x1="{start}" y1="{height}" x2="{end}" y2="{height}" stroke="{colour}" '
        f'stroke-width="2"{dashes}/>'
    )
    back = end - _HEAD if end > start else end + _HEAD
    points = f"{end},{height} {back},{height - 4} {back},{height + 4}"
    yield f'<polygon points="{points}" fill="{colour}"/>'
