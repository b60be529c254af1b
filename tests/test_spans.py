"""Spans: what is recorded of a call's stages, at the door, in boto3 and on the way."""

from itertools import groupby

import matplotlib.pyplot as plt
import pandas
import pytest
from aws_words import ACCOUNT, allow

from kmslab import Lab
from kmslab.errors import ServiceError
from kmslab.learn.encrypt_path import plot_ecdf, plot_ways
from kmslab.learn.over_http import client_over_http
from kmslab.learn.spans import (
    DOOR_STAGES,
    STAGES,
    Listener,
    Spans,
    Way,
    coverage,
    time_calls,
    time_ways,
)

pytest_plugins = ["lab_session"]


@pytest.fixture
def key_id(arn):
    return arn.rpartition("/")[2]


@pytest.fixture
def direct(lab, key_id):
    return lambda: lab.call("Encrypt", KeyId=key_id, Plaintext=b"x")


@pytest.fixture
def by_boto3(kms, key_id):
    return lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x")


# --- A direct call ------------------------------------------------------------------------


def test_a_direct_call_answers_as_a_client_does(lab, kms, key_id):
    pairs = {"department": "payroll"}
    made = lab.call("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=pairs)
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=pairs)
    assert opened["Plaintext"] == b"x"


def test_a_direct_call_is_decided_and_recorded(lab, kms, key_id):
    with pytest.raises(ServiceError) as caught:
        lab.call("Encrypt", lab.user("eve"), KeyId=key_id, Plaintext=b"x")
    assert caught.value.code == "AccessDeniedException"
    assert not lab.last_decision().allowed
    event = lab.events()[-1]
    assert (event["eventName"], event["errorCode"]) == ("Encrypt", "AccessDenied")
    assert event["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/eve"
    assert event["userAgent"] == "kmslab"


def test_a_direct_call_is_validated(lab, key_id):
    with pytest.raises(ServiceError) as caught:
        lab.call("Encrypt", KeyId=key_id, Plaintext=b"x" * 4097)
    assert caught.value.code == "ValidationException"


def test_a_session_that_is_over_calls_in_vain(lab, key_id):
    session = lab.role("app", allow("kms:Encrypt")).session("night")
    lab.call("Encrypt", session, KeyId=key_id, Plaintext=b"x")
    lab.clock.advance(hours=2)
    with pytest.raises(ServiceError, match="ExpiredToken"):
        lab.call("Encrypt", session, KeyId=key_id, Plaintext=b"x")


def test_what_kms_or_aws_does_not_have_is_refused(lab):
    with pytest.raises(ValueError, match="Guess"):
        lab.call("Guess")
    with pytest.raises(ValueError, match="moon"):
        lab.call("ListKeys", region_name="moon-1")


# --- Recording ----------------------------------------------------------------------------


def test_a_stage_ends_where_the_next_begins():
    spans = Spans()
    for stage in ("build", "arrive", "verify", "verify"):
        spans.mark(stage)
    told = spans.microseconds()
    assert list(told) == ["build", "send", "verify"]
    assert all(each > 0 for each in told.values())


def test_a_direct_call_passes_the_door_alone(lab, direct):
    times = time_calls(lab, direct, rounds=5)
    assert list(times.columns) == ["validate", "authorise", "HSM", "record", "total"]
    assert len(times) == 5
    assert coverage(times) > 0.8


def test_a_clients_call_passes_every_stage(lab, kms, by_boto3):
    times = time_calls(lab, by_boto3, kms, rounds=5)
    assert list(times.columns) == [*STAGES, "total"]
    assert (times > 0).all(axis=None)
    assert 0.8 < coverage(times) <= 1


def test_a_call_over_http_passes_the_same_stages(lab, key_id):
    with client_over_http(lab) as kms:
        times = time_calls(lab, lambda: kms.encrypt(KeyId=key_id, Plaintext=b"x"), kms, rounds=3)
    assert list(times.columns) == [*STAGES, "total"]
    assert coverage(times) > 0.8
    assert lab.events()[-1]["userIdentity"]["userName"] == "administrator"


def test_ways_take_turns_and_each_is_told_of_its_own_calls(lab, kms, by_boto3, direct):
    order = []

    def noting(name, call):
        return lambda: (order.append(name), call())

    ways = {"direct": Way(noting("direct", direct)), "one": Way(noting("one", by_boto3), kms)}
    times = time_ways(lab, {**ways, "two": Way(noting("two", by_boto3), kms)}, rounds=25)
    turns = [name for name, _ in groupby(order[-75:])]
    assert turns == ["direct", "one", "two"] * 2
    assert {name: len(of_way) for name, of_way in times.items()} == {
        "direct": 25,
        "one": 25,
        "two": 25,
    }
    assert "sign" not in times["direct"]
    for name in ("one", "two"):
        assert list(times[name].columns) == [*STAGES, "total"]
        assert (times[name] > 0).all(axis=None)


def test_who_does_not_listen_is_told_nothing(lab, kms, by_boto3):
    with Listener(lab, kms) as listener:
        listener.time(by_boto3)
        assert lab.endpoint.mark is None
    told = listener._spans.microseconds()
    by_boto3()
    assert listener._spans.microseconds() == told


def test_a_call_that_fails_leaves_no_listener(lab, kms):
    def fail():
        raise KeyError("nothing")

    with Listener(lab, kms) as listener, pytest.raises(KeyError):
        listener.time(fail)
    assert lab.endpoint.mark is None


def test_another_labs_calls_are_not_told(lab, direct):
    other = Lab()
    with Listener(other) as listener:
        assert list(listener.time(direct)) == ["total"]


# --- Pictures -----------------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


WAYS = {
    "direct": pandas.DataFrame({"HSM": [10.0, 10.0], "record": [5.0, 5.0], "total": [16.0, 16.0]}),
    "boto3": pandas.DataFrame({"build": [100.0, 100.0], "HSM": [10.0, 12.0], "total": [115, 230]}),
}


def test_stages_are_stacked_to_the_whole_call(drawn):
    said = plot_ways(WAYS)
    bars = plt.gcf().axes[0].containers
    ends = [max(bar.get_x() + bar.get_width() for bar in way) for way in zip(*bars, strict=True)]
    assert ends == [15.0, 111.0]
    assert said == ("One Encrypt takes, in the median of 2 calls: direct 16 µs, boto3 172 µs.")


def test_the_share_of_calls_grows_to_one(drawn):
    said = plot_ecdf(WAYS)
    for line in plt.gcf().axes[0].lines:
        assert line.get_ydata()[-1] == 1
    assert said.startswith(
        "The slowest hundredth takes at least so many times the median: direct 1.0, "
    )


def test_every_stage_has_a_place_in_the_picture():
    from kmslab.learn.encrypt_path import _GROUPS

    assert sorted(stage for stages, _ in _GROUPS.values() for stage in stages) == sorted(STAGES)
    assert set(DOOR_STAGES) < set(STAGES)
