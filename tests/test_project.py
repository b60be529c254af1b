"""The reader of pyproject.toml, held against the `packaging` library."""

import ast
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from kmslab import project

RELEASES = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(
    lambda numbers: ".".join(map(str, numbers))
)


@given(
    st.lists(st.tuples(st.sampled_from([">=", "<=", ">", "<", "==", "!="]), RELEASES), min_size=1),
    RELEASES,
)
def test_a_range_allows_what_packaging_allows(bounds, version):
    text = ",".join(comparison + bound for comparison, bound in bounds)
    wanted = project.parse_requirement(f"thing{text}")
    assert wanted.allows(version) == SpecifierSet(text).contains(version)


@pytest.mark.parametrize(("version", "same"), [("2.9.0.post0", "2.9"), ("1.0", "1"), ("0.0", "0")])
def test_versions_are_compared_by_their_numbers(version, same):
    assert project.release(version) == project.release(same)


def test_a_requirement_keeps_its_canonical_name_and_marker():
    wanted = project.parse_requirement("Typing_Extensions[all] >=4, <5 ; sys_platform != 'win32'")
    assert wanted.name == "typing-extensions"
    assert wanted.bounds == ((">=", "4"), ("<", "5"))
    assert wanted.applies_here() == (sys.platform != "win32")


@pytest.mark.parametrize(
    "line", ["thing", "thing~=1.2", "thing>=1.*", "thing @ file:x", ">=1", "thing>=1,"]
)
def test_what_it_does_not_read_it_refuses(line):
    with pytest.raises(ValueError, match="does not read"):
        project.parse_requirement(line)


def test_a_marker_it_does_not_read_is_refused():
    wanted = project.parse_requirement("thing>=1; python_version < '3.12'")
    with pytest.raises(ValueError, match="marker that kmslab does not read"):
        wanted.applies_here()


@pytest.mark.parametrize("version", ["", "v1", "latest"])
def test_a_version_without_numbers_is_refused(version):
    with pytest.raises(ValueError, match="not a version"):
        project.release(version)


def test_unmet_names_what_is_absent_or_out_of_range(monkeypatch):
    wanted = [project.parse_requirement(f"{name}>=2") for name in ("absent", "old", "fine")]
    monkeypatch.setattr(project, "requirements", lambda extras=(): wanted)
    monkeypatch.setattr(project, "installed_version", {"old": "1.9", "fine": "2.0"}.get)
    assert [each.name for each in project.unmet()] == ["absent", "old"]


@pytest.mark.parametrize("start", ["__main__", "bootstrap", "doctor", "project", "child"])
def test_what_runs_before_the_installation_imports_the_standard_library_alone(start):
    assert _foreign_imports(start, set()) == set()


def test_old_pythons_can_parse_the_first_file_and_the_package():
    for name in ("__main__.py", "__init__.py"):
        text = (project.FOLDER / "kmslab" / name).read_text()
        ast.parse(text, feature_version=(3, 7))
        assert "match " not in text


def _foreign_imports(module, seen):
    """Top-level names outside the standard library that `module` and ours below it import.

    `kmslab.cli` is where the installed packages begin; it is imported last, inside a function.
    """
    if module in seen or module == "cli":
        return set()
    seen.add(module)
    foreign = set()
    for name in _imported(project.FOLDER / "kmslab" / f"{module}.py"):
        if name.startswith("kmslab."):
            foreign |= _foreign_imports(name.removeprefix("kmslab."), seen)
        elif name.split(".")[0] not in sys.stdlib_module_names | {"kmslab"}:
            foreign.add(name)
    return foreign


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "kmslab":
            yield from (f"kmslab.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
