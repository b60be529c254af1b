"""Encapsulate and Decapsulate: a secret for the holder of an ML-KEM private key.

Whoever has the public key can encapsulate without KMS. Only the length of a ciphertext can be
wrong: any other one gives 32 bytes, which nobody else has if it was not made for this key.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.key_material import wrapped_key
from kmslab.services.kms.key_specs import ENCAPSULATE_DECAPSULATE
from kmslab.services.kms.key_use import key_for
from kmslab.vault.algorithms.ml_kem_keys import ciphertext_size


def encapsulate(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encapsulate.html"""
    algorithm = call.parameters["EncapsulationAlgorithm"]
    kms_key = key_for(call, ENCAPSULATE_DECAPSULATE, algorithm)
    refuse_dry_run(call)
    secret, ciphertext = call.hsm.keys.encapsulate(wrapped_key(call, kms_key))
    return {
        "KeyId": kms_key.arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": ciphertext,
        "EncapsulationAlgorithm": algorithm,
    }


def decapsulate(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decapsulate.html"""
    algorithm = call.parameters["EncapsulationAlgorithm"]
    ciphertext = call.parameters["SharedSecretCiphertextBlob"]
    kms_key = key_for(call, ENCAPSULATE_DECAPSULATE, algorithm)
    if len(ciphertext) != ciphertext_size(kms_key.key_spec):
        raise errors.invalid_ciphertext()
    refuse_dry_run(call)
    secret = call.hsm.keys.decapsulate(wrapped_key(call, kms_key), ciphertext)
    return {"KeyId": kms_key.arn, "SharedSecret": secret, "EncapsulationAlgorithm": algorithm}
