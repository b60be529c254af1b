"""A lab with a bucket, a key of its own, and the clients of its administrator."""

from typing import Any

import pytest
from s3_words import BUCKET

from kmslab import Lab, insecure_seeded_random


@pytest.fixture
def lab() -> Any:
    with Lab(random=insecure_seeded_random(5)) as lab:
        yield lab


@pytest.fixture
def kms(lab: Any) -> Any:
    return lab.client("kms")


@pytest.fixture
def s3(lab: Any) -> Any:
    """The administrator's client; there is one bucket."""
    client = lab.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def key_arn(kms: Any) -> str:
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture
def sse_kms(key_arn: str) -> dict[str, str]:
    """The headers of a write under the key."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
