"""KMS keys: made, described, listed, switched on and off."""

from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.custom_key_stores import refuse_keys_of_stores
from kmslab.services.kms.identifiers import find_key, find_key_by_id
from kmslab.services.kms.key_policies import check_key_policy, default_key_policy
from kmslab.services.kms.key_specs import SYMMETRIC_DEFAULT, algorithms_of, usages_of
from kmslab.services.kms.key_states import (
    DISABLED,
    ENABLED,
    PENDING_DELETION,
    PENDING_REPLICA_DELETION,
    require_state,
)
from kmslab.services.kms.last_usage import ENDINGS, note_days_without_usage
from kmslab.services.kms.managed_keys import make_when_named
from kmslab.services.kms.material_records import EXTERNAL, material_metadata
from kmslab.services.kms.multi_region import SYNCHRONIZING_ROLE, multi_region_metadata
from kmslab.services.kms.new_keys import (
    new_key_of_spec,
    new_key_without_material,
    new_symmetric_key,
    require_room,
)
from kmslab.services.kms.paging import page_end, page_limit, page_start
from kmslab.services.kms.tags import checked_tags
from kmslab.store.records import KmsKey, Record, shelf_of


def create_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html

    Keys of every spec in `key_specs`, of one Region or the first of a multi-Region key, with
    material made here or none yet; what is not built is refused with UnsupportedOperationException.
    """
    call.authorise_in_account()
    if call.parameters.get("Tags"):
        call.authorise_in_account(action="TagResource")
    if call.parameters.get("MultiRegion"):
        call.authorise_in_account(
            arns.role_arn(call.account, SYNCHRONIZING_ROLE), "iam:CreateServiceLinkedRole"
        )
    _require_known_kind(call)
    tags = checked_tags(call.parameters.get("Tags", []))
    policy = call.parameters.get("Policy") or default_key_policy(call.account)
    # Before the change begins: a key pair takes long to make, and nobody else should wait for it.
    kms_key, *of_material = _new_key(call, policy)
    call.begin_change()
    require_room(call)
    if call.parameters.get("Policy"):
        check_key_policy(call, policy, kms_key)
    kms_key = replace(
        kms_key,
        description=call.parameters.get("Description", ""),
        tags=tags,
        primary_region=call.region if call.parameters["MultiRegion"] else "",
    )
    call.put(kms_key, *of_material)
    call.resources = (kms_key.arn,)
    call.tells_its_output = True
    return {"KeyMetadata": key_metadata(call, kms_key)}


def describe_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""
    text = call.parameters["KeyId"]
    kms_key = make_when_named(call, text) or find_key(call, text)
    call.authorise(kms_key)
    return {"KeyMetadata": key_metadata(call, kms_key)}


def list_keys(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html"""
    call.authorise_in_account()
    limit, start = page_limit(call, 100, 1000), page_start(call)
    shelf = shelf_of(call.account, call.region)
    listed, truncated = call.store.kms_keys.page(shelf, start, limit)
    keys = [{"KeyId": kms_key.key_id, "KeyArn": kms_key.arn} for kms_key in listed]
    last_name = listed[-1].key_id if listed else ""
    return {"Keys": keys, **page_end(call, truncated, last_name)}


def enable_key(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html"""
    kms_key = _key_to_change(call)
    if kms_key.key_state != ENABLED:
        call.put(replace(kms_key, key_state=ENABLED, enabled_since=call.now))


def disable_key(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html"""
    kms_key = _key_to_change(call)
    call.put(replace(kms_key, key_state=DISABLED))


def update_key_description(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html"""
    kms_key = _key_to_change(call)
    call.put(replace(kms_key, description=call.parameters["Description"]))


def key_metadata(call: Call, kms_key: KmsKey) -> dict[str, Any]:
    """KeyMetadata, as DescribeKey answers it."""
    metadata: dict[str, Any] = {
        "AWSAccountId": kms_key.account,
        "KeyId": kms_key.key_id,
        "Arn": kms_key.arn,
        "CreationDate": kms_key.creation_date,
        "Enabled": kms_key.key_state == ENABLED,
        "Description": kms_key.description,
        "KeyUsage": kms_key.key_usage,
        "KeyState": kms_key.key_state,
        "Origin": kms_key.origin,
        "KeyManager": kms_key.key_manager,
        "CustomerMasterKeySpec": kms_key.key_spec,
        "KeySpec": kms_key.key_spec,
        **algorithms_of(kms_key),
        **multi_region_metadata(kms_key),
    }
    metadata.update(material_metadata(call.store, kms_key))
    if kms_key.key_state == PENDING_DELETION:
        metadata["DeletionDate"] = kms_key.deletion_date
    if kms_key.key_state == PENDING_REPLICA_DELETION:
        metadata["PendingDeletionWindowInDays"] = kms_key.pending_window_in_days
    return metadata


def _new_key(call: Call, policy: str) -> tuple[KmsKey, *tuple[Record, ...]]:
    """The key, and the records of its material."""
    key_spec, key_usage = call.parameters["KeySpec"], call.parameters["KeyUsage"]
    if call.parameters["Origin"] == EXTERNAL:
        return (new_key_without_material(call, policy, key_spec, key_usage),)
    if key_spec == SYMMETRIC_DEFAULT:
        return new_symmetric_key(call, policy)
    return new_key_of_spec(call, policy, key_spec, key_usage)


def _key_to_change(call: Call) -> KmsKey:
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    if call.operation in ENDINGS:
        note_days_without_usage(call, kms_key)
    call.authorise(kms_key)
    require_state(call, kms_key)
    call.told = {"keyId": kms_key.arn}
    return kms_key


def _require_known_kind(call: Call) -> None:
    """Fill in AWS's defaults, and refuse what is not built yet in AWS's way."""
    asked = call.parameters
    if "KeySpec" in asked and "CustomerMasterKeySpec" in asked:
        raise errors.validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated."
        )
    key_spec = asked.get("KeySpec") or asked.get("CustomerMasterKeySpec") or SYMMETRIC_DEFAULT
    if key_spec != SYMMETRIC_DEFAULT and "KeyUsage" not in asked:
        raise errors.validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric "
            "encryption keys."
        )
    asked["KeySpec"] = asked["CustomerMasterKeySpec"] = key_spec
    asked.setdefault("KeyUsage", "ENCRYPT_DECRYPT")
    asked.setdefault("Origin", "AWS_KMS")
    asked.setdefault("MultiRegion", False)
    if not usages_of(key_spec):
        raise errors.not_built(f"KeySpec {key_spec}")
    if asked["KeyUsage"] not in usages_of(key_spec):
        raise errors.validation(
            f"KeyUsage {asked['KeyUsage']} is not compatible with KeySpec {key_spec}"
        )
    refuse_keys_of_stores(call)
