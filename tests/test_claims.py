"""The claims of the article: complete, each settled in one notebook, each told in a sentence."""

import json
import re

import pytest

from kmslab import project
from kmslab.learn import catalogue, claims, claims_table, form

ENTRIES = catalogue.load()
CLAIMS = claims.load()
ROW = "C01,A claim.,,still true,A fact.,00,yes"
HEADING = "id,claim,japanese_term,verdict_today,fact_today,notebook,testable"
each_notebook = pytest.mark.parametrize(
    "entry", catalogue.written(ENTRIES), ids=lambda entry: entry.number
)


def prose(entry):
    notebook = json.loads((project.NOTEBOOKS / entry.file).read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    return "\n".join(map(form.source, cells))


def mentioned(entry):
    """The ids of claims in round brackets, as in "(C01)" or "(C10, C12)"."""
    brackets = re.findall(r"\(([^()]*)\)", prose(entry))
    return {claim for text in brackets for claim in re.findall(r"\b[CN]\d\d\b", text)}


def test_every_claim_of_the_article_and_every_newer_fact_is_there_once():
    expected = [f"C{n:02}" for n in range(1, 62)] + [f"N{n:02}" for n in range(1, 13)]
    assert [claim.id for claim in CLAIMS] == expected


def test_a_claim_stands_in_the_notebook_that_the_list_of_notebooks_gives_it():
    listed = {claim: entry.number for entry in ENTRIES for claim in entry.claims}
    assert sum(len(entry.claims) for entry in ENTRIES) == len(listed)
    assert {claim.id: claim.notebook for claim in CLAIMS} == listed


def test_only_four_claims_cannot_be_tested_and_no_cell_has_to_prove_them():
    assert claims.text_only() == {"C07", "C28", "C61", "N12"}
    start_here = next(entry for entry in ENTRIES if entry.number == "00")
    assert start_here.testable_claims == {"C01", "C02", "C04"}


@each_notebook
def test_prose_mentions_only_claims_of_its_own_notebook(entry):
    assert mentioned(entry) <= set(entry.claims)


@each_notebook
def test_prose_mentions_what_no_cell_can_prove(entry):
    assert set(entry.claims) & claims.text_only() <= mentioned(entry)


def test_the_table_of_a_notebook_has_a_row_for_each_of_its_claims():
    for entry in ENTRIES:
        if entry.claims:
            rows = claims_table(entry.number).splitlines()[2:]
            assert [row.split("|")[1].strip() for row in rows] == list(entry.claims)
    assert len(claims_table().splitlines()) == 2 + len(CLAIMS)


def test_the_table_says_that_its_japanese_terms_are_those_of_the_time():
    assert "the Japanese term of the time" in claims_table("03").splitlines()[0]


@pytest.mark.parametrize("notebook", ["14", "3", "nine"])
def test_a_notebook_without_claims_has_no_table(notebook):
    with pytest.raises(ValueError, match=f"'{notebook}'"):
        claims_table(notebook)


def test_in_a_notebook_the_table_is_rendered_and_elsewhere_it_is_text():
    table = claims_table("07")
    assert table._repr_markdown_() == str(table) == repr(table)
    assert table.count("\n") == 2


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("C1,A claim.,,still true,A fact.,00,yes", "'C1'"),
        ("C01,A claim.,,mostly true,A fact.,00,yes", "'mostly true'"),
        ("C01,A claim.,,new since 2020,A fact.,00,yes", "'new since 2020'"),
        ("N01,A claim.,,still true,A fact.,00,yes", "'still true'"),
        ("N01,A claim.,用語,new since 2020,A fact.,00,yes", "用語"),
        ("C01,A claim,,still true,A fact.,00,yes", "'A claim'"),
        ("C01,A claim.,,still true,A fact.,00,perhaps", "'perhaps'"),
        ("C01,A claim.,,still true,A fact.,00", "6 cells"),
        (f"{ROW}\n{ROW}", "repeat"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(tmp_path, row, complaint):
    source = tmp_path / "claims.csv"
    source.write_text(f"{HEADING}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        claims.load(source)


def test_a_file_with_other_columns_is_refused(tmp_path):
    source = tmp_path / "claims.csv"
    source.write_text("id,claim\nC01,A claim.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"columns \['id', 'claim'\]"):
        claims.load(source)
