"""SSE-KMS: S3 asks KMS in the caller's name, and what KMS refuses cannot be written or read."""

import json

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, allow, policy
from s3_words import BODY, BUCKET, BUCKET_ARN, NAME, OBJECT_ARN, kms_events, names, read, refused

pytest_plugins = ["s3_session"]

VIA_S3 = f"s3.{REGION}.amazonaws.com"


def put(s3, name=NAME, **more):
    return s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **more)


@pytest.fixture
def reader(lab):
    """A user whose policy allows all of S3 and nothing of KMS."""
    return lab.user("reader", allow("s3:*"))


def root_may(*more):
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    allowed = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return json.dumps(policy(allowed, *more))


# --- In whose name ------------------------------------------------------------------------


def test_a_read_asks_kms_once_in_the_name_of_the_reader(lab, s3, sse_kms, key_arn):
    put(s3, **sse_kms)
    analyst = lab.user("analyst", allow("s3:GetObject", "kms:Decrypt"))
    before = len(lab.events())
    assert read(lab.client("s3", analyst)) == BODY
    (event,) = lab.events()[before:]
    assert event["eventName"] == "Decrypt"
    assert event["userIdentity"]["arn"] == analyst.arn
    assert event["userIdentity"]["invokedBy"] == "AWS Internal"
    assert event["sourceIPAddress"] == event["userAgent"] == "AWS Internal"
    assert event["requestParameters"] == {
        "encryptionContext": {"aws:s3:arn": OBJECT_ARN},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    assert [resource["ARN"] for resource in event["resources"]] == [key_arn]


def test_a_write_asks_kms_once_for_a_data_key(lab, s3, sse_kms, key_arn):
    before = len(lab.events())
    answer = put(s3, **sse_kms)
    (event,) = lab.events()[before:]
    assert event["eventName"] == "GenerateDataKey"
    assert event["requestParameters"] == {
        "keyId": key_arn,
        "keySpec": "AES_256",
        "encryptionContext": {"aws:s3:arn": OBJECT_ARN},
    }
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key_arn)


def test_two_reads_ask_kms_twice(lab, s3, sse_kms):
    put(s3, **sse_kms)
    before = len(lab.events())
    read(s3), read(s3)
    assert names(kms_events(lab, before)) == ["Decrypt", "Decrypt"]


def test_a_range_asks_kms_as_well(lab, s3, sse_kms):
    put(s3, **sse_kms)
    before = len(lab.events())
    assert read(s3, Range="bytes=4-9") == BODY[4:10]
    assert names(kms_events(lab, before)) == ["Decrypt"]


def test_looking_at_an_object_asks_kms_only_for_its_checksum(lab, s3, sse_kms):
    put(s3, **sse_kms)
    before = len(lab.events())
    assert "ChecksumCRC32" not in s3.head_object(Bucket=BUCKET, Key=NAME)
    assert kms_events(lab, before) == []
    assert "ChecksumCRC32" in s3.head_object(Bucket=BUCKET, Key=NAME, ChecksumMode="ENABLED")
    assert names(kms_events(lab, before)) == ["Decrypt"]


def test_listing_and_deleting_need_no_kms(lab, s3, sse_kms, kms, key_arn):
    put(s3, **sse_kms)
    kms.disable_key(KeyId=key_arn)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    s3.delete_object(Bucket=BUCKET, Key=NAME)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_sse_s3_asks_kms_nothing(lab, s3):
    before = len(lab.events())
    answer = put(s3)
    assert read(s3) == BODY
    assert answer["ServerSideEncryption"] == "AES256"
    assert kms_events(lab, before) == []


def test_the_encryption_context_of_the_caller_is_joined_with_that_of_s3(lab, s3, sse_kms):
    context = "eyJkZXBhcnRtZW50IjoibGVnYWwifQ=="  # {"department":"legal"}
    answer = put(s3, SSEKMSEncryptionContext=context, **sse_kms)
    assert read(s3) == BODY
    written, opened = kms_events(lab)
    expected = {"department": "legal", "aws:s3:arn": OBJECT_ARN}
    assert written["requestParameters"]["encryptionContext"] == expected
    assert opened["requestParameters"]["encryptionContext"] == expected
    assert answer["SSEKMSEncryptionContext"] == context


