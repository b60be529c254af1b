"""GetKeyLastUsage: is this key still needed by anybody?

What is told is the last successful cryptographic operation since the key was made; the lab saw all
of them (KMS API Reference, "GetKeyLastUsage"). A policy may ask for days without any before a key
can be disabled or scheduled for deletion.
"""

from typing import Any

from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.sources import DAY
from kmslab.store.records import KmsKey

ENDINGS = frozenset({"DisableKey", "ScheduleKeyDeletion"})


def get_key_last_usage(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html"""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    event = call.store.last_usages.of(kms_key.arn, kms_key.creation_date)
    usage: dict[str, Any] = {}
    if event:
        usage = {
            "Operation": event.name,
            "Timestamp": event.time,
            "CloudTrailEventId": event.event_id,
            "KmsRequestId": event.request_id,
        }
    return {
        "KeyId": kms_key.arn,
        "KeyLastUsage": usage,
        "TrackingStartDate": kms_key.creation_date,
        "KeyCreationDate": kms_key.creation_date,
    }


def note_days_without_usage(call: Call, kms_key: KmsKey) -> None:
    """For the condition kms:TrailingDaysWithoutKeyUsage of the operations in ENDINGS: whole days
    since the last use, or since the key was made where there was none."""
    event = call.store.last_usages.of(kms_key.arn, kms_key.creation_date)
    since = event.time if event else kms_key.creation_date
    days = max(0, int((call.now - since) // DAY))
    call.more_context["kms:trailingdayswithoutkeyusage"] = str(days)
