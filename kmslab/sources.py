"""Where time and randomness come from: the two things that make a run unlike the last one.

Both are arguments of `Lab`, so that a notebook can be repeated to the byte. Whatever needs
the hour or a random byte takes it from here and never asks the operating system itself.
"""

import hmac
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

DAY = 86_400
"""In seconds."""
_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()

RandomBytes = Callable[[int], bytes]
"""A function from a number of bytes to that many random bytes."""

system_random: RandomBytes = os.urandom


_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def random_id(random: RandomBytes, length: int) -> str:
    """The part of an AWS identifier that is drawn: letters and digits, 5 bits each."""
    return "".join(_ID_LETTERS[byte % 32] for byte in random(length))


class insecure_seeded_random:
    """A repeatable source of bytes for teaching. Never protect anything with it.

    `seed` is any integer or string: the same seed gives the same bytes in the same order.
    Block n is HMAC-SHA256(seed, n), so nothing is weak about the bytes but the seed.
    """

    def __init__(self, seed: int | str) -> None:
        self._seed = str(seed).encode()
        self._block = 0
        self._left = b""
        self._one_at_a_time = threading.Lock()

    def __call__(self, size: int) -> bytes:
        with self._one_at_a_time:
            while len(self._left) < size:
                self._left += hmac.digest(self._seed, self._block.to_bytes(16, "big"), sha256)
                self._block += 1
            drawn, self._left = self._left[:size], self._left[size:]
            return drawn


class Clock:
    """The lab's time: the operating system's, moved on by what the learner advanced.

    Signatures are not checked against it, since real clients sign with the system's time.
    """

    def __init__(self) -> None:
        self.advanced = timedelta(0)
        # What the lab does before the step is taken, given the new total, and after it.
        self.before_advance: Callable[[timedelta], None] = _nothing
        self.after_advance: Callable[[], None] = _nothing

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self._base() + self.advanced.total_seconds()

    def advance(self, **amount: float) -> None:
        """Move time on; what falls due on the way happens, each thing at its own time.

        `amount` is what `datetime.timedelta` takes: `days=30`, `hours=1`, `seconds=5`.
        Raises ValueError for an amount below zero, or one that leaves the calendar.
        """
        step = timedelta(**amount)
        if step < timedelta(0):
            raise ValueError(f"time only moves forward, not by {step}")
        if self.now() + step.total_seconds() > _LATEST:
            raise ValueError(f"moving by {step} would go beyond the year 9000")
        self.before_advance(self.advanced + step)
        self.advanced += step
        self.after_advance()

    def tick(self) -> None:
        """Called once for every request; a clock that stands still takes its step here."""

    def _base(self) -> float:
        return time.time()


def _nothing(*_: object) -> None:
    return None


class StillClock(Clock):
    """A clock that stands at `start` and takes one `step` for each request: for notebooks.

    `start` is an aware datetime.
    """

    def __init__(self, start: datetime, step: timedelta = timedelta(seconds=1)) -> None:
        super().__init__()
        if start.tzinfo is None:
            raise ValueError(f"start needs a time zone: {start!r}")
        self._start = start.timestamp()
        self._step = step.total_seconds()
        self._ticks = 0

    def _base(self) -> float:
        return self._start + self._ticks * self._step

    def tick(self) -> None:
        self._ticks += 1


def uuid_text(sixteen_bytes: bytes) -> str:
    """A version 4 UUID of 16 random bytes, as text (four times faster than `uuid.UUID`)."""
    text = sixteen_bytes.hex()
    variant = "89ab"[sixteen_bytes[8] & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
