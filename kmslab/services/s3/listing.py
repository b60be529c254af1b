"""What lies in a bucket: objects and uploads, page by page, grouped by a delimiter.

Listing shows no encryption and needs no right on any KMS key. Names are in the order of their UTF-8
bytes. A page costs the page: what a delimiter groups is stepped over, not walked through.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_bucket, authorise_object, find_bucket
from kmslab.services.s3.buckets import owner
from kmslab.services.s3.integrity import FULL_OBJECT
from kmslab.services.s3.multipart import find_upload
from kmslab.services.s3.objects import quoted
from kmslab.store.s3_records import MultipartUpload, StoredObject, UploadedPart
from kmslab.store.table import Table

R = TypeVar("R", StoredObject, MultipartUpload)
_MOST = 1000


class Page(NamedTuple):
    """Records and common prefixes, in one order; `last` is the one that the next page follows, ""
    where nothing follows."""

    records: list[Any]
    prefixes: list[str]
    last: str


def list_objects_v2(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    asked, spell = call.parameters, _spelling(call)
    token = asked.get("ContinuationToken")
    after = _name_of(token) if token is not None else asked.get("StartAfter", "")
    page, answer = _objects(call, after)
    with_owner = asked.get("FetchOwner", False)
    account = call.resource_owner
    answer["Contents"] = [_listed(each, spell, account, with_owner) for each in page.records]
    answer["KeyCount"] = len(page.records) + len(page.prefixes)
    if token is not None:
        answer["ContinuationToken"] = token
    if asked.get("StartAfter"):
        answer["StartAfter"] = spell(asked["StartAfter"])
    if page.last:
        answer["NextContinuationToken"] = _token_of(page.last)
    return answer


def list_objects(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html"""
    asked, spell = call.parameters, _spelling(call)
    marker = asked.get("Marker", "")
    page, answer = _objects(call, marker)
    account = call.resource_owner
    answer["Contents"] = [_listed(each, spell, account, True) for each in page.records]
    answer["Marker"] = spell(marker)
    if page.last and asked.get("Delimiter"):
        # Without a delimiter the last key says it.
        answer["NextMarker"] = spell(page.last)
    return answer


def list_object_versions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

    The lab's buckets keep no versions: every object is its own newest one, by the name "null".
    """
    asked, spell = call.parameters, _spelling(call)
    marker = asked.get("KeyMarker", "")
    page, answer = _objects(call, marker, "ListBucketVersions")
    account = call.resource_owner
    version = {"VersionId": "null", "IsLatest": True}
    answer["Versions"] = [
        {**_listed(each, spell, account, True), **version} for each in page.records
    ]
    answer["KeyMarker"] = spell(marker)
    if page.last:
        answer["NextKeyMarker"] = spell(page.last)
        answer["NextVersionIdMarker"] = "null"
    return answer


def list_multipart_uploads(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html"""
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "ListBucketMultipartUploads")
    asked, spell = call.parameters, _spelling(call)
    marker, upload_marker = asked.get("KeyMarker", ""), asked.get("UploadIdMarker", "")
    start = _behind(f"{marker}\0{upload_marker}") if upload_marker else _behind_all(f"{marker}\0")
    uploads: Table[MultipartUpload] = call.store.multipart_uploads
    most = _limit(asked.get("MaxUploads"))
    page = _page(
        uploads,
        bucket.name,
        asked.get("Prefix", ""),
        asked.get("Delimiter", ""),
        start if marker else "",
        most,
    )
    last_key, _, last_upload = page.last.partition("\0")
    return {
        "Bucket": bucket.bucket_name,
        "KeyMarker": spell(marker),
        "UploadIdMarker": upload_marker,
        "NextKeyMarker": spell(last_key),
        "NextUploadIdMarker": last_upload,
        "MaxUploads": most,
        "IsTruncated": bool(page.last),
        "Uploads": [_listed_upload(upload, spell) for upload in page.records],
        **_frame(call, page, spell),
    }


