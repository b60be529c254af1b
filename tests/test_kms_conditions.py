"""Who may sign, authenticate, agree and encapsulate: grants and the condition keys of each."""

from typing import Any

import pytest
from aws_words import OTHER_ACCOUNT, allow, no_identity_policy, refused

from kmslab import Lab

pytest_plugins = ["lab_session"]

SIGNED = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
MAC = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
ECDH, ML_KEM = {"KeyAgreementAlgorithm": "ECDH"}, {"EncapsulationAlgorithm": "ML_KEM"}
KINDS = {
    "SIGN_VERIFY": "ECC_NIST_P256",
    "GENERATE_VERIFY_MAC": "HMAC_256",
    "KEY_AGREEMENT": "ECC_NIST_P256",
    "ENCAPSULATE_DECAPSULATE": "ML_KEM_768",
}


def made(kms: Any, usage: str, spec: str = "") -> str:
    asked = {"KeySpec": spec or KINDS[usage], "KeyUsage": usage}
    return str(kms.create_key(**asked)["KeyMetadata"]["Arn"])


def uses(kms: Any, usage: str, arn: str) -> dict[str, dict[str, Any]]:
    """Operation → good parameters, for every operation of a usage."""
    named = {"KeyId": arn}
    if usage == "SIGN_VERIFY":
        signature = kms.sign(**named, **SIGNED)["Signature"]
        return {
            "Sign": {**named, **SIGNED},
            "Verify": {**named, **SIGNED, "Signature": signature},
            "GetPublicKey": named,
        }
    if usage == "GENERATE_VERIFY_MAC":
        code = kms.generate_mac(**named, **MAC)["Mac"]
        return {"GenerateMac": {**named, **MAC}, "VerifyMac": {**named, **MAC, "Mac": code}}
    if usage == "KEY_AGREEMENT":
        public_key = kms.get_public_key(**named)["PublicKey"]
        return {
            "DeriveSharedSecret": {**named, **ECDH, "PublicKey": public_key},
            "GetPublicKey": named,
        }
    blob = kms.encapsulate(**named, **ML_KEM)["SharedSecretCiphertextBlob"]
    return {
        "Encapsulate": {**named, **ML_KEM},
        "Decapsulate": {**named, **ML_KEM, "SharedSecretCiphertextBlob": blob},
        "GetPublicKey": named,
    }


# --- Grants -------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", KINDS)
def test_a_grant_allows_just_the_operations_that_it_names(lab, kms, usage):
    arn = made(kms, usage)
    operations = uses(kms, usage, arn)
    for granted in operations:
        bob = lab.user(f"bob-{granted}")
        client = lab.client("kms", bob)
        kms.create_grant(KeyId=arn, GranteePrincipal=bob.arn, Operations=[granted])
        for operation, asked in operations.items():
            if operation == granted:
                assert client._make_api_call(operation, asked)["KeyId"] == arn
            else:
                with no_identity_policy(bob, f"kms:{operation}", arn):
                    client._make_api_call(operation, asked)


@pytest.mark.parametrize("usage", KINDS)
def test_a_grant_gives_no_operation_that_its_key_cannot_do(lab, kms, usage):
    arn, bob = made(kms, usage), lab.user("bob")
    own = set(uses(kms, usage, arn))
    every = {operation for each in KINDS for operation in uses(kms, each, made(kms, each))}
    for operation in {"Encrypt", "GenerateDataKeyPair", *every} - own:
        with refused("ValidationException", None):
            kms.create_grant(KeyId=arn, GranteePrincipal=bob.arn, Operations=[operation])


def test_an_encryption_context_constrains_no_other_key(lab, kms):
    for usage in KINDS:
        with refused("ValidationException", None):
            kms.create_grant(
                KeyId=made(kms, usage),
                GranteePrincipal=lab.user("bob").arn,
                Operations=["DescribeKey"],
                Constraints={"EncryptionContextEquals": {"a": "b"}},
            )


# --- Condition keys -----------------------------------------------------------------------

