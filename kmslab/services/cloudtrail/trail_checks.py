"""May CloudTrail deliver there, encrypted like that? Asked before a trail is made or changed.

CloudTrail asks as the service principal that it is, on behalf of the trail: it reads the bucket's
ACL, weighs a PutObject, describes the KMS key and takes a data key that it throws away at once
(CloudTrail User Guide, "How AWS CloudTrail uses AWS KMS"). Its calls leave their events. What the
caller may do is not known here; the caller need not be allowed to use bucket or key at all.
"""

import re
from typing import Any

from kmslab import arn as arns
from kmslab.errors import ServiceError
from kmslab.services.call import Call, Output
from kmslab.services.callers import Caller
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.backing import caller_for
from kmslab.services.cloudtrail.file_names import object_key
from kmslab.store.trail_records import Trail

_KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}", re.ASCII)
_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]{1,250}", re.ASCII)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


def check_key_id_form(text: str) -> None:
    """Raises InvalidKmsKeyIdException for what is neither key id, key ARN, alias nor alias ARN."""
    resource = text
    if text.startswith("arn:"):
        arn = arns.parse_arn(text)
        if arn is None or (arn.partition, arn.service) != (arns.PARTITION, "kms"):
            raise refusals.invalid_key_id(text)
        resource = arn.resource.removeprefix("key/")
        if arn.resource == resource and not resource.startswith("alias/"):
            raise refusals.invalid_key_id(text)
    if not (_KEY_ID.fullmatch(resource) or _ALIAS.fullmatch(resource)):
        raise refusals.invalid_key_id(text)


def path_of(trail: Trail) -> str:
    """Where in its bucket a trail delivers to: prefix and account."""
    return object_key(trail, f"AWSLogs/{trail.account}/")


def checked_key_arn(call: Call, trail: Trail, key_id: str) -> str:
    """Check the bucket of `trail`, its policy, and the KMS key `key_id`, unless that is "".
    Returns the ARN of the key, "" for none.

    Raises, in this order: S3BucketDoesNotExistException; InsufficientS3BucketPolicyException;
    KmsKeyNotFoundException for a key that is not there, or not in the Region of the bucket;
    InsufficientEncryptionPolicyException where the key policy does not let CloudTrail describe
    the key and make data keys; KmsException for a key that is disabled, pending deletion or
    asymmetric. A key of another account that is not there is told from one that CloudTrail may
    not use by nobody. No lock may be held meanwhile.
    """
    region = _bucket_region(call, trail)
    _check_bucket_policy(call, trail, key_id, region)
    return _check_kms_key(call, trail, key_id, region) if key_id else ""


def _bucket_region(call: Call, trail: Trail) -> str:
    bucket = call.store.buckets.get("", trail.bucket_name)
    if bucket is None:
        raise refusals.no_such_bucket(trail.bucket_name)
    return bucket.region


def _check_bucket_policy(call: Call, trail: Trail, key_id: str, region: str) -> None:
    door, caller = call.cloudtrail.door, caller_for(trail)
    asked: dict[str, Any] = {"Bucket": trail.bucket_name}
    # As a file will be put: what the policy makes of encryption counts too.
    writes = {**asked, "Key": path_of(trail), "ACL": "bucket-owner-full-control"}
    if key_id:
        writes |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    else:
        writes |= {"ServerSideEncryption": "AES256"}
    try:
        door.call("s3", "GetBucketAcl", asked, caller, region, call.nested_decisions)
        allowed = door.may_put_object(writes, caller, region, call.nested_decisions)
    except ServiceError as problem:
        if problem.code in _DENIED:
            raise refusals.insufficient_bucket_policy(trail.bucket_name) from None
        # Somebody deleted it a moment ago.
        raise refusals.no_such_bucket(trail.bucket_name) from None
    if not allowed:
        raise refusals.insufficient_bucket_policy(trail.bucket_name)


def _check_kms_key(call: Call, trail: Trail, key_id: str, region: str) -> str:
    caller = caller_for(trail)
    described = _ask_kms(call, trail, caller, region, key_id, "DescribeKey", {})
    assert described
    key_arn: str = described["KeyMetadata"]["Arn"]
    pairs = {
        "aws:cloudtrail:arn": trail.arn,
        "aws:s3:arn": arns.object_arn(trail.bucket_name, path_of(trail)),
    }
    more = {"KeySpec": "AES_256", "EncryptionContext": pairs}
    _ask_kms(call, trail, caller, region, key_arn, "GenerateDataKey", more)
    return key_arn


def _ask_kms(
    call: Call,
    trail: Trail,
    caller: Caller,
    region: str,
    key_id: str,
    operation: str,
    more: dict[str, Any],
) -> Output:
    """What KMS answers to CloudTrail about the key; its refusals in CloudTrail's words."""
    try:
        given = {"KeyId": key_id, **more}
        return call.cloudtrail.door.call(
            "kms", operation, given, caller, region, call.nested_decisions
        )
    except ServiceError as problem:
        if problem.code in _DENIED:
            raise refusals.insufficient_key_policy(trail.bucket_name, key_id) from None
        if problem.code == "NotFoundException":
            raise refusals.no_such_kms_key(key_id, region) from None
        raise refusals.unusable_kms_key(key_id, problem.message) from None
