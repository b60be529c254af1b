"""Digest files: every hour, signed, chained, and in step with the log files."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from aws_words import ACCOUNT, OTHER_REGION, REGION
from cloudtrail_words import (
    BUCKET,
    TRAIL,
    bucket_policy,
    client_of,
    trail_arn,
    trail_bucket,
    trail_key_policy,
)
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from delivered_words import (
    DIGEST_MEMBERS,
    DIGEST_NAME,
    PREVIOUS,
    check_chain,
    digests,
    hashed,
    log_files,
    named,
    names,
    object_keys,
    told,
    verify,
)
from serving_session import serving

from kmslab import Lab, StillClock, child, insecure_seeded_random, project

pytest_plugins = ["cloudtrail_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=1)
NO_DIGESTS = {
    "Sid": "NoDigests",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail-Digest/*",
}


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def at(lab):
    return datetime.fromtimestamp(lab.clock.now(), UTC)


def until(lab, moment):
    """Let the clock move on to `moment`."""
    lab.clock.advance(seconds=moment.timestamp() - lab.clock.now())


def validating_trail(lab, cloudtrail, **settings):
    """The usual trail, with validation, which logs; when it began to."""
    chosen = {"EnableLogFileValidation": True, **settings}
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET, **chosen)
    cloudtrail.start_logging(Name=TRAIL)
    return at(lab)


def refuse_digests(s3, refused=True):
    policy = bucket_policy(BUCKET, trail_arn())
    if refused:
        policy["Statement"].append(NO_DIGESTS)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


# --- When ---------------------------------------------------------------------------------


def test_every_hour_has_a_digest_even_where_nothing_happened(lab, cloudtrail, bucket):
    began = validating_trail(lab, cloudtrail)
    lab.clock.advance(hours=4)
    found = digests(lab)
    assert [digest.members["digestEndTime"] for digest in found] == [
        iso(began + count * HOUR) for count in (1, 2, 3, 4)
    ]
    assert [digest.delivered_at for digest in found] == [
        began + count * HOUR for count in (1, 2, 3, 4)
    ]
    assert [len(digest.members["logFiles"]) for digest in found] == [1, 0, 0, 0]


def test_a_trail_without_validation_has_none(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail, EnableLogFileValidation=False)
    lab.clock.advance(hours=4)
    assert len(log_files(lab)) == len(object_keys(lab)) == 1


def test_the_hours_begin_when_validation_is_switched_on(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail, EnableLogFileValidation=False)
    lab.clock.advance(minutes=20)
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    began = at(lab)
    lab.clock.advance(hours=1)
    (digest,) = digests(lab)
    assert digest.members["digestStartTime"] == iso(began)
    # The files from before are nobody's.
    assert [
        names(file.records) for file in log_files(lab) if file.object_key in named([digest])
    ] == [["UpdateTrail"]]


def test_a_log_file_of_the_same_moment_comes_before_the_digest(lab, cloudtrail, bucket, kms):
    until(lab, NOON + HOUR - timedelta(seconds=2))
    assert validating_trail(lab, cloudtrail) == NOON + HOUR
    until(lab, NOON + HOUR + 57 * MINUTES)
    kms.list_keys()
    until(lab, NOON + 2 * HOUR)
    (digest,) = digests(lab)
    assert named([digest]) == hashed(log_files(lab))
    assert len(named([digest])) == 2


def test_the_last_digest_comes_when_logging_stops(lab, cloudtrail, bucket):
    began = validating_trail(lab, cloudtrail)
    lab.clock.advance(minutes=90)
    cloudtrail.stop_logging(Name=TRAIL)
    stopped = at(lab)
    lab.clock.advance(days=1)
    first, last = digests(lab)
    assert first.members["digestEndTime"] == iso(began + HOUR)
    assert last.members["digestEndTime"] == iso(stopped)
    assert last.delivered_at == stopped
    assert "StopLogging" in names(log_files(lab)[-1].records)
    assert named([first, last]) == hashed(log_files(lab))
    check_chain(lab, [first, last])


def test_a_trail_that_logs_again_begins_a_new_chain(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(minutes=90)
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(minutes=10)
    cloudtrail.start_logging(Name=TRAIL)
    began = at(lab)
    lab.clock.advance(hours=2)
    found = digests(lab)
    check_chain(lab, found[:2])
    check_chain(lab, found[2:])
    assert found[2].members["digestStartTime"] == iso(began)
    assert named(found) == hashed(log_files(lab))


def test_the_last_digest_comes_when_validation_is_switched_off(lab, cloudtrail, bucket, kms):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(minutes=90)
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=False)
    off = at(lab)
    lab.clock.advance(days=1)
    found = digests(lab)
    assert [digest.members["digestEndTime"] for digest in found][-1] == iso(off)
    assert len(found) == 2
    check_chain(lab, found)
    kms.list_keys()
    lab.clock.advance(hours=2)
    assert len(digests(lab)) == 2
    assert len(lab._store.delivered_log_files) == len(lab._store.digest_chains) == 0


def test_a_deleted_trail_ends_with_a_digest(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    cloudtrail.delete_trail(Name=TRAIL)
    deleted = at(lab)
    lab.clock.advance(days=1)
    (digest,) = digests(lab)
    assert digest.members["digestEndTime"] == iso(deleted)
    assert named([digest]) == hashed(log_files(lab))
    assert len(lab._store.trails) == len(lab._store.digest_chains) == 0


def test_a_chain_that_ends_with_the_hour_has_a_second_more_for_its_last_file(
    lab, cloudtrail, bucket
):
    began = validating_trail(lab, cloudtrail)
    # The request itself takes the last second, and the digest of the hour is signed before it.
    until(lab, began + HOUR - timedelta(seconds=1))
    cloudtrail.stop_logging(Name=TRAIL)
    assert at(lab) == began + HOUR
    lab.clock.advance(hours=2)
    first, last = digests(lab)
    assert first.members["digestEndTime"] == iso(began + HOUR)
    assert last.members["digestEndTime"] == iso(began + HOUR + timedelta(seconds=1))
    check_chain(lab, [first, last])
    assert named([first, last]) == hashed(log_files(lab))


def test_a_chain_that_has_nothing_more_to_tell_at_the_hour_ends_there(lab, cloudtrail, bucket):
    """The last log file is delivered exactly when an hour ends, since it was refused before."""
    until(lab, NOON + HOUR - timedelta(seconds=2))
    began = validating_trail(lab, cloudtrail)
    s3 = lab.client("s3")
    refuse = json.dumps(bucket_policy(BUCKET, trail_arn("x-y")))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=refuse)
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(minutes=58)
    refuse_digests(s3, False)
    lab.clock.advance(hours=3)
    (digest,) = digests(lab)
    assert digest.members["digestEndTime"] == iso(began + HOUR)
    assert named([digest]) == hashed(log_files(lab))


def test_chains_of_one_second_do_not_take_each_others_names():
    clock = StillClock(NOON, step=timedelta(0))
    with Lab(clock=clock, random=insecure_seeded_random(3)) as lab:
        trail_bucket(lab)
        cloudtrail = lab.client("cloudtrail")
        validating_trail(lab, cloudtrail)
        for _ in range(3):
            cloudtrail.stop_logging(Name=TRAIL)
            cloudtrail.start_logging(Name=TRAIL)
        cloudtrail.delete_trail(Name=TRAIL)
        lab.clock.advance(hours=3)
        found = digests(lab)
        assert named(found) == hashed(log_files(lab))
        assert len(found) == 4
        for digest in found:
            check_chain(lab, [digest])


# --- What ---------------------------------------------------------------------------------


def test_a_digest_tells_what_the_user_guide_lists(lab, cloudtrail, bucket, kms):
    began = validating_trail(lab, cloudtrail)
    until(lab, NOON + 10 * MINUTES)
    kms.list_keys()
    kms.create_key()
    lab.clock.advance(hours=1)
    first, second = log_files(lab)
    (digest,) = digests(lab)
    name = DIGEST_NAME.fullmatch(digest.object_key)
    end = began + HOUR
    assert (name["trail"], name["home"], name["region"]) == (TRAIL, REGION, REGION)
    assert (name["stamp"], name["folder"]) == (end.strftime("%Y%m%dT%H%M%SZ"), "2026/05/01")
    assert list(digest.members) == DIGEST_MEMBERS
    fingerprint = digest.members["digestPublicKeyFingerprint"]
    assert re.fullmatch("[0-9a-f]{32}", fingerprint)
    assert digest.members == {
        "awsAccountId": ACCOUNT,
        "digestStartTime": iso(began),
        "digestEndTime": iso(end),
        "digestS3Bucket": BUCKET,
        "digestS3Object": digest.object_key,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": second.records[-1]["eventTime"],
        "oldestEventTime": first.records[0]["eventTime"],
        **dict.fromkeys(PREVIOUS),
        "logFiles": [
            {
                "s3Bucket": BUCKET,
                "s3Object": file.object_key,
                "hashValue": hashlib.sha256(file.text).hexdigest(),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": file.records[-1]["eventTime"],
                "oldestEventTime": file.records[0]["eventTime"],
            }
            for file in (first, second)
        ],
    }
    assert digest.head["Metadata"].keys() == {"signature", "signature-algorithm"}
    assert digest.head["Metadata"]["signature-algorithm"] == "SHA256withRSA"
    assert re.fullmatch("[0-9a-f]{512}", digest.head["Metadata"]["signature"])
    assert (digest.head["ContentType"], digest.head["ContentEncoding"]) == (
        *("application/json", "gzip"),
    )


def test_an_hour_without_files_has_no_event_times(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(hours=2)
    empty = digests(lab)[-1].members
    assert (empty["logFiles"], empty["newestEventTime"], empty["oldestEventTime"]) == (
        *([], None, None),
    )


def test_the_chain_names_every_log_file_once_with_its_hash(lab, cloudtrail, bucket, kms):
    validating_trail(lab, cloudtrail)
    for _ in range(12):
        kms.list_keys()
        lab.clock.advance(minutes=20)
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(minutes=1)
    found = digests(lab)
    assert len(found) == 5
    check_chain(lab, found)
    assert named(found) == hashed(log_files(lab))


def test_a_changed_digest_does_not_verify(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(hours=1)
    (digest,) = digests(lab)
    verify(lab, digest)
    with pytest.raises(InvalidSignature):
        verify(lab, digest._replace(text=digest.text + b" "))


def test_the_prefix_is_part_of_what_is_signed(lab, cloudtrail):
    trail_bucket(lab, BUCKET, prefix="audit")
    validating_trail(lab, cloudtrail, S3KeyPrefix="audit")
    lab.clock.advance(hours=2)
    found = digests(lab)
    assert all(digest.object_key.startswith("audit/AWSLogs/") for digest in found)
    check_chain(lab, found)


def test_each_region_has_a_chain_and_a_key_of_its_own(lab, cloudtrail, bucket):
    began = validating_trail(lab, cloudtrail, IsMultiRegionTrail=True)
    lab.clock.advance(minutes=150)
    client_of(lab, "kms", region=OTHER_REGION).list_keys()
    lab.clock.advance(hours=2)
    cloudtrail.stop_logging(Name=TRAIL)
    stopped = at(lab)
    lab.clock.advance(minutes=1)
    chains = {REGION: [], OTHER_REGION: []}
    for digest in digests(lab):
        chains[DIGEST_NAME.fullmatch(digest.object_key)["region"]].append(digest)
    for chain in chains.values():
        check_chain(lab, chain)
        assert chain[-1].members["digestEndTime"] == iso(stopped)
        keys = {digest.members["digestPublicKeyFingerprint"] for digest in chain}
        assert len(keys) == 1
    home, other = chains[REGION], chains[OTHER_REGION]
    assert other[0].members["digestStartTime"] == iso(began + 2 * HOUR)
    assert (len(home), len(other)) == (5, 3)
    assert (
        home[0].members["digestPublicKeyFingerprint"]
        != other[0].members["digestPublicKeyFingerprint"]
    )
    assert named([*home, *other]) == hashed(log_files(lab))


def test_a_region_whose_first_file_is_the_last_has_a_digest(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail, IsMultiRegionTrail=True)
    client_of(lab, "kms", region=OTHER_REGION).list_keys()
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(minutes=1)
    assert named(digests(lab)) == hashed(log_files(lab))
    assert {DIGEST_NAME.fullmatch(each.object_key)["region"] for each in digests(lab)} == {
        *(REGION, OTHER_REGION)
    }


def test_a_key_gives_way_after_thirty_days_and_the_chain_goes_on(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(days=30, hours=2)
    found = digests(lab)[-4:]
    check = found[-1].members["digestPublicKeyFingerprint"]
    assert check != found[0].members["digestPublicKeyFingerprint"]
    for digest in found:
        verify(lab, digest)


# --- Encryption ---------------------------------------------------------------------------


def test_digests_are_encrypted_as_log_files_are(lab, cloudtrail, bucket, key_arn):
    validating_trail(lab, cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(hours=1)
    for file in (*digests(lab), *log_files(lab)):
        assert (file.head["ServerSideEncryption"], file.head["SSEKMSKeyId"]) == (
            *("aws:kms", key_arn),
        )


def test_digests_can_be_encrypted_as_until_may_2025():
    with Lab(digests_use_sse_s3=True) as lab:
        trail_bucket(lab)
        made = lab.client("kms").create_key(Policy=json.dumps(trail_key_policy(trail_arn())))
        cloudtrail = lab.client("cloudtrail")
        validating_trail(lab, cloudtrail, KmsKeyId=made["KeyMetadata"]["Arn"])
        lab.clock.advance(hours=1, minutes=1)
        assert {file.head["ServerSideEncryption"] for file in digests(lab)} == {"AES256"}
        assert {file.head["ServerSideEncryption"] for file in log_files(lab)} == {"aws:kms"}


# --- Late ---------------------------------------------------------------------------------


def test_digests_that_come_late_are_those_of_their_hours(lab, cloudtrail, bucket, s3, kms):
    began = validating_trail(lab, cloudtrail)
    refuse_digests(s3)
    for _ in range(10):
        kms.list_keys()
        lab.clock.advance(minutes=30)
    assert digests(lab) == []
    status = cloudtrail.get_trail_status(Name=TRAIL)
    assert status["LatestDigestDeliveryError"] == "AccessDenied"
    assert "LatestDeliveryError" not in status
    refuse_digests(s3, False)
    lab.clock.advance(minutes=5)
    found = digests(lab)
    check_chain(lab, found)
    assert [digest.members["digestEndTime"] for digest in found] == [
        iso(began + count * HOUR) for count in (1, 2, 3, 4, 5)
    ]
    assert named(found) | hashed(log_files(lab)) == hashed(log_files(lab))
    status = cloudtrail.get_trail_status(Name=TRAIL)
    assert "LatestDigestDeliveryError" not in status
    assert status["LatestDigestDeliveryTime"] == found[-1].delivered_at


def test_a_refused_digest_alone_is_tried_once_a_batch(lab, cloudtrail, bucket, s3):
    validating_trail(lab, cloudtrail)
    refuse_digests(s3)
    lab.clock.advance(hours=4)
    tried = [
        event["requestParameters"]["key"]
        for event in lab.events(data_events=True)
        if event.get("errorCode") == "AccessDenied"
    ]
    assert len(set(tried)) == 1
    assert len(tried) == 1 + 3 * 12


def test_log_files_that_come_late_are_named_when_they_came(lab, cloudtrail, bucket, s3, kms):
    validating_trail(lab, cloudtrail)
    policy = bucket_policy(BUCKET, trail_arn())
    refused = f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail/*"
    policy["Statement"].append({**NO_DIGESTS, "Resource": refused})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    kms.list_keys()
    lab.clock.advance(hours=3)
    assert named(digests(lab)) == {}
    refuse_digests(s3, False)
    lab.clock.advance(hours=1)
    found = digests(lab)
    check_chain(lab, found)
    assert named(found[-1:]) == hashed(log_files(lab))


def test_the_last_digest_waits_for_the_last_log_file(lab, cloudtrail, bucket, s3, kms):
    validating_trail(lab, cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy(BUCKET, trail_arn("x-y"))))
    kms.list_keys()
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(hours=2, minutes=10)
    refuse_digests(s3, False)
    lab.clock.advance(minutes=10)
    found = digests(lab)
    check_chain(lab, found)
    assert len(found) == 3
    assert named(found[-1:]) == hashed(log_files(lab))
    assert found[-1].members["digestEndTime"] == iso(log_files(lab)[-1].delivered_at)
    lab.clock.advance(hours=2)
    assert len(digests(lab)) == 3


def test_a_trail_that_left_its_bucket_goes_on_in_the_new_one(lab, cloudtrail, bucket, s3):
    validating_trail(lab, cloudtrail)
    refuse_digests(s3)
    lab.clock.advance(hours=2)
    trail_bucket(lab, "other-logs")
    cloudtrail.update_trail(Name=TRAIL, S3BucketName="other-logs")
    # The old bucket is tried as well, once a batch, and what is signed meanwhile waits for it.
    lab.clock.advance(hours=2, minutes=5)
    moved = digests(lab, "other-logs")
    assert len(moved) == 2
    assert moved[0].members["previousDigestS3Bucket"] == BUCKET
    refuse_digests(s3, False)
    lab.clock.advance(minutes=5)
    check_chain(lab, [*digests(lab), *moved])
    assert len(digests(lab)) == 2


def test_log_files_left_in_the_old_bucket_are_named_there(lab, cloudtrail, bucket):
    validating_trail(lab, cloudtrail)
    lab.clock.advance(minutes=10)
    trail_bucket(lab, "other-logs")
    cloudtrail.update_trail(Name=TRAIL, S3BucketName="other-logs")
    lab.clock.advance(hours=1)
    (digest,) = digests(lab, "other-logs")
    assert {entry["s3Bucket"] for entry in digest.members["logFiles"]} == {BUCKET, "other-logs"}
    everything = [*log_files(lab), *log_files(lab, "other-logs")]
    assert named([digest]) == hashed(everything)


# --- Killed in between --------------------------------------------------------------------


@pytest.mark.parametrize(
    "death",
    ["pass", "deliveries.packed = die", "deliveries._digest_status = die"],
    ids=["at the end", "between signature and PutObject", "between PutObject and its note"],
)
def test_whoever_is_killed_signs_no_hour_twice(tmp_path, death):
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(project.FOLDER / "tests")!r})
        from datetime import UTC, datetime
        from cloudtrail_words import BUCKET, TRAIL, trail_bucket
        from kmslab import Lab, StillClock
        from kmslab.services.cloudtrail import deliveries
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        lab = Lab({str(tmp_path)!r}, clock=StillClock(datetime(2026, 5, 1, 12, tzinfo=UTC)))
        cloudtrail = lab.client("cloudtrail")
        trail_bucket(lab)
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET, EnableLogFileValidation=True)
        cloudtrail.start_logging(Name=TRAIL)
        {death}
        lab.clock.advance(hours=2, minutes=1)
        die()
    """
    process = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        cwd=project.FOLDER,
        env=child.clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == -9, process.stderr
    with Lab(tmp_path, clock=StillClock(NOON)) as lab:
        lab.client("cloudtrail").stop_logging(Name=TRAIL)
        lab.clock.advance(minutes=1)
        found = digests(lab)
        assert len(found) == 3
        check_chain(lab, found)
        assert named(found) == hashed(log_files(lab))
        assert names(told(log_files(lab))) == ["StartLogging", "StopLogging"]


