"""What KMS does on its own to a key, as CloudTrail records it.

Nobody called, so there is no principal (CloudTrail User Guide, "userIdentity element"; KMS
Developer Guide, "RotateKey", "DeleteKey", "SynchronizeMultiRegionKey"). Most of it is an
AwsServiceEvent, which has no request; SynchronizeMultiRegionKey is an AwsApiCall with one.
"""

from dataclasses import replace
from typing import Any

from kmslab.sources import RandomBytes, uuid_text
from kmslab.store.events import Event
from kmslab.store.records import KmsKey


def service_event(
    name: str, kms_key: KmsKey, when: float, random: RandomBytes, details: dict[str, Any]
) -> Event:
    """The event `name` about `kms_key`; `details` become its serviceEventDetails."""
    event = _own_event(name, kms_key, when, uuid_text(random(16)))
    return event._replace(additional=details, kind="AwsServiceEvent")


def synchronized(kms_key: KmsKey, when: float, random: RandomBytes) -> Event:
    """In the primary's Region: what related keys share was copied."""
    in_primary_region = replace(kms_key, region=kms_key.primary_region)
    event_id, request_id = (uuid_text(random(16)) for _ in range(2))
    event = _own_event("SynchronizeMultiRegionKey", in_primary_region, when, event_id)
    return event._replace(request_id=request_id, response={"keyId": in_primary_region.arn})


def _own_event(name: str, kms_key: KmsKey, when: float, event_id: str) -> Event:
    return Event(
        event_id=event_id,
        request_id=None,
        time=when,
        account=kms_key.account,
        region=kms_key.region,
        source="kms.amazonaws.com",
        name=name,
        identity={"accountId": kms_key.account, "invokedBy": "AWS Internal"},
        source_ip="AWS Internal",
        user_agent="AWS Internal",
        read_only=False,
        resources=(kms_key.arn,),
    )
