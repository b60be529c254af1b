"""Multi-Region keys through boto3: made, replicated, used and deleted in several Regions."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    allow,
    denied,
    hidden_by_ciphertext,
    members,
    no_identity_policy,
    policy,
    refused,
)
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
THIRD_REGION = "ap-northeast-1"
ROLE_ARN = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/mrk.kms.amazonaws.com/"
    "AWSServiceRoleForKeyManagementServiceMultiRegionKeys"
)


@pytest.fixture
def lab():
    """A lab whose clock stands still, so that transient states can be looked at."""
    return Lab(clock=StillClock(NOON, step=timedelta(0)))


@pytest.fixture
def elsewhere(lab):
    """The administrator's client in the other Region."""
    return lab.client("kms", region_name=OTHER_REGION)


@pytest.fixture
def key_id(kms):
    """A multi-Region primary key."""
    return kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]


@pytest.fixture
def replicated(lab, kms, key_id):
    """The same key with a replica in the other Region, ready for use."""
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    settle(lab)
    return key_id


def settle(lab):
    lab.clock.advance(seconds=10)


def arn_in(region, key_id, account=ACCOUNT):
    return f"arn:aws:kms:{region}:{account}:key/{key_id}"


def metadata_of(client, key_id):
    return client.describe_key(KeyId=key_id)["KeyMetadata"]


def configuration(key_id, primary, *replicas, kind="PRIMARY"):
    return {
        "MultiRegionKeyType": kind,
        "PrimaryKey": {"Arn": arn_in(primary, key_id), "Region": primary},
        "ReplicaKeys": [{"Arn": arn_in(region, key_id), "Region": region} for region in replicas],
    }


def events_named(lab, name):
    return [event for event in lab.events() if event["eventName"] == name]


# --- A primary key ------------------------------------------------------------------------


def test_a_multi_region_key_has_an_id_of_its_own_form_and_no_replicas_at_first(kms):
    metadata = kms.create_key(MultiRegion=True)["KeyMetadata"]
    assert re.fullmatch("mrk-[0-9a-f]{32}", metadata["KeyId"])
    assert metadata["Arn"] == arn_in(REGION, metadata["KeyId"])
    assert (metadata["KeyState"], metadata["MultiRegion"]) == ("Enabled", True)
    assert metadata["MultiRegionConfiguration"] == configuration(metadata["KeyId"], REGION)


def test_a_single_region_key_says_so_and_cannot_be_replicated(kms, arn):
    metadata = metadata_of(kms, arn)
    assert metadata["MultiRegion"] is False
    assert "MultiRegionConfiguration" not in metadata
    for operation in (
        lambda: kms.replicate_key(KeyId=arn, ReplicaRegion=OTHER_REGION),
        lambda: kms.update_primary_region(KeyId=arn, PrimaryRegion=OTHER_REGION),
    ):
        with refused("UnsupportedOperationException", f"{arn} is not a multi-region primary key."):
            operation()


def test_who_makes_a_primary_key_needs_the_right_to_make_kms_its_role(lab):
    user = lab.user("maker", allow("kms:CreateKey"))
    client = lab.client("kms", user)
    with no_identity_policy(user, "iam:CreateServiceLinkedRole", ROLE_ARN):
        client.create_key(MultiRegion=True)
    client.create_key()
    lab.user("maker", allow("kms:CreateKey", "iam:CreateServiceLinkedRole"))
    client.create_key(MultiRegion=True)


def test_multi_region_keys_may_be_forbidden_by_a_condition(lab):
    forbids = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    forbids["Condition"] = {"Bool": {"kms:MultiRegion": "true"}}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    user = lab.user("regional", policy(everything, forbids))
    client, theirs = lab.client("kms", user), lab.client("kms").create_key(MultiRegion=True)
    client.create_key()
    explicit = "with an explicit deny in an identity-based policy"
    with denied(user, "kms:CreateKey", "resource: *", explicit):
        client.create_key(MultiRegion=True)
    arn = theirs["KeyMetadata"]["Arn"]
    with denied(user, "kms:DescribeKey", f"resource: {arn}", explicit):
        client.describe_key(KeyId=arn)


# --- A replica ----------------------------------------------------------------------------


