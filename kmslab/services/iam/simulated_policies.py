"""The policies of a simulation: compiled as for any decision, and with the texts they came from.

Stored policies may be old and unreadable, and then deny everything, as they do in earnest; policies
that come with the request must be readable. What a simulation asks them is not known here.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

from kmslab.access.aws_managed_policies import AwsManagedPolicy
from kmslab.access.identities import readable_policy, unreadable_policy
from kmslab.access.policy import (
    Named,
    Policy,
    PolicyInForce,
    identity_policy,
    read_identity_policy,
    read_key_policy,
)
from kmslab.errors import PolicyError
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.context_keys import keys_of_statements
from kmslab.services.iam.entities import Entity, find_managed_policy
from kmslab.services.iam.statement_positions import Span, statement_spans
from kmslab.store.iam_records import User


class SimulatedPolicy:
    """One policy: `policy_id` and `policy_type` are how the results speak of it; `text` is ""
    where it cannot be read."""

    def __init__(self, policy_id: str, policy_type: str, policy: Policy, text: str) -> None:
        self.policy_id = policy_id
        self.policy_type = policy_type
        self.text = text
        self.in_force = PolicyInForce(f"{policy_type} policy {policy_id}", policy)

    @cached_property
    def context_keys(self) -> tuple[tuple[str, ...], ...]:
        """For each statement the condition keys that it asks for."""
        return keys_of_statements(self.text) if self.text else ()

    def asked_about(self, action: str) -> Iterator[str]:
        """The condition keys in the statements about `action`."""
        statements = self.in_force.statements
        for statement, names in zip(statements, self.context_keys, strict=False):
            if statement.covers(action.lower()):
                yield from names

    def span_of(self, named: Named) -> Span | None:
        """Where a statement stands, if it is one of this policy that could be read."""
        if named.policy_name != self.in_force.policy_name or not self.text:
            return None
        for statement, span in zip(self.in_force.statements, self._spans, strict=True):
            if statement is named.statement:
                return span
        return None

    @cached_property
    def _spans(self) -> tuple[Span, ...]:
        return statement_spans(self.text)


def own_policies(call: Call, entity: Entity) -> tuple[SimulatedPolicy, ...]:
    """The policies of a user or role."""
    kind = "user" if isinstance(entity, User) else "role"
    inline = [_stored(name, kind, text) for name, text in entity.policies]
    return (*inline, *(_managed(call, policy_arn) for policy_arn in entity.attached))


def boundary_of(call: Call, entity: Entity) -> tuple[SimulatedPolicy, ...] | None:
    """The permissions boundary of a user or role, if it has one."""
    return (_managed(call, entity.boundary),) if entity.boundary else None


def given_policies(call: Call, member: str) -> tuple[SimulatedPolicy, ...]:
    """The policies in the list `member` of the request."""
    return tuple(
        _given(f"{member}.{number}", "none", text, read_identity_policy)
        for number, text in enumerate(call.parameters.get(member, ()), start=1)
    )


def given_boundary(call: Call) -> tuple[SimulatedPolicy, ...] | None:
    """The permissions boundary of the request, which may have one."""
    policies = given_policies(call, "PermissionsBoundaryPolicyInputList")
    if len(policies) > 1:
        raise refusals.invalid_input("Only one permissions boundary may be given.")
    return policies or None


def given_resource_policy(call: Call) -> SimulatedPolicy | None:
    text = call.parameters.get("ResourcePolicy")
    if text is None:
        return None
    return _given(
        "ResourcePolicy", "resource", text, lambda text: Policy(read_key_policy(text).statements)
    )


def _given(
    policy_id: str, policy_type: str, text: str, read: Callable[[str], Policy]
) -> SimulatedPolicy:
    try:
        return SimulatedPolicy(policy_id, policy_type, read(text), text)
    except PolicyError as problem:
        raise refusals.invalid_input(f"{policy_id}: {problem}") from None


def _stored(policy_id: str, policy_type: str, text: str) -> SimulatedPolicy:
    try:
        return SimulatedPolicy(policy_id, policy_type, identity_policy(text), text)
    except PolicyError:
        return SimulatedPolicy(policy_id, policy_type, readable_policy(text), "")


def _managed(call: Call, policy_arn: str) -> SimulatedPolicy:
    found = find_managed_policy(call.store, policy_arn)
    policy_type = "aws-managed" if isinstance(found, AwsManagedPolicy) else "user-managed"
    if found is None:
        gone = unreadable_policy(f"{policy_arn} does not exist")
        return SimulatedPolicy(policy_arn, policy_type, gone, "")
    return _stored(found.policy_name, policy_type, found.text)
