"""Calls of AWS's own services: forwarded in a caller's name, or made by the service itself.

They come in by the door's second entry, which signs nothing: S3 and CloudTrail use it.
"""

import gc
from contextlib import nullcontext

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, REGION, allow, policy
from botocore.exceptions import ClientError

from kmslab.access.decision import Identities
from kmslab.access.principals import service_principal
from kmslab.errors import ServiceError
from kmslab.services.callers import Caller

pytest_plugins = ["lab_session"]

TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
S3, CLOUDTRAIL = "s3.amazonaws.com", "cloudtrail.amazonaws.com"


def forwarded(lab, principal, service=S3):
    """`principal`, whose call a service forwards."""
    caller = lab.endpoint.callers.caller(lab.credentials(principal), lab.clock.now())
    return caller._replace(principal=caller.principal.forwarded_by(service))


def service(name=CLOUDTRAIL, source_arn=TRAIL, source_account=ACCOUNT):
    return Caller(service_principal(name, source_arn, source_account), Identities())


def call(lab, caller, operation, **given):
    return lab.endpoint.call("kms", operation, given, caller, REGION)


def denied():
    return pytest.raises(ServiceError, match="AccessDeniedException")


def by_service(**conditions):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": CLOUDTRAIL},
        "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
    }
    return statement | ({"Condition": conditions} if conditions else {})


OPEN = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


@pytest.fixture
def managed(kms):
    return kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]


def test_an_aws_managed_key_works_through_its_service_alone(lab, kms, managed):
    alice = lab.user("alice")
    answer = call(lab, forwarded(lab, alice), "GenerateDataKey", KeyId=managed, KeySpec="AES_256")
    assert len(answer["Plaintext"]) == 32
    with denied():
        call(lab, forwarded(lab, alice, "sqs.amazonaws.com"), "GenerateDataKey", KeyId=managed)
    with pytest.raises(ClientError, match="AccessDenied"):
        lab.client("kms", alice).generate_data_key(KeyId=managed, KeySpec="AES_256")


def test_an_aws_managed_key_is_of_no_use_to_another_account(lab, managed):
    stranger = lab.user("alice", allow("kms:*"), account=OTHER_ACCOUNT)
    with denied():
        call(lab, forwarded(lab, stranger), "GenerateDataKey", KeyId=managed, KeySpec="AES_256")


def test_a_forwarded_call_is_made_with_the_callers_rights_and_in_the_callers_name(lab, arn):
    with denied():
        call(lab, forwarded(lab, lab.user("alice")), "Encrypt", KeyId=arn, Plaintext="eA==")
    alice = lab.user("alice", allow("kms:Encrypt"))
    call(lab, forwarded(lab, alice), "Encrypt", KeyId=arn, Plaintext="eA==")
    event = lab.events()[-1]
    assert (event["userIdentity"]["userName"], event["userIdentity"]["invokedBy"]) == (
        "alice",
        "AWS Internal",
    )
    assert (event["sourceIPAddress"], event["userAgent"]) == ("AWS Internal", "AWS Internal")


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("kms:ViaService", f"s3.{REGION}.amazonaws.com", True),
        ("kms:ViaService", "s3.amazonaws.com", False),
        ("aws:CalledViaFirst", S3, True),
        ("aws:CalledViaLast", S3, True),
        ("aws:ViaAWSService", "true", True),
        ("kms:CallerAccount", ACCOUNT, True),
        ("aws:PrincipalAccount", ACCOUNT, True),
        ("aws:SourceArn", TRAIL, False),
        ("aws:SourceAccount", ACCOUNT, False),
        ("aws:SourceIp", "127.0.0.1", False),
    ],
)
def test_what_a_forwarded_call_tells_to_conditions(lab, arn, name, value, holds):
    condition = {"StringEquals": {name: value}}
    alice = lab.user("alice", allow("kms:Encrypt", Condition=condition))
    if holds:
        call(lab, forwarded(lab, alice), "Encrypt", KeyId=arn, Plaintext="eA==")
    else:
        with denied():
            call(lab, forwarded(lab, alice), "Encrypt", KeyId=arn, Plaintext="eA==")


