"""Where a message or a plaintext is read from: a stream, whole pieces at a time.

Nothing is allocated for what a length field promises; only what arrives is held.
"""

import io
from typing import Protocol, TypeVar

from kmslab.envelope.errors import ExtendedMessage, TruncatedMessage

_PIECE = 64 * 1024
Answer = TypeVar("Answer")


class Readable(Protocol):
    """Any binary stream: a file, a pipe, io.BytesIO, the body of an S3 object."""

    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, piece: bytes | bytearray | memoryview, /) -> int | None: ...


class Source:
    """A stream that can be given bytes back. `size` is how many bytes it will give, if known, and
    `left` how many of them are to come: fewer than none where it gives more."""

    def __init__(self, stream: Readable, size: int | None = None) -> None:
        self._stream = stream
        self._read_into = getattr(stream, "readinto", None)
        self._returned = memoryview(b"")
        self.left = size

    def fill(self, room: memoryview) -> int:
        """Read until `room` is full or the stream has ended; how many bytes there are."""
        done = min(len(room), len(self._returned))
        room[:done], self._returned = self._returned[:done], self._returned[done:]
        while done < len(room):
            count = self._read_some(room[done:])
            if not count:
                break
            done += count
        if self.left is not None:
            self.left -= done
        return done

    def read_exactly(self, size: int) -> bytes:
        """Raises TruncatedMessage where the stream ends before."""
        taken = bytearray()
        while len(taken) < size:
            room = memoryview(bytearray(min(_PIECE, size - len(taken))))
            count = self.fill(room)
            taken += room[:count]
            if count < len(room):
                raise TruncatedMessage(f"{size} bytes should follow, and {len(taken)} do")
        return bytes(taken)

    def give_back(self, piece: bytes) -> None:
        """`piece` is read next. Only what the last `fill` took may be given back."""
        self._returned = memoryview(piece + bytes(self._returned))
        if self.left is not None:
            self.left += len(piece)

    def expect_end(self) -> None:
        """Raises ExtendedMessage where a byte follows."""
        if self.fill(memoryview(bytearray(1))):
            raise ExtendedMessage("bytes follow the end of the message")

    def _read_some(self, room: memoryview) -> int:
        if self._read_into is not None:
            count: int = _blocking(self._read_into(room))
            return count
        piece = self._stream.read(len(room))
        _blocking(piece)
        room[: len(piece)] = piece
        return len(piece)


def write_all(target: Writable, piece: bytes | memoryview) -> None:
    """Write the whole of `piece`: a raw file or a pipe may take less than it is given."""
    left = memoryview(piece)
    while left:
        taken = target.write(left)
        if taken is None:
            # A raw stream has taken nothing; what only looks like a stream may not count.
            taken = _blocking(None) if isinstance(target, io.RawIOBase) else len(left)
        left = left[taken:]


def _blocking(answer: Answer | None) -> Answer:
    """The answer of a stream that waits. One that does not has none when it is not ready, and that
    must never be taken for the end."""
    if answer is None:
        raise BlockingIOError(
            "a stream that does not wait is not ready; envelopes need one that does"
        )
    return answer
