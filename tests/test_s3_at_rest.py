"""What lies on the disk: ciphertext and wrapped keys, and nothing that nobody needs any more."""

import os
import re

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_words import BODY, BUCKET, NAME, OBJECT_ARN, read, refused

from kmslab import Lab, insecure_seeded_random

pytest_plugins = ["s3_session"]

PLAINTEXT = b"Nobody who has the disk shall read this sentence. " * 4000


class Remembering:
    """The operating system's randomness, and all that was drawn from it."""

    def __init__(self):
        self.drawn = []

    def __call__(self, size):
        self.drawn.append(os.urandom(size))
        return self.drawn[-1]


def stored_bytes(directory):
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def use_everything(lab):
    """Objects under every kind of encryption; the plaintext data keys that KMS gave out."""
    s3, kms = lab.client("s3"), lab.client("kms")
    s3.create_bucket(Bucket=BUCKET)
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    key_arn = kms.create_key()["KeyMetadata"]["Arn"]
    under = {"SSEKMSKeyId": key_arn, "ServerSideEncryption": "aws:kms"}
    kinds = {
        "sse-s3": {},
        "sse-kms": under,
        "bucket-key": {**under, "BucketKeyEnabled": True},
        "dsse": {**under, "ServerSideEncryption": "aws:kms:dsse"},
        "sse-c": {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "c" * 32},
    }
    for name, headers in kinds.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=PLAINTEXT, **headers)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", **under)
    s3.upload_part(
        Bucket=BUCKET, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=PLAINTEXT
    )
    keys = [b"c" * 32]
    for name in ("sse-kms", "bucket-key", "dsse"):
        at_rest = lab.s3.at_rest(BUCKET, name)
        opened = kms.decrypt(
            CiphertextBlob=at_rest.encrypted_data_key,
            EncryptionContext=at_rest.encryption_context,
        )
        keys.append(opened["Plaintext"])
    return keys


def test_no_stored_byte_tells_plaintext_or_key(tmp_path):
    random = Remembering()
    with Lab(tmp_path, random=random) as lab:
        data_keys = use_everything(lab)
    secrets = {key for key in random.drawn if len(key) == 32} | set(data_keys)
    domain_key = (tmp_path / "domain.key").read_bytes()
    (tmp_path / "domain.key").unlink()
    stored = stored_bytes(tmp_path)
    assert PLAINTEXT[:50] not in stored
    assert PLAINTEXT[:16] not in stored
    material_ids = {bytes.fromhex(word) for word in _hex_words(stored)}
    for secret in secrets - {domain_key} - material_ids:
        assert secret not in stored
        assert secret.hex().encode() not in stored


def _hex_words(stored):
    """The 64 hex digits of key material ids, which are no secret."""
    return [word.decode() for word in re.findall(rb'(?<=")[0-9a-f]{64}(?=")', stored)]


def test_the_file_opens_by_hand_with_the_data_key(lab, s3, kms, sse_kms):
    """Without any code of kmslab, as the layout of `vault.object_chunks` says."""
    import hmac

    s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **sse_kms)
    at_rest = lab.s3.at_rest(BUCKET, NAME)
    opened = kms.decrypt(
        CiphertextBlob=at_rest.encrypted_data_key,
        EncryptionContext={"aws:s3:arn": OBJECT_ARN},
    )
    (file,) = at_rest.files
    label = b"kmslab s3 object" + file.content_id.encode()
    file_key = hmac.digest(opened["Plaintext"], label, "sha256")
    only_chunk = bytes(11) + b"\x01"
    assert AESGCM(file_key).decrypt(only_chunk, file.read(), None) == BODY


def test_everything_comes_back_when_the_lab_is_opened_again(tmp_path):
    with Lab(tmp_path) as lab:
        use_everything(lab)
    with Lab(tmp_path) as lab:
        s3 = lab.client("s3")
        for name in ("sse-s3", "sse-kms", "bucket-key", "dsse"):
            assert read(s3, name) == PLAINTEXT
        (upload,) = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
        part = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
        (sent,) = s3.list_parts(**part)["Parts"]
        listed = [{"PartNumber": 1, "ETag": sent["ETag"]}]
        s3.complete_multipart_upload(MultipartUpload={"Parts": listed}, **part)
        assert read(s3, "parts") == PLAINTEXT


def test_files_that_no_record_knows_are_swept_when_the_lab_is_opened(tmp_path):
    with Lab(tmp_path) as lab:
        use_everything(lab)
        folder = lab.s3.at_rest(BUCKET, "sse-s3").files[0].path.parent
    stray = folder / ("0" * 32)
    stray.write_bytes(b"of a process that was killed")
    with Lab(tmp_path) as lab:
        assert not stray.exists()
        assert read(lab.client("s3"), "sse-s3") == PLAINTEXT


