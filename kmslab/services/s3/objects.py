"""Objects: written, read, looked at, deleted.

A write is authorised, gets its key, and only then is its body read: sealed on the way into a file
that nobody sees before it is whole. Then the record changes, under the store's lock.
"""

from typing import Any

from kmslab import errors
from kmslab.errors import IntegrityError, ServiceError
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.attributes import answer_attributes, read_attributes
from kmslab.services.s3.authorization import (
    authorise_object,
    find_bucket,
    find_object,
    refuse_version,
)
from kmslab.services.s3.content import read_content
from kmslab.services.s3.customer_keys import read_customer_key
from kmslab.services.s3.encryption_choice import (
    APPLIED,
    chosen_encryption,
    told,
    told_on_write,
)
from kmslab.services.s3.integrity import (
    FULL_OBJECT,
    check_claim,
    member_of,
    opened_checksum,
    read_claim,
)
from kmslab.services.s3.object_keys import new_object_key, open_object_key
from kmslab.services.s3.preconditions import check_read, check_write
from kmslab.services.s3.ranges import Span, asked_span
from kmslab.services.s3.writing import (
    delete_object_record,
    etag_digests,
    new_object,
    put_object_record,
    was_replaced,
    written,
)
from kmslab.store.s3_records import Encryption, StoredObject

_OVERRIDES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)
_MOST_DELETED = 1000


def put_object(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "PutObject", object_key)
    if call.parameters.get("Tagging"):
        authorise_object(call, bucket, "PutObjectTagging", object_key)
    attributes, claim = read_attributes(call.parameters), read_claim(call)
    check_write(call.parameters, object_key, call.store.objects.get(bucket.name, object_key))
    choice = chosen_encryption(call, bucket)
    sealing_key, encryption = new_object_key(call, bucket, choice, f"{bucket.arn}/{object_key}")
    assert call.content
    digests = claim.needed | etag_digests(encryption)
    with written(call, call.content, sealing_key, digests) as content:
        check_claim(call, claim, content.digests)
        stored, checksum = new_object(
            call, bucket, content, sealing_key, encryption, attributes, claim.algorithm
        )
        put_object_record(call, bucket, stored)
    call.additional = {"bytesTransferredIn": content.size, "SSEApplied": choice.applied}
    call.told = told_in_event(encryption)
    return {
        "ETag": quoted(stored.etag),
        member_of(claim.algorithm): checksum,
        "ChecksumType": FULL_OBJECT,
        **told_on_write(encryption),
    }


