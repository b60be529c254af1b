"""The real AWS CLI validates what the lab's trails deliver, and `kmslab verify-trail` beside it.

Each test has an empty lab behind a port, a trail in it, and hours that go by. The CLI ends with 0
where it found nothing at all, so it is its counts that are compared, with what lies in the bucket.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cloudtrail_words import bucket_policy, trail_arn, trail_key_policy
from made_trails import MadeTrail, served
from serving_session import serving

from kmslab import child

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
BUCKET, TRAIL = "amber-logs", "amber-trail"
ARN = trail_arn(TRAIL)
OTHERS = ("AKIAOTHER4OTHER4OTHE", "a-secret-of-another-account-entirely-4444")
DIGESTS, LOG_FILES = "CloudTrail-Digest", "CloudTrail"


@pytest.fixture(scope="module")
def server():
    ours = (
        "--credential",
        f"AKIAAMBER1AMBER1AMBE:a-secret-of-the-account-that-logs-1111:{ACCOUNT}",
    )
    others = ("--credential", f"{':'.join(OTHERS)}:{OTHER_ACCOUNT}")
    with serving("--allow-control", *ours, *others) as running:
        yield running


@pytest.fixture
def trail(server):
    """A multi-Region trail that logs and validates, under a key of its own."""
    made = ServedTrail(server)
    made.create(key_id=made.new_key(), IsMultiRegionTrail=True)
    return made


@pytest.fixture
def hours(trail):
    """Five hours of it."""
    trail.hours(5)
    return trail


class Validation:
    """What `aws cloudtrail validate-logs` said."""

    def __init__(self, ran):
        self.code, self.out, self.err = ran.returncode, ran.stdout, ran.stderr

    @property
    def counts(self):
        """Valid and all digest files, valid and all log files."""
        return *self._ratio(r"^(\d+)/(\d+) digest"), *self._ratio(r"(\d+)/(\d+) log")

    def _ratio(self, pattern):
        found = re.search(pattern, self.out, re.M)
        return (int(found[1]), int(found[2])) if found else (0, 0)


class Verdict:
    """What `kmslab verify-trail` said."""

    def __init__(self, ran):
        self.code, self.out, self.err = ran.returncode, ran.stdout, ran.stderr
        self.kinds = re.findall(r"^  ([a-z][A-Za-z ]+): s3://", ran.stdout, re.M)

    @property
    def counts(self):
        found = re.findall(r"(\d+)/(\d+) digest files valid, (\d+)/(\d+) log", self.out)
        return tuple(sum(int(region[place]) for region in found) for place in range(4))


class ServedTrail:
    """A trail of the lab behind a port, whose clock only moves on when told to, or nearly."""

    def __init__(self, server):
        self.server = server
        assert server.http("POST", "/_kmslab/reset")[0] == 200
        self.advanced = timedelta(0)
        self.cloudtrail, self.s3 = server.client("cloudtrail"), server.client("s3")
        self.kms = server.client("kms")
        self.s3.create_bucket(Bucket=BUCKET)
        self.allow(bucket_policy(BUCKET, ARN))
        self.began = self.now()

    def now(self):
        return datetime.now(UTC) + self.advanced

    def allow(self, policy):
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    def new_key(self):
        made = self.kms.create_key(Policy=json.dumps(trail_key_policy(ARN)))
        return made["KeyMetadata"]["KeyId"]

    def create(self, key_id=None, **options):
        named = {"Name": TRAIL, "S3BucketName": BUCKET, "EnableLogFileValidation": True, **options}
        self.cloudtrail.create_trail(**named, **({"KmsKeyId": key_id} if key_id else {}))
        self.cloudtrail.start_logging(Name=TRAIL)

    def advance(self, **amount):
        step = timedelta(**amount)
        path = f"/_kmslab/advance?seconds={step.total_seconds()}"
        assert self.server.http("POST", path)[0] == 200
        self.advanced += step

    def hours(self, count=1, regions=("us-east-1",)):
        for _ in range(count):
            for region in regions:
                self.server.client("kms", region_name=region).list_keys()
            self.advance(hours=1)

    def objects(self, kind, region="us-east-1"):
        """The keys of the digest or log files of a Region, oldest first."""
        prefix = f"AWSLogs/{ACCOUNT}/{kind}/{region}/"
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def lying(self, region="us-east-1"):
        """What is to be counted: all digest files, and the log files older than the last one."""
        digests, log_files = self.objects(DIGESTS, region), self.objects(LOG_FILES, region)
        last = digests[-1][-24:-9]
        counted = [each for each in log_files if each.rsplit("_", 2)[1][:-1] <= last[:13]]
        return len(digests), len(digests), len(counted), len(counted)

    def read(self, object_key):
        return gzip.decompress(self.s3.get_object(Bucket=BUCKET, Key=object_key)["Body"].read())

    def delete(self, *object_keys):
        for object_key in object_keys:
            self.s3.delete_object(Bucket=BUCKET, Key=object_key)

    def validate(self, *options, trail_arn=ARN, **environment):
        """By the AWS CLI, from the beginning until now."""
        span = ("--start-time", f"{self.began:%Y-%m-%dT%H:%M:%SZ}")
        end = ("--end-time", f"{self.now():%Y-%m-%dT%H:%M:%SZ}")
        command = ("cloudtrail", "validate-logs", "--trail-arn", trail_arn, *span, *end)
        return Validation(self.server.aws(*command, *options, **environment))

    def verify(self, *options, trail_arn=ARN, **environment):
        """By `kmslab verify-trail`, which needs no end."""
        command = [sys.executable, "-m", "kmslab", "verify-trail", "--trail-arn", trail_arn]
        command += ["--start-time", f"{self.began:%Y-%m-%dT%H:%M:%SZ}", *options]
        settings = {**child.clean_environment(), **self.server.exports, **environment}
        settings["AWS_CONFIG_FILE"] = settings["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
        ran = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)
        return Verdict(ran)


# --- Intact -------------------------------------------------------------------------------


def test_both_find_the_trail_intact_and_count_what_lies_in_the_bucket(hours):
    digests, _, log_files, _ = expected = hours.lying()
    assert digests == 5
    assert log_files >= 5
    validated = hours.validate("--verbose")
    assert (validated.code, validated.counts) == (0, expected), validated.err
    assert validated.out.count("\tvalid\n") == digests + log_files
    verified = hours.verify("--verbose")
    assert (verified.code, verified.counts, verified.kinds) == (0, expected, []), verified.out
    assert verified.out.count("valid\tdigest file\ts3://") == digests
    assert verified.out.count("valid\tlog file\ts3://") == log_files


def test_every_region_is_validated_with_its_own_keys(trail):
    trail.hours(2, regions=("us-east-1", "eu-west-1"))
    expected = trail.lying("eu-west-1")
    validated = trail.validate("--region", "eu-west-1")
    assert (validated.code, validated.counts) == (0, expected)
    verified = trail.verify()
    both = tuple(map(sum, zip(expected, trail.lying(), strict=True)))
    assert (verified.code, verified.counts) == (0, both), verified.out
    assert trail.verify("--region", "eu-west-1").counts == expected


def test_hours_in_which_nothing_happened_have_digests_too(server):
    trail = ServedTrail(server)
    trail.create()
    trail.advance(hours=4)
    texts = [json.loads(trail.read(each)) for each in trail.objects(DIGESTS)]
    assert [len(each["logFiles"]) for each in texts] == [1, 0, 0, 0]
    validated = trail.validate()
    assert (validated.code, validated.counts) == (0, (4, 4, 1, 1))
    assert trail.verify().code == 0


def test_a_gap_after_a_stop_is_told_and_no_fault(trail):
    trail.hours(2)
    trail.cloudtrail.stop_logging(Name=TRAIL)
    trail.advance(hours=3)
    trail.cloudtrail.start_logging(Name=TRAIL)
    trail.hours(2)
    validated = trail.validate()
    assert (validated.code, validated.counts) == (0, trail.lying())
    assert validated.counts[0] == 5
    assert validated.err.count("No log files were delivered by CloudTrail between") == 1
    verified = trail.verify()
    assert (verified.code, verified.counts) == (0, trail.lying()), verified.out
    assert verified.out.count("verified 2") == 2


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU time is read from /proc")
def test_validate_logs_spends_most_of_its_time_in_itself(trail):
    trail.hours(24)
    server_before, cli_before, began = cpu_of(trail.server), cpu_of_children(), time.monotonic()
    validated = trail.validate()
    took = time.monotonic() - began
    in_server, in_cli = cpu_of(trail.server) - server_before, cpu_of_children() - cli_before
    digests, *_ = validated.counts
    assert digests == 24
    assert 0 < in_server < min(in_cli, took / 2), (in_server, in_cli, took)


def cpu_of(server):
    """Seconds that a server has computed; they stand after its name, which may have spaces."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_children():
    used = os.times()
    return used.children_user + used.children_system


