"""Rotation: a symmetric key gets new material, and keeps all that it ever had.

What is encrypted from then on is encrypted under the new material; a ciphertext names the material
it needs, so what was encrypted before still opens (AWS KMS Developer Guide, "Rotate AWS KMS keys").
KMS rotates by the clock where a key asks for it, and its owner may at any time. Here stand the
operations; what the clock does is in `by_the_clock`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_specs import is_symmetric
from kmslab.services.kms.key_states import DELETION_STATES, require_state
from kmslab.services.kms.material_records import (
    EXTERNAL,
    in_state_of,
    materials_of,
    state_of_material,
)
from kmslab.services.kms.multi_region import related_keys, share_rotation
from kmslab.services.kms.paging import page_end, page_limit, page_start
from kmslab.services.kms.service_events import service_event, synchronized
from kmslab.sources import DAY, RandomBytes
from kmslab.store.events import Event
from kmslab.store.records import (
    CURRENT,
    NON_CURRENT,
    PENDING_ROTATION,
    KeyMaterial,
    KeyToken,
    KmsKey,
    Record,
)
from kmslab.store.store import Store
from kmslab.vault.hsm import Hsm

AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"
_DEFAULT_PERIOD = 365
_MOST_ON_DEMAND = 25
_SOON = 20 * 60


def enable_key_rotation(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""
    kms_key = _key_to_schedule(call)
    days = call.parameters.get("RotationPeriodInDays", _DEFAULT_PERIOD)
    _schedule(call, kms_key, days, call.now + days * DAY)


def disable_key_rotation(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html"""
    kms_key = _key_to_schedule(call)
    _schedule(call, kms_key, 0, None)


def get_key_rotation_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html"""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    _require_own_material(kms_key)
    # What is set comes back when the deletion is cancelled.
    enabled = kms_key.rotation_period > 0 and kms_key.key_state not in DELETION_STATES
    answer: dict[str, Any] = {"KeyRotationEnabled": enabled, "KeyId": kms_key.arn}
    if enabled:
        answer["RotationPeriodInDays"] = kms_key.rotation_period
        answer["NextRotationDate"] = kms_key.next_rotation_date
    return answer


def rotate_key_on_demand(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    _require_history(kms_key)
    _refuse_replica(kms_key)
    _refuse_conflict(call, kms_key)
    _refuse_over_limit(call, kms_key)
    successor, token = _successor(call, kms_key)
    call.put(*rotate(kms_key, successor, token, ON_DEMAND, call.now, call.store))
    call.more_events += rotation_events(kms_key, successor, ON_DEMAND, call.now, call.random)
    call.tells_its_output = True
    return {"KeyId": call.parameters["KeyId"]}


def list_key_rotations(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html

    In the order of time, the first material before all rotations and one that waits behind them.
    """
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    _require_history(kms_key)
    limit, after = page_limit(call, 100, 1000), page_start(call)
    all_material = call.parameters.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    listed = [
        material
        for material in sorted(materials_of(call.store, kms_key), key=_place)
        if all_material or material.rotation_date is not None
    ]
    start = _behind(listed, after)
    page, truncated = listed[start : start + limit], start + limit < len(listed)
    last_name = page[-1].key_material_id if page else ""
    states = [state_of_material(call.store, kms_key, each) if all_material else "" for each in page]
    entries = [_entry(material, state) for material, state in zip(page, states, strict=True)]
    return {"Rotations": entries, **page_end(call, truncated, last_name)}


# --- What a rotation does -----------------------------------------------------------------


def new_material(kms_key: KmsKey, when: float, hsm: Hsm) -> tuple[KeyMaterial, KeyToken]:
    """Material that KMS makes for a key that has some already, and its exported key token."""
    name, token = hsm.create_backing_key(kms_key.account, kms_key.key_id)
    place = (kms_key.account, kms_key.region, kms_key.key_id, name.key_material_id)
    return KeyMaterial(*place, creation_date=when), KeyToken(*place, token=token)


def rotate(
    kms_key: KmsKey,
    successor: KeyMaterial,
    token: KeyToken | None,
    rotation_type: str,
    when: float,
    store: Store,
) -> tuple[Record, ...]:
    """The records that make `successor` the current material of the key at `when`; `token` is its
    key token where the store does not have it yet. Keys that are related to the key are rotated
    with it. The store's lock must be held."""
    previous = store.key_materials.get(kms_key.own_shelf, kms_key.key_material_id)
    assert previous
    made = replace(
        successor,
        state=CURRENT,
        rotation_date=when,
        rotation_type=rotation_type,
        number=previous.number + 1,
    )
    rotated = replace(kms_key, key_material_id=successor.key_material_id)
    tokens = (token,) if token else ()
    materials = (replace(previous, state=NON_CURRENT), made)
    copies = _in_related_keys(store, rotated, materials, tokens)
    return rotated, *materials, *tokens, *copies


