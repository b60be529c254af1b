"""The exercises of notebook 15: a question in SQL, and pandas code that Dask can run."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas
from botocore.exceptions import ClientError

from kmslab import audit
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import exercise, require, require_kind

Record = dict[str, Any]


# --- 15-1 ---------------------------------------------------------------------------------


@exercise(
    "15-1",
    right="two callers were denied, each event counted once, the busiest first",
    hints=(
        "outcome is ok, denied or failed: which rows does WHERE have to keep?",
        "A record may be delivered twice, and a view does not notice. What differs between events?",
        "count(DISTINCT event_id) counts events and not rows; GROUP BY names the other columns.",
        "SELECT principal, operation, count(DISTINCT event_id) AS calls FROM trail WHERE outcome = "
        "'denied' GROUP BY ALL ORDER BY calls DESC, and then .fetchall().",
    ),
)
def counts_what_was_denied(denied_calls: Callable[[Any], Any]) -> None:
    records = _a_day_with_denials()
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        _write(Path(folder, "one.json.gz"), records)
        # Delivered twice: the last five calls.
        _write(Path(folder, "two.json.gz"), records[-5:])
        audit.duckdb_view(connection, "trail", folder)
        told = denied_calls(connection)
    require_kind(told, list, "a list of rows is wanted")
    rows = [tuple(row) if isinstance(row, (tuple, list)) else row for row in told]
    require(
        all(isinstance(row, tuple) and len(row) == 3 for row in rows),
        "each row has three values: principal, operation and number of calls",
    )
    callers = {name: f"arn:aws:iam::111122223333:user/{name}" for name in ("eve", "mallory")}
    require(
        {row[0] for row in rows} == set(callers.values()),
        f"eve and mallory were denied, and nobody else; {len({row[0] for row in rows})} callers "
        "are told",
    )
    found = {(row[0], row[1]): row[2] for row in rows}
    for name, calls in (("eve", 4), ("mallory", 2)):
        given = found.get((callers[name], "kms:Decrypt"))
        require(given == calls, f"{name} was denied Decrypt {calls} times, and {given} are told")
    require(rows[0][0] == callers["eve"], "the busiest comes first")


def _a_day_with_denials() -> list[Record]:
    """Eve is denied four times and mallory twice; one call fails for another reason."""
    lab = classroom_lab(seed="15-1")
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    for name in ("mallory", "eve", "eve", "mallory", "eve", "eve"):
        with suppress(ClientError):
            lab.client("kms", lab.user(name)).decrypt(CiphertextBlob=blob)
    with suppress(ClientError):
        kms.describe_key(KeyId="alias/nowhere")
    return lab.events()


def _write(path: Path, records: list[Record]) -> None:
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), mtime=0))


# --- 15-2 ---------------------------------------------------------------------------------


@exercise(
    "15-2",
    right="the same three hours from pandas and, when it was asked to compute, from Dask",
    hints=(
        "table['time'].dt has a method that rounds a time down: which one?",
        "Group by what it gives: groupby takes a Series of the same length as well as a name.",
        "Dask has no rows yet: no loop over rows, no iloc, no sort_values on what size() gives.",
        "return table.groupby(table['time'].dt.floor('h')).size()",
    ),
)
def counts_calls_by_the_hour(calls_per_hour: Callable[[Any], Any]) -> None:
    import dask.dataframe

    table = audit.from_events(_three_hours())
    wanted = {"09": 3, "10": 1, "12": 2}
    told = calls_per_hour(table.copy())
    require_kind(told, pandas.Series, "a Series is wanted")
    require(_by_hour(told) == wanted, f"of pandas: wanted are {wanted}, not {_by_hour(told)}")
    with dask.config.set({"dataframe.convert-string": False, "scheduler": "sync"}):
        lazy = dask.dataframe.from_pandas(table, npartitions=2)
        try:
            answer = calls_per_hour(lazy)
        except Exception as problem:
            require(False, f"Dask cannot run it: {type(problem).__name__}")
        require(hasattr(answer, "compute"), "Dask's answer must still be one to compute")
        computed = answer.compute()
    require(_by_hour(computed) == wanted, f"of Dask: wanted are {wanted}, not {_by_hour(computed)}")


def _by_hour(told: Any) -> dict[str, int]:
    """The answer, as far as it is one: hours of the day and numbers."""
    if not isinstance(getattr(told, "index", None), pandas.DatetimeIndex):
        return {}
    return {f"{moment:%H}": int(calls) for moment, calls in sorted(told.items()) if calls}


def _three_hours() -> list[Record]:
    lab = classroom_lab(seed="15-2")
    kms = lab.client("kms")
    for _ in range(3):
        kms.list_keys()
    lab.clock.advance(hours=1)
    with suppress(ClientError):
        kms.describe_key(KeyId="alias/nowhere")
    lab.clock.advance(hours=2)
    for _ in range(2):
        kms.list_aliases()
    return lab.events()
