"""A lab that repeats to the byte, so that a notebook's stored outputs can be checked."""

from datetime import UTC, datetime, timedelta

from kmslab.lab import Lab
from kmslab.sources import StillClock, insecure_seeded_random

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def classroom_lab(seed: str, grant_propagation: timedelta = timedelta(0)) -> Lab:
    """A lab whose clock starts on 5 January 2026 at 9:00 UTC and moves one second a request,
    and whose random bytes all follow from `seed`. For teaching only: such keys are no secret.
    `grant_propagation` is how long a new or removed grant takes to spread, as in `Lab`."""
    clock, random = StillClock(START), insecure_seeded_random(seed)
    return Lab(clock=clock, random=random, grant_propagation=grant_propagation)
