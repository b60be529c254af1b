"""Writing a message: from bytes to bytes, and from a stream to a stream.

A data key and the header first, then frames as the plaintext comes, then the footer where the
suite signs. What is written cannot be taken back: a message that broke off has no final frame and
does not open.
"""

import io
import os
from collections.abc import Callable, Collection

from kmslab.envelope import contexts, signatures
from kmslab.envelope.frames import Batch, Frames, frames_in_batch, slots
from kmslab.envelope.headers import LONGEST_FRAME, Header, new_header, tagged
from kmslab.envelope.pipeline import Piece, Progress, hasher, pour, writer
from kmslab.envelope.sources import Readable, Source, Writable, write_all
from kmslab.envelope.suites import MESSAGE_ID_SIZE, MessageCipher, Suite
from kmslab.envelope.wrapping import DataKeys, SealingMaterials

FRAME_LENGTH = 1024 * 1024


class _Sealer:
    """One message being written: its header, and what seals its frames."""

    def __init__(
        self,
        keys: DataKeys,
        encryption_context: contexts.Context | None,
        *,
        required: Collection[str],
        suite: Suite,
        frame_length: int,
        length: int | None,
        random: Callable[[int], bytes],
    ) -> None:
        if not 0 < frame_length <= LONGEST_FRAME:
            raise ValueError(f"a frame has 1 to {LONGEST_FRAME} bytes, not {frame_length}")
        context = contexts.checked_context(encryption_context)
        contexts.split(context, required)
        materials = keys.for_sealing(suite, context, length)
        message_id = random(MESSAGE_ID_SIZE)
        cipher = MessageCipher(suite, materials.data_key.plaintext_data_key, message_id)
        self.header = _header(materials, required, message_id, frame_length, cipher)
        self.signing_key = materials.signing_key
        self._length = length
        self._sealed = 0
        self._count, self._rest = _room(frame_length, length)
        self._frames = Frames(cipher.aead, message_id, frame_length, self._count)

    def batch(self) -> Batch:
        """Room for some frames, to be filled and given to `seal`."""
        return Batch(self.header.frame_length, self._count, self._rest)

    def seal(self, batch: Batch, size: int) -> memoryview:
        """The next frames: of the first `size` bytes of `batch.plaintext`. Where they do not fill
        it, the message ends with them. Raises ValueError for more bytes than were announced."""
        self._sealed += size
        if self._length is not None and self._sealed > self._length:
            raise ValueError(f"more plaintext than the {self._length} bytes that were announced")
        return self._frames.seal(batch, size)


def encrypt(
    plaintext: bytes | bytearray | memoryview,
    keys: DataKeys,
    encryption_context: contexts.Context | None = None,
    *,
    required: Collection[str] = (),
    suite: Suite = Suite.COMMITTED,
    frame_length: int = FRAME_LENGTH,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """`plaintext` as a message. The parameters are those of `encrypt_stream`."""
    target = io.BytesIO()
    encrypt_stream(
        io.BytesIO(plaintext),
        target,
        keys,
        encryption_context,
        required=required,
        suite=suite,
        frame_length=frame_length,
        length=len(plaintext),
        random=random,
    )
    return target.getvalue()


def encrypt_stream(
    source: Readable,
    target: Writable,
    keys: DataKeys,
    encryption_context: contexts.Context | None = None,
    *,
    required: Collection[str] = (),
    suite: Suite = Suite.COMMITTED,
    frame_length: int = FRAME_LENGTH,
    length: int | None = None,
    random: Callable[[int], bytes] = os.urandom,
    progress: Progress | None = None,
) -> Header:
    """Read `source` to its end and write it to `target` as a message that `keys` open.

    `encryption_context` is stored and authenticated; the pairs under the names in `required` are
    only authenticated, and whoever opens the message has to know them. `frame_length` is in bytes:
    a reader holds a frame in memory, and AWS's own libraries write 4,096. `length` is the number of
    bytes that will come, if known: a cache of data keys counts it. `random` gives the message id.
    `progress` is called with numbers of plaintext bytes.

    Raises ValueError and TypeError for misuse, ClientError where KMS refuses, BotoCoreError where
    it cannot be asked, UnusableDataKey where it answers with something else, and what reading and
    writing raise; what was written by then is not a message.
    """
    sealer = _Sealer(
        keys,
        encryption_context,
        required=required,
        suite=suite,
        frame_length=frame_length,
        length=length,
        random=random,
    )
    reading, header = Source(source), sealer.header.whole
    write_all(target, header)

    def fill(batch: Batch) -> Piece:
        size = reading.fill(batch.plaintext)
        sealed = sealer.seal(batch, size)
        return Piece((sealed,), (batch.plaintext[:size],), size < len(batch.plaintext))

    writing = writer(target, progress, sealed=True)
    if sealer.signing_key is None:
        pour(slots(sealer.batch), fill, [writing])
        return sealer.header
    digest = signatures.new_hash()
    digest.update(header)
    pour(slots(sealer.batch), fill, [hasher(digest.update), writing])
    write_all(target, signatures.footer(sealer.signing_key, digest.digest()))
    return sealer.header


def _room(frame_length: int, length: int | None) -> tuple[int, int]:
    """How many frames a batch has, and how many bytes more. Where all of the message is shorter
    than other batches, its batch has room for as much and no more."""
    count = frames_in_batch(frame_length)
    if length is None or length > count * frame_length:
        return count, 0
    whole, rest = divmod(length, frame_length)
    return whole, rest + 1


def _header(
    materials: SealingMaterials,
    required: Collection[str],
    message_id: bytes,
    frame_length: int,
    cipher: MessageCipher,
) -> Header:
    stored, not_stored = contexts.split(materials.encryption_context, required)
    header = new_header(
        materials.suite,
        message_id,
        stored,
        materials.data_key.encrypted_data_keys,
        frame_length,
        cipher.commitment,
    )
    return tagged(header, cipher, not_stored)
