"""What an article of 2018 said of AWS KMS, and what is true of it today (data/claims.csv).

Each claim has one notebook that settles it. The claims are told in our own words; the Japanese
term beside a claim is the word of AWS's Japanese documentation of that time for its main idea.
This module knows the sentences, and not the cells that prove them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kmslab import project
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.rows import read_rows

VERDICTS = ("still true", "true but extended", "wrong today")
HEADINGS = (
    "",
    "the claim",
    "the Japanese term of the time",
    "verdict today",
    "the fact today",
)
_COLUMNS = ["id", "claim", "japanese_term", "verdict_today", "fact_today", "notebook", "testable"]
_ANSWERS = {"yes": True, "no": False}
_OLD_CLAIM = re.compile(r"C\d\d")
_NEW_FACT = re.compile(r"N\d\d")
_NEW_SINCE = re.compile(r"new since .*20\d\d(?:–\d\d)?")


@dataclass(frozen=True)
class Claim:
    """One claim of the article (C…), or one fact that is younger than the article (N…)."""

    id: str
    claim: str
    japanese_term: str
    verdict_today: str
    fact_today: str
    notebook: str
    testable: bool


@cache
def load(source: Path = project.CLAIMS) -> tuple[Claim, ...]:
    """All claims, in order. Raises ValueError for a row that breaks a rule of the file."""
    claims = tuple(_claim(row) for row in read_rows(source, _COLUMNS))
    ids = [claim.id for claim in claims]
    if ids != sorted(set(ids)):
        raise ValueError(f"ids of {source.name} repeat or are out of order: {ids}")
    return claims


def text_only() -> frozenset[str]:
    """The claims that no program can test: facts about buildings, names and documentation."""
    return frozenset(claim.id for claim in load() if not claim.testable)


def claims_table(notebook: str | None = None) -> MarkdownText:
    """The claims that one notebook settles, such as `claims_table("03")`, or all of them.

    Raises ValueError for a notebook that settles none.
    """
    chosen = [claim for claim in load() if notebook in (None, claim.notebook)]
    if not chosen:
        raise ValueError(f"no claim is settled in a notebook {notebook!r}")
    return as_markdown(chosen)


def as_markdown(claims: Sequence[Claim]) -> MarkdownText:
    rows = [
        (claim.id, claim.claim, claim.japanese_term, claim.verdict_today, claim.fact_today)
        for claim in claims
    ]
    return table(HEADINGS, rows)


def _claim(row: list[str]) -> Claim:
    *texts, answer = row
    if answer not in _ANSWERS:
        raise ValueError(f"{row[0]}: testable is yes or no, not {answer!r}")
    fields: dict[str, Any] = dict(zip(_COLUMNS[:-1], texts, strict=True))
    claim = Claim(**fields, testable=_ANSWERS[answer])
    _check(claim)
    return claim


def _check(claim: Claim) -> None:
    is_old, is_new = _OLD_CLAIM.fullmatch(claim.id), _NEW_FACT.fullmatch(claim.id)
    if not (is_old or is_new):
        raise ValueError(f"the id of a claim is C or N and two digits, not {claim.id!r}")
    if is_old and claim.verdict_today not in VERDICTS:
        raise ValueError(f"{claim.id}: no such verdict on a claim: {claim.verdict_today!r}")
    if is_new and not _NEW_SINCE.fullmatch(claim.verdict_today):
        raise ValueError(f"{claim.id}: not 'new since' a date: {claim.verdict_today!r}")
    if is_new and claim.japanese_term:
        raise ValueError(f"{claim.id}: too new for a term of 2018: {claim.japanese_term!r}")
    for sentence in (claim.claim, claim.fact_today):
        if not (sentence.strip() == sentence and sentence.endswith(".")):
            raise ValueError(f"{claim.id}: not a whole sentence: {sentence!r}")
