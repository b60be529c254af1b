"""Log files become rows, and what cannot be read is named.

A file is never passed over in silence: each batch of rows says which of its files, or records in
them, are missing, and why. Which files there are is not known here, nor what their rows say.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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
        try:
            stored = Path(path).read_bytes()
        except OSError as reason:
            raise Unreadable(f"it cannot be opened: {reason.strerror}") from None
        return unpack(stored) if path.endswith(".gz") else stored

    return Source(name, read, path, size)


class Batch(NamedTuple):
    """The rows of some files, and what could not be read of these."""

    rows: pyarrow.RecordBatch
    skipped: list[Skipped]
    files: int


def read_batch(sources: Sequence[Source]) -> Batch:
    """The rows of these files, in the order of the files."""
    rows = Rows()
    skipped: list[Skipped] = []
    with _no_garbage_collection():
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


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Hundreds of thousands of new objects, none of them garbage: looking through them again and
    again would take as long as all the rest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
