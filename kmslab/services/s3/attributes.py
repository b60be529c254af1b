"""What an object has besides its bytes: headers that come back as they were sent, the user's
metadata, tags. None of it is encrypted; S3 encrypts the data of objects alone."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from kmslab import errors
from kmslab.errors import ServiceError
from kmslab.services.s3 import refusals
from kmslab.store.s3_records import MultipartUpload, Pairs, StoredObject

_ECHOED = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "StorageClass",
    "WebsiteRedirectLocation",
)
_STORAGE_CLASSES = frozenset(
    {
        *("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"),
        *("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"),
    }
)
_LONGEST_KEY = 1024
_LARGEST_METADATA = 2048
_MOST_TAGS = 10
# To leave these out in silence would promise what the lab does not do.
_NOT_BUILT = (
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "WriteOffsetBytes",
)
# With ACLs switched off, as on every new bucket, these say what holds anyway.
_ACLS = frozenset({"bucket-owner-full-control", "private"})


class Attributes(NamedTuple):
    headers: Pairs
    metadata: Pairs
    tags: Pairs


def read_attributes(asked: Mapping[str, Any]) -> Attributes:
    """The attributes that a write asks for. Raises S3's refusals of what an object cannot have."""
    check_object_key(asked["Key"])
    for member in _NOT_BUILT:
        if member in asked:
            raise errors.not_built(member)
    if asked.get("ACL", "private") not in _ACLS:
        raise ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    if asked.get("StorageClass", "STANDARD") not in _STORAGE_CLASSES:
        raise ServiceError("InvalidStorageClass", "The storage class you specified is not valid")
    return Attributes(_headers(asked), _metadata(asked), tags_of_header(asked.get("Tagging", "")))


def answer_attributes(stored: StoredObject) -> dict[str, Any]:
    """The members of a GetObject or HeadObject that repeat what was sent."""
    members: dict[str, Any] = {"ContentType": "binary/octet-stream", **dict(stored.headers)}
    if "Expires" in members:
        members["Expires"] = float(members["Expires"])
    if members.get("StorageClass") == "STANDARD":
        # The usual one is not told.
        del members["StorageClass"]
    return {**members, "Metadata": dict(stored.metadata)}


def of_upload(upload: MultipartUpload) -> Attributes:
    return Attributes(upload.headers, upload.metadata, upload.tags)


def check_object_key(object_key: str) -> None:
    size = len(object_key.encode())
    if size > _LONGEST_KEY:
        raise refusals.key_too_long(size)


def tags_of_header(header: str) -> Pairs:
    """The tags of x-amz-tagging, which is written like a query."""
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=bool(header))
    except ValueError:
        raise refusals.invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
            "x-amz-tagging",
            header[:1024],
        ) from None
    return checked_tags(pairs)


def checked_tags(pairs: list[tuple[str, str]]) -> Pairs:
    """Tags as a record has them (S3 User Guide, "Categorizing your objects using tags")."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ServiceError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(pairs) > _MOST_TAGS:
        raise ServiceError("BadRequest", "Object tags cannot be greater than 10")
    for name, value in pairs:
        if not 0 < len(name) <= 128:
            raise ServiceError("InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > 256:
            raise ServiceError("InvalidTag", "The TagValue you have provided is invalid")
    return tuple(sorted(pairs))


def _headers(asked: Mapping[str, Any]) -> Pairs:
    headers = {member: str(asked[member]) for member in _ECHOED if asked.get(member)}
    if "ContentEncoding" in headers:
        # How the body travelled is not how the object is encoded.
        codings = [coding.strip() for coding in headers["ContentEncoding"].split(",")]
        kept = ",".join(coding for coding in codings if coding not in ("", "aws-chunked"))
        headers = {**headers, "ContentEncoding": kept}
    return tuple(sorted((member, text) for member, text in headers.items() if text))


def _metadata(asked: Mapping[str, Any]) -> Pairs:
    metadata = asked.get("Metadata", {})
    size = sum(len(text.encode()) for pair in metadata.items() for text in pair)
    if size > _LARGEST_METADATA:
        raise ServiceError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            extras={"Size": str(size), "MaxSizeAllowed": str(_LARGEST_METADATA)},
        )
    return tuple(sorted(metadata.items()))
