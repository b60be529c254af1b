"""Grants through boto3: what one may be, what it allows, and what lists and events tell of it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    UNCHECKED,
    UNKNOWN_KEY_ID,
    all_pages,
    allow,
    constraint,
    hidden_key,
    members,
    no_identity_policy,
    no_key_policy,
    policy,
    refused,
)

from kmslab import Lab, StillClock
from kmslab.access.decision import Identities
from kmslab.access.principals import service_principal
from kmslab.errors import ServiceError
from kmslab.services.callers import Caller
from kmslab.services.kms.grant_requests import check_grant, grantable_operations
from kmslab.store.records import Grant, KmsKey
from kmslab.store.store import Changes

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CONTEXT = {"department": "IT"}
SYMMETRIC = {
    *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey"),
    *("GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair"),
    *("GenerateDataKeyPairWithoutPlaintext", "CreateGrant", "RetireGrant", "DescribeKey"),
}
NOT_SYMMETRIC = {
    *("Sign", "Verify", "GetPublicKey", "GenerateMac", "VerifyMac", "DeriveSharedSecret"),
    *("Encapsulate", "Decapsulate"),
}
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit"
TO_A_SERVICE = {
    "GranteePrincipal": None,
    "GranteeServicePrincipal": "cloudtrail.amazonaws.com",
    "RetiringServicePrincipal": "cloudtrail.amazonaws.com",
    "Constraints": {"SourceArn": TRAIL},
}


@pytest.fixture
def alice(lab):
    """A user without any policy."""
    return lab.user("alice")


@pytest.fixture
def grant(kms, arn, alice):
    """A function that makes a grant to alice to Encrypt, but for what is said otherwise."""

    def make(client=kms, **changed):
        asked = {"KeyId": arn, "GranteePrincipal": alice.arn, "Operations": ["Encrypt"]}
        asked.update(changed)
        return client.create_grant(**{name: v for name, v in asked.items() if v is not None})

    return make


def encrypt(client, arn, **more):
    return client.encrypt(KeyId=arn, Plaintext=b"x", **more)["CiphertextBlob"]


def listed(kms, arn, **more):
    return kms.list_grants(KeyId=arn, **more)["Grants"]


def ids(grants):
    return [each["GrantId"] for each in grants]


# --- What a grant allows ------------------------------------------------------------------


def test_the_answer_has_a_token_and_an_id_of_64_hex_digits(grant):
    answer = grant()
    assert members(answer) == {"GrantId", "GrantToken"}
    assert re.fullmatch("[0-9a-f]{64}", answer["GrantId"])


def test_a_grantee_without_any_policy_may_do_what_the_grant_says(lab, arn, alice, grant):
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(lab.client("kms", alice), arn)
    grant()
    encrypt(lab.client("kms", alice), arn)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("Encrypt", lambda kms, arn, blob: encrypt(kms, arn)),
        ("Decrypt", lambda kms, arn, blob: kms.decrypt(CiphertextBlob=blob)),
        ("DescribeKey", lambda kms, arn, blob: kms.describe_key(KeyId=arn)),
        (
            "GenerateDataKey",
            lambda kms, arn, blob: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            lambda kms, arn, blob: kms.generate_data_key_without_plaintext(
                KeyId=arn, KeySpec="AES_256"
            ),
        ),
    ],
)
def test_a_grant_allows_its_operation_and_no_other(lab, kms, arn, alice, grant, operation, call):
    blob = encrypt(kms, arn)
    client = lab.client("kms", alice)
    grant(Operations=sorted(SYMMETRIC - {operation}))
    with refused("AccessDeniedException", None):
        call(client, arn, blob)
    grant(Operations=[operation])
    call(client, arn, blob)


def test_re_encrypting_takes_a_grant_on_each_side(lab, kms, arn, alice, grant):
    other, blob = kms.create_key()["KeyMetadata"]["Arn"], encrypt(kms, arn)
    client = lab.client("kms", alice)
    grant(Operations=["ReEncryptFrom"])
    with no_identity_policy(alice, "kms:ReEncryptTo", other):
        client.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    grant(KeyId=other, Operations=["ReEncryptTo"])
    client.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)


def test_a_grant_is_for_one_key_and_one_grantee(lab, kms, arn, alice, grant):
    other, bob = kms.create_key()["KeyMetadata"]["Arn"], lab.user("bob")
    grant()
    with no_identity_policy(alice, "kms:Encrypt", other):
        encrypt(lab.client("kms", alice), other)
    with no_identity_policy(bob, "kms:Encrypt", arn):
        encrypt(lab.client("kms", bob), arn)


def test_a_grant_helps_where_the_key_policy_does_not_even_name_the_account(
    lab, kms, arn, alice, grant, put_policy
):
    grant()
    put_policy(arn, policy({"Effect": "Allow", "Principal": "*", "Action": "kms:PutKeyPolicy"}))
    encrypt(lab.client("kms", alice), arn)


@pytest.mark.parametrize("where", ["key policy", "identity policy"])
def test_a_deny_wins_over_a_grant(lab, kms, arn, grant, put_policy, where):
    deny = {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}
    grant()
    if where == "key policy":
        opened = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*"}
        put_policy(arn, policy({**opened, "Resource": "*"}, {**deny, "Principal": "*"}))
    alice = lab.user("alice", policy(deny) if where == "identity policy" else None)
    with refused("AccessDeniedException", None):
        encrypt(lab.client("kms", alice), arn)


def test_the_grant_that_allowed_stands_in_the_decision(lab, arn, alice, grant):
    grant_id = grant(Name="for-alice")["GrantId"]
    encrypt(lab.client("kms", alice), arn)
    assert lab.last_decision().grant.grant_id == grant_id
    assert f"grant for-alice {grant_id[:8]}: allows it" in str(lab.last_decision())


def test_a_role_as_grantee_means_its_sessions(lab, arn, grant):
    role = lab.role("worker")
    grant(GranteePrincipal=role.arn)
    encrypt(lab.client("kms", role.session("monday")), arn)
    silent = role.session("tuesday", allow("s3:*"))
    with refused("AccessDeniedException", None):
        encrypt(lab.client("kms", silent), arn)


def test_a_session_as_grantee_means_no_other_session(lab, arn, grant):
    role = lab.role("worker")
    grant(GranteePrincipal=f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/monday")
    encrypt(lab.client("kms", role.session("monday")), arn)
    with refused("AccessDeniedException", None):
        encrypt(lab.client("kms", role.session("tuesday")), arn)


def test_an_account_as_grantee_leaves_it_to_its_identity_policies(lab, arn, grant):
    allowed = lab.user("allowed", allow("kms:Encrypt"), account=OTHER_ACCOUNT)
    silent = lab.user("silent", account=OTHER_ACCOUNT)
    grant(GranteePrincipal=f"arn:aws:iam::{OTHER_ACCOUNT}:root")
    encrypt(lab.client("kms", allowed), arn)
    with no_identity_policy(silent, "kms:Encrypt", arn):
        encrypt(lab.client("kms", silent), arn)
    encrypt(lab.client("kms", lab.root(OTHER_ACCOUNT)), arn)


def test_a_grantee_of_another_account_uses_the_key_by_its_arn(lab, arn, grant):
    stranger = lab.user("stranger", account=OTHER_ACCOUNT)
    client = lab.client("kms", stranger)
    with hidden_key(stranger, "kms:Encrypt"):
        encrypt(client, arn)
    grant(GranteePrincipal=stranger.arn)
    encrypt(client, arn)
    with refused("NotFoundException", None):
        encrypt(client, arn.rpartition("/")[2])


def test_a_grant_of_another_region_is_another_keys(lab, alice, grant):
    kms = lab.client("kms", region_name=OTHER_REGION)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    grant(kms, KeyId=arn)
    encrypt(lab.client("kms", alice, region_name=OTHER_REGION), arn)


def test_one_of_many_grants_is_enough(lab, arn, alice, grant):
    for number in range(30):
        grant(Constraints={"EncryptionContextEquals": {"number": str(number)}})
    client = lab.client("kms", alice)
    encrypt(client, arn, EncryptionContext={"number": "29"})
    with refused("AccessDeniedException", None):
        encrypt(client, arn, EncryptionContext={"number": "30"})


# --- Constraints --------------------------------------------------------------------------

EQUALS, SUBSET = "EncryptionContextEquals", "EncryptionContextSubset"


@pytest.mark.parametrize(
    ("kind", "sent", "allowed"),
    [
        (EQUALS, CONTEXT, True),
        (EQUALS, {"department": "HR"}, False),
        (EQUALS, {"department": "it"}, False),
        (EQUALS, {**CONTEXT, "more": "1"}, False),
        (EQUALS, {}, False),
        (EQUALS, {"more": "1"}, False),
        (SUBSET, CONTEXT, True),
        (SUBSET, {**CONTEXT, "more": "1"}, True),
        (SUBSET, {"more": "1"}, False),
        (SUBSET, {"department": "HR", "more": "1"}, False),
        (SUBSET, {}, False),
    ],
)
def test_a_constraint_asks_for_an_encryption_context(lab, arn, alice, grant, kind, sent, allowed):
    grant(Constraints={kind: CONTEXT})
    client = lab.client("kms", alice)
    if allowed:
        encrypt(client, arn, EncryptionContext=sent)
        return
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(client, arn, EncryptionContext=sent)


@pytest.mark.parametrize("kind", [EQUALS, SUBSET])
def test_pairs_of_a_constraint_count_in_any_order(lab, arn, alice, grant, kind):
    grant(Constraints={kind: {"a": "1", "b": "2", "c": "3"}})
    encrypt(lab.client("kms", alice), arn, EncryptionContext={"c": "3", "a": "1", "b": "2"})


def test_a_constraint_does_not_apply_to_describing_the_key(lab, arn, alice, grant):
    grant(Operations=["Encrypt", "DescribeKey"], Constraints={EQUALS: CONTEXT})
    lab.client("kms", alice).describe_key(KeyId=arn)


@pytest.mark.parametrize("constraints", [{}, {EQUALS: {}}, {SUBSET: {}}], ids=str)
def test_a_constraint_without_pairs_is_none(lab, kms, arn, alice, grant, constraints):
    grant(Constraints=constraints)
    encrypt(lab.client("kms", alice), arn)
    (only,) = listed(kms, arn)
    assert "Constraints" not in only


def test_one_constraint_may_come_with_an_empty_other(kms, arn, grant):
    grant(Constraints={SUBSET: CONTEXT, EQUALS: {}})
    assert listed(kms, arn)[0]["Constraints"] == {SUBSET: CONTEXT}


def test_two_constraints_on_the_encryption_context_are_one_too_many(grant):
    with refused("ValidationException", "More than one constraint supplied"):
        grant(Constraints={SUBSET: CONTEXT, EQUALS: CONTEXT})


@pytest.mark.parametrize("kind", [EQUALS, SUBSET])
def test_a_constraint_has_at_most_8_pairs(grant, kind):
    grant(Constraints={kind: {str(number): "x" for number in range(8)}})
    with refused("ValidationException", None):
        grant(Constraints={kind: {str(number): "x" for number in range(9)}})


@pytest.mark.parametrize("kind", [EQUALS, SUBSET])
def test_a_constraint_has_at_most_384_characters(grant, kind):
    grant(Constraints={kind: {"a" * 10: "b" * 182, "c" * 10: "ö" * 182}})
    with refused("ValidationException", None):
        grant(Constraints={kind: {"a" * 10: "b" * 182, "c" * 10: "ö" * 183}})


def test_a_grant_for_a_source_arn_helps_nobody_who_calls_for_themselves(lab, arn, alice, grant):
    grant(Constraints={"SourceArn": TRAIL})
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(lab.client("kms", alice), arn)


# --- Services -----------------------------------------------------------------------------


def as_service(lab, operation, source_arn=TRAIL, **given):
    """A call that CloudTrail makes as itself, on behalf of a trail."""
    principal = service_principal("cloudtrail.amazonaws.com", source_arn, ACCOUNT)
    return lab.endpoint.call("kms", operation, given, Caller(principal, Identities()), "us-east-1")


def test_a_grant_to_a_service_works_on_behalf_of_its_source_arn_alone(lab, arn, grant):
    grant(**TO_A_SERVICE, Operations=["GenerateDataKey"])
    as_service(lab, "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    with pytest.raises(Exception, match="not authorized"):
        as_service(lab, "GenerateDataKey", f"{TRAIL}-2", KeyId=arn, KeySpec="AES_256")


def test_a_grant_to_a_service_is_listed_with_service_members(kms, arn, grant):
    grant(**TO_A_SERVICE)
    (only,) = listed(kms, arn)
    assert only["GranteeServicePrincipal"] == "cloudtrail.amazonaws.com"
    assert only["RetiringServicePrincipal"] == "cloudtrail.amazonaws.com"
    assert only["Constraints"] == {"SourceArn": TRAIL}
    assert not {"GranteePrincipal", "RetiringPrincipal"} & set(only)


def test_a_service_can_be_named_as_grantee_principal_too(kms, arn, grant):
    grant(GranteePrincipal="dynamodb.eu-west-1.amazonaws.com")
    assert listed(kms, arn)[0]["GranteePrincipal"] == "dynamodb.eu-west-1.amazonaws.com"


def test_a_service_may_be_the_retiring_principal(kms, arn, grant):
    grant(RetiringPrincipal="dynamodb.eu-west-1.amazonaws.com")
    assert listed(kms, arn)[0]["RetiringPrincipal"] == "dynamodb.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "changed",
    [
        {"Constraints": None},
        {"Constraints": {EQUALS: CONTEXT}},
        {"RetiringServicePrincipal": None},
        {"GranteeServicePrincipal": "www.example.com"},
        {"RetiringServicePrincipal": "www.example.com"},
    ],
    ids=str,
)
def test_a_grant_to_a_service_names_whom_it_serves_and_who_ends_it(grant, changed):
    with refused("ValidationException", None):
        grant(**{**TO_A_SERVICE, **changed})


def test_a_user_may_be_the_one_who_retires_a_grant_to_a_service(kms, arn, alice, grant):
    grant(**{**TO_A_SERVICE, "RetiringServicePrincipal": None, "RetiringPrincipal": alice.arn})
    assert listed(kms, arn)[0]["RetiringPrincipal"] == alice.arn


def test_a_service_with_a_grant_may_grant_on_and_list_its_own(lab, kms, arn, alice, grant):
    source = {"SourceArn": TRAIL}
    grant(**TO_A_SERVICE, Operations=["Encrypt", "CreateGrant"])
    made = as_service(
        lab,
        "CreateGrant",
        KeyId=arn,
        GranteePrincipal=alice.arn,
        Operations=["Encrypt"],
        Constraints=source,
    )
    (entry,) = listed(kms, arn, GrantId=made["GrantId"])
    assert entry["IssuingAccount"] == ROOT
    retirable = as_service(
        lab, "ListRetirableGrants", RetiringServicePrincipal="cloudtrail.amazonaws.com"
    )
    assert len(retirable["Grants"]) == 1


# --- Who and what may be named ------------------------------------------------------------


def test_exactly_one_grantee_is_named(alice, grant):
    with refused("ValidationException", None):
        grant(GranteePrincipal=None)
    with refused("ValidationException", None):
        grant(**{**TO_A_SERVICE, "GranteePrincipal": alice.arn})


def test_at_most_one_retiring_principal_is_named(alice, grant):
    with refused("ValidationException", None):
        grant(**TO_A_SERVICE, RetiringPrincipal=alice.arn)


NO_PRINCIPALS = [
    "alice",
    ACCOUNT,
    "AIDAEXAMPLE",
    f"arn:aws:iam::{ACCOUNT}:group/developers",
    f"arn:aws:iam::{ACCOUNT}:user/",
    f"arn:aws:iam::{ACCOUNT}:policy/alice",
    f"arn:aws:iam::{ACCOUNT[:-1]}:root",
    f"arn:aws-cn:iam::{ACCOUNT}:root",
    f"arn:aws:s3:::{ACCOUNT}",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/worker",
    "www.example.com",
]


@pytest.mark.parametrize("member", ["GranteePrincipal", "RetiringPrincipal"])
@pytest.mark.parametrize("text", NO_PRINCIPALS)
def test_what_cannot_be_a_principal_is_an_invalid_arn(grant, member, text):
    with refused("InvalidArnException", "Invalid Arn"):
        grant(**{member: text})


@pytest.mark.parametrize("text", ["*", f"arn:aws:iam::{ACCOUNT}:user/*"])
def test_nobody_is_named_by_a_wildcard(grant, text):
    with refused("ValidationException", None):
        grant(GranteePrincipal=text)


@pytest.mark.parametrize("member", ["GranteePrincipal", "RetiringPrincipal"])
@pytest.mark.parametrize(
    "missing",
    ["iam::{}:user/nobody", "iam::{}:role/nobody", "sts::{}:assumed-role/nobody/s"],
)
@pytest.mark.parametrize("account", [ACCOUNT, OTHER_ACCOUNT])
def test_users_and_roles_that_are_named_must_be_there(grant, member, missing, account):
    name = f"arn:aws:{missing.format(account)}"
    sentence = f"ARN does not refer to a valid principal: {name}"
    with refused("InvalidArnException", sentence):
        grant(**{member: name})


def test_a_user_is_named_with_its_path_or_not_at_all(grant):
    with refused("InvalidArnException", None):
        grant(GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/team/alice")


@pytest.mark.parametrize("text", [ROOT, f"arn:aws:sts::{OTHER_ACCOUNT}:federated-user/f"])
@pytest.mark.parametrize("member", ["GranteePrincipal", "RetiringPrincipal"])
def test_accounts_and_federated_users_are_taken_at_their_word(kms, arn, grant, member, text):
    grant(**{member: text})
    assert listed(kms, arn)[0][member] == text


def test_who_may_not_make_a_grant_learns_nothing_of_who_is_there(lab, alice, grant):
    nobody = lab.user("nobody")
    with refused("AccessDeniedException", None):
        grant(lab.client("kms", nobody), GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/missing")


@pytest.mark.parametrize("operation", sorted(SYMMETRIC - {"CreateGrant"}))
def test_every_operation_of_a_symmetric_key_can_be_granted(grant, operation):
    grant(Operations=[operation])


@pytest.mark.parametrize("operation", sorted(NOT_SYMMETRIC))
def test_operations_of_other_kinds_of_key_cannot(kms, arn, grant, operation):
    with refused("ValidationException", None):
        grant(Operations=["Encrypt", operation])
    assert listed(kms, arn) == []


@pytest.mark.parametrize(
    ("spec", "usage", "operations"),
    [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", SYMMETRIC),
        (
            "RSA_2048",
            "ENCRYPT_DECRYPT",
            {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"},
        ),
        ("ECC_NIST_P256", "SIGN_VERIFY", {"Sign", "Verify", "GetPublicKey"}),
        ("HMAC_256", "GENERATE_VERIFY_MAC", {"GenerateMac", "VerifyMac"}),
        ("ECC_NIST_P256", "KEY_AGREEMENT", {"DeriveSharedSecret", "GetPublicKey"}),
        (
            "ML_KEM_512",
            "ENCAPSULATE_DECAPSULATE",
            {"Encapsulate", "Decapsulate", "GetPublicKey"},
        ),
    ],
)
def test_each_kind_of_key_has_operations_of_its_own(spec, usage, operations):
    kms_key = KmsKey(
        ACCOUNT, "us-east-1", UNKNOWN_KEY_ID, 0.0, "", "", key_spec=spec, key_usage=usage
    )
    always = {"CreateGrant", "RetireGrant", "DescribeKey"}
    assert grantable_operations(kms_key) == operations | always


def test_a_context_constraint_is_for_symmetric_encryption_keys(lab):
    hmac = KmsKey(
        *(ACCOUNT, "us-east-1", UNKNOWN_KEY_ID, 0.0, "", ""),
        key_spec="HMAC_256",
        key_usage="GENERATE_VERIFY_MAC",
    )
    free = Grant(
        *(ACCOUNT, "us-east-1", UNKNOWN_KEY_ID, "0" * 64, ROOT, ("GenerateMac",)),
        *(0.0, 0.0, ACCOUNT),
        source_arn=TRAIL,
    )
    call = SimpleNamespace(store=lab._store)
    check_grant(call, free, hmac)
    for constrained in ({"equals": (("a", "b"),)}, {"subset": (("a", "b"),)}):
        with pytest.raises(ServiceError) as caught:
            check_grant(call, replace(free, **constrained), hmac)
        assert caught.value.code == "ValidationException"


def test_every_operation_that_the_model_knows_can_be_granted_on_some_key():
    from kmslab.wire.model import service_schema

    known = service_schema("kms").model.shape_for("GrantOperation").enum
    assert set(known) == SYMMETRIC | NOT_SYMMETRIC


def test_a_grant_is_not_for_the_create_grant_operation_alone(grant):
    sentence = "Grants must not contain only the CreateGrant operation."
    with refused("ValidationException", sentence):
        grant(Operations=["CreateGrant"])
    grant(Operations=["CreateGrant", "RetireGrant"])


def test_a_grant_has_operations_and_each_of_them_once(grant):
    with constraint("operations", "have length greater than or equal to 1", "[]"):
        grant(Operations=[])
    with refused("ValidationException", None):
        grant(Operations=["Encrypt", "Decrypt", "Encrypt"])
    with refused("ValidationException", None):
        grant(Operations=["RevokeGrant"])


@pytest.mark.parametrize("name", ["a b", "", "x" * 257, "ü"])
def test_a_name_is_of_the_form_that_the_model_tells(lab, grant, name):
    with refused("ValidationException", None):
        grant(lab.client("kms", config=UNCHECKED), Name=name)


# --- The key ------------------------------------------------------------------------------

ON_KEYS = {
    "CreateGrant": lambda kms, key, alice: kms.create_grant(
        KeyId=key, GranteePrincipal=alice.arn, Operations=["Encrypt"]
    ),
    "ListGrants": lambda kms, key, alice: kms.list_grants(KeyId=key),
    "RetireGrant": lambda kms, key, alice: kms.retire_grant(KeyId=key, GrantId="0" * 64),
    "RevokeGrant": lambda kms, key, alice: kms.revoke_grant(KeyId=key, GrantId="0" * 64),
}


@pytest.mark.parametrize("operation", ON_KEYS)
@pytest.mark.parametrize("form", ["alias/a", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"])
def test_grants_do_not_know_aliases(lab, kms, arn, alice, operation, form):
    kms.create_alias(AliasName="alias/a", TargetKeyId=arn)
    sentence = "Key Aliases are not supported for this operation."
    with refused("InvalidArnException", sentence):
        ON_KEYS[operation](kms, form, alice)


@pytest.mark.parametrize("operation", ON_KEYS)
def test_a_key_that_is_not_there_is_not_found(kms, alice, operation):
    with refused("NotFoundException", "Invalid keyId 'no-key'"):
        ON_KEYS[operation](kms, "no-key", alice)
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{UNKNOWN_KEY_ID}"
    with refused("NotFoundException", f"Key '{arn}' does not exist"):
        ON_KEYS[operation](kms, UNKNOWN_KEY_ID, alice)


@pytest.mark.parametrize("operation", ON_KEYS)
def test_a_stranger_cannot_tell_a_foreign_key_from_one_that_is_not_there(
    lab, arn, alice, operation
):
    stranger = lab.administrator(OTHER_ACCOUNT)
    missing = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{UNKNOWN_KEY_ID}"
    for key in (arn, missing):
        with hidden_key(stranger, f"kms:{operation}"):
            ON_KEYS[operation](lab.client("kms", stranger), key, alice)
        assert lab.events()[-1]["resources"] == []


@pytest.mark.parametrize("operation", ["CreateGrant", "ListGrants", "RevokeGrant"])
def test_every_operation_on_grants_needs_its_right(lab, arn, alice, operation):
    with no_identity_policy(alice, f"kms:{operation}", arn):
        ON_KEYS[operation](lab.client("kms", alice), arn, alice)
    allowed = lab.user("allowed", allow(f"kms:{operation}"))
    with_right = lab.client("kms", allowed)
    if operation == "RevokeGrant":
        with refused("NotFoundException", f"Grant ID {'0' * 64} not found"):
            ON_KEYS[operation](with_right, arn, alice)
    else:
        ON_KEYS[operation](with_right, arn, alice)


def test_a_principal_whom_a_policy_lets_grant_may_grant_what_it_lacks(lab, arn, alice, grant):
    granter = lab.user("granter", allow("kms:CreateGrant"))
    with no_identity_policy(granter, "kms:Encrypt", arn):
        encrypt(lab.client("kms", granter), arn)
    grant(lab.client("kms", granter))
    encrypt(lab.client("kms", alice), arn)


def test_another_account_may_make_grants_where_both_sides_allow_it(
    lab, kms, arn, alice, grant, put_policy
):
    other = {"Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "kms:CreateGrant"}
    opened = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    put_policy(arn, policy(opened, {**other, "Resource": "*"}))
    grant(lab.client("kms", lab.administrator(OTHER_ACCOUNT)))
    assert listed(kms, arn)[0]["IssuingAccount"] == f"arn:aws:iam::{OTHER_ACCOUNT}:root"


def test_an_aws_managed_key_is_granted_by_services_only(lab, kms, alice, grant):
    arn = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    with no_key_policy(lab.administrator(), "kms:CreateGrant", arn):
        grant(KeyId=arn)


def test_a_key_has_at_most_50000_grants(lab, kms, arn, alice, grant):
    key_id = arn.rpartition("/")[2]
    many = [
        Grant(
            *(ACCOUNT, "us-east-1", key_id, f"{number:064x}", alice.arn, ("Encrypt",)),
            *(0.0, 0.0, ACCOUNT),
        )
        for number in range(50_000)
    ]
    lab._store.commit(Changes(put=many[1:]), ())
    grant()
    with refused("LimitExceededException", f"{arn} already has 50000 grants."):
        grant()
    kms.revoke_grant(KeyId=arn, GrantId=many[1].grant_id)
    grant()


# --- Grants of grantees -------------------------------------------------------------------


@pytest.fixture
def bob(lab):
    return lab.user("bob")


@pytest.mark.parametrize(
    ("parent", "child", "allowed"),
    [
        ({}, {}, True),
        ({}, {"Operations": ["Encrypt", "Decrypt"]}, True),
        ({}, {"Operations": ["Encrypt", "CreateGrant"]}, True),
        ({}, {"Operations": ["Encrypt", "DescribeKey"]}, False),
        ({}, {"Constraints": {EQUALS: CONTEXT}}, True),
        ({SUBSET: CONTEXT}, {}, False),
        ({SUBSET: CONTEXT}, {"Constraints": {SUBSET: CONTEXT}}, True),
        ({SUBSET: CONTEXT}, {"Constraints": {SUBSET: {**CONTEXT, "more": "1"}}}, True),
        ({SUBSET: CONTEXT}, {"Constraints": {EQUALS: CONTEXT}}, True),
        ({SUBSET: CONTEXT}, {"Constraints": {EQUALS: {**CONTEXT, "more": "1"}}}, True),
        ({SUBSET: CONTEXT}, {"Constraints": {SUBSET: {"more": "1"}}}, False),
        ({SUBSET: CONTEXT}, {"Constraints": {SUBSET: {"department": "HR"}}}, False),
        ({EQUALS: CONTEXT}, {}, False),
        ({EQUALS: CONTEXT}, {"Constraints": {EQUALS: CONTEXT}}, True),
        ({EQUALS: CONTEXT}, {"Constraints": {SUBSET: CONTEXT}}, False),
        ({EQUALS: CONTEXT}, {"Constraints": {EQUALS: {**CONTEXT, "more": "1"}}}, False),
    ],
    ids=str,
)
def test_a_grantee_passes_on_a_part_of_its_grant_on_terms_as_strict(
    lab, arn, alice, bob, grant, parent, child, allowed
):
    grant(Operations=["Encrypt", "Decrypt", "CreateGrant"], Constraints=parent)
    client, asked = lab.client("kms", alice), {"GranteePrincipal": bob.arn, **child}
    if allowed:
        grant(client, **asked)
        return
    with no_identity_policy(alice, "kms:CreateGrant", arn):
        grant(client, **asked)


def test_a_grantee_whom_a_policy_lets_grant_too_is_free(lab, arn, bob, grant):
    alice = lab.user("alice", allow("kms:CreateGrant"))
    grant(Operations=["Encrypt", "CreateGrant"])
    grant(lab.client("kms", alice), GranteePrincipal=bob.arn, Operations=["Decrypt"])


def test_a_child_outlives_its_parent(lab, kms, arn, alice, bob, grant):
    parent = grant(Operations=["Encrypt", "CreateGrant"])["GrantId"]
    grant(lab.client("kms", alice), GranteePrincipal=bob.arn)
    kms.revoke_grant(KeyId=arn, GrantId=parent)
    encrypt(lab.client("kms", bob), arn)
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(lab.client("kms", alice), arn)


def test_a_grantee_of_another_account_may_grant_on(lab, kms, arn, grant):
    stranger, friend = (lab.user(name, account=OTHER_ACCOUNT) for name in ("stranger", "friend"))
    grant(GranteePrincipal=stranger.arn, Operations=["Encrypt", "CreateGrant"])
    grant(lab.client("kms", stranger), GranteePrincipal=friend.arn)
    encrypt(lab.client("kms", friend), arn)


# --- The same request again ---------------------------------------------------------------


def test_without_a_name_every_request_makes_a_grant(kms, arn, grant):
    assert grant()["GrantId"] != grant()["GrantId"]
    assert len(listed(kms, arn)) == 2


def test_the_same_named_request_makes_no_second_grant_but_a_new_token(kms, arn, grant):
    first, second = (grant(Name="once", Constraints={EQUALS: CONTEXT}) for _ in range(2))
    assert first["GrantId"] == second["GrantId"]
    assert first["GrantToken"] != second["GrantToken"]
    assert len(listed(kms, arn)) == 1


def test_the_same_request_may_be_spelled_otherwise(kms, arn, grant):
    first = grant(Name="once", Operations=["Encrypt", "Decrypt"])
    key_id = arn.rpartition("/")[2]
    again = grant(KeyId=key_id, Name="once", Operations=["Decrypt", "Encrypt"])
    assert again["GrantId"] == first["GrantId"]


def test_the_same_request_may_come_from_another_account(lab, arn, grant, put_policy):
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    put_policy(arn, policy(everyone))
    other = lab.client("kms", lab.administrator(OTHER_ACCOUNT))
    assert grant(Name="once")["GrantId"] == grant(other, Name="once")["GrantId"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Name": "twice"},
        {"Operations": ["Decrypt"]},
        {"Operations": ["Encrypt", "Decrypt"]},
        {"GranteePrincipal": ROOT},
        {"RetiringPrincipal": ROOT},
        {"Constraints": {SUBSET: CONTEXT}},
        {"Constraints": {EQUALS: {"department": "HR"}}},
        {"Constraints": None},
        {"Constraints": {EQUALS: CONTEXT, "SourceArn": TRAIL}},
    ],
    ids=str,
)
def test_the_same_name_with_anything_else_makes_another_grant(kms, arn, grant, changed):
    same = {"Name": "once", "Constraints": {EQUALS: CONTEXT}}
    assert grant(**same)["GrantId"] != grant(**{**same, **changed})["GrantId"]
    assert len(listed(kms, arn)) == 2


def test_a_name_counts_on_its_own_key_only(kms, arn, grant):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert grant(Name="once")["GrantId"] != grant(Name="once", KeyId=other)["GrantId"]


def test_after_a_grant_has_ended_its_name_makes_a_new_one(kms, arn, grant):
    first = grant(Name="once")["GrantId"]
    kms.revoke_grant(KeyId=arn, GrantId=first)
    assert grant(Name="once")["GrantId"] != first


# --- Time to spread -----------------------------------------------------------------------

FIVE_MINUTES = timedelta(minutes=5)


class Spreading:
    """A lab where grants take five minutes to spread, a key, and a user without policies."""

    def __init__(self, path=None):
        self.lab = Lab(path, grant_propagation=FIVE_MINUTES)
        self.kms = self.lab.client("kms")
        self.arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.alice = self.lab.user("alice")
        self.hers = self.lab.client("kms", self.alice)

    def grant(self, **changed):
        asked = {"GranteePrincipal": self.alice.arn, "Operations": ["Encrypt"], **changed}
        return self.kms.create_grant(KeyId=self.arn, **asked)

    def works(self, **more):
        try:
            encrypt(self.hers, self.arn, **more)
        except self.hers.exceptions.ClientError as refusal:
            if refusal.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return False
        return True


def test_a_new_grant_works_when_it_has_spread():
    slow = Spreading()
    slow.grant()
    assert not slow.works()
    slow.lab.clock.advance(minutes=4)
    assert not slow.works()
    slow.lab.clock.advance(minutes=1)
    assert slow.works()


def test_whoever_shows_the_token_need_not_wait():
    slow = Spreading()
    token = slow.grant()["GrantToken"]
    assert slow.works(GrantTokens=[token])
    assert not slow.works()


def test_a_token_of_another_grant_does_not_help():
    slow = Spreading()
    slow.grant()
    others = slow.grant(GranteePrincipal=slow.lab.user("bob").arn)["GrantToken"]
    assert not slow.works(GrantTokens=[others])


def test_a_token_helps_nobody_but_the_grantee():
    slow = Spreading()
    token = slow.grant(GranteePrincipal=slow.lab.user("bob").arn)["GrantToken"]
    assert not slow.works(GrantTokens=[token])


def test_all_tokens_of_one_grant_mean_the_same():
    slow = Spreading()
    tokens = [slow.grant(Name="once")["GrantToken"] for _ in range(3)]
    assert all(slow.works(GrantTokens=[token]) for token in tokens)


def test_a_token_lets_a_grantee_grant_on_at_once():
    slow = Spreading()
    bob = slow.lab.user("bob")
    token = slow.grant(Operations=["Encrypt", "CreateGrant"])["GrantToken"]
    asked = {"KeyId": slow.arn, "GranteePrincipal": bob.arn, "Operations": ["Encrypt"]}
    with no_identity_policy(slow.alice, "kms:CreateGrant", slow.arn):
        slow.hers.create_grant(**asked)
    slow.hers.create_grant(**asked, GrantTokens=[token])


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("Decrypt", lambda s, **more: s.hers.decrypt(CiphertextBlob=s.blob, **more)),
        ("DescribeKey", lambda s, **more: s.hers.describe_key(KeyId=s.arn, **more)),
        (
            "GenerateDataKey",
            lambda s, **more: s.hers.generate_data_key(KeyId=s.arn, KeySpec="AES_128", **more),
        ),
    ],
)
def test_operations_with_grant_tokens_take_them(operation, call):
    slow = Spreading()
    slow.blob = encrypt(slow.kms, slow.arn)
    token = slow.grant(Operations=[operation])["GrantToken"]
    with refused("AccessDeniedException", None):
        call(slow)
    call(slow, GrantTokens=[token])


def test_a_grant_that_has_not_spread_is_listed():
    slow = Spreading()
    grant_id = slow.grant()["GrantId"]
    assert ids(listed(slow.kms, slow.arn)) == [grant_id]


def test_a_named_request_finds_a_grant_that_has_not_spread():
    slow = Spreading()
    assert slow.grant(Name="once")["GrantId"] == slow.grant(Name="once")["GrantId"]


def test_a_lab_whose_grants_spread_at_once_needs_no_token(lab, arn, alice, grant):
    grant()
    encrypt(lab.client("kms", alice), arn)


# --- Lists --------------------------------------------------------------------------------


def test_a_list_tells_all_of_a_grant():
    lab = Lab(clock=StillClock(NOON, step=timedelta(0)))
    kms = lab.client("kms")
    arn, alice = kms.create_key()["KeyMetadata"]["Arn"], lab.user("alice")
    grant_id = kms.create_grant(
        KeyId=arn.rpartition("/")[2],
        GranteePrincipal=alice.arn,
        RetiringPrincipal=ROOT,
        Operations=["Decrypt", "Encrypt"],
        Constraints={SUBSET: CONTEXT},
        Name="for-alice",
    )["GrantId"]
    assert listed(kms, arn) == [
        {
            "KeyId": arn,
            "GrantId": grant_id,
            "Name": "for-alice",
            "CreationDate": NOON,
            "GranteePrincipal": alice.arn,
            "RetiringPrincipal": ROOT,
            "IssuingAccount": ROOT,
            "Operations": ["Decrypt", "Encrypt"],
            "Constraints": {SUBSET: CONTEXT},
        }
    ]


def test_a_bare_grant_is_listed_with_an_empty_name(kms, arn, grant):
    grant()
    (only,) = listed(kms, arn)
    assert set(only) == {
        *("KeyId", "GrantId", "Name", "CreationDate", "GranteePrincipal", "IssuingAccount"),
        "Operations",
    }
    assert only["Name"] == ""


def test_a_key_without_grants_has_an_empty_list(kms, arn):
    answer = kms.list_grants(KeyId=arn)
    assert members(answer) == {"Grants", "Truncated"}
    assert (answer["Grants"], answer["Truncated"]) == ([], False)


def test_a_list_is_of_one_key(kms, arn, grant):
    grant(KeyId=kms.create_key()["KeyMetadata"]["Arn"])
    assert listed(kms, arn) == []


def test_a_list_can_be_of_one_grant(kms, arn, grant):
    first, _ = grant()["GrantId"], grant()
    assert ids(listed(kms, arn, GrantId=first)) == [first]
    assert listed(kms, arn, GrantId="0" * 64) == []


def test_a_list_can_be_of_one_grantee(kms, arn, alice, grant):
    first = grant()["GrantId"]
    grant(GranteePrincipal=ROOT)
    assert ids(listed(kms, arn, GranteePrincipal=alice.arn)) == [first]
    assert listed(kms, arn, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/x") == []


def test_both_filters_must_hold(kms, arn, alice, grant):
    first = grant()["GrantId"]
    assert ids(listed(kms, arn, GrantId=first, GranteePrincipal=alice.arn)) == [first]
    assert listed(kms, arn, GrantId=first, GranteePrincipal=ROOT) == []


def test_the_filters_for_services_are_for_the_service_that_calls(lab, kms, arn, grant, put_policy):
    service, another = "cloudtrail.amazonaws.com", "s3.amazonaws.com"
    grant_id = grant(**TO_A_SERVICE)["GrantId"]
    grant(GranteePrincipal=service)
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    put_policy(arn, policy(everyone))
    found = as_service(lab, "ListGrants", KeyId=arn, GranteeServicePrincipal=service)
    assert ids(found["Grants"]) == [grant_id]
    for operation, asked in [
        ("ListGrants", {"KeyId": arn, "GranteeServicePrincipal": another}),
        ("ListRetirableGrants", {"RetiringServicePrincipal": another}),
    ]:
        with pytest.raises(ServiceError) as caught:
            as_service(lab, operation, **asked)
        assert caught.value.code == "ValidationException"
    with refused("ValidationException", None):
        kms.list_grants(KeyId=arn, GranteeServicePrincipal=service)
    with refused("ValidationException", None):
        kms.list_grants(KeyId=arn, GranteeServicePrincipal=service, GranteePrincipal=ROOT)


def test_the_filter_for_principals_is_not_for_services_of_the_other_member(kms, arn, grant):
    grant(**TO_A_SERVICE)
    named = grant(GranteePrincipal="cloudtrail.amazonaws.com")["GrantId"]
    assert ids(listed(kms, arn, GranteePrincipal="cloudtrail.amazonaws.com")) == [named]


@pytest.mark.parametrize("text", ["x", "0" * 63, "0" * 65, "G" * 64, "A" * 64])
def test_a_grant_id_is_64_hex_digits(kms, arn, text):
    for call in (kms.list_grants, kms.revoke_grant, kms.retire_grant):
        with refused("InvalidGrantIdException", f"Invalid grant ID '{text}'"):
            call(KeyId=arn, GrantId=text)


@pytest.mark.parametrize("filtered", [False, True])
def test_pages_hold_every_grant_once(kms, arn, alice, grant, filtered):
    made = {grant()["GrantId"] for _ in range(7)}
    asked = {"KeyId": arn} | ({"GranteePrincipal": alice.arn} if filtered else {})
    pages = list(all_pages(kms.list_grants, 3, **asked))
    assert [len(page["Grants"]) for page in pages] == [3, 3, 1]
    assert sorted(made) == [one for page in pages for one in ids(page["Grants"])]


def test_boto3s_paginator_reads_all_pages(kms, arn, grant):
    made = {grant()["GrantId"] for _ in range(60)}
    pages = list(kms.get_paginator("list_grants").paginate(KeyId=arn))
    assert [len(page["Grants"]) for page in pages] == [50, 10]
    assert {one for page in pages for one in ids(page["Grants"])} == made


@pytest.mark.parametrize("name", ["list_grants", "list_retirable_grants"])
def test_a_page_has_up_to_100_grants(kms, arn, name):
    asked = {"KeyId": arn} if name == "list_grants" else {"RetiringPrincipal": ROOT}
    getattr(kms, name)(**asked, Limit=100)
    with constraint("limit", "have value less than or equal to 100", 101):
        getattr(kms, name)(**asked, Limit=101)


def test_a_marker_of_another_list_is_invalid(kms, arn, grant):
    for _ in range(2):
        grant(RetiringPrincipal=ROOT)
    marker = kms.list_grants(KeyId=arn, Limit=1)["NextMarker"]
    with refused("InvalidMarkerException", None):
        kms.list_retirable_grants(RetiringPrincipal=ROOT, Marker=marker)


# --- What one may retire ------------------------------------------------------------------


def retirable(client, principal, **more):
    return client.list_retirable_grants(RetiringPrincipal=principal, **more)["Grants"]


def test_retirable_grants_are_found_on_all_keys_of_the_region(lab, kms, arn, alice, grant):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    made = [grant(KeyId=key, RetiringPrincipal=alice.arn)["GrantId"] for key in (arn, other, other)]
    grant(RetiringPrincipal=ROOT)
    grant()
    far = lab.client("kms", region_name=OTHER_REGION)
    grant(far, KeyId=far.create_key()["KeyMetadata"]["Arn"], RetiringPrincipal=alice.arn)
    assert ids(retirable(kms, alice.arn)) == sorted(made)
    assert {each["KeyId"] for each in retirable(kms, alice.arn)} == {arn, other}


def test_retirable_grants_are_found_on_keys_of_other_accounts(lab, arn, grant):
    stranger = lab.administrator(OTHER_ACCOUNT)
    made = grant(RetiringPrincipal=stranger.arn)["GrantId"]
    found = retirable(lab.client("kms", stranger), stranger.arn)
    assert [(each["GrantId"], each["KeyId"]) for each in found] == [(made, arn)]


def test_pages_of_retirable_grants_hold_every_one_once(kms, arn, grant):
    made = {grant(RetiringPrincipal=ROOT)["GrantId"] for _ in range(5)}
    pages = list(all_pages(kms.list_retirable_grants, 2, RetiringPrincipal=ROOT))
    assert [len(page["Grants"]) for page in pages] == [2, 2, 1]
    assert sorted(made) == [one for page in pages for one in ids(page["Grants"])]


@pytest.mark.parametrize(
    "text", [f"arn:aws:iam::{OTHER_ACCOUNT}:root", *NO_PRINCIPALS, "s3.amazonaws.com"]
)
def test_the_retiring_principal_is_one_of_the_callers_account(kms, text):
    with refused("InvalidArnException", "Invalid Arn"):
        kms.list_retirable_grants(RetiringPrincipal=text)


def test_exactly_one_retiring_principal_is_asked_for(kms):
    with refused("ValidationException", None):
        kms.list_retirable_grants()
    with refused("ValidationException", None):
        kms.list_retirable_grants(
            RetiringPrincipal=ROOT, RetiringServicePrincipal="s3.amazonaws.com"
        )
    with refused("ValidationException", None):
        kms.list_retirable_grants(RetiringServicePrincipal="s3.amazonaws.com")


# --- Nothing done, and what is told -------------------------------------------------------


def test_a_dry_run_makes_no_grant(kms, arn, grant):
    with refused("DryRunOperationException", None):
        grant(DryRun=True)
    assert listed(kms, arn) == []


def test_a_dry_run_is_refused_what_would_be_refused(lab, arn, alice, grant):
    with refused("ValidationException", None):
        grant(DryRun=True, Operations=["Sign"])
    with no_identity_policy(alice, "kms:CreateGrant", arn):
        grant(lab.client("kms", alice), DryRun=True)


def test_the_event_of_a_grant_tells_its_id_and_no_token(lab, arn, alice, grant):
    shown = grant(Operations=["Encrypt", "CreateGrant"])["GrantToken"]
    made = grant(
        lab.client("kms", alice),
        RetiringPrincipal=ROOT,
        Constraints={SUBSET: CONTEXT},
        Name="named",
        GrantTokens=[shown],
        DryRun=False,
    )
    event = lab.events()[-1]
    assert event["eventName"] == "CreateGrant"
    assert event["requestParameters"] == {
        "keyId": arn,
        "granteePrincipal": alice.arn,
        "retiringPrincipal": ROOT,
        "operations": ["Encrypt"],
        "constraints": {"encryptionContextSubset": CONTEXT},
        "name": "named",
        "dryRun": False,
    }
    assert event["responseElements"] == {"grantId": made["GrantId"], "keyId": arn}
    assert event["readOnly"] is False
    written = json.dumps(lab.events())
    assert shown not in written
    assert made["GrantToken"] not in written


def test_a_refused_grant_leaves_an_event_without_its_tokens(lab, grant):
    token = grant()["GrantToken"]
    forged = f"{token[:-8]}AAAAAAA="
    with refused("InvalidGrantTokenException", None):
        grant(GrantTokens=[forged])
    assert lab.events()[-1]["errorCode"] == "InvalidGrantTokenException"
    assert forged not in json.dumps(lab.events())


# --- Over time ----------------------------------------------------------------------------


def test_grants_come_back_with_the_lab(tmp_path):
    with Lab(tmp_path) as lab:
        kms, alice = lab.client("kms"), lab.user("alice")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        asked = {"KeyId": arn, "GranteePrincipal": alice.arn, "Operations": ["Encrypt"]}
        made = kms.create_grant(**asked, Name="a", Constraints={SUBSET: CONTEXT})
        kms.create_grant(**asked, Constraints={EQUALS: {"a": "b"}}, RetiringPrincipal=alice.arn)
        ended = kms.create_grant(**asked)["GrantId"]
        kms.revoke_grant(KeyId=arn, GrantId=ended)
        before = listed(kms, arn)
    with Lab(tmp_path) as lab:
        kms, hers = lab.client("kms"), lab.client("kms", lab.user("alice"))
        assert listed(kms, arn) == before
        encrypt(hers, arn, EncryptionContext={**CONTEXT, "more": "1"})
        encrypt(hers, arn, EncryptionContext={"a": "b"})
        with no_identity_policy(lab.user("alice"), "kms:Encrypt", arn):
            encrypt(hers, arn)
        again = kms.create_grant(**asked, Name="a", Constraints={SUBSET: CONTEXT})
        assert again["GrantId"] == made["GrantId"]
        assert len(kms.list_retirable_grants(RetiringPrincipal=alice.arn)["Grants"]) == 1


def test_a_grant_goes_on_spreading_while_the_lab_is_closed(tmp_path):
    slow = Spreading(tmp_path)
    token = slow.grant()["GrantToken"]
    slow.lab.close()
    with Lab(tmp_path, grant_propagation=FIVE_MINUTES) as lab:
        hers = lab.client("kms", lab.user("alice"))
        with no_identity_policy(slow.alice, "kms:Encrypt", slow.arn):
            encrypt(hers, slow.arn)
        encrypt(hers, slow.arn, GrantTokens=[token])
        lab.clock.advance(minutes=5)
        encrypt(hers, slow.arn)


def test_a_key_takes_its_grants_along(lab, kms, arn, alice, grant):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    for key in (arn, arn, other):
        grant(KeyId=key, RetiringPrincipal=alice.arn)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert len(retirable(kms, alice.arn)) == 3
    lab.clock.advance(days=8)
    assert [each["KeyId"] for each in retirable(kms, alice.arn)] == [other]
    assert len(lab._store.grants) == 1


def test_a_grant_waits_while_its_key_is_disabled(lab, kms, arn, alice, grant):
    grant()
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        encrypt(lab.client("kms", alice), arn)
    kms.enable_key(KeyId=arn)
    encrypt(lab.client("kms", alice), arn)
