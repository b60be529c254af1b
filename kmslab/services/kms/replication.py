"""Multi-Region keys across Regions: a primary key is replicated, and changes places with a replica.

What is shared goes from the primary to its replicas: key id, material, kind, origin. All else a
replica gets when it is made, and keeps for itself. Both operations touch two Regions: the caller
needs rights in both, and both record an event (KMS Developer Guide, "Multi-Region keys").
"""

from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_policies import check_key_policy, default_key_policy
from kmslab.services.kms.key_states import (
    CREATING,
    ENABLED,
    PENDING_IMPORT,
    UPDATING,
    require_state,
)
from kmslab.services.kms.keys import key_metadata
from kmslab.services.kms.material_records import EXTERNAL, materials_of, not_imported
from kmslab.services.kms.multi_region import (
    SETTLING_SECONDS,
    regions_of,
    relate,
    related_keys,
    share_rotation,
)
from kmslab.services.kms.new_keys import require_room
from kmslab.services.kms.tags import checked_tags
from kmslab.store.records import KmsKey, shelf_of
from kmslab.wire.model import region_names

# What a replica key is given when it is made; CreateKey has the same members.
_OWN = ("Policy", "Description", "Tags", "BypassPolicyLockoutSafetyCheck")


def replicate_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html

    Two rights are needed: kms:ReplicateKey on the primary key, and kms:CreateKey in the Region of
    the replica.
    """
    call.begin_change()
    primary = _primary_key(call)
    region = call.parameters["ReplicaRegion"]
    call.parameters.setdefault("Description", "")
    call.parameters.setdefault("BypassPolicyLockoutSafetyCheck", False)
    if region not in region_names():
        raise errors.ServiceError(
            "UnsupportedOperationException", f"Region {region} is not a Region of this partition."
        )
    if region in regions_of(primary):
        raise errors.key_exists(arns.key_arn(primary.account, region, primary.key_id))
    creation = _creation(call, primary, region)
    replica = _new_replica(creation, primary)
    kms_keys = [primary, *related_keys(call.store, primary), replica]
    kms_keys = relate(kms_keys, primary.region, (*primary.replica_regions, region))
    call.put(*kms_keys)
    _copy_material(call, primary, region)
    metadata = key_metadata(call, kms_keys[-1])
    creation.resources, creation.tells_its_output = (replica.arn,), True
    call.did_in_region(creation, {"KeyMetadata": metadata})
    call.tells_its_output = True
    tags = [{"TagKey": name, "TagValue": value} for name, value in replica.tags]
    return {
        "ReplicaKeyMetadata": metadata,
        "ReplicaPolicy": replica.policy,
        **({"ReplicaTags": tags} if tags else {}),
    }


def update_primary_region(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html

    kms:UpdatePrimaryRegion is needed on both keys.
    """
    call.begin_change()
    primary = _primary_key(call)
    region = call.parameters["PrimaryRegion"]
    if region == primary.region:
        raise errors.not_multi_region_replica(primary.arn)
    part, replica = _key_in_region(call, primary, region)
    others = [each for each in related_keys(call.store, primary) if each.region != region]
    updating = [_updating(kms_key, call.now) for kms_key in (primary, replica)]
    replicas = {primary.region, *primary.replica_regions} - {region}
    call.put(*relate([*updating, *others], region, replicas))
    call.told, part.told = {"keyId": primary.arn}, {"keyId": replica.arn}
    call.did_in_region(part, None)


def _primary_key(call: Call) -> KmsKey:
    """The key of the call, which must be the primary of a multi-Region key. Raises
    UnsupportedOperationException."""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    if not kms_key.is_primary:
        raise errors.not_multi_region_primary(kms_key.arn)
    return kms_key


def _creation(call: Call, primary: KmsKey, region: str) -> Call:
    """The CreateKey that a replication is in the Region of the replica, authorised there."""
    own = {name: call.parameters[name] for name in _OWN if name in call.parameters}
    shared = {
        "KeySpec": primary.key_spec,
        "CustomerMasterKeySpec": primary.key_spec,
        "KeyUsage": primary.key_usage,
        "Origin": primary.origin,
        "MultiRegion": True,
    }
    part = call.in_region(region, "CreateKey", {**own, **shared})
    part.more_context["kms:multiregionkeytype"] = "REPLICA"
    part.authorise_in_account()
    if own.get("Tags"):
        part.authorise_in_account(action="TagResource")
    return part


def _new_replica(creation: Call, primary: KmsKey) -> KmsKey:
    """The replica in the making: what it shares comes from the primary key."""
    given = creation.parameters
    require_room(creation)
    replica = KmsKey(
        *(primary.account, creation.region, primary.key_id, creation.now),
        policy=given.get("Policy") or default_key_policy(primary.account),
        key_material_id=primary.key_material_id,
        key_state=CREATING,
        key_spec=primary.key_spec,
        key_usage=primary.key_usage,
        origin=primary.origin,
        description=given["Description"],
        tags=checked_tags(given.get("Tags", [])),
        primary_region=primary.region,
        settled_state=PENDING_IMPORT if primary.origin == EXTERNAL else ENABLED,
        settles_at=creation.now + SETTLING_SECONDS,
    )
    if given.get("Policy"):
        check_key_policy(creation, given["Policy"], replica)
    return share_rotation(primary, replica)


def _copy_material(call: Call, primary: KmsKey, region: str) -> None:
    """Give a replica the materials of its primary: no Region stands in an exported key token, so
    it opens as that of any related key. Imported material its owner has to bring to each key."""
    known = [replace(each, region=region) for each in materials_of(call.store, primary)]
    if primary.origin == EXTERNAL:
        call.put(*(replace(not_imported(each), description="") for each in known))
        return
    tokens = call.store.key_tokens.on(primary.own_shelf)
    call.put(*known, *(replace(token, region=region) for token in tokens))


def _key_in_region(call: Call, primary: KmsKey, region: str) -> tuple[Call, KmsKey]:
    """The part of the call that is about the replica, authorised, and that replica."""
    replica_arn = arns.key_arn(primary.account, region, primary.key_id)
    replica = call.store.kms_keys.get(shelf_of(primary.account, region), primary.key_id)
    if replica is None:
        raise errors.no_such_key(replica_arn)
    asked = {"KeyId": replica_arn, "PrimaryRegion": region}
    part = call.in_region(region, call.operation, asked)
    part.authorise(replica)
    require_state(part, replica)
    return part, replica


def _updating(kms_key: KmsKey, now: float) -> KmsKey:
    return replace(
        kms_key,
        key_state=UPDATING,
        # Who is updated already goes back to what it was before.
        settled_state=kms_key.settled_state or kms_key.key_state,
        settles_at=now + SETTLING_SECONDS,
    )