@pytest.mark.parametrize("text", ["{", "bm90IGpzb24=", "WzFd", "eyJhIjoxfQ=="])
def test_an_encryption_context_that_is_no_map_of_texts_is_refused(s3, sse_kms, text):
    with refused("InvalidArgument", 400):
        put(s3, SSEKMSEncryptionContext=text, **sse_kms)


# --- Who may ------------------------------------------------------------------------------


def test_a_writer_needs_generate_data_key(lab, s3, sse_kms, key_arn, reader):
    sentence = (
        f"User: {reader.arn} is not authorized to perform: kms:GenerateDataKey on resource: "
        f"{key_arn} because no identity-based policy allows the kms:GenerateDataKey action"
    )
    with refused("AccessDenied", 403, sentence):
        put(lab.client("s3", reader), **sse_kms)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_reader_needs_decrypt(lab, s3, sse_kms, reader):
    put(s3, **sse_kms)
    with refused("AccessDenied", 403) as caught:
        read(lab.client("s3", reader))
    assert "kms:Decrypt" in str(caught.value)
    assert read(lab.client("s3", lab.user("clerk", allow("s3:*", "kms:Decrypt")))) == BODY


def test_a_right_to_the_key_is_no_right_to_the_object(lab, s3, sse_kms):
    put(s3, **sse_kms)
    with refused("AccessDenied", 403) as caught:
        read(lab.client("s3", lab.user("holder", allow("kms:*"))))
    assert "s3:GetObject" in str(caught.value)


def test_a_denied_decrypt_is_recorded_and_kept_with_the_decision_about_the_object(
    lab, s3, sse_kms, reader
):
    put(s3, **sse_kms)
    with refused("AccessDenied", 403) as caught:
        read(lab.client("s3", reader))
    event = kms_events(lab)[-1]
    assert (event["eventName"], event["errorCode"]) == ("Decrypt", "AccessDenied")
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    decisions = lab.decisions(request_id)
    assert [(each.question.action, each.allowed) for each in decisions] == [
        ("s3:GetObject", True),
        ("kms:Decrypt", False),
    ]
    assert lab.last_decision().question.action == "s3:GetObject"


def test_via_service_lets_a_key_be_used_through_s3_alone(lab, s3, kms, sse_kms, key_arn, reader):
    only_via = {"StringEquals": {"kms:ViaService": VIA_S3}}
    named = {
        "Effect": "Allow",
        "Principal": {"AWS": reader.arn},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": only_via,
    }
    kms.put_key_policy(KeyId=key_arn, Policy=root_may(named))
    through = lab.client("s3", reader)
    put(through, **sse_kms)
    assert read(through) == BODY
    with pytest.raises(Exception, match="AccessDeniedException"):
        lab.client("kms", reader).generate_data_key(KeyId=key_arn, KeySpec="AES_256")


def test_via_service_keeps_s3_out_of_a_key(lab, s3, kms, sse_kms, key_arn):
    refuse = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": VIA_S3}},
    }
    put(s3, **sse_kms)
    kms.put_key_policy(KeyId=key_arn, Policy=root_may(refuse))
    with refused("AccessDenied", 403):
        read(s3)
    blob = lab.s3.at_rest(BUCKET, NAME).encrypted_data_key
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"aws:s3:arn": OBJECT_ARN})
    assert len(opened["Plaintext"]) == 32


def test_a_policy_on_the_object_arn_holds_a_key_to_one_bucket(lab, s3, kms, sse_kms, key_arn):
    s3.create_bucket(Bucket="another-archive")
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
        client.put_object(Bucket="another-archive", Key=NAME, Body=BODY, **sse_kms)


