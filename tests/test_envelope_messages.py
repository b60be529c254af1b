"""Messages of our own: what opens them, what does not, and what KMS is asked."""

import ast
import hmac
import io
import os
import tracemalloc
from hashlib import sha512
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from envelope_session import CONTEXT, raw_key

from kmslab import Lab, envelope, project
from kmslab.envelope import Limits, Suite

pytest_plugins = ["lab_session"]

BOTH = pytest.mark.parametrize("suite", Suite)
PACKAGE = project.FOLDER / "kmslab" / "envelope"


def test_the_package_knows_nothing_of_kmslab_but_its_errors():
    outside = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                outside.add(f"{node.module}.{node.names[0].name}")
            elif isinstance(node, ast.Import):
                outside |= {each.name for each in node.names}
    of_kmslab = {name for name in outside if name.startswith("kmslab")}
    inside = {name for name in of_kmslab if name.startswith("kmslab.envelope")}
    assert of_kmslab - inside == {"kmslab.errors.IntegrityError"}


@BOTH
def test_a_message_has_the_fields_of_format_2_at_their_places(suite):
    message = envelope.encrypt(
        b"123456", raw_key(), {"b": "ü", "a": ""}, suite=suite, frame_length=4
    )
    assert message[0] == 2
    assert message[1:3] == suite.value.to_bytes(2, "big")
    header = envelope.decrypt(message, raw_key()).header
    assert header.message_id == message[3:35]
    context = message[37 : 37 + int.from_bytes(message[35:37], "big")]
    pairs = (
        b"\x00\x01a\x00\x00" if suite is Suite.COMMITTED else b"\x00\x01a\x00\x00\x00\x15aws-cry"
    )
    assert context[2:].startswith(pairs)
    assert context.endswith(b"\x00\x01b\x00\x02\xc3\xbc")
    body = message[header.size :]
    assert body[:16] == bytes.fromhex("00000001 0000000000000000 00000001")
    assert body[36:60] == bytes.fromhex("ffffffff 00000002 0000000000000000 00000002 00000002")[:24]
    if suite is Suite.COMMITTED:
        assert len(body) == 36 + 24 + 2 + 16


def test_the_commitment_is_hkdf_of_the_data_key_recomputed_by_hand():
    key = raw_key()
    header = envelope.decrypt(envelope.encrypt(b"x", key), key).header
    data_key = key.for_opening(header.suite, header.encrypted_data_keys, {})
    extracted = hmac.digest(header.message_id, data_key, sha512)
    assert header.commitment == hmac.digest(extracted, b"COMMITKEY\x01", sha512)[:32]


@BOTH
@pytest.mark.parametrize("frame_length", [1, 5, 1000])
def test_what_was_sealed_opens_and_two_messages_are_never_alike(suite, frame_length):
    for size in (0, 1, 4, 5, 6, 513, 1000, 1001):
        plaintext = os.urandom(size)
        one, other = (
            envelope.encrypt(plaintext, raw_key(), suite=suite, frame_length=frame_length)
            for _ in range(2)
        )
        assert envelope.decrypt(one, raw_key()).plaintext == plaintext
        assert one[3:35] != other[3:35]
        assert size == 0 or plaintext not in one or size < 4


@BOTH
def test_a_long_message_goes_through_several_batches(suite):
    plaintext = os.urandom(9_000_001)
    for frame_length in (4096, 1_000_000, 2**31 - 1):
        message = envelope.encrypt(plaintext, raw_key(), suite=suite, frame_length=frame_length)
        limits = Limits(frame_length=2**31 - 1)
        assert envelope.decrypt(message, raw_key(), limits=limits).plaintext == plaintext


@BOTH
def test_streams_that_give_a_few_bytes_at_a_time_are_read_whole(suite):
    class Trickle:
        def __init__(self, content):
            self._content = io.BytesIO(content)

        def read(self, size):
            return self._content.read(min(size, 1 + size % 977))

    plaintext, sealed, opened = os.urandom(100_000), io.BytesIO(), io.BytesIO()
    counts = []
    envelope.encrypt_stream(
        Trickle(plaintext), sealed, raw_key(), suite=suite, frame_length=999, progress=counts.append
    )
    envelope.decrypt_stream(Trickle(sealed.getvalue()), opened, raw_key(), progress=counts.append)
    assert opened.getvalue() == plaintext
    assert sum(counts) == 2 * len(plaintext)


def test_the_context_goes_to_kms_and_is_stored(lab, kms, arn):
    message = envelope.encrypt(b"x", envelope.KmsKeys(kms, arn), CONTEXT)
    assert lab.events()[-1]["requestParameters"]["encryptionContext"] == CONTEXT
    opened = envelope.decrypt(message, envelope.KmsKeys(kms, arn))
    assert opened.header.encryption_context == CONTEXT
    assert lab.events()[-1]["requestParameters"]["encryptionContext"] == CONTEXT


