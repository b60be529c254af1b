"""Bucket policies: what S3 takes for one, and what it decides together with everything else."""

import json

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, policy

from kmslab.access.context import RequestContext
from kmslab.access.decision import Decision, Identities, OwnerSide, decide
from kmslab.access.policy import PolicyInForce, Question, bucket_policy, identity_policy
from kmslab.access.principals import (
    Principal,
    anonymous_principal,
    root_principal,
    service_principal,
    session_principal,
    user_principal,
)
from kmslab.access.stored_policies import stored_bucket_policy, stored_key_policy
from kmslab.errors import PolicyError
from kmslab.store.iam_records import Role, RoleSession, User

BUCKET = "arn:aws:s3:::ledger"
OBJECT, OBJECTS = f"{BUCKET}/2026/may.csv", f"{BUCKET}/*"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
FOREIGN_ALICE = f"arn:aws:iam::{OTHER_ACCOUNT}:user/alice"
FOREIGN_ROOT = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/monday"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "5678abcd")
IDENTITY, RESOURCE = "identity-based policy", "resource-based policy"
BOUNDARY, SESSION_POLICY = "permissions boundary", "session policy"


def user(arn: str = ALICE) -> Principal:
    name = arn.rpartition("/")[2]
    return user_principal(User(arn.split(":")[4], name, f"AIDA{name.upper()}"), "AKIA")


def session() -> Principal:
    issued, expiration = 0.0, 3600.0
    role = Role(ACCOUNT, "reader", "AROAREADER", "{}")
    return session_principal(
        role,
        RoleSession(
            *("ASIA", "secret", "token", ACCOUNT, "reader", "AROAREADER", "monday"),
            *(issued, expiration),
        ),
    )


def by(principal: object, effect: str = "Allow", **elements: object) -> dict[str, object]:
    """A statement of a bucket policy about reading objects, unless `elements` say otherwise."""
    who = {"Principal": principal if isinstance(principal, dict) else {"AWS": principal}}
    return {"Effect": effect, **who, "Action": "s3:GetObject", "Resource": OBJECTS, **elements}


def mine(effect: str = "Allow", **elements: object) -> dict[str, object]:
    """A statement of an identity policy about everything in S3."""
    return {"Effect": effect, "Action": "s3:*", "Resource": "*", **elements}


def decided(
    caller: Principal,
    bucket: list[dict[str, object]] | None,
    identity: list[dict[str, object]] | None = None,
    boundary: list[dict[str, object]] | None = None,
    session_policy: list[dict[str, object]] | None = None,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    context: dict[str, str | tuple[str, ...]] | None = None,
) -> Decision:
    """The decision on the bucket "ledger" of ACCOUNT; `bucket` is None where it has no policy."""
    said = {**caller.facts, **(context or {})}
    question = Question(caller, action, resource, RequestContext.of(said))
    identities = Identities(
        own=_in_force("inline policy", identity) if identity else (),
        boundary=_in_force("permissions boundary", boundary) if boundary else None,
        session=_in_force("session policy", session_policy) if session_policy else None,
    )
    compiled = None if bucket is None else bucket_policy(json.dumps(policy(*bucket)), "ledger")
    return decide(question, identities, OwnerSide(compiled, ACCOUNT, leaves_it_to_account=True))


def _in_force(name: str, statements: list[dict[str, object]]) -> tuple[PolicyInForce, ...]:
    return (PolicyInForce(name, identity_policy(json.dumps(policy(*statements)))),)


# --- In the owner's own account -----------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "identity", "allowed"),
    [
        (None, [mine()], True),
        ([by(f"arn:aws:iam::{ACCOUNT}:role/reader", Action="s3:PutObject")], [mine()], True),
        ([by(ALICE)], None, True),
        ([by("*")], None, True),
        ([by(ALICE)], [mine()], True),
        (None, None, False),
        ([by(FOREIGN_ALICE)], None, False),
        ([by(ALICE, Action="s3:PutObject")], [mine(Action="s3:List*")], False),
        # Who names the account leaves it to identity policies, as the bucket does anyway.
        ([by(ROOT)], None, False),
        ([by(ACCOUNT)], [mine()], True),
        # An explicit deny in either wins.
        ([by(ALICE, "Deny")], [mine()], False),
        ([by("*", "Deny"), by(ALICE)], [mine()], False),
        ([by(ALICE)], [mine("Deny")], False),
        (None, [mine(), mine("Deny", Action="s3:Get*")], False),
        ([by(FOREIGN_ALICE, "Deny"), by(ALICE)], None, True),
    ],
)
def test_either_the_identity_policy_or_the_bucket_policy_allows(bucket, identity, allowed):
    assert decided(user(), bucket, identity).allowed is allowed


