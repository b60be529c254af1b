"""Whatever is done to a message, it is refused by one of our errors, nothing unauthenticated comes
out, and nothing is allocated for what is only promised."""

import io
import struct
import tracemalloc

import pytest
from envelope_session import CONTEXT, DataKeyInHand, raw_key, sealed_by_aws
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmslab import envelope
from kmslab.envelope import Limits, Suite
from kmslab.envelope.suites import MessageCipher

FRAME_LENGTH = 8
PLAINTEXT = b"Dear reader, this is a letter."
KEY = raw_key()
BOTH = pytest.mark.parametrize("suite", Suite)


def sealed(suite, plaintext=PLAINTEXT, **options):
    options = {"frame_length": FRAME_LENGTH, **options}
    return envelope.encrypt(plaintext, KEY, CONTEXT, suite=suite, **options)


MESSAGES = {suite: sealed(suite) for suite in Suite}
HEADER_SIZE = {suite: envelope.decrypt(MESSAGES[suite], KEY).header.size for suite in Suite}
STRIDE = FRAME_LENGTH + 32


def refuse(message, error=envelope.EnvelopeError, **options):
    """It does not open, and what came out before that was noticed is a beginning of the plaintext
    that ends with a frame."""
    target = io.BytesIO()
    with pytest.raises(error) as refused:
        envelope.decrypt_stream(io.BytesIO(message), target, KEY, **options)
    given = target.getvalue()
    assert PLAINTEXT.startswith(given)
    assert len(given) % FRAME_LENGTH == 0
    with pytest.raises(type(refused.value)):
        envelope.decrypt(message, KEY, **options)
    return refused.value


@BOTH
def test_every_change_of_a_single_byte_is_refused(suite):
    for at in range(len(MESSAGES[suite])):
        for change in (0x01, 0x80, 0xFF):
            changed = bytearray(MESSAGES[suite])
            changed[at] ^= change
            refuse(changed)


def test_every_change_of_a_single_byte_of_a_message_of_one_block_is_refused():
    from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
    from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
    from aws_encryption_sdk.key_providers.raw import RawMasterKey

    algorithm = WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING
    wrapping_key = WrappingKey(algorithm, b"\x07" * 32, EncryptionKeyType.SYMMETRIC)
    theirs = RawMasterKey(provider_id="tests", key_id="wrapping", wrapping_key=wrapping_key)
    for suite in Suite:
        message = sealed_by_aws(PLAINTEXT, theirs, suite, 0)
        assert envelope.decrypt(message, KEY).plaintext == PLAINTEXT
        for at in range(len(message)):
            changed = bytearray(message)
            changed[at] ^= 1
            refuse(changed)
            refuse(message[:at], envelope.TruncatedMessage)


@BOTH
def test_a_message_that_is_cut_anywhere_is_truncated(suite):
    for size in range(len(MESSAGES[suite])):
        refuse(MESSAGES[suite][:size], envelope.TruncatedMessage)


@BOTH
def test_a_message_with_anything_behind_it_is_extended(suite):
    for more in (b"\x00", b"\xff" * 100, MESSAGES[suite]):
        refuse(MESSAGES[suite] + more, envelope.ExtendedMessage)


@BOTH
def test_frames_in_any_other_order_are_refused(suite):
    head, frames, end = parts(suite)
    for order in ([1, 0, 2], [0, 2, 1], [0, 0, 1, 2], [1, 2], [0, 2], [2, 1, 0], [0, 1, 2, 2]):
        refuse(head + b"".join(frames[at] for at in order) + end, envelope.ReorderedFrames)
    refuse(head + b"".join(frames[:2]) + end, envelope.ReorderedFrames)
    refuse(head + end + b"".join(frames), envelope.ReorderedFrames)


@BOTH
def test_a_frame_that_was_given_the_next_number_is_still_the_old_one(suite):
    head, frames, end = parts(suite)
    number = struct.pack(">I", 2)
    renumbered = number + bytes(8) + number + frames[0][16:]
    refuse(head + frames[0] + renumbered + frames[2] + end, envelope.AlteredMessage)


