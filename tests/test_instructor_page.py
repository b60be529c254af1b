"""The instructor's page says what the list of notebooks says, and names commands that exist."""

import re

from kmslab import cli, project
from kmslab.learn import catalogue

PAGE = (project.FOLDER / "docs" / "instructor.md").read_text(encoding="utf-8")
NOT_WRITTEN = "not written yet"


def test_titles_and_minutes_are_those_of_the_list_of_notebooks():
    expected = [(entry.number, entry.title, str(entry.minutes)) for entry in catalogue.load()]
    assert [tuple(row[:3]) for row in _timings()] == expected


def test_the_page_says_of_each_notebook_what_it_needs_or_that_it_is_planned():
    planned = [entry.planned for entry in catalogue.load()]
    assert [row[3] == NOT_WRITTEN for row in _timings()] == planned
    assert all(row[3] for row in _timings())


def test_every_command_on_the_page_exists():
    named = set(re.findall(r"(?:`|-m )kmslab (\w+)", PAGE))
    assert {"lab", "reset", "solution", "release"} <= named
    assert named <= set(cli.main.commands)


def test_the_misunderstandings_point_to_notebooks_that_are_written():
    pointed = re.findall(r'^\| ".*\| (\d\d) \|$', PAGE, re.MULTILINE)
    written = {entry.number for entry in catalogue.written(catalogue.load())}
    assert len(pointed) >= 7
    assert set(pointed) <= written


def _timings():
    rows = re.findall(r"^\| (\d\d) \| (.*?) \| (\d+) \| (.*?) \|$", PAGE, re.MULTILINE)
    return [list(row) for row in rows]
