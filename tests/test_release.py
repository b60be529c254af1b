"""A class's assignments: nbgrader itself makes the students' version and grades two of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from made_exercises import NAME, exercise_dictionary
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader

from kmslab import child, cli, project
from kmslab.learn import exercise_cells, form, release

WITH_EXERCISES = [
    path
    for path in sorted(project.NOTEBOOKS.glob("*.ipynb"))
    if exercise_cells.names(exercise_cells.read(path))
]


@pytest.fixture
def source(tmp_path):
    """A folder of canonical notebooks: one with an exercise, one without."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    _store(folder / NAME, exercise_dictionary())
    plain = exercise_dictionary()
    plain["cells"] = plain["cells"][:2]
    _store(folder / "00_plain.ipynb", plain)
    return folder


# --- What is written -------------------------------------------------------------------------


def test_each_notebook_with_exercises_becomes_an_assignment(source, tmp_path):
    course = tmp_path / "course"
    assert release.release([], course, source) == ["90_small"]
    files = {path.relative_to(course).as_posix() for path in course.rglob("*") if path.is_file()}
    assert files == {
        "kmslab-release.json",
        "nbgrader_config.py",
        "source/90_small/90_small.ipynb",
    }


def test_the_cells_of_an_exercise_carry_nbgraders_metadata():
    made = release.assignment(exercise_dictionary())
    nbformat.validate(nbformat.from_dict(made))
    marks = [cell["metadata"]["nbgrader"] for cell in made["cells"] if _is_marked(cell)]
    common = {"schema_version": 3, "task": False}
    fixed = {**common, "grade": False, "solution": False, "locked": True}
    assert marks == [
        {**fixed, "grade_id": "text-c04"},
        {**fixed, "grade_id": "text-c05"},
        {**fixed, "grade_id": "solution-90-1", "solution": True, "locked": False},
        {**fixed, "grade_id": "check-90-1", "grade": True, "points": 3},
    ]


def test_a_check_is_strict_and_brings_its_own_import():
    made = release.assignment(exercise_dictionary())
    check = next(cell for cell in made["cells"] if "check:90-1" in form.cell_tags(cell))
    assert form.source(check).splitlines() == [
        "from kmslab.learn import check",
        "",
        'check("90-1", bytes_to_keep, strict=True)',
    ]
    assert check["outputs"] == []


def test_an_assignment_has_no_links_to_notebooks_that_are_not_there():
    made = release.assignment(exercise_dictionary())
    assert not [cell for cell in made["cells"] if form.LINKS in form.cell_tags(cell)]
    assert len(made["cells"]) == len(exercise_dictionary()["cells"]) - 2


def test_the_canonical_notebook_is_not_touched():
    notebook = exercise_dictionary()
    release.assignment(notebook)
    assert notebook == exercise_dictionary()


def test_an_exercise_without_points_counts_one():
    notebook = exercise_dictionary()
    notebook["cells"][6]["metadata"]["tags"] = ["check:90-1"]
    assert _points(release.assignment(notebook)) == [1]


# --- What is refused -------------------------------------------------------------------------


def test_a_release_may_be_made_again_where_nobody_changed_it(source, tmp_path):
    course = tmp_path / "course"
    release.release([], course, source)
    (course / "gradebook.db").write_text("nbgrader's own")
    newer = exercise_dictionary()
    newer["cells"][1]["source"] = "# A newer one"
    _store(source / NAME, newer)
    assert release.release(["90"], course, source) == ["90_small"]
    assert "A newer one" in (course / "source" / "90_small" / NAME).read_text()
    assert (course / "gradebook.db").read_text() == "nbgrader's own"


