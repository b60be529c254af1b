"""The condition operators: what each asks of one value of a request.

IAM User Guide, "Condition operators". Each operator compiles the values of a policy into a test
of one value. Negation, the set operators, IfExists and absent condition keys are not known here:
they belong to the condition as a whole.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from kmslab.access import readings
from kmslab.access.context import RequestContext
from kmslab.access.variables import Template, template
from kmslab.access.wildcards import Matches, Pieces, arn_matching, matching
from kmslab.errors import PolicyError

Answer = bool | None
"""None where it cannot be told: an Allow then does not allow, and a Deny denies."""

Test = Callable[[str, RequestContext], Answer]
"""Whether one value of a request fits any value of the policy."""

Compile = Callable[[Sequence[str], bool, Answer], Test]
"""Of the policy's values, whether variables are read in them, and the answer where a variable has
no value and nothing else fits. Raises PolicyError where a value cannot be read."""

T = TypeVar("T")
Read = Callable[[str], T | None]
"""A text as what it stands for; None where it does not."""


class Operator(NamedTuple):
    """`negated`: it holds where the test fails. `takes_variables`: its values may have them."""

    compile: Compile
    negated: bool = False
    takes_variables: bool = False


# --- Texts, with policy variables ---------------------------------------------------------

Fits = Callable[[str], bool]
AnyOf = Callable[[list[Pieces]], Fits]


def _texts(any_of: AnyOf, read: Read[str] | None = None) -> Compile:
    """Values that are texts. `read` is how a value of the request is read first, if at all."""

    def compile_texts(values: Sequence[str], with_variables: bool, unresolved: Answer) -> Test:
        templates = [template(value, with_variables) for value in values]
        fits = any_of([each.fixed for each in templates if each.fixed is not None])
        varying = tuple(each for each in templates if each.fixed is None)
        test = _varying(fits, varying, any_of, unresolved) if varying else _unvarying(fits)
        return test if read is None else _reading(read, test)

    return compile_texts


def _unvarying(fits: Fits) -> Test:
    return lambda value, context: fits(value)


def _varying(fits: Fits, varying: tuple[Template, ...], any_of: AnyOf, unresolved: Answer) -> Test:
    def test(value: str, context: RequestContext) -> Answer:
        if fits(value):
            return True
        filled = [each.fill(context) for each in varying]
        if any_of([pieces for pieces in filled if pieces is not None])(value):
            return True
        return unresolved if None in filled else False

    return test


def _reading(read: Read[str], test: Test) -> Test:
    def reading(value: str, context: RequestContext) -> Answer:
        given = read(value)
        return None if given is None else test(given, context)

    return reading


def _equals(many: list[Pieces]) -> Fits:
    return frozenset("".join(pieces) for pieces in many).__contains__


def _equals_lower(many: list[Pieces]) -> Fits:
    return frozenset("".join(pieces).lower() for pieces in many).__contains__


def _equals_bool(many: list[Pieces]) -> Fits:
    # Read one by one: what a variable brings and is no Bool just fits nothing.
    return frozenset(readings.boolean("".join(pieces)) for pieces in many).__contains__


def _fits_one(make: Callable[[Pieces], Matches]) -> AnyOf:
    def any_of(many: list[Pieces]) -> Fits:
        tests = tuple(make(pieces) for pieces in many)
        if len(tests) == 1:
            return lambda text: bool(tests[0](text))
        return lambda text: any(test(text) for test in tests)

    return any_of


def _compile_bools(values: Sequence[str], with_variables: bool, unresolved: Answer) -> Test:
    for value in values:
        fixed = template(value, with_variables).fixed
        if fixed is not None and readings.boolean("".join(fixed)) is None:
            raise _unreadable("a Bool", value)
    return _texts(_equals_bool, readings.boolean)(values, with_variables, unresolved)


def _unreadable(what: str, value: str) -> PolicyError:
    return PolicyError(f"Policy has a condition value that is not {what}: {value[:100]}.")


# --- Everything else, without variables ---------------------------------------------------


def _values(
    what: str,
    read: Read[Any],
    any_of: Callable[[list[Any]], Callable[[Any], bool]],
    read_wanted: Read[Any] | None = None,
) -> Compile:
    """Values that `read` understands; those of the policy in another way, if `read_wanted`."""

    def compile_values(values: Sequence[str], with_variables: bool, unresolved: Answer) -> Test:
        wanted = [(read_wanted or read)(value) for value in values]
        if None in wanted:
            raise _unreadable(what, values[wanted.index(None)])
        fits = any_of(wanted)

        def test(value: str, context: RequestContext) -> Answer:
            given = read(value)
            return None if given is None else fits(given)

        return test

    return compile_values


def _among(wanted: list[T]) -> Callable[[T], bool]:
    return frozenset(wanted).__contains__


def _beyond(
    compare: Callable[[Any, Any], bool], widest: Callable[[list[Any]], Any]
) -> Callable[[list[Any]], Callable[[Any], bool]]:
    """What is less than any of many values is less than the greatest of them."""

    def any_of(wanted: list[Any]) -> Callable[[Any], bool]:
        limit = widest(wanted)
        return lambda given: compare(given, limit)

    return any_of


def _in_networks(networks: list[readings.Network]) -> Callable[[readings.Address], bool]:
    """Networks of one size differ in their leading bits only: one look into a set for each size."""
    leading: dict[tuple[int, int], set[int]] = defaultdict(set)
    for network in networks:
        host_bits = network.max_prefixlen - network.prefixlen
        address = int(network.network_address)
        leading[network.version, host_bits].add(address >> host_bits)

    def contain(given: readings.Address) -> bool:
        version, bits = given.version, int(given)
        return any(
            bits >> host_bits in found
            for (of_version, host_bits), found in leading.items()
            if of_version == version
        )

    return contain


# --- Their names --------------------------------------------------------------------------


def _both(
    name: str, negated_name: str, compile_values: Compile, takes_variables: bool = False
) -> dict[str, Operator]:
    return {
        name: Operator(compile_values, False, takes_variables),
        negated_name: Operator(compile_values, True, takes_variables),
    }


def _ordered(kind: str, what: str, read: Read[Any]) -> dict[str, Operator]:
    equals = _values(what, read, _among)
    limits = {
        "LessThan": _beyond(operator.lt, max),
        "LessThanEquals": _beyond(operator.le, max),
        "GreaterThan": _beyond(operator.gt, min),
        "GreaterThanEquals": _beyond(operator.ge, min),
    }
    compared = {f"{kind}{n}": Operator(_values(what, read, each)) for n, each in limits.items()}
    return _both(f"{kind}Equals", f"{kind}NotEquals", equals) | compared


_EQUALS, _LIKE = _texts(_equals), _texts(_fits_one(matching))
_IGNORING_CASE = _texts(_equals_lower, str.lower)
_ARN_LIKE = _texts(_fits_one(arn_matching), readings.arn)
_IN_NETWORKS = _values(
    "an IP address or CIDR block", readings.address, _in_networks, readings.network
)

OPERATORS: dict[str, Operator] = {
    **_both("StringEquals", "StringNotEquals", _EQUALS, True),
    **_both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _IGNORING_CASE, True),
    **_both("StringLike", "StringNotLike", _LIKE, True),
    **_both("ArnEquals", "ArnNotEquals", _ARN_LIKE, True),
    **_both("ArnLike", "ArnNotLike", _ARN_LIKE, True),
    **_ordered("Numeric", "a number", readings.number),
    **_ordered("Date", "a date", readings.seconds),
    **_both("IpAddress", "NotIpAddress", _IN_NETWORKS),
    "Bool": Operator(_compile_bools, takes_variables=True),
    "BinaryEquals": Operator(_values("base64", readings.binary, _among)),
}