def test_a_replica_shares_id_and_material_and_is_ready_after_seconds(lab, kms, elsewhere, key_id):
    answer = kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    assert members(answer) == {"ReplicaKeyMetadata", "ReplicaPolicy"}
    replica, primary = answer["ReplicaKeyMetadata"], metadata_of(kms, key_id)
    assert (replica["Arn"], replica["KeyState"]) == (arn_in(OTHER_REGION, key_id), "Creating")
    assert replica["Enabled"] is False
    assert replica == metadata_of(elsewhere, key_id)
    assert replica["MultiRegionConfiguration"] == configuration(
        key_id, REGION, OTHER_REGION, kind="REPLICA"
    )
    assert primary["MultiRegionConfiguration"] == configuration(key_id, REGION, OTHER_REGION)
    with refused("KMSInvalidStateException", f"{replica['Arn']} is creating."):
        elsewhere.encrypt(KeyId=key_id, Plaintext=b"x")
    settle(lab)
    settled = metadata_of(elsewhere, key_id)
    assert (settled["KeyState"], settled["Enabled"]) == ("Enabled", True)
    own = {"Arn", "MultiRegionConfiguration", "CreationDate"}
    assert {name: value for name, value in settled.items() if name not in own} == {
        name: value for name, value in primary.items() if name not in own
    }


def test_what_one_related_key_encrypts_the_other_opens_and_no_third_one(
    lab, kms, elsewhere, replicated
):
    pair = {"EncryptionContext": {"department": "payroll"}}
    blob = kms.encrypt(KeyId=replicated, Plaintext=b"secret", **pair)["CiphertextBlob"]
    opened = elsewhere.decrypt(CiphertextBlob=blob, **pair)
    assert (opened["Plaintext"], opened["KeyId"]) == (
        b"secret",
        arn_in(OTHER_REGION, replicated),
    )
    assert opened["KeyMaterialId"] == metadata_of(kms, replicated)["CurrentKeyMaterialId"]
    back = elsewhere.encrypt(KeyId=replicated, Plaintext=b"back")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=back, KeyId=replicated)["Plaintext"] == b"back"
    third = lab.client("kms", region_name=THIRD_REGION)
    with hidden_by_ciphertext(lab.administrator(), "kms:Decrypt"):
        third.decrypt(CiphertextBlob=blob, **pair)


def test_a_data_key_made_in_one_region_is_opened_in_the_other(kms, elsewhere, replicated):
    data_key = kms.generate_data_key(KeyId=replicated, KeySpec="AES_256")
    opened = elsewhere.decrypt(CiphertextBlob=data_key["CiphertextBlob"])
    assert opened["Plaintext"] == data_key["Plaintext"]


def test_an_asymmetric_multi_region_key_has_one_public_key(lab, kms, elsewhere):
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT", MultiRegion=True)
    key_id = made["KeyMetadata"]["KeyId"]
    assert key_id.startswith("mrk-")
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    settle(lab)
    algorithm = {"KeyId": key_id, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=b"x", **algorithm)["CiphertextBlob"]
    assert elsewhere.decrypt(CiphertextBlob=blob, **algorithm)["Plaintext"] == b"x"
    public_keys = [each.get_public_key(KeyId=key_id)["PublicKey"] for each in (kms, elsewhere)]
    assert public_keys[0] == public_keys[1]


def test_policy_description_tags_and_aliases_are_each_keys_own(lab, kms, elsewhere, key_id):
    kms.update_key_description(KeyId=key_id, Description="first")
    kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.create_alias(AliasName="alias/app", TargetKeyId=key_id)
    own = kms.get_key_policy(KeyId=key_id)["Policy"].replace("key-default-1", "mine")
    kms.put_key_policy(KeyId=key_id, Policy=own)
    answer = kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    assert answer["ReplicaKeyMetadata"]["Description"] == ""
    assert answer["ReplicaPolicy"] == elsewhere.get_key_policy(KeyId=key_id)["Policy"]
    assert '"Id" : "key-default-1"' in answer["ReplicaPolicy"]
    assert elsewhere.list_resource_tags(KeyId=key_id)["Tags"] == []
    assert elsewhere.list_aliases(KeyId=key_id)["Aliases"] == []
    elsewhere.create_alias(AliasName="alias/app", TargetKeyId=key_id)
    elsewhere.put_key_policy(KeyId=key_id, Policy=own)
    settle(lab)
    kms.disable_key(KeyId=key_id)
    assert metadata_of(elsewhere, "alias/app")["KeyState"] == "Enabled"
    assert metadata_of(kms, "alias/app")["KeyState"] == "Disabled"


