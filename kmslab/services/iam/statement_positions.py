"""Where in a policy's text each of its statements stands, by line and column.

Lines and columns count from 1; an end is the place behind the last character. This reads JSON
that is known to be a policy, and knows nothing of what its statements say.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")
_read_value = json.JSONDecoder().raw_decode


class Position(NamedTuple):
    line: int
    column: int


class Span(NamedTuple):
    start: Position
    end: Position


def statement_spans(text: str) -> tuple[Span, ...]:
    """The span of each statement, in their order."""
    start = next(value for name, value in _members(text) if name == "Statement")
    starts = _elements(text, start) if text[start] == "[" else (start,)
    return tuple(
        Span(_position(text, each), _position(text, _read_value(text, each)[1])) for each in starts
    )


def _members(text: str) -> Iterator[tuple[str, int]]:
    """The names in the outermost object, each with the index at which its value starts."""
    at = _after(text, "{", 0)
    while True:
        name, at = _read_value(text, at)
        at = _after(text, ":", at)
        yield name, at
        at = _next_mark(text, _read_value(text, at)[1])
        if text[at] == "}":
            return
        at = _after(text, ",", at)


def _elements(text: str, at: int) -> Iterator[int]:
    """The indexes at which the elements of the list at `at` start; a policy's is never empty."""
    mark = "["
    while mark != "]":
        at = _after(text, mark, at)
        yield at
        at = _next_mark(text, _read_value(text, at)[1])
        mark = text[at]


def _after(text: str, mark: str, at: int) -> int:
    """The index of what follows the next `mark`, from which only white space parts `at`."""
    return _next_mark(text, text.index(mark, at) + 1)


def _next_mark(text: str, at: int) -> int:
    found = _WHITE_SPACE.match(text, at)
    return found.end() if found else at


def _position(text: str, at: int) -> Position:
    return Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
