"""The pictures of an auditor's table: what they draw is in their captions, in numbers."""

import matplotlib.pyplot as plt
import pytest
from botocore.exceptions import ClientError

from kmslab import Lab, audit
from kmslab.learn import plot_key_use, plot_who_uses_what

pytest_plugins = ["cloudtrail_session"]


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


@pytest.fixture
def table(lab: Lab, kms, key_arn):
    """Two keys, of which the administrator uses both, and a user one in vain."""
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    for arn in (key_arn, key_arn, other):
        kms.encrypt(KeyId=arn, Plaintext=b"x")
    with pytest.raises(ClientError):
        lab.client("kms", lab.user("eve")).encrypt(KeyId=key_arn, Plaintext=b"x")
    return audit.from_events(lab.events())


def test_each_call_with_a_key_is_a_mark_on_its_callers_line(table):
    said = plot_key_use(table, "alias/payroll")
    axes = plt.gcf().axes[0]
    marks = {shown.get_label(): len(shown.get_offsets()) for shown in axes.collections}
    assert marks == {"ok": 4, "denied": 1}
    lines = [label.get_text() for label in axes.get_yticklabels()]
    assert lines == ["user/administrator", "user/eve"]
    assert said == (
        "5 calls with alias/payroll by 2 callers between 12:00 and 12:00 UTC, 1 in vain. "
        "The busiest: user/administrator."
    )


def test_a_key_without_calls_has_no_picture(table):
    with pytest.raises(ValueError, match="no call with the key"):
        plot_key_use(table, "1234")


def test_each_field_of_the_matrix_has_its_number_of_calls(table):
    said = plot_who_uses_what(table)
    axes = plt.gcf().axes[0]
    assert [text.get_text() for text in axes.texts] == ["2", "1"]
    assert axes.get_xticklabels()[0].get_text() == "payroll"
    assert said == "3 calls by 1 caller with 2 keys; with more than one of them: 1."


def test_a_table_without_use_has_no_matrix():
    with pytest.raises(ValueError, match="no key was used"):
        plot_who_uses_what(audit.from_events([]))


def test_of_very_many_calls_one_mark_stands_for_those_that_it_hides(lab, kms, key_arn):
    for _ in range(400):
        kms.encrypt(KeyId=key_arn, Plaintext=b"x")
    said = plot_key_use(audit.from_events(lab.events()), key_arn)
    (shown,) = plt.gcf().axes[0].collections
    assert 200 < len(shown.get_offsets()) < 300
    assert said.startswith("401 calls with ")
