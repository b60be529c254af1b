"""Key pairs on edwards25519: they sign, with pure Ed25519 (RFC 8032).

The private key is 32 bytes of the lab's randomness. A signature draws nothing: the same message has
the same one each time. The prehashed variant, Ed25519ph, is not in OpenSSL's reach here.
"""

from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms.key_pairs import SigningPair

_SIZE = 32


class EdwardsKeyPair(SigningPair[Ed25519PrivateKey, Ed25519PublicKey]):
    """A pair that signs. Any 32 bytes are a good private key."""

    KEY_SPECS: ClassVar = ("ECC_NIST_EDWARDS25519",)

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        return cls(Ed25519PrivateKey.from_private_bytes(random(_SIZE)))

    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes:
        return self._private_key.sign(message)

    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        self._public_key.verify(signature, message)

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> Ed25519PrivateKey:
        if not isinstance(private_key, Ed25519PrivateKey):
            raise ValueError("the material is no Ed25519 private key")
        return private_key
