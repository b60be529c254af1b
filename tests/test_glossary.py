"""The glossary: AWS's words in two languages, and the page that is made of them."""

import pytest

from kmslab.learn import glossary, glossary_table


def test_the_page_is_what_the_table_of_terms_makes_of_it():
    assert glossary.PAGE.read_text(encoding="utf-8") == glossary.as_markdown(), (
        "python -m kmslab.learn.glossary writes it anew"
    )


def test_the_words_of_the_course_are_explained():
    terms = {entry.term for entry in glossary.load()}
    assert terms >= {
        "KMS key",
        "HSM backing key",
        "key material",
        "key state",
        "alias",
        "customer managed key",
        "AWS managed key",
        "plaintext data key",
        "encrypted data key",
        "envelope encryption",
        "ciphertext blob",
        "encryption context",
        "additional authenticated data (AAD)",
        "nonce",
        "AES-GCM",
        "key policy",
        "grant",
        "grant token",
        "trail",
        "digest file",
        "account",
        "Region",
        "CloudTrail",
        "boto3",
        "SDK",
        "identity policy",
        "signature",
    }
    assert 35 <= len(terms) <= 75


def test_each_meaning_is_one_or_two_sentences():
    for entry in glossary.load():
        assert 1 <= entry.meaning.count(". ") + 1 <= 2, entry.term
        assert len(entry.meaning) <= 160, entry.term


def test_a_table_of_chosen_terms_keeps_the_order_asked_for():
    rows = glossary_table("trail", "grant").splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["**trail**", "**grant**"]
    assert "許可" in rows[1]


def test_without_a_choice_the_table_has_all_terms():
    assert len(glossary_table().splitlines()) == 2 + len(glossary.load())


def test_a_term_that_is_not_explained_is_refused_by_name():
    with pytest.raises(ValueError, match="not in the glossary: CMK"):
        glossary_table("grant", "CMK")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("grant,,グラント,A right.\ngrant,,グラント,A right.", "explains twice: grant"),
        ("grant,,,A right.", "Japanese term"),
        ("grant,,グラント,A right", "whole sentence"),
        ("grant,,グラント", "3 cells"),
    ],
)
def test_a_row_that_is_not_whole_is_refused(tmp_path, rows, complaint):
    source = tmp_path / "glossary.csv"
    source.write_text(f"term,older_name,japanese_term,meaning\n{rows}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        glossary.load(source)
