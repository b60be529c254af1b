"""The end of a key: never at once, and then for good.

A key is scheduled, waits 7 to 30 days, can be cancelled, and when the clock reaches its day it
goes with its material, its aliases, its grants and its policy; its ciphertexts can never be read
again (KMS Developer Guide, "Deleting KMS keys"). The primary of a multi-Region key waits until the
last of its replicas is gone, and only then begins to count its days.
"""

from dataclasses import replace
from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_states import (
    DISABLED,
    PENDING_DELETION,
    PENDING_REPLICA_DELETION,
    require_state,
)
from kmslab.services.kms.last_usage import note_days_without_usage
from kmslab.services.kms.material_records import in_state_of, materials_of
from kmslab.services.kms.multi_region import relate, related_keys
from kmslab.services.kms.service_events import service_event
from kmslab.sources import DAY, RandomBytes
from kmslab.store.records import KmsKey, Record
from kmslab.store.store import Changes, Store
from kmslab.vault.backing_keys import BackingKeyName
from kmslab.vault.hsm import Hsm


def schedule_key_deletion(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    note_days_without_usage(call, kms_key)
    call.authorise(kms_key)
    require_state(call, kms_key)
    days = call.parameters.setdefault("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise errors.validation("PendingWindowInDays must be between 7 and 30.")
    kms_key = replace(kms_key, settled_state="", settles_at=None)
    if kms_key.is_primary and kms_key.replica_regions:
        scheduled = replace(
            kms_key, key_state=PENDING_REPLICA_DELETION, pending_window_in_days=days
        )
    else:
        scheduled = _pending_deletion(kms_key, call.now, days)
    call.put(scheduled)
    call.tells_its_output = True
    when = scheduled.deletion_date
    return {
        "KeyId": kms_key.arn,
        **({} if when is None else {"DeletionDate": when}),
        "KeyState": scheduled.key_state,
        "PendingWindowInDays": days,
    }


def cancel_key_deletion(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    kms_key = replace(kms_key, key_state=DISABLED, deletion_date=None, pending_window_in_days=None)
    # Imported material may have gone meanwhile.
    call.put(in_state_of(kms_key, materials_of(call.store, kms_key)))
    call.tells_its_output = True
    return {"KeyId": kms_key.arn}


def delete_key(kms_key: KmsKey, when: float, store: Store, hsm: Hsm, random: RandomBytes) -> None:
    """Destroy a key whose waiting period has ended, and record KMS's own event of it."""
    shelf = kms_key.own_shelf
    tokens = list(store.key_tokens.on(shelf))
    materials, grants = store.key_materials.on(shelf), store.grants.on(shelf)
    aliases = [store.aliases.get(kms_key.shelf, name) for name in kms_key.alias_names]
    own: list[Record] = [*tokens, *materials, *grants, *(alias for alias in aliases if alias)]
    event = service_event("DeleteKey", kms_key, when, random, {"keyId": kms_key.arn})
    left = _related_without(kms_key, when, store)
    store.commit(Changes(put=list(left), deleted=[kms_key, *own]), [event])
    for token in tokens:
        hsm.forget(BackingKeyName(kms_key.account, kms_key.key_id, token.key_material_id))


def _pending_deletion(kms_key: KmsKey, now: float, days: int) -> KmsKey:
    return replace(
        kms_key,
        key_state=PENDING_DELETION,
        deletion_date=now + days * DAY,
        pending_window_in_days=None,
    )


def _related_without(kms_key: KmsKey, when: float, store: Store) -> list[KmsKey]:
    """The keys that a key which goes was related to, as they are without it. A primary key that
    has waited for this one, its last replica, begins its own waiting period."""
    replicas = [region for region in kms_key.replica_regions if region != kms_key.region]
    left = relate(related_keys(store, kms_key), kms_key.primary_region, replicas)
    return [
        _pending_deletion(each, when, each.pending_window_in_days or 30)
        if each.key_state == PENDING_REPLICA_DELETION and not replicas
        else each
        for each in left
    ]
