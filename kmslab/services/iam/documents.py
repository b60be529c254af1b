"""Policy documents as they come in and go out: checked, measured, encoded.

What a policy allows is not known here.
"""

import json
from typing import Any
from urllib.parse import quote

from kmslab.access.policy import PolicyInForce, identity_policy, trust_policy
from kmslab.errors import PolicyError
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.identities import exists

_LARGEST_TRUST_POLICY = 2048
_LARGEST_MANAGED_POLICY = 6144


def checked_policy(text: str) -> str:
    """`text`, where it is a policy of identities. Raises MalformedPolicyDocument."""
    try:
        identity_policy(text)
    except PolicyError as problem:
        raise refusals.malformed_policy(problem) from None
    return text


def checked_managed_policy(text: str) -> str:
    """The same, where it is also short enough for a managed policy. Raises LimitExceeded."""
    if size(text) > _LARGEST_MANAGED_POLICY:
        raise refusals.quota("PolicySize", _LARGEST_MANAGED_POLICY)
    return checked_policy(text)


def checked_trust_policy(call: Call, text: str) -> str:
    """`text`, where it is a policy that says who may assume a role, and all of them exist.

    Raises MalformedPolicyDocument and LimitExceeded.
    """
    if size(text) > _LARGEST_TRUST_POLICY:
        raise refusals.quota("ACLSizePerRole", _LARGEST_TRUST_POLICY)
    try:
        compiled = trust_policy(text)
    except PolicyError as problem:
        raise refusals.malformed_policy(problem) from None
    if not all(action.lower().startswith("sts:") for action in _actions(text)):
        raise refusals.other_actions_than_sts()
    for name in sorted(_principals(compiled)):
        if not exists(call.store, name):
            raise refusals.invalid_principal(name)
    return text


def size(text: str) -> int:
    """The length that quotas count: white space is free."""
    return len("".join(text.split()))


def url_encoded(text: str) -> str:
    """IAM answers every document like this (RFC 3986)."""
    return quote(text, safe="")


def statements_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a parsed document, of which a single one needs no list."""
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def texts_of(element: str | list[str]) -> list[str]:
    return [element] if isinstance(element, str) else element


def _actions(text: str) -> list[str]:
    elements = [
        texts_of(statement.get(name, []))
        for statement in statements_of(json.loads(text))
        for name in ("Action", "NotAction")
    ]
    return [action for listed in elements for action in listed]


def _principals(compiled: PolicyInForce) -> set[str]:
    named = [statement.who.names for statement in compiled.statements if statement.who]
    return {name for names in named for name in names}
