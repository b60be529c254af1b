"""If-Match and its relatives: do it only if the object is, or is not, the one that I know.

This follows RFC 9110 §13 as S3 applies it (S3 API Reference, GetObject and PutObject). Nothing
here reads or writes.
"""

from collections.abc import Mapping
from typing import Any

from kmslab import errors
from kmslab.services.s3 import refusals
from kmslab.store.s3_records import StoredObject


def check_read(asked: Mapping[str, Any], stored: StoredObject, prefix: str = "") -> None:
    """The conditions of a read; `prefix` is "CopySource" for those of a copy's source. Raises
    PreconditionFailed, and NotModified (304) where the reader has it already."""
    matching, other = asked.get(f"{prefix}IfMatch"), asked.get(f"{prefix}IfNoneMatch")
    since = asked.get(f"{prefix}IfModifiedSince")
    not_since = asked.get(f"{prefix}IfUnmodifiedSince")
    modified = int(stored.last_modified)
    if matching is not None:
        # Who knows the ETag does not need the date.
        if not _names(matching, stored.etag):
            raise refusals.precondition_failed("If-Match")
    elif not_since is not None and modified > not_since:
        raise refusals.precondition_failed("If-Unmodified-Since")
    if other is not None:
        unchanged = _names(other, stored.etag)
    else:
        unchanged = since is not None and modified <= since
    if unchanged:
        raise refusals.precondition_failed("If-None-Match") if prefix else refusals.not_modified()


def check_write(asked: Mapping[str, Any], object_key: str, existing: StoredObject | None) -> None:
    """The conditions of a write or deletion. Raises PreconditionFailed, and NoSuchKey where the
    object that has to match is not there."""
    matching, other = asked.get("IfMatch"), asked.get("IfNoneMatch")
    if matching is not None:
        if existing is None:
            raise refusals.no_such_key(object_key)
        if not _names(matching, existing.etag):
            raise refusals.precondition_failed("If-Match")
    if other is not None and other.strip() != "*":
        raise errors.not_built(f"If-None-Match {other} on a write")
    if other is not None and existing and _names(other, existing.etag):
        raise refusals.precondition_failed("If-None-Match")


def _names(header: str, etag: str) -> bool:
    listed = [each.strip().removeprefix("W/").strip('"') for each in header.split(",")]
    return "*" in listed or etag in listed
