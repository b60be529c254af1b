"""The body of a message: frames of one length, sealed and opened many at a time.

    regular frame   u32 sequence number from 1 on · nonce · ciphertext · tag of 16 bytes
    final frame     FFFFFFFF · u32 sequence number · nonce · u32 length · ciphertext · tag
    nonce           12 bytes; here 8 zeros and the sequence number
    authenticated   message id · a label · u32 sequence number · u64 plaintext length

There is exactly one final frame, at the end, and it may be shorter or empty: a message whose
length is a multiple of the frame length ends in an empty one. Sequence number, label and length
are authenticated with each frame, so no frame can be left out, repeated, exchanged or taken from
another message, and the end cannot be cut off.

At 4 KiB a frame costs about a microsecond, so nothing may be done in Python for each of them:
frames lie at fixed strides in buffers that are kept (memory that is new costs more than AES),
sequence numbers are written to all of them at once by slices with a step, and `map` runs the
cipher over views that were made once.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.envelope.errors import (
    AlteredMessage,
    MalformedMessage,
    ReorderedFrames,
)
from kmslab.envelope.headers import Header, Limits, oversized_frame
from kmslab.envelope.sources import Source
from kmslab.envelope.suites import NONCE_SIZE, TAG_SIZE

_END = b"\xff\xff\xff\xff"
_LAST_NUMBER = 0xFFFFFFFE
_HEAD = 4 + NONCE_SIZE
_AROUND = _HEAD + TAG_SIZE
_FINAL_HEAD = len(_END) + _HEAD + 4

_FRAME = b"AWSKMSEncryptionClient Frame"
_FINAL_FRAME = b"AWSKMSEncryptionClient Final Frame"
_SINGLE_BLOCK = b"AWSKMSEncryptionClient Single Block"

# A batch is about this long: enough to hide Python, little enough to stay in a cache.
_BATCH = 2 * 1024 * 1024
_MOST_FRAMES = 512
_SLOTS, _LONG_FRAME = 4, 8 * 1024 * 1024


def fits_a_batch(frame_length: int) -> bool:
    return frame_length <= _BATCH


def frames_in_batch(frame_length: int) -> int:
    """How many frames are sealed or opened in one go."""
    return max(1, min(_MOST_FRAMES, _BATCH // frame_length))


class Batch:
    """Room for `count` frames, and for their plaintext. `plaintext` and `frames` may be filled by
    anybody; `seal` and `open` of Frames turn one into the other. Where a message is known to end
    here, `rest` is room for the plaintext of its final frame and one byte more: that nothing comes
    to fill it is how one sees the end."""

    def __init__(self, frame_length: int, count: int, rest: int = 0) -> None:
        self.frame_length = frame_length
        self.count = count
        self.stride = frame_length + _AROUND
        self._bytes = bytearray(count * self.stride + _FINAL_HEAD + rest + TAG_SIZE)
        self.plaintext = memoryview(bytearray(count * frame_length + rest))
        self._whole = whole = memoryview(self._bytes)
        self.frames = whole[: count * self.stride]
        starts = [at * self.stride for at in range(count)]
        self.nonces = [whole[at + 4 : at + _HEAD] for at in starts]
        self.sealed = [whole[at + _HEAD : at + self.stride] for at in starts]
        starts = [at * frame_length for at in range(count)]
        self.plain = [self.plaintext[at : at + frame_length] for at in starts]

    def number(self, numbers: bytes, count: int) -> None:
        """Write the u32 `numbers` into the first `count` frames and into their nonces."""
        _write_numbers(self._whole, 0, self.stride, numbers, count)
        _write_numbers(self._whole, _HEAD - 4, self.stride, numbers, count)

    def numbered_alike(self, numbers: bytes, count: int) -> bool:
        """Whether the first `count` frames bear the u32 `numbers`."""
        end = count * self.stride
        return all(self._bytes[at : end : self.stride] == numbers[at::4] for at in range(4))

    def room_from(self, frame: int) -> memoryview:
        return self._whole[frame * self.stride :]


def slots(new_batch: Callable[[], Batch]) -> Iterator[Batch]:
    """Rooms for the pieces that are on their way, made when they are needed; fewer where they are
    long."""
    first = new_batch()
    yield first
    for _ in range(1 if first.frame_length > _LONG_FRAME else _SLOTS - 1):
        yield new_batch()


class OpenedFrame(NamedTuple):
    """What was read, what it opened to, and whether it ends the message."""

    sealed: bytes
    plaintext: bytes
    is_final: bool


class Frames:
    """Seals, or opens, the frames of one message in their order. For one thread."""

    def __init__(self, aead: AESGCM, message_id: bytes, frame_length: int, count: int) -> None:
        self._aead = aead
        self._message_id = message_id
        self._frame_length = frame_length
        self._next = 1
        authenticated = _authenticated(message_id, _FRAME, 0, frame_length)
        self._size = len(authenticated)
        self._whole = whole = memoryview(bytearray(authenticated * count))
        self._views = [whole[at : at + self._size] for at in range(0, len(whole), self._size)]

    def seal(self, batch: Batch, size: int) -> memoryview:
        """The frames of the first `size` bytes of `batch.plaintext`, which have to fill it: where
        they do not, the last frame is the final one."""
        whole = size // batch.frame_length
        if self._next + whole > _LAST_NUMBER + 1:
            raise ValueError("a message has at most 4,294,967,294 frames; make them longer")
        if whole:
            self._seal_regular(batch, whole)
        end = whole * batch.stride
        if size < len(batch.plaintext):
            rest = batch.plaintext[whole * batch.frame_length : size]
            end += self._seal_final(batch.room_from(whole), rest)
        return batch.room_from(0)[:end]

    def open(self, batch: Batch, size: int) -> int:
        """Open the regular frames in the first `size` bytes of `batch.frames`; how many they are.
        Raises AlteredMessage, and then nothing in `batch.plaintext` is to be used."""
        first = self._next
        whole, numbers = self._regular(batch, size // batch.stride)
        self._use(numbers, whole)
        try:
            self._run(self._aead.decrypt_into, batch.nonces, batch.sealed, batch.plain, whole)
        except InvalidTag:
            found = f"a frame from {first} to {first + whole - 1} is not what was written"
            raise AlteredMessage(found) from None
        return whole

    def open_next(self, source: Source) -> OpenedFrame:
        """The next frame, on its own: the final one, or one that is too long to make room for
        before it is there. Raises the errors of a damaged message."""
        marker = source.read_exactly(4)
        is_final = marker == _END
        number = source.read_exactly(4) if is_final else marker
        if number != self._next.to_bytes(4, "big"):
            found = int.from_bytes(number, "big")
            raise ReorderedFrames(f"frame {self._next} should follow, and frame {found} does")
        head = (marker if is_final else b"") + number
        return self._final(head, source) if is_final else self._single(head, source)

    def _seal_regular(self, batch: Batch, count: int) -> None:
        numbers = self._numbers(count)
        batch.number(numbers, count)
        self._use(numbers, count)
        self._run(self._aead.encrypt_into, batch.nonces, batch.plain, batch.sealed, count)

    def _numbers(self, count: int) -> bytes:
        """The next `count` sequence numbers, each a u32."""
        return struct.pack(f">{count}I", *range(self._next, self._next + count))

    def _use(self, numbers: bytes, count: int) -> None:
        """From now on these numbers stand in the additional data, and are behind us."""
        _write_numbers(self._whole, self._size - 12, self._size, numbers, count)
        self._next += count

    def _regular(self, batch: Batch, whole: int) -> tuple[int, bytes]:
        """How many of the first `whole` frames bear the numbers that regular frames must have, and
        these numbers."""
        whole = min(whole, _LAST_NUMBER - self._next + 1)
        numbers = self._numbers(whole)
        if not batch.numbered_alike(numbers, whole):
            # Once in a message: this batch holds its end.
            expected = (numbers[at : at + 4] for at in range(0, len(numbers), 4))
            whole = next(
                at for at, number in enumerate(expected) if batch.room_from(at)[:4] != number
            )
        return whole, numbers[: 4 * whole]

    def _run(
        self,
        cipher: Callable[[memoryview, memoryview, memoryview, memoryview], int],
        nonces: Sequence[memoryview],
        sources: Sequence[memoryview],
        targets: Sequence[memoryview],
        count: int,
    ) -> None:
        # A deque without room is the fastest way to run through an iterator.
        deque(map(cipher, nonces, sources, islice(self._views, count), targets), maxlen=0)

    def _seal_final(self, room: memoryview, plaintext: memoryview) -> int:
        number = self._next
        nonce = number.to_bytes(NONCE_SIZE, "big")
        head = _END + struct.pack(f">I{NONCE_SIZE}sI", number, nonce, len(plaintext))
        end = len(head) + len(plaintext) + TAG_SIZE
        authenticated = _authenticated(self._message_id, _FINAL_FRAME, number, len(plaintext))
        room[: len(head)] = head
        self._aead.encrypt_into(nonce, plaintext, authenticated, room[len(head) : end])
        return end

    def _final(self, head: bytes, source: Source) -> OpenedFrame:
        field = source.read_exactly(NONCE_SIZE + 4)
        nonce, length = field[:NONCE_SIZE], int.from_bytes(field[NONCE_SIZE:], "big")
        if length > self._frame_length:
            raise MalformedMessage(f"a final frame of {length} bytes, longer than all others")
        sealed = source.read_exactly(length + TAG_SIZE)
        authenticated = _authenticated(self._message_id, _FINAL_FRAME, self._next, length)
        plaintext = _opened(self._aead, nonce, sealed, authenticated, "the final frame")
        return OpenedFrame(head + field + sealed, plaintext, True)

    def _single(self, head: bytes, source: Source) -> OpenedFrame:
        number, length = self._next, self._frame_length
        nonce = source.read_exactly(NONCE_SIZE)
        sealed = source.read_exactly(length + TAG_SIZE)
        authenticated = _authenticated(self._message_id, _FRAME, number, length)
        self._next += 1
        plaintext = _opened(self._aead, nonce, sealed, authenticated, f"frame {number}")
        return OpenedFrame(head + nonce + sealed, plaintext, False)


def _write_numbers(room: memoryview, start: int, stride: int, numbers: bytes, count: int) -> None:
    """Write u32 `numbers` to `count` places that are `stride` bytes apart."""
    if count < 4:
        for at in range(count):
            place = start + at * stride
            room[place : place + 4] = numbers[4 * at : 4 * at + 4]
        return
    end = count * stride
    for place in range(4):
        room[start + place : end : stride] = numbers[place::4]


def open_block(aead: AESGCM, header: Header, source: Source, limits: Limits) -> OpenedFrame:
    """The body of a message without frames: one block, held in memory as a whole."""
    head = source.read_exactly(NONCE_SIZE + 8)
    nonce, length = struct.unpack(f">{NONCE_SIZE}sQ", head)
    if length > limits.frame_length:
        raise oversized_frame(length, limits)
    sealed = source.read_exactly(length + TAG_SIZE)
    authenticated = _authenticated(header.message_id, _SINGLE_BLOCK, 1, length)
    plaintext = _opened(aead, nonce, sealed, authenticated, "the block")
    return OpenedFrame(head + sealed, plaintext, True)


def _authenticated(message_id: bytes, label: bytes, number: int, length: int) -> bytes:
    return message_id + label + struct.pack(">IQ", number, length)


def _opened(aead: AESGCM, nonce: bytes, sealed: bytes, authenticated: bytes, what: str) -> bytes:
    try:
        return aead.decrypt(nonce, sealed, authenticated)
    except InvalidTag:
        raise AlteredMessage(f"{what} is not what was written") from None
