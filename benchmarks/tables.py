"""What is raced about audit tables: log files from the lab itself become a table, in two ways.

Events are those of a few real calls, each with ids of its own, as trails deliver them.
"""

import gzip
import json
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from benchmarks.arms import Call
from kmslab import Lab, audit
from kmslab.sources import uuid_text

EVENTS, FILES = 100_000, 100


def audit_table() -> Call:
    """What the suite reads with."""
    folder = _log_files()
    assert len(audit.from_folder(folder.name, progress=False)) == EVENTS
    return lambda: audit.from_folder(folder.name, progress=False)


def flattened_table() -> Call:
    """What one writes without it: every member of every record becomes a column."""
    import pandas

    folder = _log_files()

    def flatten() -> object:
        records = []
        for path in sorted(Path(folder.name).iterdir()):
            with gzip.open(path) as opened:
                records += json.load(opened)["Records"]
        return pandas.json_normalize(records)

    return flatten


def _log_files() -> "tempfile.TemporaryDirectory[str]":
    folder = tempfile.TemporaryDirectory()
    told_by_trails = records()
    for number in range(FILES):
        told = list(islice(told_by_trails, EVENTS // FILES))
        text = json.dumps({"Records": told}, separators=(",", ":")).encode()
        (Path(folder.name) / f"{number:04}.json.gz").write_bytes(gzip.compress(text))
    return folder


def records() -> Iterator[dict[str, object]]:
    """Without end: every second one is an Encrypt, the others list and describe and make keys."""
    lab = Lab()
    kms, s3 = lab.client("kms"), lab.client("s3")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket="reports")
    for _ in range(2):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"department": "payroll"})
        kms.describe_key(KeyId=key_id)
        kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"department": "sales"})
        s3.put_object(Bucket="reports", Key="may", Body=b"x", ServerSideEncryption="aws:kms")
    for event in cycle(lab.events(data_events=True)):
        ids = {"eventID": uuid_text(lab.random(16)), "requestID": uuid_text(lab.random(16))}
        yield {**event, **ids}
