"""What is installed here, whether it will do, and what to do about it, in plain words.

Standard library only: the doctor must be able to speak when nothing else is installed. It looks
and advises; it changes nothing.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kmslab import project

OK, NOTE, FIX = "ok", "note", "fix"

# The names under which systems know a program, the preferred one first.
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "chrome"),
    "aws": ("aws",),
}


class Finding(NamedTuple):
    """One thing looked at: a `fix` stops learners, a `note` only some tests."""

    verdict: str
    what: str
    advice: str = ""


def main() -> int:
    """Print every finding; 1 when something needs fixing."""
    found = list(findings())
    for finding in found:
        print(f"{finding.verdict:5}{finding.what}")
        if finding.advice:
            print(f"     -> {finding.advice}")
    wrong = sum(finding.verdict == FIX for finding in found)
    print(f"{wrong} to fix." if wrong else "All that the notebooks need is here.")
    return 1 if wrong else 0


def findings() -> Iterator[Finding]:
    yield _python()
    if not project.is_checkout():
        advice = "notebooks and tests need a clone of the repository; the package itself works."
        yield Finding(NOTE, "kmslab is installed without its project folder", advice)
        return
    yield _notebooks()
    for_learning = project.requirements(("notebooks", "server"))
    for_testing = project.requirements(("notebooks", "server", "test"))[len(for_learning) :]
    yield from _distributions(for_learning, FIX)
    yield from _distributions(for_testing, NOTE)
    yield _program("chromium", "the browser test", "on Debian: apt install chromium")
    yield _program("aws", "the tests with the AWS CLI", "python -m kmslab test installs it")
    yield _work_folder()


def find_program(name: str) -> str | None:
    """The path of a program, looked for beside this Python before it is looked for on PATH.

    An environment's own `aws` is the one that was installed with these packages, even when the
    environment is not activated. $KMSLAB_CHROMIUM names a browser that lies elsewhere.
    """
    chosen = os.environ.get(f"KMSLAB_{name.upper()}")
    beside = str(Path(sys.executable).parent)
    for known_as in (chosen,) if chosen else PROGRAMS.get(name, (name,)):
        found = shutil.which(known_as, path=beside) or shutil.which(known_as)
        if found:
            return found
    return None


def _python() -> Finding:
    version = ".".join(str(number) for number in sys.version_info[:3])
    # An older Python never comes here: `kmslab.__main__` has sent it away.
    return Finding(OK, f"Python {version} ({sys.executable})")


def _notebooks() -> Finding:
    count = len(list(project.NOTEBOOKS.glob("[0-9]*.ipynb")))
    if count == 0:
        return Finding(FIX, "no notebooks in the folder notebooks", "git checkout -- notebooks")
    return Finding(OK, f"{count} notebook{'s' if count > 1 else ''} in {project.FOLDER}")


def _distributions(wanted: list[project.Requirement], when_wrong: str) -> Iterator[Finding]:
    """At most three findings: what will not do, what was never tested, what is as tested."""
    tested = project.constraints()
    here = {each: project.installed_version(each.name) for each in wanted}
    wrong = [each for each, found in here.items() if found is None or not each.allows(found)]
    untested = [each for each in wanted if each not in wrong and here[each] != tested[each.name]]
    fine = [each.name for each in wanted if each not in wrong + untested]
    if wrong:
        words = ", ".join(f"{each} (here: {here[each] or 'none'})" for each in wrong)
        yield Finding(when_wrong, f"needed: {words}", _install_advice(when_wrong))
    if untested:
        words = ", ".join(f"{each.name} {here[each]} ({tested[each.name]})" for each in untested)
        advice = "they should work; stored outputs may differ in small ways"
        yield Finding(NOTE, f"other versions than the tested ones in brackets: {words}", advice)
    if fine:
        yield Finding(OK, f"as tested: {', '.join(fine)}")


def _install_advice(when_wrong: str) -> str:
    command = "python -m kmslab lab" if when_wrong == FIX else "python -m kmslab test"
    if Path(sys.prefix).resolve() == (project.FOLDER / ".venv").resolve():
        return f"delete the folder .venv and run `{command}`, which makes it anew"
    return f"run `{command}`, which installs what is missing into the folder .venv"


def _program(name: str, needed_for: str, advice: str) -> Finding:
    found = find_program(name)
    if found is None:
        return Finding(NOTE, f"{name} is not here; only {needed_for} would miss it", advice)
    return Finding(OK, f"{name} ({found})")


def _work_folder() -> Finding:
    place = project.WORK if project.WORK.is_dir() else project.FOLDER
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding(OK, "the folder for your copies (work) can be written")
    except OSError as refused:
        return Finding(FIX, f"cannot write to {place}: {refused.strerror}", "change its rights")
