"""The Condition element: when a statement is in force, and in plain words why it is not.

IAM User Guide, "Condition operators" and "Single-valued vs. multivalued context keys". A block is
read once, into tests; all of them must hold. This knows neither statements nor which condition
keys exist.

What cannot be told must neither allow nor slip past a Deny: a value the operator cannot read, many
values without a set operator, a negated comparison with a variable that has no value. Allow
statements ask `holds`, which is then False; Deny statements ask `may_hold`, which is then True.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from kmslab.access.context import RequestContext, Value, folded
from kmslab.access.operators import OPERATORS, Answer, Test
from kmslab.access.readings import boolean
from kmslab.access.variables import template
from kmslab.errors import PolicyError

Answers = Callable[[RequestContext], Answer]

_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
# What stands in for the name of a condition key that must read as absent: no request has it.
_NOWHERE = ""
_OPPOSITE: dict[Answer, Answer] = {True: False, False: True, None: None}
_LONGEST, _MOST = 80, 3


class ConditionTest:
    """One operator on one condition key. `operator`, `name` and `values` are as written; `answer`
    tells whether it holds, None where that cannot be told."""

    __slots__ = ("_lookup", "_with_variables", "answer", "name", "operator", "values")

    def __init__(
        self,
        operator: str,
        name: str,
        values: tuple[str, ...],
        with_variables: bool = False,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        self.operator = operator
        self.name = name
        self.values = values
        self._lookup = _NOWHERE if folded(name) in ignored else folded(name)
        self._with_variables = with_variables
        self.answer = _answers(operator, self._lookup, values, with_variables)

    def holds(self, context: RequestContext) -> bool:
        """Whether it holds, for a statement that allows."""
        return self.answer(context) is True

    def may_hold(self, context: RequestContext) -> bool:
        """Whether it holds or cannot be told, for a statement that denies."""
        return self.answer(context) is not False

    def words(self, context: RequestContext) -> str:
        """Why it does not hold."""
        given, name, operator = context.get(self._lookup), _cut(self.name), self.operator
        if operator == "Null":
            present, wanted = ("is not", "present") if _absent(given) else ("is", "absent")
            return f"{name} {present} in the request, Null wants it {wanted}"
        if _absent(given):
            return f"{name} is not in the request, {operator} wants {self._wanted(context)}"
        said = f"{name} is {_listed(given)}"
        if isinstance(given, tuple) and len(given) > 1 and ":" not in operator:
            return f"{said}, {operator} wants one value: without ForAnyValue it reads no list"
        missing = self._missing(context)
        if self.answer(context) is None and not missing:
            return f"{said}, which {operator} cannot read"
        return f"{said}, {operator} wants {self._wanted(context)}{missing}"

    def _wanted(self, context: RequestContext) -> str:
        first = [template(value, self._with_variables) for value in self.values[:_MOST]]
        shown = ", ".join(_cut(each.shown(context)) for each in first)
        others = f" or {len(self.values) - _MOST} others" if len(self.values) > _MOST else ""
        negated = OPERATORS[_parts(self.operator)[1]].negated
        return ("anything but " if negated else "") + shown + others

    def _missing(self, context: RequestContext) -> str:
        for value in self.values:
            unresolved = template(value, self._with_variables).unresolved(context)
            if unresolved:
                return f", and {_cut(unresolved)} has no single value in the request"
        return ""


def _absent(given: Value | None) -> bool:
    """A list of no values is as good as none; an empty text is a value."""
    return given is None or given == ()


def _listed(given: Value | None) -> str:
    values = (given,) if isinstance(given, str) else given or ()
    others = f" and {len(values) - _MOST} others" if len(values) > _MOST else ""
    return ", ".join(f'"{_cut(value)}"' for value in values[:_MOST]) + others


def _cut(text: str) -> str:
    """`text` on one line, and not too long."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return json.dumps(short, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace").decode()


# --- What a test answers ------------------------------------------------------------------


