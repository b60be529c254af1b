"""A log file's way without a browser: which events are its moments, and what it says of them.

Most records are made by hand, in the form of CloudTrail's; those of the last part a lab left.
"""

import json
import re
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from traitlets import TraitError

from kmslab.learn import classroom_lab, trail_sequence
from kmslab.learn.widgets.trail_steps import moments

ACCOUNT, KEY = "111122223333", "6167dd8e-6811-4278-997e-7e38dc44216c"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY}"
TRAIL_ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/amber"
BUCKET = "amber-trail"
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/01/05"
FILE = f"{FOLDER}/{ACCOUNT}_CloudTrail_us-east-1_20260105T0905Z_AbCdEfGhIjKlMnOp.json.gz"
DIGEST = FILE.replace("CloudTrail", "CloudTrail-Digest")
FILE_ARN = f"arn:aws:s3:::{BUCKET}/{FILE}"
SERVICE = "cloudtrail.amazonaws.com"
CLOUDTRAIL = {"type": "AWSService", "invokedBy": SERVICE}
SSE = "x-amz-server-side-encryption"
DENIED = {"errorCode": "AccessDenied", "errorMessage": "CloudTrail is not authorized <here>"}


def user(who, **more):
    arn = f"arn:aws:iam::{ACCOUNT}:user/{who}"
    return {"type": "IAMUser", "arn": arn, "accountId": ACCOUNT, "userName": who, **more}


def of_cloudtrail(name="CreateTrail", trail_name="amber", told=None, **more):
    return {
        "eventSource": SERVICE,
        "eventName": name,
        "awsRegion": "us-east-1",
        "userIdentity": user("administrator"),
        "requestParameters": {"name": trail_name, "s3BucketName": BUCKET, "kmsKeyId": KEY},
        "responseElements": {"name": "amber", "kmsKeyId": KEY_ARN, **(told or {})},
        **more,
    }


def of_kms(name="GenerateDataKey", identity=CLOUDTRAIL, arn=FILE_ARN, trail=TRAIL_ARN, **more):
    return {
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "userIdentity": identity,
        "requestParameters": {
            "encryptionContext": {"aws:cloudtrail:arn": trail, "aws:s3:arn": arn}
        },
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY_ARN}],
        **more,
    }


def of_s3(name, identity, key=FILE, **more):
    return {
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "userIdentity": identity,
        "requestParameters": {"bucketName": BUCKET, "key": key, SSE: "aws:kms"},
        "additionalEventData": {"SSEApplied": "SSE_KMS"},
        **more,
    }


CHECK = of_kms(arn=f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail")
CREATED = of_cloudtrail()
PUT = of_s3("PutObject", CLOUDTRAIL)
READ = of_kms("Decrypt", user("bob", invokedBy="AWS Internal"))
GET = of_s3("GetObject", user("bob"))
WHOLE_WAY = [CHECK, CREATED, of_kms(), PUT, READ, GET]


def ways(exchange):
    return [step.way for step in exchange.steps]


def asked(records):
    return [(exchange.operation, exchange.asked_kms) for exchange in moments(records)]


# --- Which events belong together ---------------------------------------------------------


def test_the_way_of_a_file_has_three_moments_with_a_call_to_kms_in_each():
    assert asked(WHOLE_WAY) == [("CreateTrail", 1), ("PutObject", 1), ("GetObject", 1)]


def test_a_check_and_a_write_that_waited_at_the_same_time_are_told_apart():
    assert asked([of_kms(), CHECK, CREATED, PUT]) == [("CreateTrail", 1), ("PutObject", 1)]


def test_a_trail_may_be_named_by_its_arn():
    assert asked([CHECK, of_cloudtrail("UpdateTrail", TRAIL_ARN)]) == [("UpdateTrail", 1)]


@pytest.mark.parametrize(
    "stranger",
    [
        of_kms(trail=f"{TRAIL_ARN}-2"),
        of_kms(trail=TRAIL_ARN.replace(ACCOUNT, "444455556666")),
        of_kms(identity=user("bob", invokedBy="AWS Internal")),
        of_kms(identity={"type": "AWSService", "invokedBy": "dynamodb.amazonaws.com"}),
    ],
)
def test_a_call_for_another_trail_or_by_somebody_else_is_no_check(stranger):
    assert asked([stranger, CREATED]) == [("CreateTrail", 0)]


@pytest.mark.parametrize(
    "service", [{"type": "AWSService", "invokedBy": "dynamodb.amazonaws.com"}, user("bob")]
)
def test_a_call_in_the_name_of_somebody_else_did_not_store_the_file(service):
    stranger = of_kms(identity={**service, "invokedBy": service.get("invokedBy", "AWS Internal")})
    assert asked([stranger, PUT]) == [("PutObject", 0)]


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        (FILE, True),
        (DIGEST, True),
        (f"audit/{FILE}", True),
        (FILE.replace(ACCOUNT, f"o-a1b2c3d4e5/{ACCOUNT}"), True),
        ("report.csv", False),
        (f"AWSLogs/{ACCOUNT}/elasticloadbalancing/x.gz", False),
        (f"my{FILE}", False),
        (f"AWSLogs/{ACCOUNT}/CloudTrail-Insight/x.gz", False),
    ],
)
def test_only_files_of_trails_are_looked_at(key, counts):
    records = [CREATED, of_s3("GetObject", user("bob"), key)]
    assert asked(records) == [("CreateTrail", 0), *([("GetObject", 0)] if counts else [])]