# --- The key ------------------------------------------------------------------------------


def test_a_disabled_key_breaks_the_read_until_it_is_enabled(s3, kms, sse_kms, key_arn):
    put(s3, **sse_kms)
    kms.disable_key(KeyId=key_arn)
    with refused("KMS.DisabledException", 400, f"{key_arn} is disabled."):
        read(s3)
    kms.enable_key(KeyId=key_arn)
    assert read(s3) == BODY


def test_a_disabled_key_breaks_the_write(s3, kms, sse_kms, key_arn):
    kms.disable_key(KeyId=key_arn)
    with refused("KMS.DisabledException", 400, f"{key_arn} is disabled."):
        put(s3, **sse_kms)


def test_a_key_pending_deletion_breaks_both(s3, kms, sse_kms, key_arn):
    put(s3, **sse_kms)
    kms.schedule_key_deletion(KeyId=key_arn)
    sentence = f"{key_arn} is pending deletion."
    with refused("KMS.KMSInvalidStateException", 400, sentence):
        read(s3)
    with refused("KMS.KMSInvalidStateException", 400, sentence):
        put(s3, **sse_kms)


def test_with_the_key_the_object_is_lost(lab, s3, kms, sse_kms, key_arn):
    put(s3, **sse_kms)
    kms.schedule_key_deletion(KeyId=key_arn, PendingWindowInDays=7)
    lab.clock.advance(days=8)
    with refused("AccessDenied", 403):
        read(s3)


def test_a_key_of_another_region_is_not_found(lab, s3):
    elsewhere = lab.client("kms", region_name=OTHER_REGION).create_key()["KeyMetadata"]["Arn"]
    with refused("KMS.NotFoundException", 400, f"Invalid arn {OTHER_REGION}"):
        put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=elsewhere)


def test_an_unknown_key_is_not_found(s3):
    unknown = "1234abcd-12ab-34cd-56ef-1234567890ab"
    sentence = f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{unknown}' does not exist"
    with refused("KMS.NotFoundException", 400, sentence):
        put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=unknown)


def test_an_unknown_alias_is_not_found(s3):
    sentence = f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/none is not found."
    with refused("KMS.NotFoundException", 400, sentence):
        put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/none")


def test_an_asymmetric_key_is_of_no_use(s3, kms):
    asymmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    with refused("KMS.InvalidKeyUsageException", 400):
        put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=asymmetric["Arn"])


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_a_key_may_be_named_in_four_forms_and_is_told_by_its_arn(s3, kms, key_arn, form):
    kms.create_alias(AliasName="alias/archive", TargetKeyId=key_arn)
    forms = {
        "id": key_arn.rpartition("/")[2],
        "arn": key_arn,
        "alias": "alias/archive",
        "alias arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/archive",
    }
    answer = put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=forms[form])
    assert answer["SSEKMSKeyId"] == key_arn
    assert s3.head_object(Bucket=BUCKET, Key=NAME)["SSEKMSKeyId"] == key_arn


# --- AWS's own key for S3 -----------------------------------------------------------------


def test_without_a_key_id_aws_makes_a_key_for_s3_on_first_use(s3, kms):
    assert managed_aliases(kms) == []
    answer = put(s3, ServerSideEncryption="aws:kms")
    put(s3, "second", ServerSideEncryption="aws:kms")
    (alias,) = managed_aliases(kms)
    assert answer["SSEKMSKeyId"].endswith(alias["TargetKeyId"])
    metadata = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert metadata["KeyManager"] == "AWS"
    assert read(s3) == BODY


def managed_aliases(kms):
    aliases = kms.list_aliases()["Aliases"]
    return [alias for alias in aliases if alias["AliasName"] == "alias/aws/s3"]


def test_the_key_for_s3_is_of_no_use_directly(s3, kms):
    put(s3, ServerSideEncryption="aws:kms")
    with pytest.raises(Exception, match="AccessDeniedException"):
        kms.generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")


