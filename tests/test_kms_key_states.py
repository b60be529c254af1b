"""Which state of a key stops which operation: the table of the KMS Developer Guide, row by row."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aws_words import ACCOUNT, OTHER_REGION, REGION, refused
from botocore import xform_name
from key_state_table import GOES, OF_EVERY_STATE, STATES

from kmslab import Lab, StillClock
from kmslab.errors import ServiceError
from kmslab.services.kms.key_states import require_state
from kmslab.store.records import KmsKey

POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
TAGS = [{"TagKey": "cost", "TagValue": "1"}]

WORKS = None
DISABLED = ("DisabledException", "{} is disabled.")
PENDING = ("KMSInvalidStateException", "{} is pending deletion.")
NOT_PENDING = ("KMSInvalidStateException", "{} is not pending deletion.")


@dataclass
class Scene:
    """A key in some state, with an alias, a grant and a ciphertext from before; and another."""

    kms: Any
    arn: str
    other: str
    blob: bytes
    others_blob: bytes
    grantee: str
    grant_id: str

    def state(self) -> str:
        return self.kms.describe_key(KeyId=self.arn)["KeyMetadata"]["KeyState"]


# What needs a key of another kind than the symmetric one.
PAIR = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
SIGNER = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
MAC_KEY = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
AGREEING = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
RECEIVER = {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}
KINDS = {
    "GetPublicKey": PAIR,
    **dict.fromkeys(("Sign", "Verify"), SIGNER),
    **dict.fromkeys(("GenerateMac", "VerifyMac"), MAC_KEY),
    "DeriveSharedSecret": AGREEING,
    **dict.fromkeys(("Encapsulate", "Decapsulate"), RECEIVER),
}
SIGNED = {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
AUTHENTICATED = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}
ECDH, ML_KEM = {"KeyAgreementAlgorithm": "ECDH"}, {"EncapsulationAlgorithm": "ML_KEM"}


def made_before(kms: Any, arn: str, kind: dict[str, str]) -> bytes:
    """What a key made while it was enabled: a ciphertext, a signature, a code. Of keys that agree
    it is the public key."""
    if kind is SIGNER:
        return bytes(kms.sign(KeyId=arn, **SIGNED)["Signature"])
    if kind is MAC_KEY:
        return bytes(kms.generate_mac(KeyId=arn, **AUTHENTICATED)["Mac"])
    if kind is RECEIVER:
        return bytes(kms.encapsulate(KeyId=arn, **ML_KEM)["SharedSecretCiphertextBlob"])
    if kind:
        return bytes(kms.get_public_key(KeyId=arn)["PublicKey"])
    return bytes(kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"])


# A grant that a key of any kind can have.
GRANTED = ["DescribeKey", "RetireGrant"]


def scene_with(state: str, operation: str = "") -> Scene:
    lab = Lab()
    kms, grantee = lab.client("kms"), lab.user("alice").arn
    kind = KINDS.get(operation, {})
    arn, other = (kms.create_key(**kind)["KeyMetadata"]["Arn"] for _ in range(2))
    blobs = [made_before(kms, each, kind) for each in (arn, other)]
    kms.create_alias(AliasName="alias/here", TargetKeyId=arn)
    kms.create_alias(AliasName="alias/there", TargetKeyId=other)
    kms.tag_resource(KeyId=arn, Tags=TAGS)
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=GRANTED)
    if state == "Disabled":
        kms.disable_key(KeyId=arn)
    if state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=arn)
    scene = Scene(kms, arn, other, *blobs, grantee, grant["GrantId"])
    assert scene.state() == state
    return scene


USE = (WORKS, DISABLED, PENDING)
LOOK = (WORKS, WORKS, WORKS)
CHANGE = (WORKS, WORKS, PENDING)

# Operation → what Enabled, Disabled and PendingDeletion say to it, and how it is called.
TABLE = {
    "Encrypt": (USE, lambda s: s.kms.encrypt(KeyId=s.arn, Plaintext=b"x")),
    "Encrypt by alias": (USE, lambda s: s.kms.encrypt(KeyId="alias/here", Plaintext=b"x")),
    "Decrypt": (USE, lambda s: s.kms.decrypt(CiphertextBlob=s.blob)),
    "Decrypt by key": (USE, lambda s: s.kms.decrypt(KeyId=s.arn, CiphertextBlob=s.blob)),
    "ReEncrypt from it": (
        USE,
        lambda s: s.kms.re_encrypt(CiphertextBlob=s.blob, DestinationKeyId=s.other),
    ),
    "ReEncrypt from it by key": (
        USE,
        lambda s: s.kms.re_encrypt(
            CiphertextBlob=s.blob, SourceKeyId=s.arn, DestinationKeyId=s.other
        ),
    ),
    "ReEncrypt to it": (
        USE,
        lambda s: s.kms.re_encrypt(CiphertextBlob=s.others_blob, DestinationKeyId=s.arn),
    ),
    "GenerateDataKey": (USE, lambda s: s.kms.generate_data_key(KeyId=s.arn, KeySpec="AES_256")),
    "GenerateDataKeyWithoutPlaintext": (
        USE,
        lambda s: s.kms.generate_data_key_without_plaintext(KeyId=s.arn, KeySpec="AES_256"),
    ),
    "GenerateDataKeyPair": (
        USE,
        lambda s: s.kms.generate_data_key_pair(KeyId=s.arn, KeyPairSpec="ECC_NIST_P256"),
    ),
    "GenerateDataKeyPairWithoutPlaintext": (
        USE,
        lambda s: s.kms.generate_data_key_pair_without_plaintext(
            KeyId=s.arn, KeyPairSpec="ECC_NIST_P256"
        ),
    ),
    "Sign": (USE, lambda s: s.kms.sign(KeyId=s.arn, **SIGNED)),
    "Verify": (USE, lambda s: s.kms.verify(KeyId=s.arn, Signature=s.blob, **SIGNED)),
    "GenerateMac": (USE, lambda s: s.kms.generate_mac(KeyId=s.arn, **AUTHENTICATED)),
    "VerifyMac": (USE, lambda s: s.kms.verify_mac(KeyId=s.arn, Mac=s.blob, **AUTHENTICATED)),
    "DeriveSharedSecret": (
        USE,
        lambda s: s.kms.derive_shared_secret(KeyId=s.arn, PublicKey=s.others_blob, **ECDH),
    ),
    "Encapsulate": (USE, lambda s: s.kms.encapsulate(KeyId=s.arn, **ML_KEM)),
    "Decapsulate": (
        USE,
        lambda s: s.kms.decapsulate(KeyId=s.arn, SharedSecretCiphertextBlob=s.blob, **ML_KEM),
    ),
    "GetPublicKey": (USE, lambda s: s.kms.get_public_key(KeyId=s.arn)),
    "DescribeKey": (LOOK, lambda s: s.kms.describe_key(KeyId=s.arn)),
    "GetKeyPolicy": (LOOK, lambda s: s.kms.get_key_policy(KeyId=s.arn)),
    "PutKeyPolicy": (LOOK, lambda s: s.kms.put_key_policy(KeyId=s.arn, Policy=POLICY)),
    "ListKeyPolicies": (LOOK, lambda s: s.kms.list_key_policies(KeyId=s.arn)),
    "ListKeys": (LOOK, lambda s: s.kms.list_keys()),
    "ListAliases": (LOOK, lambda s: s.kms.list_aliases(KeyId=s.arn)),
    "ListResourceTags": (LOOK, lambda s: s.kms.list_resource_tags(KeyId=s.arn)),
    "DeleteAlias": (LOOK, lambda s: s.kms.delete_alias(AliasName="alias/here")),
    "UpdateAlias away from it": (
        LOOK,
        lambda s: s.kms.update_alias(AliasName="alias/here", TargetKeyId=s.other),
    ),
    "UpdateAlias to it": (
        CHANGE,
        lambda s: s.kms.update_alias(AliasName="alias/there", TargetKeyId=s.arn),
    ),
    "CreateAlias": (
        CHANGE,
        lambda s: s.kms.create_alias(AliasName="alias/new", TargetKeyId=s.arn),
    ),
    "TagResource": (CHANGE, lambda s: s.kms.tag_resource(KeyId=s.arn, Tags=TAGS)),
    "UntagResource": (CHANGE, lambda s: s.kms.untag_resource(KeyId=s.arn, TagKeys=["cost"])),
    "UpdateKeyDescription": (
        CHANGE,
        lambda s: s.kms.update_key_description(KeyId=s.arn, Description="new"),
    ),
    "EnableKey": (CHANGE, lambda s: s.kms.enable_key(KeyId=s.arn)),
    "DisableKey": (CHANGE, lambda s: s.kms.disable_key(KeyId=s.arn)),
    "ScheduleKeyDeletion": (CHANGE, lambda s: s.kms.schedule_key_deletion(KeyId=s.arn)),
    "EnableKeyRotation": (USE, lambda s: s.kms.enable_key_rotation(KeyId=s.arn)),
    "DisableKeyRotation": (USE, lambda s: s.kms.disable_key_rotation(KeyId=s.arn)),
    "RotateKeyOnDemand": (USE, lambda s: s.kms.rotate_key_on_demand(KeyId=s.arn)),
    "GetKeyRotationStatus": (LOOK, lambda s: s.kms.get_key_rotation_status(KeyId=s.arn)),
    "GetKeyLastUsage": (LOOK, lambda s: s.kms.get_key_last_usage(KeyId=s.arn)),
    "ListKeyRotations": (LOOK, lambda s: s.kms.list_key_rotations(KeyId=s.arn)),
    "CreateGrant": (
        USE,
        lambda s: s.kms.create_grant(
            KeyId=s.arn, GranteePrincipal=s.grantee, Operations=["Encrypt"]
        ),
    ),
    "ListGrants": (LOOK, lambda s: s.kms.list_grants(KeyId=s.arn)),
    "ListRetirableGrants": (
        LOOK,
        lambda s: s.kms.list_retirable_grants(RetiringPrincipal=s.grantee),
    ),
    "RetireGrant": (LOOK, lambda s: s.kms.retire_grant(KeyId=s.arn, GrantId=s.grant_id)),
    "RevokeGrant": (LOOK, lambda s: s.kms.revoke_grant(KeyId=s.arn, GrantId=s.grant_id)),
    "CancelKeyDeletion": (
        (NOT_PENDING, NOT_PENDING, WORKS),
        lambda s: s.kms.cancel_key_deletion(KeyId=s.arn),
    ),
}

MOVES = {
    "EnableKey": "Enabled",
    "DisableKey": "Disabled",
    "ScheduleKeyDeletion": "PendingDeletion",
    "CancelKeyDeletion": "Disabled",
}


@pytest.mark.parametrize("operation", TABLE)
@pytest.mark.parametrize("state", ["Enabled", "Disabled", "PendingDeletion"])
def test_a_state_stops_exactly_the_operations_of_its_column(state, operation):
    row, call = TABLE[operation]
    outcome = row[("Enabled", "Disabled", "PendingDeletion").index(state)]
    scene = scene_with(state, operation)
    if outcome is WORKS:
        call(scene)
        assert scene.state() == MOVES.get(operation, state)
        return
    code, sentence = outcome
    with refused(code, sentence.format(scene.arn)):
        call(scene)
    assert scene.state() == state


def test_a_refusal_changes_nothing():
    scene = scene_with("PendingDeletion")
    before = everything_told_of(scene)
    for row, call in TABLE.values():
        if row[2] is not WORKS:
            with refused("KMSInvalidStateException", None):
                call(scene)
    assert everything_told_of(scene) == before


def everything_told_of(scene: Scene) -> list[Any]:
    kms = scene.kms
    return [
        kms.describe_key(KeyId=scene.arn)["KeyMetadata"],
        kms.list_resource_tags(KeyId=scene.arn)["Tags"],
        kms.list_aliases()["Aliases"],
        kms.get_key_policy(KeyId=scene.arn)["Policy"],
        kms.list_grants(KeyId=scene.arn)["Grants"],
        kms.list_keys()["Keys"],
    ]


@pytest.mark.parametrize("operation", [name for name, (row, _) in TABLE.items() if row is USE])
def test_a_key_that_is_switched_on_again_works_again(operation):
    scene = scene_with("Disabled", operation)
    scene.kms.enable_key(KeyId=scene.arn)
    TABLE[operation][1](scene)


# --- Every state, also those that only some keys reach -------------------------------------


@pytest.mark.parametrize("operation", OF_EVERY_STATE)
@pytest.mark.parametrize("state", STATES)
def test_the_table_says_of_each_state_what_it_stops(state, operation):
    kms_key = KmsKey(*("111122223333", "us-east-1", "an-id", 0.0, "", ""), key_state=state)
    outcome = OF_EVERY_STATE[operation][STATES.index(state)]
    if outcome is GOES:
        require_state(SimpleNamespace(operation=operation), kms_key)
        return
    with pytest.raises(ServiceError) as refusal:
        require_state(SimpleNamespace(operation=operation), kms_key)
    code, sentence = outcome
    assert (refusal.value.code, refusal.value.message) == (code, f"{kms_key.arn} {sentence}")


def awaits_import(lab: Lab, kms: Any) -> tuple[Any, str]:
    return kms, kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]


def awaits_its_replica(lab: Lab, kms: Any) -> tuple[Any, str]:
    _, key_id = is_created(lab, kms)
    lab.clock.advance(minutes=1)
    kms.schedule_key_deletion(KeyId=key_id)
    return kms, key_id


def is_created(lab: Lab, kms: Any) -> tuple[Any, str]:
    key_id = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key_id, ReplicaRegion=OTHER_REGION)
    return lab.client("kms", region_name=OTHER_REGION), key_id


def is_updated(lab: Lab, kms: Any) -> tuple[Any, str]:
    _, key_id = is_created(lab, kms)
    lab.clock.advance(minutes=1)
    kms.update_primary_region(KeyId=key_id, PrimaryRegion=OTHER_REGION)
    return kms, key_id


OF_SOME_KEYS = {
    "PendingImport": awaits_import,
    "PendingReplicaDeletion": awaits_its_replica,
    "Creating": is_created,
    "Updating": is_updated,
}
NOTHING_MORE = (
    *("EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"),
    *("EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "GetKeyRotationStatus"),
    *("DescribeKey", "GetKeyPolicy", "GetKeyLastUsage", "ListGrants", "ListAliases"),
    *("ListKeyPolicies", "ListResourceTags", "ListKeyRotations"),
)
# How each operation is called, besides the key. Those on imported material look at the origin of a
# key first (tests/test_kms_import.py).
CALLS: dict[str, dict[str, Any]] = {
    **{name: {} for name in NOTHING_MORE},
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "CreateGrant": {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": GRANTED},
    "TagResource": {"Tags": TAGS},
    "UntagResource": {"TagKeys": ["cost"]},
    "UpdateKeyDescription": {"Description": "new"},
    "ReplicateKey": {"ReplicaRegion": "us-west-2"},
    "UpdatePrimaryRegion": {"PrimaryRegion": REGION},
    "PutKeyPolicy": {"Policy": POLICY},
}


@pytest.mark.parametrize("operation", [*CALLS, "CreateAlias"])
@pytest.mark.parametrize("state", OF_SOME_KEYS)
def test_a_state_that_some_keys_reach_stops_the_operations_of_its_column_too(state, operation):
    lab = Lab(clock=StillClock(datetime(2026, 5, 1, tzinfo=UTC), step=timedelta(0)))
    kms, key_id = OF_SOME_KEYS[state](lab, lab.client("kms"))
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert metadata["KeyState"] == state
    asked = {"KeyId": key_id, **CALLS.get(operation, {})}
    if operation == "CreateAlias":
        asked = {"TargetKeyId": key_id, "AliasName": "alias/new"}
    call = getattr(kms, xform_name(operation))
    row = OF_EVERY_STATE.get(operation)
    outcome = row[STATES.index(state)] if row else GOES
    if outcome:
        code, sentence = outcome
        with refused(code, f"{metadata['Arn']} {sentence}"):
            call(**asked)
        return
    # The operation may be one that can do nothing with this kind of key, whatever its state.
    with suppress(kms.exceptions.UnsupportedOperationException):
        call(**asked)


def test_the_table_has_every_operation_on_keys_that_is_built():
    from kmslab.services import kms
    from kmslab.wire.model import service_schema

    built = {name for name in service_schema("kms").operation_names if kms.find_operation(name)}
    # Related keys in two Regions, and keys whose material is imported, have tests of their own.
    apart = {"CreateKey", "GenerateRandom", "ReplicateKey", "UpdatePrimaryRegion"}
    apart |= {"GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"}
    apart |= {name for name in built if "CustomKeyStore" in name}
    assert {operation.partition(" ")[0] for operation in TABLE} == built - apart
