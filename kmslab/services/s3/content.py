"""The bytes of objects on their way: sealed into a file as they come, opened as they go.

Memory stays flat whatever the size. A long body is read by one thread while another seals and
writes it; `content_stream` is the way back. Whose object it is, how its key is kept and which
checksum is the right one is not known here.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from queue import Queue
from types import TracebackType
from typing import NamedTuple, Self

from kmslab.errors import ServiceError
from kmslab.services.s3.checksums import new_checksum
from kmslab.services.s3.content_range import ContentRange
from kmslab.services.s3.content_stream import ContentStream
from kmslab.services.s3.sealing import ObjectKey, Segment
from kmslab.sources import RandomBytes
from kmslab.store.object_files import NewObjectFile, ObjectFiles
from kmslab.wire.message import Stream

# What is sealed in one go: a whole number of chunks.
_PIECE = 1024 * 1024
# So many pieces may wait to be sealed.
_WAITING = 3


class Content(NamedTuple):
    """What was read and sealed. Nobody finds it before it is kept."""

    content_id: str
    size: int
    digests: dict[str, bytes]
    file: NewObjectFile

    def keep(self) -> None:
        self.file.keep()

    def abandon(self) -> None:
        self.file.abandon()


def store_content(
    stream: Stream,
    object_key: ObjectKey,
    files: ObjectFiles,
    random: RandomBytes,
    checksums: Collection[str],
    most: int,
) -> Content:
    """Read `stream` to its end into a new file, sealed with `object_key`, and compute `checksums`
    of the plaintext: names of S3's algorithms, or MD5.

    Raises EntityTooLarge for more than `most` bytes, and whatever reading or writing raises; no
    file is left then.
    """
    content_id = random(16).hex()
    while files.has(content_id):
        # Only a seeded source, started again on an old state, draws a name twice; the file would
        # be lost, and its key used for another one.
        content_id = random(16).hex()
    file = files.new(content_id)
    try:
        sealing = _Sealing(file, object_key.segment(content_id), checksums)
        size = _pour(sealing.summed(_pieces(stream, most)), sealing.take)
        return Content(content_id, size, sealing.digests(), file)
    except BaseException:
        file.abandon()
        raise


def read_content(
    segments: Sequence[tuple[str, int]],
    object_key: ObjectKey,
    files: ObjectFiles,
    start: int,
    length: int,
) -> Stream:
    """The `length` bytes from `start` on of an object that rests in `segments`: content ids and
    numbers of plaintext bytes, in order.

    Only the chunks that hold them are read. The first is opened here, so IntegrityError is raised
    here where that one, or the length of a file, is not as stored; and by `read` for chunks after
    it. What replaces the object meanwhile does no harm up to 16 files: they are held open. Of an
    object in more files, one that is deleted before its turn came breaks the reading off.
    """
    return ContentStream(ContentRange(segments, object_key, files, start, length))


class _Sealing:
    """What is done with the pieces of a body, in their order. Checksums are computed by whoever
    reads, and the rest by whoever takes, so that two threads have about as much to do; MD5 costs
    more than all the rest."""

    def __init__(self, file: NewObjectFile, cipher: Segment, names: Collection[str]) -> None:
        self._file = file
        self._cipher = cipher
        self._checksums = {name: new_checksum(name) for name in names}
        self._next_index = 0

    def summed(self, pieces: Iterator[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
        """The same pieces, once their checksums are computed."""
        quick = [checksum for name, checksum in self._checksums.items() if name != "MD5"]
        for piece, is_end in pieces:
            for checksum in quick:
                checksum.update(piece)
            yield piece, is_end

    def take(self, piece: bytes, is_end: bool) -> None:
        if "MD5" in self._checksums:
            self._checksums["MD5"].update(piece)
        self._file.write(self._cipher.seal(self._next_index, memoryview(piece), is_end))
        self._next_index += len(piece) // self._cipher.chunk_size

    def digests(self) -> dict[str, bytes]:
        return {name: checksum.digest() for name, checksum in self._checksums.items()}


_Take = Callable[[bytes, bool], None]


def _pour(pieces: Iterator[tuple[bytes, bool]], take: _Take) -> int:
    """Give `take` all pieces, in a thread of its own where there are several. Their size."""
    piece, is_end = next(pieces)
    size = len(piece)
    if is_end:
        take(piece, is_end)
        return size
    with _Taker(take) as taker:
        taker.give(piece, is_end)
        for piece, is_end in pieces:
            size += len(piece)
            taker.give(piece, is_end)
    return size


def _pieces(stream: Stream, most: int) -> Iterator[tuple[bytes, bool]]:
    """The body in pieces of one size, each with whether it is the last, which may be shorter."""
    held, size = b"", 0
    for piece in iter(partial(_next_piece, stream), b""):
        size += len(piece)
        if size > most:
            raise ServiceError(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                extras={"MaxSizeAllowed": str(most)},
            )
        if held:
            yield held, False
        held = piece
    yield held, True


def _next_piece(stream: Stream) -> bytes:
    """The next piece, whole however little the stream gives at a time; less only at the end."""
    parts, missing = [], _PIECE
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Taker:
    """A thread that takes pieces. It ends with the block; what it raised is raised there."""

    def __init__(self, take: _Take) -> None:
        self._take = take
        self._pieces: Queue[tuple[bytes, bool] | None] = Queue(_WAITING)
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def give(self, piece: bytes, is_end: bool) -> None:
        if self._problem:
            raise self._problem
        self._pieces.put((piece, is_end))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What still waits is not worth sealing where the reading failed.
        self._problem = self._problem or problem
        self._pieces.put(None)
        self._thread.join()
        if self._problem and not problem:
            raise self._problem

    def _run(self) -> None:
        # After a problem it goes on taking, or who gives would wait for room for ever.
        while given := self._pieces.get():
            if not self._problem:
                try:
                    self._take(*given)
                except BaseException as problem:
                    self._problem = problem
