"""The same table for engines that are made for more than one machine holds: DuckDB and Dask.

Both read CloudTrail's own layout, gzipped JSON below `AWSLogs/`, as it lies in a folder or, for
DuckDB, behind any address that it can open. Nothing is read before a question is asked. The
columns are those of `COLUMNS`, as far as a question can be put to one record at a time: an alias
stands only where the call named it, and what CloudTrail delivered twice stands twice.
"""

import json
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas
import pyarrow

from kmslab.audit.reading import SkippedFile, file_source, read_batch
from kmslab.audit.sources import from_events, log_files, missing
from kmslab.audit.tidy import in_pandas
from kmslab.audit.words import DENIED
from kmslab.audit.workers import grouped
from kmslab.trail_integrity.names import DIGESTS

# What is read of a record, as DuckDB writes types; JSON is what stays a text.
_RECORD: dict[str, Any] = {
    "eventTime": "VARCHAR",
    "eventSource": "VARCHAR",
    "eventName": "VARCHAR",
    "awsRegion": "VARCHAR",
    "eventID": "VARCHAR",
    "userIdentity": {
        "arn": "VARCHAR",
        "principalId": "VARCHAR",
        "accountId": "VARCHAR",
        "accessKeyId": "VARCHAR",
        "invokedBy": "VARCHAR",
        "sessionContext": {"sessionIssuer": {"arn": "VARCHAR"}},
    },
    "recipientAccountId": "VARCHAR",
    "requestParameters": "JSON",
    "resources": [{"ARN": "VARCHAR", "type": "VARCHAR"}],
    "readOnly": "BOOLEAN",
    "errorCode": "VARCHAR",
    "errorMessage": "VARCHAR",
    "sourceIPAddress": "VARCHAR",
    "userAgent": "VARCHAR",
    "requestID": "VARCHAR",
    "sharedEventID": "VARCHAR",
}
# What every record has, as `from_folder` takes it.
_NEEDED = ("eventTime", "eventSource", "eventName", "awsRegion", "eventID")
_LARGEST_FILE = 256 * 1024 * 1024
_KEY_ID = "(requestParameters->>'keyId')"
_ALIAS_AT = f"instr({_KEY_ID}, 'alias/')"
_KEYS = "list_filter(resources, lambda r: r.type = 'AWS::KMS::Key')"
_CONTEXT = "requestParameters->'encryptionContext'"
_OLD_CONTEXT = "requestParameters->'sourceEncryptionContext'"
_DENIED = ", ".join(f"'{code}'" for code in sorted(DENIED))


def _time(text: str) -> str:
    """A time in UTC: a cast to TIMESTAMP takes the hours as they are written."""
    return (
        f"CASE WHEN {text} NOT LIKE '%Z' AND regexp_matches({text}, '[+-][0-9]{{2}}:?[0-9]{{2}}$')"
        f" THEN make_timestamp(epoch_us(try_cast({text} AS TIMESTAMPTZ)))"
        f" ELSE try_cast({text} AS TIMESTAMP) END"
    )


# Each column of the table, from a record.
_COLUMNS = {
    "time": _time("eventTime"),
    "account": "recipientAccountId",
    "region": "awsRegion",
    "principal": "coalesce(nullif(userIdentity.arn, ''), nullif(userIdentity.principalId, ''),"
    " nullif(userIdentity.accountId, ''), userIdentity.invokedBy)",
    "role": "userIdentity.sessionContext.sessionIssuer.arn",
    "invoked_by": "CASE WHEN coalesce(userIdentity.arn, '') || coalesce(userIdentity.principalId,"
    " '') <> '' THEN userIdentity.invokedBy END",
    "operation": "regexp_replace(eventSource, '\\.amazonaws\\.com$', '') || ':' || eventName",
    "key_arn": f"coalesce({_KEYS}[1].ARN, CASE WHEN {_KEY_ID} LIKE '%:key/%' THEN {_KEY_ID} END)",
    # The first alias/ counts, alone or behind a colon: the name itself may have more of both.
    "alias": f"CASE WHEN {_ALIAS_AT} > 0 AND {_ALIAS_AT} = instr(':' || {_KEY_ID}, ':alias/')"
    f" THEN substr({_KEY_ID}, {_ALIAS_AT}) END",
    "encryption_context": f"CASE WHEN json_type({_CONTEXT}) = 'OBJECT' THEN {_CONTEXT}"
    f" WHEN coalesce(json_type({_CONTEXT}), 'NULL') = 'NULL'"
    f" AND json_type({_OLD_CONTEXT}) = 'OBJECT' THEN {_OLD_CONTEXT} END",
    "resources": "list_transform(list_filter(coalesce(resources, []), lambda r: r.ARN <> ''),"
    " lambda r: r.ARN)",
    "read_only": "readOnly",
    "outcome": "CASE WHEN coalesce(errorCode, '') = '' THEN 'ok'"
    f" WHEN errorCode IN ({_DENIED}) THEN 'denied' ELSE 'failed' END",
    "error": "errorCode",
    "error_message": "errorMessage",
    "source_ip": "sourceIPAddress",
    "user_agent": "userAgent",
    "access_key_id": "userIdentity.accessKeyId",
    "request_id": "requestID",
    "event_id": "eventID",
    "shared_event_id": "sharedEventID",
}


