"""An AES key of the application's own as a wrapping key, without any KMS.

As AWS's libraries lay it out: the key info of an encrypted data key is the key's name, u32 128
(bits of the tag), u32 12 (bytes of the nonce) and the nonce; the encrypted data key is ciphertext
and tag; the serialized encryption context is authenticated.
"""

import os
import struct
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.envelope import contexts
from kmslab.envelope.errors import NoKeyOpens, UnusableDataKey
from kmslab.envelope.headers import EncryptedDataKey
from kmslab.envelope.kms_keys import PROVIDER_ID
from kmslab.envelope.suites import DATA_KEY_SIZE, NONCE_SIZE, TAG_SIZE
from kmslab.envelope.wrapping import NewDataKey, WrappingKeys

_SIZES = struct.pack(">II", TAG_SIZE * 8, NONCE_SIZE)


class RawAesKey(WrappingKeys):
    """`wrapping_key` has 16, 24 or 32 bytes. `provider_id` and `key_name` are how a message names
    it: a reader must use the same. Raises ValueError for another length and for KMS's own provider
    id. What wraps many data keys meets a limit: one AES-GCM key must not see 2**32 of them."""

    def __init__(
        self,
        provider_id: str,
        key_name: str,
        wrapping_key: bytes,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if provider_id == PROVIDER_ID:
            raise ValueError(f"{PROVIDER_ID!r} names the keys of KMS")
        self._provider_id = provider_id
        self._key_info = key_name.encode() + _SIZES
        self._aead = AESGCM(wrapping_key)
        self._random = random

    def new_data_key(self, encryption_context: contexts.Context) -> NewDataKey:
        plaintext = self._random(DATA_KEY_SIZE)
        return NewDataKey(plaintext, self.wrap(plaintext, encryption_context))

    def wrap(
        self, plaintext_data_key: bytes, encryption_context: contexts.Context
    ) -> tuple[EncryptedDataKey, ...]:
        nonce = self._random(NONCE_SIZE)
        authenticated = contexts.serialize(encryption_context)
        sealed = self._aead.encrypt(nonce, plaintext_data_key, authenticated)
        return (EncryptedDataKey(self._provider_id, self._key_info + nonce, sealed),)

    def unwrap(
        self, encrypted_data_key: EncryptedDataKey, encryption_context: contexts.Context
    ) -> bytes | None:
        provider_id, key_info, sealed = encrypted_data_key
        named, nonce = key_info[:-NONCE_SIZE], key_info[-NONCE_SIZE:]
        if (provider_id, named) != (self._provider_id, self._key_info):
            return None
        authenticated = contexts.serialize(encryption_context)
        try:
            plaintext = self._aead.decrypt(nonce, sealed, authenticated)
        except InvalidTag:
            raise NoKeyOpens("not wrapped under this key and encryption context") from None
        if len(plaintext) != DATA_KEY_SIZE:
            raise UnusableDataKey(f"a data key of {len(plaintext)} bytes was wrapped")
        return plaintext
