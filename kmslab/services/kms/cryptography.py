"""Encrypt, Decrypt, ReEncrypt and GenerateRandom: what KMS does with bytes.

The order of checks is AWS's: find the key, authorise, look at its state, at the algorithm, and
only then at the ciphertext. The bytes themselves are the HSM's business.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key, is_key_id, peek_key
from kmslab.services.kms.key_states import require_usable
from kmslab.store.records import KmsKey, shelf_of
from kmslab.vault.hsm import BackingKeyName

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"

# AWS states no bound. Without one, a policy's patterns would be compared with up to a mebibyte.
_LARGEST_CONTEXT = 8192
_CONTEXTS = ("EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext")


def encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html"""
    asked = call.parameters
    check_contexts(call)
    kms_key = find_key(call, asked["KeyId"])
    authorise_use(call, kms_key)
    algorithm = _algorithm(call, "EncryptionAlgorithm", kms_key)
    refuse_dry_run(call)
    blob = encrypt_under(call, kms_key, asked["Plaintext"], asked.get("EncryptionContext"))
    return {"CiphertextBlob": blob, "KeyId": kms_key.arn, "EncryptionAlgorithm": algorithm}


def decrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    asked = call.parameters
    check_contexts(call)
    _require(call, "CiphertextBlob")
    kms_key, material = _key_of_ciphertext(call, "KeyId", "EncryptionAlgorithm")
    plaintext = _decrypt_with(call, kms_key, material, asked.get("EncryptionContext"))
    refuse_dry_run(call)
    call.additional = {"keyMaterialId": material.key_material_id}
    return {
        "Plaintext": plaintext,
        "KeyId": kms_key.arn,
        "EncryptionAlgorithm": asked["EncryptionAlgorithm"],
        "KeyMaterialId": material.key_material_id,
    }


def re_encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html

    The plaintext exists only inside this function. Two rights are needed:
    kms:ReEncryptFrom on the old key and kms:ReEncryptTo on the new one.
    """
    asked = call.parameters
    check_contexts(call)
    _require(call, "CiphertextBlob")
    _note_same_key(call)
    source, material = _key_of_ciphertext(
        call, "SourceKeyId", "SourceEncryptionAlgorithm", "ReEncryptFrom"
    )
    destination = find_key(call, asked["DestinationKeyId"], "ReEncryptTo")
    authorise_use(call, destination, "ReEncryptTo")
    destination_algorithm = _algorithm(call, "DestinationEncryptionAlgorithm", destination)
    plaintext = _decrypt_with(call, source, material, asked.get("SourceEncryptionContext"))
    refuse_dry_run(call)
    new_context = asked.get("DestinationEncryptionContext")
    return {
        "CiphertextBlob": encrypt_under(call, destination, plaintext, new_context),
        "SourceKeyId": source.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": asked["SourceEncryptionAlgorithm"],
        "DestinationEncryptionAlgorithm": destination_algorithm,
        "SourceKeyMaterialId": material.key_material_id,
        "DestinationKeyMaterialId": destination.key_material_id,
    }


def generate_random(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html"""
    call.authorise_in_account()
    asked = call.parameters
    refuse_recipient(call)
    if "CustomKeyStoreId" in asked:
        raise errors.ServiceError("CustomKeyStoreNotFoundException")
    if "NumberOfBytes" not in asked:
        raise errors.validation("NumberOfBytes is required.")
    size = asked["NumberOfBytes"]
    call.parameters = {}
    return {"Plaintext": call.hsm.random_bytes(size)}


def check_contexts(call: Call) -> None:
    """Refuse an encryption context that is too long. What policies read, whoever calls, has to be
    checked before anything is decided. Raises ValidationException."""
    for member in _CONTEXTS:
        pairs = call.parameters.get(member) or {}
        if sum(len(text.encode()) for pair in pairs.items() for text in pair) > _LARGEST_CONTEXT:
            raise errors.validation(f"{member} is longer than {_LARGEST_CONTEXT} bytes.")


def authorise_use(
    call: Call, kms_key: KmsKey, action: str | None = None, by_ciphertext: bool = False
) -> None:
    """What every cryptographic operation asks before it touches a key."""
    call.authorise(kms_key, action, by_ciphertext)
    require_usable(kms_key)


