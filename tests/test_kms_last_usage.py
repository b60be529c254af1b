"""GetKeyLastUsage and the condition on days without use, through boto3."""

from datetime import UTC, datetime, timedelta

import pytest
from aws_words import OTHER_ACCOUNT, OTHER_REGION, allow, members, no_identity_policy, refused

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lab():
    return Lab(clock=StillClock(NOON, step=timedelta(0)))


def usage_of(kms, arn):
    return kms.get_key_last_usage(KeyId=arn)["KeyLastUsage"]


def encrypt(kms, arn, **asked):
    return kms.encrypt(KeyId=arn, Plaintext=b"x", **asked)


def test_a_key_that_was_never_used_says_so_with_an_empty_answer(lab, kms, arn):
    lab.clock.advance(days=3)
    answer = kms.get_key_last_usage(KeyId=arn.rpartition("/")[2])
    assert members(answer) == {"KeyId", "KeyLastUsage", "TrackingStartDate", "KeyCreationDate"}
    assert (answer["KeyId"], answer["KeyLastUsage"]) == (arn, {})
    assert answer["TrackingStartDate"] == answer["KeyCreationDate"] == NOON


def test_the_last_use_is_told_with_its_event_and_its_request(lab, kms, arn):
    encrypt(kms, arn)
    lab.clock.advance(days=3)
    asked = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    used = lab.events()[-1]
    lab.clock.advance(days=5)
    kms.describe_key(KeyId=arn)
    assert usage_of(kms, arn) == {
        "Operation": "GenerateDataKey",
        "Timestamp": NOON + 3 * DAY,
        "CloudTrailEventId": used["eventID"],
        "KmsRequestId": asked["ResponseMetadata"]["RequestId"],
    }


USES = {
    "Encrypt": lambda kms, arn, blob: encrypt(kms, arn),
    "Decrypt": lambda kms, arn, blob: kms.decrypt(CiphertextBlob=blob),
    "ReEncrypt": lambda kms, arn, blob: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn),
    "GenerateDataKey": lambda kms, arn, blob: kms.generate_data_key(KeyId=arn, NumberOfBytes=9),
    "GenerateDataKeyWithoutPlaintext": lambda kms, arn, blob: (
        kms.generate_data_key_without_plaintext(KeyId=arn, NumberOfBytes=9)
    ),
}


@pytest.mark.parametrize("operation", USES)
def test_every_cryptographic_operation_is_a_use(lab, kms, arn, operation):
    blob = encrypt(kms, arn)["CiphertextBlob"]
    lab.clock.advance(days=1)
    USES[operation](kms, arn, blob)
    usage = usage_of(kms, arn)
    assert (usage["Operation"], usage["Timestamp"]) == (operation, NOON + DAY)


LOOKS = {
    "DescribeKey": lambda kms, arn: kms.describe_key(KeyId=arn),
    "RotateKeyOnDemand": lambda kms, arn: kms.rotate_key_on_demand(KeyId=arn),
    "TagResource": lambda kms, arn: kms.tag_resource(
        KeyId=arn, Tags=[{"TagKey": "a", "TagValue": "b"}]
    ),
    "GetKeyLastUsage": lambda kms, arn: kms.get_key_last_usage(KeyId=arn),
    "CreateGrant": lambda kms, arn: kms.create_grant(
        KeyId=arn, GranteePrincipal="arn:aws:iam::111122223333:root", Operations=["Decrypt"]
    ),
}


@pytest.mark.parametrize("operation", LOOKS)
def test_nothing_else_is_a_use(kms, arn, operation):
    LOOKS[operation](kms, arn)
    assert usage_of(kms, arn) == {}


def test_a_use_that_was_refused_is_none(lab, kms, arn):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, "kms:Encrypt", arn):
        encrypt(lab.client("kms", nobody), arn)
    with refused("DryRunOperationException", None):
        encrypt(kms, arn, DryRun=True)
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", None):
        encrypt(kms, arn)
    assert usage_of(kms, arn) == {}


