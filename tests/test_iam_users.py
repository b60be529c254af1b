"""Users, their tags and their access keys, through boto3."""

import re
from datetime import UTC, datetime

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, members
from iam_words import (
    ADMINISTRATOR_ACCESS,
    ROOT_TRUST,
    delete_conflict,
    document,
    iam_denied,
    limit_exceeded,
    no_such_entity,
    pages,
    policy_arn,
    refused,
    role_arn,
    signing_with,
    user_arn,
)

from kmslab import Lab, StillClock
from kmslab.services.iam import users

pytest_plugins = ["lab_session"]

NO_ALICE = "The user with name alice cannot be found."
DUPLICATES = "Duplicate tag keys found. Please note that Tag keys are case insensitive."


@pytest.fixture
def iam(lab):
    return lab.client("iam")


@pytest.fixture
def alice(iam):
    return iam.create_user(UserName="alice")["User"]


def key_of(iam, user_name):
    return iam.create_access_key(UserName=user_name)["AccessKey"]


def client_of(lab, access_key, service="sts"):
    return signing_with(lab, access_key["AccessKeyId"], access_key["SecretAccessKey"], service)


# --- Created and shown --------------------------------------------------------------------


def test_a_created_user_is_told_with_its_name_id_arn_path_and_date(iam, alice):
    assert set(alice) == {"Path", "UserName", "UserId", "Arn", "CreateDate"}
    assert (alice["UserName"], alice["Path"], alice["Arn"]) == ("alice", "/", user_arn("alice"))
    assert re.fullmatch("AIDA[A-Z2-7]{17}", alice["UserId"])


def test_a_created_user_can_be_got(iam, alice):
    assert iam.get_user(UserName="alice")["User"] == alice


def test_a_path_is_part_of_the_arn_and_not_of_the_name(iam):
    iam.create_user(UserName="bob", Path="/staff/tests/")
    user = iam.get_user(UserName="bob")["User"]
    assert (user["Path"], user["Arn"]) == ("/staff/tests/", user_arn("staff/tests/bob"))


def test_the_date_of_creation_is_the_lab_s():
    lab = Lab(clock=StillClock(datetime(2026, 1, 5, 9, tzinfo=UTC)))
    user = lab.client("iam").create_user(UserName="alice")["User"]
    assert user["CreateDate"] == datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)


def test_a_new_user_may_do_nothing(lab, iam, alice):
    with iam_denied("alice", "iam:GetUser", user_arn("alice")):
        client_of(lab, key_of(iam, "alice"), "iam").get_user()


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_a_user_name_is_taken_whatever_its_case(iam, alice, name):
    with refused("EntityAlreadyExists", f"User with name {name} already exists.", 409):
        iam.create_user(UserName=name)


def test_another_account_may_use_the_same_name(lab, iam, alice):
    other = lab.client("iam", lab.administrator(OTHER_ACCOUNT))
    user = other.create_user(UserName="alice")["User"]
    assert user["Arn"] == user_arn("alice", OTHER_ACCOUNT)


def test_another_account_does_not_see_a_user(lab, alice):
    other = lab.client("iam", lab.administrator(OTHER_ACCOUNT))
    with no_such_entity(NO_ALICE):
        other.get_user(UserName="alice")


def test_a_name_with_other_characters_is_refused(iam):
    with refused("ValidationError", None):
        iam.create_user(UserName="al ice")


def test_a_path_must_begin_and_end_with_a_slash(iam):
    with refused("ValidationError", None):
        iam.create_user(UserName="alice", Path="/staff")


def test_a_user_that_is_not_there_cannot_be_got(iam):
    with no_such_entity(NO_ALICE):
        iam.get_user(UserName="alice")


def test_a_denied_caller_does_not_learn_whether_a_user_exists(lab):
    mallory = lab.client("iam", lab.user("mallory"))
    with iam_denied("mallory", "iam:GetUser", user_arn("alice")):
        mallory.get_user(UserName="alice")


def test_creating_needs_permission_on_the_arn_that_will_be(lab):
    maker = lab.user("maker", allow("iam:CreateUser", resource=user_arn("staff/*")))
    lab.client("iam", maker).create_user(UserName="bob", Path="/staff/")
    with iam_denied("maker", "iam:CreateUser", user_arn("bob2")):
        lab.client("iam", maker).create_user(UserName="bob2")


def test_an_account_has_only_so_many_users(iam, alice, monkeypatch):
    monkeypatch.setattr(users, "_MOST_USERS", 2)
    with limit_exceeded("Cannot exceed quota for UsersPerAccount: 2"):
        iam.create_user(UserName="bob")


