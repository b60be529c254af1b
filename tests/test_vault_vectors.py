"""The vault's cryptography against published vectors and against a second computation.

Nothing here trusts the code under test: the standard's formulas are written out once more, and
one whole ciphertext blob is made again by hand from the keys that the lab drew.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

import cryptography_vectors
import pytest
import rfc7693
from aws_words import Recorder
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.key_derivation import KeyDerivation

# --- SP 800-108 ---------------------------------------------------------------------------


def counter_mode(key: bytes, fixed_input: bytes, bits: int) -> bytes:
    """SP 800-108r1 §4.1: K(i) = PRF(key, [i]₂ ‖ fixed input), r = 32, PRF HMAC-SHA256."""
    blocks = -(-bits // 256)
    output = b"".join(
        hmac.new(key, i.to_bytes(4, "big") + fixed_input, hashlib.sha256).digest()
        for i in range(1, blocks + 1)
    )
    return output[: bits // 8]


def as_in_the_standard(label: bytes, context: bytes, bits: int) -> bytes:
    """The fixed input of SP 800-108r1 §4: Label ‖ 0x00 ‖ Context ‖ [L]₂."""
    return label + b"\x00" + context + bits.to_bytes(4, "big")


@dataclass(frozen=True)
class Derivation:
    number: str
    bits: int
    key: bytes
    fixed_input: bytes
    output: bytes


def published_derivations() -> list[Derivation]:
    with cryptography_vectors.open_vector_file("KDF/nist-800-108-KBKDF-CTR.txt", "r") as file:
        text = file.read()
    _, _, ours = text.partition("[PRF=HMAC_SHA256]\n[CTRLOCATION=BEFORE_FIXED]\n[RLEN=32_BITS]\n")
    cases = re.findall(
        r"COUNT=(\d+)\nL = (\d+)\nKI = (\w+)\n.*?FixedInputData = (\w+)\n.*?KO = (\w+)\n",
        ours.split("[PRF=")[0],
        re.DOTALL,
    )
    return [
        Derivation(number, int(bits), *(bytes.fromhex(part) for part in parts))
        for number, bits, *parts in cases
    ]


DERIVATIONS = published_derivations()


def test_the_published_derivations_are_forty_and_some_need_several_blocks():
    assert len(DERIVATIONS) == 40
    assert {len(case.output) * 8 == case.bits for case in DERIVATIONS} == {True}
    assert max(case.bits for case in DERIVATIONS) > 256


@pytest.mark.parametrize("case", DERIVATIONS, ids=lambda case: f"{case.number}, {case.bits} bits")
def test_the_formula_of_the_standard_gives_the_published_output(case):
    assert counter_mode(case.key, case.fixed_input, case.bits) == case.output


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=40), st.binary(max_size=40))
def test_a_derivation_is_that_formula_over_label_context_and_length(secret, label, context):
    fixed_input = as_in_the_standard(label, context, 256)
    assert KeyDerivation(secret).derive(label, context) == counter_mode(secret, fixed_input, 256)


@given(st.binary(min_size=1, max_size=64), st.lists(st.binary(max_size=40), max_size=5))
def test_one_secret_derives_the_same_whatever_it_derived_before(secret, earlier):
    used = KeyDerivation(secret)
    for context in earlier:
        used.derive(b"label", context)
    assert used.derive(b"label", b"now") == KeyDerivation(secret).derive(b"label", b"now")


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=40), st.binary(max_size=40))
def test_a_derivation_is_what_another_implementation_derives(secret, label, context):
    other = KBKDFHMAC(
        algorithm=SHA256(),
        mode=Mode.CounterMode,
        length=32,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    )
    assert KeyDerivation(secret).derive(label, context) == other.derive(secret)


# --- AES-256-GCM --------------------------------------------------------------------------


def published_messages(file_name: str) -> Iterator[dict[str, bytes | bool]]:
    """NIST's cases with the 96-bit nonce and the 128-bit tag that the vault uses."""
    path = f"ciphers/AES/GCM/{file_name}"
    with cryptography_vectors.open_vector_file(path, "r") as file:
        sections = re.split(r"^\[Keylen = 256\]$", file.read(), flags=re.MULTILINE)[1:]
    for section in sections:
        if "[IVlen = 96]" not in section or "[Taglen = 128]" not in section:
            continue
        for case in section.split("Count = ")[1:]:
            fields = re.findall(r"^(Key|IV|PT|AAD|CT|Tag) = (\w*)$", case, re.MULTILINE)
            message = {name: bytes.fromhex(value) for name, value in fields}
            yield {**message, "FAIL": "FAIL" in case}


def test_aes_256_gcm_encrypts_every_published_message_to_its_ciphertext():
    checked = 0
    for case in published_messages("gcmEncryptExtIV256.rsp"):
        made = AESGCM(case["Key"]).encrypt(case["IV"], case["PT"], case["AAD"])
        assert made == case["CT"] + case["Tag"]
        checked += 1
    assert checked == 375


