"""Which material a KMS key has, and the exported key token by which the HSM takes it back."""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.store.records import KeyToken, KmsKey
from kmslab.vault.hsm import BackingKeyName


def current_material(kms_key: KmsKey) -> BackingKeyName:
    """The material that the key encrypts with now."""
    return BackingKeyName(kms_key.account, kms_key.key_id, kms_key.key_material_id)


def token_of(call: Call, kms_key: KmsKey, material: BackingKeyName) -> str:
    """The token of `material`. Raises NotFoundException where the key is gone, and
    InvalidCiphertextException where it never had that material."""
    shelf = f"{kms_key.shelf}/{kms_key.key_id}"
    key_token = call.store.key_tokens.get(shelf, material.key_material_id)
    if key_token is None and call.changes:
        # A key that comes to be with this very call: AWS's own key for a service.
        made = [each for each in call.changes.put if isinstance(each, KeyToken)]
        key_token = next((each for each in made if each.shelf == shelf), None)
    if key_token is None and material.key_material_id == kms_key.key_material_id:
        # The key was deleted between the look-up and now.
        raise errors.no_such_key(kms_key.arn)
    if key_token is None:
        raise errors.invalid_ciphertext()
    return key_token.token
