"""Encrypt, Decrypt and GenerateRandom: what KMS does with bytes.

The order of checks is AWS's: find the key, authorise, look at its state, at its usage, at the
algorithm, and only then at the ciphertext. The ciphertext of a symmetric key names its key; that of
an asymmetric one says nothing, so its key and algorithm must be told. The bytes themselves are the
HSM's business.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.ciphertext_keys import key_of_ciphertext
from kmslab.services.kms.dry_run import (
    refuse_dry_run,
    refuse_dry_run_without_ciphertext,
    require_ciphertext,
)
from kmslab.services.kms.encryption import (
    ONLY,
    check_contexts,
    checked_algorithm,
    decrypt_with,
    encrypt_with,
    refuse_large_plaintext,
)
from kmslab.services.kms.identifiers import find_key
from kmslab.services.kms.key_specs import is_symmetric
from kmslab.services.kms.key_use import authorise_use, refuse_recipient


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
