"""The audit table: one row for each event, and on request why it went as it did."""

import json

import pytest
from botocore.exceptions import ClientError

from kmslab.learn import audit_table, classroom_lab

COLUMNS = ["time", "who", "call", "key", "context", "outcome"]


@pytest.fixture
def lab():
    return classroom_lab("audit table")


@pytest.fixture
def kms(lab):
    return lab.client("kms")


@pytest.fixture
def key_id(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def table(lab):
    return audit_table(lab.events(), why=lab.decisions)


def test_without_why_nothing_is_told_that_no_record_has(lab, key_id):
    assert list(audit_table(lab.events()).columns) == COLUMNS


def test_why_says_what_decided_about_a_call_allowed_or_denied(lab, kms, key_id):
    alice = lab.client("kms", lab.user("alice"))
    with pytest.raises(ClientError):
        alice.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.encrypt(KeyId=key_id, Plaintext=b"x")
    assert list(table(lab).columns) == [*COLUMNS, "why"]
    assert list(table(lab)["why"][1:]) == [
        "no identity-based policy allows it",
        "key policy, Enable IAM User Permissions + managed policy AdministratorAccess, statement 1",
    ]


def test_of_several_decisions_about_one_call_the_last_is_told(lab, kms, key_id):
    other = kms.create_key()["KeyMetadata"]
    statement = {"Sid": "Only here", "Principal": {"AWS": lab.administrator().arn}}
    statement |= {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kms.put_key_policy(KeyId=other["KeyId"], Policy=policy)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other["KeyId"])
    assert table(lab)["why"].iloc[-1] == "key policy, Only here"


def test_what_is_not_known_any_more_is_empty(lab, key_id):
    assert list(audit_table(lab.events(), why=lambda request_id: ())["why"]) == [""]
    events = [{name: value for name, value in lab.events()[0].items() if name != "requestID"}]
    assert list(audit_table(events, why=lab.decisions)["why"]) == [""]


def test_no_events_make_a_table_without_rows():
    assert list(audit_table([], why=lambda request_id: ()).columns) == [*COLUMNS, "why"]


def test_a_session_and_a_root_user_are_named_too(lab, key_id):
    session = lab.role("clerk").session("monday")
    for principal in (session, lab.root()):
        try:
            lab.client("kms", principal).describe_key(KeyId=key_id)
        except ClientError:
            assert principal is session
    assert list(audit_table(lab.events())["who"]) == ["administrator", "clerk/monday", "root"]
