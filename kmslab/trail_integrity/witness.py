"""What CloudTrail itself says of a trail: where it delivers, its status, its past, and the hour.

None of it lies in the bucket. The bucket's owner may be refused parts of it; what could not be
asked is noted, since something then cannot be judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from kmslab.trail_integrity.names import TrailName
from kmslab.trail_integrity.signatures import InRegion
from kmslab.trail_integrity.timeline import TELLING_EVENTS, Change, Timeline, change_of
from kmslab.trail_integrity.times import LONG_AGO

Trail = Mapping[str, Any]
Status = Mapping[str, Any]


@dataclass
class Testimony:
    """What CloudTrail said. `now` is the hour there, `trail` None where it is gone; `refused` holds
    sentences on what could not be asked."""

    now: datetime
    trail: Trail | None
    status: Status
    timeline: Timeline
    refused: list[str] = field(default_factory=list)


def testimony(cloudtrail: Any, trail: TrailName) -> Testimony:
    """Ask a client of the trail's home Region whatever its caller may ask."""
    refused: list[str] = []
    trails = _asked(refused, "DescribeTrails", lambda: _trails(cloudtrail)) or []
    found = next((each for each in trails if each.get("TrailARN") == trail.arn), None)
    status: Status = {}
    if found:
        status = _asked(refused, "GetTrailStatus", lambda: status_of(cloudtrail, trail)) or {}
    history = _asked(refused, "LookupEvents", lambda: _history(cloudtrail, trail))
    newest = _asked([], "LookupEvents", lambda: _newest_event(cloudtrail))
    now = _hour(newest, status)
    return Testimony(now, found, status, _timeline(found, status, history), refused)


def status_of(cloudtrail: Any, trail: TrailName) -> Status:
    """Raises ClientError."""
    status: Status = cloudtrail.get_trail_status(Name=trail.arn)
    return status


def latest_digest(status: Status) -> datetime:
    """When CloudTrail last delivered a digest of the trail in a Region."""
    when: datetime = status.get("LatestDigestDeliveryTime") or LONG_AGO
    return when


def other_trails(in_region: InRegion, region: str, trail: TrailName) -> list[Trail]:
    """The other trails that may deliver into the folders of `region`. Raises ClientError."""
    return [each for each in _trails(in_region(region)) if each.get("TrailARN") != trail.arn]


# --- Asking -------------------------------------------------------------------------------


def _asked(refused: list[str], operation: str, ask: Any) -> Any:
    """The answer, or None where the caller may not ask."""
    try:
        return ask()
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        refused.append(f"{operation} was refused ({code}): {_WITHOUT[operation]}")
        return None


_WITHOUT = {
    "DescribeTrails": "whether the trail is there, and what else delivers here, is not known.",
    "GetTrailStatus": "when the trail last delivered a digest is not known.",
    "LookupEvents": "when logging or validation was switched on or off is not known.",
}


def _trails(cloudtrail: Any) -> list[Trail]:
    trails: list[Trail] = cloudtrail.describe_trails()["trailList"]
    return trails


def _history(cloudtrail: Any, trail: TrailName) -> list[Change]:
    """What the event history tells of the trail: it keeps 90 days."""
    changes = []
    for event_name in TELLING_EVENTS:
        attribute = {"AttributeKey": "EventName", "AttributeValue": event_name}
        pages = cloudtrail.get_paginator("lookup_events").paginate(LookupAttributes=[attribute])
        events = [event for page in pages for event in page["Events"]]
        # The newest comes first.
        changes += [change_of(event, trail) for event in reversed(events)]
    return [change for change in changes if change]


def _newest_event(cloudtrail: Any) -> datetime | None:
    events = cloudtrail.lookup_events(MaxResults=1)["Events"]
    return events[0]["EventTime"] if events else None


# --- Concluding ---------------------------------------------------------------------------


def _hour(newest: datetime | None, status: Status) -> datetime:
    """The newest thing that CloudTrail tells of. This machine's clock is asked only where it tells
    nothing: a lab's clock is another one."""
    members = ("LatestDeliveryTime", "LatestDigestDeliveryTime", "StartLoggingTime")
    told = [status[member] for member in members if status.get(member)]
    moments: list[datetime] = [newest or datetime.now(UTC), *told]
    return max(moments)


def _timeline(trail: Trail | None, status: Status, history: list[Change] | None) -> Timeline:
    changes = [*(history or []), *_changes_of(status)]
    before = Change(LONG_AGO)
    if history and min(history, key=lambda change: change.when).is_creation:
        # There was no such trail before.
        before = Change(LONG_AGO, False, False, False)
    elif trail:
        # What nobody changed within memory is what it is today.
        validating = trail.get("LogFileValidationEnabled", False)
        multi_region = trail.get("IsMultiRegionTrail", False)
        if all(change.is_validating is None for change in changes):
            before = before._replace(is_validating=validating)
        if all(change.is_multi_region is None for change in changes):
            before = before._replace(is_multi_region=multi_region)
    return Timeline(changes, before)


def _changes_of(status: Status) -> list[Change]:
    """The last start and the last stop, of which the later one still holds."""
    started, stopped = status.get("StartLoggingTime"), status.get("StopLoggingTime")
    changes = [Change(started, is_logging=True)] if started else []
    if stopped and not status.get("IsLogging"):
        changes.append(Change(stopped, is_logging=False))
    return changes
