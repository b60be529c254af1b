"""The audit explorer without a browser: filled and read as a cell does it."""

import html
import re

import pandas
import pytest
from aws_words import allow

from kmslab import audit
from kmslab.learn import audit_explorer, classroom_lab
from kmslab.learn.widgets.audit_explorer import PAGE
from kmslab.learn.widgets.audit_filter import Unreadable, Wanted, read_moment


@pytest.fixture(scope="module")
def calls():
    """From nine o'clock on, one call a second: ada encrypts 15 times under the one key, from the
    office; bob is refused under the other, from elsewhere; an hour later he is again."""
    lab = classroom_lab("audit explorer")
    kms = lab.client("kms")
    payroll, orders = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=payroll)
    ada = lab.client("kms", lab.user("ada", allow("kms:Encrypt")), source_ip="203.0.113.10")
    bob = lab.client("kms", lab.user("bob"), source_ip="192.0.2.1")
    for _ in range(15):
        ada.encrypt(KeyId=payroll, Plaintext=b"x")
    for _ in range(2):
        with pytest.raises(bob.exceptions.ClientError):
            bob.encrypt(KeyId=orders, Plaintext=b"x")
        lab.clock.advance(hours=1)
    return audit.from_events(lab.events())


@pytest.fixture
def explorer(calls):
    return audit_explorer(calls)


def shown(explorer):
    shown_text = explorer.view.value.replace("<wbr>", "")
    return html.unescape(re.sub(r"<[^>]+>", " ", shown_text))


def test_it_begins_with_all_calls_a_page_at_a_time(explorer, calls):
    assert explorer.found == len(calls) == 20
    assert "20 of 20 calls, shown: 1 to 12" in shown(explorer)
    assert explorer.view.value.count("<tr>") == PAGE + 1


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"actor": "ada"}, 15),
        ({"actor": "USER/bob"}, 2),
        ({"actor": "user ada"}, 15),
        ({"actor": "ada bob"}, 0),
        ({"key": "payroll"}, 17),
        ({"key": "alias/pay", "actor": "administrator"}, 2),
        ({"operation": "create"}, 3),
        ({"operation": "kms:encrypt"}, 17),
        ({"address": "192.0.2"}, 2),
        ({"outcome": "denied"}, 2),
        ({"outcome": "ok", "actor": "bob"}, 0),
        ({"since": "10:00"}, 1),
        ({"until": "9:00:05"}, 5),
        ({"since": "09:00:02", "until": "09:00:03"}, 2),
        ({"since": "2026-01-05 10:00"}, 1),
        ({"since": "2026-01-05T11:00+01:00"}, 1),
        ({"since": "2026-01-06"}, 0),
    ],
)
def test_fields_leave_the_calls_that_fit_all_of_them(explorer, typed, found):
    assert explorer.ask(**typed).found == found == len(explorer.rows)


def test_filling_fields_anew_empties_the_others(explorer):
    explorer.ask(actor="ada", outcome="denied")
    assert explorer.ask(outcome="denied").wanted == Wanted(outcome="denied")
    assert explorer.found == 2


def test_a_time_that_cannot_be_read_is_named_and_shows_no_call(explorer):
    explorer.ask(since="13:0x")
    assert (explorer.found, len(explorer.rows)) == (0, 0)
    assert "“13:0x” is no time such as 13:05" in shown(explorer)
    assert "13:0x" in explorer.table()
    assert explorer.ask(since="09:00").found == 20


def test_what_there_is_not_is_refused(explorer):
    with pytest.raises(ValueError, match="'allowed'"):
        explorer.ask(outcome="allowed")
    with pytest.raises(TypeError, match="colour"):
        explorer.ask(colour="red")


def test_pages_are_turned_and_end_at_the_ends(explorer):
    earlier, later = explorer._earlier, explorer._later
    assert (earlier.disabled, later.disabled) == (True, False)
    later.click()
    assert "shown: 13 to 20" in shown(explorer)
    assert (earlier.disabled, later.disabled) == (False, True)
    explorer.turn(5)
    assert "shown: 13 to 20" in shown(explorer)
    explorer.turn(-9)
    assert "shown: 1 to 12" in shown(explorer)
    explorer.turn(1)
    assert "2 of 20 calls" in shown(explorer.ask(actor="bob"))
    assert (earlier.disabled, later.disabled) == (True, True)


def test_the_twin_in_text_says_the_same(explorer):
    explorer.ask(actor="bob")
    lines = explorer.table().splitlines()
    assert lines[0] == "**2 of 20 calls**"
    for line in lines[4:]:
        for cell in line.strip("| ").split(" | "):
            assert cell in shown(explorer)
    assert repr(explorer) == "AuditExplorer: 2 of 20 calls"
    assert "who: 1 · keys: 1 · in vain: 2" in shown(explorer)


def test_what_stands_in_records_is_shown_as_text(calls):
    spoiled = calls.assign(source_ip="<script>")
    assert "<script>" not in audit_explorer(spoiled).view.value
    assert "&lt;script&gt;" in audit_explorer(spoiled).view.value


def test_rows_can_be_changed_without_harm(explorer):
    rows = explorer.ask(actor="bob").rows
    rows["outcome"] = "ok"
    assert set(explorer.rows["outcome"]) == {"denied"}


def test_a_table_without_calls_is_shown():
    explorer = audit_explorer(audit.from_events([]))
    assert explorer.ask(since="13:00").found == 0


def test_a_time_without_a_day_is_of_the_first_day(calls):
    moment = read_moment("9:30", calls)
    assert moment == pandas.Timestamp("2026-01-05T09:30Z")
    for text in ("", "noon", "24:61", "9-30"):
        with pytest.raises(Unreadable):
            read_moment(text, calls)