@pytest.mark.parametrize(
    ("bucket", "identity", "missing", "explicit"),
    [
        (None, None, IDENTITY, False),
        ([by(FOREIGN_ALICE)], [mine(Action="s3:List*")], IDENTITY, False),
        ([by(ALICE, "Deny")], [mine()], RESOURCE, True),
        ([by(ALICE)], [mine("Deny")], IDENTITY, True),
    ],
)
def test_a_denial_at_home_tells_what_aws_tells(bucket, identity, missing, explicit):
    decision = decided(user(), bucket, identity)
    assert not decision.allowed
    assert (decision.missing, decision.explicit) == (missing, explicit)


def test_a_decision_names_the_policy_that_allowed_and_every_other_statement():
    decision = decided(user(), [by(ALICE, Sid="readers"), by(ROLE)], [mine()])
    assert [str(named) for named in decision.decided_by] == ["bucket policy, readers"]
    assert "○ bucket policy, statement 2: it names other principals" in repr(decision)
    assert "○ inline policy, statement 1: it is about this as well" in repr(decision)
    by_identity = decided(user(), [by(ROLE)], [mine()])
    assert [str(named) for named in by_identity.decided_by] == ["inline policy, statement 1"]
    assert repr(by_identity).startswith(f"allowed: {ALICE}, s3:GetObject on ledger/2026/may.csv\n")


def test_a_key_is_not_left_to_its_account_as_a_bucket_is():
    asked = Question(user(), "s3:GetObject", OBJECT, RequestContext.of({}))
    identities = Identities(_in_force("inline policy", [mine()]))
    assert decide(asked, identities, OwnerSide(None, ACCOUNT, leaves_it_to_account=True)).allowed
    denied = decide(asked, identities, OwnerSide(None, ACCOUNT))
    assert (denied.allowed, denied.missing) == (False, RESOURCE)


def test_a_deny_binds_the_root_user_of_the_owner_too():
    root = root_principal(ACCOUNT, "AKIA")
    everything = [mine(Action="*")]
    assert decided(root, None, everything).allowed
    assert not decided(root, [by("*", "Deny")], everything).allowed


# --- Roles, and what limits a principal ---------------------------------------------------

SILENT = [mine(Action="s3:List*")]


@pytest.mark.parametrize(
    ("bucket", "identity", "missing"),
    [
        # Who names the role names its sessions, and what limits them still limits them.
        ([by(ROLE)], None, "limit"),
        ([by(ROLE)], [mine()], "limit"),
        ([by("*")], None, "limit"),
        # Who names the session itself is not cut, nor does the identity policy matter.
        ([by(SESSION)], None, ""),
        # Who names the account only leaves it to the role's policies.
        ([by(ROOT)], [mine()], "limit"),
        ([by(ROOT)], None, IDENTITY),
        (None, [mine()], "limit"),
        (None, None, IDENTITY),
    ],
)
@pytest.mark.parametrize("limit", [BOUNDARY, SESSION_POLICY])
def test_boundaries_and_session_policies_limit_unless_the_session_is_named(
    bucket, identity, missing, limit
):
    member = {BOUNDARY: "boundary", SESSION_POLICY: "session_policy"}[limit]
    silent = decided(session(), bucket, identity, **{member: SILENT})
    assert (silent.allowed, silent.missing) == (not missing, missing.replace("limit", limit))
    wide = decided(session(), bucket, identity, **{member: [mine()]})
    assert wide.allowed is (missing != IDENTITY)


@pytest.mark.parametrize("limit", ["boundary", "session_policy"])
@pytest.mark.parametrize("bucket", [[by(SESSION)], [by(ROLE)], None])
def test_a_deny_in_what_limits_a_session_wins(bucket, limit):
    decision = decided(session(), bucket, [mine()], **{limit: [mine(), mine("Deny")]})
    assert (decision.allowed, decision.explicit) == (False, True)


