"""The words in which tests speak of what CloudTrail delivered: read from the bucket as anybody
would read it."""

import gzip
import hashlib
import json
import re
from datetime import datetime
from typing import Any, NamedTuple

from aws_words import ACCOUNT, REGION
from cloudtrail_words import BUCKET, client_of
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmslab import Lab

LOG_FILE_NAME = re.compile(
    r"(?:(?P<prefix>.+)/)?AWSLogs/(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/"
    r"(?P<folder>\d{4}/\d\d/\d\d)/(?P=account)_CloudTrail_(?P=region)_"
    r"(?P<stamp>\d{8}T\d{4}Z)_[A-Za-z0-9]{16}\.json\.gz"
)
DIGEST_NAME = re.compile(
    r"(?:(?P<prefix>.+)/)?AWSLogs/(?P<account>\d{12})/CloudTrail-Digest/(?P<region>[a-z0-9-]+)/"
    r"(?P<folder>\d{4}/\d\d/\d\d)/(?P=account)_CloudTrail-Digest_(?P=region)_"
    r"(?P<trail>[A-Za-z0-9._-]+)_(?P<home>[a-z0-9-]+)_(?P<stamp>\d{8}T\d{6}Z)\.json\.gz"
)

DIGEST_MEMBERS = [
    *("awsAccountId", "digestStartTime", "digestEndTime", "digestS3Bucket", "digestS3Object"),
    *("digestPublicKeyFingerprint", "digestSignatureAlgorithm"),
    *("newestEventTime", "oldestEventTime"),
    *("previousDigestS3Bucket", "previousDigestS3Object"),
    *("previousDigestHashValue", "previousDigestHashAlgorithm", "previousDigestSignature"),
    "logFiles",
]
PREVIOUS = [name for name in DIGEST_MEMBERS if name.startswith("previous")]


class Delivered(NamedTuple):
    """One file as it lies in the bucket. `members` is its JSON, `text` the bytes of it."""

    object_key: str
    members: dict[str, Any]
    text: bytes
    head: dict[str, Any]

    @property
    def delivered_at(self) -> datetime:
        when: datetime = self.head["LastModified"]
        return when

    @property
    def records(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.members["Records"]
        return told

    @property
    def hash_value(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def log_files(lab: Lab, bucket: str = BUCKET, **where: str) -> list[Delivered]:
    """The log files in a bucket, in the order of their names."""
    return _files(lab, bucket, LOG_FILE_NAME, **where)


def digests(lab: Lab, bucket: str = BUCKET, **where: str) -> list[Delivered]:
    """The digest files in a bucket, by their end times in each Region."""
    return _files(lab, bucket, DIGEST_NAME, **where)


def told(files: list[Delivered]) -> list[dict[str, Any]]:
    """The records of all these log files."""
    return [record for file in files for record in file.records]


def by_id(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records by their event ids, which must differ."""
    found = {record["eventID"]: record for record in records}
    assert len(found) == len(records), "an event was told twice"
    return found


def names(records: list[dict[str, Any]]) -> list[str]:
    return [record["eventName"] for record in records]


def region_of(file: Delivered) -> str:
    """The Region that a file is about, by its name."""
    name = LOG_FILE_NAME.fullmatch(file.object_key) or DIGEST_NAME.fullmatch(file.object_key)
    assert name
    return name["region"]


def object_keys(
    lab: Lab, bucket: str = BUCKET, account: str = ACCOUNT, region: str = REGION
) -> list[str]:
    """All that lies in a bucket of `account` in `region`, in the order of the names."""
    pages = client_of(lab, "s3", account, region).get_paginator("list_objects_v2")
    return [
        listed["Key"]
        for page in pages.paginate(Bucket=bucket)
        for listed in page.get("Contents", ())
    ]


# --- Digests ------------------------------------------------------------------------------


def verify(lab: Lab, digest: Delivered) -> None:
    """Check a digest against the keys of its Region. Raises InvalidSignature."""
    region = region_of(digest)
    members = digest.members
    end = members["digestEndTime"]
    listed = client_of(lab, "cloudtrail", region=region).list_public_keys(
        StartTime=end, EndTime=end
    )["PublicKeyList"]
    (value,) = [
        each["Value"]
        for each in listed
        if each["Fingerprint"] == members["digestPublicKeyFingerprint"]
    ]
    lines = [
        end,
        f"{members['digestS3Bucket']}/{members['digestS3Object']}",
        digest.hash_value,
        members["previousDigestSignature"] or "null",
    ]
    signature = bytes.fromhex(digest.head["Metadata"]["signature"])
    public_key: Any = load_der_public_key(value)
    public_key.verify(signature, "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())


def check_chain(lab: Lab, chain: list[Delivered]) -> None:
    """The digests of one Region, each of which must follow the one before."""
    for before, digest in zip([None, *chain], chain, strict=False):
        verify(lab, digest)
        expected: dict[str, Any] = dict.fromkeys(PREVIOUS)
        if before:
            assert digest.members["digestStartTime"] == before.members["digestEndTime"]
            expected = {
                "previousDigestS3Bucket": before.members["digestS3Bucket"],
                "previousDigestS3Object": before.object_key,
                "previousDigestHashValue": before.hash_value,
                "previousDigestHashAlgorithm": "SHA-256",
                "previousDigestSignature": before.head["Metadata"]["signature"],
            }
        assert {name: digest.members[name] for name in PREVIOUS} == expected


def named(chain: list[Delivered]) -> dict[str, str]:
    """The log files that digests name, with their hashes; no file may be named twice."""
    entries = [entry for digest in chain for entry in digest.members["logFiles"]]
    found = {entry["s3Object"]: entry["hashValue"] for entry in entries}
    assert len(found) == len(entries)
    return found


def hashed(files: list[Delivered]) -> dict[str, str]:
    """Log files, with their hashes."""
    return {file.object_key: file.hash_value for file in files}


# --- Reading ------------------------------------------------------------------------------


def _files(lab: Lab, bucket: str, name: re.Pattern[str], **where: str) -> list[Delivered]:
    wanted = [each for each in object_keys(lab, bucket, **where) if name.fullmatch(each)]
    s3 = client_of(lab, "s3", **where)
    return [_read(s3, bucket, object_key) for object_key in wanted]


def _read(s3: Any, bucket: str, object_key: str) -> Delivered:
    answer = s3.get_object(Bucket=bucket, Key=object_key)
    text = gzip.decompress(answer.pop("Body").read())
    return Delivered(object_key, json.loads(text), text, answer)
