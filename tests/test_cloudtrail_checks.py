"""What CloudTrail asks of bucket and key before it makes or changes a trail, and then refuses."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, UNKNOWN_KEY_ID, allow, refused
from botocore.exceptions import ClientError
from cloudtrail_words import (
    BUCKET,
    TRAIL,
    bucket_policy,
    client_of,
    of_service,
    trail_arn,
    trail_bucket,
    trail_key,
    trail_key_policy,
    without,
)

from kmslab import Lab

pytest_plugins = ["cloudtrail_session"]

ACL, WRITE = "AWSCloudTrailAclCheck20150319", "AWSCloudTrailWrite20150319"
ENCRYPT, DESCRIBE = "Allow CloudTrail to encrypt logs", "Allow CloudTrail to describe the key"


def create(cloudtrail: Any, **settings: Any) -> Any:
    return cloudtrail.create_trail(**{"Name": TRAIL, "S3BucketName": BUCKET, **settings})


def insufficient_bucket_policy(name: str = BUCKET) -> Any:
    sentence = f"Incorrect S3 bucket policy is detected for bucket: {name}"
    return refused("InsufficientS3BucketPolicyException", sentence)


def insufficient_key_policy(key: str, name: str = BUCKET) -> Any:
    sentence = f"Insufficient permissions to access S3 bucket {name} or KMS key {key}."
    return refused("InsufficientEncryptionPolicyException", sentence)


def put_key_policy(lab: Lab, key_arn: str, text: str) -> None:
    lab.client("kms").put_key_policy(KeyId=key_arn, Policy=text)


# --- What is asked ------------------------------------------------------------------------


def test_a_trail_without_a_key_has_its_bucket_asked_alone(lab, cloudtrail, bucket):
    create(cloudtrail)
    (asked,) = of_service(lab)
    assert (asked["eventSource"], asked["eventName"]) == ("s3.amazonaws.com", "GetBucketAcl")
    assert asked["resources"][0]["ARN"] == f"arn:aws:s3:::{BUCKET}"
    assert "errorCode" not in asked


def test_a_key_is_described_and_makes_a_data_key_for_the_trail(lab, cloudtrail, key_arn):
    trail_bucket(lab, "logs-below", trail_arn(), prefix="audit")
    create(cloudtrail, S3BucketName="logs-below", S3KeyPrefix="audit", KmsKeyId=key_arn)
    acl, described, made = of_service(lab)
    assert [each["eventName"] for each in (acl, described, made)] == [
        "GetBucketAcl",
        "DescribeKey",
        "GenerateDataKey",
    ]
    assert made["requestParameters"] == {
        "keyId": key_arn,
        "keySpec": "AES_256",
        "encryptionContext": {
            "aws:cloudtrail:arn": trail_arn(),
            "aws:s3:arn": f"arn:aws:s3:::logs-below/audit/AWSLogs/{ACCOUNT}/",
        },
    }
    for each in (acl, described, made):
        assert each["sourceIPAddress"] == each["userAgent"] == "cloudtrail.amazonaws.com"
        assert each["recipientAccountId"] == ACCOUNT
        assert "sharedEventID" in each


def test_the_calls_come_before_the_event_of_the_trail(lab, cloudtrail, bucket, key_arn):
    create(cloudtrail, KmsKeyId=key_arn)
    asked = [event["eventName"] for event in lab.events()[-4:]]
    assert asked == ["GetBucketAcl", "DescribeKey", "GenerateDataKey", "CreateTrail"]


def test_the_lab_tells_what_was_decided_about_bucket_and_key(lab, cloudtrail, bucket, key_arn):
    put_key_policy(lab, key_arn, without(trail_key_policy(trail_arn()), ENCRYPT))
    with pytest.raises(ClientError) as caught:
        create(cloudtrail, KmsKeyId=key_arn)
    decided = lab.decisions(caught.value.response["ResponseMetadata"]["RequestId"])
    assert [(each.question.action, each.allowed) for each in decided] == [
        ("cloudtrail:CreateTrail", True),
        ("s3:GetBucketAcl", True),
        ("s3:PutObject", True),
        ("kms:DescribeKey", True),
        ("kms:GenerateDataKey", False),
    ]


def test_no_object_is_written(s3, cloudtrail, bucket, key_arn):
    create(cloudtrail, KmsKeyId=key_arn)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_caller_needs_no_right_on_bucket_or_key(lab, bucket, key_arn):
    maker = lab.user("maker", allow("cloudtrail:CreateTrail"))
    made = create(lab.client("cloudtrail", maker), KmsKeyId=key_arn)
    assert made["KmsKeyId"] == key_arn


def test_bucket_and_key_of_another_account_serve(lab, cloudtrail):
    trail_bucket(lab, "others-logs", trail_arn(), account=OTHER_ACCOUNT)
    theirs = trail_key(lab, trail_arn(), account=OTHER_ACCOUNT)
    made = create(cloudtrail, S3BucketName="others-logs", KmsKeyId=theirs)
    assert made["KmsKeyId"] == theirs


def test_bucket_and_key_are_asked_in_the_region_of_the_bucket(lab, cloudtrail):
    trail_bucket(lab, "far-logs", region=OTHER_REGION)
    there = trail_key(lab, region=OTHER_REGION)
    create(cloudtrail, S3BucketName="far-logs", KmsKeyId=there)
    assert {event["awsRegion"] for event in of_service(lab)} == {OTHER_REGION}


# --- The bucket ---------------------------------------------------------------------------


def test_a_bucket_must_be_there(cloudtrail, key_arn):
    with refused("S3BucketDoesNotExistException", "S3 bucket nowhere does not exist!"):
        create(cloudtrail, S3BucketName="nowhere", KmsKeyId=key_arn)


@pytest.mark.parametrize("sid", [ACL, WRITE])
def test_a_bucket_policy_needs_both_statements(lab, s3, cloudtrail, bucket, sid):
    policy = bucket_policy(BUCKET, trail_arn())
    s3.put_bucket_policy(Bucket=BUCKET, Policy=without(policy, sid))
    with insufficient_bucket_policy():
        create(cloudtrail)
    assert cloudtrail.list_trails()["Trails"] == []


def test_a_bucket_without_policy_does_not_do(s3, cloudtrail):
    s3.create_bucket(Bucket=BUCKET)
    with insufficient_bucket_policy():
        create(cloudtrail)


def test_the_policy_must_name_this_trail(cloudtrail, bucket):
    with insufficient_bucket_policy():
        create(cloudtrail, Name="another-trail")


@pytest.mark.parametrize(("allowed", "asked"), [("audit", ""), ("", "audit"), ("audit", "audi")])
def test_the_policy_must_be_about_the_prefix(lab, cloudtrail, allowed, asked):
    trail_bucket(lab, "prefixed", trail_arn(), prefix=allowed)
    with insufficient_bucket_policy("prefixed"):
        create(cloudtrail, S3BucketName="prefixed", S3KeyPrefix=asked)


@pytest.mark.parametrize(
    ("condition", "expected"), [("aws:SourceAccount", ACCOUNT), ("aws:SourceAccount", "9" * 12)]
)
def test_the_policy_may_name_the_account_instead(s3, cloudtrail, bucket, condition, expected):
    policy = json.loads(json.dumps(bucket_policy(BUCKET, trail_arn())))
    for statement in policy["Statement"]:
        del statement["Condition"]["StringEquals"]["aws:SourceArn"]
        statement["Condition"]["StringEquals"][condition] = expected
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    if expected == ACCOUNT:
        create(cloudtrail)
    else:
        with insufficient_bucket_policy():
            create(cloudtrail)


def test_a_policy_that_asks_for_encryption_counts(s3, cloudtrail, bucket, key_arn):
    """A bucket that takes nothing but SSE-KMS takes the files of a trail with a key alone."""
    policy = bucket_policy(BUCKET, trail_arn())
    policy["Statement"].append(
        {
            "Sid": "encrypted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        }
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    with insufficient_bucket_policy():
        create(cloudtrail)
    create(cloudtrail, KmsKeyId=key_arn)


# --- The key ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_every_form_of_a_key_id_is_answered_with_the_arn(kms, cloudtrail, bucket, key_arn, form):
    kms.create_alias(AliasName="alias/logs", TargetKeyId=key_arn)
    forms = {
        "id": key_arn.rpartition("/")[2],
        "arn": key_arn,
        "alias": "alias/logs",
        "alias arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/logs",
    }
    assert create(cloudtrail, KmsKeyId=forms[form])["KmsKeyId"] == key_arn
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"]["KmsKeyId"] == key_arn


@pytest.mark.parametrize(
    "text",
    [
        "key",
        "alias/",
        f"key/{UNKNOWN_KEY_ID}",
        f"arn:aws:s3:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:{UNKNOWN_KEY_ID}",
        f"arn:aws:kms:{REGION}",
        f"{UNKNOWN_KEY_ID}x",
    ],
)
def test_what_is_no_key_id_is_refused(lab, cloudtrail, bucket, text):
    with refused("InvalidKmsKeyIdException", None):
        create(cloudtrail, KmsKeyId=text)
    assert of_service(lab) == []


@pytest.mark.parametrize(
    "text",
    [
        UNKNOWN_KEY_ID,
        "alias/nothing",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/nothing",
    ],
)
def test_a_key_must_be_there(cloudtrail, bucket, text):
    with refused("KmsKeyNotFoundException", None):
        create(cloudtrail, KmsKeyId=text)


def test_a_key_must_be_in_the_region_of_the_bucket(lab, cloudtrail, bucket):
    there = trail_key(lab, region=OTHER_REGION)
    for text in (there, there.rpartition("/")[2]):
        with refused("KmsKeyNotFoundException", None):
            create(cloudtrail, KmsKeyId=text)


def test_a_key_of_another_account_is_hidden_from_whoever_asks(lab, cloudtrail, bucket):
    absent = f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/{UNKNOWN_KEY_ID}"
    closed = client_of(lab, "kms", OTHER_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
    for key in (absent, closed):
        with insufficient_key_policy(key):
            create(cloudtrail, KmsKeyId=key)


@pytest.mark.parametrize("sid", [ENCRYPT, DESCRIBE])
def test_a_key_policy_needs_both_statements(lab, cloudtrail, bucket, key_arn, sid):
    put_key_policy(lab, key_arn, without(trail_key_policy(trail_arn()), sid))
    with insufficient_key_policy(key_arn):
        create(cloudtrail, KmsKeyId=key_arn)
    assert cloudtrail.list_trails()["Trails"] == []


def test_describe_key_has_no_encryption_context(lab, cloudtrail, bucket, key_arn):
    """One statement for both actions, with a condition on the context, never lets it describe."""
    policy = trail_key_policy(trail_arn())
    encrypt = next(each for each in policy["Statement"] if each["Sid"] == ENCRYPT)
    encrypt["Action"] = ["kms:GenerateDataKey*", "kms:DescribeKey"]
    put_key_policy(lab, key_arn, without(policy, DESCRIBE))
    with insufficient_key_policy(key_arn):
        create(cloudtrail, KmsKeyId=key_arn)


def test_the_key_policy_must_name_this_trail(lab, cloudtrail, bucket):
    another = trail_key(lab, trail_arn("another-trail"))
    with insufficient_key_policy(another):
        create(cloudtrail, KmsKeyId=another)


def test_the_key_policy_is_weighed_with_the_encryption_context(lab, cloudtrail, bucket, key_arn):
    policy = trail_key_policy(trail_arn())
    encrypt = next(each for each in policy["Statement"] if each["Sid"] == ENCRYPT)
    pattern = {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/*"}
    encrypt["Condition"]["StringLike"] |= pattern
    put_key_policy(lab, key_arn, json.dumps(policy))
    create(cloudtrail, KmsKeyId=key_arn)
    pattern = {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}/elsewhere/*"}
    encrypt["Condition"]["StringLike"] |= pattern
    put_key_policy(lab, key_arn, json.dumps(policy))
    with insufficient_key_policy(key_arn):
        cloudtrail.update_trail(Name=TRAIL, KmsKeyId=key_arn)


def test_a_key_that_kms_refuses_is_refused_with_its_reason(kms, cloudtrail, bucket, key_arn):
    kms.disable_key(KeyId=key_arn)
    disabled = f"KMS key {key_arn} cannot be used: {key_arn} is disabled."
    with refused("KmsException", disabled):
        create(cloudtrail, KmsKeyId=key_arn)
    kms.schedule_key_deletion(KeyId=key_arn)
    pending = f"KMS key {key_arn} cannot be used: {key_arn} is pending deletion."
    with refused("KmsException", pending):
        create(cloudtrail, KmsKeyId=key_arn)


def test_a_key_pair_encrypts_no_logs(lab, kms, cloudtrail, bucket):
    policy = json.dumps(trail_key_policy(trail_arn()))
    kind = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
    pair = kms.create_key(Policy=policy, **kind)["KeyMetadata"]["Arn"]
    with refused("KmsException", None):
        create(cloudtrail, KmsKeyId=pair)


def test_the_managed_key_of_s3_does_not_serve(lab, cloudtrail, bucket):
    """Its policy lets S3's callers of the account use it, and CloudTrail is none."""
    with insufficient_key_policy("alias/aws/s3"):
        create(cloudtrail, KmsKeyId="alias/aws/s3")
    assert lab.client("kms").list_keys()["Keys"] == []


