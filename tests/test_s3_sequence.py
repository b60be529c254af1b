"""The sequence of calls without a browser: which events belong together, and what it says of them.

Most records are made by hand, in the form of CloudTrail's; those of the last part a lab left.
"""

import html
import json
import re
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from traitlets import TraitError

from kmslab.learn import classroom_lab, s3_sequence
from kmslab.learn.widgets.s3_steps import exchanges

ACCOUNT, KEY = "111122223333", "6167dd8e-6811-4278-997e-7e38dc44216c"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY}"
BUCKET, NAME = "payroll-archive", "january.csv"
OBJECT_ARN, BUCKET_ARN = f"arn:aws:s3:::{BUCKET}/{NAME}", f"arn:aws:s3:::{BUCKET}"
SSE = "x-amz-server-side-encryption"
SSE_KMS = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": KEY_ARN}
DENIED = {"errorCode": "AccessDenied", "errorMessage": "User: bob is not authorized <here>"}


def identity(who, **more):
    arn = f"arn:aws:iam::{ACCOUNT}:user/{who}"
    return {"type": "IAMUser", "arn": arn, "accountId": ACCOUNT, "userName": who, **more}


def of_s3(name, who="alice", bucket=BUCKET, key=NAME, asked=None, told=None, **more):
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "userIdentity": identity(who),
        "requestParameters": {"bucketName": bucket, "key": key, "Host": "h", **(asked or {})},
        "responseElements": None,
        **({"additionalEventData": told} if told else {}),
        "eventCategory": "Data",
        **more,
    }


def of_kms(name, who="alice", arn=OBJECT_ARN, **more):
    return {
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "userIdentity": identity(who, invokedBy="AWS Internal"),
        "sourceIPAddress": "AWS Internal",
        "requestParameters": {"encryptionContext": {"aws:s3:arn": arn}},
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY_ARN}],
        "eventCategory": "Management",
        **more,
    }


PUT = of_s3("PutObject", asked=SSE_KMS, told={"SSEApplied": "SSE_KMS", "bytesTransferredIn": 1234})
GET = of_s3("GetObject", told={"SSEApplied": "SSE_KMS", "bytesTransferredOut": 1234})
PLAIN = of_s3("PutObject", told={"SSEApplied": "Default_SSE_S3", "bytesTransferredIn": 5})
REFUSED = [of_kms("Decrypt", "bob", **DENIED), of_s3("GetObject", "bob", **DENIED)]
SEVERAL = [PLAIN, of_kms("GenerateDataKey"), PUT, of_kms("Decrypt"), GET, *REFUSED]


def ways(exchange):
    return [f"{step.origin} {step.target}" for step in exchange.steps]


def asked(records):
    """The number of calls to KMS that each request is said to have caused."""
    return [exchange.asked_kms for exchange in exchanges(records)]


# --- Which events belong together ---------------------------------------------------------


def test_a_call_to_kms_belongs_to_the_request_that_comes_after_it():
    assert asked(SEVERAL) == [0, 1, 1, 1]
    assert asked([PUT, of_kms("Decrypt"), GET]) == [0, 1]


def test_a_call_to_kms_after_the_request_belongs_to_none():
    assert asked([PUT, of_kms("GenerateDataKey")]) == [0]


def test_a_call_to_kms_counts_for_one_request_only():
    assert asked([of_kms("GenerateDataKey"), PUT, PUT]) == [1, 0]


@pytest.mark.parametrize(
    "stranger",
    [
        of_kms("GenerateDataKey", who="bob"),
        of_kms("GenerateDataKey", arn=f"{OBJECT_ARN}.bak"),
        of_kms("GenerateDataKey", arn="arn:aws:s3:::payroll"),
        of_kms("GenerateDataKey", requestParameters={"keySpec": "AES_256"}),
        of_kms("GenerateDataKey", requestParameters=None),
        of_kms("GenerateDataKey", userIdentity=identity("alice")),
        of_kms("GenerateDataKey", eventSource="sts.amazonaws.com"),
    ],
)
def test_a_call_of_somebody_else_or_about_something_else_is_left_out(stranger):
    assert asked([stranger, PUT]) == [0]


