"""Key policies through boto3: stored as they are, checked for their form, never a lock-out."""

import json

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    allow,
    members,
    no_identity_policy,
    no_key_policy,
    policy,
    refused,
)

from kmslab.access.policy import PolicyError, key_policy

pytest_plugins = ["lab_session"]

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/administrator"
OPEN = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}

DEFAULT = f"""{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{ROOT}"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"""


def put(kms, arn, document, **more):
    text = document if isinstance(document, str) else json.dumps(document)
    return kms.put_key_policy(KeyId=arn, Policy=text, **more)


# --- Stored and answered ------------------------------------------------------------------


def test_a_key_without_a_policy_gets_the_default_one(kms, arn):
    answer = kms.get_key_policy(KeyId=arn)
    assert members(answer) == {"Policy", "PolicyName"}
    assert (answer["PolicyName"], answer["Policy"]) == ("default", DEFAULT)


def test_the_one_policy_of_a_key_is_named_default(kms, arn):
    answer = kms.list_key_policies(KeyId=arn)
    assert members(answer) == {"PolicyNames", "Truncated"}
    assert (answer["PolicyNames"], answer["Truncated"]) == (["default"], False)


@pytest.mark.parametrize("name", [{}, {"PolicyName": "default"}], ids=["unnamed", "default"])
def test_a_policy_is_answered_to_the_letter_as_it_was_put(kms, arn, name):
    text = json.dumps(policy(OPEN), indent=7) + "\r\n\t "
    assert members(put(kms, arn, text, **name)) == set()
    assert kms.get_key_policy(KeyId=arn, **name)["Policy"] == text


def test_a_key_can_be_created_with_a_policy(kms):
    text = json.dumps(policy(OPEN))
    arn = kms.create_key(Policy=text)["KeyMetadata"]["Arn"]
    assert kms.get_key_policy(KeyId=arn)["Policy"] == text


def test_there_is_no_policy_of_another_name(kms, arn):
    with refused("NotFoundException", "No such policy exists"):
        kms.get_key_policy(KeyId=arn, PolicyName="other")
    with refused("NotFoundException", "No such policy exists"):
        put(kms, arn, policy(OPEN), PolicyName="other")


# --- Checked for their form ---------------------------------------------------------------

INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."


def statement(**changed):
    return {name: value for name, value in {**OPEN, **changed}.items() if value is not None}


MALFORMED = {
    "not JSON": "no policy",
    "half of JSON": '{"Statement": [',
    "a list": "[]",
    "a text": '"Statement"',
    "nothing": "{}",
    "no statements": policy(),
    "an unknown element": {**policy(OPEN), "Statements": []},
    "an unknown version": {**policy(OPEN), "Version": "2026-01-01"},
    "a statement that is text": {"Statement": ["Allow"]},
    "an unknown element of a statement": policy(statement(Actions="kms:*")),
    "no effect": policy(statement(Effect=None)),
    "another effect": policy(statement(Effect="allow")),
    "no principal": policy(statement(Principal=None)),
    "Action and NotAction": policy(statement(NotAction="kms:Get*")),
    "Resource and NotResource": policy(statement(NotResource="*")),
    "an action that is a number": policy(statement(Action=7)),
    "a resource that is an object": policy(statement(Resource={"kms": "*"})),
    "a principal that is a number": policy(statement(Principal={"AWS": 7})),
    "a character outside Latin-1": policy(statement(Sid="Schlüssel 鍵")),
    "a service that is a number": policy(OPEN, statement(Principal={"Service": 7})),
    "Principal and NotPrincipal": policy(OPEN, statement(NotPrincipal={"AWS": ROOT})),
    "a condition that is text": policy(OPEN, statement(Condition="nonsense")),
    "a condition that is a list": policy(OPEN, statement(Condition=[])),
    "a condition that is null": json.dumps(policy({**OPEN, "Condition": None})),
    "two effects": json.dumps(policy(OPEN)).replace(
        '"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'
    ),
    "two lists of statements": json.dumps(policy(OPEN)).replace(
        '"Statement": ', '"Statement": [], "Statement": '
    ),
    "a member that stands twice below": json.dumps(
        policy(OPEN, statement(Condition={"Bool": {}}))
    ).replace('"Bool": {}', '"Bool": {}, "Bool": {}'),
    "NaN": json.dumps(policy(OPEN, statement(Condition={"NumericEquals": {"a": float("nan")}}))),
    "Infinity": json.dumps(policy(OPEN, statement(Condition={"Null": float("inf")}))),
}


