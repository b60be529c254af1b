"""Deletion by the clock, through boto3: scheduled, cancelled, and then for good."""

from datetime import UTC, datetime, timedelta

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    constraint,
    hidden_by_ciphertext,
    members,
    no_identity_policy,
    refused,
)

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def lab():
    """A lab whose clock stands still, so that dates can be told to the second."""
    return Lab(clock=StillClock(NOON, step=timedelta(0)))


def metadata_of(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]


def gone(arn):
    return refused("NotFoundException", f"Key '{arn}' does not exist")


# --- Scheduled ----------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{}, {"PendingWindowInDays": 7}, {"PendingWindowInDays": 30}])
def test_a_key_waits_as_many_days_as_asked_and_thirty_by_default(kms, arn, asked):
    days = asked.get("PendingWindowInDays", 30)
    answer = kms.schedule_key_deletion(KeyId=arn, **asked)
    del answer["ResponseMetadata"]
    deletion_date = NOON + timedelta(days=days)
    assert answer == {
        "KeyId": arn,
        "DeletionDate": deletion_date,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }
    metadata = metadata_of(kms, arn)
    assert metadata["DeletionDate"] == deletion_date
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingDeletion", False)
    assert "PendingDeletionWindowInDays" not in metadata


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_a_window_below_7_or_above_30_days_is_refused(kms, arn, days):
    with refused("ValidationException", None):
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)
    assert metadata_of(kms, arn)["KeyState"] == "Enabled"


def test_the_model_limits_the_window_to_1_to_365_days(unchecked, arn):
    for days, rule in ((0, "greater than or equal to 1"), (366, "less than or equal to 365")):
        with constraint("pendingWindowInDays", f"have value {rule}", days):
            unchecked.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)


def test_a_disabled_key_can_be_scheduled_too(kms, arn):
    kms.disable_key(KeyId=arn)
    kms.schedule_key_deletion(KeyId=arn)
    assert metadata_of(kms, arn)["KeyState"] == "PendingDeletion"


# --- Cancelled ----------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["Enabled", "Disabled"])
def test_a_cancelled_deletion_leaves_the_key_disabled_whatever_it_was_before(kms, arn, before):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    if before == "Disabled":
        kms.disable_key(KeyId=arn)
    kms.schedule_key_deletion(KeyId=arn)
    answer = kms.cancel_key_deletion(KeyId=arn)
    assert (members(answer), answer["KeyId"]) == ({"KeyId"}, arn)
    metadata = metadata_of(kms, arn)
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Disabled", False)
    assert "DeletionDate" not in metadata
    with refused("DisabledException", f"{arn} is disabled."):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_cancelled_deletion_never_happens(lab, kms, arn):
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=arn)
    lab.clock.advance(days=400)
    assert metadata_of(kms, arn)["KeyState"] == "Disabled"


def test_a_deletion_that_is_scheduled_anew_happens_on_its_new_day(lab, kms, arn):
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=arn)
    lab.clock.advance(days=3)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=5)
    assert metadata_of(kms, arn)["DeletionDate"] == NOON + timedelta(days=10)
    lab.clock.advance(days=2)
    with gone(arn):
        metadata_of(kms, arn)


# --- Done ---------------------------------------------------------------------------------


def test_the_key_goes_when_its_time_has_come_and_not_a_second_before(lab, kms, arn):
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7, seconds=-1)
    assert metadata_of(kms, arn)["KeyState"] == "PendingDeletion"
    lab.clock.advance(seconds=1)
    with gone(arn):
        metadata_of(kms, arn)


EVERY_NAMED_CALL = {
    "DescribeKey": lambda kms, arn: kms.describe_key(KeyId=arn),
    "Encrypt": lambda kms, arn: kms.encrypt(KeyId=arn, Plaintext=b"x"),
    "GenerateDataKey": lambda kms, arn: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    "EnableKey": lambda kms, arn: kms.enable_key(KeyId=arn),
    "GetKeyPolicy": lambda kms, arn: kms.get_key_policy(KeyId=arn),
    "ListResourceTags": lambda kms, arn: kms.list_resource_tags(KeyId=arn),
    "ListAliases": lambda kms, arn: kms.list_aliases(KeyId=arn),
    "CancelKeyDeletion": lambda kms, arn: kms.cancel_key_deletion(KeyId=arn),
    "ScheduleKeyDeletion": lambda kms, arn: kms.schedule_key_deletion(KeyId=arn),
    "CreateAlias": lambda kms, arn: kms.create_alias(AliasName="alias/b", TargetKeyId=arn),
}


