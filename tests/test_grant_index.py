"""The index of grants: what it finds is enough, what it forgets is gone, and it never searches."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.access.context import RequestContext
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import Question
from kmslab.access.principals import BY_ACCOUNT, ITSELF, Principal
from kmslab.store.grant_index import GrantIndex
from kmslab.store.records import Grant

ACCOUNT, REGION, KEY_ID = "111122223333", "us-east-1", "1234abcd-12ab-34cd-56ef-1234567890ab"
SHELF = f"{ACCOUNT}/{REGION}/{KEY_ID}"
ALICE, BOB, ROOT = "alice", "bob", "root"
NOW = 1000.0


def grant(number, **changed):
    plain = Grant(
        account=ACCOUNT,
        region=REGION,
        key_id=KEY_ID,
        grant_id=f"{number:064x}",
        grantee_principal=ALICE,
        operations=("Encrypt",),
        creation_date=0.0,
        effective_from=0.0,
        issuing_account=ACCOUNT,
    )
    return replace(plain, **changed)


def index_of(grants):
    index = GrantIndex()
    for each in grants:
        index.put(each)
    return index


def question(operation="Encrypt", pairs=None, caller=ALICE, asked_grant=None):
    principal = Principal(caller, ACCOUNT, "", {}, {caller: ITSELF, ROOT: BY_ACCOUNT})
    context = RequestContext.of({})
    return Question(principal, f"kms:{operation}", "", context, pairs, asked_grant)


# --- Enough -------------------------------------------------------------------------------

pairs = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=3)
constraint = st.none() | pairs.map(lambda found: tuple(sorted(found.items())))
operations = st.sampled_from(["Encrypt", "Decrypt", "DescribeKey", "CreateGrant", "RetireGrant"])


@st.composite
def grants(draw, number=0):
    return grant(
        number,
        key_id=draw(st.sampled_from([KEY_ID, "another"])),
        grantee_principal=draw(st.sampled_from([ALICE, BOB, ROOT])),
        operations=tuple(draw(st.sets(operations, min_size=1))),
        equals=draw(constraint),
        subset=draw(constraint),
        retiring_principal=draw(st.sampled_from(["", ALICE, BOB])),
        effective_from=draw(st.sampled_from([0.0, NOW, NOW + 1])),
        ends_at=draw(st.sampled_from([None, NOW, NOW + 1])),
    )


many_grants = st.lists(grants(), max_size=20).map(
    lambda found: [replace(each, grant_id=f"{at:064x}") for at, each in enumerate(found)]
)


@settings(max_examples=500)
@given(many_grants, operations, st.none() | pairs, st.sampled_from([ALICE, BOB]), grants())
def test_no_grant_that_allows_a_request_is_left_out(made, operation, context, caller, child):
    asked = question(operation, context, caller, child if operation == "CreateGrant" else None)
    in_force = GrantsInForce(index_of(made).on(SHELF), NOW)
    allowing = {
        each.grant_id
        for each in made
        if each.shelf == SHELF
        and each.grantee_principal in asked.principal.names
        and not in_force.why_not(each, asked)
    }
    found = [
        each
        for name in asked.principal.names
        for each in in_force.find.candidates(name, operation, context or {})
    ]
    assert allowing <= {each.grant_id for each in found}
    assert {each.shelf for each in found} <= {SHELF}
    assert (in_force.allowing(asked)[0] is not None) == bool(allowing)


@given(many_grants)
def test_all_grants_of_a_grantee_and_of_a_retirer_are_found(made):
    index = index_of(made)
    for name in (ALICE, BOB, ROOT):
        hers = [each for each in made if (each.shelf, each.grantee_principal) == (SHELF, name)]
        assert list(index.on(SHELF).of(name)) == hers
        retirable = [each for each in made if each.retiring_principal == name]
        assert list(index.retirable(REGION, name)) == retirable


@given(many_grants, st.data())
def test_what_is_removed_is_found_no_more_and_the_rest_still_is(made, data):
    index = index_of(made)
    gone = data.draw(st.sets(st.sampled_from(made)) if made else st.just(set()))
    for each in gone:
        index.delete(each)
    kept = [each for each in made if each not in gone]
    for name in (ALICE, BOB, ROOT):
        hers = [each for each in kept if (each.shelf, each.grantee_principal) == (SHELF, name)]
        assert list(index.on(SHELF).of(name)) == hers


def everything(index) -> list[Grant]:
    looked_up = [
        *index.on(SHELF).of(ALICE),
        *index.on(SHELF).candidates(ALICE, "Encrypt", {"x": "1"}),
        *index.retirable(REGION, BOB),
    ]
    return list(dict.fromkeys(looked_up))


CONSTRAINTS = [{}, {"equals": (("x", "1"),)}, {"subset": (("x", "1"),)}]


@pytest.mark.parametrize("constrained", CONSTRAINTS, ids=str)
def test_a_changed_record_takes_the_place_of_the_old_one(constrained):
    old = grant(1, retiring_principal=BOB, **constrained)
    changed = replace(old, removed_at=NOW, ends_at=NOW + 1)
    assert everything(index_of([old, changed])) == [changed]


@pytest.mark.parametrize("constrained", CONSTRAINTS, ids=str)
def test_a_changed_record_can_be_removed(constrained):
    old = grant(1, retiring_principal=BOB, **constrained)
    index = index_of([old])
    index.delete(replace(old, removed_at=NOW, ends_at=NOW + 1))
    assert everything(index) == []
    index.delete(old)
    index.put(old)
    index.clear()
    assert everything(index) == []


def test_a_grant_that_stays_is_found_though_others_go_meanwhile():
    made = [grant(number) for number in range(20)]
    index = index_of(made)
    found = []
    for each in index.on(SHELF).of(ALICE):
        found.append(each)
        index.delete(each)
    assert found == made


def test_grants_may_come_while_others_are_looked_at():
    index = index_of(grant(number) for number in range(20))
    for each in index.on(SHELF).candidates(ALICE, "Encrypt", {}):
        index.put(replace(each, grant_id=f"{each.grant_id[1:]}f"))
    assert len(list(index.on(SHELF).of(ALICE))) >= 40


# --- A handful of many --------------------------------------------------------------------

MANY = 10_000


class Counting:
    """A finder that counts the grants it hands out."""

    def __init__(self, index):
        self.find = index.on(SHELF)
        self.handed_out = 0

    def candidates(self, *asked) -> Iterator[Grant]:
        for each in self.find.candidates(*asked):
            self.handed_out += 1
            yield each

    of = candidates


def looked_at(index, asked):
    """How many grants a decision looks at, and which one allows."""
    find = Counting(index)
    allowing, _ = GrantsInForce(find, NOW).allowing(asked)
    return find.handed_out, allowing


def tenant(number):
    return (("tenant", str(number)),)


MANY_GRANTS = {
    "one for each grantee": (lambda n: {"grantee_principal": f"user-{n}"}, {}, "user-7777"),
    "one for each context": (lambda n: {"equals": tenant(n)}, {"tenant": "7777"}, ALICE),
    "one for each tenant": (
        lambda n: {"subset": tenant(n)},
        {"tenant": "7777", "file": "a", "part": "1"},
        ALICE,
    ),
    "all the same": (lambda n: {}, {}, ALICE),
}


@pytest.mark.parametrize("kind", MANY_GRANTS)
def test_of_ten_thousand_grants_a_decision_looks_at_a_handful(kind):
    changed, context, caller = MANY_GRANTS[kind]
    index = index_of(grant(number, **changed(number)) for number in range(MANY))
    touched, allowing = looked_at(index, question(pairs=context, caller=caller))
    assert allowing is not None
    assert touched <= 3


@pytest.mark.parametrize("kind", ["one for each grantee", "one for each context"])
def test_of_ten_thousand_grants_a_refusal_looks_at_none(kind):
    changed, _, _ = MANY_GRANTS[kind]
    index = index_of(grant(number, **changed(number)) for number in range(MANY))
    asked = question(pairs={"tenant": "nobody's"}, caller="nobody")
    assert looked_at(index, asked) == (0, None)
    assert looked_at(index, question("Decrypt", {"tenant": "7777"}, "user-7777")) == (0, None)


def test_a_removed_grant_among_many_leaves_nothing_to_look_at():
    made = [grant(number, equals=tenant(number)) for number in range(MANY)]
    index = index_of(made)
    index.delete(made[7777])
    assert looked_at(index, question(pairs=dict(tenant(7777)))) == (0, None)
