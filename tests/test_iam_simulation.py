"""The policy simulator through boto3: predictions, and that they are what then happens."""

import json
from dataclasses import replace

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, members
from botocore.exceptions import ClientError
from iam_words import (
    ADMINISTRATOR_ACCESS,
    KMS_POWER_USER,
    document,
    iam_denied,
    no_such_entity,
    pages,
    policy_arn,
    refused,
    role_arn,
    user_arn,
)

from kmslab.store.store import Changes

pytest_plugins = ["lab_session"]

ALICE = user_arn("alice")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BUCKET = "arn:aws:s3:::reports/q1"


@pytest.fixture
def iam(lab):
    return lab.client("iam")


@pytest.fixture
def alice(lab):
    return lab.user("alice", allow("kms:Decrypt"))


def simulate(iam, *actions, source=ALICE, **more):
    """The results for `source`, a user by default."""
    answer = iam.simulate_principal_policy(
        PolicySourceArn=source, ActionNames=list(actions), **more
    )
    return answer["EvaluationResults"]


def custom(iam, policies, action, **more):
    """The one result for these policies."""
    texts = [policies] if isinstance(policies, str) else policies
    answer = iam.simulate_custom_policy(PolicyInputList=texts, ActionNames=[action], **more)
    [result] = answer["EvaluationResults"]
    return result


def decision(iam, policies, action, **more):
    return custom(iam, policies, action, **more)["EvalDecision"]


def entry(name, kind, *values):
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


# --- Decided ------------------------------------------------------------------------------


def test_a_result_tells_the_action_and_what_decided(iam, alice):
    [result] = simulate(iam, "kms:Decrypt")
    assert set(result) == {
        *("EvalActionName", "EvalResourceName", "EvalDecision", "MatchedStatements"),
        "MissingContextValues",
    }
    assert (result["EvalActionName"], result["EvalResourceName"]) == ("kms:Decrypt", "*")
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_what_nobody_allows_is_denied_implicitly(iam, alice):
    [result] = simulate(iam, "kms:Encrypt")
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])


def test_a_deny_is_explicit_and_the_only_statement_named(iam):
    policies = [document("kms:*"), document("kms:Decrypt", effect="Deny")]
    result = custom(iam, policies, "kms:Decrypt")
    assert result["EvalDecision"] == "explicitDeny"
    assert [each["SourcePolicyId"] for each in result["MatchedStatements"]] == ["PolicyInputList.2"]


def test_an_attached_policy_is_asked_as_well(iam, alice):
    iam.attach_user_policy(UserName="alice", PolicyArn=KMS_POWER_USER)
    [result] = simulate(iam, "kms:DescribeKey")
    assert result["EvalDecision"] == "allowed"
    [matched] = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == (
        "AWSKeyManagementServicePowerUser",
        "aws-managed",
    )


@pytest.mark.parametrize(
    ("attached", "kind"), [(True, "user-managed"), (False, "user")], ids=["managed", "inline"]
)
def test_a_statement_is_told_with_the_kind_of_its_policy(lab, iam, attached, kind):
    lab.user("alice")
    if attached:
        iam.create_policy(PolicyName="p", PolicyDocument=document("kms:*"))
        iam.attach_user_policy(UserName="alice", PolicyArn=policy_arn("p"))
    else:
        iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document("kms:*"))
    [matched] = simulate(iam, "kms:Decrypt")[0]["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("p", kind)


def test_given_policies_are_added_to_those_of_the_user(iam, alice):
    results = simulate(iam, "kms:Decrypt", "kms:Encrypt", PolicyInputList=[document("kms:Encrypt")])
    assert [result["EvalDecision"] for result in results] == ["allowed", "allowed"]


def test_a_role_can_be_simulated(lab, iam):
    lab.role("worker", allow("kms:Decrypt"))
    [result] = simulate(iam, "kms:Decrypt", source=role_arn("worker"))
    [matched] = result["MatchedStatements"]
    assert (result["EvalDecision"], matched["SourcePolicyType"]) == ("allowed", "role")


def test_resources_are_decided_each_on_its_own(iam):
    [result] = iam.simulate_custom_policy(
        PolicyInputList=[document("kms:Decrypt", resource=KEY)],
        ActionNames=["kms:Decrypt"],
        ResourceArns=[KEY, f"{KEY}x"],
    )["EvaluationResults"]
    specific = [
        (each["EvalResourceName"], each["EvalResourceDecision"], len(each["MatchedStatements"]))
        for each in result["ResourceSpecificResults"]
    ]
    assert specific == [(KEY, "allowed", 1), (f"{KEY}x", "implicitDeny", 0)]
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])


