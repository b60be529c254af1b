"""What CloudTrail owes, and when: the next thing to do, found again only when something changed.

The door asks before every request, so that asking must cost next to nothing. Every trail has a
watch that looks at each event once; what else is due follows from the records of trails, waiting
files and chains. Nothing is done here.
"""

import threading
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from kmslab.services.cloudtrail.backing import SERVICE
from kmslab.services.cloudtrail.digests import DIGEST_SECONDS
from kmslab.services.cloudtrail.planning import BATCH_SECONDS, batch_after
from kmslab.services.cloudtrail.selection import selects
from kmslab.store.events import Event
from kmslab.store.store import Store
from kmslab.store.trail_records import DigestChain, Trail, WaitingFile

OWN_CALLS_SECONDS = 3600


class Duty(IntEnum):
    """In the order in which they are done at one and the same time: a digest names the log files
    that came with it."""

    PLAN_LOG_FILES = 1
    PUT_LOG_FILE = 2
    SIGN_DIGEST = 3
    PUT_DIGEST = 4
    FORGET_TRAIL = 5


class Step(NamedTuple):
    when: float
    duty: Duty
    trail_id: str
    region: str = ""


class Watch:
    """How far one trail has been looked through for events to tell of.

    A file is due with the first batch after the first untold event. But every file of a trail with
    a KMS key makes an event by itself, the GenerateDataKey of its delivery, and at AWS such a log
    never ends. Here a file that would tell of nothing but CloudTrail's own calls waits for the full
    hour: a year of the lab's clock has 105,120 batches, and nobody could afford them.
    """

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._looked_at = trail.next_event
        # When the first own call, and the first other call, is to be told. An event behind a later
        # one is not told before it.
        self._latest = 0.0
        self._own: float | None = None
        self._other: float | None = None

    def fits(self, trail: Trail) -> bool:
        """Whether what was seen still holds: the trail looks for the same, from the same event."""
        return _looks_for(trail) == _looks_for(self._trail)

    @property
    def due(self) -> float | None:
        return min((due for due in (self._own, self._other) if due is not None), default=None)

    def look(self, events: list[Event]) -> bool:
        """Look at what is new in `events`; whether it changes when a file is due."""
        if self._other is not None or self._trail.end_event is not None:
            return False
        before = self.due
        for event in events[self._looked_at :]:
            self._looked_at += 1
            if selects(self._trail, event):
                self._note(event)
                if self._other is not None:
                    break
        return self.due != before

    def _note(self, event: Event) -> None:
        self._latest = max(self._latest, event.time)
        if event.identity.get("invokedBy") != SERVICE:
            self._other = batch_after(self._latest)
        elif self._own is None:
            self._own = batch_after(self._latest, OWN_CALLS_SECONDS)


class Agenda:
    """The next step, kept until trails or events change. Threads may ask at the same time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version, self._seen = -1, -1
        self._first: Step | None = None
        self._watches: dict[str, Watch] = {}
        self._one_looks = threading.Lock()

    def first(self) -> Step | None:
        store = self._store
        if store.trails_version == self._version and (
            not self._watches or len(store.events) == self._seen
        ):
            return self._first
        with self._one_looks:
            self._look()
            return self._first

    def _look(self) -> None:
        seen, changed = len(self._store.events), False
        for watch in self._watches.values():
            changed |= watch.look(self._store.events)
        if changed or self._store.trails_version != self._version:
            # What one call changes must be seen whole: that a trail has ended, and its last files.
            with self._store.lock:
                self._read()
        self._seen = seen

    def _read(self) -> None:
        trails = list(self._store.trails)
        self._watches = {trail.trail_id: self._watch(trail) for trail in trails}
        steps = [step for trail in trails for step in self._steps(trail)]
        self._first = min(steps, default=None)
        self._version = self._store.trails_version

    def _watch(self, trail: Trail) -> Watch:
        known = self._watches.get(trail.trail_id)
        watch = known if known and known.fits(trail) else Watch(trail)
        watch.look(self._store.events)
        return watch

    def _steps(self, trail: Trail) -> Iterator[Step]:
        return steps_of(trail, self._watches[trail.trail_id].due, self._store)


def steps_of(trail: Trail, untold: float | None, store: Store) -> Iterator[Step]:
    """The next steps of one trail, each kind on its own; `untold` is when the events that it has
    not looked at yet are due."""
    trail_id = trail.trail_id
    waiting = list(store.waiting_files.on(trail_id))
    log_files = [each for each in waiting if not each.is_digest]
    digests = [each for each in waiting if each.is_digest]
    planning = None if log_files else _planning(trail, untold)
    if planning is not None:
        yield Step(planning, Duty.PLAN_LOG_FILES, trail_id)
    if log_files:
        yield Step(_log_file_due(trail, log_files[0]), Duty.PUT_LOG_FILE, trail_id)
    owing = {each.region for each in log_files}
    chains = list(store.digest_chains.on(trail_id))
    for chain in chains:
        is_open = chain.region in owing or (is_over(trail) and planning is not None)
        when = _digest_end(trail, chain, is_open, store)
        yield Step(when, Duty.SIGN_DIGEST, trail_id, chain.region)
    if digests:
        yield Step(_digest_due(trail, digests[0]), Duty.PUT_DIGEST, trail_id)
    if trail.deleted is not None and planning is None and not waiting and not chains:
        yield Step(trail.deleted, Duty.FORGET_TRAIL, trail_id)


def is_over(trail: Trail) -> bool:
    """Whether the trail logs no more."""
    return trail.end_event is not None


def is_closing(trail: Trail) -> bool:
    """Whether the chains of the trail are to end."""
    return is_over(trail) or not trail.validates_log_files


def _planning(trail: Trail, untold: float | None) -> float | None:
    """When files are to be planned: for a trail that is over at once."""
    if trail.end_event is not None:
        untold = _ended(trail) if trail.next_event < trail.end_event else None
    return None if untold is None else max(untold, trail.latest_delivery_attempt or 0.0)


def _log_file_due(trail: Trail, oldest: WaitingFile) -> float:
    created = min(oldest.created, _ended(trail)) if is_over(trail) else oldest.created
    return _due(created, trail.latest_delivery_attempt, trail.latest_delivery_error)


def _digest_due(trail: Trail, oldest: WaitingFile) -> float:
    return _due(oldest.created, trail.latest_digest_attempt, trail.latest_digest_error)


def _due(created: float, attempt: float | None, error: str) -> float:
    """What failed is tried again with the next batch; what follows is not tried before that."""
    if attempt is None:
        return created
    return batch_after(attempt, BATCH_SECONDS) if error else max(created, attempt)


def _digest_end(trail: Trail, chain: DigestChain, is_open: bool, store: Store) -> float:
    """When the next digest of a chain is to be signed: after an hour, or when the chain closes and
    nothing of its Region waits any more."""
    hour = chain.begins + DIGEST_SECONDS
    if is_open or not is_closing(trail):
        return hour
    closes = max(_closed(trail, store), trail.latest_delivery_attempt or 0.0, chain.begins)
    return min(hour, closes)


def _closed(trail: Trail, store: Store) -> float:
    if is_over(trail):
        return _ended(trail)
    # That validation was switched off is the last thing that happened.
    return store.events[-1].time if store.events else 0.0


def _ended(trail: Trail) -> float:
    return trail.deleted if trail.deleted is not None else trail.stopped or 0.0


def _looks_for(trail: Trail) -> tuple[object, ...]:
    return (
        trail.next_event,
        trail.end_event,
        trail.event_selectors,
        trail.advanced_event_selectors,
        trail.is_multi_region,
        trail.includes_global_events,
    )
