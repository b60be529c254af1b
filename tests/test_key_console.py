"""The key console without a browser: pressed and read as a cell does it, and checked on the lab."""

import re

import pytest
from traitlets import TraitError

from kmslab.learn import classroom_lab, key_console
from kmslab.learn.widgets.key_desk import ACTIONS, CREATE


@pytest.fixture
def lab():
    return classroom_lab("console")


@pytest.fixture
def console(lab):
    """A console of an empty lab, in which one key is created."""
    console = key_console(lab)
    console.press(CREATE)
    return console


def cells(console):
    """The table as {key: [state, ciphertexts, …]}."""
    rows = [line.strip("| ").split(" | ") for line in console.table().splitlines()[2:]]
    return {name: told for name, *told in rows}


def only(console):
    (told,) = cells(console).values()
    return told


def words_of(view):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", view.value, flags=re.S))


def calls_since(lab, before):
    return [event["eventName"] for event in lab.events()[before:]]


# --- What is done -------------------------------------------------------------------------


def test_a_lab_without_keys_has_a_console_that_says_so():
    console = key_console(classroom_lab("console"))
    assert repr(console) == "KeyConsole on 5 Jan 2026: no keys"
    assert cells(console) == {}
    told = console.press("Encrypt")
    assert told == "Encrypt: not done. There is no key yet. Create one first."
    assert console.verdict == "not done"


@pytest.mark.parametrize(
    ("action", "operation"),
    [
        (CREATE, "CreateKey"),
        ("Encrypt", "Encrypt"),
        ("Disable", "DisableKey"),
        ("Enable", "EnableKey"),
        ("Rotate now", "RotateKeyOnDemand"),
        ("Rotate every 90 days", "EnableKeyRotation"),
        ("Rotate no more", "DisableKeyRotation"),
        ("Delete in 7 days", "ScheduleKeyDeletion"),
    ],
)
def test_each_button_makes_its_one_call_and_shows_what_was_recorded(
    lab, console, action, operation
):
    before = len(lab.events())
    console.press(action)
    assert console.verdict == "ok"
    assert calls_since(lab, before)[0] == operation
    assert f"Recorded by CloudTrail: {operation} by administrator: ok" in words_of(console.view)


def test_what_is_decrypted_is_the_oldest_ciphertext_of_the_key(lab, console):
    assert "Encrypt first" in console.press("Decrypt the oldest")
    assert console.verdict == "not done"
    first = lab.client("kms").describe_key(KeyId=console.selected)["KeyMetadata"]
    for action in ("Encrypt", "Rotate now", "Encrypt"):
        console.press(action)
    material = first["CurrentKeyMaterialId"][:8]
    told = console.press("Decrypt the oldest")
    assert told == f"Decrypt the oldest: ok. Ciphertext no. 1 opens, with material {material}."
    assert only(console)[1] == "2"


@pytest.mark.parametrize(
    ("presses", "code"),
    [
        (["Disable", "Encrypt"], "DisabledException"),
        (["Disable", "Rotate now"], "DisabledException"),
        (["Cancel deletion"], "KMSInvalidStateException"),
        (["Delete in 7 days", "Enable"], "KMSInvalidStateException"),
        (["Delete in 7 days", "Delete in 7 days"], "KMSInvalidStateException"),
    ],
)
def test_what_is_not_allowed_shows_the_words_of_aws_and_changes_nothing(
    lab, console, presses, code
):
    *before, last = presses
    for action in before:
        console.press(action)
    table = console.table()
    told = console.press(last)
    assert console.verdict == code
    assert f"{last}: {code}. arn:aws:kms:us-east-1:111122223333:key/{console.selected} is" in told
    assert f"✗ {last}: {code}" in words_of(console.view)
    assert console.table() == table
    assert lab.last_decision().allowed, "the state refused it, not a policy"


def test_the_clock_rotates_and_deletes_and_the_console_tells(console):
    console.press("Encrypt")
    console.press("Rotate every 90 days")
    assert only(console)[3] == "5 Apr 2026"
    console.wait(days=365)
    assert "4 × RotateKey by AWS Internal: ok" in words_of(console.view)
    assert only(console)[2].startswith("no. 5: ")
    console.press("Delete in 7 days")
    state, _, _, next_rotation, deletion, last_use = only(console)
    assert (state, next_rotation, deletion) == ("◐ PendingDeletion", "–", "12 Jan 2027")
    assert last_use == "Encrypt on 5 Jan 2026"
    console.wait(days=7)
    assert "DeleteKey by AWS Internal: ok" in words_of(console.view)


