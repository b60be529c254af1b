"""A request to S3 as a sequence diagram: lifelines, and an arrow for each step.

SVG as text, the same bytes for the same steps, with nothing in it from elsewhere. Who refuses is
marked ✗, an answer is dashed: the colour only repeats it. Long details are cut; the list of steps
beside the drawing has them whole. What the steps mean is not known here.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from kmslab.learn.widgets import look
from kmslab.learn.widgets.s3_steps import CALLER, DISK, KMS, S3, Exchange, Step

WIDTH = 430
_PLACES = {CALLER: 38, S3: 140, KMS: 276, DISK: 392}
_TOP, _LINE, _GAP, _HEAD = 40, 16, 20, 7
_HEADING, _DETAIL = 'font-weight="600"', 'font-size="12"'
# The width of a letter of either, rather more than less.
_HEADING_LETTER, _DETAIL_LETTER = 7.4, 6.7
_COLOUR = "var(--jp-content-font-color1, #222222)"
_PAPER = "var(--jp-layout-color1, #ffffff)"
_FONT = "font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px"


def drawing(exchange: Exchange) -> str:
    """The diagram of `exchange`, as an SVG element."""
    lifelines = [name for name in _PLACES if name != DISK or _concerns(exchange.steps, DISK)]
    marks, bottom = [], _TOP
    for number, step in enumerate(exchange.steps, start=1):
        mark, bottom = _step(number, step, bottom)
        marks.append(mark)
    height = bottom + _GAP
    heads = "".join(_lifeline(name, height) for name in lifelines)
    words = f"<title>{escape(exchange.title)}</title><desc>{escape(_told(exchange))}</desc>"
    label = escape(f"Sequence diagram. {exchange.title}. {_told(exchange)}")
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height}" '
        f'style="width: 100%; max-width: {WIDTH + 50}px; height: auto; {_FONT}" '
        f'xmlns="http://www.w3.org/2000/svg">{words}{heads}{"".join(marks)}</svg>'
    )


def marked(step: Step) -> str:
    """The words of a step, with a mark where it answers."""
    if not step.is_answer:
        return step.words
    return f"✗ {step.words}" if step.error_code else f"✓ {step.words}"


def _told(exchange: Exchange) -> str:
    return "; ".join(
        f"{step.origin} to {step.target}: {marked(step)}"
        if step.origin != step.target
        else f"{step.origin}: {step.words}"
        for step in exchange.steps
    )


def _concerns(steps: Sequence[Step], lifeline: str) -> bool:
    return any(lifeline in (step.origin, step.target) for step in steps)


# --- The parts ----------------------------------------------------------------------------


def _lifeline(name: str, height: int) -> str:
    place = _PLACES[name]
    return (
        f'<rect x="{place - 32}" y="4" width="64" height="24" rx="3" fill="{_PAPER}" '
        f'stroke="{_COLOUR}"/>'
        f'<text x="{place}" y="21" text-anchor="middle" fill="{_COLOUR}" '
        f'font-weight="600">{name}</text>'
        f'<line x1="{place}" y1="28" x2="{place}" y2="{height}" stroke="{_COLOUR}" '
        f'stroke-opacity="0.45" stroke-dasharray="2 3"/>'
    )


def _step(number: int, step: Step, top: int) -> tuple[str, int]:
    """A step below `top`, and where it ends."""
    start, end = _PLACES[step.origin], _PLACES[step.target]
    left, baseline = min(start, end) + 8, top + _GAP
    texts = [_text(_cut(f"{number} {marked(step)}", left), left, baseline, _HEADING)]
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
        first, *more = textwrap.wrap(detail, room, subsequent_indent="  ", break_on_hyphens=False)
        yield first
        if more:
            yield more[0] if len(more) == 1 else f"{more[0][: room - 1]}…"


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
