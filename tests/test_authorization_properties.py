"""What holds of every decision, and a second evaluator, as plain as can be, that has to agree."""

from dataclasses import replace
from json import dumps
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_worlds import (
    FOREIGN,
    KEY,
    OWNER,
    SERVICE,
    decided,
    random_grant,
    random_policy,
    random_statement,
    random_world,
    role,
    root,
    session,
    user,
)

from kmslab.access.context import RequestContext
from kmslab.access.decision import Identities, OwnerSide, decide
from kmslab.access.identities import user_identities
from kmslab.access.policy import PolicyInForce, Question, identity_policy, key_policy
from kmslab.access.principals import user_principal
from kmslab.access.stored_policies import stored_key_policy
from kmslab.errors import PolicyError
from kmslab.store.iam_records import User

WORLDS = 12_000
BLOCKS = 12

# Hypothesis may make each draw of a world small, which takes it forty times as long as one seed.
drawn = st.randoms(use_true_random=False)
seeded = st.integers(0, 2**32 - 1).map(Random)
# Without a database and with one order, every run is the same.
often = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


# --- A second evaluator -------------------------------------------------------------------


def reference_decide(world):
    """The chart of the IAM User Guide ("Policy evaluation logic") and of the KMS Developer Guide
    ("Troubleshooting AWS KMS permissions"), box by box, over the documents as they are."""
    if any(_speaks(world, layer, "Deny") for layer in world.documents()):
        return False
    ways_in = [_worth(name, world) for name in _allowed_names(world)]
    if world.kind != "service" and world.account != OWNER:
        if world.action == "GetKeyPolicy":
            return False
        # The owner's policy only opens the way for the caller's own account.
        ways_in = ["account" for way_in in ways_in if way_in]
    ways_in += [_worth(grant["GranteePrincipal"], world) for grant in _matching_grants(world)]
    return any(_suffices(way_in, world) for way_in in ways_in if way_in)


def _suffices(way_in, world):
    limits = [layer for layer in ("boundary", "session_policy") if layer in world.documents()]
    needed = {"itself": [], "role": limits, "account": ["identity", *limits]}[way_in]
    if world.kind == "root" and "identity" in needed:
        needed = [layer for layer in needed if layer != "identity"]
    return all(_speaks(world, layer, "Allow") for layer in needed)


def _worth(name, world):
    """How a name means the caller: itself, by its role, or by its account."""
    account = world.account
    names = {
        "user": {user(account): "itself", "*": "itself", root(account): "account"},
        "session": {
            session(account): "itself",
            role(account): "role",
            # AWS does not say what a star is worth for a session that something limits. The
            # careful reading: no more than the name of its role.
            "*": "role",
            root(account): "account",
        },
        "root": {root(account): "itself", "*": "itself"},
        "service": {SERVICE: "itself", "*": "itself"},
    }[world.kind]
    return names.get(root(name) if name in (OWNER, FOREIGN) else name)


def _allowed_names(world):
    """The names by which Allow statements of the key policy let the caller in."""
    for statement in _matching(world, world.key_policy, "Allow"):
        if "NotPrincipal" not in statement:
            yield from _names(statement["Principal"])
        elif _names_caller(statement, world):
            yield "*"


def _speaks(world, layer, effect):
    """Whether a statement of that effect, in the policies of one layer, is about the question."""
    for document in world.documents()[layer]:
        for statement in _matching(world, document, effect):
            if layer != "key_policy" or _names_caller(statement, world):
                return True
    return False


def _names_caller(statement, world):
    if "NotPrincipal" not in statement:
        return any(_worth(name, world) for name in _names(statement["Principal"]))
    listed = {root(n) if n in (OWNER, FOREIGN) else n for n in _names(statement["NotPrincipal"])}
    own = {
        "user": {user(world.account), root(world.account)},
        "session": {session(world.account), role(world.account), root(world.account)},
        "root": {root(world.account)},
        "service": {SERVICE},
    }[world.kind]
    if "*" in listed:
        return False
    return not own <= listed if statement["Effect"] == "Deny" else not own & listed


def _names(principal):
    if principal == "*":
        return ["*"]
    texts = [each if isinstance(each, list) else [each] for each in principal.values()]
    return [name for listed in texts for name in listed]


