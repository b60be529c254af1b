"""Conditions: every operator, what is absent, many values, and what cannot be told."""

import sys

import pytest
from growth import growth
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kmslab.access.conditions import compile_condition
from kmslab.access.context import RequestContext, folded
from kmslab.access.operators import OPERATORS
from kmslab.errors import PolicyError

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234"
ABSENT = None
UNTOLD = "cannot be told"


def condition(operator, values, name="a:b", with_variables=True, ignored=frozenset()):
    (test,) = compile_condition({operator: {name: values}}, with_variables, ignored)
    return test


def request(value, **others):
    members = {name.replace("_", ":"): other for name, other in others.items()}
    return RequestContext.of(members if value is ABSENT else {"a:b": value} | members)


def outcome(operator, values, value, **others):
    """True, False, or UNTOLD: what no Allow takes for true and no Deny for false."""
    test, context = condition(operator, values), request(value, **others)
    holds, may_hold = test.holds(context), test.may_hold(context)
    assert may_hold or not holds
    assert holds or test.words(context)
    return holds if holds is may_hold else UNTOLD


# --- Every operator on one value ----------------------------------------------------------


ON_ONE_VALUE = [
    ("StringEquals", "x", "x", True),
    ("StringEquals", "x", "X", False),
    ("StringEquals", "x*", "xy", False),
    ("StringEquals", "x*", "x*", True),
    ("StringEquals", ["y", "x"], "x", True),
    ("StringEquals", "", "", True),
    ("StringEquals", 10, "10", True),
    ("StringEquals", True, "true", True),
    ("StringNotEquals", "x", "x", False),
    ("StringNotEquals", "x", "X", True),
    ("StringNotEquals", ["x", "y"], "y", False),
    ("StringNotEquals", ["x", "y"], "z", True),
    ("StringEqualsIgnoreCase", "xY", "Xy", True),
    ("StringEqualsIgnoreCase", "x", "y", False),
    ("StringNotEqualsIgnoreCase", "xY", "Xy", False),
    ("StringNotEqualsIgnoreCase", "x", "y", True),
    ("StringLike", "x*", "xyz", True),
    ("StringLike", "x?", "xyz", False),
    ("StringLike", "X*", "xyz", False),
    ("StringLike", ["a*", "?yz"], "xyz", True),
    ("StringNotLike", "x*", "xyz", False),
    ("StringNotLike", ["a*", "?yz"], "xyz", False),
    ("StringNotLike", ["a*", "b*"], "xyz", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "010", True),
    ("NumericEquals", ["1", "-2.5"], "-2.50", True),
    ("NumericEquals", "10", "11", False),
    ("NumericNotEquals", "10", "10.0", False),
    ("NumericNotEquals", ["1", "2"], "3", True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThan", ["5", "10"], "9", True),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThanEquals", "10", "10.1", False),
    ("NumericGreaterThan", "10", "9", False),
    ("NumericGreaterThan", ["10", "5"], "9", True),
    ("NumericGreaterThan", "10", "10", False),
    ("NumericGreaterThanEquals", "10", "10", True),
    ("NumericGreaterThanEquals", "10", "9.99", False),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", True),
    ("DateEquals", "2026-01-01T01:00+01:00", "1767225600", True),
    ("DateEquals", ["2026-01-01", "2026-01-03"], "2026-01-02", False),
    ("DateNotEquals", "2026-01-01", "2026-01-01T00:00:00Z", False),
    ("DateNotEquals", "2026-01-01", "2026-01-01T00:00:01Z", True),
    ("DateLessThan", "2026-01-02T00:00:00Z", "2026-01-01T23:59:59.5Z", True),
    ("DateLessThan", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", False),
    ("DateLessThanEquals", "2026-01-02", "2026-01-02T00:00:00Z", True),
    ("DateLessThanEquals", "2026-01-02", "2026-01-02T00:00:00.001Z", False),
    ("DateGreaterThan", "2026-01-02", "2026-01-02T00:00:00.001Z", True),
    ("DateGreaterThan", "1767225600", "2025-12-31T23:59:59Z", False),
    ("DateGreaterThanEquals", "2026-01-02", "2026-01-02T00:00:00Z", True),
    ("DateGreaterThanEquals", "2026-01-02", "2026-01-01T00:00:00Z", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "TRUE", True),
    ("Bool", "True", "false", False),
    ("Bool", False, "false", True),
    ("Bool", ["true", "false"], "false", True),
    ("BinaryEquals", "AQID", "AQID", True),
    ("BinaryEquals", "AQID", "AQIE", False),
    ("BinaryEquals", "AQ==", "AR==", True),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
    ("IpAddress", "10.1.2.3", "10.1.2.3", True),
    ("IpAddress", "10.1.2.3/24", "10.1.2.200", True),
    ("IpAddress", ["192.168.0.0/16", "2001:db8::/32"], "2001:db8:0::1", True),
    ("IpAddress", "0.0.0.0/0", "::1", False),
    ("IpAddress", "::/0", "10.0.0.1", False),
    ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
    ("NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "12.1.2.3", True),
    ("ArnEquals", "arn:aws:kms:*:*:key/*", KEY, True),
    ("ArnEquals", "arn:aws:kms:*:*:alias/*", KEY, False),
    ("ArnLike", "arn:aws:kms:*:*:key/*", KEY, True),
    ("ArnLike", ["arn:aws:s3:::*", KEY], KEY, True),
    ("ArnLike", "arn:aws:kms:*", KEY, False),
    ("ArnLike", "*", KEY, True),
    ("ArnNotEquals", "arn:aws:kms:*:*:key/*", KEY, False),
    ("ArnNotEquals", "arn:aws:kms:*:*:alias/*", KEY, True),
    ("ArnNotLike", "arn:aws:kms:*:*:key/*", KEY, False),
    ("ArnNotLike", ["arn:aws:s3:::*", "arn:aws:sns:*:*:*"], KEY, True),
]


@pytest.mark.parametrize(("operator", "values", "value", "expected"), ON_ONE_VALUE)
def test_an_operator_on_one_value(operator, values, value, expected):
    assert outcome(operator, values, value) is expected
    assert outcome(f"{operator}IfExists", values, value) is expected
    assert outcome(operator, values, (value,)) is expected
    assert outcome(f"ForAnyValue:{operator}", values, value) is expected
    assert outcome(f"ForAllValues:{operator}", values, (value,)) is expected


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_the_table_above_has_both_answers_of_every_operator(operator):
    assert {row[3] for row in ON_ONE_VALUE if row[0] == operator} == {True, False}


# --- Absent condition keys ----------------------------------------------------------------

VALUE_OF = {"Numeric": "1", "Date": "2026-01-01", "Bool": "true", "Binary": "AQID", "Arn": KEY}
VALUE_OF |= {"IpAddress": "10.0.0.1", "NotIpAddress": "10.0.0.1", "String": "x"}


def fitting(operator):
    """A value that `operator`, or what it negates, takes for equal."""
    return next(value for start, value in VALUE_OF.items() if operator.startswith(start))


@pytest.mark.parametrize("nothing", [ABSENT, ()], ids=["absent", "empty"])
@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_an_absent_condition_key_fails_unless_negated_or_if_exists(operator, nothing):
    value = fitting(operator)
    assert outcome(operator, value, nothing) is ("Not" in operator)
    assert outcome(f"{operator}IfExists", value, nothing) is True
    assert outcome(f"ForAllValues:{operator}", value, nothing) is True
    assert outcome(f"ForAnyValue:{operator}", value, nothing) is False
    assert outcome(f"ForAnyValue:{operator}IfExists", value, nothing) is True


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ("true", ABSENT, True),
        ("true", (), True),
        ("true", "x", False),
        ("true", "", False),
        (True, ABSENT, True),
        ("False", "x", True),
        ("false", ("x", "y"), True),
        ("false", ABSENT, False),
        (["true", "false"], "x", True),
    ],
)
def test_null_asks_whether_a_condition_key_is_absent(values, value, expected):
    assert outcome("Null", values, value) is expected


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringEquals", "Null"])
def test_an_ignored_condition_key_reads_as_absent(operator):
    wanted = "true" if operator == "Null" else "x"
    test = condition(operator, wanted, "A:B", ignored=frozenset({"a:b"}))
    assert test.holds(request("x")) is (operator != "StringEquals")
    assert test.may_hold(request("x")) is (operator != "StringEquals")
    if operator == "StringEquals":
        assert test.words(request("x")) == "A:B is not in the request, StringEquals wants x"


