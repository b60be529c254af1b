"""Tags through boto3."""

import pytest
from aws_words import constraint, members, no_identity_policy, refused

pytest_plugins = ["lab_session"]


def tags(**pairs):
    return [{"TagKey": name, "TagValue": value} for name, value in pairs.items()]


def many(count, first=0):
    return [{"TagKey": f"t{n}", "TagValue": ""} for n in range(first, first + count)]


def listed(kms, arn):
    answer = kms.list_resource_tags(KeyId=arn)
    assert members(answer) == {"Tags", "Truncated"}
    return answer["Tags"]


def test_a_key_has_no_tags_unless_it_was_created_with_some(kms, arn):
    assert listed(kms, arn) == []
    made = kms.create_key(Tags=tags(project="x", cost="1"))["KeyMetadata"]["Arn"]
    assert listed(kms, made) == tags(cost="1", project="x")


def test_tags_are_added_replaced_and_removed(kms, arn):
    assert members(kms.tag_resource(KeyId=arn, Tags=tags(a="1", b="2"))) == set()
    kms.tag_resource(KeyId=arn, Tags=tags(b="3", c=""))
    assert listed(kms, arn) == tags(a="1", b="3", c="")
    assert members(kms.untag_resource(KeyId=arn, TagKeys=["a", "c"])) == set()
    assert listed(kms, arn) == tags(b="3")


def test_removing_a_tag_that_is_not_there_is_silent(kms, arn):
    kms.tag_resource(KeyId=arn, Tags=tags(a="1"))
    kms.untag_resource(KeyId=arn, TagKeys=["absent", "A"])
    assert listed(kms, arn) == tags(a="1")


def test_names_and_values_differ_by_case(kms, arn):
    kms.tag_resource(KeyId=arn, Tags=tags(cost="a", Cost="A"))
    assert listed(kms, arn) == tags(Cost="A", cost="a")


@pytest.mark.parametrize(
    ("name", "value"),
    [("n" * 128, "v" * 256), ("k", ""), ("Größe 測試", "+ - = . _ : / @"), ("Aw s", "aws:ok")],
)
def test_the_longest_and_the_oddest_tags_are_kept_as_they_are(kms, arn, name, value):
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": name, "TagValue": value}])
    assert listed(kms, arn) == [{"TagKey": name, "TagValue": value}]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (tags(a="1") + tags(a="2"), "Duplicate tag keys"),
        ([{"TagKey": "aws:cost", "TagValue": "1"}], "Tags beginning with aws: are reserved"),
        ([{"TagKey": "AWS:cost", "TagValue": "1"}], "Tags beginning with aws: are reserved"),
        (many(51), "Too many tags"),
    ],
    ids=["twice", "reserved", "reserved in capitals", "51"],
)
def test_a_refused_tag_leaves_all_as_it_was(kms, arn, given, sentence):
    with refused("TagException", sentence):
        kms.tag_resource(KeyId=arn, Tags=given)
    assert listed(kms, arn) == []
    with refused("TagException", sentence):
        kms.create_key(Tags=given)
    assert len(kms.list_keys()["Keys"]) == 1


def test_a_key_has_at_most_fifty_tags_in_all(kms, arn):
    kms.tag_resource(KeyId=arn, Tags=many(50))
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=arn, Tags=many(1, first=50))
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "t7", "TagValue": "changed"}])
    kms.untag_resource(KeyId=arn, TagKeys=["t7"])
    kms.tag_resource(KeyId=arn, Tags=many(1, first=50))
    assert len(listed(kms, arn)) == 50


@pytest.mark.parametrize(
    ("tag", "member", "rule"),
    [
        (
            {"TagKey": "n" * 129, "TagValue": ""},
            "tags.1.member.tagKey",
            "have length less than or equal to 128",
        ),
        (
            {"TagKey": "n", "TagValue": "v" * 257},
            "tags.1.member.tagValue",
            "have length less than or equal to 256",
        ),
        (
            {"TagKey": "", "TagValue": ""},
            "tags.1.member.tagKey",
            "have length greater than or equal to 1",
        ),
    ],
)
def test_the_model_limits_names_to_128_and_values_to_256_characters(
    unchecked, arn, tag, member, rule
):
    value = tag["TagValue" if "Value" in member else "TagKey"]
    with refused(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: Member must {rule}",
    ):
        unchecked.tag_resource(KeyId=arn, Tags=[tag])


def test_several_violations_are_told_in_one_sentence(kms, arn):
    wrong = [{"TagKey": "n" * 129, "TagValue": "v" * 257}]
    with refused(
        "ValidationException",
        f"2 validation errors detected: Value '{'n' * 129}' at 'tags.1.member.tagKey' failed to "
        "satisfy constraint: Member must have length less than or equal to 128; "
        f"Value '{'v' * 257}' at 'tags.1.member.tagValue' failed to "
        "satisfy constraint: Member must have length less than or equal to 256",
    ):
        kms.tag_resource(KeyId=arn, Tags=wrong)


def test_a_tag_without_a_value_is_refused_by_the_model(unchecked, arn):
    with refused(
        "ValidationException",
        "1 validation error detected: Value null at 'tags.1.member.tagValue' failed to satisfy "
        "constraint: Member must not be null",
    ):
        unchecked.tag_resource(KeyId=arn, Tags=[{"TagKey": "a"}])


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("kms:TagResource", lambda kms, arn: kms.tag_resource(KeyId=arn, Tags=tags(a="1"))),
        ("kms:UntagResource", lambda kms, arn: kms.untag_resource(KeyId=arn, TagKeys=["a"])),
        ("kms:ListResourceTags", lambda kms, arn: kms.list_resource_tags(KeyId=arn)),
    ],
)
def test_every_operation_on_tags_needs_its_right(lab, arn, action, call):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, action, arn):
        call(lab.client("kms", nobody), arn)


def test_permission_comes_before_the_tags_are_looked_at(lab, arn):
    nobody = lab.user("nobody")
    with refused("AccessDeniedException", None):
        lab.client("kms", nobody).tag_resource(KeyId=arn, Tags=many(51))


def test_more_than_fifty_tags_are_never_on_one_page(kms, arn):
    with constraint("limit", "have value less than or equal to 50", 51):
        kms.list_resource_tags(KeyId=arn, Limit=51)
