"""Buckets: their names, Regions, default encryption and policies, and who may do what to them."""

import json
from urllib.parse import urlsplit

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, allow, policy
from s3_words import BODY, BUCKET, BUCKET_ARN, NAME, read, refused

from kmslab.wire.message import Request

pytest_plugins = ["s3_session"]


def put(s3, name=NAME, **more):
    return s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **more)


def statement(effect, principal, action, resource=f"{BUCKET_ARN}/*", **conditions):
    named = {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}
    return named | ({"Condition": conditions} if conditions else {})


def set_policy(s3, *statements):
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy(*statements)))


# --- Names and Regions --------------------------------------------------------------------


def test_a_bucket_is_listed_by_its_owner_alone(lab, s3):
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert lab.client("s3", lab.administrator(OTHER_ACCOUNT)).list_buckets()["Buckets"] == []


def test_a_name_belongs_to_one_account_of_all(lab, s3):
    with refused("BucketAlreadyExists", 409):
        lab.client("s3", lab.administrator(OTHER_ACCOUNT)).create_bucket(Bucket=BUCKET)


def test_the_owner_may_make_it_again_in_the_oldest_region(s3):
    put(s3)
    s3.create_bucket(Bucket=BUCKET)
    assert read(s3) == BODY


def test_elsewhere_making_it_again_is_refused(lab):
    there = lab.client("s3", region_name=OTHER_REGION)
    where = {"LocationConstraint": OTHER_REGION}
    there.create_bucket(Bucket="over-there", CreateBucketConfiguration=where)
    with refused("BucketAlreadyOwnedByYou", 409):
        there.create_bucket(Bucket="over-there", CreateBucketConfiguration=where)


@pytest.mark.parametrize(
    "name",
    ["ab", "UPPER", "under_score", "192.168.1.1", "a..b", "-a-", "xn--a", "a" * 64, "a-s3alias"],
)
def test_not_every_name_is_one_of_a_bucket(lab, name):
    from botocore.config import Config

    client = lab.client("s3", config=Config(s3={"addressing_style": "path"}))
    with refused("InvalidBucketName", 400):
        client.create_bucket(Bucket=name)


def test_a_bucket_lies_in_one_region(lab):
    there = lab.client("s3", region_name=OTHER_REGION)
    where = {"LocationConstraint": OTHER_REGION}
    there.create_bucket(Bucket="over-there", CreateBucketConfiguration=where)
    assert there.get_bucket_location(Bucket="over-there")["LocationConstraint"] == OTHER_REGION
    assert there.head_bucket(Bucket="over-there")["BucketRegion"] == OTHER_REGION


def test_the_oldest_region_has_no_name(s3):
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] is None


def test_boto3_finds_a_bucket_of_another_region(lab, s3):
    there = lab.client("s3", region_name=OTHER_REGION)
    put(s3)
    assert read(there) == BODY


def test_elsewhere_the_region_has_to_be_said(lab):
    there = lab.client("s3", region_name=OTHER_REGION)
    with refused("IllegalLocationConstraintException", 400):
        there.create_bucket(Bucket="over-there")


def test_a_bucket_with_objects_is_not_deleted(s3):
    put(s3)
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key=NAME)
    s3.delete_bucket(Bucket=BUCKET)
    with refused("NoSuchBucket", 404, "The specified bucket does not exist"):
        s3.list_objects_v2(Bucket=BUCKET)


def test_another_owner_than_expected_is_refused(s3):
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=BUCKET, ExpectedBucketOwner=OTHER_ACCOUNT)


def test_the_owner_has_full_control(s3):
    (grant,) = s3.get_bucket_acl(Bucket=BUCKET)["Grants"]
    assert (grant["Permission"], grant["Grantee"]["Type"]) == ("FULL_CONTROL", "CanonicalUser")


# --- Default encryption -------------------------------------------------------------------


def rule_of(s3):
    answer = s3.get_bucket_encryption(Bucket=BUCKET)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return rule


