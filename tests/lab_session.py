"""One lab for each test, its administrator's client, and a KMS key."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_words import UNCHECKED

from kmslab import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def kms(lab: Lab) -> Any:
    """The administrator's boto3 client."""
    return lab.client("kms")


@pytest.fixture
def unchecked(lab: Lab) -> Any:
    """The same client, but sending values that boto3 would hold back."""
    return lab.client("kms", config=UNCHECKED)


@pytest.fixture
def arn(kms: Any) -> str:
    """The ARN of a new symmetric key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def put_policy(kms: Any) -> Callable[[str, dict[str, Any]], None]:
    """A function that gives a key a policy, even one that locks its administrator out."""

    def put(key_arn: str, key_policy: dict[str, Any]) -> None:
        kms.put_key_policy(
            KeyId=key_arn, Policy=json.dumps(key_policy), BypassPolicyLockoutSafetyCheck=True
        )

    return put