DIGEST = {**SIGNED, "Message": bytes(32), "MessageType": "DIGEST"}
CONDITIONS = {
    "kms:SigningAlgorithm, that": ("SIGN_VERIFY", "Sign", SIGNED, "ECDSA_SHA_256", True),
    "kms:SigningAlgorithm, another": ("SIGN_VERIFY", "Sign", SIGNED, "ECDSA_SHA_384", False),
    "kms:MessageType, by default": ("SIGN_VERIFY", "Sign", SIGNED, "RAW", True),
    "kms:MessageType, told": ("SIGN_VERIFY", "Sign", DIGEST, "DIGEST", True),
    "kms:MessageType, another": ("SIGN_VERIFY", "Sign", DIGEST, "RAW", False),
    "kms:MacAlgorithm, that": ("GENERATE_VERIFY_MAC", "GenerateMac", MAC, "HMAC_SHA_256", True),
    "kms:MacAlgorithm, another": ("GENERATE_VERIFY_MAC", "GenerateMac", MAC, "HMAC_SHA_1", False),
    "kms:KeyAgreementAlgorithm, that": ("KEY_AGREEMENT", "DeriveSharedSecret", {}, "ECDH", True),
    "kms:KeyAgreementAlgorithm, another": ("KEY_AGREEMENT", "DeriveSharedSecret", {}, "X", False),
    "kms:KeySpec, that": ("ENCAPSULATE_DECAPSULATE", "Encapsulate", {}, "ML_KEM_768", True),
    "kms:KeySpec, another": ("ENCAPSULATE_DECAPSULATE", "Encapsulate", {}, "ML_KEM_1024", False),
    "kms:KeyUsage, that": ("KEY_AGREEMENT", "DeriveSharedSecret", {}, "KEY_AGREEMENT", True),
    "kms:KeyUsage, another": ("KEY_AGREEMENT", "DeriveSharedSecret", {}, "SIGN_VERIFY", False),
    "kms:RecipientAttestation:PCR0, absent": (
        "KEY_AGREEMENT",
        "DeriveSharedSecret",
        {},
        "x",
        False,
    ),
    "kms:EncryptionAlgorithm, absent": ("SIGN_VERIFY", "Sign", SIGNED, "ECDSA_SHA_256", False),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_policy_may_ask_how_a_key_is_used(lab, kms, case):
    usage, operation, more, value, allowed = CONDITIONS[case]
    arn = made(kms, usage)
    condition = {"StringEquals": {case.partition(",")[0]: value}}
    user = lab.user("careful", allow(f"kms:{operation}", Condition=condition))
    asked = {**uses(kms, usage, arn)[operation], **more}
    client = lab.client("kms", user)
    if allowed:
        assert client._make_api_call(operation, asked)["KeyId"] == arn
    else:
        with no_identity_policy(user, f"kms:{operation}", arn):
            client._make_api_call(operation, asked)


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
def test_a_policy_may_ask_which_data_key_pairs_are_made(lab: Lab, kms: Any, arn: str, spec: str):
    condition = {"StringLike": {"kms:DataKeyPairSpec": "ECC_*"}}
    user = lab.user("careful", allow("kms:GenerateDataKeyPair*", Condition=condition))
    client = lab.client("kms", user)
    for name in ("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"):
        asked = {"KeyId": arn, "KeyPairSpec": spec}
        if spec.startswith("ECC"):
            assert client._make_api_call(name, asked)["KeyPairSpec"] == spec
        else:
            with no_identity_policy(user, f"kms:{name}", arn):
                client._make_api_call(name, asked)


def test_the_right_to_data_keys_is_none_to_pairs(lab, arn):
    user = lab.user("maker", allow("kms:GenerateDataKey"))
    client = lab.client("kms", user)
    assert client.generate_data_key(KeyId=arn, KeySpec="AES_256")
    with no_identity_policy(user, "kms:GenerateDataKeyPair", arn):
        client.generate_data_key_pair(KeyId=arn, KeyPairSpec="ECC_NIST_P256")


# --- Other accounts and Regions -----------------------------------------------------------


@pytest.mark.parametrize("usage", KINDS)
def test_a_foreign_key_is_used_by_arn_where_both_sides_allow_it(lab, kms, usage):
    arn = made(kms, usage)
    operations = uses(kms, usage, arn)
    stranger = lab.user("stranger", allow("kms:*"), account=OTHER_ACCOUNT)
    client = lab.client("kms", stranger)
    for operation, asked in operations.items():
        with refused("AccessDeniedException", None):
            client._make_api_call(operation, asked)
    kms.create_grant(KeyId=arn, GranteePrincipal=stranger.arn, Operations=list(operations))
    for operation, asked in operations.items():
        assert client._make_api_call(operation, asked)["KeyId"] == arn
    with refused("NotFoundException", None):
        client.describe_key(KeyId=arn.rpartition("/")[2])


@pytest.mark.parametrize("usage", KINDS)
def test_a_key_answers_to_its_alias_and_in_its_own_region_alone(lab, kms, usage):
    arn = made(kms, usage)
    operations = uses(kms, usage, arn)
    kms.create_alias(AliasName="alias/here", TargetKeyId=arn)
    elsewhere = lab.client("kms", region_name="eu-west-1")
    for operation, asked in operations.items():
        answer = kms._make_api_call(operation, {**asked, "KeyId": "alias/here"})
        assert answer["KeyId"] == arn
        with refused("NotFoundException", "Invalid arn us-east-1"):
            elsewhere._make_api_call(operation, asked)
