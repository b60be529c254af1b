"""Copies, and another key in place: what is read under one key and kept under another."""

import threading

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, allow
from s3_words import BODY, BUCKET, NAME, kms_events, names, read, refused

pytest_plugins = ["s3_session"]

SOURCE = {"Bucket": BUCKET, "Key": NAME}
MIB = 1024**2


@pytest.fixture
def second_key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def put(s3, **more):
    return s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **more)


def copy(s3, name="copy", **more):
    return s3.copy_object(Bucket=BUCKET, Key=name, CopySource=SOURCE, **more)


def update(s3, kms_key_arn, **more):
    s3.update_object_encryption(
        Bucket=BUCKET, Key=NAME, ObjectEncryption={"SSEKMS": {"KMSKeyArn": kms_key_arn, **more}}
    )


def test_a_copy_does_not_inherit_the_encryption_of_its_source(s3, sse_kms):
    put(s3, **sse_kms)
    assert copy(s3)["ServerSideEncryption"] == "AES256"
    assert read(s3, "copy") == BODY


def test_a_copy_decrypts_the_source_and_asks_for_a_key_of_its_own(lab, s3, sse_kms, second_key):
    put(s3, **sse_kms)
    before = len(lab.events())
    copy(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=second_key)
    decrypt, generate = kms_events(lab, before)
    assert names([decrypt, generate]) == ["Decrypt", "GenerateDataKey"]
    contexts = [
        event["requestParameters"]["encryptionContext"]["aws:s3:arn"]
        for event in (decrypt, generate)
    ]
    assert contexts == [f"arn:aws:s3:::{BUCKET}/{name}" for name in (NAME, "copy")]


def test_a_copier_needs_decrypt_on_the_source(lab, s3, sse_kms, key_arn, second_key):
    put(s3, **sse_kms)
    copier = lab.user("copier", allow("kms:*", "s3:*", resource=[second_key, "arn:aws:s3:::*"]))
    with refused("AccessDenied", 403) as caught:
        copy(lab.client("s3", copier), ServerSideEncryption="aws:kms", SSEKMSKeyId=second_key)
    assert "kms:Decrypt" in str(caught.value)


def test_a_copier_needs_to_read_the_source(lab, s3):
    put(s3)
    with refused("AccessDenied", 403) as caught:
        copy(lab.client("s3", lab.user("writer", allow("s3:PutObject"))))
    assert "s3:GetObject" in str(caught.value)


def test_a_copy_onto_itself_has_to_change_something(s3, sse_kms):
    put(s3)
    sentence = (
        "This copy request is illegal because it is trying to copy an object to itself without "
        "changing the object's metadata, storage class, website redirect location or "
        "encryption attributes."
    )
    with refused("InvalidRequest", 400, sentence):
        copy(s3, NAME)
    assert copy(s3, NAME, **sse_kms)["ServerSideEncryption"] == "aws:kms"
    assert read(s3) == BODY


def test_a_copy_takes_metadata_along_unless_told_to_replace_it(s3):
    put(s3, Metadata={"author": "ada"}, ContentType="text/plain", Tagging="a=1")
    copy(s3)
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    assert (head["Metadata"], head["ContentType"]) == ({"author": "ada"}, "text/plain")
    assert len(s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"]) == 1
    copy(s3, MetadataDirective="REPLACE", Metadata={"author": "bob"}, TaggingDirective="REPLACE")
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    assert (head["Metadata"], head["ContentType"]) == ({"author": "bob"}, "binary/octet-stream")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"] == []


def test_a_missing_source_is_told_to_who_may_list(lab, s3):
    with refused("NoSuchKey", 404):
        copy(s3)
    with refused("AccessDenied", 403):
        copy(lab.client("s3", lab.user("reader", allow("s3:GetObject", "s3:PutObject"))))


def test_the_conditions_of_a_copy_are_about_the_source(s3):
    etag = put(s3)["ETag"]
    copy(s3, CopySourceIfMatch=etag)
    with refused("PreconditionFailed", 412):
        copy(s3, CopySourceIfNoneMatch=etag)


def test_a_copy_may_come_from_another_region(lab, s3, sse_kms):
    put(s3, **sse_kms)
    there = lab.client("s3", region_name=OTHER_REGION)
    there.create_bucket(
        Bucket="over-there", CreateBucketConfiguration={"LocationConstraint": OTHER_REGION}
    )
    there.copy_object(Bucket="over-there", Key="copy", CopySource=SOURCE)
    assert read(there, "copy", "over-there") == BODY
    assert kms_events(lab)[-1]["awsRegion"] == "us-east-1"


def test_names_of_sources_may_have_any_characters(s3):
    name = "a b/ü+%2F?x=1&y.txt"
    s3.put_object(Bucket=BUCKET, Key=name, Body=BODY)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": name})
    assert read(s3, "copy") == BODY


def test_parts_may_be_copied_from_ranges(s3, sse_kms):
    body = bytes(range(256)) * (24 * 1024)
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=body, **sse_kms)
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="joined", **sse_kms)
    upload = {"Bucket": BUCKET, "Key": "joined", "UploadId": begun["UploadId"]}
    parts = []
    for number, span in enumerate(("0-5242879", "100-199"), start=1):
        answer = s3.upload_part_copy(
            PartNumber=number, CopySource=SOURCE, CopySourceRange=f"bytes={span}", **upload
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
    assert read(s3, "joined") == body[:5242880] + body[100:200]


def test_a_range_beyond_the_source_is_refused(s3):
    put(s3)
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="joined")
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(
            Bucket=BUCKET,
            Key="joined",
            UploadId=begun["UploadId"],
            PartNumber=1,
            CopySource=SOURCE,
            CopySourceRange="bytes=0-99999999",
        )


