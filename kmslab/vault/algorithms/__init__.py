"""The keys of the HSM that are no symmetric encryption keys: one module for each kind.

Every kind is a class with the same four ways in and out:

    generate(key_spec, random)   a new key
    open(key_spec, material)     what `encode` gave, and the domain key kept: trusted, so quick
    decode(key_spec, material)   what somebody sent: checked in full, ValueError for what is unfit
    encode()                     the key in clear, for the HSM alone, which wraps it

Material of a key pair is PKCS #8 in DER, that of an HMAC key the bare bytes. What a kind then can
do, its own methods say. Who may use a key, and for what, is not known here.

Elliptic, Edwards, HMAC, ML-DSA and ML-KEM keys are drawn from the `random` that is given, so that a
lab with seeded randomness makes the same ones again. RSA keys are not: OpenSSL takes its primes
from the operating system alone. From there it also takes what signatures, paddings and
encapsulations need, so these never repeat, as at AWS.
"""

from kmslab.vault.algorithms.edwards_keys import EdwardsKeyPair
from kmslab.vault.algorithms.elliptic_keys import EllipticKeyPair
from kmslab.vault.algorithms.hmac_keys import HmacKey
from kmslab.vault.algorithms.ml_dsa_keys import MlDsaKeyPair
from kmslab.vault.algorithms.ml_kem_keys import MlKemKeyPair
from kmslab.vault.algorithms.rsa_keys import RsaKeyPair

SigningKeyPair = RsaKeyPair | EllipticKeyPair | EdwardsKeyPair | MlDsaKeyPair
KeyPair = SigningKeyPair | MlKemKeyPair
AnyKey = KeyPair | HmacKey

_KINDS: tuple[type[AnyKey], ...] = (
    *(RsaKeyPair, EllipticKeyPair, EdwardsKeyPair),
    *(HmacKey, MlDsaKeyPair, MlKemKeyPair),
)
_KIND_OF: dict[str, type[AnyKey]] = {spec: kind for kind in _KINDS for spec in kind.KEY_SPECS}


def kind_of(key_spec: str) -> type[AnyKey]:
    """The class of the keys of `key_spec`. Raises ValueError where there are none."""
    if key_spec not in _KIND_OF:
        raise ValueError(f"there are no keys of the spec {key_spec!r}")
    return _KIND_OF[key_spec]


__all__ = [
    "AnyKey",
    "EdwardsKeyPair",
    "EllipticKeyPair",
    "HmacKey",
    "KeyPair",
    "MlDsaKeyPair",
    "MlKemKeyPair",
    "RsaKeyPair",
    "SigningKeyPair",
    "kind_of",
]
