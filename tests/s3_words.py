"""The words in which tests speak of S3: buckets, refusals, what KMS was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET, NAME, BODY = "amber-archive", "reports/2026.txt", b"The minutes of the meeting." * 50
OBJECT_ARN, BUCKET_ARN = f"arn:aws:s3:::{BUCKET}/{NAME}", f"arn:aws:s3:::{BUCKET}"


@contextmanager
def refused(code: str, status: int, message: str | None = None) -> Iterator[Any]:
    """The block must end in this error of S3; None takes any sentence."""
    with pytest.raises(ClientError) as caught:
        yield caught
    answer = caught.value.response
    error, actual = answer["Error"], answer["ResponseMetadata"]["HTTPStatusCode"]
    assert (error["Code"], actual) == (code, status), f"refused otherwise: {error}, {actual}"
    assert message in (None, error["Message"]), f"refused in other words: {error}"


def read(s3: Any, name: str = NAME, bucket: str = BUCKET, **more: Any) -> bytes:
    """The whole body of an object."""
    body: bytes = s3.get_object(Bucket=bucket, Key=name, **more)["Body"].read()
    return body


def kms_events(lab: Any, since: int = 0) -> list[dict[str, Any]]:
    """What KMS was asked by S3, oldest first, after the first `since` events."""
    return [
        event
        for event in lab.events()[since:]
        if event["eventSource"] == "kms.amazonaws.com" and "invokedBy" in event["userIdentity"]
    ]


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventName"] for event in events]
