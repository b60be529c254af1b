"""Tags of KMS keys: up to 50 pairs that say what a key is for."""

from dataclasses import replace
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_states import require_state
from kmslab.services.kms.paging import page_end, page_limit, page_start

_MOST = 50


def tag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    added = checked_tags(call.parameters["Tags"])
    tags = dict(kms_key.tags) | dict(added)
    _refuse_too_many(tags)
    call.put(replace(kms_key, tags=tuple(tags.items())))
    call.told = {"keyId": kms_key.arn}


def untag_resource(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    removed = set(call.parameters["TagKeys"])
    kept = tuple((name, value) for name, value in kms_key.tags if name not in removed)
    call.put(replace(kms_key, tags=kept))
    call.told = {"keyId": kms_key.arn}


def list_resource_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html"""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    limit, start = page_limit(call, 50, 50), page_start(call)
    listed = sorted(pair for pair in kms_key.tags if pair[0] > start)
    tags = [{"TagKey": name, "TagValue": value} for name, value in listed[:limit]]
    last_name = tags[-1]["TagKey"] if tags else ""
    return {"Tags": tags, **page_end(call, len(listed) > limit, last_name)}


def checked_tags(tags: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """The pairs of a request's Tags. Raises TagException in AWS's words."""
    pairs = tuple((tag["TagKey"], tag["TagValue"]) for tag in tags)
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise errors.tag_error("Duplicate tag keys")
    if any(name.lower().startswith("aws:") for name in names):
        raise errors.tag_error("Tags beginning with aws: are reserved")
    _refuse_too_many(names)
    return pairs


def _refuse_too_many(names: Any) -> None:
    if len(names) > _MOST:
        raise errors.tag_error("Too many tags")
