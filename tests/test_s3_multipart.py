"""Uploads in parts: in any order, each part under the key that the upload began with."""

import base64
import json
import threading
import zlib
from hashlib import md5

import pytest
from aws_words import allow, policy
from s3_words import BUCKET, BUCKET_ARN, NAME, OBJECT_ARN, kms_events, names, read, refused

pytest_plugins = ["s3_session"]

MIB = 1024**2
PIECES = [b"1" * (5 * MIB), b"2" * (6 * MIB), b"the end"]
WHOLE = b"".join(PIECES)


def begin(s3, **more):
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=NAME, **more)
    return {"Bucket": BUCKET, "Key": NAME, "UploadId": upload["UploadId"]}


def send(s3, upload, number, **more):
    answer = s3.upload_part(PartNumber=number, Body=PIECES[number - 1], **upload, **more)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(s3, upload, parts, **more):
    return s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload, **more)


def whole(s3, **more):
    upload = begin(s3, **more)
    return complete(s3, upload, [send(s3, upload, number) for number in (1, 2, 3)])


def test_parts_may_come_in_any_order(s3):
    upload = begin(s3)
    sent = [send(s3, upload, number) for number in (3, 1, 2)]
    answer = complete(s3, upload, sorted(sent, key=lambda part: part["PartNumber"]))
    assert read(s3) == WHOLE
    digests = b"".join(md5(piece).digest() for piece in PIECES)
    assert answer["ETag"] == f'"{md5(digests).hexdigest()}-3"'


def test_a_range_may_span_parts(s3, sse_kms):
    whole(s3, **sse_kms)
    first = 5 * MIB
    assert read(s3, Range=f"bytes={first - 3}-{first + 2}") == b"111222"
    assert read(s3, Range="bytes=-9") == b"22the end"


def test_a_part_can_be_read_by_its_number(s3):
    whole(s3)
    answer = s3.get_object(Bucket=BUCKET, Key=NAME, PartNumber=3)
    assert answer["Body"].read() == PIECES[2]
    assert answer["PartsCount"] == 3
    with refused("InvalidPartNumber", 416):
        read(s3, PartNumber=4)


def test_kms_is_asked_for_the_upload_each_part_and_the_checksum(lab, s3, sse_kms):
    whole(s3, **sse_kms)
    events = kms_events(lab)
    assert names(events) == ["GenerateDataKey", *["Decrypt"] * 4]
    contexts = [event["requestParameters"]["encryptionContext"] for event in events]
    assert contexts == [{"aws:s3:arn": OBJECT_ARN}] * 5


def test_a_sender_of_parts_needs_decrypt(lab, s3, sse_kms):
    writer = lab.user("writer", allow("s3:PutObject", "kms:GenerateDataKey"))
    client = lab.client("s3", writer)
    upload = begin(client, **sse_kms)
    with refused("AccessDenied", 403) as caught:
        send(client, upload, 3)
    assert "kms:Decrypt" in str(caught.value)


def test_who_may_not_decrypt_completes_without_a_checksum(lab, s3, sse_kms):
    upload = begin(s3, **sse_kms)
    part = send(s3, upload, 3)
    finisher = lab.client("s3", lab.user("finisher", allow("s3:PutObject")))
    assert "ChecksumType" not in complete(finisher, upload, [part])
    assert read(s3) == PIECES[2]
    assert "ChecksumType" not in s3.head_object(Bucket=BUCKET, Key=NAME, ChecksumMode="ENABLED")