def rotation_events(
    kms_key: KmsKey, successor: KeyMaterial, rotation_type: str, when: float, random: RandomBytes
) -> list[Event]:
    """KMS's own events of a rotation; `kms_key` is the key as it was before."""
    details = {
        "rotationType": rotation_type,
        "keyOrigin": kms_key.origin,
        "previousKeyMaterialId": kms_key.key_material_id,
        "currentKeyMaterialId": successor.key_material_id,
        "keyId": kms_key.key_id,
    }
    events = [service_event("RotateKey", kms_key, when, random, details)]
    if kms_key.is_multi_region:
        events.append(synchronized(kms_key, when, random))
    return events


def _in_related_keys(
    store: Store,
    kms_key: KmsKey,
    materials: tuple[KeyMaterial, ...],
    tokens: tuple[KeyToken, ...],
) -> Iterator[Record]:
    """The same rotation in the keys that `kms_key` is related to. What each of them knows of its
    own about a material, such as when its copy expires, stays."""
    for related in related_keys(store, kms_key):
        own = {each.key_material_id: each for each in materials_of(store, related)}
        for material in materials:
            own[material.key_material_id] = replace(
                own.get(material.key_material_id) or replace(material, region=related.region),
                state=material.state,
                rotation_date=material.rotation_date,
                rotation_type=material.rotation_type,
                number=material.number,
            )
            yield own[material.key_material_id]
        yield in_state_of(share_rotation(kms_key, related), own.values())
        yield from (replace(token, region=related.region) for token in tokens)


def _schedule(call: Call, kms_key: KmsKey, days: int, first: float | None) -> None:
    kms_key = replace(kms_key, rotation_period=days, next_rotation_date=first)
    related = related_keys(call.store, kms_key)
    call.put(kms_key, *(share_rotation(kms_key, each) for each in related))


def _successor(call: Call, kms_key: KmsKey) -> tuple[KeyMaterial, KeyToken | None]:
    """What the key is rotated to on demand: new material and its key token, or the imported
    material that waits for it. Raises KMSInvalidStateException where none does."""
    if kms_key.origin != EXTERNAL:
        return new_material(kms_key, call.now, call.hsm)
    for material in materials_of(call.store, kms_key):
        if state_of_material(call.store, kms_key, material) == PENDING_ROTATION:
            return material, None
    raise errors.invalid_state(
        f"No available key material pending rotation for the key: {kms_key.arn}."
    )


# --- What is refused ----------------------------------------------------------------------


def _key_to_schedule(call: Call) -> KmsKey:
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    _require_own_material(kms_key)
    _refuse_replica(kms_key)
    call.told = {"keyId": kms_key.arn}
    return kms_key


def _require_own_material(kms_key: KmsKey) -> None:
    """Only material that KMS made does it replace by itself."""
    _require_history(kms_key)
    if kms_key.origin != "AWS_KMS":
        raise errors.invalid_origin(kms_key.arn, kms_key.origin)


def _require_history(kms_key: KmsKey) -> None:
    """Refuse a key that has one material for life. Raises UnsupportedOperationException."""
    if not is_symmetric(kms_key):
        # AWS sends no sentence.
        raise errors.ServiceError("UnsupportedOperationException")
    if kms_key.origin not in ("AWS_KMS", EXTERNAL):
        raise errors.invalid_origin(kms_key.arn, kms_key.origin)


def _refuse_replica(kms_key: KmsKey) -> None:
    """Related keys are rotated together, by their primary key."""
    if kms_key.is_replica:
        raise errors.not_multi_region_primary(kms_key.arn)


def _refuse_conflict(call: Call, kms_key: KmsKey) -> None:
    due = kms_key.next_rotation_date
    if due is not None and due - call.now <= _SOON:
        raise errors.ServiceError(
            "ConflictException",
            "The request was rejected because an automatic rotation of this key is currently in "
            "progress or scheduled to begin within the next 20 minutes.",
        )


def _refuse_over_limit(call: Call, kms_key: KmsKey) -> None:
    done = sum(each.rotation_type == ON_DEMAND for each in materials_of(call.store, kms_key))
    if done >= _MOST_ON_DEMAND:
        raise errors.limit_exceeded(
            "The on-demand rotations limit has been reached for the given keyId. No more "
            f"on-demand rotations can be performed for this key: {kms_key.arn}"
        )


# --- The list -----------------------------------------------------------------------------


def _place(material: KeyMaterial) -> tuple[bool, int]:
    return material.state not in (CURRENT, NON_CURRENT), material.number


def _behind(listed: list[KeyMaterial], last_name: str) -> int:
    """Where the page begins that follows the material `last_name`, "" for the first page."""
    if not last_name:
        return 0
    names = [material.key_material_id for material in listed]
    if last_name not in names:
        raise errors.invalid_marker()
    return names.index(last_name) + 1


def _entry(material: KeyMaterial, state: str) -> dict[str, Any]:
    told = {
        "KeyMaterialDescription": material.description,
        "ImportState": material.import_state,
        "KeyMaterialState": state,
        "ExpirationModel": material.expiration_model,
        "ValidTo": material.valid_to,
        "RotationDate": material.rotation_date,
        "RotationType": material.rotation_type,
    }
    return {
        "KeyId": material.key_id,
        "KeyMaterialId": material.key_material_id,
        **{member: value for member, value in told.items() if value},
    }
