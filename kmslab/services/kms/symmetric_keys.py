"""How a symmetric KMS key comes to be: an id nobody has, and material only the HSM has."""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.sources import uuid_text
from kmslab.store.records import KeyToken, KmsKey, shelf_of

_MOST_KEYS = 100_000


def new_symmetric_key(call: Call, policy: str) -> tuple[KmsKey, KeyToken]:
    """An enabled symmetric encryption key of the caller's account and Region, and the exported
    key token of its material. Raises LimitExceededException over the account's quota."""
    key_id = _unused_key_id(call)
    name, token = call.hsm.create_backing_key(call.account, key_id)
    kms_key = KmsKey(call.account, call.region, key_id, call.now, policy, name.key_material_id)
    key_token = KeyToken(call.account, call.region, key_id, name.key_material_id, token)
    return kms_key, key_token


def _unused_key_id(call: Call) -> str:
    kms_keys, shelf = call.store.kms_keys, shelf_of(call.account, call.region)
    if kms_keys.count(shelf) >= _MOST_KEYS:
        raise errors.limit_exceeded(f"You have reached the limit of {_MOST_KEYS} KMS keys.")
    while kms_keys.get(shelf, key_id := uuid_text(call.random(16))):
        # Only a seeded source, started again on an old state, draws an id twice.
        continue
    return key_id
