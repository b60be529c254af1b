"""Inline policies: those that belong to one user or role and go with it.

What they allow is known to decisions, and not here.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.documents import checked_policy, size, url_encoded
from kmslab.services.iam.entities import Entity, asked_role, asked_user
from kmslab.services.iam.paging import page

# All inline policies of one entity together.
_LARGEST = {"user": 2048, "role": 10_240}


def put_user_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html"""
    call.begin_change()
    _put(call, asked_user(call, changes_permissions=True), "user")


def get_user_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html"""
    user = asked_user(call)
    return {"UserName": user.user_name, **_get(call, user, "user")}


def list_user_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html"""
    return _list(call, asked_user(call))


def delete_user_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html"""
    call.begin_change()
    _delete(call, asked_user(call, changes_permissions=True), "user")


def put_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""
    call.begin_change()
    _put(call, asked_role(call, changes_permissions=True), "role")


def get_role_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html"""
    role = asked_role(call)
    return {"RoleName": role.role_name, **_get(call, role, "role")}


def list_role_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html"""
    return _list(call, asked_role(call))


def delete_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html"""
    call.begin_change()
    _delete(call, asked_role(call, changes_permissions=True), "role")


def _put(call: Call, entity: Entity, kind: str) -> None:
    text = call.parameters["PolicyDocument"]
    policies = {**dict(entity.policies), call.parameters["PolicyName"]: text}
    # Measured first: to read what is too long would take long, and others wait for the lock.
    if sum(map(size, policies.values())) > _LARGEST[kind]:
        raise refusals.inline_too_large(kind, entity.name, _LARGEST[kind])
    checked_policy(text)
    call.put(replace(entity, policies=tuple(policies.items())))


def _get(call: Call, entity: Entity, kind: str) -> dict[str, Any]:
    policy_name = call.parameters["PolicyName"]
    text = dict(entity.policies).get(policy_name)
    if text is None:
        raise refusals.no_such_inline_policy(kind, policy_name)
    return {"PolicyName": policy_name, "PolicyDocument": url_encoded(text)}


def _list(call: Call, entity: Entity) -> dict[str, Any]:
    listed, end = page(call, ((name, name) for name, _ in entity.policies))
    return {"PolicyNames": listed, **end}


def _delete(call: Call, entity: Entity, kind: str) -> None:
    policies = dict(entity.policies)
    if policies.pop(call.parameters["PolicyName"], None) is None:
        raise refusals.no_such_inline_policy(kind, call.parameters["PolicyName"])
    call.put(replace(entity, policies=tuple(policies.items())))
