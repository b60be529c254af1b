"""Roles through boto3: their trust policies, their inline policies, and what is attached."""

import json
import re
from urllib.parse import unquote

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, UNCHECKED, allow, members
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
    trust,
    user_arn,
)

from kmslab.services.iam import roles

pytest_plugins = ["lab_session"]

NO_WORKER = "The role with name worker cannot be found."


@pytest.fixture
def iam(lab):
    return lab.client("iam")


@pytest.fixture
def worker(iam):
    return iam.create_role(RoleName="worker", AssumeRolePolicyDocument=ROOT_TRUST)["Role"]


def session_of(lab, arn, service="kms"):
    """A client of a session that the administrator gets by AssumeRole."""
    given = lab.client("sts").assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    return signing_with(
        lab, given["AccessKeyId"], given["SecretAccessKey"], service, given["SessionToken"]
    )


# --- Created and shown --------------------------------------------------------------------


def test_a_created_role_is_told_with_its_trust_policy(worker):
    assert set(worker) == {
        *("Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"),
        "MaxSessionDuration",
    }
    assert (worker["Arn"], worker["MaxSessionDuration"]) == (role_arn("worker"), 3600)
    assert re.fullmatch("AROA[A-Z2-7]{17}", worker["RoleId"])
    assert worker["AssumeRolePolicyDocument"] == json.loads(ROOT_TRUST)


def test_a_created_role_can_be_got(iam, worker):
    assert iam.get_role(RoleName="worker")["Role"] == worker


def test_a_trust_policy_travels_url_encoded(lab, iam, worker):
    iam.meta.events.register(
        "before-parse.iam.GetRole",
        lambda response_dict, **_: seen.append(response_dict["body"].decode()),
    )
    seen = []
    iam.get_role(RoleName="worker")
    encoded = re.search("<AssumeRolePolicyDocument>(.*)</", seen[0])[1].partition("<")[0]
    assert "{" not in encoded
    assert unquote(encoded) == ROOT_TRUST


def test_a_role_can_have_a_path_a_description_a_duration_and_tags(iam):
    iam.create_role(
        RoleName="worker",
        AssumeRolePolicyDocument=ROOT_TRUST,
        Path="/service/",
        Description="works",
        MaxSessionDuration=7200,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    role = iam.get_role(RoleName="worker")["Role"]
    assert (role["Arn"], role["Description"]) == (role_arn("service/worker"), "works")
    assert (role["MaxSessionDuration"], role["Tags"]) == (7200, [{"Key": "team", "Value": "a"}])


@pytest.mark.parametrize("name", ["worker", "Worker"])
def test_a_role_name_is_taken_whatever_its_case(iam, worker, name):
    with refused("EntityAlreadyExists", f"Role with name {name} already exists.", 409):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=ROOT_TRUST)


def test_a_user_and_a_role_may_have_the_same_name(iam, worker):
    iam.create_user(UserName="worker")


def test_another_account_does_not_see_a_role(lab, worker):
    other = lab.client("iam", lab.administrator(OTHER_ACCOUNT))
    with no_such_entity(NO_WORKER):
        other.get_role(RoleName="worker")


@pytest.mark.parametrize("seconds", [3599, 43_201])
def test_a_session_may_last_between_one_and_twelve_hours(lab, seconds):
    with refused("ValidationError", None):
        lab.client("iam", config=UNCHECKED).create_role(
            RoleName="worker", AssumeRolePolicyDocument=ROOT_TRUST, MaxSessionDuration=seconds
        )


def test_a_role_that_is_not_there_cannot_be_got(iam):
    with no_such_entity(NO_WORKER):
        iam.get_role(RoleName="worker")


def test_a_denied_caller_does_not_learn_whether_a_role_exists(lab):
    with iam_denied("mallory", "iam:GetRole", role_arn("worker")):
        lab.client("iam", lab.user("mallory")).get_role(RoleName="worker")


def test_creating_needs_permission_on_the_arn_that_will_be(lab):
    maker = lab.client("iam", lab.user("maker", allow("iam:CreateRole", resource=role_arn("a*"))))
    maker.create_role(RoleName="a1", AssumeRolePolicyDocument=ROOT_TRUST)
    with iam_denied("maker", "iam:CreateRole", role_arn("b1")):
        maker.create_role(RoleName="b1", AssumeRolePolicyDocument=ROOT_TRUST)


def test_creating_with_tags_needs_permission_to_tag(lab):
    maker = lab.client("iam", lab.user("maker", allow("iam:CreateRole")))
    with iam_denied("maker", "iam:TagRole", role_arn("r")):
        maker.create_role(
            RoleName="r", AssumeRolePolicyDocument=ROOT_TRUST, Tags=[{"Key": "a", "Value": "1"}]
        )


