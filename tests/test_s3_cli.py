"""S3 over HTTP as people use it: the real AWS CLI, boto3's transfers, presigned URLs, gigabytes."""

import json
import os
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from s3_words import BODY, read, refused
from serving_session import serving

MIB = 1024**2
BUCKET = "cli-archive"


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        run(running, "s3", "mb", f"s3://{BUCKET}")
        yield running


@pytest.fixture(scope="module")
def key_id(server):
    return server.client("kms").create_key()["KeyMetadata"]["KeyId"]


def run(server, *arguments):
    """What the CLI printed; it must have gone well."""
    ran = server.aws(*map(str, arguments))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def fetched(url):
    """Status and body of a plain GET."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read()


def random_file(path, size):
    path.write_bytes(os.urandom(MIB) * (size // MIB))
    return path


# --- The AWS CLI --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 20 * MIB])
def test_a_file_goes_up_encrypted_and_comes_down_again(server, key_id, tmp_path, size):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(size))
    place = f"s3://{BUCKET}/cp/{size}"
    run(server, "s3", "cp", source, place, "--sse", "aws:kms", "--sse-kms-key-id", key_id)
    run(server, "s3", "cp", place, back)
    assert back.read_bytes() == source.read_bytes()
    head = json.loads(
        run(server, "s3api", "head-object", "--bucket", BUCKET, "--key", f"cp/{size}")
    )
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].endswith(key_id)
    assert head["ETag"].endswith('-3"') is (size > 8 * MIB)


def test_a_folder_is_synchronised_both_ways_and_removed(server, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    for name in ("a.txt", "b/c.txt", "b/d e+f.txt", "ü.txt"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        # S3 tells whole seconds: a file of this very second would seem younger than its object.
        os.utime(path, (0, 0))
    place = f"s3://{BUCKET}/sync"
    assert run(server, "s3", "sync", source, place).count("upload:") == 4
    assert run(server, "s3", "sync", source, place) == ""
    run(server, "s3", "sync", place, back)
    assert contents(back) == contents(source)
    assert "PRE b/" in run(server, "s3", "ls", f"{place}/")
    (source / "a.txt").unlink()
    assert "delete:" in run(server, "s3", "sync", source, place, "--delete")
    run(server, "s3", "rm", place, "--recursive")
    assert server.aws("s3", "ls", f"{place}/").stdout == ""


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_objects_are_moved_and_copied_between_keys(server, key_id, tmp_path):
    source = random_file(tmp_path / "source", 9 * MIB)
    run(server, "s3", "cp", source, f"s3://{BUCKET}/mv/one")
    sse = ("--sse", "aws:kms", "--sse-kms-key-id", key_id)
    run(server, "s3", "cp", f"s3://{BUCKET}/mv/one", f"s3://{BUCKET}/mv/two", *sse)
    run(server, "s3", "mv", f"s3://{BUCKET}/mv/two", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    listed = run(server, "s3", "ls", f"s3://{BUCKET}/mv/")
    assert [line.split()[-1] for line in listed.splitlines()] == ["one"]


def test_default_encryption_and_policy_are_set(server, key_id):
    run(server, "s3", "mb", "s3://cli-settings")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_id}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
    named = ("--bucket", "cli-settings")
    run(
        server,
        *("s3api", "put-bucket-encryption", *named),
        *("--server-side-encryption-configuration", json.dumps(rules)),
    )
    told = json.loads(run(server, "s3api", "get-bucket-encryption", *named))
    assert told["ServerSideEncryptionConfiguration"]["Rules"][0]["BucketKeyEnabled"] is True
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": "arn:aws:s3:::cli-settings/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    run(server, "s3api", "put-bucket-policy", *named, "--policy", policy)
    assert json.loads(run(server, "s3api", "get-bucket-policy", *named))["Policy"] == policy
    ran = server.aws("s3api", "delete-object", *named, "--key", "any")
    assert "explicit deny in a resource-based policy" in ran.stderr
    run(server, "s3", "rb", "s3://cli-settings")


def test_a_denied_key_is_told_in_aws_words(server, key_id, tmp_path):
    server.client("kms").disable_key(KeyId=key_id)
    source = random_file(tmp_path / "source", MIB)
    sse = ("--sse", "aws:kms", "--sse-kms-key-id", key_id)
    ran = server.aws("s3", "cp", str(source), f"s3://{BUCKET}/denied", *sse)
    server.client("kms").enable_key(KeyId=key_id)
    assert ran.returncode == 1
    assert "KMS.DisabledException" in ran.stderr


# --- Presigned URLs -----------------------------------------------------------------------


def presigning(server, version):
    return boto3.Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.address,
        aws_access_key_id=server.exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.exports["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version=version),
    )


def test_the_cli_presigns_an_object_for_everybody(server):
    server.client("s3").put_object(Bucket=BUCKET, Key="presigned", Body=BODY)
    url = run(server, "s3", "presign", f"s3://{BUCKET}/presigned").strip()
    assert fetched(url) == (200, BODY)
    status, body = fetched(url.replace("presigned", "another"))
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in body


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_either_signature_presigns_what_s3_encrypts_itself(server, version):
    server.client("s3").put_object(Bucket=BUCKET, Key="presigned", Body=BODY)
    named = {"Bucket": BUCKET, "Key": "presigned"}
    url = presigning(server, version).generate_presigned_url("get_object", Params=named)
    assert fetched(url) == (200, BODY)


def test_only_version_4_presigns_what_kms_protects(server, key_id):
    sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    server.client("s3").put_object(Bucket=BUCKET, Key="protected", Body=BODY, **sse)
    named = {"Bucket": BUCKET, "Key": "protected"}
    urls = [
        presigning(server, version).generate_presigned_url("get_object", Params=named)
        for version in ("s3", "s3v4")
    ]
    status, body = fetched(urls[0])
    assert status == 400
    assert b"<Code>InvalidArgument</Code>" in body
    assert b"require AWS Signature Version 4." in body
    assert fetched(urls[1]) == (200, BODY)


def test_an_object_can_be_put_by_a_presigned_url(server):
    named = {"Bucket": BUCKET, "Key": "put-by-url"}
    url = presigning(server, "s3v4").generate_presigned_url("put_object", Params=named)
    request = urllib.request.Request(url, data=BODY, method="PUT")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    assert read(server.client("s3"), "put-by-url", BUCKET) == BODY


# --- boto3's transfers --------------------------------------------------------------------

TEN_THREADS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)


def test_ten_threads_send_and_fetch_a_file(server, key_id, tmp_path):
    source, back = random_file(tmp_path / "source", 40 * MIB), tmp_path / "back"
    s3 = server.client("s3")
    sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    s3.upload_file(str(source), BUCKET, "threads", ExtraArgs=sse, Config=TEN_THREADS)
    s3.download_file(BUCKET, "threads", str(back), Config=TEN_THREADS)
    assert back.read_bytes() == source.read_bytes()


def test_ten_threads_in_process(tmp_path):
    from kmslab import Lab

    source, back = random_file(tmp_path / "source", 40 * MIB), tmp_path / "back"
    with Lab() as lab:
        s3 = lab.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        sse = {"ServerSideEncryption": "aws:kms"}
        s3.upload_file(str(source), BUCKET, "threads", ExtraArgs=sse, Config=TEN_THREADS)
        s3.download_file(BUCKET, "threads", str(back), Config=TEN_THREADS)
    assert back.read_bytes() == source.read_bytes()


def test_many_write_the_same_object_and_one_wins_whole(server):
    s3 = server.client("s3")
    bodies = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda body: s3.put_object(Bucket=BUCKET, Key="race", Body=body), bodies))
    assert read(s3, "race", BUCKET) in bodies


class Zeros:
    """A file of zeros that is nowhere."""

    def __init__(self, size):
        self.left = size

    def read(self, size=-1):
        taken = self.left if size < 0 else min(size, self.left)
        self.left -= taken
        return bytes(taken)


def peak_memory(server):
    """The most memory that the server's process ever had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_gigabyte_goes_through_flat_memory(server, key_id):
    s3, size = server.client("s3"), 1024 * MIB
    warm_up = Zeros(64 * MIB)
    s3.upload_fileobj(warm_up, BUCKET, "warm-up")
    s3.get_object(Bucket=BUCKET, Key="warm-up")["Body"].read()
    before = peak_memory(server)
    sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    s3.upload_fileobj(Zeros(size), BUCKET, "gigabyte", ExtraArgs=sse)
    fetched_bytes = 0
    for block in s3.get_object(Bucket=BUCKET, Key="gigabyte")["Body"].iter_chunks(MIB):
        assert block.count(0) == len(block)
        fetched_bytes += len(block)
    assert fetched_bytes == size
    assert peak_memory(server) - before < size / 8
    s3.delete_object(Bucket=BUCKET, Key="gigabyte")


# --- Other addresses ----------------------------------------------------------------------


def test_a_bucket_may_stand_in_the_host_name(server, monkeypatch):
    def at_home(host, *more):
        # Not every system knows that names below localhost are this machine (RFC 6761).
        return resolve("127.0.0.1" if host.endswith(".localhost") else host, *more)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", at_home)
    virtual = boto3.Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.address.replace("127.0.0.1", "localhost"),
        aws_access_key_id=server.exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.exports["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "virtual"}),
    )
    virtual.put_object(Bucket=BUCKET, Key="virtual", Body=BODY)
    assert read(server.client("s3"), "virtual", BUCKET) == BODY


def test_an_unsigned_request_is_nobodys(server):
    status, body = server.http("GET", f"/{BUCKET}/cp/1")
    assert status == 403
    assert "<Code>AccessDenied</Code>" in body


def test_a_wrong_secret_is_refused(server):
    wrong = server.client("s3", secret_key="wrong")
    with refused("SignatureDoesNotMatch", 403):
        wrong.list_objects_v2(Bucket=BUCKET)