def set_rule(s3, **rule):
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_a_new_bucket_encrypts_with_sse_s3_and_blocks_sse_c(s3):
    assert rule_of(s3) == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }


def test_the_default_is_kept_as_it_was_given(s3):
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/not-there"}
    set_rule(s3, ApplyServerSideEncryptionByDefault=default, BucketKeyEnabled=True)
    rule = rule_of(s3)
    assert rule["ApplyServerSideEncryptionByDefault"] == default
    assert rule["BucketKeyEnabled"] is True


def test_encryption_cannot_be_switched_off(s3):
    set_rule(s3, ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "aws:kms"})
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert rule_of(s3)["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert put(s3)["ServerSideEncryption"] == "AES256"


def test_a_key_needs_kms(s3):
    sentence = (
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
        "aws:kms:dsse"
    )
    with refused("InvalidArgument", 400, sentence):
        set_rule(
            s3,
            ApplyServerSideEncryptionByDefault={
                "SSEAlgorithm": "AES256",
                "KMSMasterKeyID": "alias/a",
            },
        )


def test_there_is_one_rule(s3):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    with refused("MalformedXML", 400):
        s3.put_bucket_encryption(
            Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule, rule]}
        )


def test_changing_it_is_a_right_and_a_management_event(lab, s3):
    writer = lab.user("writer", allow("s3:PutObject"))
    with refused("AccessDenied", 403) as caught:
        lab.client("s3", writer).put_bucket_encryption(
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        )
    assert "s3:PutEncryptionConfiguration" in str(caught.value)
    event = lab.events()[-1]
    assert (event["eventName"], event["errorCode"]) == ("PutBucketEncryption", "AccessDenied")
    assert event["managementEvent"] is True


# --- Who may ------------------------------------------------------------------------------


@pytest.fixture
def stranger(lab):
    """A user of the same account whom no identity policy allows anything."""
    return lab.user("stranger")


def test_an_identity_policy_is_enough_in_the_own_account(lab, s3):
    put(s3)
    assert read(lab.client("s3", lab.user("reader", allow("s3:GetObject")))) == BODY


def test_a_bucket_policy_is_enough_in_the_own_account(lab, s3, stranger):
    put(s3)
    set_policy(s3, statement("Allow", {"AWS": stranger.arn}, "s3:GetObject"))
    assert read(lab.client("s3", stranger)) == BODY


def test_neither_is_a_denial_in_aws_words(lab, s3, stranger):
    sentence = (
        f"User: {stranger.arn} is not authorized to perform: s3:GetObject on resource: "
        f'"{BUCKET_ARN}/{NAME}" because no identity-based policy allows the s3:GetObject action'
    )
    with refused("AccessDenied", 403, sentence):
        read(lab.client("s3", stranger))


def test_a_deny_of_the_bucket_wins(lab, s3):
    put(s3)
    set_policy(s3, statement("Deny", "*", "s3:GetObject"))
    with refused("AccessDenied", 403) as caught:
        read(s3)
    assert "with an explicit deny in a resource-based policy" in str(caught.value)


def test_across_accounts_both_sides_have_to_allow(lab, s3):
    put(s3)
    guest = lab.user("guest", account=OTHER_ACCOUNT)
    set_policy(s3, statement("Allow", {"AWS": guest.arn}, "s3:GetObject"))
    with refused("AccessDenied", 403, "Access Denied"):
        read(lab.client("s3", guest))
    lab.user("guest", allow("s3:GetObject"), account=OTHER_ACCOUNT)
    assert read(lab.client("s3", guest)) == BODY
    s3.delete_bucket_policy(Bucket=BUCKET)
    with refused("AccessDenied", 403, "Access Denied"):
        read(lab.client("s3", guest))


def test_a_policy_that_insists_on_kms_refuses_a_write_by_default(lab, s3, sse_kms, key_arn):
    insist = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    set_policy(s3, statement("Deny", "*", "s3:PutObject", **insist))
    set_rule(
        s3,
        ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn},
    )
    put(s3, **sse_kms)
    for header in ({}, {"ServerSideEncryption": "AES256"}):
        with refused("AccessDenied", 403):
            put(s3, **header)


