"""A policy document, read once and compiled: who, what, on which resource.

This reads key policies and identity policies (IAM User Guide, "Grammar of the IAM JSON policy
language"). Conditions, NotPrincipal and principals that are not yet known are kept as
unreadable: such a statement never allows, and where it denies, it denies. What is not a policy
at all raises PolicyError.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from kmslab import arn as arns
from kmslab.access.wildcards import Matches, wildcard

_VERSIONS = ("2012-10-17", "2008-10-17")
_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {
        *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
        *("Resource", "NotResource", "Condition"),
    }
)
_PRINCIPAL_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_PRINCIPAL_ARN = re.compile(
    r"arn:aws:(iam::[0-9]{12}:(root|(user|role|federated-user)/[^*?]+)"
    r"|sts::[0-9]{12}:(assumed-role|federated-user)/[^*?]+)"
)
_OUTSIDE_LATIN_1 = re.compile("[^\u0009\u000a\u000d\u0020-\u00ff]")


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose members stand in it once: of two Effects, which one was meant?"""
    if len(dict(members)) < len(members):
        raise ValueError("a member stands twice")
    return dict(members)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_from_json = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant).decode


class PolicyError(Exception):
    """The text is not a policy of its kind; the message says why in AWS's words."""


class Question(NamedTuple):
    """Who wants to do what. `account` is the caller's account, `account_root` its root ARN."""

    principal_arn: str
    account: str
    account_root: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Patterns are None where the element is absent."""

    label: str
    allows: bool
    principals: frozenset[str]
    actions: tuple[Matches, ...]
    not_actions: tuple[Matches, ...]
    resources: tuple[Matches, ...]
    not_resources: tuple[Matches, ...]
    unreadable: str

    def mismatch(self, question: Question) -> str:
        """The first reason why this statement is not about `question`'s action and resource;
        "" where it is. Principals are asked for apart, by `names`."""
        if not _covers(self.actions, self.not_actions, question.action.lower()):
            return "another action"
        if not _covers(self.resources, self.not_resources, question.resource):
            return "another resource"
        if self.unreadable and self.allows:
            return self.unreadable
        return ""

    def names(self, *names: str) -> bool:
        """Whether the Principal element holds one of `names`."""
        return not self.principals.isdisjoint(names)


class Policy(NamedTuple):
    statements: tuple[Statement, ...]


@lru_cache(maxsize=1024)
def key_policy(text: str) -> Policy:
    """Compile a key policy. In it `Resource: "*"` means the one key it belongs to."""
    if _OUTSIDE_LATIN_1.search(text):
        raise PolicyError("The policy has characters that a policy may not have.")
    return _compile(text, with_principal=True)


@lru_cache(maxsize=1024)
def identity_policy(text: str) -> Policy:
    """Compile a policy of a user."""
    return _compile(text, with_principal=False)


def _compile(text: str, with_principal: bool) -> Policy:
    try:
        document = _from_json(text)
    except (ValueError, RecursionError):
        raise PolicyError("Policy is not valid JSON.") from None
    if not isinstance(document, dict):
        raise PolicyError("Policy is not a JSON object.")
    _refuse_unknown(document, _DOCUMENT_ELEMENTS)
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise PolicyError("Policy has an unknown Version.")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyError("Policy has no Statement.")
    return Policy(
        tuple(
            _compile_statement(statement, number, with_principal)
            for number, statement in enumerate(statements, start=1)
        )
    )


def _compile_statement(statement: Any, number: int, with_principal: bool) -> Statement:
    if not isinstance(statement, dict):
        raise PolicyError("Policy has a Statement that is not a JSON object.")
    _refuse_unknown(statement, _STATEMENT_ELEMENTS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Policy has a statement without Effect Allow or Deny.")
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    if has_principal is not with_principal:
        problem = "without a principal" if with_principal else "with a principal"
        raise PolicyError(f"Policy has a statement {problem}.")
    sid = statement.get("Sid", "")
    principals, unreadable = _principals(statement) if with_principal else (frozenset(), "")
    if "Condition" in statement:
        if not isinstance(statement["Condition"], dict):
            raise PolicyError("Policy has a Condition that is not a JSON object.")
        unreadable = "its condition is not understood"
    actions, not_actions = _patterns(statement, "Action", ignore_case=True)
    resources, not_resources = _patterns(statement, "Resource")
    return Statement(
        label=sid if isinstance(sid, str) and sid else f"statement {number}",
        allows=statement["Effect"] == "Allow",
        principals=principals,
        actions=actions,
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        unreadable=unreadable,
    )


def _principals(statement: dict[str, Any]) -> tuple[frozenset[str], str]:
    """The principals named, accounts as their root ARN, and what could not be read."""
    if "NotPrincipal" in statement:
        if "Principal" in statement:
            raise PolicyError("Policy has a statement with Principal and NotPrincipal.")
        return frozenset("*"), "NotPrincipal is not understood"
    principal = statement["Principal"]
    if principal == "*":
        return frozenset("*"), ""
    if not isinstance(principal, dict) or not principal or set(principal) - _PRINCIPAL_KINDS:
        raise _invalid_principals()
    named = {kind: _texts(element, "Principal") for kind, element in principal.items()}
    if not all(named.values()):
        raise _invalid_principals()
    return frozenset(_account_as_root(name) for name in named.get("AWS", ())), ""


def _account_as_root(name: str) -> str:
    if re.fullmatch("[0-9]{12}", name):
        return arns.account_root_arn(name)
    if name != "*" and not _PRINCIPAL_ARN.fullmatch(name):
        raise _invalid_principals()
    return name


def _invalid_principals() -> PolicyError:
    return PolicyError("Policy contains a statement with one or more invalid principals.")


def _patterns(
    statement: dict[str, Any], element: str, ignore_case: bool = False
) -> tuple[tuple[Matches, ...], tuple[Matches, ...]]:
    """The compiled patterns of `element` and of its Not- form."""
    if element in statement and f"Not{element}" in statement:
        raise PolicyError(f"Policy has a statement with {element} and Not{element}.")
    wanted, unwanted = (
        tuple(wildcard(text, ignore_case) for text in _texts(statement.get(name, []), name))
        for name in (element, f"Not{element}")
    )
    return wanted, unwanted


def _texts(element: Any, name: str) -> list[str]:
    texts = [element] if isinstance(element, str) else element
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise PolicyError(f"Policy has a {name} that is not text or a list of texts.")
    return texts


def _covers(wanted: tuple[Matches, ...], unwanted: tuple[Matches, ...], text: str) -> bool:
    for matches in wanted:
        if matches(text):
            return True
    # Neither element: KMS stores such a statement, and it has no effect.
    return bool(unwanted) and not any(matches(text) for matches in unwanted)


def _refuse_unknown(element: dict[str, Any], known: frozenset[str]) -> None:
    unknown = set(element) - known
    if unknown:
        raise PolicyError(f"Policy has an unknown element: {min(unknown)}.")
