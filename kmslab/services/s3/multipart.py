"""Uploads in parts: started, fed in any order, listed, completed or aborted.

The upload has the key that the object will have; KMS makes it when the upload starts, and opens it
again for every part, in the name of whoever sends the part. The parts of a completed upload become
the files of the object as they are; nothing is copied.
"""

import base64
from hashlib import md5
from itertools import pairwise
from typing import Any

from kmslab.errors import ServiceError
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.attributes import Attributes, read_attributes
from kmslab.services.s3.authorization import authorise_object, find_bucket, hold_bucket
from kmslab.services.s3.checksums import combined, composite
from kmslab.services.s3.content import Content
from kmslab.services.s3.customer_keys import read_customer_key
from kmslab.services.s3.encryption_choice import chosen_encryption, told, told_on_write
from kmslab.services.s3.integrity import (
    DEFAULT,
    FULL_OBJECT,
    check_claim,
    member_of,
    opened_checksum,
    read_claim,
    sealed_checksum,
    spelled,
    upload_checksum,
)
from kmslab.services.s3.object_keys import new_object_key, open_object_key
from kmslab.services.s3.objects import applied, quoted, refuse_encryption_header, told_in_event
from kmslab.services.s3.sealing import ObjectKey
from kmslab.services.s3.writing import (
    drop_files,
    etag_digests,
    new_etag,
    put_object_record,
    written,
)
from kmslab.store.s3_records import (
    SSE_C,
    Bucket,
    MultipartUpload,
    StoredObject,
    UploadedPart,
)

_MOST_PARTS = 10_000
_LEAST_PART = 5 * 1024**2


def create_multipart_upload(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html"""
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "PutObject", object_key)
    if call.parameters.get("Tagging"):
        authorise_object(call, bucket, "PutObjectTagging", object_key)
    attributes = read_attributes(call.parameters)
    algorithm, kind = upload_checksum(call.parameters)
    if "ChecksumAlgorithm" not in call.parameters:
        # Parts may then claim what they like, and the object gets the usual one.
        algorithm, kind = "", ""
    choice = chosen_encryption(call, bucket)
    _, encryption = new_object_key(call, bucket, choice, f"{bucket.arn}/{object_key}")
    upload = MultipartUpload(
        bucket.bucket_name,
        object_key,
        base64.urlsafe_b64encode(call.random(48)).decode("ascii"),
        call.now,
        call.principal.arn,
        encryption,
        *attributes,
        checksum_algorithm=algorithm,
        checksum_type=kind,
    )
    hold_bucket(call, bucket)
    call.put(upload)
    call.additional = {"SSEApplied": choice.applied}
    call.told = told_in_event(encryption)
    return {
        "Bucket": bucket.bucket_name,
        "Key": object_key,
        "UploadId": upload.upload_id,
        "ChecksumAlgorithm": algorithm or None,
        "ChecksumType": kind or None,
        **told_on_write(encryption),
    }


def upload_part(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html"""
    refuse_encryption_header(call)
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "PutObject", object_key)
    upload, part_number = find_upload(call, bucket), asked_part_number(call)
    claim = read_claim(call, upload.checksum_algorithm)
    sealing_key = open_upload_key(call, upload)
    assert call.content
    digests = claim.needed | part_digests(upload)
    with written(call, call.content, sealing_key, digests) as content:
        check_claim(call, claim, content.digests)
        part = new_part(call, upload, part_number, sealing_key, content)
        put_part(call, bucket, part)
    call.additional = {
        "bytesTransferredIn": content.size,
        "SSEApplied": applied(upload.encryption),
    }
    return {
        "ETag": quoted(part.etag),
        member_of(claim.algorithm): spelled(content.digests[claim.algorithm]),
        **told(upload.encryption),
    }


