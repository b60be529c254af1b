"""Where an auditor's table comes from: live events, LookupEvents, a bucket, or a folder of files.

Everything is read through boto3 with the reader's own rights, from AWS or from a lab, and nothing
is written. What the rows say is not known here.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas
from botocore.exceptions import ClientError
from tqdm.auto import tqdm

from kmslab.audit.reading import Batch, Skipped, SkippedFile, Source, file_source
from kmslab.audit.tidy import filled_aliases, tidy
from kmslab.audit.workers import read_batches
from kmslab.trail_integrity.findings import Unreadable
from kmslab.trail_integrity.names import DIGESTS, parse_log_file_name, printable
from kmslab.trail_integrity.reading import fetch, list_objects, unpack

# Who waits for less is not shown a bar.
SHORT_SECONDS = 2.0

# A file's name says when it was made, in minutes: its calls came before, most of them just before.
_A_MINUTE = timedelta(minutes=1)
_LATE = timedelta(days=1)


def from_events(events: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """The table of records as dicts, such as `lab.events(data_events=True)` gives them."""
    text = msgspec.json.encode({"Records": list(events)})
    return _table([Source("", lambda: text)], progress=False)


def from_lookup(
    cloudtrail: Any,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: bool = True,
    **attribute: str,
) -> pandas.DataFrame:
    """The table of what LookupEvents finds: management events of the client's Region, of the last
    90 days at most. `attribute` may be one of LookupEvents' own: EventName="Decrypt". Raises
    ClientError."""
    asked: dict[str, Any] = {"StartTime": start, "EndTime": end}
    asked = {name: moment for name, moment in asked.items() if moment is not None}
    if attribute:
        asked["LookupAttributes"] = [
            {"AttributeKey": name, "AttributeValue": sought} for name, sought in attribute.items()
        ]
    pages = cloudtrail.get_paginator("lookup_events").paginate(**asked)
    shown = tqdm(pages, "LookupEvents", unit="page", delay=SHORT_SECONDS, disable=not progress)
    found = [each["CloudTrailEvent"] for page in shown for each in page["Events"]]
    text = f'{{"Records":[{",".join(found)}]}}'.encode()
    return _table([Source("", lambda: text)], progress=False)


def from_bucket(
    s3: Any,
    bucket: str,
    prefix: str = "",
    account: str | None = None,
    region: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: bool = True,
) -> pandas.DataFrame:
    """The table of the log files in a bucket.

    `prefix` is the trail's; `account` and `region` choose among its files, `start` and `end` among
    the calls: both have a time zone. Files that were made more than a day after `end` are not
    looked at. Raises ValueError for a time without a zone, ClientError where S3 refuses the
    listing, or every file in it.
    """
    if any(bound is not None and bound.tzinfo is None for bound in (start, end)):
        raise ValueError(f"start and end need a time zone, not {start!r} and {end!r}")
    refusals: list[ClientError] = []

    def reader(object_key: str) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                return unpack(fetch(s3, bucket, object_key).stored)
            except ClientError as refusal:
                refusals.append(refusal)
                raise Unreadable(f"S3 refuses it: {refusal.response['Error']['Code']}") from None

        return read

    def is_wanted(object_key: str) -> bool:
        name = parse_log_file_name(object_key)
        return (
            name is not None
            and account in (None, name.account)
            and region in (None, name.region)
            and (start is None or start - name.stamp <= _A_MINUTE)
            and (end is None or name.stamp - end <= _LATE)
        )

    folder = "/".join(name for name in (prefix.strip("/"), "AWSLogs") if name) + "/"
    names = [listed.object_key for listed in list_objects(s3, bucket, folder)]
    sources = [Source(name, reader(name)) for name in names if is_wanted(name)]
    table = _table(sources, progress)
    if refusals and len(refusals) == len(sources):
        raise refusals[0]
    if start is not None:
        table = table[table["time"] >= start]
    if end is not None:
        table = table[table["time"] <= end]
    return table.reset_index(drop=True)


def from_folder(
    folder: str | Path, progress: bool = True, processes: int | None = None
) -> pandas.DataFrame:
    """The table of the log files below a folder, gzipped or plain, as they were copied from a
    bucket. Digest files, which tell of no calls, are left out.

    `processes` is how many read at once, by default one for each core, and eight at most, where
    that is worth it. Raises ValueError where there is no such folder and for fewer than one
    process, ChildProcessError where a process is killed.
    """
    return _table(log_files(folder), progress, processes)


def log_files(folder: str | Path) -> list[Source]:
    """The log files below a folder, and folders that cannot be listed: who reads those is told
    why. Links to folders are not followed. Raises ValueError where there is no such folder."""
    # Whoever reads them may stand elsewhere by then.
    top = Path(folder).absolute()
    if not top.is_dir():
        raise ValueError(f"there is no folder {str(folder)!r}")
    places: list[Path] = []
    refused: list[OSError] = []
    for above, folders, names in os.walk(top, onerror=refused.append):
        folders[:] = [name for name in folders if name != DIGESTS]
        places += [Path(above, name) for name in names if name.endswith((".json", ".json.gz"))]
    places += [Path(each.filename) for each in refused]
    return [
        file_source(_named(path.relative_to(top)), str(path), _size(path))
        for path in sorted(places)
    ]


def with_aliases(table: pandas.DataFrame, kms: Any) -> pandas.DataFrame:
    """The table with the aliases that ListAliases tells of today, for keys whose alias it does not
    know: a trail that began after an alias was made never heard of it. Raises ClientError."""
    known: dict[str, str] = {}
    for page in kms.get_paginator("list_aliases").paginate():
        for each in page["Aliases"]:
            if "TargetKeyId" in each:
                home = each["AliasArn"].removesuffix(each["AliasName"])
                known.setdefault(f"{home}key/{each['TargetKeyId']}", each["AliasName"])
    return table.assign(alias=filled_aliases(table, known))


def batches_with_bar(
    sources: Sequence[Source], progress: bool, processes: int | None = None
) -> Iterator[Batch]:
    """The rows of all files; `progress` shows a bar where it takes long."""
    with tqdm(
        total=len(sources), desc="log files", unit="file", delay=SHORT_SECONDS, disable=not progress
    ) as bar:
        for batch in read_batches(sources, processes):
            yield batch
            bar.update(batch.files)


def warn_of(skipped: Iterable[Skipped], above: int) -> None:
    """A `SkippedFile` warning for each, that names the line so many calls above the caller."""
    for each in skipped:
        warnings.warn(missing(each), SkippedFile, stacklevel=above + 2)


def missing(skipped: Skipped) -> str:
    """What could not be read, as a warning says it."""
    return f"not in the table: {printable(skipped.name) or 'these events'}: {skipped.why}"


def _table(
    sources: Sequence[Source], progress: bool, processes: int | None = None
) -> pandas.DataFrame:
    batches = list(batches_with_bar(sources, progress, processes))
    table = tidy([batch.rows for batch in batches])
    skipped = [each for batch in batches for each in batch.skipped]
    warn_of(skipped, 2)
    table.attrs["skipped"] = skipped
    return table


def _named(place: Path) -> str:
    """Names on Linux are bytes: those that are no text are written as Python writes them."""
    return os.fsencode(place.as_posix()).decode("utf-8", "backslashreplace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
