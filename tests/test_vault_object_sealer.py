"""The keys of S3's objects: what they seal opens by hand as published, and nowhere else."""

import hmac
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.errors import IntegrityError
from kmslab.sources import insecure_seeded_random
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.object_sealer import ObjectSealer

CHUNK = 64 * 1024
FILE, OTHER_FILE = "0123456789abcdef" * 2, "fedcba9876543210" * 2
DATA_KEY = bytes(range(32))
PLAINTEXT = b"".join(bytes((number,)) * 1000 for number in range(200))


def new_sealer(seed=0):
    random = insecure_seeded_random(seed)
    return ObjectSealer(DomainKey(random(32), random), random)


SEALER = new_sealer()
OBJECT_KEY = SEALER.with_data_key(DATA_KEY)


def seal(object_key, plaintext, content_id=FILE):
    return bytes(object_key.segment(content_id).seal(0, memoryview(plaintext), True))


def open_(object_key, sealed, content_id=FILE, first_index=0, is_end=True):
    return bytes(object_key.segment(content_id).open(first_index, memoryview(sealed), is_end))


def open_by_hand(data_key, content_id, sealed, chunk_size=CHUNK):
    """The file as its layout is published, with nothing but `cryptography`."""
    segment_key = hmac.digest(data_key, b"kmslab s3 object" + content_id.encode(), "sha256")
    step = chunk_size + 16
    chunks = [sealed[at : at + step] for at in range(0, len(sealed), step)]
    return b"".join(
        AESGCM(segment_key).decrypt(
            number.to_bytes(11, "big") + (b"\x01" if number == len(chunks) - 1 else b"\x00"),
            chunk,
            None,
        )
        for number, chunk in enumerate(chunks)
    )


def spoiled(sealed, at):
    return sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]


# --- A file -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
def test_a_file_opens_by_hand_as_its_layout_says(size):
    plaintext = (PLAINTEXT * 2)[:size]
    assert open_by_hand(DATA_KEY, FILE, seal(OBJECT_KEY, plaintext)) == plaintext


def test_an_empty_object_is_one_empty_chunk():
    assert len(seal(OBJECT_KEY, b"")) == 16
    assert open_(OBJECT_KEY, seal(OBJECT_KEY, b"")) == b""


def test_each_chunk_costs_16_bytes():
    assert len(seal(OBJECT_KEY, bytes(3 * CHUNK))) == 3 * (CHUNK + 16)
    assert OBJECT_KEY.segment(FILE).overhead == 16


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(1, CHUNK + 5))
def test_a_file_sealed_in_two_goes_is_the_same_file(chunks, size_after):
    middle = chunks * CHUNK
    plaintext = memoryview(PLAINTEXT * 2)[: middle + size_after]
    segment = OBJECT_KEY.segment(FILE)
    first = bytes(segment.seal(0, plaintext[:middle], False))
    second = bytes(segment.seal(chunks, plaintext[middle:], True))
    assert first + second == seal(OBJECT_KEY, plaintext)


def test_a_chunk_opens_without_the_others():
    sealed = seal(OBJECT_KEY, PLAINTEXT)
    second = sealed[CHUNK + 16 : 2 * (CHUNK + 16)]
    assert open_(OBJECT_KEY, second, first_index=1, is_end=False) == PLAINTEXT[CHUNK : 2 * CHUNK]


def test_a_file_can_be_opened_to_where_the_caller_wants_it():
    target = bytearray(len(PLAINTEXT))
    sealed = memoryview(seal(OBJECT_KEY, PLAINTEXT))
    OBJECT_KEY.segment(FILE).open_into(memoryview(target), 0, sealed, True)
    assert target == PLAINTEXT


SEALED = seal(OBJECT_KEY, PLAINTEXT)
LAST = 3 * (CHUNK + 16)