def _answers(operator: str, lookup: str, values: tuple[str, ...], with_variables: bool) -> Answers:
    set_operator, base, if_exists = _parts(operator)
    if base == "Null":
        return _null(lookup, values)
    found = OPERATORS[base]
    negated = found.negated
    # A value whose variable has no value fits nothing; but then nobody can say what it forbids.
    test = found.compile(values, with_variables, None if negated else False)
    if set_operator:
        every = set_operator == "ForAllValues"
        return _of_many(lookup, test, negated, every, absent=every or if_exists)
    return _of_one(lookup, test, negated, absent=negated or if_exists)


def _null(lookup: str, values: tuple[str, ...]) -> Answers:
    wanted = {boolean(value) for value in values}
    if None in wanted:
        raise PolicyError("Policy has a condition value of Null that is not true or false.")
    return lambda context: ("true" if _absent(context.get(lookup)) else "false") in wanted


def _of_one(lookup: str, test: Test, negated: bool, absent: bool) -> Answers:
    def answer(context: RequestContext) -> Answer:
        given = context.get(lookup)
        if given is None:
            return absent
        if not isinstance(given, str):
            if len(given) != 1:
                return None if given else absent
            given = given[0]
        return _OPPOSITE[test(given, context)] if negated else test(given, context)

    return answer


def _of_many(lookup: str, test: Test, negated: bool, every: bool, absent: bool) -> Answers:
    """`every`: all values must fit, or with `negated` none; otherwise one of them is enough."""
    decisive = not every

    def answer(context: RequestContext) -> Answer:
        given = context.get(lookup)
        if given is None or given == ():
            return absent
        answers = [
            test(value, context) for value in ((given,) if isinstance(given, str) else given)
        ]
        if negated:
            answers = [_OPPOSITE[each] for each in answers]
        if decisive in answers:
            return decisive
        return None if None in answers else every

    return answer


# --- Reading ------------------------------------------------------------------------------


def compile_condition(
    block: Any, with_variables: bool, ignored: frozenset[str] = frozenset()
) -> tuple[ConditionTest, ...]:
    """The tests of a Condition element. Raises PolicyError where any of it cannot be read.

    `ignored` has names of condition keys, in lower case, that always read as absent.
    """
    if not isinstance(block, dict):
        raise PolicyError("Policy has a Condition that is not a JSON object.", "Condition")
    tests: list[ConditionTest] = []
    for operator, members in block.items():
        try:
            takes_variables = _takes_variables(operator) and with_variables
            for name, values in _members(members).items():
                texts = _texts(name, values)
                tests.append(ConditionTest(operator, name, texts, takes_variables, ignored))
        except PolicyError as problem:
            raise PolicyError(str(problem), f"Condition, {_cut(str(operator))}") from None
    return tuple(tests)


def _parts(operator: str) -> tuple[str, str, bool]:
    """Set operator or "", operator, and whether IfExists follows. Case counts, as AWS has it."""
    found = _OPERATOR.fullmatch(operator)
    set_operator, base, if_exists = found.groups() if found else ("", "", None)
    # Null itself asks whether there are values: of one at a time it makes no sense.
    if base not in OPERATORS and operator != "Null":
        raise PolicyError(f"Policy has an unknown condition operator: {_cut(operator)}.")
    return set_operator or "", base, bool(if_exists)


def _takes_variables(operator: str) -> bool:
    _, base, _ = _parts(operator)
    return base != "Null" and OPERATORS[base].takes_variables


def _members(members: Any) -> dict[str, Any]:
    if not isinstance(members, dict):
        raise PolicyError("Policy has a condition operator without a JSON object.")
    for name in members:
        vendor, colon, rest = name.partition(":")
        if not (vendor and colon and rest):
            raise PolicyError(
                f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: "
                f"{_cut(name)}"
            )
        if "${" in name:
            raise PolicyError(f"Policy has a variable in a condition key: {_cut(name)}.")
    return members


def _texts(name: str, values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise PolicyError(f"Policy has a condition without values: {_cut(name)}.")
    return tuple(_text(name, value) for value in listed)


def _text(name: str, value: Any) -> str:
    """A value as text: JSON numbers and booleans count as what stands in the policy for them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        try:
            return json.dumps(value, allow_nan=False)
        except ValueError:
            pass
    raise PolicyError(f"Policy has a condition value that is not text: {_cut(name)}.")