def test_the_key_for_s3_serves_its_own_account_alone(lab, s3):
    put(s3, ServerSideEncryption="aws:kms")
    stranger = lab.user("guest", allow("s3:*", "kms:*"), account=OTHER_ACCOUNT)
    s3.put_bucket_policy(
        Bucket=BUCKET,
        Policy=json.dumps(
            policy(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": stranger.arn},
                    "Action": "s3:GetObject",
                    "Resource": f"{BUCKET_ARN}/*",
                }
            )
        ),
    )
    put(s3, "open")
    assert read(lab.client("s3", stranger), "open") == BODY
    with refused("AccessDenied", 403) as caught:
        read(lab.client("s3", stranger))
    assert "kms:Decrypt" in str(caught.value)


def test_a_failed_first_use_makes_no_key(lab, s3, kms):
    nobody = lab.user(
        "nobody",
        policy(
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "kms:*", "Resource": "*"},
        ),
    )
    with refused("AccessDenied", 403):
        put(lab.client("s3", nobody), ServerSideEncryption="aws:kms")
    assert managed_aliases(kms) == []


# --- Headers and defaults -----------------------------------------------------------------


def test_the_default_of_the_bucket_applies_where_no_header_does(lab, s3, key_arn):
    encrypt_by_default(s3, key_arn)
    assert put(s3)["SSEKMSKeyId"] == key_arn
    assert put(s3, ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"


def encrypt_by_default(s3, key_id, **rule):
    default = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": key_id} if key_id else {})
    s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, **rule}]
        },
    )


def test_a_header_without_a_key_means_the_key_for_s3_whatever_the_default(s3, kms, key_arn):
    encrypt_by_default(s3, key_arn)
    answer = put(s3, ServerSideEncryption="aws:kms")
    assert answer["SSEKMSKeyId"] == kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]


def test_a_wrong_default_key_bites_on_the_first_write(s3):
    encrypt_by_default(s3, "alias/none")
    with refused("KMS.NotFoundException", 400):
        put(s3)


def test_a_key_id_without_kms_is_refused(s3, key_arn):
    sentence = (
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms"
    )
    with refused("InvalidArgument", 400, sentence):
        put(s3, SSEKMSKeyId=key_arn)


def test_an_unknown_encryption_is_refused(s3):
    sentence = "The Encryption request you specified is not valid. Supported value: AES256."
    with refused("InvalidEncryptionAlgorithmError", 400, sentence):
        put(s3, ServerSideEncryption="ROT13")


def test_a_change_of_the_default_leaves_objects_alone(s3, key_arn):
    put(s3)
    encrypt_by_default(s3, key_arn)
    assert s3.head_object(Bucket=BUCKET, Key=NAME)["ServerSideEncryption"] == "AES256"


def test_dsse_asks_kms_and_seals_twice(lab, s3, key_arn):
    answer = put(s3, ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=key_arn)
    assert answer["ServerSideEncryption"] == "aws:kms:dsse"
    at_rest = lab.s3.at_rest(BUCKET, NAME)
    assert at_rest.stored_size == len(BODY) + 2 * 16
    assert read(s3) == BODY
    assert names(kms_events(lab)) == ["GenerateDataKey", "Decrypt"]


def test_dsse_takes_no_bucket_key(s3, key_arn):
    with refused("InvalidArgument", 400):
        put(
            s3,
            ServerSideEncryption="aws:kms:dsse",
            SSEKMSKeyId=key_arn,
            BucketKeyEnabled=True,
        )


# --- ETags --------------------------------------------------------------------------------


def test_only_sse_s3_has_the_md5_for_its_etag(s3, sse_kms):
    from hashlib import md5

    digest = f'"{md5(BODY).hexdigest()}"'
    assert put(s3)["ETag"] == digest
    with_kms = put(s3, **sse_kms)["ETag"]
    assert with_kms != digest
    assert len(with_kms) == 34
    assert s3.head_object(Bucket=BUCKET, Key=NAME)["ETag"] == with_kms