def complete_multipart_upload(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html

    Without the right to kms:Decrypt the object comes to be without a checksum.
    """
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "PutObject", object_key)
    upload = find_upload(call, bucket)
    parts = _completed_parts(call, upload)
    _check_size(call, parts)
    sealing_key = _key_if_allowed(call, upload)
    checksum = _whole_checksum(upload, parts, sealing_key) if sealing_key else ""
    algorithm, kind = kept_checksum(upload)
    if sealing_key:
        _check_part_checksums(call, upload, parts, sealing_key)
    given = call.parameters.get(member_of(algorithm))
    if given and checksum and given != checksum:
        raise refusals.bad_checksum(algorithm)
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    stored = StoredObject(
        bucket.bucket_name,
        object_key,
        sum(part.size for part in parts),
        f"{md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}",
        call.now,
        tuple((part.content_id, part.size) for part in parts),
        upload.encryption,
        *Attributes(upload.headers, upload.metadata, upload.tags),
        checksum_algorithm=algorithm if checksum else "",
        checksum_type=kind if checksum else "",
        sealed_checksum=sealed_checksum(sealing_key, checksum) if sealing_key else "",
        part_sizes=tuple(part.size for part in parts),
    )
    _hold_parts(call, bucket, upload, parts)
    put_object_record(call, bucket, stored)
    _end(call, upload, kept={part.content_id for part in parts})
    call.additional = {"SSEApplied": applied(upload.encryption)}
    members = {
        "Location": f"https://{bucket.bucket_name}.s3.{bucket.region}.amazonaws.com/{object_key}",
        "Bucket": bucket.bucket_name,
        "Key": object_key,
        "ETag": quoted(stored.etag),
        **told(upload.encryption),
    }
    if checksum:
        members[member_of(algorithm)] = checksum
        members["ChecksumType"] = kind
    return members


def abort_multipart_upload(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html"""
    call.begin_change()
    bucket = find_bucket(call)
    authorise_object(call, bucket, "AbortMultipartUpload", call.parameters["Key"])
    _end(call, find_upload(call, bucket), kept=set())
    return {}


def find_upload(call: Call, bucket: Bucket) -> MultipartUpload:
    """The upload that is asked for. Raises NoSuchUpload."""
    upload_id = call.parameters["UploadId"]
    name = f"{call.parameters['Key']}\0{upload_id}"
    upload = call.store.multipart_uploads.get(bucket.bucket_name, name)
    # An object key may hold anything, and the name of a record is made of two of them.
    if upload is None or upload.upload_id != upload_id:
        raise refusals.no_such_upload(upload_id)
    return upload


# --- Parts --------------------------------------------------------------------------------


def open_upload_key(call: Call, upload: MultipartUpload) -> ObjectKey:
    """The key of the upload, which KMS opens for whoever sends a part. Raises S3's refusals of
    a customer's key that is missing or another one."""
    customer_key = read_customer_key(call.parameters)
    if upload.encryption.algorithm == SSE_C and customer_key is None:
        raise refusals.invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must "
            "include the appropriate encryption parameters."
        )
    try:
        return open_object_key(call, upload.encryption, customer_key)
    except ServiceError as refusal:
        if customer_key and refusal.code == "AccessDenied":
            raise refusals.invalid_request(
                "The provided encryption parameters did not match the ones used originally."
            ) from None
        raise


def part_digests(upload: MultipartUpload) -> set[str]:
    """What has to be computed of a part, whoever claims what."""
    return {kept_checksum(upload)[0]} | etag_digests(upload.encryption)


def kept_checksum(upload: MultipartUpload) -> tuple[str, str]:
    """The algorithm and type of the checksum that the object will have."""
    if upload.checksum_algorithm:
        return upload.checksum_algorithm, upload.checksum_type
    return DEFAULT, FULL_OBJECT


def new_part(
    call: Call,
    upload: MultipartUpload,
    part_number: int,
    sealing_key: ObjectKey,
    content: Content,
) -> UploadedPart:
    """The record of a part whose bytes are stored."""
    algorithm, _ = kept_checksum(upload)
    checksum = spelled(content.digests[algorithm])
    return UploadedPart(
        upload.upload_id,
        part_number,
        new_etag(call, upload.encryption, content.digests),
        content.size,
        call.now,
        content.content_id,
        algorithm,
        sealed_checksum(sealing_key, checksum),
    )


def put_part(call: Call, bucket: Bucket, part: UploadedPart) -> None:
    """Put `part` in the place of an earlier one of its number. Raises NoSuchUpload where the
    upload ended meanwhile."""
    call.begin_change()
    find_upload(call, bucket)
    earlier = call.store.uploaded_parts.get(part.upload_id, part.name)
    if earlier:
        drop_files(call, [earlier.content_id])
    call.put(part)


