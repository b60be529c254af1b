"""Authorization cases asked of the rules alone: no service, no signature, nothing stored.

A case becomes records, and the records become questions to `kmslab.access`: one for every right
that the operation takes. What the answers should be is not known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from kmslab.access.context import RequestContext, Value, folded
from kmslab.access.decision import Decision, OwnerSide, decide
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import Question, key_policy
from kmslab.access.principals import Principal
from kmslab.access.retirement import decide_retirement
from kmslab.arn import alias_arn
from kmslab.learn.authorization_cases import Case
from kmslab.learn.case_records import NOW, caller_of, grant_id, grant_of, kms_key_of
from kmslab.learn.case_texts import REGION, Names, filled, policy_text, request_of
from kmslab.services.callers import Caller
from kmslab.services.condition_keys import INTERNAL, Origin, context_of, encryption_context_of
from kmslab.store.grant_index import GrantIndex
from kmslab.store.records import Grant, KmsKey

_KEY_ID, _SECOND_KEY_ID = (f"{digit * 8}-12ab-34cd-56ef-1234567890ab" for digit in "12")
_DIRECT = Origin("127.0.0.1", "boto3", secure=True)

_OF_NO_KEY = frozenset(
    {"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"}
)


@dataclass
class _Asked:
    """A call, as far as condition keys look at it (`services.condition_keys.Asked`)."""

    principal: Principal
    operation: str
    parameters: dict[str, Any]
    more_context: dict[str, Value]
    origin: Origin
    service: str = "kms"
    region: str = REGION
    now: float = NOW


class _World(NamedTuple):
    """A case, with everything in it made."""

    case: Case
    names: Names
    caller: Caller
    asked: _Asked
    kms_key: KmsKey
    second_key: KmsKey | None
    grants: tuple[Grant, ...]


def decide_in_world(case: Case) -> Decision:
    """The first decision that denies, else the first one."""
    first = None
    for decision in _decisions(_world(case)):
        first = first or decision
        if not decision.allowed:
            return decision
    if first is None:
        raise ValueError(f"{case.name}: nothing was asked")
    return first


def _decisions(world: _World) -> Iterator[Decision]:
    operation, parameters = world.case.operation, world.asked.parameters
    if operation == "ReEncrypt":
        assert world.second_key
        yield _on_key(world, "ReEncryptFrom", world.kms_key)
        yield _on_key(world, "ReEncryptTo", world.second_key)
    elif operation == "RetireGrant":
        yield _retirement(world)
    elif operation in _OF_NO_KEY:
        yield from _of_no_key(world)
    else:
        if "AliasName" in parameters:
            arn = alias_arn(world.case.who.account, REGION, parameters["AliasName"])
            yield _in_account(world, f"kms:{operation}", arn)
        yield _on_key(world, operation, world.kms_key)
        if operation == "UpdateAlias":
            assert world.second_key
            yield _on_key(world, operation, world.second_key)
        if operation == "ReplicateKey":
            yield _in_account(world, "kms:CreateKey")
    if "Policy" in parameters and not parameters.get("BypassPolicyLockoutSafetyCheck"):
        yield _under_new_policy(world)


def _of_no_key(world: _World) -> Iterator[Decision]:
    yield _in_account(world, f"kms:{world.case.operation}")
    if "Tags" in world.asked.parameters:
        yield _in_account(world, "kms:TagResource")
    if world.asked.parameters.get("MultiRegion"):
        yield _in_account(world, "iam:CreateServiceLinkedRole")


def _on_key(world: _World, action: str, kms_key: KmsKey) -> Decision:
    index = GrantIndex()
    for grant in world.grants:
        index.put(grant)
    grants = GrantsInForce(index.on(kms_key.own_shelf), NOW, _shown(world))
    owner_side = OwnerSide(key_policy(kms_key.policy), kms_key.account, grants)
    question = _question(world, f"kms:{action}", kms_key.arn, kms_key)
    return decide(question, world.caller.identities, owner_side)


def _in_account(world: _World, action: str, resource: str = "*") -> Decision:
    return decide(_question(world, action, resource), world.caller.identities, None)


def _under_new_policy(world: _World) -> Decision:
    """The lockout safety check: could the caller still change the policy?"""
    new_policy = key_policy(world.asked.parameters["Policy"])
    question = _question(world, "kms:PutKeyPolicy", world.kms_key.arn, world.kms_key)
    owner_side = OwnerSide(new_policy, world.kms_key.account)
    return decide(question, world.caller.identities, owner_side)


def _retirement(world: _World) -> Decision:
    return decide_retirement(
        _question(world, "kms:RetireGrant", world.kms_key.arn, world.kms_key),
        world.caller.identities,
        key_policy(world.kms_key.policy),
        world.grants[0],
        NOW,
    )


def _shown(world: _World) -> frozenset[str]:
    shows = "GrantTokens" in world.asked.parameters
    return frozenset((world.grants[0].grant_id,) if shows else ())


def _question(world: _World, action: str, resource: str, kms_key: KmsKey | None = None) -> Question:
    name = action.partition(":")[2]
    asked_grant = None
    if name == "CreateGrant":
        asked_grant = grant_of(world.asked.parameters, world.kms_key, len(world.grants))
    context: RequestContext = context_of(world.asked, kms_key, name)
    pairs = encryption_context_of(world.asked, name)
    return Question(world.caller.principal, action, resource, context, pairs, asked_grant)


# --- From a case to its world --------------------------------------------------------------


def _world(case: Case) -> _World:
    names = _names(case)
    caller = caller_of(case, names)
    kms_key = kms_key_of(case, names)
    second_key = None
    if case.second_key:
        second_policy = policy_text(case.second_key.key_policy, names)
        second_key = KmsKey(case.second_key.owner, REGION, _SECOND_KEY_ID, 0.0, second_policy, "")
    direct = not case.who.via and case.who.kind != "service"
    asked = _Asked(
        caller.principal,
        case.operation,
        request_of(case.operation, case.request, names),
        {folded(name): _value(each) for name, each in case.context.items()},
        _DIRECT if direct else INTERNAL,
    )
    grants = tuple(
        grant_of(filled(given, names), kms_key, number) for number, given in enumerate(case.grants)
    )
    return _World(case, names, caller, asked, kms_key, second_key, grants)


def _names(case: Case) -> Names:
    key_id = case.key.KeyId or _KEY_ID
    head = f"arn:aws:kms:{REGION}"
    second_owner = case.second_key.owner if case.second_key else case.owner
    alias_name = case.key.aliases[0] if case.key.aliases else "alias/none"
    return {
        "key": f"{head}:{case.owner}:key/{key_id}",
        "key id": key_id,
        "alias": f"{head}:{case.owner}:{alias_name}",
        "second key": f"{head}:{second_owner}:key/{_SECOND_KEY_ID}",
        "grant id": grant_id(0),
        "grant token": "a grant token",
    }


def _value(given: Any) -> Value:
    return tuple(given) if isinstance(given, list) else given
