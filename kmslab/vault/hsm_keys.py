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
        key = kind_of(key_spec).decode(key_spec, material)
        # Of the key, not of what was sent: one private key can be written in several ways.
        name = name_of_material(self._domain_key, account, key_id, key.encode())
        return self._wrap(name, key_spec, key)

    def new_data_key_pair(self, key_spec: str) -> tuple[bytes, bytes]:
        """A private key in PKCS #8 and its public key, for use outside. It is not kept."""
        made = _as_pair(kind_of(key_spec).generate(key_spec, self._random))
        return made.encode(), made.public_key()

    def public_key(self, key: WrappedKey) -> bytes:
        """The public key of a pair, as SubjectPublicKeyInfo in DER."""
        return _as_pair(self._open(key)).public_key()

    def encrypt(self, key: WrappedKey, algorithm: str, plaintext: bytes) -> bytes:
        """`plaintext` as a ciphertext of the pair's own standard, which names no key."""
        return self._of_kind(key, RsaKeyPair).encrypt(algorithm, plaintext)

    def decrypt(self, key: WrappedKey, algorithm: str, ciphertext: bytes) -> bytes:
        """The plaintext of such a ciphertext. Raises InvalidCiphertextException."""
        plaintext = self._of_kind(key, RsaKeyPair).decrypt(algorithm, ciphertext)
        if plaintext is None:
            raise errors.invalid_ciphertext()
        return plaintext

    def sign(self, key: WrappedKey, algorithm: str, message_type: str, message: bytes) -> bytes:
        return _as_signing(self._open(key)).sign(algorithm, message_type, message)

    def verify(
        self, key: WrappedKey, algorithm: str, message_type: str, message: bytes, signature: bytes
    ) -> bool:
        pair = _as_signing(self._open(key))
        return pair.verify(algorithm, message_type, message, signature)

    def code(self, key: WrappedKey, algorithm: str, message: bytes) -> bytes:
        """The message authentication code of `message`."""
        return self._of_kind(key, HmacKey).code(algorithm, message)

    def code_fits(self, key: WrappedKey, algorithm: str, message: bytes, code: bytes) -> bool:
        return self._of_kind(key, HmacKey).fits(algorithm, message, code)

    def agree(self, key: WrappedKey, public_key: bytes) -> bytes | None:
        """The shared secret of the pair and `public_key`; None for no public key on its curve."""
        return self._of_kind(key, EllipticKeyPair).agree(public_key)

    def encapsulate(self, key: WrappedKey) -> tuple[bytes, bytes]:
        """A new secret, and its ciphertext for the holder of the private key."""
        return self._of_kind(key, MlKemKeyPair).encapsulate()

    def decapsulate(self, key: WrappedKey, ciphertext: bytes) -> bytes:
        """The secret in `ciphertext`, which has the right length."""
        return self._of_kind(key, MlKemKeyPair).decapsulate(ciphertext)

    def forget(self, name: BackingKeyName) -> None:
        self._opened.pop(name, None)

    def forget_all(self) -> None:
        self._opened.clear()

    def _wrap(self, name: BackingKeyName, key_spec: str, key: AnyKey) -> WrappedKey:
        unwrapped = WrappedKey(name, "", key_spec)
        token = self._domain_key.wrap(key.encode(), unwrapped.bound_to)
        return replace(unwrapped, token=token.hex())

    def _of_kind(self, key: WrappedKey, kind: type[Kind]) -> Kind:
        opened = self._open(key)
        if not isinstance(opened, kind):
            raise TypeError(f"a key of the spec {key.key_spec} cannot do this")
        return opened

    def _open(self, key: WrappedKey) -> AnyKey:
        return self._opened.get(key.name) or self._unwrap(key)

    def _unwrap(self, key: WrappedKey) -> AnyKey:
        material = self._domain_key.unwrap(bytes.fromhex(key.token), key.bound_to)
        if material is None:
            raise errors.internal_failure()
        if len(self._opened) >= _CACHED_KEYS:
            self._opened.clear()
        opened = self._opened[key.name] = kind_of(key.key_spec).open(key.key_spec, material)
        return opened


def _as_pair(key: AnyKey) -> KeyPair:
    if isinstance(key, HmacKey):
        raise TypeError("an HMAC key has no public half")
    return key


def _as_signing(key: AnyKey) -> SigningKeyPair:
    if isinstance(key, HmacKey | MlKemKeyPair):
        raise TypeError("a key of this kind does not sign")
    return key
