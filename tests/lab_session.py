"""One lab for each test, its administrator's client, and a KMS key."""

import json
import re
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
def put_policy(lab: Lab, kms: Any) -> Callable[[str, dict[str, Any]], None]:
    """A function that gives a key a policy, even one that locks its administrator out. Users
    that it names are there, without a policy of their own."""

    def put(key_arn: str, key_policy: dict[str, Any]) -> None:
        text = json.dumps(key_policy)
        for account, user_name in re.findall(r"arn:aws:iam::([0-9]{12}):user/([^\"/]+)", text):
            lab.user(user_name, account=account)
        kms.put_key_policy(KeyId=key_arn, Policy=text, BypassPolicyLockoutSafetyCheck=True)

    return put