@pytest.mark.parametrize(
    ("case", "sealed"),
    [
        ("first byte", spoiled(SEALED, 0)),
        ("a byte of a tag", spoiled(SEALED, CHUNK + 3)),
        ("last byte", spoiled(SEALED, len(SEALED) - 1)),
        ("last chunk cut off", SEALED[:LAST]),
        ("cut within a chunk", SEALED[:-1000]),
        ("cut within a tag", SEALED[: LAST + 5]),
        ("nothing left", b""),
        ("a byte appended", SEALED + b"\0"),
        ("a chunk twice", SEALED[: CHUNK + 16] + SEALED),
        (
            "chunks exchanged",
            SEALED[CHUNK + 16 : 2 * (CHUNK + 16)]
            + SEALED[: CHUNK + 16]
            + SEALED[2 * (CHUNK + 16) :],
        ),
        ("last chunk first", SEALED[LAST:] + SEALED[:LAST]),
    ],
)
def test_a_file_that_was_touched_does_not_open(case, sealed):
    with pytest.raises(IntegrityError):
        open_(OBJECT_KEY, sealed)


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        ("another place", {"first_index": 1}),
        ("not the end", {"is_end": False}),
        ("another file", {"content_id": OTHER_FILE}),
    ],
)
def test_a_file_opens_only_as_what_it_is(case, arguments):
    assert open_(OBJECT_KEY, SEALED) == PLAINTEXT
    with pytest.raises(IntegrityError):
        open_(OBJECT_KEY, SEALED, **arguments)


def test_a_file_does_not_open_under_another_key():
    with pytest.raises(IntegrityError):
        open_(SEALER.with_data_key(bytes(32)), SEALED)


def test_the_same_bytes_in_two_files_have_nothing_in_common():
    other = seal(OBJECT_KEY, PLAINTEXT, OTHER_FILE)
    assert not set(_blocks(SEALED)) & set(_blocks(other))


def test_equal_chunks_of_a_file_have_nothing_in_common():
    blocks = _blocks(seal(OBJECT_KEY, bytes(2 * CHUNK)))
    assert len(blocks) == len(set(blocks))


def _blocks(sealed):
    return [sealed[at : at + 16] for at in range(0, len(sealed) - 15, 16)]


# --- Two layers ---------------------------------------------------------------------------


def two_layers():
    return SEALER.new_second_layer(DATA_KEY)


def test_two_layers_are_taken_off_by_hand_one_after_the_other():
    random = insecure_seeded_random(7)
    domain_key = DomainKey(random(32), random)
    object_key, wrapped = ObjectSealer(domain_key, random).new_second_layer(DATA_KEY)
    second_key = domain_key.unwrap(wrapped, b"kmslab s3 second layer")
    sealed_once = open_by_hand(second_key, FILE, seal(object_key, PLAINTEXT), CHUNK + 16)
    assert sealed_once == SEALED
    assert open_by_hand(DATA_KEY, FILE, sealed_once) == PLAINTEXT


def test_each_chunk_of_two_layers_costs_32_bytes():
    object_key, _ = two_layers()
    assert object_key.segment(FILE).overhead == 32
    assert [len(seal(object_key, bytes(size))) for size in (0, CHUNK + 1)] == [32, CHUNK + 65]


def test_an_object_of_two_layers_opens_with_both_keys_and_not_with_one():
    object_key, wrapped = two_layers()
    sealed = seal(object_key, PLAINTEXT)
    assert open_(SEALER.open_second_layer(DATA_KEY, wrapped), sealed) == PLAINTEXT
    for wrong in (
        SEALER.open_second_layer(bytes(32), wrapped),
        SEALER.open_second_layer(DATA_KEY, two_layers()[1]),
        OBJECT_KEY,
    ):
        with pytest.raises(IntegrityError):
            open_(wrong, sealed)


@pytest.mark.parametrize("at", [0, CHUNK + 20, 2 * CHUNK, -1])
def test_an_object_of_two_layers_that_was_touched_does_not_open(at):
    object_key, _ = two_layers()
    sealed = seal(object_key, PLAINTEXT)
    with pytest.raises(IntegrityError):
        open_(object_key, spoiled(sealed, at % len(sealed)))