def test_a_user_that_is_named_is_not_cut_by_its_boundary():
    assert decided(user(), [by(ALICE)], boundary=SILENT).allowed
    through_identity = decided(user(), None, [mine()], boundary=SILENT)
    assert through_identity.missing == BOUNDARY


# --- Other accounts, services, and nobody -------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "identity", "missing"),
    [
        ([by(FOREIGN_ALICE)], [mine()], ""),
        ([by(FOREIGN_ROOT)], [mine()], ""),
        ([by("*")], [mine()], ""),
        ([by(FOREIGN_ALICE)], None, IDENTITY),
        ([by("*")], None, IDENTITY),
        ([by(FOREIGN_ALICE)], [mine(Resource="arn:aws:s3:::other/*")], IDENTITY),
        (None, [mine()], RESOURCE),
        ([by(ROOT)], [mine()], RESOURCE),
        ([by(ALICE)], [mine()], RESOURCE),
    ],
)
def test_across_accounts_both_sides_must_allow(bucket, identity, missing):
    decision = decided(user(FOREIGN_ALICE), bucket, identity)
    assert (decision.allowed, decision.missing) == (not missing, missing)
    assert decision.resource_allows is (missing != RESOURCE)


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:PutEncryptionConfiguration"])
def test_every_action_of_s3_works_across_accounts(action):
    bucket = [by(FOREIGN_ROOT, Action=action, Resource=BUCKET)]
    decision = decided(user(FOREIGN_ALICE), bucket, [mine()], action=action, resource=BUCKET)
    assert decision.allowed


@pytest.mark.parametrize(
    ("bucket", "missing"),
    [
        ([by("*")], ""),
        ([by({"AWS": "*"})], ""),
        (None, RESOURCE),
        ([by(ROOT)], RESOURCE),
        ([by(ALICE)], RESOURCE),
        ([by({"Service": "cloudtrail.amazonaws.com"})], RESOURCE),
        ([by("*", Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})], RESOURCE),
        (
            [by("*", Condition={"StringEqualsIfExists": {"aws:PrincipalAccount": ACCOUNT}})],
            RESOURCE,
        ),
        ([by("*", Condition={"StringEquals": {"aws:PrincipalType": "Anonymous"}})], ""),
        ([by("*", Condition={"Null": {"aws:PrincipalArn": "true"}})], ""),
    ],
)
def test_an_anonymous_caller_needs_a_bucket_policy_for_everyone(bucket, missing):
    decision = decided(anonymous_principal(), bucket)
    assert (decision.allowed, decision.missing) == (not missing, missing)


def test_a_bare_star_as_principal_means_everyone():
    statement = {**by("*"), "Principal": "*"}
    assert decided(anonymous_principal(), [statement]).allowed
    assert decided(user(), [statement]).allowed


@pytest.mark.parametrize(
    "deny",
    [by("*", "Deny"), {**by(ALICE, "Deny"), "NotPrincipal": {"AWS": [ROOT, ALICE]}}],
    ids=["everyone", "all but alice"],
)
def test_a_deny_of_everyone_or_of_all_others_hits_the_anonymous_caller(deny):
    if "NotPrincipal" in deny:
        del deny["Principal"]
    assert not decided(anonymous_principal(), [by("*"), deny]).allowed


def test_whoever_is_anonymous_is_spoken_of_and_recorded_as_such():
    caller = anonymous_principal()
    assert repr(decided(caller, None)).startswith("denied: anonymous, s3:GetObject on ledger/")
    assert caller.identity == {
        "type": "AWSAccount",
        "principalId": "",
        "accountId": "ANONYMOUS_PRINCIPAL",
    }


def test_no_key_policy_lets_an_anonymous_caller_in():
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    key = OwnerSide(stored_key_policy(json.dumps(policy(everyone))), ACCOUNT)
    asked = Question(anonymous_principal(), "kms:Decrypt", KEY, RequestContext.of({}))
    assert not decide(asked, Identities(), key).allowed


TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/all"


