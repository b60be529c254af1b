"""Reading, the cipher and writing at the same time, a piece each, with memory that stays flat.

One thread fills pieces, and each taker has them in their order in a thread of its own, the last
one in the caller's. There are as many pieces as slots: what was taken by all is filled again. AES,
SHA-384, reading and writing leave Python's lock alone, so two cores are used. What a message is, is
not known here.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from kmslab.envelope.sources import Writable, write_all

Slot = TypeVar("Slot")
Progress = Callable[[int], object]


class Piece(NamedTuple):
    """A part of a message as it is stored, and the plaintext it stands for."""

    sealed: Sequence[bytes | memoryview]
    plaintext: Sequence[bytes | memoryview]
    is_last: bool


Take = Callable[[Piece], None]


def pour(slots: Iterator[Slot], fill: Callable[[Slot], Piece], takers: Sequence[Take]) -> None:
    """`fill` slots until a piece is the last, and give each piece to all `takers`. What one of them
    raises is raised here, and no taker gets a piece that one before it did not take. Where the
    first piece is the last, no thread and no second slot is needed."""
    slot = next(slots)
    first = fill(slot)
    if not first.is_last:
        _Line(slots, fill, takers).run(slot, first)
        return
    for take in takers:
        take(first)


def hasher(update: Callable[[bytes | memoryview], object]) -> Take:
    """Gives pieces, as they are stored, to the `update` of a hash."""

    def take(piece: Piece) -> None:
        for part in piece.sealed:
            update(part)

    return take


def writer(target: Writable, progress: Progress | None, *, sealed: bool) -> Take:
    """Writes pieces, either as they are stored or as plaintext."""

    def take(piece: Piece) -> None:
        for part in piece.sealed if sealed else piece.plaintext:
            write_all(target, part)
        if progress:
            progress(sum(map(len, piece.plaintext)))

    return take


class _Line:
    """The queues form a ring: slots to fill, then one queue for each taker. None goes once round
    it, from whoever has finished or failed, and ends everybody's work."""

    def __init__(
        self, slots: Iterator[Slot], fill: Callable[[Slot], Piece], takers: Sequence[Take]
    ) -> None:
        self._fill = fill
        self._takers = takers
        self._queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(len(takers) + 1)]
        self._slots = slots
        self._problem: BaseException | None = None

    def run(self, slot: Slot, first: Piece) -> None:
        self._queues[1].put((slot, first))
        numbers = range(1, len(self._queues))
        work: list[Callable[[], None]] = [partial(self._take_all, each) for each in numbers]
        *others, ours = self._fill_all, *work
        threads = [threading.Thread(target=each, daemon=True) for each in others]
        for thread in threads:
            thread.start()
        ours()
        if isinstance(self._problem, Exception | None):
            # After Ctrl-C nobody waits for a thread that is waiting for input.
            for thread in threads:
                thread.join()
        if self._problem:
            raise self._problem

    def _fill_all(self) -> None:
        with self._passing_on_the_end(1):
            while (slot := self._free_slot()) is not None:
                piece = self._fill(slot)
                self._queues[1].put((slot, piece))
                if piece.is_last:
                    return

    def _free_slot(self) -> Any:
        """One that all have taken, or else a new one: how many are needed shows by and by."""
        free = self._queues[0]
        if free.empty() and (new := next(self._slots, None)) is not None:
            return new
        return free.get()

    def _take_all(self, number: int) -> None:
        take, following = self._takers[number - 1], (number + 1) % len(self._queues)
        with self._passing_on_the_end(following):
            while (given := self._queues[number].get()) is not None:
                slot, piece = given
                take(piece)
                self._queues[following].put(given if following else slot)

    @contextmanager
    def _passing_on_the_end(self, following: int) -> Iterator[None]:
        try:
            yield
        except BaseException as problem:
            self._problem = self._problem or problem
        finally:
            self._queues[following].put(None)