def test_a_replica_may_be_given_its_own_policy_description_and_tags(kms, elsewhere, key_id):
    own = kms.get_key_policy(KeyId=key_id)["Policy"].replace("key-default-1", "mine")
    tags = [{"TagKey": "place", "TagValue": "Dublin"}]
    answer = kms.replicate_key(
        KeyId=key_id, ReplicaRegion=OTHER_REGION, Policy=own, Description="second", Tags=tags
    )
    assert (answer["ReplicaPolicy"], answer["ReplicaTags"]) == (own, tags)
    assert elsewhere.get_key_policy(KeyId=key_id)["Policy"] == own
    assert elsewhere.list_resource_tags(KeyId=key_id)["Tags"] == tags
    assert metadata_of(elsewhere, key_id)["Description"] == "second"


def test_a_policy_that_locks_its_author_out_makes_no_replica(lab, kms, elsewhere, key_id):
    only_root_reads = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": '
        f'{{"AWS": "{ACCOUNT}"}}, "Action": "kms:Describe*", "Resource": "*"}}}}'
    )
    asked = {"KeyId": key_id, "ReplicaRegion": OTHER_REGION, "Policy": only_root_reads}
    with refused("MalformedPolicyDocumentException", None):
        kms.replicate_key(**asked)
    assert elsewhere.list_keys()["Keys"] == []
    assert metadata_of(kms, key_id)["MultiRegionConfiguration"]["ReplicaKeys"] == []
    kms.replicate_key(**asked, BypassPolicyLockoutSafetyCheck=True)
    assert len(elsewhere.list_keys()["Keys"]) == 1


def test_there_is_one_related_key_in_a_region_at_most(kms, key_id):
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    for region in (OTHER_REGION, REGION):
        with refused("AlreadyExistsException", f"Key '{arn_in(region, key_id)}' already exists"):
            kms.replicate_key(KeyId=key_id, ReplicaRegion=region)


@pytest.mark.parametrize("region", ["mars-north-1", "cn-north-1"])
def test_a_key_cannot_go_where_the_partition_has_no_region(kms, key_id, region):
    with refused("UnsupportedOperationException", None):
        kms.replicate_key(KeyId=key_id, ReplicaRegion=region)


def test_only_the_primary_key_can_be_replicated(elsewhere, replicated):
    with refused(
        "UnsupportedOperationException",
        f"{arn_in(OTHER_REGION, replicated)} is not a multi-region primary key.",
    ):
        elsewhere.replicate_key(KeyId=replicated, ReplicaRegion=THIRD_REGION)


def test_an_alias_does_not_name_the_key_to_be_replicated(kms, key_id):
    kms.create_alias(AliasName="alias/app", TargetKeyId=key_id)
    with refused("NotFoundException", "Invalid keyId 'alias/app'"):
        kms.replicate_key(KeyId="alias/app", ReplicaRegion=OTHER_REGION)


each_way_to_stop_a_key = pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        ("disable_key", "DisabledException", "is disabled."),
        ("schedule_key_deletion", "KMSInvalidStateException", "is pending deletion."),
    ],
)


@each_way_to_stop_a_key
def test_a_key_that_is_disabled_or_on_its_way_out_is_not_replicated(
    kms, key_id, spoil, code, sentence
):
    getattr(kms, spoil)(KeyId=key_id)
    with refused(code, f"{arn_in(REGION, key_id)} {sentence}"):
        kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)


# --- Who may ------------------------------------------------------------------------------


def test_replication_needs_a_right_on_the_primary_and_one_where_the_replica_goes(lab, key_id):
    arn, asked = arn_in(REGION, key_id), {"KeyId": key_id, "ReplicaRegion": OTHER_REGION}
    user = lab.user("operator", allow("kms:CreateKey"))
    client = lab.client("kms", user)
    with no_identity_policy(user, "kms:ReplicateKey", arn):
        client.replicate_key(**asked)
    lab.user("operator", allow("kms:ReplicateKey"))
    with no_identity_policy(user, "kms:CreateKey", "*"):
        client.replicate_key(**asked)
    here_only = {"StringEquals": {"aws:RequestedRegion": REGION}}
    both = allow("kms:ReplicateKey", "kms:CreateKey", Condition=here_only)
    lab.user("operator", both)
    with no_identity_policy(user, "kms:CreateKey", "*"):
        client.replicate_key(**asked)
    lab.user("operator", allow("kms:ReplicateKey", "kms:CreateKey"))
    with no_identity_policy(user, "kms:TagResource", "*"):
        client.replicate_key(**asked, Tags=[{"TagKey": "a", "TagValue": ""}])
    client.replicate_key(**asked)


