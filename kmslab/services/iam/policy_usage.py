"""Who uses a managed policy: attached, or as a permissions boundary.

Users and roles keep what they use; this asks them, and changes nothing.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from kmslab.services.call import Call
from kmslab.services.iam.entities import Entity, asked_policy
from kmslab.services.iam.paging import below, page
from kmslab.store.iam_records import User


class Usage(NamedTuple):
    """How often each policy is used in one account, by ARN."""

    attached: Counter[str]
    boundaries: Counter[str]


def list_entities_for_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html

    The lab has no groups: their list is always empty.
    """
    policy_arn = asked_policy(call).arn
    found = [entity for entity in entities_of(call) if _is_asked_for(call, entity, policy_arn)]
    listed, end = page(call, ((entity.arn, entity) for entity in found))
    users = [{"UserName": e.user_name, "UserId": e.user_id} for e in listed if isinstance(e, User)]
    roles = [
        {"RoleName": e.role_name, "RoleId": e.role_id} for e in listed if not isinstance(e, User)
    ]
    return {"PolicyGroups": [], "PolicyUsers": users, "PolicyRoles": roles, **end}


def usage_in(call: Call) -> Usage:
    """The use of all policies in the caller's account."""
    usage = Usage(Counter(), Counter())
    for entity in entities_of(call):
        usage.attached.update(entity.attached)
        if entity.boundary:
            usage.boundaries[entity.boundary] += 1
    return usage


def entities_of(call: Call) -> Iterator[Entity]:
    """All users and roles of the caller's account."""
    yield from call.store.users.on(call.account)
    yield from call.store.roles.on(call.account)


def _is_asked_for(call: Call, entity: Entity, policy_arn: str) -> bool:
    kind = "User" if isinstance(entity, User) else "Role"
    if call.parameters.get("EntityFilter", kind) != kind or not below(entity.path, call):
        return False
    wanted = call.parameters.get("PolicyUsageFilter")
    attached = wanted != "PermissionsBoundary" and policy_arn in entity.attached
    return attached or (wanted != "PermissionsPolicy" and entity.boundary == policy_arn)