def test_what_cloudtrail_asks_without_naming_a_trail_belongs_to_the_next_one_of_its_account():
    of_account = {"recipientAccountId": ACCOUNT}
    looked = of_kms("DescribeKey", requestParameters={"keyId": KEY}, **of_account)
    acl = of_s3("GetBucketAcl", CLOUDTRAIL, **of_account)
    del acl["requestParameters"]["key"]
    elsewhere = of_cloudtrail(trail_name="other", recipientAccountId="444455556666")
    other, own = moments([acl, looked, elsewhere, CHECK, of_cloudtrail(**of_account)])
    assert ways(other) == ["caller → CloudTrail", "CloudTrail → caller"]
    assert [step.words for step in own.steps] == [
        "CreateTrail amber",
        f"GetBucketAcl {BUCKET}",
        "the bucket's ACL",
        "DescribeKey with key 6167dd8e",
        "what kind of key it is",
        "GenerateDataKey with key 6167dd8e",
        "a data key, plain and encrypted",
        "throws the data key away",
        "the trail",
    ]
    assert own.lifelines == ("caller", "CloudTrail", "S3", "KMS")


def test_a_bucket_that_lets_cloudtrail_not_in_is_told_with_both_refusals():
    acl = {**of_s3("GetBucketAcl", CLOUDTRAIL, **DENIED), "recipientAccountId": ACCOUNT}
    acl["requestParameters"] = {"bucketName": BUCKET}
    refusal = {"errorCode": "InsufficientS3BucketPolicyException", "recipientAccountId": ACCOUNT}
    (exchange,) = moments([acl, of_cloudtrail(responseElements=None, **refusal)])
    answers = [(step.origin, step.error_code) for step in exchange.steps if step.is_answer]
    assert answers == [("S3", "AccessDenied"), ("CloudTrail", refusal["errorCode"])]


def test_other_calls_to_cloudtrail_are_no_moments():
    assert asked([of_cloudtrail("StartLogging"), CREATED, of_cloudtrail("GetTrail")]) == [
        ("CreateTrail", 0)
    ]


@pytest.mark.parametrize("records", [[], [CHECK], [of_cloudtrail("DescribeTrails")]])
def test_without_a_moment_there_is_nothing_to_draw(records):
    with pytest.raises(ValueError, match=rf"in {len(records)} events; lab.events\(data_events=Tr"):
        trail_sequence(records)


# --- What the steps say -------------------------------------------------------------------


def test_the_steps_of_a_check_end_with_a_key_that_is_thrown_away():
    (exchange,) = moments([CHECK, CREATED])
    assert ways(exchange) == [
        "caller → CloudTrail",
        "CloudTrail → KMS",
        "KMS → CloudTrail",
        "CloudTrail",
        "CloudTrail → caller",
    ]
    assert exchange.steps[0].words == "CreateTrail amber"
    assert exchange.steps[0].details == (f"bucket: {BUCKET}", f"key: {KEY}")
    assert exchange.steps[1].details[:2] == (f"in the name of {SERVICE}", f"invokedBy: {SERVICE}")
    assert exchange.steps[3].words == "throws the data key away"
    assert exchange.steps[4].details == (f"key: {KEY_ARN}",)
    assert (exchange.who, exchange.resource_arn) == ("user/administrator", TRAIL_ARN)
    assert exchange.lifelines == ("caller", "CloudTrail", "KMS")


def test_a_check_that_is_refused_is_told_with_both_refusals():
    refusal = {"errorCode": "InsufficientEncryptionPolicyException", "errorMessage": "…"}
    (exchange,) = moments([{**CHECK, **DENIED}, {**CREATED, **refusal, "responseElements": None}])
    answers = [(step.origin, step.error_code) for step in exchange.steps if step.is_answer]
    assert answers == [("KMS", "AccessDenied"), ("CloudTrail", refusal["errorCode"])]
    assert "throws the data key away" not in [step.words for step in exchange.steps]


