"""A plain model of the life of KMS keys: what ought to be true, without any of the lab's code.

Time is a number of seconds. A material is a number, counted from 0 for each key. What is refused is
read from the table of the guide (`key_state_table`) and from the few rules that stand below.
"""

from dataclasses import dataclass, field

from key_state_table import OF_EVERY_STATE, STATES

DAY = 86_400
SOON = 20 * 60
MOST_ON_DEMAND = 25

Refusal = tuple[str, str] | None
"""AWS's error code and the end of its sentence; None for what works."""

UNSUPPORTED = ("UnsupportedOperationException", "")
CONFLICT = ("ConflictException", "within the next 20 minutes.")
EXHAUSTED = ("LimitExceededException", "can be performed for this key: {}")
GONE = ("NotFoundException", "does not exist")
WRONG_WINDOW = ("ValidationException", "")


@dataclass
class Rotated:
    """One rotation that was done."""

    when: float
    on_demand: bool


@dataclass
class Key:
    """One key. `material` is the current one; materials 1… came with `rotations`."""

    symmetric: bool
    created: float
    state: str = "Enabled"
    deletion_date: float | None = None
    period: int = 0
    next_rotation: float | None = None
    rotations: list[Rotated] = field(default_factory=list)
    last_use: tuple[str, float] | None = None
    aliases: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    gone: bool = False

    @property
    def material(self) -> int:
        return len(self.rotations)

    @property
    def shows_rotation(self) -> bool:
        return self.period > 0 and self.state != "PendingDeletion"

    def refusal(self, operation: str) -> Refusal:
        """What the key's state says to the operation."""
        if self.gone:
            return GONE
        return OF_EVERY_STATE[operation][STATES.index(self.state)]

    def refusal_of_rotation(self, operation: str, now: float) -> Refusal:
        """What state, kind and schedule say to an operation on the rotation of the key."""
        stopped = self.refusal(operation)
        if stopped or not self.symmetric:
            return stopped or UNSUPPORTED
        if operation != "RotateKeyOnDemand":
            return None
        if self.next_rotation is not None and self.next_rotation - now <= SOON:
            return CONFLICT
        done = sum(rotated.on_demand for rotated in self.rotations)
        return EXHAUSTED if done >= MOST_ON_DEMAND else None

    # --- What happens to it ---------------------------------------------------------------

    def enable(self, now: float) -> None:
        self.state = "Enabled"
        if self.next_rotation is not None and self.next_rotation <= now:
            self.rotate(now)

    def schedule_deletion(self, now: float, days: int) -> None:
        self.state, self.deletion_date = "PendingDeletion", now + days * DAY

    def cancel_deletion(self) -> None:
        self.state, self.deletion_date = "Disabled", None

    def set_rotation(self, now: float, days: int) -> None:
        self.period, self.next_rotation = days, now + days * DAY if days else None

    def rotate(self, when: float, on_demand: bool = False) -> None:
        self.rotations.append(Rotated(when, on_demand))
        if not on_demand:
            self.next_rotation = when + self.period * DAY

    def live_until(self, now: float) -> None:
        """Do what falls due up to `now`."""
        if self.deletion_date is not None and self.deletion_date <= now:
            self.gone = True
        while (
            self.state == "Enabled" and self.next_rotation is not None and self.next_rotation <= now
        ):
            self.rotate(self.next_rotation)
