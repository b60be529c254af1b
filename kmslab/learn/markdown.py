"""Markdown that a notebook shows as a table and that is an ordinary string everywhere else.

It knows how text is laid out, and nothing of what the text says.
"""

from collections.abc import Iterable, Sequence


class MarkdownText(str):
    """A string that JupyterLab renders; as plain text it is shown as it was written."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return str(self)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> MarkdownText:
    """A Markdown table. Raises ValueError for a row that is longer or shorter than the heading."""
    lines = [_line(headings), _line(["---"] * len(headings))]
    for row in rows:
        if len(row) != len(headings):
            raise ValueError(f"a row of {len(row)} cells under {len(headings)} headings: {row!r}")
        lines.append(_line(row))
    return MarkdownText("\n".join(lines))


def _line(cells: Iterable[str]) -> str:
    # A bar inside a cell would end it, and a line break would end the table.
    inside = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(inside)} |"