def _matching(world, document, effect):
    for statement in document["Statement"]:
        if (
            statement["Effect"] == effect
            and _fits_any(statement, "Action", f"kms:{world.action}".lower(), str.lower)
            and _fits_any(statement, "Resource", KEY, str)
            and _condition_holds(statement, world, document["Version"] == "2012-10-17")
        ):
            yield statement


def _fits_any(statement, element, text, spelled):
    if element in statement:
        return any(_like(spelled(pattern), text) for pattern in statement[element])
    return not any(_like(spelled(pattern), text) for pattern in statement[f"Not{element}"])


def _like(pattern, text):
    """Star and question mark, one character at a time: the positions a pattern can have reached."""
    reached = {0}
    for character in pattern:
        if character == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(text) and character in ("?", text[at])}
    return len(text) in reached


def _condition_holds(statement, world, with_variables):
    """A condition that cannot be told does not allow and does deny."""
    answers = [
        _answer(operator, world.context.get(name.lower()), values, world, with_variables)
        for operator, members in statement.get("Condition", {}).items()
        for name, values in members.items()
    ]
    return all(answer or (answer is None and statement["Effect"] == "Deny") for answer in answers)


def _answer(operator, given, values, world, with_variables):
    values = values if isinstance(values, list) else [values]
    if operator == "Null":
        return (given is None) is (values[0] == "true")
    set_operator, _, base = operator.rpartition(":")
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    if given is None:
        return set_operator == "ForAllValues" or (not set_operator and (if_exists or "Not" in base))
    each = [_one_value(base, value, values, world, with_variables) for value in _listed(given)]
    if set_operator == "ForAnyValue":
        return True if True in each else (None if None in each else False)
    return False if False in each else (None if None in each else True)


def _listed(given):
    return given if isinstance(given, list) else [given]


def _one_value(base, given, values, world, with_variables):
    unresolved = False
    fits = False
    for wanted in values:
        if with_variables and wanted == "${aws:username}":
            unresolved = unresolved or "aws:username" not in world.context
            fits = fits or given == world.context.get("aws:username")
        elif base.endswith("Like"):
            fits = fits or _like(wanted, given)
        else:
            fits = fits or given == wanted
    if "Not" not in base:
        return fits
    return False if fits else (None if unresolved else True)


