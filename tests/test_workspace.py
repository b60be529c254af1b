"""The learner's copies: stubs for solutions, and nothing a learner wrote is ever lost."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from made_exercises import NAME, STUB, exercise_dictionary

from kmslab import child, cli, project
from kmslab.learn import exercise_cells, form, workspace

PLAIN = "00_plain.ipynb"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Two canonical notebooks, one with an exercise, and no copies yet."""
    source, work = tmp_path / "notebooks", tmp_path / "work"
    source.mkdir()
    _store(source / NAME, exercise_dictionary())
    _store(source / PLAIN, _plain_notebook())
    monkeypatch.setattr(project, "NOTEBOOKS", source)
    monkeypatch.setattr(project, "WORK", work)
    return source, work


def copy_all(course):
    return workspace.copy_notebooks(*course)


def test_absent_copies_are_made_and_told_in_one_line(course):
    copies = copy_all(course)
    assert copies == ([PLAIN, NAME], [], [])
    assert copies.sentences() == [f"copied to work/: {PLAIN}, {NAME}"]
    assert sorted(path.name for path in course[1].glob("*.ipynb")) == [PLAIN, NAME]


def test_a_second_start_does_nothing(course):
    copy_all(course)
    assert copy_all(course).sentences() == []


def test_a_copy_has_the_stub_and_no_answer_and_keeps_everything_else(course):
    copy_all(course)
    copy = exercise_cells.read(course[1] / NAME)
    canonical = exercise_dictionary()
    solution, check = copy["cells"][5], copy["cells"][6]
    assert form.source(solution) == STUB.rstrip()
    assert (check["outputs"], check["execution_count"]) == ([], None)
    assert solution["execution_count"] is None
    assert form.source(check) == 'check("90-1", bytes_to_keep)'
    for place in (5, 6):
        assert form.cell_tags(copy["cells"][place]) == form.cell_tags(canonical["cells"][place])
    assert [copy["cells"][n] for n in (0, 1, 2, 3, 4, 7)] == [
        canonical["cells"][n] for n in (0, 1, 2, 3, 4, 7)
    ]


def test_a_notebook_without_exercises_is_copied_as_it_is(course):
    copy_all(course)
    assert (course[1] / PLAIN).read_bytes() == (course[0] / PLAIN).read_bytes()


def test_nothing_of_the_solution_is_in_any_copy_of_the_course(tmp_path):
    workspace.copy_notebooks(project.NOTEBOOKS, tmp_path)
    for path in project.NOTEBOOKS.glob("*.ipynb"):
        text = (tmp_path / path.name).read_text(encoding="utf-8")
        assert exercise_cells.BEGIN not in text
        for found in exercise_cells.exercises(exercise_cells.read(path)):
            copied = exercise_cells.exercises(exercise_cells.read(tmp_path / path.name))
            stub = next(each for each in copied if each.exercise_id == found.exercise_id)
            stubs = [exercise_cells.stub_text(cell) for cell in found.solutions]
            assert [form.source(cell) for cell in stub.solutions] == stubs


def test_an_unchanged_copy_is_refreshed_when_a_newer_notebook_comes(course):
    copy_all(course)
    _renew(course)
    assert copy_all(course).sentences() == [f"refreshed in work/, unchanged by you: {NAME}"]
    assert "# A newer notebook" in (course[1] / NAME).read_text()
    assert copy_all(course).sentences() == []


def test_a_copy_that_was_only_run_counts_as_unchanged(course):
    copy_all(course)
    run = exercise_cells.read(course[1] / NAME)
    run["cells"][6]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "not yet"}]
    run["cells"][6]["metadata"]["scrolled"] = True
    run["metadata"]["language_info"]["version"] = "3.11"
    _store(course[1] / NAME, run)
    _renew(course)
    assert copy_all(course).refreshed == [NAME]


def test_a_changed_copy_is_kept_and_the_way_to_the_newer_one_is_told(course):
    copy_all(course)
    mine = _solve(course)
    assert copy_all(course).sentences() == []
    _renew(course)
    sentence = (
        f"kept your {NAME}, though there is a newer one: "
        "`python -m kmslab reset 90` fetches it and keeps yours as a backup"
    )
    assert copy_all(course).sentences() == [sentence]
    assert copy_all(course).sentences() == [sentence]
    assert (course[1] / NAME).read_bytes() == mine


@pytest.mark.parametrize("spoilt", ["", "{", '{"cells": 3}', "[]"])
def test_a_copy_that_is_no_notebook_any_more_is_kept(course, spoilt):
    copy_all(course)
    (course[1] / NAME).write_text(spoilt)
    _renew(course)
    assert copy_all(course).kept == [NAME]
    assert (course[1] / NAME).read_text() == spoilt


@pytest.mark.parametrize("memory", [None, "", "[]", '{"90_small.ipynb": 3}'])
def test_without_its_memory_every_copy_counts_as_changed(course, memory):
    copy_all(course)
    generated = course[1] / workspace.GENERATED
    generated.unlink() if memory is None else generated.write_text(memory)
    assert copy_all(course).sentences() == []
    _renew(course)
    assert copy_all(course).kept == [NAME]


def test_a_copy_that_was_deleted_comes_back(course):
    copy_all(course)
    (course[1] / NAME).unlink()
    assert copy_all(course).copied == [NAME]


# --- Reset -----------------------------------------------------------------------------------


