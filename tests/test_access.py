"""May this principal do this? Decisions as values, and the same decisions seen through boto3."""

import json
import subprocess
import sys
from fnmatch import fnmatchcase

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    UNKNOWN_KEY_ID,
    allow,
    denied,
    hidden_by_ciphertext,
    hidden_key,
    no_identity_policy,
    no_key_policy,
    policy,
    refused,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.access.context import RequestContext
from kmslab.access.decision import Identities, OwnerSide, decide
from kmslab.access.policy import PolicyInForce, Question, identity_policy, key_policy
from kmslab.access.principals import user_principal
from kmslab.access.wildcards import wildcard
from kmslab.errors import PolicyError
from kmslab.services import kms as kms_service
from kmslab.store.iam_records import User

pytest_plugins = ["lab_session"]

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{UNKNOWN_KEY_ID}"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BOB = ALICE.replace("alice", "bob")
FOREIGN_ALICE = f"arn:aws:iam::{OTHER_ACCOUNT}:user/alice"
FOREIGN_ROOT = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
IDENTITY, RESOURCE = "identity-based policy", "resource-based policy"
CONDITION = {"StringEquals": {"kms:EncryptionContext:a": "b"}}


def statement(effect="Allow", **elements):
    elements = {"Action": "kms:*", "Resource": "*"} | elements
    return {"Effect": effect} | {name: value for name, value in elements.items() if value}


def by(principal, effect="Allow", **elements):
    """A statement of a key policy. `principal` is an ARN, an account or "*"."""
    return statement(effect, Principal={"AWS": principal}, **elements)


def decision(identity=(), key=None, action="kms:Encrypt", caller=ALICE, resource=KEY, context=None):
    """The decision on `caller` with identity policies of these statements, on a key whose policy
    has the statements `key`; None where no key is concerned."""
    user = User(caller.split(":")[4], caller.rpartition("/")[2], "AIDAALICE")
    principal = user_principal(user, "AKIAALICE")
    question = Question(principal, action, resource, RequestContext.of(context or {}))
    identities = Identities()
    if identity:
        own = PolicyInForce("inline", identity_policy(json.dumps(policy(*identity))))
        identities = Identities((own,))
    owner_side = None
    if key is not None:
        owner_side = OwnerSide(key_policy(json.dumps(policy(*key))), ACCOUNT)
    return decide(question, identities, owner_side)


# --- decide(): who wins -------------------------------------------------------------------

MINE, NOBODYS = statement(), statement(Action="s3:*")
DELEGATES, SILENT = by(ROOT), by(ROOT, Action="kms:Put*")
TO_ALICE, TO_BOB = by(ALICE), by(ALICE.replace("alice", "bob"))
DENIED, DENIED_BY_KEY = statement("Deny"), by(ALICE, "Deny")
DENIED_TO_ACCOUNT, DENIED_TO_BOB = by(ROOT, "Deny"), by(ALICE.replace("alice", "bob"), "Deny")


@pytest.mark.parametrize(
    ("identity", "key", "allowed"),
    [
        # The key policy delegates to the account, and the account allows.
        ([MINE], [DELEGATES], True),
        ([MINE], [by(ACCOUNT)], True),
        ([NOBODYS], [DELEGATES], False),
        ([], [DELEGATES], False),
        ([MINE], [SILENT], False),
        # The key policy names the caller: no identity policy is needed.
        ([], [TO_ALICE], True),
        ([], [by("*")], True),
        ([], [statement(Principal="*")], True),
        ([NOBODYS], [TO_BOB, TO_ALICE], True),
        ([], [by([ROOT, ALICE])], True),
        # Without the account in the key policy, identity policies count for nothing.
        ([MINE], [TO_BOB], False),
        ([MINE], [by(OTHER_ACCOUNT)], False),
        # An explicit deny in either policy wins over every allow.
        ([MINE, DENIED], [TO_ALICE, DELEGATES], False),
        ([DENIED], [TO_ALICE], False),
        ([MINE], [TO_ALICE, DELEGATES, DENIED_BY_KEY], False),
        ([MINE], [DENIED_TO_ACCOUNT, TO_ALICE], False),
        ([MINE], [by("*", "Deny"), TO_ALICE], False),
        ([MINE], [DELEGATES, DENIED_TO_BOB], True),
        ([MINE, statement("Deny", Action="s3:*")], [DELEGATES], True),
        ([MINE, statement("Deny", Action="kms:Decrypt")], [DELEGATES], True),
        # What concerns no key is decided by identity policies alone.
        ([MINE], None, True),
        ([NOBODYS], None, False),
        ([], None, False),
        ([MINE, DENIED], None, False),
    ],
)
def test_an_explicit_deny_wins_then_the_key_policy_then_what_it_delegates(identity, key, allowed):
    assert decision(identity, key).allowed is allowed