def test_without_resources_it_is_all_of_them_that_is_asked_about(iam):
    assert decision(iam, document("kms:Decrypt", resource=KEY), "kms:Decrypt") == "implicitDeny"


def test_results_come_in_pages(iam, alice):
    asked = {"PolicySourceArn": ALICE, "ActionNames": ["kms:A", "kms:B", "kms:C"]}
    listed = [
        [result["EvalActionName"] for result in page["EvaluationResults"]]
        for page in pages(iam.simulate_principal_policy, 2, **asked)
    ]
    assert listed == [["kms:A", "kms:B"], ["kms:C"]]


def test_nothing_is_done_and_only_the_simulation_recorded(lab, iam, alice, arn):
    before = len(lab.events())
    simulate(iam, "kms:ScheduleKeyDeletion", ResourceArns=[arn])
    assert [event["eventName"] for event in lab.events()[before:]] == ["SimulatePrincipalPolicy"]


# --- Where the statement stands -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (
            '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
            (1, 14),
            (1, 60),
        ),
        (
            '{\n  "Statement": [\n    {"Effect": "Deny", "Action": "a:*", "Resource": "*"},\n'
            '    {\n      "Effect": "Allow", "Action": "*", "Resource": "*"\n    }\n  ],\n'
            '  "Version": "2012-10-17"\n}\n',
            (4, 5),
            (6, 6),
        ),
        (
            '{"Id":"a\\"},{[","Statement" : [ {"Effect":"Allow","Action":"*",'
            '"Resource":"}"},{"Effect":"Allow","Action":"*","Resource":"*"} ]}',
            (1, 80),
            (1, 126),
        ),
    ],
    ids=["one", "lines", "braces in texts"],
)
def test_a_statement_is_told_with_its_lines_and_columns(iam, text, start, end):
    [matched] = custom(iam, text, "kms:Decrypt")["MatchedStatements"]
    found = [
        (matched[name]["Line"], matched[name]["Column"])
        for name in ("StartPosition", "EndPosition")
    ]
    assert found == [start, end]
    if start[0] == end[0] == 1:
        assert json.loads(text[start[1] - 1 : end[1] - 1])["Resource"] == "*"


# --- Conditions ---------------------------------------------------------------------------

FOR_TEAM_A = document("kms:Decrypt", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})


def test_context_makes_a_condition_hold(iam):
    given = [entry("aws:PrincipalTag/Team", "string", "a")]
    assert decision(iam, FOR_TEAM_A, "kms:Decrypt") == "implicitDeny"
    assert decision(iam, FOR_TEAM_A, "kms:Decrypt", ContextEntries=given) == "allowed"


def test_missing_context_is_told_as_it_is_written(iam):
    result = custom(iam, FOR_TEAM_A, "kms:Decrypt")
    assert result["MissingContextValues"] == ["aws:PrincipalTag/team"]


def test_given_context_is_not_missing(iam):
    given = [entry("AWS:principaltag/TEAM", "string", "b")]
    result = custom(iam, FOR_TEAM_A, "kms:Decrypt", ContextEntries=given)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", [])


def test_what_other_statements_ask_for_is_not_missing(iam):
    assert custom(iam, FOR_TEAM_A, "kms:Encrypt")["MissingContextValues"] == []


