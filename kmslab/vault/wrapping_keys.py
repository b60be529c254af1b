"""Wrapping keys: what key material is wrapped under on its way into the HSM.

A wrapping key is an RSA key pair. Its public half is handed out. Its private half leaves the HSM as
well, in the import token that goes with the public half: wrapped under the domain key, and bound to
the terms of the import, which stand in the token in clear. So the HSM keeps nothing between the two
calls, and a token of which one bit was changed does not open.

    2  length of the terms
    n  terms
    m  private key, wrapped

There are two ways to wrap (KMS Developer Guide, "Select a wrapping algorithm"). RSAES_OAEP: the
material itself is encrypted under the RSA key, as far as it fits. RSA_AES_KEY_WRAP: an AES-256 key
drawn for this one use is, and behind it follows the material, wrapped under that AES key with
padding (RFC 5649). What the material is of is not known here.
"""

from typing import NamedTuple, Self

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms import RsaKeyPair
from kmslab.vault.algorithms.rsa_keys import modulus_size
from kmslab.vault.domain_key import DomainKey

_PURPOSE = b"kmslab import token:"
_LENGTH_SIZE = 2
_AES_KEY_SIZE = 32
_DIRECT, _HYBRID = "RSAES_OAEP_SHA_", "RSA_AES_KEY_WRAP_SHA_"


class ImportTerms(NamedTuple):
    """What an import token is good for. `valid_to` is in seconds since 1970."""

    key_arn: str
    wrapping_key_spec: str
    wrapping_algorithm: str
    valid_to: float

    def encode(self) -> bytes:
        return "\n".join((*self[:3], repr(self.valid_to))).encode("ascii")

    @classmethod
    def decode(cls, terms: bytes) -> Self:
        """Only for terms that stood in a token which opened."""
        key_arn, spec, algorithm, valid_to = terms.decode("ascii").split("\n")
        return cls(key_arn, spec, algorithm, float(valid_to))


class ImportParameters(NamedTuple):
    """What somebody needs in order to bring key material: the public key to wrap it under, as
    SubjectPublicKeyInfo in DER, and the token that has to come back with it."""

    public_key: bytes
    import_token: bytes


class WrappingKeys:
    """Makes wrapping keys and unwraps with them."""

    def __init__(self, domain_key: DomainKey, random: RandomBytes) -> None:
        self._domain_key = domain_key
        self._random = random

    def create(self, terms: ImportTerms) -> ImportParameters:
        """A new wrapping key for an import on these terms. It takes up to a second or more, so hold
        no lock meanwhile."""
        pair = RsaKeyPair.generate(terms.wrapping_key_spec, self._random)
        encoded = terms.encode()
        wrapped = self._domain_key.wrap(pair.encode(), _PURPOSE + encoded)
        token = len(encoded).to_bytes(_LENGTH_SIZE, "big") + encoded + wrapped
        return ImportParameters(pair.public_key(), token)

    def terms_of(self, import_token: bytes) -> ImportTerms | None:
        """What a token is good for; None for one that this domain did not make."""
        opened = self._open(import_token)
        return opened[0] if opened else None

    def unwrap(self, import_token: bytes, wrapped: bytes) -> bytes | None:
        """The material in `wrapped`; None for what was not wrapped under the key of this token, by
        its algorithm. What did not fit, nobody may learn."""
        opened = self._open(import_token)
        if opened is None:
            return None
        terms, private_key = opened
        pair = RsaKeyPair.open(terms.wrapping_key_spec, private_key)
        if terms.wrapping_algorithm.startswith(_DIRECT):
            return pair.decrypt(terms.wrapping_algorithm, wrapped)
        size = modulus_size(terms.wrapping_key_spec)
        direct = terms.wrapping_algorithm.replace(_HYBRID, _DIRECT)
        return _unwrap_second(pair.decrypt(direct, wrapped[:size]), wrapped[size:])

    def _open(self, import_token: bytes) -> tuple[ImportTerms, bytes] | None:
        """The terms of a token, and the private key."""
        start = _LENGTH_SIZE
        end = start + int.from_bytes(import_token[:start], "big")
        terms = import_token[start:end]
        private_key = self._domain_key.unwrap(import_token[end:], _PURPOSE + terms)
        return None if private_key is None else (ImportTerms.decode(terms), private_key)


def _unwrap_second(aes_key: bytes | None, wrapped: bytes) -> bytes | None:
    """The inner of two wraps."""
    if aes_key is None or len(aes_key) != _AES_KEY_SIZE:
        return None
    try:
        return aes_key_unwrap_with_padding(aes_key, wrapped)
    except InvalidUnwrap:
        return None