@pytest.mark.parametrize(
    ("identity", "key", "allowed"),
    [
        ([MINE], [by(FOREIGN_ALICE)], True),
        ([MINE], [by(FOREIGN_ROOT)], True),
        ([MINE], [by(OTHER_ACCOUNT)], True),
        ([MINE], [by("*")], True),
        ([], [by(FOREIGN_ALICE)], False),
        ([NOBODYS], [by(FOREIGN_ALICE)], False),
        ([], [by("*")], False),
        ([MINE], [DELEGATES], False),
        ([MINE], [TO_ALICE], False),
        ([MINE, DENIED], [by(FOREIGN_ALICE)], False),
        ([MINE], [by(FOREIGN_ALICE), by(FOREIGN_ROOT, "Deny")], False),
    ],
)
def test_across_accounts_both_sides_must_allow(identity, key, allowed):
    assert decision(identity, key, caller=FOREIGN_ALICE).allowed is allowed


CROSS_ACCOUNT = {
    *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair", "Sign", "Verify", "GenerateMac"),
    *("GenerateDataKeyPairWithoutPlaintext", "VerifyMac", "DeriveSharedSecret", "CreateGrant"),
    *("GetKeyRotationStatus", "GetPublicKey", "ListGrants", "RetireGrant", "RevokeGrant"),
}
ONLY_AT_HOME = {
    *("EnableKey", "DisableKey", "PutKeyPolicy", "GetKeyPolicy", "ListKeyPolicies"),
    *("CreateAlias", "UpdateAlias", "DeleteAlias", "TagResource", "UntagResource"),
    *("ListResourceTags", "ScheduleKeyDeletion", "CancelKeyDeletion", "UpdateKeyDescription"),
    *("EnableKeyRotation", "RotateKeyOnDemand", "ImportKeyMaterial", "ReplicateKey"),
}


@pytest.mark.parametrize("name", sorted(CROSS_ACCOUNT | ONLY_AT_HOME))
def test_only_some_actions_have_an_effect_across_accounts(name):
    everything = [by("*"), by(FOREIGN_ALICE), by(FOREIGN_ROOT)]
    foreign = decision([MINE], everything, f"kms:{name}", FOREIGN_ALICE)
    assert foreign.allowed is (name in CROSS_ACCOUNT)
    assert decision([MINE], everything, f"kms:{name}").allowed


# --- decide(): which statements are about it ----------------------------------------------


