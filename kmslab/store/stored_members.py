"""What stands in a stored row: JSON, whose members are of the types that the code counts on.

A state directory may be old, damaged or edited. What is wrong in it must be told when it is read,
and not when a decision needs it. This knows neither records nor the database.
"""

import json
import math
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

Fits = Callable[[Any], bool]


def members_of(text: str) -> list[Any]:
    """The members in a row. Raises TypeError and ValueError for what is no list of them."""
    members = _from_json(text)
    if not isinstance(members, list):
        raise TypeError(f"a {type(members).__name__} is no list of members")
    return members


def tuples(member: Any) -> Any:
    """`member` with tuples for JSON's lists, as records have them."""
    return tuple(tuples(item) for item in member) if isinstance(member, list) else member


def check(members: Iterable[Any], types: Iterable[tuple[str, Fits]]) -> None:
    """Raises TypeError for the first member that is not of its type. It names the member alone,
    whose value may be a secret."""
    for member, (name, fits) in zip(members, types, strict=False):
        if not fits(member):
            raise TypeError(f"{name} cannot be a {type(member).__name__} like this")


def fitting(hint: Any) -> Fits:
    """Whether something from JSON is what the type `hint` says. Of unions it reads pairs."""
    if isinstance(hint, UnionType):
        one, other = map(fitting, get_args(hint))
        return lambda member: one(member) or other(member)
    if get_origin(hint) is tuple:
        return _tuple_of(get_args(hint))
    if hasattr(hint, "_fields"):
        # A named tuple, which JSON does not tell from another.
        return _tuple_of(tuple(get_type_hints(hint).values()))
    if hint is float:
        return _is_time
    kind = get_origin(hint) or hint
    return lambda member: type(member) is kind


def _tuple_of(items: tuple[Any, ...]) -> Fits:
    first = fitting(items[0])
    if items[-1] is Ellipsis:
        return lambda member: type(member) is tuple and all(map(first, member))
    each = tuple(map(fitting, items))

    def fits(member: Any) -> bool:
        return (
            type(member) is tuple
            and len(member) == len(each)
            and all(fits_item(item) for fits_item, item in zip(each, member, strict=True))
        )

    return fits


def _is_time(member: Any) -> bool:
    """A time that is no number would never come, nor one without end."""
    return type(member) in (float, int) and math.isfinite(member)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).decode