def test_a_bucket_that_several_accounts_deliver_to(server):
    trail, theirs = ServedTrail(server), trail_arn(TRAIL, account=OTHER_ACCOUNT)
    policy = bucket_policy(BUCKET, ARN, theirs)
    readers = {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER_ACCOUNT},
        "Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    trail.allow({**policy, "Statement": [*policy["Statement"], readers]})
    trail.create()
    other = server.client("cloudtrail", *OTHERS)
    named = {"Name": TRAIL, "S3BucketName": BUCKET, "EnableLogFileValidation": True}
    other.create_trail(**named)
    other.start_logging(Name=TRAIL)
    trail.hours(3)
    ours = trail.lying()
    assert trail.validate().counts == trail.verify().counts == ours
    them = {"AWS_ACCESS_KEY_ID": OTHERS[0], "AWS_SECRET_ACCESS_KEY": OTHERS[1]}
    validated = trail.validate(trail_arn=theirs, **them)
    assert (validated.code, validated.counts) == (0, (3, 3, 1, 1)), validated.err
    verified = trail.verify(trail_arn=theirs, **them)
    assert (verified.code, verified.counts) == (0, (3, 3, 1, 1)), verified.out
    assert OTHER_ACCOUNT in verified.out


# --- What both find -----------------------------------------------------------------------


