"""The wildcards of policies: `*` for any text, `?` for any one character.

This knows texts and patterns, and nothing of policies or requests. Nothing here backtracks: a
pattern costs no more than reading the text a few times, and one with question marks a step over
the text's places, many of which fit in one word, for each of its characters.
"""

from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[str], object]
"""Whether a text fits, as something that is true or false."""

Pieces = tuple[str, ...]
"""A pattern with texts put in: patterns and literal texts in turn, a pattern first and last. In a
literal text `*` and `?` stand for themselves."""

Segment = tuple[str, ...]
"""What stands between two stars: texts, and between any two of them one character, whichever."""

ARN_PARTS = 6
_WILDCARDS = frozenset("*?")


# Policies are kept compiled, and texts that a request brings would only fill this.
@lru_cache(maxsize=512)
def wildcard(pattern: str, ignore_case: bool = False) -> Matches:
    """`pattern` as a function of one text, which decides without backtracking.

    With `ignore_case` the texts it is asked about must be in lower case.
    """
    return matching((pattern.lower() if ignore_case else pattern,))


def matching(pieces: Pieces) -> Matches:
    """The same for a pattern in pieces."""
    segments = _between_stars(pieces)
    if any(len(segment) > 1 for segment in segments):
        return _with_any_characters(segments)
    first, *rest = (text for (text,) in segments)
    if not rest:
        return first.__eq__
    *middle, last = rest
    if middle or last:
        return _in_order(first, tuple(middle), last)
    return (lambda text: text.startswith(first)) if first else _anything


def _between_stars(pieces: Pieces) -> list[Segment]:
    """What stands between the stars. Nothing between two stars changes nothing."""
    segments: list[list[list[str]]] = [[[]]]
    for number, piece in enumerate(pieces):
        if number % 2:
            segments[-1][-1].append(piece)
            continue
        (head, *tail), *others = (between.split("?") for between in piece.split("*"))
        segments[-1][-1].append(head)
        segments[-1] += [[text] for text in tail]
        segments += [[[text] for text in other] for other in others]
    joined = [tuple("".join(texts) for texts in segment) for segment in segments]
    middle = [segment for segment in joined[1:-1] if segment != ("",)]
    return [*joined[:1], *middle, *joined[1:][-1:]]


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


# --- Question marks -----------------------------------------------------------------------


def _with_any_characters(segments: list[Segment]) -> Matches:
    """The same as `_in_order`, or without a star as `==`, for segments of many texts."""
    first, *rest = segments
    *middle, last = rest or [("",)]
    starts_at, ends_before = _width(first), _width(last)

    def matches(text: str) -> bool:
        position, end = starts_at, len(text) - ends_before
        if position > end or (not rest and position < end):
            return False
        if not _stands(first, text, 0) or not _stands(last, text, end):
            return False
        searched = _Searched(text)
        for segment in middle:
            found = searched.find(segment, position, end)
            if found < 0:
                return False
            position = found + _width(segment)
        return True

    return matches


def _width(segment: Segment) -> int:
    return sum(map(len, segment)) + len(segment) - 1


def _stands(segment: Segment, text: str, position: int) -> bool:
    for each in segment:
        if not text.startswith(each, position):
            return False
        position += len(each) + 1
    return True


class _Searched:
    """A text to search for segments. For each character there is an integer with a bit for each
    place where it stands: so one step looks at all places at once, where a search from each place
    again would cost the text times the segment."""

    __slots__ = ("_places", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: dict[str, int] = {}

    def find(self, segment: Segment, position: int, end: int) -> int:
        """As `str.find` does it."""
        last = end - _width(segment)
        if last < position:
            return -1
        fits = ((1 << (last - position + 1)) - 1) << position
        offset = 0
        for text in segment:
            for at, character in enumerate(text, start=offset):
                fits &= self._places_of(character) >> at
                if not fits:
                    return -1
            offset += len(text) + 1
        return (fits & -fits).bit_length() - 1

    def _places_of(self, character: str) -> int:
        places = self._places.get(character)
        if places is None:
            bits = bytearray(len(self._text) // 8 + 1)
            at = self._text.find(character)
            while at >= 0:
                bits[at >> 3] |= 1 << (at & 7)
                at = self._text.find(character, at + 1)
            places = self._places[character] = int.from_bytes(bits, "little")
        return places


def _anything(text: str) -> bool:
    return True


# --- Amazon Resource Names ----------------------------------------------------------------


def is_arn(text: str) -> bool:
    """Whether `text` has the six parts of an ARN. The sixth may hold colons of its own."""
    return text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1


def arn_pattern(pattern: str) -> Matches:
    """`pattern` as a function of one ARN, whose parts are compared each on its own."""
    return arn_matching((pattern,))


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
