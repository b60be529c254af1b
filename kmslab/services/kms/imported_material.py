"""Imported key material: it comes wrapped, may end by the clock, and can be brought again.

A KMS key of the origin EXTERNAL is made without material and takes the one that its owner brings.
From then on that material belongs to it: the very same may be brought again after it was deleted or
had expired, other material never takes its place. A symmetric key can have several: new material
waits until RotateKeyOnDemand makes it the current one (KMS Developer Guide, "Importing key
material"). Material is recognised by its id, a keyed one-way function of it and of the KMS key.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.import_parameters import find_key_to_import, require_token_of
from kmslab.services.kms.key_specs import is_symmetric
from kmslab.services.kms.key_states import require_state
from kmslab.services.kms.material_records import (
    DOES_NOT_EXPIRE,
    EXPIRES,
    EXTERNAL,
    belongs_to_key,
    in_state_of,
    materials_of,
    not_imported,
)
from kmslab.services.kms.multi_region import related_keys
from kmslab.services.kms.service_events import service_event
from kmslab.sources import DAY, RandomBytes
from kmslab.store.records import (
    CURRENT,
    IMPORTED,
    PENDING_ROTATION,
    KeyMaterial,
    KeyToken,
    KmsKey,
    Record,
)
from kmslab.store.store import Changes, Store
from kmslab.vault.backing_keys import BackingKeyName
from kmslab.vault.hsm import Hsm

NEW, EXISTING = "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"
_LONGEST = 365 * DAY
_OF_SYMMETRIC_KEYS = ("ImportType", "KeyMaterialDescription", "KeyMaterialId")


def import_key_material(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ImportKeyMaterial.html"""
    asked = call.parameters
    kms_key = find_key_to_import(call)
    _check_expiration(call)
    _check_members(kms_key, asked)
    require_token_of(call, kms_key)
    # Before the change begins: to prove an RSA key sound takes long, and nobody else should wait.
    brought = call.hsm.import_material(
        asked["ImportToken"],
        asked["EncryptedKeyMaterial"],
        *(kms_key.account, kms_key.key_id, kms_key.key_spec),
    )
    call.begin_change()
    kms_key = _as_it_is_now(call, kms_key)
    material_id = brought.name.key_material_id
    known = {each.key_material_id: each for each in materials_of(call.store, kms_key)}
    material = _with_terms(_material(call, kms_key, known, material_id), asked)
    known[material_id] = material
    current_id = kms_key.key_material_id or material_id
    kms_key = in_state_of(replace(kms_key, key_material_id=current_id), known.values())
    place = (kms_key.account, kms_key.region, kms_key.key_id, material_id)
    call.put(kms_key, material, KeyToken(*place, token=brought.token))
    call.tells_its_output = True
    return {"KeyId": kms_key.arn, **_told_id(kms_key, material_id)}