@pytest.mark.parametrize(
    ("source_arn", "condition", "allowed"),
    [
        (TRAIL, {}, True),
        (TRAIL, {"Condition": {"StringEquals": {"aws:SourceArn": TRAIL}}}, True),
        (TRAIL, {"Condition": {"ArnLike": {"aws:SourceArn": TRAIL.replace("all", "*")}}}, True),
        (f"{TRAIL}2", {"Condition": {"StringEquals": {"aws:SourceArn": TRAIL}}}, False),
        ("", {"Condition": {"StringEquals": {"aws:SourceArn": TRAIL}}}, False),
    ],
)
def test_a_service_is_decided_by_the_bucket_policy_alone(source_arn, condition, allowed):
    # Its source account is the owner's, whose identity policies say nothing about services.
    cloudtrail = service_principal("cloudtrail.amazonaws.com", source_arn, ACCOUNT)
    statement = by({"Service": "cloudtrail.amazonaws.com"}, Action="s3:PutObject", **condition)
    asked = {"action": "s3:PutObject", "resource": f"{BUCKET}/AWSLogs/x"}
    decision = decided(cloudtrail, [statement], **asked)
    assert (decision.allowed, decision.missing) == (allowed, "" if allowed else RESOURCE)
    nobody = decided(cloudtrail, None, **asked)
    assert (nobody.allowed, nobody.missing) == (False, RESOURCE)


def test_not_principal_denies_all_but_whom_it_lists():
    deny = {**by(ALICE, "Deny"), "NotPrincipal": {"AWS": [ROOT, ALICE]}}
    del deny["Principal"]
    assert decided(user(), [deny], [mine()]).allowed
    bob = decided(user(ALICE.replace("alice", "bob")), [deny], [mine()])
    assert (bob.missing, bob.explicit) == (RESOURCE, True)
    assert not decided(session(), [deny], [mine()]).allowed


def test_a_canonical_user_is_nobody():
    statement = by({"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47"})
    assert not decided(user(), [statement]).allowed
    assert not decided(anonymous_principal(), [statement]).allowed


# --- The policies that people write about encryption --------------------------------------

SSE = "s3:x-amz-server-side-encryption"
KEY_ID, CUSTOMER = f"{SSE}-aws-kms-key-id", f"{SSE}-customer-algorithm"


def forbids(condition: dict[str, object], **said: str) -> bool:
    """Whether a Deny of s3:PutObject on `condition` stops an upload that `said` this."""
    deny = by("*", "Deny", Action="s3:PutObject", Condition=condition)
    context = {name.replace("_", "-"): value for name, value in said.items()}
    written = {f"s3:x-amz-server-side-encryption{name}": value for name, value in context.items()}
    decision = decided(user(), [deny], [mine()], action="s3:PutObject", context=written)
    assert decision.explicit is not decision.allowed
    return decision.explicit


NO_HEADER: dict[str, str] = {}
AES, KMS = {"": "AES256"}, {"": "aws:kms"}
INSISTS = {"StringNotEquals": {SSE: "aws:kms"}}


