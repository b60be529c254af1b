"""Actors that take turns by the clock.

An actor is a generator: it yields the second of the day at which it wants to go on, and does its
next thing when it is asked again. What actors do is not known here.
"""

import heapq
from collections.abc import Iterable, Iterator

from kmslab.lab import Lab
from kmslab.learn.incident.places import MIDNIGHT

Actor = Iterator[int]


def run(lab: Lab, actors: Iterable[Actor]) -> None:
    """Let each actor do what it does at its time, until none has anything left to do. Of two that
    want the same second the one that was named first goes first."""
    begun = [(next(actor), place, actor) for place, actor in enumerate(actors)]
    heapq.heapify(begun)
    while begun:
        second, place, actor = begun[0]
        advance_to(lab, second)
        after = next(actor, None)
        if after is None:
            heapq.heappop(begun)
        elif after < second:
            raise ValueError(f"an actor wants to go back from second {second} to {after}")
        else:
            heapq.heapreplace(begun, (after, place, actor))


def advance_to(lab: Lab, second: float) -> None:
    """Move the lab's clock to a second of the day; what falls due on the way happens."""
    lab.clock.advance(seconds=MIDNIGHT.timestamp() + second - lab.clock.now())
