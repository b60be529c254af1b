"""What is known of a key's materials, and what follows from it for the key.

A key whose material was imported works only while every material that belongs to it is there; one
that is missing brings the whole key back to PendingImport (KMS Developer Guide, "Importing key
material"). Material that waits for its first rotation does not belong to the key yet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from kmslab.services.kms.key_specs import is_symmetric
from kmslab.services.kms.key_states import CREATING, DELETION_STATES, ENABLED, PENDING_IMPORT
from kmslab.services.kms.multi_region import related_keys
from kmslab.store.records import (
    CURRENT,
    IMPORTED,
    NON_CURRENT,
    NOT_IMPORTED,
    PENDING_MULTI_REGION,
    PENDING_ROTATION,
    KeyMaterial,
    KmsKey,
)
from kmslab.store.store import Store

EXTERNAL = "EXTERNAL"
EXPIRES, DOES_NOT_EXPIRE = "KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"


def materials_of(store: Store, kms_key: KmsKey) -> Iterator[KeyMaterial]:
    """All that is known of a key's materials, in no order."""
    return store.key_materials.on(kms_key.own_shelf)


def belongs_to_key(material: KeyMaterial) -> bool:
    return material.state in (CURRENT, NON_CURRENT)


def not_imported(material: KeyMaterial) -> KeyMaterial:
    """What stays known of material that is gone, or that is yet to be brought."""
    return replace(material, import_state=NOT_IMPORTED, expiration_model="", valid_to=None)


def in_state_of(kms_key: KmsKey, materials: Iterable[KeyMaterial]) -> KmsKey:
    """The key in the state that these materials, which are all it has, leave it in."""
    waits_for_more = {*DELETION_STATES, CREATING}
    if kms_key.origin != EXTERNAL or kms_key.key_state in waits_for_more:
        return kms_key
    own = [material for material in materials if belongs_to_key(material)]
    if not own or any(material.import_state != IMPORTED for material in own):
        return replace(kms_key, key_state=PENDING_IMPORT, settled_state="", settles_at=None)
    return replace(kms_key, key_state=ENABLED) if kms_key.key_state == PENDING_IMPORT else kms_key


def state_of_material(store: Store, kms_key: KmsKey, material: KeyMaterial) -> str:
    """The KeyMaterialState. Of a multi-Region key, material can be rotated to only once all related
    keys have it."""
    if material.state != PENDING_ROTATION:
        return material.state
    known = [material]
    for related in related_keys(store, kms_key):
        copy = store.key_materials.get(related.own_shelf, material.key_material_id)
        known += [copy] if copy else []
    complete = all(each.import_state == IMPORTED for each in known)
    return PENDING_ROTATION if complete else PENDING_MULTI_REGION


def material_metadata(store: Store, kms_key: KmsKey) -> dict[str, Any]:
    """The members of KeyMetadata that tell of the key's material."""
    if kms_key.origin != EXTERNAL:
        return {"CurrentKeyMaterialId": kms_key.key_material_id} if is_symmetric(kms_key) else {}
    own = [
        material
        for material in materials_of(store, kms_key)
        if belongs_to_key(material) and material.import_state == IMPORTED
    ]
    metadata: dict[str, Any] = {}
    if is_symmetric(kms_key) and any(material.state == CURRENT for material in own):
        metadata["CurrentKeyMaterialId"] = kms_key.key_material_id
    if own:
        ends = [material.valid_to for material in own if material.valid_to is not None]
        metadata["ExpirationModel"] = EXPIRES if ends else DOES_NOT_EXPIRE
        metadata.update({"ValidTo": min(ends)} if ends else {})
    return metadata
