"""The wildcards of policies: `*` for any text, `?` for any one character."""

import re
from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[str], object]
"""Whether a text fits, as something that is true or false."""


@lru_cache(maxsize=4096)
def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`pattern` as a function of one text, which decides without backtracking.

    With `ignore_case` the texts it is asked about must be in lower case. Between two stars the
    first fit is as good as any later one, so each piece is an atomic group: `*a*a*a*b` costs no
    more than reading the text a few times.
    """
    if ignore_case:
        pattern = pattern.lower()
    if pattern.strip("*") == "" and pattern:
        return _anything
    if "*" not in pattern and "?" not in pattern:
        return pattern.__eq__
    first, *rest = re.split(r"\*+", pattern)
    expression = _literal(first)
    if rest:
        *middle, last = rest
        expression += "".join(f"(?>.*?{_literal(piece)})" for piece in middle)
        expression += ".*" + _literal(last)
    return re.compile(expression, re.DOTALL).fullmatch


def _anything(text: str) -> bool:
    return True


def _literal(piece: str) -> str:
    return re.escape(piece).replace(r"\?", ".")
