"""Worlds to decide in, made at random: few names, so that policies and callers often meet.

A world is JSON-like values alone. `decided` asks `kmslab.access` about it; any other evaluator can
read the same values.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

from kmslab.access.context import RequestContext
from kmslab.access.decision import Decision, Identities, OwnerSide, decide
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import PolicyInForce, Question, identity_policy, key_policy
from kmslab.access.principals import (
    Principal,
    root_principal,
    service_principal,
    session_principal,
    user_principal,
)
from kmslab.store.grant_index import GrantIndex
from kmslab.store.iam_records import Role, RoleSession, User
from kmslab.store.records import Grant

OWNER, FOREIGN = "111122223333", "444455556666"
KEY_ID = "11111111-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:{OWNER}:key/{KEY_ID}"
OTHER_KEY = KEY.replace("1" * 8, "2" * 8)
SERVICE = "cloudtrail.amazonaws.com"
NOW, SPREADS_IN = 1000.0, 300.0
ACTIONS = ("Encrypt", "Decrypt", "DescribeKey", "GetKeyPolicy")
KINDS = ("user", "user", "session", "session", "root", "service")


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def user(account: str, name: str = "alice") -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def role(account: str) -> str:
    return f"arn:aws:iam::{account}:role/app"


def session(account: str, name: str = "one") -> str:
    return f"arn:aws:sts::{account}:assumed-role/app/{name}"


NAMES = tuple(
    name
    for account in (OWNER, FOREIGN)
    for name in (root(account), user(account), role(account), session(account), account)
)
STRANGERS = (user(OWNER, "bob"), session(OWNER, "two"), role(OWNER).replace("app", "batch"))


@dataclass(frozen=True)
class World:
    """One question. Policies are documents; `boundary` and `session_policy` may be None; a grant
    has the members of a CreateGrant request, and `token_shown`, `spread` and `ended`."""

    kind: str
    account: str
    action: str
    key_policy: dict[str, Any]
    identity: list[dict[str, Any]]
    boundary: dict[str, Any] | None = None
    session_policy: dict[str, Any] | None = None
    grants: list[dict[str, Any]] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)

    def documents(self) -> dict[str, list[dict[str, Any]]]:
        """All policies, by layer."""
        limits = {"boundary": self.boundary, "session_policy": self.session_policy}
        return {
            "key_policy": [self.key_policy],
            "identity": self.identity,
            **{layer: [each] for layer, each in limits.items() if each is not None},
        }

    def edited(self) -> "World":
        """A copy whose policies and grants may be changed."""
        return deepcopy(self)


# --- Made at random -----------------------------------------------------------------------


def random_world(random: Random, **fixed: Any) -> World:
    kind = fixed.get("kind") or random.choice(KINDS)
    pairs = {name: random.choice(("red", "blue")) for name in "ab" if random.random() < 0.5}
    world = World(
        kind=kind,
        account=random.choice((OWNER, OWNER, FOREIGN)),
        action=random.choice(ACTIONS),
        key_policy=random_policy(random, with_principal=True),
        identity=[random_policy(random) for _ in range(random.choice((0, 1, 1, 2)))],
        boundary=random_policy(random) if random.random() < 0.3 else None,
        session_policy=random_policy(random) if random.random() < 0.3 else None,
        grants=[random_grant(random) for _ in range(random.choice((0, 0, 1, 3)))],
        context=random_context(random, pairs),
        pairs=pairs,
    )
    return replace(_only_what_it_can_have(world), **fixed)


def _only_what_it_can_have(world: World) -> World:
    if world.kind in ("root", "service"):
        world = replace(world, identity=[], boundary=None)
    return world if world.kind == "session" else replace(world, session_policy=None)


def random_policy(random: Random, with_principal: bool = False) -> dict[str, Any]:
    statements = [
        random_statement(random, with_principal) for _ in range(random.choice((1, 2, 2, 3)))
    ]
    version = random.choice(("2012-10-17", "2012-10-17", "2008-10-17"))
    return {"Version": version, "Statement": statements}


def random_statement(random: Random, with_principal: bool, effect: str = "") -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect or random.choice(("Allow",) * 11 + ("Deny",))}
    if with_principal:
        element = "NotPrincipal" if random.random() < 0.12 else "Principal"
        statement[element] = _random_principal(random)
    _add_actions(random, statement)
    _add_resources(random, statement)
    if random.random() < 0.3:
        statement["Condition"] = random_condition(random)
    return statement


def _random_principal(random: Random) -> Any:
    if random.random() < 0.15:
        return random.choice(("*", {"AWS": "*"}))
    if random.random() < 0.1:
        return {"Service": SERVICE, "AWS": random.choice(NAMES)}
    return {"AWS": random.sample(NAMES + STRANGERS, random.choice((1, 1, 2, 3, 8)))}


_SOME_ACTIONS = (
    *("*", "kms:*", "kms:*", "KMS:*", "kms:Encrypt", "kms:encrypt", "kms:*crypt", "kms:De*"),
    *("kms:?*", "kms:?ecrypt", "kms:D*ey", "kms:GetKeyPolicy", "kms:Get*", "s3:*"),
)
_SOME_RESOURCES = (
    *(
        "*",
        "*",
        "*",
        "*",
        KEY,
        KEY,
        f"arn:aws:kms:*:{OWNER}:key/*",
        "arn:aws:kms:us-east-?:*:key/1*ab",
    ),
    *(OTHER_KEY, "arn:aws:kms:*:*:alias/*", KEY_ID, KEY.upper()),
)


def _add_actions(random: Random, statement: dict[str, Any]) -> None:
    element = "NotAction" if random.random() < 0.15 else "Action"
    statement[element] = random.sample(_SOME_ACTIONS, random.choice((1, 1, 2, 3)))


def _add_resources(random: Random, statement: dict[str, Any]) -> None:
    element = "NotResource" if random.random() < 0.1 else "Resource"
    statement[element] = random.sample(_SOME_RESOURCES, random.choice((1, 1, 2)))


_OF_ONE_VALUE = ("kms:EncryptionContext:a", "KMS:encryptioncontext:B", "kms:ViaService")
_OPERATORS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")
_VALUES = ("red", "blue", "r*", "?ed", "*", "s3.us-east-1.amazonaws.com", "${aws:username}")


def random_condition(random: Random) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    for _ in range(random.choice((1, 1, 2))):
        roll = random.random()
        if roll < 0.2:
            operator, name = "Null", random.choice((*_OF_ONE_VALUE, "kms:EncryptionContextKeys"))
            values: list[str] = [random.choice(("true", "false"))]
        elif roll < 0.4:
            operator = random.choice(("ForAllValues:", "ForAnyValue:")) + random.choice(_OPERATORS)
            name, values = "kms:EncryptionContextKeys", random.sample(("a", "b", "?", "c"), 2)
        else:
            operator = random.choice(_OPERATORS) + random.choice(("", "", "IfExists"))
            name = random.choice(_OF_ONE_VALUE)
            values = random.sample(_VALUES, random.choice((1, 1, 2)))
        condition.setdefault(operator, {})[name] = values if len(values) > 1 else values[0]
    return condition


def random_grant(random: Random, **fixed: Any) -> dict[str, Any]:
    constraints = {}
    if random.random() < 0.4:
        kind = random.choice(("EncryptionContextEquals", "EncryptionContextSubset"))
        names = random.sample("ab", random.choice((1, 1, 2)))
        constraints[kind] = {name: random.choice(("red", "blue")) for name in names}
    grantees = tuple(name for name in NAMES + STRANGERS if name.startswith("arn:"))
    return {
        "GranteePrincipal": random.choice(grantees),
        "Operations": random.sample(ACTIONS[:3], random.choice((1, 2, 3))),
        "Constraints": constraints,
        "spread": random.random() < 0.8,
        "token_shown": random.random() < 0.3,
        "ended": random.random() < 0.15,
        **fixed,
    }


def random_context(random: Random, pairs: dict[str, str]) -> dict[str, Any]:
    context: dict[str, Any] = {f"kms:encryptioncontext:{name}": pairs[name] for name in pairs}
    if pairs:
        context["kms:encryptioncontextkeys"] = list(pairs)
    if random.random() < 0.3:
        context["kms:viaservice"] = "s3.us-east-1.amazonaws.com"
    if random.random() < 0.5:
        context["aws:username"] = random.choice(("red", "alice"))
    return context


# --- Asked of kmslab.access ---------------------------------------------------------------


class AllGrants(NamedTuple):
    """A GrantFinder that finds too much: every grant is a candidate."""

    grants: list[Grant]

    def candidates(self, grantee: str, operation: str, pairs: Mapping[str, str]) -> list[Grant]:
        return self.of(grantee)

    def of(self, grantee: str) -> list[Grant]:
        return [grant for grant in self.grants if grant.grantee_principal == grantee]


def decided(world: World, through_index: bool = True) -> Decision:
    found = [_grant(grant, number) for number, grant in enumerate(world.grants)]
    index = GrantIndex()
    for grant in found:
        index.put(grant)
    finder = index.on(f"{OWNER}/us-east-1/{KEY_ID}") if through_index else AllGrants(found)
    shown = {f"{n:064x}" for n, grant in enumerate(world.grants) if grant["token_shown"]}
    grants = GrantsInForce(finder, NOW, frozenset(shown))
    context = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in world.context.items()
    }
    question = Question(
        _principal(world), f"kms:{world.action}", KEY, RequestContext.of(context), world.pairs
    )
    return decide(question, _identities(world), OwnerSide(_key_policy(world), OWNER, grants))


def _key_policy(world: World) -> PolicyInForce:
    return key_policy(json.dumps(world.key_policy))


def _identities(world: World) -> Identities:
    documents = world.documents()
    compiled = {
        layer: tuple(PolicyInForce(layer, identity_policy(json.dumps(each))) for each in listed)
        for layer, listed in documents.items()
        if layer != "key_policy"
    }
    own = compiled["identity"]
    if world.kind == "root":
        everything = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        own = (PolicyInForce("root", identity_policy(json.dumps(everything))),)
    return Identities(own, compiled.get("boundary"), compiled.get("session_policy"))


def _principal(world: World) -> Principal:
    account = world.account
    if world.kind == "user":
        return user_principal(User(account, "alice", ""), "")
    if world.kind == "root":
        return root_principal(account, "")
    if world.kind == "service":
        return service_principal(SERVICE)
    one = RoleSession("", "", "", account, "app", "", "one", NOW, NOW)
    return session_principal(Role(account, "app", "", ""), one)


def _grant(given: dict[str, Any], number: int) -> Grant:
    made = NOW - 2 * SPREADS_IN if given["spread"] else NOW
    constraints = given["Constraints"]
    equals, subset = (
        tuple(sorted(constraints[kind].items())) if kind in constraints else None
        for kind in ("EncryptionContextEquals", "EncryptionContextSubset")
    )
    return Grant(
        *(OWNER, "us-east-1", KEY_ID, f"{number:064x}", given["GranteePrincipal"]),
        operations=tuple(given["Operations"]),
        creation_date=made,
        effective_from=made + SPREADS_IN,
        issuing_account=OWNER,
        equals=equals,
        subset=subset,
        ends_at=NOW if given["ended"] else None,
    )
