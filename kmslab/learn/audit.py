"""The audit trail as a table: one row per event, in the words of CloudTrail's records."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas


def audit_table(events: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """A row for each event of `lab.events()`: when, who, which call, on what, and the outcome.

    `key` shows the first block of a key id; `context` the encryption context, which CloudTrail
    records in clear (of ReEncrypt the old one and the new one).
    """
    columns = ["time", "who", "call", "key", "context", "outcome"]
    rows = [_row(event) for event in events]
    return pandas.DataFrame(rows, columns=columns)


def _row(event: Mapping[str, Any]) -> list[str]:
    identity = event["userIdentity"]
    return [
        event["eventTime"][11:19],
        identity.get("userName") or identity.get("invokedBy", ""),
        event["eventName"],
        ", ".join(_short(resource["ARN"]) for resource in event.get("resources", ())),
        _contexts(event["requestParameters"] or {}),
        event.get("errorCode", "ok"),
    ]


def _contexts(parameters: Mapping[str, Any]) -> str:
    members = ("encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext")
    shown = [parameters[member] for member in members if member in parameters]
    pairs = [", ".join(f"{name}={value}" for name, value in each.items()) for each in shown]
    return " → ".join(pairs)


def _short(arn: str) -> str:
    resource = arn.split(":", 5)[5]
    return resource.removeprefix("key/").partition("-")[0] if "key/" in arn else resource