@pytest.mark.parametrize(
    ("elements", "matches"),
    [
        ({"Action": "kms:Encrypt"}, True),
        ({"Action": "KMS:ENCRYPT"}, True),
        ({"Action": "kms:encrypt"}, True),
        ({"Action": "kms:Encryp"}, False),
        ({"Action": "kms:Encrypted"}, False),
        ({"Action": "kms:En*"}, True),
        ({"Action": "kms:*crypt"}, True),
        ({"Action": "KMS:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": "kms:E??r?pt"}, True),
        ({"Action": "kms:Encrypt?"}, False),
        ({"Action": "kms:*Encrypt*"}, True),
        ({"Action": ["s3:*", "kms:Decrypt"]}, False),
        ({"Action": ["s3:*", "kms:Enc*"]}, True),
        ({"Action": None, "NotAction": "kms:Decrypt"}, True),
        ({"Action": None, "NotAction": "kms:ENC*"}, False),
        ({"Action": None, "NotAction": ["s3:*", "kms:Encrypt"]}, False),
        ({"Resource": KEY}, True),
        ({"Resource": KEY.upper()}, False),
        ({"Resource": "arn:aws:kms:*:*:key/*"}, True),
        ({"Resource": f"arn:aws:kms:us-east-?:{ACCOUNT}:key/1234*"}, True),
        ({"Resource": f"arn:aws:kms:*:{OTHER_ACCOUNT}:key/*"}, False),
        ({"Resource": UNKNOWN_KEY_ID}, False),
        ({"Resource": "alias/*"}, False),
        ({"Resource": "arn:aws:kms:*:*:alias/*"}, False),
        ({"Resource": ["arn:aws:s3:::*", KEY]}, True),
        ({"Resource": None, "NotResource": "arn:aws:kms:*:*:alias/*"}, True),
        ({"Resource": None, "NotResource": "arn:aws:kms:*:*:key/*"}, False),
        ({"Resource": None, "NotResource": ["arn:aws:s3:::*", KEY]}, False),
    ],
    ids=str,
)
def test_action_and_resource_take_wildcards_lists_and_their_opposites(elements, matches):
    assert decision([statement(**elements)], [DELEGATES]).allowed is matches
    assert decision([], [by(ALICE, **elements)]).allowed is matches
    assert decision([MINE, statement("Deny", **elements)], [DELEGATES]).allowed is not matches
    assert decision([MINE], [DELEGATES, by(ALICE, "Deny", **elements)]).allowed is not matches


@pytest.mark.parametrize("missing", ["Action", "Resource"])
@pytest.mark.parametrize("nothing", [None, []])
def test_without_action_or_resource_a_key_policy_statement_has_no_effect(missing, nothing):
    elements = {"Action": "kms:*", "Resource": "*", missing: nothing}
    assert not decision([], [by(ALICE, **elements)]).allowed
    assert decision([MINE], [DELEGATES, by(ALICE, "Deny", **elements)]).allowed
    with pytest.raises(PolicyError, match=f"must contain {missing.lower()}s"):
        identity_policy(json.dumps(policy(statement(**elements))))


@pytest.mark.parametrize(
    "action", ["Encrypt", "k?s:Encrypt", "kms:", ":Encrypt", "kms::Encrypt", [""]]
)
def test_an_action_is_named_with_its_service(action):
    with pytest.raises(PolicyError, match="vendor"):
        identity_policy(json.dumps(policy(statement() | {"Action": action})))


@pytest.mark.parametrize(
    "unreadable",
    [{"NoSuchOperator": {"a": "b"}}, {"StringEquals": "b"}, {"DateLessThan": {"a": "soon"}}, []],
    ids=str,
)
def test_a_condition_that_is_not_understood_is_no_policy(unreadable):
    for compile_policy, one in ((identity_policy, statement()), (key_policy, by(ALICE))):
        with pytest.raises(PolicyError):
            compile_policy(json.dumps(policy(one | {"Condition": unreadable})))


def test_a_condition_decides_whether_a_statement_counts():
    for context, holds in (({"kms:EncryptionContext:a": "b"}, True), ({}, False)):
        assert decision([statement() | HOLDS], [DELEGATES], context=context).allowed is holds
        assert decision([], [by(ALICE) | HOLDS], context=context).allowed is holds
        denies = statement("Deny") | HOLDS
        assert decision([MINE, denies], [DELEGATES], context=context).allowed is not holds


HOLDS = {"Condition": CONDITION}


@pytest.mark.parametrize(
    ("others", "allowed"),
    [
        ([ALICE], False),
        ([ROOT], False),
        ([ALICE, ROOT], True),
        (["*"], True),
        ([BOB, ROOT], False),
    ],
)
def test_a_deny_by_not_principal_spares_only_who_is_listed_with_the_account(others, allowed):
    denies = statement("Deny", NotPrincipal={"AWS": others})
    assert decision([MINE], [DELEGATES, denies]).allowed is allowed


@pytest.mark.parametrize(
    ("others", "allowed"),
    [([BOB], True), ([FOREIGN_ALICE], True), ([ALICE], False), ([ROOT], False)],
)
def test_an_allow_by_not_principal_reaches_everyone_it_does_not_list(others, allowed):
    assert decision([], [statement(NotPrincipal={"AWS": others})]).allowed is allowed


def test_a_service_principal_is_nobody_who_calls_with_an_access_key():
    service = {"Service": "cloudtrail.amazonaws.com"}
    assert not decision([MINE], [statement(Principal=service)]).allowed
    assert decision([MINE], [DELEGATES, statement("Deny", Principal=service)]).allowed


@pytest.mark.parametrize(
    "document",
    [
        "no policy",
        "[]",
        '{"Statement": []}',
        json.dumps(policy(statement(Principal="*"))),
        json.dumps(policy(statement(Effect="Maybe"))),
        json.dumps(policy(statement(Sids="x"))),
        "[" * 100_000,
    ],
    ids=lambda document: document[:30],
)
def test_what_is_no_identity_policy_is_not_taken(lab, document):
    with pytest.raises(PolicyError):
        identity_policy(document)
    with pytest.raises(ValueError, match="Policy"):
        lab.user("alice", document)


# --- A decision is a value that explains itself -------------------------------------------


def test_a_decision_names_what_decided_and_what_every_other_statement_lacked():
    taken = decision(
        [statement(Sid="Reads", Action="kms:Decrypt"), statement(Sid="Writes", Resource=KEY)],
        [by(ROOT, Sid="Enable IAM"), by(FOREIGN_ALICE, Sid="Partner")],
    )
    assert taken.allowed
    assert list(map(str, taken.decided_by)) == ["key policy, Enable IAM", "inline, Writes"]
    assert [(str(one), why) for one, why in taken.passed_over] == [
        ("inline, Reads", "it is about other actions"),
        ("key policy, Partner", "it names other principals"),
    ]
    assert str(taken) == (
        f"allowed: {ALICE}, kms:Encrypt on key/{UNKNOWN_KEY_ID}\n"
        f"  ● key policy, Enable IAM: leaves it to the policies of account {ACCOUNT}\n"
        "  ● inline, Writes: allows it\n"
        "  ○ inline, Reads: it is about other actions\n"
        "  ○ key policy, Partner: it names other principals"
    )


@pytest.mark.parametrize(
    ("identity", "key", "decided_by", "missing", "explicit"),
    [
        ([MINE], [TO_BOB], "", RESOURCE, False),
        ([], [DELEGATES], "", IDENTITY, False),
        ([DENIED], [DELEGATES], "inline, statement 1", IDENTITY, True),
        ([MINE], [DELEGATES, DENIED_BY_KEY], "key policy, statement 2", RESOURCE, True),
        ([DENIED], [DENIED_BY_KEY], "key policy, statement 1", RESOURCE, True),
        ([], None, "", IDENTITY, False),
    ],
)
def test_a_denial_tells_the_layer_and_whether_a_statement_said_so(
    identity, key, decided_by, missing, explicit
):
    taken = decision(identity, key)
    assert not taken.allowed
    assert "".join(map(str, taken.decided_by)) == decided_by
    assert (taken.missing, taken.explicit) == (missing, explicit)


@given(st.permutations([MINE, NOBODYS, DENIED]), st.permutations([DELEGATES, TO_BOB]))
def test_the_order_of_statements_decides_nothing(identity, key):
    assert not decision(identity, key).allowed
    without_deny = [one for one in identity if one is not DENIED]
    assert decision(without_deny, key).allowed


# --- Wildcards ----------------------------------------------------------------------------

patterns = st.text("ab*?:/.", max_size=12)
subjects = st.text("ab:/.\n", max_size=14)


@settings(max_examples=500)
@given(patterns, subjects)
def test_wildcards_match_as_those_of_file_names_do(pattern, subject):
    assert bool(wildcard(pattern)(subject)) is fnmatchcase(subject, pattern)


@given(st.text("aB*?", max_size=8), st.text("aAbB", max_size=8))
def test_case_can_be_ignored(pattern, subject):
    matches = wildcard(pattern, ignore_case=True)
    assert bool(matches(subject.lower())) is fnmatchcase(subject.lower(), pattern.lower())


@pytest.mark.parametrize("pattern", ["a.b", "a+", "[ab]", "(a)", "a|b", "\\?", "^a$", "{a}", "$"])
def test_nothing_but_star_and_question_mark_is_special(pattern):
    literal = pattern.replace("?", "x")
    assert wildcard(pattern)(literal)
    assert not wildcard(pattern)("a")
    assert not wildcard(pattern)("ab")


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 2000 + "*b",
        "a*" * 2000 + "b",
        "*?" * 2000 + "b",
        "?*" * 500 + "*" * 500 + "b",
        "*aa*aa" * 500 + "b",
        "*" * 5000 + "b",
        "*" + "a" * 1000 + "*" + "a" * 1000 + "b",
    ],
    ids=lambda pattern: pattern[:6],
)
def test_a_pattern_made_to_take_forever_is_decided_in_bounded_time(pattern):
    decided_in_time(
        "from kmslab.access.wildcards import wildcard\n"
        "for subject in ('a' * 3000, 'a' * 3000 + 'b', 'ab' * 1500):\n"
        "    wildcard(given)(subject)",
        pattern,
    )


def test_a_policy_full_of_such_patterns_is_decided_in_bounded_time():
    evil = [statement(Resource="*a" * 40 + f"*{number}b") for number in range(100)]
    decided_in_time(
        "from kmslab.access.context import RequestContext\n"
        "from kmslab.access.policy import Question, identity_policy\n"
        "from kmslab.access.principals import service_principal\n"
        "principal, context = service_principal('a.amazonaws.com'), RequestContext.of({})\n"
        f"question = Question(principal, 'kms:Encrypt', '{KEY}' + 'a' * 2000, context)\n"
        "for statement in identity_policy(given).statements:\n"
        "    assert statement.mismatch(question) == 'it is about another resource'",
        json.dumps(policy(*evil)),
    )


def decided_in_time(program, given):
    """Run `program` on `given` in a process of its own: what goes on forever is stopped."""
    source = f"import sys\ngiven = sys.stdin.read()\n{program}"
    command = [sys.executable, "-c", source]
    subprocess.run(command, input=given, encoding="utf-8", timeout=20, check=True)


# --- Through boto3: who gets in -----------------------------------------------------------


