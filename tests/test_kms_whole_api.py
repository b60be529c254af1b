"""The whole KMS API, generated from AWS's own service model: all of it works or is refused.

What is expected stands here once more, taken from AWS's documentation (KMS Developer Guide, "Key
spec reference"; API Reference) and not from the code. Every operation, and every value that the
model has for a key's spec, its usage, its algorithms and a message's type, is tried; one that a new
botocore adds fails here until somebody decides about it.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from aws_words import refused
from botocore.exceptions import ClientError

from kmslab import Lab
from kmslab.project import FOLDER
from kmslab.services import kms as kms_service
from kmslab.wire.model import service_schema

MODEL = service_schema("kms").model
OPERATIONS = sorted(MODEL.operation_names)

# --- The closed list of what is refused ---------------------------------------------------

# What → why. It stands in the README's table, too.
REFUSED = {
    "SM2": "AWS itself has it in its China Regions alone",
    "ML_KEM_512": "no library that this lab stands on does the smallest parameter set",
    "ED25519_PH_SHA_512": "nor the prehashed variant of Ed25519",
    "Recipient": "its attestation document is signed by a Nitro enclave, and here is none",
    "custom key stores": "they stand for a CloudHSM cluster or a key manager outside of AWS",
}


def test_every_operation_of_the_model_is_answered():
    assert len(OPERATIONS) == 56
    assert [name for name in OPERATIONS if kms_service.find_operation(name) is None] == []


def test_the_readme_names_all_that_is_refused():
    table = (FOLDER / "README.md").read_text()
    assert [name for name in REFUSED if name not in table] == []


# --- What AWS documents -------------------------------------------------------------------

RSA_SIGNING = {
    f"RSASSA_{padding}_SHA_{size}" for padding in ("PSS", "PKCS1_V1_5") for size in (256, 384, 512)
}
RSA_ENCRYPTION = {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}
# Key spec → key usage → algorithms.
EXPECTED: dict[str, dict[str, set[str]]] = {
    "SYMMETRIC_DEFAULT": {"ENCRYPT_DECRYPT": {"SYMMETRIC_DEFAULT"}},
    "HMAC_224": {"GENERATE_VERIFY_MAC": {"HMAC_SHA_224"}},
    "HMAC_256": {"GENERATE_VERIFY_MAC": {"HMAC_SHA_256"}},
    "HMAC_384": {"GENERATE_VERIFY_MAC": {"HMAC_SHA_384"}},
    "HMAC_512": {"GENERATE_VERIFY_MAC": {"HMAC_SHA_512"}},
    "RSA_2048": {"ENCRYPT_DECRYPT": RSA_ENCRYPTION, "SIGN_VERIFY": RSA_SIGNING},
    "RSA_3072": {"ENCRYPT_DECRYPT": RSA_ENCRYPTION, "SIGN_VERIFY": RSA_SIGNING},
    "RSA_4096": {"ENCRYPT_DECRYPT": RSA_ENCRYPTION, "SIGN_VERIFY": RSA_SIGNING},
    "ECC_NIST_P256": {"SIGN_VERIFY": {"ECDSA_SHA_256"}, "KEY_AGREEMENT": {"ECDH"}},
    "ECC_NIST_P384": {"SIGN_VERIFY": {"ECDSA_SHA_384"}, "KEY_AGREEMENT": {"ECDH"}},
    "ECC_NIST_P521": {"SIGN_VERIFY": {"ECDSA_SHA_512"}, "KEY_AGREEMENT": {"ECDH"}},
    "ECC_SECG_P256K1": {"SIGN_VERIFY": {"ECDSA_SHA_256"}},
    "ECC_NIST_EDWARDS25519": {"SIGN_VERIFY": {"ED25519_SHA_512"}},
    "ML_DSA_44": {"SIGN_VERIFY": {"ML_DSA_SHAKE_256"}},
    "ML_DSA_65": {"SIGN_VERIFY": {"ML_DSA_SHAKE_256"}},
    "ML_DSA_87": {"SIGN_VERIFY": {"ML_DSA_SHAKE_256"}},
    "ML_KEM_768": {"ENCAPSULATE_DECAPSULATE": {"ML_KEM"}},
    "ML_KEM_1024": {"ENCAPSULATE_DECAPSULATE": {"ML_KEM"}},
}
REFUSED_SPECS = {"SM2", "ML_KEM_512"}
MEMBERS = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms",
    "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms",
    "KEY_AGREEMENT": "KeyAgreementAlgorithms",
    "ENCAPSULATE_DECAPSULATE": "EncapsulationAlgorithms",
}
KINDS = [(spec, usage) for spec, usages in EXPECTED.items() for usage in usages]
IDS = [f"{spec} {usage}" for spec, usage in KINDS]


def values_of(shape: str) -> list[str]:
    return list(MODEL.shape_for(shape).enum)


@pytest.fixture(scope="module")
def world() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def client(world: Lab) -> Any:
    return world.client("kms")


@pytest.fixture(scope="module")
def arns(client: Any) -> dict[tuple[str, str], str]:
    """One key of every kind that there can be."""
    made = {}
    for spec, usage in KINDS:
        metadata = client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
        made[spec, usage] = metadata["Arn"]
    return made


# --- Keys ---------------------------------------------------------------------------------


def test_every_key_spec_of_the_model_is_decided_about():
    assert set(values_of("KeySpec")) == set(EXPECTED) | REFUSED_SPECS
    assert set(values_of("CustomerMasterKeySpec")) <= set(EXPECTED) | REFUSED_SPECS
    assert set(values_of("KeyUsageType")) == set(MEMBERS)


@pytest.mark.parametrize(
    ("spec", "usage"), list(product(values_of("KeySpec"), values_of("KeyUsageType")))
)
def test_a_key_of_each_spec_and_usage_is_made_or_refused(client, arns, spec, usage):
    asked = {"KeySpec": spec, "KeyUsage": usage}
    if spec in REFUSED_SPECS:
        with refused("UnsupportedOperationException", None):
            client.create_key(**asked)
    elif usage not in EXPECTED[spec]:
        sentence = f"KeyUsage {usage} is not compatible with KeySpec {spec}"
        with refused("ValidationException", sentence):
            client.create_key(**asked)
    else:
        metadata = client.describe_key(KeyId=arns[spec, usage])["KeyMetadata"]
        assert (metadata["KeySpec"], metadata["KeyUsage"]) == (spec, usage)
        assert metadata["CustomerMasterKeySpec"] == spec
        assert set(metadata[MEMBERS[usage]]) == EXPECTED[spec][usage]
        assert {*MEMBERS.values()} & set(metadata) == {MEMBERS[usage]}


@pytest.mark.parametrize("spec", [spec for spec in EXPECTED if spec != "SYMMETRIC_DEFAULT"])
def test_every_other_spec_needs_its_usage_told(client, spec):
    with refused(
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    ):
        client.create_key(KeySpec=spec)


@pytest.mark.parametrize(("spec", "usage"), KINDS, ids=IDS)
def test_a_pair_has_a_public_key_and_nothing_else_has(client, arns, spec, usage):
    arn = arns[spec, usage]
    if spec == "SYMMETRIC_DEFAULT" or usage == "GENERATE_VERIFY_MAC":
        with refused("UnsupportedOperationException", ""):
            client.get_public_key(KeyId=arn)
        return
    answer = client.get_public_key(KeyId=arn)
    assert (answer["KeySpec"], answer["KeyUsage"]) == (spec, usage)
    assert set(answer[MEMBERS[usage]]) == EXPECTED[spec][usage]
    assert answer["PublicKey"][0] == 0x30


# --- Every operation that works with a key, on every kind of key, with every algorithm ----

# Operation → the usage that it needs, and the member and shape of its algorithm.
USES = {
    "Encrypt": ("ENCRYPT_DECRYPT", "EncryptionAlgorithm", "EncryptionAlgorithmSpec"),
    "Decrypt": ("ENCRYPT_DECRYPT", "EncryptionAlgorithm", "EncryptionAlgorithmSpec"),
    "Sign": ("SIGN_VERIFY", "SigningAlgorithm", "SigningAlgorithmSpec"),
    "Verify": ("SIGN_VERIFY", "SigningAlgorithm", "SigningAlgorithmSpec"),
    "GenerateMac": ("GENERATE_VERIFY_MAC", "MacAlgorithm", "MacAlgorithmSpec"),
    "VerifyMac": ("GENERATE_VERIFY_MAC", "MacAlgorithm", "MacAlgorithmSpec"),
    "DeriveSharedSecret": (
        *("KEY_AGREEMENT", "KeyAgreementAlgorithm", "KeyAgreementAlgorithmSpec"),
    ),
    "Encapsulate": (
        *("ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithm", "EncapsulationAlgorithmSpec"),
    ),
    "Decapsulate": (
        *("ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithm", "EncapsulationAlgorithmSpec"),
    ),
}
# What an operation takes that another one made.
MADE_BY = {
    "Decrypt": ("Encrypt", "CiphertextBlob", "CiphertextBlob"),
    "Verify": ("Sign", "Signature", "Signature"),
    "VerifyMac": ("GenerateMac", "Mac", "Mac"),
    "Decapsulate": ("Encapsulate", "SharedSecretCiphertextBlob", "SharedSecretCiphertextBlob"),
    "DeriveSharedSecret": ("GetPublicKey", "PublicKey", "PublicKey"),
}


def test_every_algorithm_of_the_model_is_tried():
    shapes = {shape for _, _, shape in USES.values()}
    of_model = {
        name
        for name in MODEL.shape_names
        if name.endswith("AlgorithmSpec") and name != "AlgorithmSpec"
    }
    assert of_model == shapes
    # Where else the model speaks of algorithms, it is about the way in.
    assert set(values_of("AlgorithmSpec")) >= RSA_ENCRYPTION
    known = {value for usages in EXPECTED.values() for each in usages.values() for value in each}
    unknown = {value for shape in shapes for value in values_of(shape)} - known
    assert unknown == {"SM2PKE", "SM2DSA", "ED25519_PH_SHA_512"}


@pytest.mark.parametrize("operation", USES)
@pytest.mark.parametrize(("spec", "usage"), KINDS, ids=IDS)
def test_every_algorithm_works_on_its_keys_and_is_refused_on_others(
    client, arns, operation, spec, usage
):
    needed, member, shape = USES[operation]
    for algorithm in values_of(shape):
        asked = {"KeyId": arns[spec, usage], member: algorithm}
        if usage != needed:
            sentence = f"{arns[spec, usage]} key usage is {usage} which is not valid for "
            with refused("InvalidKeyUsageException", f"{sentence}{operation}."):
                client._make_api_call(operation, {**payload(operation), **asked})
        elif spec == "ECC_NIST_EDWARDS25519" and algorithm == "ED25519_PH_SHA_512":
            with refused("UnsupportedOperationException", None):
                client._make_api_call(operation, {**payload(operation), **asked})
        elif algorithm not in EXPECTED[spec][usage]:
            sentence = f"Algorithm {algorithm} is incompatible with key spec {spec}."
            with refused("InvalidKeyUsageException", sentence):
                client._make_api_call(operation, {**payload(operation), **asked})
        else:
            answer = client._make_api_call(operation, fitting(client, operation, asked))
            assert answer["KeyId"] == arns[spec, usage]
            assert answer[member] == algorithm


def payload(operation: str) -> dict[str, Any]:
    """Some value for each required member that is neither key nor algorithm; one byte will do."""
    shape = MODEL.operation_model(operation).input_shape
    wanted = {*shape.required_members, *MADE_BY.get(operation, ("", "", ""))[1:2]} - {""}
    return {name: b"x" for name in wanted if shape.members[name].type_name == "blob"}


def fitting(client: Any, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """`asked` with what the key itself made before."""
    if operation not in MADE_BY:
        return {**payload(operation), **asked}
    maker, made, member = MADE_BY[operation]
    before = {"KeyId": asked["KeyId"]} if maker == "GetPublicKey" else {**payload(maker), **asked}
    return {**payload(operation), **asked, member: client._make_api_call(maker, before)[made]}


# --- Messages -----------------------------------------------------------------------------

DIGEST_SIZES = {"256": 32, "384": 48, "512": 64}


def outcome_of(algorithm: str, message_type: str, size: int) -> tuple[str, str] | None:
    """The refusal that AWS documents for a message of this type and size; None where it works."""
    takes = {"ED25519_SHA_512": {"RAW"}, "ML_DSA_SHAKE_256": {"RAW", "EXTERNAL_MU"}}
    if message_type not in takes.get(algorithm, {"RAW", "DIGEST"}):
        return "ValidationException", f"MessageType {message_type} is not valid for {algorithm}."
    right = {"RAW": size, "EXTERNAL_MU": 64}.get(message_type, DIGEST_SIZES.get(algorithm[-3:], 0))
    if size != right:
        return "ValidationException", f"Digest is invalid length for algorithm {algorithm}."
    return None


@pytest.mark.parametrize(
    "spec", [spec for spec, usages in EXPECTED.items() if "SIGN_VERIFY" in usages]
)
def test_every_type_of_message_works_or_is_refused(client, arns, spec):
    arn = arns[spec, "SIGN_VERIFY"]
    types = values_of("MessageType")
    assert types == ["RAW", "DIGEST", "EXTERNAL_MU"]
    for algorithm, message_type, size in product(
        sorted(EXPECTED[spec]["SIGN_VERIFY"]), types, (1, 32, 48, 64, 65)
    ):
        asked = {
            "KeyId": arn,
            "SigningAlgorithm": algorithm,
            "MessageType": message_type,
            "Message": bytes(size),
        }
        refusal = outcome_of(algorithm, message_type, size)
        if refusal:
            with refused(*refusal):
                client.sign(**asked)
            with refused(*refusal):
                client.verify(Signature=b"x", **asked)
        else:
            signature = client.sign(**asked)["Signature"]
            assert client.verify(Signature=signature, **asked)["SignatureValid"] is True


# --- Data keys ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"]
)
def test_every_kind_of_data_key_pair_is_made_or_refused(client, arns, operation):
    arn = arns["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"]
    for spec in values_of("DataKeyPairSpec"):
        if spec in REFUSED_SPECS:
            with refused("UnsupportedOperationException", None):
                client._make_api_call(operation, {"KeyId": arn, "KeyPairSpec": spec})
        else:
            assert spec in EXPECTED
            answer = client._make_api_call(operation, {"KeyId": arn, "KeyPairSpec": spec})
            assert ("PrivateKeyPlaintext" in answer) == (operation == "GenerateDataKeyPair")


@pytest.mark.parametrize(("spec", "usage"), KINDS, ids=IDS)
def test_data_keys_are_made_under_symmetric_keys_alone(client, arns, spec, usage):
    asked = {
        "GenerateDataKey": {"KeySpec": "AES_256"},
        "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_128"},
        "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
        "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    }
    assert set(values_of("DataKeySpec")) == {"AES_256", "AES_128"}
    for operation, parameters in asked.items():
        call = {"KeyId": arns[spec, usage], **parameters}
        if spec == "SYMMETRIC_DEFAULT":
            assert client._make_api_call(operation, call)["KeyId"] == arns[spec, usage]
        else:
            with refused("InvalidKeyUsageException", None):
                client._make_api_call(operation, call)


# --- What is refused by name --------------------------------------------------------------


def test_a_recipient_is_refused_wherever_the_model_has_one(client, arns):
    with_recipient = {
        name
        for name in OPERATIONS
        if (shape := MODEL.operation_model(name).input_shape) and "Recipient" in shape.members
    }
    assert with_recipient == {
        *("Decrypt", "DeriveSharedSecret", "GenerateDataKey", "GenerateDataKeyPair"),
        "GenerateRandom",
    }
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"}
    agreeing = arns["ECC_NIST_P256", "KEY_AGREEMENT"]
    symmetric = arns["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"]
    blob = client.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    calls = {
        "Decrypt": {"CiphertextBlob": blob},
        "DeriveSharedSecret": {
            "KeyId": agreeing,
            "KeyAgreementAlgorithm": "ECDH",
            "PublicKey": client.get_public_key(KeyId=agreeing)["PublicKey"],
        },
        "GenerateDataKey": {"KeyId": symmetric, "KeySpec": "AES_256"},
        "GenerateDataKeyPair": {"KeyId": symmetric, "KeyPairSpec": "ECC_NIST_P256"},
        "GenerateRandom": {"NumberOfBytes": 8},
    }
    for operation in sorted(with_recipient):
        assert client._make_api_call(operation, calls[operation])
        with refused("UnsupportedOperationException", "Recipient is not supported by kmslab yet."):
            client._make_api_call(operation, {**calls[operation], "Recipient": recipient})


@pytest.mark.parametrize("origin", values_of("OriginType"))
def test_a_key_of_every_origin_is_made_or_refused(client, origin):
    asked = {"Origin": origin}
    if origin == "AWS_KMS":
        assert client.create_key(**asked)["KeyMetadata"]["Origin"] == origin
    elif origin in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"):
        with pytest.raises(ClientError) as caught:
            client.create_key(**asked)
        assert caught.value.response["Error"]["Code"] in GENERAL | {
            "CustomKeyStoreNotFoundException"
        }
    else:
        assert client.create_key(**asked)["KeyMetadata"]["KeyState"] == "PendingImport"


# --- Every operation, on every kind of key ------------------------------------------------

# Errors that AWS sends without having them in the model of each operation.
GENERAL = {"ValidationException", "AccessDeniedException", "UnsupportedOperationException"}


def least_input(operation: str, key_arn: str, grantee: str) -> dict[str, Any]:
    """The required members of an operation, with values that the model admits and that name what
    is there."""
    named = {
        **dict.fromkeys(("KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"), key_arn),
        "AliasName": "alias/model",
        "GranteePrincipal": grantee,
        "RetiringPrincipal": grantee,
        "GrantId": "0" * 64,
        "ReplicaRegion": "eu-west-1",
        "PrimaryRegion": "eu-west-1",
        "CustomKeyStoreId": "cks-1234567890abcdef0",
    }
    shape = MODEL.operation_model(operation).input_shape
    given: dict[str, Any] = least_structure(shape, named) if shape else {}
    return given


def least_structure(shape: Any, named: dict[str, Any]) -> dict[str, Any]:
    return {
        name: named.get(name) or least_value(shape.members[name], named)
        for name in shape.required_members
    }


def least_value(shape: Any, named: dict[str, Any]) -> Any:
    if shape.type_name == "structure":
        return least_structure(shape, named)
    if shape.type_name == "list":
        return [least_value(shape.member, named)]
    makers: dict[str, Callable[[], Any]] = {
        "string": lambda: (
            shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
        ),
        "blob": lambda: b"x" * max(1, shape.metadata.get("min", 1)),
        "integer": lambda: max(7, shape.metadata.get("min", 7)),
        "boolean": lambda: False,
        "timestamp": lambda: 2_000_000_000,
    }
    return makers[shape.type_name]()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_on_every_kind_of_key_answers_or_refuses_in_aws_s_way(
    world, client, arns, operation
):
    grantee = world.user("alice").arn
    modelled = {error.name for error in MODEL.operation_model(operation).error_shapes}
    for arn in arns.values():
        noted = len(world._store.events)
        try:
            client._make_api_call(operation, least_input(operation, arn, grantee))
        except ClientError as error:
            answer = error.response
            code = answer["Error"]["Code"]
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400, answer
            assert code in modelled | GENERAL, f"{operation} on {arn}: {answer['Error']}"
        told = {event.name for event in world._store.events[noted:] if event.request_id}
        assert operation in told
        restore(client, arn)


def restore(client: Any, arn: str) -> None:
    """Make a key usable again, whatever was done to it."""
    for undo in (client.cancel_key_deletion, client.enable_key):
        with suppress(ClientError):
            undo(KeyId=arn)
    with suppress(ClientError):
        client.delete_alias(AliasName="alias/model")


def test_every_operation_that_a_grant_can_give_is_given_on_some_key(client, arns, world):
    grantee = world.user("alice").arn
    given = set()
    for arn, operation in product(arns.values(), values_of("GrantOperation")):
        # A grant for CreateGrant alone is one of the things that AWS refuses.
        operations = [operation, "DescribeKey"] if operation != "DescribeKey" else [operation]
        with suppress(ClientError):
            client.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=operations)
            given.add(operation)
    assert given == set(values_of("GrantOperation"))
