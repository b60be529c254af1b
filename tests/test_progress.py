"""Ticks: written where $KMSLAB_PROGRESS says, never lost, never in the way of a lesson."""

import json
import subprocess
import sys

import made_exercises
import pytest
from made_exercises import bytes_to_keep, exercise_dictionary
from made_notebooks import ROW

from kmslab import child, project
from kmslab.learn import catalogue, check, exercise_cells, exercises, progress, progress_table


@pytest.fixture
def ticks(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


def test_a_right_answer_is_ticked_and_a_wrong_one_is_not(ticks, capsys):
    check("90-1", lambda kms, key_id: None)
    assert not ticks.exists()
    check("90-1", bytes_to_keep)
    assert json.loads(ticks.read_text()) == {"right": ["90-1"]}
    assert "hint" not in capsys.readouterr().out.splitlines()[-1]


def test_without_the_variable_nothing_is_written(ticks, monkeypatch):
    monkeypatch.delenv(progress.VARIABLE)
    assert progress.tick("90-1") == []
    assert list(ticks.parent.iterdir()) == []
    assert progress.ticked() == frozenset()


def test_ticks_gather_in_order_and_each_once(ticks):
    for name in ("03-2", "01-1", "03-2"):
        assert progress.tick(name) == []
    assert json.loads(ticks.read_text()) == {"right": ["01-1", "03-2"]}
    assert progress.ticked() == {"01-1", "03-2"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"right": 3}', '{"right": [3]}', "\x00\x01"])
def test_a_broken_file_is_kept_aside_and_told_in_one_line(ticks, capsys, text):
    ticks.write_text(text)
    assert progress.ticked() == frozenset()
    check("90-1", bytes_to_keep)
    right, trouble = capsys.readouterr().out.splitlines()
    assert right.startswith("right: ")
    assert trouble == (
        "progress.json could not be read: it is kept as progress.json.broken, ticks start anew"
    )
    assert (ticks.parent / "progress.json.broken").read_text() == text
    assert progress.ticked() == {"90-1"}


def test_a_second_broken_file_does_not_replace_the_first(ticks):
    for text in ("first", "second"):
        ticks.write_text(text)
        progress.tick("90-1")
    kept = sorted(path.read_text() for path in ticks.parent.glob("*.broken*"))
    assert kept == ["first", "second"]


def test_bytes_that_are_no_text_are_a_broken_file(ticks):
    ticks.write_bytes(b"\xff\xfe\x00")
    assert progress.ticked() == frozenset()
    assert progress.tick("90-1")[0].endswith("ticks start anew")


def test_a_folder_that_is_gone_is_told_in_one_line(ticks, monkeypatch, capsys):
    monkeypatch.setenv(progress.VARIABLE, str(ticks.parent / "gone" / "progress.json"))
    check("90-1", bytes_to_keep)
    right, trouble = capsys.readouterr().out.splitlines()
    assert right.startswith("right: ")
    assert trouble == "the tick was not stored in progress.json: No such file or directory"


def test_two_kernels_that_tick_at_once_lose_nothing(ticks):
    code = (
        "import sys; from kmslab.learn import progress\n"
        "for n in range(40): assert progress.tick(f'{sys.argv[1]}-{n}') == []"
    )
    environment = {**child.clean_environment(), progress.VARIABLE: str(ticks)}
    kernels = [
        subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in "ab"
    ]
    assert [kernel.wait(timeout=60) for kernel in kernels] == [0, 0]
    assert progress.ticked() == {f"{name}-{n}" for name in "ab" for n in range(40)}
    assert {path.name for path in ticks.parent.iterdir()} == {
        "progress.json",
        ".progress.json.lock",
    }


def test_a_write_that_fails_leaves_the_old_ticks(ticks, monkeypatch):
    progress.tick("01-1")
    monkeypatch.setattr("os.replace", _refuse)
    assert progress.tick("01-2") == ["the tick was not stored in progress.json: disk full"]
    assert json.loads(ticks.read_text()) == {"right": ["01-1"]}


def test_builds_and_tests_never_see_a_learners_ticks(ticks):
    assert progress.VARIABLE not in child.clean_environment()


# --- The table -------------------------------------------------------------------------------


@pytest.fixture
def course_of_one(tmp_path, monkeypatch):
    """A course whose only notebook is the made one, with one exercise."""
    listing = tmp_path / "notebooks.json"
    row = {**ROW, "number": "90", "file": made_exercises.NAME}
    listing.write_text(json.dumps([row, {**row, "number": "91", "planned": True}]))
    entries = catalogue.load(listing)
    monkeypatch.setattr(catalogue, "load", lambda: entries)
    monkeypatch.setattr(project, "NOTEBOOKS", tmp_path)
    notebook = exercise_cells.to_text(exercise_dictionary())
    (tmp_path / made_exercises.NAME).write_text(notebook, encoding="utf-8")


def test_the_table_says_in_words_what_is_ticked(course_of_one, ticks):
    assert progress_table().data.splitlines() == [
        *("Nothing is ticked yet.", ""),
        *("|  | exercise | your answer |", "| --- | --- | --- |"),
        "| 90-1 | [What to keep](90_small.ipynb) | · not yet |",
    ]
    progress.tick("90-1")
    first, *_, last = progress_table().data.splitlines()
    assert first == "Right so far: 1 of 1."
    assert last == "| 90-1 | [What to keep](90_small.ipynb) | ✓ right |"


def test_a_course_without_exercises_says_so(course_of_one, monkeypatch):
    monkeypatch.setattr(exercise_cells, "exercises", lambda notebook: [])
    assert progress_table().data == "There are no exercises yet."


def test_the_table_shows_every_exercise_of_the_course():
    shown = progress_table().data
    numbers = [entry.number for entry in catalogue.written(catalogue.load())]
    for found in (each for number in numbers for each in exercises.of_notebook(number)):
        assert f"| {found.exercise_id} |" in shown


def _refuse(*_):
    raise OSError(28, "disk full")
