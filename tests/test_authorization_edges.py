"""Edges of authorization: what a caller might try for a right, or a fact, that is not its own."""

import json

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, no_identity_policy, policy, refused
from botocore.exceptions import ClientError
from test_service_calls import OPEN, S3, call, forwarded, service
from test_sts import ROLE, assume, assumed, trusting

from kmslab.errors import ServiceError

pytest_plugins = ["lab_session"]


def to(principal, *actions, effect="Allow", **more):
    named = {"AWS": principal}
    return {"Effect": effect, "Principal": named, "Action": actions, "Resource": "*", **more}


def access_denied():
    return pytest.raises(ClientError, match="AccessDenied")


# --- Changes bite at once -----------------------------------------------------------------


def test_a_policy_that_is_removed_while_a_request_is_read_is_gone_for_the_next(lab, arn):
    bob = lab.user("bob", allow("kms:DescribeKey"))
    kms, callers = lab.client("kms", bob), lab.endpoint.callers
    read = callers.read

    def slowly(credential):
        found = read(credential)
        if found.principal.arn == bob.arn:
            callers.read = read
            lab.user("bob", allow("s3:*"))
        return found

    callers.read = slowly
    kms.describe_key(KeyId=arn)
    with access_denied():
        kms.describe_key(KeyId=arn)


# --- Names that differ by case alone ------------------------------------------------------


def test_a_second_tag_that_differs_by_case_does_not_satisfy_a_condition(lab, kms, arn):
    public = {"StringEquals": {"aws:RequestTag/Dept": "public"}}
    tagger = lab.client("kms", lab.user("tagger", allow("kms:TagResource", Condition=public)))
    tags = [("Dept", "secret"), ("dept", "public")]
    with access_denied():
        tagger.tag_resource(
            KeyId=arn, Tags=[{"TagKey": name, "TagValue": value} for name, value in tags]
        )
    tagger.tag_resource(KeyId=arn, Tags=[{"TagKey": "dept", "TagValue": "public"}])


def test_two_tags_of_a_key_that_differ_by_case_satisfy_no_condition_and_every_deny(lab, kms, arn):
    public = {"StringEquals": {"aws:ResourceTag/Dept": "public"}}
    statement = {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*", "Condition": public}
    reader = lab.client("kms", lab.user("reader", allow("kms:Encrypt", Condition=public)))
    barred = lab.client("kms", lab.user("barred", policy(statement, *allow("kms:*")["Statement"])))
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "dept", "TagValue": "public"}])
    reader.encrypt(KeyId=arn, Plaintext=b"x")
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "Dept", "TagValue": "secret"}])
    for client in (reader, barred):
        with access_denied():
            client.encrypt(KeyId=arn, Plaintext=b"x")


# --- Grants -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraints", "allowed"),
    [
        ({}, False),
        ({"EncryptionContextEquals": {}}, False),
        ({"EncryptionContextSubset": {"a": "b"}}, False),
        ({"EncryptionContextEquals": {}, "EncryptionContextSubset": {"a": "b"}}, False),
        ({"EncryptionContextEquals": {"a": "b"}}, True),
    ],
    ids=str,
)
def test_a_constraint_without_pairs_is_no_constraint_for_a_condition(
    lab, arn, put_policy, constraints, allowed
):
    equals = {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}}
    bob = lab.user("bob")
    put_policy(arn, policy(OPEN, to(bob.arn, "kms:CreateGrant", Condition=equals)))
    lend = {"KeyId": arn, "GranteePrincipal": bob.arn, "Operations": ["Decrypt"]}
    kms = lab.client("kms", bob)
    if allowed:
        kms.create_grant(**lend, Constraints=constraints)
    else:
        with access_denied():
            kms.create_grant(**lend, Constraints=constraints)


@pytest.mark.parametrize(("resource", "allowed"), [("*", True), (ROLE, False)])
def test_grants_to_retire_are_listed_by_identity_policies_on_everything(lab, resource, allowed):
    lab.role("auditor")
    bob = lab.user("bob", allow("kms:ListRetirableGrants", resource=resource))
    kms = lab.client("kms", bob)
    if allowed:
        assert kms.list_retirable_grants(RetiringPrincipal=ROLE)["Grants"] == []
    else:
        with no_identity_policy(bob, "kms:ListRetirableGrants", "*"):
            kms.list_retirable_grants(RetiringPrincipal=ROLE)


