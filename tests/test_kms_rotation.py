"""Rotation through boto3: by the clock, on demand, and what becomes of old ciphertexts."""

from datetime import UTC, datetime, timedelta

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    all_pages,
    allow,
    constraint,
    members,
    no_identity_policy,
    refused,
)

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lab():
    """A lab whose clock stands still, so that dates can be told to the second."""
    return Lab(clock=StillClock(NOON, step=timedelta(0)))


@pytest.fixture
def of_pair(kms):
    """The ARN of a key pair."""
    asked = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
    return kms.create_key(**asked)["KeyMetadata"]["Arn"]


def material_of(kms, arn):
    return kms.describe_key(KeyId=arn)["KeyMetadata"]["CurrentKeyMaterialId"]


def status_of(kms, arn):
    answer = kms.get_key_rotation_status(KeyId=arn)
    del answer["ResponseMetadata"]
    return answer


def rotations_of(kms, arn, **asked):
    return kms.list_key_rotations(KeyId=arn, **asked)["Rotations"]


def dates_of(kms, arn):
    return [entry["RotationDate"] for entry in rotations_of(kms, arn)]


def events_named(lab, name):
    return [event for event in lab.events() if event["eventName"] == name]


def encrypted(kms, arn, plaintext=b"x"):
    return kms.encrypt(KeyId=arn, Plaintext=plaintext)["CiphertextBlob"]


# --- The schedule -------------------------------------------------------------------------


def test_rotation_is_off_until_it_is_switched_on(kms, arn):
    assert status_of(kms, arn) == {"KeyRotationEnabled": False, "KeyId": arn}


@pytest.mark.parametrize(
    "asked", [{}, {"RotationPeriodInDays": 90}, {"RotationPeriodInDays": 2560}]
)
def test_the_first_rotation_is_a_period_after_the_day_it_was_enabled(lab, kms, arn, asked):
    lab.clock.advance(days=10)
    days = asked.get("RotationPeriodInDays", 365)
    assert members(kms.enable_key_rotation(KeyId=arn, **asked)) == set()
    assert status_of(kms, arn) == {
        "KeyRotationEnabled": True,
        "KeyId": arn,
        "RotationPeriodInDays": days,
        "NextRotationDate": NOON + (10 + days) * DAY,
    }


@pytest.mark.parametrize(("days", "rule"), [(89, "greater than or equal to 90"), (2561, "less")])
def test_a_period_is_90_to_2560_days(unchecked, arn, days, rule):
    bound = rule if days == 89 else "less than or equal to 2560"
    with constraint("rotationPeriodInDays", f"have value {bound}", days):
        unchecked.enable_key_rotation(KeyId=arn, RotationPeriodInDays=days)


def test_enabling_again_changes_the_period_and_starts_the_count_anew(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=100)
    lab.clock.advance(days=99)
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=200)
    lab.clock.advance(days=199)
    assert rotations_of(kms, arn) == []
    lab.clock.advance(days=1)
    assert dates_of(kms, arn) == [NOON + 299 * DAY]


def test_switched_off_it_forgets_the_schedule_and_keeps_the_history(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=90)
    kms.disable_key_rotation(KeyId=arn)
    assert status_of(kms, arn) == {"KeyRotationEnabled": False, "KeyId": arn}
    lab.clock.advance(days=400)
    assert dates_of(kms, arn) == [NOON + 90 * DAY]


# --- By the clock -------------------------------------------------------------------------


def test_the_material_changes_when_its_day_has_come_and_not_a_second_before(lab, kms, arn):
    first = material_of(kms, arn)
    kms.enable_key_rotation(KeyId=arn)
    lab.clock.advance(days=365, seconds=-1)
    assert material_of(kms, arn) == first
    lab.clock.advance(seconds=1)
    assert material_of(kms, arn) != first
    assert status_of(kms, arn)["NextRotationDate"] == NOON + 730 * DAY


def test_several_periods_in_one_move_are_several_rotations_each_at_its_own_time(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=365)
    days = [NOON + n * 90 * DAY for n in (1, 2, 3, 4)]
    assert dates_of(kms, arn) == days
    told = events_named(lab, "RotateKey")
    assert [event["eventTime"] for event in told] == [f"{day:%Y-%m-%dT%H:%M:%SZ}" for day in days]
    materials = [entry["KeyMaterialId"] for entry in rotations_of(kms, arn)]
    assert len(set(materials)) == 4
    assert material_of(kms, arn) == materials[-1]
    assert status_of(kms, arn)["NextRotationDate"] == NOON + 450 * DAY


