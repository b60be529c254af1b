"""aws-chunked: a body in chunks, each with its size and perhaps its signature before it.

This follows the S3 API Reference ("Transferring payload in multiple chunks", "Trailing headers"):
"size;chunk-signature=…", the bytes, and so on until a chunk of size 0, then trailers.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from kmslab.wire.aws_chunked import refusals
from kmslab.wire.aws_chunked.bodies import PIECE, Body, length_in
from kmslab.wire.aws_chunked.trailers import SIGNATURE, Trailers, announced_in, trailers_in
from kmslab.wire.message import Stream
from kmslab.wire.signing import ChunkSigner

# A signed chunk is kept whole until its signature has been checked.
_LARGEST_SIGNED_CHUNK = 16 * 1024 * 1024
# Enough for the head of a chunk, and so few that what is read too much hardly counts.
_AHEAD = 128
_LONGEST_LINE = 1024
_MOST_TRAILERS = 16 * 1024
_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64})|;[^\r\n]*)?")
_EMPTY_HASH = sha256(b"").hexdigest()


class ChunkedBody(Body):
    """What the chunks in `stream` hold.

    `signer` makes their signatures, None where they have none; `has_signed_trailers` says that the
    trailers are signed as well. `trailers` are there once the last byte has been read.
    """

    def __init__(
        self,
        stream: Stream,
        headers: Mapping[str, str],
        signer: ChunkSigner | None,
        has_signed_trailers: bool,
    ) -> None:
        super().__init__(stream)
        self._lines = _Lines(stream)
        self._signer = signer
        self._has_signed_trailers = has_signed_trailers
        # Behind signed chunks there is nothing that is not signed.
        self._announced = [] if signer and not has_signed_trailers else announced_in(headers)
        self.trailers: dict[str, str] = {}
        # Of the whole body, and of the chunk that is being read.
        self._left = length_in(headers.get("x-amz-decoded-content-length", ""))
        self._left_of_chunk = 0
        self._signature = ""
        self._is_first = True
        self._has_ended = False
        # What a signed chunk still holds.
        self._checked = memoryview(b"")

    def _next(self, size: int) -> bytes:
        if not (self._checked or self._left_of_chunk or self._has_ended):
            self._begin_chunk()
        if self._left_of_chunk and self._signer:
            self._check_chunk(self._signer)
        if self._checked:
            piece, self._checked = self._checked[:size], self._checked[size:]
            return bytes(piece)
        if self._has_ended:
            return b""
        plain = self._lines.take(min(size, self._left_of_chunk))
        self._count(len(plain))
        return plain

    def _begin_chunk(self) -> None:
        """Read the head of the next chunk; of the last one, which is empty, all that follows."""
        if not self._is_first and self._lines.next():
            raise refusals.cut_off()
        self._is_first = False
        head = _HEAD.fullmatch(self._lines.next())
        if head is None:
            raise refusals.cut_off()
        self._left_of_chunk = int(head[1], 16)
        self._signature = (head[2] or b"").decode()
        if self._left_of_chunk > self._left or (self._left and not self._left_of_chunk):
            raise refusals.wrong_length()
        if not self._left_of_chunk:
            self._end()

    def _count(self, size: int) -> None:
        """`size` bytes are about to be handed on. Behind the last ones stands the end."""
        self._left -= size
        self._left_of_chunk -= size
        if not self._left:
            self._begin_chunk()

    def _check_chunk(self, signer: ChunkSigner) -> None:
        """Read the whole chunk, and keep it once its signature has been checked."""
        size = self._left_of_chunk
        if size > _LARGEST_SIGNED_CHUNK:
            raise refusals.too_large()
        chunk = bytearray()
        while len(chunk) < size:
            chunk += self._lines.take(min(size - len(chunk), PIECE))
        _check(signer.sign_chunk(sha256(chunk).hexdigest()), self._signature)
        self._count(size)
        self._checked = memoryview(chunk)

    def _end(self) -> None:
        if self._signer:
            _check(self._signer.sign_chunk(_EMPTY_HASH), self._signature)
        given = trailers_in(self._lines.rest())
        if self._signer and self._has_signed_trailers:
            _check_trailers(self._signer, given)
        if sorted(name for name, _ in given) != self._announced:
            raise refusals.malformed_trailer()
        self.trailers = dict(given)
        self._has_ended = True


def _check_trailers(signer: ChunkSigner, given: Trailers) -> None:
    """Take the last trailer, the signature of the others, out of `given`."""
    signature = given.pop()[1] if given and given[-1][0] == SIGNATURE else ""
    signed = "".join(f"{name}:{value}\n" for name, value in given)
    _check(signer.sign_trailers(signed.encode()), signature)


def _check(computed: str, given: str) -> None:
    if not hmac.compare_digest(computed, given):
        raise refusals.signature_differs()


class _Lines:
    """A stream of lines, with bytes between them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        # Read, and not yet looked at.
        self._ahead = b""

    def take(self, size: int) -> bytes:
        """Up to `size` bytes, one at least. Straight from the stream they are not copied."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            taken = self._stream.read(size)
        if not taken:
            raise refusals.cut_off()
        return taken

    def next(self) -> bytes:
        """The next line, without its end."""
        while (end := self._ahead.find(b"\r\n")) < 0:
            block = self._stream.read(_AHEAD)
            if not block or len(self._ahead) > _LONGEST_LINE:
                raise refusals.cut_off()
            self._ahead += block
        line, self._ahead = self._ahead[:end], self._ahead[end + 2 :]
        return line

    def rest(self) -> bytes:
        """All that is left, which ends a line."""
        blocks, size = [self._ahead], len(self._ahead)
        while block := self._stream.read(_MOST_TRAILERS):
            blocks.append(block)
            size += len(block)
            if size > _MOST_TRAILERS:
                raise refusals.malformed_trailer()
        rest = b"".join(blocks)
        if not rest.endswith(b"\r\n"):
            raise refusals.cut_off()
        return rest