def test_the_arn_of_the_bucket_is_the_context_of_a_bucket_key():
    assert asked([of_kms("GenerateDataKey", arn=BUCKET_ARN), PUT]) == [1]


def test_a_copy_asks_kms_about_its_source_as_well():
    source = {"x-amz-copy-source": "/old-archive/2025.csv?versionId=null"}
    copy = of_s3("CopyObject", asked=source)
    opened = of_kms("Decrypt", arn="arn:aws:s3:::old-archive/2025.csv")
    (exchange,) = exchanges([opened, of_kms("GenerateDataKey"), copy])
    assert ways(exchange)[1:5] == ["S3 KMS", "KMS S3"] * 2
    assert exchange.steps[0].details[0] == f"x-amz-copy-source: {source['x-amz-copy-source']}"


def test_both_contexts_of_a_reencryption_are_told():
    both = {
        "sourceEncryptionContext": {"aws:s3:arn": OBJECT_ARN},
        "destinationEncryptionContext": {"aws:s3:arn": BUCKET_ARN},
    }
    changed = of_kms("ReEncrypt", requestParameters=both)
    (exchange,) = exchanges([changed, of_s3("UpdateObjectEncryption")])
    assert exchange.steps[1].details[2:] == (
        f"sourceEncryptionContext: aws:s3:arn = {OBJECT_ARN}",
        f"destinationEncryptionContext: aws:s3:arn = {BUCKET_ARN}",
    )


def test_a_call_across_accounts_is_shown_once():
    copies = [
        {**each, "requestID": request_id, "userIdentity": who}
        for each, request_id in ((of_kms("GenerateDataKey"), "k"), (PUT, "s"))
        for who in (each["userIdentity"], {"type": "AWSAccount", "accountId": ACCOUNT})
    ]
    assert asked(copies) == [1]


@pytest.mark.parametrize("records", [[], [of_kms("Decrypt")], [{**GET, "requestParameters": None}]])
def test_without_a_request_about_an_object_there_is_nothing_to_draw(records):
    with pytest.raises(ValueError, match=rf"in {len(records)} events; lab.events\(data_events=Tr"):
        s3_sequence(records)


# --- What the steps say -------------------------------------------------------------------


def test_the_steps_of_a_write_under_a_kms_key():
    (exchange,) = exchanges([of_kms("GenerateDataKey"), PUT])
    to_s3, to_kms, of_kms_, of_s3_ = exchange.steps
    assert (to_s3.words, to_s3.details) == (
        f"PutObject {NAME}",
        (f"{SSE}: aws:kms", f"{SSE}-aws-kms-key-id: {KEY_ARN}"),
    )
    assert (to_kms.words, to_kms.details) == (
        "GenerateDataKey with key 6167dd8e",
        (
            "in the name of user/alice",
            "invokedBy: AWS Internal",
            f"encryptionContext: aws:s3:arn = {OBJECT_ARN}",
        ),
    )
    assert of_kms_.words == "a data key, plain and encrypted"
    assert (of_s3_.words, of_s3_.details) == ("1,234 bytes taken in", ("SSEApplied: SSE_KMS",))
    assert ways(exchange) == ["caller S3", "S3 KMS", "KMS S3", "S3 caller"]
    assert (exchange.who, exchange.operation, exchange.outcome) == ("user/alice", "PutObject", "ok")


def test_a_refusal_of_kms_is_handed_on_in_its_own_words():
    (exchange,) = exchanges(REFUSED)
    answers = [step for step in exchange.steps if step.is_answer]
    assert [(step.origin, step.error_code) for step in answers] == [
        ("KMS", "AccessDenied"),
        ("S3", "AccessDenied"),
    ]
    assert answers[0].details == (DENIED["errorMessage"],)
    assert exchange.outcome == "AccessDenied"


def test_a_refusal_of_s3_leaves_kms_out():
    (exchange,) = exchanges([of_s3("GetObject", "bob", **DENIED)])
    assert ways(exchange) == ["caller S3", "S3 caller"]


