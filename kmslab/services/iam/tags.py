"""Tags of users, roles and managed policies: up to 50 pairs each.

IAM does not tell the case of their names apart, but keeps it. What conditions make of tags is not
known here.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.entities import (
    Entity,
    asked_own_policy,
    asked_policy,
    asked_role,
    asked_user,
)
from kmslab.services.iam.paging import page
from kmslab.store.iam_records import ManagedPolicy, Pairs

_MOST = 50


def tag_user(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagUser.html"""
    call.begin_change()
    _add(call, asked_user(call))


def untag_user(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagUser.html"""
    call.begin_change()
    _remove(call, asked_user(call))


def list_user_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserTags.html"""
    return _list(call, asked_user(call).tags)


def tag_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html"""
    call.begin_change()
    _add(call, asked_role(call))


def untag_role(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html"""
    call.begin_change()
    _remove(call, asked_role(call))


def list_role_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html"""
    return _list(call, asked_role(call).tags)


def tag_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html"""
    call.begin_change()
    _add(call, asked_own_policy(call))


def untag_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html"""
    call.begin_change()
    _remove(call, asked_own_policy(call))


def list_policy_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyTags.html"""
    return _list(call, asked_policy(call).tags)


def checked_tags(call: Call) -> Pairs:
    """The pairs of a request's Tags. Raises InvalidInput."""
    pairs = tuple((tag["Key"], tag["Value"]) for tag in call.parameters.get("Tags", ()))
    names = [name.lower() for name, _ in pairs]
    if len(set(names)) < len(names):
        raise refusals.duplicate_tags()
    if any(name.startswith("aws:") for name in names):
        raise refusals.reserved_tag()
    return pairs


def told_tags(tags: Pairs) -> list[dict[str, str]]:
    """Tags as IAM answers them."""
    return [{"Key": name, "Value": value} for name, value in tags]


def _add(call: Call, tagged: Entity | ManagedPolicy) -> None:
    added = checked_tags(call)
    names = {name.lower() for name, _ in added}
    kept = tuple(pair for pair in tagged.tags if pair[0].lower() not in names)
    if len(kept) + len(added) > _MOST:
        raise refusals.too_many_tags()
    call.put(replace(tagged, tags=(*kept, *added)))


def _remove(call: Call, tagged: Entity | ManagedPolicy) -> None:
    names = {name.lower() for name in call.parameters["TagKeys"]}
    kept = tuple(pair for pair in tagged.tags if pair[0].lower() not in names)
    call.put(replace(tagged, tags=kept))


def _list(call: Call, tags: Pairs) -> dict[str, Any]:
    listed, end = page(call, ((pair[0], pair) for pair in tags))
    return {"Tags": told_tags(tuple(listed)), **end}
