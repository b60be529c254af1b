"""RSA key pairs as KMS keys: made here, used from both sides, with `cryptography` as the other."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    UNKNOWN_KEY_ID,
    Recorder,
    allow,
    members,
    no_identity_policy,
    policy,
    refused,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from kmslab import Lab
from kmslab.errors import ServiceError
from kmslab.sources import RandomBytes, system_random
from kmslab.vault.algorithms import rsa_keys
from kmslab.vault.backing_keys import BackingKeyName, WrappedKey
from kmslab.vault.domain_key import SIZE, DomainKey
from kmslab.vault.hsm import Hsm

pytest_plugins = ["lab_session"]

SHA_1, SHA_256 = "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"
LARGEST = {SHA_1: 214, SHA_256: 190}
HASHES = {SHA_1: hashes.SHA1, SHA_256: hashes.SHA256}
SIGNING = [
    *("RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"),
    *("RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"),
]
ENCRYPTS = {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}
SIGNS = {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}
CONTEXT = {"department": "IT"}
NO_CONTEXT = (
    "An encryption context is supported only by operations with symmetric encryption KMS keys."
)


@pytest.fixture(scope="module")
def world() -> Lab:
    """A lab that only gains keys: to make a pair takes a while."""
    return Lab()


@pytest.fixture(scope="module")
def client(world: Lab) -> Any:
    return world.client("kms")


@pytest.fixture(scope="module")
def pair(client: Any) -> str:
    """The ARN of a key pair for encryption."""
    return str(client.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def signer(client: Any) -> str:
    return str(client.create_key(**SIGNS)["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def symmetric(client: Any) -> str:
    return str(client.create_key()["KeyMetadata"]["Arn"])


def invalid_ciphertext() -> Any:
    return refused("InvalidCiphertextException", "")


def incompatible(algorithm: str, key_spec: str) -> Any:
    sentence = f"Algorithm {algorithm} is incompatible with key spec {key_spec}."
    return refused("InvalidKeyUsageException", sentence)


def too_large(algorithm: str) -> Any:
    sentence = f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than "
    return refused("ValidationException", f"{sentence}{LARGEST[algorithm]} bytes.")


def not_valid_for(operation: str, arn: str) -> Any:
    sentence = f"{arn} key usage is SIGN_VERIFY which is not valid for {operation}."
    return refused("InvalidKeyUsageException", sentence)


def public_key_of(client: Any, arn: str) -> rsa.RSAPublicKey:
    loaded = load_der_public_key(client.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(loaded, rsa.RSAPublicKey)
    return loaded


def oaep(algorithm: str, label: bytes | None = None) -> padding.OAEP:
    kind = HASHES[algorithm]
    return padding.OAEP(padding.MGF1(kind()), kind(), label)


# --- CreateKey, DescribeKey, ListKeys -----------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "member", "algorithms"),
    [
        (ENCRYPTS, "EncryptionAlgorithms", [SHA_1, SHA_256]),
        (SIGNS, "SigningAlgorithms", SIGNING),
    ],
    ids=["for encryption", "for signing"],
)
def test_the_metadata_of_a_pair_tell_its_spec_and_its_algorithms(client, asked, member, algorithms):
    metadata = client.create_key(**asked, Description="a pair")["KeyMetadata"]
    assert metadata == client.describe_key(KeyId=metadata["KeyId"])["KeyMetadata"]
    del metadata["CreationDate"]
    assert metadata == {
        "AWSAccountId": ACCOUNT,
        "KeyId": metadata["KeyId"],
        "Arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{metadata['KeyId']}",
        "Enabled": True,
        "Description": "a pair",
        "KeyUsage": asked["KeyUsage"],
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "RSA_2048",
        "KeySpec": "RSA_2048",
        member: algorithms,
        "MultiRegion": False,
    }
    listed = [each["KeyId"] for each in client.list_keys()["Keys"]]
    assert metadata["KeyId"] in listed


def test_the_old_name_of_the_key_spec_still_works(client):
    made = client.create_key(CustomerMasterKeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    assert made["KeyMetadata"]["KeySpec"] == "RSA_2048"


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
            "ValidationException",
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
        ),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"},
            "ValidationException",
            "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec RSA_2048",
        ),
    ],
)
def test_what_no_pair_can_be_or_is_not_built_yet_is_refused(kms, asked, code, sentence):
    with refused(code, sentence):
        kms.create_key(**asked)
    assert kms.list_keys()["Keys"] == []


def test_the_policy_of_a_pair_must_not_lock_its_author_out(lab, kms):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    with refused("MalformedPolicyDocumentException", None):
        kms.create_key(**ENCRYPTS, Policy=json.dumps(policy(statement)))
    assert list(lab._store.key_tokens) == []


def test_nothing_is_made_for_a_caller_who_may_not(lab, monkeypatch):
    made: list[str] = []
    monkeypatch.setattr(rsa_keys.RsaKeyPair, "generate", lambda key_spec, _: made.append(key_spec))
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, "kms:CreateKey", "*"):
        lab.client("kms", nobody).create_key(**ENCRYPTS)
    assert made == []


def test_other_calls_change_the_lab_while_a_pair_is_made(lab, kms, monkeypatch):
    entered, go_on = threading.Event(), threading.Event()
    generate = rsa_keys.RsaKeyPair.generate

    def slowly(key_spec: str, random: RandomBytes) -> rsa_keys.RsaKeyPair:
        entered.set()
        assert go_on.wait(60)
        return generate(key_spec, random)

    monkeypatch.setattr(rsa_keys.RsaKeyPair, "generate", slowly)
    making = threading.Thread(target=lambda: kms.create_key(**ENCRYPTS))
    making.start()
    try:
        assert entered.wait(60)
        other = lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
        assert [each["KeyId"] for each in kms.list_keys()["Keys"]] == [other]
    finally:
        go_on.set()
        making.join()
    assert len(kms.list_keys()["Keys"]) == 2


# --- GetPublicKey -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "member", "algorithms"),
    [
        ("ENCRYPT_DECRYPT", "EncryptionAlgorithms", [SHA_1, SHA_256]),
        ("SIGN_VERIFY", "SigningAlgorithms", SIGNING),
    ],
)
def test_the_public_key_is_answered_with_what_it_is_for(
    client, pair, signer, usage, member, algorithms
):
    arn = pair if usage == "ENCRYPT_DECRYPT" else signer
    answer = client.get_public_key(KeyId=arn)
    assert {name: answer[name] for name in members(answer) - {"PublicKey"}} == {
        "KeyId": arn,
        "CustomerMasterKeySpec": "RSA_2048",
        "KeySpec": "RSA_2048",
        "KeyUsage": usage,
        member: algorithms,
    }
    loaded = public_key_of(client, arn)
    assert (loaded.key_size, loaded.public_numbers().e) == (2048, 65_537)
    assert client.get_public_key(KeyId=arn)["PublicKey"] == answer["PublicKey"]


def test_every_pair_has_a_public_key_of_its_own_found_by_alias_too(kms):
    arns = [kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"] for _ in range(2)]
    keys = {kms.get_public_key(KeyId=arn)["PublicKey"] for arn in arns}
    assert len(keys) == 2
    kms.create_alias(AliasName="alias/pair", TargetKeyId=arns[0])
    assert kms.get_public_key(KeyId="alias/pair")["PublicKey"] in keys


def test_a_symmetric_key_has_no_public_key(client, symmetric):
    with refused("UnsupportedOperationException", ""):
        client.get_public_key(KeyId=symmetric)


def test_a_public_key_is_given_to_whoever_may_ask_also_across_accounts(world, client, pair):
    nobody = world.user("nobody")
    with no_identity_policy(nobody, "kms:GetPublicKey", pair):
        world.client("kms", nobody).get_public_key(KeyId=pair)
    foreign = world.user("reader", allow("kms:GetPublicKey"), account=OTHER_ACCOUNT)
    key_policy = json.loads(client.get_key_policy(KeyId=pair)["Policy"])
    key_policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": foreign.arn},
            "Action": "kms:GetPublicKey",
            "Resource": "*",
        }
    )
    client.put_key_policy(KeyId=pair, Policy=json.dumps(key_policy))
    assert world.client("kms", foreign).get_public_key(KeyId=pair)["KeyId"] == pair


# --- Encrypt and Decrypt ------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", LARGEST)
@pytest.mark.parametrize("size", [1, 32, "largest"])
def test_what_is_encrypted_here_opens_here(client, pair, algorithm, size):
    plaintext = b"x" * (LARGEST[algorithm] if size == "largest" else size)
    asked = {"KeyId": pair, "EncryptionAlgorithm": algorithm}
    sealed = client.encrypt(Plaintext=plaintext, **asked)
    assert members(sealed) == {"CiphertextBlob", "KeyId", "EncryptionAlgorithm"}
    assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (pair, algorithm)
    assert len(sealed["CiphertextBlob"]) == 256
    opened = client.decrypt(CiphertextBlob=sealed["CiphertextBlob"], **asked)
    del opened["ResponseMetadata"]
    assert opened == {"Plaintext": plaintext, **asked}


@pytest.mark.parametrize("algorithm", LARGEST)
def test_what_is_encrypted_elsewhere_with_the_public_key_opens_here(client, pair, algorithm):
    outside = public_key_of(client, pair).encrypt(b"from outside", oaep(algorithm))
    opened = client.decrypt(KeyId=pair, CiphertextBlob=outside, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"from outside"


def private_key_of(world: Lab, arn: str) -> rsa.RSAPrivateKey:
    """What never leaves the HSM, so that a test can open what was encrypted there."""
    (material,) = (
        each.encode() for name, each in world._hsm.keys._opened.items() if name.key_id in arn
    )
    loaded = load_der_private_key(material, None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded


@pytest.mark.parametrize("algorithm", LARGEST)
def test_what_is_encrypted_here_is_standard_oaep_and_never_twice_the_same(
    world, client, pair, algorithm
):
    asked = {"KeyId": pair, "Plaintext": b"a secret", "EncryptionAlgorithm": algorithm}
    blobs = {client.encrypt(**asked)["CiphertextBlob"] for _ in range(3)}
    assert len(blobs) == 3
    private_key = private_key_of(world, pair)
    assert {private_key.decrypt(blob, oaep(algorithm)) for blob in blobs} == {b"a secret"}


def test_the_pair_that_is_made_is_a_good_one(world, client, pair):
    public_key = public_key_of(client, pair)
    # To load it with all checks proves its primes; it belongs to the public key that is told.
    private_key = private_key_of(world, pair)
    assert private_key.public_key().public_numbers() == public_key.public_numbers()


@pytest.mark.parametrize("algorithm", LARGEST)
def test_a_plaintext_over_the_limit_of_its_algorithm_is_refused(client, pair, algorithm):
    with too_large(algorithm):
        client.encrypt(
            KeyId=pair, Plaintext=b"x" * (LARGEST[algorithm] + 1), EncryptionAlgorithm=algorithm
        )


def spoiled(client: Any, pair: str) -> dict[str, bytes]:
    public_key = public_key_of(client, pair)
    good = public_key.encrypt(b"x", oaep(SHA_256))
    stranger = rsa.generate_private_key(65_537, 2048).public_key()
    return {
        "one bit": good[:-1] + bytes((good[-1] ^ 1,)),
        "cut": good[:-1],
        "longer": good + b"\0",
        "short": b"x",
        "zeros": bytes(256),
        "over the modulus": b"\xff" * 256,
        "another hash": public_key.encrypt(b"x", oaep(SHA_1)),
        "a label": public_key.encrypt(b"x", oaep(SHA_256, b"label")),
        "another padding": public_key.encrypt(b"x", padding.PKCS1v15()),
        "another key": stranger.encrypt(b"x", oaep(SHA_256)),
    }


def test_a_ciphertext_that_does_not_open_is_refused_in_one_and_the_same_way(client, pair):
    for blob in spoiled(client, pair).values():
        with invalid_ciphertext():
            client.decrypt(KeyId=pair, CiphertextBlob=blob, EncryptionAlgorithm=SHA_256)


def test_a_ciphertext_of_a_symmetric_key_is_none_of_a_pair(client, pair, symmetric):
    blob = client.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    with invalid_ciphertext():
        client.decrypt(KeyId=pair, CiphertextBlob=blob, EncryptionAlgorithm=SHA_256)


def test_a_pair_and_its_algorithm_must_be_named(client, pair):
    blob = client.encrypt(KeyId=pair, Plaintext=b"x", EncryptionAlgorithm=SHA_256)["CiphertextBlob"]
    with refused(
        "ValidationException", f"KeyId is required when EncryptionAlgorithm is {SHA_256}."
    ):
        client.decrypt(CiphertextBlob=blob, EncryptionAlgorithm=SHA_256)
    with incompatible("SYMMETRIC_DEFAULT", "RSA_2048"):
        client.decrypt(KeyId=pair, CiphertextBlob=blob)
    with invalid_ciphertext():
        client.decrypt(CiphertextBlob=blob)


def test_a_pair_that_is_not_there_is_not_found(client):
    asked = {"CiphertextBlob": b"x" * 256, "EncryptionAlgorithm": SHA_256}
    with refused("NotFoundException", None):
        client.decrypt(KeyId=UNKNOWN_KEY_ID, **asked)


Call = Callable[[Any, str], Any]
SYMMETRIC_USES: dict[str, Call] = {
    "Encrypt": lambda kms, arn: kms.encrypt(KeyId=arn, Plaintext=b"x"),
    "Decrypt": lambda kms, arn: kms.decrypt(KeyId=arn, CiphertextBlob=b"x"),
    "GenerateDataKey": lambda kms, arn: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": (
        lambda kms, arn: kms.generate_data_key_without_plaintext(KeyId=arn, NumberOfBytes=9)
    ),
}


@pytest.mark.parametrize("operation", SYMMETRIC_USES)
def test_what_needs_a_symmetric_key_refuses_a_pair(client, pair, signer, operation):
    with incompatible("SYMMETRIC_DEFAULT", "RSA_2048"):
        SYMMETRIC_USES[operation](client, pair)
    with not_valid_for(operation, signer):
        SYMMETRIC_USES[operation](client, signer)


def test_a_pair_for_signing_encrypts_nothing_with_rsa_either(client, signer):
    with not_valid_for("Encrypt", signer):
        client.encrypt(KeyId=signer, Plaintext=b"x", EncryptionAlgorithm=SHA_256)
    with not_valid_for("Decrypt", signer):
        client.decrypt(KeyId=signer, CiphertextBlob=b"x", EncryptionAlgorithm=SHA_256)


def test_a_pair_binds_no_encryption_context(client, pair):
    asked = {"KeyId": pair, "EncryptionAlgorithm": SHA_256}
    with refused("ValidationException", NO_CONTEXT):
        client.encrypt(Plaintext=b"x", EncryptionContext=CONTEXT, **asked)
    blob = client.encrypt(Plaintext=b"x", EncryptionContext={}, **asked)["CiphertextBlob"]
    with refused("ValidationException", NO_CONTEXT):
        client.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, **asked)


def test_permission_comes_before_state_and_that_before_usage(lab, kms):
    arn = kms.create_key(**SIGNS)["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=arn)
    asked = {"KeyId": arn, "Plaintext": b"x" * 4096, "EncryptionContext": CONTEXT}
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, "kms:Encrypt", arn):
        lab.client("kms", nobody).encrypt(**asked)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.encrypt(**asked)
    kms.enable_key(KeyId=arn)
    with not_valid_for("Encrypt", arn):
        kms.encrypt(**asked)


def test_a_dry_run_tells_what_would_have_failed(client, pair):
    asked = {"KeyId": pair, "EncryptionAlgorithm": SHA_256, "DryRun": True}
    with refused("DryRunOperationException", None):
        client.encrypt(Plaintext=b"x" * 190, **asked)
    with too_large(SHA_256):
        client.encrypt(Plaintext=b"x" * 191, **asked)
    with invalid_ciphertext():
        client.decrypt(CiphertextBlob=b"x", **asked)


# --- ReEncrypt ----------------------------------------------------------------------------


def re_encrypted(client: Any, blob: bytes, **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.re_encrypt(CiphertextBlob=blob, **asked)
    return answer


def test_a_ciphertext_goes_from_a_symmetric_key_to_a_pair_and_back(client, pair, symmetric):
    blob = client.encrypt(KeyId=symmetric, Plaintext=b"a secret", EncryptionContext=CONTEXT)
    to_pair = re_encrypted(
        client,
        blob["CiphertextBlob"],
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=pair,
        DestinationEncryptionAlgorithm=SHA_1,
    )
    material_id = client.describe_key(KeyId=symmetric)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert to_pair["SourceKeyMaterialId"] == material_id
    assert "DestinationKeyMaterialId" not in to_pair
    assert (to_pair["SourceKeyId"], to_pair["KeyId"]) == (symmetric, pair)
    assert to_pair["DestinationEncryptionAlgorithm"] == SHA_1
    back = re_encrypted(
        client,
        to_pair["CiphertextBlob"],
        SourceKeyId=pair,
        SourceEncryptionAlgorithm=SHA_1,
        DestinationKeyId=symmetric,
    )
    assert back["DestinationKeyMaterialId"] == material_id
    assert "SourceKeyMaterialId" not in back
    assert client.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"a secret"


def test_re_encrypt_refuses_what_encrypt_and_decrypt_refuse(client, pair, signer, symmetric):
    long = client.encrypt(KeyId=symmetric, Plaintext=b"x" * 191)["CiphertextBlob"]
    to_pair = {"DestinationKeyId": pair, "DestinationEncryptionAlgorithm": SHA_256}
    for more in ({}, {"DryRun": True}):
        with too_large(SHA_256):
            re_encrypted(client, long, **to_pair, **more)
    with incompatible("SYMMETRIC_DEFAULT", "RSA_2048"):
        re_encrypted(client, long, DestinationKeyId=pair)
    with incompatible(SHA_1, "SYMMETRIC_DEFAULT"):
        re_encrypted(client, long, SourceEncryptionAlgorithm=SHA_1, **to_pair)
    with refused("ValidationException", NO_CONTEXT):
        re_encrypted(client, long, **to_pair, DestinationEncryptionContext=CONTEXT)
    with not_valid_for("ReEncrypt", signer):
        re_encrypted(client, long, DestinationKeyId=signer)
    with refused(
        "ValidationException",
        f"SourceKeyId is required when SourceEncryptionAlgorithm is {SHA_256}.",
    ):
        re_encrypted(client, b"x" * 256, SourceEncryptionAlgorithm=SHA_256, **to_pair)


@pytest.mark.parametrize("same", ["true", "false"])
def test_a_policy_may_ask_whether_a_pair_is_re_encrypted_under_itself(lab, kms, same):
    own, other = (kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"] for _ in range(2))
    condition = {"Bool": {"kms:ReEncryptOnSameKey": same}}
    user = lab.user("mover", allow("kms:ReEncrypt*", Condition=condition))
    sealed = kms.encrypt(KeyId=own, Plaintext=b"x", EncryptionAlgorithm=SHA_1)["CiphertextBlob"]
    mover, allowed = lab.client("kms", user), own if same == "true" else other
    asked = {
        "SourceKeyId": own,
        "SourceEncryptionAlgorithm": SHA_1,
        "DestinationEncryptionAlgorithm": SHA_256,
    }
    assert re_encrypted(mover, sealed, DestinationKeyId=allowed, **asked)["KeyId"] == allowed
    with refused("AccessDeniedException", None):
        re_encrypted(mover, sealed, DestinationKeyId=other if allowed == own else own, **asked)


# --- Grants, conditions, the end of a key -------------------------------------------------


def test_a_grant_lets_its_grantee_use_a_pair(lab, kms):
    arn, bob = kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"], lab.user("bob")
    asked = {"KeyId": arn, "EncryptionAlgorithm": SHA_256}
    blob = kms.encrypt(Plaintext=b"x", **asked)["CiphertextBlob"]
    kms.create_grant(KeyId=arn, GranteePrincipal=bob.arn, Operations=["Decrypt", "GetPublicKey"])
    assert lab.client("kms", bob).decrypt(CiphertextBlob=blob, **asked)["Plaintext"] == b"x"
    assert lab.client("kms", bob).get_public_key(KeyId=arn)["KeyId"] == arn
    with refused("AccessDeniedException", None):
        lab.client("kms", bob).encrypt(Plaintext=b"x", **asked)


def test_a_policy_may_ask_for_the_algorithm_and_the_key_spec(lab, kms):
    arn = kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"]
    condition = {"StringEquals": {"kms:EncryptionAlgorithm": SHA_256, "kms:KeySpec": "RSA_2048"}}
    user = lab.user("modern", allow("kms:Encrypt", Condition=condition))
    modern = lab.client("kms", user)
    modern.encrypt(KeyId=arn, Plaintext=b"x", EncryptionAlgorithm=SHA_256)
    with no_identity_policy(user, "kms:Encrypt", arn):
        modern.encrypt(KeyId=arn, Plaintext=b"x", EncryptionAlgorithm=SHA_1)


def test_a_deleted_pair_is_gone_from_the_hsm_as_well(lab, kms):
    arn = kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"]
    kms.get_public_key(KeyId=arn)
    assert len(lab._hsm.keys._opened) == 1
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=8)
    with refused("NotFoundException", None):
        kms.get_public_key(KeyId=arn)
    assert lab._hsm.keys._opened == {}
    assert list(lab._store.key_tokens) == []


# --- The vault ----------------------------------------------------------------------------


def test_a_private_key_rests_wrapped_and_opens_after_a_restart(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = kms.create_key(**ENCRYPTS)["KeyMetadata"]["Arn"]
        public_key = kms.get_public_key(KeyId=arn)["PublicKey"]
        (key_token,) = lab._store.key_tokens
        (key_pair,) = lab._hsm.keys._opened.values()
        material = key_pair.encode()
        asked = {"KeyId": arn, "EncryptionAlgorithm": SHA_256}
        blob = kms.encrypt(Plaintext=b"kept", **asked)["CiphertextBlob"]
        # Nonce, the encoded private key under the domain key, and its tag.
        assert len(bytes.fromhex(key_token.token)) == 12 + len(material) + 16
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        kept = file.read_bytes()
        assert material not in kept
        assert material.hex().encode() not in kept
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        assert kms.decrypt(CiphertextBlob=blob, **asked)["Plaintext"] == b"kept"
        assert kms.get_public_key(KeyId=arn)["PublicKey"] == public_key


def hsm() -> Hsm:
    return Hsm(DomainKey(system_random(SIZE), system_random), system_random)


def new_pair(vault: Hsm) -> WrappedKey:
    return vault.keys.create(ACCOUNT, UNKNOWN_KEY_ID, "RSA_2048")


def test_a_token_opens_only_as_what_it_is():
    vault = hsm()
    pair = new_pair(vault)
    other_name = pair.name._replace(key_id="another")
    backing_key = WrappedKey(*vault.create_backing_key(ACCOUNT, UNKNOWN_KEY_ID), "RSA_2048")
    for opened in (
        lambda: vault.keys.public_key(replace(pair, key_spec="RSA_3072")),
        lambda: vault.keys.public_key(replace(pair, name=other_name)),
        lambda: vault.encrypt(pair.name, pair.token, b"x", None),
        lambda: hsm().keys.public_key(pair),
        lambda: vault.keys.public_key(backing_key),
    ):
        with pytest.raises(ServiceError) as caught:
            opened()
        assert caught.value.code == "KMSInternalException"


def test_a_private_key_is_read_once(monkeypatch):
    vault = hsm()
    pair = new_pair(vault)
    read: list[bytes] = []
    open_pair = rsa_keys.RsaKeyPair.open

    def noted(key_spec: str, material: bytes) -> rsa_keys.RsaKeyPair:
        read.append(material)
        return open_pair(key_spec, material)

    monkeypatch.setattr(rsa_keys.RsaKeyPair, "open", noted)
    for _ in range(3):
        sealed = vault.keys.encrypt(pair, SHA_256, b"x")
        assert vault.keys.decrypt(pair, SHA_256, sealed) == b"x"
    assert len(read) == 1
    vault.forget(pair.name)
    vault.keys.public_key(pair)
    vault.forget_all()
    vault.keys.public_key(pair)
    assert len(read) == 3


def test_the_hsm_does_not_keep_pairs_without_end(monkeypatch):
    from kmslab.vault import hsm_keys

    monkeypatch.setattr(hsm_keys, "_CACHED_KEYS", 2)
    vault = hsm()
    pairs = [new_pair(vault) for _ in range(3)]
    for pair in pairs:
        vault.keys.public_key(pair)
    kept: dict[BackingKeyName, Any] = vault.keys._opened
    assert set(kept) == {pairs[-1].name}


def test_material_of_another_kind_is_no_pair():
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    curve = ec.generate_private_key(ec.SECP256R1())
    other = curve.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for material in (other, b"nothing"):
        with pytest.raises(ValueError):  # noqa: PT011 - what OpenSSL says may change
            rsa_keys.RsaKeyPair.decode("RSA_2048", material)


def test_seeded_labs_draw_the_same_id_and_another_pair():
    ids, keys = set(), set()
    for _ in range(2):
        kms = Lab(random=Recorder(7)).client("kms")
        made = kms.create_key(**ENCRYPTS)["KeyMetadata"]
        ids.add(made["KeyId"])
        keys.add(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"])
    assert (len(ids), len(keys)) == (1, 2)


def test_the_limits_follow_from_the_sizes_of_hashes():
    for algorithm, largest in LARGEST.items():
        assert rsa_keys.largest_plaintext("RSA_2048", algorithm) == largest


def test_an_alias_moves_only_to_a_key_of_its_kind(kms):
    pair = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/moving", TargetKeyId=pair)
    for other in (symmetric, signing):
        with refused("KMSInvalidStateException", None):
            kms.update_alias(AliasName="alias/moving", TargetKeyId=other)
    another = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    kms.update_alias(AliasName="alias/moving", TargetKeyId=another["KeyId"])
