"""The calls that a widget makes: the key they name, AWS's words of refusal, what was recorded.

It reads what boto3 and the lab say, and neither calls nor shows anything itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError


def checked_key_id(key_id: str) -> str:
    """Said at once, since an error inside a button's click would reach nobody."""
    if not isinstance(key_id, str):
        raise TypeError(f"a key is named by a string, not by {key_id!r}")
    if not key_id:
        raise ValueError(f"no key is named by {key_id!r}")
    return key_id


def short_name(key_id: str) -> str:
    """The first block of a key id, also out of a key ARN; an alias is short already."""
    name = key_id.split(":", 5)[-1].removeprefix("key/")
    return name if name.startswith("alias/") else name[:8]


def refusal_code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def refusal_sentence(error: ClientError) -> str:
    return error.response["Error"].get("Message") or "(AWS gives no reason)"


def recorded_context(event: Mapping[str, Any]) -> dict[str, str]:
    """The encryption context in the event's request parameters; empty where there is none."""
    parameters = event["requestParameters"] or {}
    return dict(parameters.get("encryptionContext", {}))


def told(events: Iterable[Mapping[str, Any]]) -> str:
    """A line for the events that one action left behind."""
    lines = [
        f"{event['eventName']} by {_who(event)}: {event.get('errorCode', 'ok')}" for event in events
    ]
    return "; ".join(lines) or "no event"


def _who(event: Mapping[str, Any]) -> str:
    identity = event["userIdentity"]
    return str(identity.get("userName") or identity.get("invokedBy") or identity["type"])
