"""Everything that CI runs, in one order, with one table at the end.

Each step is a program of its own; a failed one does not stop the others, because one run should
tell all there is to mend. It knows the commands and nothing of what they test.
"""

import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from kmslab import child, doctor, project

UNIT_TESTS = "unit tests"


class Step(NamedTuple):
    title: str
    command: list[str]


def steps() -> list[Step]:
    python = [sys.executable, "-m"]
    strict = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
    return [
        Step("format", [*python, "ruff", "format", "--check"]),
        Step("lint", [*python, "ruff", "check"]),
        Step("types", [*python, "mypy"]),
        Step("floors", [doctor.find_program("lint-imports") or "lint-imports"]),
        Step(UNIT_TESTS, unit_test_command(())),
        Step("notebooks, strictly", [*python, "pytest", *strict, "notebooks"]),
        Step("notebooks, rebuilt and compared", [*python, "kmslab", "build", "--check"]),
    ]


def unit_test_command(arguments: Sequence[str]) -> list[str]:
    """pytest takes the folder from pyproject.toml unless `arguments` name a path."""
    return [
        *[sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--cov=kmslab"],
        *arguments,
    ]


def run(arguments: Sequence[str] = ()) -> int:
    """Run all steps, or with arguments the unit tests alone; 1 when any step failed."""
    chosen = [Step(UNIT_TESTS, unit_test_command(arguments))] if arguments else steps()
    results = [_timed(step) for step in chosen]
    print("\n== summary")
    for title, code, seconds in results:
        verdict = "passed" if code == 0 else f"FAILED (exit code {code})"
        print(f"{title:34}{seconds:7.1f} s  {verdict}")
    return 1 if any(code for _, code, _ in results) else 0


def _timed(step: Step) -> tuple[str, int, float]:
    print(f"\n== {step.title}", flush=True)
    began = time.monotonic()
    try:
        code = child.run(step.command, cwd=project.FOLDER, environment=child.clean_environment())
    except OSError as missing:
        print(f"cannot be started: {missing}")
        code = 127
    return step.title, code, time.monotonic() - began
