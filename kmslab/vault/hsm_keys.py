"""The HSM's keys that are no symmetric encryption keys: key pairs and HMAC keys.

As with backing keys, one is made here, leaves only wrapped under the domain key and comes back only
that way; the operations use it and none returns it. Data key pairs alone are made to be given away.
What a key is made for is not known here: whoever asks to sign has been told that the key signs.
"""

from dataclasses import replace
from typing import TypeVar

from kmslab import errors
from kmslab.sources import RandomBytes
from kmslab.vault.algorithms import (
    AnyKey,
    EllipticKeyPair,
    HmacKey,
    KeyPair,
    MlKemKeyPair,
    RsaKeyPair,
    SigningKeyPair,
    kind_of,
)
from kmslab.vault.backing_keys import BackingKeyName, WrappedKey, name_of_material
from kmslab.vault.domain_key import DomainKey

_CACHED_KEYS = 1_000

Kind = TypeVar("Kind", bound=AnyKey)


class HsmKeys:
    """Makes, wraps and uses them. A method that needs another kind of key than the one that it is
    given raises TypeError."""

    def __init__(self, domain_key: DomainKey, random: RandomBytes) -> None:
        self._domain_key = domain_key
        self._random = random
        self._opened: dict[BackingKeyName, AnyKey] = {}

    def create(self, account: str, key_id: str, key_spec: str) -> WrappedKey:
        """A new key of `key_spec`. Hold no lock meanwhile: an RSA key takes long to make."""
        name = BackingKeyName(account, key_id, self._random(32).hex())
        return self._wrap(name, key_spec, kind_of(key_spec).generate(key_spec, self._random))

    def bring_in(self, account: str, key_id: str, key_spec: str, material: bytes) -> WrappedKey:
        """The key in `material`, which somebody sent: PKCS #8 in DER for a key pair, bare bytes for
        an HMAC key. The same key gets the same name each time it is brought. Raises ValueError for
        what is no sound key of `key_spec`."""
        brought = kind_of(key_spec).decode(key_spec, material)
        # Of the key, not of what was sent: one private key can be written in several ways.
        name = name_of_material(self._domain_key, account, key_id, brought.encode())
        return self._wrap(name, key_spec, brought)

    def new_data_key_pair(self, key_spec: str) -> tuple[bytes, bytes]:
        """A private key in PKCS #8 and its public key, for use outside. It is not kept."""
        made = _as_pair(kind_of(key_spec).generate(key_spec, self._random))
        return made.encode(), made.public_key()

    def public_key(self, wrapped: WrappedKey) -> bytes:
        """The public key of a pair, as SubjectPublicKeyInfo in DER."""
        return _as_pair(self._open(wrapped)).public_key()

    def encrypt(self, wrapped: WrappedKey, algorithm: str, plaintext: bytes) -> bytes:
        """`plaintext` as a ciphertext of the pair's own standard, which names no key."""
        return self._of_kind(wrapped, RsaKeyPair).encrypt(algorithm, plaintext)

    def decrypt(self, wrapped: WrappedKey, algorithm: str, ciphertext: bytes) -> bytes:
        """The plaintext of such a ciphertext. Raises InvalidCiphertextException."""
        plaintext = self._of_kind(wrapped, RsaKeyPair).decrypt(algorithm, ciphertext)
        if plaintext is None:
            raise errors.invalid_ciphertext()
        return plaintext

    def sign(self, wrapped: WrappedKey, algorithm: str, message_type: str, message: bytes) -> bytes:
        return _as_signing(self._open(wrapped)).sign(algorithm, message_type, message)

    def verify(
        self,
        wrapped: WrappedKey,
        algorithm: str,
        message_type: str,
        message: bytes,
        signature: bytes,
    ) -> bool:
        pair = _as_signing(self._open(wrapped))
        return pair.verify(algorithm, message_type, message, signature)

    def code(self, wrapped: WrappedKey, algorithm: str, message: bytes) -> bytes:
        """The message authentication code of `message`."""
        return self._of_kind(wrapped, HmacKey).code(algorithm, message)

    def code_fits(self, wrapped: WrappedKey, algorithm: str, message: bytes, code: bytes) -> bool:
        return self._of_kind(wrapped, HmacKey).fits(algorithm, message, code)

    def agree(self, wrapped: WrappedKey, public_key: bytes) -> bytes | None:
        """The shared secret of the pair and `public_key`; None for no public key on its curve."""
        return self._of_kind(wrapped, EllipticKeyPair).agree(public_key)

    def encapsulate(self, wrapped: WrappedKey) -> tuple[bytes, bytes]:
        """A new secret, and its ciphertext for the holder of the private key."""
        return self._of_kind(wrapped, MlKemKeyPair).encapsulate()

    def decapsulate(self, wrapped: WrappedKey, ciphertext: bytes) -> bytes:
        """The secret in `ciphertext`, which has the right length."""
        return self._of_kind(wrapped, MlKemKeyPair).decapsulate(ciphertext)

    def forget(self, name: BackingKeyName) -> None:
        self._opened.pop(name, None)

    def forget_all(self) -> None:
        self._opened.clear()

    def _wrap(self, name: BackingKeyName, key_spec: str, opened: AnyKey) -> WrappedKey:
        without_token = WrappedKey(name, "", key_spec)
        token = self._domain_key.wrap(opened.encode(), without_token.bound_to)
        return replace(without_token, token=token.hex())

    def _of_kind(self, wrapped: WrappedKey, kind: type[Kind]) -> Kind:
        opened = self._open(wrapped)
        if not isinstance(opened, kind):
            raise TypeError(f"a key of the spec {wrapped.key_spec} cannot do this")
        return opened

    def _open(self, wrapped: WrappedKey) -> AnyKey:
        return self._opened.get(wrapped.name) or self._unwrap(wrapped)

    def _unwrap(self, wrapped: WrappedKey) -> AnyKey:
        material = self._domain_key.unwrap(bytes.fromhex(wrapped.token), wrapped.bound_to)
        if material is None:
            raise errors.internal_failure()
        if len(self._opened) >= _CACHED_KEYS:
            self._opened.clear()
        opened = kind_of(wrapped.key_spec).open(wrapped.key_spec, material)
        self._opened[wrapped.name] = opened
        return opened


def _as_pair(opened: AnyKey) -> KeyPair:
    if isinstance(opened, HmacKey):
        raise TypeError("an HMAC key has no public half")
    return opened


def _as_signing(opened: AnyKey) -> SigningKeyPair:
    if isinstance(opened, HmacKey | MlKemKeyPair):
        raise TypeError("a key of this kind does not sign")
    return opened
