"""The three lists of packages say the same: pyproject.toml, constraints.txt, environment.yml.

conda's own parser reads every line of environment.yml here. The conda solve is not run: it needs
the conda-forge channel (the workflow in .github runs it).
"""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

from kmslab import project

IN_CONDA = ("notebooks", "server", "test")
# conda-forge's `playwright` is the driver, its `duckdb` the program, its `dask` a cluster as well;
# the Python packages have names of their own there.
CONDA_NAMES = {
    "playwright": "playwright-python",
    "duckdb": "python-duckdb",
    "dask": "dask-core",
}

# What conda-forge may not have, pip installs into the conda environment.
BY_PIP = {"dilithium-py", "kyber-py"}

TABLE = tomllib.loads(project.PYPROJECT.read_text())["project"]
ENVIRONMENT = yaml.safe_load((project.FOLDER / "environment.yml").read_text())
CONDA_LINES = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
*PIP_LINES, LAST_OF_PIP = ENVIRONMENT["dependencies"][-1]["pip"]


def required(extras):
    lines = TABLE["dependencies"] + [
        line for extra in extras for line in TABLE["optional-dependencies"][extra]
    ]
    return {canonicalize_name(wanted.name): wanted for wanted in map(Requirement, lines)}


def ranges_of_conda():
    """Name to range; conda separates the two by a space."""
    return ranges_in(CONDA_LINES)


def ranges_in(lines):
    return {
        name: SpecifierSet(wanted) for name, _, wanted in (line.partition(" ") for line in lines)
    }


@pytest.mark.parametrize("line", CONDA_LINES)
def test_every_conda_line_parses_strictly(line):
    MatchSpec(line, strict=True)


@pytest.mark.parametrize("line", ["nbval>=0.11=*", "bad spec here =="])
def test_the_strict_parser_would_refuse_a_bad_line(line):
    with pytest.raises(Exception, match=r"(?i)invalid|build string|spec"):
        MatchSpec(line, strict=True)


def test_conda_names_and_ranges_are_those_of_pyproject():
    expected = {
        CONDA_NAMES.get(name, name): wanted.specifier
        for name, wanted in required(IN_CONDA).items()
        if name not in BY_PIP
    }
    found = ranges_of_conda()
    assert found.pop("python") == SpecifierSet(TABLE["requires-python"])
    assert found.pop("pip") == SpecifierSet()
    assert found == expected


def test_conda_uses_conda_forge_alone_and_ends_by_installing_this_folder():
    assert ENVIRONMENT["name"] == TABLE["name"]
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert set(ENVIRONMENT["dependencies"][-1]) == {"pip"}
    assert LAST_OF_PIP == "-e ."


def test_what_pip_adds_to_conda_has_the_ranges_of_pyproject():
    wanted = required(IN_CONDA)
    assert ranges_in(PIP_LINES) == {name: wanted[name].specifier for name in BY_PIP}


def test_constraints_are_nothing_but_name_and_version():
    lines = project.CONSTRAINTS.read_text().splitlines()
    odd = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==\d[0-9a-z.]*", line)]
    assert odd == []
    assert lines == sorted(set(lines), key=lambda line: line.split("=="))


@pytest.mark.parametrize("wanted", required((*IN_CONDA, "bench")).values(), ids=str)
def test_each_requirement_is_pinned_within_its_range(wanted):
    version = project.constraints()[canonicalize_name(wanted.name)]
    assert wanted.specifier.contains(Version(version))


def test_our_own_reader_understands_every_requirement_as_packaging_does():
    ours = {each.name: each for each in project.requirements((*IN_CONDA, "bench"))}
    theirs = required((*IN_CONDA, "bench"))
    assert set(ours) <= set(theirs)
    assert {name for name in theirs if not theirs[name].marker} <= set(ours)
    for name, wanted in ours.items():
        assert SpecifierSet(",".join(map("".join, wanted.bounds))) == theirs[name].specifier


def test_no_package_registry_is_named_in_any_list():
    for name in ("pyproject.toml", "constraints.txt", "environment.yml"):
        text = (project.FOLDER / name).read_text()
        assert "://" not in text
        assert "index-url" not in text
