"""Key material as its owner has it: made outside, wrapped outside, and brought to KMS.

It is wrapped in two ways that know nothing of each other and nothing of the lab: by `cryptography`,
and by the `openssl` program as the KMS Developer Guide has it ("Encrypt the key material").
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA65PrivateKey,
    MLDSA87PrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

DER, NOT_ENCRYPTED = serialization.Encoding.DER, serialization.NoEncryption()
DIRECT = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
HYBRID = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
SEVERAL = {"ImportType": "NEW_KEY_MATERIAL", **NEVER}

# Key spec → key usage, and a private key made by `cryptography`.
PAIRS: dict[str, tuple[str, Callable[[], Any]]] = {
    "RSA_2048": ("SIGN_VERIFY", lambda: rsa.generate_private_key(65_537, 2048)),
    "RSA_3072": ("ENCRYPT_DECRYPT", lambda: rsa.generate_private_key(65_537, 3072)),
    "RSA_4096": ("SIGN_VERIFY", lambda: rsa.generate_private_key(65_537, 4096)),
    "ECC_NIST_P256": ("SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP256R1())),
    "ECC_NIST_P384": ("KEY_AGREEMENT", lambda: ec.generate_private_key(ec.SECP384R1())),
    "ECC_NIST_P521": ("SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP521R1())),
    "ECC_SECG_P256K1": ("SIGN_VERIFY", lambda: ec.generate_private_key(ec.SECP256K1())),
    "ECC_NIST_EDWARDS25519": ("SIGN_VERIFY", Ed25519PrivateKey.generate),
    "ML_DSA_44": ("SIGN_VERIFY", MLDSA44PrivateKey.generate),
    "ML_DSA_65": ("SIGN_VERIFY", MLDSA65PrivateKey.generate),
    "ML_DSA_87": ("SIGN_VERIFY", MLDSA87PrivateKey.generate),
    "ML_KEM_768": ("ENCAPSULATE_DECAPSULATE", MLKEM768PrivateKey.generate),
    "ML_KEM_1024": ("ENCAPSULATE_DECAPSULATE", MLKEM1024PrivateKey.generate),
}
# Key spec → the sizes of a secret that it takes, in bytes.
HMAC_SIZES = {
    "HMAC_224": (28, 64),
    "HMAC_256": (32, 64),
    "HMAC_384": (48, 128),
    "HMAC_512": (64, 128),
}

Wrap = Callable[[bytes, str, bytes], bytes]
"""From a public key in DER, a wrapping algorithm and the material to what is sent."""


def private_bytes(private_key: Any) -> bytes:
    """A private key as its owner brings it."""
    return private_key.private_bytes(DER, serialization.PrivateFormat.PKCS8, NOT_ENCRYPTED)


def public_bytes(private_key: Any) -> bytes:
    public_key = private_key.public_key()
    return public_key.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def wrap_in_python(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """What `cryptography` makes of it."""
    wrapping_key = serialization.load_der_public_key(public_key)
    kind = hashes.SHA1 if algorithm.endswith("_1") else hashes.SHA256
    oaep = padding.OAEP(padding.MGF1(kind()), kind(), label=None)
    if algorithm in DIRECT:
        return wrapping_key.encrypt(material, oaep)
    aes_key = os.urandom(32)
    return wrapping_key.encrypt(aes_key, oaep) + aes_key_wrap_with_padding(aes_key, material)


def wrap_with_program(openssl: str, directory: Path) -> Wrap:
    """What the `openssl` program makes of it, with files in `directory`."""

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=directory, check=True, capture_output=True)

    def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
        (directory / "public.der").write_bytes(public_key)
        (directory / "material").write_bytes(material)
        digest = "sha1" if algorithm.endswith("_1") else "sha256"
        oaep = ("rsa_padding_mode:oaep", f"rsa_oaep_md:{digest}", f"rsa_mgf1_md:{digest}")
        options = [part for option in oaep for part in ("-pkeyopt", option)]
        encrypt = ("pkeyutl", "-encrypt", "-pubin", "-inkey", "public.der", "-keyform", "DER")
        if algorithm in DIRECT:
            run(*encrypt, *options, "-in", "material", "-out", "wrapped")
            return (directory / "wrapped").read_bytes()
        run("rand", "-out", "aes.key", "32")
        aes_key = (directory / "aes.key").read_bytes().hex()
        cipher = ("enc", "-id-aes256-wrap-pad", "-K", aes_key, "-iv", "A65959A6")
        run(*cipher, "-in", "material", "-out", "inner")
        run(*encrypt, *options, "-in", "aes.key", "-out", "outer")
        return (directory / "outer").read_bytes() + (directory / "inner").read_bytes()

    return wrap


def external_key(kms: Any, **asked: Any) -> str:
    """The ARN of a new key that waits for its material."""
    return kms.create_key(Origin="EXTERNAL", **asked)["KeyMetadata"]["Arn"]


def parameters_for(
    kms: Any, key_id: str, algorithm: str = "RSAES_OAEP_SHA_256", spec: str = "RSA_2048"
) -> Any:
    return kms.get_parameters_for_import(
        KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec=spec
    )


def bring(
    kms: Any,
    key_id: str,
    material: bytes,
    algorithm: str = "RSAES_OAEP_SHA_256",
    spec: str = "RSA_2048",
    wrap: Wrap = wrap_in_python,
    **asked: Any,
) -> Any:
    """All steps of an import; the material does not expire unless it is asked to."""
    given = parameters_for(kms, key_id, algorithm, spec)
    return kms.import_key_material(
        KeyId=key_id,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], algorithm, material),
        **(asked if "ValidTo" in asked else {**NEVER, **asked}),
    )
