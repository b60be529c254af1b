"""Log files become rows, and what cannot be read is named.

A file is never passed over in silence: each batch of rows says which of its files, or records in
them, are missing, and why. Which files there are is not known here, nor what their rows say.
"""

import gc
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import pyarrow

from kmslab.audit.columns import Rows
from kmslab.audit.records import NO_JSON, read_quickly, read_records
from kmslab.trail_integrity.findings import Absent, Unreadable
from kmslab.trail_integrity.reading import unpack


class SkippedFile(UserWarning):
    """A log file, or a record in one, that could not be read."""


class Skipped(NamedTuple):
    """What could not be read, and why."""

    name: str
    why: str


class Source(NamedTuple):
    """A file that is still to be read; `read` raises Unreadable or Absent. `path` and `size` are
    those of a file on this machine, which another process could read as well."""

    name: str
    read: Callable[[], bytes]
    path: str = ""
    size: int = 0


def file_source(name: str, path: str, size: int = 0) -> Source:
    """The log file at `path`, gzipped or plain."""

    def read() -> bytes:
        stored = _stored(path)
        return unpack(stored) if path.endswith(".gz") else stored

    return Source(name, read, path, size)


def _stored(path: str) -> bytes:
    try:
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            # Only a folder that could not be listed is asked for: this says why.
            os.scandir(path).close()
        # A pipe would have a reader wait for its writer for ever.
        if not stat.S_ISREG(kind):
            raise Unreadable("it is not a regular file")
        return Path(path).read_bytes()
    except OSError as reason:
        raise Unreadable(f"it cannot be opened: {reason.strerror}") from None


class Batch(NamedTuple):
    """The rows of some files, and what could not be read of these."""

    rows: pyarrow.RecordBatch
    skipped: list[Skipped]
    files: int


def read_batch(sources: Sequence[Source]) -> Batch:
    """The rows of these files, in the order of the files."""
    rows = Rows()
    skipped: list[Skipped] = []
    with _no_garbage_collection:
        for source in sources:
            _add(rows, source, skipped)
        return Batch(rows.batch(), skipped, len(sources))


def _add(rows: Rows, source: Source, skipped: list[Skipped]) -> None:
    """Add the rows of one file; what cannot be read is added to `skipped`."""
    try:
        text, file = source.read(), source.name or None
        try:
            rows.add(read_quickly(text), file)
        except NO_JSON:
            records, refused = read_records(text)
            rows.add(records, file)
            skipped += [
                Skipped(source.name, f"record {each.number}: {each.why}") for each in refused
            ]
    except Absent:
        skipped.append(Skipped(source.name, "it was in the listing, and is gone"))
    except (Unreadable, ValueError) as reason:
        skipped.append(Skipped(source.name, str(reason)))


class _NoGarbageCollection:
    """Hundreds of thousands of new objects, none of them garbage: looking through them again and
    again would take as long as all the rest. Of several threads the last one turns it on again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._was_on and not self._inside:
                gc.enable()


_no_garbage_collection = _NoGarbageCollection()