@pytest.mark.parametrize("flaw", MALFORMED)
def test_what_is_no_key_policy_is_malformed(kms, arn, flaw):
    before = kms.get_key_policy(KeyId=arn)["Policy"]
    document = MALFORMED[flaw]
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    with refused("MalformedPolicyDocumentException", None):
        put(kms, arn, text)
    with refused("MalformedPolicyDocumentException", None):
        kms.create_key(Policy=text, BypassPolicyLockoutSafetyCheck=True)
    assert kms.get_key_policy(KeyId=arn)["Policy"] == before
    assert len(kms.list_keys()["Keys"]) == 1


@pytest.mark.parametrize(
    "principal",
    [
        "administrator",
        {},
        {"AWS": "administrator"},
        {"AWS": "1111"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"},
        {"AWS": f"arn:aws:s3:::{ACCOUNT}"},
        {"Unknown": "*"},
        {"AWS": [ADMINISTRATOR, "nobody"]},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:garbage"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root/x"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:group/developers"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/administrato?"},
        {"AWS": "arn:aws:iam:::user/x"},
        {"AWS": "arn:aws:iam::*:root"},
        {"AWS": "arn:aws:iam::12345:root"},
        {"AWS": f"arn:aws:iam:us-east-1:{ACCOUNT}:root"},
        {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"},
        {"AWS": f"arn:aws:sts::{ACCOUNT}:user/x"},
        {"AWS": f" {ROOT}"},
        {"AWS": ""},
        ["*"],
    ],
    ids=str,
)
def test_a_principal_that_cannot_be_one_is_invalid(kms, arn, principal):
    with refused("MalformedPolicyDocumentException", INVALID_PRINCIPALS):
        put(kms, arn, policy(OPEN, statement(Principal=principal)))


@pytest.mark.parametrize("principal", [None, {"AWS": []}, {"AWS": ROOT, "Service": []}], ids=str)
def test_a_statement_for_no_principal_is_told_so(kms, arn, principal):
    said = "Policy contains a statement with no principal."
    with refused("MalformedPolicyDocumentException", said):
        put(kms, arn, policy(OPEN, statement(Principal=principal)))


@pytest.mark.parametrize(
    "name", ["user/nobody", "role/nobody", "user/other/administrator", "assumed-role/nobody/x"]
)
@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
def test_a_principal_that_does_not_exist_is_invalid(lab, kms, arn, name, element):
    service = "sts" if name.startswith("assumed") else "iam"
    named = {"AWS": f"arn:aws:{service}::{ACCOUNT}:{name}"}
    document = policy(OPEN, statement(**{"Principal": None, element: named}))
    with refused("MalformedPolicyDocumentException", INVALID_PRINCIPALS):
        put(kms, arn, document)
    lab.user("nobody")
    lab.role("nobody")
    if "other" not in name:
        put(kms, arn, document)


@pytest.mark.parametrize("account", ["１１１１２２２２３３３３", "١١١١٢٢٢٢٣٣٣٣"])
@pytest.mark.parametrize("form", ["{}", "arn:aws:iam::{}:root"])
def test_an_account_has_digits_of_ascii_alone(account, form):
    text = json.dumps(policy(statement(Principal={"AWS": form.format(account)})))
    with pytest.raises(PolicyError, match="invalid principals"):
        key_policy(text)


@pytest.mark.parametrize(
    "document",
    [
        {"Statement": OPEN},
        {"Version": "2008-10-17", "Id": "mine", "Statement": [OPEN]},
        policy(statement(Sid="A Sid of a key policy may have spaces")),
        policy(statement(Principal={"AWS": ACCOUNT})),
        policy(statement(Principal="*")),
        policy(statement(Principal={"AWS": "*"})),
        policy(statement(Principal={"AWS": [ROOT, OTHER_ACCOUNT]})),
        policy(OPEN, statement(Principal={"Service": "cloudtrail.amazonaws.com"})),
        policy(OPEN, statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/a/b/carol"})),
        policy(OPEN, statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/service-role/r"})),
        policy(OPEN, statement(Principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"})),
        policy(OPEN, statement(Principal={"AWS": f"arn:aws:sts::{ACCOUNT}:federated-user/f"})),
        policy(OPEN, statement(Principal={"AWS": ROOT, "Service": ["s3.amazonaws.com"]})),
        policy(OPEN, statement(Principal=None, NotPrincipal={"AWS": ROOT})),
        policy(OPEN, statement(Resource=None)),
        policy(OPEN, statement(Action=None)),
        policy(OPEN, statement(Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}})),
        policy(statement(Sid="Schlüssel für Zürich")),
    ],
    ids=lambda document: json.dumps(document)[:60],
)
def test_every_form_that_aws_takes_is_taken(lab, kms, arn, document):
    iam = lab.client("iam")
    iam.create_user(UserName="carol", Path="/a/b/")
    trust = json.dumps(policy({"Effect": "Allow", "Action": "sts:*", "Principal": {"AWS": ROOT}}))
    iam.create_role(RoleName="r", Path="/service-role/", AssumeRolePolicyDocument=trust)
    text = json.dumps(document, ensure_ascii=False)
    put(kms, arn, text)
    assert kms.get_key_policy(KeyId=arn)["Policy"] == text


def padded(size):
    """The open policy as a text of `size` bytes."""
    text = json.dumps(policy(OPEN))
    return text + " " * (size - len(text))


def test_a_policy_has_at_most_32768_bytes(kms, arn):
    put(kms, arn, padded(32_768))
    with refused("LimitExceededException", None):
        put(kms, arn, padded(32_769))
    with refused("LimitExceededException", None):
        kms.create_key(Policy=padded(32_769))
    with refused("ValidationException", None):
        put(kms, arn, padded(131_073))


# --- Never a lock-out ---------------------------------------------------------------------

LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."

LOCK_OUTS = {
    "nobody at all": statement(Effect="Deny"),
    "another user": statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/other"}),
    "another account": statement(Principal={"AWS": OTHER_ACCOUNT}),
    "another action": statement(Action="kms:Encrypt"),
    "under a condition": statement(
        Condition={"StringEquals": {"kms:CallerAccount": OTHER_ACCOUNT}}
    ),
    "another resource": statement(Resource="arn:aws:kms:us-east-1:111122223333:key/x"),
}


@pytest.mark.parametrize("whom", LOCK_OUTS)
def test_a_policy_that_would_lock_its_author_out_is_refused_unless_that_is_meant(
    lab, kms, arn, whom
):
    lab.user("other")
    document = policy(LOCK_OUTS[whom])
    with refused("MalformedPolicyDocumentException", LOCKED_OUT):
        put(kms, arn, document)
    with refused("MalformedPolicyDocumentException", LOCKED_OUT):
        kms.create_key(Policy=json.dumps(document))
    put(kms, arn, document, BypassPolicyLockoutSafetyCheck=True)
    kms.create_key(Policy=json.dumps(document), BypassPolicyLockoutSafetyCheck=True)


def test_after_a_lock_out_nobody_can_change_the_policy_back(lab, kms, arn):
    put(kms, arn, policy(LOCK_OUTS["another action"]), BypassPolicyLockoutSafetyCheck=True)
    with no_key_policy(lab.administrator(), "kms:PutKeyPolicy", arn):
        put(kms, arn, policy(OPEN))


def test_an_author_with_the_right_by_name_is_not_locked_out(lab, kms, arn):
    put(kms, arn, policy(statement(Principal={"AWS": ADMINISTRATOR}, Action="kms:Put*")))
    put(kms, arn, policy(OPEN))


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("kms:GetKeyPolicy", lambda kms, arn: kms.get_key_policy(KeyId=arn)),
        ("kms:ListKeyPolicies", lambda kms, arn: kms.list_key_policies(KeyId=arn)),
        ("kms:PutKeyPolicy", lambda kms, arn: put(kms, arn, "no policy")),
    ],
)
def test_every_operation_on_policies_needs_its_right(lab, arn, action, call):
    user = lab.user("user", allow("kms:Encrypt"))
    with no_identity_policy(user, action, arn):
        call(lab.client("kms", user), arn)
