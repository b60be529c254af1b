"""How bytes become an object: sealed into a file, described by a record, put in place at once.

Nobody sees a file before it is whole and what its writer says of it is true. What was there before
goes once the change is written down, so that a change that fails loses nothing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.attributes import Attributes
from kmslab.services.s3.authorization import hold_bucket
from kmslab.services.s3.content import Content, store_content
from kmslab.services.s3.integrity import FULL_OBJECT, sealed_checksum, spelled
from kmslab.services.s3.preconditions import check_write
from kmslab.services.s3.sealing import ObjectKey
from kmslab.store.s3_records import SSE_S3, Bucket, Encryption, StoredObject
from kmslab.wire.message import Stream

LARGEST_BODY = 5 * 1024**3


@contextmanager
def written(
    call: Call, stream: Stream, sealing_key: ObjectKey, checksums: Iterable[str]
) -> Iterator[Content]:
    """The bytes of `stream`, sealed in a file, which stays if the block ends well and goes if it
    does not. Raises EntityTooLarge, and what reading the stream raises."""
    _check_announced(call)
    files, random = call.backing.files, call.random
    content = store_content(stream, sealing_key, files, random, set(checksums), LARGEST_BODY)
    try:
        yield content
        content.keep()
    except BaseException:
        content.abandon()
        raise


def _check_announced(call: Call) -> None:
    """Refuse what is too large by its own word, before any of it is read."""
    headers = call.headers
    announced = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "0")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > LARGEST_BODY:
        raise refusals.too_large(int(announced), LARGEST_BODY)


def etag_digests(encryption: Encryption) -> set[str]:
    """What has to be computed for the ETag."""
    return {"MD5"} if encryption.algorithm == SSE_S3 else set()


def new_etag(call: Call, encryption: Encryption, digests: dict[str, bytes]) -> str:
    """The MD5 of the plaintext for SSE-S3; else it would tell of the plaintext, and is drawn (S3
    API Reference, "Object")."""
    if encryption.algorithm == SSE_S3:
        return digests["MD5"].hex()
    return call.random(16).hex()


def new_object(
    call: Call,
    bucket: Bucket,
    content: Content,
    sealing_key: ObjectKey,
    encryption: Encryption,
    attributes: Attributes,
    algorithm: str,
) -> tuple[StoredObject, str]:
    """The record of an object of one file, and its checksum of the kind `algorithm`."""
    checksum = spelled(content.digests[algorithm])
    stored = StoredObject(
        bucket.bucket_name,
        call.parameters["Key"],
        content.size,
        new_etag(call, encryption, content.digests),
        call.now,
        ((content.content_id, content.size),),
        encryption,
        *attributes,
        checksum_algorithm=algorithm,
        checksum_type=FULL_OBJECT,
        sealed_checksum=sealed_checksum(sealing_key, checksum),
    )
    return stored, checksum


def put_object_record(call: Call, bucket: Bucket, stored: StoredObject) -> None:
    """Put `stored` in the place of what has its key in `bucket`. From here on no other call changes
    state. Raises NoSuchBucket where the bucket went meanwhile, and the refusals of
    `check_write`."""
    hold_bucket(call, bucket)
    existing = call.store.objects.get(stored.bucket_name, stored.object_key)
    check_write(call.parameters, stored.object_key, existing)
    call.put(stored)
    if existing:
        drop_files(call, (content_id for content_id, _ in existing.segments))


def delete_object_record(call: Call, existing: StoredObject) -> None:
    call.delete(existing)
    drop_files(call, (content_id for content_id, _ in existing.segments))


def was_replaced(call: Call, stored: StoredObject) -> bool:
    """Whether somebody changed or deleted the object since it was found."""
    return call.store.objects.get(stored.bucket_name, stored.object_key) is not stored


def drop_files(call: Call, content_ids: Iterable[str]) -> None:
    """Delete files once the call has been written down."""
    call.afterwards += [partial(call.backing.files.delete, each) for each in content_ids]
