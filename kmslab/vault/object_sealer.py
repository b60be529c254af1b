"""The keys of S3's objects, as things that seal and open and never show a key.

S3 gets an `ObjectSealer` from the lab and works with nothing else of the vault. An object key is
32 bytes, a plaintext data key: KMS's (SSE-KMS), the customer's (SSE-C), or drawn here and wrapped
under S3's own root key (SSE-S3) or under a bucket key. It encrypts nothing itself; for each purpose
a key is derived from it, always by HMAC-SHA256:

    a file        HMAC(data key, b"kmslab s3 object" + content id), see `object_chunks`
    a short text  HMAC(data key, b"kmslab s3 text" + salt); it rests as 16 bytes of salt, then
                  AES-256-GCM under that key with a nonce of zeros, then the tag
    a bucket key  HMAC(data key, b"kmslab s3 bucket key"); an object key rests under it as 12
                  bytes of nonce, then AES-256-GCM, then the tag, and b"kmslab s3 object key" is
                  authenticated with it

What a bucket is, who may read it and what KMS was asked is not known here.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.errors import IntegrityError
from kmslab.sources import RandomBytes
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.object_chunks import ObjectChunks, segment_key

KEY_SIZE = 32
_NONCE_SIZE = 12
_SALT_SIZE = 16
# A text has a key of its own, so the same nonce never meets the same key again.
_ONLY_NONCE = bytes(_NONCE_SIZE)

_TEXT = b"kmslab s3 text"
_CUSTOMER_KEY = b"kmslab s3 customer key"
_BUCKET_KEY = b"kmslab s3 bucket key"
# What a wrapped key is for: it opens for nothing else.
_OBJECT_KEY = b"kmslab s3 object key"
_SECOND_LAYER = b"kmslab s3 second layer"


class _Wrappable(Protocol):
    def sealed_by(self, encrypt: Callable[[bytes], bytes], /) -> bytes: ...


class SealingKey:
    """The key of one object: one plaintext data key, or two of which the first seals first.

    Raises ValueError for a data key that has not 32 bytes.
    """

    __slots__ = ("_data_keys", "_random")

    def __init__(self, random: RandomBytes, *data_keys: bytes) -> None:
        for data_key in data_keys:
            if len(data_key) != KEY_SIZE:
                raise ValueError(f"a data key has {KEY_SIZE} bytes, not {len(data_key)}")
        self._data_keys = data_keys
        self._random = random

    def segment(self, content_id: str) -> ObjectChunks:
        """The cipher of the file `content_id`, a random name that no other file has."""
        return ObjectChunks([segment_key(data_key, content_id) for data_key in self._data_keys])

    def seal_text(self, text: bytes) -> bytes:
        """Seal what belongs to the object and is short."""
        for data_key in self._data_keys:
            salt = self._random(_SALT_SIZE)
            text = salt + _text_cipher(data_key, salt).encrypt(_ONLY_NONCE, text, None)
        return text

    def open_text(self, sealed: bytes) -> bytes:
        """What `seal_text` was given. Raises IntegrityError for anything it did not make."""
        for data_key in reversed(self._data_keys):
            salt, ciphertext = sealed[:_SALT_SIZE], sealed[_SALT_SIZE:]
            sealed = _opened(_text_cipher(data_key, salt), _ONLY_NONCE, ciphertext, None)
        return sealed

    def sealed_by(self, encrypt: Callable[[bytes], bytes], /) -> bytes:
        """What `encrypt` makes of the key. Raises TypeError for a key of two layers, which is two
        keys: such an object keeps them until it is written anew."""
        if len(self._data_keys) != 1:
            raise TypeError("a key of two layers cannot be wrapped as one")
        return encrypt(self._data_keys[0])


class ObjectBucketKey:
    """A key from KMS under which the keys of many objects are wrapped."""

    __slots__ = ("_random", "_wrapping")

    def __init__(self, plaintext_data_key: bytes, random: RandomBytes) -> None:
        self._wrapping = AESGCM(hmac.digest(plaintext_data_key, _BUCKET_KEY, sha256))
        self._random = random

    def new_object_key(self) -> tuple[SealingKey, bytes]:
        """A fresh object key, and the same wrapped."""
        object_key = SealingKey(self._random, self._random(KEY_SIZE))
        return object_key, self.wrap(object_key)

    def open_object_key(self, wrapped: bytes) -> SealingKey:
        """Raises IntegrityError for what this key did not wrap."""
        nonce, ciphertext = wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:]
        return SealingKey(self._random, _opened(self._wrapping, nonce, ciphertext, _OBJECT_KEY))

    def wrap(self, object_key: _Wrappable) -> bytes:
        nonce = self._random(_NONCE_SIZE)
        return nonce + object_key.sealed_by(
            lambda data_key: self._wrapping.encrypt(nonce, data_key, _OBJECT_KEY)
        )


class ObjectSealer:
    """Where object keys come from. S3's own root key is the domain key, under names that nothing
    else uses."""

    def __init__(self, domain_key: DomainKey, random: RandomBytes) -> None:
        self._domain_key = domain_key
        self._random = random

    def new_object_key(self) -> tuple[SealingKey, bytes]:
        """A fresh object key, and the same wrapped under S3's own root key (SSE-S3)."""
        object_key = SealingKey(self._random, self._random(KEY_SIZE))
        return object_key, self.wrap(object_key)

    def open_object_key(self, wrapped: bytes) -> SealingKey:
        """Raises IntegrityError for what this root key did not wrap as an object key."""
        return SealingKey(self._random, self._unwrapped(wrapped, _OBJECT_KEY))

    def wrap(self, object_key: _Wrappable) -> bytes:
        """`object_key` wrapped under S3's own root key."""
        return object_key.sealed_by(lambda data_key: self._domain_key.wrap(data_key, _OBJECT_KEY))

    def with_data_key(self, plaintext_data_key: bytes) -> SealingKey:
        """The object key that these 32 bytes are (SSE-KMS, SSE-C)."""
        return SealingKey(self._random, plaintext_data_key)

    def new_second_layer(self, plaintext_data_key: bytes) -> tuple[SealingKey, bytes]:
        """A key of two independent layers (DSSE-KMS): the data key's, and over it that of a fresh
        key, which is also returned wrapped under S3's own root key."""
        second = self._random(KEY_SIZE)
        wrapped = self._domain_key.wrap(second, _SECOND_LAYER)
        return SealingKey(self._random, plaintext_data_key, second), wrapped

    def open_second_layer(self, plaintext_data_key: bytes, wrapped: bytes) -> SealingKey:
        """Raises IntegrityError for what this root key did not wrap as a second layer."""
        second = self._unwrapped(wrapped, _SECOND_LAYER)
        return SealingKey(self._random, plaintext_data_key, second)

    def bucket_key(self, plaintext_data_key: bytes) -> ObjectBucketKey:
        return ObjectBucketKey(plaintext_data_key, self._random)

    def prove_customer_key(self, customer_key: bytes) -> bytes:
        """16 bytes of salt and an HMAC, by which the same key is known again (SSE-C). They tell
        nobody the key."""
        salt = self._random(_SALT_SIZE)
        return salt + hmac.digest(customer_key, _CUSTOMER_KEY + salt, sha256)

    def is_customer_key(self, proof: bytes, customer_key: bytes) -> bool:
        salt, expected = proof[:_SALT_SIZE], proof[_SALT_SIZE:]
        actual = hmac.digest(customer_key, _CUSTOMER_KEY + salt, sha256)
        return hmac.compare_digest(actual, expected)

    def _unwrapped(self, wrapped: bytes, name: bytes) -> bytes:
        data_key = self._domain_key.unwrap(wrapped, name)
        if data_key is None:
            raise IntegrityError("a wrapped key is not what was wrapped here")
        return data_key


def _text_cipher(data_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(data_key, _TEXT + salt, sha256))


def _opened(cipher: AESGCM, nonce: bytes, ciphertext: bytes, authenticated: bytes | None) -> bytes:
    try:
        return cipher.decrypt(nonce, ciphertext, authenticated)
    except (InvalidTag, ValueError):
        raise IntegrityError("sealed bytes are not what was sealed here") from None