def test_an_account_has_only_so_many_roles(iam, worker, monkeypatch):
    monkeypatch.setattr(roles, "_MOST_ROLES", 1)
    with limit_exceeded("Cannot exceed quota for RolesPerAccount: 1"):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=ROOT_TRUST)


# --- Who may assume it --------------------------------------------------------------------


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": OTHER_ACCOUNT},
        {"AWS": user_arn("administrator")},
        {"AWS": role_arn("other")},
        {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/other/anybody"},
        {"Service": "cloudtrail.amazonaws.com"},
    ],
    ids=["all", "account", "user", "role", "session", "service"],
)
def test_a_role_may_trust_whoever_exists(lab, iam, principal):
    lab.role("other")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust(principal))


def test_a_role_may_trust_a_user_of_another_account(lab, iam):
    lab.user("bob", account=OTHER_ACCOUNT)
    trusting = trust({"AWS": user_arn("bob", OTHER_ACCOUNT)})
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting)


@pytest.mark.parametrize(
    "name",
    [
        user_arn("nobody"),
        user_arn("staff/administrator"),
        role_arn("nobody"),
        user_arn("nobody", OTHER_ACCOUNT),
        f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/s",
    ],
)
def test_a_role_cannot_trust_who_does_not_exist(lab, iam, name):
    lab.administrator()
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"'):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust({"AWS": name}))


def test_a_trust_policy_is_about_assuming_roles(iam):
    with refused(
        "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."
    ):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust("*", "kms:Decrypt"))


@pytest.mark.parametrize("text", ["{", "[]", "{}", document("sts:AssumeRole")])
def test_a_trust_policy_that_cannot_be_read_is_refused(iam, text):
    with refused("MalformedPolicyDocument", None):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=text)


def test_a_trust_policy_has_at_most_2048_characters(iam):
    names = [f"service{number:04}.amazonaws.com" for number in range(80)]
    with limit_exceeded("Cannot exceed quota for ACLSizePerRole: 2048"):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust({"Service": names}))


def test_a_changed_trust_policy_counts_at_once(lab, iam, worker):
    sts = lab.client("sts")
    sts.assume_role(RoleArn=worker["Arn"], RoleSessionName="one")
    nobody = trust({"Service": "cloudtrail.amazonaws.com"})
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=nobody)
    with refused("AccessDenied", None, 403):
        sts.assume_role(RoleArn=worker["Arn"], RoleSessionName="one")


def test_a_changed_trust_policy_is_checked_like_a_new_one(iam, worker):
    with refused("MalformedPolicyDocument", None):
        iam.update_assume_role_policy(
            RoleName="worker", PolicyDocument=trust({"AWS": user_arn("nobody")})
        )


def test_changing_who_may_assume_needs_permission_on_the_role(lab, worker):
    mallory = lab.client("iam", lab.user("mallory"))
    with iam_denied("mallory", "iam:UpdateAssumeRolePolicy", worker["Arn"]):
        mallory.update_assume_role_policy(RoleName="worker", PolicyDocument=ROOT_TRUST)


# --- Changed, listed, deleted -------------------------------------------------------------


def test_a_role_can_be_described_otherwise(iam, worker):
    iam.update_role(RoleName="worker", Description="new")
    role = iam.get_role(RoleName="worker")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 3600)


def test_the_longest_session_can_be_changed(iam, worker):
    iam.update_role(RoleName="worker", MaxSessionDuration=7200)
    assert iam.get_role(RoleName="worker")["Role"]["MaxSessionDuration"] == 7200


def test_roles_come_in_pages(lab, iam):
    for name in "cab":
        lab.role(name)
    listed = [[role["RoleName"] for role in page["Roles"]] for page in pages(iam.list_roles, 2)]
    assert listed == [["a", "b"], ["c"]]