def get_object(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html

    The body is opened chunk by chunk while it is sent. Raises InternalError where its beginning
    does not open; what is damaged further on breaks the body off.
    """
    refuse_encryption_header(call)
    bucket = find_bucket(call)
    authorise_object(call, bucket, "GetObject", call.parameters["Key"])
    stored = find_object(call, bucket)
    span = _checked_span(call, stored)
    customer_key = read_customer_key(call.parameters)
    sealing_key = open_object_key(call, stored.encryption, customer_key)
    try:
        call.answer_content = read_content(
            stored.segments, sealing_key, call.backing.files, span.start, span.length
        )
        answer = {**_members(call, stored, span), **_checksum(call, stored, span, sealing_key)}
    except IntegrityError:
        if was_replaced(call, stored):
            # Somebody replaced the object between our looking and our opening.
            return get_object(call)
        raise refusals.damaged() from None
    call.additional = {
        "bytesTransferredOut": span.length,
        "SSEApplied": applied(stored.encryption),
    }
    return answer


def head_object(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html

    Metadata is not encrypted, so KMS is asked only where the checksum is.
    """
    refuse_encryption_header(call)
    bucket = find_bucket(call)
    authorise_object(call, bucket, "GetObject", call.parameters["Key"])
    stored = find_object(call, bucket)
    span = _checked_span(call, stored)
    answer = _members(call, stored, span)
    customer_key = read_customer_key(call.parameters)
    if _wants_checksum(call, span) or stored.encryption.customer_key_proof or customer_key:
        sealing_key = open_object_key(call, stored.encryption, customer_key)
        answer.update(_checksum(call, stored, span, sealing_key))
    return answer


def delete_object(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html

    What is not there is deleted all the same.
    """
    call.begin_change()
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "DeleteObject", object_key)
    for member in ("IfMatchLastModifiedTime", "IfMatchSize"):
        if member in call.parameters:
            raise errors.not_built(member)
    refuse_version(call.parameters)
    existing = call.store.objects.get(bucket.name, object_key)
    if existing or "IfMatch" in call.parameters:
        check_write(call.parameters, object_key, existing)
    if existing:
        delete_object_record(call, existing)
    return {}


def delete_objects(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html

    Each object is decided on its own, and the answer tells of each.
    """
    call.begin_change()
    bucket, asked = find_bucket(call), call.parameters["Delete"]
    if not 0 < len(asked["Objects"]) <= _MOST_DELETED:
        raise refusals.malformed_xml()
    deleted, problems = [], []
    for listed in asked["Objects"]:
        try:
            authorise_object(call, bucket, "DeleteObject", listed["Key"])
            refuse_version(listed)
            existing = call.store.objects.get(bucket.name, listed["Key"])
            check_write({"IfMatch": listed["ETag"]} if "ETag" in listed else {}, "", existing)
        except ServiceError as refusal:
            code, message = refusal.code, refusal.message
            problems.append({"Key": listed["Key"], "Code": code, "Message": message})
            continue
        if existing:
            delete_object_record(call, existing)
        deleted.append({"Key": listed["Key"]})
    call.decides_each = True
    return {"Deleted": [] if asked.get("Quiet") else deleted, "Errors": problems}


# --- What the answers tell ----------------------------------------------------------------


def quoted(etag: str) -> str:
    return f'"{etag}"'


def told_in_event(encryption: Encryption) -> dict[str, Any]:
    """The responseElements of a write: the headers of the answer that tell of encryption."""
    names = {
        "ServerSideEncryption": "x-amz-server-side-encryption",
        "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
        "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
        "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    }
    members = told(encryption)
    return {name: members[member] for member, name in names.items() if member in members}


def applied(encryption: Encryption) -> str:
    """How CloudTrail calls the encryption of a stored object."""
    return APPLIED[encryption.algorithm]


def _members(call: Call, stored: StoredObject, span: Span) -> dict[str, Any]:
    answer = {
        **answer_attributes(stored),
        **told(stored.encryption),
        "AcceptRanges": "bytes",
        "LastModified": stored.last_modified,
        "ETag": quoted(stored.etag),
        "ContentLength": span.length,
    }
    if span.is_part:
        answer["ContentRange"] = span.content_range(stored.size)
    if "PartNumber" in call.parameters and stored.part_sizes:
        answer["PartsCount"] = len(stored.part_sizes)
    if stored.tags:
        answer["TagCount"] = len(stored.tags)
    overrides = ((member, call.parameters.get(f"Response{member}")) for member in _OVERRIDES)
    return {**answer, **{member: value for member, value in overrides if value is not None}}


def _wants_checksum(call: Call, span: Span) -> bool:
    """A client checks what it is told against what it gets, so a range tells of none."""
    return call.parameters.get("ChecksumMode") == "ENABLED" and not span.is_part


def _checksum(call: Call, stored: StoredObject, span: Span, sealing_key: Any) -> dict[str, str]:
    if not stored.sealed_checksum or not _wants_checksum(call, span):
        return {}
    return {
        member_of(stored.checksum_algorithm): opened_checksum(sealing_key, stored.sealed_checksum),
        "ChecksumType": stored.checksum_type,
    }


# --- What is asked ------------------------------------------------------------------------


def _checked_span(call: Call, stored: StoredObject) -> Span:
    asked = call.parameters
    if call.principal.is_anonymous and any(f"Response{member}" in asked for member in _OVERRIDES):
        raise refusals.invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests."
        )
    check_read(asked, stored)
    return asked_span(stored, asked.get("Range"), asked.get("PartNumber"))


def refuse_encryption_header(call: Call) -> None:
    """How a stored object, or an upload, is encrypted is not for its reader or for the sender of a
    part to say. Raises InvalidArgument."""
    value = call.headers.get("x-amz-server-side-encryption")
    if value is not None:
        raise refusals.encryption_header_on_read(value)
