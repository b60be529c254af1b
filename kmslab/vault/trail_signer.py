"""Key pairs that sign: CloudTrail's digests today. The private half rests wrapped.

RSA of 2048 bits, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), as CloudTrail signs its digest files. A
key pair is drawn from the operating system, in a lab with seeded randomness too, since OpenSSL
takes its primes from nowhere else; data that must repeat is signed with keys that were given. What
is signed, and for which Region, is not known here.
"""

from collections import deque
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmslab.errors import IntegrityError
from kmslab.vault.algorithms import pkcs8
from kmslab.vault.domain_key import DomainKey

_EXPONENT, _BITS = 65_537, 2048
_PURPOSE = b"kmslab sign digest files"


class TrailSigner:
    """Makes signing keys and signs with them. `domain_key` wraps what rests outside. `given` are
    RSA private keys of 2048 bits, PKCS #8 in DER, that are used before any is drawn; ValueError for
    what is none."""

    def __init__(self, domain_key: DomainKey, given: Iterable[bytes] = ()) -> None:
        self._domain_key = domain_key
        self._given = deque(_checked(material) for material in given)
        self._opened: dict[bytes, rsa.RSAPrivateKey] = {}

    def new_key_pair(self) -> tuple[bytes, bytes]:
        """The public key, as PKCS #1 in DER, and the token of the private key. It takes tens of
        milliseconds or more, so hold no lock meanwhile."""
        private_key = self._next_given() or rsa.generate_private_key(_EXPONENT, _BITS)
        public_key = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        return public_key, self._domain_key.wrap(pkcs8.encoded(private_key), _PURPOSE)

    def sign(self, token: bytes, message: bytes) -> bytes:
        """The signature of `message` by the private key of `token`. Raises IntegrityError for a
        token that is not this domain's."""
        return self._open(token).sign(message, padding.PKCS1v15(), hashes.SHA256())

    def _next_given(self) -> rsa.RSAPrivateKey | None:
        try:
            return self._given.popleft()
        except IndexError:
            return None

    def _open(self, token: bytes) -> rsa.RSAPrivateKey:
        private_key = self._opened.get(token)
        if private_key is None:
            material = self._domain_key.unwrap(token, _PURPOSE)
            if material is None:
                raise IntegrityError("the token of a signing key does not open")
            loaded = pkcs8.read(material)
            assert isinstance(loaded, rsa.RSAPrivateKey)
            private_key = self._opened[token] = loaded
        return private_key


def _checked(material: bytes) -> rsa.RSAPrivateKey:
    private_key = pkcs8.read_untrusted(material)
    if not isinstance(private_key, rsa.RSAPrivateKey) or private_key.key_size != _BITS:
        raise ValueError(f"CloudTrail signs with RSA of {_BITS} bits, not with this key")
    return private_key
