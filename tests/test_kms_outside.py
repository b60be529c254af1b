"""Others judge: what KMS signed, encrypted, agreed or encapsulated, against independent programs.

Signatures and ciphertexts go both ways between KMS and `cryptography`, the `openssl` command,
`dilithium-py` and `kyber-py`, which share no code with each other except the first two. Where a
private key is needed outside, it is a data key pair's, or is taken from the HSM behind its back.
"""

import hashlib
import hmac
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_words import refused
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from kyber_py.ml_kem import ML_KEM_768, ML_KEM_1024

from kmslab import Lab

ML_DSA = {"ML_DSA_44": ML_DSA_44, "ML_DSA_65": ML_DSA_65, "ML_DSA_87": ML_DSA_87}
ML_KEM = {"ML_KEM_768": ML_KEM_768, "ML_KEM_1024": ML_KEM_1024}
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA = {
    f"RSA_{bits}": [
        f"RSASSA_{name}_SHA_{size}" for name in ("PKCS1_V1_5", "PSS") for size in HASHES
    ]
    for bits in (2048, 3072, 4096)
}
ECC = {
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
    "ECC_NIST_P384": ["ECDSA_SHA_384"],
    "ECC_NIST_P521": ["ECDSA_SHA_512"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
}
EDWARDS = {"ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"]}
CLASSIC = [
    (spec, algorithm)
    for spec, algorithms in {**RSA, **ECC, **EDWARDS}.items()
    for algorithm in algorithms
]
MESSAGE = b"Pay the bearer 40 crowns."


@pytest.fixture(scope="module")
def world() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def client(world: Lab) -> Any:
    return world.client("kms")


@pytest.fixture(scope="module")
def arn_of(client: Any) -> Callable[[str, str], str]:
    """A function from key spec and usage to the ARN of one key of that kind."""
    made: dict[tuple[str, str], str] = {}

    def find(key_spec: str, key_usage: str = "SIGN_VERIFY") -> str:
        if (key_spec, key_usage) not in made:
            metadata = client.create_key(KeySpec=key_spec, KeyUsage=key_usage)["KeyMetadata"]
            made[key_spec, key_usage] = metadata["Arn"]
        return made[key_spec, key_usage]

    return find


def public_key_of(client: Any, arn: str) -> Any:
    return load_der_public_key(client.get_public_key(KeyId=arn)["PublicKey"])


def private_key_of(world: Lab, arn: str) -> Any:
    """What never leaves the HSM, so that a test can use it outside."""
    (material,) = (
        each.encode() for name, each in world._hsm.keys._opened.items() if name.key_id in arn
    )
    return load_der_private_key(material, None)


# --- Signatures, judged by cryptography ---------------------------------------------------


def check(public_key: Any, algorithm: str, message: bytes, signature: bytes) -> None:
    """The standard's verification. Raises InvalidSignature."""
    kind = HASHES[algorithm[-3:]]
    if algorithm.startswith("ED25519"):
        public_key.verify(signature, message)
    elif algorithm.startswith("ECDSA"):
        public_key.verify(signature, message, ec.ECDSA(kind))
    elif "PSS" in algorithm:
        pss = padding.PSS(padding.MGF1(kind), salt_length=kind.digest_size)
        public_key.verify(signature, message, pss, kind)
    else:
        public_key.verify(signature, message, padding.PKCS1v15(), kind)


@pytest.mark.parametrize(("key_spec", "algorithm"), CLASSIC)
def test_cryptography_verifies_what_kms_signed_raw_or_as_a_digest(
    client, arn_of, key_spec, algorithm
):
    arn = arn_of(key_spec)
    asked = {"KeyId": arn, "SigningAlgorithm": algorithm}
    signature = client.sign(Message=MESSAGE, **asked)["Signature"]
    check(public_key_of(client, arn), algorithm, MESSAGE, signature)
    if key_spec in EDWARDS:
        return
    digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
    signature = client.sign(Message=digest, MessageType="DIGEST", **asked)["Signature"]
    check(public_key_of(client, arn), algorithm, MESSAGE, signature)


