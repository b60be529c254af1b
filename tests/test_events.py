"""One event per call, allowed or denied: its shape, its members, and what is never in it."""

import base64
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, REGION, UNCHECKED, Recorder, refused
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmslab import Lab, StillClock
from kmslab.wire.boto import in_process_client

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CONTEXT = {"department": "IT"}
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

ALWAYS = {
    *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion"),
    *("sourceIPAddress", "userAgent", "requestParameters", "responseElements", "requestID"),
    *("eventID", "readOnly", "eventType", "managementEvent", "recipientAccountId"),
    *("eventCategory", "resources"),
}


@dataclass
class Scene:
    """A lab at noon with two keys, an alias, a tag, a grant to its administrator and a
    ciphertext; then calls are watched."""

    lab: Lab
    kms: Any
    arn: str
    other: str
    blob: bytes
    material: str
    others_material: str
    grant_id: str

    @property
    def grantee(self) -> str:
        return self.lab.administrator().arn

    @property
    def key_id(self) -> str:
        return self.arn.rpartition("/")[2]

    @cached_property
    def pair(self) -> str:
        """The ARN of an RSA key pair, made when it is first asked for."""
        return self._made("RSA_2048", "ENCRYPT_DECRYPT")

    @cached_property
    def pairs_ciphertext(self) -> bytes:
        made = self.kms.encrypt(KeyId=self.pair, Plaintext=b"x", EncryptionAlgorithm=RSA)
        return bytes(made["CiphertextBlob"])

    @cached_property
    def signer(self) -> str:
        return self._made("ECC_NIST_P256", "SIGN_VERIFY")

    @cached_property
    def signature(self) -> bytes:
        return bytes(self.kms.sign(KeyId=self.signer, **SIGNED)["Signature"])

    @cached_property
    def authenticator(self) -> str:
        return self._made("HMAC_256", "GENERATE_VERIFY_MAC")

    @cached_property
    def mac(self) -> bytes:
        return bytes(self.kms.generate_mac(KeyId=self.authenticator, **AUTHENTICATED)["Mac"])

    @cached_property
    def agreeing(self) -> str:
        return self._made("ECC_NIST_P256", "KEY_AGREEMENT")

    @cached_property
    def receiver(self) -> str:
        return self._made("ML_KEM_768", "ENCAPSULATE_DECAPSULATE")

    def _made(self, key_spec: str, key_usage: str) -> str:
        made = self.kms.create_key(KeySpec=key_spec, KeyUsage=key_usage)
        return str(made["KeyMetadata"]["Arn"])

    @property
    def alias_arn(self) -> str:
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app"


@pytest.fixture
def scene() -> Scene:
    lab = Lab(clock=StillClock(NOON, step=timedelta(0)))
    kms = lab.client("kms")
    first, second = (kms.create_key()["KeyMetadata"] for _ in range(2))
    kms.create_alias(AliasName="alias/app", TargetKeyId=first["Arn"])
    kms.tag_resource(KeyId=first["Arn"], Tags=[{"TagKey": "a", "TagValue": "b"}])
    answer = kms.encrypt(KeyId=first["Arn"], Plaintext=b"a secret", EncryptionContext=CONTEXT)
    materials = (key["CurrentKeyMaterialId"] for key in (first, second))
    grantee = lab.administrator().arn
    grant = kms.create_grant(KeyId=first["Arn"], GranteePrincipal=grantee, Operations=["Decrypt"])
    arns, blob = (first["Arn"], second["Arn"]), answer["CiphertextBlob"]
    return Scene(lab, kms, *arns, blob, *materials, grant["GrantId"])


def events_of(lab: Lab, call: Callable[[], Any]) -> list[dict[str, Any]]:
    """The events that `call` leaves, whether or not it is refused."""
    before = len(lab.events())
    with suppress(ClientError):
        call()
    return lab.events()[before:]


def event_of(lab: Lab, call: Callable[[], Any]) -> dict[str, Any]:
    (event,) = events_of(lab, call)
    return event