def test_another_value_than_the_expected_is_refused_before_kms_is_asked(lab, kms, arn):
    keys = envelope.KmsKeys(kms, arn)
    message = envelope.encrypt(b"x", keys, {"file": "a", "year": "2026"})
    assert envelope.decrypt(message, keys, {"year": "2026"}).plaintext == b"x"
    asked = len(lab.events())
    with pytest.raises(envelope.ContextMismatch, match="'file': 'a', not 'b'"):
        envelope.decrypt(message, keys, {"file": "b"})
    assert len(lab.events()) == asked
    with pytest.raises(envelope.NoKeyOpens, match="InvalidCiphertextException"):
        envelope.decrypt(message, keys, {"more": "x"})


@BOTH
def test_required_pairs_are_authenticated_and_not_stored(kms, arn, suite):
    context = {"file": "a", "tenant": "Müller"}
    for keys in (envelope.KmsKeys(kms, arn), raw_key()):
        message = envelope.encrypt(b"x", keys, context, required=["tenant"], suite=suite)
        assert "Müller".encode() not in message
        opened = envelope.decrypt(message, keys, {"tenant": "Müller"})
        assert "tenant" not in opened.header.encryption_context
        assert opened.plaintext == b"x"
        for given in ({}, {"file": "a"}, {"tenant": "Maier"}, {**context, "more": ""}):
            with pytest.raises(envelope.NoKeyOpens):
                envelope.decrypt(message, keys, given)


