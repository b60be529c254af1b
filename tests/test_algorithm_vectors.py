"""The HSM's algorithms against published vectors: NIST's CAVS and ACVP files, RFC 4231, RFC 8032.

Keys of the vectors come in as imported material comes in, so they are checked on the way. What a
vector draws at random, a signature's nonce above all, cannot be given to OpenSSL: there the answer
of the vector is verified, or opened, instead of made again.
"""

import re
from collections.abc import Iterator
from hashlib import shake_256

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kmslab.vault.algorithms import (
    EdwardsKeyPair,
    EllipticKeyPair,
    HmacKey,
    MlDsaKeyPair,
    MlKemKeyPair,
    RsaKeyPair,
)

CURVES: dict[str, ec.EllipticCurve] = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}


def vectors(path: str) -> str:
    with cryptography_vectors.open_vector_file(path, "r") as file:
        return file.read()


def records(text: str) -> Iterator[dict[str, str]]:
    """Blocks of lines such as `name = value`; blocks are separated by empty lines."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line.partition(" = ") for line in block.splitlines() if " = " in line]
        if lines:
            yield {name.strip(): value.strip() for name, _, value in lines}


def section(text: str, head: str) -> str:
    """What stands under the line `[head]`, up to the next such line."""
    return text.split(f"[{head}]\n", 1)[1].split("\n[", 1)[0]


def pkcs8(private_key) -> bytes:
    return private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki(public_key) -> bytes:
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- Elliptic curves ----------------------------------------------------------------------

FIPS, SECG = "asymmetric/ECDSA/FIPS_186-3/SigGen.txt", "asymmetric/ECDSA/SECP256K1/SigGen.txt"
ECDSA = {
    "ECC_NIST_P256": (FIPS, "P-256,SHA-256", "ECDSA_SHA_256"),
    "ECC_NIST_P384": (FIPS, "P-384,SHA-384", "ECDSA_SHA_384"),
    "ECC_NIST_P521": (FIPS, "P-521,SHA-512", "ECDSA_SHA_512"),
    "ECC_SECG_P256K1": (SECG, "K-256,SHA-256", "ECDSA_SHA_256"),
}


def elliptic(key_spec: str, number: str) -> EllipticKeyPair:
    made = ec.derive_private_key(int(number, 16), CURVES[key_spec])
    return EllipticKeyPair.decode(key_spec, pkcs8(made))


@pytest.mark.parametrize("key_spec", ECDSA)
def test_signatures_of_the_ecdsa_vectors_fit_and_no_other_message_does(key_spec):
    path, head, algorithm = ECDSA[key_spec]
    cases = [case for case in records(section(vectors(path), head)) if "Msg" in case]
    assert len(cases) >= 15
    for case in cases:
        pair = elliptic(key_spec, case["d"])
        point = ec.EllipticCurvePublicNumbers(
            int(case["Qx"], 16), int(case["Qy"], 16), CURVES[key_spec]
        )
        assert pair.public_key() == spki(point.public_key())
        message = bytes.fromhex(case["Msg"])
        signature = encode_dss_signature(int(case["R"], 16), int(case["S"], 16))
        assert pair.verify(algorithm, "RAW", message, signature)
        assert not pair.verify(algorithm, "RAW", message + b"\0", signature)


@pytest.mark.parametrize(
    ("key_spec", "head"),
    [
        ("ECC_NIST_P256", "EC - SHA256"),
        ("ECC_NIST_P384", "ED - SHA384"),
        ("ECC_NIST_P521", "EE - SHA512"),
    ],
)
def test_secrets_of_the_ecdh_vectors_are_found(key_spec, head):
    path = "asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax"
    cases = [case for case in records(section(vectors(path), head)) if "Z" in case]
    agreed = 0
    for case in cases:
        if case["Result"].startswith("F"):
            # What is spoiled there is the hash of the secret, or the private key of one side.
            continue
        numbers = ec.EllipticCurvePublicNumbers(
            int(case["QsCAVSx"], 16), int(case["QsCAVSy"], 16), CURVES[key_spec]
        )
        secret = elliptic(key_spec, case["dsIUT"]).agree(spki(numbers.public_key()))
        assert secret is not None
        assert int.from_bytes(secret, "big") == int(case["Z"], 16)
        agreed += 1
    assert agreed >= 10


# --- Edwards ------------------------------------------------------------------------------


def test_the_1024_signatures_of_ed25519s_authors_are_made_again():
    lines = vectors("asymmetric/Ed25519/sign.input").splitlines()
    assert len(lines) == 1024
    for line in lines[::4]:
        secret, public, message, signed = map(bytes.fromhex, line.split(":")[:4])
        made = ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32])
        pair = EdwardsKeyPair.decode("ECC_NIST_EDWARDS25519", pkcs8(made))
        assert pair.public_key()[-32:] == public
        signature = pair.sign("ED25519_SHA_512", "RAW", message)
        assert signature + message == signed
        assert pair.verify("ED25519_SHA_512", "RAW", message, signature)


# --- RSA ----------------------------------------------------------------------------------


def rsa_pair(case: dict[str, str]) -> RsaKeyPair:
    n, e, d = (int(case[name], 16) for name in ("n", "e", "d"))
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    parts = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *parts, rsa.RSAPublicNumbers(e, n))
    return RsaKeyPair(numbers.private_key())


def test_the_pkcs1_signatures_of_the_rsa_vectors_are_made_again():
    text = vectors("asymmetric/RSA/FIPS_186-2/SigGen15_186-2.txt")
    made = 0
    for bits in (2048, 3072, 4096):
        first, second, *cases = records(section(text, f"mod = {bits}"))
        pair = rsa_pair({**first, **second})
        for case in cases:
            hash_name = case["SHAAlg"]
            if hash_name not in ("SHA256", "SHA384", "SHA512"):
                continue
            algorithm = f"RSASSA_PKCS1_V1_5_SHA_{hash_name[3:]}"
            message, signature = bytes.fromhex(case["Msg"]), bytes.fromhex(case["S"])
            assert pair.sign(algorithm, "RAW", message) == signature
            assert pair.verify(algorithm, "RAW", message, signature)
            made += 1
    assert made == 90


def oaep_cases() -> Iterator[tuple[RsaKeyPair, bytes, bytes]]:
    text = vectors("asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt")
    for example in text.split("# Example\n")[1:]:
        parts = dict(re.findall(r"# ([A-Z][^:\n]*):\n([0-9a-f]+)", example.split("# Private")[1]))
        heads = {"n": "Modulus", "e": "Public exponent", "d": "Exponent"}
        pair = rsa_pair({name: parts[head] for name, head in heads.items()})
        messages = re.findall(r"# Message:\n([0-9a-f]+)\n# Encryption:\n([0-9a-f]+)", example)
        for message, ciphertext in messages:
            yield pair, bytes.fromhex(message), bytes.fromhex(ciphertext)


def test_the_oaep_vectors_open_and_open_with_no_other_hash():
    opened = 0
    for pair, message, ciphertext in oaep_cases():
        assert pair.decrypt("RSAES_OAEP_SHA_256", ciphertext) == message
        assert pair.decrypt("RSAES_OAEP_SHA_1", ciphertext) is None
        opened += 1
    assert opened >= 50


# --- HMAC ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_the_codes_of_rfc_4231_are_made_again(bits):
    cases = [case for case in records(vectors(f"HMAC/rfc-4231-sha{bits}.txt")) if "MD" in case]
    assert len(cases) >= 6
    for case in cases:
        key = HmacKey.open(f"HMAC_{bits}", bytes.fromhex(case["Key"]))
        message, code = bytes.fromhex(case["Msg"]), bytes.fromhex(case["MD"])
        assert key.code(f"HMAC_SHA_{bits}", message) == code
        assert key.fits(f"HMAC_SHA_{bits}", message, code)
        assert not key.fits(f"HMAC_SHA_{bits}", message + b"\0", code)


# --- Post-quantum -------------------------------------------------------------------------


def counted(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"^count = \d+\n", text, flags=re.MULTILINE)[1:]:
        yield dict(re.findall(r"^(\w+) = ?(\w*)$", block, re.MULTILINE))


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        (44, mldsa.MLDSA44PrivateKey),
        (65, mldsa.MLDSA65PrivateKey),
        (87, mldsa.MLDSA87PrivateKey),
    ],
)
def test_signatures_of_the_ml_dsa_vectors_fit(bits, kind):
    cases = list(counted(vectors(f"asymmetric/MLDSA/kat_MLDSA_{bits}_det_pure.rsp")))
    assert len(cases) == 100
    for case in cases:
        made = kind.from_seed_bytes(bytes.fromhex(case["xi"]))
        pair = MlDsaKeyPair.decode(f"ML_DSA_{bits}", pkcs8(made))
        public_key = bytes.fromhex(case["pk"])
        assert pair.public_key().endswith(public_key)
        message, context = bytes.fromhex(case["msg"]), bytes.fromhex(case["ctx"])
        signature = bytes.fromhex(case["sm"])[: -len(message)]
        # KMS knows no context: the message with one is told by its representative.
        mu = representative(public_key, message, context)
        assert pair.verify("ML_DSA_SHAKE_256", "EXTERNAL_MU", mu, signature)
        assert pair.verify("ML_DSA_SHAKE_256", "RAW", message, signature) is (context == b"")


def representative(public_key: bytes, message: bytes, context: bytes) -> bytes:
    """FIPS 204, algorithm 7, line 6: µ."""
    told = b"\0" + bytes((len(context),)) + context + message
    return shake_256(shake_256(public_key).digest(64) + told).digest(64)


@pytest.mark.parametrize(
    ("bits", "kind"), [(768, mlkem.MLKEM768PrivateKey), (1024, mlkem.MLKEM1024PrivateKey)]
)
def test_secrets_of_the_ml_kem_vectors_are_found_also_in_wrong_ciphertexts(bits, kind):
    cases = list(counted(vectors(f"asymmetric/MLKEM/kat_MLKEM_{bits}.rsp")))
    assert len(cases) == 1000
    for case in cases[::5]:
        made = kind.from_seed_bytes(bytes.fromhex(case["d"] + case["z"]))
        pair = MlKemKeyPair.decode(f"ML_KEM_{bits}", pkcs8(made))
        assert pair.public_key().endswith(bytes.fromhex(case["pk"]))
        for ciphertext, secret in (("ct", "ss"), ("ct_n", "ss_n")):
            found = pair.decapsulate(bytes.fromhex(case[ciphertext]))
            assert found == bytes.fromhex(case[secret])