@pytest.mark.parametrize(
    ("applied", "words"),
    [
        ("Default_SSE_S3", "the key is one of S3's own"),
        ("SSE_S3", "the key is one of S3's own"),
        ("SSE_C", "the caller brought the key"),
        ("SSE_KMS", "S3 still has the Bucket Key"),
        ("Default_SSE_KMS", "S3 still has the Bucket Key"),
    ],
)
def test_it_is_said_why_kms_was_not_asked(applied, words):
    (exchange,) = exchanges([of_s3("PutObject", told={"SSEApplied": applied})])
    assert ways(exchange) == ["caller S3", "S3 S3", "S3 caller"]
    assert exchange.steps[1].details == (words,)


def test_a_request_that_opens_nothing_needs_no_excuse():
    (exchange,) = exchanges([of_s3("DeleteObject")])
    assert ways(exchange) == ["caller S3", "S3 caller"]
    assert exchange.steps[-1].words == "done"


def test_a_write_that_says_nothing_about_encryption_is_told_so_and_a_read_is_not():
    write, read = exchanges([PLAIN, GET])
    assert write.steps[0].details == ("says nothing about encryption",)
    assert read.steps[0].details == ()


def test_who_has_no_name_is_somebody():
    nobody = {"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL"}
    (exchange,) = exchanges([of_s3("GetObject", **DENIED) | {"userIdentity": nobody}])
    assert exchange.who == "somebody without a name"


def test_the_session_of_a_role_is_told_with_both_names():
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/report-job/monday"
    (exchange,) = exchanges([{**GET, "userIdentity": {"type": "AssumedRole", "arn": arn}}])
    assert exchange.who == "report-job/monday"


# --- The view -----------------------------------------------------------------------------


@pytest.fixture
def sequence():
    return s3_sequence(SEVERAL)


def words_of(shown):
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", shown.value, flags=re.S)
    return re.sub(r"\s+", " ", text)


def diagram(sequence):
    found = re.search(r"<svg .*</svg>", sequence.picture.value, flags=re.S)
    return ElementTree.fromstring(found[0])


def parts(root, name):
    return root.findall(f"{{http://www.w3.org/2000/svg}}{name}")


def test_the_slider_and_the_number_are_one(sequence):
    sequence.slider.value = 4
    assert sequence.number == 4
    sequence.number = 2
    assert sequence.slider.value == 2
    assert repr(sequence) == "S3Sequence, request 2 of 4: PutObject by user/alice: ok"
    assert "Request 2 of 4: PutObject by user/alice: ok" in words_of(sequence.picture)
    assert sequence.exchange.operation == "PutObject"


@pytest.mark.parametrize("number", [0, 5])
def test_there_is_no_request_outside(sequence, number):
    with pytest.raises(TraitError):
        sequence.number = number
    assert sequence.number == sequence.slider.value == 1


def test_one_request_alone_can_be_shown():
    sequence = s3_sequence([PLAIN])
    assert sequence.slider.disabled
    assert "Request 1 of 1" in words_of(sequence.picture)


def test_the_diagram_is_well_formed_and_has_an_arrow_for_each_step(sequence):
    for number, arrows in ((1, 2), (2, 4), (4, 4)):
        sequence.number = number
        root = diagram(sequence)
        assert len(parts(root, "polygon")) == arrows
        assert [text.text for text in parts(root, "text")][:3] == ["caller", "S3", "KMS"]


def test_the_diagram_says_the_same_without_being_seen(sequence):
    sequence.number = 4
    root = diagram(sequence)
    said = "KMS to S3: ✗ AccessDenied; S3 to caller: ✗ AccessDenied"
    assert (root.get("role"), parts(root, "desc")[0].text.endswith(said)) == ("img", True)
    assert root.get("aria-label").endswith(said)
    assert parts(root, "title")[0].text == "GetObject by user/bob: AccessDenied"


def test_nothing_is_told_by_colour_alone(sequence):
    sequence.number = 4
    answers = [line for line in parts(diagram(sequence), "line") if line.get("stroke-width")]
    assert [line.get("stroke-dasharray") is not None for line in answers] == [
        *(False, False),
        *(True, True),
    ]
    assert words_of(sequence.picture).count("✗ AccessDenied") >= 2
    sequence.number = 2
    assert "✗ " not in words_of(sequence.picture).partition("→ request")[0]


