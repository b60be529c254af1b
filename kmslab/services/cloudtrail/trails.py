"""Trails: made, changed, deleted, described.

A trail says where files go and how they are encrypted; it does not log before it is told to. Bucket
and key are checked before the change begins, since those checks are calls of their own; what may
have changed meanwhile is looked at again after them.
"""

from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.logging_state import stopped
from kmslab.services.cloudtrail.settling import begin_chain, settled
from kmslab.services.cloudtrail.tags import checked_tags, tell_asked_tags
from kmslab.services.cloudtrail.trail_checks import checked_key_arn
from kmslab.services.cloudtrail.trail_names import (
    asked_arn,
    check_trail_name,
    find_trail,
    find_trail_to_change,
    trail_at,
    trails_in,
    trails_of,
)
from kmslab.services.cloudtrail.trail_settings import (
    asked_members,
    check_combination,
    check_settings,
)
from kmslab.store.trail_records import Trail

MOST_TRAILS = 5
_CHECKED_AGAIN = frozenset({"S3BucketName", "S3KeyPrefix", "KmsKeyId"})
_CHECKED = ("bucket_name", "prefix", "kms_key_arn")
_SELECTION = ("is_multi_region", "includes_global_events")


def create_trail(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html

    Checked in this order: name, parameters, number of trails, name taken, bucket, bucket policy,
    KMS key (see `checked_key_arn`).
    """
    asked = call.parameters
    check_trail_name(asked["Name"])
    tell_asked_tags(call)
    trail_arn = arns.trail_arn(call.account, call.region, asked["Name"])
    call.authorise_in_account(trail_arn)
    if asked.get("TagsList"):
        call.authorise_in_account(trail_arn, "AddTags")
    trail = _asked_trail(call)
    _check_room(call, trail)
    trail = replace(trail, kms_key_arn=checked_key_arn(call, trail, asked.get("KmsKeyId", "")))
    call.begin_change()
    _check_room(call, trail)
    call.put(trail)
    call.tells_its_output = True
    return _answer(trail)


def update_trail(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html

    What is not named stays as it is; KmsKeyId "" ends encryption under a KMS key. Where bucket,
    prefix or key is named, all three are checked as for a new trail. Files that are still owed go
    where the trail now delivers to. The number of trails in other Regions is not looked at.
    """
    asked = call.parameters
    before = find_trail_to_change(call, asked["Name"])
    check_settings(call)
    wanted = replace(before, **asked_members(asked))
    check_combination(wanted)
    if _CHECKED_AGAIN & asked.keys():
        key_id = asked.get("KmsKeyId", before.kms_key_arn)
        wanted = replace(wanted, kms_key_arn=checked_key_arn(call, wanted, key_id))
    call.begin_change()
    trail = _changed(call, before, wanted)
    call.put(trail)
    begin_chain(call, trail)
    call.tells_its_output = True
    return _answer(trail)


def delete_trail(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html

    What happened until now is still delivered, and nothing leaves the bucket.
    """
    call.begin_change()
    trail = find_trail_to_change(call, call.parameters["Name"])
    call.delete(trail)
    call.put(replace(stopped(call, trail), deleted=call.now))
    return {}


def get_trail(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrail.html"""
    return {"Trail": told_trail(find_trail(call, call.parameters["Name"]))}


def describe_trails(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html

    A name means a trail of this Region; a trail that is not there is left out.
    """
    asked = call.parameters
    arns_asked = [asked_arn(call, text) for text in asked.get("trailNameList", ())]
    call.authorise_in_account()
    if arns_asked:
        named = (trail_at(call, arn) for arn in dict.fromkeys(arns_asked))
        trails = [trail for trail in named if trail]
    else:
        trails = list(trails_in(call.store, call.account, call.region))
    if not asked.get("includeShadowTrails", True):
        trails = [trail for trail in trails if trail.region == call.region]
    return {"trailList": [told_trail(trail) for trail in trails]}


def list_trails(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html

    The account's trails in all Regions, which are few enough for one page.
    """
    call.authorise_in_account()
    if call.parameters.get("NextToken"):
        raise refusals.invalid_token()
    listed = [
        {"TrailARN": trail.arn, "Name": trail.trail_name, "HomeRegion": trail.region}
        for trail in trails_of(call.store, call.account)
    ]
    return {"Trails": listed}


def told_trail(trail: Trail) -> dict[str, Any]:
    """Trail, as GetTrail and DescribeTrails answer it."""
    return {
        **_answer(trail),
        "HomeRegion": trail.region,
        "HasCustomEventSelectors": bool(trail.event_selectors or trail.advanced_event_selectors),
        "HasInsightSelectors": False,
    }


def _answer(trail: Trail) -> dict[str, Any]:
    """What CreateTrail and UpdateTrail answer: names of nothing are left out."""
    named = {"S3KeyPrefix": trail.prefix, "KmsKeyId": trail.kms_key_arn}
    return {
        "Name": trail.trail_name,
        "S3BucketName": trail.bucket_name,
        "IncludeGlobalServiceEvents": trail.includes_global_events,
        "IsMultiRegionTrail": trail.is_multi_region,
        "TrailARN": trail.arn,
        "LogFileValidationEnabled": trail.validates_log_files,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
        **{name: value for name, value in named.items() if value},
    }


def _asked_trail(call: Call) -> Trail:
    """The trail that a CreateTrail asks for, without its key."""
    asked = call.parameters
    check_settings(call)
    trail = Trail(
        call.account,
        call.region,
        asked["Name"],
        call.now,
        **asked_members(asked),
        tags=checked_tags(asked.get("TagsList", [])),
    )
    check_combination(trail)
    return trail


def _check_room(call: Call, trail: Trail) -> None:
    """Raises MaximumNumberOfTrailsExceededException or TrailAlreadyExistsException. A trail takes
    room, and its name, in every Region where it shows."""
    others = list(trails_of(call.store, call.account))
    regions = {trail.region}
    if trail.is_multi_region:
        regions |= {other.region for other in others}
    for region in sorted(regions):
        shown = [other for other in others if other.is_multi_region or other.region == region]
        if len(shown) >= MOST_TRAILS:
            raise refusals.too_many_trails(call.account, MOST_TRAILS, region)
        if any(other.trail_name == trail.trail_name for other in shown):
            raise refusals.trail_exists(trail.trail_name, call.account)


def _changed(call: Call, before: Trail, wanted: Trail) -> Trail:
    """The trail as it is now, with what makes `wanted` differ from `before`."""
    now = trail_at(call, before.arn)
    if now is None or now.trail_id != before.trail_id:
        raise refusals.unknown_trail(call.parameters["Name"], call.account)
    members = asked_members(call.parameters)
    if _CHECKED_AGAIN & call.parameters.keys():
        if _differ(now, before, _CHECKED):
            raise refusals.changed_meanwhile(now.arn)
        members["kms_key_arn"] = wanted.kms_key_arn
    check_combination(replace(now, **members))
    if _differ(now, replace(now, **members), _SELECTION):
        now = settled(call, now)
    return replace(now, **members)


def _differ(one: Trail, other: Trail, members: tuple[str, ...]) -> bool:
    return any(getattr(one, member) != getattr(other, member) for member in members)