def _matching_grants(world):
    for grant in world.grants:
        constraints = grant["Constraints"] if world.action != "DescribeKey" else {}
        equals = constraints.get("EncryptionContextEquals", world.pairs)
        subset = constraints.get("EncryptionContextSubset", {})
        if (
            world.action in grant["Operations"]
            and (grant["spread"] or grant["token_shown"])
            and not grant["ended"]
            and equals == world.pairs
            and all(world.pairs.get(name) == value for name, value in subset.items())
        ):
            yield grant


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_second_evaluator_agrees_on_thousands_of_worlds(block):
    random = Random(f"worlds {block}")
    allowed = 0
    for _ in range(WORLDS // BLOCKS):
        world = random_world(random)
        decision = decided(world)
        assert decision.allowed is reference_decide(world), f"{world}\n{decision}"
        allowed += decision.allowed
    # Otherwise most of the worlds would say the same.
    assert 0.15 < allowed / (WORLDS // BLOCKS) < 0.6


@settings(often, max_examples=60)
@given(drawn)
def test_a_second_evaluator_agrees_on_worlds_that_hypothesis_makes_small(random):
    world = random_world(random)
    assert decided(world).allowed is reference_decide(world)


@often
@given(seeded)
def test_a_policy_answers_every_caller_and_action_anew(random):
    """Policies keep what they worked out; the texts are the same, so the policies are too."""
    world = random_world(random)
    for _ in range(8):
        other = random_world(random, key_policy=world.key_policy)
        assert decided(other).allowed is reference_decide(other)


@often
@given(seeded)
def test_an_index_of_grants_only_saves_time(random):
    nobodys = {"Effect": "Allow", "Principal": {"AWS": user(OWNER, "bob")}, "Action": ["*"]}
    world = random_world(
        random,
        kind="user",
        account=OWNER,
        action=random.choice(("Encrypt", "DescribeKey")),
        key_policy={"Version": "2012-10-17", "Statement": [{**nobodys, "Resource": ["*"]}]},
        grants=[random_grant(random, GranteePrincipal=user(OWNER)) for _ in range(3)],
    )
    assert decided(world, through_index=False).allowed is decided(world).allowed
    assert decided(world).allowed is reference_decide(world)


# --- What holds of every decision ---------------------------------------------------------


@often
@given(seeded)
def test_adding_a_deny_never_allows_more(random):
    world = random_world(random)
    before = decided(world).allowed
    layer = random.choice(sorted(world.documents()))
    more = world.edited()
    document = random.choice(more.documents()[layer] or [more.key_policy])
    with_principal = document is more.key_policy
    document["Statement"].append(random_statement(random, with_principal, "Deny"))
    assert before or not decided(more).allowed


@often
@given(seeded)
def test_removing_an_allow_never_allows_more(random):
    world = random_world(random)
    before = decided(world).allowed
    less = world.edited()
    documents = [each for listed in less.documents().values() for each in listed]
    document = random.choice(documents)
    allows = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    if allows:
        # A policy needs a statement: from now on this one is about nothing.
        statement = random.choice(allows)
        statement.pop("NotResource", None)
        statement["Resource"] = ["arn:aws:s3:::nothing"]
    assert before or not decided(less).allowed


@often
@given(seeded)
def test_removing_a_grant_never_allows_more(random):
    world = random_world(random, grants=[random_grant(random) for _ in range(2)])
    before = decided(world).allowed
    assert before or not decided(replace(world, grants=world.grants[:1])).allowed


@often
@given(seeded)
def test_the_order_of_statements_policies_and_grants_never_matters(random):
    world = random_world(random)
    shuffled = world.edited()
    for documents in shuffled.documents().values():
        for document in documents:
            random.shuffle(document["Statement"])
    random.shuffle(shuffled.identity)
    random.shuffle(shuffled.grants)
    assert decided(shuffled).allowed is decided(world).allowed


@often
@given(seeded)
def test_a_boundary_or_a_session_policy_never_allows_more(random):
    world = random_world(random, kind="session")
    before = decided(replace(world, boundary=None, session_policy=None)).allowed
    assert before or not decided(replace(world, boundary=random_policy(random))).allowed
    assert before or not decided(replace(world, session_policy=random_policy(random))).allowed


@often
@given(seeded)
def test_a_grant_never_beats_a_deny(random):
    world = random_world(random)
    if decided(world).explicit:
        to_caller = {"user": user, "session": session, "root": root}.get(world.kind, user)
        grant = random_grant(
            random,
            GranteePrincipal=to_caller(world.account),
            Operations=[world.action],
            Constraints={},
        )
        decision = decided(replace(world, grants=[*world.grants, grant]))
        assert not decision.allowed
        assert decision.explicit


@often
@given(seeded)
def test_neither_side_alone_opens_the_key_of_another_account(random):
    """Without grants: they count by themselves."""
    world = random_world(random, account=FOREIGN, grants=[])
    if world.kind == "service":
        return
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    open_key = {"Version": "2012-10-17", "Statement": [{**everything, "Principal": "*"}]}
    open_caller = {"Version": "2012-10-17", "Statement": [everything]}
    owner_alone = replace(_without_allows(world, "identity"), key_policy=open_key)
    caller_alone = replace(_without_allows(world, "key_policy"), identity=[open_caller])
    if world.kind != "root":
        assert not decided(owner_alone).allowed
    assert not decided(caller_alone).allowed


def _without_allows(world, layer):
    less = world.edited()
    for document in less.documents()[layer]:
        for statement in document["Statement"]:
            statement["Effect"] = "Deny"
    return less


@often
@given(seeded)
def test_a_decision_explains_itself_by_statements_and_grants_of_the_world(random):
    world = random_world(random)
    decision = decided(world)
    if decision.allowed:
        assert decision.decided_by or decision.grant
        assert all(named.statement.allows for named in decision.decided_by)
        assert not decision.missing
        assert not decision.explicit
    elif decision.explicit:
        (denying,) = decision.decided_by
        assert not denying.statement.allows
    else:
        assert not decision.decided_by
        assert decision.grant is None
        assert decision.missing in decision.because
    assert decision.verdict.split(":")[0] == ("allowed" if decision.allowed else "denied")


UNREADABLE = (
    {"Condition": {"StringLooksLike": {"aws:username": "*"}}},
    {"Condition": {"ForAllValues:Null": {"aws:username": "true"}}},
    {"Condition": {"NumericLessThan": {"aws:username": "seven"}}},
    {"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}},
    {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/99"}}},
    {"Condition": {"Bool": {"aws:SecureTransport": "maybe"}}},
    {"Condition": {"StringEquals": {"username": "alice"}}},
    {"Condition": {"StringEquals": {"aws:${aws:username}": "alice"}}},
    {"Condition": {"StringEquals": "alice"}},
    {"Condition": ["StringEquals"]},
    {"Effect": "Perhaps"},
    {"Elsewhere": "*"},
)


@settings(often, max_examples=60)
@given(seeded, st.sampled_from(UNREADABLE))
def test_a_statement_that_cannot_be_read_never_allows(random, unreadable):
    """Stored policies that cannot be read deny, whatever else stands in them."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    broken = {"Version": "2012-10-17", "Statement": [everything, {**everything, **unreadable}]}
    random.shuffle(broken["Statement"])
    alice = user_principal(User(OWNER, "alice", ""), "")
    question = Question(alice, "kms:Encrypt", KEY, RequestContext.of({"aws:username": "alice"}))
    good = {"Statement": [everything]}
    open_key = {"Statement": [{**everything, "Principal": "*"}]}
    broken_key = {**broken, "Statement": [{**s, "Principal": "*"} for s in broken["Statement"]]}
    unreadable_user = User(OWNER, "alice", "", policies=(("x", dumps(broken)),))
    identities = user_identities(unreadable_user, lambda arn: None)
    key = OwnerSide(stored_key_policy(dumps(open_key)), OWNER)
    assert not decide(question, identities, key).allowed
    own = Identities((PolicyInForce("x", identity_policy(dumps(good))),))
    broken_side = OwnerSide(stored_key_policy(dumps(broken_key)), OWNER)
    assert decide(question, own, key).allowed
    refused = decide(question, own, broken_side)
    assert refused.explicit
    assert not refused.allowed


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": {"Effect": "Deny", "Effect": "Allow", "Principal": "*", "Action": "kms:*"}}',
        '{"Statement": [], "Statement": {"Effect": "Allow", "Principal": "*"}}',
        dumps(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}},
                }
            }
        ),
    ],
)
def test_a_key_policy_that_nobody_can_mean_is_refused(text):
    with pytest.raises(PolicyError):
        key_policy(text)


def test_not_resource_of_a_variable_without_a_value_allows_nothing():
    """Nobody knows what it leaves out. A Deny, for the same reason, denies."""
    left_out = {"Action": "*", "NotResource": "arn:aws:kms:*:*:alias/${aws:username}"}
    alice = user_principal(User(OWNER, "alice", ""), "")
    for username, allowed in (({"aws:username": "alice"}, True), ({}, False)):
        question = Question(alice, "kms:Encrypt", KEY, RequestContext.of(username))
        for effect in ("Allow", "Deny"):
            policy = {"Version": "2012-10-17", "Statement": {"Effect": effect, **left_out}}
            own = Identities((PolicyInForce("x", identity_policy(dumps(policy))),))
            decision = decide(question, own, None)
            assert decision.allowed is (allowed and effect == "Allow")
            assert decision.explicit is (effect == "Deny")


@pytest.mark.parametrize("member", ["attached", "boundary"])
def test_a_managed_policy_that_is_gone_denies(member):
    arn = f"arn:aws:iam::{OWNER}:policy/gone"
    everything = dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    listed = {"attached": (arn,), "boundary": arn}[member]
    alice = User(OWNER, "alice", "", policies=(("x", everything),), **{member: listed})
    question = Question(user_principal(alice, ""), "kms:ListKeys", "*", RequestContext.of({}))
    assert decide(question, user_identities(alice, lambda arn: everything), None).allowed
    assert decide(question, user_identities(alice, lambda arn: None), None).explicit
