"""Ciphertext blobs: they open whole, in their own context, and in no other way."""

import struct

import pytest
from aws_words import Recorder
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab
from kmslab.errors import ServiceError
from kmslab.sources import insecure_seeded_random
from kmslab.store.iam_records import AccessKey
from kmslab.store.records import KeyToken
from kmslab.vault.backing_keys import BackingKeyName
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.encryption_context import canonical
from kmslab.vault.hsm import Hsm
from kmslab.vault.key_derivation import KeyDerivation

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
PLAINTEXT = b"a secret"
CONTEXT = {"department": "IT", "file": "report"}

texts = st.text(max_size=20)
contexts = st.dictionaries(texts, texts, max_size=5)
plaintexts = st.binary(min_size=1, max_size=64) | st.builds(
    lambda size, byte: bytes((byte,)) * size, st.integers(1, 4096), st.integers(0, 255)
)


class Vault:
    """An HSM with one backing key, asked as the services ask it."""

    def __init__(self, seed: int = 0) -> None:
        random = insecure_seeded_random(seed)
        self.domain_secret = random(32)
        self.hsm = Hsm(DomainKey(self.domain_secret, random), random)
        self.name, self.token = self.hsm.create_backing_key("111122223333", KEY_ID)

    def encrypt(self, plaintext=PLAINTEXT, encryption_context=None):
        return self.hsm.encrypt(self.name, self.token, plaintext, encryption_context)

    def decrypt(self, blob, encryption_context=None):
        assert self.hsm.read_header(blob) == self.name
        return self.hsm.decrypt(self.token, blob, encryption_context)


VAULT = Vault()
BLOB = VAULT.encrypt(PLAINTEXT, CONTEXT)


def refuses(blob, encryption_context=CONTEXT, vault=VAULT):
    """Whether the blob is refused as AWS refuses it: by one code, without one word."""
    with pytest.raises(ServiceError) as caught:
        vault.decrypt(blob, encryption_context)
    return (caught.value.code, caught.value.message) == ("InvalidCiphertextException", "")


# --- What opens ---------------------------------------------------------------------------


@given(plaintexts, contexts)
def test_whatever_was_encrypted_is_decrypted_in_the_same_context(plaintext, encryption_context):
    blob = VAULT.encrypt(plaintext, encryption_context)
    assert VAULT.decrypt(blob, dict(reversed(encryption_context.items()))) == plaintext


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 4095, 4096])
def test_every_size_up_to_4096_bytes_comes_back(size):
    plaintext = bytes(index % 251 for index in range(size))
    assert VAULT.decrypt(VAULT.encrypt(plaintext)) == plaintext


def test_a_blob_is_as_long_as_its_plaintext_and_a_constant():
    overheads = {len(VAULT.encrypt(bytes(size))) - size for size in (1, 100, 4096)}
    assert overheads == {142}


def test_no_context_and_the_empty_context_are_the_same():
    assert VAULT.decrypt(VAULT.encrypt(PLAINTEXT, None), {}) == PLAINTEXT
    assert VAULT.decrypt(VAULT.encrypt(PLAINTEXT, {}), None) == PLAINTEXT


def test_two_encryptions_of_one_plaintext_share_no_nonce_and_no_ciphertext():
    blobs = [VAULT.encrypt(PLAINTEXT, CONTEXT) for _ in range(200)]
    key_names = {blob[:82] for blob in blobs}
    nonces, ivs = {blob[82:98] for blob in blobs}, {blob[98:110] for blob in blobs}
    ciphertexts = {blob[110:] for blob in blobs}
    assert [len(parts) for parts in (key_names, nonces, ivs, ciphertexts)] == [1, 200, 200, 200]


# --- What does not ------------------------------------------------------------------------


@pytest.mark.parametrize("flipped", [0x01, 0x02, 0x20, 0x80, 0xFF], ids=hex)
def test_a_change_of_any_one_byte_is_refused(flipped):
    for position in range(len(BLOB)):
        tampered = bytearray(BLOB)
        tampered[position] ^= flipped
        assert refuses(bytes(tampered)), f"byte {position} was changed unnoticed"


def test_every_truncation_is_refused_at_either_end():
    for size in range(len(BLOB)):
        assert refuses(BLOB[:size])
        assert refuses(BLOB[len(BLOB) - size :]) or size == len(BLOB)


@given(st.binary(min_size=1, max_size=40))
def test_bytes_added_at_either_end_are_refused(added):
    assert refuses(BLOB + added)
    assert refuses(added + BLOB)


def test_two_blobs_cannot_be_spliced_at_any_place():
    other = VAULT.encrypt(b"a riddle", CONTEXT)
    assert len(other) == len(BLOB)
    for cut in range(83, len(BLOB)):
        for spliced in (BLOB[:cut] + other[cut:], other[:cut] + BLOB[cut:]):
            assert spliced in (BLOB, other) or refuses(spliced)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(blob):
    assert refuses(blob)


def test_a_blob_of_another_domain_is_refused():
    assert refuses(BLOB, vault=Vault(seed=1))


def test_a_forger_who_holds_the_sealing_key_still_fails_at_the_backing_key():
    # The seal is the first wall; the header is authenticated a second time under the key.
    domain_key = DomainKey(VAULT.domain_secret, insecure_seeded_random(2))
    for position in (0, *range(82, len(BLOB) - 16)):
        forged = bytearray(BLOB[:-16])
        forged[position] ^= 1
        forged = bytes(forged)
        with pytest.raises(ServiceError, match="'InvalidCiphertextException', ''"):
            VAULT.hsm.decrypt(VAULT.token, forged + domain_key.seal(forged), CONTEXT)


