"""What the operations that encrypt or decrypt share: their parameters, their checks, the bytes.

A symmetric key makes a ciphertext blob, which names the material it needs; an RSA key makes a
ciphertext of its own standard, which names nothing and binds no encryption context. Which key a
ciphertext needs is found in `ciphertext_keys`.
"""

from typing import NamedTuple

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.key_material import current_material, token_of, wrapped_key
from kmslab.services.kms.key_specs import (
    ENCRYPT_DECRYPT,
    SYMMETRIC_DEFAULT,
    is_symmetric,
    require_fit,
)
from kmslab.services.kms.key_use import key_for, refuse_recipient
from kmslab.store.records import KmsKey
from kmslab.vault.algorithms.rsa_keys import largest_plaintext
from kmslab.vault.backing_keys import BackingKeyName

# AWS states no bound. Without one, a policy's patterns would be compared with up to a mebibyte.
_LARGEST_CONTEXT = 8192


class Side(NamedTuple):
    """The parameters that say how a ciphertext is encrypted. ReEncrypt has two such sides."""

    key_id: str
    algorithm: str
    context: str


ONLY, SOURCE, DESTINATION = (
    Side(f"{name}KeyId", f"{name}EncryptionAlgorithm", f"{name}EncryptionContext")
    for name in ("", "Source", "Destination")
)


def check_contexts(call: Call) -> None:
    """Refuse an encryption context that is too long. What policies read, whoever calls, has to be
    checked before anything is decided. Raises ValidationException."""
    for member in (ONLY.context, SOURCE.context, DESTINATION.context):
        pairs = call.parameters.get(member)
        if pairs and _length(pairs) > _LARGEST_CONTEXT:
            raise errors.validation(f"{member} is longer than {_LARGEST_CONTEXT} bytes.")


def checked_algorithm(call: Call, side: Side, kms_key: KmsKey) -> str:
    """The algorithm that is asked for, which must be one of the key's. Raises
    InvalidKeyUsageException, and ValidationException for a context that it cannot bind."""
    algorithm: str = call.parameters.setdefault(side.algorithm, SYMMETRIC_DEFAULT)
    require_fit(kms_key, call.operation, ENCRYPT_DECRYPT, algorithm)
    if call.parameters.get(side.context) and not is_symmetric(kms_key):
        raise errors.validation(
            "An encryption context is supported only by operations with symmetric encryption KMS "
            "keys."
        )
    return algorithm


def refuse_large_plaintext(kms_key: KmsKey, algorithm: str, plaintext: bytes) -> None:
    """Refuse what does not fit into one RSA ciphertext. Raises ValidationException."""
    if is_symmetric(kms_key):
        return
    largest = largest_plaintext(kms_key.key_spec, algorithm)
    if len(plaintext) > largest:
        raise errors.validation(
            f"Algorithm {algorithm} and key spec {kms_key.key_spec} cannot encrypt data larger "
            f"than {largest} bytes."
        )


def data_key_wrapper(call: Call) -> KmsKey:
    """The symmetric key that KeyId names, under which a data key or a private key will be
    encrypted: authorised, usable and fit for it."""
    check_contexts(call)
    refuse_recipient(call)
    return key_for(call, ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT)


def encrypt_under(
    call: Call, kms_key: KmsKey, plaintext: bytes, encryption_context: dict[str, str] | None
) -> bytes:
    """A ciphertext blob of `plaintext` under the current material of a symmetric key."""
    material = current_material(kms_key)
    call.additional = {"keyMaterialId": material.key_material_id}
    return call.hsm.encrypt(
        material, token_of(call, kms_key, material), plaintext, encryption_context
    )


def encrypt_with(call: Call, side: Side, kms_key: KmsKey, plaintext: bytes) -> bytes:
    """A ciphertext of `plaintext` as `side` asks for it."""
    if is_symmetric(kms_key):
        return encrypt_under(call, kms_key, plaintext, call.parameters.get(side.context))
    algorithm = call.parameters[side.algorithm]
    return call.hsm.keys.encrypt(wrapped_key(call, kms_key), algorithm, plaintext)


def decrypt_with(call: Call, side: Side, kms_key: KmsKey, material: BackingKeyName) -> bytes:
    """The plaintext of the ciphertext that came. Raises InvalidCiphertextException."""
    blob = call.parameters["CiphertextBlob"]
    if is_symmetric(kms_key):
        token = token_of(call, kms_key, material)
        return call.hsm.decrypt(token, blob, call.parameters.get(side.context))
    algorithm = call.parameters[side.algorithm]
    return call.hsm.keys.decrypt(wrapped_key(call, kms_key), algorithm, blob)


def _length(pairs: dict[str, str]) -> int:
    return sum(len(text.encode()) for pair in pairs.items() for text in pair)