def test_variables_are_context_too(iam):
    text = document("s3:GetObject", resource="arn:aws:s3:::home/${aws:username}/*")
    result = custom(iam, text, "s3:GetObject", ResourceArns=["arn:aws:s3:::home/bob/x"])
    assert result["MissingContextValues"] == ["aws:username"]
    given = [entry("aws:username", "string", "bob")]
    assert (
        decision(
            iam,
            text,
            "s3:GetObject",
            ResourceArns=["arn:aws:s3:::home/bob/x"],
            ContextEntries=given,
        )
        == "allowed"
    )


def test_what_a_user_is_need_not_be_told(lab, iam):
    lab.user("alice", json.loads(FOR_TEAM_A), tags={"team": "a"})
    [result] = simulate(iam, "kms:Decrypt")
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_told_context_goes_over_what_a_user_is(lab, iam):
    lab.user("alice", json.loads(FOR_TEAM_A), tags={"team": "a"})
    given = [entry("aws:PrincipalTag/team", "string", "b")]
    [result] = simulate(iam, "kms:Decrypt", ContextEntries=given)
    assert result["EvalDecision"] == "implicitDeny"


@pytest.mark.parametrize(
    ("operator", "wanted", "kind", "values"),
    [
        ("NumericLessThan", "10", "numeric", ["9"]),
        ("Bool", "true", "boolean", ["true"]),
        ("IpAddress", "10.0.0.0/8", "ip", ["10.1.2.3"]),
        ("DateLessThan", "2030-01-01T00:00:00Z", "date", ["2026-01-01T00:00:00Z"]),
        ("BinaryEquals", "QQ==", "binary", ["QQ=="]),
        ("ForAnyValue:StringEquals", "a", "stringList", ["b", "a"]),
        ("ForAllValues:NumericLessThan", "10", "numericList", ["1", "2"]),
    ],
)
def test_context_of_every_type_is_read(iam, operator, wanted, kind, values):
    text = document("kms:Decrypt", Condition={operator: {"test:x": wanted}})
    given = [entry("test:x", kind, *values)]
    assert decision(iam, text, "kms:Decrypt", ContextEntries=given) == "allowed"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("numeric", ["one"]),
        ("boolean", ["yes"]),
        ("ip", ["10.0.0"]),
        ("date", ["tomorrow"]),
        ("binary", ["*"]),
        ("numericList", ["1", "two"]),
        ("string", ["a", "b"]),
        ("string", []),
    ],
)
def test_context_that_is_not_of_its_type_is_refused(iam, kind, values):
    with refused("InvalidInput", None):
        custom(iam, FOR_TEAM_A, "kms:Decrypt", ContextEntries=[entry("test:x", kind, *values)])


# --- Boundaries ---------------------------------------------------------------------------


def test_a_boundary_cuts_and_says_so(iam, alice):
    iam.create_policy(PolicyName="b", PolicyDocument=document("s3:*"))
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=policy_arn("b"))
    [result] = simulate(iam, "kms:Decrypt")
    assert result["EvalDecision"] == "implicitDeny"
    detail = result["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": False}


def test_a_given_boundary_takes_the_place_of_the_user_s(iam, alice):
    iam.create_policy(PolicyName="b", PolicyDocument=document("s3:*"))
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=policy_arn("b"))
    [result] = simulate(
        iam, "kms:Decrypt", PermissionsBoundaryPolicyInputList=[document("kms:Decrypt")]
    )
    assert result["EvalDecision"] == "allowed"
    detail = result["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": True}


def test_a_policy_that_is_attached_and_the_boundary_is_told_once(lab, iam):
    lab.user("bob")
    iam.attach_user_policy(UserName="bob", PolicyArn=ADMINISTRATOR_ACCESS)
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=ADMINISTRATOR_ACCESS)
    [result] = simulate(iam, "kms:Decrypt", source=user_arn("bob"))
    assert len(result["MatchedStatements"]) == 1