def test_re_encrypt_is_a_use_of_both_keys(lab, kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    blob = encrypt(kms, arn)["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert usage_of(kms, arn) == usage_of(kms, other)
    assert usage_of(kms, arn)["Operation"] == "ReEncrypt"


def test_a_use_by_another_account_is_told_with_the_event_of_the_keys_owner(
    lab, kms, arn, put_policy
):
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    put_policy(arn, {"Statement": [everybody]})
    stranger = lab.client("kms", lab.user("stranger", allow("kms:*"), account=OTHER_ACCOUNT))
    encrypt(stranger, arn)
    of_caller, of_owner = lab.events()[-2:]
    assert of_owner["recipientAccountId"] == "111122223333" != of_caller["recipientAccountId"]
    assert usage_of(kms, arn)["CloudTrailEventId"] == of_owner["eventID"]
    with refused("AccessDeniedException", None):
        stranger.get_key_last_usage(KeyId=arn)


def test_what_s3_does_with_a_key_is_a_use_of_it(lab, kms, arn):
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="records")
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    s3.put_object(Bucket="records", Key="a", Body=b"x", **asked)
    assert usage_of(kms, arn)["Operation"] == "GenerateDataKey"


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_every_state_answers(kms, arn, state):
    encrypt(kms, arn)
    if state == "Disabled":
        kms.disable_key(KeyId=arn)
    else:
        kms.schedule_key_deletion(KeyId=arn)
    assert usage_of(kms, arn)["Operation"] == "Encrypt"


def test_an_alias_is_no_key_id_here(kms, arn):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    with refused("NotFoundException", "Invalid keyId 'alias/app'"):
        kms.get_key_last_usage(KeyId="alias/app")


def test_it_needs_its_right(lab, arn):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, "kms:GetKeyLastUsage", arn):
        usage_of(lab.client("kms", nobody), arn)


def test_the_last_use_is_known_after_the_lab_was_opened_again(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        encrypt(kms, arn)
        before = usage_of(kms, arn)
    with Lab(tmp_path) as lab:
        assert usage_of(lab.client("kms"), arn) == before != {}


def test_a_replica_that_was_made_again_was_not_used_before(tmp_path):
    def opened():
        return Lab(tmp_path, clock=StillClock(NOON, step=timedelta(0)))

    with opened() as lab:
        kms = lab.client("kms")
        elsewhere = lab.client("kms", region_name=OTHER_REGION)
        key_id = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
        lab.clock.advance(seconds=10)
        encrypt(elsewhere, key_id)
        elsewhere.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
        lab.clock.advance(days=7)
        kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
        lab.clock.advance(seconds=10)
        assert usage_of(elsewhere, key_id) == {}
    with opened() as lab:
        elsewhere = lab.client("kms", region_name=OTHER_REGION)
        assert usage_of(elsewhere, key_id) == {}
        encrypt(elsewhere, key_id)
        assert usage_of(elsewhere, key_id)["Operation"] == "Encrypt"


def test_a_reset_lab_and_a_deleted_key_leave_nothing_behind(lab, kms, arn):
    encrypt(kms, arn)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    assert lab._store.last_usages.of(arn) is None
    other = kms.create_key()["KeyMetadata"]["Arn"]
    encrypt(kms, other)
    lab.reset()
    assert lab._store.last_usages.of(other) is None


# --- The condition ------------------------------------------------------------------------

ENDINGS = {
    "DisableKey": lambda kms, arn: kms.disable_key(KeyId=arn),
    "ScheduleKeyDeletion": lambda kms, arn: kms.schedule_key_deletion(KeyId=arn),
}


@pytest.mark.parametrize("operation", ENDINGS)
@pytest.mark.parametrize("used", [True, False])
def test_a_policy_may_ask_for_days_without_use_before_a_key_is_put_away(lab, kms, operation, used):
    unused = {"NumericGreaterThanEquals": {"kms:TrailingDaysWithoutKeyUsage": "90"}}
    cleaner = lab.user("cleaner", allow("kms:*", Condition=unused))
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    lab.clock.advance(days=30)
    if used:
        encrypt(kms, arn)
    left = 90 if used else 60
    lab.clock.advance(days=left, seconds=-1)
    client = lab.client("kms", cleaner)
    assert not lab.would(cleaner, operation, arn).allowed
    with no_identity_policy(cleaner, f"kms:{operation}", arn):
        ENDINGS[operation](client, arn)
    lab.clock.advance(seconds=1)
    assert lab.would(cleaner, operation, arn).allowed
    ENDINGS[operation](client, arn)


def test_no_other_operation_knows_the_days(lab, kms, arn):
    unused = {"NumericGreaterThanEquals": {"kms:TrailingDaysWithoutKeyUsage": "0"}}
    cleaner = lab.client("kms", lab.user("cleaner", allow("kms:*", Condition=unused)))
    with refused("AccessDeniedException", None):
        cleaner.enable_key(KeyId=arn)
    cleaner.disable_key(KeyId=arn)