@BOTH
def test_frames_of_another_message_under_the_same_data_key_are_refused(suite):
    cached = envelope.CachedDataKeys(KEY, max_age=1000)
    one, other = (
        envelope.encrypt(PLAINTEXT, cached, CONTEXT, suite=suite, frame_length=FRAME_LENGTH)
        for _ in range(2)
    )
    size = envelope.decrypt(one, KEY).header.size
    refuse(one[:size] + other[size:], envelope.AlteredMessage)
    refuse(one[: size + STRIDE] + other[size + STRIDE :], envelope.AlteredMessage)


def test_the_signature_of_another_message_is_refused():
    one, other = MESSAGES[Suite.SIGNED], sealed(Suite.SIGNED)
    size = HEADER_SIZE[Suite.SIGNED] + 3 * STRIDE + 24 + len(PLAINTEXT) % FRAME_LENGTH + 16
    refuse(one[:size] + other[size:], envelope.AlteredMessage)


def test_a_signature_cannot_be_taken_away():
    """Not even by a reader, who has the data key and can make the tag of another header."""
    message = MESSAGES[Suite.SIGNED]
    header = envelope.decrypt(message, KEY).header
    data_key = KEY.for_opening(header.suite, header.encrypted_data_keys, header.encryption_context)
    cipher = MessageCipher(Suite.COMMITTED, data_key, header.message_id)
    body = header.body[:1] + Suite.COMMITTED.id_bytes + header.body[3:]
    refused = refuse(body + cipher.header_tag(body) + message[header.size :])
    assert isinstance(refused, envelope.MalformedMessage)