# --- Many values --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("ForAllValues:StringEquals", ["x", "y"], ("x", "y"), True),
        ("ForAllValues:StringEquals", ["x", "y"], ("x", "z"), False),
        ("ForAllValues:StringNotEquals", ["x", "y"], ("v", "w"), True),
        ("ForAllValues:StringNotEquals", ["x", "y"], ("v", "x"), False),
        ("ForAnyValue:StringEquals", ["x", "y"], ("z", "y"), True),
        ("ForAnyValue:StringEquals", ["x", "y"], ("z", "w"), False),
        ("ForAnyValue:StringNotEquals", ["x", "y"], ("x", "z"), True),
        ("ForAnyValue:StringNotEquals", ["x", "y"], ("x", "y"), False),
        ("ForAnyValue:StringLike", "alias/a*", ("alias/b", "alias/ab"), True),
        ("ForAllValues:StringLike", "alias/a*", ("alias/b", "alias/ab"), False),
        ("ForAllValues:NumericLessThan", "5", ("1", "4"), True),
        ("ForAllValues:NumericLessThan", "5", ("1", "x"), UNTOLD),
        ("ForAllValues:NumericLessThan", "5", ("7", "x"), False),
        ("ForAnyValue:NumericLessThan", "5", ("1", "x"), True),
        ("ForAnyValue:NumericLessThan", "5", ("7", "x"), UNTOLD),
        ("ForAnyValue:NumericNotEquals", "5", ("5", "x"), UNTOLD),
    ],
)
def test_set_operators_ask_every_value_or_any(operator, values, value, expected):
    assert outcome(operator, values, value) is expected


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_many_values_without_a_set_operator_cannot_be_told(operator):
    value = fitting(operator)
    assert outcome(operator, value, (value, value)) is UNTOLD
    assert outcome(f"{operator}IfExists", value, (value, value)) is UNTOLD


