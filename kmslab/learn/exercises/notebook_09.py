"""The exercises of notebook 09: a key for one bucket, calls foretold, a policy that insists."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kmslab.lab import Lab
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require
from kmslab.store.iam_records import RoleSession

Policy = dict[str, Any]
# Who asks for what.
Requests = list[tuple[str, str]]

BUCKET, OTHER_BUCKETS = "amber-archive", ("amber-archive-2", "amber-arch")
OBJECT, BODY = "report.txt", b"The figures of the year."
VIA_S3 = "s3.amazonaws.com"


def policy_of(*statements: Any) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allowing(*actions: str) -> Policy:
    return policy_of({"Effect": "Allow", "Action": actions, "Resource": "*"})


MANAGERS = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:user/administrator"},
    "Action": "kms:*",
    "Resource": "*",
}


@exercise(
    "09-1",
    right="with the key the role reads and writes this bucket, and can do nothing else",
    hints=(
        "Which operation of KMS does S3 call to write, and which to read?",
        "What came through S3 has kms:ViaService s3.us-east-1.amazonaws.com.",
        "Without a Bucket Key the pair aws:s3:arn names the object, with one the bucket: two "
        "patterns, and neither may fit another bucket.",
        "Two conditions in one statement: StringEquals with kms:ViaService, StringLike with "
        "kms:EncryptionContext:aws:s3:arn and a list of two ARNs, the second ending in /*.",
    ),
)
def keeps_a_key_to_one_bucket(statements: Callable[[str, str], Any]) -> None:
    lab = classroom_lab(seed="09-1")
    for name in (BUCKET, *OTHER_BUCKETS):
        lab.client("s3").create_bucket(Bucket=name)
    role, other_role = (lab.role(name, allowing("s3:*")) for name in ("job", "other-job"))
    key_arn = _key_with(lab, statements(role.arn, BUCKET))
    job, other = (lab.client("s3", each.session("night")) for each in (role, other_role))
    for words, under in _both_ways(key_arn):
        _require_use(job, words, under)
    for words, under in _both_ways(key_arn):
        require(_refusal(_put, other, BUCKET, **under), f"another role writes as well, {words}")
        for name in OTHER_BUCKETS:
            elsewhere = f"the role also writes with the key to the bucket {name}, {words}"
            require(_refusal(_put, job, name, **under), elsewhere)
    _require_nothing_more(lab, role.session("day"), key_arn)


def _both_ways(key_arn: str) -> list[tuple[str, Policy]]:
    under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    return [
        ("without a Bucket Key", under),
        ("with a Bucket Key", {**under, "BucketKeyEnabled": True}),
    ]


def _key_with(lab: Lab, statements: Any) -> str:
    """The ARN of a key that administrators manage, and that is for use as `statements` say."""
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
        said = refusal.response["Error"]
        raise NotYet(f"KMS does not take the policy: {said['Code']}, {said['Message']}") from None
    return key_arn


def _require_use(job: Any, words: str, under: Policy) -> None:
    for doing, act in (("write to", _put), ("read", _get)):
        refusal = _refusal(act, job, BUCKET, **(under if act is _put else {}))
        require(not refusal, f"the role cannot {doing} the bucket {words}: {refusal}")


def _require_nothing_more(lab: Lab, session: RoleSession, key_arn: str) -> None:
    contexts: list[dict[str, str]] = [
        {},
        *({"aws:s3:arn": f"arn:aws:s3:::{end}"} for end in (BUCKET, f"{BUCKET}/{OBJECT}")),
    ]
    for via in ("", "sqs.amazonaws.com", VIA_S3):
        for operation in ("Decrypt", "GenerateDataKey", "Encrypt", "DescribeKey", "DisableKey"):
            for pairs in contexts:
                needed = via == VIA_S3 and pairs and operation in ("Decrypt", "GenerateDataKey")
                asked = lab.would(session, operation, key_arn, pairs, via)
                how = f"through {via}" if via else "directly"
                with_pairs = f" with {pairs}" if pairs else ""
                more = f"the role may also call {operation} {how}{with_pairs}"
                require(needed or not asked.allowed, more)


# --- 09-2 ---------------------------------------------------------------------------------

TEN_WRITES: Requests = [("alice", "PutObject")] * 10
CASES: tuple[Requests, ...] = (
    [("alice", "PutObject")],
    TEN_WRITES,
    [*TEN_WRITES, *[("alice", "GetObject")] * 10],
    [*TEN_WRITES, *[("bob", "GetObject")] * 3, *[("carol", "GetObject")] * 2],
    [("alice", "PutObject"), *[("bob", "HeadObject")] * 4, ("bob", "ListObjectsV2")],
    [*TEN_WRITES, ("bob", "GetObject"), ("carol", "HeadObject"), ("alice", "DeleteObject")],
)


@exercise(
    "09-2",
    right=f"{2 * len(CASES)} predictions, and the trail counts the same each time",
    hints=(
        "Which requests open or make a data key? The others read what is not encrypted.",
        "Without a Bucket Key each of those costs one call.",
        "With one S3 asks once for everybody, for writing and for reading apart: count what is "
        "different.",
        "asking = [request for request in requests if request[1] in ('PutObject', 'GetObject')]; "
        "then len(asking), or len(set(asking)).",
    ),
)
def foretells_calls(calls_to_kms: Callable[[Requests, bool], Any]) -> None:
    for requests in CASES:
        for bucket_key in (False, True):
            told = calls_to_kms(list(requests), bucket_key)
            counted = _counted(requests, bucket_key)
            words = f"{_in_words(requests)}, with{'' if bucket_key else 'out'} a Bucket Key"
            right = type(told) is int and told == counted
            require(right, f"{words}: the calls to KMS are {counted}, and you say {told!r:.60}")


def _counted(requests: Requests, bucket_key: bool) -> int:
    """How many calls to KMS the trail shows, once all requests are made."""
    lab = classroom_lab(seed="09-2")
    lab.client("s3").create_bucket(Bucket=BUCKET)
    key_arn = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
    under = dict(_both_ways(key_arn))[f"with{'' if bucket_key else 'out'} a Bucket Key"]
    for who, operation in requests:
        s3 = lab.client("s3", lab.user(who, allowing("s3:*", "kms:*")))
        if operation == "PutObject":
            _put(s3, BUCKET, **under)
        elif operation == "ListObjectsV2":
            s3.list_objects_v2(Bucket=BUCKET)
        elif operation == "GetObject":
            _get(s3, BUCKET)
        else:
            act = {"HeadObject": s3.head_object, "DeleteObject": s3.delete_object}[operation]
            act(Bucket=BUCKET, Key=OBJECT)
    return sum("invokedBy" in event["userIdentity"] for event in lab.events())


def _in_words(requests: Requests) -> str:
    counts = {request: requests.count(request) for request in requests}
    return ", ".join(f"{count} {what} by {who}" for (who, what), count in counts.items())


# --- 09-3 ---------------------------------------------------------------------------------


@exercise(
    "09-3",
    right="writes under the one key pass, said or unsaid, and all others are refused",
    hints=(
        "Two statements that deny: one about the algorithm, one about the key.",
        "StringNotEquals is true of an absent header too, and so is StringNotEqualsIfExists.",
        "A condition Null with 'false' is true only where the header is there.",
        "Deny s3:PutObject on arn:aws:s3:::BUCKET/* if StringNotEquals s3:x-amz-server-side-"
        "encryption aws:kms and Null of the same 'false'; then the same with …-aws-kms-key-id.",
    ),
)
def insists_on_one_key(bucket_policy: Callable[[str, str], Any]) -> None:
    lab = classroom_lab(seed="09-3")
    s3, kms = lab.client("s3"), lab.client("kms")
    key_arn, other_arn = (str(kms.create_key()["KeyMetadata"]["Arn"]) for _ in range(2))
    s3.create_bucket(Bucket=BUCKET)
    _set_default(s3, key_arn)
    _put_policy(s3, bucket_policy(BUCKET, key_arn))
    clerk = lab.client("s3", lab.user("clerk", allowing("s3:*", "kms:*")))
    for words, passes, headers in _writes(key_arn, other_arn):
        refusal = _refusal(_put, clerk, BUCKET, **headers)
        if passes:
            require(not refusal, f"a write {words} has to pass, and gets {refusal}")
        else:
            require(refusal, f"a write {words} passes")
    refusal = _refusal(_get, clerk, BUCKET)
    require(not refusal, f"reading has to go on, and gets {refusal}")


def _writes(key_arn: str, other_arn: str) -> list[tuple[str, bool, Policy]]:
    """What a write says in its headers, and whether it is to pass."""
    kms = {"ServerSideEncryption": "aws:kms"}
    return [
        ("that leaves it to the bucket", True, {}),
        ("that asks for aws:kms and the key", True, {**kms, "SSEKMSKeyId": key_arn}),
        ("that asks for AES256", False, {"ServerSideEncryption": "AES256"}),
        ("that asks for aws:kms and another key", False, {**kms, "SSEKMSKeyId": other_arn}),
        ("that asks for aws:kms and names no key, which means aws/s3,", False, kms),
    ]


def _set_default(s3: Any, key_arn: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )


def _put_policy(s3: Any, policy: Any) -> None:
    require(isinstance(policy, dict), f"a dictionary is wanted, not {policy!r:.60}")
    try:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    except ClientError as refusal:
        said = refusal.response["Error"]
        raise NotYet(f"S3 does not take the policy: {said['Code']}, {said['Message']}") from None


# --- Requests -----------------------------------------------------------------------------


def _put(s3: Any, bucket: str, **headers: Any) -> None:
    s3.put_object(Bucket=bucket, Key=OBJECT, Body=BODY, **headers)


def _get(s3: Any, bucket: str) -> None:
    s3.get_object(Bucket=bucket, Key=OBJECT)["Body"].read()


def _refusal(act: Callable[..., None], *arguments: Any, **headers: Any) -> str:
    """The error code with which S3 refuses, "" where it does not."""
    try:
        act(*arguments, **headers)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return ""