def test_a_condition_says_into_which_regions_a_key_may_go(lab, key_id):
    into = {"StringEquals": {"kms:ReplicaRegion": [THIRD_REGION]}}
    replicate = {"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*"}
    create = {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}
    user = lab.user("operator", policy({**replicate, "Condition": into}, create))
    client = lab.client("kms", user)
    with no_identity_policy(user, "kms:ReplicateKey", arn_in(REGION, key_id)):
        client.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    client.replicate_key(KeyId=key_id, ReplicaRegion=THIRD_REGION)


def test_another_account_may_not_replicate_a_key_whatever_its_policy_says(
    lab, kms, key_id, put_policy
):
    stranger = lab.user("stranger", allow("kms:*"), account=OTHER_ACCOUNT)
    arn = arn_in(REGION, key_id)
    put_policy(
        arn,
        policy(
            {
                "Effect": "Allow",
                "Principal": {"AWS": [ACCOUNT, stranger.arn]},
                "Action": "kms:*",
                "Resource": "*",
            }
        ),
    )
    client = lab.client("kms", stranger)
    client.describe_key(KeyId=arn)
    with refused("AccessDeniedException", None):
        client.replicate_key(KeyId=arn, ReplicaRegion=OTHER_REGION)


def test_a_policy_can_tell_primary_keys_from_replicas(lab, kms, elsewhere, replicated):
    only = {"StringEquals": {"kms:MultiRegionKeyType": "REPLICA"}}
    user = lab.user("reader", allow("kms:DescribeKey", Condition=only))
    lab.client("kms", user, region_name=OTHER_REGION).describe_key(KeyId=replicated)
    with no_identity_policy(user, "kms:DescribeKey", arn_in(REGION, replicated)):
        lab.client("kms", user).describe_key(KeyId=replicated)


def test_who_may_use_one_related_key_may_not_use_the_other_for_that(lab, elsewhere, replicated):
    arn = arn_in(REGION, replicated)
    user = lab.user("local", allow("kms:Decrypt", resource=arn))
    blob = elsewhere.encrypt(KeyId=replicated, Plaintext=b"x")["CiphertextBlob"]
    assert lab.client("kms", user).decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with no_identity_policy(user, "kms:Decrypt", arn_in(OTHER_REGION, replicated)):
        lab.client("kms", user, region_name=OTHER_REGION).decrypt(CiphertextBlob=blob)


# --- Primary and replica change places ----------------------------------------------------


def test_the_primary_region_moves_and_both_keys_work_all_the_while(lab, kms, elsewhere, replicated):
    kms.replicate_key(KeyId=replicated, ReplicaRegion=THIRD_REGION)
    settle(lab)
    answer = kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)
    assert members(answer) == set()
    clients = {
        region: lab.client("kms", region_name=region)
        for region in (REGION, OTHER_REGION, THIRD_REGION)
    }
    for region, client in clients.items():
        metadata = metadata_of(client, replicated)
        kind = "PRIMARY" if region == OTHER_REGION else "REPLICA"
        assert metadata["MultiRegionConfiguration"] == configuration(
            replicated, OTHER_REGION, *sorted([REGION, THIRD_REGION]), kind=kind
        )
        state = "Enabled" if region == THIRD_REGION else "Updating"
        assert metadata["KeyState"] == state
    blob = kms.encrypt(KeyId=replicated, Plaintext=b"x")["CiphertextBlob"]
    assert elsewhere.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    for client, region in ((kms, REGION), (elsewhere, OTHER_REGION)):
        with refused("KMSInvalidStateException", f"{arn_in(region, replicated)} is updating."):
            client.disable_key(KeyId=replicated)
    settle(lab)
    assert metadata_of(kms, replicated)["KeyState"] == "Enabled"
    assert metadata_of(elsewhere, replicated)["KeyState"] == "Enabled"


