"""The grant timeline without a browser: what its calls came to, and how it says so."""

import re

import matplotlib.pyplot
import pytest
from traitlets import TraitError

from kmslab.access.explanation import DECIDED
from kmslab.learn import grant_timeline
from kmslab.learn.widgets.grant_minutes import FIRST, LAST, GrantMinutes

ALLOWED, DENIED, NO_TOKEN = "allowed", "denied", "no token yet"
MINUTES = range(FIRST, LAST + 1)


@pytest.fixture(scope="module")
def usual():
    return GrantMinutes(spreads_in=5, revoked_at=8)


@pytest.fixture
def timeline():
    return grant_timeline()


def text_of(view):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", view.value, flags=re.S))


def marks(timeline):
    """The marks of each row, from the first minute on."""
    rows = re.findall(r'scope="row">([\w ]+)</th>(.*?)</tr>', timeline.grid.value)
    return {name: "".join(re.findall(r">(.)</td>", cells)) for name, cells in rows}


# --- The calls ----------------------------------------------------------------------------


def test_the_token_bridges_the_time_until_the_grant_has_spread(usual):
    assert usual.spans("without token") == [(DENIED, -2, 4), (ALLOWED, 5, 12), (DENIED, 13, 15)]
    assert usual.spans("with token") == [(NO_TOKEN, -2, -1), (ALLOWED, 0, 12), (DENIED, 13, 15)]


def test_a_grant_that_spreads_at_once_needs_no_token_and_ends_at_once():
    told = GrantMinutes(spreads_in=0, revoked_at=8)
    assert told.spans("without token") == [(DENIED, -2, -1), (ALLOWED, 0, 7), (DENIED, 8, 15)]
    assert told.spans("with token") == [(NO_TOKEN, -2, -1), (ALLOWED, 0, 7), (DENIED, 8, 15)]


@pytest.mark.parametrize("spreads_in", [0, 3, 10])
@pytest.mark.parametrize("revoked_at", [1, 15])
def test_the_token_helps_from_the_beginning_on_and_never_after_the_end(spreads_in, revoked_at):
    told = GrantMinutes(spreads_in, revoked_at)
    end = min(revoked_at + spreads_in, LAST + 1)
    for minute in MINUTES:
        verdicts = told.verdicts(minute)
        works = ALLOWED if 0 <= minute < end else DENIED
        assert verdicts["with token"] == (works if minute >= 0 else NO_TOKEN)
        assert verdicts["without token"] == (works if minute >= spreads_in else DENIED)


def test_the_verdicts_are_those_of_calls_that_the_trail_recorded(usual):
    decrypts = [event for event in usual.lab.events() if event["eventName"] == "Decrypt"]
    recorded = [DENIED if "errorCode" in event else ALLOWED for event in decrypts]
    told = [usual.verdicts(minute).values() for minute in MINUTES]
    assert recorded == [verdict for row in told for verdict in row if verdict != NO_TOKEN]
    assert {event["userIdentity"]["type"] for event in decrypts} == {"AssumedRole"}


def test_every_call_is_made_at_its_own_minute(usual):
    times = {
        name: [
            event["eventTime"][11:] for event in usual.lab.events() if event["eventName"] == name
        ]
        for name in ("CreateGrant", "RevokeGrant", "Decrypt")
    }
    assert times["CreateGrant"] == ["09:02:00Z"]
    assert times["RevokeGrant"] == ["09:10:00Z"]
    assert times["Decrypt"][0] == "09:00:00Z"
    assert times["Decrypt"][-2:] == ["09:17:00Z", "09:17:00Z"]
    assert len(times["Decrypt"]) == 2 * len(MINUTES) - 2


def test_the_reason_is_that_of_the_time_of_the_call(usual):
    waiting = "it has not spread through KMS yet, and its token was not shown"
    words = [line.words for line in usual.tries[3]["without token"].weighed]
    assert waiting in words
    allowed = usual.tries[3]["with token"].weighed
    assert [line.words for line in allowed if line.role == DECIDED] == ["allows it"]
    gone = [line.where for line in usual.tries[14]["with token"].weighed]
    assert not any("grant" in where for where in gone)


