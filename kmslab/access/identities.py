"""What a principal's policies are, compiled: its own, and those that limit them.

From the records of users, roles and sessions to Identities, which `decision` weighs. How managed
policies are found is the caller's to say; this must not know where they are kept, nor what a
request asks.

Nothing in force is left out in silence: a text that cannot be read, as an old state directory may
have it, becomes a policy that denies everything.
"""

from collections.abc import Callable

from kmslab.access.decision import Identities
from kmslab.access.policy import Policy, PolicyInForce, Statement, identity_policy
from kmslab.access.variables import resource_pattern
from kmslab.access.wildcards import wildcard
from kmslab.errors import PolicyError
from kmslab.store.iam_records import Pairs, Role, RoleSession, User

FindPolicy = Callable[[str], str | None]
"""The JSON text of the managed policy with this ARN, None where there is none."""

_EVERYTHING = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


def user_identities(user: User, find_policy: FindPolicy) -> Identities:
    """The policies of `user`."""
    return Identities(_own(user, find_policy), _boundary(user, find_policy))


def role_identities(role: Role, session: RoleSession, find_policy: FindPolicy) -> Identities:
    """The policies of `role`, as a session of it has them."""
    return Identities(
        _own(role, find_policy),
        _boundary(role, find_policy),
        None if session.policies is None else _session_policies(session.policies),
    )


def root_identities() -> Identities:
    """The root user needs no policy. It is given one all the same, so that decisions can name
    what allowed; no boundary limits it."""
    return Identities((PolicyInForce("the account's root user", identity_policy(_EVERYTHING)),))


def readable_policy(text: str) -> Policy:
    """The compiled policy; one that denies everything where `text` is no identity policy."""
    try:
        return identity_policy(text)
    except PolicyError as problem:
        return unreadable_policy(": ".join(filter(None, (problem.place, str(problem)))))


def unreadable_policy(problem: str) -> Policy:
    """One Deny statement about everything: what stands in for a text that cannot be read."""
    statement = Statement(
        label=f"unreadable, so everything is denied ({problem})",
        allows=False,
        who=None,
        actions=(wildcard("*", ignore_case=True),),
        not_actions=(),
        resources=(resource_pattern("*", with_variables=False),),
        not_resources=(),
        conditions=(),
    )
    return Policy((statement,))


def _own(entity: User | Role, find_policy: FindPolicy) -> tuple[PolicyInForce, ...]:
    inline = [
        PolicyInForce(f"inline policy {name}", readable_policy(text))
        for name, text in entity.policies
    ]
    managed = [_managed("managed policy", arn, find_policy) for arn in entity.attached]
    return (*inline, *managed)


def _boundary(entity: User | Role, find_policy: FindPolicy) -> tuple[PolicyInForce, ...] | None:
    if not entity.boundary:
        return None
    return (_managed("permissions boundary", entity.boundary, find_policy),)


def _session_policies(policies: Pairs) -> tuple[PolicyInForce, ...]:
    return tuple(
        PolicyInForce(f"session policy {name}".rstrip(), readable_policy(text))
        for name, text in policies
    )


def _managed(use: str, arn: str, find_policy: FindPolicy) -> PolicyInForce:
    text = find_policy(arn)
    name = f"{use} {arn.rpartition('/')[2]}"
    if text is None:
        return PolicyInForce(name, unreadable_policy(f"{arn} does not exist"))
    return PolicyInForce(name, readable_policy(text))
