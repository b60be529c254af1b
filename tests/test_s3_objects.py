"""Objects: what comes back, which part of it, and on which conditions."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256

import pytest
from aws_words import allow, policy
from botocore.exceptions import ResponseStreamingError
from s3_words import BODY, BUCKET, BUCKET_ARN, NAME, read, refused

pytest_plugins = ["s3_session"]


def put(s3, name=NAME, **more):
    return s3.put_object(**{"Bucket": BUCKET, "Key": name, "Body": BODY, **more})


def get(s3, **more):
    return s3.get_object(Bucket=BUCKET, Key=NAME, **more)


# --- What comes back ----------------------------------------------------------------------


def test_an_object_comes_back_with_what_was_said_of_it(s3):
    put(
        s3,
        ContentType="text/plain",
        CacheControl="no-cache",
        ContentDisposition="inline",
        ContentEncoding="gzip",
        ContentLanguage="en",
        Metadata={"Author": "ada"},
    )
    answer = get(s3)
    assert answer["Body"].read() == BODY
    expected = {
        "ContentType": "text/plain",
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "en",
        "Metadata": {"author": "ada"},
        "ContentLength": len(BODY),
        "AcceptRanges": "bytes",
        "ServerSideEncryption": "AES256",
    }
    assert {name: answer[name] for name in expected} == expected


def test_when_an_object_expires_comes_back(s3):
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    put(s3, Expires=moment)
    assert get(s3)["Expires"] == moment


def test_an_empty_object_has_no_range(s3):
    put(s3, Body=b"")
    assert "ContentRange" not in get(s3, PartNumber=1)


def test_an_object_without_a_type_is_bytes(s3):
    put(s3)
    assert get(s3)["ContentType"] == "binary/octet-stream"


def test_how_a_body_travelled_is_not_how_it_is_encoded(s3):
    put(s3)
    assert "ContentEncoding" not in get(s3)


def test_a_reader_may_ask_for_other_headers(s3):
    put(s3, ContentType="text/plain")
    answer = get(s3, ResponseContentType="text/html", ResponseCacheControl="no-store")
    assert (answer["ContentType"], answer["CacheControl"]) == ("text/html", "no-store")


@pytest.mark.parametrize(
    "name",
    [
        "a b", "a+b", "ä/ö/ü", "日本語", "..", "a//b", "a/./b", "100%", "%2F", "q?x=1&y=2", "#1",
        "~tilde", "'quote'", '"', "<xml>&", "a" * 1024, "trailing/", "\u2028", "tab\tand\nline",
    ],
)  # fmt: skip
def test_any_name_will_do(s3, name):
    put(s3, name)
    assert read(s3, name) == BODY
    listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [each["Key"] for each in listed] == [name]
    s3.delete_object(Bucket=BUCKET, Key=name)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_name_over_1024_bytes_is_refused(s3):
    with refused("KeyTooLongError", 400):
        put(s3, "ä" * 513)


def test_an_empty_object_is_an_object(lab, s3):
    put(s3, Body=b"")
    assert read(s3) == b""
    assert lab.s3.at_rest(BUCKET, NAME).stored_size == 16


def test_a_second_write_takes_the_place_of_the_first(lab, s3):
    put(s3)
    first = lab.s3.at_rest(BUCKET, NAME).files[0].path
    put(s3, Body=b"second")
    assert read(s3) == b"second"
    assert not first.exists()


def test_an_overwritten_object_can_be_read_on(s3):
    big = bytes(3 * 1024**2)
    put(s3, Body=big)
    body = get(s3)["Body"]
    start = body.read(10)
    put(s3, Body=b"second")
    assert start + body.read() == big


def test_a_missing_object_is_told_to_who_may_list(lab, s3):
    with refused("NoSuchKey", 404, "The specified key does not exist."):
        get(s3)
    sentence = (
        f"User: arn:aws:iam::111122223333:user/reader is not authorized to perform: "
        f's3:ListBucket on resource: "{BUCKET_ARN}" because no identity-based policy allows '
        "the s3:ListBucket action"
    )
    with refused("AccessDenied", 403, sentence):
        get(lab.client("s3", lab.user("reader", allow("s3:GetObject"))))


def test_a_missing_object_has_no_head(s3):
    with refused("404", 404):
        s3.head_object(Bucket=BUCKET, Key=NAME)


def test_too_much_metadata_is_refused(s3):
    with refused("MetadataTooLarge", 400):
        put(s3, Metadata={"a": "x" * 2048})


def test_acls_are_switched_off(s3):
    put(s3, ACL="bucket-owner-full-control")
    with refused("AccessControlListNotSupported", 400):
        put(s3, ACL="public-read")


def test_what_is_not_built_is_not_promised(s3):
    with refused("NotImplemented", 501):
        put(s3, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=datetime(2030, 1, 1))


# --- Deleting -----------------------------------------------------------------------------


def test_what_is_not_there_is_deleted_all_the_same(s3):
    answer = s3.delete_object(Bucket=BUCKET, Key=NAME)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_deleted_object_leaves_no_file(lab, s3):
    put(s3)
    path = lab.s3.at_rest(BUCKET, NAME).files[0].path
    s3.delete_object(Bucket=BUCKET, Key=NAME)
    assert not path.exists()


def test_many_are_deleted_at_once_each_decided_on_its_own(lab, s3):
    for name in ("a", "b", "keep/c"):
        put(s3, name)
    statement = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"{BUCKET_ARN}/keep/*"}
    tidy = lab.user(
        "tidy", policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, statement)
    )
    objects = [{"Key": name} for name in ("a", "b", "missing", "keep/c")]
    answer = lab.client("s3", tidy).delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    assert [each["Key"] for each in answer["Deleted"]] == ["a", "b", "missing"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [
        ("keep/c", "AccessDenied")
    ]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["keep/c"]


def test_a_quiet_deletion_tells_of_failures_alone(s3):
    put(s3)
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": NAME}], "Quiet": True})
    assert "Deleted" not in answer


# --- Ranges -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-0", BODY[:1], f"bytes 0-0/{len(BODY)}"),
        ("bytes=5-9", BODY[5:10], f"bytes 5-9/{len(BODY)}"),
        ("bytes=10-", BODY[10:], f"bytes 10-{len(BODY) - 1}/{len(BODY)}"),
        ("bytes=-7", BODY[-7:], f"bytes {len(BODY) - 7}-{len(BODY) - 1}/{len(BODY)}"),
        ("bytes=0-999999", BODY, f"bytes 0-{len(BODY) - 1}/{len(BODY)}"),
        ("bytes=-999999", BODY, f"bytes 0-{len(BODY) - 1}/{len(BODY)}"),
    ],
)
def test_a_range_is_answered_with_206(s3, header, expected, content_range):
    put(s3)
    answer = get(s3, Range=header)
    assert answer["Body"].read() == expected
    assert answer["ContentRange"] == content_range
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize("header", ["bytes=5-2", "lines=1-2", "bytes=", "bytes=0-1,3-4", "x"])
def test_what_is_no_single_range_is_ignored(s3, header):
    put(s3)
    answer = get(s3, Range=header)
    assert answer["Body"].read() == BODY
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("header", [f"bytes={len(BODY)}-", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(s3, header):
    put(s3)
    with refused("InvalidRange", 416, "The requested range is not satisfiable"):
        get(s3, Range=header)


# --- Conditions ---------------------------------------------------------------------------


def test_a_read_may_insist_on_an_etag(s3):
    etag = put(s3)["ETag"]
    assert get(s3, IfMatch=etag)["Body"].read() == BODY
    with refused("PreconditionFailed", 412):
        get(s3, IfMatch='"another"')


def test_a_read_may_spare_what_is_known(s3):
    etag = put(s3)["ETag"]
    with refused("304", 304):
        get(s3, IfNoneMatch=etag)
    assert get(s3, IfNoneMatch='"another"')["Body"].read() == BODY


def test_a_read_may_ask_for_changes_since(s3):
    put(s3)
    later = datetime.now(UTC) + timedelta(hours=1)
    with refused("304", 304):
        get(s3, IfModifiedSince=later)
    with refused("PreconditionFailed", 412):
        get(s3, IfUnmodifiedSince=later - timedelta(days=1))


def test_a_write_may_insist_that_nothing_is_there(s3):
    put(s3, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        put(s3, IfNoneMatch="*", Body=b"second")
    assert read(s3) == BODY


def test_a_write_may_insist_on_what_is_there(s3):
    with refused("NoSuchKey", 404):
        put(s3, IfMatch='"x"')
    etag = put(s3)["ETag"]
    with refused("PreconditionFailed", 412):
        put(s3, IfMatch='"x"')
    put(s3, IfMatch=etag, Body=b"second")
    assert read(s3) == b"second"


def test_a_condition_is_looked_at_only_once_the_caller_may(lab, s3):
    put(s3)
    with refused("AccessDenied", 403):
        get(lab.client("s3", lab.user("stranger")), IfMatch='"x"')


# --- Integrity ----------------------------------------------------------------------------


def base64_of(digest):
    return base64.b64encode(digest).decode()


def test_a_body_that_is_not_what_content_md5_says_is_refused(lab, s3):
    put(s3, ContentMD5=base64_of(md5(BODY).digest()))
    with refused("BadDigest", 400):
        put(s3, "wrong", ContentMD5=base64_of(md5(b"x").digest()))
    with refused("InvalidDigest", 400):
        put(s3, "wrong", ContentMD5="not base64")
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("CRC32", zlib.crc32(BODY).to_bytes(4, "big")),
        ("SHA256", sha256(BODY).digest()),
    ],
)
def test_a_given_checksum_is_kept_and_told(s3, algorithm, digest):
    member = f"Checksum{algorithm}"
    put(s3, **{member: base64_of(digest)})
    assert get(s3, ChecksumMode="ENABLED")[member] == base64_of(digest)
    with refused("BadDigest", 400):
        put(s3, **{member: base64_of(bytes(len(digest)))})


def test_a_checksum_behind_the_body_is_kept_and_told(s3):
    answer = put(s3)
    expected = base64_of(zlib.crc32(BODY).to_bytes(4, "big"))
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (expected, "FULL_OBJECT")


def test_the_checksum_is_not_on_the_disk(tmp_path, s3):
    from kmslab import Lab

    with Lab(tmp_path) as lab:
        client = lab.client("s3")
        client.create_bucket(Bucket=BUCKET)
        checksum = put(client)["ChecksumCRC32"]
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert checksum.encode() not in stored
    assert zlib.crc32(BODY).to_bytes(4, "big") not in stored


def test_attributes_are_told_one_by_one(s3):
    put(s3)
    wanted = ["ETag", "ObjectSize", "StorageClass", "Checksum"]
    answer = s3.get_object_attributes(Bucket=BUCKET, Key=NAME, ObjectAttributes=wanted)
    assert (answer["ObjectSize"], answer["StorageClass"]) == (len(BODY), "STANDARD")
    assert answer["ETag"] == md5(BODY).hexdigest()
    assert answer["Checksum"]["ChecksumType"] == "FULL_OBJECT"


# --- Damage -------------------------------------------------------------------------------


def test_a_damaged_start_is_an_internal_error(lab, s3):
    put(s3)
    path = lab.s3.at_rest(BUCKET, NAME).files[0].path
    stored = bytearray(path.read_bytes())
    stored[3] ^= 1
    path.write_bytes(stored)
    with refused("InternalError", 500):
        read(s3)


def test_damage_further_on_breaks_the_body_off(lab, s3):
    put(s3, Body=bytes(4 * 1024**2))
    path = lab.s3.at_rest(BUCKET, NAME).files[0].path
    stored = bytearray(path.read_bytes())
    stored[-1] ^= 1
    path.write_bytes(stored)
    assert read(s3, Range="bytes=0-99") == bytes(100)
    with pytest.raises(ResponseStreamingError):
        read(s3)


def test_a_lost_file_is_an_internal_error(lab, s3):
    put(s3)
    lab.s3.at_rest(BUCKET, NAME).files[0].path.unlink()
    with refused("InternalError", 500):
        read(s3)


# --- Tags ---------------------------------------------------------------------------------


def test_tags_are_put_read_and_deleted(s3):
    put(s3, Tagging="colour=red")
    assert get(s3)["TagCount"] == 1
    tags = [{"Key": "colour", "Value": "blue"}, {"Key": "size", "Value": "big"}]
    s3.put_object_tagging(Bucket=BUCKET, Key=NAME, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=BUCKET, Key=NAME)["TagSet"] == tags
    s3.delete_object_tagging(Bucket=BUCKET, Key=NAME)
    assert s3.get_object_tagging(Bucket=BUCKET, Key=NAME)["TagSet"] == []


def test_tags_with_a_write_need_a_right_of_their_own(lab, s3):
    writer = lab.client("s3", lab.user("writer", allow("s3:PutObject")))
    put(writer)
    with refused("AccessDenied", 403) as caught:
        put(writer, Tagging="a=1")
    assert "s3:PutObjectTagging" in str(caught.value)


def test_a_tag_twice_is_refused(s3):
    with refused("InvalidTag", 400):
        put(s3, Tagging="a=1&a=2")


def test_more_than_ten_tags_are_refused(s3):
    with refused("BadRequest", 400):
        put(s3, Tagging="&".join(f"t{number}=x" for number in range(11)))
