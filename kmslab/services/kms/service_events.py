"""What KMS does on its own to a key, as CloudTrail records it: an AwsServiceEvent.

Nobody called, so there is no principal and no request (CloudTrail User Guide, "userIdentity
element"; KMS Developer Guide, "RotateKey", "DeleteKey").
"""

from typing import Any

from kmslab.sources import RandomBytes, uuid_text
from kmslab.store.events import Event
from kmslab.store.records import KmsKey


def service_event(
    name: str, kms_key: KmsKey, when: float, random: RandomBytes, details: dict[str, Any]
) -> Event:
    """The event `name` about `kms_key`; `details` become its serviceEventDetails."""
    return Event(
        event_id=uuid_text(random(16)),
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
        additional=details,
        resources=(kms_key.arn,),
        kind="AwsServiceEvent",
    )
