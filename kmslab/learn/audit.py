"""The audit trail as a table: one row per event, in the words of CloudTrail's records.

Why a call was allowed or denied is in no record; whoever may look into the lab can ask it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas

from kmslab.access.decision import Decision

Decisions = Callable[[str], Sequence[Decision]]


def audit_table(
    events: Iterable[Mapping[str, Any]], why: Decisions | None = None
) -> pandas.DataFrame:
    """A row for each event of `lab.events()`: when, who, which call, on what, and the outcome.

    `key` shows the first block of a key id; `context` the encryption context, which CloudTrail
    records in clear (of ReEncrypt the old one and the new one). With `lab.decisions` for `why`
    another column says what decided about the call, of several things the last; it is empty
    where nobody knows any more.
    """
    columns = ["time", "who", "call", "key", "context", "outcome"]
    recorded = list(events)
    table = pandas.DataFrame([_row(event) for event in recorded], columns=columns)
    if why is not None:
        table["why"] = [_because(why(event.get("requestID", ""))) for event in recorded]
    return table


def _row(event: Mapping[str, Any]) -> list[str]:
    return [
        event["eventTime"][11:19],
        _who(event["userIdentity"]),
        event["eventName"],
        ", ".join(_short(resource["ARN"]) for resource in event.get("resources", ())),
        _contexts(event["requestParameters"] or {}),
        event.get("errorCode", "ok"),
    ]


def _who(identity: Mapping[str, Any]) -> str:
    """A user's name, of a role's session both names, or the service that calls for itself."""
    if "userName" in identity:
        return str(identity["userName"])
    if "arn" in identity:
        return str(identity["arn"]).split(":", 5)[5].removeprefix("assumed-role/")
    return str(identity.get("invokedBy", ""))


def _because(decisions: Sequence[Decision]) -> str:
    return decisions[-1].because if decisions else ""


def _contexts(parameters: Mapping[str, Any]) -> str:
    members = ("encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext")
    shown = [parameters[member] for member in members if member in parameters]
    pairs = [", ".join(f"{name}={value}" for name, value in each.items()) for each in shown]
    return " → ".join(pairs)


def _short(arn: str) -> str:
    resource = arn.split(":", 5)[5]
    return resource.removeprefix("key/").partition("-")[0] if "key/" in arn else resource
