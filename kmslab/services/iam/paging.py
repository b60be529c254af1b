"""Lists in pages: MaxItems and Marker in, IsTruncated and Marker out.

This knows names in order, and not what is listed.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, TypeVar

from kmslab.services.call import Call
from kmslab.services.iam import refusals

T = TypeVar("T")

_USUAL = 100


def page(call: Call, items: Iterable[tuple[str, T]]) -> tuple[list[T], dict[str, Any]]:
    """One page of `items`, which are pairs of what they are sorted by and what is listed; and the
    members that close it. Raises ValidationError for a marker that was not handed out here."""
    start, most = _start(call), call.parameters.get("MaxItems", _USUAL)
    later = [item for item in items if item[0] > start] if start else list(items)
    later.sort(key=_name)
    listed = [thing for _, thing in later[:most]]
    if len(later) <= most:
        return listed, {"IsTruncated": False}
    marker = base64.b64encode(f"{call.operation}\n{later[most - 1][0]}".encode()).decode("ascii")
    return listed, {"IsTruncated": True, "Marker": marker}


def below(path: str, call: Call) -> bool:
    """Whether `path` begins with the PathPrefix that is asked for, if any is."""
    return path.startswith(call.parameters.get("PathPrefix", "/"))


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _start(call: Call) -> str:
    marker = call.parameters.get("Marker")
    if marker is None:
        return ""
    try:
        operation, _, name = base64.b64decode(marker, validate=True).decode().partition("\n")
    except (binascii.Error, ValueError):
        raise refusals.invalid_marker() from None
    if operation != call.operation or not name:
        raise refusals.invalid_marker()
    return name
