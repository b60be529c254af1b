"""Which rows of an audit table are wanted: what was typed, read, and the rows that fit.

Without a widget in it. Words are looked for anywhere in a value, in capitals or not, and all of
them must be there. What the rows mean is not known here.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import pandas

ANY = "any"
OUTCOMES = (ANY, "ok", "denied", "failed")

# Where the words of each field are looked for: in any of these columns.
COLUMNS = {
    "actor": ("principal", "role"),
    "key": ("key_arn", "alias"),
    "operation": ("operation",),
    "address": ("source_ip",),
}


class Unreadable(ValueError):
    """What was typed is no time."""


class Wanted(NamedTuple):
    """What was typed into each field, "" for nothing. `since` and `until` are times such as 13:05
    or 2026-03-10 13:05, in UTC, both included; a time without a day is of the table's first."""

    actor: str = ""
    key: str = ""
    operation: str = ""
    address: str = ""
    outcome: str = ANY
    since: str = ""
    until: str = ""

    def rows(self, table: pandas.DataFrame) -> pandas.DataFrame:
        """The rows that fit. Raises Unreadable."""
        fits = pandas.Series(True, index=table.index)
        for field, columns in COLUMNS.items():
            for word in getattr(self, field).casefold().split():
                fits &= _any_has(table, columns, word)
        if self.outcome != ANY:
            fits &= table["outcome"] == self.outcome
        if self.since:
            fits &= table["time"] >= read_moment(self.since, table)
        if self.until:
            fits &= table["time"] <= read_moment(self.until, table)
        return table[fits]


def read_moment(text: str, table: pandas.DataFrame) -> datetime:
    """The moment that was typed. Raises Unreadable."""
    typed = text.strip()
    try:
        if "-" not in typed and not table.empty:
            two_digits = f"0{typed}" if typed[1:2] == ":" else typed
            typed = f"{table['time'].min():%Y-%m-%d} {two_digits}"
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise Unreadable(f"“{text}” is no time such as 13:05 or 2026-03-10 13:05") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _any_has(table: pandas.DataFrame, columns: tuple[str, ...], word: str) -> pandas.Series:
    found = pandas.Series(False, index=table.index)
    for column in columns:
        # A column of many rows has few words.
        words = [each for each in table[column].dropna().unique() if word in each.casefold()]
        found |= table[column].isin(words)
    return found