def test_rotations_and_deletions_of_many_keys_happen_in_the_order_of_time(lab, kms):
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3)]
    kms.enable_key_rotation(KeyId=arns[0], RotationPeriodInDays=100)
    kms.enable_key_rotation(KeyId=arns[1], RotationPeriodInDays=90)
    kms.schedule_key_deletion(KeyId=arns[2], PendingWindowInDays=30)
    lab.clock.advance(days=190)
    told = [(each["eventName"], each["resources"][0]["ARN"]) for each in lab.events()[-4:]]
    assert told == [
        ("DeleteKey", arns[2]),
        ("RotateKey", arns[1]),
        ("RotateKey", arns[0]),
        ("RotateKey", arns[1]),
    ]


def test_a_rotation_is_an_event_of_kms_itself(lab, kms, arn):
    first = material_of(kms, arn)
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=90)
    (event,) = events_named(lab, "RotateKey")
    assert event.pop("eventID")
    assert event == {
        "eventVersion": "1.11",
        "userIdentity": {"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
        "eventTime": "2026-07-30T12:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "RotateKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "serviceEventDetails": {
            "rotationType": "AUTOMATIC",
            "keyOrigin": "AWS_KMS",
            "previousKeyMaterialId": first,
            "currentKeyMaterialId": material_of(kms, arn),
            "keyId": arn.rpartition("/")[2],
        },
        "readOnly": False,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}],
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


# --- A key that cannot be used meanwhile --------------------------------------------------


def test_a_disabled_key_is_rotated_when_it_is_enabled_again(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    kms.disable_key(KeyId=arn)
    lab.clock.advance(days=300)
    assert status_of(kms, arn)["NextRotationDate"] == NOON + 90 * DAY
    assert rotations_of(kms, arn) == []
    kms.enable_key(KeyId=arn)
    assert dates_of(kms, arn) == [NOON + 300 * DAY], "one rotation, though three were missed"
    assert status_of(kms, arn)["NextRotationDate"] == NOON + 390 * DAY


def test_a_disabled_key_that_missed_nothing_keeps_its_schedule(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    kms.disable_key(KeyId=arn)
    lab.clock.advance(days=50)
    kms.enable_key(KeyId=arn)
    lab.clock.advance(days=130)
    assert dates_of(kms, arn) == [NOON + 90 * DAY, NOON + 180 * DAY]


def test_enabling_an_enabled_key_moves_no_rotation(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=89)
    kms.enable_key(KeyId=arn)
    lab.clock.advance(days=1)
    assert dates_of(kms, arn) == [NOON + 90 * DAY]


def test_a_key_that_awaits_its_deletion_is_not_rotated_and_says_so(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=100)
    lab.clock.advance(days=90)
    kms.schedule_key_deletion(KeyId=arn)
    assert status_of(kms, arn) == {"KeyRotationEnabled": False, "KeyId": arn}
    lab.clock.advance(days=20)
    kms.cancel_key_deletion(KeyId=arn)
    status = status_of(kms, arn)
    assert status["KeyRotationEnabled"]
    assert status["NextRotationDate"] == NOON + 100 * DAY
    assert rotations_of(kms, arn) == []
    kms.enable_key(KeyId=arn)
    assert dates_of(kms, arn) == [NOON + 110 * DAY]


def test_the_last_rotation_before_a_deletion_and_none_after_it(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=95)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=1000)
    assert len(events_named(lab, "RotateKey")) == 1
    assert len(events_named(lab, "DeleteKey")) == 1
    assert (len(lab._store.key_tokens), len(lab._store.key_materials)) == (0, 0)


# --- AWS managed keys ---------------------------------------------------------------------


def test_an_aws_managed_key_is_rotated_every_year_and_nobody_can_change_that(lab, kms):
    arn = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert status_of(kms, arn)["RotationPeriodInDays"] == 365
    lab.clock.advance(days=2 * 365)
    assert dates_of(kms, arn) == [NOON + 365 * DAY, NOON + 730 * DAY]
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        with refused("AccessDeniedException", None):
            call(KeyId=arn)


# --- On demand ----------------------------------------------------------------------------


def test_a_rotation_on_demand_is_done_at_once_and_moves_no_schedule(lab, kms, arn):
    first = material_of(kms, arn)
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=30)
    key_id = arn.rpartition("/")[2]
    answer = kms.rotate_key_on_demand(KeyId=key_id)
    assert (members(answer), answer["KeyId"]) == ({"KeyId"}, key_id)
    (rotation,) = rotations_of(kms, arn)
    assert rotation == {
        "KeyId": key_id,
        "KeyMaterialId": material_of(kms, arn),
        "RotationDate": NOON + 30 * DAY,
        "RotationType": "ON_DEMAND",
    }
    assert rotation["KeyMaterialId"] != first
    assert status_of(kms, arn)["NextRotationDate"] == NOON + 90 * DAY


