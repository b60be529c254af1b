"""What is raced about many log files: a million records to a table, to Parquet, and to an answer.

Each function is one arm of `benchmarks.once`: it is given a folder and does the whole work. The
answer is to one question of an auditor: how often did who call what?
"""

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import dask
import duckdb
import pandas

from benchmarks.tables import records
from kmslab import audit
from kmslab.audit.engines import dask_table, duckdb_view

MILLION = 1_000_000
_A_FILE = 1_000
_COPIES = 10


# --- Tables -------------------------------------------------------------------------------


def flattened_table(folder: str) -> pandas.DataFrame:
    """What one writes without the suite: every member of every record becomes a column."""
    found: list[Any] = []
    for path in sorted(Path(folder).rglob("*.gz")):
        with gzip.open(path) as opened:
            found += json.load(opened)["Records"]
    return pandas.json_normalize(found)


def table(folder: str) -> pandas.DataFrame:
    return audit.from_folder(folder, progress=False)


def table_on_one_core(folder: str) -> pandas.DataFrame:
    return audit.from_folder(folder, progress=False, processes=1)


def parquet(folder: str) -> None:
    with tempfile.TemporaryDirectory() as there:
        audit.to_parquet(folder, Path(there, "trail.parquet"), progress=False)


# --- Answers ------------------------------------------------------------------------------


def flattened_answer(folder: str) -> Any:
    found = flattened_table(folder)
    return found.groupby(["userIdentity.arn", "eventSource", "eventName"]).size()


def table_answer(folder: str) -> Any:
    return _counted(table(folder))


def dask_answer(folder: str) -> Any:
    with dask.config.set(scheduler="processes"):
        return _counted(dask_table(folder)).compute()


def duckdb_answer(folder: str) -> Any:
    connection = duckdb.connect()
    duckdb_view(connection, "trail", folder)
    return connection.sql(
        "SELECT principal, operation, count(*) FROM trail GROUP BY ALL"
    ).fetchall()


def _counted(table: Any) -> Any:
    return table.groupby(["principal", "operation"], observed=True).size()


# --- Folders ------------------------------------------------------------------------------


@contextmanager
def log_folder(events: int) -> Iterator[str]:
    """A folder of log files with so many events, as trails deliver them."""
    with tempfile.TemporaryDirectory() as folder:
        told = records()
        for number in range(max(1, events // _A_FILE)):
            chosen = list(islice(told, min(events, _A_FILE)))
            text = json.dumps({"Records": chosen}, separators=(",", ":")).encode()
            path = Path(folder, f"{number // 100:04}", f"{number:06}.json.gz")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(text, 4))
        yield folder


@contextmanager
def ten_times(folder: str) -> Iterator[str]:
    """A folder with each file ten times, under ten names."""
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as larger:
        for copy in range(_COPIES):
            for path in Path(folder).rglob("*.gz"):
                target = Path(larger, f"{copy:02}", path.relative_to(folder))
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target)
        yield larger