def test_the_null_idiom_tolerates_a_write_by_default(s3, sse_kms):
    header = "s3:x-amz-server-side-encryption"
    insist = {"StringNotEquals": {header: "aws:kms"}, "Null": {header: "false"}}
    set_policy(s3, statement("Deny", "*", "s3:PutObject", **insist))
    put(s3)
    put(s3, **sse_kms)
    with refused("AccessDenied", 403):
        put(s3, ServerSideEncryption="AES256")


def test_a_policy_may_insist_on_one_key(s3, kms, sse_kms, key_arn):
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    insist = {"ArnNotEqualsIfExists": {header: key_arn}}
    set_policy(s3, statement("Deny", "*", "s3:PutObject", **insist))
    put(s3, **sse_kms)
    kms.create_alias(AliasName="alias/archive", TargetKeyId=key_arn)
    put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/archive")
    second = kms.create_key()["KeyMetadata"]["Arn"]
    for other in ({"SSEKMSKeyId": second}, {}):
        with refused("AccessDenied", 403):
            put(s3, ServerSideEncryption="aws:kms", **other)


def test_a_policy_may_forbid_sse_c(s3):
    header = "s3:x-amz-server-side-encryption-customer-algorithm"
    set_rule(s3, BlockedEncryptionTypes={"EncryptionType": ["NONE"]})
    set_policy(s3, statement("Deny", "*", "s3:PutObject", **{"Null": {header: "false"}}))
    put(s3)
    with refused("AccessDenied", 403):
        put(s3, SSECustomerAlgorithm="AES256", SSECustomerKey=bytes(32))


def test_a_policy_may_insist_on_tls(lab, s3):
    refuse = {"Bool": {"aws:SecureTransport": "false"}}
    set_policy(s3, statement("Deny", "*", "s3:*", **refuse))
    put(s3)
    assert read(s3) == BODY


def test_listing_may_be_held_to_a_prefix(lab, s3):
    reader = lab.user(
        "reader",
        allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "public/*"}}),
    )
    client = lab.client("s3", reader)
    client.list_objects_v2(Bucket=BUCKET, Prefix="public/a")
    for prefix in ("", "private/"):
        with refused("AccessDenied", 403):
            client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)


def test_the_root_user_gets_a_bucket_back_from_a_policy_that_denies_all(lab, s3):
    set_policy(s3, statement("Deny", "*", "s3:*", [BUCKET_ARN, f"{BUCKET_ARN}/*"]))
    with refused("AccessDenied", 403):
        s3.delete_bucket_policy(Bucket=BUCKET)
    lab.client("s3", lab.root()).delete_bucket_policy(Bucket=BUCKET)
    put(s3)


def test_the_policy_of_another_account_is_not_its_roots_to_delete(lab, s3):
    set_policy(s3, statement("Deny", "*", "s3:GetObject"))
    with refused("AccessDenied", 403):
        lab.client("s3", lab.root(OTHER_ACCOUNT)).delete_bucket_policy(Bucket=BUCKET)


def test_a_policy_is_read_as_it_was_written(s3):
    with refused("NoSuchBucketPolicy", 404, "The bucket policy does not exist"):
        s3.get_bucket_policy(Bucket=BUCKET)
    text = json.dumps(policy(statement("Deny", "*", "s3:GetObject")), indent=3)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == text


@pytest.mark.parametrize(
    "wrong",
    [
        "not json",
        json.dumps(policy(statement("Allow", "*", "s3:GetObject", "arn:aws:s3:::another/*"))),
        json.dumps(policy(statement("Allow", "*", "kms:Decrypt"))),
        json.dumps(policy(statement("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/no"}, "s3:*"))),
    ],
)
def test_what_is_no_policy_of_this_bucket_is_refused(s3, wrong):
    with refused("MalformedPolicy", 400):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=wrong)


