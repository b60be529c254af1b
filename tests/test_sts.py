"""Becoming a role for a while: who may, with what rights, and until when."""

import json
from datetime import timedelta

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, policy, refused
from botocore.exceptions import ClientError

from kmslab import Lab
from kmslab.wire.boto import in_process_client

pytest_plugins = ["lab_session"]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/auditor"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/monday"


def trusting(*principals, action="sts:AssumeRole", **more):
    return policy(
        {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": action} | more
    )


def assumed(lab, answer):
    """A KMS client that signs with the credentials of an AssumeRole answer."""
    given = answer["Credentials"]
    return in_process_client(
        "kms",
        "us-east-1",
        given["AccessKeyId"],
        given["SecretAccessKey"],
        given["SessionToken"],
        lab.handle,
    )


def assume(lab, principal=None, role_arn=ROLE, **more):
    return lab.client("sts", principal).assume_role(
        RoleArn=role_arn, RoleSessionName="monday", **more
    )


def not_authorized(caller_arn, role_arn=ROLE, action="sts:AssumeRole"):
    return refused_with_403(
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {role_arn}"
    )


def refused_with_403(message):
    return pytest.raises(ClientError, match=rf"AccessDenied.*{message}")


def test_an_assumed_role_calls_as_its_session(lab, arn):
    lab.role("auditor", allow("kms:DescribeKey"))
    answer = assume(lab)
    assert answer["AssumedRoleUser"]["Arn"] == SESSION
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    kms = assumed(lab, answer)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn
    with pytest.raises(ClientError, match=f"User: {SESSION} is not authorized to perform: kms:Enc"):
        kms.encrypt(KeyId=arn, Plaintext=b"x")


def test_an_assumed_role_is_told_who_it_is(lab):
    lab.role("auditor")
    identity = lab.client("sts", lab.role("auditor").session("monday")).get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (SESSION, ACCOUNT)
    assert identity["UserId"].endswith(":monday")


@pytest.mark.parametrize(
    ("trust", "own_policy", "allowed"),
    [
        # The account decides by identity policies of its own.
        (trusting(ACCOUNT), allow("sts:AssumeRole"), True),
        (trusting(ACCOUNT), allow("sts:AssumeRole", resource=ROLE), True),
        (trusting(ACCOUNT), allow("sts:AssumeRole", resource=f"{ROLE}s"), False),
        (trusting(ACCOUNT), None, False),
        # Whom the trust policy names needs no policy of its own.
        (trusting(f"arn:aws:iam::{ACCOUNT}:user/alice"), None, True),
        (trusting(f"arn:aws:iam::{ACCOUNT}:user/bob"), allow("sts:AssumeRole"), False),
        (trusting(OTHER_ACCOUNT), allow("sts:AssumeRole"), False),
        # A deny wins.
        (
            trusting(f"arn:aws:iam::{ACCOUNT}:user/alice"),
            policy({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}),
            False,
        ),
        # Another action is another action.
        (trusting(ACCOUNT, action="sts:TagSession"), allow("sts:AssumeRole"), False),
    ],
)
def test_the_trust_policy_and_the_callers_own_say_who_may_assume_a_role(
    lab, trust, own_policy, allowed
):
    lab.user("bob")
    alice = lab.user("alice", own_policy)
    lab.role("auditor", trust=trust)
    if allowed:
        assert assume(lab, alice)["AssumedRoleUser"]["Arn"] == SESSION
    else:
        with not_authorized(alice.arn):
            assume(lab, alice)


def test_across_accounts_both_sides_must_allow(lab):
    stranger = lab.user("alice", account=OTHER_ACCOUNT)
    lab.role("auditor", trust=trusting(OTHER_ACCOUNT))
    with not_authorized(stranger.arn):
        assume(lab, stranger)
    stranger = lab.user("alice", allow("sts:AssumeRole"), account=OTHER_ACCOUNT)
    assert assume(lab, stranger)["AssumedRoleUser"]["Arn"] == SESSION
    lab.role("auditor", trust=trusting(ACCOUNT))
    with not_authorized(stranger.arn):
        assume(lab, stranger)


def test_a_role_that_is_not_there_is_refused_as_one_that_does_not_trust(lab):
    administrator = lab.administrator()
    with not_authorized(administrator.arn, f"{ROLE}s"):
        assume(lab, role_arn=f"{ROLE}s")


@pytest.mark.parametrize("text", ["x" * 20, f"arn:aws:iam::{ACCOUNT}:user/alice", SESSION])
def test_what_is_no_role_arn_is_invalid(lab, text):
    with pytest.raises(ClientError, match=r"ValidationError.*is invalid"):
        assume(lab, role_arn=text)


def test_the_root_user_assumes_no_role(lab):
    lab.role("auditor")
    with refused_with_403("Roles may not be assumed by root accounts"):
        assume(lab, lab.root())


def test_a_trust_policy_can_ask_for_an_external_id(lab):
    condition = {"StringEquals": {"sts:ExternalId": "4711"}}
    lab.role("auditor", trust=trusting(ACCOUNT, Condition=condition))
    with not_authorized(lab.administrator().arn):
        assume(lab)
    with not_authorized(lab.administrator().arn):
        assume(lab, ExternalId="4712")
    assume(lab, ExternalId="4711")


def test_session_tags_need_a_right_of_their_own_and_can_be_asked_for(lab, arn):
    team = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    lab.role("auditor", allow("kms:DescribeKey", Condition=team), trust=trusting(ACCOUNT))
    tags = [{"Key": "team", "Value": "blue"}]
    with not_authorized(lab.administrator().arn, action="sts:TagSession"):
        assume(lab, Tags=tags)
    lab.role("auditor", trust=trusting(ACCOUNT, action=["sts:AssumeRole", "sts:TagSession"]))
    assumed(lab, assume(lab, Tags=tags)).describe_key(KeyId=arn)
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(lab, assume(lab)).describe_key(KeyId=arn)


# --- Session policies ---------------------------------------------------------------------


def test_a_session_policy_only_takes_away(lab, arn):
    lab.role("auditor", allow("kms:DescribeKey", "kms:Encrypt"))
    kms = assumed(lab, assume(lab, Policy=json.dumps(allow("kms:DescribeKey", "kms:DisableKey"))))
    kms.describe_key(KeyId=arn)
    with pytest.raises(ClientError, match="no session policy allows the kms:Encrypt"):
        kms.encrypt(KeyId=arn, Plaintext=b"x")
    with pytest.raises(ClientError, match="no identity-based policy allows the kms:Dis"):
        kms.disable_key(KeyId=arn)


def test_a_managed_policy_can_be_a_session_policy_as_it_is_now(lab, arn):
    iam = lab.client("iam")
    lab.role("auditor", allow("kms:*"))
    made = iam.create_policy(
        PolicyName="reading", PolicyDocument=json.dumps(allow("kms:DescribeKey"))
    )
    kms = assumed(lab, assume(lab, PolicyArns=[{"arn": made["Policy"]["Arn"]}]))
    kms.describe_key(KeyId=arn)
    with pytest.raises(ClientError, match="because no session policy allows"):
        kms.encrypt(KeyId=arn, Plaintext=b"x")


@pytest.mark.parametrize("text", ["no policy", "{}", json.dumps(trusting(ACCOUNT))])
def test_a_session_policy_that_is_none_is_malformed(lab, text):
    lab.role("auditor")
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        assume(lab, Policy=text)


# --- Time ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [1, 2])
def test_a_session_ends_by_the_labs_clock(lab, arn, hours):
    lab.role("auditor", allow("kms:DescribeKey"))
    lab.client("iam").update_role(RoleName="auditor", MaxSessionDuration=7200)
    kms = assumed(lab, assume(lab, DurationSeconds=3600 * hours))
    lab.clock.advance(hours=hours, minutes=-1)
    kms.describe_key(KeyId=arn)
    lab.clock.advance(minutes=1)
    with refused("ExpiredTokenException", "The security token included in the request is expired"):
        kms.describe_key(KeyId=arn)
    lab.clock.advance(days=2)
    with refused("UnrecognizedClientException", None):
        kms.describe_key(KeyId=arn)


def test_an_expired_session_is_told_so_by_sts_in_its_own_code(lab):
    session = lab.role("auditor").session("monday", duration=timedelta(minutes=15))
    sts = lab.client("sts", session)
    lab.clock.advance(minutes=15)
    with pytest.raises(ClientError, match="ExpiredToken") as caught:
        sts.get_caller_identity()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_session_is_not_longer_than_its_role_allows(lab):
    lab.role("auditor")
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration set for this role"):
        assume(lab, DurationSeconds=3601)


def test_who_came_by_a_role_gets_another_for_an_hour_at_most(lab):
    lab.role("auditor")
    lab.client("iam").update_role(RoleName="auditor", MaxSessionDuration=7200)
    deputy = lab.role("deputy", allow("sts:AssumeRole")).session("monday")
    assume(lab, deputy, DurationSeconds=3600)
    with pytest.raises(ClientError, match="exceeds the 1 hour session limit for roles"):
        assume(lab, deputy, DurationSeconds=3601)


# --- Credentials --------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x", "another"])
def test_temporary_credentials_need_their_own_session_token(lab, arn, token):
    lab.role("auditor", allow("kms:DescribeKey"))
    answer, another = assume(lab), assume(lab)
    given = another["Credentials"]["SessionToken"] if token == "another" else token
    answer["Credentials"]["SessionToken"] = given
    with refused("UnrecognizedClientException", None):
        assumed(lab, answer).describe_key(KeyId=arn)


def test_a_session_dies_with_its_role(lab, arn):
    lab.role("auditor", allow("kms:DescribeKey"))
    kms = assumed(lab, assume(lab))
    iam = lab.client("iam")
    iam.delete_role_policy(RoleName="auditor", PolicyName="auditor-policy")
    iam.delete_role(RoleName="auditor")
    with refused("UnrecognizedClientException", None):
        kms.describe_key(KeyId=arn)
    lab.role("auditor", allow("kms:DescribeKey"))
    with refused("UnrecognizedClientException", None):
        kms.describe_key(KeyId=arn)


def test_a_session_outlives_the_process(tmp_path):
    with Lab(tmp_path) as lab:
        arn = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
        lab.role("auditor", allow("kms:DescribeKey"))
        answer = assume(lab)
    with Lab(tmp_path) as lab:
        assumed(lab, answer).describe_key(KeyId=arn)


def test_what_a_role_may_do_changes_while_its_session_lasts(lab, arn):
    role = lab.role("auditor")
    session = role.session("monday")
    kms = lab.client("kms", session)
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        kms.describe_key(KeyId=arn)
    lab.role("auditor", allow("kms:DescribeKey"))
    kms.describe_key(KeyId=arn)


# --- The event ----------------------------------------------------------------------------


def test_the_event_names_role_and_session_and_keeps_the_secret(lab, arn):
    lab.role("auditor", allow("kms:DescribeKey"))
    answer = assume(lab)
    event = lab.events()[-1]
    assert (event["eventSource"], event["eventName"]) == ("sts.amazonaws.com", "AssumeRole")
    assert event["requestParameters"] == {"roleArn": ROLE, "roleSessionName": "monday"}
    assert event["responseElements"]["assumedRoleUser"]["arn"] == SESSION
    assert answer["Credentials"]["SecretAccessKey"] not in json.dumps(lab.events())
    assumed(lab, answer).describe_key(KeyId=arn)
    identity = lab.events()[-1]["userIdentity"]
    assert (identity["type"], identity["arn"]) == ("AssumedRole", SESSION)
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert (issuer["type"], issuer["arn"], issuer["userName"]) == ("Role", ROLE, "auditor")
