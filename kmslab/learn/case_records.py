"""The records of an authorization case: its key, its grants, and who calls with which policies.

They are made out of the case alone and stored nowhere. What is asked about them is not known
here, nor what the answer should be.
"""

from collections.abc import Mapping
from typing import Any

from kmslab.access.decision import Identities
from kmslab.access.identities import role_identities, root_identities, user_identities
from kmslab.access.principals import (
    BY_ACCOUNT,
    EVERYONE,
    ITSELF,
    Principal,
    root_principal,
    service_principal,
    session_principal,
    user_principal,
)
from kmslab.arn import account_root_arn, policy_arn
from kmslab.learn.authorization_cases import Case
from kmslab.learn.case_texts import REGION, Names, policy_text, principal_arn
from kmslab.services.callers import Caller
from kmslab.store.iam_records import Role, RoleSession, User
from kmslab.store.records import Grant, KmsKey

NOW = 1_767_322_800.0
_SPREADS_IN = 300.0
_LONG_AGO = NOW - 3600.0


def kms_key_of(case: Case, names: Names) -> KmsKey:
    return KmsKey(
        case.owner,
        REGION,
        names["key id"],
        creation_date=_LONG_AGO,
        policy=policy_text(case.key_policy, names),
        key_material_id="",
        key_spec=case.key.spec,
        key_usage=case.key.usage,
        alias_names=tuple(case.key.aliases),
        tags=tuple(case.key.tags.items()),
    )


def grant_id(number: int) -> str:
    return f"{number:064x}"


def grant_of(given: Mapping[str, Any], kms_key: KmsKey, number: int) -> Grant:
    constraints = given.get("Constraints", {})
    made = NOW if given.get("fresh") else _LONG_AGO
    ended = {"just now": NOW, "long ago": _LONG_AGO}.get(given.get("ended", ""))
    return Grant(
        kms_key.account,
        kms_key.region,
        kms_key.key_id,
        grant_id(number),
        given.get("GranteePrincipal") or given["GranteeServicePrincipal"],
        tuple(given["Operations"]),
        creation_date=made,
        effective_from=made + _SPREADS_IN,
        issuing_account=given.get("by", kms_key.account),
        retiring_principal=given.get("RetiringPrincipal", ""),
        subset=_pairs(constraints.get("EncryptionContextSubset")),
        equals=_pairs(constraints.get("EncryptionContextEquals")),
        source_arn=constraints.get("SourceArn", ""),
        removed_at=ended,
        ends_at=None if ended is None else ended + _SPREADS_IN,
    )


def _pairs(given: Mapping[str, str] | None) -> tuple[tuple[str, str], ...] | None:
    return None if given is None else tuple(sorted(given.items()))


# --- Who calls ----------------------------------------------------------------------------


def caller_of(case: Case, names: Names) -> Caller:
    """The caller, with the services that forward its call."""
    caller = _signer(case, names)
    principal = caller.principal
    for service in case.who.via:
        principal = principal.forwarded_by(service)
    return caller._replace(principal=principal)


def _signer(case: Case, names: Names) -> Caller:
    who = case.who
    if who.kind == "service":
        principal = service_principal(who.principal, who.source_arn, who.source_account)
        return Caller(principal, Identities())
    if who.kind == "root":
        return Caller(root_principal(who.account, ""), root_identities())
    if who.kind == "federated-user":
        return Caller(_federated(who.account, principal_arn(who.principal)), Identities())
    return _user(case, names) if who.kind == "user" else _session(case, names)


def _user(case: Case, names: Names) -> Caller:
    who, (policies, boundary) = case.who, _policies(case, names)
    boundary_arn = policy_arn(who.account, "boundary") if boundary else ""
    tags = tuple(who.tags.items())
    user = User(who.account, who.name, "", policies, (), boundary_arn, who.path, tags=tags)
    return Caller(user_principal(user, ""), user_identities(user, lambda _: boundary))


def _session(case: Case, names: Names) -> Caller:
    who, (policies, boundary) = case.who, _policies(case, names)
    boundary_arn = policy_arn(who.account, "boundary") if boundary else ""
    tags = tuple(who.tags.items())
    role = Role(who.account, who.name, "", "", policies, (), boundary_arn, who.path, tags=tags)
    session_policies = None
    if case.session_policy is not None:
        session_policies = (("", policy_text(case.session_policy, names)),)
    session_name = who.principal.rpartition("/")[2]
    signs_with = ("", "", "")
    until = NOW + 3600
    session = RoleSession(
        *signs_with, who.account, who.name, "", session_name, NOW, until, session_policies
    )
    principal = session_principal(role, session)
    return Caller(principal, role_identities(role, session, lambda _: boundary))


def _policies(case: Case, names: Names) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The inline policies, and the text of the boundary."""
    inline = [policy_text(each, names) for each in case.identity_policies]
    boundary = None if case.boundary is None else policy_text(case.boundary, names)
    return tuple((str(number), text) for number, text in enumerate(inline)), boundary


def _federated(account: str, arn: str) -> Principal:
    names = {arn: ITSELF, EVERYONE: ITSELF, account_root_arn(account): BY_ACCOUNT}
    return Principal(arn, account, arn, {}, names, {"aws:principalarn": arn})
