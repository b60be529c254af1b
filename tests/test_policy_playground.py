"""The policy playground without a browser: edited and read as a cell does it."""

import html
import json
import re

import pytest
from botocore.exceptions import ClientError
from traitlets import TraitError

from kmslab.access.decision import NOT_NEEDED
from kmslab.learn import classroom_lab, policy_playground
from kmslab.learn.widgets.policy_question import OPERATIONS, Unreadable, read_pairs

ACCOUNT = "arn:aws:iam::111122223333"
ONLY_PAYROLL = {"StringEquals": {"kms:EncryptionContext:department": "payroll"}}


@pytest.fixture
def lab():
    return classroom_lab("playground")


@pytest.fixture
def kms(lab):
    return lab.client("kms")


@pytest.fixture
def key_id(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def alice(lab):
    return lab.user("alice")


@pytest.fixture
def bob(lab, key_id):
    return lab.user("bob", identity_policy("kms:Decrypt"))


@pytest.fixture
def playground(lab, key_id, alice, bob):
    return policy_playground(lab, key_id, [alice, bob])


def identity_policy(action):
    allowing = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [allowing]}


def statement(action, who="user/alice", effect="Allow", **more):
    principal = {"AWS": f"{ACCOUNT}:{who}"}
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*", **more}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def shown(playground):
    return re.sub(r"<[^>]+>", " ", playground.view.value)


def excerpt(playground):
    return html.unescape(re.search(r"<pre>(.*)</pre>", playground.view.value, re.DOTALL)[1]).split(
        "\n"
    )


def rows(playground):
    return [line.strip("| ").split(" | ") for line in playground.table().splitlines()[4:]]


def test_it_begins_with_the_policy_of_the_key(kms, key_id, playground):
    assert playground.policy == kms.get_key_policy(KeyId=key_id)["Policy"]
    assert (playground.operation, playground.via) == ("Encrypt", "")
    assert playground.verdict == "denied"


def test_asking_does_nothing_and_records_nothing(lab, kms, key_id, playground):
    seen = len(lab.events())
    before = kms.get_key_policy(KeyId=key_id)["Policy"]
    playground.policy = policy(statement("kms:*"))
    playground.operation = "ScheduleKeyDeletion"
    assert playground.verdict == "allowed"
    assert len(lab.events()) == seen + 1
    assert kms.get_key_policy(KeyId=key_id)["Policy"] == before


@pytest.mark.parametrize("action", ["DescribeKey", "GetKeyPolicy"])
@pytest.mark.parametrize(
    "spoken",
    [
        lambda action: statement(action),
        lambda action: statement(action, "root"),
        lambda action: statement(action, "root", "Deny"),
        lambda action: statement(action, Condition=ONLY_PAYROLL),
    ],
    ids=["alice", "account", "deny", "condition"],
)
def test_the_answer_is_the_one_that_a_real_call_gets(lab, kms, alice, action, spoken):
    erin = lab.user("erin", identity_policy("kms:*"))
    text = policy(statement("kms:*", "user/administrator"), spoken(f"kms:{action}"))
    key_id = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    playground = policy_playground(lab, key_id, [alice, erin], text)
    playground.operation = action
    for principal in (alice, erin):
        playground.principal = principal
        call = {"DescribeKey": "describe_key", "GetKeyPolicy": "get_key_policy"}[action]
        try:
            getattr(lab.client("kms", principal), call)(KeyId=key_id)
            verdict = "allowed"
        except ClientError:
            verdict = "denied"
        assert playground.verdict == verdict


def test_a_policy_that_nobody_may_read_is_refused_in_the_words_of_aws(lab, kms, alice):
    text = policy(statement("kms:PutKeyPolicy", "user/administrator"))
    key_id = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError, match="kms:GetKeyPolicy"):
        policy_playground(lab, key_id, [alice])


def test_another_principal_gets_another_answer(playground, alice, bob):
    playground.operation = "Decrypt"
    assert playground.verdict == "denied"
    playground.principal = bob
    assert playground.verdict == "allowed"
    assert "bob asks for Decrypt." in shown(playground)


