"""What a KMS key can be: the one table of key spec × key usage × algorithm.

It follows the KMS Developer Guide ("Key spec reference"). What is not in the table is refused: SM2,
which AWS has in China alone, ML_KEM_512 and ED25519_PH_SHA_512, which no library does that this lab
could stand on. The algorithms themselves are the vault's.
"""

from kmslab import errors
from kmslab.store.records import KmsKey

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
ENCRYPT_DECRYPT, SIGN_VERIFY = "ENCRYPT_DECRYPT", "SIGN_VERIFY"
GENERATE_VERIFY_MAC, KEY_AGREEMENT = "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"
ENCAPSULATE_DECAPSULATE = "ENCAPSULATE_DECAPSULATE"

# Key usage → the member of KeyMetadata that has the algorithms.
_MEMBERS = {
    ENCRYPT_DECRYPT: "EncryptionAlgorithms",
    SIGN_VERIFY: "SigningAlgorithms",
    GENERATE_VERIFY_MAC: "MacAlgorithms",
    KEY_AGREEMENT: "KeyAgreementAlgorithms",
    ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
}
_Usages = dict[str, tuple[str, ...]]
_RSA: _Usages = {
    ENCRYPT_DECRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
    SIGN_VERIFY: tuple(
        f"RSASSA_{padding}_SHA_{bits}"
        for padding in ("PKCS1_V1_5", "PSS")
        for bits in (256, 384, 512)
    ),
}
_ML_DSA: _Usages = {SIGN_VERIFY: ("ML_DSA_SHAKE_256",)}
_ML_KEM: _Usages = {ENCAPSULATE_DECAPSULATE: ("ML_KEM",)}
_ALGORITHMS: dict[str, _Usages] = {
    SYMMETRIC_DEFAULT: {ENCRYPT_DECRYPT: (SYMMETRIC_DEFAULT,)},
    **{f"HMAC_{n}": {GENERATE_VERIFY_MAC: (f"HMAC_SHA_{n}",)} for n in (224, 256, 384, 512)},
    **{f"RSA_{bits}": _RSA for bits in (2048, 3072, 4096)},
    **{
        f"ECC_NIST_P{bits}": {SIGN_VERIFY: (f"ECDSA_SHA_{n}",), KEY_AGREEMENT: ("ECDH",)}
        for bits, n in ((256, 256), (384, 384), (521, 512))
    },
    "ECC_SECG_P256K1": {SIGN_VERIFY: ("ECDSA_SHA_256",)},
    "ECC_NIST_EDWARDS25519": {SIGN_VERIFY: ("ED25519_SHA_512",)},
    **{f"ML_DSA_{n}": _ML_DSA for n in (44, 65, 87)},
    **{f"ML_KEM_{n}": _ML_KEM for n in (768, 1024)},
}
# What AWS has for a key of this lab, and the lab has not.
_MISSING = {("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512")}


def usages_of(key_spec: str) -> frozenset[str]:
    """What a key of this spec may be made for; nothing, where this lab makes no such keys."""
    return frozenset(_ALGORITHMS.get(key_spec, ()))


def algorithms_of(kms_key: KmsKey) -> dict[str, list[str]]:
    """The member of KeyMetadata that says which algorithms the key is for."""
    return {_MEMBERS[kms_key.key_usage]: list(_ALGORITHMS[kms_key.key_spec][kms_key.key_usage])}


def is_symmetric(kms_key: KmsKey) -> bool:
    """Whether it is a symmetric encryption key. An HMAC key is none."""
    return kms_key.key_spec == SYMMETRIC_DEFAULT


def is_key_pair(kms_key: KmsKey) -> bool:
    return kms_key.key_usage != GENERATE_VERIFY_MAC and not is_symmetric(kms_key)


def require_fit(kms_key: KmsKey, operation: str, key_usage: str, algorithm: str) -> None:
    """Refuse a key that is made for something else, or for other algorithms of its usage. Raises
    InvalidKeyUsageException, and UnsupportedOperationException for what this lab cannot do."""
    if kms_key.key_usage != key_usage:
        raise errors.wrong_key_usage(kms_key.arn, kms_key.key_usage, operation)
    if (kms_key.key_spec, algorithm) in _MISSING:
        raise errors.not_built(algorithm)
    if algorithm not in _ALGORITHMS[kms_key.key_spec][key_usage]:
        raise errors.incompatible_algorithm(algorithm, kms_key.key_spec)
