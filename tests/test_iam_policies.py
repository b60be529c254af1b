"""Policies of users through boto3: inline and managed, their versions, and what they change."""

import json

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, members
from iam_words import (
    ADMINISTRATOR_ACCESS,
    KMS_POWER_USER,
    READ_ONLY_ACCESS,
    ROOT_TRUST,
    delete_conflict,
    document,
    iam_denied,
    limit_exceeded,
    no_such_entity,
    pages,
    policy_arn,
    refused,
    user_arn,
)

from kmslab import Lab
from kmslab.access.aws_managed_policies import aws_managed_policies
from kmslab.access.context import RequestContext
from kmslab.access.decision import decide
from kmslab.access.identities import user_identities
from kmslab.access.policy import Question, identity_policy, key_policy, trust_policy
from kmslab.access.principals import user_principal
from kmslab.errors import PolicyError
from kmslab.services.iam import managed_policies
from kmslab.store.iam_records import User

pytest_plugins = ["lab_session"]

NO_ALICE = "The user with name alice cannot be found."
P = policy_arn("p")
BROKEN = [
    "{",
    "[]",
    "{}",
    '{"Statement": []}',
    '{"Version": "2012-10-17", "Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}',
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*"}}',
    ROOT_TRUST,
]


@pytest.fixture
def iam(lab):
    return lab.client("iam")


@pytest.fixture
def alice(lab):
    return lab.user("alice")


@pytest.fixture
def alices_kms(lab, alice):
    return lab.client("kms", alice)


@pytest.fixture
def managed(iam):
    """The ARN of a managed policy that allows DescribeKey."""
    made = iam.create_policy(PolicyName="p", PolicyDocument=document("kms:DescribeKey"))
    return made["Policy"]["Arn"]


@pytest.fixture
def other_iam(lab):
    return lab.client("iam", lab.administrator(OTHER_ACCOUNT))


def put(iam, text, policy_name="p"):
    iam.put_user_policy(UserName="alice", PolicyName=policy_name, PolicyDocument=text)


def denied():
    return refused("AccessDeniedException", None)


# --- Nothing nested stays unread ------------------------------------------------------------

