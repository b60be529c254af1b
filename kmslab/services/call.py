"""One call on its way through a service: who asks for what, and what the event will tell.

Operations are functions of a `Call`. They ask `authorise` before they do anything, and gather
changes that the door applies together with the event. A call knows nothing of how it came in.
"""

from collections.abc import Callable
from typing import Any

from kmslab import errors
from kmslab.access.decision import RESOURCE, Decision, ResourcePolicy, decide
from kmslab.access.policy import Question, key_policy
from kmslab.access.principals import Principal
from kmslab.sources import RandomBytes
from kmslab.store.records import KmsKey, Record
from kmslab.store.store import Changes, Store
from kmslab.vault.hsm import Hsm

Output = dict[str, Any] | None
Operation = Callable[["Call"], Output]


class Call:
    """The request of one principal, and what becomes of it.

    For the event: `resources` are the ARNs it touched, `told` what responseElements shows
    (`tells_its_output`: all that is answered) and `additional` what additionalEventData shows.
    """

    __slots__ = (
        "additional",
        "changes",
        "decision",
        "hsm",
        "mark",
        "now",
        "operation",
        "parameters",
        "principal",
        "random",
        "region",
        "resources",
        "service",
        "store",
        "tells_its_output",
        "told",
    )

    def __init__(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        principal: Principal,
        region: str,
        now: float,
        store: Store,
        hsm: Hsm,
        random: RandomBytes,
        mark: Callable[[str], None] | None = None,
    ) -> None:
        self.service = service
        self.operation = operation
        self.parameters = parameters
        self.principal = principal
        self.region = region
        self.now = now
        self.store = store
        self.hsm = hsm
        self.random = random
        self.mark = mark
        self.decision: Decision | None = None
        self.changes: Changes | None = None
        self.resources: tuple[str, ...] = ()
        self.told: dict[str, Any] | None = None
        self.tells_its_output = False
        self.additional: dict[str, Any] | None = None

    @property
    def account(self) -> str:
        return self.principal.account

    def authorise(
        self, kms_key: KmsKey, action: str | None = None, by_ciphertext: bool = False
    ) -> None:
        """Decide `action` (this operation's by default) on `kms_key`.

        `by_ciphertext` says that only the ciphertext names the key: AWS then hides its ARN.
        Raises AccessDeniedException in AWS's wording.
        """
        question = self._question(action, kms_key.arn)
        owner_side = ResourcePolicy(key_policy(kms_key.policy), kms_key.account)
        self.decision = decide(question, self.principal.policies, owner_side)
        if not self.decision.allowed:
            hidden = by_ciphertext or kms_key.account != self.account
            if kms_key.account != self.account and not self.decision.resource_allows:
                # What the sentence hides, the caller's own event must not tell.
                self.resources = tuple(arn for arn in self.resources if arn != kms_key.arn)
            raise errors.access_denied(_refusal(self.decision, hidden, by_ciphertext))
        if self.mark:
            self.mark("authorise")

    def authorise_in_account(self, resource: str = "*", action: str | None = None) -> None:
        """`authorise` for what belongs to no key: identity policies alone decide."""
        question = self._question(action, resource)
        self.decision = decide(question, self.principal.policies, None)
        if not self.decision.allowed:
            raise errors.access_denied(_refusal(self.decision, hidden=False))

    def allow_everyone(self, resource: str = "*") -> None:
        """For the few operations of AWS that need no permission at all."""
        self.decision = Decision(self._question(None, resource), True)

    def deny_absent(
        self, action: str | None = None, by_ciphertext: bool = False
    ) -> errors.ServiceError:
        """The refusal for a key that is not there but whose absence AWS does not admit: one of
        another account, or the key of a ciphertext."""
        self.decision = Decision(self._question(action, ""), False, missing=RESOURCE)
        return errors.access_denied(_refusal(self.decision, True, by_ciphertext))

    def begin_change(self) -> Changes:
        """From here until the call is recorded, no other call changes the lab's state."""
        if self.changes is None:
            self.store.lock.acquire()
            self.changes = Changes()
        return self.changes

    def finish(self) -> None:
        """Let the next call change state."""
        if self.changes is not None:
            self.changes = None
            self.store.lock.release()

    def put(self, *records: Record) -> None:
        self.begin_change().put.extend(records)

    def delete(self, *records: Record) -> None:
        self.begin_change().deleted.extend(records)

    def _question(self, action: str | None, resource: str) -> Question:
        name = f"{self.service}:{action or self.operation}"
        caller = self.principal
        return Question(caller.arn, caller.account, caller.account_root, name, resource)


def _refusal(decision: Decision, hidden: bool, by_ciphertext: bool = False) -> str:
    """AWS's sentence (KMS Developer Guide, "Troubleshooting access"). `hidden`: where the key's
    own policy is what denies, the sentence does not admit that the key exists."""
    question = decision.question
    head = f"User: {question.principal_arn} is not authorized to perform: {question.action} on"
    if hidden and not decision.resource_allows:
        place = "the resource associated with this ciphertext" if by_ciphertext else "this resource"
        return (
            f"{head} {place} because the resource does not exist in this Region, no "
            "resource-based policies allow access, or a resource-based policy explicitly "
            "denies access"
        )
    head = f"{head} resource: {question.resource}"
    if decision.explicit:
        article = "a" if decision.missing == RESOURCE else "an"
        return f"{head} with an explicit deny in {article} {decision.missing}"
    return f"{head} because no {decision.missing} allows the {question.action} action"