# --- In which order, and when again -------------------------------------------------------


def test_the_first_that_fails_is_told(lab, s3, kms, cloudtrail, key_arn):
    """Each repair uncovers what comes next."""
    kms.disable_key(KeyId=key_arn)
    put_key_policy(lab, key_arn, without(trail_key_policy(trail_arn()), ENCRYPT))
    asked = {"KmsKeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}"}
    with refused("S3BucketDoesNotExistException", None):
        create(cloudtrail, **asked)
    s3.create_bucket(Bucket=BUCKET)
    with insufficient_bucket_policy():
        create(cloudtrail, **asked)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy(BUCKET, trail_arn())))
    with refused("KmsKeyNotFoundException", None):
        create(cloudtrail, **asked)
    with insufficient_key_policy(key_arn):
        create(cloudtrail, KmsKeyId=key_arn)
    put_key_policy(lab, key_arn, json.dumps(trail_key_policy(trail_arn())))
    with refused("KmsException", None):
        create(cloudtrail, KmsKeyId=key_arn)
    kms.enable_key(KeyId=key_arn)
    create(cloudtrail, KmsKeyId=key_arn)


def test_a_refusal_leaves_the_events_of_what_was_asked(lab, cloudtrail, bucket, key_arn):
    put_key_policy(lab, key_arn, without(trail_key_policy(trail_arn()), ENCRYPT))
    with suppress(ClientError):
        create(cloudtrail, KmsKeyId=key_arn)
    told = [(event["eventName"], event.get("errorCode")) for event in lab.events()[-4:]]
    assert told == [
        ("GetBucketAcl", None),
        ("DescribeKey", None),
        ("GenerateDataKey", "AccessDenied"),
        ("CreateTrail", "InsufficientEncryptionPolicyException"),
    ]


