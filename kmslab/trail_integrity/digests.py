"""A digest file: what its text says, checked member by member, and the signature beside it.

A digest that is returned has the shape of the CloudTrail User Guide ("CloudTrail digest file
structure"). Whether anything in it is true is not asked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from kmslab.trail_integrity.findings import DAMAGED_DIGEST, WRONG_SIGNATURE, Fault, Unreadable
from kmslab.trail_integrity.reading import Fetched, parse_object, unpack
from kmslab.trail_integrity.times import Span, parse_moment

SIGNATURE_ALGORITHM, HASH_ALGORITHM = "SHA256withRSA", "SHA-256"
_HEX = re.compile("(?:[0-9a-f]{2})+")
_PREVIOUS = ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
_GENERATED = "backfill-generation-timestamp"


class LogEntry(NamedTuple):
    """A log file, as a digest names it. `hash_value` is of the unpacked text, in hex."""

    bucket: str
    object_key: str
    hash_value: str


class Link(NamedTuple):
    """The digest before this one, as this one tells of it."""

    bucket: str
    object_key: str
    hash_value: str
    signature: str


@dataclass(frozen=True)
class Digest:
    """A digest. `end_text` is its end as it spells it, `link` None where a chain begins;
    `hash_value` is of its own unpacked text, `signature` what its metadata says.
    `generated` is of a backfill digest: when it was made."""

    account: str
    span: Span
    end_text: str
    bucket: str
    object_key: str
    fingerprint: str
    link: Link | None
    log_files: tuple[LogEntry, ...]
    hash_value: str
    signature: bytes
    generated: datetime | None = None


def parse_digest(fetched: Fetched, is_backfill: bool = False) -> Digest:
    """Raises Fault where it is no digest, or has no signature."""
    try:
        unpacked = unpack(fetched.stored)
        members = parse_object(unpacked)
        generated = _moment(fetched.metadata, _GENERATED) if is_backfill else None
        digest = _digest(members, sha256(unpacked).hexdigest(), generated)
    except Unreadable as reason:
        raise Fault(DAMAGED_DIGEST, f"It cannot be read: {reason}.") from None
    return _with_signature(digest, fetched.metadata)


def _digest(members: Mapping[str, Any], hash_value: str, generated: datetime | None) -> Digest:
    span = Span(_moment(members, "digestStartTime"), _moment(members, "digestEndTime"))
    if span.begins > span.ends:
        raise Unreadable("it ends before it begins")
    _one_of(members, "digestSignatureAlgorithm", SIGNATURE_ALGORITHM)
    return Digest(
        account=_text(members, "awsAccountId"),
        span=span,
        end_text=_text(members, "digestEndTime"),
        bucket=_text(members, "digestS3Bucket"),
        object_key=_text(members, "digestS3Object"),
        fingerprint=_text(members, "digestPublicKeyFingerprint"),
        link=_link(members),
        log_files=tuple(_entry(each) for each in _list(members, "logFiles")),
        hash_value=hash_value,
        signature=b"",
        generated=generated,
    )


def _link(members: Mapping[str, Any]) -> Link | None:
    """All five members, or none of them."""
    names = [f"previousDigest{name}" for name in _PREVIOUS]
    absent = [name for name in names if name not in members]
    if absent:
        raise Unreadable(f"{absent[0]} is missing")
    if all(members[name] is None for name in names):
        return None
    _one_of(members, "previousDigestHashAlgorithm", HASH_ALGORITHM)
    bucket, object_key, hash_value, _, signature = (_text(members, name) for name in names)
    if not (_HEX.fullmatch(hash_value) and _HEX.fullmatch(signature)):
        raise Unreadable("what it says of the digest before it is not in hex")
    return Link(bucket, object_key, hash_value, signature)


def _entry(members: Any) -> LogEntry:
    if not isinstance(members, dict):
        raise Unreadable("a member of logFiles is not an object")
    _one_of(members, "hashAlgorithm", HASH_ALGORITHM)
    return LogEntry(*(_text(members, name) for name in ("s3Bucket", "s3Object", "hashValue")))


def _with_signature(digest: Digest, metadata: Mapping[str, str]) -> Digest:
    signature, algorithm = metadata.get("signature"), metadata.get("signature-algorithm")
    if signature is None or algorithm is None:
        raise Fault(WRONG_SIGNATURE, "Its metadata holds no signature.")
    if algorithm != SIGNATURE_ALGORITHM:
        raise Fault(WRONG_SIGNATURE, f"Its metadata names the algorithm {algorithm!r}.")
    if not _HEX.fullmatch(signature):
        raise Fault(WRONG_SIGNATURE, "The signature in its metadata is not in hex.")
    return replace(digest, signature=bytes.fromhex(signature))


# --- Members ------------------------------------------------------------------------------


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise Unreadable(f"{name} is {'missing' if value is None else 'not a text'}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"{name} is no Unicode text") from None
    return value


def _list(members: Mapping[str, Any], name: str) -> list[Any]:
    value = members.get(name)
    if not isinstance(value, list):
        raise Unreadable(f"{name} is not a list")
    return value


def _moment(members: Mapping[str, Any], name: str) -> datetime:
    try:
        return parse_moment(_text(members, name))
    except ValueError:
        raise Unreadable(f"{name} is not a time") from None


def _one_of(members: Mapping[str, Any], name: str, only: str) -> None:
    if _text(members, name) != only:
        raise Unreadable(f"{name} is not {only}")
