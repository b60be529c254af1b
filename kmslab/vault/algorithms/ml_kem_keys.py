"""ML-KEM key pairs: two sides get one secret, safe from quantum computers (FIPS 203).

Whoever has the public key draws a secret and encapsulates it; the private key finds it again. It
also finds something in a ciphertext that was altered or made for another key: 32 bytes that look
random and that nobody else has (implicit rejection), so no answer tells an attacker anything. The
private key is kept as the 64 bytes of the lab's randomness that it all comes from.
"""

from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)

from kmslab.vault.algorithms.seeded_pairs import SeededPair

_PrivateKey = MLKEM768PrivateKey | MLKEM1024PrivateKey
_PublicKey = MLKEM768PublicKey | MLKEM1024PublicKey
_CIPHERTEXT_SIZES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}


def ciphertext_size(key_spec: str) -> int:
    """How many bytes an encapsulated secret has."""
    return _CIPHERTEXT_SIZES[key_spec]


class MlKemKeyPair(SeededPair[_PrivateKey, _PublicKey]):
    """A pair to hand a secret over."""

    _SEED_SIZE = 64
    _CLASSES: ClassVar[Mapping[str, type[_PrivateKey]]] = {
        "ML_KEM_768": MLKEM768PrivateKey,
        "ML_KEM_1024": MLKEM1024PrivateKey,
    }
    KEY_SPECS: ClassVar = tuple(_CLASSES)

    def encapsulate(self) -> tuple[bytes, bytes]:
        """A new secret of 32 bytes, and its ciphertext. It takes the public key alone."""
        return self._public_key.encapsulate()

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """32 bytes for anything that has `ciphertext_size`. Raises ValueError for the rest."""
        return self._private_key.decapsulate(ciphertext)
