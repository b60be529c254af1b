"""A range of an object, and the way from the files that hold it to its plaintext.

An object rests in one file, or in one for each part that it was uploaded in; a range touches some
of them, and of each some chunks. How the bytes get to the client is not known here.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from kmslab.services.s3.sealing import ObjectKey, Segment
from kmslab.store.object_files import ObjectFiles, OpenObjectFiles

# So many chunks are read from a file in one go.
_BATCH = 16


class _Part(NamedTuple):
    """One file of an object. `begin` is where in the object its bytes begin."""

    content_id: str
    begin: int
    size: int


class ContentRange:
    """The bytes of an object that are asked for, and the files that they rest in."""

    def __init__(
        self,
        segments: Sequence[tuple[str, int]],
        object_key: ObjectKey,
        files: ObjectFiles,
        start: int,
        length: int,
    ) -> None:
        # Of no bytes at all the first chunk is opened nevertheless.
        self.start = start if length else 0
        self.end = self.start + length
        self.object_key = object_key
        self._parts = _touched(segments, self.start, self.end)
        self._begins = [part.begin for part in self._parts]
        self._shape = object_key.segment(self._parts[0].content_id)
        self.files = OpenObjectFiles(
            files, {part.content_id: self._file_size(part) for part in self._parts}
        )

    def part_at(self, position: int) -> _Part:
        return self._parts[bisect_right(self._begins, position) - 1]

    def end_of_chunk(self, position: int) -> int:
        """Where the chunk at `position` ends, or the range, if it ends before."""
        part, size = self.part_at(position), self._shape.chunk_size
        inside = position - part.begin
        return min(part.begin + part.size, position + size - inside % size, self.end)

    def _file_size(self, part: _Part) -> int:
        return part.size + _chunks_of(part.size, self._shape) * self._shape.overhead


def _touched(segments: Sequence[tuple[str, int]], start: int, end: int) -> list[_Part]:
    """The parts that hold bytes of the range. For no bytes at all it is the first."""
    parts, begin = [], 0
    for content_id, size in segments:
        if begin < end and start < begin + size:
            parts.append(_Part(content_id, begin, size))
        begin += size
    return parts or [_Part(content_id, 0, size) for content_id, size in segments[:1]]


def _chunks_of(size: int, cipher: Segment) -> int:
    """In how many chunks `size` bytes rest: nothing rests in one."""
    return max(1, -(-size // cipher.chunk_size))


class _Cipher(Segment, Protocol):
    def open_into(
        self, target: memoryview, first_index: int, sealed: memoryview, is_end: bool
    ) -> None: ...


class Lane:
    """The way of one thread from the files to the plaintext: ciphers and room of its own."""

    def __init__(self, asked_for: ContentRange) -> None:
        self._range = asked_for
        self._part: _Part | None = None
        self._room = memoryview(bytearray())

    def fill(self, target: memoryview, position: int) -> None:
        """Fill `target` with the bytes of the object from `position` on; a chunk is opened even for
        an empty one. Raises IntegrityError for what is not what was stored."""
        while True:
            part = self._range.part_at(position)
            if part is not self._part:
                self._part = part
                self._cipher = cast(_Cipher, self._range.object_key.segment(part.content_id))
            taken = self._fill_from(part, target, position - part.begin)
            target = target[taken:]
            position += taken
            if not target:
                return

    def _fill_from(self, part: _Part, target: memoryview, position: int) -> int:
        """Open some chunks into `target`, or some of one; how many bytes."""
        cipher, size = self._cipher, self._cipher.chunk_size
        first, skipped = divmod(position, size)
        whole = min(len(target), part.size - position, _BATCH * size)
        if position + whole < part.size:
            whole -= whole % size
        if skipped or not whole:
            plaintext = memoryview(cipher.open(first, *self._sealed(part, first, 1)))
            wanted = plaintext[skipped : skipped + len(target)]
            target[: len(wanted)] = wanted
            return len(wanted)
        sealed = self._sealed(part, first, _chunks_of(whole, cipher))
        cipher.open_into(target[:whole], first, *sealed)
        return whole

    def _sealed(self, part: _Part, first: int, count: int) -> tuple[memoryview, bool]:
        """Some chunks of the file, and whether its last is among them."""
        size, overhead = self._cipher.chunk_size, self._cipher.overhead
        sealed_size = min(part.size - first * size, count * size) + count * overhead
        if len(self._room) < sealed_size:
            self._room = memoryview(bytearray(sealed_size))
        sealed = self._room[:sealed_size]
        self._range.files.read_into(sealed, part.content_id, first * (size + overhead))
        return sealed, (first + count) * size >= part.size