def test_a_changed_log_file_is_found_by_both(hours):
    digests, _, log_files, _ = hours.lying()
    changed = hours.objects(LOG_FILES)[1]
    body = gzip.compress(hours.read(changed).replace(b'"readOnly":true', b'"readOnly":null'))
    hours.s3.put_object(Bucket=BUCKET, Key=changed, Body=body)
    validated = hours.validate()
    assert validated.code == 1
    assert validated.counts == (digests, digests, log_files - 1, log_files)
    assert f"{changed}\tINVALID: hash value doesn't match" in validated.err
    verified = hours.verify()
    assert (verified.code, verified.counts) == (1, validated.counts)
    assert verified.kinds == ["changed log file"]


def test_a_deleted_log_file_is_found_by_both(hours):
    digests, _, log_files, _ = hours.lying()
    gone = hours.objects(LOG_FILES)[1]
    hours.delete(gone)
    validated = hours.validate()
    assert validated.code == 1
    assert validated.counts == (digests, digests, log_files - 1, log_files)
    assert f"{gone}\tINVALID: not found" in validated.err
    verified = hours.verify()
    assert (verified.code, verified.counts) == (1, validated.counts)
    assert verified.kinds == ["missing log file"]


def test_a_deleted_middle_digest_is_found_by_both(hours):
    gone = hours.objects(DIGESTS)[2]
    unnamed = len(json.loads(hours.read(gone))["logFiles"])
    _, _, log_files, _ = hours.lying()
    hours.delete(gone)
    validated = hours.validate()
    assert validated.code == 1
    # What the digest named goes unchecked and uncounted.
    assert validated.counts == (4, 5, log_files - unnamed, log_files - unnamed)
    assert f"{gone}\tINVALID: not found" in validated.err
    verified = hours.verify()
    assert (verified.code, verified.counts) == (1, validated.counts)
    assert verified.kinds == ["missing digest", *["unnamed log file"] * unnamed]


def test_a_changed_digest_is_found_by_both(hours):
    changed = hours.objects(DIGESTS)[2]
    head = hours.s3.head_object(Bucket=BUCKET, Key=changed)
    body = gzip.compress(hours.read(changed) + b" ")
    hours.s3.put_object(Bucket=BUCKET, Key=changed, Body=body, Metadata=head["Metadata"])
    validated = hours.validate()
    assert (validated.code, validated.counts[:2]) == (1, (4, 5))
    assert "signature verification failed" in validated.err
    verified = hours.verify()
    assert (verified.code, verified.counts) == (1, validated.counts)
    assert verified.kinds[0] == "wrong signature"


# --- What neither can read, and misuse ----------------------------------------------------


