"""A policy document, read once and compiled: who, what, on which resource, on what condition.

This reads key policies, bucket policies, trust policies of roles, and the policies of identities
(IAM User Guide, "Grammar of the IAM JSON policy language"). What is not a policy of its kind raises
PolicyError; what is one says of every question whether it is about it, and if not, the first
reason why.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from kmslab.access.bucket_policy_rules import bucket_policy_document, in_words_of_s3
from kmslab.access.conditions import ConditionTest, compile_condition
from kmslab.access.context import RequestContext, folded
from kmslab.access.policy_document import (
    DOCUMENT_ELEMENTS,
    STATEMENT_ELEMENTS,
    VERSIONS,
    both,
    policy_document,
    refuse_unknown,
    statements_of,
)
from kmslab.access.principal_element import PrincipalElement, principal_element
from kmslab.access.principals import ITSELF, NOT_NAMED, Grantees, Principal
from kmslab.access.variables import ResourcePattern, resource_pattern
from kmslab.access.wildcards import Matches, wildcard
from kmslab.errors import PolicyError
from kmslab.store.records import Grant

WITHOUT_VARIABLES, WITH_VARIABLES = VERSIONS
_OUTSIDE_LATIN_1 = re.compile("[^\u0009\u000a\u000d\u0020-\u00ff]")
_IDENTITY_SID = re.compile("[0-9A-Za-z]*", re.ASCII)
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?-]+", re.ASCII)

# No caller can make what is kept grow without end.
_MOST_SPLITS = 512


class Question(NamedTuple):
    """Who wants to do what, on which resource, and what else the request says.

    `encryption_context` has the pairs as they were sent, for grants, which tell case apart;
    `asked_grant` is the grant that CreateGrant wants to make.
    """

    principal: Principal
    action: str
    resource: str
    context: RequestContext
    encryption_context: Mapping[str, str] | None = None
    asked_grant: Grant | None = None


Reason = str | ConditionTest
ANOTHER_ACTION = "it is about other actions"
ANOTHER_RESOURCE = "it is about another resource"
ANOTHER_PRINCIPAL = "it names other principals"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `who` is None in the policies of identities."""

    label: str
    allows: bool
    who: PrincipalElement | None
    actions: tuple[Matches, ...]
    not_actions: tuple[Matches, ...]
    resources: tuple[ResourcePattern, ...]
    not_resources: tuple[ResourcePattern, ...]
    conditions: tuple[ConditionTest, ...]

    @property
    def is_everywhere(self) -> bool:
        """Whether it is about every resource there is."""
        return any(pattern.is_any for pattern in self.resources)

    def naming(self, principal: Principal) -> int:
        """How it names `principal`; the policy of an identity means that identity."""
        return ITSELF if self.who is None else self.who.naming(principal, self.allows)

    def covers(self, action: str) -> bool:
        """Whether it is about `action`, in lower case. With neither element KMS stores a
        statement that is about nothing."""
        for matches in self.actions:
            if matches(action):
                return True
        return bool(self.not_actions) and not any(matches(action) for matches in self.not_actions)

    def mismatch(self, question: Question, is_everywhere: bool = False) -> Reason | None:
        """Why this statement, which covers the action, is not about `question`; None where it
        is. Principals are asked for apart. What a Deny cannot read, it denies."""
        if not is_everywhere and not self._covers_resource(question):
            return ANOTHER_RESOURCE
        for test in self.conditions:
            answer = test.answer(question.context)
            if answer is False or (answer is None and self.allows):
                return test
        return None

    def _covers_resource(self, question: Question) -> bool:
        resource, context = question.resource, question.context
        for pattern in self.resources:
            if pattern.matches(resource, context):
                return True
        if not self.not_resources:
            return False
        # Of a pattern whose variable has no value nobody knows what it leaves out.
        if self.allows and not all(each.resolves(context) for each in self.not_resources):
            return False
        return not any(each.matches(resource, context) for each in self.not_resources)


class Named(NamedTuple):
    """A statement and the policy it stands in."""

    policy_name: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.policy_name}, {self.statement.label}"


class Policy(NamedTuple):
    statements: tuple[Statement, ...]


PassedOver = tuple[Named, Reason]


class Weighed(NamedTuple):
    """A statement about the action that names the caller, as strongly as `strength` says."""

    named: Named
    strength: int
    is_everywhere: bool


