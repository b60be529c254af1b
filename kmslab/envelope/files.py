"""Messages in files: encrypted, opened and rewrapped from one path to another.

A result is written under a temporary name beside its place, and gets its name only when all of it
holds, flushed to the disk: kill the process at any moment, and under the final name stands either
what was there before or the whole new file. What a killed process leaves has a name that ends in
`.kmslab-unfinished` and may be deleted.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import Any, BinaryIO

from kmslab.envelope.contexts import Context
from kmslab.envelope.headers import Header
from kmslab.envelope.opening import decrypt_stream
from kmslab.envelope.pipeline import Progress
from kmslab.envelope.rewrapping import rewrap_stream
from kmslab.envelope.sealing import encrypt_stream
from kmslab.envelope.wrapping import DataKeys, WrappingKeys

UNFINISHED = ".kmslab-unfinished"
# Windows would change line ends.
_BINARY = getattr(os, "O_BINARY", 0)


def encrypt_file(
    source: str | Path,
    target: str | Path,
    keys: DataKeys,
    encryption_context: Context | None = None,
    *,
    replace: bool = False,
    flush: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Header:
    """Encrypt the file `source` to a new file `target`, which gets its permissions.

    `replace` allows that `target` exists; without it FileExistsError is raised and nothing is
    changed. `flush=False` leaves it to the system when the bytes reach the disk: a power cut may
    then leave an incomplete file under the final name. Other `options` and refusals are those of
    `encrypt_stream`.
    """
    with new_file(target, replace=replace, flush=flush) as writing, _opened(source) as reading:
        _same_permissions(reading, writing)
        return encrypt_stream(
            reading,
            writing,
            keys,
            encryption_context,
            length=_size(reading),
            progress=progress,
            **options,
        )


def decrypt_file(
    source: str | Path,
    target: str | Path,
    keys: DataKeys,
    encryption_context: Context | None = None,
    *,
    replace: bool = False,
    flush: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Header:
    """Open the message in the file `source` to a new file `target`, which only its owner may read.

    It appears when every byte was authenticated, the end found, and the signature checked where
    there is one. `replace` and `flush` are those of `encrypt_file`, other `options` and refusals
    those of `decrypt_stream`.
    """
    with new_file(target, replace=replace, flush=flush) as writing, _opened(source) as reading:
        return decrypt_stream(
            reading,
            writing,
            keys,
            encryption_context,
            length=_size(reading),
            progress=progress,
            **options,
        )


def rewrap_file(
    source: str | Path,
    target: str | Path,
    old_keys: WrappingKeys,
    new_keys: WrappingKeys,
    encryption_context: Context | None = None,
    *,
    replace: bool = False,
    flush: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Header:
    """Rewrap the message in the file `source` to `target`, which is best the same path: see
    `rewrapping` for why no two may be kept. `replace` and `flush` are those of `encrypt_file`,
    other `options` and refusals those of `rewrap_stream`."""
    with new_file(target, replace=replace, flush=flush) as writing, _opened(source) as reading:
        _same_permissions(reading, writing)
        return rewrap_stream(
            reading, writing, old_keys, new_keys, encryption_context, progress=progress, **options
        )


@contextmanager
def new_file(target: str | Path, *, replace: bool, flush: bool) -> Iterator[BinaryIO]:
    """A file to write, which gets the name `target` when the block ends well and is gone otherwise.
    Raises FileExistsError where `target` exists, now or in the end, and may not be replaced."""
    place = Path(target)
    if not replace and os.path.lexists(place):
        raise FileExistsError(f"{place} exists already")
    unfinished = place.with_name(f".{place.name[:20]}.{secrets.token_hex(8)}{UNFINISHED}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        with open(descriptor, "wb", buffering=0) as writing:
            yield writing
            if flush:
                os.fsync(writing.fileno())
        _put_in_place(unfinished, place, replace)
        if flush:
            _flush_names(place.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _put_in_place(unfinished: Path, place: Path, replace: bool) -> None:
    if replace:
        os.replace(unfinished, place)
        return
    try:
        # Unlike a rename, a link fails where somebody else has made the file meanwhile.
        os.link(unfinished, place)
    except FileExistsError:
        raise FileExistsError(f"{place} exists already") from None
    except OSError:
        # A file system without links: the best that is left.
        if os.path.lexists(place):
            raise FileExistsError(f"{place} exists already") from None
        os.replace(unfinished, place)


def _flush_names(directory: Path) -> None:
    """A new name is on the disk only when its directory is."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(source: str | Path) -> BinaryIO:
    return open(source, "rb", buffering=0)


def _same_permissions(reading: BinaryIO, writing: BinaryIO) -> None:
    if os.name != "nt":
        os.fchmod(writing.fileno(), S_IMODE(os.fstat(reading.fileno()).st_mode))


def _size(reading: BinaryIO) -> int | None:
    """None where nobody knows: of a device, a named pipe, and files of /proc, which say 0."""
    found = os.fstat(reading.fileno())
    return found.st_size or None if S_ISREG(found.st_mode) else None
