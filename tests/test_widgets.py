"""The widgets without a browser: pressed and read as a cell does it, and checked on the lab."""

import re
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from traitlets import TraitError

from kmslab.learn import classroom_lab, context_explorer, envelope_stepper

DOCUMENT = b"Dear Ada, <the contract> is signed. Keep this letter to yourself."
PAIRS = {"department": "payroll", "document": "contract-7"}


@pytest.fixture
def lab():
    return classroom_lab("widgets")


@pytest.fixture
def kms(lab):
    return lab.client("kms")


@pytest.fixture
def key_id(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def stepper(lab, kms, key_id):
    return envelope_stepper(lab, kms, key_id, DOCUMENT)


@pytest.fixture
def explorer(lab, kms, key_id):
    return context_explorer(lab, kms, key_id)


def allow(action):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def pressed(stepper, times):
    for _ in range(times):
        stepper.press()
    return stepper


def calls_of(lab):
    return [event["eventName"] for event in lab.events()]


def cells(stepper):
    """The table as {thing: [the application, what is stored, KMS]}."""
    rows = [line.strip("| ").split(" | ") for line in stepper.table().splitlines()[4:]]
    return {thing: held for thing, *held in rows}


def fingerprint(content):
    return f"{len(content):,} bytes, fingerprint {sha256(content).hexdigest()[:8]}"


def text_of(view):
    return re.sub(r"<[^>]+>", " ", view.value)


# --- The envelope stepper -----------------------------------------------------------------


def test_before_the_first_press_nothing_was_asked_of_kms(lab, stepper):
    assert stepper.step == 0
    assert calls_of(lab) == ["CreateKey"]
    assert stepper.stored == {}


def test_each_press_does_one_step_and_only_two_of_them_call_kms(lab, stepper):
    left_behind = []
    for step in range(1, 7):
        seen = len(lab.events())
        stepper.press()
        assert stepper.step == step
        left_behind.append(calls_of(lab)[seen:])
    assert left_behind == [["GenerateDataKey"], [], [], [], ["Decrypt"], []]


def test_each_step_says_who_holds_which_things(stepper):
    holders = []
    for _ in range(7):
        held = cells(stepper)
        holders.append(
            [{thing for thing in held if held[thing][place] != "–"} for place in range(3)]
        )
        stepper.press()
    envelope = {"encrypted data key", "nonce", "ciphertext"}
    hsm = {"KMS key"}
    assert holders == [
        [{"plaintext"}, set(), hsm],
        [{"plaintext", "plaintext data key", "encrypted data key"}, set(), hsm],
        [{"plaintext", "plaintext data key"} | envelope, set(), hsm],
        [{"plaintext"} | envelope, set(), hsm],
        [set(), envelope, hsm],
        [{"plaintext data key", "encrypted data key"}, envelope, hsm],
        [{"plaintext"}, envelope, hsm],
    ]


def test_the_stored_envelope_is_real_and_opens_without_the_stepper(kms, stepper):
    stored = pressed(stepper, 4).stored
    assert {part: len(content) for part, content in stored.items()} == {
        "encrypted data key": len(stored["encrypted data key"]),
        "nonce": 12,
        "ciphertext": len(DOCUMENT) + 16,
    }
    data_key = kms.decrypt(CiphertextBlob=stored["encrypted data key"])["Plaintext"]
    opened = AESGCM(data_key).decrypt(stored["nonce"], stored["ciphertext"], None)
    assert opened == DOCUMENT
    assert not any(b"Ada" in content for content in stored.values())


def test_sizes_and_fingerprints_are_those_of_the_real_bytes(kms, stepper):
    pressed(stepper, 5)
    held, stored = cells(stepper), stepper.stored
    data_key = kms.decrypt(CiphertextBlob=stored["encrypted data key"])["Plaintext"]
    assert held["plaintext data key"][0] == fingerprint(data_key)
    for part, content in stored.items():
        assert held[part][1] == fingerprint(content)


def test_no_secret_byte_is_ever_shown(kms, stepper):
    shown = ""
    for _ in range(7):
        shown += stepper.view.value + stepper.table() + stepper.history() + repr(stepper)
        stepper.press()
    data_key = kms.decrypt(CiphertextBlob=stepper.stored["encrypted data key"])["Plaintext"]
    assert data_key[:4].hex() not in shown
    assert "Keep this letter" not in shown
    assert "Dear Ada," in shown


def test_the_last_step_brings_the_document_back(stepper):
    assert cells(pressed(stepper, 6))["plaintext"][0] == f"{len(DOCUMENT)} bytes, “Dear Ada, <the…”"
    assert "byte for byte" in text_of(stepper.view)


def test_a_press_after_the_last_step_changes_nothing(lab, stepper):
    pressed(stepper, 6)
    seen, table = calls_of(lab), stepper.table()
    assert pressed(stepper, 1).step == 6
    assert (calls_of(lab), stepper.table()) == (seen, table)
    assert "“Start over” begins again" in text_of(stepper.view)


def test_start_over_forgets_everything_and_makes_another_envelope(stepper):
    first = pressed(stepper, 4).stored
    stepper.start_over()
    assert (stepper.step, stepper.stored, len(stepper.history().splitlines())) == (0, {}, 2)
    second = pressed(stepper, 4).stored
    assert all(first[part] != second[part] for part in first)


def test_the_buttons_are_the_presses(stepper):
    stepper.next.click()
    assert stepper.step == 1
    stepper.again.click()
    assert stepper.step == 0
    assert (stepper.next.description, stepper.again.description) == ("Next step", "Start over")


def test_a_disabled_key_refuses_the_first_step_and_nothing_moves(lab, kms, key_id, stepper):
    kms.disable_key(KeyId=key_id)
    table = stepper.table()
    assert pressed(stepper, 1).step == 0
    assert stepper.table() == table
    assert "✗ KMS refused step 1, and nothing has moved" in text_of(stepper.view)
    assert f"DisabledException: {lab.events()[0]['resources'][0]['ARN']} is disabled." in text_of(
        stepper.view
    )
    kms.enable_key(KeyId=key_id)
    assert pressed(stepper, 1).step == 1
    assert "refused" not in text_of(stepper.view)


def test_a_key_that_is_disabled_on_the_way_keeps_the_envelope_shut(kms, key_id, stepper):
    pressed(stepper, 4)
    kms.disable_key(KeyId=key_id)
    assert pressed(stepper, 2).step == 4
    assert cells(stepper)["plaintext"] == ["–", "–", "–"]
    outcomes = [row.split(" | ")[2] for row in stepper.history().splitlines()[2:]]
    assert [outcome.partition(":")[0] for outcome in outcomes] == ["done"] * 4 + ["refused"] * 2


def test_who_has_no_right_is_told_so_in_the_words_of_aws(lab, key_id):
    writer = lab.user("writer", allow("kms:GenerateDataKey"))
    stepper = envelope_stepper(lab, lab.client("kms", writer), key_id, DOCUMENT)
    assert pressed(stepper, 5).step == 4
    assert "user/writer is not authorized to perform: kms:Decrypt" in text_of(stepper.view)
    assert stepper.history().splitlines()[-1].endswith("| Decrypt by writer: AccessDenied |")


def test_what_came_with_the_last_press_is_marked_as_new(stepper):
    pressed(stepper, 2)
    new = re.findall(r"[○●■] ([a-z ]+) \(new\)", stepper.view.value)
    assert new == ["nonce", "ciphertext"]


def test_words_of_the_document_cannot_become_markup(stepper):
    assert "&lt;the" in stepper.view.value
    assert "<the" not in stepper.view.value


def test_the_step_cannot_be_set_by_hand(stepper):
    with pytest.raises(TraitError):
        stepper.step = 3


def test_a_long_key_name_is_shortened_and_an_alias_is_not(lab, kms, key_id):
    kms.create_alias(AliasName="alias/letters", TargetKeyId=key_id)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    shown = [
        cells(envelope_stepper(lab, kms, name, DOCUMENT))["KMS key"][2].partition(",")[0]
        for name in (key_id, arn, "alias/letters", arn.replace(f"key/{key_id}", "alias/letters"))
    ]
    assert shown == [key_id[:8], key_id[:8], "alias/letters", "alias/letters"]


@pytest.mark.parametrize(
    ("document", "error", "complaint"),
    [("a text", TypeError, "a text"), (b"", ValueError, "b''"), (None, TypeError, "None")],
)
def test_a_document_is_bytes_and_not_empty(lab, kms, key_id, document, error, complaint):
    with pytest.raises(error, match=complaint):
        envelope_stepper(lab, kms, key_id, document)


@pytest.mark.parametrize(("named", "error"), [(None, TypeError), ("", ValueError)])
def test_a_widget_needs_the_name_of_a_key(lab, kms, named, error):
    with pytest.raises(error, match=repr(named)):
        envelope_stepper(lab, kms, named, DOCUMENT)
    with pytest.raises(error, match=repr(named)):
        context_explorer(lab, kms, named)


def test_two_runs_in_labs_of_the_same_seed_show_the_same():
    shown = []
    for _ in range(2):
        lab = classroom_lab("the same seed")
        kms = lab.client("kms")
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        shown.append(pressed(envelope_stepper(lab, kms, key_id, DOCUMENT), 4).view.value)
    assert shown[0] == shown[1]


# --- The encryption-context explorer ------------------------------------------------------


def test_the_same_pairs_on_both_sides_open(lab, explorer):
    assert explorer.verdict == "opens"
    assert explorer.encrypt_side == explorer.decrypt_side == PAIRS
    assert calls_of(lab) == ["CreateKey", "Encrypt", "Decrypt"]


def test_the_order_of_pairs_does_not_matter(explorer):
    explorer.decrypt_side = dict(reversed(PAIRS.items()))
    assert list(explorer.decrypt_side) == ["document", "department"]
    assert explorer.verdict == "opens"


@pytest.mark.parametrize(
    ("encrypt_with", "decrypt_with", "difference"),
    [
        ({"a": "1"}, {"a": "2"}, "“a” has another value"),
        ({"a": "1"}, {"A": "1"}, "only the Decrypt side has “A”"),
        ({"a": "1"}, {"a": "1", "b": "2"}, "only the Decrypt side has “b”"),
        ({"a": "1", "b": "2"}, {"a": "1"}, "only the Encrypt side has “b”"),
        ({"a": "1"}, {}, "only the Encrypt side has “a”"),
        ({}, {"a": "1"}, "only the Decrypt side has “a”"),
        ({"a": "bc"}, {"ab": "c"}, "only the Encrypt side has “a”"),
    ],
)
def test_any_difference_is_refused_without_a_reason(
    explorer, encrypt_with, decrypt_with, difference
):
    explorer.encrypt_side, explorer.decrypt_side = encrypt_with, decrypt_with
    assert explorer.verdict == "refused: InvalidCiphertextException"
    assert "AWS gives no reason." in text_of(explorer.view)
    assert f"– {difference}" in text_of(explorer.view)


def test_no_pairs_at_all_on_both_sides_open(lab, explorer):
    explorer.encrypt_side = {}
    explorer.decrypt_side = {}
    assert explorer.verdict == "opens"
    assert "encryptionContext" not in lab.events()[-1]["requestParameters"]
    assert "| no pairs | – | – | same |" in explorer.table()


def test_setting_a_side_calls_each_operation_once(lab, explorer):
    seen = len(lab.events())
    explorer.encrypt_side = {"a": "1", "b": "2", "c": "3"}
    assert calls_of(lab)[seen:] == ["Encrypt", "Decrypt"]


def test_an_edit_by_hand_is_tried_at_once(explorer):
    decrypt_frame = explorer.children[1].children[1]
    name, value = decrypt_frame.children[1].children
    assert (name.description, value.description) == ("name 1", "value 1")
    assert value.tooltip == "Decrypt side, value of pair 1"
    value.value = "Payroll"
    assert explorer.verdict == "refused: InvalidCiphertextException"
    value.value = "payroll"
    assert explorer.verdict == "opens"


def test_the_event_shown_is_the_one_that_was_recorded(lab, explorer):
    explorer.decrypt_side = {"department": "sales"}
    event = lab.events()[-1]
    assert event["errorCode"] == "InvalidCiphertextException"
    assert event["requestParameters"]["encryptionContext"] == {"department": "sales"}
    expected = (
        "Recorded by CloudTrail: Decrypt by administrator: InvalidCiphertextException, "
        'encryption context {"department": "sales"}.'
    )
    assert explorer.table().endswith(expected)


def test_the_table_compares_both_sides_pair_by_pair(explorer):
    explorer.decrypt_side = {"department": "sales", "year": "2026"}
    assert explorer.table().splitlines()[2:5] == [
        "| `department` | `payroll` | `sales` | differs |",
        "| `document` | `contract-7` | – | differs |",
        "| `year` | – | `2026` | differs |",
    ]


def test_a_disabled_key_refuses_already_to_encrypt(kms, key_id, explorer):
    kms.disable_key(KeyId=key_id)
    explorer.encrypt_side = {"a": "1"}
    assert explorer.verdict == "refused: DisabledException"
    assert "is disabled." in text_of(explorer.view)
    assert "Encrypt by administrator: DisabledException" in explorer.table()


def test_who_may_only_encrypt_is_refused_at_decrypt(lab, key_id):
    writer = lab.user("writer", allow("kms:Encrypt"))
    explorer = context_explorer(lab, lab.client("kms", writer), key_id)
    assert explorer.verdict == "refused: AccessDeniedException"
    assert "Decrypt by writer: AccessDenied" in explorer.table()


@pytest.mark.parametrize(
    ("row", "name", "value", "complaint"),
    [
        (2, "department", "twice", "The name “department” stands twice on the Encrypt side."),
        (3, "", "payroll", "“payroll” has no name on the Encrypt side."),
    ],
)
def test_boxes_that_make_no_dictionary_are_not_sent(lab, explorer, row, name, value, complaint):
    seen = len(lab.events())
    boxes = explorer.children[1].children[0].children[row].children
    boxes[0].value, boxes[1].value = name, value
    assert explorer.verdict == "not sent"
    assert complaint in text_of(explorer.view)
    assert explorer.table() == "**not sent** · Recorded by CloudTrail: no event."
    assert set(calls_of(lab)[seen:]) <= {"Encrypt", "Decrypt"}
    with pytest.raises(ValueError, match=complaint):
        _ = explorer.encrypt_side


def test_a_name_and_a_value_that_look_like_markup_are_shown_as_they_are(explorer):
    explorer.decrypt_side = {"<b>": "x|y"}
    assert "&lt;b&gt;" in explorer.view.value
    assert "`x\\|y`" in explorer.table()


@pytest.mark.parametrize(
    ("pairs", "error", "complaint"),
    [
        ({"a": "1", "b": "2", "c": "3", "d": "4"}, ValueError, "not for 4"),
        ({"a": 1}, TypeError, "'a': 1"),
        ({"": "1"}, ValueError, "{'': '1'}"),
        ([("a", "1")], TypeError, "dictionary"),
    ],
)
def test_a_side_takes_up_to_three_pairs_of_strings(explorer, pairs, error, complaint):
    with pytest.raises(error, match=re.escape(complaint)):
        explorer.encrypt_side = pairs
    assert explorer.encrypt_side == PAIRS
    assert explorer.verdict == "opens"


def test_the_verdict_cannot_be_set_by_hand(explorer):
    with pytest.raises(TraitError):
        explorer.verdict = "opens"


# --- Both ---------------------------------------------------------------------------------


def test_a_widget_prints_as_a_short_line(stepper, explorer):
    assert repr(pressed(stepper, 1)) == "EnvelopeStepper at step 1 of 6: GenerateDataKey"
    assert repr(explorer) == "ContextExplorer: opens"


def test_no_colour_stands_without_words(stepper, explorer):
    pressed(stepper, 4)
    for view in (stepper.view, explorer.view):
        coloured = re.findall(r'style="border-left-color: #\w+"><b>([^<]+)</b>', view.value)
        assert coloured
        assert len(re.findall(r"#[0-9A-F]{6}", view.value)) == len(coloured)