@pytest.mark.parametrize("member", ["S3BucketName", "S3KeyPrefix", "KmsKeyId"])
def test_bucket_and_key_are_checked_again_where_one_is_named(
    lab, s3, cloudtrail, bucket, key_arn, member
):
    create(cloudtrail, KmsKeyId=key_arn)
    s3.delete_bucket_policy(Bucket=BUCKET)
    named = {"S3BucketName": BUCKET, "S3KeyPrefix": "", "KmsKeyId": key_arn}
    with insufficient_bucket_policy():
        cloudtrail.update_trail(Name=TRAIL, **{member: named[member]})
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True)


def test_a_new_bucket_in_another_region_does_not_go_with_the_old_key(
    lab, cloudtrail, bucket, key_arn
):
    create(cloudtrail, KmsKeyId=key_arn)
    trail_bucket(lab, "far-logs", region=OTHER_REGION)
    with refused("KmsKeyNotFoundException", None):
        cloudtrail.update_trail(Name=TRAIL, S3BucketName="far-logs")
    there = trail_key(lab, region=OTHER_REGION)
    moved = cloudtrail.update_trail(Name=TRAIL, S3BucketName="far-logs", KmsKeyId=there)
    assert (moved["S3BucketName"], moved["KmsKeyId"]) == ("far-logs", there)