# --- Principals ---------------------------------------------------------------------------


@pytest.mark.parametrize("everyone", ["*", {"AWS": "*"}], ids=str)
def test_all_but_everyone_is_nobody(lab, kms, arn, put_policy, everyone):
    statement = {"NotPrincipal": everyone, "Action": "kms:Encrypt", "Resource": "*"}
    put_policy(arn, policy(OPEN, {"Effect": "Allow", **statement}))
    with access_denied():
        lab.client("kms", lab.user("eve")).encrypt(KeyId=arn, Plaintext=b"x")
    put_policy(arn, policy(OPEN, {"Effect": "Deny", **statement}))
    kms.encrypt(KeyId=arn, Plaintext=b"x")


def test_a_managed_policy_of_another_account_is_no_session_policy(lab):
    iam = lab.client("iam", lab.administrator(OTHER_ACCOUNT))
    document = json.dumps(allow("kms:*"))
    foreign = iam.create_policy(PolicyName="theirs", PolicyDocument=document)["Policy"]["Arn"]
    lab.role("auditor")
    for policy_arn in (foreign, foreign.replace("theirs", "nothere")):
        with pytest.raises(ClientError, match=f"Policy {policy_arn} does not exist"):
            assume(lab, PolicyArns=[{"arn": policy_arn}])


@pytest.mark.parametrize(
    "member",
    [
        {"SourceIdentity": "alice"},
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/a", "TokenCode": "123456"},
        {"TransitiveTagKeys": ["a"]},
    ],
    ids=str,
)
def test_what_assume_role_cannot_do_is_refused_and_not_left_out(lab, member):
    lab.role("auditor")
    with pytest.raises(ClientError, match=r"InvalidAction.*is not supported by kmslab yet"):
        assume(lab, **member)


@pytest.mark.parametrize("names", [("a", "A"), ("aws:x",)], ids=str)
def test_session_tags_follow_the_rules_of_all_tags(lab, names):
    lab.role("auditor", trust=trusting(ACCOUNT, action="sts:*"))
    with pytest.raises(ClientError, match="InvalidInput"):
        assume(lab, Tags=[{"Key": name, "Value": "x"} for name in names])


def test_session_tags_can_be_given_across_accounts(lab, arn):
    team = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    lab.role(
        "auditor",
        allow("kms:DescribeKey", Condition=team),
        trust=trusting(OTHER_ACCOUNT, action=actions),
    )
    stranger = lab.user("alice", allow(*actions), account=OTHER_ACCOUNT)
    answer = assume(lab, stranger, Tags=[{"Key": "team", "Value": "blue"}])
    assumed(lab, answer).describe_key(KeyId=arn)


# --- Who is told --------------------------------------------------------------------------


def recipients(lab, event_name):
    return [
        event["recipientAccountId"] for event in lab.events() if event["eventName"] == event_name
    ]


@pytest.mark.parametrize("source_is_foreign", [True, False])
def test_the_owner_of_either_key_of_reencrypt_is_told(lab, kms, arn, put_policy, source_is_foreign):
    theirs = lab.client("kms", lab.administrator(OTHER_ACCOUNT))
    own = theirs.create_key()["KeyMetadata"]["Arn"]
    put_policy(arn, policy(OPEN, to(OTHER_ACCOUNT, "kms:*")))
    source, destination = (arn, own) if source_is_foreign else (own, arn)
    blob = theirs.encrypt(KeyId=source, Plaintext=b"x")["CiphertextBlob"]
    theirs.re_encrypt(CiphertextBlob=blob, SourceKeyId=source, DestinationKeyId=destination)
    assert recipients(lab, "ReEncrypt") == [OTHER_ACCOUNT, ACCOUNT]