def test_only_one_boundary_may_be_given(iam):
    with refused("InvalidInput", "Only one permissions boundary may be given."):
        custom(
            iam,
            document("kms:*"),
            "kms:Decrypt",
            PermissionsBoundaryPolicyInputList=[document("kms:*")] * 2,
        )


# --- Policies of resources ----------------------------------------------------------------


def key_policy(*names, effect="Allow"):
    statement = {"Effect": effect, "Principal": {"AWS": list(names)}, "Action": "kms:*"}
    return json.dumps({"Version": "2012-10-17", "Statement": {**statement, "Resource": "*"}})


@pytest.mark.parametrize(
    ("names", "policy", "expected"),
    [
        ([ALICE], document("s3:*"), "allowed"),
        ([f"arn:aws:iam::{ACCOUNT}:root"], document("kms:*"), "allowed"),
        ([f"arn:aws:iam::{ACCOUNT}:root"], document("s3:*"), "implicitDeny"),
        ([user_arn("bob")], document("kms:*"), "implicitDeny"),
    ],
    ids=["user named", "account and identity", "account alone", "identity alone"],
)
def test_a_key_policy_decides_together_with_those_of_identities(iam, names, policy, expected):
    found = decision(
        iam,
        policy,
        "kms:Decrypt",
        ResourceArns=[KEY],
        ResourcePolicy=key_policy(*names),
        CallerArn=ALICE,
    )
    assert found == expected


def test_a_deny_of_a_resource_policy_is_told_as_one_of_the_resource(iam):
    result = custom(
        iam,
        document("kms:*"),
        "kms:Decrypt",
        ResourceArns=[KEY],
        ResourcePolicy=key_policy(ALICE, effect="Deny"),
        CallerArn=ALICE,
    )
    [matched] = result["MatchedStatements"]
    assert (result["EvalDecision"], matched["SourcePolicyType"]) == ("explicitDeny", "resource")


def test_a_bucket_policy_need_not_open_the_way_in_its_own_account(iam):
    bucket_policy = json.dumps(
        {
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": user_arn("bob")},
                "Action": "s3:*",
                "Resource": "*",
            }
        }
    )
    asked = {"ResourceArns": [BUCKET], "ResourcePolicy": bucket_policy, "CallerArn": ALICE}
    assert decision(iam, document("s3:*"), "s3:GetObject", **asked) == "allowed"
    foreign = decision(iam, document("s3:*"), "s3:GetObject", ResourceOwner=OTHER_ACCOUNT, **asked)
    assert foreign == "implicitDeny"


def test_across_accounts_both_sides_must_allow(iam):
    foreign = KEY.replace(ACCOUNT, OTHER_ACCOUNT)
    asked = {
        "ResourceArns": [foreign],
        "ResourcePolicy": key_policy(ALICE),
        "CallerArn": ALICE,
    }
    assert decision(iam, document("kms:Decrypt"), "kms:Decrypt", **asked) == "allowed"
    assert decision(iam, document("s3:*"), "kms:Decrypt", **asked) == "implicitDeny"


def test_the_caller_of_a_principal_s_policies_is_the_principal(iam, alice):
    [result] = simulate(iam, "kms:Encrypt", ResourceArns=[KEY], ResourcePolicy=key_policy(ALICE))
    assert result["EvalDecision"] == "allowed"


def test_another_caller_may_have_a_principal_s_policies(iam, alice):
    [result] = simulate(
        iam,
        "kms:Encrypt",
        ResourceArns=[KEY],
        ResourcePolicy=key_policy(ALICE),
        CallerArn=user_arn("bob"),
    )
    assert result["EvalDecision"] == "implicitDeny"


def test_a_resource_policy_needs_a_caller(iam):
    with refused("InvalidInput", "CallerArn is required if ResourcePolicy is given."):
        custom(iam, document("kms:*"), "kms:Decrypt", ResourcePolicy=key_policy(ALICE))


