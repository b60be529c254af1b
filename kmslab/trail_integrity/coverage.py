"""The hours that no digest is about, though the trail logged and validated then.

A chain shows what was taken out of its middle. What was cut off its end, or taken away whole, shows
only against the hours that must be there. Where nobody can tell whether they must, that is said.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kmslab.trail_integrity.timeline import Piece, Timeline
from kmslab.trail_integrity.times import HOUR, ROUNDING, Span, holes, later

# A digest of an hour is there within the next one.
_PATIENCE = HOUR
# The first digest may begin a little after logging did.
_LATE_START = timedelta(minutes=15)


class Hole(NamedTuple):
    """A time without digests. `next_end` is when the digest would have ended that is missing first;
    `doubt` says why there may have been none, "" where nobody doubts it."""

    span: Span
    next_end: datetime
    doubt: str


def uncovered(
    timeline: Timeline,
    whole: Span,
    digests: Iterable[Span],
    is_home: bool,
    now: datetime,
    latest_digest: datetime,
) -> list[Hole]:
    """The holes between `digests`. An hour is not missed before its digest is due: an hour after
    its end, or when CloudTrail says that it has delivered a digest since (`latest_digest`)."""
    covered = list(digests)
    found: list[Hole] = []
    for piece in timeline.pieces(whole, is_home):
        if piece.must_be_covered is not False:
            ends_here = piece.span.ends < whole.ends or (
                timeline.must_be_covered(whole.ends, is_home) is False
            )
            found += _holes_in(piece, covered, is_home, ends_here)
    return [hole for hole in found if _is_due(hole, now, latest_digest)]


def _holes_in(piece: Piece, covered: list[Span], is_home: bool, ends_here: bool) -> Iterator[Hole]:
    """`ends_here`: with `piece` the time ends that must be covered."""
    for span in holes(piece.span, covered):
        is_first = span.begins == piece.span.begins
        is_last = span.ends == piece.span.ends
        # A first digest may begin late.
        if span.length <= (_LATE_START if is_first and not is_last else ROUNDING):
            continue
        next_end = later(span.begins, HOUR)
        if ends_here or not is_last:
            next_end = min(next_end, span.ends)
        doubt = ""
        if piece.must_be_covered is None:
            doubt = "whether the trail logged and validated then is not known"
        elif is_first and not is_home:
            doubt = "outside of its home Region a trail may begin later"
        yield Hole(span, next_end, doubt)


def _is_due(hole: Hole, now: datetime, latest_digest: datetime) -> bool:
    return now >= later(hole.next_end, _PATIENCE) or later(latest_digest, ROUNDING) >= hole.next_end
