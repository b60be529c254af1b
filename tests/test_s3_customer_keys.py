"""SSE-C: the caller's own key, which S3 neither keeps nor forgives."""

import base64
from hashlib import md5

import pytest
from s3_words import BODY, BUCKET, NAME, kms_events, read, refused

pytest_plugins = ["s3_session"]

SECRET, OTHER_SECRET = bytes(range(32)), bytes(range(1, 33))
HEAD = "Requests specifying Server Side Encryption with Customer provided keys must provide"
NEEDED = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must "
    "be provided to retrieve the object."
)


def customer_key(secret=SECRET, prefix=""):
    """The parameters that boto3 turns into the three headers; it adds the MD5 itself."""
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": secret}


@pytest.fixture
def open_s3(s3):
    """The client of a bucket that takes SSE-C."""
    allow(s3, "NONE")
    return s3


def allow(s3, kind):
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": [kind]},
    }
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


def put(s3, name=NAME, **more):
    return s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **more)


def test_a_new_bucket_blocks_sse_c(s3):
    with refused("AccessDenied", 403):
        put(s3, **customer_key())


def test_what_the_key_sealed_the_key_opens(lab, open_s3):
    answer = put(open_s3, **customer_key())
    expected = base64.b64encode(md5(SECRET).digest()).decode()
    assert (answer["SSECustomerAlgorithm"], answer["SSECustomerKeyMD5"]) == ("AES256", expected)
    assert read(open_s3, **customer_key()) == BODY
    assert kms_events(lab) == []


def test_blocking_later_leaves_old_objects_readable(open_s3):
    put(open_s3, **customer_key())
    allow(open_s3, "SSE-C")
    assert read(open_s3, **customer_key()) == BODY
    with refused("AccessDenied", 403):
        put(open_s3, "another", **customer_key())


def test_a_read_without_the_key_is_refused(open_s3):
    put(open_s3, **customer_key())
    with refused("InvalidRequest", 400, NEEDED):
        read(open_s3)


def test_a_look_without_the_key_is_refused_without_a_body(open_s3):
    put(open_s3, **customer_key())
    with refused("400", 400, "Bad Request"):
        open_s3.head_object(Bucket=BUCKET, Key=NAME)
    assert open_s3.head_object(Bucket=BUCKET, Key=NAME, **customer_key())["ContentLength"] == len(
        BODY
    )


def test_another_key_is_refused(open_s3):
    put(open_s3, **customer_key())
    with refused("AccessDenied", 403, f"{HEAD} the correct secret key."):
        read(open_s3, **customer_key(OTHER_SECRET))


def test_a_key_for_an_object_that_needs_none_is_refused(open_s3):
    put(open_s3)
    with refused(
        "InvalidRequest", 400, "The encryption parameters are not applicable to this object."
    ):
        read(open_s3, **customer_key())


def test_a_wrong_md5_of_the_key_is_refused(open_s3):
    wrong = base64.b64encode(md5(OTHER_SECRET).digest()).decode()
    sentence = "The calculated MD5 hash of the key did not match the hash that was provided."
    with refused("InvalidArgument", 400, sentence):
        put(open_s3, SSECustomerKeyMD5=wrong, **customer_key(base64.b64encode(SECRET).decode()))


def test_a_short_key_is_refused(open_s3):
    sentence = "The secret key was invalid for the specified algorithm."
    with refused("InvalidArgument", 400, sentence):
        put(open_s3, **customer_key(b"short"))


def test_a_key_without_an_algorithm_is_refused(open_s3):
    with refused("InvalidArgument", 400, f"{HEAD} a valid encryption algorithm."):
        put(open_s3, SSECustomerKey=SECRET)


def test_an_algorithm_without_a_key_is_refused(open_s3):
    with refused("InvalidArgument", 400, f"{HEAD} an appropriate secret key."):
        put(open_s3, SSECustomerAlgorithm="AES256")


def test_a_key_beside_another_encryption_is_refused(open_s3):
    sentence = (
        "Server Side Encryption with Customer provided key is incompatible with the encryption "
        "method specified"
    )
    with refused("InvalidArgument", 400, sentence):
        put(open_s3, ServerSideEncryption="AES256", **customer_key())


def test_every_part_needs_the_key(open_s3):
    upload = open_s3.create_multipart_upload(Bucket=BUCKET, Key=NAME, **customer_key())
    part = {"Bucket": BUCKET, "Key": NAME, "UploadId": upload["UploadId"], "PartNumber": 1}
    sentence = (
        "The multipart upload initiate requested encryption. Subsequent part requests must "
        "include the appropriate encryption parameters."
    )
    with refused("InvalidRequest", 400, sentence):
        open_s3.upload_part(Body=BODY, **part)
    sentence = "The provided encryption parameters did not match the ones used originally."
    with refused("InvalidRequest", 400, sentence):
        open_s3.upload_part(Body=BODY, **part, **customer_key(OTHER_SECRET))
    etag = open_s3.upload_part(Body=BODY, **part, **customer_key())["ETag"]
    del part["PartNumber"]
    open_s3.complete_multipart_upload(
        MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]}, **part
    )
    assert read(open_s3, **customer_key()) == BODY


def test_a_copy_needs_the_key_of_its_source(open_s3):
    put(open_s3, **customer_key())
    source = {"Bucket": BUCKET, "Key": NAME}
    with refused("InvalidRequest", 400, NEEDED):
        open_s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)
    copied = customer_key(prefix="CopySource")
    open_s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, **copied)
    assert read(open_s3, "copy") == BODY


def test_the_key_is_nowhere_in_events_or_records(lab, open_s3):
    put(open_s3, **customer_key())
    read(open_s3, **customer_key())
    told = repr(lab.events(data_events=True)) + repr(lab.s3.at_rest(BUCKET, NAME))
    assert base64.b64encode(SECRET).decode() not in told
    assert SECRET.hex() not in told
