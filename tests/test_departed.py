"""Users and roles that are deleted: their rights do not wait for whoever gets the name next."""

import json

import pytest
from aws_words import ACCOUNT, allow, no_identity_policy, policy, refused
from botocore.exceptions import ClientError

from kmslab import Lab

pytest_plugins = ["lab_session"]

OPEN = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}


def naming(arn, effect="Allow", action="kms:Encrypt"):
    return {"Effect": effect, "Principal": {"AWS": arn}, "Action": action, "Resource": "*"}


@pytest.fixture
def iam(lab):
    return lab.client("iam")


def made_again(iam, user_name="tom"):
    iam.delete_user(UserName=user_name)
    iam.create_user(UserName=user_name)


def put(kms, arn, *statements):
    kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy(OPEN, *statements)))


def test_a_key_policy_means_the_user_that_was_and_not_the_next_of_that_name(lab, kms, iam, arn):
    tom = lab.user("tom")
    put(kms, arn, naming([tom.arn, lab.user("ann").arn]))
    made_again(iam)
    with no_identity_policy(tom, "kms:Encrypt", arn):
        lab.client("kms", lab.user("tom")).encrypt(KeyId=arn, Plaintext=b"x")
    lab.client("kms", lab.user("ann")).encrypt(KeyId=arn, Plaintext=b"x")
    stored = json.loads(kms.get_key_policy(KeyId=arn)["Policy"])
    assert stored["Statement"][1]["Principal"]["AWS"][0] == tom.user_id


def test_a_deny_does_not_outlive_its_user_either(lab, kms, iam, arn):
    tom = lab.user("tom")
    put(kms, arn, naming(tom.arn, "Deny"), naming("*"))
    assert not lab.would(tom, "Encrypt", arn).allowed
    made_again(iam)
    assert lab.would(lab.user("tom"), "Encrypt", arn).allowed


def test_a_grant_means_the_role_that_was(lab, kms, iam, arn):
    role = lab.role("svc")
    grant = kms.create_grant(
        KeyId=arn, GranteePrincipal=role.arn, RetiringPrincipal=role.arn, Operations=["Encrypt"]
    )
    lab.client("kms", role.session("one")).encrypt(KeyId=arn, Plaintext=b"x")
    iam.delete_role(RoleName="svc")
    session = lab.role("svc").session("one")
    with pytest.raises(ClientError, match="AccessDenied"):
        lab.client("kms", session).encrypt(KeyId=arn, Plaintext=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        lab.client("kms", session).retire_grant(KeyId=arn, GrantId=grant["GrantId"])
    (entry,) = kms.list_grants(KeyId=arn)["Grants"]
    assert entry["GranteePrincipal"].startswith("AROA")
    kms.revoke_grant(KeyId=arn, GrantId=grant["GrantId"])
    assert kms.list_grants(KeyId=arn)["Grants"] == []


def test_a_trust_policy_means_the_user_that_was(lab, iam):
    tom = lab.user("tom")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": tom.arn}, "Action": "sts:AssumeRole"})
    role = lab.role("target", trust=trust)
    asked = {"RoleArn": role.arn, "RoleSessionName": "one"}
    lab.client("sts", tom).assume_role(**asked)
    lab.client("iam", lab.root()).delete_access_key(
        UserName="tom", AccessKeyId=lab.credentials(tom).access_key_id
    )
    made_again(iam)
    with pytest.raises(ClientError, match="AccessDenied"):
        lab.client("sts", lab.user("tom")).assume_role(**asked)


def test_the_id_of_who_is_gone_cannot_be_put_into_a_policy(lab, kms, iam, arn):
    tom = lab.user("tom")
    put(kms, arn, naming(tom.arn))
    iam.delete_user(UserName="tom")
    stored = kms.get_key_policy(KeyId=arn)["Policy"]
    invalid = "Policy contains a statement with one or more invalid principals."
    with refused("MalformedPolicyDocumentException", invalid):
        kms.put_key_policy(KeyId=arn, Policy=stored)


def test_a_key_whose_policy_names_somebody_who_is_gone_can_still_be_used(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        put(kms, arn, naming(lab.user("tom").arn))
        lab.client("iam").delete_user(UserName="tom")
    with Lab(tmp_path) as lab:
        lab.client("kms").encrypt(KeyId=arn, Plaintext=b"x")


def test_nothing_else_changes(lab, kms, iam, arn):
    before = kms.get_key_policy(KeyId=arn)["Policy"]
    lab.user("tom", allow("kms:List*"))
    iam.delete_user_policy(UserName="tom", PolicyName="tom-policy")
    iam.delete_user(UserName="tom")
    assert kms.get_key_policy(KeyId=arn)["Policy"] == before
