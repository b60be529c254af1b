"""RSA key pairs: they encrypt, or they sign (RFC 8017).

RSAES-OAEP has the same hash for the label, which is empty, and for the mask; the salt of RSASSA-PSS
is as long as the hash. A key pair is always drawn from the operating system, in a lab with seeded
randomness too: OpenSSL takes its primes from nowhere else, and OAEP and PSS their padding.
"""

from math import lcm
from typing import ClassVar, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms import pkcs8
from kmslab.vault.algorithms.hash_functions import hash_of
from kmslab.vault.algorithms.key_pairs import SigningPair

_EXPONENT = 65_537
_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}


def largest_plaintext(key_spec: str, algorithm: str) -> int:
    """How many bytes one ciphertext can hold: OAEP needs two hashes and two bytes for itself."""
    return modulus_size(key_spec) - 2 * hash_of(algorithm).digest_size - 2


def modulus_size(key_spec: str) -> int:
    """How many bytes a ciphertext has."""
    return _BITS[key_spec] // 8


class RsaKeyPair(SigningPair[rsa.RSAPrivateKey, rsa.RSAPublicKey]):
    """A pair that encrypts, or signs."""

    KEY_SPECS: ClassVar = tuple(_BITS)

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        """A new pair. `random` is left alone. It takes tens of milliseconds, or a second or more
        for 4096 bits, so hold no lock meanwhile; other threads go on."""
        return cls(rsa.generate_private_key(_EXPONENT, _BITS[key_spec]))

    @classmethod
    def decode(cls, key_spec: str, material: bytes) -> Self:
        """Untrusted material: the primes are proved, and the exponent may not be small. Raises
        ValueError."""
        private_key = cls._of_spec(key_spec, pkcs8.read_untrusted(material))
        if private_key.public_key().public_numbers().e < _EXPONENT:
            raise ValueError(f"the public exponent is smaller than {_EXPONENT}")
        return cls(_in_one_way(private_key))

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        """Raises ValueError for a plaintext over `largest_plaintext`."""
        return self._public_key.encrypt(plaintext, _oaep(algorithm))

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes | None:
        """The plaintext; None for what was not made with this key and algorithm. Why, nobody may
        learn: the difference between two failures would tell of the plaintext."""
        try:
            return self._private_key.decrypt(ciphertext, _oaep(algorithm))
        except ValueError:
            return None

    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes:
        return self._private_key.sign(message, *_scheme(algorithm, message_type))

    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        self._public_key.verify(signature, message, *_scheme(algorithm, message_type))

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> rsa.RSAPrivateKey:
        bits = _BITS[key_spec]
        if not isinstance(private_key, rsa.RSAPrivateKey) or private_key.key_size != bits:
            raise ValueError(f"the material is no RSA private key of {bits} bits")
        return private_key


def _in_one_way(private_key: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """The same sound key with its larger prime first and the smallest private exponent. Programs
    differ in both, and whoever brings a key again may have it from another program."""
    numbers = private_key.private_numbers()
    public = numbers.public_numbers
    q, p = sorted((numbers.p, numbers.q))
    d = pow(public.e, -1, lcm(p - 1, q - 1))
    remainders = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    written = rsa.RSAPrivateNumbers(p, q, d, *remainders, public)
    return written.private_key(unsafe_skip_rsa_key_validation=True)


def _oaep(algorithm: str) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hash_of(algorithm)), hash_of(algorithm), label=None)


def _scheme(
    algorithm: str, message_type: str
) -> tuple[padding.PSS | padding.PKCS1v15, hashes.HashAlgorithm | Prehashed]:
    hash_function = hash_of(algorithm)
    hashed = Prehashed(hash_function) if message_type == "DIGEST" else hash_function
    if algorithm.startswith("RSASSA_PSS"):
        return padding.PSS(padding.MGF1(hash_function), padding.PSS.DIGEST_LENGTH), hashed
    return padding.PKCS1v15(), hashed
