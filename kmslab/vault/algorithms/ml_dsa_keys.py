"""ML-DSA key pairs: they sign so that no quantum computer can forge it (FIPS 204).

The private key is kept as the 32 bytes of the lab's randomness that it all comes from. A signature
is the hedged kind, new each time, with an empty context. Whoever has a long message makes its
representative µ, 64 bytes, alone (FIPS 204, section 6.2): EXTERNAL_MU.
"""

from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
    MLDSA87PrivateKey,
    MLDSA87PublicKey,
)

from kmslab.vault.algorithms.key_pairs import SigningPair
from kmslab.vault.algorithms.seeded_pairs import SeededPair

MU_SIZE = 64
_PrivateKey = MLDSA44PrivateKey | MLDSA65PrivateKey | MLDSA87PrivateKey
_PublicKey = MLDSA44PublicKey | MLDSA65PublicKey | MLDSA87PublicKey


class MlDsaKeyPair(SeededPair[_PrivateKey, _PublicKey], SigningPair[_PrivateKey, _PublicKey]):
    """A pair that signs."""

    _SEED_SIZE = 32
    _CLASSES: ClassVar[Mapping[str, type[_PrivateKey]]] = {
        "ML_DSA_44": MLDSA44PrivateKey,
        "ML_DSA_65": MLDSA65PrivateKey,
        "ML_DSA_87": MLDSA87PrivateKey,
    }
    KEY_SPECS: ClassVar = tuple(_CLASSES)

    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes:
        if message_type == "EXTERNAL_MU":
            return self._private_key.sign_mu(message)
        return self._private_key.sign(message)

    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        public_key = self._public_key
        verify = public_key.verify_mu if message_type == "EXTERNAL_MU" else public_key.verify
        verify(signature, message)