# --- Refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [role_arn("nobody"), role_arn("nobody", OTHER_ACCOUNT)])
def test_a_role_that_is_not_there_is_not_found(iam, source):
    with no_such_entity("The role with name nobody cannot be found."):
        simulate(iam, "kms:Decrypt", source=source)


def test_a_user_of_another_account_is_not_found(lab, iam):
    lab.user("bob", account=OTHER_ACCOUNT)
    with no_such_entity("The user with name bob cannot be found."):
        simulate(iam, "kms:Decrypt", source=user_arn("bob", OTHER_ACCOUNT))


@pytest.mark.parametrize(
    "name",
    [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:user",
        "no arn at all, but long",
    ],
)
def test_what_is_no_user_or_role_is_refused(iam, alice, name):
    words = f"Invalid Entity Arn: {name} does not clearly define entity type and name."
    with refused("InvalidInput", words):
        simulate(iam, "kms:Decrypt", source=name)
    with refused("InvalidInput", words):
        simulate(iam, "kms:Decrypt", CallerArn=name)


def test_a_caller_is_a_user_or_a_role(iam, alice):
    name = f"arn:aws:iam::{ACCOUNT}:group/g"
    words = f"Invalid Entity Arn: {name} does not clearly define entity type and name."
    with refused("InvalidInput", words):
        simulate(iam, "kms:Decrypt", CallerArn=name)


def test_a_role_that_calls_need_not_exist(iam, alice):
    policy = document("kms:*", Condition={"ArnLike": {"aws:PrincipalArn": role_arn("a/*")}})
    [result] = simulate(iam, "kms:Encrypt", CallerArn=role_arn("a/b"), PolicyInputList=[policy])
    assert result["EvalDecision"] == "allowed"


@pytest.mark.parametrize("action", ["Decrypt", "kms:", ":Decrypt", "kms:*", "kms:De?rypt"])
def test_what_is_no_action_is_refused(iam, action):
    with refused("InvalidInput", f"Invalid action name: {action}"):
        custom(iam, document("kms:*"), action)


@pytest.mark.parametrize("text", ["{", "{}", key_policy(ALICE)])
def test_a_given_policy_that_cannot_be_read_is_refused(iam, text):
    with refused("InvalidInput", None):
        custom(iam, text, "kms:Decrypt")


def test_what_cannot_be_simulated_yet_is_not_left_out(iam, alice):
    with refused("InvalidAction", "PolicyExclusionList is not supported by kmslab yet."):
        simulate(iam, "kms:Decrypt", PolicyExclusionList=[{"PolicyArn": ADMINISTRATOR_ACCESS}])


def test_simulating_somebody_needs_permission_on_it(lab, alice):
    with iam_denied("mallory", "iam:SimulatePrincipalPolicy", ALICE):
        simulate(lab.client("iam", lab.user("mallory")), "kms:Decrypt")


def test_simulating_policies_needs_permission_too(lab):
    with iam_denied("mallory", "iam:SimulateCustomPolicy", "*"):
        custom(lab.client("iam", lab.user("mallory")), document("*"), "kms:Decrypt")


# --- Which condition keys there are -------------------------------------------------------


def test_the_condition_keys_of_policies_are_told_once_each(iam):
    first = document(
        "kms:*",
        resource=["arn:aws:s3:::${aws:username}", "arn:aws:s3:::${*}${aws:userid, 'nobody'}"],
        Condition={
            "StringEquals": {"kms:ViaService": "x", "aws:username": "${aws:PrincipalTag/a}"},
            "Bool": {"aws:SecureTransport": True},
        },
    )
    second = document("kms:*", Condition={"StringLike": {"KMS:viaservice": ["x"]}})
    answer = iam.get_context_keys_for_custom_policy(PolicyInputList=[first, second])
    assert members(answer) == {"ContextKeyNames"}
    assert set(answer["ContextKeyNames"]) == {
        *("kms:ViaService", "aws:username", "aws:SecureTransport", "aws:userid"),
        "aws:PrincipalTag/a",
    }
    assert len(answer["ContextKeyNames"]) == 5


