"""Which material a KMS key has, and the exported key token by which the HSM takes it back.

How a key comes to its material is not known here.
"""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.material_records import EXTERNAL
from kmslab.store.records import KeyToken, KmsKey
from kmslab.vault.backing_keys import BackingKeyName, WrappedKey


def current_material(kms_key: KmsKey) -> BackingKeyName:
    """The material that the key encrypts with now."""
    return BackingKeyName(kms_key.account, kms_key.key_id, kms_key.key_material_id)


def wrapped_key(call: Call, kms_key: KmsKey) -> WrappedKey:
    """The only material of a key that is no symmetric encryption key, as the HSM takes it."""
    material = current_material(kms_key)
    return WrappedKey(material, token_of(call, kms_key, material), kms_key.key_spec)


def token_of(call: Call, kms_key: KmsKey, material: BackingKeyName) -> str:
    """The token of `material`. Raises NotFoundException where the key is gone,
    KMSInvalidStateException where what was imported into it is, and InvalidCiphertextException
    where it never had that material."""
    key_token = call.store.key_tokens.get(kms_key.own_shelf, material.key_material_id)
    if key_token is None and call.changes:
        # A key that comes to be with this very call: AWS's own key for a service.
        made = [each for each in call.changes.put if isinstance(each, KeyToken)]
        key_token = next((each for each in made if each.shelf == kms_key.own_shelf), None)
    if key_token is None and material.key_material_id == kms_key.key_material_id:
        # The key, or what was imported into it, was deleted between the look-up and now.
        if kms_key.origin == EXTERNAL:
            raise errors.pending_import(kms_key.arn)
        raise errors.no_such_key(kms_key.arn)
    if key_token is None:
        raise errors.invalid_ciphertext()
    return key_token.token
