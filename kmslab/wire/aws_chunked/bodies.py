"""Bodies of requests: what all have in common, and those that travel as they are."""

from hashlib import sha256

from kmslab.wire.aws_chunked import refusals
from kmslab.wire.message import Stream

PIECE = 1024 * 1024


class Body:
    """A body that is read from `stream`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if size == 0:
            return b""
        if size > 0:
            return self._next(size)
        return b"".join(iter(lambda: self._next(PIECE), b""))

    def close(self) -> None:
        self._stream.close()

    def _next(self, size: int) -> bytes:
        """Up to `size` bytes, b"" at the end."""
        raise NotImplementedError


class HashedBody(Body):
    """A body of `length` bytes, or of any number where that is None; their SHA-256 in hex is
    `expected_hash`, or anything where that is ""."""

    def __init__(self, stream: Stream, length: int | None, expected_hash: str) -> None:
        super().__init__(stream)
        self._left = length
        self._expected_hash = expected_hash
        self._hash = sha256()

    def _next(self, size: int) -> bytes:
        piece = self._stream.read(size)
        if self._expected_hash:
            self._hash.update(piece)
        if self._left is not None:
            self._left -= len(piece)
            if self._left < 0 or (self._left and not piece):
                raise refusals.wrong_length()
        if not piece or self._left == 0:
            self._check_hash()
        return piece

    def _check_hash(self) -> None:
        computed = self._hash.hexdigest()
        if self._expected_hash.lower() not in ("", computed):
            raise refusals.wrong_hash(self._expected_hash, computed)


def length_in(text: str) -> int:
    """The number of bytes that a header says. Raises MissingContentLength for what is no number."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise refusals.missing_length()
    return int(text)