def test_the_account_of_a_role_is_told_who_assumed_it(lab):
    lab.role("auditor", trust=trusting(OTHER_ACCOUNT))
    stranger = lab.user("alice", allow("sts:AssumeRole"), account=OTHER_ACCOUNT)
    assume(lab, stranger)
    assert recipients(lab, "AssumeRole") == [OTHER_ACCOUNT, ACCOUNT]
    own, other = lab.events()[-2:]
    assert own["sharedEventID"] == other["sharedEventID"]
    assert other["userIdentity"]["type"] == "AWSAccount"
    assert other["resources"] == [{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": ROLE}]


def test_a_service_is_named_as_such_in_every_account(lab, arn, put_policy):
    by_service = OPEN | {"Principal": {"Service": "cloudtrail.amazonaws.com"}}
    put_policy(arn, policy(OPEN, by_service))
    caller = service(source_account=OTHER_ACCOUNT)
    call(lab, caller, "GenerateDataKey", KeyId=arn, KeySpec="AES_256")
    assert recipients(lab, "GenerateDataKey") == [OTHER_ACCOUNT, ACCOUNT]
    assert {event["userIdentity"]["type"] for event in lab.events()[-2:]} == {"AWSService"}


@pytest.mark.parametrize("source_account", ["", ACCOUNT, OTHER_ACCOUNT])
def test_a_denied_service_is_told_the_same_whoever_it_calls_for(lab, arn, source_account):
    with pytest.raises(ServiceError, match="because no resource-based policy allows"):
        call(lab, service(source_account=source_account), "GenerateDataKey", KeyId=arn)
    event = lab.events()[-1]
    assert event["recipientAccountId"] == (source_account or ACCOUNT)


def test_a_forwarded_call_of_a_stranger_is_told_nothing(lab, arn):
    stranger = lab.user("alice", allow("kms:*"), account=OTHER_ACCOUNT)
    with pytest.raises(ServiceError, match="does not exist in this Region"):
        call(lab, forwarded(lab, stranger, S3), "GenerateDataKey", KeyId=arn, KeySpec="AES_256")


# --- What would be decided is what is decided ---------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        {"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}},
        {"StringLike": {"aws:UserAgent": "*boto3*"}},
        {"Bool": {"aws:SecureTransport": "true"}},
    ],
    ids=str,
)
def test_the_prediction_for_a_labs_own_client_is_right(lab, arn, condition):
    alice = lab.user("alice", allow("kms:Encrypt", Condition=condition))
    assert lab.would(alice, "Encrypt", arn).allowed
    lab.client("kms", alice).encrypt(KeyId=arn, Plaintext=b"x")
    assert not lab.would(alice, "Encrypt", arn, via="s3.amazonaws.com").allowed or (
        "aws:SecureTransport" in str(condition)
    )


def test_a_prediction_for_a_child_grant_weighs_what_it_would_lend(lab, kms, arn):
    alice, bob = lab.user("alice"), lab.user("bob")
    lent = {"GranteePrincipal": alice.arn, "Operations": ["Decrypt", "CreateGrant"]}
    kms.create_grant(KeyId=arn, **lent)
    for operations, allowed in ((["Decrypt"], True), (["Decrypt", "Encrypt"], False)):
        asked = {"GranteePrincipal": bob.arn, "Operations": operations}
        assert lab.would(alice, "CreateGrant", arn, **asked).allowed is allowed


@pytest.mark.parametrize(
    "operation", ["ReEncrypt", "RetireGrant", "CreateAlias", "CreateKey", "ListKeys", "Nonsense"]
)
def test_what_more_or_less_than_one_key_decides_is_not_predicted(lab, arn, operation):
    with pytest.raises(ValueError, match=operation):
        lab.would(lab.administrator(), operation, arn)


def test_a_prediction_makes_no_access_key(lab, arn):
    alice = lab.user("alice")
    lab.would(alice, "Encrypt", arn)
    iam = lab.client("iam")
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"] == []
    iam.delete_user(UserName="alice")
    with pytest.raises(ValueError, match="is gone"):
        lab.client("kms", alice)


def test_a_call_that_was_never_decided_leaves_no_decision(lab, kms):
    kms.list_keys()
    with refused("NotFoundException", "Invalid keyId 'nonsense'"):
        kms.describe_key(KeyId="nonsense")
    assert lab.last_decision() is None
