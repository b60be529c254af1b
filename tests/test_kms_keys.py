"""KMS keys through boto3: made, described, listed, switched on and off, and kept apart."""

import re
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
    refused,
)

from kmslab import Lab, StillClock, insecure_seeded_random
from kmslab.services.kms import new_keys

pytest_plugins = ["lab_session"]

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

METADATA_MEMBERS = {
    *("AWSAccountId", "KeyId", "Arn", "CreationDate", "Enabled", "Description", "KeyUsage"),
    *("KeyState", "Origin", "KeyManager", "KeySpec", "CustomerMasterKeySpec", "MultiRegion"),
    *("EncryptionAlgorithms", "CurrentKeyMaterialId"),
}


# --- CreateKey and DescribeKey ------------------------------------------------------------


def test_a_new_key_is_symmetric_enabled_and_managed_by_the_customer():
    lab = Lab(clock=StillClock(NOON, step=timedelta(0)))
    answer = lab.client("kms").create_key()
    assert members(answer) == {"KeyMetadata"}
    metadata = answer["KeyMetadata"]
    key_id, material_id = metadata["KeyId"], metadata["CurrentKeyMaterialId"]
    assert UUID4.fullmatch(key_id)
    assert re.fullmatch("[0-9a-f]{64}", material_id)
    assert metadata == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CreationDate": NOON,
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
        "CurrentKeyMaterialId": material_id,
    }


def test_describe_key_answers_what_create_key_answered(kms):
    created = kms.create_key(Description="for reports")["KeyMetadata"]
    answer = kms.describe_key(KeyId=created["KeyId"])
    assert members(answer) == {"KeyMetadata"}
    assert answer["KeyMetadata"] == created
    assert set(created) == METADATA_MEMBERS