def test_roles_can_be_listed_by_path(iam, worker):
    iam.create_role(RoleName="r", Path="/a/", AssumeRolePolicyDocument=ROOT_TRUST)
    listed = iam.list_roles(PathPrefix="/a/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["r"]


def test_listing_needs_permission_on_everything(lab):
    with iam_denied("mallory", "iam:ListRoles", "*"):
        lab.client("iam", lab.user("mallory")).list_roles()


def test_tags_of_a_role_are_added_removed_and_listed(iam, worker):
    iam.tag_role(RoleName="worker", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName="worker", TagKeys=["a"])
    answer = iam.list_role_tags(RoleName="worker")
    assert members(answer) == {"Tags", "IsTruncated"}
    assert answer["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_deleted_role_is_gone(iam, worker):
    iam.delete_role(RoleName="worker")
    with no_such_entity(NO_WORKER):
        iam.get_role(RoleName="worker")


def test_the_sessions_of_a_deleted_role_stop_working(lab, iam, worker):
    sts = session_of(lab, worker["Arn"], "sts")
    sts.get_caller_identity()
    iam.delete_role(RoleName="worker")
    with refused("InvalidClientTokenId", None, 403):
        sts.get_caller_identity()


def test_a_role_made_again_does_not_revive_the_sessions(lab, iam, worker):
    sts = session_of(lab, worker["Arn"], "sts")
    iam.delete_role(RoleName="worker")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=ROOT_TRUST)
    with refused("InvalidClientTokenId", None, 403):
        sts.get_caller_identity()


def test_a_role_with_an_inline_policy_cannot_be_deleted(iam, worker):
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document("kms:*"))
    with delete_conflict("Cannot delete entity, must delete policies first."):
        iam.delete_role(RoleName="worker")


def test_a_role_with_an_attached_policy_cannot_be_deleted(iam, worker):
    iam.attach_role_policy(RoleName="worker", PolicyArn=ADMINISTRATOR_ACCESS)
    with delete_conflict("Cannot delete entity, must detach all policies first."):
        iam.delete_role(RoleName="worker")


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("update_role", {}),
        ("update_assume_role_policy", {"PolicyDocument": ROOT_TRUST}),
        ("delete_role", {}),
        ("tag_role", {"Tags": [{"Key": "a", "Value": "1"}]}),
        ("untag_role", {"TagKeys": ["a"]}),
        ("list_role_tags", {}),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": document("kms:*")}),
        ("get_role_policy", {"PolicyName": "p"}),
        ("list_role_policies", {}),
        ("delete_role_policy", {"PolicyName": "p"}),
        ("attach_role_policy", {"PolicyArn": ADMINISTRATOR_ACCESS}),
        ("detach_role_policy", {"PolicyArn": ADMINISTRATOR_ACCESS}),
        ("list_attached_role_policies", {}),
        ("put_role_permissions_boundary", {"PermissionsBoundary": ADMINISTRATOR_ACCESS}),
        ("delete_role_permissions_boundary", {}),
    ],
)
def test_nothing_can_be_done_to_a_role_that_is_not_there(iam, operation, more):
    with no_such_entity(NO_WORKER):
        getattr(iam, operation)(RoleName="worker", **more)


# --- What its sessions may do -------------------------------------------------------------


def test_a_session_may_do_what_an_inline_policy_allows_at_once(lab, iam, worker, arn):
    kms = session_of(lab, worker["Arn"])
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)
    iam.put_role_policy(
        RoleName="worker", PolicyName="p", PolicyDocument=document("kms:DescribeKey")
    )
    kms.describe_key(KeyId=arn)


def test_a_session_loses_at_once_what_a_deleted_policy_allowed(lab, iam, worker, arn):
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document("kms:*"))
    kms = session_of(lab, worker["Arn"])
    kms.describe_key(KeyId=arn)
    iam.delete_role_policy(RoleName="worker", PolicyName="p")
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)


def test_a_session_may_do_what_an_attached_policy_allows(lab, iam, worker, arn):
    iam.attach_role_policy(RoleName="worker", PolicyArn=ADMINISTRATOR_ACCESS)
    kms = session_of(lab, worker["Arn"])
    kms.describe_key(KeyId=arn)
    iam.detach_role_policy(RoleName="worker", PolicyArn=ADMINISTRATOR_ACCESS)
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)


def test_a_boundary_cuts_the_sessions_of_a_role(lab, iam, worker, arn):
    iam.attach_role_policy(RoleName="worker", PolicyArn=ADMINISTRATOR_ACCESS)
    iam.create_policy(PolicyName="b", PolicyDocument=document("kms:ListKeys"))
    iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=policy_arn("b"))
    kms = session_of(lab, worker["Arn"])
    kms.list_keys()
    with refused("AccessDeniedException", None):
        kms.describe_key(KeyId=arn)
    iam.delete_role_permissions_boundary(RoleName="worker")
    kms.describe_key(KeyId=arn)


def test_a_role_can_be_created_with_a_boundary(iam):
    iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=ROOT_TRUST,
        PermissionsBoundary=ADMINISTRATOR_ACCESS,
    )
    told = iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]
    assert told["PermissionsBoundaryArn"] == ADMINISTRATOR_ACCESS


def test_an_event_tells_which_role_was_created(lab, worker):
    event = lab.events()[-1]
    assert event["eventName"] == "CreateRole"
    assert event["responseElements"]["role"]["arn"] == worker["Arn"]
