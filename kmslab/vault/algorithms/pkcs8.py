"""Key pairs as bytes: PKCS #8 for the private half (RFC 5958), SubjectPublicKeyInfo for the public
one (RFC 5280), both in DER.

There are two ways to read a private key. `read` is for what this domain wrapped: it went in as a
good key, and to prove RSA primes once more takes as long as to find new ones. `read_untrusted` is
for what somebody sent: it takes PKCS #8 only, and has OpenSSL check all that it can.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

_SEQUENCE, _INTEGER = 0x30, 0x02


def encoded(private_key: PrivateKeyTypes) -> bytes:
    return private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_key_of(private_key: PrivateKeyTypes) -> bytes:
    return private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def read(material: bytes) -> PrivateKeyTypes:
    """The private key that `encoded` gave. Raises ValueError for what is no private key."""
    return load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)


def read_untrusted(material: bytes) -> PrivateKeyTypes:
    """Raises ValueError for what is no private key, is not PKCS #8, or is not sound."""
    if not _is_pkcs8(material):
        raise ValueError("the material is not PKCS #8 in DER")
    try:
        return load_der_private_key(material, None)
    except (TypeError, UnsupportedAlgorithm) as problem:
        raise ValueError("the material is encrypted, or of an unknown kind of key") from problem


def read_public(public_key: bytes) -> PublicKeyTypes:
    """Raises ValueError for what is no public key; of a curve, for what is no point of it."""
    try:
        return load_der_public_key(public_key)
    except UnsupportedAlgorithm as problem:
        raise ValueError("the public key is of an unknown kind") from problem


def _is_pkcs8(material: bytes) -> bool:
    """Whether the version is followed by an algorithm. PKCS #1 has a number there and SEC 1 a text
    of bytes, and OpenSSL reads both as well."""
    if len(material) < 2 or material[0] != _SEQUENCE:
        return False
    # The length of what follows takes one byte, or as many more as that byte says.
    at = 2 + (material[1] & 0x7F if material[1] & 0x80 else 0)
    tag, size, _, next_tag = (material + bytes(at + 4))[at : at + 4]
    return (tag, size, next_tag) == (_INTEGER, 1, _SEQUENCE)