def test_a_primary_region_can_move_on_and_back_before_the_first_move_is_over(
    lab, kms, elsewhere, replicated
):
    kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)
    elsewhere.update_primary_region(KeyId=replicated, PrimaryRegion=REGION)
    settle(lab)
    for client in (kms, elsewhere):
        metadata = metadata_of(client, replicated)
        assert metadata["KeyState"] == "Enabled"
        assert metadata["MultiRegionConfiguration"]["PrimaryKey"]["Region"] == REGION


@pytest.mark.parametrize(
    ("region", "code"),
    [(REGION, "UnsupportedOperationException"), (THIRD_REGION, "NotFoundException")],
)
def test_the_new_primary_region_must_have_a_replica(kms, replicated, region, code):
    with refused(code, None):
        kms.update_primary_region(KeyId=replicated, PrimaryRegion=region)


def test_a_disabled_replica_cannot_become_the_primary(kms, elsewhere, replicated):
    elsewhere.disable_key(KeyId=replicated)
    with refused("DisabledException", f"{arn_in(OTHER_REGION, replicated)} is disabled."):
        kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)
    assert metadata_of(kms, replicated)["KeyState"] == "Enabled"


def test_moving_the_primary_region_needs_the_right_on_both_keys(lab, replicated):
    user = lab.user("operator")
    client = lab.client("kms", user)
    asked = {"KeyId": replicated, "PrimaryRegion": OTHER_REGION}
    for held, lacked in ((REGION, OTHER_REGION), (OTHER_REGION, REGION)):
        lab.user("operator", allow("kms:UpdatePrimaryRegion", resource=arn_in(held, replicated)))
        with no_identity_policy(user, "kms:UpdatePrimaryRegion", arn_in(lacked, replicated)):
            client.update_primary_region(**asked)
    elsewhere_only = {"StringEquals": {"kms:PrimaryRegion": THIRD_REGION}}
    lab.user("operator", allow("kms:UpdatePrimaryRegion", Condition=elsewhere_only))
    with no_identity_policy(user, "kms:UpdatePrimaryRegion", arn_in(REGION, replicated)):
        client.update_primary_region(**asked)
    lab.user("operator", allow("kms:UpdatePrimaryRegion"))
    client.update_primary_region(**asked)


@each_way_to_stop_a_key
def test_a_primary_that_is_disabled_or_on_its_way_out_stays_the_primary(
    kms, replicated, spoil, code, sentence
):
    getattr(kms, spoil)(KeyId=replicated)
    with refused(code, f"{arn_in(REGION, replicated)} {sentence}"):
        kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)


# --- Rotation -----------------------------------------------------------------------------


def test_related_keys_are_rotated_together_and_open_what_was_encrypted_before(
    lab, kms, elsewhere, replicated
):
    kms.enable_key_rotation(KeyId=replicated, RotationPeriodInDays=90)
    status = [client.get_key_rotation_status(KeyId=replicated) for client in (kms, elsewhere)]
    assert [(each["KeyRotationEnabled"], each["RotationPeriodInDays"]) for each in status] == [
        (True, 90),
        (True, 90),
    ]
    assert status[0]["NextRotationDate"] == status[1]["NextRotationDate"]
    old = elsewhere.encrypt(KeyId=replicated, Plaintext=b"old")["CiphertextBlob"]
    lab.clock.advance(days=90)
    kms.rotate_key_on_demand(KeyId=replicated)
    materials = [
        metadata_of(client, replicated)["CurrentKeyMaterialId"] for client in (kms, elsewhere)
    ]
    assert materials[0] == materials[1]
    rotations = [
        client.list_key_rotations(KeyId=replicated, IncludeKeyMaterial="ALL_KEY_MATERIAL")[
            "Rotations"
        ]
        for client in (kms, elsewhere)
    ]
    assert rotations[0] == rotations[1]
    assert [each["KeyMaterialState"] for each in rotations[0]] == [
        "NON_CURRENT",
        "NON_CURRENT",
        "CURRENT",
    ]
    new = kms.encrypt(KeyId=replicated, Plaintext=b"new")["CiphertextBlob"]
    for client in (kms, elsewhere):
        assert client.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
        opened = client.decrypt(CiphertextBlob=new)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"new", materials[0])
    assert [each["awsRegion"] for each in events_named(lab, "RotateKey")] == [REGION, REGION]
    assert len(events_named(lab, "SynchronizeMultiRegionKey")) == 3