def test_the_diagram_asks_for_nothing_from_elsewhere(sequence):
    for number in range(1, 5):
        sequence.number = number
        told = sequence.picture.value + sequence.view.value
        links = re.findall(r"\b(?:href|src|url)\b|https?://(?!www\.w3\.org/2000/svg)", told)
        assert links == []


def test_the_same_records_give_the_same_bytes(sequence):
    again = s3_sequence(SEVERAL)
    assert again.picture.value == sequence.picture.value
    assert again.view.value == sequence.view.value


@pytest.mark.parametrize("name", ["<b>&amp;.csv", "x" * 1024, "a b " * 200, "給与.csv"])
def test_a_strange_name_breaks_neither_the_diagram_nor_the_list(name):
    sequence = s3_sequence(
        [
            of_kms("GenerateDataKey", arn=f"{BUCKET_ARN}/{name}"),
            of_s3("PutObject", key=name, asked=SSE_KMS, told={"SSEApplied": "SSE_KMS"}),
        ]
    )
    assert sequence.exchange.asked_kms == 1
    assert sequence.exchange.steps[0].words == f"PutObject {name}"
    texts = [text.text for text in parts(diagram(sequence), "text")]
    assert max(map(len, texts)) < 90
    assert html.escape(name) in sequence.view.value


def test_the_list_has_in_full_what_the_drawing_cuts(sequence):
    sequence.number = 4
    long = [of_kms("Decrypt", **{**DENIED, "errorMessage": "word " * 100}), GET]
    cut = s3_sequence(long)
    assert "…" in words_of(cut.picture)
    assert words_of(cut.view).count("word") == 100


def test_the_table_has_a_row_for_each_step_of_each_request(sequence):
    rows = [line.strip("| ").split(" | ") for line in sequence.table().splitlines()[2:]]
    assert [row[0] for row in rows] == [
        *("1.1", "1.2", "1.3"),
        *("2.1", "2.2", "2.3", "2.4"),
        *("3.1", "3.2", "3.3", "3.4"),
        *("4.1", "4.2", "4.3", "4.4"),
    ]
    assert rows[1] == ["1.2", "S3", "KMS is not asked", "the key is one of S3's own"]
    assert rows[12][1:] == ["S3 → KMS", "Decrypt with key 6167dd8e", rows[12][3]]
    assert rows[13][1:] == ["KMS → S3", "✗ AccessDenied", DENIED["errorMessage"]]


def test_the_table_of_chosen_requests_has_only_these(sequence):
    rows = sequence.table(4, 1).splitlines()[2:]
    assert [row[2] for row in rows] == ["1"] * 3 + ["4"] * 4


# --- What a lab left ----------------------------------------------------------------------


BODY = b"Dear Ada, the contract is signed."


@pytest.fixture
def lab():
    with classroom_lab("s3 sequence") as lab:
        yield lab


@pytest.fixture
def s3(lab):
    client = lab.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def under(lab):
    """The headers of a write under a KMS key."""
    key_arn = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}


def put(s3, **more):
    s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **more)


def get(s3):
    return s3.get_object(Bucket=BUCKET, Key=NAME)["Body"].read()


def last(lab, **more):
    return exchanges(lab.events(data_events=True), **more)[-1]


def test_what_a_lab_records_is_paired(lab, s3, under):
    put(s3)
    put(s3, **under)
    get(s3)
    s3.head_object(Bucket=BUCKET, Key=NAME)
    assert asked(lab.events(data_events=True)) == [0, 1, 1, 0]


def test_a_copy_and_another_key_are_paired_with_all_that_kms_was_asked(lab, s3, under):
    put(s3, **under)
    source = {"Bucket": BUCKET, "Key": NAME}
    s3.copy_object(Bucket=BUCKET, Key="copy.csv", CopySource=source, **under)
    s3.update_object_encryption(
        **source, ObjectEncryption={"SSEKMS": {"KMSKeyArn": under["SSEKMSKeyId"]}}
    )
    written, copied, changed = exchanges(lab.events(data_events=True), at_rest=lab.s3.at_rest)
    assert [each.asked_kms for each in (written, copied, changed)] == [1, 2, 1]
    assert ways(changed)[-2:] == ["S3 disk", "S3 caller"]
    assert changed.steps[-2].details == ("the 49 sealed bytes stay as they are",)