PLACES = [
    *(("Version",), ("Id",), ("Statement",), ("Statement", 0), ("Another",)),
    *(
        ("Statement", 0, element)
        for element in ("Sid", "Effect", "Action", "Resource", "Principal", "Condition", "Another")
    ),
    *(("Statement", 0, "Action", 0), ("Statement", 0, "Resource", 0)),
    *(("Statement", 0, "Principal", "AWS"), ("Statement", 0, "Principal", "Another")),
    ("Statement", 0, "Principal", "AWS", 0),
    ("Statement", 0, "Condition", "StringEquals"),
    ("Statement", 0, "Condition", "StringEquals", "a:b"),
    ("Statement", 0, "Condition", "StringEquals", "a:b", 0),
    ("Statement", 0, "Condition", "Null", "a:b"),
]
COMPILERS = {"identity": identity_policy, "trust": trust_policy, "key": key_policy}
NESTED = ("[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500, "[" * 960 + "]" * 960, "[[1]]")


@pytest.mark.parametrize("nested", NESTED, ids=["lists", "objects", "deep", "flat"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("kind", COMPILERS)
def test_what_is_nested_where_nothing_may_be_is_refused(kind, place, nested):
    statement = {
        "Sid": "S",
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Resource": ["*"],
        "Principal": {"AWS": ["*"]},
        "Condition": {"StringEquals": {"a:b": ["c"]}, "Null": {"a:b": "true"}},
    }
    del statement["Principal" if kind == "identity" else "Resource"]
    whole = {"Version": "2012-10-17", "Id": "I", "Statement": [statement]}
    COMPILERS[kind](json.dumps(whole))
    text = json.dumps(with_marker(whole, place))
    assert text.count('"marker"') == 1
    with pytest.raises(PolicyError):
        COMPILERS[kind](text.replace('"marker"', nested))


def with_marker(value, place):
    """`value` with a mark at `place`, and whatever has to lie around it."""
    if not place:
        return "marker"
    first, *rest = place
    if isinstance(first, int):
        return [with_marker(value[first] if value else None, rest)]
    return {**(value or {}), first: with_marker((value or {}).get(first), rest)}


def test_a_nested_id_is_refused_by_iam_and_the_simulator(iam):
    text = document("s3:*").replace("{", '{"Id": ' + NESTED[0] + ", ", 1)
    with refused("MalformedPolicyDocument", "Policy has an Id that is not text."):
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    with refused("InvalidInput", "PolicyInputList.1: Policy has an Id that is not text."):
        iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:GetObject"])


# --- Inline policies ----------------------------------------------------------------------


def test_an_inline_policy_allows_at_once(iam, alices_kms, arn):
    with denied():
        alices_kms.describe_key(KeyId=arn)
    put(iam, document("kms:DescribeKey"))
    alices_kms.describe_key(KeyId=arn)


def test_an_inline_policy_denies_at_once(iam, alices_kms, arn):
    put(iam, document("kms:*"))
    alices_kms.describe_key(KeyId=arn)
    put(iam, document("kms:DescribeKey", effect="Deny"), "q")
    with denied():
        alices_kms.describe_key(KeyId=arn)


def test_a_put_policy_takes_the_place_of_its_namesake(iam, alices_kms, arn):
    put(iam, document("kms:*"))
    put(iam, document("s3:*"))
    with denied():
        alices_kms.describe_key(KeyId=arn)


def test_a_deleted_inline_policy_allows_nothing_any_more(iam, alices_kms, arn):
    put(iam, document("kms:*"))
    iam.delete_user_policy(UserName="alice", PolicyName="p")
    with denied():
        alices_kms.describe_key(KeyId=arn)


def test_an_inline_policy_is_answered_as_it_was_put(iam, alice):
    text = document("kms:*", Condition={"StringLike": {"aws:username": "a%20+&*"}})
    put(iam, text)
    answer = iam.get_user_policy(UserName="alice", PolicyName="p")
    assert members(answer) == {"UserName", "PolicyName", "PolicyDocument"}
    assert answer["PolicyDocument"] == json.loads(text)


def test_inline_policies_come_in_pages(iam, alice):
    for name in "cab":
        put(iam, document("kms:*"), name)
    listed = [page["PolicyNames"] for page in pages(iam.list_user_policies, 2, UserName="alice")]
    assert listed == [["a", "b"], ["c"]]


@pytest.mark.parametrize("operation", ["get_user_policy", "delete_user_policy"])
def test_an_inline_policy_that_is_not_there_is_not_found(iam, alice, operation):
    with no_such_entity("The user policy with name p cannot be found."):
        getattr(iam, operation)(UserName="alice", PolicyName="p")


@pytest.mark.parametrize("text", BROKEN)
def test_an_inline_policy_that_cannot_be_read_is_refused(iam, alice, text):
    with refused("MalformedPolicyDocument", None):
        put(iam, text)


def test_the_inline_policies_of_a_user_have_2048_characters_together(iam, alice):
    put(iam, document(*(f"kms:{'A' * 50}{n}" for n in range(18))))
    with limit_exceeded("Maximum policy size of 2048 bytes exceeded for user alice"):
        put(iam, document(*(f"kms:{'A' * 50}{n}" for n in range(18))), "q")


def test_white_space_does_not_count(iam, alice):
    put(iam, document("kms:*") + " \n\t" * 2000)


def test_the_inline_policies_of_a_role_have_10240_characters_together(lab, iam):
    lab.role("worker")
    text = document(*(f"kms:{'A' * 50}{n}" for n in range(100)))
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=text)
    with limit_exceeded("Maximum policy size of 10240 bytes exceeded for role worker"):
        iam.put_role_policy(RoleName="worker", PolicyName="q", PolicyDocument=text)


def test_inline_policies_of_a_role_are_got_and_listed(lab, iam):
    lab.role("worker")
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document("kms:*"))
    answer = iam.get_role_policy(RoleName="worker", PolicyName="p")
    assert answer["PolicyDocument"] == json.loads(document("kms:*"))
    assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == ["p"]


@pytest.mark.parametrize("operation", ["get_role_policy", "delete_role_policy"])
def test_an_inline_policy_that_a_role_has_not_is_not_found(lab, iam, operation):
    lab.role("worker")
    with no_such_entity("The role policy with name p cannot be found."):
        getattr(iam, operation)(RoleName="worker", PolicyName="p")


def test_nobody_allows_itself_more_without_permission(lab, alice):
    with iam_denied("alice", "iam:PutUserPolicy", user_arn("alice")):
        put(lab.client("iam", alice), document("*"))


# --- Managed policies ---------------------------------------------------------------------


def test_a_created_policy_is_told_in_its_first_version(iam):
    policy = iam.create_policy(PolicyName="p", PolicyDocument=document("kms:*"))["Policy"]
    assert set(policy) == {
        *("PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount"),
        *("PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate"),
    }
    assert (policy["Arn"], policy["DefaultVersionId"]) == (P, "v1")
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 0)
    assert policy["PolicyId"].startswith("ANPA")