def test_a_new_replica_has_every_material_and_the_rotation_of_its_primary(
    lab, kms, elsewhere, key_id
):
    old = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    kms.enable_key_rotation(KeyId=key_id)
    kms.rotate_key_on_demand(KeyId=key_id)
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    settle(lab)
    assert elsewhere.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"
    assert elsewhere.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is True
    assert len(elsewhere.list_key_rotations(KeyId=key_id)["Rotations"]) == 1


def test_only_the_primary_key_is_asked_to_rotate(elsewhere, replicated):
    for operation in ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"):
        with refused(
            "UnsupportedOperationException",
            f"{arn_in(OTHER_REGION, replicated)} is not a multi-region primary key.",
        ):
            getattr(elsewhere, operation)(KeyId=replicated)


def test_the_new_primary_goes_on_with_the_schedule(lab, kms, elsewhere, replicated):
    kms.enable_key_rotation(KeyId=replicated)
    kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)
    lab.clock.advance(days=365)
    (event,) = events_named(lab, "RotateKey")
    assert event["awsRegion"] == OTHER_REGION
    assert (
        len({metadata_of(each, replicated)["CurrentKeyMaterialId"] for each in (kms, elsewhere)})
        == 1
    )
    elsewhere.disable_key_rotation(KeyId=replicated)
    assert kms.get_key_rotation_status(KeyId=replicated)["KeyRotationEnabled"] is False


# --- The end ------------------------------------------------------------------------------