def test_a_reset_gives_a_fresh_copy_and_keeps_the_old_one(course):
    copy_all(course)
    fresh = (course[1] / NAME).read_bytes()
    first = _solve(course)
    assert workspace.reset("90", *course).endswith("; your old copy is 90_small-backup-1.ipynb")
    assert (course[1] / NAME).read_bytes() == fresh
    second = _solve(course, "return 2")
    workspace.reset("90", *course)
    assert (course[1] / "90_small-backup-1.ipynb").read_bytes() == first
    assert (course[1] / "90_small-backup-2.ipynb").read_bytes() == second


def test_a_reset_fetches_the_newer_notebook_and_later_ones_follow_by_themselves(course):
    copy_all(course)
    _solve(course)
    _renew(course)
    workspace.reset("90", *course)
    assert "# A newer notebook" in (course[1] / NAME).read_text()
    _renew(course, "# The newest")
    assert copy_all(course).refreshed == [NAME]


def test_a_reset_without_a_copy_makes_one(course):
    said = workspace.reset("90", *course)
    assert said == "90_small.ipynb in work/ is as it was given out"
    assert [path.name for path in course[1].glob("*.ipynb")] == [NAME]


def test_a_reset_of_an_untouched_copy_makes_no_backup(course):
    copy_all(course)
    workspace.reset("90", *course)
    assert sorted(path.name for path in course[1].glob("*.ipynb")) == [PLAIN, NAME]


def test_a_backup_is_never_taken_for_a_copy(course):
    copy_all(course)
    _solve(course)
    workspace.reset("90", *course)
    assert copy_all(course).sentences() == []


# --- The commands ----------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(cli.main, list(words))


def test_reset_says_what_it_did(course):
    answer = run("reset", "90")
    assert (answer.exit_code, answer.output) == (
        0,
        "90_small.ipynb in work/ is as it was given out\n",
    )


@pytest.mark.parametrize("wanted", ["90", "90-1"])
def test_solution_shows_title_and_code_without_markers(course, wanted):
    answer = run("solution", wanted)
    assert answer.exit_code == 0
    assert answer.output.startswith("90-1  What to keep\n\ndef bytes_to_keep(kms, key_id):\n")
    assert 'return fresh["CiphertextBlob"]' in answer.output
    assert "###" not in answer.output


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("reset", "77"), "no such notebook: 77; there are 00, 90"),
        (("reset", "90-1"), "no such notebook: 90-1; there are 00, 90"),
        (("reset", "../90"), "no such notebook: ../90; there are 00, 90"),
        (("solution", "77"), "no such notebook: 77; there are 00, 90"),
        (("solution", "77-1"), "no such notebook: 77; there are 00, 90"),
        (("solution", "90-2"), "no such exercise: 90-2; in this notebook there are: 90-1"),
        (("solution", "900"), "no such exercise: 900; in this notebook there are: 90-1"),
        (("solution", "00"), "no such exercise: 00; in this notebook there are: none"),
        (("solution", "x"), "no such notebook: x"),
    ],
)
def test_a_wrong_number_ends_with_clear_words_and_exit_code_2(course, words, problem):
    answer = run(*words)
    assert answer.exit_code == 2
    assert problem in answer.output
    assert "Traceback" not in answer.output


def test_lab_tells_what_became_of_the_copies_and_where_ticks_go(course, monkeypatch):
    started = []
    monkeypatch.setattr(
        workspace.child, "run", lambda command, environment: started.append(environment) or 0
    )
    answer = run("lab", "--no-browser")
    assert answer.exit_code == 0
    assert f"copied to work/: {PLAIN}, {NAME}" in answer.output
    assert started[0]["KMSLAB_PROGRESS"].endswith("progress.json")


def test_a_learners_jupyterlab_has_no_buttons_for_instructors(course, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "somebody's")
    settings = {**child.clean_environment(), **workspace.jupyterlab_settings(course[1])}
    assert settings["JUPYTER_CONFIG_PATH"].split(os.pathsep)[1:] == ["somebody's"]
    question = (
        "from jupyterlab_server.config import get_static_page_config as page;"
        "from jupyter_server.extension.config import ExtensionConfigManager as server;"
        "from jupyter_core.paths import jupyter_config_path as paths;"
        "on = server(read_config_path=paths()).get_jpserver_extensions();"
        "print(sorted(page(level='all')['disabledExtensions']), on)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question], env=settings, capture_output=True, text=True, check=True
    )
    assert "['@jupyter-notebook/lab-extension', '@jupyter/nbgrader']" in answer.stdout
    assert "'nbgrader.server_extensions.formgrader': False" in answer.stdout


def _store(path, notebook):
    path.write_text(exercise_cells.to_text(notebook), encoding="utf-8")


def _plain_notebook():
    notebook = exercise_dictionary()
    notebook["cells"] = notebook["cells"][:2]
    return notebook


def _renew(course, heading="# A newer notebook"):
    newer = exercise_cells.read(course[0] / NAME)
    newer["cells"][1]["source"] = heading
    _store(course[0] / NAME, newer)


def _solve(course, code="return 1"):
    """What a learner's copy is once its exercise was worked on."""
    copy = exercise_cells.read(course[1] / NAME)
    copy["cells"][5]["source"] = STUB.replace("raise NotImplementedError", code)
    _store(course[1] / NAME, copy)
    return (course[1] / NAME).read_bytes()


def test_what_a_copy_is_made_from_is_json_in_the_canonical_form():
    for path in project.NOTEBOOKS.glob("*.ipynb"):
        stored = path.read_text(encoding="utf-8")
        assert exercise_cells.to_text(json.loads(stored)) == stored