def test_a_trail_that_logs_goes_on_while_bucket_or_key_breaks(lab, s3, cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is True


# --- While others change the same ---------------------------------------------------------


def meanwhile(lab: Lab, act: Callable[[], Any]) -> None:
    """While the next bucket policy is weighed, another thread does `act`, from begin to end."""
    weigh = lab.endpoint.may_put_object

    def weigh_late(*asked: Any) -> bool:
        lab.endpoint.may_put_object = weigh
        other = threading.Thread(target=act)
        other.start()
        other.join(timeout=30)
        assert not other.is_alive(), "a lock was held"
        return weigh(*asked)

    lab.endpoint.may_put_object = weigh_late


def test_a_name_that_was_taken_meanwhile_is_taken(lab, cloudtrail, bucket, key_arn):
    meanwhile(lab, lambda: create(lab.client("cloudtrail"), EnableLogFileValidation=True))
    with refused("TrailAlreadyExistsException", None):
        create(cloudtrail, KmsKeyId=key_arn)
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"]["LogFileValidationEnabled"] is True


def test_a_trail_that_was_deleted_meanwhile_is_not_changed(lab, cloudtrail, trail):
    meanwhile(lab, lambda: lab.client("cloudtrail").delete_trail(Name=TRAIL))
    with refused("TrailNotFoundException", None):
        cloudtrail.update_trail(Name=TRAIL, S3KeyPrefix="")
    assert cloudtrail.list_trails()["Trails"] == []


def test_a_key_that_was_given_meanwhile_is_not_lost(lab, cloudtrail, trail, key_arn):
    meanwhile(lab, lambda: lab.client("cloudtrail").update_trail(Name=TRAIL, KmsKeyId=key_arn))
    with refused("ConflictException", None):
        cloudtrail.update_trail(Name=TRAIL, S3KeyPrefix="")
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"]["KmsKeyId"] == key_arn


def test_what_was_switched_meanwhile_stays(lab, cloudtrail, trail):
    def switch() -> None:
        client = lab.client("cloudtrail")
        client.start_logging(Name=TRAIL)
        client.update_trail(Name=TRAIL, EnableLogFileValidation=True)

    meanwhile(lab, switch)
    changed = cloudtrail.update_trail(Name=TRAIL, S3BucketName=BUCKET)
    assert changed["LogFileValidationEnabled"] is True
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is True