def test_it_leaves_two_events_the_call_and_what_kms_did(lab, kms, arn):
    first = material_of(kms, arn)
    kms.rotate_key_on_demand(KeyId=arn)
    called, done = lab.events()[-2:]
    assert (called["eventName"], called["eventType"]) == ("RotateKeyOnDemand", "AwsApiCall")
    assert (called["readOnly"], called["responseElements"]) == (False, {"keyId": arn})
    assert (done["eventName"], done["eventType"]) == ("RotateKey", "AwsServiceEvent")
    details = done["serviceEventDetails"]
    assert (details["rotationType"], details["previousKeyMaterialId"]) == ("ON_DEMAND", first)


def test_a_refused_rotation_leaves_no_event_of_kms(lab, kms, arn):
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.rotate_key_on_demand(KeyId=arn)
    assert events_named(lab, "RotateKey") == []


def test_25_rotations_on_demand_are_all_that_a_key_ever_gets(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=90)
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=arn)
    with refused(
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand "
        f"rotations can be performed for this key: {arn}",
    ):
        kms.rotate_key_on_demand(KeyId=arn)
    lab.clock.advance(days=90)
    assert len(rotations_of(kms, arn)) == 27, "automatic rotation goes on"


@pytest.mark.parametrize("minutes", [20, 1])
def test_shortly_before_an_automatic_rotation_nobody_rotates_on_demand(lab, kms, arn, minutes):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=90, minutes=-minutes, seconds=-1)
    if minutes == 20:
        kms.rotate_key_on_demand(KeyId=arn)
    lab.clock.advance(seconds=1)
    with refused("ConflictException", None):
        kms.rotate_key_on_demand(KeyId=arn)
    lab.clock.advance(minutes=minutes)
    kms.rotate_key_on_demand(KeyId=arn)


# --- What is encrypted --------------------------------------------------------------------


def test_every_ciphertext_opens_however_often_the_material_changed(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    sealed = {}
    for turn in range(6):
        sealed[encrypted(kms, arn, b"%d" % turn)] = b"%d" % turn, material_of(kms, arn)
        kms.rotate_key_on_demand(KeyId=arn)
        lab.clock.advance(days=90)
    assert len({material for _, material in sealed.values()}) == 6
    for blob, (plaintext, material) in sealed.items():
        answer = kms.decrypt(CiphertextBlob=blob)
        assert (answer["Plaintext"], answer["KeyMaterialId"]) == (plaintext, material)
        assert lab.events()[-1]["additionalEventData"] == {"keyMaterialId": material}


def test_new_ciphertexts_and_data_keys_are_made_with_the_new_material(lab, kms, arn):
    kms.rotate_key_on_demand(KeyId=arn)
    current = material_of(kms, arn)
    assert kms.decrypt(CiphertextBlob=encrypted(kms, arn))["KeyMaterialId"] == current
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    assert data_key["KeyMaterialId"] == current
    assert lab.events()[-1]["additionalEventData"] == {"keyMaterialId": current}


def test_re_encrypt_moves_a_ciphertext_to_the_new_material_of_the_same_key(lab, kms, arn):
    old, blob = material_of(kms, arn), encrypted(kms, arn)
    kms.rotate_key_on_demand(KeyId=arn)
    new = material_of(kms, arn)
    answer = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn)
    assert (answer["SourceKeyMaterialId"], answer["DestinationKeyMaterialId"]) == (old, new)
    assert lab.events()[-1]["additionalEventData"] == {
        "destinationKeyMaterialId": new,
        "sourceKeyMaterialId": old,
    }
    assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["KeyMaterialId"] == new


def test_rotation_changes_nothing_else_of_a_key(lab, kms, arn):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    kms.create_grant(KeyId=arn, GranteePrincipal=lab.user("bob").arn, Operations=["Decrypt"])

    def everything():
        metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
        del metadata["CurrentKeyMaterialId"]
        told = kms.get_key_policy(KeyId=arn), kms.list_grants(KeyId=arn), kms.list_aliases()
        return metadata, [{**each, "ResponseMetadata": None} for each in told]

    before = everything()
    kms.rotate_key_on_demand(KeyId=arn)
    assert everything() == before


def test_each_material_has_its_own_token_and_its_own_bytes(lab, kms, arn):
    kms.rotate_key_on_demand(KeyId=arn)
    tokens = {each.token for each in lab._store.key_tokens}
    assert len(tokens) == len(lab._store.key_tokens) == 2


# --- The list -----------------------------------------------------------------------------


