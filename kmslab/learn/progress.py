"""A learner's ticks: which exercises were answered right, in a small JSON file.

$KMSLAB_PROGRESS names the file; `kmslab lab` sets it. Where it is not set, as when the canonical
notebooks are built and tested, nothing is written and nothing is ticked. Several kernels may tick
at once. A tick never stops a lesson: what goes wrong with the file is told in one line. Nothing
here knows which exercises there are.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmslab.learn import whole_file

VARIABLE = "KMSLAB_PROGRESS"

if sys.platform == "win32":
    import msvcrt

    def _wait_for_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _wait_for_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def ticked() -> frozenset[str]:
    """The exercises answered right so far; none where the file is absent or cannot be read."""
    path = _file()
    try:
        return frozenset() if path is None else frozenset(_read(path))
    except (OSError, ValueError):
        return frozenset()


def tick(exercise_id: str) -> list[str]:
    """Write down a right answer; the sentences returned tell what went wrong with the file."""
    path = _file()
    if path is None:
        return []
    try:
        with _one_at_a_time(path):
            return _add(exercise_id, path)
    except OSError as refused:
        return [f"the tick was not stored in {path.name}: {refused.strerror or refused}"]


def _add(exercise_id: str, path: Path) -> list[str]:
    troubles = []
    try:
        right = _read(path)
    except ValueError:
        kept = whole_file.set_aside(path, ".broken")
        troubles = [f"{path.name} could not be read: it is kept as {kept.name}, ticks start anew"]
        right = set()
    if exercise_id not in right:
        whole_file.write(path, json.dumps({"right": sorted({*right, exercise_id})}) + "\n")
    return troubles


def _read(path: Path) -> set[str]:
    """Raises ValueError for a file that is not ours or not whole."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    right = stored.get("right") if isinstance(stored, dict) else None
    if not (isinstance(right, list) and all(isinstance(name, str) for name in right)):
        raise ValueError(f"{path.name} holds no list of right answers: {str(stored)[:80]!r}")
    return set(right)


def _file() -> Path | None:
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Kernels wait for each other; the system lets go of the lock even when one is killed."""
    with path.with_name(f".{path.name}.lock").open("a", encoding="utf-8") as lock:
        _wait_for_lock(lock.fileno())
        yield
