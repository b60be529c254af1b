"""Where the project folder is, and which distributions its pyproject.toml asks for.

Read before anything is installed, hence the standard library alone. It knows the small part of
the version and marker grammar that our own pyproject.toml uses and refuses the rest, so that a
requirement is never half understood; it does not install, and it knows nothing of the lab.
"""

import operator
import re
import sys
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent
NOTEBOOKS = FOLDER / "notebooks"
WORK = FOLDER / "work"
NOTEBOOK_LIST = FOLDER / "data" / "notebooks.json"
CLAIMS = FOLDER / "data" / "claims.csv"
GLOSSARY = FOLDER / "data" / "glossary.csv"
DOCS = FOLDER / "docs"
CONSTRAINTS = FOLDER / "constraints.txt"
PYPROJECT = FOLDER / "pyproject.toml"

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;\s*(.+?)\s*)?")
_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)")
_MARKER = re.compile(r"sys_platform\s*(==|!=)\s*['\"](\w+)['\"]")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True)
class Requirement:
    """One line of a dependency list: a distribution and the versions that will do."""

    name: str
    bounds: tuple[tuple[str, str], ...]
    marker: str | None

    def __str__(self) -> str:
        return self.name + ",".join(comparison + version for comparison, version in self.bounds)

    def allows(self, version: str) -> bool:
        found = release(version)
        return all(_COMPARE[comparison](found, release(bound)) for comparison, bound in self.bounds)

    def applies_here(self) -> bool:
        if self.marker is None:
            return True
        comparison, platform = _matched(_MARKER, self.marker, "marker").groups()
        return _COMPARE[comparison](sys.platform, platform)


def is_checkout() -> bool:
    """A plain `pip install` brings the package without the folder that surrounds it here."""
    return PYPROJECT.is_file()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version; 1.2, 1.2.0 and 1.2.post1 are the same release to us."""
    found = _RELEASE.match(version)
    if found is None:
        raise ValueError(f"not a version: {version!r}")
    numbers = [int(number) for number in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def parse_requirement(line: str) -> Requirement:
    name, ranges, marker = _matched(_REQUIREMENT, line, "requirement").groups()
    bounds = [_matched(_BOUND, bound.strip(), "bound").groups() for bound in ranges.split(",")]
    return Requirement(canonical(name), tuple((how, version) for how, version in bounds), marker)


def requirements(extras: Iterable[str] = ()) -> list[Requirement]:
    """What the base and the named extras of pyproject.toml need on this platform."""
    table = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    lines = list(table["dependencies"])
    for extra in extras:
        lines += table["optional-dependencies"][extra]
    return [wanted for wanted in map(parse_requirement, lines) if wanted.applies_here()]


def constraints() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").split()
    return dict(line.split("==") for line in lines)


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def unmet(extras: Iterable[str] = ()) -> list[Requirement]:
    """The requirements that this interpreter lacks, or has in a version that will not do."""
    return [wanted for wanted in requirements(extras) if not _is_met(wanted)]


def _is_met(wanted: Requirement) -> bool:
    version = installed_version(wanted.name)
    return version is not None and wanted.allows(version)


def _matched(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"a {what} that kmslab does not read: {text!r}")
    return found
