"""Lists in pages: Limit and Marker in, Truncated and NextMarker out."""

import base64
import binascii
from typing import Any

from kmslab import errors
from kmslab.services.call import Call


def page_limit(call: Call, default: int, most: int) -> int:
    """The page size asked for. The model admits up to 1000 everywhere; some lists less."""
    limit: int = call.parameters.get("Limit", default)
    if limit > most:
        raise errors.constraints(
            [
                f"Value '{limit}' at 'limit' failed to satisfy constraint: "
                f"Member must have value less than or equal to {most}"
            ]
        )
    return limit


def page_start(call: Call) -> str:
    """The name behind which this page starts, "" for the first. Raises InvalidMarkerException
    for a marker that this operation did not hand out."""
    marker = call.parameters.get("Marker")
    if marker is None:
        return ""
    try:
        operation, _, name = base64.b64decode(marker, validate=True).decode().partition("\n")
    except (binascii.Error, ValueError):
        raise errors.invalid_marker() from None
    if operation != call.operation or not name:
        raise errors.invalid_marker()
    return name


def page_end(call: Call, truncated: bool, last_name: str) -> dict[str, Any]:
    """The members that close a page."""
    if not truncated:
        return {"Truncated": False}
    marker = base64.b64encode(f"{call.operation}\n{last_name}".encode()).decode("ascii")
    return {"Truncated": True, "NextMarker": marker}