def test_a_reset_lab_has_no_files(tmp_path):
    with Lab(tmp_path) as lab:
        use_everything(lab)
        path = lab.s3.at_rest(BUCKET, "sse-s3").files[0].path
        lab.reset()
        assert not path.exists()
        assert lab.client("s3").list_buckets()["Buckets"] == []


def test_a_lab_in_memory_leaves_nothing_behind():
    with Lab() as lab:
        use_everything(lab)
        path = lab.s3.at_rest(BUCKET, "sse-s3").files[0].path
        assert path.exists()
    assert not path.exists()


def test_another_domain_key_opens_nothing(tmp_path):
    """Two labs: the files of one, put in the place of the other's."""
    with Lab(tmp_path / "one") as one, Lab(tmp_path / "two") as two:
        for lab in (one, two):
            s3 = lab.client("s3")
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY)
        paths = [lab.s3.at_rest(BUCKET, NAME).files[0].path for lab in (one, two)]
        paths[1].write_bytes(paths[0].read_bytes())
        with refused("InternalError", 500):
            read(two.client("s3"))


def test_what_is_shown_is_what_lies_there(lab, s3, sse_kms, key_arn):
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **sse_kms)
    at_rest = lab.s3.at_rest(BUCKET, NAME)
    assert at_rest.stored_size == len(at_rest.read()) == len(BODY) + 16
    assert (at_rest.algorithm, at_rest.kms_key_arn) == ("aws:kms", key_arn)
    assert at_rest.encryption_context == {"aws:s3:arn": OBJECT_ARN}
    assert f"{len(BODY):,} bytes" in repr(at_rest)
    assert "<table>" in at_rest._repr_html_()


def test_what_was_shown_stays_so_when_the_object_changes(lab, s3):
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY)
    before = lab.s3.at_rest(BUCKET, NAME)
    shown = repr(before)
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=b"another")
    assert repr(before) == shown


def test_a_seeded_lab_that_is_opened_again_overwrites_no_file(tmp_path):
    for name in ("first", "second", "third"):
        with Lab(tmp_path, random=insecure_seeded_random(1)) as lab:
            s3 = lab.client("s3")
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key=name, Body=name.encode())
    with Lab(tmp_path) as lab:
        s3 = lab.client("s3")
        assert [read(s3, name) for name in ("first", "second", "third")] == [
            b"first",
            b"second",
            b"third",
        ]


def test_an_object_that_is_not_there_is_named(lab, s3):
    with pytest.raises(ValueError, match="reports"):
        lab.s3.at_rest(BUCKET, NAME)


# --- Ranges and damage, through boto3 -----------------------------------------------------

CHUNK = 64 * 1024
LONG = bytes(range(251)) * 1400


@pytest.fixture(scope="module")
def long_object():
    """A lab with one object of several chunks, and its file."""
    with Lab() as lab:
        s3 = lab.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=NAME, Body=LONG, ServerSideEncryption="aws:kms")
        yield s3, lab.s3.at_rest(BUCKET, NAME).files[0].path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LONG) - 1), st.integers(0, len(LONG)))
def test_a_range_is_the_slice(long_object, start, length):
    s3, _ = long_object
    end = start + length
    assert read(s3, Range=f"bytes={start}-{end}") == LONG[start : end + 1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_touched_byte_fails_exactly_the_reads_that_need_its_chunk(long_object, data):
    s3, path = long_object
    stored = path.read_bytes()
    place = data.draw(st.integers(0, len(stored) - 1))
    damaged = bytearray(stored)
    damaged[place] ^= data.draw(st.integers(1, 255))
    start = data.draw(st.integers(0, len(LONG) - 1))
    end = data.draw(st.integers(start, len(LONG) - 1))
    chunk = place // (chunk_size(stored) + 16)
    touched = start // chunk_size(stored) <= chunk <= end // chunk_size(stored)
    path.write_bytes(damaged)
    try:
        if touched:
            with pytest.raises((ResponseStreamingError, ClientError)):
                read(s3, Range=f"bytes={start}-{end}")
        else:
            assert read(s3, Range=f"bytes={start}-{end}") == LONG[start : end + 1]
    finally:
        path.write_bytes(stored)


def chunk_size(stored):
    """From the file's length: every chunk has a tag of 16 bytes."""
    chunks = (len(stored) - len(LONG)) // 16
    assert chunks == -(-len(LONG) // CHUNK)
    return CHUNK
