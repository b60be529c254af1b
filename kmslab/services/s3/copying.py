"""Copies: of an object, or of a range of one into a part.

The source is read with the caller's rights on it and under its own key, the copy is written under
a key of its own: how the source is encrypted says nothing of the copy (S3 User Guide, "Specifying
server-side encryption with AWS KMS"). A copy is the way to move an object to another key or name,
since the encryption context names the object.
"""

import re
from contextlib import closing
from typing import Any, NamedTuple

from kmslab.errors import IntegrityError
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.attributes import Attributes, read_attributes
from kmslab.services.s3.authorization import authorise_object, find_bucket, find_source
from kmslab.services.s3.condition_keys import key_arn_of
from kmslab.services.s3.content import read_content
from kmslab.services.s3.copy_source import read_copy_source
from kmslab.services.s3.customer_keys import read_customer_key
from kmslab.services.s3.encryption_choice import Choice, chosen_encryption, told, told_on_write
from kmslab.services.s3.integrity import (
    FULL_OBJECT,
    member_of,
    spelled,
    upload_checksum,
)
from kmslab.services.s3.multipart import (
    asked_part_number,
    find_upload,
    kept_checksum,
    new_part,
    open_upload_key,
    part_digests,
    put_part,
)
from kmslab.services.s3.object_keys import kms_key_text, new_object_key, open_object_key
from kmslab.services.s3.objects import quoted, told_in_event
from kmslab.services.s3.preconditions import check_read, check_write
from kmslab.services.s3.sealing import ObjectKey
from kmslab.services.s3.writing import (
    LARGEST_BODY,
    etag_digests,
    new_object,
    put_object_record,
    was_replaced,
    written,
)
from kmslab.store.s3_records import Bucket, StoredObject
from kmslab.wire.message import Stream

_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
# What makes a copy of an object onto itself another object.
_CHANGING = (
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "SSECustomerAlgorithm",
    "BucketKeyEnabled",
    "StorageClass",
    "WebsiteRedirectLocation",
    "ChecksumAlgorithm",
)


class Source(NamedTuple):
    """What is copied, and the key that opens it."""

    stored: StoredObject
    sealing_key: ObjectKey