def test_a_policy_can_have_a_path_a_description_and_tags(iam):
    tags = [{"Key": "team", "Value": "a"}]
    arn = iam.create_policy(
        PolicyName="p",
        PolicyDocument=document("kms:*"),
        Path="/a/b/",
        Description="all of KMS",
        Tags=tags,
    )["Policy"]["Arn"]
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (arn, policy["Path"]) == (policy_arn("a/b/p"), "/a/b/")
    assert (policy["Description"], policy["Tags"]) == ("all of KMS", tags)


@pytest.mark.parametrize("name", ["p", "P"])
def test_a_policy_name_is_taken_whatever_its_case_and_path(iam, managed, name):
    with refused(
        "EntityAlreadyExists",
        f"A policy called {name} already exists. Duplicate names are not allowed.",
        409,
    ):
        iam.create_policy(PolicyName=name, Path="/a/", PolicyDocument=document("kms:*"))


@pytest.mark.parametrize("text", BROKEN)
def test_a_managed_policy_that_cannot_be_read_is_refused(iam, text):
    with refused("MalformedPolicyDocument", None):
        iam.create_policy(PolicyName="p", PolicyDocument=text)


def test_a_managed_policy_has_at_most_6144_characters(iam, managed):
    text = document(*(f"kms:{'A' * 50}{n}" for n in range(110)))
    with limit_exceeded("Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="q", PolicyDocument=text)
    with limit_exceeded("Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy_version(PolicyArn=managed, PolicyDocument=text)


def test_a_policy_that_is_not_there_is_not_found(iam):
    with no_such_entity(f"Policy {P} was not found."):
        iam.get_policy(PolicyArn=P)


def test_another_account_does_not_see_a_policy(other_iam, managed):
    with no_such_entity(f"Policy {managed} was not found."):
        other_iam.get_policy(PolicyArn=managed)


def test_a_policy_is_found_by_its_whole_arn_only(iam, managed):
    with no_such_entity(f"Policy {policy_arn('a/p')} was not found."):
        iam.get_policy(PolicyArn=policy_arn("a/p"))


def test_creating_needs_permission_on_the_arn_that_will_be(lab):
    with iam_denied("mallory", "iam:CreatePolicy", P):
        lab.client("iam", lab.user("mallory")).create_policy(
            PolicyName="p", PolicyDocument=document("kms:*")
        )


def test_creating_with_tags_needs_permission_to_tag(lab):
    maker = lab.client("iam", lab.user("maker", allow("iam:CreatePolicy")))
    with iam_denied("maker", "iam:TagPolicy", P):
        maker.create_policy(
            PolicyName="p",
            PolicyDocument=document("kms:*"),
            Tags=[{"Key": "a", "Value": "1"}],
        )


def test_tags_of_a_policy_are_added_removed_and_listed(iam, managed):
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    iam.tag_policy(PolicyArn=managed, Tags=tags)
    iam.untag_policy(PolicyArn=managed, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=managed)["Tags"] == tags[1:]


def test_a_deleted_policy_is_gone(iam, managed):
    iam.delete_policy(PolicyArn=managed)
    with no_such_entity(f"Policy {P} was not found."):
        iam.get_policy(PolicyArn=managed)


def test_an_attached_policy_cannot_be_deleted(iam, alice, managed):
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    with delete_conflict("Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=managed)


def test_a_boundary_cannot_be_deleted(iam, alice, managed):
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=managed)
    with delete_conflict("Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=managed)


def test_a_policy_of_several_versions_cannot_be_deleted(iam, managed):
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("kms:*"))
    with delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy."
    ):
        iam.delete_policy(PolicyArn=managed)


# --- Attached and detached ----------------------------------------------------------------


def test_an_attached_policy_allows_at_once(iam, alices_kms, managed, arn):
    with denied():
        alices_kms.describe_key(KeyId=arn)
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    alices_kms.describe_key(KeyId=arn)


def test_a_detached_policy_allows_nothing_any_more(iam, alices_kms, managed, arn):
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    iam.detach_user_policy(UserName="alice", PolicyArn=managed)
    with denied():
        alices_kms.describe_key(KeyId=arn)


def test_attaching_twice_changes_nothing(iam, alice, managed):
    for _ in range(2):
        iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    listed = iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]
    assert listed == [{"PolicyName": "p", "PolicyArn": managed}]