def test_whoever_may_not_decrypt_validates_nothing(hours):
    iam = hours.server.client("iam")
    iam.create_user(UserName="auditor")
    allowed = {"Effect": "Allow", "Action": ["s3:*", "cloudtrail:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="auditor", PolicyName="reads", PolicyDocument=policy)
    made = iam.create_access_key(UserName="auditor")["AccessKey"]
    auditor = {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
    }
    for said in (hours.validate(**auditor), hours.verify(**auditor)):
        assert said.code == 255
        assert "(AccessDenied)" in said.err
        assert "kms:Decrypt" in said.err


def test_in_a_wrong_region_there_is_nothing_to_verify(hours):
    # Here no Region has a public key before its first digest, and for that alone the CLI complains.
    assert hours.validate("--region", "eu-west-1").counts == (0, 0, 0, 0)
    verified = hours.verify("--region", "eu-west-1")
    assert (verified.code, verified.kinds) == (1, ["nothing to verify"])


def test_a_region_with_keys_and_without_digests_of_the_trail_is_no_fault_to_the_cli(trail):
    """Another trail made the Region's key."""
    trail.hours(1)
    elsewhere = trail.server.client("cloudtrail", region_name="eu-west-1")
    trail.allow(bucket_policy(BUCKET, ARN, trail_arn("local-trail", "eu-west-1")))
    trail.cloudtrail.update_trail(Name=TRAIL, IsMultiRegionTrail=False)
    # Now the trail is not seen from there, so its bucket must be named.
    elsewhere.create_trail(Name="local-trail", S3BucketName=BUCKET, EnableLogFileValidation=True)
    elsewhere.start_logging(Name="local-trail")
    trail.hours(2)
    validated = trail.validate("--region", "eu-west-1", "--s3-bucket", BUCKET)
    assert (validated.code, validated.counts) == (0, (0, 0, 0, 0)), validated.err
    assert "No digests found" in validated.out
    verified = trail.verify("--region", "eu-west-1")
    assert (verified.code, verified.kinds) == (1, ["nothing to verify"]), verified.out
    # All Regions: the other trail's files are no business of this one.
    assert trail.verify().code == 0


@pytest.mark.parametrize(
    ("code", "options"),
    [
        (2, ("--trail-arn", "amber-trail")),
        (2, ("--start-time", "yesterday")),
        (2, ("--end-time", "2001-01-01T00:00:00Z")),
        (255, ("--trail-arn", trail_arn("another-trail"))),
        (255, ("--s3-bucket", "no-such-bucket-anywhere")),
        (255, ("--endpoint-url", "http://127.0.0.1:9")),
    ],
)
def test_misuse_ends_with_2_and_what_cannot_be_read_with_255(hours_once, code, options):
    said = hours_once.verify(*options, AWS_MAX_ATTEMPTS="1")
    assert said.code == code
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.strip()


@pytest.fixture(scope="module")
def hours_once(server):
    made = ServedTrail(server)
    made.create()
    made.hours(1)
    return made


# --- What the CLI misses ------------------------------------------------------------------


def test_the_cli_misses_that_the_newest_digest_is_gone(hours):
    gone = hours.objects(DIGESTS)[-1]
    hours.delete(gone)
    validated = hours.validate()
    assert (validated.code, validated.counts[:2]) == (0, (4, 4))
    assert validated.err == ""
    verified = hours.verify()
    assert (verified.code, verified.kinds) == (1, ["uncovered hours"])
    assert gone in verified.out


def test_the_cli_misses_that_the_first_chain_is_gone(trail):
    trail.hours(2)
    trail.cloudtrail.stop_logging(Name=TRAIL)
    trail.advance(hours=2)
    trail.cloudtrail.start_logging(Name=TRAIL)
    trail.hours(2)
    first = trail.objects(DIGESTS)[:3]
    named = sum(len(json.loads(trail.read(each))["logFiles"]) for each in first)
    trail.delete(*first)
    validated = trail.validate()
    assert (validated.code, validated.counts[:2]) == (0, (2, 2))
    assert "INVALID" not in validated.err
    verified = trail.verify()
    assert verified.code == 1
    assert verified.kinds == [*["unnamed log file"] * named, "uncovered hours"]


def test_the_cli_misses_a_log_file_that_no_digest_names(hours):
    expected, real = hours.lying(), hours.objects(LOG_FILES)[1]
    forged = f"{real[:-24]}{'A' * 16}.json.gz"
    hours.s3.put_object(Bucket=BUCKET, Key=forged, Body=gzip.compress(b'{"Records":[]}'))
    validated = hours.validate()
    assert (validated.code, validated.counts, validated.err) == (0, expected, "")
    verified = hours.verify()
    assert (verified.code, verified.kinds) == (1, ["unnamed log file"])
    assert forged in verified.out


def test_the_cli_misses_links_that_somebody_with_the_private_key_made_wrong(server):
    """So that there is such a somebody, files and CloudTrail are the test's, and S3 the lab's."""
    trail = ServedTrail(server)
    clock = SimpleNamespace(now=lambda: trail.now().timestamp(), advance=trail.advance)
    trail.delete()
    trail.s3.delete_bucket(Bucket=BUCKET)
    made = MadeTrail(SimpleNamespace(client=server.client, clock=clock))
    made.cloudtrail.key_begins = made.now() - timedelta(days=1)
    made.cloudtrail.key_ends = made.now() + timedelta(days=1)
    trail.began = made.now()
    made.hours(4)
    with served(made.cloudtrail) as address:
        ours = {"AWS_ENDPOINT_URL_CLOUDTRAIL": address}
        validated, verified = trail.validate(**ours), trail.verify(**ours)
        assert validated.counts == verified.counts == (4, 4, 4, 4), validated.err + verified.out
        assert (validated.code, verified.code) == (0, 0)
        lie = {"previousDigestHashValue": "ab" * 32, "previousDigestSignature": "cd" * 256}
        made.home.resign(made.home.digests[-1], lambda members: members.update(lie))
        validated, verified = trail.validate(**ours), trail.verify(**ours)
        assert (validated.code, validated.counts, validated.err) == (0, (4, 4, 4, 4), "")
        assert verified.code == 1
        assert set(verified.kinds) == {"broken link"}
