"""A Decision: allowed or denied, what decided it, and what every other statement lacked.

`decide` is a pure function. It follows AWS's order (IAM User Guide, "Policy evaluation logic";
KMS Developer Guide, "Troubleshooting AWS KMS permissions"): an explicit deny wins, wherever it
stands and over grants too; else the key's own side must allow the caller by key policy or
grant, or leave the decision to the caller's account, whose identity policies must then allow. A
bucket leaves it to its account always, a key only where its policy says so. In another account both
sides must allow. Boundaries and session policies allow nothing; they limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from kmslab.access.explanation import DECIDED, HELPED, PASSED_OVER, Line, as_html, as_text
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import (
    Named,
    PassedOver,
    PolicyInForce,
    Question,
    Reason,
)
from kmslab.access.principals import BY_ACCOUNT, ITSELF, NOT_NAMED
from kmslab.store.records import Grant

NOT_NEEDED = "it is about this as well, and was not needed"
IDENTITY, RESOURCE = "identity-based policy", "resource-based policy"
BOUNDARY, SESSION = "permissions boundary", "session policy"

# KMS Developer Guide, "Allowing users in other accounts to use a KMS key": any other operation
# has no effect there. A role may be assumed from anywhere that its trust policy names, and a bucket
# policy may let others do anything that S3 can.
_CROSS_ACCOUNT_ACTIONS = frozenset(
    (
        "sts:AssumeRole",
        "sts:TagSession",
        *(
            f"kms:{name}"
            for name in (
                *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey"),
                *("GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair"),
                *("GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac"),
                *("VerifyMac", "DeriveSharedSecret", "Encapsulate", "Decapsulate"),
                *("CreateGrant", "DescribeKey", "GetKeyRotationStatus", "GetPublicKey"),
                *("ListGrants", "RetireGrant", "RevokeGrant"),
            )
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Identities:
    """The policies of a principal: its own, and what limits them. `boundary` is None where there
    is none; so is `session`, the session policies, of which one has to allow."""

    own: tuple[PolicyInForce, ...] = ()
    boundary: tuple[PolicyInForce, ...] | None = None
    session: tuple[PolicyInForce, ...] | None = None


class OwnerSide(NamedTuple):
    """What the owner of a resource says: its policy, and the grants on it, if it has any.

    `leaves_it_to_account`: whatever the policy allows or leaves out, what identity policies of the
    owner's account allow is enough for its own principals, as it is for a bucket.
    """

    policy: PolicyInForce | None
    account: str
    grants: GrantsInForce | None = None
    leaves_it_to_account: bool = False


class Decision(NamedTuple):
    """What became of a question.

    `decided_by` are the statements that decided: the one that denies, or those that allow
    together; `grant` is the grant among them. Both are empty for an implicit deny. `missing` is
    the layer that did not allow, or that denied ("resource-based policy", "session policy" and
    so on); `explicit` says that a Deny decided. `passed_over` has every statement that did not
    decide, with the first reason why; `not_enough` those that allow, and still were not enough.
    `other_grants` are the caller's grants that did not help, with the reason, where the outcome is
    a denial; of very many, the first ones. `resource_allows` says that the resource's own side
    allows: only then may a caller of another account learn of it.
    """

    question: Question
    allowed: bool
    decided_by: tuple[Named, ...] = ()
    grant: Grant | None = None
    missing: str = ""
    explicit: bool = False
    passed_over: tuple[PassedOver, ...] = ()
    not_enough: tuple[Named, ...] = ()
    other_grants: tuple[tuple[Grant, str], ...] = ()
    resource_allows: bool = False

    @property
    def verdict(self) -> str:
        """The outcome as a sentence."""
        asked = self.question
        word = "allowed" if self.allowed else "denied"
        why = "" if self.decided_by or self.grant else f": no {self.missing} allows it"
        on = "" if asked.resource in ("", "*") else f" on {asked.resource.split(':', 5)[-1]}"
        return f"{word}: {asked.principal.arn or 'anonymous'}, {asked.action}{on}{why}"

    @property
    def because(self) -> str:
        """In a few words what decided, for a row of a table."""
        if self.explicit:
            return f"denied by {self.decided_by[0]}"
        if not self.allowed:
            return f"no {self.missing} allows it"
        named = [str(named) for named in self.decided_by]
        return " + ".join([*named, _title(self.grant)] if self.grant else named)

    @property
    def lines(self) -> list[Line]:
        """A line for each statement and grant that was weighed, those that decided first."""
        shown = [Line(DECIDED, str(named), self._says(named)) for named in self.decided_by]
        if self.grant:
            shown.append(Line(DECIDED, _title(self.grant), "allows it"))
        shown += [Line(HELPED, str(named), self._says(named)) for named in self.not_enough]
        shown += [
            Line(PASSED_OVER, str(named), _words(why_not, self.question))
            for named, why_not in self.passed_over
        ]
        shown += [Line(PASSED_OVER, _title(grant), why_not) for grant, why_not in self.other_grants]
        return shown

    def __repr__(self) -> str:
        return as_text(self.verdict, self.lines)

    def _repr_html_(self) -> str:
        return as_html(self.verdict, self.lines)

    def _says(self, named: Named) -> str:
        """What a statement that is about the question says to it."""
        statement, principal = named.statement, self.question.principal
        if not statement.allows:
            return "denies it"
        if statement.who is None or statement.who.naming(principal, True) != BY_ACCOUNT:
            return "allows it"
        return f"leaves it to the policies of account {principal.account}"


def _title(grant: Grant) -> str:
    name = f" {grant.grant_name}" if grant.grant_name else ""
    return f"grant{name} {grant.grant_id[:8]}"


def _words(why_not: Reason, question: Question) -> str:
    return why_not if isinstance(why_not, str) else why_not.words(question.context)


class _Layer:
    """What one kind of policy says: the first statement that denies, and the one that allows
    most strongly (`strength`; policies without a principal have one strength only)."""

    __slots__ = ("allowed_by", "denied_by", "name", "passed_over", "strength")

    def __init__(self, name: str, passed_over: list[PassedOver]) -> None:
        self.name = name
        self.passed_over = passed_over
        self.denied_by: Named | None = None
        self.allowed_by: Named | None = None
        self.strength = NOT_NAMED

    def weigh(self, policy: PolicyInForce, question: Question) -> None:
        weighed, passed_over = policy.about(question.action, question.principal)
        self.passed_over += passed_over
        for named, strength, is_everywhere in weighed:
            why_not = named.statement.mismatch(question, is_everywhere)
            if why_not is not None:
                self.passed_over.append((named, why_not))
            elif not named.statement.allows:
                self.denied_by = self.denied_by or named
            elif strength > self.strength:
                self._not_needed(self.allowed_by)
                self.allowed_by, self.strength = named, strength
            else:
                self._not_needed(named)

    def was_not_needed(self) -> None:
        """Say of what it allows that others were enough."""
        self._not_needed(self.allowed_by)

    def _not_needed(self, named: Named | None) -> None:
        if named:
            self.passed_over.append((named, NOT_NEEDED))


def decide(question: Question, identities: Identities, owner_side: OwnerSide | None) -> Decision:
    """May the principal do it? `owner_side` is None for actions that belong to no key or bucket,
    which identity policies decide alone."""
    passed_over: list[PassedOver] = []
    identity = _weighed(IDENTITY, identities.own, question, passed_over)
    limits = [
        _weighed(name, policies, question, passed_over)
        for name, policies in ((BOUNDARY, identities.boundary), (SESSION, identities.session))
        if policies is not None
    ]
    owner = _Layer(RESOURCE, passed_over)
    if owner_side is not None and owner_side.policy is not None:
        owner.weigh(owner_side.policy, question)
    layers = (owner, identity, *limits)
    for layer in layers:
        if layer.denied_by:
            return _denied(question, layer, layers, owner_side)
    return _without_deny(question, owner, identity, limits, owner_side)


def _weighed(
    name: str,
    policies: tuple[PolicyInForce, ...],
    question: Question,
    passed_over: list[PassedOver],
) -> _Layer:
    layer = _Layer(name, passed_over)
    for policy in policies:
        layer.weigh(policy, question)
    return layer


def _denied(
    question: Question, layer: _Layer, layers: tuple[_Layer, ...], owner_side: OwnerSide | None
) -> Decision:
    owner = layers[0]
    assert layer.denied_by
    return Decision(
        question,
        allowed=False,
        decided_by=(layer.denied_by,),
        missing=layer.name,
        explicit=True,
        passed_over=tuple(owner.passed_over),
        not_enough=_allowing(layers),
        other_grants=_other_grants(question, owner_side),
        resource_allows=bool(
            not owner.denied_by and owner.allowed_by and _reaches(question, owner_side)
        ),
    )


def _without_deny(
    question: Question,
    owner: _Layer,
    identity: _Layer,
    limits: list[_Layer],
    owner_side: OwnerSide | None,
) -> Decision:
    """No statement denies: does enough allow? Grants are asked where policies are not enough."""
    strength = _worth(owner.strength, question, owner_side)
    needed, missing = _needed(strength, owner, identity, limits)
    grant = None
    if missing and owner_side and owner_side.grants and _reaches(question, owner_side):
        grant, granted = owner_side.grants.allowing(question)
        if grant:
            strength = max(strength, granted)
            needed, missing = _needed(granted, owner, identity, limits)
    deciding = [*(() if grant or owner_side is None else (owner,)), *needed]
    if not missing:
        for layer in (owner, identity, *limits):
            if layer not in deciding:
                layer.was_not_needed()
    return Decision(
        question,
        allowed=not missing,
        decided_by=() if missing else _allowing(deciding),
        grant=None if missing else grant,
        missing=missing,
        passed_over=tuple(owner.passed_over),
        not_enough=_allowing((owner, identity, *limits)) if missing else (),
        other_grants=_other_grants(question, owner_side) if missing else (),
        resource_allows=strength > NOT_NAMED,
    )


def _worth(strength: int, question: Question, owner_side: OwnerSide | None) -> int:
    """What it is worth that the owner's policy allows this strongly. In another account it only
    ever opens the way for the caller's own policies, and only for some operations."""
    if owner_side is None:
        return BY_ACCOUNT
    if not _is_at_home(question, owner_side):
        return min(strength, BY_ACCOUNT) if _works_abroad(question.action) else NOT_NAMED
    if owner_side.leaves_it_to_account and not _is_of_no_account(question):
        return max(strength, BY_ACCOUNT)
    return strength