# --- What cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operators", "value"),
    [
        (("NumericEquals", "NumericNotEquals", "NumericLessThan"), "abc"),
        (("NumericEquals", "NumericNotEquals", "NumericGreaterThan"), "1e3"),
        (("NumericEquals", "NumericNotEquals"), "nan"),
        (("NumericEquals", "NumericNotEquals"), "١"),
        (("NumericEquals", "NumericNotEquals"), ""),
        (("DateEquals", "DateNotEquals", "DateLessThan"), "tomorrow"),
        (("DateEquals", "DateNotEquals"), "2026-02-30"),
        (("DateEquals", "DateNotEquals"), "2026-01-01T00:00:00"),
        (("DateEquals", "DateNotEquals"), "2026"),
        (("Bool",), "yes"),
        (("BinaryEquals",), "AQI"),
        (("IpAddress", "NotIpAddress"), "10.0.0.256"),
        (("IpAddress", "NotIpAddress"), "10.0.0.0/8"),
        (("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"), "alice"),
    ],
)
def test_a_value_that_the_operator_cannot_read_never_allows_and_always_denies(operators, value):
    for operator in operators:
        assert outcome(operator, fitting(operator), value) is UNTOLD
        assert outcome(f"{operator}IfExists", fitting(operator), value) is UNTOLD
        said = condition(operator, fitting(operator)).words(request(value))
        assert said == f'a:b is "{value}", which {operator} cannot read'


