"""A data key for several messages, so that KMS is asked less often.

A message's content key is derived from its data key and its own random id, so messages under one
data key share no key; what they share is their fate, should that data key become known. Hence the
limits: how many messages, how many bytes, and how long. An encrypted data key stands for one
encryption context, so only messages with the same context share it. Signed messages share their
signing key with it, whose public half stands in that context; AWS's caching CMM does the same.
Permissions that are taken away at KMS take effect when the entry is too old.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from kmslab.envelope.contexts import Context
from kmslab.envelope.headers import EncryptedDataKey
from kmslab.envelope.suites import Suite
from kmslab.envelope.wrapping import DataKeys, SealingMaterials


@dataclass
class _Entry:
    held: SealingMaterials | bytes = field(repr=False)
    made: float
    messages: int = 0
    length: int = 0


class CachedDataKeys(DataKeys):
    """`keys` with a cache in front: at most `capacity` data keys, for `max_age` seconds each.

    One that is written with serves at most `max_messages` messages and `max_bytes` bytes of
    plaintext; for a message of unknown length a fresh one is made each time. `clock` gives seconds
    and never goes back. Safe for several threads, which may now and then ask for the same twice.
    Raises ValueError for a limit that is not above zero.
    """

    def __init__(
        self,
        keys: DataKeys,
        *,
        max_age: float,
        max_messages: int = 2**32,
        max_bytes: int = 2**63 - 1,
        capacity: int = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = {
            "max_age": max_age,
            "max_messages": max_messages,
            "max_bytes": max_bytes,
            "capacity": capacity,
        }
        for name, limit in limits.items():
            # NaN, which is never reached, is not above zero either.
            if not limit > 0:
                raise ValueError(f"the limits of a cache are above zero, not {name}={limit!r}")
        self._keys = keys
        self._max_age = max_age
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def for_sealing(
        self, suite: Suite, encryption_context: Context, length: int | None
    ) -> SealingMaterials:
        if length is None or length > self._max_bytes:
            return self._keys.for_sealing(suite, encryption_context, length)
        name = suite, frozenset(encryption_context.items())
        held = self._used(name, length)
        if isinstance(held, SealingMaterials):
            return held
        made = self._keys.for_sealing(suite, encryption_context, length)
        self._keep(name, _Entry(made, self._clock(), 1, length))
        return made

    def for_opening(
        self,
        suite: Suite,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: Context,
    ) -> bytes:
        name = suite, frozenset(encryption_context.items()), tuple(encrypted_data_keys)
        held = self._used(name, None)
        if isinstance(held, bytes):
            return held
        opened = self._keys.for_opening(suite, encrypted_data_keys, encryption_context)
        self._keep(name, _Entry(opened, self._clock()))
        return opened

    def _used(self, name: Hashable, length: int | None) -> SealingMaterials | bytes | None:
        """What is held under `name`, counted as used for `length` bytes; None where a limit is
        reached. Reading counts nothing, so `length` is None."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or not self._serves(entry, length):
                return None
            self._entries.move_to_end(name)
            if length is not None:
                entry.messages += 1
                entry.length += length
            return entry.held

    def _serves(self, entry: _Entry, length: int | None) -> bool:
        if self._clock() - entry.made >= self._max_age:
            return False
        return length is None or (
            entry.messages < self._max_messages and entry.length + length <= self._max_bytes
        )

    def _keep(self, name: Hashable, entry: _Entry) -> None:
        with self._lock:
            self._entries[name] = entry
            self._entries.move_to_end(name)
            # What is too old goes too: a data key is not kept in memory for nothing.
            for old in [each for each in self._entries if not self._young(each)]:
                del self._entries[old]
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def _young(self, name: Hashable) -> bool:
        return self._clock() - self._entries[name].made < self._max_age