def test_a_trail_without_a_key_asks_kms_nothing():
    without = of_cloudtrail(requestParameters={"name": "amber", "s3BucketName": BUCKET})
    (exchange,) = moments([without])
    assert ways(exchange) == ["caller → CloudTrail", "CloudTrail → caller"]
    assert exchange.steps[0].details == (f"bucket: {BUCKET}",)


def test_a_request_that_could_not_be_read_is_told_without_a_name():
    (exchange,) = moments([of_cloudtrail(requestParameters=None, responseElements=None, **DENIED)])
    assert exchange.steps[0].words == "CreateTrail"


def test_a_file_is_stored_by_cloudtrail_and_the_key_asked_for_by_s3():
    (exchange,) = moments([of_kms(), PUT])
    assert ways(exchange) == ["CloudTrail → S3", "S3 → KMS", "KMS → S3", "S3 → CloudTrail"]
    assert exchange.steps[0].words == "PutObject of a log file"
    assert exchange.steps[0].details == (FILE, f"{SSE}: aws:kms")
    assert exchange.steps[1].details[2:] == (
        f"encryptionContext: aws:cloudtrail:arn = {TRAIL_ARN}",
        f"encryptionContext: aws:s3:arn = {FILE_ARN}",
    )
    assert (exchange.who, exchange.lifelines) == (SERVICE, ("CloudTrail", "S3", "KMS"))


def test_a_digest_file_is_called_so():
    (exchange,) = moments([of_s3("PutObject", CLOUDTRAIL, DIGEST)])
    assert exchange.steps[0].words == "PutObject of a digest file"


def test_a_file_is_read_in_the_name_of_its_reader():
    (exchange,) = moments([READ, GET])
    assert ways(exchange) == ["caller → S3", "S3 → KMS", "KMS → S3", "S3 → caller"]
    assert exchange.steps[1].details[0] == "in the name of user/bob"


# --- The view -----------------------------------------------------------------------------


@pytest.fixture
def sequence():
    return trail_sequence(WHOLE_WAY)


def diagram(sequence):
    found = re.search(r"<svg .*</svg>", sequence.picture.value, flags=re.S)
    return ElementTree.fromstring(found[0])


def parts(root, name):
    return root.findall(f"{{http://www.w3.org/2000/svg}}{name}")


def test_the_slider_moves_from_moment_to_moment(sequence):
    assert sequence.slider.description == "moment"
    sequence.slider.value = 3
    assert sequence.number == 3
    assert repr(sequence) == "TrailSequence, moment 3 of 3: GetObject by user/bob: ok"
    assert "Moment 3 of 3: GetObject by user/bob: ok" in sequence.picture.value
    assert f"on {FILE_ARN}" in sequence.view.value


@pytest.mark.parametrize("number", [0, 4])
def test_there_is_no_moment_outside(sequence, number):
    with pytest.raises(TraitError):
        sequence.number = number


@pytest.mark.parametrize(
    ("number", "lifelines", "arrows"),
    [
        (1, ["caller", "CloudTrail", "KMS"], 4),
        (2, ["CloudTrail", "S3", "KMS"], 4),
        (3, ["caller", "S3", "KMS"], 4),
    ],
)
def test_the_diagram_has_the_lifelines_of_its_moment(sequence, number, lifelines, arrows):
    sequence.number = number
    root = diagram(sequence)
    assert [text.text for text in parts(root, "text")][:3] == lifelines
    assert len(parts(root, "polygon")) == arrows


def test_lifelines_stand_apart_and_within_the_picture(sequence):
    width = int(diagram(sequence).get("viewBox").split()[2])
    for number in (1, 2, 3):
        sequence.number = number
        boxes = [
            (int(box.get("x")), int(box.get("x")) + int(box.get("width")))
            for box in parts(diagram(sequence), "rect")
        ]
        edges = [0, *(edge for box in boxes for edge in box), width]
        assert edges == sorted(edges)


def test_the_diagram_asks_for_nothing_from_elsewhere(sequence):
    for number in (1, 2, 3):
        sequence.number = number
        told = sequence.picture.value + sequence.view.value
        links = re.findall(r"\b(?:href|src|url)\b|https?://(?!www\.w3\.org/2000/svg)", told)
        assert links == []