def test_a_whole_checksum_is_that_of_the_whole(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    answer = complete(s3, upload, [send(s3, upload, number) for number in (1, 2, 3)])
    expected = base64.b64encode(zlib.crc32(WHOLE).to_bytes(4, "big")).decode()
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (expected, "FULL_OBJECT")


def test_a_composite_checksum_is_one_of_checksums(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32")
    answer = complete(s3, upload, [send(s3, upload, number) for number in (1, 2, 3)])
    digests = b"".join(zlib.crc32(piece).to_bytes(4, "big") for piece in PIECES)
    expected = base64.b64encode(zlib.crc32(digests).to_bytes(4, "big")).decode()
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (f"{expected}-3", "COMPOSITE")
    assert read(s3) == WHOLE


def test_a_wrong_checksum_of_the_whole_is_refused(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    part = send(s3, upload, 3)
    with refused("BadDigest", 400):
        complete(s3, upload, [part], ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")


def test_a_part_sent_again_takes_the_place_of_the_first(lab, s3):
    upload = begin(s3)
    send(s3, upload, 3)
    answer = s3.upload_part(PartNumber=3, Body=b"another end", **upload)
    assert len(s3.list_parts(**upload)["Parts"]) == 1
    complete(s3, upload, [{"PartNumber": 3, "ETag": answer["ETag"]}])
    assert read(s3) == b"another end"
    assert files_of(lab) == 1


def files_of(lab):
    directory = lab.s3.at_rest(BUCKET, NAME).files[0].path.parents[1]
    return sum(1 for path in directory.rglob("*") if path.is_file())


def test_parts_that_were_not_listed_go(lab, s3):
    upload = begin(s3)
    send(s3, upload, 2)
    complete(s3, upload, [send(s3, upload, 3)])
    assert files_of(lab) == 1


def test_an_upload_ends_with_its_completion(s3):
    upload = begin(s3)
    part = send(s3, upload, 3)
    complete(s3, upload, [part])
    for again in (lambda: send(s3, upload, 3), lambda: complete(s3, upload, [part])):
        with refused("NoSuchUpload", 404):
            again()


def test_an_aborted_upload_leaves_nothing(lab, s3):
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=b"before")
    upload = begin(s3)
    send(s3, upload, 3)
    s3.abort_multipart_upload(**upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert read(s3) == b"before"
    assert files_of(lab) == 1
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(**upload)


def test_parts_must_be_listed_in_order(s3):
    upload = begin(s3)
    parts = [send(s3, upload, 2), send(s3, upload, 1)]
    with refused("InvalidPartOrder", 400):
        complete(s3, upload, parts)


def test_a_part_that_was_not_sent_is_refused(s3):
    upload = begin(s3)
    part = send(s3, upload, 1)
    for wrong in ({"PartNumber": 2, "ETag": part["ETag"]}, {"PartNumber": 1, "ETag": '"0"'}):
        with refused("InvalidPart", 400):
            complete(s3, upload, [wrong])


def test_only_the_last_part_may_be_small(s3):
    upload = begin(s3)
    small = s3.upload_part(PartNumber=1, Body=b"small", **upload)
    parts = [{"PartNumber": 1, "ETag": small["ETag"]}, send(s3, upload, 2)]
    with refused("EntityTooSmall", 400):
        complete(s3, upload, parts)


@pytest.mark.parametrize("number", [0, 10_001])
def test_part_numbers_have_bounds(s3, number):
    with refused("InvalidArgument", 400):
        s3.upload_part(PartNumber=number, Body=b"", **begin(s3))


def test_uploads_and_parts_are_listed_page_by_page(s3):
    uploads = [begin(s3) for _ in range(3)]
    first = s3.list_multipart_uploads(Bucket=BUCKET, MaxUploads=2)
    assert first["IsTruncated"]
    rest = s3.list_multipart_uploads(
        Bucket=BUCKET,
        KeyMarker=first["NextKeyMarker"],
        UploadIdMarker=first["NextUploadIdMarker"],
    )
    listed = [upload["UploadId"] for page in (first, rest) for upload in page["Uploads"]]
    assert listed == sorted(upload["UploadId"] for upload in uploads)
    for number in (3, 1, 2):
        send(s3, uploads[0], number)
    page = s3.list_parts(MaxParts=2, **uploads[0])
    assert [part["PartNumber"] for part in page["Parts"]] == [1, 2]
    rest = s3.list_parts(PartNumberMarker=page["NextPartNumberMarker"], **uploads[0])
    assert [part["PartNumber"] for part in rest["Parts"]] == [3]
    assert not rest["IsTruncated"]


def test_an_upload_under_a_bucket_key_asks_kms_twice(lab, s3, sse_kms):
    whole(s3, **sse_kms, BucketKeyEnabled=True)
    events = kms_events(lab)
    assert names(events) == ["GenerateDataKey", "Decrypt"]
    for event in events:
        assert event["requestParameters"]["encryptionContext"] == {"aws:s3:arn": BUCKET_ARN}
    assert read(s3) == WHOLE


# --- Two at once --------------------------------------------------------------------------


def meanwhile(lab, monkeypatch, happens):
    """Let `happens` while S3 waits for KMS's next answer, once."""
    real, left = lab.endpoint.backing, [happens]

    def call_kms(*asked, **more):
        answer = real.call_kms(*asked, **more)
        if left:
            happens = left.pop()
            rival = threading.Thread(target=happens)
            rival.start()
            rival.join()
        return answer

    monkeypatch.setattr(lab.endpoint, "backing", real._replace(call_kms=call_kms))


@pytest.mark.parametrize("rival", ["complete", "abort", "send"])
def test_a_completion_that_another_overtook_loses_nothing(lab, s3, sse_kms, monkeypatch, rival):
    upload = begin(s3, **sse_kms)
    part = send(s3, upload, 3)
    rivals = {
        "complete": lambda: complete(s3, upload, [part]),
        "abort": lambda: s3.abort_multipart_upload(**upload),
        "send": lambda: s3.upload_part(PartNumber=3, Body=b"another", **upload),
    }
    meanwhile(lab, monkeypatch, rivals[rival])
    with refused(*(("InvalidPart", 400) if rival == "send" else ("NoSuchUpload", 404))):
        complete(s3, upload, [part])
    if rival == "complete":
        assert read(s3) == PIECES[2]


def test_an_upload_id_belongs_to_one_key(s3):
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a\0b")
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket=BUCKET, Key="a", UploadId=f"b\0{upload['UploadId']}")


def test_headers_metadata_and_tags_are_those_of_the_beginning(s3):
    whole(s3, ContentType="text/plain", Metadata={"author": "ada"}, Tagging="a=1&b=2")
    head = s3.head_object(Bucket=BUCKET, Key=NAME)
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"author": "ada"})
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=NAME)["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]


def test_a_policy_that_insists_on_kms_is_asked_when_the_upload_begins(lab, s3, sse_kms):
    insist = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET_ARN}/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy(insist)))
    with refused("AccessDenied", 403):
        begin(s3)
    # Parts travel without a word about encryption, and are of an upload that said it.
    whole(s3, **sse_kms)
    assert read(s3) == WHOLE


def test_a_part_may_not_say_how_it_is_encrypted(s3):
    def say_it(request, **_):
        request.headers["x-amz-server-side-encryption"] = "aws:kms"

    upload = begin(s3)
    s3.meta.events.register("before-sign.s3.UploadPart", say_it)
    with refused("InvalidArgument", 400):
        send(s3, upload, 3)


def test_a_wrong_checksum_of_a_listed_part_is_refused(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32")
    part = send(s3, upload, 3)
    with refused("InvalidPart", 400):
        complete(s3, upload, [{**part, "ChecksumCRC32": "AAAAAA=="}])
    right = base64.b64encode(zlib.crc32(PIECES[2]).to_bytes(4, "big")).decode()
    complete(s3, upload, [{**part, "ChecksumCRC32": right}])


def test_conditional_writes_are_asked_of_what_makes_an_object(s3):
    """S3 User Guide, "Enforce conditional writes on Amazon S3 buckets"."""
    insist = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET_ARN}/*",
        "Condition": {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy(insist)))
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=BUCKET, Key=NAME)
    upload = begin(s3)
    part = send(s3, upload, 3)
    with refused("AccessDenied", 403):
        complete(s3, upload, [part])
    complete(s3, upload, [part], IfNoneMatch="*")
