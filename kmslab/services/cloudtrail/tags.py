"""Tags of trails: up to 50 pairs that say what a trail is for, and that conditions may ask about.

They are added, listed and removed by ARN, in the trail's home Region.
"""

from dataclasses import replace
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.trail_names import tell_tags, trail_arn_in, trail_at
from kmslab.services.condition_keys import by_name
from kmslab.store.trail_records import Pairs, Trail

_MOST, _MOST_LISTED = 50, 20
_OTHER_RESOURCES = ("eventdatastore/", "channel/", "dashboard/")


def add_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html"""
    call.begin_change()
    tell_asked_tags(call)
    trail = _find(call, call.parameters["ResourceId"])
    tags = {**dict(trail.tags), **dict(checked_tags(call.parameters["TagsList"]))}
    if len(tags) > _MOST:
        raise refusals.too_many_tags(_MOST)
    call.put(replace(trail, tags=tuple(tags.items())))
    return {}


def remove_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RemoveTags.html

    A tag goes by its key, whatever value the request tells.
    """
    call.begin_change()
    tell_asked_tags(call)
    trail = _find(call, call.parameters["ResourceId"])
    removed = {tag["Key"] for tag in call.parameters["TagsList"]}
    kept = tuple(pair for pair in trail.tags if pair[0] not in removed)
    call.put(replace(trail, tags=kept))
    return {}


def list_tags(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html"""
    asked = call.parameters["ResourceIdList"]
    if len(asked) > _MOST_LISTED:
        raise errors.validation(f"ResourceIdList has {len(asked)} ARNs, more than {_MOST_LISTED}.")
    if not asked:
        call.authorise_in_account()
    listed = [_told(_find(call, text)) for text in asked]
    if call.parameters.get("NextToken"):
        raise refusals.invalid_token()
    return {"ResourceTagList": listed}


def checked_tags(tags: list[dict[str, str]]) -> Pairs:
    """The pairs of a request's TagsList; a tag without a value has an empty one. Raises
    TagsLimitExceededException or InvalidTagParameterException."""
    pairs = tuple((tag["Key"], tag.get("Value", "")) for tag in tags)
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        raise refusals.invalid_tag("Tag keys must be unique.")
    if any(name.lower().startswith("aws:") for name in names):
        raise refusals.invalid_tag("Tag keys that begin with aws: are reserved.")
    if len(names) > _MOST:
        raise refusals.too_many_tags(_MOST)
    return pairs


def tell_asked_tags(call: Call) -> None:
    """Let conditions ask for the tags that a request adds or removes."""
    tags = call.parameters.get("TagsList") or []
    pairs = [(tag["Key"], tag.get("Value", "")) for tag in tags]
    call.more_context.update(by_name("aws:requesttag/", pairs))
    if pairs:
        call.more_context["aws:tagkeys"] = tuple(name for name, _ in pairs)


def _find(call: Call, text: str) -> Trail:
    """The trail with this ARN. Raises ResourceTypeNotSupportedException for what else CloudTrail
    knows, CloudTrailARNInvalidException and ResourceNotFoundException."""
    if text.split(":", 5)[-1].startswith(_OTHER_RESOURCES):
        raise refusals.resource_type_not_supported(text)
    arn = trail_arn_in(text)
    if arn.region != call.region:
        raise refusals.arn_of_another_region(call.region)
    trail = trail_at(call, text)
    tell_tags(call, trail)
    call.authorise_in_account(text)
    if trail is None:
        raise refusals.unknown_resource(text)
    return trail


def _told(trail: Trail) -> dict[str, Any]:
    tags = [{"Key": name, **({"Value": value} if value else {})} for name, value in trail.tags]
    return {"ResourceId": trail.arn, "TagsList": tags}
