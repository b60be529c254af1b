"""Encrypt, Decrypt and GenerateRandom: what KMS does with bytes.

The order of checks is AWS's: find the key, authorise, look at its state, at its usage, at the
algorithm, and only then at the ciphertext. The ciphertext of a symmetric key names its key; that of
an asymmetric one says nothing, so its key and algorithm must be told. The bytes themselves are the
HSM's business.
"""

from typing import Any, NamedTuple

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import (
    ignores_ciphertext,
    refuse_dry_run,
    refuse_dry_run_without_ciphertext,
    require_ciphertext,
)
from kmslab.services.kms.identifiers import find_key, is_key_id
from kmslab.services.kms.key_material import current_material, token_of, wrapped_key
from kmslab.services.kms.key_specs import (
    ENCRYPT_DECRYPT,
    SYMMETRIC_DEFAULT,
    is_symmetric,
    require_fit,
)
from kmslab.services.kms.key_states import require_state
from kmslab.store.records import KmsKey, shelf_of
from kmslab.vault.algorithms.rsa_keys import largest_plaintext
from kmslab.vault.hsm import BackingKeyName

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


def encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html"""
    asked = call.parameters
    check_contexts(call)
    kms_key = find_key(call, asked["KeyId"])
    authorise_use(call, kms_key)
    algorithm = checked_algorithm(call, ONLY, kms_key)
    refuse_large_plaintext(kms_key, algorithm, asked["Plaintext"])
    refuse_dry_run(call)
    blob = encrypt_with(call, ONLY, kms_key, asked["Plaintext"])
    return {"CiphertextBlob": blob, "KeyId": kms_key.arn, "EncryptionAlgorithm": algorithm}


def decrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    asked = call.parameters
    check_contexts(call)
    require_ciphertext(call)
    kms_key, material = key_of_ciphertext(call, ONLY)
    refuse_dry_run_without_ciphertext(call)
    plaintext = decrypt_with(call, ONLY, kms_key, material)
    refuse_dry_run(call)
    answer = {
        "Plaintext": plaintext,
        "KeyId": kms_key.arn,
        "EncryptionAlgorithm": asked["EncryptionAlgorithm"],
    }
    if is_symmetric(kms_key):
        call.additional = {"keyMaterialId": material.key_material_id}
        answer["KeyMaterialId"] = material.key_material_id
    return answer


def generate_random(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html"""
    call.authorise_in_account()
    asked = call.parameters
    refuse_recipient(call)
    if "CustomKeyStoreId" in asked:
        raise errors.no_such_key_store()
    if "NumberOfBytes" not in asked:
        raise errors.validation("NumberOfBytes is required.")
    size = asked["NumberOfBytes"]
    call.parameters = {}
    return {"Plaintext": call.hsm.random_bytes(size)}


def check_contexts(call: Call) -> None:
    """Refuse an encryption context that is too long. What policies read, whoever calls, has to be
    checked before anything is decided. Raises ValidationException."""
    for member in (ONLY.context, SOURCE.context, DESTINATION.context):
        pairs = call.parameters.get(member)
        if pairs and _length(pairs) > _LARGEST_CONTEXT:
            raise errors.validation(f"{member} is longer than {_LARGEST_CONTEXT} bytes.")


def _length(pairs: dict[str, str]) -> int:
    return sum(len(text.encode()) for pair in pairs.items() for text in pair)


def authorise_use(
    call: Call, kms_key: KmsKey, action: str | None = None, by_ciphertext: bool = False
) -> None:
    """What every cryptographic operation asks before it touches a key."""
    call.authorise(kms_key, action, by_ciphertext)
    require_state(call, kms_key)


def key_for(call: Call, key_usage: str, algorithm: str) -> KmsKey:
    """The key that KeyId names: authorised, usable, and made for `key_usage` with `algorithm`."""
    kms_key = find_key(call, call.parameters["KeyId"])
    authorise_use(call, kms_key)
    require_fit(kms_key, call.operation, key_usage, algorithm)
    return kms_key


def require_encryption(call: Call, kms_key: KmsKey, algorithm: str = SYMMETRIC_DEFAULT) -> None:
    """Refuse a key that is made for something else, or for other algorithms of encryption. Raises
    InvalidKeyUsageException."""
    require_fit(kms_key, call.operation, ENCRYPT_DECRYPT, algorithm)


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


