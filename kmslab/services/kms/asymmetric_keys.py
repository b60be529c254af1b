"""Asymmetric KMS keys: how a key pair comes to be, what it is good for, and its public half.

Of a pair only the public key leaves KMS; who has it encrypts without asking anybody. So far there
are RSA_2048 pairs (KMS Developer Guide, "Key spec reference"). That of a lab with seeded randomness
is no other than any: RSA keys are drawn from the operating system.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key
from kmslab.services.kms.key_material import current_material, token_of
from kmslab.services.kms.key_states import require_state
from kmslab.services.kms.symmetric_keys import SYMMETRIC_DEFAULT, unused_key_id
from kmslab.store.records import KeyToken, KmsKey
from kmslab.vault.rsa_keys import largest_plaintext

ENCRYPT_DECRYPT, SIGN_VERIFY = "ENCRYPT_DECRYPT", "SIGN_VERIFY"

_RSA_ENCRYPTION = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = tuple(
    f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)
)
# Key spec → key usage → the member of KeyMetadata that has the algorithms, and these.
_ALGORITHMS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    SYMMETRIC_DEFAULT: {ENCRYPT_DECRYPT: ("EncryptionAlgorithms", (SYMMETRIC_DEFAULT,))},
    "RSA_2048": {
        ENCRYPT_DECRYPT: ("EncryptionAlgorithms", _RSA_ENCRYPTION),
        SIGN_VERIFY: ("SigningAlgorithms", _RSA_SIGNING),
    },
}


def usages_of(key_spec: str) -> frozenset[str]:
    """What a key of this spec may be made for; nothing, where there are no such keys yet."""
    return frozenset(_ALGORITHMS.get(key_spec, ()))


def algorithms_of(kms_key: KmsKey) -> dict[str, list[str]]:
    """The member of KeyMetadata that says which algorithms the key is for."""
    member, algorithms = _ALGORITHMS[kms_key.key_spec][kms_key.key_usage]
    return {member: list(algorithms)}


def is_symmetric(kms_key: KmsKey) -> bool:
    return kms_key.key_spec == SYMMETRIC_DEFAULT


def new_asymmetric_key(
    call: Call, policy: str, key_spec: str, key_usage: str
) -> tuple[KmsKey, KeyToken]:
    """An enabled asymmetric key of the caller's account and Region, and the exported key token of
    its private key. It takes a while, so the store's lock must not be held."""
    key_id = unused_key_id(call)
    name, token = call.hsm.create_key_pair(call.account, key_id, key_spec)
    kms_key = KmsKey(
        *(call.account, call.region, key_id, call.now, policy, name.key_material_id),
        key_spec=key_spec,
        key_usage=key_usage,
    )
    return kms_key, KeyToken(call.account, call.region, key_id, name.key_material_id, token)


def get_public_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html"""
    kms_key = find_key(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    if is_symmetric(kms_key):
        # AWS sends no sentence.
        raise errors.ServiceError("UnsupportedOperationException")
    material = current_material(kms_key)
    token = token_of(call, kms_key, material)
    return {
        "KeyId": kms_key.arn,
        "PublicKey": call.hsm.public_key(material, token, kms_key.key_spec),
        "CustomerMasterKeySpec": kms_key.key_spec,
        "KeySpec": kms_key.key_spec,
        "KeyUsage": kms_key.key_usage,
        **algorithms_of(kms_key),
    }


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
