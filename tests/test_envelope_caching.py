"""A data key for several messages: as many, as long and for as much as the limits say."""

import io

import pytest
from envelope_session import CONTEXT

from kmslab import envelope
from kmslab.envelope import Suite

pytest_plugins = ["lab_session"]


class Seconds:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def calls(lab, kms, arn):
    """How often KMS was called since this was asked last, by operation."""
    before = [len(lab.events())]

    def count():
        names = [event["eventName"] for event in lab.events()[before[0] :]]
        before[0] += len(names)
        return {name: names.count(name) for name in names}

    return count


@pytest.fixture
def cached(kms, arn, seconds):
    def make(**limits):
        settings = {"max_age": 60, "clock": seconds, **limits}
        return envelope.CachedDataKeys(envelope.KmsKeys(kms, arn), **settings)

    return make


def seal(keys, size=10, context=CONTEXT, suite=Suite.COMMITTED):
    return envelope.encrypt(b"x" * size, keys, context, suite=suite)


def test_a_data_key_serves_at_most_so_many_messages(cached, calls):
    keys = cached(max_messages=5)
    messages = [seal(keys) for _ in range(10)]
    assert calls() == {"GenerateDataKey": 2}
    wrapped = [envelope.decrypt(each, keys).header.encrypted_data_keys for each in messages]
    assert calls() == {"Decrypt": 2}
    assert [wrapped.count(each) for each in wrapped] == [5] * 10


def test_messages_under_one_data_key_share_no_commitment(cached):
    keys = cached()
    headers = [envelope.decrypt(seal(keys), keys).header for _ in range(3)]
    assert len({header.commitment for header in headers}) == 3
    assert len({header.message_id for header in headers}) == 3


def test_a_data_key_serves_at_most_so_many_bytes(cached, calls):
    keys = cached(max_bytes=25)
    for _ in range(4):
        seal(keys, 10)
    assert calls() == {"GenerateDataKey": 2}
    seal(keys, 26)
    assert calls() == {"GenerateDataKey": 1}


def test_a_data_key_serves_for_some_time_in_both_directions(cached, calls, seconds):
    keys = cached()
    message = seal(keys)
    envelope.decrypt(message, keys)
    seconds.now += 59.9
    seal(keys)
    envelope.decrypt(message, keys)
    assert calls() == {"GenerateDataKey": 1, "Decrypt": 1}
    seconds.now += 0.1
    seal(keys)
    envelope.decrypt(message, keys)
    assert calls() == {"GenerateDataKey": 1, "Decrypt": 1}


def test_another_context_or_suite_has_a_data_key_of_its_own(cached, calls):
    keys = cached()
    for suite in Suite:
        for context in ({}, {"a": "bc"}, {"ab": "c"}):
            for _ in range(2):
                assert envelope.decrypt(seal(keys, 1, context, suite), keys).plaintext == b"x"
    assert calls() == {"GenerateDataKey": 6, "Decrypt": 6}


def test_a_cached_data_key_does_not_open_for_another_context(cached):
    keys = cached()
    message = seal(keys)
    envelope.decrypt(message, keys)
    with pytest.raises(envelope.NoKeyOpens):
        envelope.decrypt(message, keys, {"more": "x"})


def test_the_one_longest_unused_goes_first(cached, calls):
    keys = cached(capacity=2)
    for name in ("a", "b", "a", "c", "a"):
        seal(keys, context={"name": name})
    assert calls() == {"GenerateDataKey": 3}
    seal(keys, context={"name": "b"})
    assert calls() == {"GenerateDataKey": 1}


def test_a_message_of_unknown_length_has_a_data_key_of_its_own(cached, calls):
    keys = cached()
    for _ in range(2):
        envelope.encrypt_stream(io.BytesIO(b"x"), io.BytesIO(), keys)
    assert calls() == {"GenerateDataKey": 2}


def test_a_wrong_commitment_is_noticed_though_the_data_key_is_cached(cached):
    keys = cached()
    message = bytearray(seal(keys))
    envelope.decrypt(message, keys)
    message[10] ^= 1
    with pytest.raises(envelope.AlteredMessage):
        envelope.decrypt(message, keys)


def test_signed_messages_under_one_data_key_have_one_key_pair(cached):
    keys = cached(max_messages=2)
    messages = [seal(keys, suite=Suite.SIGNED) for _ in range(4)]
    headers = [envelope.decrypt(each, keys).header for each in messages]
    public_keys = [each.encryption_context["aws-crypto-public-key"] for each in headers]
    assert public_keys[0] == public_keys[1] != public_keys[2] == public_keys[3]


@pytest.mark.parametrize("limit", ["max_age", "max_messages", "max_bytes", "capacity"])
@pytest.mark.parametrize("number", [0, -1, float("nan")])
def test_a_limit_that_is_not_above_zero_is_refused(cached, limit, number):
    with pytest.raises(ValueError, match=f"above zero, not {limit}={number}"):
        cached(**{limit: number})