@pytest.mark.parametrize(
    "asked",
    [
        {"KeySpec": "SYMMETRIC_DEFAULT"},
        {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
        {"KeyUsage": "ENCRYPT_DECRYPT"},
        {"Origin": "AWS_KMS"},
        {"MultiRegion": False},
        {"Description": "d" * 8192},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_is_the_default_may_also_be_said(kms, asked):
    metadata = kms.create_key(**asked)["KeyMetadata"]
    assert set(metadata) == METADATA_MEMBERS
    for member, value in asked.items():
        assert metadata[member] == value


def test_every_key_has_its_own_id_and_its_own_material(kms):
    keys = [kms.create_key()["KeyMetadata"] for _ in range(50)]
    assert len({key["KeyId"] for key in keys}) == 50
    assert len({key["CurrentKeyMaterialId"] for key in keys}) == 50


def test_an_id_that_is_drawn_twice_is_given_once():
    source = insecure_seeded_random(1)
    ids = [bytes(16), bytes(16), bytes(range(16))]
    kms = Lab(random=lambda size: ids.pop(0) if size == 16 else source(size)).client("kms")
    first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    assert (first, second) == (
        "00000000-0000-4000-8000-000000000000",
        "00010203-0405-4607-8809-0a0b0c0d0e0f",
    )


NEEDS_USAGE = (
    "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
)
WRONG_USAGE = "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        ({"KeySpec": "RSA_2048"}, "ValidationException", NEEDS_USAGE),
        ({"KeySpec": "HMAC_256"}, "ValidationException", NEEDS_USAGE),
        ({"CustomerMasterKeySpec": "ECC_NIST_P256"}, "ValidationException", NEEDS_USAGE),
        ({"KeyUsage": "SIGN_VERIFY"}, "ValidationException", WRONG_USAGE),
        (
            {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
            "ValidationException",
            None,
        ),
        # What is not built yet is refused as AWS refuses what a Region does not offer.
        (
            {"KeySpec": "ML_KEM_512", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
            "UnsupportedOperationException",
            None,
        ),
        (
            {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
            "UnsupportedOperationException",
            None,
        ),
    ],
)
def test_a_key_of_another_kind_is_refused_and_leaves_nothing(kms, asked, code, sentence):
    with refused(code, sentence):
        kms.create_key(**asked)
    assert kms.list_keys()["Keys"] == []


def test_the_service_model_limits_what_create_key_takes(kms):
    with constraint("description", "have length less than or equal to 8192", "d" * 1024):
        kms.create_key(Description="d" * 8193)
    with refused("ValidationException", None):
        kms.create_key(KeySpec="AES_256")


def test_the_hundred_thousandth_key_of_a_region_is_the_last(lab, kms, monkeypatch):
    monkeypatch.setattr(new_keys, "_MOST_KEYS", 2)
    for _ in range(2):
        kms.create_key()
    with refused("LimitExceededException", None):
        kms.create_key()
    lab.client("kms", region_name=OTHER_REGION).create_key()
    lab.client("kms", lab.administrator(OTHER_ACCOUNT)).create_key()


# --- EnableKey, DisableKey, UpdateKeyDescription ------------------------------------------


def test_a_key_is_switched_off_and_on_and_each_may_be_said_twice(kms, arn):
    for switch, state in ((kms.disable_key, "Disabled"), (kms.enable_key, "Enabled")):
        for _ in range(2):
            assert members(switch(KeyId=arn)) == set()
            metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
            assert (metadata["KeyState"], metadata["Enabled"]) == (state, state == "Enabled")
            assert set(metadata) == METADATA_MEMBERS


@pytest.mark.parametrize("description", ["reports of 2026", "", "Schlüssel für Zürich", "d" * 8192])
def test_the_description_can_be_changed(kms, arn, description):
    assert members(kms.update_key_description(KeyId=arn, Description=description)) == set()
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"] == description


def test_a_description_of_8193_characters_is_too_long(kms, arn):
    with constraint("description", "have length less than or equal to 8192", "d" * 1024):
        kms.update_key_description(KeyId=arn, Description="d" * 8193)


EMPTY_ANSWERS = {
    "EnableKey": {},
    "DisableKey": {},
    "UpdateKeyDescription": {"Description": "d"},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "PutKeyPolicy": {"Policy": '{"Statement": {"Effect": "Deny", "Principal": "*"}}'},
    "CreateAlias": {"AliasName": "alias/new"},
    "UpdateAlias": {"AliasName": "alias/old"},
    "DeleteAlias": {"AliasName": "alias/old"},
}


@pytest.mark.parametrize("operation", EMPTY_ANSWERS)
def test_an_operation_without_output_answers_not_one_byte(kms, arn, operation):
    kms.create_alias(AliasName="alias/old", TargetKeyId=arn)
    asked = dict(EMPTY_ANSWERS[operation])
    if operation == "PutKeyPolicy":
        asked["BypassPolicyLockoutSafetyCheck"] = True
    if operation != "DeleteAlias":
        asked["TargetKeyId" if "AliasName" in asked else "KeyId"] = arn
    bodies = []

    def see(http_response, **_):
        bodies.append(http_response.content)

    kms.meta.events.register("after-call", see)
    try:
        getattr(kms, kms_method(operation))(**asked)
    finally:
        kms.meta.events.unregister("after-call", see)
    assert bodies == [b""]


def kms_method(operation):
    return re.sub("(?<!^)([A-Z])", r"_\1", operation).lower()


# --- Regions and accounts apart -----------------------------------------------------------


def test_list_keys_names_the_keys_of_one_account_and_region(lab, kms):
    elsewhere = (
        lab.client("kms", region_name=OTHER_REGION),
        lab.client("kms", lab.administrator(OTHER_ACCOUNT)),
        kms,
    )
    made = [client.create_key()["KeyMetadata"] for client in elsewhere]
    for client, key in zip(elsewhere, made, strict=True):
        answer = client.list_keys()
        assert members(answer) == {"Keys", "Truncated"}
        assert answer["Keys"] == [{"KeyId": key["KeyId"], "KeyArn": key["Arn"]}]
        assert answer["Truncated"] is False


def test_a_key_is_unknown_in_every_other_region(lab, kms, arn):
    key_id = arn.rpartition("/")[2]
    elsewhere = lab.client("kms", region_name=OTHER_REGION)
    there = arn.replace(REGION, OTHER_REGION)
    with refused("NotFoundException", f"Key '{there}' does not exist"):
        elsewhere.describe_key(KeyId=key_id)
    with refused("NotFoundException", f"Key '{there}' does not exist"):
        elsewhere.describe_key(KeyId=there)
    with refused("NotFoundException", f"Invalid arn {REGION}"):
        elsewhere.describe_key(KeyId=arn)


def test_a_key_id_means_a_key_of_the_callers_account(lab, arn):
    stranger = lab.client("kms", lab.administrator(OTHER_ACCOUNT))
    key_id = arn.rpartition("/")[2]
    theirs = arn.replace(ACCOUNT, OTHER_ACCOUNT)
    with refused("NotFoundException", f"Key '{theirs}' does not exist"):
        stranger.describe_key(KeyId=key_id)


def test_a_stranger_does_not_learn_whether_a_key_exists(lab, arn):
    user = lab.administrator(OTHER_ACCOUNT)
    stranger = lab.client("kms", user)
    absent = arn.replace(arn.rpartition("/")[2], UNKNOWN_KEY_ID)
    for name in (arn, absent):
        with hidden_key(user, "kms:DescribeKey"):
            stranger.describe_key(KeyId=name)


# --- Who may ------------------------------------------------------------------------------


def test_creating_and_listing_need_an_identity_policy(lab):
    nobody = lab.user("nobody")
    kms = lab.client("kms", nobody)
    for method, action in ((kms.create_key, "kms:CreateKey"), (kms.list_keys, "kms:ListKeys")):
        with no_identity_policy(nobody, action, "*"):
            method()


def test_tags_at_creation_need_the_right_to_tag(lab):
    creator = lab.user("creator", allow("kms:CreateKey", "kms:PutKeyPolicy", "kms:DescribeKey"))
    kms = lab.client("kms", creator)
    kms.create_key()
    with no_identity_policy(creator, "kms:TagResource", "*"):
        kms.create_key(Tags=[{"TagKey": "cost", "TagValue": "1"}])
    assert len(lab.client("kms").list_keys()["Keys"]) == 1


def test_whoever_creates_a_key_has_no_other_right_to_it(lab):
    creator = lab.user("creator", allow("kms:CreateKey", "kms:PutKeyPolicy"))
    kms = lab.client("kms", creator)
    made = kms.create_key()["KeyMetadata"]["Arn"]
    with no_identity_policy(creator, "kms:DescribeKey", made):
        kms.describe_key(KeyId=made)