def test_a_long_document_is_signed_by_its_digest(client, arn_of):
    arn, document = arn_of("ECC_NIST_P384"), b"page\n" * 50_000
    asked = {"KeyId": arn, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_384"}
    signature = client.sign(Message=hashlib.sha384(document).digest(), **asked)["Signature"]
    check(public_key_of(client, arn), "ECDSA_SHA_384", document, signature)


@pytest.mark.parametrize(("salt", "fits"), [(32, True), (20, False), (222, False)])
def test_the_salt_of_pss_is_as_long_as_the_hash_and_kms_takes_no_other(
    world, client, arn_of, salt, fits
):
    arn = arn_of("RSA_2048")
    client.get_public_key(KeyId=arn)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=salt)
    signature = private_key_of(world, arn).sign(MESSAGE, pss, hashes.SHA256())
    asked = {"KeyId": arn, "Message": MESSAGE, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    if fits:
        assert client.verify(Signature=signature, **asked)["SignatureValid"]
    else:
        with refused("KMSInvalidSignatureException", ""):
            client.verify(Signature=signature, **asked)


def test_ecdsa_signatures_are_numbers_in_der(client, arn_of):
    arn = arn_of("ECC_NIST_P256")
    asked = {"KeyId": arn, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = client.sign(**asked)["Signature"]
    r, s = utils.decode_dss_signature(signature)
    assert utils.encode_dss_signature(r, s) == signature
    order = ec.SECP256R1.group_order
    assert 0 < r < order
    assert 0 < s < order
    # The mirror of a signature fits as well: ECDSA is malleable, at AWS too.
    mirrored = utils.encode_dss_signature(r, order - s)
    assert client.verify(Signature=mirrored, **asked)["SignatureValid"]


# --- Signatures, judged by the openssl command --------------------------------------------


@pytest.fixture
def openssl(need_program, tmp_path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    program = need_program("openssl")

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True)

    return run


def verify_command(algorithm: str) -> list[str]:
    if algorithm.startswith("ED25519"):
        files = ["-pubin", "-inkey", "public.der", "-keyform", "DER", "-sigfile", "signature"]
        return ["pkeyutl", "-verify", "-rawin", "-in", "message", *files]
    options = []
    if "PSS" in algorithm:
        names = ("rsa_padding_mode:pss", "rsa_pss_saltlen:digest")
        options = [part for name in names for part in ("-sigopt", name)]
    files = ["-keyform", "DER", "-verify", "public.der", "-signature", "signature", "message"]
    return ["dgst", f"-sha{algorithm[-3:]}", *options, *files]


@pytest.mark.parametrize(("key_spec", "algorithm"), CLASSIC)
def test_openssl_verifies_what_kms_signed_and_nothing_else(
    client, arn_of, openssl, tmp_path, key_spec, algorithm
):
    arn = arn_of(key_spec)
    asked = {"KeyId": arn, "Message": MESSAGE, "SigningAlgorithm": algorithm}
    (tmp_path / "public.der").write_bytes(client.get_public_key(KeyId=arn)["PublicKey"])
    (tmp_path / "signature").write_bytes(client.sign(**asked)["Signature"])
    (tmp_path / "message").write_bytes(MESSAGE)
    good = openssl(*verify_command(algorithm))
    assert good.returncode == 0, good.stderr
    (tmp_path / "message").write_bytes(MESSAGE + b"0")
    assert openssl(*verify_command(algorithm)).returncode == 1


@pytest.mark.parametrize("key_spec", ["RSA_2048", *ECC, *EDWARDS])
def test_kms_verifies_what_openssl_signed(world, client, arn_of, openssl, tmp_path, key_spec):
    arn = arn_of(key_spec)
    client.get_public_key(KeyId=arn)
    pem = private_key_of(world, arn).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "private.pem").write_bytes(pem)
    (tmp_path / "message").write_bytes(MESSAGE)
    algorithm = {**RSA, **ECC, **EDWARDS}[key_spec][0]
    command = ["dgst", f"-sha{algorithm[-3:]}", "-sign", "private.pem", "-out", "signature"]
    if key_spec in EDWARDS:
        command = [
            "pkeyutl",
            "-sign",
            "-rawin",
            "-inkey",
            "private.pem",
            "-out",
            "signature",
            "-in",
        ]
    signed = openssl(*command, "message")
    assert signed.returncode == 0, signed.stderr
    verified = client.verify(
        KeyId=arn,
        Message=MESSAGE,
        Signature=(tmp_path / "signature").read_bytes(),
        SigningAlgorithm=algorithm,
    )
    assert verified["SignatureValid"]


# --- Ciphertexts made with the public key alone -------------------------------------------

OAEP_CASES = [(f"RSA_{bits}", size) for bits in (2048, 3072, 4096) for size in ("1", "256")]


@pytest.mark.parametrize(("key_spec", "size"), OAEP_CASES)
def test_kms_opens_what_was_encrypted_offline(client, arn_of, openssl, tmp_path, key_spec, size):
    arn = arn_of(key_spec, "ENCRYPT_DECRYPT")
    kind = hashes.SHA1() if size == "1" else hashes.SHA256()
    public_key = public_key_of(client, arn)
    assert isinstance(public_key, rsa.RSAPublicKey)
    largest = public_key.key_size // 8 - 2 * kind.digest_size - 2
    plaintext = b"\x01" * largest
    oaep = padding.OAEP(padding.MGF1(kind), kind, None)
    (tmp_path / "public.der").write_bytes(client.get_public_key(KeyId=arn)["PublicKey"])
    (tmp_path / "plaintext").write_bytes(plaintext)
    options = ("rsa_padding_mode:oaep", f"rsa_oaep_md:sha{size}", f"rsa_mgf1_md:sha{size}")
    files = ("-pubin", "-inkey", "public.der", "-keyform", "DER", "-in", "plaintext")
    made = openssl(
        *("pkeyutl", "-encrypt", *files, "-out", "ciphertext"),
        *(part for option in options for part in ("-pkeyopt", option)),
    )
    assert made.returncode == 0, made.stderr
    for ciphertext in (
        public_key.encrypt(plaintext, oaep),
        (tmp_path / "ciphertext").read_bytes(),
    ):
        opened = client.decrypt(
            KeyId=arn,
            CiphertextBlob=ciphertext,
            EncryptionAlgorithm=f"RSAES_OAEP_SHA_{size}",
        )
        assert opened["Plaintext"] == plaintext
    limit = "Algorithm RSAES_OAEP_SHA_{} and key spec {} cannot encrypt data larger than {} bytes."
    with refused("ValidationException", limit.format(size, key_spec, largest)):
        client.encrypt(
            KeyId=arn,
            Plaintext=plaintext + b"\x01",
            EncryptionAlgorithm=f"RSAES_OAEP_SHA_{size}",
        )


# --- Secrets and codes, computed once more ------------------------------------------------


@pytest.mark.parametrize("key_spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_openssl_finds_the_same_shared_secret(client, arn_of, openssl, tmp_path, key_spec):
    arn = arn_of(key_spec, "KEY_AGREEMENT")
    symmetric = client.create_key()["KeyMetadata"]["KeyId"]
    outside = client.generate_data_key_pair(KeyId=symmetric, KeyPairSpec=key_spec)
    (tmp_path / "peer.der").write_bytes(client.get_public_key(KeyId=arn)["PublicKey"])
    (tmp_path / "own.der").write_bytes(outside["PrivateKeyPlaintext"])
    own = ("-inkey", "own.der", "-keyform", "DER")
    peer = ("-peerkey", "peer.der", "-peerform", "DER")
    derived = openssl("pkeyutl", "-derive", *own, *peer, "-out", "secret")
    assert derived.returncode == 0, derived.stderr
    inside = client.derive_shared_secret(
        KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=outside["PublicKey"]
    )
    assert inside["SharedSecret"] == (tmp_path / "secret").read_bytes()


@pytest.mark.parametrize("size", ["224", "256", "384", "512"])
def test_openssl_makes_the_same_code(world, client, arn_of, openssl, tmp_path, size):
    arn = arn_of(f"HMAC_{size}", "GENERATE_VERIFY_MAC")
    asked = {"KeyId": arn, "Message": MESSAGE, "MacAlgorithm": f"HMAC_SHA_{size}"}
    code = client.generate_mac(**asked)["Mac"]
    (secret,) = (
        each.encode() for name, each in world._hsm.keys._opened.items() if name.key_id in arn
    )
    (tmp_path / "message").write_bytes(MESSAGE)
    key = ("-mac", "HMAC", "-macopt", f"hexkey:{secret.hex()}")
    made = openssl("dgst", f"-sha{size}", *key, "-binary", "message")
    assert made.stdout == code == hmac.digest(secret, MESSAGE, f"sha{size}")


# --- Post-quantum, judged by pure Python --------------------------------------------------


def raw_public_key(client: Any, arn: str) -> bytes:
    public_key = public_key_of(client, arn)
    return bytes(public_key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def seed_of(world: Lab, arn: str) -> bytes:
    private_key = private_key_of(world, arn)
    return bytes(private_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))


@pytest.mark.parametrize("key_spec", ML_DSA)
def test_dilithium_py_verifies_what_kms_signed_and_the_reverse(world, client, arn_of, key_spec):
    scheme, arn = ML_DSA[key_spec], arn_of(key_spec)
    asked = {"KeyId": arn, "Message": MESSAGE, "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    public_key = raw_public_key(client, arn)
    signature = client.sign(**asked)["Signature"]
    assert scheme.verify(public_key, MESSAGE, signature)
    assert not scheme.verify(public_key, MESSAGE + b"0", signature)
    # The seed in the HSM makes the same pair there.
    public_again, private_key = scheme.key_derive(seed_of(world, arn))
    assert public_again == public_key
    outside = scheme.sign(private_key, MESSAGE)
    assert client.verify(Signature=outside, **asked)["SignatureValid"]
    with refused("KMSInvalidSignatureException", ""):
        client.verify(Signature=scheme.sign(private_key, MESSAGE, ctx=b"context"), **asked)


@pytest.mark.parametrize("key_spec", ML_DSA)
def test_a_representative_made_by_dilithium_py_is_signed_for_its_message(
    world, client, arn_of, key_spec
):
    scheme, arn = ML_DSA[key_spec], arn_of(key_spec)
    document = b"page\n" * 2_000
    mu = scheme.prehash_external_mu(raw_public_key(client, arn), document)
    asked = {"KeyId": arn, "SigningAlgorithm": "ML_DSA_SHAKE_256", "MessageType": "EXTERNAL_MU"}
    signature = client.sign(Message=mu, **asked)["Signature"]
    assert scheme.verify(raw_public_key(client, arn), document, signature)
    _, private_key = scheme.key_derive(seed_of(world, arn))
    outside = scheme.sign_external_mu(private_key, mu)
    assert client.verify(Message=mu, Signature=outside, **asked)["SignatureValid"]


@pytest.mark.parametrize("key_spec", ML_KEM)
def test_kyber_py_and_kms_find_each_others_secrets(world, client, arn_of, key_spec):
    scheme, arn = ML_KEM[key_spec], arn_of(key_spec, "ENCAPSULATE_DECAPSULATE")
    asked = {"KeyId": arn, "EncapsulationAlgorithm": "ML_KEM"}
    public_key = raw_public_key(client, arn)
    secret, ciphertext = scheme.encaps(public_key)
    inside = client.decapsulate(SharedSecretCiphertextBlob=ciphertext, **asked)
    assert inside["SharedSecret"] == secret
    public_again, private_key = scheme.key_derive(seed_of(world, arn))
    assert public_again == public_key
    made = client.encapsulate(**asked)
    blob = made["SharedSecretCiphertextBlob"]
    assert scheme.decaps(private_key, blob) == made["SharedSecret"]
    # Even in a ciphertext that is wrong both find the same, as FIPS 203 has it.
    wrong = bytes((blob[0] ^ 1,)) + blob[1:]
    rejected = client.decapsulate(SharedSecretCiphertextBlob=wrong, **asked)["SharedSecret"]
    assert scheme.decaps(private_key, wrong) == rejected != made["SharedSecret"]


@pytest.mark.parametrize("key_spec", ML_KEM)
def test_a_data_key_pair_of_ml_kem_works_in_kyber_py(client, key_spec):
    symmetric = client.create_key()["KeyMetadata"]["KeyId"]
    pair = client.generate_data_key_pair(KeyId=symmetric, KeyPairSpec=key_spec)
    loaded: Any = load_der_private_key(pair["PrivateKeyPlaintext"], None)
    seed = loaded.private_bytes(Encoding.Raw, serialization.PrivateFormat.Raw, NoEncryption())
    scheme = ML_KEM[key_spec]
    public_key, private_key = scheme.key_derive(seed)
    assert pair["PublicKey"].endswith(public_key)
    secret, ciphertext = scheme.encaps(public_key)
    assert scheme.decaps(private_key, ciphertext) == secret


def test_a_data_key_pair_signs_in_openssl(client, openssl, tmp_path: Path):
    symmetric = client.create_key()["KeyMetadata"]["KeyId"]
    for key_pair_spec in ("RSA_2048", *ECC):
        pair = client.generate_data_key_pair(KeyId=symmetric, KeyPairSpec=key_pair_spec)
        (tmp_path / "private.der").write_bytes(pair["PrivateKeyPlaintext"])
        (tmp_path / "public.der").write_bytes(pair["PublicKey"])
        (tmp_path / "message").write_bytes(MESSAGE)
        sign = ("-keyform", "DER", "-sign", "private.der", "-out", "signature")
        assert openssl("dgst", "-sha256", *sign, "message").returncode == 0
        verified = openssl(*verify_command("ECDSA_SHA_256"))
        assert verified.returncode == 0, verified.stderr