def key(arn: str) -> dict[str, str]:
    return {"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn}


def alias(arn: str) -> dict[str, str]:
    return {"accountId": ACCOUNT, "type": "AWS::KMS::Alias", "ARN": arn}


# --- The record ---------------------------------------------------------------------------


def test_a_successful_call_leaves_a_record_in_cloudtrails_form(scene):
    event = event_of(scene.lab, lambda: scene.kms.describe_key(KeyId="alias/app"))
    assert set(event) == ALWAYS
    administrator = scene.lab.administrator()
    access_key_id = event["userIdentity"]["accessKeyId"]
    assert re.fullmatch("AKIA[A-Z0-9]{16}", access_key_id)
    assert event["userIdentity"] == {
        "type": "IAMUser",
        "principalId": administrator.user_id,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/administrator",
        "accountId": ACCOUNT,
        "accessKeyId": access_key_id,
        "userName": "administrator",
    }
    assert administrator.user_id.startswith("AIDA")
    expected = {
        "eventVersion": "1.11",
        "eventTime": "2026-05-01T12:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "DescribeKey",
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": {"keyId": "alias/app"},
        "responseElements": None,
        "readOnly": True,
        "resources": [key(scene.arn)],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    assert expected == {name: event[name] for name in expected}
    assert event["userAgent"].startswith("kmslab boto3")
    assert UUID.fullmatch(event["eventID"])
    assert event["eventID"] != event["requestID"]


def test_the_request_id_is_the_one_that_the_caller_was_told(scene):
    answer = {}
    event = event_of(scene.lab, lambda: answer.update(scene.kms.generate_random(NumberOfBytes=8)))
    assert event["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert UUID.fullmatch(event["requestID"])


def test_every_event_has_ids_of_its_own(scene):
    for _ in range(20):
        scene.kms.list_keys()
    events = scene.lab.events()
    assert len({event["eventID"] for event in events}) == len(events)
    assert len({event["requestID"] for event in events}) == len(events)


def test_an_event_of_sts_has_no_member_for_resources(scene):
    event = event_of(scene.lab, scene.lab.client("sts").get_caller_identity)
    assert set(event) == ALWAYS - {"resources"}


def test_a_record_is_json(scene):
    scene.kms.schedule_key_deletion(KeyId=scene.arn)
    assert json.loads(json.dumps(scene.lab.events())) == scene.lab.events()


def test_events_tell_account_region_and_user_of_each_call(scene):
    lab = scene.lab
    callers = [
        (lab.administrator(OTHER_ACCOUNT), "eu-west-1"),
        (lab.user("alice"), "ap-southeast-2"),
    ]
    for user, region in callers:
        client = lab.client("kms", user, region_name=region)
        event = event_of(lab, client.list_keys)
        assert (event["recipientAccountId"], event["awsRegion"]) == (user.account, region)
        assert event["userIdentity"]["userName"] == user.user_name
        assert event["userIdentity"]["accountId"] == user.account


# --- The members of each operation --------------------------------------------------------


@dataclass
class Told:
    """What the record of one operation shows besides what every record shows."""

    call: Callable[[Scene], Any]
    parameters: Callable[[Scene], Any]
    read_only: bool = True
    response: Callable[[Scene], Any] = lambda s: None
    additional: Callable[[Scene], Any] = lambda s: None
    resources: Callable[[Scene], list[Any]] = lambda s: [key(s.arn)]


def key_arn_told(s: Scene) -> dict[str, str]:
    return {"keyId": s.arn}


def material_told(s: Scene) -> dict[str, str]:
    return {"keyMaterialId": s.material}


def change(call: Callable[[Scene], Any], **parameters: Any) -> Told:
    """An operation that changes the key and answers nothing."""
    return Told(
        call,
        parameters=lambda s: {"keyId": s.key_id, **parameters},
        read_only=False,
        response=key_arn_told,
    )


def named_grant(s: Scene) -> dict[str, Any]:
    return {
        "KeyId": s.arn,
        "GranteePrincipal": s.grantee,
        "Operations": ["Encrypt"],
        "Constraints": {"EncryptionContextEquals": CONTEXT},
        "Name": "named",
    }


DEFAULT_ALGORITHM = {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
RSA = "RSAES_OAEP_SHA_256"
SIGNED = {"Message": b"a secret", "SigningAlgorithm": "ECDSA_SHA_256"}
AUTHENTICATED = {"Message": b"a secret", "MacAlgorithm": "HMAC_SHA_256"}
ML_KEM = {"EncapsulationAlgorithm": "ML_KEM"}
PUBLIC_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)

OPERATIONS = {
    "Encrypt": Told(
        lambda s: s.kms.encrypt(KeyId="alias/app", Plaintext=b"x", EncryptionContext=CONTEXT),
        parameters=lambda s: {
            "keyId": "alias/app",
            "encryptionContext": CONTEXT,
            **DEFAULT_ALGORITHM,
        },
        additional=material_told,
    ),
    "Decrypt": Told(
        lambda s: s.kms.decrypt(CiphertextBlob=s.blob, EncryptionContext=CONTEXT),
        parameters=lambda s: {"encryptionContext": CONTEXT, **DEFAULT_ALGORITHM},
        additional=material_told,
    ),
    "Decrypt by key": Told(
        lambda s: s.kms.decrypt(CiphertextBlob=s.blob, EncryptionContext=CONTEXT, KeyId=s.arn),
        parameters=lambda s: {
            "keyId": s.arn,
            "encryptionContext": CONTEXT,
            **DEFAULT_ALGORITHM,
        },
        additional=material_told,
    ),
    "Encrypt under a key pair": Told(
        lambda s: s.kms.encrypt(KeyId=s.pair, Plaintext=b"x", EncryptionAlgorithm=RSA),
        parameters=lambda s: {"keyId": s.pair, "encryptionAlgorithm": RSA},
        resources=lambda s: [key(s.pair)],
    ),
    "Decrypt with a key pair": Told(
        lambda s: s.kms.decrypt(
            KeyId=s.pair, CiphertextBlob=s.pairs_ciphertext, EncryptionAlgorithm=RSA
        ),
        parameters=lambda s: {"keyId": s.pair, "encryptionAlgorithm": RSA},
        # The ciphertext has to be there before events are counted.
        resources=lambda s: [key(s.pair)] if s.pairs_ciphertext else [],
    ),
    "GetPublicKey": Told(
        lambda s: s.kms.get_public_key(KeyId=s.pair),
        parameters=lambda s: {"keyId": s.pair},
        resources=lambda s: [key(s.pair)],
    ),
    "Sign": Told(
        lambda s: s.kms.sign(KeyId=s.signer, **SIGNED),
        parameters=lambda s: {
            "keyId": s.signer,
            "messageType": "RAW",
            "signingAlgorithm": "ECDSA_SHA_256",
        },
        resources=lambda s: [key(s.signer)],
    ),
    "Verify": Told(
        lambda s: s.kms.verify(KeyId=s.signer, Signature=s.signature, **SIGNED),
        parameters=lambda s: {
            "keyId": s.signer,
            "messageType": "RAW",
            "signingAlgorithm": "ECDSA_SHA_256",
        },
        resources=lambda s: [key(s.signer)] if s.signature else [],
    ),
    "GenerateMac": Told(
        lambda s: s.kms.generate_mac(KeyId=s.authenticator, **AUTHENTICATED),
        parameters=lambda s: {"keyId": s.authenticator, "macAlgorithm": "HMAC_SHA_256"},
        resources=lambda s: [key(s.authenticator)],
    ),
    "VerifyMac": Told(
        lambda s: s.kms.verify_mac(KeyId=s.authenticator, Mac=s.mac, **AUTHENTICATED),
        parameters=lambda s: {"keyId": s.authenticator, "macAlgorithm": "HMAC_SHA_256"},
        resources=lambda s: [key(s.authenticator)] if s.mac else [],
    ),
    "DeriveSharedSecret": Told(
        lambda s: s.kms.derive_shared_secret(
            KeyId=s.agreeing, PublicKey=PUBLIC_KEY, KeyAgreementAlgorithm="ECDH"
        ),
        parameters=lambda s: {"keyId": s.agreeing, "keyAgreementAlgorithm": "ECDH"},
        resources=lambda s: [key(s.agreeing)],
    ),
    "Encapsulate": Told(
        lambda s: s.kms.encapsulate(KeyId=s.receiver, **ML_KEM),
        parameters=lambda s: {"keyId": s.receiver, "encapsulationAlgorithm": "ML_KEM"},
        resources=lambda s: [key(s.receiver)],
    ),
    "Decapsulate": Told(
        lambda s: s.kms.decapsulate(
            KeyId=s.receiver, SharedSecretCiphertextBlob=bytes(1088), **ML_KEM
        ),
        parameters=lambda s: {"keyId": s.receiver, "encapsulationAlgorithm": "ML_KEM"},
        resources=lambda s: [key(s.receiver)],
    ),
    "GenerateDataKeyPair": Told(
        lambda s: s.kms.generate_data_key_pair(
            KeyId=s.arn, KeyPairSpec="ECC_NIST_P256", EncryptionContext=CONTEXT
        ),
        parameters=lambda s: {
            "keyId": s.arn,
            "keyPairSpec": "ECC_NIST_P256",
            "encryptionContext": CONTEXT,
        },
        additional=material_told,
    ),
    "GenerateDataKeyPairWithoutPlaintext": Told(
        lambda s: s.kms.generate_data_key_pair_without_plaintext(
            KeyId=s.arn, KeyPairSpec="ECC_NIST_P256"
        ),
        parameters=lambda s: {"keyId": s.arn, "keyPairSpec": "ECC_NIST_P256"},
        additional=material_told,
    ),
    "ReEncrypt": Told(
        lambda s: s.kms.re_encrypt(
            CiphertextBlob=s.blob,
            SourceEncryptionContext=CONTEXT,
            DestinationKeyId=s.other,
            DestinationEncryptionContext={"new": "context"},
        ),
        parameters=lambda s: {
            "sourceEncryptionContext": CONTEXT,
            "sourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "destinationKeyId": s.other,
            "destinationEncryptionContext": {"new": "context"},
            "destinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
        additional=lambda s: {
            "destinationKeyMaterialId": s.others_material,
            "sourceKeyMaterialId": s.material,
        },
        resources=lambda s: [key(s.arn), key(s.other)],
    ),
    "GenerateDataKey": Told(
        lambda s: s.kms.generate_data_key(
            KeyId=s.arn, KeySpec="AES_256", EncryptionContext=CONTEXT
        ),
        parameters=lambda s: {
            "keyId": s.arn,
            "keySpec": "AES_256",
            "encryptionContext": CONTEXT,
        },
        additional=material_told,
    ),
    "GenerateDataKeyWithoutPlaintext": Told(
        lambda s: s.kms.generate_data_key_without_plaintext(KeyId=s.arn, NumberOfBytes=24),
        parameters=lambda s: {"keyId": s.arn, "numberOfBytes": 24},
        additional=material_told,
    ),
    "GenerateRandom": Told(
        lambda s: s.kms.generate_random(NumberOfBytes=24),
        parameters=lambda s: None,
        resources=lambda s: [],
    ),
    "CreateAlias": Told(
        lambda s: s.kms.create_alias(AliasName="alias/new", TargetKeyId=s.key_id),
        parameters=lambda s: {"aliasName": "alias/new", "targetKeyId": s.key_id},
        read_only=False,
        response=key_arn_told,
        resources=lambda s: [key(s.arn), alias(s.alias_arn.replace("app", "new"))],
    ),
    "UpdateAlias": Told(
        lambda s: s.kms.update_alias(AliasName="alias/app", TargetKeyId=s.other),
        parameters=lambda s: {"aliasName": "alias/app", "targetKeyId": s.other},
        read_only=False,
        response=lambda s: {"keyId": s.other},
        resources=lambda s: [alias(s.alias_arn), key(s.other)],
    ),
    "DeleteAlias": Told(
        lambda s: s.kms.delete_alias(AliasName="alias/app"),
        parameters=lambda s: {"aliasName": "alias/app"},
        read_only=False,
        response=key_arn_told,
        resources=lambda s: [alias(s.alias_arn), key(s.arn)],
    ),
    "EnableKey": change(lambda s: s.kms.enable_key(KeyId=s.key_id)),
    "DisableKey": change(lambda s: s.kms.disable_key(KeyId=s.key_id)),
    "EnableKeyRotation": change(
        lambda s: s.kms.enable_key_rotation(KeyId=s.key_id, RotationPeriodInDays=180),
        rotationPeriodInDays=180,
    ),
    "DisableKeyRotation": change(lambda s: s.kms.disable_key_rotation(KeyId=s.key_id)),
    "UpdateKeyDescription": change(
        lambda s: s.kms.update_key_description(KeyId=s.key_id, Description="new"),
        description="new",
    ),
    "PutKeyPolicy": change(
        lambda s: s.kms.put_key_policy(
            KeyId=s.key_id, Policy=POLICY, BypassPolicyLockoutSafetyCheck=False
        ),
        policyName="default",
        policy=POLICY,
        bypassPolicyLockoutSafetyCheck=False,
    ),
    "TagResource": change(
        lambda s: s.kms.tag_resource(KeyId=s.key_id, Tags=[{"TagKey": "cost", "TagValue": "1"}]),
        tags=[{"tagKey": "cost", "tagValue": "1"}],
    ),
    "UntagResource": change(
        lambda s: s.kms.untag_resource(KeyId=s.key_id, TagKeys=["a"]), tagKeys=["a"]
    ),
    "ScheduleKeyDeletion": Told(
        lambda s: s.kms.schedule_key_deletion(KeyId=s.key_id, PendingWindowInDays=7),
        parameters=lambda s: {"keyId": s.key_id, "pendingWindowInDays": 7},
        read_only=False,
        response=lambda s: {
            "keyId": s.arn,
            "keyState": "PendingDeletion",
            "deletionDate": "May 8, 2026 12:00:00 PM",
            "pendingWindowInDays": 7,
        },
    ),
    "GetKeyRotationStatus": Told(
        lambda s: s.kms.get_key_rotation_status(KeyId=s.key_id),
        parameters=lambda s: {"keyId": s.key_id},
    ),
    "GetKeyLastUsage": Told(
        lambda s: s.kms.get_key_last_usage(KeyId=s.key_id),
        parameters=lambda s: {"keyId": s.key_id},
    ),
    "ListKeyRotations": Told(
        lambda s: s.kms.list_key_rotations(KeyId=s.key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL"),
        parameters=lambda s: {"keyId": s.key_id, "includeKeyMaterial": "ALL_KEY_MATERIAL"},
    ),
    "GetKeyPolicy": Told(
        lambda s: s.kms.get_key_policy(KeyId=s.key_id),
        parameters=lambda s: {"keyId": s.key_id, "policyName": "default"},
    ),
    "DescribeKey": Told(
        lambda s: s.kms.describe_key(KeyId=s.arn), parameters=lambda s: {"keyId": s.arn}
    ),
    "ListKeyPolicies": Told(
        lambda s: s.kms.list_key_policies(KeyId=s.arn, Limit=5),
        parameters=lambda s: {"keyId": s.arn, "limit": 5},
    ),
    "ListResourceTags": Told(
        lambda s: s.kms.list_resource_tags(KeyId=s.arn),
        parameters=lambda s: {"keyId": s.arn},
    ),
    "ListKeys": Told(
        lambda s: s.kms.list_keys(Limit=5),
        parameters=lambda s: {"limit": 5},
        resources=lambda s: [],
    ),
    "ListGrants": Told(
        lambda s: s.kms.list_grants(KeyId=s.key_id, GranteePrincipal=s.grantee),
        parameters=lambda s: {"keyId": s.key_id, "granteePrincipal": s.grantee},
    ),
    "ListRetirableGrants": Told(
        lambda s: s.kms.list_retirable_grants(RetiringPrincipal=s.grantee),
        parameters=lambda s: {"retiringPrincipal": s.grantee},
        resources=lambda s: [],
    ),
    "CreateGrant": Told(
        # Sent a second time: a named request makes one grant.
        lambda s: s.kms.create_grant(**named_grant(s)),
        parameters=lambda s: {
            "keyId": s.arn,
            "granteePrincipal": s.grantee,
            "operations": ["Encrypt"],
            "constraints": {"encryptionContextEquals": CONTEXT},
            "name": "named",
        },
        read_only=False,
        response=lambda s: {
            "grantId": s.kms.create_grant(**named_grant(s))["GrantId"],
            "keyId": s.arn,
        },
    ),
    "RetireGrant": Told(
        lambda s: s.kms.retire_grant(KeyId=s.arn, GrantId=s.grant_id),
        parameters=lambda s: None,
        read_only=False,
        additional=lambda s: {"grantId": s.grant_id},
    ),
    "RevokeGrant": Told(
        lambda s: s.kms.revoke_grant(KeyId=s.key_id, GrantId=s.grant_id),
        parameters=lambda s: {"keyId": s.key_id, "grantId": s.grant_id},
        read_only=False,
        response=key_arn_told,
    ),
    "ListAliases": Told(
        lambda s: s.kms.list_aliases(),
        parameters=lambda s: None,
        resources=lambda s: [],
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_tells_its_own_members_and_no_other(scene, name):
    told = OPERATIONS[name]
    expected = (
        name.partition(" ")[0],
        told.parameters(scene),
        told.response(scene),
        told.additional(scene),
        told.resources(scene),
        told.read_only,
    )
    event = event_of(scene.lab, lambda: told.call(scene))
    assert expected == (
        event["eventName"],
        event["requestParameters"],
        event["responseElements"],
        event.get("additionalEventData"),
        event["resources"],
        event["readOnly"],
    )
    assert set(event) <= ALWAYS | {"additionalEventData"}


def test_cancelling_a_deletion_tells_the_key(scene):
    scene.kms.schedule_key_deletion(KeyId=scene.arn)
    event = event_of(scene.lab, lambda: scene.kms.cancel_key_deletion(KeyId=scene.key_id))
    assert event["requestParameters"] == {"keyId": scene.key_id}
    assert event["responseElements"] == {"keyId": scene.arn}
    assert event["readOnly"] is False


def test_a_default_window_is_told_as_if_it_had_been_asked_for(scene):
    event = event_of(scene.lab, lambda: scene.kms.schedule_key_deletion(KeyId=scene.arn))
    assert event["requestParameters"] == {"keyId": scene.arn, "pendingWindowInDays": 30}


def test_creating_a_key_tells_what_was_asked_and_the_metadata_that_came_of_it(scene):
    made = {}
    event = event_of(
        scene.lab,
        lambda: made.update(
            scene.kms.create_key(
                Description="for reports",
                Policy=POLICY,
                BypassPolicyLockoutSafetyCheck=True,
                Tags=[{"TagKey": "cost", "TagValue": "1"}],
            )["KeyMetadata"]
        ),
    )
    assert event["requestParameters"] == {
        "policy": POLICY,
        "description": "for reports",
        "keyUsage": "ENCRYPT_DECRYPT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "origin": "AWS_KMS",
        "multiRegion": False,
        "tags": [{"tagKey": "cost", "tagValue": "1"}],
        "bypassPolicyLockoutSafetyCheck": True,
    }
    assert event["responseElements"] == {
        "keyMetadata": {
            "aWSAccountId": ACCOUNT,
            "keyId": made["KeyId"],
            "arn": made["Arn"],
            "creationDate": "May 1, 2026 12:00:00 PM",
            "enabled": True,
            "description": "for reports",
            "keyUsage": "ENCRYPT_DECRYPT",
            "keyState": "Enabled",
            "origin": "AWS_KMS",
            "keyManager": "CUSTOMER",
            "keySpec": "SYMMETRIC_DEFAULT",
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "encryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "multiRegion": False,
            "currentKeyMaterialId": made["CurrentKeyMaterialId"],
        }
    }
    assert event["resources"] == [key(made["Arn"])]
    assert event["readOnly"] is False


def test_the_end_of_a_key_is_an_event_of_the_service_at_its_own_time(scene):
    scene.kms.schedule_key_deletion(KeyId=scene.arn, PendingWindowInDays=7)
    (event,) = events_of(scene.lab, lambda: scene.lab.clock.advance(days=30))
    assert set(event) == ALWAYS - {"requestID"} | {"serviceEventDetails"}
    expected = {
        "userIdentity": {"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
        "eventTime": "2026-05-08T12:00:00Z",
        "eventName": "DeleteKey",
        "eventType": "AwsServiceEvent",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "serviceEventDetails": {"keyId": scene.arn},
        "resources": [key(scene.arn)],
        "readOnly": False,
    }
    assert expected == {name: event[name] for name in expected}


def test_every_operation_that_is_built_is_in_the_table_above():
    from kmslab.services import kms
    from kmslab.wire.model import service_schema

    built = {name for name in service_schema("kms").operation_names if kms.find_operation(name)}
    # RotateKeyOnDemand leaves two events, and so do the operations that concern two Regions; the
    # import of key material takes three steps; of custom key stores there are none:
    # tests/test_kms_rotation.py, _multi_region.py, _import.py, _custom_key_stores.py.
    apart = {"CreateKey", "CancelKeyDeletion", "RotateKeyOnDemand"}
    apart |= {"ReplicateKey", "UpdatePrimaryRegion", "GetParametersForImport"}
    apart |= {"ImportKeyMaterial", "DeleteImportedKeyMaterial"}
    apart |= {name for name in built if "CustomKeyStore" in name}
    assert {name.partition(" ")[0] for name in OPERATIONS} | apart == built


# --- Refused calls ------------------------------------------------------------------------


REFUSALS = {
    "AccessDenied": lambda s: s.lab.client("kms", s.lab.user("nobody")).describe_key(KeyId=s.arn),
    "NotFoundException": lambda s: s.kms.describe_key(KeyId="fake-key-id"),
    "KMSInvalidStateException": lambda s: s.kms.cancel_key_deletion(KeyId=s.arn),
    "InvalidCiphertextException": lambda s: s.kms.decrypt(CiphertextBlob=s.blob),
    "IncorrectKeyException": lambda s: s.kms.decrypt(CiphertextBlob=s.blob, KeyId=s.other),
    "DryRunOperationException": lambda s: s.kms.encrypt(KeyId=s.arn, Plaintext=b"x", DryRun=True),
    "AlreadyExistsException": lambda s: s.kms.create_alias(
        AliasName="alias/app", TargetKeyId=s.arn
    ),
    "ValidationException": lambda s: s.kms.generate_random(),
    "MalformedPolicyDocumentException": lambda s: s.kms.put_key_policy(KeyId=s.arn, Policy="no"),
    "TagException": lambda s: s.kms.tag_resource(
        KeyId=s.arn, Tags=[{"TagKey": "aws:a", "TagValue": "b"}]
    ),
    "InvalidMarkerException": lambda s: s.kms.list_keys(Marker="x"),
    "UnsupportedOperationException": lambda s: s.kms.get_public_key(KeyId=s.arn),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_call_leaves_one_event_with_its_error_and_no_result(scene, code):
    sentences = []

    def call():
        try:
            REFUSALS[code](scene)
        except ClientError as refusal:
            sentences.append(refusal.response["Error"]["Message"])
            raise

    event = event_of(scene.lab, call)
    assert event["errorCode"] == code
    assert event.get("errorMessage", "") == sentences[0]
    assert event["responseElements"] is None
    assert "additionalEventData" not in event
    assert set(event) <= ALWAYS | {"errorCode", "errorMessage"}


def test_a_disabled_key_is_told_by_the_code_that_the_caller_saw(scene):
    scene.kms.disable_key(KeyId=scene.arn)
    event = event_of(scene.lab, lambda: scene.kms.encrypt(KeyId=scene.arn, Plaintext=b"x"))
    assert event["errorCode"] == "DisabledException"
    assert event["errorMessage"] == f"{scene.arn} is disabled."
    assert event["requestParameters"]["keyId"] == scene.arn


def test_a_denied_call_names_its_caller_and_what_was_asked(scene):
    nobody = scene.lab.user("nobody")
    client = scene.lab.client("kms", nobody)
    event = event_of(scene.lab, lambda: client.disable_key(KeyId=scene.arn))
    assert event["userIdentity"]["userName"] == "nobody"
    assert event["requestParameters"] == {"keyId": scene.arn}
    assert event["errorMessage"].startswith(f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not")


def test_what_the_service_model_refuses_is_recorded_too(scene):
    unchecked = scene.lab.client("kms", config=UNCHECKED)
    for call in (
        lambda: unchecked.encrypt(KeyId=scene.arn, Plaintext=b""),
        lambda: unchecked.encrypt(KeyId=scene.arn),
        lambda: scene.kms.describe_key(KeyId="a" * 3000),
    ):
        assert event_of(scene.lab, call)["errorCode"] == "ValidationException"


def test_a_denied_call_from_another_account_is_recorded_in_the_callers_account_only(scene):
    stranger = scene.lab.administrator(OTHER_ACCOUNT)
    client = scene.lab.client("kms", stranger)
    event = event_of(scene.lab, lambda: client.encrypt(KeyId=scene.arn, Plaintext=b"x"))
    assert event["errorCode"] == "AccessDenied"
    assert event["recipientAccountId"] == OTHER_ACCOUNT


# --- What is never recorded ---------------------------------------------------------------


def every_spelling(secret: bytes) -> list[str]:
    return [secret.hex(), base64.b64encode(secret).decode(), repr(secret)[2:-1]]


def test_no_secret_and_no_ciphertext_is_ever_recorded(scene):
    kms, arn = scene.kms, scene.arn
    plaintext = b"the recipe of the lemonade"
    made = kms.encrypt(KeyId=arn, Plaintext=plaintext)["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=made)["Plaintext"]
    moved = kms.re_encrypt(CiphertextBlob=made, DestinationKeyId=scene.other)["CiphertextBlob"]
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    hidden_key = kms.generate_data_key_without_plaintext(KeyId=arn, KeySpec="AES_256")
    drawn = kms.generate_random(NumberOfBytes=32)["Plaintext"]
    tampered = made[:-1] + bytes((made[-1] ^ 1,))
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=tampered)
    with refused("ValidationException", None):
        kms.encrypt(KeyId=arn, Plaintext=plaintext * 200)
    grant_token = kms.create_grant(**named_grant(scene))["GrantToken"]
    kms.encrypt(KeyId=arn, Plaintext=plaintext, GrantTokens=[grant_token])
    kms.retire_grant(GrantToken=grant_token)
    with refused("InvalidGrantTokenException", None):
        kms.encrypt(KeyId=arn, Plaintext=plaintext, GrantTokens=["a-token-to-keep"])
    with suppress(ClientError):
        kms.describe_key(KeyId=arn, GrantTokens=["a-token-to-keep"])
    secrets = [plaintext, opened, made, moved, tampered, drawn]
    secrets += [data_key["Plaintext"], data_key["CiphertextBlob"], hidden_key["CiphertextBlob"]]
    written = json.dumps(scene.lab.events())
    for secret in secrets:
        assert not any(spelling in written for spelling in every_spelling(secret))
    assert "a-token-to-keep" not in written
    assert grant_token not in written


def test_no_key_material_and_no_credential_secret_is_ever_recorded():
    recorder = Recorder(seed=5)
    lab = Lab(random=recorder)
    kms = lab.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    kms.encrypt(KeyId=metadata["KeyId"], Plaintext=b"x")
    written = json.dumps(lab.events())
    tokens = [bytes.fromhex(token.token) for token in lab._store.key_tokens]
    for secret in (recorder.draws[0], recorder.backing_key_of(metadata), *tokens):
        assert not any(spelling in written for spelling in every_spelling(secret))
    access_key = lab.credentials(lab.administrator())
    assert access_key.access_key_id in written
    assert access_key.secret_access_key not in written


def test_the_answer_of_a_reading_call_is_not_recorded(scene):
    event = event_of(scene.lab, lambda: scene.kms.get_key_policy(KeyId=scene.arn))
    assert "Enable IAM User Permissions" not in json.dumps(event)


# --- Whose calls are not recorded ---------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("secret", "InvalidSignatureException"), ("id", "UnrecognizedClientException")],
)
def test_who_cannot_prove_who_they_are_leaves_no_event(scene, wrong, code):
    access_key = scene.lab.credentials(scene.lab.administrator())
    key_id, secret = access_key.access_key_id, access_key.secret_access_key
    impostor = in_process_client(
        "kms",
        REGION,
        "AKIAWRONGWRONGWRONG1" if wrong == "id" else key_id,
        "wrong" * 8 if wrong == "secret" else secret,
        "",
        scene.lab.handle,
    )

    def call():
        with refused(code, None):
            impostor.list_keys()

    assert events_of(scene.lab, call) == []