def refuse_recipient(call: Call) -> None:
    if "Recipient" in call.parameters:
        raise errors.not_built("Recipient")


def key_of_ciphertext(
    call: Call, side: Side, action: str | None = None
) -> tuple[KmsKey, BackingKeyName]:
    """The key that the ciphertext needs, authorised, usable and of the algorithm asked for, and
    the material: that which the ciphertext names, of an asymmetric key the only one. Where the
    ciphertext is to be ignored, the key is the one that the caller names.

    Raises IncorrectKeyException where the caller names another key, and AccessDeniedException
    where the ciphertext's key is not in this Region.
    """
    refuse_recipient(call)
    ignored = ignores_ciphertext(call)
    named_by_blob = None if ignored else _key_in_ciphertext(call, side, action)
    if named_by_blob:
        return named_by_blob
    if side.key_id not in call.parameters:
        raise errors.validation(f"{side.key_id} is required with IGNORE_CIPHERTEXT.")
    kms_key = find_key(call, call.parameters[side.key_id], action)
    authorise_use(call, kms_key, action)
    checked_algorithm(call, side, kms_key)
    if ignored or not is_symmetric(kms_key):
        return kms_key, current_material(kms_key)
    material = call.hsm.read_header(call.parameters["CiphertextBlob"])
    if (kms_key.account, kms_key.key_id) != (material.account, material.key_id):
        raise errors.incorrect_key()
    return kms_key, material


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


def checked_algorithm(call: Call, side: Side, kms_key: KmsKey) -> str:
    """The algorithm that is asked for, which must be one of the key's. Raises
    InvalidKeyUsageException, and ValidationException for a context that it cannot bind."""
    algorithm: str = call.parameters.setdefault(side.algorithm, SYMMETRIC_DEFAULT)
    require_encryption(call, kms_key, algorithm)
    if call.parameters.get(side.context) and not is_symmetric(kms_key):
        raise errors.validation(
            "An encryption context is supported only by operations with symmetric encryption KMS "
            "keys."
        )
    return algorithm


def _key_in_ciphertext(
    call: Call, side: Side, action: str | None
) -> tuple[KmsKey, BackingKeyName] | None:
    """`key_of_ciphertext` where the caller names no key, or by a bare id one of another account;
    None where the caller's word is enough to find the key."""
    key_text = call.parameters.get(side.key_id)
    if key_text is not None and not _is_of_another_account(call, side, key_text):
        return None
    material = _read_header(call, side)
    if key_text is not None and (key_text != material.key_id or material.account == call.account):
        return None
    kms_key = _named_by(call, material, action, by_ciphertext=key_text is None)
    authorise_use(call, kms_key, action, by_ciphertext=key_text is None)
    checked_algorithm(call, side, kms_key)
    return kms_key, material


def _read_header(call: Call, side: Side) -> BackingKeyName:
    """What the ciphertext says of its key. Raises InvalidCiphertextException, or
    ValidationException where the algorithm is one whose ciphertexts say nothing."""
    try:
        return call.hsm.read_header(call.parameters["CiphertextBlob"])
    except errors.ServiceError:
        if _asks_for_symmetric(call, side):
            raise
        algorithm = call.parameters[side.algorithm]
        raise errors.validation(
            f"{side.key_id} is required when {side.algorithm} is {algorithm}."
        ) from None


def _asks_for_symmetric(call: Call, side: Side) -> bool:
    return bool(call.parameters.get(side.algorithm, SYMMETRIC_DEFAULT) == SYMMETRIC_DEFAULT)


def _is_of_another_account(call: Call, side: Side, key_text: str) -> bool:
    """Whether `key_text` is a bare key id that only a ciphertext can tell the account of."""
    if not is_key_id(key_text) or not _asks_for_symmetric(call, side):
        return False
    return call.store.kms_keys.get(shelf_of(call.account, call.region), key_text) is None


def _named_by(
    call: Call, material: BackingKeyName, action: str | None, by_ciphertext: bool
) -> KmsKey:
    shelf = shelf_of(material.account, call.region)
    kms_key = call.store.kms_keys.get(shelf, material.key_id)
    if kms_key is None:
        raise call.deny_absent(action, by_ciphertext)
    call.resources += (kms_key.arn,)
    return kms_key
