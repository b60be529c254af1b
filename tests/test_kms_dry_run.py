"""DryRun on every operation that has it in AWS's service model: all is checked, nothing done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aws_words import OTHER_ACCOUNT, UNKNOWN_KEY_ID, allow, constraint, members, refused

from kmslab import Lab
from kmslab.wire.model import service_schema

MODEL = service_schema("kms").model
WITH_DRY_RUN = {
    name
    for name in MODEL.operation_names
    if (shape := MODEL.operation_model(name).input_shape) and "DryRun" in shape.members
}
SENTENCE = "The request would have succeeded, but the DryRun option is set."
IGNORE = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
RSA = "RSAES_OAEP_SHA_256"


def would_have_succeeded() -> Any:
    return refused("DryRunOperationException", SENTENCE)


@dataclass
class World:
    """A lab with a key of each usage, and what each of them made."""

    lab: Lab
    kms: Any
    arns: dict[str, str]
    grant_id: str
    blob: bytes

    @property
    def arn(self) -> str:
        return self.arns["ENCRYPT_DECRYPT"]


KINDS = {
    "ENCRYPT_DECRYPT": "SYMMETRIC_DEFAULT",
    "SIGN_VERIFY": "ECC_NIST_P256",
    "GENERATE_VERIFY_MAC": "HMAC_256",
    "KEY_AGREEMENT": "ECC_NIST_P256",
    "ENCAPSULATE_DECAPSULATE": "ML_KEM_768",
}
SIGNING = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
MAC = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
ML_KEM = {"EncapsulationAlgorithm": "ML_KEM"}
PAIR = {"KeyPairSpec": "ECC_NIST_P256"}


@pytest.fixture
def world() -> World:
    lab = Lab()
    kms = lab.client("kms")
    arns = {
        usage: kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
        for usage, spec in KINDS.items()
    }
    arn, alice = arns["ENCRYPT_DECRYPT"], lab.user("alice").arn
    grant = kms.create_grant(KeyId=arn, GranteePrincipal=alice, Operations=["Encrypt"])
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    return World(lab, kms, arns, grant["GrantId"], blob)


# Operation → the usage of its key, and good parameters besides KeyId.
CALLS: dict[str, tuple[str, Callable[[World], dict[str, Any]]]] = {
    "Encrypt": ("ENCRYPT_DECRYPT", lambda w: {"Plaintext": b"x"}),
    "Decrypt": ("ENCRYPT_DECRYPT", lambda w: {"CiphertextBlob": w.blob}),
    "ReEncrypt": (
        "ENCRYPT_DECRYPT",
        lambda w: {"CiphertextBlob": w.blob, "DestinationKeyId": w.arn},
    ),
    "GenerateDataKey": ("ENCRYPT_DECRYPT", lambda w: {"KeySpec": "AES_256"}),
    "GenerateDataKeyWithoutPlaintext": ("ENCRYPT_DECRYPT", lambda w: {"KeySpec": "AES_256"}),
    "GenerateDataKeyPair": ("ENCRYPT_DECRYPT", lambda w: PAIR),
    "GenerateDataKeyPairWithoutPlaintext": ("ENCRYPT_DECRYPT", lambda w: PAIR),
    "Sign": ("SIGN_VERIFY", lambda w: SIGNING),
    "Verify": (
        "SIGN_VERIFY",
        lambda w: {
            **SIGNING,
            "Signature": w.kms.sign(KeyId=w.arns["SIGN_VERIFY"], **SIGNING)["Signature"],
        },
    ),
    "GenerateMac": ("GENERATE_VERIFY_MAC", lambda w: MAC),
    "VerifyMac": (
        "GENERATE_VERIFY_MAC",
        lambda w: {
            **MAC,
            "Mac": w.kms.generate_mac(KeyId=w.arns["GENERATE_VERIFY_MAC"], **MAC)["Mac"],
        },
    ),
    "DeriveSharedSecret": (
        "KEY_AGREEMENT",
        lambda w: {
            "KeyAgreementAlgorithm": "ECDH",
            "PublicKey": w.kms.get_public_key(KeyId=w.arns["KEY_AGREEMENT"])["PublicKey"],
        },
    ),
    "Encapsulate": ("ENCAPSULATE_DECAPSULATE", lambda w: ML_KEM),
    "Decapsulate": (
        "ENCAPSULATE_DECAPSULATE",
        lambda w: {**ML_KEM, "SharedSecretCiphertextBlob": bytes(1088)},
    ),
    "CreateGrant": (
        "ENCRYPT_DECRYPT",
        lambda w: {"GranteePrincipal": w.lab.user("alice").arn, "Operations": ["Decrypt"]},
    ),
    "RetireGrant": ("ENCRYPT_DECRYPT", lambda w: {"GrantId": w.grant_id}),
    "RevokeGrant": ("ENCRYPT_DECRYPT", lambda w: {"GrantId": w.grant_id}),
}
# What makes each payload unfit, so that a dry run has to say so.
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "Decrypt": ({"CiphertextBlob": b"x"}, "InvalidCiphertextException"),
    "ReEncrypt": ({"CiphertextBlob": b"x"}, "InvalidCiphertextException"),
    "Sign": ({"MessageType": "DIGEST"}, "ValidationException"),
    "Verify": ({"Signature": b"x"}, "KMSInvalidSignatureException"),
    "VerifyMac": ({"Mac": b"x"}, "KMSInvalidMacException"),
    "DeriveSharedSecret": ({"PublicKey": b"x"}, "ValidationException"),
    "Decapsulate": ({"SharedSecretCiphertextBlob": b"x"}, "InvalidCiphertextException"),
    "GenerateDataKey": ({"NumberOfBytes": 8}, "ValidationException"),
    "GenerateDataKeyPair": ({"KeyPairSpec": "SM2"}, "UnsupportedOperationException"),
}


def ask(client: Any, operation: str, world: World, **more: Any) -> dict[str, Any]:
    usage, parameters = CALLS[operation]
    asked = {"KeyId": world.arns[usage], **parameters(world), **more}
    if operation == "ReEncrypt":
        asked["SourceKeyId"] = asked.pop("KeyId")
    answer: dict[str, Any] = client._make_api_call(operation, asked)
    return answer


def kept(lab: Lab) -> list[Any]:
    store = lab._store
    return [*store.kms_keys, *store.key_tokens, *store.grants]


def test_every_operation_that_has_a_dry_run_is_tried_below():
    assert set(CALLS) == WITH_DRY_RUN


@pytest.mark.parametrize("operation", sorted(WITH_DRY_RUN))
def test_a_dry_run_does_nothing_and_says_that_all_would_be_well(world, operation):
    usage, _ = CALLS[operation]
    CALLS[operation][1](world)
    before, noted = kept(world.lab), len(world.lab.events())
    with would_have_succeeded():
        ask(world.kms, operation, world, DryRun=True)
    assert kept(world.lab) == before
    event = world.lab.events()[-1]
    assert (event["eventName"], event["errorCode"]) == (operation, "DryRunOperationException")
    assert event["responseElements"] is None
    assert [each["ARN"] for each in event["resources"]][:1] == [world.arns[usage]]
    assert len(world.lab.events()) - noted <= 2
    # And so it is.
    assert ask(world.kms, operation, world, DryRun=False)["ResponseMetadata"]


@pytest.mark.parametrize("operation", sorted(WITH_DRY_RUN))
def test_a_dry_run_is_denied_to_whoever_may_not(world, operation):
    nobody = world.lab.client("kms", world.lab.user("nobody"))
    with refused("AccessDeniedException", None):
        ask(nobody, operation, world, DryRun=True)


@pytest.mark.parametrize("operation", sorted(WITH_DRY_RUN - {"RetireGrant", "RevokeGrant"}))
def test_a_dry_run_tells_of_a_disabled_key(world, operation):
    usage, parameters = CALLS[operation]
    good = parameters(world)
    world.kms.disable_key(KeyId=world.arns[usage])
    asked = {"KeyId": world.arns[usage], **good, "DryRun": True}
    if operation == "ReEncrypt":
        asked["SourceKeyId"] = asked.pop("KeyId")
    with refused("DisabledException", f"{world.arns[usage]} is disabled."):
        world.kms._make_api_call(operation, asked)


@pytest.mark.parametrize("operation", SPOILED)
def test_a_dry_run_tells_of_what_does_not_fit(world, operation):
    spoiled, code = SPOILED[operation]
    with refused(code, None):
        ask(world.kms, operation, world, DryRun=True, **spoiled)


# --- IGNORE_CIPHERTEXT --------------------------------------------------------------------


def without_ciphertext(world: World, operation: str, **more: Any) -> dict[str, Any]:
    asked = {"KeyId": world.arn}
    if operation == "ReEncrypt":
        asked = {"SourceKeyId": world.arn, "DestinationKeyId": world.arn}
    return {**asked, **IGNORE, **more}


def test_the_modifier_is_known_on_decrypt_and_re_encrypt_alone():
    have = {
        name
        for name in WITH_DRY_RUN
        if "DryRunModifiers" in MODEL.operation_model(name).input_shape.members
    }
    assert have == {"Decrypt", "ReEncrypt"}
    assert MODEL.shape_for("DryRunModifierType").enum == ["IGNORE_CIPHERTEXT"]


@pytest.mark.parametrize("operation", ["Decrypt", "ReEncrypt"])
@pytest.mark.parametrize("sent", ["nothing", "noise", "another key's"])
def test_a_ciphertext_that_is_ignored_need_not_be_there_or_be_good(world, operation, sent):
    other = world.kms.create_key()["KeyMetadata"]["Arn"]
    foreign = world.kms.encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
    more = {"nothing": {}, "noise": {"CiphertextBlob": b"x"}}.get(sent, {"CiphertextBlob": foreign})
    with would_have_succeeded():
        world.kms._make_api_call(operation, without_ciphertext(world, operation, **more))
    (resource,) = {each["ARN"] for each in world.lab.events()[-1]["resources"]}
    assert resource == world.arn


@pytest.mark.parametrize("operation", ["Decrypt", "ReEncrypt"])
def test_without_a_ciphertext_the_key_must_be_named(world, operation):
    asked = without_ciphertext(world, operation)
    member = "SourceKeyId" if operation == "ReEncrypt" else "KeyId"
    del asked[member]
    with refused("ValidationException", f"{member} is required with IGNORE_CIPHERTEXT."):
        world.kms._make_api_call(operation, asked)
    with refused("NotFoundException", None):
        world.kms._make_api_call(operation, {**asked, member: UNKNOWN_KEY_ID})


@pytest.mark.parametrize("operation", ["Decrypt", "ReEncrypt"])
@pytest.mark.parametrize("dry_run", [{}, {"DryRun": False}])
def test_the_modifier_says_nothing_about_a_call_that_is_meant(world, operation, dry_run):
    asked = without_ciphertext(world, operation)
    del asked["DryRun"]
    sentence = (
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy "
        "constraint: Member must not be null"
    )
    with refused("ValidationException", sentence):
        world.kms._make_api_call(operation, {**asked, **dry_run})
    answer = world.kms._make_api_call(operation, {**asked, **dry_run, "CiphertextBlob": world.blob})
    assert members(answer) >= {"KeyId"}


def test_rights_state_and_algorithm_are_still_looked_at(world):
    nobody = world.lab.client("kms", world.lab.user("nobody"))
    for operation in ("Decrypt", "ReEncrypt"):
        with refused("AccessDeniedException", None):
            nobody._make_api_call(operation, without_ciphertext(world, operation))
        with refused("InvalidKeyUsageException", None):
            member = (
                "SourceEncryptionAlgorithm" if operation == "ReEncrypt" else ("EncryptionAlgorithm")
            )
            world.kms._make_api_call(
                operation, without_ciphertext(world, operation, **{member: RSA})
            )
    signer = world.arns["SIGN_VERIFY"]
    with refused("InvalidKeyUsageException", None):
        world.kms.decrypt(KeyId=signer, **IGNORE)
    world.kms.disable_key(KeyId=world.arn)
    for operation in ("Decrypt", "ReEncrypt"):
        with refused("DisabledException", None):
            world.kms._make_api_call(operation, without_ciphertext(world, operation))


def test_both_halves_of_the_right_to_re_encrypt_are_asked_for(world):
    other = world.kms.create_key()["KeyMetadata"]["Arn"]
    asked = {"SourceKeyId": world.arn, "DestinationKeyId": other, **IGNORE}
    for name, action in (("from", "kms:ReEncryptFrom"), ("to", "kms:ReEncryptTo")):
        half = world.lab.client("kms", world.lab.user(name, allow(action)))
        with refused("AccessDeniedException", None):
            half.re_encrypt(**asked)
    whole = world.lab.client("kms", world.lab.user("both", allow("kms:ReEncrypt*")))
    with would_have_succeeded():
        whole.re_encrypt(**asked)


@pytest.mark.parametrize("same", [True, False])
def test_a_condition_on_the_same_key_goes_by_the_keys_that_are_named(world, same):
    other = world.kms.create_key()["KeyMetadata"]["Arn"]
    condition = {"Bool": {"kms:ReEncryptOnSameKey": "true"}}
    user = world.lab.user("mover", allow("kms:ReEncrypt*", Condition=condition))
    # The ciphertext would say otherwise, but nobody looks at it.
    blob = world.kms.encrypt(KeyId=other if same else world.arn, Plaintext=b"x")["CiphertextBlob"]
    asked = {
        "SourceKeyId": world.arn if same else other,
        "DestinationKeyId": world.arn,
        "CiphertextBlob": blob,
        **IGNORE,
    }
    expected = would_have_succeeded() if same else refused("AccessDeniedException", None)
    with expected:
        world.lab.client("kms", user).re_encrypt(**asked)


def test_a_pair_is_asked_about_with_its_algorithm(world):
    kind = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
    arn = world.kms.create_key(**kind)["KeyMetadata"]["Arn"]
    with would_have_succeeded():
        world.kms.decrypt(KeyId=arn, EncryptionAlgorithm=RSA, **IGNORE)
    with refused("InvalidKeyUsageException", None):
        world.kms.decrypt(KeyId=arn, **IGNORE)


def test_a_modifier_that_nobody_knows_is_refused(world):
    rule = "satisfy enum value set: [IGNORE_CIPHERTEXT]"
    with constraint("dryRunModifiers.1.member", rule, "IGNORE_ALL"):
        world.kms.decrypt(KeyId=world.arn, DryRun=True, DryRunModifiers=["IGNORE_ALL"])


def test_a_foreign_key_is_hidden_in_a_dry_run_too(world):
    stranger = world.lab.administrator(OTHER_ACCOUNT)
    with refused("AccessDeniedException", None):
        world.lab.client("kms", stranger).decrypt(KeyId=world.arn, **IGNORE)
