"""What a request to S3 says of itself is believed only as far as it was signed and is true.

URLs that boto3 presigned with Signature Version 2 carry headers in their query, bodies that are
documents are held against Content-MD5 and checksums, and heads that are none are refused. Requests
are sent to the door as they are, so that one thing about them can be changed.
"""

import asyncio
import base64
import io
import json
import zlib
from hashlib import md5, sha256
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from s3_words import BUCKET, NAME

from kmslab.wire.http import Application
from kmslab.wire.message import Request

pytest_plugins = ["s3_session"]

ENCRYPTION = (
    b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    b"<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    b"<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule>"
    b"</ServerSideEncryptionConfiguration>"
)
DELETION = f"<Delete><Object><Key>{NAME}</Key></Object></Delete>".encode()


def sent(lab, method, url, body=b"", **headers):
    """The answer to a request for `url`, whose body has been read."""
    parts = urlsplit(url)
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    head = {"host": parts.netloc, "content-length": str(len(body)), **told}
    stream = io.BytesIO(body)
    answer = lab.handle(
        Request(method, parts.path, parts.query, head, b"", "s3", "us-east-1", stream=stream)
    )
    return answer._replace(body=answer.stream.read() if answer.stream else answer.body)


def code_in(answer):
    return answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def base64_of(digest):
    return base64.b64encode(digest).decode()


@pytest.fixture
def presign(lab, s3):
    """The URLs of a client that signs with Version 2."""
    client = lab.client(
        "s3", config=Config(signature_version="s3", s3={"addressing_style": "path"})
    )
    return lambda operation, **parameters: client.generate_presigned_url(
        operation, {"Bucket": BUCKET, **parameters}
    )


# --- URLs of Signature Version 2 ----------------------------------------------------------


def test_a_url_to_make_a_bucket_changes_no_encryption(lab, s3, presign):
    before = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    answer = sent(lab, "PUT", presign("create_bucket") + "&encryption", ENCRYPTION)
    assert (answer.status, code_in(answer)) == (403, "SignatureDoesNotMatch")
    assert s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"] == before


def test_the_headers_that_a_url_carries_are_obeyed(lab, s3, presign):
    url = presign("put_object", Key=NAME, ContentType="text/plain", Metadata={"color": "red"})
    assert sent(lab, "PUT", url, b"some").status == 200
    told = s3.head_object(Bucket=BUCKET, Key=NAME)
    assert (told["ContentType"], told["Metadata"]) == ("text/plain", {"color": "red"})


def test_the_headers_that_a_url_carries_are_refused_as_headers_are(lab, presign, sse_kms):
    answer = sent(lab, "PUT", presign("put_object", Key=NAME, **sse_kms), b"some")
    assert (answer.status, code_in(answer)) == (400, "InvalidArgument")
    assert b"require AWS Signature Version 4" in answer.body


def test_the_headers_that_a_url_carries_tell_operations_apart(lab, s3, presign):
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"some")
    url = presign("copy_object", Key=NAME, CopySource=f"{BUCKET}/source")
    assert sent(lab, "PUT", url).status == 200
    assert s3.get_object(Bucket=BUCKET, Key=NAME)["Body"].read() == b"some"


def test_a_policy_sees_the_headers_that_a_url_carries(lab, s3):
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    statement["Condition"] = {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    user = lab.user("ada", {"Version": "2012-10-17", "Statement": [statement]})
    client = lab.client("s3", user, config=Config(signature_version="s3"))
    parameters = {"Bucket": BUCKET, "Key": NAME}
    encrypted = {**parameters, "ServerSideEncryption": "AES256"}
    url = client.generate_presigned_url("put_object", parameters)
    assert sent(lab, "PUT", url).status == 403
    url = client.generate_presigned_url("put_object", encrypted)
    assert sent(lab, "PUT", url).status == 200


# --- Documents ----------------------------------------------------------------------------


@pytest.fixture
def delete(lab, s3):
    """Send DELETION with headers, unsigned: the status and code of the answer, and whether the
    object is left."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:DeleteObject"}
    statement["Resource"] = f"arn:aws:s3:::{BUCKET}/*"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=b"")
    url = f"https://s3.amazonaws.com/{BUCKET}?delete"

    def send(body=DELETION, **headers):
        answer = sent(lab, "POST", url, body, **headers)
        is_left = bool(s3.list_objects_v2(Bucket=BUCKET)["KeyCount"])
        return answer.status, code_in(answer), is_left

    return send


def test_a_document_that_is_what_is_said_of_it_is_read(delete):
    assert delete(content_md5=base64_of(md5(DELETION).digest())) == (200, "", False)


@pytest.mark.parametrize("body", [DELETION, b"<Delete>"])
def test_a_document_that_is_not_what_content_md5_says_is_refused(delete, body):
    other = base64_of(md5(b"another").digest())
    assert delete(body, content_md5=other) == (400, "BadDigest", True)


@pytest.mark.parametrize("given", ["", "!!!", "AAAA", "\xe9", base64_of(bytes(17))])
def test_a_content_md5_that_is_none_is_refused(delete, given):
    assert delete(content_md5=given) == (400, "InvalidDigest", True)


CHECKSUMS = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "sha256": lambda body: sha256(body).digest(),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_document_that_is_not_what_its_checksum_says_is_refused(delete, algorithm):
    def said(body):
        return {f"x_amz_checksum_{algorithm}": base64_of(CHECKSUMS[algorithm](body))}

    assert delete(**said(b"another")) == (400, "BadDigest", True)
    assert delete(**said(DELETION)) == (200, "", False)


def test_a_checksum_may_stand_behind_a_document(delete):
    def framed(checksum):
        return b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (
            len(DELETION),
            DELETION,
            base64.b64encode(checksum),
        )

    told = {
        "content_encoding": "aws-chunked",
        "x_amz_decoded_content_length": str(len(DELETION)),
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_trailer": "x-amz-checksum-crc32",
    }
    assert delete(framed(bytes(4)), **told) == (400, "BadDigest", True)
    assert delete(framed(CHECKSUMS["crc32"](DELETION)), **told) == (200, "", False)


def test_the_checksum_of_an_upload_is_not_that_of_its_document(s3):
    body = b"the only part"
    checksum = base64_of(CHECKSUMS["crc32"](body))
    upload = s3.create_multipart_upload(
        Bucket=BUCKET, Key=NAME, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    told = {"Bucket": BUCKET, "Key": NAME, "UploadId": upload["UploadId"]}
    part = s3.upload_part(PartNumber=1, Body=body, ChecksumAlgorithm="CRC32", **told)
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": checksum}]
    answer = s3.complete_multipart_upload(
        MultipartUpload={"Parts": parts}, ChecksumCRC32=checksum, **told
    )
    assert answer["ChecksumCRC32"] == checksum


# --- Heads that are none ------------------------------------------------------------------


@pytest.mark.parametrize("length", ["9" * 6000, "9" * 20, "many", "-1", "\xb2"])
def test_a_length_that_is_none_is_refused(lab, s3, length):
    headers = [(b"host", b"s3.amazonaws.com"), (b"content-length", length.encode("latin-1"))]
    scope = {"type": "http", "method": "PUT", "path": f"/{BUCKET}/{NAME}", "query_string": b""}
    heard, messages = [], [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        # Behind the body nothing comes, as long as the client does not hang up.
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message):
        heard.append(message)

    application = Application(lab.handle, None)
    try:
        asyncio.run(application(scope | {"headers": headers}, receive, send))
    finally:
        application.close()
    assert heard[0]["status"] == 411
    assert b"<Code>MissingContentLength</Code>" in heard[1]["body"]
