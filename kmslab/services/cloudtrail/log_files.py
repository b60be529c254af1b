"""The bytes of a log file: the records of events as JSON, in gzip.

CloudTrail User Guide, "CloudTrail log file examples". The same events give the same bytes, so a
file that is put a second time is the same file. Where it lies is not known here.
"""

import gzip
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from kmslab.store.events import Event

_LEVEL = 6


class LogFile(NamedTuple):
    """`hash_value` is the SHA-256, in hex, of the bytes before compression."""

    content: bytes
    hash_value: str
    oldest_event: float
    newest_event: float


def log_file(events: Sequence[Event]) -> LogFile:
    """The file that tells of `events`, one at least."""
    records = {"Records": [event.as_record() for event in events]}
    text = json.dumps(records, separators=(",", ":")).encode("ascii")
    times = [event.time for event in events]
    return LogFile(packed(text), sha256(text).hexdigest(), min(times), max(times))


def packed(text: bytes) -> bytes:
    """`text` in gzip: one member, since validators refuse a second one, and without a time of its
    own."""
    return gzip.compress(text, compresslevel=_LEVEL, mtime=0)
