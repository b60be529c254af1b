"""What the clock does to a KMS key: it rotates its material, and one day ends it.

The door runs what is due, each thing at its own time and under the store's lock. When that time
comes is written in the records themselves (`store.records.KmsKey.due`).
"""

from dataclasses import replace

from kmslab.services.kms.deletion import delete_key
from kmslab.services.kms.rotation import AUTOMATIC, DAY, new_material, rotate
from kmslab.sources import RandomBytes
from kmslab.store.records import KmsKey
from kmslab.store.store import Changes, Store
from kmslab.vault.hsm import Hsm


def do_due(kms_key: KmsKey, when: float, store: Store, hsm: Hsm, random: RandomBytes) -> None:
    """Do what fell due for the key at `when`."""
    if kms_key.deletion_date is not None:
        delete_key(kms_key, when, store, hsm, random)
    else:
        _rotate(kms_key, when, store, hsm, random)


def _rotate(kms_key: KmsKey, when: float, store: Store, hsm: Hsm, random: RandomBytes) -> None:
    """The automatic rotation; the next one is a period later, also where this one was late."""
    scheduled = replace(kms_key, next_rotation_date=when + kms_key.rotation_period * DAY)
    made = new_material(kms_key, when, hsm)
    rotation = rotate(scheduled, *made, AUTOMATIC, when, store, random)
    store.commit(Changes(put=list(rotation.records)), [rotation.event])
