"""Figures of the benchmarks' record, for notebooks that show what this machine cannot measure now.

The record is `benchmarks/records/results.json`, written by `make bench`; each part of it says on
which machine it was measured. Nothing is measured here.
"""

import json
from typing import Any, NamedTuple

import pandas

from kmslab import project

STAGES_CURVE = "One Encrypt, stage by stage"
SIZES_CURVE = "What size costs"
ANSWERS_CURVE = "Log files to one answer"
MEMORY_CURVE = "Log files to one answer, memory"
TEN_MILLION_CURVE = "Log files to Parquet"

_RECORD = project.FOLDER / "benchmarks" / "records" / "results.json"


class Reference(NamedTuple):
    """A curve of the record: `points` has a row for each place of each line, with line, x, median,
    low and high; `machine` says in words where it was measured."""

    points: pandas.DataFrame
    machine: str


def reference(part: str, title: str) -> Reference:
    """The curve `title` of one part of the record. Raises LookupError where it is not there."""
    entry = _record().get(part, {})
    for curve in entry.get("curves", ()):
        if curve["title"] == title:
            return Reference(points_of(curve), _words(entry["machine"]))
    raise LookupError(f"the record of the benchmarks has no {title!r} in {part!r}")


def points_of(curve: dict[str, Any]) -> pandas.DataFrame:
    """A curve of the record as rows."""
    rows = [(name, *point) for name, points in curve["lines"].items() for point in points]
    return pandas.DataFrame(rows, columns=["line", "x", "median", "low", "high"])


def _record() -> dict[str, Any]:
    if not _RECORD.exists():
        return {}
    read: dict[str, Any] = json.loads(_RECORD.read_text(encoding="utf-8"))
    return read


def _words(machine: dict[str, str]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, "
        f"Python {machine['Python']}"
    )
