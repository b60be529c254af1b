"""The user, role or managed policy that a request names: authorised for, and then found.

Whether something exists is told only to who may ask for it. Conditions learn here what belongs
to the entity itself: its tags, and the boundary of whose permissions are about to change.
"""

from collections.abc import Iterable

from kmslab import arn as arns
from kmslab.access.aws_managed_policies import AwsManagedPolicy, aws_managed_policy
from kmslab.access.context import folded
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.sources import random_id
from kmslab.store.iam_records import ManagedPolicy, Pairs, Role, User
from kmslab.store.store import Store

Entity = User | Role
AnyPolicy = ManagedPolicy | AwsManagedPolicy


def asked_user(call: Call, changes_permissions: bool = False) -> User:
    """The user of UserName, if the caller may do this to it."""
    return authorised_user(call, call.parameters["UserName"], changes_permissions)


def authorised_user(call: Call, user_name: str, changes_permissions: bool = False) -> User:
    """The user of this name, if the caller may do this to it."""
    user = call.store.users.get(call.account, user_name)
    _authorise(call, user, arns.user_arn(call.account, user_name), changes_permissions)
    if user is None:
        raise refusals.no_such_user(user_name)
    return user


def asked_role(call: Call, changes_permissions: bool = False) -> Role:
    """The role of RoleName, if the caller may do this to it."""
    role_name = call.parameters["RoleName"]
    role = call.store.roles.get(call.account, role_name)
    _authorise(call, role, arns.role_arn(call.account, role_name), changes_permissions)
    if role is None:
        raise refusals.no_such_role(role_name)
    return role


def asked_policy(call: Call) -> AnyPolicy:
    """The managed policy of PolicyArn, if the caller may do this to it. There is none to be had
    in other accounts."""
    policy_arn = call.parameters["PolicyArn"]
    policy = usable_policy(call, policy_arn)
    tell_tags(call, policy.tags if policy else ())
    call.authorise_in_account(policy_arn)
    if policy is None:
        raise refusals.no_such_policy(policy_arn)
    return policy


def asked_own_policy(call: Call) -> ManagedPolicy:
    """The same for who wants to change it: not one of AWS's."""
    policy = asked_policy(call)
    if isinstance(policy, AwsManagedPolicy):
        raise refusals.of_aws(call.principal.arn, call.operation, policy.arn)
    return policy


def usable_policy(call: Call, policy_arn: str) -> AnyPolicy | None:
    """A managed policy of the caller's account, or of AWS. Raises InvalidInput for what names no
    policy at all."""
    arn = arns.parse_arn(policy_arn)
    if arn is None or (arn.service, arn.region) != ("iam", "") or arn.resource[:7] != "policy/":
        raise refusals.invalid_arn(policy_arn)
    policy = find_managed_policy(call.store, policy_arn)
    if isinstance(policy, ManagedPolicy) and policy.account != call.account:
        return None
    return policy


def find_managed_policy(store: Store, policy_arn: str) -> AnyPolicy | None:
    """The managed policy with this ARN, of any account."""
    arn = arns.parse_arn(policy_arn)
    if arn is None:
        return None
    policy = store.managed_policies.get(arn.account, arn.resource.rpartition("/")[2])
    return policy if policy and policy.arn == policy_arn else aws_managed_policy(policy_arn)


def find_entity(store: Store, entity_arn: str) -> Entity | None:
    """The user or role with this ARN, in any account."""
    arn = arns.parse_arn(entity_arn)
    if arn is None:
        return None
    name = arn.resource.rpartition("/")[2]
    found = (store.users.get(arn.account, name), store.roles.get(arn.account, name))
    return next((entity for entity in found if entity and entity.arn == entity_arn), None)


def is_taken(name: str, names: Iterable[str]) -> bool:
    """Names in IAM are the same where only their case differs."""
    wanted = name.lower()
    return any(other.lower() == wanted for other in names)


def new_id(call: Call, prefix: str) -> str:
    """The unique id of something new: AIDA for users, AROA for roles, ANPA for policies."""
    return prefix + random_id(call.random, 17)


def tell_tags(call: Call, tags: Pairs) -> None:
    for name, value in tags:
        call.more_context[folded(f"aws:resourcetag/{name}")] = value
        call.more_context[folded(f"iam:resourcetag/{name}")] = value


def _authorise(
    call: Call, entity: Entity | None, absent_arn: str, changes_permissions: bool
) -> None:
    if entity:
        tell_tags(call, entity.tags)
        if changes_permissions and entity.boundary:
            call.more_context.setdefault("iam:permissionsboundary", entity.boundary)
    # A refusal must not tell the path, nor by it whether there is such an entity.
    call.authorise_in_account(entity.arn if entity else absent_arn, told=absent_arn)
