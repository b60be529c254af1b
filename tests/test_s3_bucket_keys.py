"""Bucket Keys: fewer calls to KMS, under another encryption context, for each requester anew."""

import pytest
from aws_words import allow, policy
from s3_words import BODY, BUCKET, BUCKET_ARN, NAME, kms_events, names, read, refused

from kmslab.services.s3.bucket_keys import LIFETIME

pytest_plugins = ["s3_session"]


@pytest.fixture
def with_bucket_key(sse_kms):
    return {**sse_kms, "BucketKeyEnabled": True}


def put(s3, name=NAME, **more):
    return s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **more)


def test_ten_writes_and_reads_ask_kms_once_each(lab, s3, with_bucket_key):
    for number in range(10):
        put(s3, f"object {number}", **with_bucket_key)
        assert read(s3, f"object {number}") == BODY
    events = kms_events(lab)
    assert names(events) == ["GenerateDataKey", "Decrypt"]
    for event in events:
        assert event["requestParameters"]["encryptionContext"] == {"aws:s3:arn": BUCKET_ARN}


def test_a_right_to_write_is_none_to_read(lab, s3, with_bucket_key):
    writer = lab.client("s3", lab.user("writer", allow("s3:*", "kms:GenerateDataKey")))
    put(writer, **with_bucket_key)
    with refused("AccessDenied", 403) as caught:
        read(writer)
    assert "kms:Decrypt" in str(caught.value)


def test_a_new_user_of_an_old_name_is_another_requester(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    read(lab.client("s3", lab.user("clerk", allow("s3:*", "kms:Decrypt"))))
    iam = lab.client("iam")
    iam.delete_user_policy(UserName="clerk", PolicyName="clerk-policy")
    for access_key in iam.list_access_keys(UserName="clerk")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="clerk", AccessKeyId=access_key["AccessKeyId"])
    iam.delete_user(UserName="clerk")
    with refused("AccessDenied", 403):
        read(lab.client("s3", lab.user("clerk", allow("s3:*"))))


def test_without_a_bucket_key_every_one_of_them_asks(lab, s3, sse_kms):
    for number in range(10):
        put(s3, f"object {number}", **sse_kms)
        read(s3, f"object {number}")
    assert len(kms_events(lab)) == 20


def test_another_requester_asks_anew(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    analyst = lab.user("analyst", allow("s3:*", "kms:*"))
    before = len(lab.events())
    for _ in range(3):
        assert read(lab.client("s3", analyst)) == BODY
    (event,) = kms_events(lab, before)
    assert event["userIdentity"]["arn"] == analyst.arn


def test_who_may_not_use_the_key_gains_nothing_by_the_keys_of_others(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    assert read(s3) == BODY
    with refused("AccessDenied", 403):
        read(lab.client("s3", lab.user("reader", allow("s3:*"))))


def test_another_session_of_a_role_is_another_requester(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    role = lab.role("readers", allow("s3:*", "kms:*"))
    before = len(lab.events())
    for name in ("monday", "tuesday"):
        client = lab.client("s3", role.session(name))
        read(client), read(client)
    assert names(kms_events(lab, before)) == ["Decrypt", "Decrypt"]


def test_a_new_session_of_the_same_name_is_another_requester(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    role = lab.role("readers", allow("s3:*", "kms:*"))
    before = len(lab.events())
    for _ in range(2):
        read(lab.client("s3", role.session("monday")))
    assert len(kms_events(lab, before)) == 2


def test_a_bucket_key_is_kept_for_a_short_time(lab, s3, with_bucket_key):
    put(s3, **with_bucket_key)
    lab.clock.advance(seconds=LIFETIME + 1)
    put(s3, "later", **with_bucket_key)
    assert read(s3) == BODY
    assert names(kms_events(lab)) == ["GenerateDataKey", "GenerateDataKey", "Decrypt"]


def test_another_kms_key_has_another_bucket_key(lab, s3, kms, with_bucket_key):
    put(s3, **with_bucket_key)
    second = kms.create_key()["KeyMetadata"]["Arn"]
    put(s3, "second", **{**with_bucket_key, "SSEKMSKeyId": second})
    assert len(kms_events(lab)) == 2


def test_the_default_of_the_bucket_applies_unless_a_header_says_no(lab, s3, sse_kms, key_arn):
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert put(s3)["BucketKeyEnabled"] is True
    assert put(s3, **sse_kms)["BucketKeyEnabled"] is True
    assert "BucketKeyEnabled" not in put(s3, **sse_kms, BucketKeyEnabled=False)


def test_the_answers_tell_of_a_bucket_key_only_where_there_is_one(s3, sse_kms, with_bucket_key):
    put(s3, **with_bucket_key)
    assert s3.head_object(Bucket=BUCKET, Key=NAME)["BucketKeyEnabled"] is True
    put(s3, **sse_kms)
    assert "BucketKeyEnabled" not in s3.get_object(Bucket=BUCKET, Key=NAME)


def test_a_condition_on_the_object_stops_matching(lab, s3, sse_kms, with_bucket_key):
    pattern = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET_ARN}/*"}}
    writer = lab.user(
        "writer",
        policy(
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": pattern},
        ),
    )
    client = lab.client("s3", writer)
    put(client, **sse_kms)
    with refused("AccessDenied", 403):
        put(client, **with_bucket_key)


def test_every_object_has_a_key_of_its_own(lab, s3, with_bucket_key):
    put(s3, "one", **with_bucket_key)
    put(s3, "two", **with_bucket_key)
    one, two = (lab.s3.at_rest(BUCKET, name) for name in ("one", "two"))
    assert one.encrypted_data_key == two.encrypted_data_key
    assert one.wrapped_key != two.wrapped_key
    assert one.read() != two.read()


def test_a_bucket_key_is_forgotten_with_the_process(tmp_path):
    from kmslab import Lab

    with Lab(tmp_path) as lab:
        s3, key_id = lab.client("s3"), lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
        s3.create_bucket(Bucket=BUCKET)
        put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id, BucketKeyEnabled=True)
    with Lab(tmp_path) as lab:
        before = len(lab.events())
        assert read(lab.client("s3")) == BODY
        assert names(kms_events(lab, before)) == ["Decrypt"]
