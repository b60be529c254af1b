"""How a decision is shown: a verdict, and a line for each statement or grant that was weighed.

As text for a terminal and as HTML for a notebook, with the same words in both. What was weighed,
and how, is not known here.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

DECIDED, HELPED, PASSED_OVER = "decided", "not enough", "passed over"
SYMBOLS = {DECIDED: "●", HELPED: "◐", PASSED_OVER: "○"}


class Line(NamedTuple):
    """One statement or grant: its role in the decision, where it stands, and what it says."""

    role: str
    where: str
    words: str


def as_text(verdict: str, lines: Sequence[Line]) -> str:
    shown = [f"  {SYMBOLS[line.role]} {line.where}: {line.words}" for line in lines]
    return "\n".join([verdict, *shown])


def as_html(verdict: str, lines: Sequence[Line]) -> str:
    """A table, in which a symbol and a word say what a colour would."""
    rows = "".join(
        f'<tr><td style="text-align:left;white-space:nowrap">{SYMBOLS[line.role]} {line.role}</td>'
        f'<td style="text-align:left">{escape(line.where)}</td>'
        f'<td style="text-align:left">{escape(line.words)}</td></tr>'
        for line in lines
    )
    return f"<p><b>{escape(verdict)}</b></p><table>{rows}</table>"
