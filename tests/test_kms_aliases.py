"""Aliases through boto3: names, moves, limits, and who may."""

from datetime import UTC, datetime, timedelta

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    UNKNOWN_KEY_ID,
    allow,
    constraint,
    hidden_key,
    members,
    no_identity_policy,
    no_key_policy,
    policy,
    refused,
)

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def alias_arn(alias_name):
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias_name}"


def target_of(kms, alias_name):
    return kms.describe_key(KeyId=alias_name)["KeyMetadata"]["Arn"]


@pytest.fixture
def other(kms):
    """The ARN of a second key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


# --- Made, listed, moved, deleted ---------------------------------------------------------


def test_an_alias_is_listed_with_its_target_and_its_dates():
    lab = Lab(clock=StillClock(NOON, step=timedelta(0)))
    kms = lab.client("kms")
    first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    assert members(kms.create_alias(AliasName="alias/app", TargetKeyId=first)) == set()
    lab.clock.advance(days=1)
    assert members(kms.update_alias(AliasName="alias/app", TargetKeyId=second)) == set()
    answer = kms.list_aliases()
    assert members(answer) == {"Aliases", "Truncated"}
    assert answer["Aliases"] == [
        {
            "AliasName": "alias/app",
            "AliasArn": alias_arn("alias/app"),
            "TargetKeyId": second,
            "CreationDate": NOON,
            "LastUpdatedDate": NOON + timedelta(days=1),
        }
    ]


def test_a_key_may_have_several_aliases_and_lists_its_own(kms, arn, other):
    for alias_name, target in (("alias/b", arn), ("alias/a", arn), ("alias/c", other)):
        kms.create_alias(AliasName=alias_name, TargetKeyId=target)

    def names(**asked):
        return [alias["AliasName"] for alias in kms.list_aliases(**asked)["Aliases"]]

    assert names() == ["alias/a", "alias/b", "alias/c"]
    assert names(KeyId=arn) == ["alias/a", "alias/b"]
    kms.update_alias(AliasName="alias/a", TargetKeyId=other)
    assert names(KeyId=arn) == ["alias/b"]
    assert names(KeyId=other) == ["alias/a", "alias/c"]


def test_an_alias_can_be_moved_to_the_key_it_has_already(kms, arn):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    for _ in range(2):
        kms.update_alias(AliasName="alias/app", TargetKeyId=arn)
    assert len(kms.list_aliases(KeyId=arn)["Aliases"]) == 1
    kms.delete_alias(AliasName="alias/app")
    assert kms.list_aliases(KeyId=arn)["Aliases"] == []


def test_a_deleted_alias_is_gone_and_its_key_stays(kms, arn):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    assert members(kms.delete_alias(AliasName="alias/app")) == set()
    with refused("NotFoundException", f"Alias {alias_arn('alias/app')} is not found."):
        kms.describe_key(KeyId="alias/app")
    kms.describe_key(KeyId=arn)
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)


def test_after_a_manual_rotation_the_alias_no_longer_opens_what_was_encrypted_before(
    kms, arn, other
):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    blob = kms.encrypt(KeyId="alias/app", Plaintext=b"old")["CiphertextBlob"]
    kms.update_alias(AliasName="alias/app", TargetKeyId=other)
    with refused("IncorrectKeyException", None):
        kms.decrypt(KeyId="alias/app", CiphertextBlob=blob)
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"] == arn
    assert kms.encrypt(KeyId="alias/app", Plaintext=b"new")["KeyId"] == other


# --- Names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alias_name",
    [
        "alias/a",
        "alias/Accounting-2026_Q1/eu",
        "alias/aws",
        "alias/awsome",
        "alias/AWS/s3",
        "alias/-",
        "alias//",
        "alias/" + "n" * 250,
    ],
)
def test_letters_digits_dashes_underscores_and_slashes_make_a_name(kms, arn, alias_name):
    kms.create_alias(AliasName=alias_name, TargetKeyId=arn)
    assert target_of(kms, alias_name) == arn


def test_names_differ_by_case(kms, arn, other):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    kms.create_alias(AliasName="alias/App", TargetKeyId=other)
    assert (target_of(kms, "alias/app"), target_of(kms, "alias/App")) == (arn, other)


MISSING_PREFIX = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)


def every_alias_operation(kms, alias_name, target):
    yield lambda: kms.create_alias(AliasName=alias_name, TargetKeyId=target)
    yield lambda: kms.update_alias(AliasName=alias_name, TargetKeyId=target)
    yield lambda: kms.delete_alias(AliasName=alias_name)


@pytest.mark.parametrize(
    ("alias_name", "code", "sentence"),
    [
        ("app", "ValidationException", MISSING_PREFIX),
        ("ALIAS/app", "ValidationException", MISSING_PREFIX),
        ("aliasapp", "ValidationException", MISSING_PREFIX),
        ("alias/", "InvalidAliasNameException", None),
        ("alias/a:b", "InvalidAliasNameException", None),
        ("alias/aws/s3", "NotAuthorizedException", None),
        ("alias/aws/mine", "NotAuthorizedException", None),
    ],
)
def test_other_names_are_refused_by_every_operation_on_aliases(
    kms, arn, alias_name, code, sentence
):
    for call in every_alias_operation(kms, alias_name, arn):
        with refused(code, sentence):
            call()


@pytest.mark.parametrize(
    ("alias_name", "rule"),
    [
        ("alias/a b", "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"),
        ("alias/ü", "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"),
        ("alias/a\n", "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"),
        ("alias/" + "n" * 251, "have length less than or equal to 256"),
    ],
)
def test_other_characters_and_lengths_are_refused_by_the_model(kms, arn, alias_name, rule):
    for call in every_alias_operation(kms, alias_name, arn):
        with constraint("aliasName", rule, alias_name):
            call()


def test_a_name_is_given_once_in_an_account_and_region(lab, kms, arn, other):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    sentence = f"An alias with the name {alias_arn('alias/app')} already exists"
    for target in (arn, other):
        with refused("AlreadyExistsException", sentence):
            kms.create_alias(AliasName="alias/app", TargetKeyId=target)
    elsewhere = (
        lab.client("kms", region_name=OTHER_REGION),
        lab.client("kms", lab.administrator(OTHER_ACCOUNT)),
    )
    for client in elsewhere:
        own = client.create_key()["KeyMetadata"]["Arn"]
        client.create_alias(AliasName="alias/app", TargetKeyId=own)
        assert target_of(client, "alias/app") == own
    assert target_of(kms, "alias/app") == arn


def test_a_key_has_at_most_fifty_aliases(kms, arn, other):
    for number in range(50):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=arn)
    kms.create_alias(AliasName="alias/fifty", TargetKeyId=other)
    for call in (kms.create_alias, kms.update_alias):
        asked = {"AliasName": "alias/50" if call == kms.create_alias else "alias/fifty"}
        with refused("LimitExceededException", None):
            call(TargetKeyId=arn, **asked)
    kms.update_alias(AliasName="alias/7", TargetKeyId=arn)
    kms.delete_alias(AliasName="alias/7")
    kms.update_alias(AliasName="alias/fifty", TargetKeyId=arn)
    assert target_of(kms, "alias/fifty") == arn


@pytest.mark.parametrize("operation", ["update_alias", "delete_alias"])
def test_an_alias_that_is_not_there_cannot_be_changed(kms, arn, operation):
    asked = {"TargetKeyId": arn} if operation == "update_alias" else {}
    with refused("NotFoundException", f"Alias {alias_arn('alias/absent')} is not found."):
        getattr(kms, operation)(AliasName="alias/absent", **asked)


# --- Targets ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["create_alias", "update_alias"])
def test_the_target_must_be_a_key_of_the_same_account_and_region(lab, kms, arn, operation):
    alias_name = "alias/app" if operation == "update_alias" else "alias/new"
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)

    def point_to(target):
        getattr(kms, operation)(AliasName=alias_name, TargetKeyId=target)

    administrator, stranger = lab.administrator(), lab.administrator(OTHER_ACCOUNT)
    foreign = lab.client("kms", stranger).create_key()["KeyMetadata"]["Arn"]
    action = "kms:CreateAlias" if operation == "create_alias" else "kms:UpdateAlias"
    with hidden_key(administrator, action):
        point_to(foreign)
    distant = lab.client("kms", region_name=OTHER_REGION).create_key()["KeyMetadata"]["Arn"]
    with refused("NotFoundException", f"Invalid arn {OTHER_REGION}"):
        point_to(distant)
    absent = arn.replace(arn.rpartition("/")[2], UNKNOWN_KEY_ID)
    with refused("NotFoundException", f"Key '{absent}' does not exist"):
        point_to(UNKNOWN_KEY_ID)


def test_aliases_of_a_foreign_key_are_not_listed(lab, kms, arn, put_policy):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    put_policy(
        arn, policy({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    )
    stranger = lab.administrator(OTHER_ACCOUNT)
    with hidden_key(stranger, "kms:ListAliases"):
        lab.client("kms", stranger).list_aliases(KeyId=arn)


# --- Who may ------------------------------------------------------------------------------


RIGHTS = {
    "CreateAlias": ("alias/new", ["alias", "new key"]),
    "UpdateAlias": ("alias/app", ["alias", "old key", "new key"]),
    "DeleteAlias": ("alias/app", ["alias", "old key"]),
}


@pytest.mark.parametrize(
    ("operation", "missing"),
    [(operation, place) for operation, (_, places) in RIGHTS.items() for place in places],
)
def test_the_right_is_needed_on_the_alias_and_on_every_key_concerned(
    lab, kms, arn, other, operation, missing
):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    alias_name, needed = RIGHTS[operation]
    arns = {"alias": alias_arn(alias_name), "old key": arn, "new key": other}
    action = f"kms:{operation}"

    def call(places):
        resources = [arns[place] for place in places]
        user = lab.user("user", allow(action, resource=resources))
        asked = {} if operation == "DeleteAlias" else {"TargetKeyId": other}
        method = {
            "CreateAlias": lab.client("kms", user).create_alias,
            "UpdateAlias": lab.client("kms", user).update_alias,
            "DeleteAlias": lab.client("kms", user).delete_alias,
        }[operation]
        method(AliasName=alias_name, **asked)

    others = [place for place in needed if place != missing]
    with no_identity_policy(lab.user("user"), action, arns[missing]):
        call(others)
    call(needed)


def test_a_key_policy_governs_the_key_half_of_an_alias_and_not_the_alias(
    lab, arn, other, put_policy
):
    user = lab.user("user")
    by_name = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/user"}}
    put_policy(arn, policy({**by_name, "Action": "kms:*", "Resource": "*"}))
    kms = lab.client("kms", user)
    with no_identity_policy(user, "kms:CreateAlias", alias_arn("alias/new")):
        kms.create_alias(AliasName="alias/new", TargetKeyId=arn)
    lab.user("user", allow("kms:CreateAlias", resource=alias_arn("alias/*")))
    kms.create_alias(AliasName="alias/new", TargetKeyId=arn)
    put_policy(other, policy({**by_name, "Action": "kms:Encrypt", "Resource": "*"}))
    with no_key_policy(user, "kms:CreateAlias", other):
        kms.create_alias(AliasName="alias/newer", TargetKeyId=other)


def test_listing_aliases_needs_an_identity_policy(lab, arn):
    nobody = lab.user("nobody")
    for asked in ({}, {"KeyId": arn}):
        with no_identity_policy(nobody, "kms:ListAliases", "*"):
            lab.client("kms", nobody).list_aliases(**asked)
