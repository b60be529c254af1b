"""What a caller asks of a trail, checked as far as that needs nothing but the request.

What CloudTrail has beyond this lab is refused here: SNS, CloudWatch Logs, organizations. Bucket and
key are looked at elsewhere (`trail_checks`).
"""

import re
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.trail_checks import check_key_id_form
from kmslab.store.trail_records import Trail

_LONGEST_PREFIX = 200
# S3 User Guide, "General purpose bucket naming rules".
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_NOT_BUILT = ("SnsTopicName", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")

# Parameter → member of the record.
_MEMBERS = {
    "S3BucketName": "bucket_name",
    "S3KeyPrefix": "prefix",
    "IncludeGlobalServiceEvents": "includes_global_events",
    "IsMultiRegionTrail": "is_multi_region",
    "EnableLogFileValidation": "validates_log_files",
}


def check_settings(call: Call) -> None:
    """Refuse what a request cannot ask for, whatever trails, buckets and keys there are.

    Raises InvalidS3BucketNameException, InvalidS3PrefixException, InvalidKmsKeyIdException,
    OrganizationsNotInUseException; UnsupportedOperationException for what is not built, which
    includes a trail that leaves out its own deliveries (RecursiveLogging false).
    """
    asked = call.parameters
    bucket_name, prefix = asked.get("S3BucketName"), asked.get("S3KeyPrefix", "")
    if bucket_name is not None and not _BUCKET_NAME.fullmatch(bucket_name):
        raise refusals.invalid_bucket_name(bucket_name)
    if len(prefix) > _LONGEST_PREFIX:
        raise refusals.prefix_too_long(len(prefix), _LONGEST_PREFIX)
    if asked.get("KmsKeyId"):
        check_key_id_form(asked["KmsKeyId"])
    if asked.get("IsOrganizationTrail"):
        raise refusals.no_organization(call.account)
    for member in _NOT_BUILT:
        if asked.get(member):
            raise errors.not_built(member)
    if not asked.get("RecursiveLogging", True):
        raise errors.not_built("RecursiveLogging false")


def asked_members(asked: dict[str, Any]) -> dict[str, Any]:
    """The members of a trail that a request sets, but for its key."""
    return {member: asked[name] for name, member in _MEMBERS.items() if name in asked}


def check_combination(trail: Trail) -> None:
    """Raises InvalidParameterCombinationException for a trail that cannot be like that."""
    if trail.is_multi_region and not trail.includes_global_events:
        raise refusals.global_events_missing()
