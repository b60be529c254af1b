"""Moments and spans of time, as CloudTrail writes them and as people read them.

All of them are aware datetimes in UTC. What happened in a span is not known here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOUR = timedelta(hours=1)
# CloudTrail writes whole seconds, and an event's second may be the one before or after a digest's.
ROUNDING = timedelta(seconds=2)
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


class Span(NamedTuple):
    """From `begins` until `ends`."""

    begins: datetime
    ends: datetime

    @property
    def length(self) -> timedelta:
        return self.ends - self.begins

    def __str__(self) -> str:
        return f"{shown(self.begins)} to {shown(self.ends)}"


def shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """The time that a digest spells. Raises ValueError for any other spelling."""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if shown(moment) != text:
        raise ValueError(f"not a time as CloudTrail writes it: {text!r}")
    return moment


def parse_stamp(text: str) -> datetime | None:
    """The time in an object's name, None where the digits are no time."""
    layout = "%Y%m%dT%H%M%SZ" if len(text) == 16 else "%Y%m%dT%H%MZ"
    try:
        return datetime.strptime(text, layout).replace(tzinfo=UTC)
    except ValueError:
        return None


def later(moment: datetime, step: timedelta) -> datetime:
    """`step` after `moment`, or the end of the calendar."""
    try:
        return moment + step
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def earlier(moment: datetime, step: timedelta) -> datetime:
    """`step` before `moment`, or as long ago as anybody asks for."""
    return max(moment, LONG_AGO + step) - step


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as there can be, oldest first."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.begins <= result[-1].ends:
            result[-1] = Span(result[-1].begins, max(result[-1].ends, span.ends))
        else:
            result.append(span)
    return result


def holes(whole: Span, covered: Iterable[Span]) -> list[Span]:
    """What of `whole` lies in no span of `covered`."""
    result, reached = [], whole.begins
    for span in merged(covered):
        if reached < span.begins and reached < whole.ends:
            result.append(Span(reached, min(span.begins, whole.ends)))
        reached = max(reached, span.ends)
    if reached < whole.ends:
        result.append(Span(reached, whole.ends))
    return result
