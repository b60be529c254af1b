"""The journal: every record and event of a lab in one SQLite database.

What one call changed, and the event that tells of it, are written in one transaction before
the call is answered. The database is in write-ahead mode with `synchronous=NORMAL`: a
transaction survives the death of the process at once, and a power cut may take the last
moments but never leaves half a call. One process at a time may hold a journal. Key material
reaches it only wrapped under the domain key.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

from kmslab.errors import StateError
from kmslab.store.events import Event, decode_event, encode_event
from kmslab.store.records import KINDS, Record
from kmslab.store.stored_members import Fits, check, fitting, members_of, tuples

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    kind TEXT, shelf TEXT, name TEXT, members TEXT, PRIMARY KEY (kind, shelf, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (sequence INTEGER PRIMARY KEY, members TEXT);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""

_UNREADABLE = (KeyError, TypeError, ValueError, OverflowError, RecursionError)


class Journal:
    """An open journal at `path`. Raises StateError where another process holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Every use is under the store's lock, so threads never meet here.
        try:
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=0
            )
        except sqlite3.OperationalError as problem:
            raise StateError(f"{path} cannot be opened: {problem}") from problem
        try:
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except sqlite3.OperationalError as problem:
            self._database.close()
            if "locked" not in str(problem):
                raise StateError(f"{path} cannot be opened: {problem}") from problem
            raise StateError(f"{path} is in use by another process; stop it first") from problem
        except sqlite3.DatabaseError as problem:
            self._database.close()
            raise StateError(f"{path} is not a kmslab database: {problem}") from problem

    def records(self) -> Iterator[Record]:
        for kind, members in self._rows("SELECT kind, members FROM record"):
            with self._readable():
                record = _record(KINDS[kind], members)
            yield record

    def events(self) -> Iterator[Event]:
        for (members,) in self._rows("SELECT members FROM event ORDER BY sequence"):
            with self._readable():
                event = decode_event(members)
            yield event

    def setting(self, name: str) -> str | None:
        rows = list(self._rows("SELECT value FROM setting WHERE name = ?", name))
        return rows[0][0] if rows else None

    def advanced(self) -> timedelta:
        """By how much the lab's clock had been moved."""
        with self._readable():
            return timedelta(seconds=float(self.setting("advanced") or 0))

    def set(self, name: str, value: str) -> None:
        self._database.execute("REPLACE INTO setting VALUES (?, ?)", (name, value))

    def write(
        self, put: Iterable[Record], deleted: Iterable[Record], events: Iterable[Event]
    ) -> None:
        """One call, whole or not at all."""
        with self._transaction() as database:
            database.executemany(
                "DELETE FROM record WHERE kind = ? AND shelf = ? AND name = ?",
                [(record.table, record.shelf, record.name) for record in deleted],
            )
            database.executemany(
                "REPLACE INTO record VALUES (?, ?, ?, ?)",
                [(record.table, record.shelf, record.name, _to_json(record)) for record in put],
            )
            database.executemany(
                "INSERT INTO event (members) VALUES (?)",
                [(encode_event(event),) for event in events],
            )

    def clear(self) -> None:
        """Forget all but the settings that tie the database to its domain key."""
        with self._transaction() as database:
            database.execute("DELETE FROM record")
            database.execute("DELETE FROM event")
            database.execute("DELETE FROM setting WHERE name <> 'domain_key_proof'")

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Raises StateError for what this version of kmslab did not write."""
        try:
            yield
        except _UNREADABLE as problem:
            raise StateError(f"{self._path} is damaged: {problem!r}") from problem

    def _rows(self, query: str, *arguments: str) -> Iterator[Any]:
        """Raises StateError for a damaged database."""
        try:
            yield from self._database.execute(query, arguments)
        except sqlite3.DatabaseError as problem:
            raise StateError(f"{self._path} is damaged: {problem}") from problem


def _to_json(record: Record) -> str:
    return json.dumps([getattr(record, member.name) for member in fields(record)])


def _record(kind: type[Record], members: str) -> Record:
    read = tuples(members_of(members))
    check(read, _TYPES[kind.table])
    return kind(*read)


def _types_of(kind: type[Record]) -> tuple[tuple[str, Fits], ...]:
    hints = get_type_hints(kind)
    return tuple((member.name, fitting(hints[member.name])) for member in fields(kind))


_TYPES = {table: _types_of(kind) for table, kind in KINDS.items()}