# --- The judge ----------------------------------------------------------------------------


def test_the_aws_cli_finds_every_file_valid():
    with serving("--allow-control") as server:
        s3, kms, cloudtrail = (server.client(name) for name in ("s3", "kms", "cloudtrail"))
        s3.create_bucket(Bucket=BUCKET)
        policy = json.dumps(bucket_policy(BUCKET, trail_arn()))
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
        key_policy = json.dumps(trail_key_policy(trail_arn()))
        key_arn = kms.create_key(Policy=key_policy)["KeyMetadata"]["Arn"]
        began = datetime.now(UTC) - MINUTES
        cloudtrail.create_trail(
            Name=TRAIL, S3BucketName=BUCKET, KmsKeyId=key_arn, EnableLogFileValidation=True
        )
        cloudtrail.start_logging(Name=TRAIL)
        for _ in range(3):
            kms.list_keys()
            assert server.http("POST", "/_kmslab/advance?seconds=3700")[0] == 200
        cloudtrail.stop_logging(Name=TRAIL)
        kms.list_keys()
        listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        files = [each["Key"] for each in listed if "/CloudTrail/" in each["Key"]]
        asked = ["--trail-arn", trail_arn(), "--start-time", iso(began)]
        asked += ["--end-time", iso(datetime.now(UTC) + 4 * HOUR), "--region", REGION]
        judged = server.aws("cloudtrail", "validate-logs", *asked)
        assert judged.returncode == 0, judged.stderr
        assert "4/4 digest files valid" in judged.stdout
        assert f"{len(files)}/{len(files)} log files valid" in judged.stdout
        s3.delete_object(Bucket=BUCKET, Key=files[0])
        judged = server.aws("cloudtrail", "validate-logs", *asked)
        assert judged.returncode == 1
        assert f"{len(files) - 1}/{len(files)} log files valid" in judged.stdout


