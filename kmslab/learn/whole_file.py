"""Write a text file whole or not at all, so that a crash leaves the old one."""

import os
import secrets
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Replace the content of `path`; who reads meanwhile sees the old or the new, never a part."""
    half_written = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        half_written.write_text(text, encoding="utf-8", newline="\n")
        os.replace(half_written, path)
    finally:
        half_written.unlink(missing_ok=True)


def set_aside(path: Path, ending: str) -> Path:
    """Give `path` the first free name with this ending; nothing is overwritten."""
    endings = (f"{ending}{number}" for number in ("", *range(2, 10_000)))
    names = (path.with_name(path.name + ending) for ending in endings)
    free = next(name for name in names if not name.exists())
    path.rename(free)
    return free