def test_the_tree_has_every_statement_with_its_part_and_its_words(playground):
    playground.policy = policy(
        statement("kms:Encrypt", effect="Deny", Sid="Never"),
        statement("kms:Encrypt", Sid="Yes"),
        statement("kms:Decrypt", Sid="Other"),
        statement("kms:Encrypt", "user/bob"),
    )
    assert rows(playground) == [
        ["● decided", "key policy · Never", "denies it"],
        ["◐ not enough", "key policy · Yes", "allows it"],
        ["○ passed over", "key policy · Other", "it is about other actions"],
        ["○ passed over", "key policy · statement 4", "it names other principals"],
    ]
    for part, where, words in rows(playground):
        assert f"{part[0]} {where.partition(' · ')[2]}: {words}" in shown(playground)


def test_lines_stand_in_the_order_of_the_policy_whatever_decides(playground, bob):
    playground.principal, playground.operation = bob, "Decrypt"
    playground.policy = policy(
        statement("kms:Decrypt", "root", Sid="Account"), statement("kms:Decrypt", Sid="Alice")
    )
    places = [where for _, where, _ in rows(playground)]
    assert places == [
        "key policy · Account",
        "key policy · Alice",
        "inline policy bob-policy · statement 1",
    ]


def test_a_second_statement_that_says_the_same_is_shown_as_not_needed(playground):
    playground.policy = policy(
        statement("kms:Encrypt", Sid="One"), statement("kms:Encrypt", Sid="Two")
    )
    assert rows(playground)[1] == [
        "○ passed over",
        "key policy · Two",
        NOT_NEEDED,
    ]


def test_the_words_are_those_of_the_decision(lab, key_id, alice, playground):
    text = policy(statement("kms:Decrypt"))
    playground.policy = text
    decision = lab.would(alice, "Encrypt", key_id, key_policy=text)
    assert decision.because in shown(playground)
    for line in str(decision).splitlines()[1:]:
        symbol, words = line.split(maxsplit=1)
        assert f"{symbol} {words.partition(', ')[2]}" in shown(playground)


# --- What cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"Allow",', '"Allow"', "Policy is not valid JSON. (line 7, column 5: Expecting ',' delim"),
        (
            '"Version" : "2012-10-17",\n',
            "Version\n",
            "not valid JSON. (line 2, column 3: Expecting",
        ),
        ("root", "nobody", "one or more invalid principals. (statement 1, Principal)"),
        ("Allow", "Perhaps", "a statement without Effect Allow or Deny. (statement 1)"),
        ('"kms:*"', '"kms:*", "Condition": {"Equals": {}}', "(statement 1, Condition, Equals)"),
        ("Enable", "\u4e00", "characters that a policy may not have. (line 5)"),
    ],
)
def test_what_is_no_policy_is_said_with_its_place_and_gets_no_verdict(playground, old, new, words):
    whole = playground.policy
    playground.policy = whole.replace(old, new)
    assert playground.verdict == "not decided"
    assert words in html.unescape(shown(playground))
    assert "kmslab-tree" not in playground.view.value
    assert playground.table().startswith("**not decided**: ")
    playground.policy = whole
    assert playground.verdict == "denied"


@pytest.mark.parametrize("text", ["", " ", "[]", "{}", "null", "[" * 100_000])
def test_whatever_is_typed_there_is_an_answer(playground, text):
    playground.policy = text
    assert playground.verdict == "not decided"


def test_the_mark_stands_under_the_column_that_json_complains_about(playground):
    playground.policy = '{\n  "Version": "2012-10-17"\n  "Statement": []\n}'
    above, line, mark = excerpt(playground)
    assert (above, line, mark) == ('  "Version": "2012-10-17"', '  "Statement": []', "  ▲")


def test_a_long_line_is_shown_around_its_place(playground):
    playground.policy = f'{{"Version": "{"x" * 300}" "Statement": []}}'
    line, mark = excerpt(playground)
    assert len(line) <= 60
    assert line[mark.index("▲") :].startswith('"Statement"')


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("  ", {}),
        ("department=payroll", {"department": "payroll"}),
        (" a = 1 , b=2 ", {"a": "1", "b": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=", {"a": ""}),
        ('{"a": "1, 2", "b": ""}', {"a": "1, 2", "b": ""}),
        ("{}", {}),
    ],
)
def test_pairs_are_read_as_json_or_as_names_and_values(text, pairs):
    assert read_pairs(text) == pairs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("payroll", "“payroll” is not name=value"),
        ("=payroll", "“=payroll” is not name=value"),
        ("a=1, a=2", "“a” stands there twice"),
        ('{"a": 1}', "every value has to be text"),
        ('{"a": "1"', "not valid JSON"),
    ],
)
def test_what_makes_no_pairs_is_said_in_words(playground, text, words):
    with pytest.raises(Unreadable, match=words):
        read_pairs(text)
    playground.encryption_context = text
    assert playground.verdict == "not decided"
    assert words in shown(playground)


