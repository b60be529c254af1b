"""What is raced about keys beyond symmetric ones: an operation through the door, and the primitive.

"door_…" answers one signed request, as a client sent it; "bare_…" calls OpenSSL through the
`cryptography` package, or Python's hmac, with the same key kind and the same message and does
nothing else.
"""

import hmac
import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.arms import SECRET, Call
from kmslab import Lab
from kmslab.wire.boto import as_request

SHA_256 = hashes.SHA256()
PSS = padding.PSS(padding.MGF1(SHA_256), padding.PSS.DIGEST_LENGTH)
OAEP = padding.OAEP(padding.MGF1(SHA_256), SHA_256, None)
ECDSA = ec.ECDSA(SHA_256)

# What a signing algorithm needs besides the message.
_SIGNERS: dict[str, tuple[str, str, Callable[[], Any], tuple[Any, ...]]] = {
    "rsa_4096": (
        *("RSA_4096", "RSASSA_PSS_SHA_256"),
        lambda: rsa.generate_private_key(65_537, 4096),
        (PSS, SHA_256),
    ),
    "p256": (
        *("ECC_NIST_P256", "ECDSA_SHA_256"),
        lambda: ec.generate_private_key(ec.SECP256R1()),
        (ECDSA,),
    ),
    "ed25519": (
        *("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ed25519.Ed25519PrivateKey.generate,
        (),
    ),
    "ml_dsa_65": ("ML_DSA_65", "ML_DSA_SHAKE_256", mldsa.MLDSA65PrivateKey.generate, ()),
}
SIGNERS = tuple(_SIGNERS)


def _through_the_door(operation: str, spec: str, usage: str, **asked: Any) -> Call:
    """The door alone, with one signed request of `operation` on a new key."""
    lab = Lab()
    kms = lab.client("kms")
    asked["KeyId"] = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
    if operation == "Verify":
        asked["Signature"] = kms.sign(**asked)["Signature"]
    if operation == "Decapsulate":
        made = kms.encapsulate(**asked)
        asked["SharedSecretCiphertextBlob"] = made["SharedSecretCiphertextBlob"]
    sent: list[Any] = []
    kms.meta.events.register("before-send.kms", lambda request, **_: sent.append(request))
    kms._make_api_call(operation, asked)
    signed, door = as_request(sent[-1]), lab.endpoint.handle
    assert door(signed).status == 200
    return lambda: door(signed)


def door_encrypt() -> Call:
    return _through_the_door("Encrypt", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", Plaintext=SECRET)


def bare_encrypt() -> Call:
    cipher, nonce = AESGCM(os.urandom(32)), os.urandom(12)
    return lambda: cipher.encrypt(nonce, SECRET, None)


def door_encrypt_rsa_4096() -> Call:
    asked = {"Plaintext": SECRET, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    return _through_the_door("Encrypt", "RSA_4096", "ENCRYPT_DECRYPT", **asked)


def bare_encrypt_rsa_4096() -> Call:
    public_key = rsa.generate_private_key(65_537, 4096).public_key()
    return lambda: public_key.encrypt(SECRET, OAEP)


def door_mac() -> Call:
    asked = {"Message": SECRET, "MacAlgorithm": "HMAC_SHA_256"}
    return _through_the_door("GenerateMac", "HMAC_256", "GENERATE_VERIFY_MAC", **asked)


def bare_mac() -> Call:
    secret = os.urandom(32)
    return lambda: hmac.digest(secret, SECRET, "sha256")


def door_decapsulate() -> Call:
    asked = {"EncapsulationAlgorithm": "ML_KEM"}
    return _through_the_door("Decapsulate", "ML_KEM_768", "ENCAPSULATE_DECAPSULATE", **asked)


def bare_decapsulate() -> Call:
    private_key = mlkem.MLKEM768PrivateKey.generate()
    _, ciphertext = private_key.public_key().encapsulate()
    return lambda: private_key.decapsulate(ciphertext)


def _door_of(operation: str, signer: str) -> Callable[[], Call]:
    spec, algorithm, _, _ = _SIGNERS[signer]
    asked = {"Message": SECRET, "SigningAlgorithm": algorithm}
    return lambda: _through_the_door(operation, spec, "SIGN_VERIFY", **asked)


def _bare_of(operation: str, signer: str) -> Callable[[], Call]:
    _, _, generate, scheme = _SIGNERS[signer]

    def prepare() -> Call:
        private_key = generate()
        if operation == "Sign":
            return lambda: private_key.sign(SECRET, *scheme)
        public_key, signature = private_key.public_key(), private_key.sign(SECRET, *scheme)
        return lambda: public_key.verify(signature, SECRET, *scheme)

    return prepare


def __getattr__(name: str) -> Callable[[], Call]:
    """The arms of each kind that signs: "door_sign_p256", "bare_verify_ml_dsa_65"."""
    side, _, rest = name.partition("_")
    operation, _, signer = rest.partition("_")
    if side not in ("door", "bare") or operation not in ("sign", "verify"):
        raise AttributeError(name)
    made = {"door": _door_of, "bare": _bare_of}[side]
    return made(operation.capitalize(), signer)
