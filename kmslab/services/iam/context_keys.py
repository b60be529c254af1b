"""Which condition keys a policy asks for: those of its conditions, and those of its variables.

Their values, and whether a condition holds, are not known here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from kmslab.access.context import folded
from kmslab.access.policy import WITH_VARIABLES
from kmslab.services.iam.documents import statements_of, texts_of

# ${aws:username} or ${aws:username, 'nobody'}; ${*}, ${?} and ${$} are characters.
_VARIABLE = re.compile(r"\$\{\s*([^\s{}$*?',]+)")


def keys_of_statements(text: str) -> tuple[tuple[str, ...], ...]:
    """For each statement of a policy the names of the condition keys in it, as written."""
    document = json.loads(text)
    with_variables = document.get("Version") == WITH_VARIABLES
    return tuple(
        tuple(dict.fromkeys(_keys_of(statement, with_variables)))
        for statement in statements_of(document)
    )


def without_repeats(names: Iterator[str]) -> list[str]:
    """`names` without those that differ from an earlier one by case alone."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(folded(name), name)
    return list(first.values())


def _keys_of(statement: dict[str, Any], with_variables: bool) -> Iterator[str]:
    texts = [
        text for name in ("Resource", "NotResource") for text in texts_of(statement.get(name, []))
    ]
    for members in statement.get("Condition", {}).values():
        for name, values in members.items():
            yield name
            texts += map(str, values if isinstance(values, list) else [values])
    if with_variables:
        for text in texts:
            yield from _VARIABLE.findall(text)