def test_a_refusal_does_not_tell_where_a_user_or_role_stands(lab, iam):
    iam.create_user(UserName="hidden", Path="/top/secret/")
    iam.create_role(RoleName="hidden", Path="/top/secret/", AssumeRolePolicyDocument=ROOT_TRUST)
    theirs = lab.client("iam", lab.user("mallory"))
    for name in ("hidden", "nobody"):
        with iam_denied("mallory", "iam:GetUser", user_arn(name)):
            theirs.get_user(UserName=name)
        with iam_denied("mallory", "iam:GetRole", role_arn(name)):
            theirs.get_role(RoleName=name)
        with iam_denied("mallory", "iam:DeleteUser", user_arn(name)):
            theirs.delete_user(UserName=name)
    reader = lab.user("reader", allow("iam:GetUser", resource=user_arn("top/secret/*")))
    assert lab.client("iam", reader).get_user(UserName="hidden")["User"]["Path"] == "/top/secret/"
    with iam_denied("reader", "iam:GetUser", user_arn("nobody")):
        lab.client("iam", reader).get_user(UserName="nobody")


# --- The caller itself --------------------------------------------------------------------


def test_without_a_name_a_caller_gets_itself(lab):
    bob = lab.user("bob", allow("iam:GetUser"))
    assert lab.client("iam", bob).get_user()["User"]["Arn"] == user_arn("bob")


def test_the_root_user_gets_itself(lab):
    user = lab.client("iam", lab.root()).get_user()["User"]
    assert (user["UserId"], user["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")


def test_a_session_of_a_role_is_no_user(lab):
    session = lab.role("worker", allow("*")).session("s")
    with refused("ValidationError", "Must specify userName when calling with non-User credentials"):
        lab.client("iam", session).get_user()


# --- Listed -------------------------------------------------------------------------------


def test_users_are_listed_by_name(iam, alice):
    iam.create_user(UserName="bob")
    answer = iam.list_users()
    assert members(answer) == {"Users", "IsTruncated"}
    assert [user["UserName"] for user in answer["Users"]] == ["administrator", "alice", "bob"]


def test_a_list_of_users_leaves_tags_out(iam):
    iam.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "a"}])
    assert all("Tags" not in user for user in iam.list_users()["Users"])


def test_users_can_be_listed_by_path(iam, alice):
    iam.create_user(UserName="bob", Path="/staff/")
    listed = iam.list_users(PathPrefix="/staff/")["Users"]
    assert [user["UserName"] for user in listed] == ["bob"]


def test_users_come_in_pages(iam):
    for name in "edcb":
        iam.create_user(UserName=name)
    listed = [[user["UserName"] for user in page["Users"]] for page in pages(iam.list_users, 2)]
    assert listed == [["administrator", "b"], ["c", "d"], ["e"]]


def test_a_marker_goes_on_where_the_page_ended_even_when_that_user_is_gone(iam, alice):
    iam.create_user(UserName="aaron")
    marker = iam.list_users(MaxItems=1)["Marker"]
    iam.delete_user(UserName="aaron")
    listed = iam.list_users(Marker=marker)["Users"]
    assert [user["UserName"] for user in listed] == ["administrator", "alice"]


def test_boto3_s_paginator_understands_the_pages(iam, alice):
    paginator = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1})
    assert [user["UserName"] for page in paginator for user in page["Users"]] == [
        "administrator",
        "alice",
    ]


@pytest.mark.parametrize("marker", ["x", "!!!!", "TGlzdFJvbGVzCmE="])
def test_a_marker_that_was_not_handed_out_is_refused(iam, marker):
    with refused("ValidationError", "Invalid Marker."):
        iam.list_users(Marker=marker)


def test_listing_needs_permission_on_everything(lab):
    with iam_denied("mallory", "iam:ListUsers", "*"):
        lab.client("iam", lab.user("mallory")).list_users()


# --- Deleted ------------------------------------------------------------------------------


def test_a_deleted_user_is_gone(iam, alice):
    iam.delete_user(UserName="alice")
    with no_such_entity(NO_ALICE):
        iam.get_user(UserName="alice")


def test_a_user_made_again_is_another_one(iam, alice):
    iam.delete_user(UserName="alice")
    assert iam.create_user(UserName="alice")["User"]["UserId"] != alice["UserId"]


def test_a_user_that_is_not_there_cannot_be_deleted(iam):
    with no_such_entity(NO_ALICE):
        iam.delete_user(UserName="alice")