def test_attached_policies_come_in_pages(iam, alice, managed):
    for each in (managed, KMS_POWER_USER, READ_ONLY_ACCESS):
        iam.attach_user_policy(UserName="alice", PolicyArn=each)
    listed = [
        [each["PolicyArn"] for each in page["AttachedPolicies"]]
        for page in pages(iam.list_attached_user_policies, 2, UserName="alice")
    ]
    assert listed == [[managed, KMS_POWER_USER], [READ_ONLY_ACCESS]]


def test_attached_policies_can_be_listed_by_path(iam, alice, managed):
    made = iam.create_policy(PolicyName="q", Path="/a/", PolicyDocument=document("kms:*"))
    for each in (managed, made["Policy"]["Arn"]):
        iam.attach_user_policy(UserName="alice", PolicyArn=each)
    listed = iam.list_attached_user_policies(UserName="alice", PathPrefix="/a/")
    assert [each["PolicyName"] for each in listed["AttachedPolicies"]] == ["q"]


def test_attached_policies_of_a_role_are_listed(lab, iam, managed):
    lab.role("worker")
    iam.attach_role_policy(RoleName="worker", PolicyArn=managed)
    listed = iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]
    assert listed == [{"PolicyName": "p", "PolicyArn": managed}]


@pytest.mark.parametrize(
    ("kind", "quota"), [("user", "PoliciesPerUser"), ("role", "PoliciesPerRole")]
)
def test_at_most_ten_policies_are_attached(lab, iam, kind, quota):
    getattr(lab, kind)("someone")
    who = {f"{kind.capitalize()}Name": "someone"}
    attach = getattr(iam, f"attach_{kind}_policy")
    for number in range(11):
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document("kms:*"))
    for number in range(10):
        attach(PolicyArn=policy_arn(f"p{number}"), **who)
    with limit_exceeded(f"Cannot exceed quota for {quota}: 10"):
        attach(PolicyArn=policy_arn("p10"), **who)


def test_a_policy_that_is_not_there_cannot_be_attached(iam, alice):
    with no_such_entity(f"Policy {P} does not exist or is not attachable."):
        iam.attach_user_policy(UserName="alice", PolicyArn=P)


def test_a_policy_of_another_account_cannot_be_attached(iam, alice, other_iam):
    other_iam.create_policy(PolicyName="p", PolicyDocument=document("*"))
    foreign = policy_arn("p", OTHER_ACCOUNT)
    with no_such_entity(f"Policy {foreign} does not exist or is not attachable."):
        iam.attach_user_policy(UserName="alice", PolicyArn=foreign)


@pytest.mark.parametrize(
    "text",
    ["no arn, and long enough", user_arn("alice-in-w"), P.replace("iam", "kms"), f" {P}"],
)
def test_what_names_no_policy_is_no_arn_of_one(iam, alice, text):
    with refused("InvalidInput", f"ARN {text} is not valid."):
        iam.attach_user_policy(UserName="alice", PolicyArn=text)
    with refused("InvalidInput", f"ARN {text} is not valid."):
        iam.get_policy(PolicyArn=text)


