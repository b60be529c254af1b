"""Wildcards, ARN patterns and policy variables: which texts fit, and what is always literal."""

import subprocess
import sys

import pytest
from growth import growth
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.access.context import RequestContext
from kmslab.access.variables import resource_pattern, template
from kmslab.access.wildcards import arn_matching, arn_pattern, matching, wildcard
from kmslab.errors import PolicyError

EMPTY = RequestContext.of({})
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234"


def fits(pieces, text):
    """Slow and plain: one row of a table for each letter of the pattern."""
    letters = [(letter, number % 2 == 0) for number, piece in enumerate(pieces) for letter in piece]
    row = [True] + [False] * len(text)
    for letter, special in letters:
        if special and letter == "*":
            row = [any(row[: at + 1]) for at in range(len(row))]
        else:
            same = [(special and letter == "?") or letter == one for one in text]
            row = [False] + [row[at] and same[at] for at in range(len(text))]
    return row[-1]


patterns = st.text("ab*?\\.", max_size=10) | st.text("a*", max_size=6)
subjects = st.text("ab*?\\.\n", max_size=12) | st.text("a", max_size=6)


@settings(max_examples=1000)
@given(patterns, subjects)
def test_a_pattern_fits_what_the_table_says(pattern, subject):
    assert bool(wildcard(pattern)(subject)) is fits((pattern,), subject)


@settings(max_examples=1000)
@given(st.tuples(patterns, subjects, patterns, subjects, patterns), subjects)
def test_in_pieces_only_the_patterns_have_wildcards(pieces, subject):
    assert bool(matching(pieces)(subject)) is fits(pieces, subject)


def test_what_stands_before_and_after_a_star_never_overlaps():
    for pattern in ("a*a", "ab*ba", "a?*?a", "a*?a", "a*b*ba", "*a?*a", "*a?*a?*"):
        shortest = pattern.replace("*", "").replace("?", "a")
        assert wildcard(pattern)(shortest)
        assert not wildcard(pattern)(shortest[:-2] + shortest[-1])


@given(subjects)
def test_a_literal_piece_fits_itself_alone(text):
    matches = matching(("", text, ""))
    assert matches(text)
    assert not matches(text + "a")
    assert not matches("a" + text)


@pytest.mark.parametrize(
    "pattern",
    [
        *("*a*a*a*b", "*a" * 40 + "*b", "a*" * 2000 + "b", "*?" * 100 + "b", "*a?a*a?*b"),
        *("*" + "a" * 50 + "b*", "*" * 5000 + "b", "*" + "a" * 1000 + "b", "*?" + "a" * 1000 + "b"),
    ],
    ids=lambda pattern: pattern[:9],
)
@pytest.mark.parametrize(("period", "end"), [("a", ""), ("a", "c"), ("ab", "a")])
def test_a_pattern_made_to_take_long_takes_time_as_the_text_is_long(pattern, period, end):
    matches = wildcard(pattern)

    def decide(letters):
        matches(period * (letters // len(period)) + end)

    # Four times the text: about 4 where the time grows with it, 16 where with its square.
    assert growth(decide, 100_000, 400_000) < 10


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("'*' + 'a' * 30_000 + '?b*'", "'a' * 1_000_000"),
        ("'*' + 'a' * 30_000 + '?b*'", "'a' * 1_000_000 + 'b'"),
        ("'*' + 'a?' * 15_000 + 'b*'", "'a' * 1_000_000 + 'c'"),
        ("'*?a' * 10_000 + '*b'", "'a' * 200_000"),
        ("'*' + ''.join(map(chr, range(256, 10_000))) + '?b'", "''.join(map(chr, range(9000)))"),
    ],
    ids=["runs", "runs and an end", "marks", "many pieces", "many letters"],
)
def test_question_marks_cannot_make_it_take_long(pattern, text):
    source = "from kmslab.access.wildcards import wildcard\nwildcard({})({})"
    subprocess.run([sys.executable, "-c", source.format(pattern, text)], timeout=20, check=True)


# --- ARNs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (KEY, True),
        ("arn:aws:kms:*:*:key/*", True),
        ("arn:aws:kms:us-east-?:111122223333:key/12?4", True),
        ("*:*:*:*:*:*", True),
        ("arn:aws:kms:*:111122223333:*", True),
        (KEY.upper(), False),
        ("arn:aws:kms:*:444455556666:key/*", False),
        ("arn:aws:kms:*:alias/*", False),
        ("arn:aws:kms:*", False),
        ("arn:*", False),
        ("arn*1234", False),
        ("**", False),
        ("key/1234", False),
        ("", False),
    ],
)
def test_the_parts_of_an_arn_are_compared_each_on_its_own(pattern, matches):
    assert bool(arn_pattern(pattern)(KEY)) is matches


def test_a_star_within_an_arn_reaches_over_no_colon_but_those_of_the_last_part():
    assert arn_pattern("arn:aws:logs:*:*:group:*:b")("arn:aws:logs:r:a:group:x:y:b")
    assert not arn_pattern("arn:aws:*:a:group")("arn:aws:logs:r:a:group")
    assert not arn_pattern("arn:aws:*:r:a:group")("arn:aws:logs:x:r:a:group")


@pytest.mark.parametrize("text", ["", "*", "alice", "arn:aws:kms:r:a", KEY.replace("arn", "urn")])
@pytest.mark.parametrize("pattern", ["*", "*:*:*:*:*:*", "arn:aws:kms:*:*:key/*"])
def test_what_is_no_arn_matches_no_pattern_of_arns(pattern, text):
    assert not arn_pattern(pattern)(text)
    assert not arn_pattern(text)(text)


