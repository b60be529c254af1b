"""The words of the course, English and Japanese side by side (data/glossary.csv).

The terms are AWS's own, in the order in which one explains the next; older names are those that
articles of 2018 use. `python -m kmslab.learn.glossary` writes docs/glossary.md anew.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kmslab import project
from kmslab.learn.markdown import MarkdownText, table
from kmslab.learn.rows import read_rows

PAGE = project.DOCS / "glossary.md"

_COLUMNS = ["term", "older_name", "japanese_term", "meaning"]
_HEADINGS = ("term", "older name", "Japanese term", "what it means")
_INTRODUCTION = """\
# Glossary

AWS's own words, English and Japanese. An older name is one that articles of 2018 use.
"""


class Term(NamedTuple):
    """One word of AWS's and what it means, told without cryptography."""

    term: str
    older_name: str
    japanese_term: str
    meaning: str


@cache
def load(source: Path = project.GLOSSARY) -> tuple[Term, ...]:
    """All terms, in the file's order. Raises ValueError for a row that is not whole."""
    terms = tuple(_term(row) for row in read_rows(source, _COLUMNS))
    names = [entry.term for entry in terms]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"{source.name} explains twice: {', '.join(sorted(repeated))}")
    return terms


def glossary_table(*terms: str) -> MarkdownText:
    """The terms asked for, in the order asked, or all: `glossary_table("grant", "trail")`.

    Raises ValueError for a term that the glossary does not have.
    """
    known = {entry.term: entry for entry in load()}
    unknown = [term for term in terms if term not in known]
    if unknown:
        raise ValueError(f"not in the glossary: {', '.join(unknown)}; it has {', '.join(known)}")
    return _as_table([known[term] for term in terms] if terms else known.values())


def as_markdown() -> str:
    """The page docs/glossary.md."""
    return f"{_INTRODUCTION}\n{_as_table(load())}\n"


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(as_markdown(), encoding="utf-8", newline="\n")
    print(f"{PAGE.name}: {len(load())} terms")


def _as_table(terms: Iterable[Term]) -> MarkdownText:
    return table(_HEADINGS, [(f"**{entry.term}**", *entry[1:]) for entry in terms])


def _term(row: list[str]) -> Term:
    entry = Term(*row)
    if not (entry.term and entry.japanese_term and entry.meaning.endswith(".")):
        raise ValueError(f"term, Japanese term and a whole sentence are needed: {row}")
    return entry


if __name__ == "__main__":
    main()