Split = tuple[tuple[Weighed, ...], tuple[PassedOver, ...]]


class PolicyInForce:
    """A policy under the name by which a decision speaks of it."""

    __slots__ = ("_named", "_splits", "policy_name")

    def __init__(self, policy_name: str, policy: Policy) -> None:
        self.policy_name = policy_name
        self._named = tuple(Named(policy_name, each) for each in policy.statements)
        self._splits: dict[tuple[str, Grantees], Split] = {}

    @property
    def statements(self) -> tuple[Statement, ...]:
        return tuple(named.statement for named in self._named)

    def about(self, action: str, principal: Principal) -> Split:
        """The statements worth weighing when `principal` asks for `action`, and the others, each
        with its reason. Callers and actions come again and again, so this is kept."""
        asked = action, principal.grantees
        split = self._splits.get(asked)
        if split is None:
            if len(self._splits) >= _MOST_SPLITS:
                self._splits.clear()
            split = self._splits[asked] = self._split(action.lower(), principal)
        return split

    def _split(self, action: str, principal: Principal) -> Split:
        weighed: list[Weighed] = []
        passed_over: list[PassedOver] = []
        for named in self._named:
            statement = named.statement
            strength = statement.naming(principal)
            if not statement.covers(action):
                passed_over.append((named, ANOTHER_ACTION))
            elif strength == NOT_NAMED:
                passed_over.append((named, ANOTHER_PRINCIPAL))
            else:
                weighed.append(Weighed(named, strength, statement.is_everywhere))
        return tuple(weighed), tuple(passed_over)


# --- The kinds of policy ------------------------------------------------------------------


class _Kind(NamedTuple):
    """What is peculiar to key, bucket, trust and identity policies."""

    has_principal: bool
    ignored: frozenset[str] = frozenset()


# The KMS Developer Guide: kms:ResourceAliases works in IAM policies only.
_KEY = _Kind(has_principal=True, ignored=frozenset({"kms:resourcealiases"}))
_BUCKET = _Kind(has_principal=True)
_TRUST = _Kind(has_principal=True)
_IDENTITY = _Kind(has_principal=False)


# A compiled policy takes up to fifty times the room of its text, so few are kept.
@lru_cache(maxsize=128)
def key_policy(text: str) -> PolicyInForce:
    """Compile a key policy. In it `Resource: "*"` means the one key it belongs to."""
    return read_key_policy(text)


def read_key_policy(text: str) -> PolicyInForce:
    """The same for a text that will hardly come again."""
    if found := _OUTSIDE_LATIN_1.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise PolicyError("The policy has characters that a policy may not have.", f"line {line}")
    return PolicyInForce("key policy", _compile(policy_document(text), _KEY))


@lru_cache(maxsize=128)
def bucket_policy(text: str, bucket_name: str) -> PolicyInForce:
    """Compile the policy of a bucket. It speaks of that bucket and what lies in it, and raises
    PolicyError in the words of S3."""
    return read_bucket_policy(text, bucket_name)


def read_bucket_policy(text: str, bucket_name: str) -> PolicyInForce:
    """The same for a text that will hardly come again."""
    document = bucket_policy_document(text, bucket_name)
    with in_words_of_s3("Invalid policy syntax."):
        return PolicyInForce("bucket policy", _compile(document, _BUCKET))


@lru_cache(maxsize=128)
def trust_policy(text: str) -> PolicyInForce:
    """Compile the policy that says who may assume a role. It has no Resource: the role is it."""
    return PolicyInForce("trust policy", _compile(policy_document(text), _TRUST))


@lru_cache(maxsize=128)
def identity_policy(text: str) -> Policy:
    """Compile a policy of a user or role, a permissions boundary or a session policy."""
    return read_identity_policy(text)


def read_identity_policy(text: str) -> Policy:
    """The same for a text that will hardly come again."""
    return _compile(policy_document(text), _IDENTITY)


def _compile(document: dict[str, Any], kind: _Kind) -> Policy:
    refuse_unknown(document, DOCUMENT_ELEMENTS, "document")
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError("Policy has an Id that is not text.", "Id")
    version = document.get("Version", WITHOUT_VARIABLES)
    if version not in VERSIONS:
        raise PolicyError("Policy has an unknown Version.", "Version")
    statements = statements_of(document)
    if kind is _IDENTITY:
        _refuse_repeated_sids(statements)
    return Policy(
        tuple(
            _compile_statement(statement, f"statement {number}", kind, version == WITH_VARIABLES)
            for number, statement in enumerate(statements, start=1)
        )
    )