# --- Keys that were given -----------------------------------------------------------------


def given_key(bits=2048):
    made = rsa.generate_private_key(65_537, bits)
    return made, made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def keys_told(lab, *regions):
    """The public key of each Region after an hour in which it was used, as PKCS #1 in DER."""
    bucket = trail_bucket(lab)
    cloudtrail = lab.client("cloudtrail")
    named = {"Name": TRAIL, "S3BucketName": bucket, "IsMultiRegionTrail": True}
    cloudtrail.create_trail(**named, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name=TRAIL)
    for region in regions:
        lab.client("kms", region_name=region).list_keys()
        lab.clock.advance(hours=2)
    listed = [lab.client("cloudtrail", region_name=each).list_public_keys() for each in regions]
    return [each["PublicKeyList"][0]["Value"] for each in listed]


def test_digests_are_signed_with_the_keys_that_were_given_and_then_with_drawn_ones():
    private_key, material = given_key()
    lab = Lab(clock=StillClock(NOON), trail_signing_keys=[material])
    given, drawn = keys_told(lab, REGION, OTHER_REGION)
    public_key = private_key.public_key()
    assert given == public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert drawn != given


def on_a_curve():
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def of_an_unknown_kind():
    """The object identifier of Ed25519, made into one that nobody has."""
    made = ed25519.Ed25519PrivateKey.generate()
    material = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return material.replace(b"\x2b\x65\x70", b"\x2b\x65\x7f")


NO_SIGNING_KEYS = {
    "noise": (lambda: b"no key", "not PKCS #8"),
    "on a curve": (on_a_curve, "RSA of 2048 bits"),
    "of another size": (lambda: given_key(3072)[1], "RSA of 2048 bits"),
    "of an unknown kind": (of_an_unknown_kind, "unknown kind"),
    "encrypted": (
        lambda: given_key()[0].private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        ),
        # An encrypted key has another outer structure: RFC 5958, EncryptedPrivateKeyInfo.
        "not PKCS #8",
    ),
    "PKCS #1": (
        lambda: given_key()[0].private_bytes(
            Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ),
        "not PKCS #8",
    ),
}


@pytest.mark.parametrize("case", NO_SIGNING_KEYS)
def test_what_cloudtrail_could_not_sign_with_is_refused(case):
    material, problem = NO_SIGNING_KEYS[case]
    with pytest.raises(ValueError, match=problem):
        Lab(trail_signing_keys=[material()])
