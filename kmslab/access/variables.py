"""Policy variables: `${aws:username}` in a Resource or in the value of a condition.

IAM User Guide, "Variables and tags". A text is read once, into a template; a request fills it.
What is filled in is literal: a `*` that a caller brings is no wildcard. This knows nothing of
operators and statements, and not which condition keys there are.

A variable that the request has no single value for, and that has no default, leaves the text
without meaning: it matches nothing. `${` that is never closed is text like any other; what is
closed and cannot be read is refused.
"""

import re
from typing import NamedTuple

from kmslab.access.context import RequestContext, folded
from kmslab.access.wildcards import Matches, Pieces, matching
from kmslab.errors import PolicyError

_LITERALS = frozenset("*?$")
_INSIDE = re.compile(r"([^\s{}$*?',](?:[^{}$*?',]*[^\s{}$*?',])?)(?:,\s*'([^']*)')?")


class Variable(NamedTuple):
    """One variable: as written, the name of its condition key folded, and its default."""

    written: str
    name: str
    default: str | None

    def value(self, context: RequestContext) -> str | None:
        found = context.get(self.name)
        if found is None:
            return self.default
        # IAM: a condition key of many values cannot be a variable.
        return found if isinstance(found, str) else None

    def shown(self, context: RequestContext) -> str:
        found = self.value(context)
        return self.written if found is None else found


class Template:
    """A text whose variables a request fills. `fixed` has its pieces where there are none."""

    __slots__ = ("_parts", "fixed")

    def __init__(self, parts: tuple[str | Variable, ...]) -> None:
        self._parts = parts
        texts = tuple(part for part in parts if isinstance(part, str))
        self.fixed: Pieces | None = texts if len(texts) == len(parts) else None

    def fill(self, context: RequestContext) -> Pieces | None:
        """The pieces for a request; None where a variable has no value."""
        pieces: list[str] = []
        for part in self._parts:
            text = part if isinstance(part, str) else part.value(context)
            if text is None:
                return None
            pieces.append(text)
        return tuple(pieces)

    def unresolved(self, context: RequestContext) -> str:
        """The first variable without a value, as written; "" where there is none."""
        for part in self._parts:
            if isinstance(part, Variable) and part.value(context) is None:
                return part.written
        return ""

    def shown(self, context: RequestContext) -> str:
        """The text as people read it: variables without a value stay as written."""
        return "".join(
            part if isinstance(part, str) else part.shown(context) for part in self._parts
        )


def template(text: str, with_variables: bool) -> Template:
    """Read `text`. Variables came with Version 2012-10-17; before it, all of it is text."""
    if not with_variables or "${" not in text:
        return Template((text,))
    parts: list[str | Variable] = [*_split(text)]
    parts[1::2] = [_inside(str(inside)) for inside in parts[1::2]]
    return Template(tuple(parts))


def _split(text: str) -> list[str]:
    """Texts and what stands between braces, in turn. Once no brace closes all is text: a search
    from each "${" again would take forever."""
    parts: list[str] = []
    position = 0
    while True:
        start = text.find("${", position)
        end = text.find("}", start) if start >= 0 else -1
        if end < 0:
            return [*parts, text[position:]]
        parts += (text[position:start], text[start + 2 : end])
        position = end + 1


def _inside(inside: str) -> str | Variable:
    """What stands between the braces: a literal, or a variable with or without a default."""
    if inside in _LITERALS:
        return inside
    found = _INSIDE.fullmatch(inside)
    if not found:
        raise PolicyError(f"Policy has a variable that cannot be read: ${{{inside[:100]}}}.")
    return Variable(f"${{{inside}}}", folded(found[1]), found[2])


class ResourcePattern:
    """An element of Resource or NotResource."""

    __slots__ = ("_always", "_template", "is_any")

    def __init__(self, parsed: Template) -> None:
        self._template = parsed
        # Whether it is the lone star that fits everything.
        self.is_any = parsed.fixed == ("*",)
        self._always: Matches | None = matching(parsed.fixed) if parsed.fixed is not None else None

    def matches(self, resource: str, context: RequestContext) -> object:
        """Whether `resource` fits; never, where a variable has no value."""
        if self._always is not None:
            return self._always(resource)
        pieces = self._template.fill(context)
        return pieces is not None and matching(pieces)(resource)

    def resolves(self, context: RequestContext) -> bool:
        """Whether every variable has a value: only then does "it does not match" mean anything,
        as NotResource needs it."""
        return self._always is not None or not self._template.unresolved(context)


def resource_pattern(text: str, with_variables: bool) -> ResourcePattern:
    try:
        return ResourcePattern(template(text, with_variables))
    except PolicyError as problem:
        raise PolicyError(str(problem), "Resource") from None
