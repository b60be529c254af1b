"""The JSON 1.1 protocol of KMS and CloudTrail: X-Amz-Target names the operation, the body is JSON.

Requests to parsed bodies, results and refusals to answers; nothing about signatures or keys.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.json import decode, encode

from kmslab import errors
from kmslab.errors import ServiceError
from kmslab.wire.message import Answer, Request
from kmslab.wire.model import OperationSchema

CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_BODY = 1024 * 1024


# X-Amz-Target's prefix → the service.
_SERVICES = {
    "TrentService": "kms",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
}


def speaks(request: Request) -> bool:
    """Whether `request` is of this protocol; anything that is not clearly of another one is."""
    return not request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    )


def route(request: Request) -> tuple[str, str]:
    """The service and the operation that are asked for.

    Raises UnknownOperationException where the request names none, and
    RequestEntityTooLargeException for a body over 1 MiB.
    """
    if len(request.body) > LARGEST_BODY:
        raise errors.too_large()
    prefix, dot, operation = request.headers.get("x-amz-target", "").rpartition(".")
    service = _SERVICES.get(prefix)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    wrong_form = request.method != "POST" or content_type != CONTENT_TYPE
    if wrong_form or not dot or service is None:
        raise errors.unknown_operation()
    return service, operation


def read_body(request: Request, schema: OperationSchema) -> Any:
    """The JSON value of the body. Raises SerializationException where it is not JSON."""
    if not request.body:
        return {}
    try:
        return decode(request.body)
    except (ValueError, RecursionError):
        raise errors.serialization() from None


def answer(schema: OperationSchema, output: Mapping[str, Any] | None, request_id: str) -> Answer:
    """A success. KMS answers an operation without output with no body at all."""
    written = schema.write(output)
    body = b"" if written is None else encode(written)
    return Answer(200, _headers(request_id), body)


def refuse(refusal: ServiceError, request_id: str, service: str | None) -> Answer:
    """A refusal; `__type` carries the code, and some codes come without a message."""
    members = {"__type": refusal.code}
    if refusal.message:
        members["message"] = refusal.message
    return Answer(refusal.status, _headers(request_id), encode(members))


def _headers(request_id: str) -> Mapping[str, str]:
    return {
        "x-amzn-requestid": request_id,
        "content-type": CONTENT_TYPE,
        "cache-control": "no-cache, no-store, must-revalidate, private",
        "expires": "0",
        "pragma": "no-cache",
    }