def test_a_user_with_an_inline_policy_cannot_be_deleted(iam, alice):
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document("kms:*"))
    with delete_conflict("Cannot delete entity, must delete policies first."):
        iam.delete_user(UserName="alice")


def test_a_user_with_an_attached_policy_cannot_be_deleted(iam, alice):
    iam.attach_user_policy(UserName="alice", PolicyArn=ADMINISTRATOR_ACCESS)
    with delete_conflict("Cannot delete entity, must detach all policies first."):
        iam.delete_user(UserName="alice")


def test_a_user_with_an_access_key_cannot_be_deleted(iam, alice):
    key_of(iam, "alice")
    with delete_conflict("Cannot delete entity, must delete access keys first."):
        iam.delete_user(UserName="alice")


def test_deleting_needs_permission_on_the_user(lab, alice):
    with iam_denied("mallory", "iam:DeleteUser", user_arn("alice")):
        lab.client("iam", lab.user("mallory")).delete_user(UserName="alice")


# --- Tags ---------------------------------------------------------------------------------


def tags(**pairs):
    return [{"Key": name, "Value": value} for name, value in pairs.items()]


def test_a_user_can_be_created_with_tags(iam):
    user = iam.create_user(UserName="bob", Tags=tags(team="a"))["User"]
    assert user["Tags"] == tags(team="a")


def test_creating_with_tags_needs_permission_to_tag(lab):
    maker = lab.user("maker", allow("iam:CreateUser"))
    with iam_denied("maker", "iam:TagUser", user_arn("bob")):
        lab.client("iam", maker).create_user(UserName="bob", Tags=tags(team="a"))


def test_tags_are_added_and_listed_by_name(iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(team="a", project="x"))
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags(project="x", team="a")


def test_a_tag_of_the_same_name_in_another_case_is_replaced(iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(team="a"))
    iam.tag_user(UserName="alice", Tags=tags(Team="b"))
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags(Team="b")


def test_tags_are_removed_whatever_their_case(iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(team="a", project="x"))
    iam.untag_user(UserName="alice", TagKeys=["TEAM", "absent"])
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags(project="x")


def test_tags_come_in_pages(iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(a="1", b="2", c="3"))
    listed = [page["Tags"] for page in pages(iam.list_user_tags, 2, UserName="alice")]
    assert listed == [tags(a="1", b="2"), tags(c="3")]


def test_the_same_tag_twice_is_refused(iam, alice):
    with refused("InvalidInput", DUPLICATES):
        iam.tag_user(UserName="alice", Tags=tags(team="a", Team="b"))


def test_tags_of_aws_are_reserved(iam, alice):
    with refused("InvalidInput", None):
        iam.tag_user(UserName="alice", Tags=[{"Key": "aws:x", "Value": "1"}])


def test_a_user_has_at_most_fifty_tags(iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(**{f"t{n}": "" for n in range(50)}))
    with limit_exceeded("The number of tags has reached the maximum limit."):
        iam.tag_user(UserName="alice", Tags=tags(more=""))


@pytest.mark.parametrize("operation", ["tag_user", "untag_user", "list_user_tags"])
def test_tags_belong_to_a_user_that_is_there(iam, operation):
    more = {"tag_user": {"Tags": tags(a="1")}, "untag_user": {"TagKeys": ["a"]}}
    with no_such_entity(NO_ALICE):
        getattr(iam, operation)(UserName="alice", **more.get(operation, {}))


def test_tagging_needs_permission_on_the_user(lab, alice):
    with iam_denied("mallory", "iam:TagUser", user_arn("alice")):
        lab.client("iam", lab.user("mallory")).tag_user(UserName="alice", Tags=tags(a="1"))


def test_a_policy_may_ask_for_the_tags_of_a_user(lab, iam, alice):
    iam.tag_user(UserName="alice", Tags=tags(team="a"))
    condition = {"StringEquals": {"aws:ResourceTag/team": "b"}}
    bob = lab.client("iam", lab.user("bob", allow("iam:GetUser", Condition=condition)))
    with iam_denied("bob", "iam:GetUser", user_arn("alice")):
        bob.get_user(UserName="alice")
    iam.tag_user(UserName="alice", Tags=tags(team="b"))
    assert bob.get_user(UserName="alice")["User"]["UserName"] == "alice"


# --- Access keys --------------------------------------------------------------------------