def list_parts(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""
    bucket, asked = find_bucket(call), call.parameters
    authorise_object(call, bucket, "ListMultipartUploadParts", asked["Key"])
    upload = find_upload(call, bucket)
    marker, most = int(asked.get("PartNumberMarker") or 0), _limit(asked.get("MaxParts"))
    after = f"{marker:05}" if marker else ""
    parts, truncated = call.store.uploaded_parts.page(upload.upload_id, after, most)
    return {
        "Bucket": bucket.bucket_name,
        "Key": upload.object_key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": parts[-1].part_number if parts else 0,
        "MaxParts": most,
        "IsTruncated": truncated,
        "Parts": [_listed_part(part) for part in parts],
        "Owner": owner(bucket.account),
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
    }


def _objects(call: Call, after: str, action: str = "ListBucket") -> tuple[Page, dict[str, Any]]:
    """A page of objects, and the members that all listings of them have."""
    bucket, asked, spell = find_bucket(call), call.parameters, _spelling(call)
    authorise_bucket(call, bucket, action)
    prefix, delimiter = asked.get("Prefix", ""), asked.get("Delimiter", "")
    most = _limit(asked.get("MaxKeys"))
    page = _page(
        call.store.objects,
        bucket.name,
        prefix,
        delimiter,
        _next_start(after, prefix, delimiter),
        most,
    )
    return page, {
        "Name": bucket.bucket_name,
        "MaxKeys": most,
        "IsTruncated": bool(page.last),
        **_frame(call, page, spell),
    }


def _frame(call: Call, page: Page, spell: Callable[[str], str]) -> dict[str, Any]:
    """What every listing repeats."""
    asked = call.parameters
    members: dict[str, Any] = {
        "Prefix": spell(asked.get("Prefix", "")),
        "CommonPrefixes": [{"Prefix": spell(prefix)} for prefix in page.prefixes],
    }
    if asked.get("Delimiter"):
        members["Delimiter"] = spell(asked["Delimiter"])
    if asked.get("EncodingType"):
        members["EncodingType"] = asked["EncodingType"]
    return members


# --- Pages --------------------------------------------------------------------------------


def _page(
    table: Table[R], shelf: str, prefix: str, delimiter: str, start: str | None, most: int
) -> Page:
    """Up to `most` records and common prefixes from `start` on; None is beyond all."""
    records: list[R] = []
    prefixes: list[str] = []
    last = ""
    if most == 0:
        return Page(records, prefixes, last)
    for name, record in _entries(table, shelf, prefix, delimiter, start):
        if len(records) + len(prefixes) == most:
            return Page(records, prefixes, last)
        if record is None:
            prefixes.append(name)
        else:
            records.append(record)
        last = name
    return Page(records, prefixes, "")


def _entries(
    table: Table[R], shelf: str, prefix: str, delimiter: str, start: str | None
) -> Iterator[tuple[str, R | None]]:
    """Names in order, with their record, or None for a common prefix."""
    while start is not None:
        record = table.first_from(shelf, max(start, prefix))
        if record is None or not record.name.startswith(prefix):
            return
        group = _group(record.object_key, prefix, delimiter)
        yield (group, None) if group else (record.name, record)
        start = _behind_all(group) if group else _behind(record.name)


def _next_start(after: str, prefix: str, delimiter: str) -> str | None:
    """Where a listing goes on behind `after`: where that is a common prefix, behind all of it."""
    group = _group(after, prefix, delimiter) if after.startswith(prefix) else ""
    return _behind_all(group) if group and group == after else _behind(after)


def _behind(name: str) -> str:
    """The least text behind `name`, or the least at all."""
    return f"{name}\0" if name else ""


def _behind_all(prefix: str) -> str | None:
    """The least text behind all that begin with `prefix`, None where there is none."""
    kept = prefix.rstrip("\U0010ffff")
    return f"{kept[:-1]}{chr(ord(kept[-1]) + 1)}" if kept else None


def _group(name: str, prefix: str, delimiter: str) -> str:
    """The common prefix that `name` belongs to, "" for none."""
    if not delimiter:
        return ""
    place = name.find(delimiter, len(prefix))
    return name[: place + len(delimiter)] if place >= 0 else ""


def _limit(asked: int | None) -> int:
    if asked is not None and asked < 0:
        raise refusals.invalid_argument(
            "Argument maxKeys must be an integer between 0 and 2147483647", "max-keys", str(asked)
        )
    return _MOST if asked is None else min(asked, _MOST)


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode("ascii")


def _name_of(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise refusals.invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token[:1024]
        ) from None


# --- What is told of each -----------------------------------------------------------------


def _spelling(call: Call) -> Callable[[str], str]:
    """How names are spelled in the answer: as they are, or url-encoded where the caller asks for
    it, since XML cannot carry all of them."""
    kind = call.parameters.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        raise refusals.invalid_argument(
            "Invalid Encoding Method specified in Request", "encoding-type", kind
        )
    return lambda name: quote(name, safe="/-_.~*")


def _listed(
    stored: StoredObject, spell: Callable[[str], str], account: str, with_owner: bool
) -> dict[str, Any]:
    members: dict[str, Any] = {
        "Key": spell(stored.object_key),
        "LastModified": stored.last_modified,
        "ETag": quoted(stored.etag),
        "Size": stored.size,
        "StorageClass": dict(stored.headers).get("StorageClass", "STANDARD"),
    }
    if stored.checksum_algorithm:
        members["ChecksumAlgorithm"] = [stored.checksum_algorithm]
        members["ChecksumType"] = stored.checksum_type or FULL_OBJECT
    return {**members, "Owner": owner(account)} if with_owner else members


def _listed_upload(upload: MultipartUpload, spell: Callable[[str], str]) -> dict[str, Any]:
    return {
        "UploadId": upload.upload_id,
        "Key": spell(upload.object_key),
        "Initiated": upload.initiated,
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
    }


def _listed_part(part: UploadedPart) -> dict[str, Any]:
    return {
        "PartNumber": part.part_number,
        "LastModified": part.last_modified,
        "ETag": quoted(part.etag),
        "Size": part.size,
    }
