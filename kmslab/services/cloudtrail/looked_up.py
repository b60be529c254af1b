"""An event as LookupEvents shows it, and the eight attributes by which it is found.

Names are what people search for: the user, the key, the bucket, the trail. What was touched stands
in the event or, where a service tells no ARNs, in its request (CloudTrail User Guide, "Working with
CloudTrail event history").
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kmslab.services.cloudtrail import refusals
from kmslab.store.events import Event

Matches = Callable[[Event], bool]

# Source → request parameter → the kind of thing that it names.
_NAMED: Mapping[str, Mapping[str, str]] = {
    "cloudtrail.amazonaws.com": {
        "name": "AWS::CloudTrail::Trail",
        "trailName": "AWS::CloudTrail::Trail",
        "resourceId": "AWS::CloudTrail::Trail",
        "s3BucketName": "AWS::S3::Bucket",
        "kmsKeyId": "AWS::KMS::Key",
    },
    "iam.amazonaws.com": {
        "userName": "AWS::IAM::User",
        "roleName": "AWS::IAM::Role",
        "policyArn": "AWS::IAM::Policy",
        "policyName": "AWS::IAM::Policy",
        "accessKeyId": "AWS::IAM::AccessKey",
    },
    "s3.amazonaws.com": {"bucketName": "AWS::S3::Bucket"},
}


def looked_up(event: Event) -> dict[str, Any]:
    """Event, as LookupEvents answers it."""
    record = event.as_record()
    told = {"Username": user_name(event), "AccessKeyId": event.identity.get("accessKeyId")}
    return {
        "EventId": event.event_id,
        "EventName": event.name,
        "ReadOnly": _read_only(event),
        "EventTime": int(event.time),
        "EventSource": event.source,
        "Resources": [
            {"ResourceType": kind, "ResourceName": name} for kind, name in resources(event)
        ],
        "CloudTrailEvent": json.dumps(record, separators=(",", ":")),
        **{name: value for name, value in told.items() if value},
    }


def matcher(attribute: str, value: str) -> Matches:
    """Whether an event has this attribute. Raises InvalidLookupAttributesException for a ReadOnly
    that is neither true nor false."""
    if attribute == "ReadOnly" and value not in ("true", "false"):
        raise refusals.invalid_lookup_attributes(
            f"The attribute ReadOnly is true or false, not {value}."
        )
    if attribute == "ResourceType":
        return lambda event: any(kind == value for kind, _ in resources(event))
    if attribute == "ResourceName":
        return lambda event: value in event.resources or value in _named_in(event)
    read = _ATTRIBUTES[attribute]
    return lambda event: read(event) == value


def user_name(event: Event) -> str:
    """The user, the session of a role, or "root"; "" for services and other accounts' callers."""
    identity = event.identity
    kind = identity.get("type")
    if kind == "Root":
        return "root"
    if kind == "AssumedRole":
        return str(identity["principalId"]).partition(":")[2]
    return str(identity.get("userName", ""))


def resources(event: Event) -> list[tuple[str, str]]:
    """Kind and name of each thing that `event` refers to, each once."""
    record = event.as_record() if event.resources else {}
    told = [(each["type"], each["ARN"]) for each in record.get("resources", ())]
    told += [(kind, name) for name, kind in _named_in(event).items()]
    return list(dict.fromkeys(told))


def _named_in(event: Event) -> dict[str, str]:
    """What the request of `event` names, and its kind."""
    kinds, given = _NAMED.get(event.source), event.parameters
    if not kinds or not given:
        return {}
    named = ((given.get(parameter), kind) for parameter, kind in kinds.items())
    return {name: kind for name, kind in named if name and isinstance(name, str)}


def _read_only(event: Event) -> str:
    return "true" if event.read_only else "false"


_ATTRIBUTES: Mapping[str, Callable[[Event], str]] = {
    "EventId": lambda event: event.event_id,
    "EventName": lambda event: event.name,
    "EventSource": lambda event: event.source,
    "ReadOnly": _read_only,
    "Username": user_name,
    "AccessKeyId": lambda event: str(event.identity.get("accessKeyId", "")),
}