def test_a_policy_that_is_not_attached_cannot_be_detached(iam, alice, managed):
    with no_such_entity(f"Policy {managed} was not found."):
        iam.detach_user_policy(UserName="alice", PolicyArn=managed)


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("put_user_policy", {"PolicyName": "p", "PolicyDocument": document("kms:*")}),
        ("get_user_policy", {"PolicyName": "p"}),
        ("list_user_policies", {}),
        ("delete_user_policy", {"PolicyName": "p"}),
        ("attach_user_policy", {"PolicyArn": ADMINISTRATOR_ACCESS}),
        ("detach_user_policy", {"PolicyArn": ADMINISTRATOR_ACCESS}),
        ("list_attached_user_policies", {}),
        ("put_user_permissions_boundary", {"PermissionsBoundary": ADMINISTRATOR_ACCESS}),
        ("delete_user_permissions_boundary", {}),
    ],
)
def test_policies_belong_to_a_user_that_is_there(iam, operation, more):
    with no_such_entity(NO_ALICE):
        getattr(iam, operation)(UserName="alice", **more)


def test_attaching_needs_permission_on_the_user(lab, alice, managed):
    with iam_denied("mallory", "iam:AttachUserPolicy", user_arn("alice")):
        lab.client("iam", lab.user("mallory")).attach_user_policy(
            UserName="alice", PolicyArn=managed
        )


def test_a_policy_may_say_which_policies_can_be_attached(lab, alice, managed):
    condition = {"ArnEquals": {"iam:PolicyARN": managed}}
    helper = lab.client("iam", lab.user("helper", allow("iam:*", Condition=condition)))
    helper.attach_user_policy(UserName="alice", PolicyArn=managed)
    with iam_denied("helper", "iam:AttachUserPolicy", user_arn("alice")):
        helper.attach_user_policy(UserName="alice", PolicyArn=ADMINISTRATOR_ACCESS)


# --- Versions -----------------------------------------------------------------------------


def test_a_new_version_is_not_in_force_unless_it_is_asked_to_be(iam, alices_kms, managed, arn):
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    made = iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))
    assert set(made["PolicyVersion"]) == {"VersionId", "IsDefaultVersion", "CreateDate"}
    assert (made["PolicyVersion"]["VersionId"], made["PolicyVersion"]["IsDefaultVersion"]) == (
        "v2",
        False,
    )
    alices_kms.describe_key(KeyId=arn)


def test_a_new_default_version_is_in_force_at_once(iam, alices_kms, managed, arn):
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"), SetAsDefault=True)
    with denied():
        alices_kms.describe_key(KeyId=arn)


def test_the_version_in_force_can_be_switched_back(iam, alices_kms, managed, arn):
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"), SetAsDefault=True)
    iam.set_default_policy_version(PolicyArn=managed, VersionId="v1")
    alices_kms.describe_key(KeyId=arn)
    assert iam.get_policy(PolicyArn=managed)["Policy"]["DefaultVersionId"] == "v1"


def test_a_version_is_got_with_its_document(iam, managed):
    version = iam.get_policy_version(PolicyArn=managed, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(document("kms:DescribeKey"))
    assert version["IsDefaultVersion"]


def test_versions_are_listed_from_the_newest_in_pages(iam, managed):
    for _ in range(2):
        iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))
    listed = [
        [(each["VersionId"], each["IsDefaultVersion"]) for each in page["Versions"]]
        for page in pages(iam.list_policy_versions, 2, PolicyArn=managed)
    ]
    assert listed == [[("v3", False), ("v2", False)], [("v1", True)]]


def test_a_policy_has_at_most_five_versions(iam, managed):
    for _ in range(4):
        iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))
    with limit_exceeded(
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version."
    ):
        iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))


def test_the_number_of_a_deleted_version_is_not_used_again(iam, managed):
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))
    iam.delete_policy_version(PolicyArn=managed, VersionId="v2")
    made = iam.create_policy_version(PolicyArn=managed, PolicyDocument=document("s3:*"))
    assert made["PolicyVersion"]["VersionId"] == "v3"


