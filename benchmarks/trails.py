"""What is raced about trails: noting one event while a trail logs, and delivering many.

The trail has validation and no KMS key, so that a delivery makes no event to be delivered itself.
Events are those of one real call, each with an id of its own.
"""

import json

from benchmarks.arms import Call
from kmslab import Lab
from kmslab.sources import uuid_text
from kmslab.store.events import Event

EVENTS = 100_000
BUCKET, TRAIL = "benchmark-logs", "benchmark-trail"
_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    },
}


def event_with_a_trail() -> Call:
    """What an event costs its request: it is written down, and the door asks what is due."""
    lab, events = _lab_with_events(1)

    def note() -> None:
        lab._store.commit(None, events)
        lab.endpoint.run_due()

    return note


def one_hundred_thousand_events() -> Call:
    """All of them are planned, written out, compressed, hashed and put into the bucket."""
    lab, events = _lab_with_events(EVENTS)

    def deliver() -> None:
        now = lab.clock.now()
        lab._store.commit(None, [event._replace(time=now) for event in events])
        noted = len(lab._store.events)
        lab.clock.advance(minutes=5)
        (trail,) = lab._store.trails
        assert trail.next_event >= noted
        assert not len(lab._store.waiting_files)

    return deliver


def _lab_with_events(count: int) -> tuple[Lab, list[Event]]:
    lab = Lab()
    s3, kms, cloudtrail = (lab.client(name) for name in ("s3", "kms", "cloudtrail"))
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(_POLICY))
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name=TRAIL)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"department": "payroll"})
    encrypted = lab._store.events[-1]
    ids = (uuid_text(lab.random(16)) for _ in range(count))
    return lab, [encrypted._replace(event_id=each, request_id=each[::-1]) for each in ids]
