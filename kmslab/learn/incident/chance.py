"""Chance that repeats: the same name draws the same, on every machine and with every Python.

Only `random.Random.random` is used, whose sequence Python promises to keep. It decides what
happens when; keys and ids of a lab are drawn elsewhere.
"""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

T = TypeVar("T")

HOUR = 3600


class Chance:
    """Draws for one actor; `name` is the seed."""

    def __init__(self, name: str) -> None:
        self._draw = Random(name).random

    def below(self, number: int) -> int:
        return int(self._draw() * number)

    def pick(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def moments(self, count: int, busy: Sequence[int]) -> list[int]:
        """`count` seconds of a day, in order; `busy` is how much goes on in each hour of it."""
        sums = list(accumulate(busy))
        drawn = [(self.below(sums[-1]), self.below(HOUR)) for _ in range(count)]
        return sorted(
            next(hour for hour, total in enumerate(sums) if place < total) * HOUR + second
            for place, second in drawn
        )

    def within(self, count: int, start: int, end: int) -> list[int]:
        """`count` seconds from `start` to before `end`, in order."""
        return sorted(start + self.below(end - start) for _ in range(count))


def at(hour: int, minute: int = 0, second: int = 0) -> int:
    """A time of the day, in seconds since midnight."""
    return hour * HOUR + minute * 60 + second
