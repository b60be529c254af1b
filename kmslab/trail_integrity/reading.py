"""Objects as they lie in a bucket: listed, fetched, unpacked, and never more of them than fits.

Whoever can write to the bucket decides what is read here, so every size has a bound and every
fault a name. What a file should say is not known here.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.trail_integrity.findings import Absent, Unreadable

MIB = 1024 * 1024
MOST_STORED = 64 * MIB
MOST_UNPACKED = 256 * MIB

NO_BUCKET = "NoSuchBucket"
_ABSENT = ("NoSuchKey", "404", NO_BUCKET)
# Stored with a key of the customer's own, or in an archive: CloudTrail does neither.
_NEVER_CLOUDTRAILS = ("InvalidRequest", "InvalidObjectState")


class Listed(NamedTuple):
    """An object in a listing."""

    bucket: str
    object_key: str
    size: int
    last_modified: datetime


class Fetched(NamedTuple):
    """An object's bytes, and its user metadata."""

    stored: bytes
    metadata: dict[str, str]


def list_objects(s3: Any, bucket: str, prefix: str, after: str = "") -> Iterator[Listed]:
    """The objects whose keys begin with `prefix`, in the order of their keys, those behind `after`.
    Raises ClientError."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, **({"StartAfter": after} if after else {})
    )
    for page in pages:
        for each in page.get("Contents", []):
            yield Listed(bucket, each["Key"], each["Size"], each["LastModified"])


def list_folders(s3: Any, bucket: str, folder: str) -> list[str]:
    """The names of the folders in `folder`. Raises ClientError."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=folder, Delimiter="/"
    )
    prefixes = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    return [prefix.removeprefix(folder).removesuffix("/") for prefix in prefixes]


def fetch(s3: Any, bucket: str, object_key: str) -> Fetched:
    """Raises Absent, Unreadable, and ClientError where the caller may not read it."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=object_key)
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        if code in _ABSENT:
            raise Absent from None
        if code in _NEVER_CLOUDTRAILS:
            raise Unreadable(f"S3 does not give it out: {code}") from None
        raise
    with closing(answer["Body"]) as body:
        stored = b"" if answer["ContentLength"] > MOST_STORED else body.read()
    if answer["ContentLength"] > MOST_STORED:
        raise Unreadable(f"it has {answer['ContentLength']:,} bytes")
    return Fetched(stored, answer["Metadata"])


def unpack(stored: bytes) -> bytes:
    """What a gzip file of one member holds. Raises Unreadable.

    A second member, or anything else behind the first, is refused: other readers would see it.
    """
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = inflater.decompress(stored, MOST_UNPACKED + 1)
    except zlib.error:
        raise Unreadable("it is not a gzip file, or a damaged one") from None
    if len(unpacked) > MOST_UNPACKED:
        raise Unreadable(f"it unpacks to more than {MOST_UNPACKED:,} bytes")
    if not inflater.eof:
        raise Unreadable("it ends before its compressed data does")
    if inflater.unused_data:
        raise Unreadable("something follows its compressed data")
    return unpacked


def parse_object(unpacked: bytes) -> dict[str, Any]:
    """The JSON object that the text is. Raises Unreadable."""
    try:
        members = json.loads(unpacked.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable("it is not a JSON text") from None
    if not isinstance(members, dict):
        raise Unreadable("it is not a JSON object")
    return members
