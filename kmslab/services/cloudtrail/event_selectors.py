"""The selectors of a trail: put, shown, and checked as AWS checks them.

A trail has basic selectors or advanced ones, never both; one that was given none tells of all
management events (API Reference, "PutEventSelectors"). What they select is known elsewhere
(`selection`).
"""

import json
from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.advanced_selectors import (
    EXCLUDABLE_SOURCES,
    check_advanced_selectors,
)
from kmslab.services.cloudtrail.settling import settled
from kmslab.services.cloudtrail.trail_names import find_trail, find_trail_to_change
from kmslab.store.trail_records import Trail

MOST_SELECTORS, MOST_DATA_RESOURCES = 5, 250

# Of AWS's three types of data resource this lab has one. The others select what never happens here.
_ALL_OF = {
    "AWS::S3::Object": "arn:aws:s3",
    "AWS::Lambda::Function": "arn:aws:lambda",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb",
}
_DEFAULTS: dict[str, Any] = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


def put_event_selectors(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html

    Raises InvalidEventSelectorsException for selectors that AWS does not take.
    """
    call.begin_change()
    trail = find_trail_to_change(call, call.parameters["TrailName"])
    basic, advanced = _asked_selectors(call.parameters)
    trail = replace(settled(call, trail), event_selectors=basic, advanced_event_selectors=advanced)
    call.put(trail)
    call.tells_its_output = True
    return _told(trail)


def get_event_selectors(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html"""
    return _told(find_trail(call, call.parameters["TrailName"]))


def _told(trail: Trail) -> dict[str, Any]:
    if trail.advanced_event_selectors:
        shown = {"AdvancedEventSelectors": json.loads(trail.advanced_event_selectors)}
    else:
        put = json.loads(trail.event_selectors or "[]")
        shown = {"EventSelectors": put or [_DEFAULTS]}
    return {"TrailARN": trail.arn, **shown}


def _asked_selectors(asked: dict[str, Any]) -> tuple[str, str]:
    """Basic and advanced selectors as the text that is kept, one of them ""."""
    basic, advanced = asked.get("EventSelectors"), asked.get("AdvancedEventSelectors")
    if (basic is None) == (advanced is None):
        raise refusals.invalid_selectors(
            "Specify either EventSelectors or AdvancedEventSelectors, and not both."
        )
    if advanced is not None:
        check_advanced_selectors(advanced)
        return "", json.dumps(advanced)
    selectors = [{**_DEFAULTS, **selector} for selector in basic or ()]
    _check_basic_selectors(selectors)
    return json.dumps(selectors), ""


def _check_basic_selectors(selectors: list[dict[str, Any]]) -> None:
    if not 1 <= len(selectors) <= MOST_SELECTORS:
        raise refusals.invalid_selectors(
            f"A trail has 1 to {MOST_SELECTORS} event selectors, not {len(selectors)}."
        )
    count = sum(_check_basic_selector(selector) for selector in selectors)
    if count > MOST_DATA_RESOURCES:
        raise refusals.invalid_selectors(
            f"A trail has at most {MOST_DATA_RESOURCES} data resources in all its event "
            f"selectors, not {count}."
        )


def _check_basic_selector(selector: dict[str, Any]) -> int:
    """The number of its data resources that count."""
    for source in selector["ExcludeManagementEventSources"]:
        if source not in EXCLUDABLE_SOURCES:
            raise refusals.invalid_selectors(
                f"Value {source} for ExcludeManagementEventSources is invalid."
            )
    includes_management = selector["IncludeManagementEvents"]
    if selector["ExcludeManagementEventSources"] and not includes_management:
        raise refusals.invalid_selectors(
            "Only a selector that includes management events can exclude sources of them."
        )
    if not (includes_management or selector["DataResources"]):
        raise refusals.invalid_selectors(
            "An event selector must include management events or name data resources."
        )
    return sum(_check_data_resource(resource) for resource in selector["DataResources"])


def _check_data_resource(resource: dict[str, Any]) -> int:
    kind, values = resource.get("Type", ""), resource.get("Values", [])
    if kind not in _ALL_OF:
        raise refusals.invalid_selectors(f"Value {kind} for DataResources.Type is invalid.")
    if not values:
        raise refusals.invalid_selectors(f"DataResources of type {kind} name no values.")
    for value in values:
        if not _is_value_of(kind, value):
            raise refusals.invalid_data_resource(value)
    # AWS does not count what means all resources of a kind.
    return sum(value not in (_ALL_OF[kind], "arn:aws:s3:::") for value in values)


def _is_value_of(kind: str, value: str) -> bool:
    """All of a kind; for S3 also a bucket with a slash behind it and, if need be, the beginning of
    object keys; for the others an ARN."""
    if value == _ALL_OF[kind]:
        return True
    if "*" in value:
        return False
    if kind != "AWS::S3::Object":
        return value.startswith(f"{_ALL_OF[kind]}:")
    bucket_name, slash, _ = value.removeprefix("arn:aws:s3:::").partition("/")
    return value == "arn:aws:s3:::" or (
        value.startswith("arn:aws:s3:::") and bool(bucket_name and slash)
    )
