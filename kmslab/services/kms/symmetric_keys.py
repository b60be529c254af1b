"""How a symmetric KMS key comes to be: an id nobody has, and material only the HSM has."""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.sources import uuid_text
from kmslab.store.records import KeyMaterial, KeyToken, KmsKey, first_material, shelf_of

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
_MOST_KEYS = 100_000


def new_symmetric_key(call: Call, policy: str) -> tuple[KmsKey, KeyToken, KeyMaterial]:
    """An enabled symmetric encryption key of the caller's account and Region, the exported key
    token of its first material, and what is known of that."""
    key_id = unused_key_id(call)
    name, token = call.hsm.create_backing_key(call.account, key_id)
    kms_key = KmsKey(call.account, call.region, key_id, call.now, policy, name.key_material_id)
    key_token = KeyToken(call.account, call.region, key_id, name.key_material_id, token)
    return kms_key, key_token, first_material(kms_key)


def unused_key_id(call: Call) -> str:
    """An id for a new key. No two calls draw the same, so it need not be drawn under a lock."""
    kms_keys, shelf = call.store.kms_keys, shelf_of(call.account, call.region)
    while kms_keys.get(shelf, key_id := _drawn_key_id(call)):
        # Only a seeded source, started again on an old state, draws an id twice.
        continue
    return key_id


def _drawn_key_id(call: Call) -> str:
    key_id = uuid_text(call.random(16))
    return f"mrk-{key_id.replace('-', '')}" if call.parameters.get("MultiRegion") else key_id


def require_room(call: Call) -> None:
    """Refuse a key over the account's quota, once no other call can add one. Raises
    LimitExceededException."""
    if call.store.kms_keys.count(shelf_of(call.account, call.region)) >= _MOST_KEYS:
        raise errors.limit_exceeded(f"You have reached the limit of {_MOST_KEYS} KMS keys.")