def _needed(
    strength: int, owner: _Layer, identity: _Layer, limits: list[_Layer]
) -> tuple[list[_Layer], str]:
    """The layers that have to allow besides the owner's side, and the first that does not."""
    if strength == NOT_NAMED:
        return [], owner.name
    # Who names the account leaves it to the account; who names a role is cut by what limits its
    # sessions; who names the user or the session itself is not.
    needed = [identity, *limits] if strength == BY_ACCOUNT else limits
    if strength == ITSELF:
        needed = []
    for layer in needed:
        if not layer.allowed_by:
            return needed, layer.name
    return needed, ""


def _other_grants(
    question: Question, owner_side: OwnerSide | None
) -> tuple[tuple[Grant, str], ...]:
    if owner_side is None or owner_side.grants is None:
        return ()
    return owner_side.grants.not_allowing(question)


def _allowing(layers: Iterable[_Layer]) -> tuple[Named, ...]:
    return tuple([layer.allowed_by for layer in layers if layer.allowed_by])


def _is_at_home(question: Question, owner_side: OwnerSide | None) -> bool:
    """Whether the owner's word alone is enough: for its own principals, and for whoever has no
    account that could say anything."""
    return (
        owner_side is None
        or owner_side.account == question.principal.account
        or _is_of_no_account(question)
    )


def _is_of_no_account(question: Question) -> bool:
    """Whether a service calls for itself, or somebody unknown, whom S3 alone answers."""
    principal = question.principal
    return principal.is_service or (principal.is_anonymous and question.action.startswith("s3:"))


def _reaches(question: Question, owner_side: OwnerSide | None) -> bool:
    """Whether the operation works in the account of the resource at all."""
    return _is_at_home(question, owner_side) or _works_abroad(question.action)


def _works_abroad(action: str) -> bool:
    return action in _CROSS_ACCOUNT_ACTIONS or action.startswith("s3:")