def test_a_service_needs_nothing_but_the_key_policy(lab, arn, put_policy):
    with denied():
        call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    put_policy(arn, policy(OPEN, by_service()))
    call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    event = lab.events()[-1]
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": CLOUDTRAIL}
    assert (event["sourceIPAddress"], event["recipientAccountId"]) == (CLOUDTRAIL, ACCOUNT)
    with denied():
        call(lab, service("s3.amazonaws.com"), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")


@pytest.mark.parametrize(
    ("source_arn", "source_account", "allowed"),
    [
        (TRAIL, ACCOUNT, True),
        (TRAIL.replace("audit", "other"), ACCOUNT, False),
        (TRAIL, OTHER_ACCOUNT, False),
        ("", ACCOUNT, False),
        (TRAIL, "", False),
    ],
)
def test_a_deputy_is_not_confused_where_the_key_policy_names_the_source(
    lab, arn, put_policy, source_arn, source_account, allowed
):
    conditions = {
        "ArnLike": {"aws:SourceArn": TRAIL},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    put_policy(arn, policy(OPEN, by_service(**conditions)))
    caller = service(CLOUDTRAIL, source_arn, source_account)
    if allowed:
        call(lab, caller, "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    else:
        with denied():
            call(lab, caller, "GenerateDataKey", KeyId=arn, KeySpec="AES_256")


def test_a_service_is_not_bound_by_via_service(lab, arn, put_policy):
    via = {"StringEquals": {"kms:ViaService": f"cloudtrail.{REGION}.amazonaws.com"}}
    put_policy(arn, policy(OPEN, by_service(**via)))
    with denied():
        call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")


def test_everyone_includes_services_where_a_statement_denies(lab, arn, put_policy):
    denies = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    people = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
    put_policy(arn, policy(OPEN, by_service(), denies | {"Condition": people}))
    call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    with pytest.raises(ClientError, match="explicit deny"):
        lab.client("kms").describe_key(KeyId=arn)


def test_a_deny_for_everyone_stops_services_too(lab, arn, put_policy):
    denies = {"Effect": "Deny", "Principal": "*", "Action": "kms:Generate*", "Resource": "*"}
    put_policy(arn, policy(OPEN, by_service(), denies))
    with denied():
        call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")


def test_a_service_that_names_an_operation_that_is_none_is_a_defect(lab):
    with pytest.raises(ValueError, match="NoSuchOperation"):
        call(lab, service(), "NoSuchOperation")


def test_wrong_parameters_of_a_service_are_refused_as_everyones(lab, arn):
    with pytest.raises(ServiceError, match="ValidationException"):
        call(lab, service(), "GenerateDataKey", KeyId=arn, NumberOfBytes=0)


# --- Both accounts are told ---------------------------------------------------------------


def test_a_call_across_accounts_is_told_to_both_and_a_denied_one_to_the_caller_alone(
    lab, kms, arn, put_policy
):
    stranger = lab.user("alice", account=OTHER_ACCOUNT)
    theirs = lab.client("kms", stranger)
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.describe_key(KeyId=arn)
    assert [event["recipientAccountId"] for event in lab.events()][-1] == OTHER_ACCOUNT
    before = len(lab.events())
    put_policy(arn, policy(OPEN, OPEN | {"Principal": {"AWS": OTHER_ACCOUNT}}))
    lab.user("alice", allow("kms:DescribeKey"), account=OTHER_ACCOUNT)
    theirs.describe_key(KeyId=arn)
    _, own, owners = lab.events()[before:]
    assert (own["recipientAccountId"], owners["recipientAccountId"]) == (OTHER_ACCOUNT, ACCOUNT)
    assert own["sharedEventID"] == owners["sharedEventID"]
    assert own["eventID"] != owners["eventID"]
    assert own["userIdentity"]["userName"] == "alice"
    assert owners["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": stranger.user_id,
        "accountId": OTHER_ACCOUNT,
    }


def test_a_call_at_home_is_told_once(lab, kms, arn):
    before = len(lab.events())
    kms.describe_key(KeyId=arn)
    (event,) = lab.events()[before:]
    assert "sharedEventID" not in event


@pytest.mark.parametrize("is_allowed", [True, False])
def test_what_a_service_does_for_itself_has_a_shared_id_at_home_too(
    lab, arn, put_policy, is_allowed
):
    put_policy(arn, policy(OPEN, by_service()) if is_allowed else policy(OPEN))
    before = len(lab.events())
    with nullcontext() if is_allowed else denied():
        call(lab, service(), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    (event,) = lab.events()[before:]
    assert len(event["sharedEventID"]) == 36
    assert event["sharedEventID"] not in (event["eventID"], event["requestID"])


def test_what_a_service_forwards_has_none_at_home(lab, arn):
    alice = lab.user("alice", allow("kms:Encrypt"))
    call(lab, forwarded(lab, alice), "Encrypt", KeyId=arn, Plaintext="eA==")
    assert "sharedEventID" not in lab.events()[-1]


# --- ReEncrypt and its two sides ----------------------------------------------------------


@pytest.mark.parametrize(("same", "allowed"), [(True, False), (False, True)])
def test_whether_both_keys_are_the_same_is_told_to_conditions(lab, kms, arn, same, allowed):
    other = arn if same else kms.create_key()["KeyMetadata"]["Arn"]
    condition = {"Bool": {"kms:ReEncryptOnSameKey": "false"}}
    mover = lab.client("kms", lab.user("mover", allow("kms:ReEncrypt*", Condition=condition)))
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    if allowed:
        mover.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            mover.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)


def test_each_side_of_reencrypt_is_asked_with_its_own_context(lab, kms, arn):
    condition = {"StringEquals": {"kms:EncryptionContext:stage": "new"}}
    statements = [
        {"Effect": "Allow", "Action": "kms:ReEncryptFrom", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "kms:ReEncryptTo",
            "Resource": "*",
            "Condition": condition,
        },
    ]
    mover = lab.client("kms", lab.user("mover", policy(*statements)))
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"stage": "old"})
    asked = {
        "CiphertextBlob": blob["CiphertextBlob"],
        "SourceEncryptionContext": {"stage": "old"},
        "DestinationKeyId": arn,
    }
    mover.re_encrypt(**asked, DestinationEncryptionContext={"stage": "new"})
    answer = lab.events()[-1]["requestID"]
    assert [decision.question.action for decision in lab.decisions(answer)] == [
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ]
    with pytest.raises(ClientError, match="kms:ReEncryptTo"):
        mover.re_encrypt(**asked, DestinationEncryptionContext={"stage": "old"})


# --- Decisions are kept, secrets are not --------------------------------------------------


def test_the_last_decision_is_about_the_last_call(lab, kms, arn):
    assert lab.last_decision().question.action == "kms:CreateKey"
    kms.describe_key(KeyId=arn)
    assert lab.last_decision().question.action == "kms:DescribeKey"
    assert lab.last_decision().allowed


def test_what_would_be_decided_leaves_no_trace(lab, kms, arn):
    before = lab.events(), lab.last_decision()
    decision = lab.would(lab.user("alice"), "Decrypt", arn)
    assert not decision.allowed
    assert (lab.events(), lab.last_decision()) == before
    open_to_alice = policy(OPEN, OPEN | {"Principal": {"AWS": lab.user("alice").arn}})
    assert lab.would(lab.user("alice"), "Decrypt", arn, key_policy=open_to_alice).allowed
    assert not lab.would(lab.user("alice"), "Decrypt", arn).allowed


def test_a_decision_keeps_no_plaintext(lab, kms, arn):
    plaintext = b"a secret that nothing may keep %d" % id(lab)
    kms.encrypt(KeyId=arn, Plaintext=plaintext)
    assert lab.last_decision().allowed
    kept = [
        found
        for found in gc.get_objects()
        # isinstance would ask a weak proxy, whose object may be gone.
        if issubclass(type(found), dict) and any(value == plaintext for value in _values(found))
    ]
    assert kept == []


def _values(found):
    return [value for value in list(found.values()) if isinstance(value, bytes)]


def test_a_forgotten_call_has_no_decisions(lab):
    assert lab.decisions("never-made") == ()
