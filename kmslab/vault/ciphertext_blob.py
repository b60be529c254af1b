"""What KMS returns as CiphertextBlob: a header that names the key, and the ciphertext.

    1  version, 0x01
   12  account, ASCII digits
    1  length of the key id
    n  key id, ASCII
   32  key material id
   16  nonce of the key derivation
   12  nonce of AES-GCM
    m  ciphertext and its 16-byte tag
   16  seal of the domain over all bytes before it

The blob names its key and the very material, so Decrypt needs no KeyId and rotation breaks
nothing. The header is authenticated twice: as additional authenticated data under the key,
and by the seal, which is checked before anybody looks for a key; a blob that was touched is
refused in the same way wherever it was touched. AWS does not publish its own layout.
"""

from typing import NamedTuple, Self

VERSION = 1
NONCE_SIZE = 16
IV_SIZE = 12
_ACCOUNT_SIZE = 12
_MATERIAL_ID_SIZE = 32


class BlobHeader(NamedTuple):
    """Everything of a blob that is not secret. `key_material_id` is 64 hex digits."""

    account: str
    key_id: str
    key_material_id: str
    nonce: bytes
    iv: bytes

    def encode(self) -> bytes:
        key_id = self.key_id.encode("ascii")
        return b"".join(
            (
                bytes((VERSION,)),
                self.account.encode("ascii"),
                bytes((len(key_id),)),
                key_id,
                bytes.fromhex(self.key_material_id),
                self.nonce,
                self.iv,
            )
        )

    @classmethod
    def decode(cls, blob: bytes) -> tuple[Self, int]:
        """The header at the start of `blob` and its length.

        Only for blobs whose seal fitted: what this lab wrote has every part.
        """
        reader = _Reader(blob, at=1)
        account = reader.take(_ACCOUNT_SIZE).decode("ascii")
        key_id = reader.take(reader.take(1)[0]).decode("ascii")
        material_id = reader.take(_MATERIAL_ID_SIZE).hex()
        nonce, iv = reader.take(NONCE_SIZE), reader.take(IV_SIZE)
        return cls(account, key_id, material_id, nonce, iv), reader.at


class _Reader:
    def __init__(self, blob: bytes, at: int) -> None:
        self.blob = blob
        self.at = at

    def take(self, size: int) -> bytes:
        self.at += size
        return self.blob[self.at - size : self.at]
