"""How a KMS key comes to be: an id nobody has, and material that only the HSM has, or none yet.

What becomes of a key later is not known here, nor who may make one.
"""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.key_states import PENDING_IMPORT
from kmslab.services.kms.material_records import EXTERNAL
from kmslab.sources import uuid_text
from kmslab.store.records import KeyMaterial, KeyToken, KmsKey, first_material, shelf_of

_MOST_KEYS = 100_000


def new_symmetric_key(call: Call, policy: str) -> tuple[KmsKey, KeyToken, KeyMaterial]:
    """An enabled symmetric encryption key of the caller's account and Region, the exported key
    token of its first material, and what is known of that."""
    key_id = _unused_key_id(call)
    name, token = call.hsm.create_backing_key(call.account, key_id)
    kms_key = KmsKey(call.account, call.region, key_id, call.now, policy, name.key_material_id)
    key_token = KeyToken(call.account, call.region, key_id, name.key_material_id, token)
    return kms_key, key_token, first_material(kms_key)


def new_key_of_spec(
    call: Call, policy: str, key_spec: str, key_usage: str
) -> tuple[KmsKey, KeyToken]:
    """An enabled key of the caller's account and Region that is no symmetric encryption key, and
    the exported key token of its material. An RSA key takes a while, so the store's lock must not
    be held."""
    key_id = _unused_key_id(call)
    made = call.hsm.keys.create(call.account, key_id, key_spec)
    material_id = made.name.key_material_id
    kms_key = KmsKey(
        *(call.account, call.region, key_id, call.now, policy, material_id),
        key_spec=key_spec,
        key_usage=key_usage,
    )
    return kms_key, KeyToken(call.account, call.region, key_id, material_id, made.token)


def new_key_without_material(call: Call, policy: str, key_spec: str, key_usage: str) -> KmsKey:
    """A key whose material its owner has yet to bring."""
    return KmsKey(
        *(call.account, call.region, _unused_key_id(call), call.now, policy),
        key_material_id="",
        key_state=PENDING_IMPORT,
        key_spec=key_spec,
        key_usage=key_usage,
        origin=EXTERNAL,
    )


def require_room(call: Call) -> None:
    """Refuse a key over the account's quota, once no other call can add one. Raises
    LimitExceededException."""
    if call.store.kms_keys.count(shelf_of(call.account, call.region)) >= _MOST_KEYS:
        raise errors.limit_exceeded(f"You have reached the limit of {_MOST_KEYS} KMS keys.")


def _unused_key_id(call: Call) -> str:
    """An id for a new key. No two calls draw the same, so it need not be drawn under a lock."""
    kms_keys, shelf = call.store.kms_keys, shelf_of(call.account, call.region)
    while kms_keys.get(shelf, key_id := _drawn_key_id(call)):
        # Only a seeded source, started again on an old state, draws an id twice.
        continue
    return key_id


def _drawn_key_id(call: Call) -> str:
    key_id = uuid_text(call.random(16))
    return f"mrk-{key_id.replace('-', '')}" if call.parameters.get("MultiRegion") else key_id
