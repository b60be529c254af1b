"""How multi-Region keys are related: one primary key, any number of replicas, each in its Region.

Related keys have the same key id and material, so what one of them encrypts every other one opens.
Each has its own policy, aliases, tags, grants, description and state. Which Regions belong together
stands in every one of them, and is changed in all of them at once (KMS Developer Guide,
"Multi-Region keys").
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab.store.records import KmsKey, shelf_of
from kmslab.store.store import Store

# AWS says "a few seconds".
SETTLING_SECONDS = 5.0

# The role by which KMS keeps related keys alike. In the lab nobody has to play it, but who makes a
# multi-Region key needs the right to make it.
SYNCHRONIZING_ROLE = (
    "aws-service-role/mrk.kms.amazonaws.com/AWSServiceRoleForKeyManagementServiceMultiRegionKeys"
)


def regions_of(kms_key: KmsKey) -> tuple[str, ...]:
    """The Regions of all related keys, that of the primary first."""
    return (kms_key.primary_region, *kms_key.replica_regions)


def related_keys(store: Store, kms_key: KmsKey) -> list[KmsKey]:
    """The other keys that `kms_key` is related to; none, for a single-Region key."""
    found = (
        store.kms_keys.get(shelf_of(kms_key.account, region), kms_key.key_id)
        for region in regions_of(kms_key)
        if region and region != kms_key.region
    )
    return [related for related in found if related]


def relate(
    kms_keys: Iterable[KmsKey], primary_region: str, replica_regions: Iterable[str]
) -> list[KmsKey]:
    """The same keys, each of which now knows these Regions."""
    replicas = tuple(sorted(replica_regions))
    return [
        replace(kms_key, primary_region=primary_region, replica_regions=replicas)
        for kms_key in kms_keys
    ]


def share_rotation(primary: KmsKey, related: KmsKey) -> KmsKey:
    """The related key with the current material and the rotation of its primary key."""
    return replace(
        related,
        key_material_id=primary.key_material_id,
        rotation_period=primary.rotation_period,
        next_rotation_date=primary.next_rotation_date,
    )


def multi_region_metadata(kms_key: KmsKey) -> dict[str, Any]:
    """The members of KeyMetadata that say whether and to which keys it is related."""
    if not kms_key.is_multi_region:
        return {"MultiRegion": False}
    return {
        "MultiRegion": True,
        "MultiRegionConfiguration": {
            "MultiRegionKeyType": "PRIMARY" if kms_key.is_primary else "REPLICA",
            "PrimaryKey": _entry(kms_key, kms_key.primary_region),
            "ReplicaKeys": [_entry(kms_key, region) for region in kms_key.replica_regions],
        },
    }


def _entry(kms_key: KmsKey, region: str) -> dict[str, str]:
    return {"Arn": arns.key_arn(kms_key.account, region, kms_key.key_id), "Region": region}