def test_a_primary_with_replicas_waits_for_the_last_of_them_and_then_its_own_days(
    lab, kms, elsewhere, replicated
):
    answer = kms.schedule_key_deletion(KeyId=replicated, PendingWindowInDays=7)
    assert members(answer) == {"KeyId", "KeyState", "PendingWindowInDays"}
    assert answer["KeyState"] == "PendingReplicaDeletion"
    metadata = metadata_of(kms, replicated)
    assert (metadata["KeyState"], metadata["PendingDeletionWindowInDays"]) == (
        "PendingReplicaDeletion",
        7,
    )
    assert "DeletionDate" not in metadata
    with refused("KMSInvalidStateException", f"{arn_in(REGION, replicated)} is pending deletion."):
        kms.encrypt(KeyId=replicated, Plaintext=b"x")
    elsewhere.encrypt(KeyId=replicated, Plaintext=b"x")
    lab.clock.advance(days=400)
    assert metadata_of(kms, replicated)["KeyState"] == "PendingReplicaDeletion"
    elsewhere.schedule_key_deletion(KeyId=replicated, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    metadata = metadata_of(kms, replicated)
    assert metadata["KeyState"] == "PendingDeletion"
    assert metadata["DeletionDate"] == NOON + timedelta(seconds=10, days=414)
    assert "PendingDeletionWindowInDays" not in metadata
    assert metadata["MultiRegionConfiguration"]["ReplicaKeys"] == []
    lab.clock.advance(days=7)
    with refused("NotFoundException", None):
        kms.describe_key(KeyId=replicated)
    assert [event["awsRegion"] for event in events_named(lab, "DeleteKey")] == [
        OTHER_REGION,
        REGION,
    ]


def test_one_move_of_the_clock_over_both_waiting_periods_ends_both_keys(
    lab, kms, elsewhere, replicated
):
    kms.schedule_key_deletion(KeyId=replicated, PendingWindowInDays=7)
    elsewhere.schedule_key_deletion(KeyId=replicated, PendingWindowInDays=7)
    lab.clock.advance(days=400)
    assert kms.list_keys()["Keys"] == elsewhere.list_keys()["Keys"] == []
    times = [event["eventTime"] for event in events_named(lab, "DeleteKey")]
    assert times == ["2026-05-08T12:00:10Z", "2026-05-15T12:00:10Z"]


def test_a_waiting_primary_can_be_cancelled_and_is_disabled_then(lab, kms, replicated):
    kms.schedule_key_deletion(KeyId=replicated)
    kms.cancel_key_deletion(KeyId=replicated)
    metadata = metadata_of(kms, replicated)
    assert metadata["KeyState"] == "Disabled"
    assert "PendingDeletionWindowInDays" not in metadata
    lab.clock.advance(days=400)
    kms.enable_key(KeyId=replicated)


def test_a_deleted_replica_can_be_made_again_and_opens_what_it_encrypted(
    lab, kms, elsewhere, replicated
):
    blob = elsewhere.encrypt(KeyId=replicated, Plaintext=b"kept")["CiphertextBlob"]
    elsewhere.schedule_key_deletion(KeyId=replicated, PendingWindowInDays=7)
    with refused("AlreadyExistsException", None):
        kms.replicate_key(KeyId=replicated, ReplicaRegion=OTHER_REGION)
    lab.clock.advance(days=7)
    assert metadata_of(kms, replicated)["MultiRegionConfiguration"]["ReplicaKeys"] == []
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    with hidden_by_ciphertext(lab.administrator(), "kms:Decrypt"):
        elsewhere.decrypt(CiphertextBlob=blob)
    kms.replicate_key(KeyId=replicated, ReplicaRegion=OTHER_REGION)
    settle(lab)
    assert elsewhere.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def test_a_replica_that_is_still_creating_can_be_scheduled_and_does_not_come_to_life(
    lab, kms, elsewhere, key_id
):
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    elsewhere.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    settle(lab)
    assert metadata_of(elsewhere, key_id)["KeyState"] == "PendingDeletion"
    elsewhere.cancel_key_deletion(KeyId=key_id)
    elsewhere.enable_key(KeyId=key_id)
    elsewhere.encrypt(KeyId=key_id, Plaintext=b"x")


# --- What the trail tells -----------------------------------------------------------------


def test_replication_is_told_in_both_regions_as_two_operations(lab, kms, key_id):
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION, Description="second")
    replicate, create = lab.events()[-2:]
    assert (replicate["eventName"], replicate["awsRegion"]) == ("ReplicateKey", REGION)
    assert replicate["requestParameters"] == {
        "keyId": key_id,
        "replicaRegion": OTHER_REGION,
        "description": "second",
        "bypassPolicyLockoutSafetyCheck": False,
    }
    assert set(replicate["responseElements"]) == {"replicaKeyMetadata", "replicaPolicy"}
    assert [each["ARN"] for each in replicate["resources"]] == [arn_in(REGION, key_id)]
    assert (create["eventName"], create["awsRegion"]) == ("CreateKey", OTHER_REGION)
    told = create["responseElements"]["keyMetadata"]
    assert told == replicate["responseElements"]["replicaKeyMetadata"]
    assert (told["keyState"], told["multiRegion"]) == ("Creating", True)
    assert create["requestParameters"]["multiRegion"] is True
    assert [each["ARN"] for each in create["resources"]] == [arn_in(OTHER_REGION, key_id)]
    assert create["userIdentity"] == {
        **replicate["userIdentity"],
        "invokedBy": "kms.amazonaws.com",
    }
    assert create["requestID"] == replicate["requestID"]
    assert create["eventID"] != replicate["eventID"]