def test_the_version_in_force_cannot_be_deleted(iam, managed):
    with delete_conflict("Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=managed, VersionId="v1")


@pytest.mark.parametrize(
    "operation", ["get_policy_version", "set_default_policy_version", "delete_policy_version"]
)
def test_a_version_that_is_not_there_is_not_found(iam, managed, operation):
    with no_such_entity(f"Policy {P} version v7 does not exist or is not attachable."):
        getattr(iam, operation)(PolicyArn=managed, VersionId="v7")


@pytest.mark.parametrize("text", BROKEN)
def test_a_version_that_cannot_be_read_is_refused(iam, managed, text):
    with refused("MalformedPolicyDocument", None):
        iam.create_policy_version(PolicyArn=managed, PolicyDocument=text)


def test_a_new_version_needs_permission_on_the_policy(lab, managed):
    with iam_denied("mallory", "iam:CreatePolicyVersion", P):
        lab.client("iam", lab.user("mallory")).create_policy_version(
            PolicyArn=managed, PolicyDocument=document("*"), SetAsDefault=True
        )


# --- AWS's own policies -------------------------------------------------------------------


@pytest.mark.parametrize("each", aws_managed_policies(), ids=lambda each: each.policy_name)
def test_a_policy_of_aws_is_there_and_can_be_read(iam, each):
    policy = iam.get_policy(PolicyArn=each.arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=each.arn, VersionId=policy["DefaultVersionId"])
    assert (policy["PolicyName"], policy["Description"]) == (each.policy_name, each.description)
    assert version["PolicyVersion"]["Document"] == json.loads(each.text)
    identity_policy(each.text)


def test_a_power_user_of_kms_describes_keys_and_encrypts_nothing(iam, alices_kms, arn):
    iam.attach_user_policy(UserName="alice", PolicyArn=KMS_POWER_USER)
    alices_kms.describe_key(KeyId=arn)
    with denied():
        alices_kms.encrypt(KeyId=arn, Plaintext=b"x")


def test_who_only_reads_changes_nothing(lab, iam, alice):
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY_ACCESS)
    reader = lab.client("iam", alice)
    reader.list_users()
    with iam_denied("alice", "iam:DeleteUser", user_arn("alice")):
        reader.delete_user(UserName="alice")


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("create_policy_version", {"PolicyDocument": document("kms:*")}),
        ("set_default_policy_version", {"VersionId": "v1"}),
        ("delete_policy_version", {"VersionId": "v1"}),
        ("delete_policy", {}),
        ("tag_policy", {"Tags": [{"Key": "a", "Value": "1"}]}),
        ("untag_policy", {"TagKeys": ["a"]}),
    ],
)
def test_not_even_an_administrator_changes_a_policy_of_aws(iam, operation, more):
    with refused("AccessDenied", None, 403):
        getattr(iam, operation)(PolicyArn=READ_ONLY_ACCESS, **more)


def test_an_account_may_use_the_name_of_a_policy_of_aws(iam):
    made = iam.create_policy(PolicyName="ReadOnlyAccess", PolicyDocument=document("kms:*"))
    assert made["Policy"]["Arn"] == policy_arn("ReadOnlyAccess")


# --- Listed, and used by whom -------------------------------------------------------------


def listed_names(iam, **asked):
    return [policy["PolicyName"] for policy in iam.list_policies(**asked)["Policies"]]


def test_policies_are_listed_by_scope(iam, managed):
    of_aws = ["AWSKeyManagementServicePowerUser", "AdministratorAccess", "ReadOnlyAccess"]
    assert listed_names(iam, Scope="Local") == ["p"]
    assert listed_names(iam, Scope="AWS") == of_aws
    assert listed_names(iam) == listed_names(iam, Scope="All") == ["p", *of_aws]


def test_policies_come_in_pages(iam, managed):
    listed = [len(page["Policies"]) for page in pages(iam.list_policies, 3)]
    assert listed == [3, 1]


def test_policies_can_be_listed_by_path(iam, managed):
    iam.create_policy(PolicyName="q", Path="/a/", PolicyDocument=document("kms:*"))
    assert listed_names(iam, PathPrefix="/a/") == ["q"]


def test_policies_in_use_can_be_listed(iam, alice, managed):
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=READ_ONLY_ACCESS)
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    # The administrator of the lab has AdministratorAccess.
    attached = ["p", "AdministratorAccess"]
    assert listed_names(iam, OnlyAttached=True) == [*attached, "ReadOnlyAccess"]
    assert listed_names(iam, PolicyUsageFilter="PermissionsPolicy") == attached
    assert listed_names(iam, PolicyUsageFilter="PermissionsBoundary") == ["ReadOnlyAccess"]


def test_a_policy_tells_how_often_it_is_used(lab, iam, alice, managed):
    lab.role("worker")
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    iam.attach_role_policy(RoleName="worker", PolicyArn=managed)
    iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=managed)
    policy = iam.get_policy(PolicyArn=managed)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (2, 1)