def test_the_required_pairs_are_part_of_what_the_header_tag_covers(kms, arn):
    """As AWS's required-context materials manager lays it out, recomputed by hand."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    keys = raw_key()
    context = {"a": "1", "b": "2"}
    header = envelope.decrypt(
        envelope.encrypt(b"x", keys, context, required=["b"]), keys, {"b": "2"}
    ).header
    data_key = keys.for_opening(header.suite, header.encrypted_data_keys, context)
    extracted = hmac.digest(header.message_id, data_key, sha512)
    content_key = hmac.digest(extracted, b"\x04\x78DERIVEKEY\x01", sha512)[:32]
    required = b"\x00\x01\x00\x01b\x00\x012"
    assert header.tag == AESGCM(content_key).encrypt(bytes(12), b"", header.body + required)


@pytest.mark.parametrize(
    ("context", "error"),
    [
        ({"aws-crypto-public-key": "x"}, ValueError),
        ({"aws-crypto-other": "x"}, ValueError),
        ({"a": 1}, TypeError),
        ({1: "a"}, TypeError),
        ({"a": "x" * 65_536}, ValueError),
        ({"a": "x" * 40_000, "b": "x" * 40_000}, ValueError),
        ({"a": "\ud800"}, ValueError),
    ],
)
def test_a_context_that_cannot_be_stored_is_refused_before_kms_is_asked(
    lab, kms, arn, context, error
):
    asked = len(lab.events())
    with pytest.raises(error):
        envelope.encrypt(b"x", envelope.KmsKeys(kms, arn), context)
    assert len(lab.events()) == asked


@pytest.mark.parametrize("frame_length", [0, -1, 2**31])
def test_a_frame_length_that_does_not_exist_is_refused(frame_length):
    with pytest.raises(ValueError, match=str(frame_length)):
        envelope.encrypt(b"x", raw_key(), frame_length=frame_length)


def test_a_required_name_that_the_context_has_not_is_refused():
    with pytest.raises(ValueError, match="required, and not in the encryption context: b"):
        envelope.encrypt(b"x", raw_key(), {"a": "1"}, required=["b"])


@BOTH
@pytest.mark.parametrize("frame_length", [1, 4, 100])
def test_less_plaintext_than_announced_is_a_message_too(suite, frame_length):
    for announced in range(10):
        for size in range(announced + 1):
            plaintext, target = os.urandom(size), io.BytesIO()
            options = {"suite": suite, "frame_length": frame_length, "length": announced}
            envelope.encrypt_stream(io.BytesIO(plaintext), target, raw_key(), **options)
            assert envelope.decrypt(target.getvalue(), raw_key()).plaintext == plaintext


@BOTH
@pytest.mark.parametrize("frame_length", [1, 4, 100])
def test_a_message_opens_whatever_length_its_reader_was_told(suite, frame_length):
    message = envelope.encrypt(b"123456789", raw_key(), suite=suite, frame_length=frame_length)
    for length in range(0, 2 * len(message), 7):
        target = io.BytesIO()
        envelope.decrypt_stream(io.BytesIO(message), target, raw_key(), length=length)
        assert target.getvalue() == b"123456789"


@pytest.mark.parametrize(("mebibytes", "room"), [(1, 2), (2, 4), (3, 8)])
def test_room_is_made_for_a_message_and_its_plaintext_and_not_for_more(mebibytes, room):
    """Three mebibytes come in two pieces, and each has the room of two frames."""

    class Nowhere:
        def write(self, piece):
            return len(piece)

    plaintext = bytes(mebibytes * 1024**2)
    message = envelope.encrypt(plaintext, raw_key())
    for convert, content in (
        (envelope.encrypt_stream, plaintext),
        (envelope.decrypt_stream, message),
    ):
        source = io.BytesIO(content)
        tracemalloc.start()
        convert(source, Nowhere(), raw_key(), length=len(content))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < (room + 0.3) * 1024**2


def test_more_plaintext_than_announced_is_refused():
    for frame_length in (2, 100):
        with pytest.raises(ValueError, match="more plaintext than the 3 bytes"):
            envelope.encrypt_stream(
                io.BytesIO(b"four"), io.BytesIO(), raw_key(), length=3, frame_length=frame_length
            )


@pytest.mark.parametrize(
    ("context", "size"),
    [({"a": "x" * 65_536}, 65_543), ({str(number): "" for number in range(65_536)}, 578_716)],
)
def test_a_context_without_room_is_refused_with_its_size(context, size):
    with pytest.raises(ValueError, match=f"at most 65535 bytes, and not {size}"):
        envelope.encrypt(b"x", raw_key(), context)


def test_what_is_not_text_is_no_expected_context():
    message = envelope.encrypt(b"x", raw_key(), {"a": "1"})
    for context in ({"a": 1}, {"b": None}, {2: "x"}):
        with pytest.raises(TypeError, match="names and values of a context are str"):
            envelope.decrypt(message, raw_key(), context)


def test_a_stream_that_does_not_wait_is_refused_and_not_taken_for_a_short_one():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    with open(reading, "rb", buffering=0) as source, open(writing, "wb", buffering=0) as target:
        target.write(b"the beginning")
        with pytest.raises(BlockingIOError):
            envelope.encrypt_stream(source, io.BytesIO(), raw_key())
        with pytest.raises(BlockingIOError):
            envelope.encrypt_stream(io.BytesIO(bytes(10**7)), target, raw_key())


# --- Wrapping keys ------------------------------------------------------------------------


def test_a_message_for_other_keys_is_refused_without_asking_kms(lab, kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    message = envelope.encrypt(b"x", envelope.KmsKeys(kms, arn))
    asked = len(lab.events())
    for keys in (envelope.KmsKeys(kms, other), raw_key()):
        with pytest.raises(envelope.NoKeyOpens, match="for other wrapping keys") as refused:
            envelope.decrypt(message, keys)
        assert refused.value.reasons == ()
        assert arn in str(refused.value)
    assert len(lab.events()) == asked


def test_a_key_may_be_named_by_alias_or_id_and_the_message_names_its_arn(kms, arn):
    kms.create_alias(AliasName="alias/letters", TargetKeyId=arn)
    kms.create_alias(AliasName="alias/other", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    for name in ("alias/letters", arn.rpartition("/")[2]):
        message = envelope.encrypt(b"x", envelope.KmsKeys(kms, name))
        assert envelope.decrypt(message, envelope.KmsKeys(kms, arn)).plaintext == b"x"
        assert envelope.decrypt(message, envelope.KmsKeys(kms, name)).plaintext == b"x"
        assert (
            envelope.decrypt(message, envelope.KmsKeys(kms, "alias/other", name)).plaintext == b"x"
        )
        with pytest.raises(envelope.NoKeyOpens):
            envelope.decrypt(message, envelope.KmsKeys(kms, "alias/other"))


def test_kms_s_refusal_is_told_as_the_reason(lab, kms, arn):
    message = envelope.encrypt(b"x", envelope.KmsKeys(kms, arn))
    kms.disable_key(KeyId=arn)
    with pytest.raises(envelope.NoKeyOpens, match="DisabledException") as refused:
        envelope.decrypt(message, envelope.KmsKeys(kms, arn))
    assert len(refused.value.reasons) == 1
    with pytest.raises(ClientError, match="DisabledException"):
        envelope.encrypt(b"x", envelope.KmsKeys(kms, arn))


def test_where_one_key_refuses_the_next_one_opens(kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    keys = envelope.KmsKeys(kms, arn, other)
    message = envelope.encrypt(b"x", keys)
    kms.disable_key(KeyId=arn)
    assert envelope.decrypt(message, keys).plaintext == b"x"


def test_keys_of_two_regions_and_one_of_ones_own_open_alone(lab, arn, kms):
    far = lab.client("kms", region_name="eu-central-1")
    far_arn = far.create_key()["KeyMetadata"]["Arn"]
    here, there = envelope.KmsKeys(kms, arn), envelope.KmsKeys(far, far_arn)
    message = envelope.encrypt(b"x", envelope.AnyOf(here, there, raw_key()), CONTEXT)
    for keys in (
        here,
        there,
        raw_key(),
        envelope.KmsDiscovery(far),
        envelope.AnyOf(raw_key("no"), there),
    ):
        assert envelope.decrypt(message, keys).plaintext == b"x"


def test_discovery_opens_what_its_filter_admits(lab, kms, arn):
    message = envelope.encrypt(b"x", envelope.KmsKeys(kms, arn))
    for accounts in ((), ("111122223333",), ("444455556666", "111122223333")):
        assert envelope.decrypt(message, envelope.KmsDiscovery(kms, accounts)).plaintext == b"x"
    asked = len(lab.events())
    refusing = (
        envelope.KmsDiscovery(kms, ["444455556666"]),
        envelope.KmsDiscovery(kms, ["111122223333"], partition="aws-cn"),
        envelope.KmsDiscovery(lab.client("kms", region_name="eu-central-1")),
    )
    for keys in refusing:
        with pytest.raises(envelope.NoKeyOpens):
            envelope.decrypt(message, keys)
    assert len(lab.events()) == asked
    with pytest.raises(ValueError, match="discovery names no key"):
        envelope.encrypt(b"x", envelope.KmsDiscovery(kms))
    with pytest.raises(ValueError, match="12 digits, not '1'"):
        envelope.KmsDiscovery(kms, ["1"])


def test_a_grant_token_travels_along(lab, kms, arn):
    reader = lab.user("reader")
    granted = kms.create_grant(
        KeyId=arn, GranteePrincipal=str(reader.arn), Operations=["Decrypt", "GenerateDataKey"]
    )
    client = lab.client("kms", principal=reader)
    keys = envelope.KmsKeys(client, arn, grant_tokens=[granted["GrantToken"]])
    message = envelope.encrypt(b"x", keys)
    assert envelope.decrypt(message, keys).plaintext == b"x"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"KeyId": "arn:aws:kms:us-east-1:111122223333:key/other"}, "KMS opened it with"),
        ({"Plaintext": b"short"}, "a data key of 5 bytes"),
    ],
)
def test_what_kms_answers_is_checked_when_a_message_is_opened(kms, arn, change, words):
    keys = envelope.KmsKeys(kms, arn)
    message = envelope.encrypt(b"x", keys)
    kms.meta.events.register("after-call.kms.Decrypt", lambda parsed, **_: parsed.update(change))
    with pytest.raises(envelope.NoKeyOpens, match=words):
        envelope.decrypt(message, keys)


@pytest.mark.parametrize("change", [{"KeyId": "1234"}, {"Plaintext": b"short"}])
def test_what_kms_answers_is_checked_when_a_message_is_sealed(kms, arn, change):
    kms.meta.events.register(
        "after-call.kms.GenerateDataKey", lambda parsed, **_: parsed.update(change)
    )
    with pytest.raises(envelope.UnusableDataKey):
        envelope.encrypt(b"x", envelope.KmsKeys(kms, arn))


def test_wrapping_keys_that_cannot_be_are_refused():
    kms = Lab().client("kms")
    for misuse, words in (
        (lambda: envelope.KmsKeys(kms), r"and not \(\)"),
        (lambda: envelope.KmsKeys(kms, "alias/a", ""), r"and not \('alias/a', ''\)"),
        (lambda: envelope.RawAesKey("aws-kms", "name", bytes(32)), "'aws-kms'"),
        (lambda: envelope.RawAesKey("tests", "name", bytes(31)), r"\w"),
    ):
        with pytest.raises(ValueError, match=words):
            misuse()


def test_a_data_key_is_never_shown():
    materials = raw_key().for_sealing(Suite.SIGNED, {}, 1)
    assert materials.data_key.plaintext_data_key.hex() not in repr(materials)
    assert "plaintext_data_key" not in repr(materials)
    assert "signing_key" not in repr(materials)


def test_the_modules_are_the_ones_that_the_package_tells_of():
    told = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    own = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert {name for name in own if f"`{name}`" in told} >= own - {
        "errors",
        "contexts",
        "sources",
        "pipeline",
    }
    assert isinstance(PACKAGE, Path)