def test_an_access_key_is_told_with_its_secret_when_it_is_made(iam, alice):
    access_key = key_of(iam, "alice")
    assert set(access_key) == {
        *("UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate")
    }
    assert re.fullmatch("AKIA[A-Z2-7]{16}", access_key["AccessKeyId"])
    assert re.fullmatch("[A-Za-z0-9+/]{40}", access_key["SecretAccessKey"])
    assert (access_key["UserName"], access_key["Status"]) == ("alice", "Active")


def test_an_access_key_signs_for_its_user(lab, iam, alice):
    identity = client_of(lab, key_of(iam, "alice")).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (alice["Arn"], alice["UserId"])


def test_the_secret_is_not_listed(iam, alice):
    access_key = key_of(iam, "alice")
    listed = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    del access_key["SecretAccessKey"]
    assert listed == [access_key]


def test_the_secret_does_not_reach_the_event(lab, iam, alice):
    access_key = key_of(iam, "alice")
    event = lab.events()[-1]
    told = event["responseElements"]["accessKey"]
    assert (event["eventName"], told["accessKeyId"]) == (
        "CreateAccessKey",
        access_key["AccessKeyId"],
    )
    assert access_key["SecretAccessKey"] not in str(event)


def test_a_user_has_at_most_two_access_keys(iam, alice):
    key_of(iam, "alice")
    key_of(iam, "alice")
    with limit_exceeded("Cannot exceed quota for AccessKeysPerUser: 2"):
        key_of(iam, "alice")


def test_access_keys_come_in_pages(iam, alice):
    made = sorted(key_of(iam, "alice")["AccessKeyId"] for _ in range(2))
    listed = [
        [each["AccessKeyId"] for each in page["AccessKeyMetadata"]]
        for page in pages(iam.list_access_keys, 1, UserName="alice")
    ]
    assert listed == [[made[0]], [made[1]]]


def test_a_deactivated_access_key_stops_working(lab, iam, alice):
    access_key = key_of(iam, "alice")
    iam.update_access_key(
        UserName="alice", AccessKeyId=access_key["AccessKeyId"], Status="Inactive"
    )
    with refused("InvalidClientTokenId", None, 403):
        client_of(lab, access_key).get_caller_identity()


def test_an_access_key_works_again_when_it_is_active_again(lab, iam, alice):
    access_key = key_of(iam, "alice")
    for status in ("Inactive", "Active"):
        iam.update_access_key(
            UserName="alice", AccessKeyId=access_key["AccessKeyId"], Status=status
        )
    assert client_of(lab, access_key).get_caller_identity()["Arn"] == alice["Arn"]


def test_a_deleted_access_key_stops_working(lab, iam, alice):
    access_key = key_of(iam, "alice")
    iam.delete_access_key(UserName="alice", AccessKeyId=access_key["AccessKeyId"])
    with refused("InvalidClientTokenId", None, 403):
        client_of(lab, access_key).get_caller_identity()


def test_a_deactivated_access_key_does_not_reach_kms_either(lab, iam, arn):
    iam.create_user(UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document("kms:*"))
    access_key = key_of(iam, "bob")
    kms = client_of(lab, access_key, "kms")
    kms.describe_key(KeyId=arn)
    iam.update_access_key(UserName="bob", AccessKeyId=access_key["AccessKeyId"], Status="Inactive")
    with refused("UnrecognizedClientException", None):
        kms.describe_key(KeyId=arn)


def test_an_access_key_cannot_expire_by_status(iam, alice):
    access_key = key_of(iam, "alice")
    with refused("InvalidInput", None):
        iam.update_access_key(
            UserName="alice", AccessKeyId=access_key["AccessKeyId"], Status="Expired"
        )


@pytest.mark.parametrize("operation", ["update_access_key", "delete_access_key"])
def test_an_access_key_of_another_user_is_not_found(iam, alice, operation):
    iam.create_user(UserName="bob")
    access_key_id = key_of(iam, "bob")["AccessKeyId"]
    status = {"Status": "Inactive"} if operation == "update_access_key" else {}
    with no_such_entity(f"The Access Key with id {access_key_id} cannot be found"):
        getattr(iam, operation)(UserName="alice", AccessKeyId=access_key_id, **status)


def test_without_a_name_the_access_keys_are_the_caller_s(lab):
    bob = lab.user("bob", allow("iam:*"))
    iam = lab.client("iam", bob)
    made = iam.create_access_key()["AccessKey"]
    listed = {each["AccessKeyId"] for each in iam.list_access_keys()["AccessKeyMetadata"]}
    assert made["UserName"] == "bob"
    assert listed == {made["AccessKeyId"], lab.credentials(bob).access_key_id}


