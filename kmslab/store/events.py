"""What happened: one event per call, and its shape as CloudTrail records it.

An event is kept as it was noted, small and flat; `as_record` writes it out as the JSON object
of the CloudTrail User Guide ("CloudTrail record contents"). Nothing here decides what
may be noted: the door leaves secrets out before an event is made.
"""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_type_hints

from kmslab.store.stored_members import check, fitting, members_of, tuples

EVENT_VERSION = "1.11"


class Event(NamedTuple):
    """One call. `time` is seconds since 1970; `identity` is CloudTrail's userIdentity."""

    event_id: str
    request_id: str | None
    time: float
    account: str
    region: str
    source: str
    name: str
    identity: dict[str, Any]
    source_ip: str
    user_agent: str
    read_only: bool
    parameters: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    additional: dict[str, Any] | None = None
    resources: tuple[str, ...] = ()
    error_code: str = ""
    error_message: str = ""
    kind: str = "AwsApiCall"
    # Of the two events of one call across accounts.
    shared_id: str = ""
    # What happens to the contents of a resource is a Data event.
    category: str = "Management"
    # The account of resources whose ARN does not say it.
    owner: str = ""

    def as_record(self) -> dict[str, Any]:
        """The event as CloudTrail's JSON object, members in the guide's order."""
        record: dict[str, Any] = {
            "eventVersion": EVENT_VERSION,
            "userIdentity": _copied(self.identity),
            "eventTime": iso_time(self.time),
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.source_ip,
            "userAgent": self.user_agent,
        }
        if self.error_code:
            record["errorCode"] = self.error_code
            if self.error_message:
                record["errorMessage"] = self.error_message
        record["requestParameters"] = _copied(self.parameters)
        record["responseElements"] = _copied(self.response)
        if self.additional:
            service_event = self.kind == "AwsServiceEvent"
            name = "serviceEventDetails" if service_event else "additionalEventData"
            record[name] = _copied(self.additional)
        if self.request_id:
            record["requestID"] = self.request_id
        record["eventID"] = self.event_id
        record["readOnly"] = self.read_only
        # KMS names what was concerned even where that is nothing.
        if self.resources or self.source == "kms.amazonaws.com":
            record["resources"] = [_resource(arn, self.owner) for arn in self.resources]
        record["eventType"] = self.kind
        record["managementEvent"] = self.category == "Management"
        record["recipientAccountId"] = self.account
        if self.shared_id:
            record["sharedEventID"] = self.shared_id
        record["eventCategory"] = self.category
        return record


_TYPES = tuple((name, fitting(hint)) for name, hint in get_type_hints(Event).items())


def encode_event(event: Event) -> str:
    return json.dumps(event, separators=(",", ":"))


def decode_event(text: str) -> Event:
    noted = Event(*members_of(text))
    noted = noted._replace(resources=tuples(noted.resources))
    check(noted, _TYPES)
    return noted


def iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _copied(value: Any) -> Any:
    """So that who changes a record does not change what happened."""
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(member) for member in value] if isinstance(value, list) else value


def _resource(arn: str, owner: str) -> dict[str, str]:
    if arn.startswith("arn:aws:s3:::"):
        if "/" in arn:
            # Of an object CloudTrail tells no account.
            return {"type": "AWS::S3::Object", "ARN": arn}
        told = {"accountId": owner} if owner else {}
        return {**told, "type": "AWS::S3::Bucket", "ARN": arn}
    kind = "AWS::KMS::Alias" if ":alias/" in arn else "AWS::KMS::Key"
    if ":iam:" in arn:
        kind = "AWS::IAM::Role"
    return {"accountId": arn.split(":", 5)[4], "type": kind, "ARN": arn}
