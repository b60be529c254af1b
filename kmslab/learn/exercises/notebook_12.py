"""The exercises of notebook 12: a signature checked, touched files found, a missing hour told, and
what vanished from a whole day."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from typing import Any, NamedTuple

import pandas
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmslab import audit
from kmslab.lab import Lab
from kmslab.learn import incident
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import exercise, require
from kmslab.learn.incident.evidence import files
from kmslab.learn.incident.places import LOGS

Policy = dict[str, Any]

BUCKET = "audit-logs"
ELSEWHERE = "other-logs"
LETS_CLOUDTRAIL_IN = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    },
}


class Digest(NamedTuple):
    """A digest file as it lies in a bucket."""

    body: bytes
    metadata: dict[str, str]
    bucket: str
    name: str

    @property
    def content(self) -> Policy:
        return dict(json.loads(gzip.decompress(self.body)))


@exercise(
    "12-1",
    right="what CloudTrail signed is genuine, and 8 forgeries are not",
    hints=(
        "Which four lines were signed? Look at the cell under “By hand: the signature”.",
        "The place is that where the digest was found, not what the digest says of itself.",
        "Which public key? The digest names its fingerprint, and only CloudTrail's list counts: "
        "where the list has no such key, the digest is not genuine.",
        "The first digest has None as previousDigestSignature: write digest[...] or 'null'. "
        "verify raises InvalidSignature; catch it and return False.",
    ),
)
def tells_genuine_digests(is_genuine: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="12-1")
    public_keys = _three_hours(lab)
    digests = _digests(lab)
    for place, digest in enumerate(digests):
        told = is_genuine(*digest, public_keys)
        require(type(told) is bool, f"True or False is wanted, not {told!r:.60}")
        which = "the first digest of a chain" if place == 0 else "a digest of CloudTrail's"
        require(told, f"{which} is not taken for genuine")
    for words, digest, keys in _forgeries(digests, public_keys):
        require(not is_genuine(*digest, keys), f"taken for genuine: {words}")


def _three_hours(lab: Lab) -> list[Any]:
    """A trail with two hours of work and an empty one; its public keys come back."""
    s3, kms, cloudtrail = (lab.client(name) for name in ("s3", "kms", "cloudtrail"))
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(LETS_CLOUDTRAIL_IN))
    cloudtrail.create_trail(Name="audit", S3BucketName=BUCKET, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name="audit")
    for _ in range(4):
        kms.create_key()
        lab.clock.advance(minutes=25)
    lab.clock.advance(hours=2)
    day = datetime(2026, 1, 5, tzinfo=UTC)
    listed = cloudtrail.list_public_keys(StartTime=day, EndTime=day + timedelta(days=1))
    return list(listed["PublicKeyList"])


def _digests(lab: Lab) -> list[Digest]:
    s3 = lab.client("s3")
    below = "AWSLogs/111122223333/CloudTrail-Digest/"
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=below)["Contents"]]
    answers = {name: s3.get_object(Bucket=BUCKET, Key=name) for name in names}
    return [
        Digest(answer["Body"].read(), answer["Metadata"], BUCKET, name)
        for name, answer in answers.items()
    ]


def _forgeries(digests: list[Digest], public_keys: list[Any]) -> list[tuple[str, Digest, Any]]:
    first, second, third = digests[:3]
    emptied = _changed(second, logFiles=[])
    forged, _ = _signed_by_the_villain(emptied, {})
    pretending, own_key = _signed_by_the_villain(
        emptied, {"digestPublicKeyFingerprint": second.content["digestPublicKeyFingerprint"]}
    )
    return [
        ("a digest whose list of log files was emptied", emptied, public_keys),
        (
            "a first digest whose list of log files was emptied",
            _changed(first, logFiles=[]),
            public_keys,
        ),
        ("a digest that was moved to another name", second._replace(name=third.name), public_keys),
        (
            "a digest that was copied to another bucket",
            second._replace(bucket=ELSEWHERE),
            public_keys,
        ),
        ("a digest without a signature", second._replace(metadata={}), public_keys),
        (
            "a digest with the signature of another one",
            second._replace(metadata=third.metadata),
            public_keys,
        ),
        ("a digest that the villain signed with a key of their own", forged, public_keys),
        (
            "a digest signed with another key of the list than the one it names",
            pretending,
            [*public_keys, own_key],
        ),
    ]


def _changed(digest: Digest, **members: Any) -> Digest:
    content = {**digest.content, **members}
    return digest._replace(body=gzip.compress(json.dumps(content).encode()))


def _signed_by_the_villain(digest: Digest, members: Policy) -> tuple[Digest, Policy]:
    """The digest, signed anew with a key that CloudTrail does not have, and this key."""
    private_key = rsa.generate_private_key(65_537, 2048)
    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    fingerprint = md5(der, usedforsecurity=False).hexdigest()
    digest = _changed(digest, **{"digestPublicKeyFingerprint": fingerprint, **members})
    content = digest.content
    lines = (
        content["digestEndTime"],
        f"{digest.bucket}/{digest.name}",
        sha256(gzip.decompress(digest.body)).hexdigest(),
        content["previousDigestSignature"] or "null",
    )
    signature = private_key.sign("\n".join(lines).encode(), PKCS1v15(), SHA256())
    metadata = {**digest.metadata, "signature": signature.hex()}
    return digest._replace(metadata=metadata), {"Fingerprint": fingerprint, "Value": der}


# --- 12-2 ---------------------------------------------------------------------------------


@exercise(
    "12-2",
    right="5 files that were touched are found, and 2 that were not are left alone",
    hints=(
        "The digest tells of each log file its bucket, its name and its hash. Of which bytes?",
        "A file that was compressed anew, with the same content, is as it was.",
        "Where there is no object, s3.get_object raises s3.exceptions.NoSuchKey.",
        "What is not whole raises OSError, EOFError or zlib.error in gzip.decompress: such a file "
        "was changed.",
    ),
)
def finds_touched_files(touched: Callable[[Any, Policy], Any]) -> None:
    s3 = classroom_lab(seed="12-2").client("s3")
    for bucket in (BUCKET, ELSEWHERE):
        s3.create_bucket(Bucket=bucket)
    contents = {
        f"AWSLogs/111122223333/CloudTrail/file-{number}.json.gz": f'{{"Records":[{number}]}}'
        for number in range(7)
    }
    log_files = []
    for number, (name, text) in enumerate(contents.items()):
        # A trail may have moved to another bucket within the hour.
        bucket = ELSEWHERE if number == 6 else BUCKET
        s3.put_object(Bucket=bucket, Key=name, Body=gzip.compress(text.encode()))
        hashed = {"hashValue": sha256(text.encode()).hexdigest(), "hashAlgorithm": "SHA-256"}
        log_files.append({"s3Bucket": bucket, "s3Object": name, **hashed})
    digest = {"digestS3Bucket": BUCKET, "logFiles": log_files}
    _require_found(touched(s3, digest), {}, "before anything was done")
    deeds = _touch(s3, contents)
    _require_found(touched(s3, digest), deeds, "after files were touched")


def _touch(s3: Any, contents: dict[str, str]) -> dict[str, str]:
    """What was done to the files, the compressed one that is still the same left out."""
    same, edited, deleted, plain, cut, junk, _ = contents
    packed = {name: gzip.compress(text.encode()) for name, text in contents.items()}
    bodies = {
        same: gzip.compress(contents[same].encode(), compresslevel=1),
        edited: gzip.compress(contents[edited].replace("1", "2").encode()),
        plain: contents[plain].encode(),
        cut: packed[cut][:-12],
        junk: packed[junk] + gzip.compress(b"more"),
    }
    for name, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=body)
    s3.delete_object(Bucket=BUCKET, Key=deleted)
    return {edited: "changed", deleted: "missing", **dict.fromkeys((plain, cut, junk), "changed")}


def _require_found(told: Any, right: dict[str, str], when: str) -> None:
    require(isinstance(told, dict), f"a dictionary is wanted, not {told!r:.60}")
    for name in sorted({*right, *map(str, told)}):
        said, is_so = told.get(name, "not touched"), right.get(name, "not touched")
        file = name.rpartition("/")[2]
        require(said == is_so, f"{when}, {file} is {is_so}, and you say {said!r:.40}")


# --- 12-3 ---------------------------------------------------------------------------------

FIRST = datetime(2026, 1, 5, 20, 0, 8, tzinfo=UTC)


@exercise(
    "12-3",
    right="7 lists of digests, and every missing hour is told",
    hints=(
        "Which hours should there be? Begin with the first end, and go on by an hour at a time.",
        "An hour whose end is now is over; one that ends later is not.",
        "The last 24 characters of a name are the end and .json.gz; strptime reads the end with "
        "%Y%m%dT%H%M%SZ.",
        "datetime.strptime gives no time zone: .replace(tzinfo=UTC) adds it, and then the times "
        "can be compared.",
    ),
)
def finds_missing_hours(missing: Callable[..., Any]) -> None:
    hours = [FIRST + timedelta(hours=number) for number in range(8)]
    later = hours[-1] + timedelta(minutes=59, seconds=59)
    for words, gone, now in (
        ("nothing is missing", [], later),
        ("one in the middle is", [hours[3]], later),
        ("the newest is", [hours[7]], later),
        ("the first is", [hours[0]], later),
        ("three in a row are", hours[4:7], later),
        ("all are", hours, later),
        ("the last hour is not over yet", [], hours[-1] - timedelta(seconds=1)),
    ):
        over = [end for end in hours if end <= now]
        names = [_name(end) for end in reversed(over) if end not in gone]
        told = missing(names, FIRST, now)
        require(isinstance(told, list), f"a list is wanted, not {told!r:.60}")
        right = told == gone
        require(
            right, f"where {words}, your list is {_in_words(told)} instead of {_in_words(gone)}"
        )


def _name(end: datetime) -> str:
    folder = f"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{end:%Y/%m/%d}"
    file = f"111122223333_CloudTrail-Digest_us-east-1_audit_us-east-1_{end:%Y%m%dT%H%M%SZ}"
    return f"{folder}/{file}.json.gz"


def _in_words(ends: list[Any]) -> str:
    texts = [f"{end:%d %H:%M:%S}" if isinstance(end, datetime) else str(end) for end in ends]
    return f"[{', '.join(texts)}]"


# --- 12-4 ---------------------------------------------------------------------------------

# This digest was put when the last files had been read: no record tells of it.
_UNTOLD = "_20260311T010000Z.json.gz"


@exercise(
    "12-4",
    right="2 files are gone from the tampered copy, a digest among them, and none from the other",
    hints=(
        "Who writes the files, and which operation on the trails' key does that need?",
        "S3 asks for a data key for other files as well: only rows whose principal is "
        "cloudtrail.amazonaws.com are about the trails'.",
        "The encryption context of such a row has the file's ARN under aws:s3:arn. Its name is "
        "what stands behind arn:aws:s3:::amber-trails/.",
        "Collect context['aws:s3:arn'].removeprefix('arn:aws:s3:::amber-trails/') of all rows that "
        "are kms:GenerateDataKey by cloudtrail.amazonaws.com, take away set(names), and sort.",
    ),
)
def tells_what_vanished(vanished: Callable[[Any, list[str]], Any]) -> None:
    table = audit.from_folder(incident.FOLDER / LOGS, progress=False)
    intact, there = ([name for name, _ in files(is_tampered)] for is_tampered in (False, True))
    gone = sorted(name for name in set(intact) - set(there) if not name.endswith(_UNTOLD))
    for words, names, right in (
        ("in the copy that is whole", intact, []),
        ("in the tampered copy", there, gone),
        ("where one more is gone", there[1:], sorted([there[0], *gone])),
    ):
        told = vanished(_told_by(table, names), list(names))
        require(isinstance(told, list), f"a list of names is wanted, not {told!r:.60}")
        more, missing = set(map(str, told)) - set(right), set(right) - set(map(str, told))
        require(not more, f"{words} {len(more)} of your names are not gone: {_short(more)}")
        require(not missing, f"{words} {len(missing)} files are gone that you do not name")
        require(told == right, f"{words}: each name once, in the order of the alphabet")


def _told_by(table: pandas.DataFrame, names: list[str]) -> pandas.DataFrame:
    """What is still told by the files that are there."""
    kept = table["file"].map(lambda name: f"{LOGS}/{name}" in set(names))
    return table[kept.astype(bool)].reset_index(drop=True)


def _short(names: set[str]) -> str:
    return f"…{min(names, default='')[-50:]}"
