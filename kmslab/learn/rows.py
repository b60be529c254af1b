"""The rows of a table under data/, each as long as its heading. What they say is not known here."""

import csv
from collections.abc import Sequence
from pathlib import Path


def read_rows(source: Path, columns: Sequence[str]) -> list[list[str]]:
    """The rows of a CSV file with exactly these columns; ValueError where it has others."""
    with source.open(encoding="utf-8", newline="") as opened:
        heading, *rows = csv.reader(opened)
    if heading != list(columns):
        raise ValueError(f"{source.name} has the columns {heading}, not {list(columns)}")
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{source.name}: {len(row)} cells, not {len(columns)}: {row}")
    return rows