def test_listing_needs_permission_on_everything(lab):
    with iam_denied("mallory", "iam:ListPolicies", "*"):
        lab.client("iam", lab.user("mallory")).list_policies()


@pytest.fixture
def used(lab, iam, alice, managed):
    """The policy, attached to alice and to a role, and the boundary of bob."""
    lab.role("worker")
    lab.user("bob")
    iam.attach_user_policy(UserName="alice", PolicyArn=managed)
    iam.attach_role_policy(RoleName="worker", PolicyArn=managed)
    iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=managed)
    return managed


def used_by(iam, arn, **asked):
    answer = iam.list_entities_for_policy(PolicyArn=arn, **asked)
    assert members(answer) == {"PolicyGroups", "PolicyUsers", "PolicyRoles", "IsTruncated"}
    users = [user["UserName"] for user in answer["PolicyUsers"]]
    return users, [role["RoleName"] for role in answer["PolicyRoles"]]


def test_a_policy_tells_who_uses_it(iam, used):
    assert used_by(iam, used) == (["alice", "bob"], ["worker"])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"EntityFilter": "User"}, (["alice", "bob"], [])),
        ({"EntityFilter": "Role"}, ([], ["worker"])),
        ({"EntityFilter": "Group"}, ([], [])),
        ({"PolicyUsageFilter": "PermissionsPolicy"}, (["alice"], ["worker"])),
        ({"PolicyUsageFilter": "PermissionsBoundary"}, (["bob"], [])),
        ({"PathPrefix": "/a/"}, ([], [])),
    ],
)
def test_a_policy_tells_who_uses_it_in_one_way(iam, used, asked, found):
    assert used_by(iam, used, **asked) == found


def test_who_uses_a_policy_comes_in_pages(iam, used):
    listed = [
        (len(page["PolicyUsers"]), len(page["PolicyRoles"]))
        for page in pages(iam.list_entities_for_policy, 2, PolicyArn=used)
    ]
    assert listed == [(1, 1), (1, 0)]


def test_a_policy_of_aws_tells_nothing_of_other_accounts(iam, other_iam):
    iam.attach_user_policy(UserName="administrator", PolicyArn=KMS_POWER_USER)
    answer = other_iam.list_entities_for_policy(PolicyArn=KMS_POWER_USER)
    assert answer["PolicyUsers"] == []


# --- What an old state directory may hold -------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"policies": (("all", document("*")), ("old", "{"))},
        {"policies": (("all", document("*")),), "attached": (P,)},
        {"policies": (("all", document("*")),), "boundary": P},
    ],
    ids=["unreadable inline policy", "managed policy gone", "boundary gone"],
)
def test_policies_that_cannot_be_read_deny_everything(more):
    user = User(ACCOUNT, "alice", "AIDA", **more)
    identities = user_identities(user, find_policy=lambda policy_arn: None)
    question = Question(user_principal(user, ""), "kms:ListKeys", "*", RequestContext.of({}))
    decision = decide(question, identities, None)
    assert (decision.allowed, decision.explicit) == (False, True)
    assert "unreadable, so everything is denied" in str(decision)


def test_an_account_has_only_so_many_policies(iam, managed, monkeypatch):
    monkeypatch.setattr(managed_policies, "_MOST_POLICIES", 1)
    with limit_exceeded("Cannot exceed quota for PoliciesPerAccount: 1"):
        iam.create_policy(PolicyName="q", PolicyDocument=document("kms:*"))


# --- Kept ---------------------------------------------------------------------------------


def test_policies_outlive_the_lab_on_disk(tmp_path):
    with Lab(tmp_path) as lab:
        arn = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
        iam, alice = lab.client("iam"), lab.user("alice")
        iam.create_policy(PolicyName="p", PolicyDocument=document("s3:*"))
        iam.create_policy_version(
            PolicyArn=P, PolicyDocument=document("kms:DescribeKey"), SetAsDefault=True
        )
        iam.attach_user_policy(UserName="alice", PolicyArn=P)
    with Lab(tmp_path) as lab:
        lab.client("kms", alice).describe_key(KeyId=arn)
        assert lab.client("iam").get_policy(PolicyArn=P)["Policy"]["DefaultVersionId"] == "v2"