def test_a_key_that_is_gone_stays_in_the_list_and_its_ciphertexts_open_no_more(console):
    for action in ("Encrypt", "Delete in 7 days"):
        console.press(action)
    console.wait(days=7)
    assert only(console)[:2] == ["✗ gone", "1"]
    console.press("Decrypt the oldest")
    assert console.verdict == "AccessDeniedException"
    console.press("Enable")
    assert console.verdict == "NotFoundException"


# --- Which key ----------------------------------------------------------------------------


def test_the_buttons_are_for_the_selected_key(console):
    first = console.selected
    console.press(CREATE)
    second = console.selected
    assert second != first
    console.selected = first
    console.press("Disable")
    states = {name: told[0] for name, told in cells(console).items()}
    assert states == {f"▶ {first[:8]}": "○ Disabled", second[:8]: "● Enabled"}


def test_a_new_key_is_the_selected_one_however_many_there_are(lab, console):
    made = [console.selected]
    for _ in range(3):
        console.press(CREATE)
        assert console.selected not in made
        made.append(console.selected)
        console.press("Disable")
    assert calls_since(lab, 0).count("DisableKey") == 3
    assert [told[0] for told in cells(console).values()] == ["● Enabled", *["○ Disabled"] * 3]
    assert console._choice.value == console.selected == made[-1]


def test_a_choice_by_hand_is_a_choice_for_the_next_cell_too(console):
    first = console.selected
    console.press(CREATE)
    console._choice.value = first
    assert console.selected == first
    assert f"▶ {first[:8]}" in words_of(console.grid)


def test_a_key_is_called_by_its_alias(lab, console):
    kms = lab.client("kms")
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=console.selected)
    console.press("Encrypt")
    assert list(cells(console)) == ["▶ alias/payroll"]


def test_keys_that_others_make_are_seen_at_the_next_action(lab, console):
    key_id = lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
    console.wait(days=1)
    assert key_id[:8] in cells(console)


def test_who_may_see_little_sees_little(lab):
    statement = {"Effect": "Allow", "Action": ["kms:CreateKey", "kms:ListKeys"], "Resource": "*"}
    user = lab.user("newcomer", {"Version": "2012-10-17", "Statement": [statement]})
    console = key_console(lab, lab.client("kms", user))
    console.press(CREATE)
    assert only(console) == ["◌ AccessDeniedException", "–", "–", "–", "–", "–"]
    console.press("Disable")
    assert console.verdict == "AccessDeniedException"


@pytest.mark.parametrize("words", ["Destroy", "disable", ""])
def test_there_is_no_such_button(console, words):
    with pytest.raises(ValueError, match=re.escape(repr(words))):
        console.press(words)


def test_there_is_no_such_key(console):
    with pytest.raises(TraitError, match="no key 'x'"):
        console.selected = "x"
    console.press("Disable")
    assert only(console)[0] == "○ Disabled"


def test_the_clock_cannot_go_back(console):
    with pytest.raises(ValueError, match="time only moves forward"):
        console.wait(days=-1)


# --- What is shown ------------------------------------------------------------------------


def test_the_history_has_a_row_for_every_action(console):
    console.press("Disable")
    console.press("Encrypt")
    console.wait(days=1)
    rows = [line.strip("| ").split(" | ") for line in console.history().splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        [CREATE, "ok"],
        ["Disable", "ok"],
        ["Encrypt", "DisabledException"],
        ["wait 1 day", "ok"],
    ]
    assert rows[2][3] == "Encrypt by administrator: DisabledException"


def test_the_grid_says_what_the_table_says(console):
    console.press("Rotate every 90 days")
    grid = words_of(console.grid)
    for words in (*next(iter(cells(console).values())), f"▶ {console.selected[:8]}"):
        assert words in grid


def test_every_action_has_its_button(console):
    labels = [button.description for button in console._buttons.values()]
    assert labels == list(ACTIONS)
