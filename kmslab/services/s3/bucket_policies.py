"""Bucket policies: the JSON text that a bucket's owner puts on it."""

from dataclasses import replace
from typing import Any

from kmslab.access.policy import bucket_policy
from kmslab.errors import PolicyError
from kmslab.services.call import Call
from kmslab.services.identities import statement_naming_nobody
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_bucket, find_bucket


def get_bucket_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html"""
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "GetBucketPolicy")
    if not bucket.policy:
        raise refusals.no_such_bucket_policy(bucket.bucket_name)
    return {"Policy": bucket.policy}


def put_bucket_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html

    Raises MalformedPolicy for what is no policy of this bucket, or names nobody.
    """
    call.begin_change()
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "PutBucketPolicy")
    policy = call.parameters["Policy"]
    try:
        compiled = bucket_policy(policy, bucket.bucket_name)
    except PolicyError as problem:
        raise refusals.malformed_policy(str(problem)) from None
    if statement_naming_nobody(call.store, compiled):
        raise refusals.malformed_policy("Invalid principal in policy")
    call.put(replace(bucket, policy=policy))


def delete_bucket_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html"""
    call.begin_change()
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "DeleteBucketPolicy")
    call.put(replace(bucket, policy=""))
