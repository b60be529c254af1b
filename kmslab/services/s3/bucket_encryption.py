"""The default encryption of a bucket: what becomes of writes whose headers say nothing.

It can be chosen, never switched off (S3 User Guide, "Setting default server-side encryption
behavior"). A KMS key that is named here is not looked for: a wrong one bites on the first write.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_bucket, find_bucket
from kmslab.store.s3_records import DSSE_KMS, SSE_C, SSE_KMS, SSE_S3, Bucket

_ALGORITHMS = (SSE_S3, SSE_KMS, DSSE_KMS)
_NOTHING_BLOCKED = "NONE"


def get_bucket_encryption(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html"""
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "GetEncryptionConfiguration")
    default = {"SSEAlgorithm": bucket.algorithm}
    if bucket.kms_key_id:
        default["KMSMasterKeyID"] = bucket.kms_key_id
    rule: dict[str, Any] = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": bucket.bucket_key_enabled,
        "BlockedEncryptionTypes": {"EncryptionType": list(bucket.blocked) or [_NOTHING_BLOCKED]},
    }
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def put_bucket_encryption(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html"""
    call.begin_change()
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "PutEncryptionConfiguration")
    rules = call.parameters["ServerSideEncryptionConfiguration"].get("Rules", [])
    if len(rules) != 1:
        raise refusals.malformed_xml()
    call.put(_with_rule(bucket, rules[0]))


def delete_bucket_encryption(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html

    Back to SSE-S3, the least there is.
    """
    call.begin_change()
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "PutEncryptionConfiguration")
    call.put(replace(bucket, algorithm=SSE_S3, kms_key_id="", bucket_key_enabled=False))


def _with_rule(bucket: Bucket, rule: dict[str, Any]) -> Bucket:
    default = rule.get("ApplyServerSideEncryptionByDefault", {"SSEAlgorithm": SSE_S3})
    algorithm, kms_key_id = default.get("SSEAlgorithm"), default.get("KMSMasterKeyID", "")
    if algorithm not in _ALGORITHMS:
        raise refusals.malformed_xml()
    if kms_key_id and algorithm == SSE_S3:
        raise refusals.invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
            "aws:kms:dsse"
        )
    return replace(
        bucket,
        algorithm=algorithm,
        kms_key_id=kms_key_id,
        bucket_key_enabled=rule.get("BucketKeyEnabled", False),
        blocked=_blocked(rule.get("BlockedEncryptionTypes"), bucket.blocked),
    )


def _blocked(element: dict[str, Any] | None, so_far: tuple[str, ...]) -> tuple[str, ...]:
    """A rule that says nothing about it blocks what was blocked before."""
    if element is None:
        return so_far
    kinds = element.get("EncryptionType", [])
    if not kinds or set(kinds) - {SSE_C, _NOTHING_BLOCKED} or len(kinds) > 1:
        raise refusals.malformed_xml()
    return tuple(kind for kind in kinds if kind != _NOTHING_BLOCKED)