def test_aes_256_gcm_opens_every_published_ciphertext_and_refuses_every_forged_one():
    opened = refused = 0
    for case in published_messages("gcmDecrypt256.rsp"):
        aead, sealed = AESGCM(case["Key"]), case["CT"] + case["Tag"]
        if case["FAIL"]:
            with pytest.raises(InvalidTag):
                aead.decrypt(case["IV"], sealed, case["AAD"])
            refused += 1
        else:
            assert aead.decrypt(case["IV"], sealed, case["AAD"]) == case["PT"]
            opened += 1
    assert opened + refused == 375
    assert min(opened, refused) > 100


# --- BLAKE2b ------------------------------------------------------------------------------


def published_digests() -> list[tuple[bytes, str]]:
    with cryptography_vectors.open_vector_file("hashes/blake2/blake2b.txt", "r") as file:
        cases = re.findall(r"^Len = (\d+)\nMsg = (\w+)\nMD = (\w+)$", file.read(), re.MULTILINE)
    return [(bytes.fromhex(text)[: int(bits) // 8], digest) for bits, text, digest in cases]


def test_the_formula_of_rfc_7693_gives_every_published_digest():
    digests = published_digests()
    assert len(digests) >= 3
    for message, digest in digests:
        assert rfc7693.blake2b(message).hex() == digest


@settings(max_examples=40)
@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_a_seal_is_that_formula_under_the_sealing_key(message, secret):
    domain_key = DomainKey(secret, random=bytes)
    assert domain_key.seal(message) == rfc7693.blake2b(message, sealing_key_of(secret), 16)


def sealing_key_of(domain_secret: bytes) -> bytes:
    fixed_input = as_in_the_standard(b"kmslab seal ciphertext blob", b"", 256)
    return counter_mode(domain_secret, fixed_input, 256)


# --- One whole ciphertext blob, computed a second time ------------------------------------


@dataclass(frozen=True)
class Parts:
    """A ciphertext blob, cut up as the layout in kmslab/vault/ciphertext_blob.py says."""

    header: bytes
    account: str
    key_id: str
    key_material_id: bytes
    nonce: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes
    seal: bytes


def cut_up(blob: bytes) -> Parts:
    assert blob[0] == 1
    after_id = 14 + blob[13]
    header_size = after_id + 32 + 16 + 12
    return Parts(
        header=blob[:header_size],
        account=blob[1:13].decode(),
        key_id=blob[14:after_id].decode(),
        key_material_id=blob[after_id : after_id + 32],
        nonce=blob[after_id + 32 : after_id + 48],
        iv=blob[after_id + 48 : header_size],
        ciphertext=blob[header_size:-32],
        tag=blob[-32:-16],
        seal=blob[-16:],
    )


def encode_by_hand(encryption_context: dict[str, str]) -> bytes:
    encoded = len(encryption_context).to_bytes(4, "big")
    for name, value in sorted((n.encode(), v.encode()) for n, v in encryption_context.items()):
        for text in (name, value):
            encoded += len(text).to_bytes(4, "big") + text
    return encoded


CONTEXTS = [{}, {"department": "IT"}, {"b": "", "a": "zürich", "ab": "x" * 300}]


@pytest.mark.parametrize("encryption_context", CONTEXTS, ids=lambda context: f"{len(context)}")
@pytest.mark.parametrize("plaintext", [b"x", b"a secret", bytes(4096)], ids=len)
def test_a_ciphertext_blob_can_be_made_again_by_hand(plaintext, encryption_context):
    recorder = Recorder(seed=len(plaintext))
    lab = Lab(random=recorder)
    domain_secret = recorder.draws[0]
    kms = lab.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    backing_key = recorder.backing_key_of(metadata)

    blob = kms.encrypt(
        KeyId=metadata["KeyId"], Plaintext=plaintext, EncryptionContext=encryption_context
    )["CiphertextBlob"]

    parts = cut_up(blob)
    assert (parts.account, parts.key_id) == (metadata["AWSAccountId"], metadata["KeyId"])
    assert parts.key_material_id.hex() == metadata["CurrentKeyMaterialId"]
    assert recorder.draws[-1] == parts.nonce + parts.iv, "both nonces are drawn for this call"

    fixed_input = as_in_the_standard(b"kmslab encrypt AES-256-GCM", parts.nonce, 256)
    derived_key = counter_mode(backing_key, fixed_input, 256)
    encryptor = Cipher(algorithms.AES(derived_key), modes.GCM(parts.iv)).encryptor()
    encryptor.authenticate_additional_data(parts.header + encode_by_hand(encryption_context))
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    assert (ciphertext, encryptor.tag) == (parts.ciphertext, parts.tag)

    unsealed = parts.header + ciphertext + encryptor.tag
    assert unsealed + rfc7693.blake2b(unsealed, sealing_key_of(domain_secret), 16) == blob
