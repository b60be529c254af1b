"""One call on its way through a service: who asks for what, and what the event will tell.

Operations are functions of a `Call`. They ask `authorise` before they do anything, and gather
changes that the door applies together with the event. A call knows nothing of how it came in.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from kmslab import errors
from kmslab.access.context import Value
from kmslab.access.decision import (
    IDENTITY,
    RESOURCE,
    Decision,
    Identities,
    OwnerSide,
    decide,
)
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import Question
from kmslab.access.principals import Principal
from kmslab.access.stored_policies import stored_key_policy
from kmslab.services.callers import Caller
from kmslab.services.condition_keys import Origin, context_of, encryption_context_of
from kmslab.services.grant_tokens import grants_shown
from kmslab.sources import RandomBytes
from kmslab.store.events import Event
from kmslab.store.records import Grant, KmsKey, Record
from kmslab.store.store import Changes, Store
from kmslab.vault.hsm import Hsm
from kmslab.wire.message import Stream

if TYPE_CHECKING:
    # The modules of S3 and CloudTrail import this one.
    from kmslab.services.cloudtrail.backing import Backing as CloudTrailBacking
    from kmslab.services.s3.backing import Backing

Output = dict[str, Any] | None
Operation = Callable[["Call"], Output]

_NONE_SHOWN: frozenset[str] = frozenset()


class Call:
    """The request of one principal, and what becomes of it.

    For the event: `resources` are the ARNs it touched, `told` what responseElements shows
    (`tells_its_output`: all that is answered) and `additional` what additionalEventData shows.
    For decisions: `asked_grant` is a grant in the making, `more_context` holds condition keys
    that only the operation can tell, `signature_facts` how the request was signed;
    `nested_decisions` are those about calls that were made to serve this one.

    For S3: `backing` is what it works with besides records, `headers` are those of the request,
    `content` is its body and `answer_content` the answer's, where they are streams; `asked` is
    what the event tells of the request, `resource_owner` the account of `resources` whose ARNs do
    not say it; `is_data_event` that it tells of contents. `decides_each` says that the answer tells
    of each thing asked for what was decided. `afterwards` is done once the changes are written.

    `more_events` are recorded with the call: what KMS itself does because of it. `parts` are what
    was done of the call in other Regions, each with its output.
    """

    __slots__ = (
        "_backing",
        "_cloudtrail",
        "additional",
        "afterwards",
        "answer_content",
        "asked",
        "asked_grant",
        "caller",
        "changes",
        "content",
        "decides_each",
        "decisions",
        "grant_propagation",
        "headers",
        "hsm",
        "invalid_token",
        "is_data_event",
        "mark",
        "more_context",
        "more_events",
        "nested_decisions",
        "now",
        "operation",
        "origin",
        "parameters",
        "parts",
        "random",
        "region",
        "resource_owner",
        "resources",
        "service",
        "signature_facts",
        "store",
        "tells_its_output",
        "told",
    )

    def __init__(
        self,
        service: str,
        operation: str,
        caller: Caller,
        region: str,
        now: float,
        origin: Origin,
        store: Store,
        hsm: Hsm,
        random: RandomBytes,
        grant_propagation: float = 0.0,
        mark: Callable[[str], None] | None = None,
        backing: "Backing | None" = None,
        cloudtrail: "CloudTrailBacking | None" = None,
    ) -> None:
        self.service = service
        self.operation = operation
        self.parameters: dict[str, Any] = {}
        self.caller = caller
        self.region = region
        self.now = now
        self.origin = origin
        self.store = store
        self.hsm = hsm
        self.random = random
        self.grant_propagation = grant_propagation
        self.mark = mark
        self.decisions: list[Decision] = []
        self.nested_decisions: list[Decision] = []
        self.asked_grant: Grant | None = None
        self.invalid_token: errors.ServiceError | None = None
        self.more_context: dict[str, Value] = {}
        self.more_events: list[Event] = []
        self.changes: Changes | None = None
        self.resources: tuple[str, ...] = ()
        self.told: dict[str, Any] | None = None
        self.tells_its_output = False
        self.additional: dict[str, Any] | None = None
        self._backing = backing
        self._cloudtrail = cloudtrail
        self.headers: Mapping[str, str] = {}
        self.content: Stream | None = None
        self.answer_content: Stream | None = None
        self.asked: dict[str, Any] | None = None
        self.resource_owner = ""
        self.decides_each = False
        self.is_data_event = False
        self.signature_facts: dict[str, str] = {}
        self.afterwards: list[Callable[[], None]] = []
        self.parts: list[tuple[Call, Output]] = []

    @property
    def principal(self) -> Principal:
        return self.caller.principal

    @property
    def identities(self) -> Identities:
        return self.caller.identities

    @property
    def account(self) -> str:
        return self.caller.principal.account

    @property
    def backing(self) -> "Backing":
        """What S3 works with. Raises RuntimeError where the door was given none."""
        if self._backing is None:
            raise RuntimeError("this door was given nothing to store objects with")
        return self._backing

    @property
    def cloudtrail(self) -> "CloudTrailBacking":
        """What CloudTrail works with. Raises RuntimeError where the door was given nothing."""
        if self._cloudtrail is None:
            raise RuntimeError("this door was given nothing to deliver log files with")
        return self._cloudtrail

    @property
    def decision(self) -> Decision | None:
        """The last one that was asked for."""
        return self.decisions[-1] if self.decisions else None

    def authorise(
        self, kms_key: KmsKey, action: str | None = None, by_ciphertext: bool = False
    ) -> None:
        """Decide `action` (this operation's by default) on `kms_key`.

        `by_ciphertext` says that only the ciphertext names the key: AWS then hides its ARN.
        Raises AccessDeniedException in AWS's wording.
        """
        decision = self.decide_on_key(kms_key, action)
        if not decision.allowed:
            self.refuse_key(kms_key, decision, by_ciphertext)
        if self.invalid_token:
            # Only now: a stranger's invalid token must not tell whether there is such a key.
            raise self.invalid_token
        if self.mark:
            self.mark("authorise")

    def decide_on_key(self, kms_key: KmsKey, action: str | None = None) -> Decision:
        question = self.question(action or self.operation, kms_key.arn, kms_key)
        return self.decide(question, self.owner_side(kms_key))

    def owner_side(self, kms_key: KmsKey) -> OwnerSide:
        """The key policy, and the grants on the key with those whose tokens came along."""
        shown = self._grants_shown() if "GrantTokens" in self.parameters else _NONE_SHOWN
        grants = GrantsInForce(self.store.grant_index.on(kms_key.own_shelf), self.now, shown)
        return OwnerSide(stored_key_policy(kms_key.policy), kms_key.account, grants)

    def _grants_shown(self) -> frozenset[str]:
        try:
            return grants_shown(self)
        except errors.ServiceError as problem:
            self.invalid_token = problem
            return frozenset()

    def refuse_key(self, kms_key: KmsKey, decision: Decision, by_ciphertext: bool = False) -> None:
        """Raise AWS's refusal for a decision about a key."""
        foreign = kms_key.account != self.account and not self.principal.is_service
        if foreign and not decision.resource_allows:
            # What the sentence hides, the caller's own event must not tell.
            self.resources = tuple(arn for arn in self.resources if arn != kms_key.arn)
        raise errors.access_denied(_refusal(decision, by_ciphertext or foreign, by_ciphertext))

    def authorise_in_account(
        self, resource: str = "*", action: str | None = None, told: str = ""
    ) -> None:
        """`authorise` for what belongs to no key: identity policies alone decide. A refusal speaks
        of `told` where the ARN of `resource` says more than the caller asked with."""
        question = self.question(action or self.operation, resource)
        decision = self.decide(question, None)
        if not decision.allowed:
            raise errors.access_denied(_refusal(decision, hidden=False, told=told))

    def allow_everyone(self, resource: str = "*") -> None:
        """For the few operations of AWS that need no permission at all."""
        self.decisions.append(Decision(self.question(self.operation, resource), True))

    def deny_absent(
        self, action: str | None = None, by_ciphertext: bool = False
    ) -> errors.ServiceError:
        """The refusal for a key that is not there but whose absence AWS does not admit: one of
        another account, or the key of a ciphertext."""
        decision = self.deny(self.question(action or self.operation, ""))
        return errors.access_denied(_refusal(decision, True, by_ciphertext))

    def deny(self, question: Question) -> Decision:
        """The decision about a resource that is not there: nobody allows it."""
        decision = Decision(question, False, missing=RESOURCE)
        self.decisions.append(decision)
        return decision

    def question(self, action: str, resource: str, kms_key: KmsKey | None = None) -> Question:
        """`action` on `resource`, with what this request tells to conditions. An action of another
        service is spelled out: "iam:CreateServiceLinkedRole"."""
        return Question(
            self.caller.principal,
            action if ":" in action else f"{self.service}:{action}",
            resource,
            context_of(self, kms_key, action),
            encryption_context_of(self, action),
            self.asked_grant,
        )

    def decide(self, question: Question, owner_side: OwnerSide | None) -> Decision:
        """Ask, and remember the answer: the door lets nothing through that never asked."""
        decision = decide(question, self.caller.identities, owner_side)
        self.decisions.append(decision)
        return decision

    def in_region(self, region: str, operation: str, parameters: dict[str, Any]) -> "Call":
        """The part of this call that is done in another Region, in the name of the same caller: it
        is decided there, under the conditions of that Region, and changes the state together with
        this call. With `did_in_region` it leaves an event there."""
        self.begin_change()
        part = copy(self)
        part.caller = self.caller._replace(principal=self.principal.helped_by("kms.amazonaws.com"))
        part.region, part.operation, part.parameters = region, operation, parameters
        part.more_context = {}
        part.resources, part.told, part.tells_its_output, part.additional = (), None, False, None
        return part

    def did_in_region(self, part: "Call", output: Output) -> None:
        self.parts.append((part, output))

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


def _refusal(decision: Decision, hidden: bool, by_ciphertext: bool = False, told: str = "") -> str:
    """AWS's sentence (KMS Developer Guide, "Troubleshooting access"). `hidden`: where the key's
    own policy is what denies, the sentence does not admit that the key exists."""
    asked = decision.question
    head = f"User: {asked.principal.arn} is not authorized to perform: {asked.action} on"
    if hidden and not decision.resource_allows:
        place = "the resource associated with this ciphertext" if by_ciphertext else "this resource"
        return (
            f"{head} {place} because the resource does not exist in this Region, no "
            "resource-based policies allow access, or a resource-based policy explicitly "
            "denies access"
        )
    head = f"{head} resource: {told or asked.resource}"
    if decision.explicit:
        article = "an" if decision.missing == IDENTITY else "a"
        return f"{head} with an explicit deny in {article} {decision.missing}"
    return f"{head} because no {decision.missing} allows the {asked.action} action"