def test_all_key_material_adds_the_first_one_and_tells_their_states(lab, kms, arn):
    first = material_of(kms, arn)
    key_id = arn.rpartition("/")[2]
    assert rotations_of(kms, arn, IncludeKeyMaterial="ALL_KEY_MATERIAL") == [
        {"KeyId": key_id, "KeyMaterialId": first, "KeyMaterialState": "CURRENT"}
    ]
    kms.rotate_key_on_demand(KeyId=arn)
    oldest, newest = rotations_of(kms, arn, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    assert oldest == {"KeyId": key_id, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}
    assert newest == {
        "KeyId": key_id,
        "KeyMaterialId": material_of(kms, arn),
        "KeyMaterialState": "CURRENT",
        "RotationDate": NOON,
        "RotationType": "ON_DEMAND",
    }
    only = rotations_of(kms, arn, IncludeKeyMaterial="ROTATIONS_ONLY")
    assert only == rotations_of(kms, arn)
    assert [entry["KeyMaterialId"] for entry in only] == [newest["KeyMaterialId"]]


def test_the_list_comes_in_pages_in_the_order_of_time(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=5 * 90)
    pages = list(all_pages(kms.list_key_rotations, 2, KeyId=arn))
    assert [len(page["Rotations"]) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page["Rotations"]] == rotations_of(kms, arn)
    assert dates_of(kms, arn) == sorted(dates_of(kms, arn))
    marker = pages[0]["NextMarker"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    with refused("InvalidMarkerException", None):
        kms.list_key_rotations(KeyId=other, Marker=marker)
    with refused("InvalidMarkerException", None):
        kms.list_key_rotations(KeyId=arn, Marker="mine")


# --- Who and what may ---------------------------------------------------------------------

OPERATIONS = {
    "EnableKeyRotation": lambda kms, arn: kms.enable_key_rotation(KeyId=arn),
    "DisableKeyRotation": lambda kms, arn: kms.disable_key_rotation(KeyId=arn),
    "GetKeyRotationStatus": lambda kms, arn: kms.get_key_rotation_status(KeyId=arn),
    "RotateKeyOnDemand": lambda kms, arn: kms.rotate_key_on_demand(KeyId=arn),
    "ListKeyRotations": lambda kms, arn: kms.list_key_rotations(KeyId=arn),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_key_pair_cannot_be_rotated_and_aws_says_not_a_word(kms, of_pair, operation):
    with refused("UnsupportedOperationException", ""):
        OPERATIONS[operation](kms, of_pair)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_alias_is_no_key_id_here(kms, arn, operation):
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    with refused("NotFoundException", "Invalid keyId 'alias/app'"):
        OPERATIONS[operation](kms, "alias/app")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_needs_its_right(lab, arn, operation):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, f"kms:{operation}", arn):
        OPERATIONS[operation](lab.client("kms", nobody), arn)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_another_account_may_look_at_the_status_and_do_nothing_else(
    lab, kms, arn, put_policy, operation
):
    put_policy(
        arn,
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]},
    )
    stranger = lab.user("stranger", allow("kms:*"), account=OTHER_ACCOUNT)
    client = lab.client("kms", stranger)
    if operation == "GetKeyRotationStatus":
        assert OPERATIONS[operation](client, arn)["KeyRotationEnabled"] is False
        return
    with refused("AccessDeniedException", None):
        OPERATIONS[operation](client, arn)


def test_a_condition_on_the_period_decides(lab, arn):
    longest = {"NumericLessThanEquals": {"kms:RotationPeriodInDays": "180"}}
    user = lab.user("u", allow("kms:EnableKeyRotation", Condition=longest))
    kms = lab.client("kms", user)
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=180)
    for asked in ({"RotationPeriodInDays": 181}, {}):
        with refused("AccessDeniedException", None):
            kms.enable_key_rotation(KeyId=arn, **asked)


# --- Kept ---------------------------------------------------------------------------------


def test_a_history_of_materials_comes_back_and_goes_on(tmp_path):
    with Lab(tmp_path, clock=StillClock(NOON, step=timedelta(0))) as lab:
        kms = lab.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
        blobs = [encrypted(kms, arn)]
        for _ in range(3):
            lab.clock.advance(days=90)
            blobs.append(encrypted(kms, arn))
        before = rotations_of(kms, arn), status_of(kms, arn), material_of(kms, arn)
    with Lab(tmp_path, clock=StillClock(NOON, step=timedelta(0))) as lab:
        kms = lab.client("kms")
        assert (rotations_of(kms, arn), status_of(kms, arn), material_of(kms, arn)) == before
        assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs] == [b"x"] * 4
        lab.clock.advance(days=90)
        assert dates_of(kms, arn)[-1] == NOON + 360 * DAY


def test_a_rotation_that_fell_due_while_the_lab_was_closed_is_done_at_its_own_time(tmp_path):
    with Lab(tmp_path, clock=StillClock(NOON, step=timedelta(0))) as lab:
        kms = lab.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    with Lab(tmp_path, clock=StillClock(NOON + 200 * DAY, step=timedelta(0))) as lab:
        assert dates_of(lab.client("kms"), arn) == [NOON + 90 * DAY, NOON + 180 * DAY]
