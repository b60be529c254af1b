"""A policy document before it is compiled: strict JSON, and elements that are texts or lists.

What the elements mean is not known here, nor which of them a kind of policy must have.
"""

import json
from collections import Counter
from typing import Any, NoReturn

from kmslab.errors import PolicyError

VERSIONS = ("2008-10-17", "2012-10-17")
"""The versions of the language, older first. A policy that states none is of the older one."""

DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
STATEMENT_ELEMENTS = frozenset(
    {
        *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
        *("Resource", "NotResource", "Condition"),
    }
)


def policy_document(text: str) -> dict[str, Any]:
    """The JSON object that `text` is. Raises PolicyError for anything else."""
    try:
        document = _from_json(text)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}: {problem.msg}"
        raise PolicyError("Policy is not valid JSON.", place) from None
    except (TypeError, ValueError, RecursionError) as problem:
        raise PolicyError("Policy is not valid JSON.", str(problem)) from None
    if not isinstance(document, dict):
        raise PolicyError("Policy is not a JSON object.", "document")
    return document


def statements_of(document: dict[str, Any]) -> list[Any]:
    """The statements, of which a single one needs no list. Raises PolicyError for none."""
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise PolicyError("Policy has no Statement.", "Statement")
    return statements


def refuse_unknown(element: dict[str, Any], known: frozenset[str], place: str) -> None:
    """Raises PolicyError for a member that is not among `known`."""
    unknown = set(element) - known
    if unknown:
        raise PolicyError(f"Policy has an unknown element: {min(unknown)[:100]}.", place)


def both(statement: dict[str, Any], element: str, place: str) -> tuple[list[str], list[str]]:
    """The texts of `element` and of its Not- form. Raises PolicyError where both are there."""
    if element in statement and f"Not{element}" in statement:
        raise PolicyError(f"Policy has a statement with {element} and Not{element}.", place)
    wanted, unwanted = (
        _texts(statement.get(name, []), name, place) for name in (element, f"Not{element}")
    )
    return wanted, unwanted


def _texts(element: Any, name: str, place: str) -> list[str]:
    texts = [element] if isinstance(element, str) else element
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise PolicyError(f"Policy has a {name} that is not text or a list of texts.", place)
    return texts


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose members stand in it once: of two Effects, which one was meant?"""
    if len(dict(members)) < len(members):
        times = Counter(name for name, _ in members)
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"{twice} stands twice in one object")
    return dict(members)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_from_json = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant).decode
