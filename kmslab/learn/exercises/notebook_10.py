"""The exercises of notebook 10: a key for one trail, and who has read the log."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kmslab.lab import DEFAULT_ACCOUNT, Lab
from kmslab.learn.as_service import service_call
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require
from kmslab.store.iam_records import User

Policy = dict[str, Any]

BUCKET, OTHER_ACCOUNT = "audit-logs", "444455556666"
CLOUDTRAIL = "cloudtrail.amazonaws.com"
NAMED = "aws:cloudtrail:arn"


def policy_of(*statements: Any) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allowing(*actions: str) -> Policy:
    return policy_of({"Effect": "Allow", "Action": actions, "Resource": "*"})


def trail_arn_of(trail_name: str, account: str = DEFAULT_ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:us-east-1:{account}:trail/{trail_name}"


MANAGERS = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/administrator"},
    "Action": "kms:*",
    "Resource": "*",
}
# The bucket lets every trail in, so that the key alone decides.
OPEN_TO_TRAILS = policy_of(
    {
        "Effect": "Allow",
        "Principal": {"Service": CLOUDTRAIL},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
)


@exercise(
    "10-1",
    right="the trail has its key, the auditor reads its files, and nobody else gets anything",
    hints=(
        "Three statements: CloudTrail encrypts, CloudTrail looks at the key, the auditor decrypts. "
        "What does each of the three have to do?",
        "Which condition says for which trail CloudTrail works? Both of its statements need it.",
        "A condition on the encryption context kills an Allow for DescribeKey, which sends none.",
        "The auditor's statement: kms:Decrypt, with the condition Null "
        '{"kms:EncryptionContext:aws:cloudtrail:arn": "false"}.',
    ),
)
def keeps_a_key_to_one_trail(statements: Callable[[str, str], Any]) -> None:
    lab = classroom_lab(seed="10-1")
    _open_bucket(lab)
    auditor = lab.user("auditor", allowing("s3:GetObject"))
    trail_arn = trail_arn_of("audit")
    key_arn = _key_with(lab, statements(trail_arn, auditor.arn))
    refusal = _create_trail(lab, "audit", key_arn)
    require(not refusal, f"CloudTrail does not take the key for its trail: {refusal}")
    _require_delivery(lab, auditor)
    _require_no_other_trail(lab, key_arn)
    _require_nothing_more_of_cloudtrail(lab, trail_arn, key_arn)
    _require_nothing_more_of_readers(lab, auditor, key_arn, trail_arn)


def _open_bucket(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(OPEN_TO_TRAILS))


def _key_with(lab: Lab, statements: Any) -> str:
    """The ARN of a key that the administrator manages, and that is for use as `statements` say."""
    require(
        isinstance(statements, list) and statements,
        f"a list of statements is wanted, not {statements!r:.60}",
    )
    kms = lab.client("kms")
    key_arn = str(kms.create_key(Policy=json.dumps(policy_of(MANAGERS)))["KeyMetadata"]["Arn"])
    try:
        text = json.dumps(policy_of(MANAGERS, *statements))
        kms.put_key_policy(KeyId=key_arn, Policy=text)
    except ClientError as refusal:
        raise NotYet(f"KMS does not take the policy: {_said(refusal)}") from None
    return key_arn


def _create_trail(lab: Lab, trail_name: str, key_arn: str, account: str = DEFAULT_ACCOUNT) -> str:
    """What CloudTrail says against a trail under the key, "" where it makes it."""
    cloudtrail = lab.client("cloudtrail", lab.administrator(account))
    try:
        cloudtrail.create_trail(Name=trail_name, S3BucketName=BUCKET, KmsKeyId=key_arn)
    except ClientError as refusal:
        return _said(refusal)
    return ""


def _said(refusal: ClientError) -> str:
    said = refusal.response["Error"]
    return f"{said['Code']}, {said.get('Message', '')}"


def _require_delivery(lab: Lab, auditor: User) -> None:
    cloudtrail = lab.client("cloudtrail")
    cloudtrail.start_logging(Name="audit")
    lab.client("kms").create_key()
    lab.clock.advance(minutes=5)
    error = cloudtrail.get_trail_status(Name="audit").get("LatestDeliveryError")
    require(not error, f"the trail is there, and its first file does not arrive: {error}")
    first = lab.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"][0]["Key"]
    refusal = _refusal_of_reading(lab, auditor, first)
    require(not refusal, f"the auditor cannot read a log file: {refusal}")
    clerk = lab.user("clerk", allowing("s3:GetObject", "kms:Decrypt"))
    require(
        _refusal_of_reading(lab, clerk, first),
        "a clerk, whom nobody named, reads the log files as well",
    )


def _refusal_of_reading(lab: Lab, who: User, name: str) -> str:
    try:
        lab.client("s3", who).get_object(Bucket=BUCKET, Key=name)["Body"].read()
    except ClientError as refusal:
        return _said(refusal)
    return ""


def _require_no_other_trail(lab: Lab, key_arn: str) -> None:
    for words, trail_name, account in (
        ("another trail of this account", "audit-2", DEFAULT_ACCOUNT),
        ("a trail of another account", "audit", OTHER_ACCOUNT),
    ):
        refusal = _create_trail(lab, trail_name, key_arn, account)
        require(refusal, f"CloudTrail also takes the key for {words}")


def _require_nothing_more_of_cloudtrail(lab: Lab, trail_arn: str, key_arn: str) -> None:
    ours, theirs = trail_arn, trail_arn_of("audit", OTHER_ACCOUNT)
    asked: list[tuple[str, str, Policy, str]] = [
        ("DescribeKey", theirs, {}, "look at the key for a trail of another account"),
        ("DescribeKey", trail_arn_of("audit-2"), {}, "look at the key for another trail"),
        ("DisableKey", ours, {}, "disable the key"),
        ("ScheduleKeyDeletion", ours, {"PendingWindowInDays": 7}, "delete the key"),
        ("GenerateDataKey", ours, _data_key({}), "make data keys without an encryption context"),
        (
            "GenerateDataKey",
            ours,
            _data_key({NAMED: theirs}),
            "make data keys whose context names a trail of another account",
        ),
    ]
    for operation, source_arn, parameters, words in asked:
        decision = service_call(lab, CLOUDTRAIL, operation, source_arn, KeyId=key_arn, **parameters)
        require(not decision.allowed, f"CloudTrail may also {words}")


def _data_key(pairs: dict[str, str]) -> Policy:
    return {"KeySpec": "AES_256", "EncryptionContext": pairs}


def _require_nothing_more_of_readers(lab: Lab, auditor: User, key_arn: str, trail_arn: str) -> None:
    named = {NAMED: trail_arn, "aws:s3:arn": f"arn:aws:s3:::{BUCKET}/file"}
    clerk, stranger = lab.user("clerk"), lab.user("stranger", account=OTHER_ACCOUNT)
    lab.user("stranger", allowing("kms:*"), account=OTHER_ACCOUNT)
    for who, words in ((clerk, "a clerk"), (stranger, "somebody of another account")):
        asked = lab.would(who, "Decrypt", key_arn, named)
        require(not asked.allowed, f"{words}, whom nobody named, may decrypt as well")
    for pairs in ({}, {"department": "payroll"}):
        about = f"with the context {pairs}" if pairs else "without a context"
        asked = lab.would(auditor, "Decrypt", key_arn, pairs)
        require(not asked.allowed, f"the auditor may also decrypt what is no log file, {about}")
    for operation in ("Encrypt", "GenerateDataKey", "ReEncryptFrom", "DescribeKey", "DisableKey"):
        asked = lab.would(auditor, operation, key_arn, named)
        require(not asked.allowed, f"the auditor may also call {operation}")


# --- 10-2 ---------------------------------------------------------------------------------


@exercise(
    "10-2",
    right="3 files by alice, 1 by bob: the same as S3's own events tell",
    hints=(
        "Which operation of KMS does S3 call for a reader? Its events name the reader.",
        "Whoever was refused has read nothing: their events have an errorCode.",
        "Not everything under the key is a file of a trail. What does its context have to name?",
        "Count event['userIdentity']['arn'] of the events Decrypt without an errorCode whose "
        "requestParameters['encryptionContext'] has aws:cloudtrail:arn.",
    ),
)
def counts_readers(readers: Callable[[list[Any]], Any]) -> None:
    lab = classroom_lab(seed="10-2")
    key_arn = _trail_and_report(lab)
    alice, bob, carol, dave = (
        lab.user(name, allowing("s3:*", *rights))
        for name, rights in (
            ("alice", ["kms:*"]),
            ("bob", ["kms:*"]),
            ("carol", ["sqs:*"]),
            ("dave", ["kms:*"]),
        )
    )
    contents = lab.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    files = [each["Key"] for each in contents if each["Key"].startswith("AWSLogs/")]
    for who, name in [*((alice, name) for name in files[:3]), (bob, files[0]), (carol, files[0])]:
        _refusal_of_reading(lab, who, name)
    _refusal_of_reading(lab, dave, "report.txt")
    lab.client("kms", alice).encrypt(KeyId=key_arn, Plaintext=b"x", EncryptionContext={"a": "b"})
    _compare(lab, readers(lab.events()))


def _trail_and_report(lab: Lab) -> str:
    """A bucket with three log files and a report, all under one key, whose ARN comes back."""
    _open_bucket(lab)
    kms, cloudtrail, s3 = (lab.client(name) for name in ("kms", "cloudtrail", "s3"))
    key_arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    policy = json.loads(kms.get_key_policy(KeyId=key_arn)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": CLOUDTRAIL},
            "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key_arn, Policy=json.dumps(policy))
    cloudtrail.create_trail(Name="audit", S3BucketName=BUCKET, KmsKeyId=key_arn)
    cloudtrail.start_logging(Name="audit")
    for _ in range(3):
        kms.create_key()
        lab.clock.advance(minutes=5)
    under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    s3.put_object(Bucket=BUCKET, Key="report.txt", Body=b"Nothing new.", **under)
    return key_arn


def _compare(lab: Lab, told: Any) -> None:
    """S3's data events tell the same in another way."""
    counted = Counter(
        event["userIdentity"]["arn"]
        for event in lab.events(data_events=True)
        if event["eventName"] == "GetObject"
        and "errorCode" not in event
        and event["requestParameters"]["key"].startswith("AWSLogs/")
    )
    require(isinstance(told, dict), f"a dictionary of ARN and number is wanted, not {told!r:.60}")
    for arn in sorted({*counted, *told}, key=str):
        require(
            isinstance(arn, str), f"readers are named by their ARNs, and one of yours is {arn!r}"
        )
        name, said, right = arn.rpartition("/")[2], told.get(arn, 0), counted.get(arn, 0)
        require(said == right, f"{name} has read {right} log files, and you say {said!r:.20}")
