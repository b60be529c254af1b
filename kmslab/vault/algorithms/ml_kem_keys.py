"""ML-KEM key pairs: two sides get one secret, safe from quantum computers (FIPS 203).

Whoever has the public key draws a secret and encapsulates it; the private key finds it again. It
also finds something in a ciphertext that was altered or made for another key: 32 bytes that look
random and that nobody else has (implicit rejection), so no answer tells an attacker anything. The
private key is kept as the 64 bytes of the lab's randomness that it all comes from.
"""

from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms.key_pairs import StoredKeyPair

_SEED_SIZE = 64
_PrivateKey = MLKEM768PrivateKey | MLKEM1024PrivateKey
_KINDS: dict[str, type[_PrivateKey]] = {
    "ML_KEM_768": MLKEM768PrivateKey,
    "ML_KEM_1024": MLKEM1024PrivateKey,
}
_CIPHERTEXT_SIZES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}


def ciphertext_size(key_spec: str) -> int:
    """How many bytes an encapsulated secret has."""
    return _CIPHERTEXT_SIZES[key_spec]


class MlKemKeyPair(StoredKeyPair[_PrivateKey]):
    """A pair to hand a secret over. Any seed is a good private key."""

    KEY_SPECS: ClassVar = tuple(_KINDS)

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        return cls(_KINDS[key_spec].from_seed_bytes(random(_SEED_SIZE)))

    def encapsulate(self) -> tuple[bytes, bytes]:
        """A new secret of 32 bytes, and its ciphertext. It takes the public key alone."""
        return self._private_key.public_key().encapsulate()

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """32 bytes for anything that has `ciphertext_size`. Raises ValueError for the rest."""
        return self._private_key.decapsulate(ciphertext)

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> _PrivateKey:
        if not isinstance(private_key, _KINDS[key_spec]):
            raise ValueError(f"the material is no {key_spec} private key")
        return private_key
