"""Roles: created, shown, listed, changed, deleted, and who may assume them.

What a role may do stands in other modules, and so do its sessions.
"""

from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab.services.call import Call
from kmslab.services.departed import renounce
from kmslab.services.iam import refusals
from kmslab.services.iam.boundaries import asked_boundary, tell_boundary, told_boundary
from kmslab.services.iam.documents import checked_trust_policy, url_encoded
from kmslab.services.iam.entities import asked_role, is_taken, new_id
from kmslab.services.iam.paging import below, page
from kmslab.services.iam.tags import checked_tags, told_tags
from kmslab.store.iam_records import Role

_MOST_ROLES = 1000
_HOUR = 3600


def create_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    call.begin_change()
    role_name, path = call.parameters["RoleName"], call.parameters.get("Path", "/")
    tell_boundary(call)
    _authorise_creation(call, arns.role_arn(call.account, role_name, path))
    if is_taken(role_name, (role.role_name for role in call.store.roles.on(call.account))):
        raise refusals.entity_exists("Role", role_name)
    if call.store.roles.count(call.account) >= _MOST_ROLES:
        raise refusals.quota("RolesPerAccount", _MOST_ROLES)
    role = Role(
        call.account,
        role_name,
        new_id(call, "AROA"),
        checked_trust_policy(call, call.parameters["AssumeRolePolicyDocument"]),
        boundary=asked_boundary(call),
        path=path,
        creation_date=call.now,
        tags=checked_tags(call),
        description=call.parameters.get("Description", ""),
        max_session_duration=call.parameters.get("MaxSessionDuration", _HOUR),
    )
    call.put(role)
    call.tells_its_output = True
    return {"Role": {**_told(role), **_told_only_alone(role)}}


def get_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html"""
    role = asked_role(call)
    return {"Role": {**_told(role), **_told_only_alone(role)}}


def list_roles(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html"""
    call.authorise_in_account()
    roles = [role for role in call.store.roles.on(call.account) if below(role.path, call)]
    listed, end = page(call, ((role.role_name, role) for role in roles))
    return {"Roles": [_told(role) for role in listed], **end}


def update_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html"""
    call.begin_change()
    role, asked = asked_role(call), call.parameters
    changed = replace(
        role,
        description=asked.get("Description", role.description),
        max_session_duration=asked.get("MaxSessionDuration", role.max_session_duration),
    )
    call.put(changed)
    return {}


def update_assume_role_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html"""
    call.begin_change()
    role = asked_role(call)
    text = checked_trust_policy(call, call.parameters["PolicyDocument"])
    call.put(replace(role, trust_policy=text))


def delete_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html"""
    call.begin_change()
    role = asked_role(call)
    if role.policies:
        raise refusals.must_first("delete policies")
    if role.attached:
        raise refusals.must_first("detach all policies")
    renounce(call, role)
    call.delete(role)


def _authorise_creation(call: Call, role_arn: str) -> None:
    call.authorise_in_account(role_arn)
    if call.parameters.get("Tags"):
        call.authorise_in_account(role_arn, "TagRole")


def _told(role: Role) -> dict[str, Any]:
    description = {"Description": role.description} if role.description else {}
    return {
        "Path": role.path,
        "RoleName": role.role_name,
        "RoleId": role.role_id,
        "Arn": role.arn,
        "CreateDate": role.creation_date,
        "AssumeRolePolicyDocument": url_encoded(role.trust_policy),
        **description,
        "MaxSessionDuration": role.max_session_duration,
    }


def _told_only_alone(role: Role) -> dict[str, Any]:
    """What a list leaves out."""
    tags = {"Tags": told_tags(role.tags)} if role.tags else {}
    return {**told_boundary(role), **tags}
