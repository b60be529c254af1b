"""A lab at noon with a bucket and a KMS key that the usual trail may use, and the clients of its
administrator."""

from datetime import timedelta
from typing import Any

import pytest
from cloudtrail_words import BUCKET, NOON, TRAIL, trail_bucket, trail_key

from kmslab import Lab, StillClock, insecure_seeded_random


@pytest.fixture
def lab() -> Any:
    """Each request takes a second."""
    clock = StillClock(NOON, step=timedelta(seconds=1))
    with Lab(clock=clock, random=insecure_seeded_random(9)) as lab:
        yield lab


@pytest.fixture
def cloudtrail(lab: Lab) -> Any:
    return lab.client("cloudtrail")


@pytest.fixture
def s3(lab: Lab) -> Any:
    return lab.client("s3")


@pytest.fixture
def kms(lab: Lab) -> Any:
    return lab.client("kms")


@pytest.fixture
def bucket(lab: Lab) -> str:
    """A bucket with the policy that the usual trail needs."""
    return trail_bucket(lab)


@pytest.fixture
def key_arn(lab: Lab) -> str:
    """A KMS key with the policy that the usual trail needs."""
    return trail_key(lab)


@pytest.fixture
def trail(cloudtrail: Any, bucket: str) -> str:
    """The ARN of the usual trail, which has no key and does not log yet."""
    arn: str = cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET)["TrailARN"]
    return arn
