"""RSA key pairs, the material of asymmetric KMS keys: made, encoded, used.

RSAES-OAEP as RFC 8017 has it, with the same hash for the label, which is empty, and for the mask. A
key pair is always drawn from the operating system, in a lab with seeded randomness too: OpenSSL
takes its primes from nowhere else, and OAEP its padding. Whose pair it is is not known here; only
the HSM may ask for its encoding, and only in order to wrap it.
"""

from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

_EXPONENT = 65_537
_BITS = {"RSA_2048": 2048}
_HASHES: dict[str, type[hashes.SHA1] | type[hashes.SHA256]] = {
    "RSAES_OAEP_SHA_1": hashes.SHA1,
    "RSAES_OAEP_SHA_256": hashes.SHA256,
}


def largest_plaintext(key_spec: str, algorithm: str) -> int:
    """How many bytes one ciphertext can hold: OAEP needs two hashes and two bytes for itself."""
    return _BITS[key_spec] // 8 - 2 * _HASHES[algorithm].digest_size - 2


class RsaKeyPair:
    """A private key and its public key."""

    def __init__(self, private_key: rsa.RSAPrivateKey) -> None:
        self._private_key = private_key

    @classmethod
    def generate(cls, key_spec: str) -> Self:
        """A new pair. It takes tens of milliseconds or more, so hold no lock meanwhile."""
        return cls(rsa.generate_private_key(_EXPONENT, _BITS[key_spec]))

    @classmethod
    def decode(cls, material: bytes) -> Self:
        """The pair that `encode` gave. Raises ValueError for anything else."""
        # What comes out of a wrap of this domain went in as a good key: to prove it prime once more
        # takes as long as to make a new one.
        private_key = load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise ValueError("the material is of another kind of key")
        return cls(private_key)

    def encode(self) -> bytes:
        """The private key in clear, as PKCS #8 in DER."""
        return self._private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def public_key(self) -> bytes:
        """The public key, as SubjectPublicKeyInfo in DER (RFC 5280)."""
        public_key = self._private_key.public_key()
        return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Raises ValueError for a plaintext over `largest_plaintext`."""
        return self._private_key.public_key().encrypt(plaintext, _oaep(algorithm))

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes | None:
        """The plaintext; None for what was not made with this key and algorithm. Why, nobody may
        learn: the difference between two failures would tell of the plaintext."""
        try:
            return self._private_key.decrypt(ciphertext, _oaep(algorithm))
        except ValueError:
            return None


def _oaep(algorithm: str) -> padding.OAEP:
    kind = _HASHES[algorithm]
    return padding.OAEP(mgf=padding.MGF1(kind()), algorithm=kind(), label=None)