def test_a_key_token_opens_only_under_the_name_that_it_was_made_for():
    stranger = BackingKeyName(*VAULT.name[:2], "00" * 32)
    with pytest.raises(ServiceError, match="KMSInternalException"):
        VAULT.hsm.encrypt(stranger, VAULT.token, PLAINTEXT, None)


def test_a_forgotten_backing_key_comes_back_only_with_its_token():
    vault = Vault(seed=3)
    blob = vault.encrypt()
    vault.hsm.forget(vault.name)
    with pytest.raises(ServiceError, match="KMSInternalException"):
        vault.hsm.decrypt("0" * len(vault.token), blob, None)
    assert vault.decrypt(blob) == PLAINTEXT


# --- Contexts -----------------------------------------------------------------------------

CONFUSABLE = [
    ({"a": "bc"}, {"ab": "c"}),
    ({"a": "b"}, {"a": "b "}),
    ({"a": "b"}, {"A": "b"}),
    ({"a": "b"}, {"a": "B"}),
    ({"a": ""}, {"": "a"}),
    ({"a": ""}, {}),
    ({"": ""}, {}),
    ({"a": "", "b": ""}, {"a": "b"}),
    ({"a": "b", "c": "d"}, {"a": "d", "c": "b"}),
    ({"a": "b", "c": "d"}, {"a": "b"}),
    ({"a": "b"}, {"a": "b", "c": "d"}),
    ({"a": "b,c:d"}, {"a": "b", "c": "d"}),
    ({"a": "\u00e9"}, {"a": "e\u0301"}),
    ({"a": "\U0001f511"}, {"a": "\\ud83d\\udd11"}),
    ({"a": "\x00"}, {"a": ""}),
    ({"a": "1"}, {"a": "01"}),
]


@pytest.mark.parametrize(("one", "other"), CONFUSABLE)
def test_contexts_that_look_alike_are_kept_apart(one, other):
    assert refuses(VAULT.encrypt(PLAINTEXT, one), other)
    assert refuses(VAULT.encrypt(PLAINTEXT, other), one)


def test_the_order_of_the_pairs_means_nothing():
    forwards, backwards = {"a": "1", "b": "2", "c": "3"}, {"c": "3", "b": "2", "a": "1"}
    assert VAULT.decrypt(VAULT.encrypt(PLAINTEXT, forwards), backwards) == PLAINTEXT


@given(contexts, contexts)
def test_two_contexts_have_one_encoding_only_where_they_are_equal(one, other):
    assert (canonical(one) == canonical(other)) is (one == other)


def pairs_in(encoded):
    """The context that `encoded` stands for, read back by its own grammar."""

    def number(at):
        return struct.unpack_from(">I", encoded, at)[0]

    found, at = [], 4
    for _ in range(number(0)):
        pair = []
        for _ in range(2):
            end = at + 4 + number(at)
            pair.append(encoded[at + 4 : end].decode())
            at = end
        found.append(tuple(pair))
    assert at == len(encoded)
    return dict(found)


@given(contexts)
def test_an_encoding_can_be_read_back_so_nothing_in_it_is_lost(encryption_context):
    assert pairs_in(canonical(encryption_context)) == encryption_context


@settings(deadline=None, max_examples=60)
@given(contexts, contexts)
def test_a_context_opens_a_blob_only_where_it_equals_the_one_at_encryption(one, other):
    blob = VAULT.encrypt(PLAINTEXT, one)
    if one == other:
        assert VAULT.decrypt(blob, other) == PLAINTEXT
    else:
        assert refuses(blob, other)


# --- What is kept silent ------------------------------------------------------------------


def public_attributes(thing):
    found = {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}
    return {name: value for name, value in found.items() if not callable(value)}


def test_no_public_attribute_and_no_text_of_the_vault_shows_a_secret():
    recorder = Recorder(seed=4)
    lab = Lab(random=recorder)
    kms = lab.client("kms")
    metadata = kms.create_key()["KeyMetadata"]
    kms.encrypt(KeyId=metadata["KeyId"], Plaintext=PLAINTEXT)
    domain_secret, backing_key = recorder.draws[0], recorder.backing_key_of(metadata)
    for thing in (
        Hsm(DomainKey(domain_secret, recorder), recorder),
        DomainKey(domain_secret, recorder),
        KeyDerivation(backing_key),
        lab._hsm,
        lab._hsm.keys,
    ):
        assert public_attributes(thing).keys() <= {"keys"}
        for text in (repr(thing), str(thing), f"{thing}"):
            assert type(thing).__name__ in text
            assert not held_in(domain_secret, text)
            assert not held_in(backing_key, text)


def held_in(secret: bytes, text: str) -> bool:
    return secret.hex() in text or repr(secret)[2:-1] in text


@pytest.mark.parametrize(
    "record",
    [
        KeyToken("111122223333", "us-east-1", KEY_ID, "00" * 32, "feedbeef"),
        AccessKey("AKIAEXAMPLE", "feedbeef", "111122223333", "administrator"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_records_text_leaves_its_secret_out(record):
    assert "feedbeef" not in repr(record) + str(record) + f"{record}"
    assert "111122223333" in repr(record)
