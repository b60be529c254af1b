"""Large objects through a default boto3 client: kmslab, a hook that keeps nothing, moto.

The hooks are the limit: they do what every server behind boto3 has to do, and encrypt, check and
store nothing. The arms are timed by the clock on the wall, since two threads share the work.
"""

import os
import time
import zlib
from base64 import b64encode
from typing import Any

from botocore.awsrequest import AWSResponse

from benchmarks.arms import Call
from kmslab import Lab
from kmslab.wire.boto import CONFIG, RawBody

MIB = 1024 * 1024
# Two threads share the work: what counts is when it is done.
CLOCK = time.perf_counter_ns
BUCKET, NAME = "benchmark-bucket", "benchmark-object"
BODY = os.urandom(64 * MIB)
SMALLER = BODY[: 16 * MIB]


def put_64_mib() -> Call:
    """SSE-KMS under a customer managed key."""
    s3, sse_kms = _lab_client()
    return lambda: s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **sse_kms)


def hook_put_64_mib() -> Call:
    """A hook that reads the body in pieces of 1 MiB and keeps nothing."""

    def read_it(request: Any, **_: Any) -> AWSResponse:
        while request.body.read(MIB):
            pass
        return AWSResponse(request.url, 200, {"etag": '"x"'}, RawBody(b""))

    s3 = _hooked(read_it)
    return lambda: s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY)


def get_64_mib() -> Call:
    s3, sse_kms = _lab_client()
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **sse_kms)
    return lambda: s3.get_object(Bucket=BUCKET, Key=NAME)["Body"].read()


def hook_get_64_mib() -> Call:
    """A hook that returns the bytes with their CRC32."""
    checksum = b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode("ascii")
    headers = {"content-length": str(len(BODY)), "x-amz-checksum-crc32": checksum}

    def return_it(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, headers, RawBody(BODY))

    s3 = _hooked(return_it)
    return lambda: s3.get_object(Bucket=BUCKET, Key=NAME)["Body"].read()


def put_16_mib() -> Call:
    s3, sse_kms = _lab_client()
    return lambda: s3.put_object(Bucket=BUCKET, Key=NAME, Body=SMALLER, **sse_kms)


def moto_put_16_mib() -> Call:
    """moto encrypts nothing."""
    import boto3
    from moto import mock_aws

    mock_aws().start()
    s3 = boto3.client("s3", region_name="us-east-1", **_CREDENTIALS)
    s3.create_bucket(Bucket=BUCKET)
    sse_kms = {"ServerSideEncryption": "aws:kms"}
    return lambda: s3.put_object(Bucket=BUCKET, Key=NAME, Body=SMALLER, **sse_kms)


_CREDENTIALS = {
    "aws_access_key_id": "AKIABENCHMARK0000000",
    "aws_secret_access_key": "a-secret-for-benchmarks",
}


def _lab_client() -> tuple[Any, dict[str, str]]:
    lab = Lab()
    s3, kms = lab.client("s3"), lab.client("kms")
    s3.create_bucket(Bucket=BUCKET)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    # The lab's directory goes with the lab.
    s3.lab = lab
    return s3, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}


def _hooked(hook: Any) -> Any:
    import boto3

    s3 = boto3.client("s3", region_name="us-east-1", config=CONFIG, **_CREDENTIALS)
    s3.meta.events.register("before-send.s3", hook)
    return s3