def duckdb_view(connection: Any, name: str, folder: str | Path) -> None:
    """Make a view `name` in a DuckDB connection: the rows of the log files below `folder`.

    `folder` may be an address of a file system that the connection knows. Encryption contexts are
    JSON. Digest files are left out. A damaged file, or a record without a time, a name or an id,
    fails the query that meets it, and is named: DuckDB leaves out nothing, `from_folder` goes on.

    It reads what `from_folder` does not: all objects in a file that has several, and a record with
    a member of another type than CloudTrail's, which is a text or NULL here. It reads gzipped files
    only, and passes over one in which nothing is packed. Raises duckdb.Error where there are no
    files.
    """
    above = _above(folder)
    file = f"substr(filename, {len(above) + 1})"
    columns = ", ".join(f"{sql} AS {column}" for column, sql in {**_COLUMNS, "file": file}.items())
    files = f"""read_json_objects({_quoted(_escaped(above) + "**/*.json.gz", "'")},
        format = 'unstructured', compression = 'gzip', maximum_object_size = {_LARGEST_FILE},
        filename = true) WHERE '/' || {file} NOT LIKE '%/{DIGESTS}/%'"""
    view = _quoted(name, '"')
    connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM ({_rows(files)})")


def _rows(files: str) -> str:
    """A row for each record in JSON files, or an error that names the file. Records are looked at
    while they are a list: of rows a question's own WHERE could come first, and lose some."""
    needs = [f"r.{member}" for member in _NEEDED]
    wrong = " OR ".join(f"{each} IS NULL" for each in (*needs, _time("r.eventTime")))
    shape = _quoted(json.dumps({"Records": [_RECORD]}), "'")
    return f"""SELECT filename, unnest(CASE
            WHEN records IS NULL THEN error(filename || ': it has no list of Records')
            WHEN wrong IS NULL THEN records
            ELSE error(filename || ': record ' || wrong || ' lacks a readable {", ".join(_NEEDED)}')
        END, max_depth := 2)
        FROM (SELECT *, list_position(list_transform(records, lambda r: {wrong}), true) AS wrong
            FROM (SELECT filename, from_json(json, {shape}).Records AS records FROM {files}))"""


class _Asked(NamedTuple):
    """Who asked for a table, and where."""

    process: str
    file: str
    line: int


def dask_table(folder: str | Path) -> Any:
    """The rows of the log files below `folder` as a Dask DataFrame, one partition for each group
    of files; the columns have the types of `from_folder`.

    Each time that a file or record cannot be read there is a SkippedFile warning. Another process
    has nobody to warn: there it is raised. Raises ValueError where there is no such folder.
    """
    import dask
    import dask.dataframe
    from dask.dataframe.utils import clear_known_categories

    places = [[(each.name, each.path) for each in group] for group in grouped(log_files(folder))]
    # Which words a column has is known when all files have been read.
    empty = clear_known_categories(from_events([]))
    caller = sys._getframe(1)
    asked = _Asked(_this_process(), caller.f_code.co_filename, caller.f_lineno)
    with dask.config.set({"dataframe.convert-string": False}):
        return dask.dataframe.from_map(_partition, places, meta=empty, asked=asked)


def _partition(places: Sequence[tuple[str, str]], asked: _Asked) -> pandas.DataFrame:
    batch = read_batch([file_source(*place) for place in places])
    for each in batch.skipped:
        if asked.process != _this_process():
            raise SkippedFile(missing(each))
        # Unlike warn() it does not keep still when a second question meets the same file.
        warnings.warn_explicit(missing(each), SkippedFile, asked.file, asked.line)
    return in_pandas(pyarrow.Table.from_batches([batch.rows]))


def _this_process() -> str:
    return f"{platform.node()} {os.getpid()}"


def _above(folder: str | Path) -> str:
    """What stands before the names of files in `folder`, as DuckDB gives them."""
    place = str(folder) if "://" in str(folder) else Path(folder).resolve().as_posix()
    return place.rstrip("/") + "/"


def _escaped(place: str) -> str:
    """`place` in a pattern that stands for nothing else."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in place)


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote
