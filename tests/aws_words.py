"""The words in which tests speak of AWS: names, policies, refusals, pages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kmslab import DEFAULT_ACCOUNT, DEFAULT_REGION, insecure_seeded_random

ACCOUNT, REGION = DEFAULT_ACCOUNT, DEFAULT_REGION
OTHER_ACCOUNT, OTHER_REGION = "444455556666", "eu-west-1"
UNCHECKED = Config(parameter_validation=False)
UNKNOWN_KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"

HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow "
    "access, or a resource-based policy explicitly denies access"
)


class Recorder:
    """A source of randomness that remembers everything it gave."""

    def __init__(self, seed: int) -> None:
        self._source = insecure_seeded_random(seed)
        self.draws: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        self.draws.append(self._source(size))
        return self.draws[-1]

    def backing_key_of(self, metadata: dict[str, Any]) -> bytes:
        """The backing key of a KMS key: what was drawn right after its material's id."""
        material_id = bytes.fromhex(metadata["CurrentKeyMaterialId"])
        return self.draws[self.draws.index(material_id) + 1]


@contextmanager
def refused(code: str, message: str | None) -> Iterator[None]:
    """The block must end in this error of AWS; None takes any sentence."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    error, status = answer["Error"], answer["ResponseMetadata"]["HTTPStatusCode"]
    assert (error["Code"], status) == (code, 400), f"refused otherwise: {error}, {status}"
    assert message in (None, error["Message"]), f"refused in other words: {error}"


def denied(user: Any, action: str, resource: str, why: str) -> Any:
    """`refused` with AWS's sentence for a caller who may not do `action`."""
    sentence = f"User: arn:aws:iam::{user.account}:user/{user.user_name} is not authorized to "
    sentence += f"perform: {action} on {resource} {why}"
    return refused("AccessDeniedException", sentence)


def no_identity_policy(user: Any, action: str, arn: str) -> Any:
    why = f"because no identity-based policy allows the {action} action"
    return denied(user, action, f"resource: {arn}", why)


def no_key_policy(user: Any, action: str, arn: str) -> Any:
    why = f"because no resource-based policy allows the {action} action"
    return denied(user, action, f"resource: {arn}", why)


def hidden_key(user: Any, action: str) -> Any:
    return denied(user, action, "this resource", HIDDEN)


def hidden_by_ciphertext(user: Any, action: str) -> Any:
    return denied(user, action, "the resource associated with this ciphertext", HIDDEN)


def constraint(member: str, rule: str, value: object = None) -> Any:
    """`refused` with AWS's sentence for one value that the service model does not admit."""
    quoted = "" if value is None else f" '{value}'"
    return refused(
        "ValidationException",
        f"1 validation error detected: Value{quoted} at '{member}' failed to satisfy "
        f"constraint: Member must {rule}",
    )


def allow(*actions: str, resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """An identity policy of one statement."""
    return policy({"Effect": "Allow", "Action": list(actions), "Resource": resource, **more})


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def members(answer: dict[str, Any]) -> set[str]:
    """The members of an answer, without what boto3 adds."""
    return set(answer) - {"ResponseMetadata"}


def all_pages(list_page: Callable[..., Any], limit: int, **asked: Any) -> Iterator[Any]:
    """The pages of a list, fetched as a client without boto3's paginators would do it."""
    page = list_page(Limit=limit, **asked)
    yield page
    while page["Truncated"]:
        page = list_page(Limit=limit, Marker=page["NextMarker"], **asked)
        yield page
    assert "NextMarker" not in page
