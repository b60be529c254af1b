"""The wildcards of policies: `*` for any text, `?` for any one character.

This knows texts and patterns, and nothing of policies or requests. No pattern, however it is
made, costs more than reading the text a few times: nothing here backtracks.
"""

import re
from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[str], object]
"""Whether a text fits, as something that is true or false."""

Pieces = tuple[str, ...]
"""A pattern with texts put in: patterns and literal texts in turn, a pattern first and last. In a
literal text `*` and `?` stand for themselves."""

ARN_PARTS = 6
_WILDCARDS = frozenset("*?")


@lru_cache(maxsize=4096)
def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`pattern` as a function of one text, which decides without backtracking.

    With `ignore_case` the texts it is asked about must be in lower case.
    """
    return matching((pattern.lower() if ignore_case else pattern,))


@lru_cache(maxsize=4096)
def matching(pieces: Pieces) -> Matches:
    """The same for a pattern in pieces."""
    if any("?" in pattern for pattern in pieces[::2]):
        return re.compile(_expression(pieces), re.DOTALL).fullmatch
    first, *rest = _between_stars(pieces)
    if not rest:
        return first.__eq__
    *middle, last = rest
    if middle or last:
        return _in_order(first, tuple(middle), last)
    return (lambda text: text.startswith(first)) if first else _anything


def _between_stars(
    pieces: Pieces,
    of_pattern: Callable[[str], str] = str,
    of_literal: Callable[[str], str] = str,
) -> list[str]:
    """What stands between the stars. An empty text between two stars changes nothing."""
    texts = [""]
    for number, piece in enumerate(pieces):
        if number % 2:
            texts[-1] += of_literal(piece)
        else:
            first, *others = map(of_pattern, piece.split("*"))
            texts[-1] += first
            texts += others
    return [*texts[:1], *filter(None, texts[1:-1]), *texts[1:][-1:]]


def _in_order(first: str, middle: Pieces, last: str) -> Matches:
    """Between two stars the first fit is as good as any later one."""
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        position, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True

    return matches


def _expression(pieces: Pieces) -> str:
    """The same as a regular expression: each piece is an atomic group, which takes the first fit
    and never tries another, and the last one is looked for only at the end."""
    first, *rest = _between_stars(pieces, _quoted, re.escape)
    if not rest:
        return first
    *middle, last = rest
    width = len(_between_stars(pieces)[-1])
    searched = "".join(f"(?>.*?{piece})" for piece in middle)
    return f"{first}{searched}(?>.{{{width},}})(?<={last})"


def _quoted(pattern: str) -> str:
    return re.escape(pattern).replace(r"\?", ".")


def _anything(text: str) -> bool:
    return True


# --- Amazon Resource Names ----------------------------------------------------------------


def is_arn(text: str) -> bool:
    """Whether `text` has the six parts of an ARN. The sixth may hold colons of its own."""
    return text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1


@lru_cache(maxsize=4096)
def arn_pattern(pattern: str) -> Matches:
    """`pattern` as a function of one ARN, whose parts are compared each on its own."""
    return arn_matching((pattern,))


@lru_cache(maxsize=4096)
def arn_matching(pieces: Pieces) -> Matches:
    """The same for a pattern in pieces. A colon in a literal text never starts another part."""
    if pieces == ("*",):
        return is_arn
    parts = _arn_parts(pieces)
    if len(parts) != ARN_PARTS:
        return _nothing
    if all(len(part) == 1 and not _WILDCARDS.intersection(part[0]) for part in parts):
        return pieces[0].__eq__ if is_arn(pieces[0]) else _nothing
    tests = tuple((at, matching(part)) for at, part in enumerate(parts) if part != ("*",))

    def matches(text: str) -> bool:
        given = text.split(":", ARN_PARTS - 1)
        if len(given) != ARN_PARTS or given[0] != "arn":
            return False
        for at, test in tests:  # noqa: SIM110 - all() of a generator takes twice as long
            if not test(given[at]):
                return False
        return True

    return matches


def _arn_parts(pieces: Pieces) -> list[Pieces]:
    parts: list[list[str]] = [[]]
    for number, piece in enumerate(pieces):
        if number % 2:
            parts[-1].append(piece)
        else:
            first, *others = piece.split(":", ARN_PARTS - len(parts))
            parts[-1].append(first)
            parts += [[other] for other in others]
    return [tuple(part) for part in parts]


def _nothing(text: str) -> bool:
    return False