def encrypt_under(
    call: Call, kms_key: KmsKey, plaintext: bytes, encryption_context: dict[str, str] | None
) -> bytes:
    """A ciphertext blob of `plaintext` under the key's current material."""
    material = BackingKeyName(kms_key.account, kms_key.key_id, kms_key.key_material_id)
    call.additional = {"keyMaterialId": material.key_material_id}
    return call.hsm.encrypt(
        material, _token(call, kms_key, material), plaintext, encryption_context
    )


def refuse_dry_run(call: Call) -> None:
    """A dry run ends here: all checks have passed."""
    if call.parameters.get("DryRun"):
        raise errors.dry_run()


def refuse_recipient(call: Call) -> None:
    if "Recipient" in call.parameters:
        raise errors.not_built("Recipient")


def _key_of_ciphertext(
    call: Call, key_member: str, algorithm_member: str, action: str | None = None
) -> tuple[KmsKey, BackingKeyName]:
    """The key that the ciphertext needs, authorised, usable and of the algorithm asked for, and
    the material that the ciphertext names.

    Raises IncorrectKeyException where the caller names another key, and AccessDeniedException
    where the ciphertext's key is not in this Region.
    """
    refuse_recipient(call)
    key_text, blob = call.parameters.get(key_member), call.parameters["CiphertextBlob"]
    if key_text is None or _is_of_another_account(call, key_text):
        material = call.hsm.read_header(blob)
        foreign = key_text == material.key_id and material.account != call.account
        if key_text is None or foreign:
            by_ciphertext = key_text is None
            kms_key = _named_by(call, material, action, by_ciphertext)
            authorise_use(call, kms_key, action, by_ciphertext)
            _algorithm(call, algorithm_member, kms_key)
            return kms_key, material
    kms_key = find_key(call, key_text, action)
    authorise_use(call, kms_key, action)
    _algorithm(call, algorithm_member, kms_key)
    material = call.hsm.read_header(blob)
    if (kms_key.account, kms_key.key_id) != (material.account, material.key_id):
        raise errors.incorrect_key()
    return kms_key, material


def _note_same_key(call: Call) -> None:
    """For the condition kms:ReEncryptOnSameKey, which both halves of the right may ask for."""
    asked = call.parameters
    destination = peek_key(call, asked["DestinationKeyId"])
    try:
        material = call.hsm.read_header(asked["CiphertextBlob"])
    except errors.ServiceError:
        return
    if destination:
        ids = (destination.account, destination.key_id)
        same = ids == (material.account, material.key_id)
        call.more_context["kms:reencryptonsamekey"] = "true" if same else "false"


def _is_of_another_account(call: Call, key_text: str) -> bool:
    """Whether `key_text` is a bare key id that only a ciphertext can tell the account of."""
    shelf = shelf_of(call.account, call.region)
    return is_key_id(key_text) and call.store.kms_keys.get(shelf, key_text) is None


def _named_by(
    call: Call, material: BackingKeyName, action: str | None, by_ciphertext: bool
) -> KmsKey:
    shelf = shelf_of(material.account, call.region)
    kms_key = call.store.kms_keys.get(shelf, material.key_id)
    if kms_key is None:
        raise call.deny_absent(action, by_ciphertext)
    call.resources += (kms_key.arn,)
    return kms_key


def _decrypt_with(
    call: Call,
    kms_key: KmsKey,
    material: BackingKeyName,
    encryption_context: dict[str, str] | None,
) -> bytes:
    token = _token(call, kms_key, material)
    return call.hsm.decrypt(token, call.parameters["CiphertextBlob"], encryption_context)


def _token(call: Call, kms_key: KmsKey, material: BackingKeyName) -> str:
    shelf = f"{kms_key.shelf}/{kms_key.key_id}"
    key_token = call.store.key_tokens.get(shelf, material.key_material_id)
    if key_token is None and material.key_material_id == kms_key.key_material_id:
        # The key was deleted between the look-up and now.
        raise errors.no_such_key(kms_key.arn)
    if key_token is None:
        raise errors.invalid_ciphertext()
    return key_token.token


def _algorithm(call: Call, member: str, kms_key: KmsKey) -> str:
    algorithm: str = call.parameters.setdefault(member, SYMMETRIC_DEFAULT)
    if algorithm != SYMMETRIC_DEFAULT:
        raise errors.incompatible_algorithm(algorithm, kms_key.key_spec)
    return algorithm


def _require(call: Call, member: str) -> None:
    """A member that the model leaves optional for a dry run's sake."""
    if member not in call.parameters:
        spelled = member[:1].lower() + member[1:]
        raise errors.constraints(
            [f"Value null at '{spelled}' failed to satisfy constraint: Member must not be null"]
        )