def test_a_deleted_user_is_nobody_in_a_bucket_policy(lab, s3, stranger):
    put(s3)
    set_policy(s3, statement("Allow", {"AWS": stranger.arn}, "s3:GetObject"))
    lab.client("iam").delete_user(UserName="stranger")
    with refused("AccessDenied", 403):
        read(lab.client("s3", lab.user("stranger")))


def test_nobody_may_read_without_a_policy_for_everyone(lab, s3):
    from botocore import UNSIGNED
    from botocore.config import Config

    put(s3)
    anonymous = lab.client("s3", config=Config(signature_version=UNSIGNED))
    with refused("AccessDenied", 403, "Access Denied"):
        read(anonymous)
    set_policy(s3, statement("Allow", "*", "s3:GetObject"))
    assert read(anonymous) == BODY


def test_an_encrypted_object_is_open_to_nobody(lab, s3, sse_kms):
    from botocore import UNSIGNED
    from botocore.config import Config

    put(s3, **sse_kms)
    set_policy(s3, statement("Allow", "*", "s3:GetObject"))
    sentence = (
        "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS "
        "Signature Version 4."
    )
    with refused("InvalidArgument", 400, sentence):
        read(lab.client("s3", config=Config(signature_version=UNSIGNED)))


# --- What conditions are told -------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [f"{BUCKET}/secret/x", f"/{BUCKET}/secret/x", f"{BUCKET}/secret/x?versionId=null"]
)
def test_a_condition_on_a_copy_source_is_about_what_is_copied(s3, source):
    s3.put_object(Bucket=BUCKET, Key="secret/x", Body=BODY)
    held = {"StringLike": {"s3:x-amz-copy-source": f"{BUCKET}/secret/*"}}
    set_policy(s3, statement("Deny", "*", "s3:PutObject", **held))
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)


def test_a_condition_may_be_about_the_tags_of_an_object(s3):
    put(s3, Tagging="class=secret")
    put(s3, "open", Tagging="class=open")
    held = {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}
    set_policy(s3, statement("Deny", "*", "s3:GetObject", **held))
    assert read(s3, "open") == BODY
    with refused("AccessDenied", 403):
        read(s3)


def test_a_condition_may_be_about_the_tags_of_a_request(s3):
    put(s3)
    held = {"StringEquals": {"s3:RequestObjectTag/class": "public"}}
    set_policy(s3, statement("Deny", "*", ["s3:PutObject", "s3:PutObjectTagging"], **held))
    with refused("AccessDenied", 403):
        put(s3, Tagging="class=public")
    tags = {"TagSet": [{"Key": "class", "Value": "public"}]}
    with refused("AccessDenied", 403):
        s3.put_object_tagging(Bucket=BUCKET, Key=NAME, Tagging=tags)


def test_a_named_version_needs_a_right_of_its_own(lab, s3):
    put(s3)
    reader = lab.client("s3", lab.user("reader", allow("s3:GetObject")))
    with refused("AccessDenied", 403) as caught:
        read(reader, VersionId="null")
    assert "s3:GetObjectVersion" in str(caught.value)
    with refused("InvalidArgument", 400):
        read(s3, VersionId="another")


def test_a_bucket_that_changed_hands_meanwhile_takes_nothing(lab, s3):
    """The owner of a bucket authorised the write; by its end the name is somebody else's."""
    other = lab.client("s3", lab.administrator(OTHER_ACCOUNT))

    class Body:
        def __init__(self):
            self.pieces = [b"evil"]

        def read(self, size=-1):
            if self.pieces:
                return self.pieces.pop()
            if other.list_buckets()["Buckets"] == []:
                s3.delete_bucket(Bucket=BUCKET)
                other.create_bucket(Bucket=BUCKET)
            return b""

    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": NAME})
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "content-length": "4"}
    body = Body()
    body.close = lambda: None
    answer = lab.handle(
        Request("PUT", parts.path, parts.query, headers, b"", "s3", "us-east-1", stream=body)
    )
    assert answer.status == 404
    assert "Contents" not in other.list_objects_v2(Bucket=BUCKET)
