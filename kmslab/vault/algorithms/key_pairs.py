"""What all kinds of key pair have in common: the ways in and out, and that a signature either fits
or does not.

What an algorithm does with a pair stands with its own kind.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Generic, Self, TypeVar, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from kmslab.vault.algorithms import pkcs8

Private = TypeVar("Private", bound=PrivateKeyTypes)
Public = TypeVar("Public", bound=PublicKeyTypes)


class StoredKeyPair(ABC, Generic[Private, Public]):
    """A private key and its public key."""

    def __init__(self, private_key: Private) -> None:
        self._private_key = private_key

    @classmethod
    def open(cls, key_spec: str, material: bytes) -> Self:
        """The pair that `encode` gave: trusted. Raises ValueError for that of another spec."""
        return cls(cls._of_spec(key_spec, pkcs8.read(material)))

    @classmethod
    def decode(cls, key_spec: str, material: bytes) -> Self:
        """The pair in material that somebody sent: untrusted, so checked in full. Raises ValueError
        for what is no sound private key of `key_spec` in PKCS #8."""
        return cls(cls._of_spec(key_spec, pkcs8.read_untrusted(material)))

    def encode(self) -> bytes:
        """The private key in clear: only for the HSM, and only to be wrapped."""
        return pkcs8.encoded(self._private_key)

    def public_key(self) -> bytes:
        return pkcs8.public_key_of(self._private_key)

    @cached_property
    def _public_key(self) -> Public:
        # Kept, since OpenSSL prepares a public key when it is first used.
        return cast(Public, self._private_key.public_key())

    @classmethod
    @abstractmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> Private:
        """Raises ValueError for a private key of another spec."""


class SigningPair(StoredKeyPair[Private, Public]):
    """A pair that signs. `message_type` is RAW, DIGEST or EXTERNAL_MU, where its algorithm has
    that; a digest has the right length."""

    @abstractmethod
    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes: ...

    def verify(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> bool:
        try:
            self._check(algorithm, message_type, message, signature)
        except InvalidSignature:
            return False
        return True

    @abstractmethod
    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        """Raises InvalidSignature."""
