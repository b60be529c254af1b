"""`kmslab build`: the same notebook gives the same bytes, and --check tells when it does not."""

import json

import nbformat
import pytest
from made_notebooks import NAME, ROW, small_notebook
from nbformat.v4 import new_code_cell

from kmslab.learn import build, catalogue, form


def _without_live_outputs(notebook):
    for cell in form.code_cells(notebook):
        if form.LIVE_TIMING in form.cell_tags(cell):
            cell["outputs"] = []
    return build.to_text(notebook)


def test_two_builds_differ_in_live_timings_only(built, tmp_path):
    again = build.build(small_notebook(), "*links*", tmp_path)
    assert build.to_text(again) != build.to_text(built)
    assert _without_live_outputs(again) == _without_live_outputs(built)


def test_a_built_notebook_stores_counts_ids_links_and_no_times(built):
    assert [cell["id"] for cell in built["cells"]] == [f"c{n:02}" for n in range(1, 8)]
    assert [cell["execution_count"] for cell in form.code_cells(built)] == [1, 2, 3, 4]
    first, last = built["cells"][0], built["cells"][-1]
    assert first["source"] == last["source"] == "*links*"
    assert built["metadata"] == build.NOTEBOOK_METADATA
    assert all(set(cell["metadata"]) <= {"tags", "reason"} for cell in built["cells"])


def test_building_again_does_not_add_links_twice(built, tmp_path):
    again = build.build(built, "*new links*", tmp_path)
    assert [cell["source"] for cell in again["cells"]].count("*new links*") == 2
    assert len(again["cells"]) == len(built["cells"])


def test_widget_ids_are_zeroed_and_widget_state_is_not_stored(built, tmp_path):
    small = small_notebook()
    small.cells.append(new_code_cell("import ipywidgets\nipywidgets.HTML('a view')"))
    made = build.build(small, "*links*", tmp_path)
    view = form.code_cells(made)[-1]["outputs"][0]["data"][build.WIDGET]
    assert view["model_id"] == "0" * 32
    assert "widgets" not in made["metadata"]


def test_a_long_print_is_stored_in_one_piece(tmp_path):
    small = small_notebook()
    flushing = "for n in range(3):\n    print(n, flush=True)\n    time.sleep(0.3)"
    small.cells.append(new_code_cell(flushing))
    made = build.build(small, "*links*", tmp_path)
    assert [output["text"] for output in form.code_cells(made)[-1]["outputs"]] == ["0\n1\n2\n"]


def test_check_accepts_the_stored_build_and_writes_nothing(small_course, capsys):
    folder, listing = small_course
    before = (folder / NAME).read_bytes()
    assert build.main([], check=True, folder=folder, listing=listing) == 0
    assert "a new build is the same" in capsys.readouterr().out
    assert (folder / NAME).read_bytes() == before


@pytest.mark.parametrize(("old", "new"), [("sealed 42", "sealed 43"), ("about 1 min", "about 2")])
def test_check_shows_what_differs(small_course, capsys, old, new):
    folder, listing = small_course
    path = folder / NAME
    path.write_text(path.read_text().replace(old, new))
    assert build.main(["00"], check=True, folder=folder, listing=listing) == 1
    shown = capsys.readouterr().out
    assert new in shown
    assert old in shown


def test_a_build_stores_what_check_then_accepts(small_course):
    folder, listing = small_course
    path = folder / NAME
    path.write_text(nbformat.writes(small_notebook()))
    assert build.main([], folder=folder, listing=listing) == 0
    assert build.main([], check=True, folder=folder, listing=listing) == 0


def test_a_failing_cell_fails_the_build_and_leaves_the_file(small_course, capsys):
    folder, listing = small_course
    broken = small_notebook()
    broken.cells.append(new_code_cell("1 / 0"))
    (folder / NAME).write_text(nbformat.writes(broken))
    before = (folder / NAME).read_bytes()
    assert build.main([], folder=folder, listing=listing) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert (folder / NAME).read_bytes() == before


def test_a_listed_notebook_that_is_absent_fails(small_course, capsys):
    folder, listing = small_course
    (folder / NAME).unlink()
    assert build.main([], check=True, folder=folder, listing=listing) == 1
    assert "not in the folder" in capsys.readouterr().out


def test_an_unknown_number_is_refused_by_name(small_course):
    folder, listing = small_course
    with pytest.raises(ValueError, match="no such notebook: 77; there are 00"):
        build.main(["77"], folder=folder, listing=listing)


def test_links_lead_to_written_notebooks_and_name_planned_ones(tmp_path):
    rows = [
        {**ROW, "number": number, "file": f"{number}_x.ipynb", "title": title, "planned": planned}
        for number, title, planned in [("00", "A", False), ("01", "B", False), ("02", "C", True)]
    ]
    listing = tmp_path / "notebooks.json"
    listing.write_text(json.dumps(rows))
    entries = catalogue.load(listing)
    assert catalogue.links(entries[0], entries).endswith(" · next: [01 B](01_x.ipynb)")
    assert catalogue.links(entries[1], entries).startswith("previous: [00 A](00_x.ipynb) · ")
    assert "02 C (not written yet)" in catalogue.links(entries[1], entries)
    assert "](02" not in catalogue.links(entries[1], entries)


def test_numbers_out_of_order_are_refused(tmp_path):
    listing = tmp_path / "notebooks.json"
    listing.write_text(json.dumps([{**ROW, "number": "01"}, ROW]))
    with pytest.raises(ValueError, match=r"out of order: \['01', '00'\]"):
        catalogue.load(listing)
