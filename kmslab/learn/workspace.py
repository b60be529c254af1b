"""The learner's own copies of the notebooks, in work/, and the JupyterLab that opens them.

A copy has stubs where the canonical notebook has solutions. What a learner wrote is never
overwritten: a newer notebook replaces a copy only where no cell of it was changed, and a reset
keeps the old copy beside the new one. Nothing here runs a notebook.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kmslab import child, project
from kmslab.learn import exercise_cells, form, progress, whole_file

FIRST = "00_start_here.ipynb"
GENERATED = Path(".kmslab", "generated.json")
PROGRESS = "progress.json"
JUPYTER_SETTINGS = project.FOLDER / "data" / "jupyter"


class Copies(NamedTuple):
    """What became of the copies that needed something done."""

    copied: list[str]
    refreshed: list[str]
    kept: list[str]

    def sentences(self) -> list[str]:
        """One line for each thing that happened."""
        told = []
        if self.copied:
            told.append(f"copied to work/: {', '.join(self.copied)}")
        if self.refreshed:
            told.append(f"refreshed in work/, unchanged by you: {', '.join(self.refreshed)}")
        for name in self.kept:
            reset = f"`python -m kmslab reset {name[:2]}` fetches it and keeps yours as a backup"
            told.append(f"kept your {name}, though there is a newer one: {reset}")
        return told


def copy_notebooks(source: Path = project.NOTEBOOKS, work: Path = project.WORK) -> Copies:
    """Make the copies that are absent, refresh those that are old and unchanged."""
    work.mkdir(parents=True, exist_ok=True)
    generated = _Generated(work)
    copies = Copies([], [], [])
    for path in sorted(source.glob("*.ipynb")):
        text, copy = _generate(path), work / path.name
        if not copy.exists():
            copies.copied.append(path.name)
        elif not generated.is_newer(copy, text):
            continue
        elif generated.is_unchanged(copy):
            copies.refreshed.append(path.name)
        else:
            copies.kept.append(path.name)
            continue
        generated.write(copy, text)
    return copies


def reset(number: str, source: Path = project.NOTEBOOKS, work: Path = project.WORK) -> str:
    """Make the copy of one notebook anew and say where the old one is kept.

    Raises ValueError for a notebook that is not there.
    """
    path = _canonical(number, source)
    work.mkdir(parents=True, exist_ok=True)
    copy, text = work / path.name, _generate(path)
    backup = _back_up(copy) if copy.exists() and copy.read_bytes() != text.encode() else None
    _Generated(work).write(copy, text)
    kept = f"; your old copy is {backup.name}" if backup else ""
    return f"{path.name} in work/ is as it was given out{kept}"


def solutions(wanted: str, source: Path = project.NOTEBOOKS) -> str:
    """The solutions of a notebook such as 03, or of one exercise such as 03-1, as plain text.

    Raises ValueError where there is no such notebook or exercise.
    """
    found = exercise_cells.exercises(exercise_cells.read(_canonical(wanted[:2], source)))
    chosen = [each for each in found if wanted in (each.exercise_id, each.exercise_id[:2])]
    if not chosen:
        there = ", ".join(each.exercise_id for each in found) or "none"
        raise ValueError(f"no such exercise: {wanted}; in this notebook there are: {there}")
    return "\n\n".join(_solution(each) for each in chosen)


def jupyterlab_command(
    no_browser: bool, arguments: Sequence[str], work: Path = project.WORK
) -> list[str]:
    # The address rather than the file name is given, because JupyterLab prints it: what a learner
    # copies from the terminal opens notebook 00 as well.
    command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={work}"]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    return [*command, *(["--no-browser"] if no_browser else []), *arguments]


def jupyterlab_settings(work: Path = project.WORK) -> dict[str, str]:
    """What JupyterLab, and thereby each kernel, finds in its environment.

    A learner's JupyterLab has no buttons for instructors, though nbgrader may be installed: our
    own settings come before those of the environment.
    """
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    paths = [str(JUPYTER_SETTINGS), *([theirs] if theirs else [])]
    return {
        "PYTHONUTF8": "1",
        "JUPYTER_CONFIG_PATH": os.pathsep.join(paths),
        progress.VARIABLE: str(work / PROGRESS),
    }


def open_jupyterlab(no_browser: bool, arguments: Sequence[str]) -> int:
    environment = {**os.environ, **jupyterlab_settings()}
    return child.run(jupyterlab_command(no_browser, arguments), environment=environment)


class _Generated:
    """What each copy was when it was made: the digests of its bytes and of its cells."""

    def __init__(self, work: Path) -> None:
        self._path = work / GENERATED
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Without memory every copy counts as changed, so nothing can be lost.
            stored = {}
        self._made = stored if isinstance(stored, dict) else {}

    def is_newer(self, copy: Path, text: str) -> bool:
        """Whether `text` is another notebook than the one that `copy` was made from."""
        same = self._recalled(copy, "bytes") == _digest(text)
        return not same and copy.read_bytes() != text.encode()

    def is_unchanged(self, copy: Path) -> bool:
        """Whether all cells are as they were given out; to run a notebook does not change it."""
        cells = _digest_of_cells(copy.read_bytes())
        return cells is not None and self._recalled(copy, "cells") == cells

    def write(self, copy: Path, text: str) -> None:
        whole_file.write(copy, text)
        cells = _digest_of_cells(text.encode())
        self._made[copy.name] = {"bytes": _digest(text), "cells": cells}
        self._path.parent.mkdir(exist_ok=True)
        whole_file.write(self._path, json.dumps(self._made, indent=1, sort_keys=True) + "\n")

    def _recalled(self, copy: Path, what: str) -> str | None:
        made = self._made.get(copy.name)
        return made.get(what) if isinstance(made, dict) else None


def _generate(path: Path) -> str:
    notebook = exercise_cells.read(path)
    return exercise_cells.to_text(exercise_cells.learner_copy(notebook))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of_cells(stored: bytes) -> str | None:
    """A digest of all that a learner writes; None for a file that is no notebook any more."""
    try:
        cells = json.loads(stored)["cells"]
        written = [
            [cell["cell_type"], form.source(cell), cell.get("attachments")] for cell in cells
        ]
    except (ValueError, KeyError, TypeError):
        return None
    return _digest(json.dumps(written, sort_keys=True))


def _back_up(copy: Path) -> Path:
    names = (f"{copy.stem}-backup-{number}.ipynb" for number in range(1, 10_000))
    free = next(place for place in map(copy.with_name, names) if not place.exists())
    shutil.copy2(copy, free)
    return free


def _canonical(number: str, source: Path) -> Path:
    found = {path.name[:2]: path for path in sorted(source.glob("[0-9][0-9]_*.ipynb"))}
    if number not in found:
        raise ValueError(f"no such notebook: {number}; there are {', '.join(found)}")
    return found[number]


def _solution(found: exercise_cells.ExerciseCells) -> str:
    code = [exercise_cells.solution_text(cell) for cell in found.solutions]
    return "\n\n".join([f"{found.exercise_id}  {found.title}", *code])