UNREADABLE = [
    *(None, [], "x", 1, {"StringEquals": None}, {"StringEquals": []}, {"StringEquals": "x"}),
    *({"": {"a:b": "x"}}, {"stringequals": {"a:b": "x"}}, {"StringEqual": {"a:b": "x"}}),
    *({"IfExists": {"a:b": "x"}}, {"StringEqualsIfExistsIfExists": {"a:b": "x"}}),
    *({"ForAllValues:": {"a:b": "x"}}, {"ForNoValues:StringEquals": {"a:b": "x"}}),
    *({"ForAllValuesStringEquals": {"a:b": "x"}}, {" StringEquals": {"a:b": "x"}}),
    *({":StringEquals": {"a:b": "x"}}, {"ForAnyValue:ForAllValues:Bool": {"a:b": "true"}}),
    *({"NullIfExists": {"a:b": "true"}}, {"ForAllValues:Null": {"a:b": "true"}}),
    *({"StringEquals": {"": "x"}}, {"StringEquals": {"a": "x"}}, {"StringEquals": {":b": "x"}}),
    *({"StringEquals": {"a:": "x"}}, {"StringEquals": {"aws:PrincipalTag/${a:b}": "x"}}),
    *({"StringEquals": {"a:b": value}} for value in (None, {}, [], [None], [["x"]], {"x": "y"})),
    *({"StringEquals": {"a:b": value}} for value in (float("nan"), [float("inf")], "${}")),
    *({"NumericEquals": {"a:b": value}} for value in ("x", "", True, ["1", "x"], "1e3", "${a:b}")),
    *({"NumericLessThan": {"a:b": value}} for value in ("1 ", "0x1", "NaN", "1,5", "1\n")),
    *({"DateEquals": {"a:b": value}} for value in ("2026-*", "2026", "x", "2026-13-01", "")),
    *({"DateLessThan": {"a:b": value}} for value in ("${a:b}", "2026-01-01T00:00", "20260101T0")),
    *({"Bool": {"a:b": value}} for value in ("yes", "", 1, "true ", ["true", "x"], "${*}")),
    *({"Null": {"a:b": value}} for value in ("yes", "", 0, ["true", "x"], "${a:b}")),
    *({"BinaryEquals": {"a:b": value}} for value in ("A", "AQI", "é", "A Q I D")),
    *({"IpAddress": {"a:b": value}} for value in ("x", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8")),
    *({"NotIpAddress": {"a:b": value}} for value in ("10.0.0.0/255.0.0.0", "::/129", "*", "")),
]


@pytest.mark.parametrize("block", UNREADABLE, ids=repr)
def test_what_is_no_condition_is_refused_with_its_place(block):
    with pytest.raises(PolicyError) as caught:
        compile_condition(block, True)
    assert caught.value.place.startswith("Condition")
    for operator in block if isinstance(block, dict) else ():
        assert caught.value.place == f"Condition, {operator}"


@given(st.text("ForAllValuesAnyStringEqualsNullIfExistsBool:", max_size=30) | st.text())
def test_an_unknown_operator_is_always_refused(operator):
    bare = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    assume(bare.removesuffix("IfExists") not in OPERATORS and operator != "Null")
    with pytest.raises(PolicyError):
        compile_condition({operator: {"a:b": "true"}}, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [*OPERATORS, "Null", "NullIfExists", "ForAnyValue:Bool", "ForAllValues:Null"]
)


@settings(max_examples=200)
@given(
    json_values | st.dictionaries(names, json_values | st.dictionaries(st.just("a:b"), json_values))
)
def test_whatever_stands_there_is_read_or_refused(block):
    try:
        tests = compile_condition(block, True)
    except PolicyError:
        return
    assert len(tests) == sum(map(len, block.values()))
    for test in tests:
        for context in (request(ABSENT), request("x"), request(("x", "y"))):
            assert test.may_hold(context) or not test.holds(context)
            assert test.words(context)


def test_a_number_too_long_for_python_is_refused():
    with pytest.raises(PolicyError):
        compile_condition(
            {"NumericEquals": {"a:b": 10 ** (sys.get_int_max_str_digits() + 1)}}, True
        )


# --- Several operators, names and case ----------------------------------------------------


def test_a_block_has_one_test_for_each_operator_and_name():
    block = {"StringEquals": {"a:b": "x", "a:c": ["y", "z"]}, "Bool": {"a:d": True}}
    tests = compile_condition(block, False)
    assert [(test.operator, test.name, test.values) for test in tests] == [
        ("StringEquals", "a:b", ("x",)),
        ("StringEquals", "a:c", ("y", "z")),
        ("Bool", "a:d", ("true",)),
    ]
    assert compile_condition({}, True) == compile_condition({"StringEquals": {}}, True) == ()


words_of_names = st.text("abAB", min_size=1, max_size=6)


@given(words_of_names, words_of_names, st.data())
def test_the_case_of_names_never_matters_and_that_of_values_does(name, value, drawn):
    other = drawn.draw(st.sampled_from([name.upper(), name.lower(), name.swapcase()]))
    context = RequestContext.of({f"kms:EncryptionContext:{name}": value})
    wanted = f"KMS:encryptioncontext:{other}"
    assert condition("StringEquals", value, wanted).holds(context)
    assert not condition("StringEquals", value.swapcase(), wanted).holds(context)
    assert condition("StringEqualsIgnoreCase", value.swapcase(), wanted).holds(context)


@pytest.mark.parametrize("other", ["\u212aind", "\u212aIND", "k\u0131nd"])
def test_no_letter_beyond_ascii_passes_for_another(other):
    for sent, asked in ((other, "kind"), ("kind", other)):
        context = RequestContext.of({"a:b": "x", f"kms:EncryptionContext:{sent}": "x"})
        asked = f"kms:EncryptionContext:{asked}"
        assert not condition("StringEquals", "x", asked).holds(context)
        assert not condition("StringEquals", f"${{{asked}}}").holds(context)
        assert condition("Null", "true", asked).holds(context)


@given(st.text(max_size=6))
def test_folding_changes_the_letters_of_ascii_alone(name):
    assert folded(name) == "".join(
        letter.lower() if letter.isascii() else letter for letter in name
    )


# --- Properties ---------------------------------------------------------------------------

texts = st.text("aAb*?", max_size=4)
numbers = st.decimals(-99, 99, places=1).map(str) | st.integers(-99, 99).map(str)
dates = st.datetimes().map(lambda date: date.isoformat() + "Z")
addresses = st.ip_addresses().map(str)
arns = texts.map(lambda text: f"arn:aws:s3:::{text}")
WHAT = {"String": texts, "Arn": arns, "Numeric": numbers, "Date": dates, "IpAddress": addresses}
PAIRS = [
    (name, negated)
    for name in OPERATORS
    for negated in (
        f"Not{name}",
        name.replace("Equals", "NotEquals"),
        name.replace("Like", "NotLike"),
    )
    if negated != name and negated in OPERATORS
]


@st.composite
def comparisons(draw):
    """A positive operator, its negation, some values of a policy, some of a request."""
    positive, negated = draw(st.sampled_from(PAIRS))
    values = next(each for start, each in WHAT.items() if positive.startswith(start))
    some = st.lists(values, min_size=1, max_size=3)
    given_values = draw(some)
    wanted = draw(st.lists(values | st.sampled_from(given_values), min_size=1, max_size=3))
    return positive, negated, wanted, tuple(given_values)


def test_every_negated_operator_has_its_positive_one():
    assert len({negated for _, negated in PAIRS}) == sum(
        each.negated for each in OPERATORS.values()
    )


@settings(max_examples=500)
@given(comparisons())
def test_a_negated_operator_is_the_exact_opposite_on_one_value(comparison):
    positive, negated, wanted, (value, *_) = comparison
    holds = outcome(positive, wanted, value)
    assert holds is not UNTOLD
    assert outcome(negated, wanted, value) is (not holds)


@settings(max_examples=500)
@given(comparisons())
def test_any_value_fits_exactly_where_not_all_values_differ(comparison):
    positive, negated, wanted, values = comparison
    for one, other in ((positive, negated), (negated, positive)):
        anyone = outcome(f"ForAnyValue:{one}", wanted, values)
        assert anyone is (not outcome(f"ForAllValues:{other}", wanted, values))


@settings(max_examples=300)
@given(comparisons())
def test_several_values_are_as_good_as_each_on_its_own(comparison):
    positive, _, wanted, (value, *_) = comparison
    each = [outcome(positive, one, value) for one in wanted]
    assert outcome(positive, wanted, value) is any(each)


@given(st.lists(numbers, min_size=1, max_size=3), numbers)
def test_order_is_that_of_numbers(wanted, value):
    for operator, compare in {
        "NumericLessThan": float.__lt__,
        "NumericLessThanEquals": float.__le__,
        "NumericGreaterThan": float.__gt__,
        "NumericGreaterThanEquals": float.__ge__,
    }.items():
        expected = any(compare(float(value), float(one)) for one in wanted)
        assert outcome(operator, wanted, value) is expected


# --- Policy variables in values -----------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "alice", True),
        ("StringEquals", "bob", False),
        ("StringNotEquals", "alice", False),
        ("StringNotEquals", "bob", True),
        ("StringEqualsIgnoreCase", "ALICE", True),
        ("StringLike", "alice", True),
        ("StringNotLike", "bob", True),
    ],
)
def test_a_variable_is_filled_from_the_request(operator, value, expected):
    assert outcome(operator, "${aws:username}", value, aws_username="alice") is expected
    assert outcome(operator, ["x", "${aws:username}"], value, aws_username="alice") is expected