# --- Another key in place -----------------------------------------------------------------


@pytest.fixture(params=["AES256", "aws:kms", "bucket key"])
def kept(request, s3, sse_kms):
    """An object under each encryption that can be changed in place."""
    kinds = {"AES256": {}, "aws:kms": sse_kms, "bucket key": {**sse_kms, "BucketKeyEnabled": True}}
    put(s3, **kinds[request.param])
    return request.param


@pytest.mark.parametrize("bucket_key", [False, True])
def test_another_key_changes_no_stored_byte(lab, s3, kept, second_key, bucket_key):
    before, head = lab.s3.at_rest(BUCKET, NAME), s3.head_object(Bucket=BUCKET, Key=NAME)
    stored = before.read()
    update(s3, second_key, BucketKeyEnabled=bucket_key)
    after, new_head = lab.s3.at_rest(BUCKET, NAME), s3.head_object(Bucket=BUCKET, Key=NAME)
    assert after.files == before.files
    assert after.read() == stored
    assert after.encrypted_data_key != before.encrypted_data_key
    assert (new_head["SSEKMSKeyId"], new_head.get("BucketKeyEnabled", False)) == (
        second_key,
        bucket_key,
    )
    assert [new_head[name] for name in ("ETag", "LastModified", "ContentLength")] == [
        head[name] for name in ("ETag", "LastModified", "ContentLength")
    ]
    assert read(s3) == BODY


def test_the_old_key_is_needed_no_more(s3, kms, sse_kms, key_arn, second_key):
    put(s3, **sse_kms)
    update(s3, second_key)
    kms.disable_key(KeyId=key_arn)
    assert read(s3) == BODY
    kms.disable_key(KeyId=second_key)
    with refused("KMS.DisabledException", 400):
        read(s3)


def test_between_kms_keys_it_is_re_encrypted_by_kms(lab, s3, sse_kms, second_key):
    put(s3, **sse_kms)
    before = len(lab.events())
    update(s3, second_key)
    assert names(kms_events(lab, before)) == ["ReEncrypt"]


def test_the_checksum_survives(s3, kept, second_key):
    def checksum():
        return s3.head_object(Bucket=BUCKET, Key=NAME, ChecksumMode="ENABLED")["ChecksumCRC32"]

    before = checksum()
    update(s3, second_key)
    assert checksum() == before


@pytest.mark.parametrize("right", ["kms:ReEncryptFrom", "kms:ReEncryptTo"])
def test_it_needs_the_rights_of_re_encrypt(lab, s3, sse_kms, second_key, right):
    put(s3, **sse_kms)
    rights = {"s3:*", "kms:ReEncryptFrom", "kms:ReEncryptTo"} - {right}
    with refused("AccessDenied", 403) as caught:
        update(lab.client("s3", lab.user("mover", allow(*sorted(rights)))), second_key)
    assert right in str(caught.value)


def test_a_key_has_to_be_named_by_its_full_arn(s3, kms, second_key):
    put(s3)
    kms.create_alias(AliasName="alias/second", TargetKeyId=second_key)
    with refused("InvalidArgument", 400):
        update(s3, f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/second")


def test_a_key_of_another_account_is_refused(lab, s3):
    put(s3)
    foreign = lab.client("kms", lab.administrator(OTHER_ACCOUNT)).create_key()["KeyMetadata"]
    with refused("AccessDenied", 403):
        update(s3, foreign["Arn"])


def test_two_layers_cannot_be_changed_in_place(s3, key_arn, second_key):
    put(s3, ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=key_arn)
    with refused("InvalidRequest", 400):
        update(s3, second_key)


def test_a_source_that_is_replaced_meanwhile_is_copied_as_it_is_now(lab, s3, sse_kms, monkeypatch):
    put(s3, **sse_kms)
    real, left = lab.endpoint.backing, [None]

    def call_kms(*asked, **more):
        answer = real.call_kms(*asked, **more)
        if left:
            left.pop()
            rival = threading.Thread(
                target=lambda: s3.put_object(Bucket=BUCKET, Key=NAME, Body=b"newer")
            )
            rival.start()
            rival.join()
        return answer

    monkeypatch.setattr(lab.endpoint, "backing", real._replace(call_kms=call_kms))
    copy(s3)
    assert read(s3, "copy") == b"newer"


def test_a_copy_onto_itself_may_follow_a_changed_default(s3, key_arn):
    put(s3)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rule = {"ApplyServerSideEncryptionByDefault": default}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert copy(s3, NAME)["SSEKMSKeyId"] == key_arn
    with refused("InvalidRequest", 400):
        copy(s3, NAME)