def test_the_last_frames_of_a_signed_message_wait_for_the_signature():
    changed = bytearray(MESSAGES[Suite.SIGNED])
    changed[-1] ^= 1
    target = io.BytesIO()
    with pytest.raises(envelope.AlteredMessage):
        envelope.decrypt_stream(io.BytesIO(changed), target, KEY)
    assert target.getvalue() == b""


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("01", "format 1, which has no key commitment"),
        ("00", "not a message"),
        ("50", "not a message"),
        ("020014", "suite 0x0014 is not read"),
        ("020378", "suite 0x0378 is not read"),
    ],
)
def test_a_foreign_message_is_told_from_a_damaged_one(start, words):
    message = bytes.fromhex(start) + MESSAGES[Suite.COMMITTED][len(start) // 2 :]
    refused = refuse(message, envelope.ForeignMessage)
    assert words in str(refused)
    assert not isinstance(refused, envelope.DamagedMessage)


# --- What a header promises ---------------------------------------------------------------


def test_a_header_that_asks_for_more_than_the_limits_is_refused():
    refuse(MESSAGES[Suite.COMMITTED], envelope.OversizedMessage, limits=Limits(context=10))
    refuse(MESSAGES[Suite.COMMITTED], envelope.OversizedMessage, limits=Limits(frame_length=7))
    three = envelope.AnyOf(*(raw_key(name) for name in ("wrapping", "b", "c")))
    message = envelope.encrypt(PLAINTEXT, three, frame_length=FRAME_LENGTH)
    refuse(message, envelope.OversizedMessage, limits=Limits(encrypted_data_keys=2))
    assert envelope.decrypt(message, KEY, limits=Limits(encrypted_data_keys=3))


def test_the_limits_are_looked_at_before_what_they_are_about_is_read():
    start = MESSAGES[Suite.COMMITTED][:35]
    refuse(start + b"\xff\xff", envelope.OversizedMessage, limits=Limits(context=100))
    refuse(start + bytes(2) + b"\xff\xff", envelope.OversizedMessage)


def test_a_block_that_is_longer_than_the_limit_is_refused_and_a_shorter_one_truncated():
    for length, error in (
        (2**64 - 1, envelope.OversizedMessage),
        (64 * 1024**2 + 1, envelope.OversizedMessage),
        (64 * 1024**2, envelope.TruncatedMessage),
    ):
        message = forged(0) + bytes(12) + struct.pack(">Q", length) + b"few"
        assert peak_of(lambda each=message, kind=error: refuse(each, kind)) < 2 * 1024**2


@pytest.mark.parametrize("frame_length", [1024, 1024**2, 64 * 1024**2])
def test_room_is_made_for_what_is_there_and_not_for_what_is_promised(frame_length):
    """A writer who has the data key may promise long frames in a short message."""
    for body in (
        b"",
        b"\x00\x00\x00\x01",
        b"\xff\xff\xff\xff\x00\x00\x00\x01" + bytes(12) + b"\x03",
    ):
        message = forged(frame_length) + body
        assert peak_of(lambda each=message: refuse(each, envelope.TruncatedMessage)) < 9 * 1024**2


def forged(frame_length):
    """A header that holds, for a body that does not."""
    length = frame_length or 1
    message = envelope.encrypt(b"", KEY, frame_length=length)
    header = envelope.decrypt(message, KEY, limits=Limits(frame_length=2**31 - 1)).header
    data_key = KEY.for_opening(header.suite, header.encrypted_data_keys, {})
    cipher = MessageCipher(header.suite, data_key, header.message_id)
    kind = b"\x02" if frame_length else b"\x01"
    body = header.body[:-37] + kind + struct.pack(">I", frame_length) + header.body[-32:]
    return body + cipher.header_tag(body)


def peak_of(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- Anything at all ----------------------------------------------------------------------


@BOTH
@settings(max_examples=300)
@given(st.data())
def test_any_edit_is_refused(suite, data):
    message = MESSAGES[suite]
    start = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(start, min(len(message), start + 80)))
    edited = message[:start] + data.draw(st.binary(max_size=80)) + message[end:]
    if edited != message:
        refuse(edited)


@settings(max_examples=500)
@given(st.binary(max_size=400))
@example(b"")
@example(b"\x02\x04\x78")
def test_any_bytes_are_refused(noise):
    refuse(noise)
    refuse(b"\x02\x04\x78" + noise)
    refuse(b"\x02\x05\x78" + bytes(32) + noise)


@settings(max_examples=200)
@given(
    st.binary(max_size=3000),
    st.integers(1, 700),
    st.sampled_from(Suite),
    st.dictionaries(
        st.text(max_size=20).filter(lambda name: name[:4] != "aws-"),
        st.text(max_size=20),
        max_size=5,
    ),
)
def test_anything_opens_to_what_was_sealed(plaintext, frame_length, suite, context):
    message = envelope.encrypt(plaintext, KEY, context, suite=suite, frame_length=frame_length)
    opened = envelope.decrypt(message, KEY, context)
    assert opened.plaintext == plaintext
    assert opened.header.encryption_context.items() >= context.items()


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_context_field_is_parsed_or_refused(field):
    start = MESSAGES[Suite.COMMITTED][:35]
    with pytest.raises(envelope.EnvelopeError):
        envelope.decrypt(start + struct.pack(">H", len(field)) + field, DataKeyInHand(bytes(32)))


@pytest.mark.parametrize(
    "field",
    [
        "0000",
        "0001",
        "0002 0001 61 0000",
        "0001 0001 61 0000 00",
        "0001 0001 61 0005 62",
        "0002 0001 61 0000 0001 61 0000",
        "0001 0001 ff 0000",
        "0001 0001 61 0000 0001 62 0000",
        "00",
    ],
)
def test_a_context_that_is_not_whole_is_malformed(field):
    packed = bytes.fromhex(field)
    message = MESSAGES[Suite.COMMITTED][:35] + struct.pack(">H", len(packed)) + packed
    refuse(message, envelope.MalformedMessage)


def parts(suite):
    """The header, three regular frames, and all that follows them."""
    message, at = MESSAGES[suite], HEADER_SIZE[suite]
    frames = [message[at + STRIDE * number : at + STRIDE * (number + 1)] for number in range(3)]
    return message[:at], frames, message[at + 3 * STRIDE :]