def test_a_bucket_key_is_asked_for_once(lab, s3, under):
    for _ in range(2):
        put(s3, BucketKeyEnabled=True, **under)
    first, second = exchanges(lab.events(data_events=True))
    assert first.steps[1].details[-1] == f"encryptionContext: aws:s3:arn = {BUCKET_ARN}"
    assert second.steps[1].details == ("S3 still has the Bucket Key",)


def test_the_disk_has_what_is_really_there(lab, s3, under):
    put(s3, **under)
    at_rest = lab.s3.at_rest(BUCKET, NAME)
    step = last(lab, at_rest=lab.s3.at_rest).steps[-2]
    assert (step.origin, step.target) == ("S3", "disk")
    assert step.words == f"{len(at_rest.read())} sealed bytes"
    size = len(at_rest.encrypted_data_key)
    assert step.details == (f"and beside them the encrypted data key, {size} bytes",)
    get(s3)
    read = last(lab, at_rest=lab.s3.at_rest)
    assert ways(read) == ["caller S3", "disk S3", "S3 KMS", "KMS S3", "disk S3", "S3 caller"]
    assert [text.text for text in parts(diagram(s3_sequence([PUT])), "text")].count("disk") == 0


def test_the_disk_is_left_out_of_what_was_overwritten_later(lab, s3, under):
    put(s3, **under)
    put(s3)
    older, newer = exchanges(lab.events(data_events=True), at_rest=lab.s3.at_rest)
    assert "S3 disk" not in ways(older)
    assert "S3 disk" in ways(newer)


def test_the_disk_is_left_out_of_what_is_gone(lab, s3):
    put(s3)
    s3.delete_object(Bucket=BUCKET, Key=NAME)
    for exchange in exchanges(lab.events(data_events=True), at_rest=lab.s3.at_rest):
        assert not any("disk" in way for way in ways(exchange))


def test_who_asks_is_told_why_it_was_refused(lab, s3, under):
    put(s3, **under)
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    eva = lab.user("eva", {"Version": "2012-10-17", "Statement": allowed})
    with pytest.raises(ClientError):
        get(lab.client("s3", eva))
    refused = last(lab, why=lab.decisions)
    assert refused.steps[2].details[-1] == "why: no identity-based policy allows it"
    assert not any("why" in detail for detail in refused.steps[3].details)


def test_a_disabled_key_is_not_blamed_on_a_policy(lab, s3, under):
    put(s3, **under)
    lab.client("kms").disable_key(KeyId=under["SSEKMSKeyId"])
    with pytest.raises(ClientError):
        get(s3)
    refused = last(lab, why=lab.decisions)
    assert refused.outcome == "KMS.DisabledException"
    assert not any("why" in detail for step in refused.steps for detail in step.details)


def test_across_accounts_each_call_is_shown_once(lab, s3, under):
    def policy(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    def let_in(account, action, resource):
        principal = {"Principal": {"AWS": account}} if account else {}
        return {"Effect": "Allow", "Action": action, "Resource": resource, **principal}

    other = "444455556666"
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(let_in(other, "s3:*", f"{BUCKET_ARN}/*")))
    both = policy(let_in(ACCOUNT, "kms:*", "*"), let_in(other, "kms:*", "*"))
    lab.client("kms").put_key_policy(KeyId=under["SSEKMSKeyId"], Policy=both)
    mallory = lab.user("mallory", policy(let_in("", ["s3:*", "kms:*"], "*")), account=other)
    put(s3, **under)
    assert get(lab.client("s3", mallory)) == BODY
    told = lab.events(data_events=True)
    shown = exchanges(told)
    assert [event["userIdentity"]["type"] for event in told].count("AWSAccount") == 2
    assert [(each.who, each.asked_kms) for each in shown] == [
        ("user/administrator", 1),
        ("user/mallory", 1),
    ]