def _compile_statement(statement: Any, place: str, kind: _Kind, with_variables: bool) -> Statement:
    if not isinstance(statement, dict):
        raise PolicyError("Policy has a Statement that is not a JSON object.", place)
    refuse_unknown(statement, STATEMENT_ELEMENTS, place)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Policy has a statement without Effect Allow or Deny.", place)
    _check_elements(statement, place, kind)
    actions, not_actions = both(statement, "Action", place)
    resources, not_resources = both(statement, "Resource", place)
    if kind is _TRUST:
        resources = ["*"]
    return Statement(
        label=statement.get("Sid") or place,
        allows=statement["Effect"] == "Allow",
        who=principal_element(statement, place) if kind.has_principal else None,
        actions=tuple(_action(text, place) for text in actions),
        not_actions=tuple(_action(text, place) for text in not_actions),
        resources=_resources(resources, place, with_variables),
        not_resources=_resources(not_resources, place, with_variables),
        conditions=_conditions(statement, place, kind, with_variables),
    )


def _check_elements(statement: dict[str, Any], place: str, kind: _Kind) -> None:
    """Which elements a statement of this kind must have, and which it must not."""
    if not isinstance(statement.get("Sid", ""), str):
        raise PolicyError("Policy has a Sid that is not text.", place)
    has_principal = "Principal" in statement or "NotPrincipal" in statement
    if kind.has_principal and not has_principal:
        raise PolicyError(
            "Policy contains a statement with no principal."
            if kind is _KEY
            else "Missing required field Principal",
            place,
        )
    if not kind.has_principal and has_principal:
        raise PolicyError("Policy document should not specify a principal.", place)
    if kind is _TRUST and ("Resource" in statement or "NotResource" in statement):
        raise PolicyError("Has prohibited field Resource", place)
    if kind is not _KEY and not (statement.get("Action") or statement.get("NotAction")):
        raise PolicyError("Policy statement must contain actions.", place)
    if kind is _IDENTITY and not (statement.get("Resource") or statement.get("NotResource")):
        raise PolicyError("Policy statement must contain resources.", place)
    if kind is _IDENTITY and not _IDENTITY_SID.fullmatch(statement.get("Sid", "")):
        raise PolicyError(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*",
            place,
        )


def _resources(texts: list[str], place: str, with_variables: bool) -> tuple[ResourcePattern, ...]:
    with _placed(place):
        return tuple(resource_pattern(text, with_variables) for text in texts)


def _conditions(
    statement: dict[str, Any], place: str, kind: _Kind, with_variables: bool
) -> tuple[ConditionTest, ...]:
    if "Condition" not in statement:
        return ()
    with _placed(place):
        tests = compile_condition(statement["Condition"], with_variables, kind.ignored)
    if kind is _KEY:
        for test in tests:
            _refuse_overly_permissive(test, place)
    return tests


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Let a PolicyError that is raised inside name the statement too."""
    try:
        yield
    except PolicyError as problem:
        raise PolicyError(str(problem), ", ".join(filter(None, (place, problem.place)))) from None


def _refuse_overly_permissive(test: ConditionTest, place: str) -> None:
    """ForAllValues holds where nothing was sent; on a key of one value nobody can mean that
    (KMS Developer Guide, "kms:EncryptionContext:context-key")."""
    single = folded(test.name).startswith(("kms:encryptioncontext:", "aws:requesttag/"))
    if single and test.operator.startswith("ForAllValues:"):
        raise PolicyError(
            f"OverlyPermissiveCondition: ForAllValues with the single-valued condition key "
            f"{test.name}.",
            f"{place}, Condition, {test.operator}",
        )


# --- The elements of a statement -----------------------------------------------------------


def _action(text: str, place: str) -> Matches:
    if not _ACTION.fullmatch(text):
        raise PolicyError(
            f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: "
            f"{text[:100]}",
            f"{place}, Action",
        )
    return wildcard(text, ignore_case=True)


def _refuse_repeated_sids(statements: list[Any]) -> None:
    found = [each.get("Sid") for each in statements if isinstance(each, dict)]
    sids = [sid for sid in found if sid and isinstance(sid, str)]
    if len(set(sids)) < len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.", "Statement")
