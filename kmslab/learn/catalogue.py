"""The list of notebooks (data/notebooks.json) and the links that lead from one to the next.

It knows titles and order, and nothing of what is inside a notebook.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from kmslab import project
from kmslab.learn.claims import text_only


@dataclass(frozen=True)
class Entry:
    """One notebook: its place in the course and the claims of the article that it settles."""

    number: str
    file: str
    title: str
    question: str
    minutes: int
    claims: tuple[str, ...]
    planned: bool

    @property
    def testable_claims(self) -> frozenset[str]:
        return frozenset(self.claims) - text_only()


def load(listing: Path = project.NOTEBOOK_LIST) -> list[Entry]:
    """All notebooks in the course's order, the planned ones too."""
    entries = [_entry(row) for row in json.loads(listing.read_text(encoding="utf-8"))]
    numbers = [entry.number for entry in entries]
    if numbers != sorted(set(numbers)):
        raise ValueError(f"numbers of {listing.name} repeat or are out of order: {numbers}")
    return entries


def written(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if not entry.planned]


def links(entry: Entry, entries: list[Entry]) -> str:
    """The Markdown of a notebook's first and last cell: back, where we are, and on."""
    place = entries.index(entry)
    here = f"notebook {entry.number} of {entries[-1].number}, about {entry.minutes} minutes"
    parts = [f"*{here}*"]
    if place > 0:
        parts.insert(0, f"previous: {_link(entries[place - 1])}")
    if place < len(entries) - 1:
        parts.append(f"next: {_link(entries[place + 1])}")
    return " · ".join(parts)


def _entry(row: dict[str, object]) -> Entry:
    fields = {"planned": False, **row}
    claims = fields["claims"]
    if not isinstance(claims, list):
        raise TypeError(f"claims of notebook {row.get('number')} are not a list: {claims!r}")
    return Entry(**{**fields, "claims": tuple(claims)})  # type: ignore[arg-type]


def _link(entry: Entry) -> str:
    if entry.planned:
        return f"{entry.number} {entry.title} (not written yet)"
    return f"[{entry.number} {entry.title}]({entry.file})"
