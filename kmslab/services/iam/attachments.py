"""Managed policies attached to users and roles, and detached again.

What they allow is known to decisions, and not here.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.entities import Entity, asked_role, asked_user, usable_policy
from kmslab.services.iam.paging import below, page

_MOST = 10


def attach_user_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html"""
    _tell_policy(call)
    _attach(call, asked_user(call, changes_permissions=True), "PoliciesPerUser")


def detach_user_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html"""
    _tell_policy(call)
    _detach(call, asked_user(call, changes_permissions=True))


def list_attached_user_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html"""
    return _list(call, asked_user(call))


def attach_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html"""
    _tell_policy(call)
    _attach(call, asked_role(call, changes_permissions=True), "PoliciesPerRole")


def detach_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html"""
    _tell_policy(call)
    _detach(call, asked_role(call, changes_permissions=True))


def list_attached_role_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html"""
    return _list(call, asked_role(call))


def _tell_policy(call: Call) -> None:
    call.begin_change()
    call.more_context["iam:policyarn"] = call.parameters["PolicyArn"]


def _attach(call: Call, entity: Entity, quota_name: str) -> None:
    policy_arn = call.parameters["PolicyArn"]
    if usable_policy(call, policy_arn) is None:
        raise refusals.not_attachable(policy_arn)
    attached = dict.fromkeys((*entity.attached, policy_arn))
    if len(attached) > _MOST:
        raise refusals.quota(quota_name, _MOST)
    call.put(replace(entity, attached=tuple(attached)))


def _detach(call: Call, entity: Entity) -> None:
    policy_arn = call.parameters["PolicyArn"]
    if policy_arn not in entity.attached:
        raise refusals.no_such_policy(policy_arn)
    kept = tuple(each for each in entity.attached if each != policy_arn)
    call.put(replace(entity, attached=kept))


def _list(call: Call, entity: Entity) -> dict[str, Any]:
    found = (usable_policy(call, policy_arn) for policy_arn in entity.attached)
    policies = [policy for policy in found if policy and below(policy.path, call)]
    listed, end = page(call, ((policy.arn, policy) for policy in policies))
    told = [{"PolicyName": each.policy_name, "PolicyArn": each.arn} for each in listed]
    return {"AttachedPolicies": told, **end}
