"""How the bytes of an object rest in a file: chunks of 64 KiB, each sealed on its own.

A file has no header. For a file named `content_id`, and the plaintext data key of its object:

    segment key   HMAC-SHA256(data key, b"kmslab s3 object" + content_id), 32 bytes
    chunk n       AES-256-GCM(segment key, nonce n, 65,536 bytes of plaintext), then its 16-byte tag
    nonce n       n in 11 bytes, big-endian, then 0x01 for the last chunk of the file, else 0x00
    in the file   chunk n begins at byte n * 65,552

No additional data is authenticated. Only the last chunk may be shorter; an empty object is one
empty last chunk, 16 bytes. Since each chunk has a tag of its own, a range is read without the rest,
and not one byte is handed out before its chunk was found whole. Since its number is its nonce, a
chunk does not open in another place, nor in another file; and since the last one is marked, none
can be cut off. (Rogaway and others call this STREAM; the file format age uses it too.)

A nonce must never meet the same key twice. A content id is 128 random bits and names one file,
which is written once, so each file has a key of its own, and counting suffices.

Under a key of two layers (DSSE-KMS) the sealed chunks are sealed again in the same way under the
second segment key, with the same numbers: 32 bytes are added to each chunk, and chunk n begins at
byte n * 65,568. Whose data key it is, is not known here.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.errors import IntegrityError

# Chunks of 256 KiB are sealed 5 % faster, but a range of a few bytes opens four times as much.
CHUNK_SIZE = 64 * 1024
TAG_SIZE = 16
_PURPOSE = b"kmslab s3 object"


def segment_key(plaintext_data_key: bytes, content_id: str) -> bytes:
    """The key of the file `content_id` of the object that `plaintext_data_key` is for."""
    return hmac.digest(plaintext_data_key, _PURPOSE + content_id.encode("ascii"), sha256)


def nonce_of(index: int, is_last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")


class ObjectChunks:
    """The cipher of one file, for one thread. `segment_keys` are those of its layers, inner first.

    What `seal` and `open` return is overwritten by the next call: the room is kept, since new
    memory costs more than the cipher. `open_into` writes to where the caller wants it.
    """

    def __init__(self, segment_keys: Sequence[bytes]) -> None:
        self.chunk_size = CHUNK_SIZE
        self.overhead = TAG_SIZE * len(segment_keys)
        self._layers = [
            _Layer(segment_key, CHUNK_SIZE + TAG_SIZE * depth)
            for depth, segment_key in enumerate(segment_keys)
        ]

    def seal(self, first_index: int, piece: memoryview, is_end: bool) -> memoryview:
        """The chunks of `piece`, sealed, from number `first_index` on. `is_end`: the last of them
        is the last of the file; only there may `piece` end within a chunk."""
        for layer in self._layers:
            piece = layer.seal(first_index, piece, is_end)
        return piece

    def open(self, first_index: int, sealed: memoryview, is_end: bool) -> memoryview:
        """What `seal` was given. Raises IntegrityError for chunks that it did not make, or not
        for this place of this file."""
        for layer in reversed(self._layers):
            sealed = layer.open(first_index, sealed, is_end)
        return sealed

    def open_into(
        self, target: memoryview, first_index: int, sealed: memoryview, is_end: bool
    ) -> None:
        """Write what `seal` was given to `target`, which is just as long. Raises IntegrityError as
        `open` does; what was written by then is not to be used."""
        for layer in reversed(self._layers[1:]):
            sealed = layer.open(first_index, sealed, is_end)
        self._layers[0].open_into(target, first_index, sealed, is_end)


class _Layer:
    def __init__(self, segment_key: bytes, chunk_size: int) -> None:
        self._aead = AESGCM(segment_key)
        self._plain_size = chunk_size
        self._sealed_size = chunk_size + TAG_SIZE
        self._kept = memoryview(bytearray())

    def seal(self, first_index: int, piece: memoryview, is_end: bool) -> memoryview:
        count = _chunks_in(piece, self._plain_size)
        sealed = self._room(len(piece) + count * TAG_SIZE)
        for number in range(count):
            plaintext = _part(piece, number, self._plain_size)
            target = _part(sealed, number, self._sealed_size)
            nonce = nonce_of(first_index + number, is_end and number == count - 1)
            self._aead.encrypt_into(nonce, plaintext, None, target)
        return sealed

    def open(self, first_index: int, sealed: memoryview, is_end: bool) -> memoryview:
        count = _chunks_in(sealed, self._sealed_size)
        plaintext = self._room(max(0, len(sealed) - count * TAG_SIZE))
        self.open_into(plaintext, first_index, sealed, is_end)
        return plaintext

    def open_into(
        self, target: memoryview, first_index: int, sealed: memoryview, is_end: bool
    ) -> None:
        count = _chunks_in(sealed, self._sealed_size)
        for number in range(count):
            chunk = _part(sealed, number, self._sealed_size)
            plaintext = _part(target, number, self._plain_size)
            nonce = nonce_of(first_index + number, is_end and number == count - 1)
            try:
                self._aead.decrypt_into(nonce, chunk, None, plaintext)
            except (InvalidTag, ValueError):
                message = f"chunk {first_index + number} is not what was stored there"
                raise IntegrityError(message) from None

    def _room(self, size: int) -> memoryview:
        if len(self._kept) < size:
            self._kept = memoryview(bytearray(size))
        return self._kept[:size]


def _chunks_in(content: memoryview, size: int) -> int:
    """How many chunks `content` is: one where it is empty."""
    return max(1, -(-len(content) // size))


def _part(content: memoryview, number: int, size: int) -> memoryview:
    return content[number * size : (number + 1) * size]
