"""Which log files a trail owes for what happened, and when they are due.

A plan is made of the trail, the events and the hour alone: nothing is written and nobody is called
here. A file that is planned keeps its name and its events, so whoever is stopped before it lies in
the bucket puts the very same file again: no event is lost and none is told twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kmslab.services.cloudtrail.file_names import log_file_name
from kmslab.services.cloudtrail.selection import selects
from kmslab.sources import RandomBytes
from kmslab.store.events import Event
from kmslab.store.store import Store
from kmslab.store.trail_records import Trail, WaitingFile

# CloudTrail delivers about every five minutes; the times in the names of its files are multiples.
BATCH_SECONDS = 300
MOST_EVENTS = 10_000


def plan_files(
    trail: Trail, until: int, store: Store, now: float, random: RandomBytes
) -> tuple[Trail, list[WaitingFile]]:
    """The log files that tell of the events from `trail.next_event` to before `until` which the
    trail selects: by Region, at most 10,000 events in one. The trail that is returned has looked at
    them. Hold the store's lock until both are written down.

    A trail that logs delivers with the next batch; one whose logging has ended delivers at once.
    """
    created = batch_from(now) if trail.end_event is None else now
    number = next_number(store, trail)
    files: list[WaitingFile] = []
    for region, told in _selected(trail, until, store.events).items():
        for events in _parts(told):
            name = log_file_name(trail, region, created, random)
            place = number + len(files)
            files.append(WaitingFile(trail.trail_id, place, region, name, created, events))
    return replace(trail, next_event=max(until, trail.next_event)), files


def next_number(store: Store, trail: Trail) -> int:
    """The number of the next file of the trail: those that wait are older."""
    numbers = (waiting.number for waiting in store.waiting_files.on(trail.trail_id))
    return max(numbers, default=0) + 1


def batch_after(time: float, seconds: int = BATCH_SECONDS) -> float:
    """The first multiple of `seconds` behind `time`."""
    return (time // seconds + 1) * seconds


def batch_from(time: float) -> float:
    """The same, or `time` itself where it is one."""
    return -(-time // BATCH_SECONDS) * BATCH_SECONDS


def told_until(trail: Trail, when: float, events: Sequence[Event]) -> int:
    """The number of the first event that a batch at `when` leaves to later ones: it happened at
    that very moment, or after it in a thread that saw a later hour."""
    number = trail.next_event
    for event in events[number:]:
        if event.time >= when and selects(trail, event):
            break
        number += 1
    return number


def _selected(trail: Trail, until: int, events: Sequence[Event]) -> dict[str, list[int]]:
    """The numbers of the selected events, by Region."""
    selected: dict[str, list[int]] = {}
    for number, event in enumerate(events[trail.next_event : until], trail.next_event):
        if selects(trail, event):
            selected.setdefault(event.region, []).append(number)
    return selected


def _parts(told: list[int]) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(told), MOST_EVENTS):
        yield tuple(told[start : start + MOST_EVENTS])
