"""Which events of the trail belong to one request to S3, and what such an event says.

S3's call to KMS has an event of its own, written before the event of the request that caused it.
What tells that the two belong together is the caller, and the encryption context.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]
Test = Callable[[Record], bool]
# Whether a service asked the second to answer the first.
Caused = Callable[[Record, Record], bool]

BY_CLOUDTRAIL = "cloudtrail.amazonaws.com"

STORING = frozenset({"PutObject", "CopyObject"})

_CHANGING = STORING | {"DeleteObject", "UpdateObjectEncryption", "CompleteMultipartUpload"}
_CONTEXTS = ("encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext")


def is_about_object(record: Record) -> bool:
    return record["eventSource"] == "s3.amazonaws.com" and "key" in parameters(record)


def caused(request: Record, asked: Record) -> bool:
    """Whether S3 asked KMS this to answer `request`, which is about an object."""
    if asked["eventSource"] != "kms.amazonaws.com":
        return False
    same_caller = _caller(request) == _caller(asked)
    named = {context.get("aws:s3:arn") for _, context in contexts(asked)}
    return same_caller and not named.isdisjoint(_arns(request))


def paired(
    records: Iterable[Record], is_request: Test = is_about_object, caused: Caused = caused
) -> Iterator[tuple[Record, list[Record]]]:
    """Each request with the events of what a service asked for it: by default the requests about
    objects, for which S3 asked KMS."""
    waiting: list[Record] = []
    for record in _told_once(records):
        if is_request(record):
            asked = [each for each in waiting if caused(record, each)]
            waiting = [each for each in waiting if each not in asked]
            yield record, asked
        elif "invokedBy" in record["userIdentity"]:
            waiting.append(record)


def left_alone(requests: list[Record]) -> list[bool]:
    """Of each request whether its object was not changed since: a disk shows only today's."""
    touched: set[str] = set()
    answers = []
    for request in reversed(requests):
        answers.append(object_arn(request) not in touched)
        if request["eventName"] in _CHANGING and "errorCode" not in request:
            touched.add(object_arn(request))
    return answers[::-1]


def _told_once(records: Iterable[Record]) -> Iterator[Record]:
    """Across accounts one call leaves two events, the caller's own first."""
    seen = set()
    for record in records:
        request = record["eventSource"], record.get("requestID")
        if request[1] is None or request not in seen:
            seen.add(request)
            yield record


def _caller(record: Record) -> tuple[Any, ...]:
    """Somebody with a name, or a service that calls for itself."""
    identity = record["userIdentity"]
    service = identity.get("invokedBy") if identity.get("type") == "AWSService" else None
    return identity.get("arn"), service


def _arns(request: Record) -> set[str]:
    """Object and bucket of a request, and those of the source of a copy."""
    said = parameters(request)
    paths = [f"{said['bucketName']}/{said['key']}"]
    if copied := str(said.get("x-amz-copy-source", "")):
        paths.append(copied.removeprefix("/").partition("?")[0])
    buckets = [path.partition("/")[0] for path in paths]
    return {f"arn:aws:s3:::{resource}" for resource in (*paths, *buckets)}


# --- What a record says -------------------------------------------------------------------


def parameters(record: Record) -> Mapping[str, Any]:
    """Its request parameters; empty where there are none."""
    return record["requestParameters"] or {}


def contexts(asked: Record) -> list[tuple[str, Mapping[str, str]]]:
    """The encryption contexts of a call to KMS, each under its name: ReEncrypt has two."""
    said = parameters(asked)
    return [(member, said[member]) for member in _CONTEXTS if member in said]


def object_arn(request: Record) -> str:
    said = parameters(request)
    return f"arn:aws:s3:::{said['bucketName']}/{said['key']}"


def who(record: Record) -> str:
    """The caller, as the end of the ARN says it, or the service that calls for itself."""
    arn, service = _caller(record)
    if service:
        return str(service)
    return arn.split(":", 5)[5].removeprefix("assumed-role/") if arn else "somebody without a name"
