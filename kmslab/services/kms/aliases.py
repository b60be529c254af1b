"""Aliases: friendly names that can be moved from one KMS key to another."""

import re
from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_states import require_state
from kmslab.services.kms.managed_keys import PREFIX as RESERVED_PREFIX
from kmslab.services.kms.paging import page_end, page_limit, page_start
from kmslab.store.records import Alias, KmsKey, shelf_of

_ALIAS_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+", re.ASCII)
_MOST_PER_KEY = 50


def create_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"""
    call.begin_change()
    alias_name = _own_alias_name(call)
    arn = arns.alias_arn(call.account, call.region, alias_name)
    call.authorise_in_account(arn)
    target = _target(call)
    call.authorise(target)
    require_state(call, target)
    if call.store.aliases.get(shelf_of(call.account, call.region), alias_name):
        raise errors.alias_exists(arn)
    if len(target.alias_names) >= _MOST_PER_KEY:
        raise errors.limit_exceeded(f"{target.arn} already has {_MOST_PER_KEY} aliases.")
    call.put(
        Alias(call.account, call.region, alias_name, target.key_id, call.now, call.now),
        _with_alias(target, alias_name),
    )
    call.resources = (target.arn, arn)
    call.told = {"keyId": target.arn}


def update_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html"""
    call.begin_change()
    alias_name = _own_alias_name(call)
    arn = arns.alias_arn(call.account, call.region, alias_name)
    call.authorise_in_account(arn)
    alias, old_target = _existing(call, alias_name, arn)
    call.authorise(old_target)
    # Last, so that nothing in between tells a foreign key from one that is not there.
    target = _target(call)
    call.authorise(target)
    require_state(call, target)
    if target.key_id != old_target.key_id:
        _require_same_kind(old_target, target)
        if len(target.alias_names) >= _MOST_PER_KEY:
            raise errors.limit_exceeded(f"{target.arn} already has {_MOST_PER_KEY} aliases.")
        call.put(_without_alias(old_target, alias_name), _with_alias(target, alias_name))
    call.put(replace(alias, target_key_id=target.key_id, last_updated_date=call.now))
    call.resources = (arn, target.arn)
    call.told = {"keyId": target.arn}


def _require_same_kind(old_target: KmsKey, target: KmsKey) -> None:
    """Whoever uses the alias must be able to go on as before."""
    symmetric = [each.key_spec == "SYMMETRIC_DEFAULT" for each in (old_target, target)]
    if symmetric[0] != symmetric[1] or old_target.key_usage != target.key_usage:
        raise errors.invalid_state(
            f"Alias cannot be updated: {target.arn} differs in key type or usage."
        )


def delete_alias(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html"""
    call.begin_change()
    alias_name = _own_alias_name(call)
    arn = arns.alias_arn(call.account, call.region, alias_name)
    call.authorise_in_account(arn)
    alias, target = _existing(call, alias_name, arn)
    call.authorise(target)
    call.delete(alias)
    call.put(_without_alias(target, alias_name))
    call.resources = (arn, target.arn)
    call.told = {"keyId": target.arn}


def list_aliases(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html"""
    call.authorise_in_account()
    limit, start = page_limit(call, 50, 100), page_start(call)
    shelf = shelf_of(call.account, call.region)
    if "KeyId" in call.parameters:
        kms_key = find_key_by_id(call, call.parameters["KeyId"])
        if kms_key.account != call.account:
            call.resources = ()
            raise call.deny_absent()
        names = sorted(name for name in kms_key.alias_names if name > start)
        found = [call.store.aliases.get(kms_key.shelf, name) for name in names[:limit]]
        listed, truncated = [alias for alias in found if alias], len(names) > limit
    else:
        listed, truncated = call.store.aliases.page(shelf, start, limit)
    last_name = listed[-1].alias_name if listed else ""
    return {"Aliases": [_entry(alias) for alias in listed], **page_end(call, truncated, last_name)}


def _entry(alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.alias_name,
        "AliasArn": arns.alias_arn(alias.account, alias.region, alias.alias_name),
        "TargetKeyId": alias.target_key_id,
        "CreationDate": alias.creation_date,
        "LastUpdatedDate": alias.last_updated_date,
    }


def _own_alias_name(call: Call) -> str:
    """AliasName, where it is one that a customer may have."""
    alias_name: str = call.parameters["AliasName"]
    if not alias_name.startswith("alias/"):
        raise errors.alias_prefix_missing()
    if alias_name.startswith(RESERVED_PREFIX):
        raise errors.reserved_alias(alias_name)
    if not _ALIAS_NAME.fullmatch(alias_name):
        raise errors.ServiceError(
            "InvalidAliasNameException", f"{alias_name} is not a valid alias name."
        )
    return alias_name


def _target(call: Call) -> KmsKey:
    text = call.parameters["TargetKeyId"]
    if text.startswith("alias/") or ":alias/" in text:
        raise errors.validation("Aliases must refer to keys. Not aliases")
    return find_key_by_id(call, text)


def _existing(call: Call, alias_name: str, arn: str) -> tuple[Alias, KmsKey]:
    shelf = shelf_of(call.account, call.region)
    alias = call.store.aliases.get(shelf, alias_name)
    target = call.store.kms_keys.get(shelf, alias.target_key_id) if alias else None
    if alias is None or target is None:
        raise errors.no_such_alias(arn)
    return alias, target


def _with_alias(kms_key: KmsKey, alias_name: str) -> KmsKey:
    return replace(kms_key, alias_names=(*kms_key.alias_names, alias_name))


def _without_alias(kms_key: KmsKey, alias_name: str) -> KmsKey:
    kept = tuple(name for name in kms_key.alias_names if name != alias_name)
    return replace(kms_key, alias_names=kept)
