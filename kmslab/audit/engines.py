"""The same table for engines that are made for more than one machine holds: DuckDB and Dask.

Both read CloudTrail's own layout, gzipped JSON below `AWSLogs/`, as it lies in a folder or, for
DuckDB, behind any address that it can open. Nothing is read before a question is asked. The
columns are those of `COLUMNS`, as far as a question can be put to one record at a time: an alias
stands only where the call named it, and what CloudTrail delivered twice stands twice.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas

from kmslab.audit.reading import Source, file_source, read_batch
from kmslab.audit.sources import from_events, log_files
from kmslab.audit.tidy import tidy
from kmslab.audit.words import DENIED
from kmslab.audit.workers import grouped

# What is read of a record, as DuckDB writes types; JSON is what stays a text.
_RECORD: dict[str, Any] = {
    "eventTime": "TIMESTAMP",
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
_LARGEST_FILE = 256 * 1024 * 1024
_KEY_ID = "requestParameters->>'keyId'"
_KEYS = "list_filter(resources, lambda r: r.type = 'AWS::KMS::Key')"
_DENIED = ", ".join(f"'{code}'" for code in sorted(DENIED))

# Each column of the table, from a record.
_COLUMNS = {
    "time": "eventTime",
    "account": "recipientAccountId",
    "region": "awsRegion",
    "principal": "coalesce(nullif(userIdentity.arn, ''), nullif(userIdentity.principalId, ''),"
    " nullif(userIdentity.accountId, ''), userIdentity.invokedBy)",
    "role": "userIdentity.sessionContext.sessionIssuer.arn",
    "invoked_by": "CASE WHEN coalesce(userIdentity.arn, '') || coalesce(userIdentity.principalId,"
    " '') <> '' THEN userIdentity.invokedBy END",
    "operation": "regexp_replace(eventSource, '\\.amazonaws\\.com$', '') || ':' || eventName",
    "key_arn": f"coalesce({_KEYS}[1].ARN, CASE WHEN {_KEY_ID} LIKE '%:key/%' THEN {_KEY_ID} END)",
    "encryption_context": "coalesce(requestParameters->'encryptionContext',"
    " requestParameters->'sourceEncryptionContext')",
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
    JSON. Digest files are left out. A damaged file fails the query that meets it: DuckDB names no
    files that it leaves out, `from_folder` does.
    """
    above = str(folder).rstrip("/") + "/"
    told = {**_COLUMNS, "file": f"substr(filename, {len(above) + 1})"}
    columns = ", ".join(f"{sql} AS {column}" for column, sql in told.items())
    connection.execute(
        f"""CREATE OR REPLACE VIEW {_quoted(name, '"')} AS
        SELECT {columns} FROM (
            SELECT filename,
                unnest(from_json(json, {_quoted(_shape(), "'")}).Records, max_depth := 2)
            FROM read_json_objects({_quoted(above + "**/*.json.gz", "'")}, format = 'unstructured',
                 maximum_object_size = {_LARGEST_FILE}, filename = true)
            WHERE filename NOT LIKE '%/CloudTrail-Digest/%')"""
    )


def dask_table(folder: str | Path) -> Any:
    """The rows of the log files below `folder` as a Dask DataFrame, one partition for each group
    of files; the columns have the types of `from_folder`. Raises ValueError where there is no such
    folder."""
    import dask
    import dask.dataframe
    from dask.dataframe.utils import clear_known_categories

    places = [[(each.name, each.path) for each in group] for group in grouped(log_files(folder))]
    # Which words a column has is known when all files have been read.
    empty = clear_known_categories(from_events([]))
    with dask.config.set({"dataframe.convert-string": False}):
        return dask.dataframe.from_map(_partition, places, meta=empty)


def _partition(places: Sequence[tuple[str, str]]) -> pandas.DataFrame:
    sources: list[Source] = [file_source(*place) for place in places]
    return tidy([read_batch(sources).rows])


def _shape() -> str:
    return json.dumps({"Records": [_RECORD]})


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote
