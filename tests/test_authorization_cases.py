"""Every authorization case, asked of the rules alone and sent to a lab through boto3.

`python -m tests.mutations` runs the first half of these alone.
"""

import json
import re

import pytest

from kmslab.access.operators import OPERATORS
from kmslab.learn import authorization_cases as cases_module
from kmslab.learn import case_table
from kmslab.learn.authorization_cases import (
    NOT_BUILT,
    SOURCE,
    Who,
    authorization_cases,
    decide_case,
    find_case,
    reason,
    run_case,
)
from kmslab.learn.case_labs import can_be_sent
from kmslab.learn.case_texts import filled, policy_document, principal_arn

CASES = authorization_cases()
FILE = json.loads(SOURCE.read_text(encoding="utf-8"))
BY_NAME = {case.name: case for case in CASES}
SENT = [case.name for case in CASES if can_be_sent(case)]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_rules_decide_as_aws_documents_it(name):
    case = BY_NAME[name]
    decision = decide_case(case)
    assert ("allowed" if decision.allowed else "denied", reason(decision)) == (
        case.expected,
        case.because,
    ), str(decision)


@pytest.mark.parametrize("name", SENT)
def test_a_call_through_boto3_ends_as_aws_documents_it(name):
    case = BY_NAME[name]
    assert run_case(case) == case.expected


# --- The file -----------------------------------------------------------------------------


def test_there_are_many_cases_and_most_of_them_can_be_sent():
    assert len(CASES) >= 150
    assert len(SENT) >= 400
    assert run_case(find_case("kms:SigningAlgorithm")) in ("allowed", NOT_BUILT)


def test_the_file_stays_small_enough_to_be_read():
    assert SOURCE.stat().st_size < 120_000


def test_every_case_says_why_and_where_aws_says_so():
    why = re.compile(
        r"(key policy|grant|identity-based policy|root user)( \+ [a-z -]+)*"
        r"|no (identity-based policy|resource-based policy|permissions boundary|session policy)"
        r"|explicit deny in (an identity-based policy|a (resource-based policy|permissions boundary"
        r"|session policy))"
    )
    for case in CASES:
        assert why.fullmatch(case.because), case
        assert case.because.startswith(("no ", "explicit ")) is (case.expected == "denied"), case
        assert re.match(r"(AWS|IAM|KMS|Amazon) [\w ]+(Guide|Reference): ", case.source), case.source


def _denials(word):
    return {case.because for case in CASES if case.because.startswith(word)}


def test_every_layer_denies_by_silence_and_by_statement():
    assert len(_denials("no ")) == len(_denials("explicit ")) == 4


def test_every_topic_has_cases_that_are_allowed_and_denied():
    for topic in {case.topic for case in CASES}:
        found = {case.expected for case in CASES if case.topic == topic}
        assert found == {"allowed", "denied"}, topic


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda file: file.update(more=1), "unknown member 'more'"),
        (lambda file: file["topics"][0].update(why=1), "a topic: unknown member 'why'"),
        (lambda file: _first(file).update(expect=1), "unknown member 'expect'"),
        (lambda file: _first(file).update(expected="maybe"), "expected is 'maybe'"),
        (lambda file: _first(file).update(key_policy="none"), "no such policy: 'none'"),
        (lambda file: _first(file).update(grants=[{"operations": []}]), "member 'operations'"),
        (lambda file: file["topics"][0]["cases"].append(_first(file)), "more than one case"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path, change, complaint):
    file = json.loads(json.dumps(FILE))
    change(file)
    broken = tmp_path / "cases.json"
    broken.write_text(json.dumps(file), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        authorization_cases(broken)


def _first(file):
    return file["topics"][0]["cases"][0]


@pytest.mark.parametrize("member", [{"who": {"name": "x"}}, {"key": {"id": "x"}}])
def test_an_unknown_member_inside_a_case_is_refused(tmp_path, member):
    file = json.loads(json.dumps(FILE))
    _first(file).update(member)
    broken = tmp_path / "cases.json"
    broken.write_text(json.dumps(file), encoding="utf-8")
    with pytest.raises(TypeError, match="unexpected keyword"):
        authorization_cases(broken)


def test_a_case_is_found_by_its_name():
    assert find_case(CASES[7].name) is CASES[7]
    with pytest.raises(ValueError, match="no authorization case 'x'"):
        find_case("x")


# --- What the cases cover -----------------------------------------------------------------

WRITTEN = json.dumps(FILE)
PRINCIPAL_FORMS = {
    "account number": '"Principal": "111122223333"',
    "root ARN": '"Principal": "root"',
    "user": '"Principal": "user/alice"',
    "user with path": '"Principal": "user/team/alice"',
    "role": '"Principal": "role/app"',
    "role with path": '"Principal": "role/service/app"',
    "session": '"Principal": "assumed-role/app/one"',
    "federated user": '"Principal": "federated-user/fay"',
    "service": '"Principal": "cloudtrail.amazonaws.com"',
    "star": '"Principal": "*"',
    "star under AWS": '"Principal": {"AWS": "*"}',
    "list": '"Principal": ["user/bob"',
    "another account's": '"Principal": "444455556666:root"',
    "NotPrincipal with Allow": '{"NotPrincipal": "user/bob"}',
    "NotPrincipal with Deny": '"Effect": "Deny", "NotPrincipal"',
}
KMS_KEYS = [
    *("BypassPolicyLockoutSafetyCheck", "CallerAccount", "CustomerMasterKeySpec"),
    *("CustomerMasterKeyUsage", "DataKeyPairSpec", "EncryptionAlgorithm", "EncryptionContext:"),
    *("EncryptionContextKeys", "ExpirationModel", "GrantConstraintSourceArn"),
    *("GrantConstraintType", "GrantIsForAWSResource", "GrantOperations", "GranteePrincipal"),
    *("GranteeServicePrincipal", "KeyAgreementAlgorithm", "KeyOrigin", "KeySpec", "KeyUsage"),
    *("MacAlgorithm", "MessageType", "MultiRegion", "MultiRegionKeyType", "PolicyName"),
    *("PrimaryRegion", "ReEncryptOnSameKey", "RecipientAttestation:ImageSha384"),
    *("RecipientAttestation:PCR0", "ReplicaRegion", "RequestAlias", "ResourceAliases"),
    *("RetiringPrincipal", "RetiringServicePrincipal", "RotationPeriodInDays"),
    *("ScheduleKeyDeletionPendingWindowInDays", "SigningAlgorithm"),
    *("TrailingDaysWithoutKeyUsage", "ValidTo", "ViaService", "WrappingAlgorithm"),
    *("WrappingKeySpec",),
]
GLOBAL_KEYS = [
    *("CalledVia", "CurrentTime", "EpochTime", "MultiFactorAuthPresent", "PrincipalAccount"),
    *("PrincipalArn", "PrincipalIsAWSService", "PrincipalOrgID", "PrincipalTag/", "RequestTag/"),
    *("ResourceTag/", "SecureTransport", "SourceAccount", "SourceArn", "SourceIp", "SourceVpc"),
    *("SourceVpce", "TagKeys", "ViaAWSService", "username"),
]
CALLERS = {"user", "assumed-role", "root", "service", "federated-user"}


@pytest.mark.parametrize("form", PRINCIPAL_FORMS)
def test_every_form_of_principal_stands_in_a_case(form):
    assert PRINCIPAL_FORMS[form] in WRITTEN


@pytest.mark.parametrize("operator", [*OPERATORS, "Null"])
def test_every_condition_operator_stands_in_a_case(operator):
    assert re.search(rf'[":]{operator}(IfExists)?": {{', WRITTEN)


@pytest.mark.parametrize("set_operator", ["ForAllValues", "ForAnyValue"])
def test_the_set_operators_stand_in_cases_of_both_outcomes(set_operator):
    outcomes = {case.expected for case in CASES if f"{set_operator}:" in str(case)}
    assert outcomes == {"allowed", "denied"}


@pytest.mark.parametrize("family", ["String", "Numeric", "Date", "Bool", "Arn", "IpAddress"])
def test_every_family_of_operators_stands_in_a_case_with_if_exists(family):
    assert re.search(rf'"{family}[A-Za-z]*IfExists": {{', WRITTEN)


@pytest.mark.parametrize(
    "name", [f"kms:{name}" for name in KMS_KEYS] + [f"aws:{name}" for name in GLOBAL_KEYS]
)
def test_every_condition_key_stands_in_a_condition(name):
    rest = '[^"]+' if name.endswith((":", "/")) else ""
    assert re.search(f'"{name}{rest}": ', WRITTEN)


def test_every_kind_of_caller_asks():
    assert {case.who.kind for case in CASES} == CALLERS
    assert any(case.who.via for case in CASES)


# --- Short forms --------------------------------------------------------------------------


def test_a_policy_is_spelled_out():
    policy = [
        {"Principal": "user/alice", "Action": "Encrypt"},
        {"Effect": "Deny", "NotPrincipal": ["root", "444455556666:role/app"], "NotAction": "*"},
        {"Principal": "s3.amazonaws.com", "Action": None, "Resource": None},
        {"Principal": "111122223333", "NotResource": "<key>", "Action": ["s3:Get*", "Sign"]},
    ]
    assert policy_document(policy, {"key": "KEY"}) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"},
                "Action": "kms:Encrypt",
                "Resource": "*",
            },
            {
                "Effect": "Deny",
                "NotPrincipal": {
                    "AWS": [
                        "arn:aws:iam::111122223333:root",
                        "arn:aws:iam::444455556666:role/app",
                    ]
                },
                "NotAction": "*",
                "Resource": "*",
            },
            {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}},
            {
                "Effect": "Allow",
                "Principal": {"AWS": "111122223333"},
                "NotResource": "KEY",
                "Action": ["s3:Get*", "kms:Sign"],
            },
        ],
    }
    older = {"Version": "2008-10-17", "Statement": [{}]}
    assert policy_document(older, {})["Version"] == "2008-10-17"


def test_angle_brackets_are_spelled_out_wherever_they_stand():
    given = {"a": ["<key>/x", 7], "b": {"c": "<assumed-role/app/one>"}, "d": None}
    assert filled(given, {"key": "KEY"}) == {
        "a": ["KEY/x", 7],
        "b": {"c": "arn:aws:sts::111122223333:assumed-role/app/one"},
        "d": None,
    }


@pytest.mark.parametrize("text", ["alice", "group/x", "4444:user/x", "", "x:root/y"])
def test_what_names_no_principal_is_refused(text):
    with pytest.raises(ValueError, match="no principal"):
        principal_arn(text)


def test_a_caller_is_shown_with_the_services_that_forward_its_call():
    assert str(Who("user/alice", via=("athena.amazonaws.com", "s3.amazonaws.com"))) == (
        "user/alice via s3.amazonaws.com via athena.amazonaws.com"
    )


# --- The table ----------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_case_of_a_topic():
    table = case_table("actions")
    assert list(table.columns) == ["name", "who", "operation", "expected", "because"]
    assert len(table) == sum(case.topic == "actions" for case in CASES)
    assert table.iloc[0].tolist() == [
        "an action is matched by its name",
        *("user/alice", "Encrypt", "allowed", "key policy"),
    ]
    assert len(case_table()) == len(CASES)


def test_a_topic_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"no topic 'magic', only \['the default key policy'"):
        case_table("magic")


def test_asking_the_rules_alone_needs_no_lab():
    assert not {"kmslab.lab", "boto3"} & set(vars(cases_module))
