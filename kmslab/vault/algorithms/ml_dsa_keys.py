"""ML-DSA key pairs: they sign so that no quantum computer can forge it (FIPS 204).

The private key is kept as the 32 bytes of the lab's randomness that it all comes from. A signature
is the hedged kind, new each time, with an empty context. Whoever has a long message makes its
representative µ, 64 bytes, alone (FIPS 204, section 6.2): EXTERNAL_MU.
"""

from functools import cached_property
from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
    MLDSA87PrivateKey,
    MLDSA87PublicKey,
)

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms.key_pairs import SigningPair

MU_SIZE = 64
_SEED_SIZE = 32
_PrivateKey = MLDSA44PrivateKey | MLDSA65PrivateKey | MLDSA87PrivateKey
_PublicKey = MLDSA44PublicKey | MLDSA65PublicKey | MLDSA87PublicKey
_KINDS: dict[str, type[_PrivateKey]] = {
    "ML_DSA_44": MLDSA44PrivateKey,
    "ML_DSA_65": MLDSA65PrivateKey,
    "ML_DSA_87": MLDSA87PrivateKey,
}


class MlDsaKeyPair(SigningPair[_PrivateKey]):
    """A pair that signs. Any seed is a good private key."""

    KEY_SPECS: ClassVar = tuple(_KINDS)

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        return cls(_KINDS[key_spec].from_seed_bytes(random(_SEED_SIZE)))

    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes:
        if message_type == "EXTERNAL_MU":
            return self._private_key.sign_mu(message)
        return self._private_key.sign(message)

    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        public_key = self._public_key
        verify = public_key.verify_mu if message_type == "EXTERNAL_MU" else public_key.verify
        verify(signature, message)

    @cached_property
    def _public_key(self) -> _PublicKey:
        # Kept, since OpenSSL prepares a public key when it is first used.
        return self._private_key.public_key()

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> _PrivateKey:
        if not isinstance(private_key, _KINDS[key_spec]):
            raise ValueError(f"the material is no {key_spec} private key")
        return private_key
