"""The cells of a notebook that make an exercise, found by their tags, and the learner's stub.

An exercise 03-1 is a Markdown cell tagged `exercise:03-1` (the task), one or more code cells
tagged `solution:03-1` and a code cell tagged `check:03-1`, in this order. Code that the solution
stands on is tagged `given:03-1`. Notebooks are plain nbformat dictionaries here; nothing is run,
and what a right answer is, is not known.
"""

import ast
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kmslab.learn import form

TASK, GIVEN, SOLUTION, CHECK, POINTS = "exercise:", "given:", "solution:", "check:", "points:"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
IMPORT = "from kmslab.learn import check\n"
STUB = ("# your code here", "raise NotImplementedError")

_TYPES = {TASK: "markdown", SOLUTION: "code", CHECK: "code"}
_SOLUTION = re.compile(
    rf"^(?P<indent>[ ]*){BEGIN}[ ]*\n(?P<inside>.*?\n)(?P=indent){END}[ ]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class ExerciseCells:
    """The cells of one exercise."""

    exercise_id: str
    task: form.Cell
    given: tuple[form.Cell, ...]
    solutions: tuple[form.Cell, ...]
    check: form.Cell

    @property
    def title(self) -> str:
        """The first line of the task, without markup and without the exercise's own name."""
        lines = (line.strip(" #*_") for line in form.source(self.task).splitlines())
        first = next((line for line in lines if line), "")
        own_name = rf"(?:exercise (?:{self.exercise_id}|\d+)|{self.exercise_id})[\s:·.*_–—-]*"
        return re.sub(own_name, "", first, count=1, flags=re.IGNORECASE) or first

    @property
    def points(self) -> int:
        return int(next(_named(self.check, POINTS), 1))


def read(path: Path) -> form.Notebook:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def to_text(notebook: form.Notebook) -> str:
    """The bytes that nbformat would store, without having to import it."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def exercises(notebook: form.Notebook) -> list[ExerciseCells]:
    """All exercises in the order of their tasks. Raises ValueError where a cell is missing."""
    return [_exercise(notebook, name) for name in names(notebook)]


def names(notebook: form.Notebook) -> list[str]:
    """Every exercise that any cell is tagged with, in order of first sight."""
    found = (name for cell in notebook["cells"] for part in _TYPES for name in _named(cell, part))
    return list(dict.fromkeys(found))


def solution_text(cell: form.Cell) -> str:
    """The code of a solution cell without its marker lines."""
    lines = form.source(cell).splitlines()
    return "\n".join(line for line in lines if line.strip() not in (BEGIN, END))


def stub_text(cell: form.Cell) -> str:
    """The code of a solution cell as the learner finds it. Raises ValueError without markers."""
    text, replaced = _SOLUTION.subn(_stub, form.source(cell))
    if replaced != 1 or BEGIN in text or END in text:
        raise ValueError(f"a solution stands once between {BEGIN} and {END}: {form.source(cell)!r}")
    return text


def learner_copy(notebook: form.Notebook) -> form.Notebook:
    """A copy with stubs for solutions; solutions and checks have not been run in it."""
    fresh = copy.deepcopy(notebook)
    for found in exercises(fresh):
        for cell in found.solutions:
            cell["source"] = stub_text(cell).splitlines(keepends=True)
        for cell in (*found.solutions, found.check):
            cell["outputs"], cell["execution_count"] = [], None
    return fresh


def answer_names(found: ExerciseCells) -> list[str]:
    """The names that the check is called with. Raises ValueError for any other check cell."""
    text = form.source(found.check)
    match ast.parse(text.replace(IMPORT, "", 1)).body:
        case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(name), *answers], []))]:
            given = [answer.id for answer in answers if isinstance(answer, ast.Name)]
            if name == found.exercise_id and answers and len(given) == len(answers):
                return given
    expected = f'check("{found.exercise_id}", name_of_the_answer)'
    raise ValueError(f"a check cell is {expected}, not {text!r}")


def problems(notebook: form.Notebook) -> Iterator[str]:
    """Every rule for exercises that this notebook breaks, one plain sentence each."""
    for name in names(notebook):
        try:
            found = _exercise(notebook, name)
            for cell in found.solutions:
                stub_text(cell)
            answer_names(found)
        except (ValueError, SyntaxError) as problem:
            yield f"exercise {name}: {problem}"
        else:
            if not all(points.isdecimal() for points in _named(found.check, POINTS)):
                yield f"exercise {name}: points are a number: {form.cell_tags(found.check)}"


def _exercise(notebook: form.Notebook, name: str) -> ExerciseCells:
    tasks, solutions, checks = (_places(notebook, part, name) for part in _TYPES)
    if len(tasks) != 1 or len(checks) != 1:
        raise ValueError(f"{name} has {len(tasks)} tasks and {len(checks)} checks, not one of each")
    in_order = [*tasks, *solutions, *checks]
    if in_order != sorted(in_order):
        raise ValueError(f"{name} has its task, solution and check in the cells {in_order}")
    given = _places(notebook, GIVEN, name)
    if any(place > solutions[0] for place in given):
        raise ValueError(f"what is given for {name} stands after the solution: cells {given}")
    task, before, solved, check = (
        tuple(notebook["cells"][place] for place in places)
        for places in (tasks, given, solutions, checks)
    )
    return ExerciseCells(name, task[0], before, solved, check[0])


def _places(notebook: form.Notebook, part: str, name: str) -> list[int]:
    """Where the cells with a tag are; none is refused, and so is one of another type."""
    cells = notebook["cells"]
    tagged = [place for place, cell in enumerate(cells) if name in _named(cell, part)]
    wanted = _TYPES.get(part, "code")
    if any(cells[place]["cell_type"] != wanted for place in tagged):
        raise ValueError(f"{part}{name} is a tag for {wanted} cells; the cells are {tagged}")
    if part in _TYPES and not tagged:
        raise ValueError(f"no cell is tagged {part}{name}")
    return tagged


def _named(cell: form.Cell, part: str) -> Iterator[str]:
    return (tag.removeprefix(part) for tag in form.cell_tags(cell) if tag.startswith(part))


def _stub(solution: re.Match[str]) -> str:
    return "\n".join(solution["indent"] + line for line in STUB)
