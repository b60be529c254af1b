"""The two algorithm suites that are written and read, and the keys that a message is made with.

Both commit to their data key: from the plaintext data key, which KMS knows, and the message id,
which is random and stands in the header, HKDF-SHA512 derives

    the content key   32 bytes, info = suite id, then b"DERIVEKEY"
    the commitment    32 bytes, info = b"COMMITKEY", stored in the header

A fresh message id gives fresh keys, so a data key may serve several messages. The commitment
binds a message to one data key: without it, AES-GCM lets somebody make a ciphertext that opens to
two different texts under two keys. It is therefore compared before anything else, and in constant
time.
"""

import hmac
from enum import Enum

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from kmslab.envelope.errors import AlteredMessage, ForeignMessage

DATA_KEY_SIZE = 32
MESSAGE_ID_SIZE = 32
COMMITMENT_SIZE = 32
TAG_SIZE = 16
NONCE_SIZE = 12
# The header is sealed under the content key too; frames count their nonces from 1.
_HEADER_NONCE = bytes(NONCE_SIZE)


class Suite(Enum):
    """AES-256-GCM with HKDF-SHA512 and key commitment; SIGNED has an ECDSA P-384 signature over
    the whole message besides, for readers who may read and must not be able to write."""

    COMMITTED = 0x0478
    SIGNED = 0x0578

    @property
    def id_bytes(self) -> bytes:
        return self.value.to_bytes(2, "big")


def suite_of(id_bytes: bytes) -> Suite:
    """Raises ForeignMessage for any other suite, above all those without a commitment."""
    try:
        return Suite(int.from_bytes(id_bytes, "big"))
    except ValueError:
        raise ForeignMessage(f"algorithm suite 0x{id_bytes.hex()} is not read here") from None


class MessageCipher:
    """The content key of one message as something that seals and opens, and its commitment."""

    def __init__(self, suite: Suite, plaintext_data_key: bytes, message_id: bytes) -> None:
        # HKDF in its two steps, since the first is the same for both.
        extracted = HKDF.extract(SHA512(), message_id, plaintext_data_key)
        self.aead = AESGCM(_expanded(extracted, suite.id_bytes + b"DERIVEKEY"))
        self.commitment = _expanded(extracted, b"COMMITKEY")

    def header_tag(self, authenticated: bytes) -> bytes:
        return self.aead.encrypt(_HEADER_NONCE, b"", authenticated)

    def check(self, commitment: bytes, header_tag: bytes, authenticated: bytes) -> None:
        """The commitment, and after it the tag of the header. Raises AlteredMessage."""
        if not hmac.compare_digest(commitment, self.commitment):
            raise AlteredMessage("the message was not written with this data key")
        if not hmac.compare_digest(header_tag, self.header_tag(authenticated)):
            raise AlteredMessage("the header, or the encryption context, is not what was written")


def _expanded(extracted: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA512(), DATA_KEY_SIZE, info).derive(extracted)
