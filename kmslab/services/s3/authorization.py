"""May the caller do this to a bucket or object? Bucket policy and identity policies decide, by the
same rules as everywhere.

This names the actions and resources that S3's operations are decided by (Service Authorization
Reference, "Actions, resources, and condition keys for Amazon S3"), and refuses in S3's words.
"""

from collections.abc import Mapping
from typing import Any

from kmslab.access.decision import Decision, OwnerSide
from kmslab.access.stored_policies import stored_bucket_policy
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.condition_keys import s3_context
from kmslab.store.s3_records import Bucket, StoredObject

# The rights that a named version needs instead.
_ON_VERSIONS = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# What the root user of the owner may always do, whatever the bucket policy says (S3 User Guide,
# "Bucket policies for Amazon S3"): else a policy could lock everybody out for good.
_ALWAYS_OF_ROOT = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})


def find_bucket(call: Call) -> Bucket:
    """The bucket that is asked for. Raises NoSuchBucket; PermanentRedirect for one of another
    Region than the request is for; AccessDenied where the caller expects another owner."""
    bucket_name = call.parameters["Bucket"]
    bucket = call.store.buckets.get("", bucket_name)
    if bucket is None:
        raise refusals.no_such_bucket(bucket_name)
    if bucket.region != call.region:
        raise refusals.bucket_elsewhere(bucket)
    expected = call.parameters.get("ExpectedBucketOwner", bucket.account)
    if expected != bucket.account:
        call.deny(call.question(call.operation, bucket.arn))
        raise refusals.access_denied()
    return bucket


def hold_bucket(call: Call, bucket: Bucket) -> None:
    """From here on no other call changes state. Raises NoSuchBucket where the bucket that was
    authorised is gone, even if somebody else has its name by now."""
    call.begin_change()
    now = call.store.buckets.get("", bucket.bucket_name)
    if now is None or _identity(now) != _identity(bucket):
        raise refusals.no_such_bucket(bucket.bucket_name)


def _identity(bucket: Bucket) -> tuple[str, float]:
    return bucket.account, bucket.creation_date


def authorise_bucket(call: Call, bucket: Bucket, action: str) -> None:
    """Decide `action`, such as "ListBucket", on a bucket. Raises AccessDenied."""
    note_resources(call, bucket)
    _authorise(call, bucket, action, bucket.arn)


def authorise_object(call: Call, bucket: Bucket, action: str, object_key: str) -> None:
    """Decide `action`, such as "GetObject", on an object of `bucket`, or the action on versions
    where one is named. Raises AccessDenied."""
    note_resources(call, bucket, object_key)
    if "VersionId" in call.parameters:
        action = _ON_VERSIONS.get(action, action)
    _authorise(call, bucket, action, f"{bucket.arn}/{object_key}")


def find_object(call: Call, bucket: Bucket) -> StoredObject:
    """The object that is asked for, once reading it is allowed. Raises NoSuchKey, or AccessDenied:
    only who may list a bucket is told that an object is not there."""
    object_key = call.parameters["Key"]
    refuse_version(call.parameters)
    stored = call.store.objects.get(bucket.bucket_name, object_key)
    if stored is None:
        _authorise(call, bucket, "ListBucket", bucket.arn)
        raise refusals.no_such_key(object_key)
    return stored


def refuse_version(asked: Mapping[str, Any]) -> None:
    """No version but the one that objects without versions have. Raises InvalidArgument."""
    if asked.get("VersionId", "null") != "null":
        raise refusals.invalid_argument(
            "Invalid version id specified", "versionId", asked["VersionId"]
        )


def find_source(call: Call, bucket_name: str, object_key: str) -> StoredObject:
    """The source of a copy, which may be in a bucket of another Region or account. Raises as
    reading it would."""
    bucket = call.store.buckets.get("", bucket_name)
    if bucket is None:
        raise refusals.no_such_bucket(bucket_name)
    expected = call.parameters.get("ExpectedSourceBucketOwner", bucket.account)
    if expected != bucket.account:
        call.deny(call.question("GetObject", bucket.arn))
        raise refusals.access_denied()
    _authorise(call, bucket, "GetObject", f"{bucket.arn}/{object_key}")
    stored = call.store.objects.get(bucket_name, object_key)
    if stored is None:
        _authorise(call, bucket, "ListBucket", bucket.arn)
        raise refusals.no_such_key(object_key)
    return stored


def may_put_object(call: Call) -> bool:
    """Whether `call`, a PutObject, would be authorised. Raises as `find_bucket` does."""
    bucket = find_bucket(call)
    resource = f"{bucket.arn}/{call.parameters['Key']}"
    return decide_on(call, bucket, "PutObject", resource).allowed


def note_resources(call: Call, bucket: Bucket, object_key: str = "") -> None:
    """Tell the event what was touched."""
    arns = (f"{bucket.arn}/{object_key}", bucket.arn) if object_key else (bucket.arn,)
    call.resources += tuple(arn for arn in arns if arn not in call.resources)
    call.resource_owner = bucket.account


def _authorise(call: Call, bucket: Bucket, action: str, resource: str) -> None:
    decision = decide_on(call, bucket, action, resource)
    if decision.allowed:
        return
    if call.account != bucket.account:
        # AWS tells a caller of another account nothing.
        raise refusals.access_denied()
    raise refusals.denied(decision)


def decide_on(call: Call, bucket: Bucket, action: str, resource: str) -> Decision:
    """The decision about `action` on the bucket or on what lies in it."""
    existing = call.store.objects.get(bucket.name, resource.removeprefix(f"{bucket.arn}/"))
    call.more_context = s3_context(call, bucket, existing)
    policy = bucket.policy
    root = call.principal.arn == call.principal.account_root
    if root and call.account == bucket.account and action in _ALWAYS_OF_ROOT:
        policy = ""
    return call.decide(call.question(action, resource), owner_side(bucket, policy))


def owner_side(bucket: Bucket, policy: str) -> OwnerSide:
    """What the owner says: its bucket policy, and to its own principals whatever their identity
    policies say."""
    compiled = stored_bucket_policy(policy, bucket.bucket_name)
    return OwnerSide(compiled, bucket.account, leaves_it_to_account=True)