def test_a_variable_in_an_arn_or_a_bool_is_filled_too():
    user = "arn:aws:iam::*:user/${aws:username}"
    alice = "arn:aws:iam::111122223333:user/alice"
    assert outcome("ArnLike", user, alice, aws_username="alice") is True
    assert outcome("ArnLike", user, alice, aws_username="*") is False
    assert outcome("Bool", "${c:d}", "true", c_d="TRUE") is True
    assert outcome("Bool", "${c:d}", "true", c_d="x") is False


@pytest.mark.parametrize("brought", [{}, {"aws_username": ("alice",)}], ids=["absent", "many"])
def test_a_variable_without_a_value_fits_nothing_and_forbids_nothing_for_sure(brought):
    assert outcome("StringEquals", "${aws:username}", "alice", **brought) is False
    assert outcome("StringLike", "${aws:username}*", "alice", **brought) is False
    assert outcome("StringNotEquals", "${aws:username}", "alice", **brought) is UNTOLD
    assert outcome("StringNotEquals", ["alice", "${aws:username}"], "alice", **brought) is False
    assert outcome("StringEquals", ["alice", "${aws:username}"], "alice", **brought) is True
    said = condition("StringNotEquals", "${aws:username}").words(request("alice", **brought))
    assert said == (
        'a:b is "alice", StringNotEquals wants anything but ${aws:username}, '
        "and ${aws:username} has no single value in the request"
    )


