"""Exercises: an answer is tried on named cases and answered at once, in words, with hints.

What a right answer is stands in one module for each notebook, `notebook_03` for the exercises
03-1, 03-2 and so on; it is found by its number, so that nothing is listed here. This module runs
the cases and speaks. It knows no exercise, and never shows a traceback for a learner's mistake.

    @exercise("03-1", right="the envelope opens", hints=("Which call ...?", "Look at ..."))
    def seals_a_document(seal):
        require(seal(kms, key_id, b"report") != b"report", "the report can still be read")
"""

import inspect
import re
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from botocore.exceptions import ClientError

from kmslab.learn import progress, refusals

Case = Callable[..., None]

FEWEST_HINTS, MOST_HINTS = 2, 4
MOST_LETTERS = 300
NO_CODE = "there is no code yet"

_ID = re.compile(r"(\d\d)-[1-9]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_known: dict[str, "Exercise"] = {}
_attempts: Counter[str] = Counter()


class NotYet(Exception):
    """The answer is not right yet; the message says in plain words, with numbers, why."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: what tries an answer, what a right one shows, and the hints in order."""

    exercise_id: str
    right: str
    hints: tuple[str, ...]
    case: Case


def exercise(exercise_id: str, *, right: str, hints: Sequence[str]) -> Callable[[Case], Case]:
    """Make a function of the answers the check of an exercise; it raises NotYet or returns."""
    if not (isinstance(exercise_id, str) and _ID.fullmatch(exercise_id)):
        raise ValueError(f"an exercise is named like 03-1, not {exercise_id!r}")
    if isinstance(hints, str) or not FEWEST_HINTS <= len(hints) <= MOST_HINTS:
        raise ValueError(f"{exercise_id} needs {FEWEST_HINTS} to {MOST_HINTS} hints, not {hints!r}")
    if not all(isinstance(words, str) and words.strip() for words in (right, *hints)):
        raise ValueError(f"{exercise_id} has empty words: {(right, *hints)!r}")

    def remember(case: Case) -> Case:
        other = _known.get(exercise_id)
        if other and _origin(other.case) != _origin(case):
            raise ValueError(f"two checks are named {exercise_id}: {other.case}, {case}")
        _known[exercise_id] = Exercise(exercise_id, right, tuple(hints), case)
        return case

    return remember


def require(condition: object, otherwise: str) -> None:
    """Raise NotYet with the words `otherwise` unless `condition` holds."""
    if not condition:
        raise NotYet(otherwise)


def require_kind(told: object, kind: type, wanted: str) -> None:
    """Raise NotYet with what is `wanted`, and what it is, unless `told` is of this kind."""
    require(isinstance(told, kind), f"{wanted}, not {type(told).__name__}")


def check(exercise_id: str, *answers: Any, strict: bool = False) -> None:
    """Try `answers` on the cases of an exercise and print `right: ...` or `not yet: ...`.

    Each attempt that fails is given one hint more, and a stub none. With `strict`, as graders
    want it, it raises AssertionError instead of giving a hint. Raises ValueError for an exercise
    that does not exist, TypeError for a wrong number of answers.
    """
    chosen = find(exercise_id)
    problem = _try(chosen, answers)
    if problem is None:
        print(f"right: {chosen.right}")
        for trouble in progress.tick(exercise_id):
            print(trouble)
    elif strict:
        raise AssertionError(f"not yet: {problem}")
    else:
        print(f"not yet: {problem}")
        if problem != NO_CODE:
            print(_next_hint(chosen))


def find(exercise_id: str) -> Exercise:
    """The exercise of this name; raises ValueError where there is none."""
    if exercise_id not in _known and (named := _ID.fullmatch(str(exercise_id))):
        _load(named[1])
    if exercise_id not in _known:
        raise ValueError(f"there is no exercise {exercise_id!r}")
    return _known[exercise_id]


def of_notebook(number: str) -> list[Exercise]:
    """The exercises of the notebook with this number, in order."""
    _load(number)
    return [_known[name] for name in sorted(_known) if name.startswith(f"{number}-")]


def _load(number: str) -> None:
    module = f"{__name__}.notebook_{number}"
    try:
        import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module:
            raise


def _try(chosen: Exercise, answers: tuple[Any, ...]) -> str | None:
    """None for a right answer, otherwise what is wrong with it."""
    try:
        inspect.signature(chosen.case).bind(*answers)
    except TypeError as misuse:
        wanted = ", ".join(inspect.signature(chosen.case).parameters)
        given = f"{len(answers)} given: {answers!r}"
        raise TypeError(f"{chosen.exercise_id} is a check of ({wanted}); {given}") from misuse
    try:
        chosen.case(*answers)
    except NotYet as not_yet:
        return _one_line(str(not_yet))
    except NotImplementedError:
        return NO_CODE
    except KeyboardInterrupt:
        return "your code was stopped before it had finished"
    except (Exception, SystemExit) as mistake:
        return f"your code stopped with {_in_words(mistake)}{_place(mistake, answers)}"
    return None


def _next_hint(chosen: Exercise) -> str:
    _attempts[chosen.exercise_id] += 1
    number, last = _attempts[chosen.exercise_id], len(chosen.hints)
    if number < last:
        return f"hint {number} of {last}: {chosen.hints[number - 1]}"
    answer = f"`python -m kmslab solution {chosen.exercise_id}` shows one answer."
    return f"hint {last} of {last}: {chosen.hints[-1]} {answer}"


def _in_words(mistake: BaseException) -> str:
    """The name of a mistake with what it says."""
    told = _with_reason(mistake) if isinstance(mistake, ClientError) else mistake
    message = _one_line(str(told))
    return f"{type(mistake).__name__}: {message}" if message else type(mistake).__name__


def _with_reason(refusal: ClientError) -> ClientError:
    """The same refusal, which says so where AWS gave no reason."""
    error = {**refusal.response.get("Error", {}), "Message": refusals.reason(refusal)}
    return ClientError({**refusal.response, "Error": error}, refusal.operation_name)


def _one_line(words: str) -> str:
    """Words that are the same on every run, hence without addresses in memory, and not too long."""
    line = _ADDRESS.sub("", " ".join(words.split()))
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "…"


def _place(mistake: BaseException, answers: tuple[Any, ...]) -> str:
    """The last line that the learner wrote on the way to the mistake."""
    theirs = {_file(answer) for answer in answers} - {None}
    frames = traceback.extract_tb(mistake.__traceback__)
    lines = [frame for frame in frames if frame.filename in theirs]
    return f" (line {lines[-1].lineno}, in {lines[-1].name})" if lines else ""


def _file(answer: Any) -> str | None:
    code = getattr(answer, "__code__", None)
    return getattr(code, "co_filename", None)


def _origin(case: Case) -> tuple[str, str]:
    return case.__module__, case.__qualname__
