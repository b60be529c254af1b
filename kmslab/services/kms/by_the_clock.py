"""What the clock does to a KMS key: a passing state ends, its material is rotated or expires, and
one day it goes.

The door runs what is due, each thing at its own time and under the store's lock. When that time
comes is written in the records themselves (`store.records.KmsKey.due`).
"""

from dataclasses import replace

from kmslab.services.kms.deletion import delete_key
from kmslab.services.kms.imported_material import expire_material
from kmslab.services.kms.key_states import CREATING
from kmslab.services.kms.rotation import AUTOMATIC, new_material, rotate, rotation_events
from kmslab.services.kms.service_events import synchronized
from kmslab.sources import DAY, RandomBytes
from kmslab.store.records import KeyMaterial, KmsKey
from kmslab.store.store import Changes, Store
from kmslab.vault.hsm import Hsm


def do_due(
    due: KmsKey | KeyMaterial, when: float, store: Store, hsm: Hsm, random: RandomBytes
) -> None:
    """Do what fell due for a key or one of its materials at `when`."""
    if isinstance(due, KeyMaterial):
        expire_material(due, when, store, hsm, random)
    else:
        _do_due_for_key(due, when, store, hsm, random)


def _do_due_for_key(
    kms_key: KmsKey, when: float, store: Store, hsm: Hsm, random: RandomBytes
) -> None:
    if kms_key.settles_at is not None:
        _settle(kms_key, when, store, random)
    elif kms_key.deletion_date is not None:
        delete_key(kms_key, when, store, hsm, random)
    else:
        _rotate(kms_key, when, store, hsm, random)


def _settle(kms_key: KmsKey, when: float, store: Store, random: RandomBytes) -> None:
    """A state that does not last ends. Of a new replica KMS tells that it has what it shares."""
    settled = replace(
        kms_key,
        key_state=kms_key.settled_state,
        settled_state="",
        settles_at=None,
        enabled_since=when,
    )
    is_new = kms_key.key_state == CREATING
    store.commit(Changes(put=[settled]), [synchronized(kms_key, when, random)] if is_new else [])


def _rotate(kms_key: KmsKey, when: float, store: Store, hsm: Hsm, random: RandomBytes) -> None:
    """The automatic rotation; the next one is a period later, also where this one was late."""
    scheduled = replace(kms_key, next_rotation_date=when + kms_key.rotation_period * DAY)
    successor, token = new_material(kms_key, when, hsm)
    records = rotate(scheduled, successor, token, AUTOMATIC, when, store)
    events = rotation_events(scheduled, successor, AUTOMATIC, when, random)
    store.commit(Changes(put=list(records)), events)