def delete_imported_key_material(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteImportedKeyMaterial.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    if kms_key.origin != EXTERNAL:
        raise errors.invalid_origin(kms_key.arn, kms_key.origin)
    require_state(call, kms_key)
    material_id = call.parameters.get("KeyMaterialId", kms_key.key_material_id)
    known = {each.key_material_id: each for each in materials_of(call.store, kms_key)}
    material = known.get(material_id)
    if material is None and "KeyMaterialId" in call.parameters:
        raise errors.not_found(f"Key material '{material_id}' of {kms_key.arn} does not exist")
    if material is not None and _can_go(kms_key, material):
        removal = _removal(call.store, kms_key, material)
        call.put(*removal.put)
        call.delete(*removal.deleted)
        call.afterwards.append(partial(call.hsm.forget, _name_of(material)))
    call.tells_its_output = True
    return {"KeyId": kms_key.arn, **(_told_id(kms_key, material_id) if material else {})}


def expire_material(
    material: KeyMaterial, when: float, store: Store, hsm: Hsm, random: RandomBytes
) -> None:
    """Delete material whose time has come, and record KMS's own event of it."""
    kms_key = store.kms_keys.get(f"{material.account}/{material.region}", material.key_id)
    assert kms_key, "the material of a key goes with the key"
    removal = _removal(store, kms_key, material)
    details = {"keyId": kms_key.arn}
    event = service_event("DeleteExpiredKeyMaterial", kms_key, when, random, details)
    store.commit(Changes(put=removal.put, deleted=removal.deleted), [event])
    hsm.forget(_name_of(material))


# --- What may be brought ------------------------------------------------------------------


def _check_expiration(call: Call) -> None:
    """Raises ValidationException."""
    model = call.parameters.setdefault("ExpirationModel", EXPIRES)
    valid_to = call.parameters.get("ValidTo")
    if model == DOES_NOT_EXPIRE and valid_to is not None:
        raise errors.validation(
            f"A validTo date must not be set if the ExpirationModel is {DOES_NOT_EXPIRE}"
        )
    if model == EXPIRES and valid_to is None:
        raise errors.validation(f"A validTo date must be set if the ExpirationModel is {EXPIRES}")
    if valid_to is not None and not call.now < valid_to <= call.now + _LONGEST:
        raise errors.validation("ValidTo must be in the future and at most 365 days from now.")


def _check_members(kms_key: KmsKey, asked: Mapping[str, Any]) -> None:
    """Raises ValidationException."""
    given = [member for member in _OF_SYMMETRIC_KEYS if member in asked]
    if given and not is_symmetric(kms_key):
        raise errors.validation(
            f"{given[0]} can be specified only for symmetric encryption KMS keys."
        )
    if asked.get("ImportType") == NEW and "KeyMaterialId" in asked:
        raise errors.validation(f"KeyMaterialId cannot be specified if the ImportType is {NEW}.")


def _as_it_is_now(call: Call, kms_key: KmsKey) -> KmsKey:
    """The key once more, since others may have changed it meanwhile."""
    found = call.store.kms_keys.get(kms_key.shelf, kms_key.key_id)
    if found is None:
        raise errors.no_such_key(kms_key.arn)
    require_state(call, found)
    return found


def _material(
    call: Call, kms_key: KmsKey, known: Mapping[str, KeyMaterial], material_id: str
) -> KeyMaterial:
    """What was known of the material that was brought, or the first that is known of it. Raises
    IncorrectKeyMaterialException where the key expects other material."""
    asked = call.parameters
    if is_symmetric(kms_key):
        asked.setdefault("ImportType", EXISTING if known else NEW)
    is_new = asked.get("ImportType", EXISTING if known else NEW) == NEW
    if asked.get("KeyMaterialId", material_id) != material_id or is_new is (material_id in known):
        raise errors.other_key_material(kms_key.arn, expects_new=is_new)
    return _new_material(call, kms_key, known, material_id) if is_new else known[material_id]


def _new_material(
    call: Call, kms_key: KmsKey, known: Mapping[str, KeyMaterial], material_id: str
) -> KeyMaterial:
    """Material that the key never had. Unless it is the first, it waits to be rotated to; keys that
    are related to this one learn that they need it, too."""
    if kms_key.is_replica:
        raise errors.not_multi_region_primary(kms_key.arn)
    waiting = [each for each in known.values() if each.state == PENDING_ROTATION]
    if waiting:
        raise errors.other_material_waits(kms_key.arn, material_id, waiting[0].key_material_id)
    material = KeyMaterial(
        *(kms_key.account, kms_key.region, kms_key.key_id, material_id),
        creation_date=call.now,
        state=PENDING_ROTATION if known else CURRENT,
    )
    for related in related_keys(call.store, kms_key):
        call.put(replace(not_imported(material), region=related.region))
    return material


def _with_terms(material: KeyMaterial, asked: Mapping[str, Any]) -> KeyMaterial:
    return replace(
        material,
        import_state=IMPORTED,
        expiration_model=asked["ExpirationModel"],
        valid_to=asked.get("ValidTo"),
        description=asked.get("KeyMaterialDescription", material.description),
    )


# --- How it goes --------------------------------------------------------------------------


def _can_go(kms_key: KmsKey, material: KeyMaterial) -> bool:
    """Whether there is something to delete. Of material that waits to be rotated to, a primary key
    forgets more than its own copy, and it may be the only one that never had a copy."""
    waits = not belongs_to_key(material) and not kms_key.is_replica
    return waits or material.import_state == IMPORTED


class _Removal(NamedTuple):
    """What changes when imported material goes."""

    put: list[Record]
    deleted: list[Record]


def _removal(store: Store, kms_key: KmsKey, material: KeyMaterial) -> _Removal:
    """Material that belongs to the key stays known, so that it can be brought again. What waited to
    be rotated to is forgotten, in related keys as well; a replica alone cannot decide that."""
    if belongs_to_key(material) or kms_key.is_replica:
        left = not_imported(material)
        others = [each for each in materials_of(store, kms_key) if each.name != material.name]
        return _Removal([left, in_state_of(kms_key, [*others, left])], _wrapped(store, [material]))
    copies = [
        store.key_materials.get(each.own_shelf, material.key_material_id)
        for each in (kms_key, *related_keys(store, kms_key))
    ]
    known = [copy for copy in copies if copy]
    return _Removal([], [*known, *_wrapped(store, known)])


def _wrapped(store: Store, materials: list[KeyMaterial]) -> list[Record]:
    tokens = (store.key_tokens.get(each.shelf, each.name) for each in materials)
    return [token for token in tokens if token]


def _name_of(material: KeyMaterial) -> BackingKeyName:
    return BackingKeyName(material.account, material.key_id, material.key_material_id)


def _told_id(kms_key: KmsKey, material_id: str) -> dict[str, str]:
    """The member that only keys have whose material can change."""
    return {"KeyMaterialId": material_id} if is_symmetric(kms_key) else {}
