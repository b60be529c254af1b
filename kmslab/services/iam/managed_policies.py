"""Managed policies: created, shown, listed, deleted. AWS's own stand beside an account's.

Their versions stand in `policy_versions`, what they are attached to in `attachments`.
"""

from typing import Any

from kmslab import arn as arns
from kmslab.access.aws_managed_policies import aws_managed_policies
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.documents import checked_managed_policy
from kmslab.services.iam.entities import (
    AnyPolicy,
    asked_own_policy,
    asked_policy,
    is_taken,
    new_id,
)
from kmslab.services.iam.paging import below, page
from kmslab.services.iam.policy_usage import Usage, usage_in
from kmslab.services.iam.tags import checked_tags, told_tags
from kmslab.store.iam_records import ManagedPolicy

_MOST_POLICIES = 1500


def create_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""
    call.begin_change()
    policy_name, path = call.parameters["PolicyName"], call.parameters.get("Path", "/")
    _authorise_creation(call, arns.policy_arn(call.account, policy_name, path))
    known = call.store.managed_policies
    if is_taken(policy_name, (policy.policy_name for policy in known.on(call.account))):
        raise refusals.policy_exists(policy_name)
    if known.count(call.account) >= _MOST_POLICIES:
        raise refusals.quota("PoliciesPerAccount", _MOST_POLICIES)
    policy = ManagedPolicy(
        call.account,
        policy_name,
        new_id(call, "ANPA"),
        "v1",
        (("v1", checked_managed_policy(call.parameters["PolicyDocument"]), call.now),),
        path=path,
        creation_date=call.now,
        update_date=call.now,
        tags=checked_tags(call),
        description=call.parameters.get("Description", ""),
    )
    call.put(policy)
    call.tells_its_output = True
    return {"Policy": {**_told(policy, usage_in(call)), **_told_tags(policy)}}


def get_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html"""
    policy = asked_policy(call)
    description = {"Description": policy.description} if policy.description else {}
    return {"Policy": {**_told(policy, usage_in(call)), **description, **_told_tags(policy)}}


def list_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html"""
    call.authorise_in_account()
    usage = usage_in(call)
    found = [policy for policy in _in_scope(call) if _is_asked_for(call, policy, usage)]
    listed, end = page(call, ((policy.arn, policy) for policy in found))
    return {"Policies": [_told(policy, usage) for policy in listed], **end}


def delete_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html"""
    call.begin_change()
    policy = asked_own_policy(call)
    usage = usage_in(call)
    if usage.attached[policy.arn] or usage.boundaries[policy.arn]:
        raise refusals.policy_in_use()
    if len(policy.versions) > 1:
        raise refusals.more_versions()
    call.delete(policy)


def _authorise_creation(call: Call, policy_arn: str) -> None:
    call.authorise_in_account(policy_arn)
    if call.parameters.get("Tags"):
        call.authorise_in_account(policy_arn, "TagPolicy")


def _in_scope(call: Call) -> list[AnyPolicy]:
    scope = call.parameters.get("Scope", "All")
    own = () if scope == "AWS" else call.store.managed_policies.on(call.account)
    of_aws = () if scope == "Local" else aws_managed_policies()
    return [*own, *of_aws]


def _is_asked_for(call: Call, policy: AnyPolicy, usage: Usage) -> bool:
    wanted = call.parameters.get("PolicyUsageFilter")
    attached, boundaries = usage.attached[policy.arn], usage.boundaries[policy.arn]
    if call.parameters.get("OnlyAttached") and not (attached or boundaries):
        return False
    if wanted and not (attached if wanted == "PermissionsPolicy" else boundaries):
        return False
    return below(policy.path, call)


def _told(policy: AnyPolicy, usage: Usage) -> dict[str, Any]:
    return {
        "PolicyName": policy.policy_name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": usage.attached[policy.arn],
        "PermissionsBoundaryUsageCount": usage.boundaries[policy.arn],
        "IsAttachable": True,
        "CreateDate": policy.creation_date,
        "UpdateDate": policy.update_date,
    }


def _told_tags(policy: AnyPolicy) -> dict[str, Any]:
    return {"Tags": told_tags(policy.tags)} if policy.tags else {}
