"""Which events a trail tells of.

Region, global services and account come first, then the trail's selectors: an event that any of
them matches is told (API Reference, "EventSelector", "AdvancedFieldSelector"). Every event is asked
about for every trail, so selectors are read from their text once. What may stand in a selector is
checked elsewhere (`event_selectors`).
"""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from kmslab.store.events import Event
from kmslab.store.trail_records import Trail

Selector = Callable[[Event], bool]

GLOBAL_REGION = "us-east-1"
_GLOBAL_SOURCES = frozenset({"iam.amazonaws.com", "sts.amazonaws.com"})
_S3_ARN = "arn:aws:s3:::"


def selects(trail: Trail, event: Event) -> bool:
    """Whether `trail` tells of `event`, by its settings as they are."""
    if event.account != trail.account:
        return False
    if event.region != trail.region and not trail.is_multi_region:
        return False
    if not trail.includes_global_events and _is_global(event):
        return False
    return _reader(trail.event_selectors, trail.advanced_event_selectors)(event)


def _is_global(event: Event) -> bool:
    return event.region == GLOBAL_REGION and event.source in _GLOBAL_SOURCES


@lru_cache(maxsize=1024)
def _reader(event_selectors: str, advanced_event_selectors: str) -> Selector:
    """The function that these selectors are."""
    if advanced_event_selectors:
        found = [_advanced(selector) for selector in json.loads(advanced_event_selectors)]
    elif event_selectors:
        found = [_basic(selector) for selector in json.loads(event_selectors)]
    else:
        return _is_management
    return found[0] if len(found) == 1 else lambda event: any(each(event) for each in found)


def _is_management(event: Event) -> bool:
    return event.category == "Management"


# --- Basic selectors ----------------------------------------------------------------------


def _basic(selector: dict[str, Any]) -> Selector:
    reads = selector["ReadWriteType"] != "WriteOnly"
    writes = selector["ReadWriteType"] != "ReadOnly"
    includes_management: bool = selector["IncludeManagementEvents"]
    excluded = frozenset(selector["ExcludeManagementEventSources"])
    prefixes = tuple(
        value
        for resource in selector["DataResources"]
        if resource["Type"] == "AWS::S3::Object"
        for value in resource["Values"]
    )

    def matches(event: Event) -> bool:
        if not (reads if event.read_only else writes):
            return False
        if event.category == "Management":
            return includes_management and event.source not in excluded
        return bool(prefixes) and any(arn.startswith(prefixes) for arn in object_arns(event))

    return matches


def object_arns(event: Event) -> list[str]:
    """The objects that a data event is about; where it is about none, such as a list of objects,
    all in the bucket."""
    in_s3 = [arn for arn in event.resources if arn.startswith(_S3_ARN)]
    return [arn for arn in in_s3 if "/" in arn] or [f"{arn}/" for arn in in_s3]


# --- Advanced selectors -------------------------------------------------------------------

_FIELDS: dict[str, Callable[[Event], Iterable[str]]] = {
    "eventCategory": lambda event: (event.category,),
    "eventName": lambda event: (event.name,),
    "eventSource": lambda event: (event.source,),
    "eventType": lambda event: (event.kind,),
    "readOnly": lambda event: ("true" if event.read_only else "false",),
    "resources.ARN": object_arns,
    "resources.type": lambda event: ("AWS::S3::Object",) if object_arns(event) else (),
    "userIdentity.arn": lambda event: (event.identity.get("arn", ""),),
}


def _advanced(selector: dict[str, Any]) -> Selector:
    conditions = [_condition(field) for field in selector["FieldSelectors"]]
    return lambda event: all(holds(event) for holds in conditions)


def _condition(field: dict[str, Any]) -> Selector:
    """User Guide, "How CloudTrail evaluates multiple conditions for a field": one of the operators
    that select must hold, and all of those that deselect."""
    values_of = _FIELDS[field["Field"]]
    selecting, deselecting = _test_of(field, ""), _test_of(field, "Not")

    def holds(event: Event) -> bool:
        values = values_of(event)
        if selecting and not any(selecting(value) for value in values):
            return False
        return not (deselecting and any(deselecting(value) for value in values))

    return holds


def _test_of(field: dict[str, Any], negation: str) -> Callable[[str], bool] | None:
    """Whether a value is one of those that the field's operators name; None without operators."""
    equal = frozenset(field.get(f"{negation}Equals", ()))
    heads = tuple(field.get(f"{negation}StartsWith", ()))
    tails = tuple(field.get(f"{negation}EndsWith", ()))
    if not (equal or heads or tails):
        return None
    return lambda value: value in equal or value.startswith(heads) or value.endswith(tails)