@given(st.text("ab*?", max_size=5), st.text("ab", max_size=5))
def test_what_a_variable_brings_is_never_a_wildcard(brought, value):
    for operator in ("StringLike", "StringEquals"):
        same = outcome(operator, "x${aws:username}", f"x{value}", aws_username=brought)
        assert same is (brought == value)


def test_without_variables_their_text_is_text():
    test = condition("StringEquals", "${aws:username}", with_variables=False)
    assert test.holds(request("${aws:username}"))
    assert condition("StringLike", "${", with_variables=True).holds(request("${"))


# --- Words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "value", "said"),
    [
        ("StringEquals", "s3", ABSENT, "a:b is not in the request, StringEquals wants s3"),
        ("StringEquals", "payroll", "sales", 'a:b is "sales", StringEquals wants payroll'),
        (
            "StringNotLike",
            ["s*", "t"],
            "sales",
            'a:b is "sales", StringNotLike wants anything but s*, t',
        ),
        ("StringEquals", list("vwxyz"), "a", 'a:b is "a", StringEquals wants v, w, x or 2 others'),
        ("Null", "true", "x", "a:b is in the request, Null wants it absent"),
        ("Null", "false", ABSENT, "a:b is not in the request, Null wants it present"),
        (
            "ForAllValues:StringEquals",
            "x",
            tuple("xyzvw"),
            'a:b is "x", "y", "z" and 2 others, ForAllValues:StringEquals wants x',
        ),
        (
            "StringEquals",
            "x",
            ("x", "y"),
            'a:b is "x", "y", StringEquals wants one value: without ForAnyValue it reads no list',
        ),
    ],
)
def test_words_say_why_a_condition_does_not_hold(operator, values, value, said):
    test, context = condition(operator, values), request(value)
    assert not test.holds(context)
    assert test.words(context) == said


def test_words_show_what_a_variable_stands_for():
    test = condition("StringEquals", ["${aws:username}", "${c:d, 'e'}"])
    assert test.words(request("bob", aws_username="alice")) == (
        'a:b is "bob", StringEquals wants alice, e'
    )


def test_words_stay_short_and_on_one_line():
    said = condition("StringEquals", "x" * 5000, "a:" + "b" * 5000).words(
        RequestContext.of({"a:" + "b" * 5000: "\n\ud800" * 5000})
    )
    assert len(said) < 1000
    assert "\n" not in said
    assert said.encode()


# --- Time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "made", "value"),
    [
        ("StringEquals", lambda n: f"v{n}", "w"),
        ("StringLike", lambda n: f"v{n}*x*y", "w"),
        ("NumericEquals", lambda n: n, "-1"),
        ("IpAddress", lambda n: f"10.{n // 256}.{n % 256}.0/24", "11.0.0.0"),
        ("ArnLike", lambda n: f"arn:aws:s3:::b{n}/*", KEY),
        ("StringLike", lambda n: "${a:b}*" + str(n), "w"),
    ],
)
def test_the_time_for_a_condition_grows_with_its_values_and_no_faster(operator, made, value):
    def decide(count):
        assert not condition(operator, [made(n) for n in range(count)]).holds(request(value))

    # Ten times the values: about 10 where the time grows with them, 100 where with their square.
    assert growth(decide, 1_000, 10_000) < 40


def test_a_condition_asks_the_context_for_its_name_only():
    asked = []

    class Asked(dict):
        def get(self, name):
            asked.append(name)

    condition("StringEquals", "x", "kms:ViaService").holds(RequestContext(Asked))
    assert asked == ["kms:viaservice"]
