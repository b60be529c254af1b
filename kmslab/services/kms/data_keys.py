"""Data keys: made by KMS, used outside of it. KMS neither stores nor tracks them."""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.encryption import data_key_wrapper, encrypt_under

_SIZES = {"AES_128": 16, "AES_256": 32}


def generate_data_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html"""
    plaintext_data_key, answer = _data_key(call)
    return {**answer, "Plaintext": plaintext_data_key}


def generate_data_key_without_plaintext(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/\
API_GenerateDataKeyWithoutPlaintext.html"""
    _, answer = _data_key(call)
    return answer


def _data_key(call: Call) -> tuple[bytes, dict[str, Any]]:
    """A plaintext data key, and the members that both operations answer."""
    asked = call.parameters
    kms_key = data_key_wrapper(call)
    size = _size(call)
    refuse_dry_run(call)
    plaintext_data_key = call.hsm.random_bytes(size)
    blob = encrypt_under(call, kms_key, plaintext_data_key, asked.get("EncryptionContext"))
    return plaintext_data_key, {
        "CiphertextBlob": blob,
        "KeyId": kms_key.arn,
        "KeyMaterialId": kms_key.key_material_id,
    }


def _size(call: Call) -> int:
    asked = call.parameters
    if ("KeySpec" in asked) is ("NumberOfBytes" in asked):
        raise errors.validation("Please specify either number of bytes or key spec.")
    if "KeySpec" in asked:
        return _SIZES[asked["KeySpec"]]
    size: int = asked["NumberOfBytes"]
    return size
