"""Buckets: made, found, listed, deleted. Every name belongs to one account of all."""

import re
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_bucket, find_bucket, note_resources
from kmslab.services.s3.condition_keys import s3_context
from kmslab.services.s3.writing import drop_files
from kmslab.store.s3_records import Bucket
from kmslab.wire.model import region_names

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", re.ASCII)
# S3 User Guide, "General purpose bucket naming rules".
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_MOST_BUCKETS = 10_000
_FIRST_REGION = "us-east-1"


def create_bucket(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

    A new bucket encrypts with SSE-S3, and refuses writes with SSE-C, as since April 2026.
    """
    bucket_name = call.parameters["Bucket"]
    _check_name(bucket_name)
    _refuse_not_built(call.parameters)
    region = _region(call)
    bucket = Bucket(call.account, region, bucket_name, call.now)
    _authorise_in_account(call, "CreateBucket", bucket.arn)
    note_resources(call, bucket)
    call.begin_change()
    existing = call.store.buckets.get("", bucket_name)
    if existing:
        return _existing(call, existing)
    owned = sum(1 for known in call.store.buckets.on("") if known.account == call.account)
    if owned >= _MOST_BUCKETS:
        raise refusals.invalid_request("You have attempted to create more buckets than allowed")
    call.put(bucket)
    return {"Location": f"/{bucket_name}"}


def delete_bucket(call: Call) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html"""
    call.begin_change()
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "DeleteBucket")
    if call.store.objects.count(bucket.bucket_name):
        raise refusals.bucket_not_empty(bucket.bucket_name)
    for upload in call.store.multipart_uploads.on(bucket.bucket_name):
        parts = tuple(call.store.uploaded_parts.on(upload.upload_id))
        call.delete(upload, *parts)
        drop_files(call, (part.content_id for part in parts))
    call.delete(bucket)


def head_bucket(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "ListBucket")
    return {"BucketRegion": bucket.region, "AccessPointAlias": False}


def get_bucket_location(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "GetBucketLocation")
    # The oldest Region has no name here.
    return {"LocationConstraint": "" if bucket.region == _FIRST_REGION else bucket.region}


def list_buckets(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html"""
    _authorise_in_account(call, "ListAllMyBuckets", "*")
    asked = call.parameters
    prefix, region = asked.get("Prefix", ""), asked.get("BucketRegion")
    after, most = asked.get("ContinuationToken", ""), asked.get("MaxBuckets", _MOST_BUCKETS)
    own = sorted(
        (
            bucket
            for bucket in call.store.buckets.on("")
            if bucket.account == call.account
            and bucket.bucket_name.startswith(prefix)
            and bucket.bucket_name > after
            and region in (None, bucket.region)
        ),
        key=lambda bucket: bucket.bucket_name,
    )
    if not 1 <= most <= _MOST_BUCKETS:
        raise refusals.invalid_argument(
            f"Argument max-buckets must be an integer between 1 and {_MOST_BUCKETS}",
            "max-buckets",
            str(most),
        )
    listed = own[:most]
    answer = {"Buckets": [_as_listed(bucket) for bucket in listed], "Owner": owner(call.account)}
    if len(own) > most:
        answer["ContinuationToken"] = listed[-1].bucket_name
    return {**answer, "Prefix": prefix} if prefix else answer


def get_bucket_acl(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html

    Bucket owner enforced, as every bucket since April 2023: the owner has it all.
    """
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "GetBucketAcl")
    return full_control(bucket.account)


def get_bucket_versioning(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html

    The lab's buckets keep no versions: versioning was never switched on.
    """
    bucket = find_bucket(call)
    authorise_bucket(call, bucket, "GetBucketVersioning")
    return {}


def owner(account: str) -> dict[str, str]:
    """The owner of a bucket or object. Real canonical ids are 64 hex digits without meaning."""
    return {"ID": account.zfill(64)}


def full_control(account: str) -> dict[str, Any]:
    grantee = {**owner(account), "Type": "CanonicalUser"}
    return {
        "Owner": owner(account),
        "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}],
    }


def _existing(call: Call, existing: Bucket) -> dict[str, Any]:
    """In the oldest Region its owner may make a bucket again, to no effect."""
    if existing.account != call.account:
        raise refusals.bucket_taken(existing.bucket_name)
    if not existing.region == call.region == _FIRST_REGION:
        raise refusals.bucket_owned(existing.bucket_name)
    return {"Location": f"/{existing.bucket_name}"}


def _refuse_not_built(asked: dict[str, Any]) -> None:
    """To leave these out in silence would give a bucket that is not the one asked for."""
    for member in ("ACL", "ObjectOwnership", "ObjectLockEnabledForBucket"):
        if asked.get(member) not in (None, False, "private", "BucketOwnerEnforced"):
            raise errors.not_built(f"{member} {asked[member]}")
    if asked.get("CreateBucketConfiguration", {}).get("Tags"):
        raise errors.not_built("Tags of buckets")


def _check_name(bucket_name: str) -> None:
    if (
        not _NAME.fullmatch(bucket_name)
        or _ADDRESS.fullmatch(bucket_name)
        or ".." in bucket_name
        or bucket_name.startswith(_RESERVED_PREFIXES)
        or bucket_name.endswith(_RESERVED_SUFFIXES)
    ):
        raise refusals.invalid_bucket_name(bucket_name)


def _region(call: Call) -> str:
    """Where the bucket is asked for, which outside the oldest Region has to be said."""
    configuration = call.parameters.get("CreateBucketConfiguration", {})
    wanted: str = configuration.get("LocationConstraint") or _FIRST_REGION
    wanted = "eu-west-1" if wanted == "EU" else wanted
    if wanted not in region_names():
        raise refusals.invalid_location(wanted)
    if wanted != call.region and call.region != _FIRST_REGION:
        raise refusals.illegal_location(wanted)
    return wanted


def _authorise_in_account(call: Call, action: str, resource: str) -> None:
    """For what belongs to no bucket yet: identity policies alone decide."""
    call.more_context = s3_context(call, None)
    if call.parameters.get("CreateBucketConfiguration"):
        location = call.parameters["CreateBucketConfiguration"].get("LocationConstraint", "")
        call.more_context["s3:locationconstraint"] = location
    decision = call.decide(call.question(action, resource), None)
    if not decision.allowed:
        raise refusals.denied(decision)


def _as_listed(bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.bucket_name,
        "CreationDate": bucket.creation_date,
        "BucketRegion": bucket.region,
        "BucketArn": bucket.arn,
    }
