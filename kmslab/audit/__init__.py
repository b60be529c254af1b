"""Reading the trail: CloudTrail's records as one tidy table, and an auditor's questions to it.

A table is read from live events, from LookupEvents, from the log files in a bucket or from a folder
of them, of AWS or of a lab; `COLUMNS` says what stands in each column. Nothing of the lab is known
here, and nothing is written anywhere but where `to_parquet` is told to.

What is here is imported when it is first asked for: a process that only reads files need not wait
for pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmslab.audit.columns import COLUMNS as COLUMNS
    from kmslab.audit.engines import dask_table as dask_table
    from kmslab.audit.engines import duckdb_view as duckdb_view
    from kmslab.audit.parquet import from_parquet as from_parquet
    from kmslab.audit.parquet import to_parquet as to_parquet
    from kmslab.audit.questions import actor as actor
    from kmslab.audit.questions import could_but_never_did as could_but_never_did
    from kmslab.audit.questions import denials as denials
    from kmslab.audit.questions import in_whose_name as in_whose_name
    from kmslab.audit.questions import objects_opened as objects_opened
    from kmslab.audit.questions import of_key as of_key
    from kmslab.audit.questions import short_names as short_names
    from kmslab.audit.questions import sleeping_keys as sleeping_keys
    from kmslab.audit.questions import who_used as who_used
    from kmslab.audit.questions import who_uses_what as who_uses_what
    from kmslab.audit.reading import Skipped as Skipped
    from kmslab.audit.reading import SkippedFile as SkippedFile
    from kmslab.audit.s3_files import S3Files as S3Files
    from kmslab.audit.sources import from_bucket as from_bucket
    from kmslab.audit.sources import from_events as from_events
    from kmslab.audit.sources import from_folder as from_folder
    from kmslab.audit.sources import from_lookup as from_lookup
    from kmslab.audit.sources import with_aliases as with_aliases

_HOMES = {
    "columns": ("COLUMNS",),
    "engines": ("dask_table", "duckdb_view"),
    "parquet": ("from_parquet", "to_parquet"),
    "questions": (
        *("actor", "could_but_never_did", "denials", "in_whose_name", "objects_opened", "of_key"),
        *("short_names", "sleeping_keys", "who_used", "who_uses_what"),
    ),
    "reading": ("Skipped", "SkippedFile"),
    "s3_files": ("S3Files",),
    "sources": ("from_bucket", "from_events", "from_folder", "from_lookup", "with_aliases"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'kmslab.audit' has no attribute {name!r}")
    return getattr(import_module(f"kmslab.audit.{_HOME_OF[name]}"), name)
