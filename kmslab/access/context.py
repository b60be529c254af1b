"""What a request says of itself, by condition key: what conditions and policy variables read.

This knows neither which condition keys exist nor who fills them in. Names of condition keys are
kept folded, because AWS does not tell their case apart; values stay as they were sent.
"""

import string
from collections.abc import Callable, Mapping

Value = str | tuple[str, ...]
"""A text for a condition key of one value, a tuple for one of many, which may be empty."""

_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(name: str) -> str:
    """The name of a condition key in lower case. Letters beyond ASCII stay as they are: the lower
    case of the Kelvin sign is a "k", and one name must not pass for another."""
    return name.lower() if name.isascii() else name.translate(_TO_LOWER)


class RequestContext:
    """The condition keys of one request.

    Most decisions meet no condition at all, and must not pay for one: so `build` is called when
    the first name is asked for, and then never again.
    """

    __slots__ = ("_build", "_members")

    def __init__(self, build: Callable[[], dict[str, Value]]) -> None:
        """`build` gives the members, their names already folded."""
        self._build = build
        self._members: dict[str, Value] | None = None

    @classmethod
    def of(cls, members: Mapping[str, Value]) -> "RequestContext":
        """A context of these members, however the case of their names."""
        return cls(lambda: {folded(name): value for name, value in members.items()})

    def get(self, name: str) -> Value | None:
        """The value of a condition key, whose name is given folded."""
        members = self._members
        if members is None:
            members = self._members = self._build()
        return members.get(name)

    def settle(self) -> None:
        """Let go of what the members would be built from: the request is over."""
        if self._members is None:
            self._members = {}
        self._build = dict

    def names(self) -> tuple[str, ...]:
        """The names in the request, sorted, to be shown."""
        if self._members is None:
            self._members = self._build()
        return tuple(sorted(self._members))
