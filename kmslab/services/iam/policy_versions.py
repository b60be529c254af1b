"""Versions of managed policies: up to five, of which one is in force wherever it is attached.

Versions are numbered for ever: the number of a deleted one is not used again.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.documents import checked_managed_policy, url_encoded
from kmslab.services.iam.entities import AnyPolicy, asked_own_policy, asked_policy
from kmslab.services.iam.paging import page

_MOST = 5
Version = tuple[str, str, float]


def create_policy_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html"""
    call.begin_change()
    policy = asked_own_policy(call)
    if len(policy.versions) >= _MOST:
        raise refusals.too_many_versions(_MOST)
    text = checked_managed_policy(call.parameters["PolicyDocument"])
    version = (f"v{policy.next_version}", text, call.now)
    set_as_default = call.parameters.get("SetAsDefault", False)
    policy = replace(
        policy,
        versions=(*policy.versions, version),
        next_version=policy.next_version + 1,
        default_version=version[0] if set_as_default else policy.default_version,
        update_date=call.now,
    )
    call.put(policy)
    call.tells_its_output = True
    return {"PolicyVersion": _told(version, policy.default_version)}


def get_policy_version(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html"""
    policy = asked_policy(call)
    version = _asked_version(call, policy)
    document = {"Document": url_encoded(version[1])}
    return {"PolicyVersion": {**document, **_told(version, policy.default_version)}}


def list_policy_versions(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html"""
    policy = asked_policy(call)
    newest_first = ((f"{10**9 - int(version[0][1:])}", version) for version in policy.versions)
    listed, end = page(call, newest_first)
    return {"Versions": [_told(version, policy.default_version) for version in listed], **end}


def set_default_policy_version(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html"""
    call.begin_change()
    policy = asked_own_policy(call)
    version_id, _, _ = _asked_version(call, policy)
    call.put(replace(policy, default_version=version_id, update_date=call.now))


def delete_policy_version(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html"""
    call.begin_change()
    policy = asked_own_policy(call)
    version = _asked_version(call, policy)
    if version[0] == policy.default_version:
        raise refusals.default_version()
    kept = tuple(each for each in policy.versions if each != version)
    call.put(replace(policy, versions=kept))


def _asked_version(call: Call, policy: AnyPolicy) -> Version:
    version_id = call.parameters["VersionId"]
    for version in policy.versions:
        if version[0] == version_id:
            return version
    raise refusals.no_such_version(policy.arn, version_id)


def _told(version: Version, default_version: str) -> dict[str, Any]:
    version_id, _, creation_date = version
    return {
        "VersionId": version_id,
        "IsDefaultVersion": version_id == default_version,
        "CreateDate": creation_date,
    }
