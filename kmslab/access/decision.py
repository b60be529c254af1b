"""A Decision: allowed or denied, what decided it, and what every other statement lacked.

`decide` is a pure function. It follows AWS's order (IAM User Guide, "Policy evaluation logic";
KMS Developer Guide, "Determining access"): an explicit deny wins; a key policy allows a
principal itself, or delegates to the account, whose identity policies must then allow; in
another account both sides must allow. Grants, boundaries and conditions are not known yet.
"""

from typing import NamedTuple

from kmslab.access.policy import Policy, Question, Statement

IDENTITY, RESOURCE = "identity-based policy", "resource-based policy"

# KMS Developer Guide, "Allowing users in other accounts to use a KMS key": any other operation
# has no effect there.
_CROSS_ACCOUNT_ACTIONS = frozenset(
    f"kms:{name}"
    for name in (
        *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey"),
        *("GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair"),
        *("GenerateDataKeyPairWithoutPlaintext", "Sign", "Verify", "GenerateMac", "VerifyMac"),
        *("DeriveSharedSecret", "Encapsulate", "Decapsulate", "CreateGrant", "DescribeKey"),
        *("GetKeyRotationStatus", "GetPublicKey", "ListGrants", "RetireGrant", "RevokeGrant"),
    )
)


class Named(NamedTuple):
    """A statement and the policy it stands in."""

    policy_name: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.policy_name}, {self.statement.label}"


class Decision(NamedTuple):
    """`decided_by` is the statement that decided, None for an implicit deny.

    `missing` is the layer that did not allow, or that denied: "identity-based policy" or
    "resource-based policy". `explicit` says that a Deny statement decided. `passed_over` has
    every statement that did not decide, with the first reason why. `resource_allows` says that
    the resource's own side allows: only then may a caller of another account learn of it.
    """

    question: Question
    allowed: bool
    decided_by: Named | None = None
    missing: str = ""
    explicit: bool = False
    passed_over: tuple[tuple[Named, str], ...] = ()
    resource_allows: bool = False

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "denied"
        reason = f"{self.decided_by}" if self.decided_by else f"no {self.missing} that allows it"
        lines = [f"{self.question.action}: {verdict} by {reason}"]
        lines += [f"  {named}: {why}" for named, why in self.passed_over]
        return "\n".join(lines)


class ResourcePolicy(NamedTuple):
    """The policy of a resource, and the account that the resource belongs to."""

    policy: Policy
    owner: str


def decide(
    question: Question,
    identity_policies: tuple[tuple[str, Policy], ...],
    resource_policy: ResourcePolicy | None,
) -> Decision:
    """May the principal do it? `resource_policy` is None for actions that belong to no key,
    which identity policies decide alone."""
    passed_over: list[tuple[Named, str]] = []
    identity = _Layer(IDENTITY, passed_over)
    for policy_name, policy in identity_policies:
        for statement in policy.statements:
            identity.weigh(Named(policy_name, statement), statement.mismatch(question))
    key_side = _Layer(RESOURCE, passed_over)
    if resource_policy is not None:
        for statement in resource_policy.policy.statements:
            key_side.weigh_for(question, Named("key policy", statement))
    return _verdict(question, identity, key_side, resource_policy, tuple(passed_over))


class _Layer:
    """What one kind of policy says: the first statement that denies, allows or delegates."""

    __slots__ = ("allowed_by", "delegated_by", "denied_by", "name", "passed_over")

    def __init__(self, name: str, passed_over: list[tuple[Named, str]]) -> None:
        self.name = name
        self.passed_over = passed_over
        self.denied_by: Named | None = None
        self.allowed_by: Named | None = None
        self.delegated_by: Named | None = None

    def weigh(self, named: Named, why_not: str) -> None:
        if why_not:
            self.passed_over.append((named, why_not))
        elif named.statement.allows:
            self.allowed_by = self.allowed_by or named
        else:
            self.denied_by = self.denied_by or named

    def weigh_for(self, question: Question, named: Named) -> None:
        """`weigh` a statement that names principals: the caller, or the caller's account."""
        statement = named.statement
        why_not = statement.mismatch(question)
        if statement.names("*", question.principal_arn):
            self.weigh(named, why_not)
        elif not statement.names(question.account_root):
            self.weigh(named, why_not or "another principal")
        elif why_not or not statement.allows:
            self.weigh(named, why_not)
        else:
            self.delegated_by = self.delegated_by or named


def _verdict(
    question: Question,
    identity: _Layer,
    key_side: _Layer,
    resource_policy: ResourcePolicy | None,
    passed_over: tuple[tuple[Named, str], ...],
) -> Decision:
    same_account = resource_policy is None or resource_policy.owner == question.account
    has_effect = same_account or question.action in _CROSS_ACCOUNT_ACTIONS
    named = has_effect and not key_side.denied_by
    resource_allows = named and bool(key_side.allowed_by or key_side.delegated_by)

    denying = key_side if key_side.denied_by else identity if identity.denied_by else None
    allowed, decided_by, missing = False, None, IDENTITY
    if denying:
        decided_by, missing = denying.denied_by, denying.name
    elif resource_policy is not None and same_account and key_side.allowed_by:
        allowed, decided_by, missing = True, key_side.allowed_by, ""
    elif resource_policy is not None and not resource_allows:
        missing = RESOURCE
    elif identity.allowed_by:
        allowed, decided_by, missing = True, identity.allowed_by, ""
    explicit = denying is not None
    return Decision(question, allowed, decided_by, missing, explicit, passed_over, resource_allows)
