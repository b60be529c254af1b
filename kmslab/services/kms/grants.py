"""Grants: made by one call, retired or revoked by another.

A grant lets one principal do some operations with one key, without a change to any policy (KMS
Developer Guide, "Grants in AWS KMS"). Its beginning and its end take some time to spread through
KMS, `call.grant_propagation`; until its end has spread it still works, but cannot be ended again.
What CreateGrant may ask for stands in `grant_requests`, lists in `grant_lists`.
"""

import re
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from kmslab import errors
from kmslab.access.retirement import decide_retirement
from kmslab.access.stored_policies import stored_key_policy
from kmslab.errors import ServiceError
from kmslab.services.call import Call
from kmslab.services.grant_tokens import grant_name_of_token, grant_of_token, new_grant_token
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.grant_requests import (
    asked_grant,
    check_grant,
    check_request,
    invalid_arn,
)
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_states import require_state
from kmslab.store.records import Grant, KmsKey, shelf_of

_MOST_PER_KEY = 50_000
_GRANT_ID = re.compile("[0-9a-f]{64}", re.ASCII)
_OF_ONE_REQUEST = {"grant_id", "creation_date", "effective_from", "issuing_account"}
# All but what differs from one request to the next, and operations, which have no order.
_terms = attrgetter(
    *sorted({member.name for member in fields(Grant)} - _OF_ONE_REQUEST - {"operations"})
)


def create_grant(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html"""
    call.begin_change()
    check_request(call.parameters)
    kms_key = find_key_of_grants(call)
    asked = call.asked_grant = asked_grant(call, kms_key)
    call.authorise(kms_key)
    require_state(call, kms_key)
    check_grant(call, asked, kms_key)
    grant = _made_before(call, asked) or _make(call, asked)
    refuse_dry_run(call)
    call.told = {"grantId": grant.grant_id, "keyId": kms_key.arn}
    return {"GrantToken": new_grant_token(call, grant), "GrantId": grant.grant_id}


def retire_grant(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html"""
    call.begin_change()
    by_token = "GrantToken" in call.parameters
    if by_token is ("KeyId" in call.parameters or "GrantId" in call.parameters):
        raise errors.validation("You must specify either a GrantToken, or a KeyId and a GrantId.")
    kms_key, grant = _shown_by_token(call) if by_token else _named_by_ids(call)
    decision = decide_retirement(
        call.question("RetireGrant", kms_key.arn, kms_key),
        call.identities,
        stored_key_policy(kms_key.policy),
        grant,
        call.now,
        token_shown=by_token,
    )
    call.decisions.append(decision)
    if not decision.allowed:
        call.refuse_key(kms_key, decision)
    refuse_dry_run(call)
    _remove(call, grant)
    # CloudTrail tells of it in additionalEventData alone.
    call.parameters = {}
    call.additional = {"grantId": grant.grant_id}


def revoke_grant(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html"""
    call.begin_change()
    grant_id = call.parameters["GrantId"]
    require_grant_id(grant_id)
    kms_key = find_key_of_grants(call)
    call.authorise(kms_key)
    grant = standing_grant(call, kms_key, grant_id)
    if grant is None:
        raise _no_such_grant(grant_id)
    refuse_dry_run(call)
    _remove(call, grant)
    call.told = {"keyId": kms_key.arn}


# --- Making and ending --------------------------------------------------------------------


def _made_before(call: Call, asked: Grant) -> Grant | None:
    """The grant that an earlier request of the same name and terms made, whoever sent it. So a
    request that is sent again makes no second grant; one that has been removed is not the same."""
    name, terms, operations = asked.grant_name, _terms(asked), set(asked.operations)
    if not name:
        return None
    for grant in call.store.grant_index.on(asked.shelf).of(asked.grantee_principal):
        # In this order because of thousands of a name most have other terms.
        if (
            grant.grant_name == name
            and _terms(grant) == terms
            and set(grant.operations) == operations
        ):
            return grant
    return None


def _make(call: Call, grant: Grant) -> Grant:
    if call.store.grants.count(grant.shelf) >= _MOST_PER_KEY:
        raise errors.limit_exceeded(f"{grant.key_arn} already has {_MOST_PER_KEY} grants.")
    call.put(grant)
    return grant


def _remove(call: Call, grant: Grant) -> None:
    if call.grant_propagation:
        ends_at = call.now + call.grant_propagation
        call.put(replace(grant, removed_at=call.now, ends_at=ends_at))
    else:
        call.delete(grant)


# --- Finding ------------------------------------------------------------------------------


def find_key_of_grants(call: Call) -> KmsKey:
    text = call.parameters["KeyId"]
    if text.startswith("alias/") or ":alias/" in text:
        raise invalid_arn("Key Aliases are not supported for this operation.")
    return find_key_by_id(call, text)


def standing_grant(call: Call, kms_key: KmsKey, grant_id: str) -> Grant | None:
    grant = call.store.grants.get(kms_key.own_shelf, grant_id)
    return grant if grant and grant.removed_at is None else None


def _shown_by_token(call: Call) -> tuple[KmsKey, Grant]:
    token = call.parameters["GrantToken"]
    grant = grant_of_token(call, token)
    shelf = shelf_of(grant.account, grant.region) if grant else ""
    kms_key = call.store.kms_keys.get(shelf, grant.key_id) if grant else None
    if grant is None or kms_key is None or grant.removed_at is not None:
        raise _no_such_grant(grant_name_of_token(call, token).grant_id)
    call.resources += (kms_key.arn,)
    return kms_key, grant


def _named_by_ids(call: Call) -> tuple[KmsKey, Grant]:
    for member in ("KeyId", "GrantId"):
        if member not in call.parameters:
            raise errors.validation(f"{member} is required without a GrantToken.")
    grant_id = call.parameters["GrantId"]
    require_grant_id(grant_id)
    kms_key = find_key_of_grants(call)
    grant = standing_grant(call, kms_key, grant_id)
    if grant is None and kms_key.account != call.account:
        # "Grant not found" would tell a stranger that the key is there.
        call.resources = ()
        raise call.deny_absent()
    if grant is None:
        raise _no_such_grant(grant_id)
    return kms_key, grant


def _no_such_grant(grant_id: str) -> ServiceError:
    return errors.not_found(f"Grant ID {grant_id} not found")


def require_grant_id(text: str) -> None:
    if not _GRANT_ID.fullmatch(text):
        raise ServiceError("InvalidGrantIdException", f"Invalid grant ID '{text}'")
