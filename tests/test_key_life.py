"""The life of a key, read from its events: states, rotations and the end, in days."""

from datetime import UTC, datetime, timedelta

import matplotlib.pyplot as plt
import pytest

from kmslab import Lab, StillClock
from kmslab.learn import plot_key_life
from kmslab.learn.key_life import KeyLife, Stretch, read_key_life

pytest_plugins = ["lab_session"]

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


@pytest.fixture
def lab():
    return Lab(clock=StillClock(START, step=timedelta(0)))


def test_a_life_is_its_states_its_rotations_and_its_end(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=100)
    kms.disable_key(KeyId=arn)
    lab.clock.advance(days=10)
    kms.enable_key(KeyId=arn)
    kms.rotate_key_on_demand(KeyId=arn)
    lab.clock.advance(days=5)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=30)
    assert read_key_life(lab.events(), arn) == KeyLife(
        (
            Stretch("Enabled", 0, 100),
            Stretch("Disabled", 100, 110),
            Stretch("Enabled", 110, 115),
            Stretch("PendingDeletion", 115, 122),
        ),
        (90, 110),
        122,
    )


def test_a_key_that_lives_is_shown_until_a_given_day(lab, kms, arn):
    kms.enable_key(KeyId=arn)
    life = read_key_life(lab.events(), arn, until=START + timedelta(days=50))
    assert life == KeyLife((Stretch("Enabled", 0, 50),), (), None)


def test_what_comes_after_the_given_day_is_not_shown(lab, kms, arn):
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    lab.clock.advance(days=100)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    lab.clock.advance(days=30)
    for days, stretches, rotations in (
        (80, (Stretch("Enabled", 0, 80),), ()),
        (90, (Stretch("Enabled", 0, 90),), (90,)),
        (103, (Stretch("Enabled", 0, 100), Stretch("PendingDeletion", 100, 103)), (90,)),
    ):
        life = read_key_life(lab.events(), arn, until=START + timedelta(days=days))
        assert life == KeyLife(stretches, rotations, None)


def test_before_its_creation_a_key_has_no_life(lab, kms, arn):
    with pytest.raises(ValueError, match="creation"):
        read_key_life(lab.events(), arn, until=START - timedelta(days=1))


def test_what_was_refused_changes_no_life(lab, kms, arn):
    nobody = lab.client("kms", lab.user("nobody"))
    lab.clock.advance(days=1)
    for call in (nobody.disable_key, nobody.schedule_key_deletion):
        with pytest.raises(nobody.exceptions.ClientError):
            call(KeyId=arn)
    assert read_key_life(lab.events(), arn).stretches == (Stretch("Enabled", 0, 1),)


def test_a_cancelled_deletion_ends_in_disabled(lab, kms, arn):
    lab.clock.advance(days=1)
    kms.schedule_key_deletion(KeyId=arn)
    lab.clock.advance(days=3)
    kms.cancel_key_deletion(KeyId=arn)
    lab.clock.advance(days=3)
    kms.list_keys()
    states = [stretch.state for stretch in read_key_life(lab.events(), arn).stretches]
    assert states == ["Enabled", "PendingDeletion", "Disabled"]


def test_other_keys_are_other_lives(lab, kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=other)
    lab.clock.advance(days=2)
    kms.list_keys()
    assert [each.state for each in read_key_life(lab.events(), arn).stretches] == ["Enabled"]


def test_a_key_of_whose_creation_nothing_is_known_has_no_life(lab, kms, arn):
    with pytest.raises(ValueError, match="creation of arn:x"):
        read_key_life(lab.events(), "arn:x")


def test_the_picture_says_in_numbers_what_it_shows(lab, kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=90)
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    lab.clock.advance(days=200)
    kms.list_keys()
    said = plot_key_life(lab.events(), {"archive": arn, "test": other})
    assert said == (
        "archive: Enabled for 200 days, 2 rotations. "
        "test: PendingDeletion for 7 days, 0 rotations, deleted on day 7."
    )
    axes = plt.gcf().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["archive", "test"]
    widths = [round(bar.get_width()) for bar in axes.patches if bar.get_height() == 0.5]
    assert widths == [200, 0, 7]