# --- What is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", ["Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"]
)
def test_the_encryption_context_steers_the_operations_that_send_one(playground, operation):
    playground.policy = policy(statement("kms:*", Condition=ONLY_PAYROLL))
    playground.operation = operation
    assert playground.verdict == "denied"
    playground.encryption_context = "department=payroll"
    assert playground.verdict == "allowed"
    assert f"alice asks for {operation} with department=payroll." in shown(playground)


def test_describe_key_sends_no_context_however_it_is_typed(playground):
    playground.policy = policy(statement("kms:*", Condition=ONLY_PAYROLL))
    playground.encryption_context = "department=payroll"
    playground.operation = "DescribeKey"
    assert playground.verdict == "denied"
    assert "DescribeKey sends no encryption context." in shown(playground)
    assert "alice asks for DescribeKey." in shown(playground)


def test_through_s3_a_condition_on_the_service_holds(lab, kms, alice):
    aws_s3 = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    playground = policy_playground(lab, aws_s3["Arn"], [alice])
    assert (playground.verdict, playground.via) == ("denied", "")
    playground.via = "s3.amazonaws.com"
    assert playground.verdict == "allowed"
    assert "alice asks for Encrypt through S3." in shown(playground)


def test_a_session_and_a_root_user_can_ask(lab, key_id):
    session = lab.role("clerk", identity_policy("kms:Encrypt")).session("monday")
    playground = policy_playground(lab, key_id, [session, lab.root()])
    assert playground.verdict == "allowed"
    assert "clerk/monday asks for Encrypt." in shown(playground)
    playground.principal = lab.root()
    assert "root user of 111122223333 asks for Encrypt." in shown(playground)


def test_every_operation_of_the_list_is_an_action_of_kms(lab, key_id, alice, playground):
    from kmslab.wire.model import service_schema

    known = {*service_schema("kms").operation_names, "ReEncryptFrom", "ReEncryptTo"}
    assert set(OPERATIONS) <= known
    playground.policy = policy(statement("kms:*"))
    for operation in OPERATIONS:
        playground.operation = operation
        assert playground.verdict == "allowed"


# --- As a widget --------------------------------------------------------------------------


def test_an_edit_by_hand_is_answered_at_once(playground):
    editor, answer = playground.children[1].children
    controls = answer.children[0].children
    assert [each.description for each in (editor, *controls)] == [
        *("Key policy", "principal", "operation", "encryption context", "through S3")
    ]
    editor.value = policy(statement("kms:Encrypt"))
    assert playground.verdict == "allowed"
    controls[1].value = "Decrypt"
    assert playground.verdict == "denied"


def test_words_of_a_policy_cannot_become_markup(playground):
    playground.policy = policy(statement("kms:Encrypt", Sid="<b>bold</b>"))
    assert "&lt;b&gt;bold" in playground.view.value
    assert "<b>bold" not in playground.view.value


def test_no_colour_stands_without_words(playground):
    for text in (policy(statement("kms:Encrypt")), policy(statement("kms:Decrypt")), "{"):
        playground.policy = text
        coloured = re.findall(
            r'style="border-left-color: #\w+"><b>([✓✗?] \w+)', playground.view.value
        )
        assert len(coloured) == 1
        assert len(re.findall(r"#[0-9A-F]{6}", playground.view.value)) == 1


def test_only_the_verdict_is_read_out_again_and_not_the_whole_tree(playground):
    status = re.search(r'<div role="status">(.*?)</div></div>', playground.view.value)[1]
    assert "denied" in status
    assert "kmslab-tree" not in status


def test_it_prints_as_a_short_line_and_its_verdict_cannot_be_set(playground):
    assert repr(playground) == "PolicyPlayground: denied"
    with pytest.raises(TraitError):
        playground.verdict = "allowed"


def test_what_it_cannot_ask_is_refused(lab, key_id, playground):
    with pytest.raises(TraitError):
        playground.operation = "Sign"
    with pytest.raises(TraitError):
        playground.principal = lab.user("carol")
    with pytest.raises(ValueError, match=r"'ec2\.amazonaws\.com'"):
        playground.via = "ec2.amazonaws.com"
    with pytest.raises(ValueError, match=r"nobody to ask in \[\]"):
        policy_playground(lab, key_id, [])
    with pytest.raises(TypeError, match="None"):
        policy_playground(lab, None, [lab.user("carol")])