def test_a_key_of_two_layers_is_not_wrapped_as_one():
    with pytest.raises(TypeError):
        SEALER.wrap(two_layers()[0])


# --- Short texts --------------------------------------------------------------------------


@pytest.mark.parametrize("object_key", [OBJECT_KEY, two_layers()[0]], ids=["one", "two layers"])
def test_a_text_opens_as_it_was_sealed_and_never_looks_the_same(object_key):
    one, two = (object_key.seal_text(b"y/Q5Jg==") for _ in range(2))
    assert object_key.open_text(one) == object_key.open_text(two) == b"y/Q5Jg=="
    assert one != two


def test_a_text_opens_by_hand_as_published():
    sealed = OBJECT_KEY.seal_text(b"y/Q5Jg==")
    text_key = hmac.digest(DATA_KEY, b"kmslab s3 text" + sealed[:16], "sha256")
    assert AESGCM(text_key).decrypt(bytes(12), sealed[16:], None) == b"y/Q5Jg=="


@settings(max_examples=30)
@given(st.integers(0, 16 + 8 + 15))
def test_a_text_that_was_touched_anywhere_does_not_open(at):
    sealed = OBJECT_KEY.seal_text(b"y/Q5Jg==")
    with pytest.raises(IntegrityError):
        OBJECT_KEY.open_text(spoiled(sealed, at))


@pytest.mark.parametrize("size", [0, 15, 16, 31])
def test_a_text_that_was_cut_does_not_open(size):
    with pytest.raises(IntegrityError):
        OBJECT_KEY.open_text(OBJECT_KEY.seal_text(b"y/Q5Jg==")[:size])


def test_a_text_of_another_object_does_not_open():
    with pytest.raises(IntegrityError):
        SEALER.with_data_key(bytes(32)).open_text(OBJECT_KEY.seal_text(b"y/Q5Jg=="))


# --- Wrapped keys -------------------------------------------------------------------------

BUCKET_KEY = SEALER.bucket_key(DATA_KEY)
FRESH, WRAPPED = SEALER.new_object_key()
UNDER_BUCKET_KEY, WRAPPED_UNDER_BUCKET_KEY = BUCKET_KEY.new_object_key()
SECOND_LAYER = two_layers()[1]


@pytest.mark.parametrize(
    ("object_key", "opened"),
    [
        (FRESH, SEALER.open_object_key(WRAPPED)),
        (OBJECT_KEY, SEALER.open_object_key(SEALER.wrap(OBJECT_KEY))),
        (UNDER_BUCKET_KEY, BUCKET_KEY.open_object_key(WRAPPED_UNDER_BUCKET_KEY)),
        (OBJECT_KEY, BUCKET_KEY.open_object_key(BUCKET_KEY.wrap(OBJECT_KEY))),
        (UNDER_BUCKET_KEY, SEALER.open_object_key(SEALER.wrap(UNDER_BUCKET_KEY))),
    ],
    ids=["root", "root, wrapped later", "bucket key", "bucket key, wrapped later", "changed hands"],
)
def test_a_wrapped_key_comes_back_as_the_same_key(object_key, opened):
    assert open_(opened, seal(object_key, PLAINTEXT)) == PLAINTEXT


def test_every_new_key_is_another():
    with pytest.raises(IntegrityError):
        open_(SEALER.new_object_key()[0], seal(FRESH, PLAINTEXT))


def test_a_key_under_a_bucket_key_opens_by_hand_as_published():
    wrapping = AESGCM(hmac.digest(DATA_KEY, b"kmslab s3 bucket key", "sha256"))
    nonce, ciphertext = WRAPPED_UNDER_BUCKET_KEY[:12], WRAPPED_UNDER_BUCKET_KEY[12:]
    data_key = wrapping.decrypt(nonce, ciphertext, b"kmslab s3 object key")
    assert open_by_hand(data_key, FILE, seal(UNDER_BUCKET_KEY, PLAINTEXT)) == PLAINTEXT


