"""Named questions of authorization with the answers of AWS's documents, and two ways to ask them.

The cases stand in data/authorization_cases.json, which says how it is read. `decide_case` asks
the rules of `kmslab.access` alone; `run_case` makes keys, users and grants in a lab and sends the
call. This module knows the file and its members, and nothing of what the answers should be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kmslab import project
from kmslab.learn.case_texts import ACCOUNT

if TYPE_CHECKING:
    import pandas

    from kmslab.access.decision import Decision

SOURCE = project.FOLDER / "data" / "authorization_cases.json"
ALLOWED, DENIED, NOT_BUILT = "allowed", "denied", "not built"
TABLE = ("name", "who", "operation", "expected", "because")

Json = Any


class Who(NamedTuple):
    """Who calls. `via` are the services that forward the call; `source_arn` and `source_account`
    are what a service that calls for itself does it for."""

    principal: str = "user/alice"
    path: str = "/"
    tags: Mapping[str, str] = {}
    via: tuple[str, ...] = ()
    source_arn: str = ""
    source_account: str = ""

    @property
    def account(self) -> str:
        return self.principal.rpartition(":")[0] or ACCOUNT

    @property
    def kind(self) -> str:
        """user, assumed-role, federated-user, root or service."""
        name = self.principal.rpartition(":")[2]
        return "service" if name.endswith(".amazonaws.com") else name.partition("/")[0]

    @property
    def name(self) -> str:
        """user/NAME, assumed-role/NAME/session."""
        return self.principal.split("/")[1]

    def __str__(self) -> str:
        return " via ".join((self.principal, *reversed(self.via)))


class Key(NamedTuple):
    """What is peculiar to the KMS key in question."""

    KeyId: str = ""
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = {}
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"


class SecondKey(NamedTuple):
    """The key that a call needs besides, or that a policy speaks of."""

    owner: str = ACCOUNT
    key_policy: Json = "default"


@dataclass(frozen=True)
class Case:
    """One question and its answer. Members are as the file has them; policies, request and grants
    still in its short forms."""

    name: str
    topic: str
    source: str
    expected: str
    because: str
    who: Who = field(default_factory=Who)
    operation: str = "Encrypt"
    request: Mapping[str, Json] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    owner: str = ACCOUNT
    key_policy: Json = "default"
    key: Key = field(default_factory=Key)
    second_key: SecondKey | None = None
    identity: Json = ()
    boundary: Json = None
    session_policy: Json = None
    grants: tuple[Mapping[str, Json], ...] = ()

    @property
    def identity_policies(self) -> list[Json]:
        """Each of the caller's own policies."""
        several = not self.identity or isinstance(self.identity, dict)
        if several or isinstance(self.identity[0], dict):
            return [self.identity] if self.identity else []
        return list(self.identity)


def authorization_cases(source: Path = SOURCE) -> list[Case]:
    """All cases, in the file's order. Raises ValueError for one that breaks a rule of the file."""
    return list(_load(source))


def find_case(name: str) -> Case:
    """The case of this name. Raises ValueError where there is none."""
    for case in _load(SOURCE):
        if case.name == name:
            return case
    raise ValueError(f"there is no authorization case {name!r}")


def decide_case(case: Case) -> "Decision":
    """What the rules of `kmslab.access` decide: the first decision that denies, else the first."""
    from kmslab.learn.case_worlds import decide_in_world

    return decide_in_world(case)


def run_case(case: Case) -> str:
    """What becomes of the call in a lab, "allowed" or "denied"; "not built" for what a lab
    cannot show yet. Raises ClientError for any other refusal."""
    from kmslab.learn.case_labs import run_in_lab

    return run_in_lab(case)


def case_table(topic: str | None = None) -> "pandas.DataFrame":
    """The cases of one topic, or all of them. Raises ValueError for a topic that has none."""
    # Only a notebook wants a table; it takes longer to import than all cases to decide.
    import pandas

    chosen = [case for case in _load(SOURCE) if topic in (None, case.topic)]
    if not chosen:
        topics = list(dict.fromkeys(case.topic for case in _load(SOURCE)))
        raise ValueError(f"there is no topic {topic!r}, only {topics}")
    rows = [[str(getattr(case, column)) for column in TABLE] for case in chosen]
    return pandas.DataFrame(rows, columns=list(TABLE))


def reason(decision: "Decision") -> str:
    """Why, in the words of the file."""
    if decision.explicit:
        article = "an" if decision.missing.startswith("identity") else "a"
        return f"explicit deny in {article} {decision.missing}"
    if not decision.allowed:
        return f"no {decision.missing}"
    kinds = [_kind_of_policy(named.policy_name) for named in decision.decided_by]
    return " + ".join(["grant", *kinds] if decision.grant else kinds)


def _kind_of_policy(policy_name: str) -> str:
    for kind in ("key policy", "permissions boundary", "session policy"):
        if policy_name.startswith(kind):
            return kind
    return "root user" if policy_name.endswith("root user") else "identity-based policy"


# --- Reading the file ---------------------------------------------------------------------

_MEMBERS = {each.name for each in fields(Case)} - {"topic"} | {"condition"}
_FILE, _TOPIC = {"how_to_read", "policies", "topics"}, {"topic", "source", "given", "cases"}
_GRANT = {
    *("GranteePrincipal", "GranteeServicePrincipal", "RetiringPrincipal"),
    *("RetiringServicePrincipal", "Operations", "Constraints", "fresh", "ended", "by"),
}


@cache
def _load(source: Path) -> tuple[Case, ...]:
    document = json.loads(source.read_text(encoding="utf-8"))
    _check_members(document, _FILE, source.name)
    cases: list[Case] = []
    for topic in document["topics"]:
        _check_members(topic, _TOPIC, "a topic")
        for written in topic["cases"]:
            given = {**topic.get("given", {}), "source": topic["source"], **written}
            cases.append(_case(topic["topic"], given, document["policies"]))
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise ValueError(f"{max(names, key=names.count)!r} names more than one case")
    return tuple(cases)


def _case(topic: str, given: dict[str, Json], policies: Mapping[str, Json]) -> Case:
    _check_members(given, _MEMBERS, str(given.get("name")))
    members = dict(given)
    if "condition" in members:
        statement = {"Principal": "user/alice", "Condition": members.pop("condition")}
        members["key_policy"] = [statement]
    members["key_policy"] = _named_policy(members.get("key_policy", "default"), policies)
    if "second_key" in members:
        second = SecondKey(**members["second_key"])
        key_policy = _named_policy(second.key_policy, policies)
        members["second_key"] = second._replace(key_policy=key_policy)
    members["key"] = Key(**members.get("key", {}))
    members["who"] = _who(members.get("who", "user/alice"))
    members["grants"] = tuple(members.get("grants", ()))
    for grant in members["grants"]:
        _check_members(grant, _GRANT, members["name"])
    case = Case(topic=topic, **members)
    if case.expected not in (ALLOWED, DENIED):
        raise ValueError(f"{case.name}: expected is {case.expected!r}")
    return case


def _who(written: Json) -> Who:
    if isinstance(written, str):
        return Who(written)
    return Who(**{**written, "via": tuple(written.get("via", ()))})


def _named_policy(policy: Json, policies: Mapping[str, Json]) -> Json:
    if isinstance(policy, str) and policy not in policies:
        raise ValueError(f"no such policy: {policy!r}")
    return policies[policy] if isinstance(policy, str) else policy


def _check_members(written: Mapping[str, Json], known: set[str], place: str) -> None:
    unknown = set(written) - known
    if unknown:
        raise ValueError(f"{place}: unknown member {min(unknown)!r}")
