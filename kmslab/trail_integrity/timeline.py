"""When a trail logged and validated: the hours that digests must cover, as far as anybody knows.

It is put together from the status of the trail and from the event history, which lie with
CloudTrail and not in the bucket, so that whoever empties a bucket does not change them. Nothing is
asked and nothing judged here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from kmslab.trail_integrity.names import TrailName
from kmslab.trail_integrity.times import Span

# Of two events in the same second, the one that is named first here came first.
TELLING_EVENTS = ("CreateTrail", "UpdateTrail", "StartLogging", "StopLogging", "DeleteTrail")


class Change(NamedTuple):
    """What became of a trail at a moment; None is what stayed as it was."""

    when: datetime
    is_logging: bool | None = None
    is_validating: bool | None = None
    is_multi_region: bool | None = None
    is_creation: bool = False


class Piece(NamedTuple):
    """A span of time, and whether digests must cover it; None where nobody can tell."""

    span: Span
    must_be_covered: bool | None


class Timeline:
    """The changes of a trail, and what it was before the first of them (`before`)."""

    def __init__(self, changes: Iterable[Change], before: Change) -> None:
        self._changes = [before, *sorted(changes, key=lambda change: change.when)]

    def pieces(self, whole: Span, is_home: bool) -> Iterator[Piece]:
        """`whole`, cut where something changed. Outside the home Region a trail must be a
        multi-Region trail as well."""
        if whole.begins >= whole.ends:
            return
        cuts = {each.when for each in self._changes if whole.begins < each.when < whole.ends}
        moments = [whole.begins, *sorted(cuts), whole.ends]
        joined: list[Piece] = []
        for begins, ends in pairwise(moments):
            piece = Piece(Span(begins, ends), self.must_be_covered(begins, is_home))
            if joined and joined[-1].must_be_covered == piece.must_be_covered:
                piece = piece._replace(span=Span(joined.pop().span.begins, ends))
            joined.append(piece)
        yield from joined

    def is_validating(self, moment: datetime) -> bool | None:
        return self._latest("is_validating", moment)

    def must_be_covered(self, moment: datetime, is_home: bool) -> bool | None:
        """Whether a digest must be about what follows `moment`."""
        states = [self._latest("is_logging", moment), self._latest("is_validating", moment)]
        if not is_home:
            states.append(self._latest("is_multi_region", moment))
        if False in states:
            return False
        return None if None in states else True

    def _latest(self, member: str, moment: datetime) -> bool | None:
        told = [getattr(each, member) for each in self._changes if each.when <= moment]
        known: list[bool] = [value for value in told if value is not None]
        return known[-1] if known else None


def change_of(event: Mapping[str, Any], trail: TrailName) -> Change | None:
    """What an event of LookupEvents tells of `trail`: None where it is about another one, or where
    the call was refused."""
    try:
        record = json.loads(event["CloudTrailEvent"])
        asked = record["requestParameters"] or {}
        if record.get("errorCode") or asked.get("name") not in (trail.arn, trail.trail_name):
            return None
        return _change(event["EventName"], event["EventTime"], asked)
    except (ValueError, KeyError, TypeError, AttributeError):
        # A record without these members tells nothing.
        return None


def _change(event_name: str, when: datetime, asked: Mapping[str, Any]) -> Change:
    match event_name:
        case "StartLogging":
            return Change(when, is_logging=True)
        case "StopLogging":
            return Change(when, is_logging=False)
        case "DeleteTrail":
            return Change(when, is_logging=False, is_validating=False)
    validating, multi_region = asked.get("enableLogFileValidation"), asked.get("isMultiRegionTrail")
    if event_name == "CreateTrail":
        return Change(when, False, bool(validating), bool(multi_region), is_creation=True)
    return Change(when, None, validating, multi_region)