@pytest.mark.parametrize(
    ("case", "open_wrapped"),
    [
        ("a byte changed", lambda: SEALER.open_object_key(spoiled(WRAPPED, 20))),
        ("its nonce changed", lambda: SEALER.open_object_key(spoiled(WRAPPED, 0))),
        ("cut", lambda: SEALER.open_object_key(WRAPPED[:-1])),
        ("nothing", lambda: SEALER.open_object_key(b"")),
        ("of another lab", lambda: new_sealer(1).open_object_key(WRAPPED)),
        ("of a bucket key", lambda: SEALER.open_object_key(WRAPPED_UNDER_BUCKET_KEY)),
        ("a second layer", lambda: SEALER.open_object_key(SECOND_LAYER)),
        ("as a second layer", lambda: SEALER.open_second_layer(DATA_KEY, WRAPPED)),
        ("second layer cut", lambda: SEALER.open_second_layer(DATA_KEY, SECOND_LAYER[:5])),
        ("root's, under a bucket key", lambda: BUCKET_KEY.open_object_key(WRAPPED)),
        (
            "of another bucket key",
            lambda: SEALER.bucket_key(bytes(32)).open_object_key(WRAPPED_UNDER_BUCKET_KEY),
        ),
        (
            "under a bucket key, changed",
            lambda: BUCKET_KEY.open_object_key(spoiled(WRAPPED_UNDER_BUCKET_KEY, 30)),
        ),
        ("under a bucket key, nothing", lambda: BUCKET_KEY.open_object_key(b"")),
    ],
)
def test_what_was_not_wrapped_so_does_not_open(case, open_wrapped):
    with pytest.raises(IntegrityError):
        open_wrapped()


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_data_key_has_32_bytes(size):
    with pytest.raises(ValueError, match="32 bytes"):
        SEALER.with_data_key(bytes(size))


# --- Keys stay where they are -------------------------------------------------------------


@pytest.mark.parametrize(
    "keeper", [OBJECT_KEY, BUCKET_KEY, SEALER, two_layers()[0]], ids=lambda keeper: type(keeper)
)
def test_no_key_is_shown_or_handed_out(keeper):
    shown = f"{keeper!r} {keeper}".encode()
    public = [getattr(keeper, name) for name in dir(keeper) if not name.startswith("_")]
    assert DATA_KEY not in shown
    assert DATA_KEY.hex().encode() not in shown
    assert all(callable(member) for member in public)


def test_a_key_lets_itself_be_encrypted_and_returns_what_came_of_it():
    seen = []
    assert OBJECT_KEY.sealed_by(lambda data_key: seen.append(data_key) or b"sealed") == b"sealed"
    assert seen == [DATA_KEY]


def test_the_data_key_itself_encrypts_nothing():
    with pytest.raises(InvalidTag):
        AESGCM(DATA_KEY).decrypt(bytes(12), SEALED[: CHUNK + 16], None)


# --- The customer's key -------------------------------------------------------------------


def test_a_customers_key_is_known_again_and_no_other():
    proof = SEALER.prove_customer_key(DATA_KEY)
    assert SEALER.is_customer_key(proof, DATA_KEY)
    assert not SEALER.is_customer_key(proof, bytes(32))


def test_the_proof_is_a_salt_and_an_hmac():
    proof = SEALER.prove_customer_key(DATA_KEY)
    salt, tag = proof[:16], proof[16:]
    expected = hmac.new(DATA_KEY, b"kmslab s3 customer key" + salt, sha256).digest()
    assert (len(salt), tag) == (16, expected)


def test_two_proofs_of_one_key_cannot_be_recognised_as_that():
    assert SEALER.prove_customer_key(DATA_KEY) != SEALER.prove_customer_key(DATA_KEY)


@pytest.mark.parametrize("at", [0, 15, 16, 47])
def test_a_proof_that_was_touched_fits_no_key(at):
    assert not SEALER.is_customer_key(spoiled(SEALER.prove_customer_key(DATA_KEY), at), DATA_KEY)


def test_a_proof_of_nothing_fits_no_key():
    assert not SEALER.is_customer_key(b"", DATA_KEY)
