"""Permissions boundaries: a managed policy that limits what a user or role can ever be allowed.

How a boundary limits is known to decisions, and not here.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.entities import Entity, asked_role, asked_user, usable_policy


def put_user_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html"""
    call.begin_change()
    tell_boundary(call)
    call.put(replace(asked_user(call), boundary=asked_boundary(call)))


def put_role_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html"""
    call.begin_change()
    tell_boundary(call)
    call.put(replace(asked_role(call), boundary=asked_boundary(call)))


def delete_user_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPermissionsBoundary.html"""
    call.begin_change()
    call.put(replace(asked_user(call, changes_permissions=True), boundary=""))


def delete_role_permissions_boundary(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html"""
    call.begin_change()
    call.put(replace(asked_role(call, changes_permissions=True), boundary=""))


def tell_boundary(call: Call) -> None:
    """Let conditions see the boundary that is asked for."""
    if "PermissionsBoundary" in call.parameters:
        call.more_context["iam:permissionsboundary"] = call.parameters["PermissionsBoundary"]


def asked_boundary(call: Call) -> str:
    """The ARN of PermissionsBoundary, which must be a managed policy that can be used here; ""
    where none is asked for."""
    policy_arn: str = call.parameters.get("PermissionsBoundary", "")
    if policy_arn and usable_policy(call, policy_arn) is None:
        raise refusals.no_such_boundary(policy_arn)
    return policy_arn


def told_boundary(entity: Entity) -> dict[str, Any]:
    """The member that tells of a boundary, where there is one."""
    if not entity.boundary:
        return {}
    # The API reference: "This data type can only have a value of Policy", whatever its enum says.
    attached = {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": entity.boundary,
    }
    return {"PermissionsBoundary": attached}
