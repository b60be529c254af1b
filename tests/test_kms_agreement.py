"""DeriveSharedSecret, Encapsulate and Decapsulate: two sides, one secret."""

from typing import Any

import pytest
from aws_words import constraint, members, refused
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from kmslab import Lab

CURVES: dict[str, ec.EllipticCurve] = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
}
SECRET_SIZES = {"ECC_NIST_P256": 32, "ECC_NIST_P384": 48, "ECC_NIST_P521": 66}
CIPHERTEXT_SIZES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}
ECDH = {"KeyAgreementAlgorithm": "ECDH"}
ML_KEM = {"EncapsulationAlgorithm": "ML_KEM"}


@pytest.fixture(scope="module")
def client() -> Any:
    return Lab().client("kms")


def made(client: Any, spec: str, usage: str) -> str:
    return str(client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"])


def der(private_key: Any) -> bytes:
    public_key = private_key.public_key()
    return bytes(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


# --- ECDH ---------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", CURVES)
def test_both_sides_find_the_same_secret_also_where_one_is_not_in_kms(client, spec):
    arn = made(client, spec, "KEY_AGREEMENT")
    outside = ec.generate_private_key(CURVES[spec])
    answer = client.derive_shared_secret(KeyId=arn, PublicKey=der(outside), **ECDH)
    assert members(answer) == {"KeyId", "SharedSecret", "KeyAgreementAlgorithm", "KeyOrigin"}
    assert (answer["KeyId"], answer["KeyOrigin"]) == (arn, "AWS_KMS")
    inside = load_der_public_key(client.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(inside, ec.EllipticCurvePublicKey)
    assert answer["SharedSecret"] == outside.exchange(ec.ECDH(), inside)
    assert len(answer["SharedSecret"]) == SECRET_SIZES[spec]
    other = made(client, spec, "KEY_AGREEMENT")
    one_way, other_way = (
        client.derive_shared_secret(
            KeyId=mine, PublicKey=client.get_public_key(KeyId=theirs)["PublicKey"], **ECDH
        )["SharedSecret"]
        for mine, theirs in ((arn, other), (other, arn))
    )
    assert one_way == other_way != answer["SharedSecret"]


def off_the_curve(public_key: bytes) -> bytes:
    return public_key[:-1] + bytes((public_key[-1] ^ 1,))


UNFIT = {
    "another curve": lambda: der(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: der(ec.generate_private_key(ec.SECP256K1())),
    "RSA": lambda: der(rsa.generate_private_key(65_537, 2048)),
    "Ed25519": lambda: der(ed25519.Ed25519PrivateKey.generate()),
    "X25519": lambda: der(x25519.X25519PrivateKey.generate()),
    "no point of the curve": lambda: off_the_curve(der(ec.generate_private_key(ec.SECP256R1()))),
    "cut": lambda: der(ec.generate_private_key(ec.SECP256R1()))[:-1],
    "longer": lambda: der(ec.generate_private_key(ec.SECP256R1())) + b"\0",
    "a bare point": lambda: (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    ),
    "as text": lambda: (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "noise": lambda: b"x",
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_public_key_that_does_not_fit_is_refused(client, case):
    arn = made(client, "ECC_NIST_P256", "KEY_AGREEMENT")
    with refused("ValidationException", "PublicKey is not valid for key spec ECC_NIST_P256."):
        client.derive_shared_secret(KeyId=arn, PublicKey=UNFIT[case](), **ECDH)


def test_a_key_agrees_or_signs_but_not_both(client):
    agreeing = made(client, "ECC_NIST_P256", "KEY_AGREEMENT")
    signing = made(client, "ECC_NIST_P256", "SIGN_VERIFY")
    public_key = client.get_public_key(KeyId=agreeing)["PublicKey"]
    sentence = f"{signing} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret."
    with refused("InvalidKeyUsageException", sentence):
        client.derive_shared_secret(KeyId=signing, PublicKey=public_key, **ECDH)
    sentence = f"{agreeing} key usage is KEY_AGREEMENT which is not valid for Sign."
    with refused("InvalidKeyUsageException", sentence):
        client.sign(KeyId=agreeing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    assert client.get_public_key(KeyId=agreeing)["KeyAgreementAlgorithms"] == ["ECDH"]
    with refused(
        "ValidationException",
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1",
    ):
        made(client, "ECC_SECG_P256K1", "KEY_AGREEMENT")


def test_nothing_is_encrypted_for_an_enclave(client):
    arn = made(client, "ECC_NIST_P256", "KEY_AGREEMENT")
    recipient = {
        "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        "AttestationDocument": b"document",
    }
    with refused("UnsupportedOperationException", "Recipient is not supported by kmslab yet."):
        client.derive_shared_secret(
            KeyId=arn,
            PublicKey=client.get_public_key(KeyId=arn)["PublicKey"],
            Recipient=recipient,
            **ECDH,
        )


# --- ML-KEM -------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", CIPHERTEXT_SIZES)
def test_what_was_encapsulated_is_found_again_here_and_from_outside(client, spec):
    arn = made(client, spec, "ENCAPSULATE_DECAPSULATE")
    answer = client.encapsulate(KeyId=arn, **ML_KEM)
    assert members(answer) == {
        *("KeyId", "SharedSecret", "SharedSecretCiphertextBlob", "EncapsulationAlgorithm")
    }
    assert len(answer["SharedSecret"]) == 32
    assert len(answer["SharedSecretCiphertextBlob"]) == CIPHERTEXT_SIZES[spec]
    public_key = load_der_public_key(client.get_public_key(KeyId=arn)["PublicKey"])
    outside_secret, outside_ciphertext = public_key.encapsulate()  # type: ignore[union-attr]
    for secret, ciphertext in (
        (answer["SharedSecret"], answer["SharedSecretCiphertextBlob"]),
        (outside_secret, outside_ciphertext),
    ):
        opened = client.decapsulate(KeyId=arn, SharedSecretCiphertextBlob=ciphertext, **ML_KEM)
        del opened["ResponseMetadata"]
        assert opened == {"KeyId": arn, "SharedSecret": secret, **ML_KEM}
    again = client.encapsulate(KeyId=arn, **ML_KEM)
    assert again["SharedSecret"] != answer["SharedSecret"]


@pytest.mark.parametrize("spec", CIPHERTEXT_SIZES)
def test_a_wrong_ciphertext_gives_another_secret_and_no_error(client, spec):
    arn = made(client, spec, "ENCAPSULATE_DECAPSULATE")
    other = made(client, spec, "ENCAPSULATE_DECAPSULATE")
    answer = client.encapsulate(KeyId=arn, **ML_KEM)
    blob = answer["SharedSecretCiphertextBlob"]
    altered = bytes((blob[0] ^ 1,)) + blob[1:]
    found = [
        client.decapsulate(KeyId=key, SharedSecretCiphertextBlob=ciphertext, **ML_KEM)[
            "SharedSecret"
        ]
        for key, ciphertext in (
            (arn, altered),
            (arn, altered),
            (other, blob),
            (arn, bytes(len(blob))),
        )
    ]
    # The same wrong ciphertext gives the same secret; everything else differs.
    assert found[0] == found[1]
    assert len({answer["SharedSecret"], *found}) == 4
    assert {len(secret) for secret in found} == {32}


@pytest.mark.parametrize("spec", CIPHERTEXT_SIZES)
def test_only_the_length_of_a_ciphertext_can_be_wrong(client, spec):
    arn, size = made(client, spec, "ENCAPSULATE_DECAPSULATE"), CIPHERTEXT_SIZES[spec]
    for wrong in {1, size - 1, size + 1, *CIPHERTEXT_SIZES.values(), 768, 6144} - {size}:
        with refused("InvalidCiphertextException", ""):
            client.decapsulate(KeyId=arn, SharedSecretCiphertextBlob=bytes(wrong), **ML_KEM)
    with constraint("sharedSecretCiphertextBlob", "have length less than or equal to 6144"):
        client.decapsulate(KeyId=arn, SharedSecretCiphertextBlob=bytes(6145), **ML_KEM)


def test_encapsulation_keys_do_nothing_else(client):
    arn = made(client, "ML_KEM_768", "ENCAPSULATE_DECAPSULATE")
    metadata = client.describe_key(KeyId=arn)["KeyMetadata"]
    assert metadata["EncapsulationAlgorithms"] == ["ML_KEM"]
    sentence = f"{arn} key usage is ENCAPSULATE_DECAPSULATE which is not valid for Encrypt."
    with refused("InvalidKeyUsageException", sentence):
        client.encrypt(KeyId=arn, Plaintext=b"x")
    with refused(
        "UnsupportedOperationException", "KeySpec ML_KEM_512 is not supported by kmslab yet."
    ):
        made(client, "ML_KEM_512", "ENCAPSULATE_DECAPSULATE")