@pytest.mark.parametrize(
    ("minutes", "error", "complaint"),
    [
        ({"spreads_in": -1}, ValueError, "spreads_in is 0 to 10 minutes, not -1"),
        ({"spreads_in": 11}, ValueError, "not 11"),
        ({"revoked_at": 0}, ValueError, "revoked_at is 1 to 15 minutes, not 0"),
        ({"revoked_at": 16}, ValueError, "not 16"),
        ({"spreads_in": 2.5}, TypeError, "whole number of minutes, not 2.5"),
        ({"revoked_at": True}, TypeError, "not True"),
    ],
)
def test_minutes_that_do_not_fit_are_refused(minutes, error, complaint):
    with pytest.raises(error, match=re.escape(complaint)):
        grant_timeline(**minutes)


# --- The view -----------------------------------------------------------------------------


def test_moving_to_a_minute_uncovers_the_calls_up_to_it(timeline):
    covered = "·" * (LAST - FIRST)
    assert marks(timeline) == {"without token": f"✗{covered}", "with token": f"–{covered}"}
    timeline.minute = 6
    assert marks(timeline) == {
        "without token": "✗✗✗✗✗✗✗✓✓·········",
        "with token": "––✓✓✓✓✓✓✓·········",
    }
    assert timeline.verdicts == {"without token": ALLOWED, "with token": ALLOWED}


def test_the_slider_and_the_minute_are_one(timeline):
    timeline.slider.value = 3
    assert timeline.minute == 3
    timeline.minute = 4
    assert timeline.slider.value == 4
    assert repr(timeline) == (
        "GrantTimeline at minute 4, without token: denied, with token: allowed"
    )


@pytest.mark.parametrize(
    ("minute", "title"),
    [
        (-2, "Minute −2 "),
        (0, "Minute 0: created "),
        (5, "Minute 5: spread "),
        (8, "Minute 8: revoked "),
        (13, "Minute 13: revocation spread "),
    ],
)
def test_the_title_says_what_happens_at_the_minute(timeline, minute, title):
    timeline.minute = minute
    assert title in text_of(timeline.view)


def test_the_lab_says_why_in_words(timeline):
    timeline.minute = 3
    said = text_of(timeline.view)
    assert "without token: ✗ denied" in said
    assert "it has not spread through KMS yet, and its token was not shown" in said
    assert "with token: ✓ allowed" in said
    timeline.minute = -1
    assert "there is no token to show" in text_of(timeline.view)


def test_no_mark_is_told_by_colour_alone(timeline):
    timeline.minute = LAST
    cells = re.findall(r'<td aria-label="([\w ]+)"[^>]*>(.)</td>', timeline.grid.value)
    assert len(cells) == 2 * len(MINUTES)
    words = {mark: word for word, mark in cells}
    assert words == {"✓": ALLOWED, "✗": DENIED, "–": NO_TOKEN}
    happened = "▼ minute 0: created · 5: spread · 8: revoked · 13: revocation spread"
    assert happened in text_of(timeline.grid)
    assert timeline.grid.value.count("▼</td>") == 4


def test_the_table_has_a_row_for_each_stretch(timeline):
    rows = [line.strip("| ").split(" | ") for line in timeline.table().splitlines()[2:]]
    assert rows == [
        ["−2 to −1", "–", "✗ denied", "– no token yet"],
        ["0 to 4", "created", "✗ denied", "✓ allowed"],
        ["5 to 7", "spread", "✓ allowed", "✓ allowed"],
        ["8 to 12", "revoked", "✓ allowed", "✓ allowed"],
        ["13 to 15", "revocation spread", "✗ denied", "✗ denied"],
    ]


def test_the_caption_of_the_picture_has_the_numbers(monkeypatch):
    matplotlib.use("agg")
    monkeypatch.setattr(matplotlib.pyplot, "show", matplotlib.pyplot.close)
    caption = grant_timeline(spreads_in=3, revoked_at=6).plot()
    assert "minutes 3 to 8, with it in minutes 0 to 8" in caption
    assert "saves 3 minutes at the beginning and 0 at the end" in caption


@pytest.mark.parametrize("minute", [FIRST - 1, LAST + 1])
def test_there_is_no_minute_outside(timeline, minute):
    with pytest.raises(TraitError):
        timeline.minute = minute
    assert timeline.minute == FIRST
