"""The files that hold the bytes of objects, each under a random name and written once.

A file is written under a temporary name and gets its own when it is whole, so that nobody meets
half a file; a process killed before that leaves what the next `sweep` removes. What was kept
survives the death of the process at once; a power cut may take the last moments. What the bytes
are, and that they are sealed, is not known here.
"""

import os
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import SEEK_END, FileIO
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from kmslab.errors import IntegrityError

_UNFINISHED = ".new"
# One reader's share of what a process may have open, which can be as little as 256.
_MOST_OPEN = 16
_CONTENT_ID = re.compile("[0-9a-f]{32}")


class NewObjectFile:
    """A file being written. As a context manager it is abandoned at the end, unless kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_suffix(_UNFINISHED)
        self._file = _created(self._unfinished)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        left = memoryview(piece)
        while left:
            # A full disk may take less than it is given before it refuses.
            left = left[self._file.write(left) :]

    def keep(self) -> None:
        """Let the file be found."""
        self._file.close()
        self._unfinished.replace(self._path)

    def abandon(self) -> None:
        """Remove the file, if it was not kept."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abandon()


class ObjectFiles:
    """All object files of a lab, in `directory`/objects. Where `directory` is None they lie in a
    temporary directory, which goes when this object goes.

    A content id is 32 hex digits; its first two name the directory that the file is in.
    """

    def __init__(self, directory: Path | None) -> None:
        self._remove: Callable[[], object] | None = None
        if directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="kmslab-objects-"))
            self._remove = weakref.finalize(self, shutil.rmtree, self._directory, True)
        else:
            self._directory = directory / "objects"

    def close(self) -> None:
        """Remove a temporary directory, and do nothing to another one."""
        if self._remove:
            self._remove()

    def path(self, content_id: str) -> Path:
        """Where the file is or will be. Raises ValueError for what is no content id."""
        if not _CONTENT_ID.fullmatch(content_id):
            raise ValueError(f"a content id is 32 hex digits, not {content_id!r}")
        return self._directory / content_id[:2] / content_id

    def new(self, content_id: str) -> NewObjectFile:
        """A file to be written. Raises FileExistsError where one of this name is being written."""
        if not self._remove:
            # Made with the first object: a lab that has none has no such directory.
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return NewObjectFile(self.path(content_id))

    def has(self, content_id: str) -> bool:
        return self.path(content_id).exists()

    def open(self, content_id: str) -> FileIO:
        """The file, unbuffered. Raises IntegrityError where there is none."""
        try:
            return FileIO(self.path(content_id))
        except FileNotFoundError:
            raise _missing(content_id) from None

    def size(self, content_id: str) -> int:
        """The number of bytes in the file. Raises IntegrityError where there is none."""
        try:
            return self.path(content_id).stat().st_size
        except FileNotFoundError:
            raise _missing(content_id) from None

    def delete(self, content_id: str) -> None:
        """Remove the file if it is there. Whoever has it open reads on."""
        _removed(self.path(content_id))

    def sweep(self, known: set[str]) -> None:
        """Remove every file that is not `known`, unfinished ones as well. Nobody may be writing:
        this is for the opening of a lab."""
        for path in self._all():
            if path.name not in known:
                _removed(path)

    def clear(self) -> None:
        """Remove every file that was kept. What is being written is its writer's business."""
        for path in self._all():
            if path.suffix != _UNFINISHED:
                _removed(path)

    def _all(self) -> Iterator[Path]:
        return self._directory.glob("*/*")


class OpenObjectFiles:
    """Files that one reader needs, for threads that read from them in turns: content id → number
    of bytes, in the order in which they will be read.

    The first 16 are opened at once and may be deleted meanwhile; the others when their turn
    comes. Raises IntegrityError where one is missing or has another number of bytes.
    """

    def __init__(self, files: ObjectFiles, sizes: Mapping[str, int]) -> None:
        self._files = files
        self._sizes = sizes
        self._open: dict[str, FileIO] = {}
        self._is_closed = False
        self._one_at_a_time = threading.Lock()
        try:
            for content_id in islice(sizes, _MOST_OPEN):
                self._opened(content_id)
        except BaseException:
            self.close()
            raise

    def read_into(self, target: memoryview, content_id: str, at: int) -> None:
        """Fill `target` from byte `at` of the file on. Raises IntegrityError where there is too
        little, ValueError once this is closed."""
        with self._one_at_a_time:
            if self._is_closed:
                raise ValueError("read of closed files")
            file = self._open.get(content_id) or self._opened(content_id)
            file.seek(at)
            if file.readinto(target) != len(target):
                raise IntegrityError(f"the file {content_id} ends early")

    def close(self) -> None:
        with self._one_at_a_time:
            self._is_closed = True
            while self._open:
                self._open.popitem()[1].close()

    def _opened(self, content_id: str) -> FileIO:
        if len(self._open) == _MOST_OPEN:
            # The one that was opened first has been passed by now.
            self._open.pop(next(iter(self._open))).close()
        file = self._open[content_id] = self._files.open(content_id)
        actual, expected = file.seek(0, SEEK_END), self._sizes[content_id]
        if actual != expected:
            message = f"the file {content_id} has {actual} bytes instead of {expected}"
            raise IntegrityError(message)
        return file


def _created(path: Path) -> FileIO:
    try:
        return FileIO(path, "xb", opener=_for_its_owner)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return FileIO(path, "xb", opener=_for_its_owner)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _removed(path: Path) -> None:
    """Remove the file at `path` if it is there. Where the system forbids that as long as the file
    is open, it is left to the next sweep."""
    with suppress(PermissionError):
        path.unlink(missing_ok=True)


def _missing(content_id: str) -> IntegrityError:
    return IntegrityError(f"the file {content_id} is missing")