@pytest.mark.parametrize(
    ("condition", "said", "forbidden"),
    [
        # Insisting on the header refuses whoever relies on the bucket's default.
        (INSISTS, NO_HEADER, True),
        (INSISTS, AES, True),
        (INSISTS, KMS, False),
        # Two ways to let the header be absent.
        ({**INSISTS, "Null": {SSE: "false"}}, NO_HEADER, False),
        ({**INSISTS, "Null": {SSE: "false"}}, AES, True),
        ({**INSISTS, "Null": {SSE: "false"}}, KMS, False),
        ({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, AES, True),
        ({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, KMS, False),
        # A negated operator is true of what is absent, with IfExists as well.
        ({"StringNotEqualsIfExists": {SSE: "aws:kms"}}, NO_HEADER, True),
        ({"Null": {SSE: "true"}}, NO_HEADER, True),
        ({"Null": {SSE: "true"}}, AES, False),
        # One key only.
        ({"StringNotEquals": {KEY_ID: KEY}}, {**KMS, "-aws-kms-key-id": KEY}, False),
        ({"StringNotEquals": {KEY_ID: KEY}}, {**KMS, "-aws-kms-key-id": OTHER_KEY}, True),
        ({"StringNotEquals": {KEY_ID: KEY}}, NO_HEADER, True),
        ({"ArnNotEqualsIfExists": {KEY_ID: KEY}}, {**KMS, "-aws-kms-key-id": KEY}, False),
        ({"ArnNotEqualsIfExists": {KEY_ID: KEY}}, {**KMS, "-aws-kms-key-id": OTHER_KEY}, True),
        ({"ArnNotEqualsIfExists": {KEY_ID: KEY}}, NO_HEADER, True),
        # No keys of the caller's own.
        ({"Null": {CUSTOMER: "false"}}, {"-customer-algorithm": "AES256"}, True),
        ({"Null": {CUSTOMER: "false"}}, KMS, False),
    ],
)
def test_conditions_on_encryption_read_the_header_that_was_sent(condition, said, forbidden):
    assert forbids(condition, **said) is forbidden


@pytest.mark.parametrize(("secure", "allowed"), [("true", True), ("false", False)])
def test_a_bucket_may_insist_on_tls(secure, allowed):
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    deny = by("*", "Deny", Action="s3:*", Resource=[BUCKET, OBJECTS], Condition=condition)
    context = {"aws:SecureTransport": secure}
    for action, resource in (("s3:GetObject", OBJECT), ("s3:ListBucket", BUCKET)):
        asked = {"action": action, "resource": resource, "context": context}
        assert decided(user(), [deny], [mine()], **asked).allowed is allowed


# --- What S3 takes for a bucket policy ----------------------------------------------------

SYNTAX = "Invalid policy syntax."
NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
NO_SUCH = "Action does not apply to any resource(s) in statement"


def without(element: str) -> dict[str, object]:
    return {name: value for name, value in by("*").items() if name != element}


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        bucket_policy(text, "ledger")
    return str(caught.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (without("Principal"), "Missing required field Principal"),
        (without("Action"), "Missing required field Action"),
        (without("Resource"), "Missing required field Resource"),
        (without("Effect"), "Missing required field Effect"),
        (by("*", Action=[]), "Missing required field Action"),
        (by("*", Resource=[]), "Missing required field Resource"),
        (by("*", "Perhaps"), SYNTAX),
        (by("*", Sid=1), SYNTAX),
        (by("*", Resource="*"), "Policy has invalid resource"),
        (by("*", Resource="arn:aws:s3:::*"), "Policy has invalid resource"),
        (by("*", Resource="arn:aws:s3:::ledge?/*"), "Policy has invalid resource"),
        (by("*", Resource="arn:aws:s3:::ledger2/*"), "Policy has invalid resource"),
        (by("*", Resource="arn:aws:s3:::ledger*"), "Policy has invalid resource"),
        (by("*", Resource=[OBJECTS, "arn:aws:s3:::other/*"]), "Policy has invalid resource"),
        (by("*", Resource="ledger/*"), "Policy has invalid resource"),
        (
            {**without("Resource"), "NotResource": "arn:aws:s3:::other/*"},
            "Policy has invalid resource",
        ),
        (by("*", Resource=7), SYNTAX),
        (by("*", Action="kms:Decrypt"), "Policy has invalid action"),
        (by("*", Action=["s3:GetObject", "ec2:*"]), "Policy has invalid action"),
        (by("*", Action="GetObject"), "Policy has invalid action"),
        (by("*", Action="s?:GetObject"), "Policy has invalid action"),
        ({**without("Action"), "NotAction": "kms:*"}, "Policy has invalid action"),
        (by("*", NotAction="s3:GetObject"), SYNTAX),
        (by("alice"), "Invalid principal in policy"),
        (by([]), "Invalid principal in policy"),
        (by({"User": ALICE}), "Invalid principal in policy"),
        (by({"Service": "*"}), "Invalid principal in policy"),
        ({**without("Principal"), "Principal": ALICE}, "Invalid principal in policy"),
        (by("*", NotPrincipal="*"), "Invalid principal in policy"),
        (by("*", Condition={"StringEqual": {"aws:username": "a"}}), SYNTAX),
        (by("*", condition={}), "Unknown field condition"),
        # An action is on the bucket or on objects, and a statement needs what it is on.
        (by("*", Resource=BUCKET), NO_SUCH),
        (by("*", Action="s3:ListBucket"), NO_SUCH),
        (by("*", Action=["s3:GetObject", "s3:ListBucket"]), NO_SUCH),
        (by("*", Action="s3:GetBucket*"), NO_SUCH),
        ("text", SYNTAX),
    ],
)
def test_a_statement_that_s3_would_not_take_is_refused_in_its_words(statement, message):
    assert refusal(json.dumps(policy(statement))) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", NOT_JSON),
        ("{", NOT_JSON),
        ("[]", NOT_JSON),
        (f"\n{json.dumps(policy(by('*')))}", NOT_JSON),
        ('{"Statement": [], "Statement": []}', NOT_JSON),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Version": "2026-01-01", "Statement": []}', "The policy must contain a valid version"),
        ('{"Statements": []}', "Unknown field Statements"),
        (json.dumps({**policy(by("*")), "Id": 7}), SYNTAX),
        (
            json.dumps({**policy(by("*")), "Id": "x" * 20_480}),
            "Policy exceeds the maximum allowed document size.",
        ),
    ],
)
def test_a_document_that_s3_would_not_take_is_refused_in_its_words(text, message):
    assert refusal(text).startswith(message)


