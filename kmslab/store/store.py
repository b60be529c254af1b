"""The state of one lab: its tables, its events, its due work, and one lock around changes.

A change is gathered first and applied whole, to the journal and then to memory, together with
the event that tells of it. So a call that fails half-way leaves nothing behind, and what was
acknowledged is on the disk. Reading needs no lock: records are values.
"""

import heapq
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kmslab.store.events import Event
from kmslab.store.journal import Journal
from kmslab.store.records import AccessKey, Alias, KeyToken, KmsKey, Record, User
from kmslab.store.table import Table


@dataclass(slots=True)
class Changes:
    """What one call is going to change."""

    put: list[Record] = field(default_factory=list)
    deleted: list[Record] = field(default_factory=list)


class Store:
    """All records of a lab. `journal` is None for a lab that lives in memory only."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.users: Table[User] = Table()
        self.access_keys: Table[AccessKey] = Table()
        self.kms_keys: Table[KmsKey] = Table()
        self.key_tokens: Table[KeyToken] = Table()
        self.aliases: Table[Alias] = Table()
        self.events: list[Event] = []
        self.lock = threading.RLock()
        # Deletions by the clock: (when, shelf, key id). An entry may be out of date; who
        # takes it looks at the key itself.
        self._due: list[tuple[float, str, str]] = []
        self._journal = journal
        if journal:
            self._load(journal)

    def commit(self, changes: Changes | None, events: Iterable[Event]) -> None:
        """Write down what a call did. Raises, and changes nothing, where the disk refuses."""
        events = tuple(events)
        put, deleted = (changes.put, changes.deleted) if changes else ((), ())
        with self.lock:
            if self._journal:
                self._journal.write(put, deleted, events)
            for record in deleted:
                self._table(record).delete(record)
            for record in put:
                self._apply(record)
            self.events.extend(events)

    def next_due(self) -> float | None:
        # A copy, since another thread may take the last one away meanwhile.
        first = self._due[:1]
        return first[0][0] if first else None

    def due_key(self, now: float) -> tuple[float, KmsKey] | None:
        """The next KMS key whose waiting period ended by `now`, with the time it ended.

        It stays next until it is gone, so that a deletion that fails is tried again.
        """
        while self._due and self._due[0][0] <= now:
            when, shelf, key_id = self._due[0]
            kms_key = self.kms_keys.get(shelf, key_id)
            if kms_key and kms_key.deletion_date == when:
                return when, kms_key
            heapq.heappop(self._due)
        return None

    def clear(self) -> None:
        with self.lock:
            if self._journal:
                self._journal.clear()
            for table in (self.users, self.access_keys, self.kms_keys, self.key_tokens):
                table.clear()
            self.aliases.clear()
            self.events.clear()
            self._due.clear()

    def close(self) -> None:
        if self._journal:
            self._journal.close()

    def _load(self, journal: Journal) -> None:
        for record in journal.records():
            self._apply(record)
        self.events.extend(journal.events())

    def _apply(self, record: Record) -> None:
        self._table(record).put(record)
        if isinstance(record, KmsKey) and record.deletion_date is not None:
            heapq.heappush(self._due, (record.deletion_date, record.shelf, record.key_id))

    def _table(self, record: Record) -> Table[Any]:
        table: Table[Any] = getattr(self, record.table)
        return table
