"""Another wrapping key, the same payload: what changes, what KMS is asked, and what it costs."""

import hmac
import io
from hashlib import sha512

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from envelope_session import CONTEXT, master_key, opened_by_aws, raw_key, sealed_by_aws

from kmslab import envelope
from kmslab.envelope import Suite

pytest_plugins = ["lab_session"]


@pytest.fixture
def new_arn(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def header_of(message, *keys_and_context):
    return envelope.decrypt(message, *keys_and_context).header


def test_the_payload_stays_byte_for_byte_and_the_new_key_opens_it(lab, kms, arn, new_arn):
    old, new = envelope.KmsKeys(kms, arn), envelope.KmsKeys(kms, new_arn)
    for message in (
        envelope.encrypt(b"x" * 5000, old, CONTEXT, frame_length=1024),
        sealed_by_aws(b"x" * 5000, master_key(kms, arn), Suite.COMMITTED, 4096),
        sealed_by_aws(b"x" * 5000, master_key(kms, arn), Suite.COMMITTED, 0),
    ):
        before = len(lab.events())
        renewed = envelope.rewrap(message, old, new)
        calls = [event["eventName"] for event in lab.events()[before:]]
        assert calls == ["Decrypt", "ReEncrypt"]
        then, now = header_of(message, old), header_of(renewed, new)
        assert renewed[now.size :] == message[then.size :]
        assert [each.key_info for each in now.encrypted_data_keys] == [new_arn.encode()]
        assert now.message_id == then.message_id
        assert now.commitment == then.commitment
        assert now.encryption_context == then.encryption_context
        assert opened_by_aws(renewed, master_key(kms, new_arn)) == b"x" * 5000
        with pytest.raises(envelope.NoKeyOpens):
            envelope.decrypt(renewed, old)


def test_a_message_goes_from_one_kind_of_key_to_several_of_another(lab, kms, arn, new_arn):
    message = envelope.encrypt(b"x", raw_key(), CONTEXT)
    far = lab.client("kms", region_name="eu-central-1")
    far_keys = envelope.KmsKeys(far, far.create_key()["KeyMetadata"]["Arn"])
    both = envelope.AnyOf(envelope.KmsKeys(kms, arn, new_arn), far_keys)
    renewed = envelope.rewrap(message, raw_key(), both)
    assert len(header_of(renewed, both).encrypted_data_keys) == 3
    back = envelope.rewrap(renewed, far_keys, raw_key("other"))
    assert envelope.decrypt(back, raw_key("other")).plaintext == b"x"
    across = envelope.rewrap(renewed, envelope.KmsKeys(kms, arn), far_keys)
    assert envelope.decrypt(across, far_keys).plaintext == b"x"


def test_each_of_several_new_keys_that_reaches_the_old_one_is_given_the_data_key_by_re_encrypt(
    lab, kms, arn, new_arn
):
    old, new = envelope.KmsKeys(kms, arn), envelope.KmsKeys(kms, new_arn)
    far = lab.client("kms", region_name="eu-central-1")
    far_keys = envelope.KmsKeys(far, far.create_key()["KeyMetadata"]["Arn"])
    message = envelope.encrypt(b"x", old, CONTEXT)
    for keys, expected in (
        (envelope.AnyOf(new, old), ["Decrypt", "ReEncrypt", "ReEncrypt"]),
        (envelope.AnyOf(new, far_keys), ["Decrypt", "ReEncrypt", "Encrypt"]),
        (envelope.AnyOf(far_keys, raw_key()), ["Decrypt", "Encrypt"]),
    ):
        before = len(lab.events())
        renewed = envelope.rewrap(message, old, keys)
        assert [event["eventName"] for event in lab.events()[before:]] == expected
        assert len(header_of(renewed, keys).encrypted_data_keys) == 2
        assert envelope.decrypt(renewed, keys).plaintext == b"x"


def test_required_pairs_are_required_as_before(kms, arn, new_arn):
    old, new = envelope.KmsKeys(kms, arn), envelope.KmsKeys(kms, new_arn)
    message = envelope.encrypt(b"x", old, {"a": "1", "tenant": "7"}, required=["tenant"])
    with pytest.raises(envelope.NoKeyOpens):
        envelope.rewrap(message, old, new)
    renewed = envelope.rewrap(message, old, new, {"tenant": "7"})
    assert envelope.decrypt(renewed, new, {"tenant": "7"}).plaintext == b"x"
    with pytest.raises(envelope.NoKeyOpens):
        envelope.decrypt(renewed, new)


def test_a_signed_message_is_refused_before_kms_is_asked(lab, kms, arn, new_arn):
    old = envelope.KmsKeys(kms, arn)
    message = envelope.encrypt(b"x", old, suite=Suite.SIGNED)
    asked, target = len(lab.events()), io.BytesIO()
    with pytest.raises(envelope.SignedMessage, match="encrypt it anew"):
        envelope.rewrap_stream(io.BytesIO(message), target, old, envelope.KmsKeys(kms, new_arn))
    assert len(lab.events()) == asked
    assert target.getvalue() == b""


def test_a_changed_header_is_not_rewrapped(kms, arn, new_arn):
    old, new = envelope.KmsKeys(kms, arn), envelope.KmsKeys(kms, new_arn)
    message = envelope.encrypt(b"x", old, CONTEXT)
    size = header_of(message, old).size
    for at in range(size):
        changed = bytearray(message)
        changed[at] ^= 1
        with pytest.raises(envelope.EnvelopeError):
            envelope.rewrap(changed, old, new)


def test_where_kms_refuses_nothing_is_written(kms, arn, new_arn):
    old, new = envelope.KmsKeys(kms, arn), envelope.KmsKeys(kms, new_arn)
    message, target = envelope.encrypt(b"x", old), io.BytesIO()
    kms.disable_key(KeyId=new_arn)
    with pytest.raises(kms.exceptions.DisabledException):
        envelope.rewrap_stream(io.BytesIO(message), target, old, new)
    assert target.getvalue() == b""


def test_old_and_new_header_together_tell_about_the_key_of_the_tags(kms, arn, new_arn):
    """Why no two may be kept: both tags are under one nonce, so their difference is a polynomial
    with known coefficients, one of whose few roots is the key that tags are made with."""
    key = raw_key()
    message = envelope.encrypt(b"x", key)
    renewed = envelope.rewrap(message, key, envelope.KmsKeys(kms, new_arn))
    old, new = header_of(message, key), header_of(renewed, envelope.KmsKeys(kms, new_arn))
    data_key = key.for_opening(old.suite, old.encrypted_data_keys, {})
    extracted = hmac.digest(old.message_id, data_key, sha512)
    content_key = hmac.digest(extracted, b"\x04\x78DERIVEKEY\x01", sha512)[:32]
    ecb = Cipher(algorithms.AES(content_key), modes.ECB()).encryptor()
    tag_key = int.from_bytes(ecb.update(bytes(16)), "big")
    difference = int.from_bytes(old.tag, "big") ^ int.from_bytes(new.tag, "big")
    assert difference == ghash(tag_key, old.body) ^ ghash(tag_key, new.body)
    assert difference != ghash(tag_key ^ 1, old.body) ^ ghash(tag_key ^ 1, new.body)


def ghash(tag_key, authenticated):
    """NIST SP 800-38D, for additional data and no text."""
    padded = authenticated + bytes(-len(authenticated) % 16)
    padded += (8 * len(authenticated)).to_bytes(8, "big") + bytes(8)
    total = 0
    for at in range(0, len(padded), 16):
        total = times(total ^ int.from_bytes(padded[at : at + 16], "big"), tag_key)
    return total


def times(one, other):
    product = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (0xE1 << 120 if other & 1 else 0)
    return product
