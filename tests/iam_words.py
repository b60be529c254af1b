"""The words in which tests speak of IAM: its refusals, its pages, and who signs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kmslab import DEFAULT_ACCOUNT, DEFAULT_REGION, Lab
from kmslab.wire.boto import in_process_client

ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY_ACCESS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
KMS_POWER_USER = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"


@contextmanager
def refused(code: str, message: str | None, status: int = 400) -> Iterator[None]:
    """The block must end in this error of IAM; None takes any sentence."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    error = answer["Error"]
    found = (error["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
    assert found == (code, status), f"refused otherwise: {error}, {found}"
    assert message in (None, error["Message"]), f"refused in other words: {error}"


def no_such_entity(message: str) -> Any:
    return refused("NoSuchEntity", message, 404)


def delete_conflict(message: str) -> Any:
    return refused("DeleteConflict", message, 409)


def limit_exceeded(message: str) -> Any:
    return refused("LimitExceeded", message, 409)


def iam_denied(user_name: str, action: str, resource: str) -> Any:
    """`refused` for a user whose own policies do not allow `action`."""
    caller = f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/{user_name}"
    return refused(
        "AccessDenied",
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action",
        403,
    )


def user_arn(name: str, account: str = DEFAULT_ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def role_arn(name: str, account: str = DEFAULT_ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def policy_arn(name: str, account: str = DEFAULT_ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:policy/{name}"


def document(*actions: str, effect: str = "Allow", resource: Any = "*", **more: Any) -> str:
    """An identity policy of one statement, as text."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: Any, action: str = "sts:AssumeRole") -> str:
    """A policy that says who may assume a role, as text."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ROOT_TRUST = trust({"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"})


def signing_with(
    lab: Lab, access_key_id: str, secret: str, service: str = "sts", token: str | None = None
) -> Any:
    """A boto3 client with these credentials."""
    return in_process_client(
        service, DEFAULT_REGION, access_key_id, secret, token, lab.handle, None
    )


def pages(list_page: Callable[..., Any], most: int, **asked: Any) -> Iterator[Any]:
    """The pages of a list, fetched as a client without boto3's paginators would do it."""
    page = list_page(MaxItems=most, **asked)
    yield page
    while page["IsTruncated"]:
        page = list_page(MaxItems=most, Marker=page["Marker"], **asked)
        yield page
    assert "Marker" not in page
