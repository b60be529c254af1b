"""The table as a Parquet file, written and read without ever holding all rows at once.

Engines such as DuckDB, Dask, Spark and Athena read it by columns. Rows stand in it as the log files
have them, file after file: a record that CloudTrail delivered twice stands twice, and an alias only
where the call named it. `from_parquet` makes of it the very table that the files would have made.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas
import pyarrow
import pyarrow.parquet

from kmslab.audit.columns import SCHEMA
from kmslab.audit.reading import Skipped
from kmslab.audit.sources import batches_with_bar, log_files, warn_of
from kmslab.audit.tidy import tidy

_RESOURCES = SCHEMA.get_field_index("resources")
_ARNS = pyarrow.list_(pyarrow.string())
_STORED = SCHEMA.set(_RESOURCES, pyarrow.field("resources", _ARNS))
_SKIPPED = b"kmslab.skipped"
_AT_ONCE = 100_000


def to_parquet(
    folder: str | Path, target: str | Path, progress: bool = True, processes: int | None = None
) -> list[Skipped]:
    """Write the rows of the log files below `folder` to the Parquet file `target`.

    Encryption contexts are JSON texts, resources lists. Memory does not grow with the number of
    files; `processes` as for `from_folder`. Returns what could not be read, of which it warns as
    well. `target` stands there when all is written, and not before. Raises ValueError where there
    is no such folder and for fewer than one process, ChildProcessError where a process is killed,
    OSError where `target` cannot be written.
    """
    sources = log_files(folder)
    unfinished = Path(f"{target}.unfinished")
    skipped: list[Skipped] = []
    try:
        with pyarrow.parquet.ParquetWriter(unfinished, _STORED, compression="zstd") as writer:
            for batch in batches_with_bar(sources, progress, processes):
                skipped += batch.skipped
                if len(batch.rows):
                    writer.write_batch(_stored(batch.rows))
            writer.add_key_value_metadata({_SKIPPED: json.dumps(skipped)})
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    warn_of(skipped, 1)
    return skipped


def from_parquet(path: str | Path) -> pandas.DataFrame:
    """The table of a file that `to_parquet` wrote: the same as `from_folder` of its log files.
    Raises ValueError for another file."""
    with pyarrow.parquet.ParquetFile(path) as opened:
        said = (opened.metadata.metadata or {}).get(_SKIPPED)
        if said is None:
            raise ValueError(f"{str(path)!r} was not written by to_parquet")
        table = tidy([_empty(), *_read(opened)])
    table.attrs["skipped"] = [Skipped(*each) for each in json.loads(said)]
    return table


def _empty() -> pyarrow.RecordBatch:
    return pyarrow.RecordBatch.from_pylist([], SCHEMA)


def _stored(rows: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    said = rows.column(_RESOURCES)
    lists = [msgspec.json.decode(text) for text in said.dictionary.to_pylist()]
    arns = pyarrow.array(lists, _ARNS).take(said.indices)
    return rows.set_column(_RESOURCES, _STORED.field(_RESOURCES), arns)


def _read(opened: Any) -> Iterator[pyarrow.RecordBatch]:
    for rows in opened.iter_batches(_AT_ONCE):
        texts = [msgspec.json.encode(arns).decode() for arns in rows["resources"].to_pylist()]
        said = pyarrow.array(texts, pyarrow.string()).dictionary_encode()
        columns = rows.set_column(_RESOURCES, SCHEMA.field(_RESOURCES), said)
        yield columns.cast(SCHEMA)