def test_kms_tells_in_the_primary_region_that_a_new_replica_has_what_it_shares(lab, kms, key_id):
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    settle(lab)
    (event,) = events_named(lab, "SynchronizeMultiRegionKey")
    arn = arn_in(REGION, key_id)
    assert event["awsRegion"] == REGION
    assert event["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert event["responseElements"] == {"keyId": arn}
    assert [each["ARN"] for each in event["resources"]] == [arn]
    assert event["requestParameters"] is None


def test_a_moved_primary_region_is_told_in_both_regions_under_one_request(lab, kms, replicated):
    kms.update_primary_region(KeyId=replicated, PrimaryRegion=OTHER_REGION)
    here, there = lab.events()[-2:]
    assert [each["eventName"] for each in (here, there)] == ["UpdatePrimaryRegion"] * 2
    assert (here["awsRegion"], there["awsRegion"]) == (REGION, OTHER_REGION)
    assert here["requestID"] == there["requestID"]
    assert here["requestParameters"] == {"keyId": replicated, "primaryRegion": OTHER_REGION}
    arn = arn_in(OTHER_REGION, replicated)
    assert there["requestParameters"] == {"keyId": arn, "primaryRegion": OTHER_REGION}
    assert here["responseElements"] == {"keyId": arn_in(REGION, replicated)}
    assert there["responseElements"] == {"keyId": arn}
    assert there["userIdentity"]["invokedBy"] == "kms.amazonaws.com"
    assert there["userIdentity"]["arn"] == here["userIdentity"]["arn"]
    assert "invokedBy" not in here["userIdentity"]
    assert there["resources"] == []


def test_what_is_refused_is_told_where_it_was_asked_and_changes_nothing(lab, kms, key_id):
    user = lab.user("operator", allow("kms:ReplicateKey"))
    with refused("AccessDeniedException", None):
        lab.client("kms", user).replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    event = lab.events()[-1]
    assert (event["eventName"], event["errorCode"]) == ("ReplicateKey", "AccessDenied")
    assert [each["awsRegion"] for each in lab.events()].count(OTHER_REGION) == 0
    assert metadata_of(kms, key_id)["MultiRegionConfiguration"]["ReplicaKeys"] == []


def test_the_decisions_of_a_replication_are_all_kept(lab, kms, key_id):
    answer = kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    decisions = lab.decisions(answer["ResponseMetadata"]["RequestId"])
    assert [decision.question.action for decision in decisions] == [
        "kms:ReplicateKey",
        "kms:CreateKey",
    ]


@pytest.mark.parametrize("operation", ["ReplicateKey", "UpdatePrimaryRegion"])
def test_what_two_regions_decide_is_not_told_as_if_one_key_did(lab, key_id, operation):
    with pytest.raises(ValueError, match=operation):
        lab.would(lab.administrator(), operation, key_id)


# --- All of it ----------------------------------------------------------------------------


def test_related_keys_come_back_with_a_lab_and_go_on_settling(tmp_path):
    def clock():
        return StillClock(NOON, step=timedelta(0))

    with Lab(tmp_path, clock=clock()) as lab:
        kms = lab.client("kms")
        key_id = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
        blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    with Lab(tmp_path, clock=clock()) as lab:
        there = lab.client("kms", region_name=OTHER_REGION)
        assert metadata_of(there, key_id)["KeyState"] == "Creating"
        settle(lab)
        assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


REGIONS = [REGION, OTHER_REGION, THIRD_REGION, "sa-east-1"]
STEPS = st.tuples(
    st.sampled_from(["replicate", "move", "delete", "cancel", "rotate", "days", "seconds"]),
    st.sampled_from(REGIONS),
    st.sampled_from(REGIONS),
)


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=25))
def test_related_keys_always_agree_and_open_what_any_of_them_encrypted(steps):
    lab = Lab(clock=StillClock(NOON, step=timedelta(0)))
    clients = {region: lab.client("kms", region_name=region) for region in REGIONS}
    key_id = clients[REGION].create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    first = clients[REGION].encrypt(KeyId=key_id, Plaintext=b"first")["CiphertextBlob"]

    def do(step, region, other):
        client = clients[region]
        if step == "replicate":
            client.replicate_key(KeyId=key_id, ReplicaRegion=other)
        elif step == "move":
            client.update_primary_region(KeyId=key_id, PrimaryRegion=other)
        elif step == "delete":
            client.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
        elif step == "cancel":
            client.cancel_key_deletion(KeyId=key_id)
            client.enable_key(KeyId=key_id)
        elif step == "rotate":
            client.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=90)
            client.rotate_key_on_demand(KeyId=key_id)
        elif step == "days":
            lab.clock.advance(days=50)
        else:
            settle(lab)

    for step in steps:
        with suppress(ClientError):
            do(*step)
        assert lab.events()[-1].get("errorCode") != "KMSInternalException"
        known = {}
        for region, client in clients.items():
            if client.list_keys()["Keys"]:
                known[region] = metadata_of(client, key_id)
        assert len({metadata["CurrentKeyMaterialId"] for metadata in known.values()}) <= 1
        for region, metadata in known.items():
            described = metadata["MultiRegionConfiguration"]
            replicas = {replica["Region"] for replica in described["ReplicaKeys"]}
            primary = described["PrimaryKey"]["Region"]
            assert {primary, *replicas} == set(known)
            assert primary not in replicas
            kind = "PRIMARY" if region == primary else "REPLICA"
            assert described["MultiRegionKeyType"] == kind
            if metadata["KeyState"] in ("Enabled", "Updating"):
                opened = clients[region].decrypt(CiphertextBlob=first)
                assert opened["Plaintext"] == b"first"
