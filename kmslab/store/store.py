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
from kmslab.store.grant_index import GrantIndex
from kmslab.store.iam_records import AccessKey, ManagedPolicy, Role, RoleSession, User
from kmslab.store.journal import Journal
from kmslab.store.last_usages import LastUsages
from kmslab.store.records import (
    KINDS,
    Alias,
    Grant,
    KeyMaterial,
    KeyToken,
    KmsKey,
    Record,
    first_material,
    rotated_yearly,
)
from kmslab.store.s3_records import Bucket, MultipartUpload, StoredObject, UploadedPart
from kmslab.store.table import Table
from kmslab.store.trail_records import (
    DeliveredLogFile,
    DigestChain,
    SigningKey,
    Trail,
    WaitingFile,
)

DueRecord = KmsKey | KeyMaterial | Grant | RoleSession
"""The kinds of record that the clock ends or changes."""


@dataclass(slots=True)
class Changes:
    """What one call is going to change."""

    put: list[Record] = field(default_factory=list)
    deleted: list[Record] = field(default_factory=list)


class Store:
    """All records of a lab. `journal` is None for a lab that lives in memory only."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.users: Table[User] = Table()
        self.roles: Table[Role] = Table()
        self.managed_policies: Table[ManagedPolicy] = Table()
        self.access_keys: Table[AccessKey] = Table()
        self.role_sessions: Table[RoleSession] = Table()
        self.kms_keys: Table[KmsKey] = Table()
        self.key_tokens: Table[KeyToken] = Table()
        self.key_materials: Table[KeyMaterial] = Table()
        self.aliases: Table[Alias] = Table()
        self.grants: Table[Grant] = Table()
        self.buckets: Table[Bucket] = Table()
        self.objects: Table[StoredObject] = Table()
        self.multipart_uploads: Table[MultipartUpload] = Table()
        self.uploaded_parts: Table[UploadedPart] = Table()
        self.trails: Table[Trail] = Table()
        self.waiting_files: Table[WaitingFile] = Table()
        self.delivered_log_files: Table[DeliveredLogFile] = Table()
        self.digest_chains: Table[DigestChain] = Table()
        self.signing_keys: Table[SigningKey] = Table()
        self.grant_index = GrantIndex()
        self.last_usages = LastUsages()
        # Counts changes of users, roles and policies: what was read from them may be kept as long
        # as it stands still.
        self.identities_version = 0
        # Counts changes of trails and of what they owe.
        self.trails_version = 0
        self.events: list[Event] = []
        self.lock = threading.RLock()
        # What the clock will do: (when, table, shelf, name). An entry may be out of date; who
        # takes it looks at the record itself.
        self._due: list[tuple[float, str, str, str]] = []
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
                self._forget(record)
            for record in put:
                self._apply(record)
            self.events.extend(events)
            self.last_usages.note(events)

    def next_due(self) -> float | None:
        # A copy, since another thread may take the last one away meanwhile.
        first = self._due[:1]
        return first[0][0] if first else None

    def next_due_record(self, now: float) -> tuple[float, DueRecord] | None:
        """The next record whose time came by `now`, with that time.

        It stays next until it is gone, so that an end that fails is tried again.
        """
        while self._due and self._due[0][0] <= now:
            when, table, shelf, name = self._due[0]
            record: DueRecord | None = getattr(self, table).get(shelf, name)
            if record and record.due == when:
                return when, record
            heapq.heappop(self._due)
        return None

    def content_ids(self) -> set[str]:
        """The names of all files that an object or part has."""
        ids = {content_id for stored in self.objects for content_id, _ in stored.segments}
        return ids | {part.content_id for part in self.uploaded_parts}

    def clear(self) -> None:
        with self.lock:
            if self._journal:
                self._journal.clear()
            for table in KINDS:
                getattr(self, table).clear()
            self.grant_index.clear()
            self.last_usages.clear()
            self.identities_version += 1
            self.trails_version += 1
            self.events.clear()
            self._due.clear()

    def close(self) -> None:
        if self._journal:
            self._journal.close()

    def _load(self, journal: Journal) -> None:
        for record in journal.records():
            self._apply(record)
        self._complete()
        self.events.extend(journal.events())
        self.last_usages.note(self.events)

    def _complete(self) -> None:
        """Add what an older version did not write: that a symmetric key's material is its first,
        and that AWS rotates its own keys."""
        for kms_key in self.kms_keys:
            if kms_key.key_spec != "SYMMETRIC_DEFAULT" or kms_key.origin != "AWS_KMS":
                continue
            first = first_material(kms_key)
            if not self.key_materials.count(first.shelf):
                self._apply(first)
                if kms_key.key_manager == "AWS":
                    self._apply(rotated_yearly(kms_key))

    def _apply(self, record: Record) -> None:
        if isinstance(record, DueRecord):
            self._expect(record)
        self._table(record).put(record)
        self._note(record)
        if isinstance(record, Grant):
            self.grant_index.put(record)

    def _expect(self, record: DueRecord) -> None:
        """Queue what the clock will do to a record, where that is not queued already."""
        before = self._table(record).get(record.shelf, record.name)
        if record.due is not None and (before is None or before.due != record.due):
            heapq.heappush(self._due, (record.due, record.table, record.shelf, record.name))

    def _forget(self, record: Record) -> None:
        self._table(record).delete(record)
        self._note(record)
        if isinstance(record, Grant):
            self.grant_index.delete(record)
        if isinstance(record, KmsKey):
            self.last_usages.forget(record.arn)

    def _note(self, record: Record) -> None:
        if isinstance(record, User | Role | ManagedPolicy):
            self.identities_version += 1
        elif isinstance(record, Trail | WaitingFile | DigestChain):
            self.trails_version += 1

    def _table(self, record: Record) -> Table[Any]:
        table: Table[Any] = getattr(self, record.table)
        return table