def test_the_administrator_is_an_ordinary_user_with_administrator_access(lab, kms, arn):
    administrator = lab.administrator()
    assert administrator.attached == ("arn:aws:iam::aws:policy/AdministratorAccess",)
    kms.describe_key(KeyId=arn)
    lab.user("administrator", policy(statement("Deny", Action="*")))
    with denied(
        administrator,
        "kms:DescribeKey",
        f"resource: {arn}",
        "with an explicit deny in an identity-based policy",
    ):
        kms.describe_key(KeyId=arn)
    with denied(
        administrator,
        "kms:CreateKey",
        "resource: *",
        "with an explicit deny in an identity-based policy",
    ):
        kms.create_key()
    lab.client("iam", lab.root()).detach_user_policy(
        UserName="administrator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    lab.user("administrator", allow("s3:*"))
    with no_identity_policy(administrator, "kms:DescribeKey", arn):
        kms.describe_key(KeyId=arn)


def test_another_user_with_the_same_policy_is_as_mighty(lab, arn):
    deputy = lab.client("kms", lab.user("deputy", allow("*")))
    deputy.disable_key(KeyId=arn)
    deputy.schedule_key_deletion(KeyId=deputy.create_key()["KeyMetadata"]["KeyId"])


def test_the_administrator_of_one_account_is_a_stranger_in_another(lab, arn):
    stranger = lab.administrator(OTHER_ACCOUNT)
    with hidden_key(stranger, "kms:DescribeKey"):
        lab.client("kms", stranger).describe_key(KeyId=arn)


def test_a_user_without_a_policy_gets_nothing_but_what_a_key_policy_gives_by_name(
    lab, kms, arn, put_policy
):
    alice = lab.user("alice")
    theirs = lab.client("kms", alice)
    with no_identity_policy(alice, "kms:Encrypt", arn):
        theirs.encrypt(KeyId=arn, Plaintext=b"x")
    put_policy(arn, policy(by(ROOT), by(ALICE, Action="kms:Encrypt")))
    theirs.encrypt(KeyId=arn, Plaintext=b"x")
    with no_identity_policy(alice, "kms:DescribeKey", arn):
        theirs.describe_key(KeyId=arn)
    with no_identity_policy(lab.user("bob"), "kms:Encrypt", arn):
        lab.client("kms", lab.user("bob")).encrypt(KeyId=arn, Plaintext=b"x")


def test_a_key_policy_without_the_account_shuts_every_identity_policy_out(
    lab, kms, arn, put_policy
):
    put_policy(arn, policy(by(ALICE)))
    for call, action in ((kms.describe_key, "DescribeKey"), (kms.get_key_policy, "GetKeyPolicy")):
        with no_key_policy(lab.administrator(), f"kms:{action}", arn):
            call(KeyId=arn)
    lab.client("kms", lab.user("alice")).describe_key(KeyId=arn)


def test_a_key_policy_delegates_only_the_actions_it_lists(lab, kms, arn, put_policy):
    put_policy(arn, policy(by(ROOT, Action="kms:Describe*")))
    kms.describe_key(KeyId=arn)
    with no_key_policy(lab.administrator(), "kms:Encrypt", arn):
        kms.encrypt(KeyId=arn, Plaintext=b"x")


def test_an_identity_deny_bites_whoever_the_key_policy_names(lab, arn, put_policy):
    put_policy(arn, policy(by(ALICE)))
    alice = lab.user("alice", policy(statement("Deny", Action="kms:Decrypt")))
    kms = lab.client("kms", alice)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    why = "with an explicit deny in an identity-based policy"
    with denied(alice, "kms:Decrypt", f"resource: {arn}", why):
        kms.decrypt(CiphertextBlob=blob, KeyId=arn)


def test_across_accounts_the_key_policy_and_the_identity_policy_are_needed(
    lab, kms, arn, put_policy
):
    stranger = lab.user("alice", account=OTHER_ACCOUNT)
    theirs = lab.client("kms", stranger)
    with hidden_key(stranger, "kms:Encrypt"):
        theirs.encrypt(KeyId=arn, Plaintext=b"x")
    put_policy(arn, policy(by(ROOT), by(FOREIGN_ROOT)))
    with no_identity_policy(stranger, "kms:Encrypt", arn):
        theirs.encrypt(KeyId=arn, Plaintext=b"x")
    lab.user("alice", allow("kms:*", resource=arn), OTHER_ACCOUNT)
    blob = theirs.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    assert theirs.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with hidden_key(stranger, "kms:DisableKey"):
        theirs.disable_key(KeyId=arn)
    put_policy(arn, policy(by(ROOT)))
    with hidden_key(stranger, "kms:Encrypt"):
        theirs.encrypt(KeyId=arn, Plaintext=b"x")


def test_a_policy_under_a_condition_counts_where_the_request_fulfils_it(lab, arn, put_policy):
    alice = lab.user("alice", allow("kms:*", Condition=CONDITION))
    kms = lab.client("kms", alice)
    with no_identity_policy(alice, "kms:Encrypt", arn):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "c"})
    kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "b"})
    put_policy(arn, policy(by(ROOT), by(ALICE, "Deny", Condition=CONDITION)))
    lab.user("alice", allow("kms:*"))
    why = "with an explicit deny in a resource-based policy"
    with denied(alice, "kms:Encrypt", f"resource: {arn}", why):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "b"})
    kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "c"})


# --- Through boto3: what a refusal says ---------------------------------------------------


def foreign(lab, *statements):
    return lab.user("alice", policy(*statements), OTHER_ACCOUNT)