def test_the_root_user_has_access_keys_of_its_own(lab):
    iam = lab.client("iam", lab.root())
    made = iam.create_access_key()["AccessKey"]
    identity = client_of(lab, made).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_access_keys_belong_to_a_user_that_is_there(iam):
    with no_such_entity(NO_ALICE):
        key_of(iam, "alice")


@pytest.mark.parametrize("operation", ["create_access_key", "list_access_keys"])
def test_access_keys_need_permission_on_the_user(lab, alice, operation):
    action = "iam:CreateAccessKey" if operation[0] == "c" else "iam:ListAccessKeys"
    with iam_denied("mallory", action, user_arn("alice")):
        getattr(lab.client("iam", lab.user("mallory")), operation)(UserName="alice")


# --- Boundaries ---------------------------------------------------------------------------


def test_a_boundary_cuts_what_a_user_may_do(lab, iam, alice, arn):
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=document("kms:DescribeKey"))
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document("kms:*"))
    kms = client_of(lab, key_of(iam, "alice"), "kms")
    kms.disable_key(KeyId=arn)
    iam.put_user_permissions_boundary(
        UserName="alice", PermissionsBoundary=boundary["Policy"]["Arn"]
    )
    kms.describe_key(KeyId=arn)
    with refused(
        "AccessDeniedException",
        f"User: {user_arn('alice')} is not authorized to perform: kms:EnableKey on resource: "
        f"{arn} because no permissions boundary allows the kms:EnableKey action",
    ):
        kms.enable_key(KeyId=arn)


def test_without_its_boundary_a_user_may_do_everything_again(lab, iam, alice, arn):
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document("kms:*"))
    iam.create_policy(PolicyName="b", PolicyDocument=document("s3:*"))
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=policy_arn("b"))
    kms = client_of(lab, key_of(iam, "alice"), "kms")
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)
    iam.delete_user_permissions_boundary(UserName="alice")
    kms.describe_key(KeyId=arn)


def test_a_user_can_be_created_with_a_boundary(iam):
    iam.create_user(UserName="bob", PermissionsBoundary=ADMINISTRATOR_ACCESS)
    told = iam.get_user(UserName="bob")["User"]["PermissionsBoundary"]
    assert told == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": ADMINISTRATOR_ACCESS,
    }


def test_a_boundary_that_is_not_there_is_refused(iam, alice):
    words = f"Scope ARN: {policy_arn('b')} does not exist or is not attachable."
    with no_such_entity(words):
        iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=policy_arn("b"))
    with no_such_entity(words):
        iam.create_user(UserName="bob", PermissionsBoundary=policy_arn("b"))


def test_a_policy_of_another_account_is_no_boundary(lab, iam, alice):
    other = lab.client("iam", lab.administrator(OTHER_ACCOUNT))
    foreign = other.create_policy(PolicyName="b", PolicyDocument=document("*"))["Policy"]["Arn"]
    with no_such_entity(f"Scope ARN: {foreign} does not exist or is not attachable."):
        iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=foreign)


def test_an_administrator_can_be_made_to_give_every_new_user_a_boundary(lab, iam):
    iam.create_policy(PolicyName="b", PolicyDocument=document("s3:*"))
    condition = {"StringEquals": {"iam:PermissionsBoundary": policy_arn("b")}}
    maker = lab.client("iam", lab.user("maker", allow("iam:*", Condition=condition)))
    with iam_denied("maker", "iam:CreateUser", user_arn("bob")):
        maker.create_user(UserName="bob")
    maker.create_user(UserName="bob", PermissionsBoundary=policy_arn("b"))
    maker.attach_user_policy(UserName="bob", PolicyArn=ADMINISTRATOR_ACCESS)


# --- What is told of it -------------------------------------------------------------------


def test_an_event_tells_who_was_created(lab, iam, alice):
    event = lab.events()[-1]
    assert (event["eventSource"], event["eventName"]) == ("iam.amazonaws.com", "CreateUser")
    assert event["requestParameters"] == {"userName": "alice"}
    assert event["responseElements"]["user"]["arn"] == alice["Arn"]


def test_users_outlive_the_lab_on_disk(tmp_path):
    with Lab(tmp_path) as lab:
        iam = lab.client("iam")
        user = iam.create_user(UserName="alice", Path="/staff/", Tags=tags(a="1"))["User"]
    with Lab(tmp_path) as lab:
        assert lab.client("iam").get_user(UserName="alice")["User"] == user