def asked_part_number(call: Call) -> int:
    """Raises InvalidArgument for a number that no part has."""
    part_number: int = call.parameters["PartNumber"]
    if not 1 <= part_number <= _MOST_PARTS:
        raise refusals.invalid_argument(
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive",
            "partNumber",
            str(part_number),
        )
    return part_number


# --- Completing ---------------------------------------------------------------------------


def _completed_parts(call: Call, upload: MultipartUpload) -> list[UploadedPart]:
    """The parts that the caller lists, in its order. Raises InvalidPart, InvalidPartOrder and
    EntityTooSmall."""
    listed = call.parameters.get("MultipartUpload", {}).get("Parts", [])
    if not listed:
        raise refusals.malformed_xml()
    numbers = [each.get("PartNumber", 0) for each in listed]
    if any(first >= second for first, second in pairwise(numbers)):
        raise refusals.invalid_part_order(upload.upload_id)
    parts = [_listed_part(call, upload, each) for each in listed]
    for part in parts[:-1]:
        if part.size < _LEAST_PART:
            raise refusals.part_too_small(part, _LEAST_PART)
    return parts


def _listed_part(call: Call, upload: MultipartUpload, listed: dict[str, Any]) -> UploadedPart:
    number, etag = listed.get("PartNumber", 0), listed.get("ETag", "").strip('"')
    part = call.store.uploaded_parts.get(upload.upload_id, f"{number:05}")
    if part is None or part.etag != etag:
        raise refusals.invalid_part(upload.upload_id, number, etag)
    return part


def _check_part_checksums(
    call: Call, upload: MultipartUpload, parts: list[UploadedPart], sealing_key: ObjectKey
) -> None:
    """Raises InvalidPart where the caller lists another checksum than a part has."""
    member = member_of(kept_checksum(upload)[0])
    listed = call.parameters["MultipartUpload"]["Parts"]
    for part, each in zip(parts, listed, strict=True):
        if member in each and each[member] != opened_checksum(sealing_key, part.sealed_checksum):
            raise refusals.invalid_part(upload.upload_id, part.part_number, part.etag)


def _hold_parts(
    call: Call, bucket: Bucket, upload: MultipartUpload, parts: list[UploadedPart]
) -> None:
    """From here on no other call changes state. Raises NoSuchUpload and InvalidPart where another
    completed or aborted the upload, or sent a part again, since `parts` were read."""
    call.begin_change()
    if find_upload(call, bucket) is not upload:
        raise refusals.no_such_upload(upload.upload_id)
    for part in parts:
        if call.store.uploaded_parts.get(part.upload_id, part.name) is not part:
            raise refusals.invalid_part(upload.upload_id, part.part_number, part.etag)


def _check_size(call: Call, parts: list[UploadedPart]) -> None:
    expected = call.parameters.get("MpuObjectSize")
    actual = sum(part.size for part in parts)
    if expected is not None and expected != actual:
        raise refusals.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {expected} does not match what "
            f"was computed: {actual}"
        )


def _key_if_allowed(call: Call, upload: MultipartUpload) -> ObjectKey | None:
    """The key that the checksums of the parts are sealed with, None where the caller may not
    have it opened, or did not bring it."""
    customer_key = read_customer_key(call.parameters)
    if upload.encryption.algorithm == SSE_C and customer_key is None:
        return None
    try:
        return open_object_key(call, upload.encryption, customer_key)
    except ServiceError as refusal:
        if upload.encryption.uses_kms and refusal.code == "AccessDenied":
            return None
        raise


def _whole_checksum(
    upload: MultipartUpload, parts: list[UploadedPart], sealing_key: ObjectKey
) -> str:
    """The checksum of the object, of those of its parts."""
    digests = [
        (base64.b64decode(opened_checksum(sealing_key, part.sealed_checksum)), part.size)
        for part in parts
    ]
    algorithm, kind = kept_checksum(upload)
    if kind == FULL_OBJECT:
        return spelled(combined(algorithm, digests))
    of_parts = composite(algorithm, [digest for digest, _ in digests])
    return f"{spelled(of_parts)}-{len(parts)}"


def _end(call: Call, upload: MultipartUpload, kept: set[str]) -> None:
    """The upload is over; files that are not `kept` go."""
    parts = tuple(call.store.uploaded_parts.on(upload.upload_id))
    call.delete(upload, *parts)
    drop_files(call, (part.content_id for part in parts if part.content_id not in kept))
