"""What the trail tells of a request to S3: its parameters under the names they travelled by.

CloudTrail calls them bucketName and key, and the rest like the headers and query parameters
themselves. What S3's model marks as sensitive, a customer's key above all, is left out, and so is
the body. Which calls are about contents is known here too: CloudTrail's data events.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from botocore.model import Shape

from kmslab.services.call import Call
from kmslab.wire.model import service_schema
from kmslab.wire.shape_writers import Writer, noter

# CloudTrail User Guide, "Amazon S3 CloudTrail events": object-level actions. All that a request
# does to or tells of objects is a data event, which trails record only when they are told to.
DATA_EVENTS = frozenset(
    {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "DeleteObject",
        "DeleteObjectTagging",
        "DeleteObjects",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "HeadBucket",
        "HeadObject",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "PutObjectTagging",
        "UpdateObjectEncryption",
        "UploadPart",
        "UploadPartCopy",
    }
)

_NAMES = {"Bucket": "bucketName", "Key": "key"}
_LONGEST = 1024
_SHOWN_HEADER = re.compile(r"x-amz-(?!checksum-(?!algorithm|mode|type)|.*key-md5).*")


class _Noted(NamedTuple):
    name: str
    write: Writer


def note_request(call: Call) -> None:
    """Tell the event what was asked for."""
    call.is_data_event = call.operation in DATA_EVENTS
    call.asked = {
        **{
            noted.name: noted.write(call.parameters[member])
            for member, noted in _noted(call.operation).items()
            if member in call.parameters
        },
        "Host": call.headers.get("host", ""),
    }


@cache
def _noted(operation: str) -> dict[str, _Noted]:
    """The parameters of an operation that the trail shows."""
    schema = service_schema("s3").operation(operation)
    shape = schema.model.input_shape if schema else None
    if shape is None:
        return {}
    return {
        name: _Noted(_NAMES.get(name) or member.serialization.get("name", name), _writer(member))
        for name, member in shape.members.items()
        if _is_shown(name, member, operation in DATA_EVENTS)
    }


def _is_shown(name: str, member: Shape, of_objects: bool) -> bool:
    """Of headers S3's own, of what is sensitive the name of the KMS key alone, and no document that
    tells of objects: it may be long. Checksums tell of the plaintext, a key's MD5 of the key."""
    place, spelled = (member.serialization.get(part, "") for part in ("location", "name"))
    if member.metadata.get("sensitive") and name != "SSEKMSKeyId":
        return False
    if place in ("header", "headers"):
        return place == "header" and _SHOWN_HEADER.fullmatch(spelled.lower()) is not None
    return str(member.type_name) != "blob" and (bool(place) or not of_objects)


def _writer(shape: Shape) -> Callable[[Any], Any]:
    write = noter(shape)
    if shape.type_name != "string":
        return write
    # A bucket policy is longer than an event may be.
    return lambda text: text[:_LONGEST]