parts = st.text("ab*?", max_size=4)
arns = st.tuples(*[parts] * 4, st.text("ab*?:", max_size=6)).map(lambda five: ("arn", *five))


@settings(max_examples=500)
@given(arns, arns)
def test_an_arn_pattern_agrees_with_its_parts(pattern, given_parts):
    expected = all(fits((one,), other) for one, other in zip(pattern, given_parts, strict=True))
    assert bool(arn_pattern(":".join(pattern))(":".join(given_parts))) is expected


@given(st.text("a:*?", min_size=1, max_size=6))
def test_what_is_put_into_an_arn_pattern_is_literal_and_starts_no_part(text):
    matches = arn_matching(("arn:aws:s3:::", text, ""))
    assert matches(f"arn:aws:s3:::{text}")
    assert not matches("arn:aws:s3:::" + text.replace("*", "b").replace("?", "b") + "b")
    assert not arn_matching(("arn:aws:s3", ":::b", ""))("arn:aws:s3:::b")


# --- Policy variables ---------------------------------------------------------------------

ALICE = RequestContext.of(
    {"aws:username": "alice", "aws:PrincipalTag/team": "red", "kms:Many": ("alice",), "e:e": ""}
)


@pytest.mark.parametrize(
    ("text", "resource", "matches"),
    [
        ("${aws:username}", "alice", True),
        ("${AWS:UserName}", "alice", True),
        ("a/${aws:username}/*", "a/alice/b", True),
        ("a/${aws:username}/*", "a/bob/b", False),
        ("${aws:username}-${aws:PrincipalTag/team}", "alice-red", True),
        ("${aws:PrincipalTag/TEAM, 'none'}", "red", True),
        ("${aws:PrincipalTag/unit, 'none'}", "none", True),
        ("${aws:PrincipalTag/unit,'none'}", "none", True),
        ("${aws:PrincipalTag/unit, '*'}", "none", False),
        ("${aws:PrincipalTag/unit, ''}x", "x", True),
        ("${e:e}x", "x", True),
        ("${aws:PrincipalTag/unit}", "", False),
        ("${aws:PrincipalTag/unit}*", "anything", False),
        ("${kms:Many}", "alice", False),
        ("${kms:Many, 'alice'}", "alice", False),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("${?}${$}*", "?$x", True),
        ("${?}", "x", False),
        ("${$}{aws:username}", "${aws:username}", True),
        ("a${b", "a${b", True),
        ("${aws:username}${b*", "alice${bc", True),
        ("$aws:username", "$aws:username", True),
        ("{aws:username}", "{aws:username}", True),
    ],
)
def test_variables_are_filled_from_the_request(text, resource, matches):
    assert bool(resource_pattern(text, True).matches(resource, ALICE)) is matches


def test_before_version_2012_10_17_variables_are_text():
    pattern = resource_pattern("${aws:username}", False)
    assert pattern.matches("${aws:username}", ALICE)
    assert not pattern.matches("alice", ALICE)
    assert resource_pattern("${}*", False).matches("${}a", EMPTY)


@pytest.mark.parametrize(
    "text",
    [
        *("${}", "${ }", "${ aws:username}", "${aws:username }", "${a,b}", "${a, 'b}", "${a, b'}"),
        *("${, 'b'}", "${a${b}}", "${a*}", "${**}", "${a'b}", "${a, 'b' }"),
    ],
)
def test_a_variable_that_cannot_be_read_is_refused(text):
    with pytest.raises(PolicyError, match="variable") as caught:
        resource_pattern(f"x{text}", True)
    assert caught.value.place == "Resource"


@settings(max_examples=500)
@given(patterns, subjects, patterns, subjects)
def test_what_a_variable_brings_is_never_a_wildcard(before, brought, after, subject):
    context = RequestContext.of({"aws:username": brought})
    pattern = resource_pattern(f"{before}${{aws:username}}{after}", True)
    assert bool(pattern.matches(subject, context)) is fits((before, brought, after), subject)


@given(st.text("a${}*?,' :", max_size=12))
def test_any_text_is_read_or_refused(text):
    try:
        read = template(text, True)
    except PolicyError:
        return
    assert template(text, False).fixed == (text,)
    assert read.fixed is not None or read.unresolved(EMPTY) or read.fill(EMPTY) is not None


def test_a_pattern_tells_whether_its_variables_have_values():
    assert resource_pattern("a*", True).resolves(EMPTY)
    assert resource_pattern("${a:b, 'c'}", True).resolves(EMPTY)
    assert not resource_pattern("${aws:username}", True).resolves(EMPTY)
    assert resource_pattern("${aws:username}", True).resolves(ALICE)
    assert not resource_pattern("${kms:Many}", True).resolves(ALICE)


# --- The request's side -------------------------------------------------------------------


def test_a_context_is_built_once_and_only_when_asked():
    built = []

    def build():
        built.append(1)
        return {"aws:username": "alice"}

    context = RequestContext(build)
    assert resource_pattern("*", True).matches("x", context)
    assert not built
    assert context.get("aws:username") == "alice"
    assert context.get("aws:other") is None
    assert context.names() == ("aws:username",)
    assert len(built) == 1


def test_names_of_a_context_are_in_lower_case_and_values_as_they_were():
    context = RequestContext.of({"kms:EncryptionContext:Dept": "Sales"})
    assert context.names() == ("kms:encryptioncontext:dept",)
    assert context.get("kms:encryptioncontext:dept") == "Sales"
