"""The notebooks of the course: complete, in order, with evidence for each claim, and linked."""

import json
import os
import re

import pytest
from made_notebooks import never_run, run_strict_nbval, with_one_number_changed

from kmslab import project
from kmslab.learn import catalogue, form

ENTRIES = catalogue.load()
WRITTEN = catalogue.written(ENTRIES)
each_notebook = pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry.number)


def read(entry):
    return json.loads((project.NOTEBOOKS / entry.file).read_text(encoding="utf-8"))


def test_the_folder_holds_exactly_the_notebooks_that_the_list_calls_written():
    found = sorted(path.name for path in project.NOTEBOOKS.glob("*.ipynb"))
    assert found == [entry.file for entry in WRITTEN]


def test_the_readme_names_exactly_the_notebooks_of_the_folder():
    readme = (project.FOLDER / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.lstrip().startswith("|")]
    linked = re.findall(r"\(notebooks/([^)#]+\.ipynb)\)", "\n".join(rows))
    assert linked == [entry.file for entry in WRITTEN]


@each_notebook
def test_a_notebook_keeps_every_rule_of_form(entry):
    assert list(form.problems(read(entry))) == []


@each_notebook
def test_a_notebook_begins_and_ends_with_its_links(entry):
    cells = read(entry)["cells"]
    expected = catalogue.links(entry, ENTRIES)
    assert [form.source(cell) for cell in (cells[0], cells[-1])] == [expected, expected]
    places = [place for place, cell in enumerate(cells) if form.LINKS in form.cell_tags(cell)]
    assert places == [0, len(cells) - 1]


@each_notebook
def test_every_testable_claim_is_proved_by_a_cell_whose_output_is_compared(entry):
    assert form.claims(read(entry)) == entry.testable_claims


@each_notebook
def test_a_notebook_has_compared_outputs(entry):
    compared = [cell for cell in form.code_cells(read(entry)) if form.has_compared_text(cell)]
    assert len(compared) >= len(form.code_cells(read(entry))) / 3


@each_notebook
def test_one_changed_number_makes_the_gate_fail(entry, tmp_path):
    result = _gate({entry.file: with_one_number_changed(read(entry))}, tmp_path)
    assert result.returncode == 1, result.stdout
    assert "Cell outputs differ" in result.stdout


@each_notebook
def test_a_copy_that_was_never_run_makes_the_gate_fail(entry, tmp_path):
    result = _gate({entry.file: never_run(read(entry))}, tmp_path)
    assert result.returncode == 1, result.stdout
    assert "was never run" in result.stdout


def _gate(notebooks, folder):
    """Run up to the first failure, with data/ where a notebook looks for it."""
    os.symlink(project.FOLDER / "data", folder / "data", target_is_directory=True)
    return run_strict_nbval(notebooks, folder / "notebooks", ["--exitfirst"])
