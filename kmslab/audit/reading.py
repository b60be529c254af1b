"""Files of records become one table, and what cannot be read is named.

A file is never passed over in silence: it stands in a `SkippedFile` warning and in
`table.attrs["skipped"]`, each time with the reason. Where files lie is not known here, nor what
their rows say.
"""

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pandas
from tqdm.auto import tqdm

from kmslab.audit.columns import Rows
from kmslab.audit.records import Record, read_records
from kmslab.trail_integrity.findings import Absent, Unreadable
from kmslab.trail_integrity.names import printable

# Who waits for less is not shown a bar.
SHORT_SECONDS = 2.0


class SkippedFile(UserWarning):
    """A log file, or a record in one, that could not be read."""


class Skipped(NamedTuple):
    """What could not be read, and why."""

    name: str
    why: str


class Source(NamedTuple):
    """A file that is still to be read; `read` raises Unreadable or Absent."""

    name: str
    read: Callable[[], bytes]


def table_from(sources: Sequence[Source], progress: bool) -> pandas.DataFrame:
    """The table of all records in `sources`; `progress` shows a bar where it takes long."""
    rows = Rows()
    skipped: list[Skipped] = []
    with _no_garbage_collection():
        for source in tqdm(
            sources, "log files", unit="file", delay=SHORT_SECONDS, disable=not progress
        ):
            rows.add(_read(source, skipped), source.name or None)
        table = rows.table()
    for each in skipped:
        name = printable(each.name) or "these events"
        warnings.warn(f"not in the table: {name}: {each.why}", SkippedFile, stacklevel=3)
    table.attrs["skipped"] = skipped
    return table


def _read(source: Source, skipped: list[Skipped]) -> list[Record]:
    """The records of one file; what cannot be read is added to `skipped`."""
    try:
        records, refused = read_records(source.read())
    except Absent:
        skipped.append(Skipped(source.name, "it was in the listing, and is gone"))
        return []
    except (Unreadable, ValueError) as reason:
        skipped.append(Skipped(source.name, str(reason)))
        return []
    skipped += [Skipped(source.name, f"record {each.number}: {each.why}") for each in refused]
    return records


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
