"""Sign and Verify with every kind of key that signs. Other programs judge in `test_kms_outside`."""

import hashlib
from typing import Any

import pytest
from aws_words import constraint, members, refused

from kmslab import Lab

SIGNERS = {
    **{
        f"RSA_{bits}": [
            f"RSASSA_{padding}_SHA_{size}"
            for padding in ("PKCS1_V1_5", "PSS")
            for size in (256, 384, 512)
        ]
        for bits in (2048, 3072, 4096)
    },
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
    "ECC_NIST_P384": ["ECDSA_SHA_384"],
    "ECC_NIST_P521": ["ECDSA_SHA_512"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
    "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"],
    "ML_DSA_44": ["ML_DSA_SHAKE_256"],
    "ML_DSA_65": ["ML_DSA_SHAKE_256"],
    "ML_DSA_87": ["ML_DSA_SHAKE_256"],
}
CASES = [(spec, algorithm) for spec, algorithms in SIGNERS.items() for algorithm in algorithms]
HASHING = [case for case in CASES if "ED25519" not in case[1] and "ML_DSA" not in case[1]]
UNHASHED = [case for case in CASES if case not in HASHING]
MESSAGE = b"Pay the bearer 40 crowns."


@pytest.fixture(scope="module")
def world() -> Lab:
    """A lab that only gains keys: an RSA pair takes a while to make."""
    return Lab()


@pytest.fixture(scope="module")
def client(world: Lab) -> Any:
    return world.client("kms")


@pytest.fixture(scope="module")
def signers(client: Any) -> dict[str, str]:
    """Key spec → the ARN of a key that signs."""
    return {
        spec: client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        for spec in SIGNERS
    }


def digest(algorithm: str, message: bytes = MESSAGE) -> bytes:
    return hashlib.new("sha" + algorithm[-3:], message).digest()


def invalid_signature() -> Any:
    return refused("KMSInvalidSignatureException", "")


@pytest.mark.parametrize(("key_spec", "algorithm"), CASES)
def test_what_was_signed_here_is_verified_here(client, signers, key_spec, algorithm):
    asked = {"KeyId": signers[key_spec], "Message": MESSAGE, "SigningAlgorithm": algorithm}
    answer = client.sign(**asked)
    assert members(answer) == {"KeyId", "Signature", "SigningAlgorithm"}
    assert (answer["KeyId"], answer["SigningAlgorithm"]) == (signers[key_spec], algorithm)
    verified = client.verify(**asked, Signature=answer["Signature"])
    del verified["ResponseMetadata"]
    assert verified == {
        "KeyId": signers[key_spec],
        "SignatureValid": True,
        "SigningAlgorithm": algorithm,
    }


@pytest.mark.parametrize(("key_spec", "algorithm"), CASES)
def test_a_signature_that_does_not_fit_is_an_exception_and_never_false(
    client, signers, key_spec, algorithm
):
    asked = {"KeyId": signers[key_spec], "SigningAlgorithm": algorithm}
    good = client.sign(Message=MESSAGE, **asked)["Signature"]
    for message, signature in (
        (MESSAGE + b"0", good),
        (MESSAGE, good[:-1] + bytes((good[-1] ^ 1,))),
        (MESSAGE, bytes((good[0] ^ 1,)) + good[1:]),
        (MESSAGE, good[:-1]),
        (MESSAGE, good + b"\0"),
        (MESSAGE, b"\0"),
        (MESSAGE, bytes(len(good))),
    ):
        with invalid_signature():
            client.verify(Message=message, Signature=signature, **asked)


@pytest.mark.parametrize(
    ("one", "other"),
    [("RSA_2048", "RSA_3072"), ("ECC_NIST_P256", "ECC_SECG_P256K1"), ("ML_DSA_44", "ML_DSA_65")],
)
def test_a_signature_of_another_key_does_not_fit(client, signers, one, other):
    asked = {"Message": MESSAGE, "SigningAlgorithm": SIGNERS[one][0]}
    signature = client.sign(KeyId=signers[one], **asked)["Signature"]
    for stranger in (signers[other], client.create_key(KeySpec=one, KeyUsage="SIGN_VERIFY")):
        arn = stranger if isinstance(stranger, str) else stranger["KeyMetadata"]["Arn"]
        with invalid_signature():
            client.verify(KeyId=arn, Signature=signature, **asked)


@pytest.mark.parametrize(("key_spec", "algorithm"), HASHING)
def test_a_message_and_its_digest_are_the_same_to_sign(client, signers, key_spec, algorithm):
    asked = {"KeyId": signers[key_spec], "SigningAlgorithm": algorithm}
    raw, hashed = {"Message": MESSAGE}, {"Message": digest(algorithm), "MessageType": "DIGEST"}
    of_raw = client.sign(**raw, **asked)["Signature"]
    of_digest = client.sign(**hashed, **asked)["Signature"]
    for signature in (of_raw, of_digest):
        for message in (raw, hashed):
            assert client.verify(Signature=signature, **message, **asked)["SignatureValid"] is True
    # As a message of its own the digest is hashed again.
    with invalid_signature():
        client.verify(Message=digest(algorithm), Signature=of_raw, **asked)