def test_the_condition_keys_of_a_user_are_those_of_all_its_policies(lab, iam):
    lab.user("alice", json.loads(FOR_TEAM_A))
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    iam.create_policy(PolicyName="p", PolicyDocument=document("*", Condition=condition))
    iam.attach_user_policy(UserName="alice", PolicyArn=policy_arn("p"))
    more = [document("*", Condition={"Null": {"aws:SourceVpce": "true"}})]
    answer = iam.get_context_keys_for_principal_policy(PolicySourceArn=ALICE, PolicyInputList=more)
    assert answer["ContextKeyNames"] == [
        *("aws:PrincipalTag/team", "aws:SecureTransport", "aws:SourceVpce")
    ]


def test_before_2012_there_are_no_variables(iam):
    text = document("kms:*", resource="${aws:username}").replace("2012", "2008")
    answer = iam.get_context_keys_for_custom_policy(PolicyInputList=[text])
    assert answer["ContextKeyNames"] == []


@pytest.mark.parametrize("operation", ["custom", "principal"])
def test_asking_for_condition_keys_needs_permission(lab, alice, operation):
    mallory = lab.client("iam", lab.user("mallory"))
    if operation == "custom":
        with iam_denied("mallory", "iam:GetContextKeysForCustomPolicy", "*"):
            mallory.get_context_keys_for_custom_policy(PolicyInputList=[document("*")])
    else:
        with iam_denied("mallory", "iam:GetContextKeysForPrincipalPolicy", ALICE):
            mallory.get_context_keys_for_principal_policy(PolicySourceArn=ALICE)


# --- What an old state directory may hold -------------------------------------------------


def test_a_stored_policy_that_cannot_be_read_denies_as_it_does_in_earnest(lab, iam, alice):
    broken = replace(alice, policies=(*alice.policies, ("old", "{")))
    lab._store.commit(Changes(put=[broken]), ())
    [result] = simulate(iam, "kms:Decrypt")
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("explicitDeny", [])
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=ALICE)["ContextKeyNames"] == []


def test_an_attached_policy_that_is_gone_denies_as_it_does_in_earnest(lab, iam, alice):
    lab._store.commit(Changes(put=[replace(alice, attached=(policy_arn("gone"),))]), ())
    [result] = simulate(iam, "kms:Decrypt")
    assert result["EvalDecision"] == "explicitDeny"


# --- Predictions come true ----------------------------------------------------------------

POLICIES = {
    "all": allow("kms:*"),
    "one action": allow("kms:DescribeKey"),
    "another resource": allow("kms:*", resource=KEY),
    "by name": allow("kms:*", Condition={"StringEquals": {"aws:username": "alice"}}),
    "by tag": allow("kms:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "b"}}),
    "deny": {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "NotAction": "kms:D*",
                "Resource": "*",
                "Condition": {"ArnLike": {"aws:PrincipalArn": "*:user/alice"}},
            },
        ],
    },
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("action", ["DescribeKey", "EnableKey"])
def test_what_is_predicted_is_what_happens(lab, iam, arn, policy, action):
    alice = lab.user("alice", policy, tags={"team": "a"})
    [result] = simulate(iam, f"kms:{action}", ResourceArns=[arn])
    kms = lab.client("kms", alice)
    call = {"DescribeKey": kms.describe_key, "EnableKey": kms.enable_key}[action]
    try:
        call(KeyId=arn)
        happened = "allowed"
    except ClientError as refusal:
        explicit = "explicit deny" in refusal.response["Error"]["Message"]
        happened = "explicitDeny" if explicit else "implicitDeny"
    assert result["EvalDecision"] == happened