def test_a_refusal_keeps_what_was_found_and_where():
    with pytest.raises(PolicyError) as caught:
        bucket_policy(json.dumps(policy(by("*"), by("*", Condition={"Equals": {}}))), "ledger")
    assert caught.value.place.startswith("statement 2, Condition")
    assert "Equals" in caught.value.place


@pytest.mark.parametrize(
    "statement",
    [
        by("*", Sid="any words, with 1 digit"),
        by("*", Resource=[BUCKET, OBJECTS], Action=["s3:GetObject", "s3:ListBucket"]),
        by("*", Resource=BUCKET, Action="S3:listbucket"),
        by("*", Resource=f"{BUCKET}/${{aws:username}}/*"),
        by("*", Resource=BUCKET, Action="s3:*"),
        by("*", Action="*"),
        by("*", Action="s3:*Object*"),
        by("AIDAQWERTYUIOP23456XX"),
        by({"AWS": [ACCOUNT, FOREIGN_ALICE], "Service": "logging.s3.amazonaws.com"}),
        {**without("Action"), "NotAction": ["s3:DeleteObject", "s3:DeleteBucket"]},
        {**without("Resource"), "NotResource": f"{BUCKET}/secret/*"},
    ],
)
def test_s3_takes_these(statement):
    (compiled,) = bucket_policy(json.dumps(policy(statement)), "ledger").statements
    assert compiled.allows
    assert bucket_policy(json.dumps({"Statement": statement}), "ledger").statements


def test_a_policy_belongs_to_one_bucket():
    text = json.dumps(policy(by("*")))
    assert bucket_policy(text, "ledger").statements
    with pytest.raises(PolicyError, match="invalid resource"):
        bucket_policy(text, "ledge")


def test_resources_may_have_variables_and_what_is_outside_is_not_meant():
    own = by("*", Resource=f"{BUCKET}/${{aws:username}}/*")
    assert decided(user(), [own], resource=f"{BUCKET}/alice/a").allowed
    assert not decided(user(), [own], resource=f"{BUCKET}/bob/a").allowed
    assert not decided(anonymous_principal(), [own], resource=f"{BUCKET}/alice/a").allowed
    rest = {**without("Resource"), "NotResource": f"{BUCKET}/secret/*"}
    assert decided(user(), [rest]).allowed
    assert not decided(user(), [rest], resource=f"{BUCKET}/secret/a").allowed


# --- As stored ----------------------------------------------------------------------------


def test_a_bucket_without_a_policy_has_none_in_force():
    assert stored_bucket_policy("", "ledger") is None


@pytest.mark.parametrize("text", ["nonsense", json.dumps(policy(by("*", Resource="*")))])
def test_a_stored_policy_that_cannot_be_read_denies_everything_to_everyone(text):
    broken = OwnerSide(stored_bucket_policy(text, "ledger"), ACCOUNT, leaves_it_to_account=True)
    everything = Identities(_in_force("inline policy", [mine()]))
    for caller in (user(), user(FOREIGN_ALICE), session(), anonymous_principal()):
        asked = Question(caller, "s3:GetObject", OBJECT, RequestContext.of({}))
        decision = decide(asked, everything, broken)
        assert (decision.missing, decision.explicit) == (RESOURCE, True)
        assert "unreadable" in str(decision.decided_by[0])


def test_a_stored_policy_that_can_be_read_is_in_force_as_it_stands():
    stored = stored_bucket_policy(json.dumps(policy(by(ALICE), by(ROLE, "Deny"))), "ledger")
    assert stored is not None
    assert stored.policy_name == "bucket policy"
    assert [each.allows for each in stored.statements] == [True, False]
