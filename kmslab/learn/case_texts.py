"""The short forms in data/authorization_cases.json, and what they stand for.

Policies, principals and requests are spelled out here as AWS takes them. Whether anything is
allowed is not known here, nor where a case is decided: the ARNs that only a world can tell come
as `Names`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kmslab.arn import account_root_arn

ACCOUNT, REGION = "111122223333", "us-east-1"

Names = Mapping[str, str]
"""What stands for <key>, <key id>, <alias>, <second key>, <grant id> and <grant token>."""

_BRACKETS = re.compile("<([^<>]+)>")
_NUMBER = re.compile("[0-9]{12}")
_IAM, _STS = ("user", "role"), ("assumed-role", "federated-user")

# What the operations cannot do without, where a case does not say it.
_NEEDED: dict[str, dict[str, Any]] = {
    "CreateKey": {},
    "ListKeys": {},
    "ListAliases": {},
    "GenerateRandom": {"NumberOfBytes": 8},
    "ListRetirableGrants": {"RetiringPrincipal": "<user/alice>"},
    "Encrypt": {"KeyId": "<key>", "Plaintext": "a secret"},
    "ReEncrypt": {"SourceKeyId": "<key>", "DestinationKeyId": "<second key>"},
    "GenerateDataKey": {"KeyId": "<key>", "KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeyId": "<key>", "KeySpec": "AES_256"},
    "CreateAlias": {"AliasName": "alias/new", "TargetKeyId": "<key>"},
    "UpdateAlias": {"AliasName": "alias/app", "TargetKeyId": "<second key>"},
    "DeleteAlias": {"AliasName": "alias/app"},
    "TagResource": {"KeyId": "<key>", "Tags": [{"TagKey": "team", "TagValue": "red"}]},
    "PutKeyPolicy": {"KeyId": "<key>", "Policy": [{"Principal": "*"}]},
    "CreateGrant": {
        "KeyId": "<key>",
        "GranteePrincipal": "<user/bob>",
        "Operations": ["Encrypt"],
    },
    "RevokeGrant": {"KeyId": "<key>", "GrantId": "<grant id>"},
    "RetireGrant": {"KeyId": "<key>", "GrantId": "<grant id>"},
}


def principal_arn(text: str) -> str:
    """The ARN of `user/alice`, or of `444455556666:role/app` in another account."""
    account, _, name = text.rpartition(":")
    account, kind = account or ACCOUNT, name.partition("/")[0]
    if name == "root":
        return account_root_arn(account)
    if kind not in _IAM + _STS or not _NUMBER.fullmatch(account):
        raise ValueError(f"no principal: {text!r}")
    return f"arn:aws:{'iam' if kind in _IAM else 'sts'}::{account}:{name}"


def filled(value: Any, names: Names) -> Any:
    """`value`, a JSON value, with what stands in angle brackets spelled out."""
    if isinstance(value, str):
        return _BRACKETS.sub(lambda found: names.get(found[1]) or principal_arn(found[1]), value)
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, names) for name, each in value.items()}
    return value


def policy_document(policy: Any, names: Names) -> dict[str, Any]:
    """The policy document: `policy` is a list of statements, or a document with its Version."""
    document = policy if isinstance(policy, dict) else {"Statement": policy}
    statements = [_statement(each, names) for each in document["Statement"]]
    spelled = {"Version": "2012-10-17", **document, "Statement": statements}
    return {name: value for name, value in spelled.items() if value is not None}


def policy_text(policy: Any, names: Names) -> str:
    return json.dumps(policy_document(policy, names))


def request_of(operation: str, given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The parameters of the request; null takes out one that the operation would have."""
    asked = {**_NEEDED.get(operation, {"KeyId": "<key>"}), **given}
    parameters = {name: value for name, value in asked.items() if value is not None}
    if "Policy" in parameters:
        parameters["Policy"] = policy_text(parameters["Policy"], names)
    spelled: dict[str, Any] = filled(parameters, names)
    return spelled


def _statement(statement: Mapping[str, Any], names: Names) -> dict[str, Any]:
    elements = {"Effect": "Allow", **_defaults(statement), **statement}
    for element in ("Principal", "NotPrincipal"):
        if element in elements:
            elements[element] = _principal(elements[element])
    for element in ("Action", "NotAction"):
        if elements.get(element) is not None:
            elements[element] = _actions(elements[element])
    spelled: dict[str, Any] = filled(elements, names)
    return {name: value for name, value in spelled.items() if value is not None}


def _defaults(statement: Mapping[str, Any]) -> dict[str, Any]:
    elements = {"Action": "kms:*", "Resource": "*"}
    return {name: text for name, text in elements.items() if f"Not{name}" not in statement}


def _principal(element: Any) -> Any:
    if isinstance(element, list):
        return {"AWS": [principal_arn(each) for each in element]}
    if not isinstance(element, str) or element == "*":
        return element
    if element.endswith(".amazonaws.com"):
        return {"Service": element}
    return {"AWS": element if _NUMBER.fullmatch(element) else principal_arn(element)}


def _actions(element: Any) -> Any:
    if isinstance(element, list):
        return [_actions(each) for each in element]
    return element if ":" in element or element == "*" else f"kms:{element}"
