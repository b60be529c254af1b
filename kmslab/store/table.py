"""Records of one kind, found by name at once and listed in order from any point on."""

import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, TypeVar

from kmslab.store.records import Record

R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """Shelves of records. Listing a page costs the page, however long the shelf is.

    One record is found without a lock; whoever lists or changes a shelf is alone with it.
    """

    def __init__(self) -> None:
        self._one_at_a_time = threading.RLock()
        self._shelves: dict[str, dict[str, R]] = defaultdict(dict)
        self._names: dict[str, list[str]] = defaultdict(list)
        # Shelves read from a journal are sorted once, when they are first listed.
        self._sorted: set[str] = set()

    def get(self, shelf: str, name: str) -> R | None:
        records = self._shelves.get(shelf)
        return records.get(name) if records else None

    def on(self, shelf: str) -> Iterator[R]:
        """All records of one shelf, in the order in which they were first put there."""
        with self._one_at_a_time:
            return iter(tuple(self._shelves.get(shelf, {}).values()))

    def __iter__(self) -> Iterator[R]:
        for shelf in tuple(self._shelves):
            yield from self.on(shelf)

    def __len__(self) -> int:
        return sum(len(records) for records in self._shelves.values())

    def count(self, shelf: str) -> int:
        return len(self._shelves.get(shelf, ()))

    def page(self, shelf: str, after: str, limit: int) -> tuple[list[R], bool]:
        """Up to `limit` records with names behind `after`, and whether more follow."""
        with self._one_at_a_time:
            records, names = self._shelves.get(shelf, {}), self._sorted_names(shelf)
            start = bisect_right(names, after) if after else 0
            listed = [records[name] for name in names[start : start + limit]]
            return listed, start + limit < len(names)

    def first_from(self, shelf: str, name: str) -> R | None:
        """The first record whose name is `name` or comes behind it."""
        with self._one_at_a_time:
            names = self._sorted_names(shelf)
            place = bisect_left(names, name)
            return self._shelves[shelf][names[place]] if place < len(names) else None

    def put(self, record: R) -> None:
        shelf, name = record.shelf, record.name
        with self._one_at_a_time:
            records = self._shelves[shelf]
            if name not in records and shelf in self._sorted:
                insort(self._names[shelf], name)
            records[name] = record

    def delete(self, record: R) -> None:
        shelf, name = record.shelf, record.name
        with self._one_at_a_time:
            if self._shelves[shelf].pop(name, None) is not None and shelf in self._sorted:
                names = self._names[shelf]
                del names[bisect_right(names, name) - 1]

    def clear(self) -> None:
        with self._one_at_a_time:
            self._shelves.clear()
            self._names.clear()
            self._sorted.clear()

    def _sorted_names(self, shelf: str) -> list[str]:
        if shelf not in self._sorted:
            self._names[shelf] = sorted(self._shelves.get(shelf, {}))
            self._sorted.add(shelf)
        return self._names[shelf]