def copy_object(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
    bucket, object_key, asked = find_bucket(call), call.parameters["Key"], call.parameters
    stored = _authorised_source(call)
    authorise_object(call, bucket, "PutObject", object_key)
    if asked.get("TaggingDirective") == "REPLACE" and asked.get("Tagging"):
        authorise_object(call, bucket, "PutObjectTagging", object_key)
    choice = chosen_encryption(call, bucket)
    _check_copy(call, bucket, stored, choice)
    check_write(asked, object_key, call.store.objects.get(bucket.name, object_key))
    source = _opened_source(call, stored)
    sealing_key, encryption = new_object_key(call, bucket, choice, f"{bucket.arn}/{object_key}")
    algorithm = _checksum_algorithm(asked, stored)
    source_bytes = _bytes_of(call, source, 0, stored.size)
    if source_bytes is None:
        return copy_object(call)
    digests = {algorithm} | etag_digests(encryption)
    with closing(source_bytes), written(call, source_bytes, sealing_key, digests) as content:
        attributes = _attributes(asked, stored)
        copy, checksum = new_object(
            call, bucket, content, sealing_key, encryption, attributes, algorithm
        )
        put_object_record(call, bucket, copy)
    call.additional = {"SSEApplied": choice.applied}
    call.told = told_in_event(encryption)
    result = {
        "ETag": quoted(copy.etag),
        "LastModified": copy.last_modified,
        member_of(algorithm): checksum,
        "ChecksumType": FULL_OBJECT,
    }
    return {"CopyObjectResult": result, **told_on_write(encryption)}


def upload_part_copy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""
    bucket = find_bucket(call)
    stored = _authorised_source(call)
    authorise_object(call, bucket, "PutObject", call.parameters["Key"])
    upload, part_number = find_upload(call, bucket), asked_part_number(call)
    check_read(call.parameters, stored, "CopySource")
    start, length = _source_range(call.parameters.get("CopySourceRange"), stored.size)
    source = _opened_source(call, stored)
    sealing_key = open_upload_key(call, upload)
    source_bytes, digests = _bytes_of(call, source, start, length), part_digests(upload)
    if source_bytes is None:
        return upload_part_copy(call)
    with closing(source_bytes), written(call, source_bytes, sealing_key, digests) as content:
        part = new_part(call, upload, part_number, sealing_key, content)
        put_part(call, bucket, part)
    algorithm, _ = kept_checksum(upload)
    result = {
        "ETag": quoted(part.etag),
        "LastModified": part.last_modified,
        member_of(algorithm): spelled(content.digests[algorithm]),
    }
    return {"CopyPartResult": result, **told(upload.encryption)}


# --- The source ---------------------------------------------------------------------------


def _authorised_source(call: Call) -> StoredObject:
    """The object that x-amz-copy-source names, which the caller may read. Raises as GetObject
    does."""
    return find_source(call, *read_copy_source(call.parameters["CopySource"]))


def _opened_source(call: Call, stored: StoredObject) -> Source:
    customer_key = read_customer_key(call.parameters, "CopySource")
    return Source(stored, open_object_key(call, stored.encryption, customer_key))


def _bytes_of(call: Call, source: Source, start: int, length: int) -> Stream | None:
    """The bytes of the source; None where it was replaced since it was found, and has to be found
    again."""
    try:
        return read_content(
            source.stored.segments, source.sealing_key, call.backing.files, start, length
        )
    except IntegrityError:
        if was_replaced(call, source.stored):
            return None
        raise refusals.damaged() from None


def _source_range(header: str | None, size: int) -> tuple[int, int]:
    """Start and length of what a part copies. Raises InvalidArgument."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header)
    if not found or int(found[1]) > int(found[2]):
        raise refusals.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            header[:1024],
        )
    if int(found[2]) >= size:
        raise refusals.invalid_argument(
            f"Range specified is not valid for source object of size: {size}",
            "x-amz-copy-source-range",
            header[:1024],
        )
    return int(found[1]), int(found[2]) - int(found[1]) + 1


# --- The copy -----------------------------------------------------------------------------


def _check_copy(call: Call, bucket: Bucket, stored: StoredObject, choice: Choice) -> None:
    asked = call.parameters
    check_read(asked, stored, "CopySource")
    onto_itself = (bucket.bucket_name, asked["Key"]) == (stored.bucket_name, stored.object_key)
    replaces = asked.get("MetadataDirective") == "REPLACE"
    changes = any(member in asked for member in _CHANGING) or _encrypts_otherwise(
        call, stored, choice
    )
    if onto_itself and not replaces and not changes:
        raise refusals.copy_onto_itself()
    if stored.size > LARGEST_BODY:
        raise refusals.invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {LARGEST_BODY}"
        )


def _encrypts_otherwise(call: Call, stored: StoredObject, choice: Choice) -> bool:
    """Whether the bucket's default has changed since the object was written."""
    old = stored.encryption
    if (choice.algorithm, choice.bucket_key_enabled) != (old.algorithm, old.bucket_key_enabled):
        return True
    return old.uses_kms and key_arn_of(call, kms_key_text(call, choice.kms_key_id)) != (
        old.kms_key_arn
    )


def _attributes(asked: dict[str, Any], stored: StoredObject) -> Attributes:
    """The source's, unless the request says to replace them."""
    given = read_attributes(asked)
    headers, metadata, tags = stored.headers, stored.metadata, stored.tags
    if asked.get("MetadataDirective") == "REPLACE":
        headers, metadata = given.headers, given.metadata
    if asked.get("TaggingDirective") == "REPLACE":
        tags = given.tags
    return Attributes(headers, metadata, tags)


def _checksum_algorithm(asked: dict[str, Any], stored: StoredObject) -> str:
    """As asked, else the source's."""
    given = asked.get("ChecksumAlgorithm") or stored.checksum_algorithm
    return upload_checksum({"ChecksumAlgorithm": given} if given else {})[0]