@pytest.mark.parametrize("operation", EVERY_NAMED_CALL)
def test_no_operation_finds_a_key_that_is_gone(lab, kms, arn, operation):
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    with gone(arn):
        EVERY_NAMED_CALL[operation](kms, arn)


@pytest.mark.parametrize("operation", ["Decrypt", "ReEncrypt"])
def test_a_ciphertext_of_a_key_that_is_gone_finds_nothing_by_id_and_is_denied_without_one(
    lab, kms, arn, operation
):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    kept = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)

    def use(**named):
        if operation == "Decrypt":
            return kms.decrypt(CiphertextBlob=blob, **named)
        named = {f"Source{member}": name for member, name in named.items()}
        return kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=kept, **named)

    for name in (arn, arn.rpartition("/")[2]):
        with gone(arn):
            use(KeyId=name)
    action = "kms:Decrypt" if operation == "Decrypt" else "kms:ReEncryptFrom"
    with hidden_by_ciphertext(lab.administrator(), action):
        use()


def test_with_the_key_go_its_aliases_its_material_and_what_it_encrypted(lab, kms, arn):
    kept = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    kms.create_alias(AliasName="alias/kept", TargetKeyId=kept)
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    alias_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app"
    with refused("NotFoundException", f"Alias {alias_arn} is not found."):
        kms.describe_key(KeyId="alias/app")
    with hidden_by_ciphertext(lab.administrator(), "kms:Decrypt"):
        kms.decrypt(CiphertextBlob=blob)
    assert [key["KeyArn"] for key in kms.list_keys()["Keys"]] == [kept]
    assert [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]] == ["alias/kept"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=kept)
    assert len(lab._store.key_tokens) == 1, "the wrapped material is destroyed too"


def test_each_key_goes_at_its_own_time_however_far_the_clock_is_moved(lab, kms):
    days = {kms.create_key()["KeyMetadata"]["Arn"]: day for day in (30, 7, 14)}
    for arn, day in days.items():
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=day)
    lab.clock.advance(days=400)
    deleted = [event for event in lab.events() if event["eventName"] == "DeleteKey"]
    assert [event["resources"][0]["ARN"] for event in deleted] == sorted(days, key=days.get)
    assert [event["eventTime"] for event in deleted] == [
        f"{NOON + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in (7, 14, 30)
    ]


def test_a_deletion_in_one_account_and_region_touches_no_other(lab, kms, arn):
    clients = {
        "Region": lab.client("kms", region_name=OTHER_REGION),
        "account": lab.client("kms", lab.administrator(OTHER_ACCOUNT)),
    }
    kept = {where: kms.create_key()["KeyMetadata"]["Arn"] for where, kms in clients.items()}
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    for where, client in clients.items():
        assert metadata_of(client, kept[where])["KeyState"] == "Enabled"


def test_a_plaintext_data_key_outlives_its_kms_key_but_its_encrypted_twin_is_lost(lab, kms, arn):
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    assert len(data_key["Plaintext"]) == 32
    with refused("AccessDeniedException", None):
        kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])


def test_the_lab_works_on_after_400_days(lab, kms, arn):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    lab.clock.advance(days=400)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    created = kms.create_key()["KeyMetadata"]["CreationDate"]
    assert created == NOON + timedelta(days=400)


@pytest.mark.parametrize("action", ["kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"])
def test_scheduling_and_cancelling_need_their_rights(lab, arn, action):
    nobody = lab.user("nobody")
    kms = lab.client("kms", nobody)
    call = kms.schedule_key_deletion if "Schedule" in action else kms.cancel_key_deletion
    with no_identity_policy(nobody, action, arn):
        call(KeyId=arn)
