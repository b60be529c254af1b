"""A class's assignments, made for nbgrader from the same tags that make the learner's copies.

Each notebook with exercises becomes one assignment in an nbgrader course folder. Solutions stand
in it with their markers, which nbgrader takes out when it generates the students' version; a
check raises when the answer is wrong, which is how nbgrader grades. Nothing of nbgrader is needed
to write the files.
"""

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from kmslab import project
from kmslab.learn import exercise_cells, form, whole_file
from kmslab.learn.exercise_cells import ExerciseCells

MARK = "kmslab-release.json"
CONFIGURATION = f'''"""The settings of nbgrader for this course; written by `kmslab release`."""

c = get_config()  # noqa: F821 (nbgrader gives it)
c.CourseDirectory.course_id = "kmslab"
c.ClearSolutions.code_stub = {{"python": {chr(10).join(exercise_cells.STUB)!r}}}
'''


def release(numbers: Sequence[str], folder: Path, source: Path = project.NOTEBOOKS) -> list[str]:
    """Write the assignments into `folder` and return their names.

    Takes the notebooks with these numbers, or all that have exercises. Raises ValueError for a
    notebook without exercises, for a folder that is not empty and no release of ours, and for
    files in it that were changed since; then nothing is written.
    """
    assignments = _chosen(numbers, source)
    files = {"nbgrader_config.py": CONFIGURATION}
    for name, notebook in assignments.items():
        files[f"source/{name}/{name}.ipynb"] = exercise_cells.to_text(assignment(notebook))
    _write_all(files, folder)
    return list(assignments)


def assignment(notebook: form.Notebook) -> form.Notebook:
    """The notebook with nbgrader's metadata on its exercises, and without links to others."""
    fresh = copy.deepcopy(notebook)
    for found in exercise_cells.exercises(fresh):
        for cell in (found.task, *found.given):
            _grade(cell, f"text-{cell['id']}", locked=True)
        for ending, cell in zip(_endings(), found.solutions, strict=False):
            _grade(cell, f"solution-{found.exercise_id}{ending}", solution=True)
        _grade(found.check, f"check-{found.exercise_id}", points=found.points)
        found.check["source"] = _strict(found)
        found.check["outputs"], found.check["execution_count"] = [], None
    fresh["cells"] = [cell for cell in fresh["cells"] if form.LINKS not in form.cell_tags(cell)]
    return fresh


def _grade(
    cell: form.Cell,
    grade_id: str,
    *,
    locked: bool = False,
    solution: bool = False,
    points: int | None = None,
) -> None:
    graded = points is not None
    cell["metadata"]["nbgrader"] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": graded,
        "solution": solution,
        "locked": locked or graded,
        "task": False,
        **({"points": points} if graded else {}),
    }


def _endings() -> Iterator[str]:
    """What tells the solution cells of one exercise apart: nothing, then -2, -3 ..."""
    return chain([""], (f"-{number}" for number in count(2)))


def _strict(found: ExerciseCells) -> str:
    # The import stands here as well: a student's cell might have given `check` another meaning.
    answers = ", ".join(exercise_cells.answer_names(found))
    call = f'check("{found.exercise_id}", {answers}, strict=True)'
    return f"{exercise_cells.IMPORT}\n{call}"


def _chosen(numbers: Sequence[str], source: Path) -> dict[str, form.Notebook]:
    paths = sorted(source.glob("[0-9][0-9]_*.ipynb"))
    read = {path.stem: exercise_cells.read(path) for path in paths}
    with_exercises = {name: each for name, each in read.items() if exercise_cells.names(each)}
    there = [name[:2] for name in with_exercises]
    unknown = [number for number in numbers if number not in there]
    if unknown or not there:
        wanted, have = ", ".join(unknown) or "any", ", ".join(there) or "none"
        raise ValueError(f"no notebook with exercises: {wanted}; with exercises there are: {have}")
    return {name: each for name, each in with_exercises.items() if name[:2] in (numbers or there)}


def _write_all(files: dict[str, str], folder: Path) -> None:
    released = _released_before(folder)
    names = dict.fromkeys([*released, *files])
    changed = [name for name in names if not _is_ours(folder / name, released.get(name))]
    if changed:
        raise ValueError(f"changed since they were released: {', '.join(changed)}; move them away")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        whole_file.write(folder / name, text)
        released[name] = _digest(text.encode())
    whole_file.write(folder / MARK, json.dumps(released, indent=1) + "\n")


def _released_before(folder: Path) -> dict[str, str]:
    """File names with digests; raises ValueError where the folder is somebody else's."""
    try:
        return dict(json.loads((folder / MARK).read_text(encoding="utf-8")))
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty, and no release of kmslab") from None
        return {}


def _is_ours(path: Path, digest: str | None) -> bool:
    """Whether a file is as we wrote it; one that is absent is no loss."""
    return not path.exists() or _digest(path.read_bytes()) == digest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