@pytest.mark.parametrize(
    ("user_policy", "on_key", "sentence"),
    [
        ([NOBODYS], [DELEGATES], "because no identity-based policy allows the {action} action"),
        ([MINE], [TO_BOB], "because no resource-based policy allows the {action} action"),
        ([DENIED], [DELEGATES], "with an explicit deny in an identity-based policy"),
        ([MINE], [DELEGATES, DENIED_BY_KEY], "with an explicit deny in a resource-based policy"),
        # Where a deny and a missing allow meet, the deny is told.
        ([DENIED], [TO_BOB], "with an explicit deny in an identity-based policy"),
        ([NOBODYS], [DENIED_BY_KEY], "with an explicit deny in a resource-based policy"),
    ],
)
@pytest.mark.parametrize("action", ["kms:Encrypt", "kms:GetKeyPolicy"])
def test_a_refusal_names_caller_action_key_and_layer(
    lab, arn, put_policy, user_policy, on_key, sentence, action
):
    put_policy(arn, policy(*on_key))
    alice = lab.user("alice", policy(*user_policy))
    kms = lab.client("kms", alice)
    with denied(alice, action, f"resource: {arn}", sentence.format(action=action)):
        if action == "kms:Encrypt":
            kms.encrypt(KeyId=arn, Plaintext=b"x")
        else:
            kms.get_key_policy(KeyId=arn)


@pytest.mark.parametrize(
    "on_key", [[DELEGATES], [by(FOREIGN_ALICE), by(FOREIGN_ALICE, "Deny")]], ids=["silent", "deny"]
)
def test_a_stranger_is_told_nothing_of_the_key_or_its_policy(lab, kms, arn, put_policy, on_key):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    put_policy(arn, policy(*on_key))
    alice = foreign(lab, MINE)
    theirs = lab.client("kms", alice)
    with hidden_key(alice, "kms:DescribeKey"):
        theirs.describe_key(KeyId=arn)
    with hidden_by_ciphertext(alice, "kms:Decrypt"):
        theirs.decrypt(CiphertextBlob=blob)


def test_whoever_is_denied_at_home_by_ciphertext_alone_is_told_by_identity_policy(
    lab, kms, arn, put_policy
):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    alice = lab.user("alice")
    with no_identity_policy(alice, "kms:Decrypt", arn):
        lab.client("kms", alice).decrypt(CiphertextBlob=blob)
    put_policy(arn, policy(by(ALICE.replace("alice", "bob"))))
    with hidden_by_ciphertext(alice, "kms:Decrypt"):
        lab.client("kms", alice).decrypt(CiphertextBlob=blob)


# --- The door -----------------------------------------------------------------------------


def test_an_operation_that_asks_for_no_decision_is_denied_and_changes_nothing(
    lab, kms, arn, monkeypatch
):
    def forgetful_disable_key(call):
        from dataclasses import replace

        kms_key = call.store.kms_keys.get(f"{ACCOUNT}/us-east-1", arn.rpartition("/")[2])
        call.put(replace(kms_key, key_state="Disabled"))

    real = kms_service.find_operation
    monkeypatch.setattr(
        kms_service,
        "find_operation",
        lambda name: forgetful_disable_key if name == "DisableKey" else real(name),
    )
    with refused("AccessDeniedException", None):
        kms.disable_key(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"
    refusal = lab.events()[-2]
    assert (refusal["eventName"], refusal["errorCode"]) == ("DisableKey", "AccessDenied")


def test_an_operation_that_goes_on_after_a_denial_is_denied_all_the_same(
    lab, kms, arn, monkeypatch
):
    def stubborn_describe_key(call):
        call.deny_absent()
        return {"KeyMetadata": {"KeyId": "secret"}}

    monkeypatch.setattr(kms_service, "find_operation", lambda name: stubborn_describe_key)
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)


def test_an_operation_that_is_not_built_yet_is_refused_to_everyone(lab, arn, monkeypatch):
    monkeypatch.setattr(kms_service, "find_operation", lambda name: None)
    for user in (lab.administrator(), lab.user("nobody")):
        with refused("UnsupportedOperationException", None):
            lab.client("kms", user).enable_key_rotation(KeyId=arn)