def test_a_folder_that_is_somebody_elses_is_refused(source, tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    (course / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty, and no release of kmslab"):
        release.release([], course, source)
    assert [path.name for path in course.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("name", ["nbgrader_config.py", "source/90_small/90_small.ipynb"])
def test_what_an_instructor_changed_is_not_overwritten(source, tmp_path, name):
    course = tmp_path / "course"
    release.release([], course, source)
    (course / name).write_text("changed")
    with pytest.raises(ValueError, match=f"changed since they were released: {name}; move"):
        release.release([], course, source)
    assert (course / name).read_text() == "changed"


def test_an_assignment_that_an_instructor_put_there_is_not_overwritten(source, tmp_path):
    course = tmp_path / "course"
    release.release([], course, source)
    (course / "kmslab-release.json").write_text("{}")
    with pytest.raises(ValueError, match="changed since they were released"):
        release.release([], course, source)


@pytest.mark.parametrize("number", ["00", "77"])
def test_a_notebook_without_exercises_is_refused(source, tmp_path, number):
    with pytest.raises(ValueError, match=f"no notebook with exercises: {number}; .* are: 90"):
        release.release([number], tmp_path / "course", source)
    assert not (tmp_path / "course").exists()


def test_the_command_says_what_it_released_and_refuses_in_words(source, tmp_path, monkeypatch):
    monkeypatch.setattr(project, "NOTEBOOKS", source)
    course = str(tmp_path / "course")
    answer = CliRunner().invoke(cli.main, ["release", "--nbgrader", course])
    assert (answer.exit_code, answer.output) == (0, "released 90_small\n")
    answer = CliRunner().invoke(cli.main, ["release", "--nbgrader", course, "77"])
    assert answer.exit_code == 2
    assert "no notebook with exercises: 77; with exercises there are: 90" in answer.output
    assert CliRunner().invoke(cli.main, ["release"]).exit_code == 2


# --- nbgrader for real -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A released course folder, with the students' versions that nbgrader made of it."""
    folder = tmp_path_factory.mktemp("class")
    source = folder / "notebooks"
    source.mkdir()
    _store(source / NAME, exercise_dictionary())
    for path in WITH_EXERCISES:
        shutil.copyfile(path, source / path.name)
    os.symlink(project.FOLDER / "data", folder / "data", target_is_directory=True)
    release.release([], folder / "course", source)
    return folder / "course"


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
@pytest.mark.parametrize("name", [NAME, *(path.name for path in WITH_EXERCISES)])
def test_nbgrader_gives_a_right_answer_all_points_and_a_wrong_one_none(course, name):
    assignment = name.removesuffix(".ipynb")
    nbgrader = _command if name == NAME else _interface
    nbgrader(course, "generate_assignment", assignment)
    assert _given_out(course, assignment) == _stubs(course, assignment)
    _hand_in(course, assignment, "right", exercise_cells.solution_text)
    _hand_in(course, assignment, "wrong", _code_that_answers_nothing)
    nbgrader(course, "autograde", assignment)
    most = sum(_points(exercise_cells.read(course / "source" / assignment / name)))
    assert most > 0
    assert _score(course, assignment, "right") == (most, most)
    assert _score(course, assignment, "wrong") == (0, most)


def _command(course, *words):
    """nbgrader as an instructor starts it."""
    command = [sys.executable, "-m", "nbgrader", *words]
    ran = subprocess.run(
        command, cwd=course, env=_activated(), capture_output=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stderr


def _interface(course, step, assignment):
    """The same in this process: nbgrader takes seconds to start."""
    settings = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    settings.CourseDirectory.root = str(course)
    interface = NbGraderAPI(config=settings)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", _activated()["PATH"])
        if step == "generate_assignment":
            results = [interface.generate_assignment(assignment)]
        else:
            results = [interface.autograde(assignment, who) for who in ("right", "wrong")]
    assert all(result["success"] for result in results), results


def _activated():
    """nbgrader starts other programs of its environment by name."""
    environment = child.clean_environment()
    programs = str(Path(sys.executable).parent)
    return {**environment, "PATH": os.pathsep.join([programs, environment["PATH"]])}


def _code_that_answers_nothing(cell):
    return exercise_cells.stub_text(cell).replace("raise NotImplementedError", "return None")


def _hand_in(course, assignment, student, code_of):
    """The students' version, with code in the place of each solution."""
    name = f"{assignment}.ipynb"
    notebook = exercise_cells.read(course / "release" / assignment / name)
    released = exercise_cells.read(course / "source" / assignment / name)
    code = {_grade_id(cell): code_of(cell) for cell in released["cells"] if _is_solution(cell)}
    for cell in notebook["cells"]:
        cell["source"] = code.get(_grade_id(cell), cell["source"])
    handed_in = course / "submitted" / student / assignment
    handed_in.mkdir(parents=True)
    _store(handed_in / name, notebook)


def _given_out(course, assignment):
    notebook = exercise_cells.read(course / "release" / assignment / f"{assignment}.ipynb")
    return [form.source(cell) for cell in notebook["cells"] if _is_solution(cell)]


def _stubs(course, assignment):
    notebook = exercise_cells.read(course / "source" / assignment / f"{assignment}.ipynb")
    return [exercise_cells.stub_text(cell) for cell in notebook["cells"] if _is_solution(cell)]


def _grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _is_solution(cell):
    return cell["metadata"].get("nbgrader", {}).get("solution", False)


def _score(course, assignment, student):
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        graded = gradebook.find_submission(assignment, student)
        return graded.score, graded.max_score


def _points(notebook):
    marks = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if _is_marked(cell)]
    return [mark["points"] for mark in marks if mark["grade"]]


def _is_marked(cell):
    return "nbgrader" in cell["metadata"]


def _store(path, notebook):
    path.write_text(exercise_cells.to_text(notebook), encoding="utf-8")