@pytest.mark.parametrize(("key_spec", "algorithm"), HASHING)
def test_a_digest_has_the_length_of_its_hash(client, signers, key_spec, algorithm):
    asked = {"KeyId": signers[key_spec], "SigningAlgorithm": algorithm, "MessageType": "DIGEST"}
    sentence = f"Digest is invalid length for algorithm {algorithm}."
    for message in (digest(algorithm)[:-1], digest(algorithm) + b"\0", MESSAGE):
        with refused("ValidationException", sentence):
            client.sign(Message=message, **asked)
        with refused("ValidationException", sentence):
            client.verify(Message=message, Signature=b"x", **asked)
    with refused("ValidationException", None):
        client.sign(Message=bytes(64), **{**asked, "MessageType": "EXTERNAL_MU"})


@pytest.mark.parametrize(("key_spec", "algorithm"), UNHASHED)
def test_what_hashes_no_digest_takes_none(client, signers, key_spec, algorithm):
    asked = {"KeyId": signers[key_spec], "SigningAlgorithm": algorithm}
    with refused("ValidationException", f"MessageType DIGEST is not valid for {algorithm}."):
        client.sign(Message=bytes(64), MessageType="DIGEST", **asked)
    if algorithm == "ED25519_SHA_512":
        with refused("ValidationException", None):
            client.sign(Message=bytes(64), MessageType="EXTERNAL_MU", **asked)


@pytest.mark.parametrize("key_spec", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_the_representative_of_a_message_is_signed_as_the_message(client, signers, key_spec):
    asked = {"KeyId": signers[key_spec], "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    public_key = client.get_public_key(KeyId=signers[key_spec])["PublicKey"]
    long_message = b"m" * 100_000
    mu = representative(public_key, long_message)
    signature = client.sign(Message=mu, MessageType="EXTERNAL_MU", **asked)["Signature"]
    assert client.verify(Message=mu, MessageType="EXTERNAL_MU", Signature=signature, **asked)
    short = client.sign(Message=MESSAGE, **asked)["Signature"]
    mu = representative(public_key, MESSAGE)
    assert client.verify(Message=mu, MessageType="EXTERNAL_MU", Signature=short, **asked)
    for wrong in (mu[:-1], mu + b"\0"):
        with refused(
            "ValidationException", "Digest is invalid length for algorithm ML_DSA_SHAKE_256."
        ):
            client.sign(Message=wrong, MessageType="EXTERNAL_MU", **asked)
    with invalid_signature():
        client.verify(Message=mu, Signature=short, **asked)


def representative(public_key: bytes, message: bytes) -> bytes:
    """FIPS 204, algorithm 7, line 6, with an empty context: µ of a message under a public key,
    which stands at the end of its SubjectPublicKeyInfo."""
    size = {1334: 1312, 1974: 1952, 2614: 2592}[len(public_key)]
    tr = hashlib.shake_256(public_key[-size:]).digest(64)
    return hashlib.shake_256(tr + b"\0\0" + message).digest(64)


def test_only_ed25519_and_pkcs1_repeat_a_signature(client, signers):
    repeats = set()
    for key_spec, algorithm in CASES:
        asked = {"KeyId": signers[key_spec], "SigningAlgorithm": algorithm, "Message": MESSAGE}
        if len({client.sign(**asked)["Signature"] for _ in range(2)}) == 1:
            repeats.add(algorithm.partition("_SHA_")[0])
    assert repeats == {"RSASSA_PKCS1_V1_5", "ED25519"}


def test_a_message_has_up_to_4096_bytes(client, signers):
    asked = {"KeyId": signers["ECC_NIST_P256"], "SigningAlgorithm": "ECDSA_SHA_256"}
    longest = b"m" * 4096
    signature = client.sign(Message=longest, **asked)["Signature"]
    assert client.verify(Message=longest, Signature=signature, **asked)["SignatureValid"]
    with constraint("message", "have length less than or equal to 4096"):
        client.sign(Message=longest + b"m", **asked)


def test_an_algorithm_of_another_spec_is_refused(client, signers):
    for key_spec, algorithms in SIGNERS.items():
        foreign = {algorithm for _, algorithm in CASES} - set(algorithms) | {"SM2DSA"}
        for algorithm in foreign:
            sentence = f"Algorithm {algorithm} is incompatible with key spec {key_spec}."
            with refused("InvalidKeyUsageException", sentence):
                client.sign(KeyId=signers[key_spec], Message=b"m", SigningAlgorithm=algorithm)


def test_the_prehashed_ed25519_is_refused_by_name(client, signers):
    asked = {
        "Message": bytes(64),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ED25519_PH_SHA_512",
    }
    with refused(
        "UnsupportedOperationException", "ED25519_PH_SHA_512 is not supported by kmslab yet."
    ):
        client.sign(KeyId=signers["ECC_NIST_EDWARDS25519"], **asked)
    listed = client.describe_key(KeyId=signers["ECC_NIST_EDWARDS25519"])["KeyMetadata"]
    assert listed["SigningAlgorithms"] == ["ED25519_SHA_512"]


def test_a_key_of_another_usage_signs_nothing(client):
    for asked in ({}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}):
        metadata = client.create_key(**asked)["KeyMetadata"]
        sentence = f"{metadata['Arn']} key usage is {metadata['KeyUsage']} which is not valid for "
        for operation, more in ((client.sign, {}), (client.verify, {"Signature": b"x"})):
            name = "Verify" if more else "Sign"
            with refused("InvalidKeyUsageException", f"{sentence}{name}."):
                operation(
                    KeyId=metadata["KeyId"], Message=b"m", SigningAlgorithm="ECDSA_SHA_256", **more
                )
