"""Data key pairs: every spec, both operations, and what comes back from Decrypt."""

from typing import Any

import pytest
from aws_words import members, refused
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from kmslab import Lab

KINDS: dict[str, type] = {
    **{f"RSA_{bits}": rsa.RSAPrivateKey for bits in (2048, 3072, 4096)},
    **{f"ECC_NIST_P{bits}": ec.EllipticCurvePrivateKey for bits in (256, 384, 521)},
    "ECC_SECG_P256K1": ec.EllipticCurvePrivateKey,
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey,
}
CONTEXT = {"department": "IT"}
ALWAYS = {"PrivateKeyCiphertextBlob", "PublicKey", "KeyId", "KeyPairSpec", "KeyMaterialId"}


@pytest.fixture(scope="module")
def world() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def client(world: Lab) -> Any:
    return world.client("kms")


@pytest.fixture(scope="module")
def metadata(client: Any) -> Any:
    return client.create_key()["KeyMetadata"]


def public_half(private_key: bytes) -> bytes:
    public_key = load_der_private_key(private_key, None).public_key()
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", KINDS)
def test_a_pair_comes_in_clear_and_its_private_key_also_encrypted(client, metadata, spec):
    asked = {"KeyId": metadata["Arn"], "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
    answer = client.generate_data_key_pair(**asked)
    assert members(answer) == ALWAYS | {"PrivateKeyPlaintext"}
    told = {name: answer[name] for name in ("KeyId", "KeyPairSpec", "KeyMaterialId")}
    assert told == {
        "KeyId": metadata["Arn"],
        "KeyPairSpec": spec,
        "KeyMaterialId": metadata["CurrentKeyMaterialId"],
    }
    private_key = answer["PrivateKeyPlaintext"]
    loaded = load_der_private_key(private_key, None)
    assert isinstance(loaded, KINDS[spec])
    if isinstance(loaded, rsa.RSAPrivateKey):
        assert f"RSA_{loaded.key_size}" == spec
    assert public_half(private_key) == answer["PublicKey"]
    opened = client.decrypt(
        CiphertextBlob=answer["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT
    )
    assert opened["Plaintext"] == private_key
    with refused("InvalidCiphertextException", ""):
        client.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"])


@pytest.mark.parametrize("spec", [spec for spec in KINDS if spec not in ("RSA_3072", "RSA_4096")])
def test_without_plaintext_only_the_encrypted_private_key_comes(client, metadata, spec):
    asked = {"KeyId": metadata["Arn"], "KeyPairSpec": spec}
    answer = client.generate_data_key_pair_without_plaintext(**asked)
    assert members(answer) == ALWAYS
    opened = client.decrypt(CiphertextBlob=answer["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert public_half(opened) == answer["PublicKey"]
    assert load_der_public_key(answer["PublicKey"])
    again = client.generate_data_key_pair_without_plaintext(**asked)
    assert again["PublicKey"] != answer["PublicKey"]


def test_ml_kem_private_keys_come_as_seeds_and_so_have_one_length(client, metadata):
    asked = {"KeyId": metadata["Arn"]}
    sizes = {
        len(client.generate_data_key_pair(KeyPairSpec=spec, **asked)["PrivateKeyPlaintext"])
        for spec in ("ML_KEM_768", "ML_KEM_1024")
    }
    assert len(sizes) == 1


@pytest.mark.parametrize("spec", ["SM2", "ML_KEM_512"])
@pytest.mark.parametrize(
    "operation", ["generate_data_key_pair", "generate_data_key_pair_without_plaintext"]
)
def test_what_nobody_makes_here_is_refused_by_name(client, metadata, operation, spec):
    sentence = f"KeyPairSpec {spec} is not supported by kmslab yet."
    with refused("UnsupportedOperationException", sentence):
        getattr(client, operation)(KeyId=metadata["Arn"], KeyPairSpec=spec)


def test_a_private_key_is_wrapped_under_a_symmetric_key_only(client):
    pair = client.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    with refused(
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    ):
        client.generate_data_key_pair(KeyId=pair["KeyId"], KeyPairSpec="ECC_NIST_P256")
    signer = client.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    with refused("InvalidKeyUsageException", None):
        client.generate_data_key_pair(KeyId=signer["KeyId"], KeyPairSpec="ECC_NIST_P256")


def test_kms_keeps_nothing_of_a_pair(world, client, metadata):
    before = [*world._store.key_tokens], dict(world._hsm.keys._opened)
    answer = client.generate_data_key_pair(KeyId=metadata["Arn"], KeyPairSpec="ECC_NIST_P256")
    assert ([*world._store.key_tokens], world._hsm.keys._opened) == before
    event = world.events()[-1]
    assert answer["PrivateKeyPlaintext"].hex() not in str(event)
    assert event["responseElements"] is None


def test_an_rsa_pair_is_made_while_no_lock_is_held(world, client, metadata, monkeypatch):
    from kmslab.vault.algorithms.rsa_keys import RsaKeyPair

    generate = RsaKeyPair.generate
    seen: list[bool] = []

    def watched(key_spec: str, random: Any) -> RsaKeyPair:
        # An owner of the lock could take it once more; nobody owns it now.
        seen.append(world._store.lock._is_owned())  # type: ignore[attr-defined]
        return generate(key_spec, random)

    monkeypatch.setattr(RsaKeyPair, "generate", watched)
    client.generate_data_key_pair(KeyId=metadata["Arn"], KeyPairSpec="RSA_2048")
    client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    assert seen == [False, False]
