"""Sign and Verify: whoever has the public key sees that a message came from the key's users.

A message has up to 4096 bytes; of a longer one its digest is signed, or, with ML-DSA, its
representative µ. A signature that does not fit is an exception without a sentence, never a false.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.key_material import wrapped_key
from kmslab.services.kms.key_specs import SIGN_VERIFY
from kmslab.services.kms.key_use import key_for
from kmslab.store.records import KmsKey
from kmslab.vault.algorithms.hash_functions import hash_of
from kmslab.vault.algorithms.ml_dsa_keys import MU_SIZE

RAW, DIGEST, EXTERNAL_MU = "RAW", "DIGEST", "EXTERNAL_MU"
# The algorithms that hash no message beforehand, and what else each of them takes.
_MESSAGE_TYPES = {
    "ED25519_SHA_512": (RAW,),
    "ML_DSA_SHAKE_256": (RAW, EXTERNAL_MU),
}


def sign(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"""
    kms_key, algorithm, message_type = _checked(call)
    refuse_dry_run(call)
    signature = call.hsm.keys.sign(
        wrapped_key(call, kms_key), algorithm, message_type, call.parameters["Message"]
    )
    return {"KeyId": kms_key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


def verify(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html"""
    kms_key, algorithm, message_type = _checked(call)
    message, signature = call.parameters["Message"], call.parameters["Signature"]
    key_pair = wrapped_key(call, kms_key)
    if not call.hsm.keys.verify(key_pair, algorithm, message_type, message, signature):
        raise errors.ServiceError("KMSInvalidSignatureException")
    refuse_dry_run(call)
    return {"KeyId": kms_key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


def _checked(call: Call) -> tuple[KmsKey, str, str]:
    """The key, the algorithm and the type of the message, which fit each other and the message."""
    asked = call.parameters
    algorithm: str = asked["SigningAlgorithm"]
    message_type: str = asked.setdefault("MessageType", RAW)
    kms_key = key_for(call, SIGN_VERIFY, algorithm)
    if message_type not in _MESSAGE_TYPES.get(algorithm, (RAW, DIGEST)):
        raise errors.validation(f"MessageType {message_type} is not valid for {algorithm}.")
    if message_type != RAW and len(asked["Message"]) != _digest_size(algorithm, message_type):
        raise errors.validation(f"Digest is invalid length for algorithm {algorithm}.")
    return kms_key, algorithm, message_type


def _digest_size(algorithm: str, message_type: str) -> int:
    return MU_SIZE if message_type == EXTERNAL_MU else hash_of(algorithm).digest_size
