"""What somebody did to a copy of the files: they own the bucket, and have something to hide.

A log file without the grant, and a digest to fit it; two log files without the thief; one that is
gone; and the last digests, gone as well.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kmslab.learn.incident.company import SHOP
from kmslab.learn.incident.places import DELETED
from kmslab.learn.incident.theft import ROLE, THIEF_IP

Record = dict[str, Any]

_LOGS = f"AWSLogs/{SHOP}/CloudTrail/us-east-1/"
_DIGESTS = f"AWSLogs/{SHOP}/CloudTrail-Digest/us-east-1/"


def tamper(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """The changed files, and the names of those that were deleted."""
    granting = _log_file(files, "T1010Z")
    changed = {granting: _without(files[granting], _is_the_grant)}
    digest = _digest(files, "20260310T110000Z")
    changed[digest] = _adapted(files[digest], files[granting], changed[granting])
    for minute in ("T1305Z", "T1320Z"):
        name = _log_file(files, minute)
        changed[name] = _without(files[name], _is_the_thiefs)
    last = [_digest(files, end) for end in ("20260311T000000Z", "20260311T010000Z")]
    return changed, [_log_file(files, "T1330Z"), *last]


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    changed, deleted = tamper(files)
    for name, stored in changed.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored)
    (folder / DELETED).write_text("".join(f"{name}\n" for name in deleted), encoding="ascii")


def _log_file(files: Mapping[str, bytes], minute: str) -> str:
    (name,) = (name for name in files if name.startswith(_LOGS) and minute in name)
    return name


def _digest(files: Mapping[str, bytes], end: str) -> str:
    (name,) = (name for name in files if name.startswith(_DIGESTS) and end in name)
    return name


def _is_the_grant(record: Record) -> bool:
    asked = record["requestParameters"] or {}
    return record["eventName"] == "CreateGrant" and bool(asked["granteePrincipal"] == ROLE)


def _is_the_thiefs(record: Record) -> bool:
    """Calls of theirs, and those that S3 made for them: the role was not at work then."""
    issuer = record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {})
    return bool(record["sourceIPAddress"] == THIEF_IP or issuer.get("arn") == ROLE)


def _without(stored: bytes, is_hidden: Callable[[Record], bool]) -> bytes:
    records = json.loads(gzip.decompress(stored))["Records"]
    left = [record for record in records if not is_hidden(record)]
    return _packed({"Records": left})


def _adapted(digest: bytes, before: bytes, after: bytes) -> bytes:
    """The digest with the hash of a changed log file in the place of the old one."""
    old, new = (sha256(gzip.decompress(stored)).hexdigest() for stored in (before, after))
    return _packed(json.loads(gzip.decompress(digest).replace(old.encode(), new.encode())))


def _packed(content: Any) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode("ascii")
    return gzip.compress(text, compresslevel=9, mtime=0)
