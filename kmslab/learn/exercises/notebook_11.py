"""The exercises of notebook 11: records collected from a bucket, and the readers of an object."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from kmslab import audit
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import exercise, require, require_kind

Record = dict[str, Any]

BUCKET = "audit-logs"


# --- 11-1 ---------------------------------------------------------------------------------

_PATH = "AWSLogs/111122223333/CloudTrail{}/us-east-1/2026/{}/{}.json.gz"


@exercise(
    "11-1",
    right="12 events from 7 files, each once, in the order in which they happened",
    hints=(
        "A list of objects comes in pages. Which paginator turns them?",
        "Digest files lie in the same bucket: which part of the path tells a log file?",
        "An event may be told twice. Which of its members is different for every event?",
        "Put the events into a dictionary by eventID, and sort its values by eventTime.",
    ),
)
def collects_all_events(all_events: Callable[[Any, str], Any]) -> None:
    lab = classroom_lab(seed="11-1")
    s3 = lab.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    happened = _store_files(s3)
    # As if a page had room for three names only.
    for operation in ("ListObjectsV2", "ListObjects"):
        s3.meta.events.register(f"provide-client-params.s3.{operation}", _three_a_page)
    told = all_events(s3, BUCKET)
    require_kind(told, list, "a list of events is wanted")
    require(
        all(isinstance(event, dict) and "eventID" in event for event in told),
        "something in the list is no event",
    )
    _require_same([event["eventID"] for event in told], [event["eventID"] for event in happened])


def _three_a_page(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {**params, "MaxKeys": min(3, params.get("MaxKeys", 3))}


def _store_files(s3: Any) -> list[Record]:
    """Put log files, a digest and a report; the events come back, as they happened."""
    events = [
        {"eventID": f"{7 * number % 12:04}", "eventTime": f"2026-01-05T09:{number:02}:00Z"}
        for number in range(12)
    ]
    # Files of later events may have earlier names, and some events are told twice.
    told = [(0, 5, 1), (2, 3), (5, 4), (6,), (8, 7), (9, 10, 6), (11,)]
    for number, chosen in enumerate(told):
        records = {"Records": [events[place] for place in chosen]}
        name = _PATH.format("", f"01/{5 + number % 2:02}", f"file-{6 - number}")
        s3.put_object(Bucket=BUCKET, Key=name, Body=gzip.compress(json.dumps(records).encode()))
    digest = gzip.compress(json.dumps({"logFiles": []}).encode())
    s3.put_object(Bucket=BUCKET, Key=_PATH.format("-Digest", "01/05", "d"), Body=digest)
    s3.put_object(Bucket=BUCKET, Key="AWSLogs/readme.txt", Body=b"Do not delete.")
    return events


def _require_same(told: list[str], happened: list[str]) -> None:
    missing, twice = set(happened) - set(told), len(told) - len(set(told))
    require(not missing, f"{len(missing)} of {len(happened)} events are missing")
    require(not twice, f"{twice} events are there twice")
    require(told == happened, "the events are not in the order in which they happened")


# --- 11-2 ---------------------------------------------------------------------------------


def _allow(*actions: str) -> Record:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": statement}


@exercise(
    "11-2",
    right="a user and a role opened it, each told once; nobody opened the other object",
    hints=(
        "Which operation opens an encrypted object's data key, and in which column is it?",
        "outcome is ok, denied or failed: who was denied has opened nothing.",
        "A session's name changes every night. Its role stands in the column role, which is empty "
        "for users.",
        "Collect row['role'] if isinstance(row['role'], str) else row['principal'] in a set, for "
        "rows whose encryption_context.get('aws:s3:arn') is the object's, and sort it.",
    ),
)
def names_the_readers(readers: Callable[[Any, str], Any]) -> None:
    table = audit.from_events(_reading_day())
    opened, unopened = (f"arn:aws:s3:::{BUCKET}/{name}" for name in ("may", "may-2"))
    found = readers(table.copy(), opened)
    require_kind(found, list, "a list of names is wanted")
    expected = [f"arn:aws:iam::111122223333:{name}" for name in ("role/backup", "user/ada")]
    require(len(found) == len(set(found)), "somebody is there twice")
    missing, more = set(expected) - set(found), set(found) - set(expected)
    require(not missing, f"{_short(missing)} opened it, and is missing")
    require(not more, f"{_short(more)} is there, and did not open it, or is no name of a role")
    require(found == expected, "the names are not in the order of the alphabet")
    nobody = readers(table.copy(), unopened)
    require(nobody == [], "nobody opened the second object: an empty list is wanted")


def _reading_day() -> list[Record]:
    """Two sessions and a user read an object, one of them twice; another user is refused, and
    somebody decrypts what is no object."""
    lab = classroom_lab(seed="11-2")
    s3, kms = lab.client("s3"), lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket=BUCKET)
    for name in ("may", "may-2"):
        s3.put_object(
            Bucket=BUCKET, Key=name, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id
        )
    reads = _allow("s3:GetObject", "kms:Decrypt")
    backup, ada = lab.role("backup", reads), lab.user("ada", reads)
    for reader in (backup.session("night-1"), ada, ada, backup.session("night-2")):
        lab.client("s3", reader).get_object(Bucket=BUCKET, Key="may")["Body"].read()
    eve = lab.client("s3", lab.user("eve", _allow("s3:GetObject")))
    with suppress(ClientError):
        eve.get_object(Bucket=BUCKET, Key="may")
    bob = lab.client("kms", lab.user("bob", reads))
    bob.decrypt(CiphertextBlob=kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"])
    return lab.events()


def _short(arns: set[str]) -> str:
    return ", ".join(sorted(str(arn).rpartition(":")[2] for arn in arns))
