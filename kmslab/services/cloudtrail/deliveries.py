"""A placeholder that delivers nothing."""

from kmslab.services.cloudtrail.backing import Backing
from kmslab.sources import RandomBytes
from kmslab.store.store import Store


class Deliveries:
    def __init__(self, store: Store, backing: Backing, random: RandomBytes) -> None:
        pass

    def next_due(self) -> float | None:
        return None

    def do_next(self) -> None:
        pass
