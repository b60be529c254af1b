"""One request and what it set off, step by step, as sequence diagrams show it.

Who takes part stands on a lifeline, from left to right in the order of `LIFELINES`. What the steps
of a service are is known elsewhere, and how they look as well.
"""

from typing import NamedTuple

CALLER, CLOUDTRAIL, S3, KMS, DISK = LIFELINES = ("caller", "CloudTrail", "S3", "KMS", "disk")
OK = "ok"


class Step(NamedTuple):
    """One arrow: who to whom, in a few words, with details in full. `error_code` is that of an
    answer that refuses; where `origin` and `target` are the same it is a remark."""

    origin: str
    target: str
    words: str
    details: tuple[str, ...] = ()
    error_code: str = ""
    is_answer: bool = False

    @property
    def way(self) -> str:
        """Who to whom, in words."""
        return self.origin if self.origin == self.target else f"{self.origin} → {self.target}"

    @property
    def marked(self) -> str:
        """The words, with a mark where it answers."""
        if not self.is_answer:
            return self.words
        return f"✗ {self.words}" if self.error_code else f"✓ {self.words}"


class Exchange(NamedTuple):
    """One request: who asked for what, about which resource, what came of it, and the steps."""

    who: str
    operation: str
    resource_arn: str
    outcome: str
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        return f"{self.operation} by {self.who}: {self.outcome}"

    @property
    def asked_kms(self) -> int:
        """How many times KMS was asked for it."""
        return sum(step.target == KMS for step in self.steps)

    @property
    def lifelines(self) -> tuple[str, ...]:
        """Who takes part. KMS always stands there: that it was not asked is worth seeing."""
        concerned = {KMS, *(end for step in self.steps for end in (step.origin, step.target))}
        return tuple(name for name in LIFELINES if name in concerned)