def test_the_table_has_a_row_for_each_step_of_chosen_moments(sequence):
    rows = [line.strip("| ").split(" | ") for line in sequence.table(1).splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        ["1.1", "caller → CloudTrail", "CreateTrail amber"],
        ["1.2", "CloudTrail → KMS", "GenerateDataKey with key 6167dd8e"],
        ["1.3", "KMS → CloudTrail", "✓ a data key, plain and encrypted"],
        ["1.4", "CloudTrail", "throws the data key away"],
        ["1.5", "CloudTrail → caller", "✓ the trail"],
    ]


# --- What a lab left ----------------------------------------------------------------------


@pytest.fixture
def lab():
    with classroom_lab("a log file's way") as lab:
        lab.client("s3").create_bucket(Bucket=BUCKET)
        policy = allowing_cloudtrail(["s3:GetBucketAcl", "s3:PutObject"], BUCKET_ARNS)
        lab.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
        yield lab


@pytest.fixture
def key_arn(lab):
    """A key whose policy lets CloudTrail in."""
    kms = lab.client("kms")
    key_arn = kms.create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=key_arn)["Policy"])
    policy["Statement"].append(allowing_cloudtrail("kms:*", "*")["Statement"])
    kms.put_key_policy(KeyId=key_arn, Policy=json.dumps(policy))
    return key_arn


BUCKET_ARNS = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]


def allowing_cloudtrail(actions, resources):
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}}
    statement |= {"Action": actions, "Resource": resources}
    return {"Version": "2012-10-17", "Statement": statement}


def deliver(lab, **more):
    """A trail, and its first file; the file's name comes back."""
    cloudtrail = lab.client("cloudtrail")
    cloudtrail.create_trail(Name="amber", S3BucketName=BUCKET, **more)
    cloudtrail.start_logging(Name="amber")
    lab.clock.advance(minutes=5)
    return lab.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"][0]["Key"]


def recorded(lab):
    return moments(lab.events(data_events=True), at_rest=lab.s3.at_rest, why=lab.decisions)


def test_the_way_of_a_real_file_is_told_from_the_check_to_its_reader(lab, key_arn):
    name = deliver(lab, KmsKeyId=key_arn)
    lab.client("s3").get_object(Bucket=BUCKET, Key=name)["Body"].read()
    created, put, got = recorded(lab)
    assert [step.words for step in created.steps if step.target in ("S3", "KMS")] == [
        f"GetBucketAcl {BUCKET}",
        f"DescribeKey with key {key_arn.partition('/')[2][:8]}",
        f"GenerateDataKey with key {key_arn.partition('/')[2][:8]}",
    ]
    assert (put.who, put.asked_kms, put.lifelines) == (
        SERVICE,
        1,
        ("CloudTrail", "S3", "KMS", "disk"),
    )
    assert (got.who, got.asked_kms) == ("user/administrator", 1)
    assert ways(got)[1] == "disk → S3"


def test_a_file_without_a_key_of_kms_asks_kms_nothing(lab):
    deliver(lab)
    created, put = recorded(lab)
    assert (created.asked_kms, put.asked_kms) == (0, 0)
    assert "KMS is not asked" in [step.words for step in put.steps]


def test_a_delivery_that_fails_is_told_with_both_refusals(lab, key_arn):
    deliver(lab, KmsKeyId=key_arn)
    kms = lab.client("kms")
    kms.disable_key(KeyId=key_arn)
    lab.clock.advance(minutes=5)
    failed = recorded(lab)[-1]
    answers = [(step.origin, step.error_code) for step in failed.steps if step.is_answer]
    assert answers == [("KMS", "DisabledException"), ("S3", "KMS.DisabledException")]
    assert failed.outcome == "KMS.DisabledException"


def test_a_check_that_is_refused_says_why(lab):
    strange = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match="InsufficientEncryptionPolicyException"):
        lab.client("cloudtrail").create_trail(Name="amber", S3BucketName=BUCKET, KmsKeyId=strange)
    (refused,) = recorded(lab)
    answer = next(step for step in refused.steps if step.origin == "KMS")
    assert answer.error_code == "AccessDenied"
    assert any(detail.startswith("why: ") for detail in answer.details)


def test_sizes_of_compressed_files_are_not_told(lab, key_arn):
    """They depend on the machine that compressed them."""
    name = deliver(lab, KmsKeyId=key_arn)
    lab.client("s3").get_object(Bucket=BUCKET, Key=name)["Body"].read()
    _, put, got = recorded(lab)
    assert "the sealed bytes" in [step.words for step in put.steps]
    assert put.steps[-1].words == "taken in"
    assert got.steps[-1].words == "handed out"
