"""The verifier of trails, against trails that the test makes and then damages, one thing at a time.

What AWS's own tool finds must be found, and what it misses: see `missed_by_the_cli` below.
"""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_trails import (
    BUCKET,
    HOME,
    HOUR,
    MINUTE,
    START,
    TRAIL_ARN,
    MadeTrail,
    iso,
    made_trail,
    still_lab,
)

from kmslab.trail_integrity import UnknownTrail, command, verify_trail
from kmslab.trail_integrity import reading as bounds

MULTI_REGION = (HOME, "eu-west-1", "ap-northeast-1")


@pytest.fixture
def trail():
    with made_trail() as made:
        yield made


@pytest.fixture
def hours(trail):
    """A trail of six hours, with a log file in each."""
    trail.hours(6)
    return trail


def verify(trail, start=START, end=None, **options):
    options = {"in_region": trail.cloudtrail.in_region, **options}
    return verify_trail(trail.cloudtrail, trail.s3, trail.arn, start, end, **options)


def kinds(trail, *span, **options):
    """The kinds of the findings, in the order found."""
    return [finding.kind for finding in verify(trail, *span, **options).findings]


def counts(report):
    return (*report.digests, *report.log_files)


def read(trail, made):
    return trail.s3.get_object(Bucket=BUCKET, Key=made.object_key)["Body"].read()


def metadata_of(made):
    return {"signature": made.signature, "signature-algorithm": "SHA256withRSA"}


def put_log(trail, made, stored):
    trail.put(made.object_key, stored)


def put_digest(trail, made, stored, **metadata):
    trail.put(made.object_key, stored, {**metadata_of(made), **metadata})


def packed(members):
    return gzip.compress(json.dumps(members).encode())


def uri(made):
    return f"s3://{BUCKET}/{made.object_key}"


# --- Intact -------------------------------------------------------------------------------


def test_an_intact_trail_is_intact(hours):
    report = verify(hours)
    assert report.intact
    assert counts(report) == (6, 6, 6, 6)
    assert report.not_judged == ()
    assert report.regions[0].verified == ((START, START + 6 * HOUR),)


def test_hours_without_log_files_have_digests_too(trail):
    trail.hours(3, log_files=0)
    assert counts(verify(trail)) == (3, 3, 0, 0)
    assert verify(trail).intact


def test_an_hour_that_is_not_over_is_not_missed(hours):
    hours.lab.clock.advance(minutes=59)
    hours.home.put_log_file()
    report = verify(hours)
    assert report.intact
    assert report.regions[0].not_yet_covered == 1


def test_a_digest_has_an_hour_to_arrive(hours):
    hours.lab.clock.advance(minutes=119)
    assert verify(hours).intact
    hours.lab.clock.advance(minutes=1)
    assert kinds(hours) == ["uncovered hours"]


def test_a_trail_may_stop_and_start_again(trail):
    trail.hours(2)
    trail.lab.clock.advance(minutes=20)
    trail.stop()
    trail.lab.clock.advance(hours=5)
    trail.start()
    trail.hours(2)
    report = verify(trail)
    assert report.intact
    assert counts(report) == (5, 5, 4, 4)
    assert [span.length for span in report.regions[0].verified] == [
        timedelta(hours=2, minutes=20),
        timedelta(hours=2),
    ]


def test_validation_may_be_switched_off_for_a_while(trail):
    trail.hours(2)
    trail.cloudtrail.happened("UpdateTrail", enableLogFileValidation=False)
    trail.lab.clock.advance(hours=3)
    trail.home.put_log_file(named=False)
    trail.lab.clock.advance(minutes=1)
    trail.cloudtrail.happened("UpdateTrail", enableLogFileValidation=True)
    trail.home.previous, trail.home.begins = None, trail.now()
    trail.hours(1)
    report = verify(trail)
    assert report.intact
    assert report.not_judged == (
        "us-east-1: of a time without validation, which no digest can name: 1 log file.",
    )


def test_what_was_before_the_trail_is_not_missed(hours):
    assert verify(hours, START - timedelta(days=30)).intact


def test_every_region_is_verified_with_its_own_keys():
    with made_trail(*MULTI_REGION) as trail:
        trail.hours(3, log_files=2)
        report = verify(trail)
        assert report.intact
        assert counts(report) == (9, 9, 18, 18)
        assert [region.region for region in report.regions] == [
            "us-east-1",
            "ap-northeast-1",
            "eu-west-1",
        ]
        assert counts(verify(trail, regions=["eu-west-1"])) == (3, 3, 6, 6)
        put_log(trail, trail.chains["eu-west-1"].log_files[0], b"")
        report = verify(trail)
        assert [(each.region, each.kind) for each in report.findings] == [
            ("eu-west-1", "damaged log file")
        ]


def test_a_part_of_the_time_can_be_asked_for(hours):
    # Like AWS's tool: the digests that end in the time, or in the hour after it.
    report = verify(hours, START + 2 * HOUR, START + 3 * HOUR)
    assert report.intact
    assert counts(report) == (3, 3, 3, 3)
    assert report.regions[0].verified == ((START + 2 * HOUR, START + 3 * HOUR),)


def test_damage_outside_of_the_time_is_not_looked_at(hours):
    put_log(hours, hours.home.log_files[0], b"")
    hours.delete(hours.home.digests[0])
    hours.delete(hours.home.digests[-1])
    assert verify(hours, START + 2 * HOUR, START + 4 * HOUR).intact


def test_a_prefix_another_account_and_other_trails_stand_in_the_same_bucket():
    with still_lab() as lab:
        trail = MadeTrail(lab, prefix="audit")
        other = MadeTrail.__new__(MadeTrail)
        other.__dict__.update(trail.__dict__, account="444455556666")
        other.folder = "audit/AWSLogs/444455556666"
        other.cloudtrail = trail.cloudtrail
        theirs = type(trail.home)(other, HOME)
        other.chains = {HOME: theirs}
        trail.hours(1)
        other.hours(1)
        put_log(other, theirs.log_files[0], b"")
        assert counts(verify(trail, end=START + HOUR)) == (1, 1, 1, 1)
        assert verify(trail, end=START + HOUR).intact
        report = verify(trail, account_id="444455556666", end=START + HOUR)
        assert "damaged log file" in report.kinds


# --- What AWS's tool finds as well --------------------------------------------------------


def test_a_log_file_was_changed(hours):
    made = hours.home.log_files[2]
    put_log(hours, made, gzip.compress(made.unpacked.replace(b"Decrypt", b"Encrypt")))
    report = verify(hours)
    assert [(each.kind, each.object) for each in report.findings] == [
        ("changed log file", uri(made))
    ]
    assert counts(report) == (6, 6, 5, 6)


def test_a_log_file_was_deleted(hours):
    hours.delete(hours.home.log_files[2])
    assert kinds(hours) == ["missing log file"]


DAMAGES = {
    "not gzip": lambda stored: b"{}",
    "empty": lambda stored: b"",
    "cut": lambda stored: stored[:-1],
    "cut in the middle": lambda stored: stored[: len(stored) // 2],
    "second member": lambda stored: stored + gzip.compress(b"more"),
    "empty second member": lambda stored: stored + gzip.compress(b""),
    "trailing byte": lambda stored: stored + b"\0",
    "zlib without gzip": lambda stored: zlib.compress(gzip.decompress(stored)),
    "wrong length": lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_log_file_is_no_clean_gzip_file(hours, damage):
    made = hours.home.log_files[2]
    put_log(hours, made, DAMAGES[damage](read(hours, made)))
    assert kinds(hours) == ["damaged log file"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_digest_is_no_clean_gzip_file(hours, damage):
    made = hours.home.digests[2]
    put_digest(hours, made, DAMAGES[damage](read(hours, made)))
    assert kinds(hours) == ["damaged digest", "unnamed log file"]


def test_a_digest_was_changed(hours):
    made = hours.home.digests[2]
    members = {**json.loads(made.unpacked), "logFiles": []}
    put_digest(hours, made, packed(members))
    report = verify(hours)
    assert [(each.kind, each.object) for each in report.findings] == [
        ("wrong signature", uri(made)),
        ("unnamed log file", uri(hours.home.log_files[2])),
    ]
    assert counts(report) == (5, 6, 5, 5)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"signature": "00"},
        {"signature": "", "signature-algorithm": "SHA256withRSA"},
        {"signature": "not hex", "signature-algorithm": "SHA256withRSA"},
        {"signature": "00" * 256, "signature-algorithm": "SHA256withRSA"},
        {"signature-algorithm": "SHA256withRSA"},
    ],
)
def test_a_digest_has_another_signature_or_none(hours, metadata):
    made = hours.home.digests[5]
    hours.put(made.object_key, read(hours, made), metadata)
    assert "wrong signature" in kinds(hours)


def test_a_signature_by_another_algorithm_is_none(hours):
    made = hours.home.digests[5]
    put_digest(hours, made, read(hours, made), **{"signature-algorithm": "SHA1withRSA"})
    assert "wrong signature" in kinds(hours)


def test_a_middle_digest_was_deleted(hours):
    hours.delete(hours.home.digests[3])
    report = verify(hours)
    assert report.kinds == ["missing digest", "unnamed log file"]
    assert report.findings[0].object == uri(hours.home.digests[3])
    assert counts(report) == (5, 6, 5, 5)


def test_two_digests_were_exchanged(hours):
    first, second = hours.home.digests[2:4]
    one, other = read(hours, first), read(hours, second)
    hours.put(first.object_key, other, metadata_of(second))
    hours.put(second.object_key, one, metadata_of(first))
    assert kinds(hours).count("moved digest") == 2


def test_a_digest_was_copied_to_another_name(hours):
    made = hours.home.digests[2]
    elsewhere = made._replace(object_key=made.object_key.replace("T120017Z", "T121517Z"))
    hours.put(elsewhere.object_key, read(hours, made), metadata_of(made))
    assert "moved digest" in kinds(hours)


def test_a_digest_was_signed_with_a_key_of_another_region(hours):
    hours.lab.clock.advance(hours=1)
    hours.home.put_digest(key_name="eu-west-1")
    assert kinds(hours) == ["wrong signature"]


def test_cloudtrail_does_not_know_the_key(hours):
    hours.lab.clock.advance(hours=1)
    hours.home.put_digest(digestPublicKeyFingerprint="0" * 32)
    assert kinds(hours) == ["unknown public key"]


def test_a_public_key_that_is_none_is_told(hours, monkeypatch):
    listed = hours.cloudtrail.list_public_keys(START, START + HOUR)
    listed["PublicKeyList"][0]["Value"] = b"not DER"
    monkeypatch.setattr(type(hours.cloudtrail), "list_public_keys", lambda *a, **k: listed)
    assert set(kinds(hours)) == {"unknown public key", "unnamed log file"}


# --- What AWS's tool misses ---------------------------------------------------------------


def test_the_newest_digest_was_deleted(hours):
    hours.delete(hours.home.digests[-1])
    report = verify(hours)
    assert [(each.kind, each.object) for each in report.findings] == [
        ("uncovered hours", uri(hours.home.digests[-1]))
    ]


def test_the_newest_digests_were_deleted_and_nobody_may_read_status_or_history(hours):
    for made in hours.home.digests[-3:]:
        hours.delete(made)
    hours.cloudtrail.refuses = {"GetTrailStatus", "LookupEvents"}
    report = verify(hours, end=hours.now())
    assert "unnamed log file" in report.kinds
    refused = [sentence for sentence in report.not_judged if "refused" in sentence]
    assert len(refused) == 2
    assert "whether the trail logged and validated then is not known" in " ".join(report.not_judged)


@pytest.mark.parametrize("refused", ["LookupEvents", "GetTrailStatus"])
def test_the_newest_digest_is_missed_by_status_alone_or_by_history_alone(hours, refused):
    hours.delete(hours.home.digests[-1])
    hours.lab.clock.advance(hours=1)
    hours.cloudtrail.refuses = {refused}
    assert "uncovered hours" in kinds(hours, START, hours.now())


def test_the_last_digest_before_a_stop_was_deleted(trail):
    trail.hours(2)
    trail.lab.clock.advance(minutes=20)
    trail.stop()
    trail.delete(trail.home.digests[-1])
    assert kinds(trail) == ["uncovered hours"]
    trail.lab.clock.advance(days=2)
    assert kinds(trail) == ["uncovered hours"]


def test_the_first_chain_was_deleted(trail):
    trail.hours(3)
    trail.stop()
    trail.lab.clock.advance(hours=2)
    trail.start()
    trail.hours(3)
    for made in trail.home.digests[:4]:
        trail.delete(made)
    report = verify(trail)
    assert sorted(report.kinds) == ["uncovered hours", "unnamed log file"]
    (hole,) = [each for each in report.findings if each.kind == "uncovered hours"]
    assert iso(START) in hole.sentence
    assert iso(START + 3 * HOUR) in hole.sentence


def test_the_first_chain_was_deleted_with_its_log_files(trail):
    trail.hours(3)
    trail.stop()
    trail.lab.clock.advance(hours=2)
    trail.start()
    trail.hours(3)
    for made in (*trail.home.digests[:4], *trail.home.log_files[:3]):
        trail.delete(made)
    assert kinds(trail) == ["uncovered hours"]


def test_everything_was_deleted(hours):
    for made in (*hours.home.digests, *hours.home.log_files):
        hours.delete(made)
    assert kinds(hours) == ["uncovered hours"]
    assert not verify(hours).intact


@pytest.mark.parametrize(
    "lie",
    [
        {"previousDigestHashValue": "ab" * 32},
        {"previousDigestSignature": "ab" * 256},
        {"previousDigestS3Object": "AWSLogs/elsewhere.json.gz"},
        {"previousDigestS3Bucket": "another-bucket"},
    ],
)
def test_a_digest_was_signed_again_with_a_wrong_link(hours, lie):
    hours.home.resign(hours.home.digests[-1], lambda members: members.update(lie))
    report = verify(hours)
    assert report.kinds == ["broken link"] or report.kinds == ["missing digest", "broken link"]
    assert uri(hours.home.digests[-1]) in [each.object for each in report.findings]
    # The log files are still those that the signature stands for.
    assert report.log_files == (6, 6)


def test_a_digest_was_taken_out_and_the_chain_signed_again(hours):
    """The hour in between is gone from the chain, and shows."""
    chain = hours.home
    chain.digests.pop(3)
    gone = chain.digests[2]
    hours.delete(hours.home.log_files[3])
    link = {
        "previousDigestS3Object": gone.object_key,
        "previousDigestSignature": gone.signature,
    }
    chain.resign(chain.digests[3], lambda members: members.update(link))
    assert "broken link" in kinds(hours)


def test_a_log_file_was_added(hours):
    made = hours.home.log_files[3]
    forged = made._replace(object_key=made.object_key[:-24] + "A" * 16 + ".json.gz")
    put_log(hours, forged, gzip.compress(b'{"Records": []}'))
    report = verify(hours)
    assert [(each.kind, each.object) for each in report.findings] == [
        ("unnamed log file", uri(forged))
    ]


def test_a_log_file_that_waits_for_its_digest_is_no_finding_until_it_should_be_named(hours):
    hours.lab.clock.advance(minutes=5)
    hours.home.put_log_file(named=False)
    assert verify(hours).intact
    hours.lab.clock.advance(minutes=55)
    hours.home.put_digest()
    assert kinds(hours) == ["unnamed log file"]


def test_a_late_delivery_is_named_by_a_later_digest(hours):
    """A log file with an old name, delivered after a fault was mended."""
    made = hours.home.put_log_file()
    hours.delete(made)
    hours.lab.clock.advance(hours=1)
    hours.home.waiting = []
    hours.home.put_digest()
    hours.lab.clock.advance(hours=1)
    hours.home.put_digest()
    hours.lab.clock.advance(minutes=10)
    hours.home.waiting = [made]
    put_log(hours, made, gzip.compress(made.unpacked))
    hours.lab.clock.advance(minutes=50)
    hours.home.put_digest()
    assert verify(hours).intact
    assert verify(hours, START, START + 6 * HOUR).intact


def test_another_trails_log_files_in_the_same_folder_are_its_own_business(hours):
    other = MadeTrail.__new__(MadeTrail)
    other.__dict__.update(hours.__dict__, trail_name="other-trail")
    chain = type(hours.home)(other, HOME)
    chain.put_log_file()
    hours.hours(1)
    chain.put_digest()
    assert verify(hours).intact
    hours.delete(chain.digests[0])
    assert kinds(hours) == ["unnamed log file"]
    described = {**hours.cloudtrail.described[0], "LogFileValidationEnabled": False}
    described["TrailARN"] = TRAIL_ARN.replace("amber-trail", "other-trail")
    hours.cloudtrail.described.append(described)
    report = verify(hours)
    assert report.intact
    assert "other-trail, which delivers here without validation" in report.not_judged[0]


# --- Further checks -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "record", [{"awsRegion": "eu-west-1"}, {"recipientAccountId": "999900001111"}]
)
def test_a_log_file_tells_of_another_account_or_region(trail, record):
    trail.home.put_log_file(**record)
    trail.hours(1)
    assert kinds(trail) == ["foreign records"]


def test_a_digest_names_a_log_file_of_another_region():
    with made_trail(*MULTI_REGION) as trail:
        trail.home.waiting.append(trail.chains["eu-west-1"].put_log_file())
        trail.hours(1)
        assert kinds(trail) == ["foreign records"]


def test_an_older_record_need_not_say_whose_it_is(trail):
    unpacked = b'{"Records": [{"eventName": "Decrypt"}]}'
    made = trail.home.put_log_file()._replace(unpacked=unpacked)
    put_log(trail, made, gzip.compress(unpacked))
    trail.home.waiting = [made]
    trail.hours(1, log_files=0)
    assert verify(trail).intact


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"Records": null}', b'{"Records": [1]}', b"\xff\xfe{}", b"[" * 100_000],
)
def test_a_named_log_file_has_no_records(trail, text):
    made = trail.home.put_log_file()._replace(unpacked=text)
    put_log(trail, made, gzip.compress(text))
    trail.home.waiting = [made]
    trail.hours(1, log_files=0)
    assert kinds(trail) == ["damaged log file"]


def test_the_same_hour_twice_is_told(hours):
    begins = iso(hours.now() - 30 * MINUTE)
    hours.lab.clock.advance(minutes=30)
    hours.home.put_digest(digestStartTime=begins)
    assert "overlapping hours" in kinds(hours)


def test_a_digest_of_two_hours_is_told(hours):
    """Else somebody with the private key could take an hour out and stretch the next one."""
    hours.lab.clock.advance(hours=2)
    hours.home.put_digest()
    assert kinds(hours) == ["overlapping hours"]


def test_an_unsigned_digest_in_between_does_not_discredit_the_next_one(hours):
    made = hours.home.digests[2]
    hours.put(made.object_key.replace("T120017Z", "T123017Z"), b"", metadata_of(made))
    assert kinds(hours) == ["damaged digest"]


def test_a_hole_in_a_chain_is_told(hours):
    hours.lab.clock.advance(hours=2)
    hours.home.put_digest(digestStartTime=iso(hours.now() - HOUR))
    assert "broken link" in kinds(hours)


def test_a_new_chain_does_not_explain_a_hole_while_the_trail_logged(hours):
    hours.lab.clock.advance(hours=2)
    hours.home.previous, hours.home.begins = None, hours.now()
    hours.hours(2)
    assert kinds(hours) == ["uncovered hours"]


def test_a_key_that_was_not_valid_when_the_digest_ended_proves_nothing(hours):
    hours.cloudtrail.key_ends = START + 5 * HOUR
    assert "public key not valid then" in kinds(hours)
    hours.cloudtrail.key_begins, hours.cloudtrail.key_ends = (
        START + 2 * HOUR,
        START + 20 * HOUR,
    )
    assert kinds(hours).count("public key not valid then") == 1


@pytest.mark.parametrize("name", ["account", "end"])
def test_a_signed_digest_that_is_not_about_its_own_name_is_told(hours, name):
    lies = {
        "account": {"awsAccountId": "999900001111"},
        "end": {"digestEndTime": iso(hours.now() - MINUTE)},
    }
    hours.home.resign(hours.home.digests[-1], lambda members: members.update(lies[name]))
    assert "moved digest" in kinds(hours)


MEMBERS = [
    *("awsAccountId", "digestStartTime", "digestEndTime", "digestS3Bucket", "digestS3Object"),
    *("digestPublicKeyFingerprint", "digestSignatureAlgorithm", "logFiles"),
    *("previousDigestS3Bucket", "previousDigestS3Object", "previousDigestHashValue"),
    *("previousDigestHashAlgorithm", "previousDigestSignature"),
]


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        {"s3Bucket": BUCKET, "s3Object": "../x", "hashValue": "", "hashAlgorithm": "SHA-256"},
        {"s3Bucket": BUCKET, "s3Object": "x", "hashValue": "", "hashAlgorithm": "MD5"},
        {"s3Bucket": "", "s3Object": "x", "hashValue": "", "hashAlgorithm": "SHA-256"},
    ],
)
def test_a_signed_digest_that_names_nonsense_is_a_finding(hours, entry):
    hours.home.resign(hours.home.digests[-1], lambda members: members.update(logFiles=[entry]))
    assert not verify(hours).intact


def test_a_bomb_is_a_finding_and_not_unpacked(hours, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_UNPACKED", 1024 * 1024)
    bomb = gzip.compress(bytes(8 * 1024 * 1024))
    put_log(hours, hours.home.log_files[0], bomb)
    put_digest(hours, hours.home.digests[1], bomb)
    findings = [each for each in verify(hours).findings if "damaged" in each.kind]
    assert len(findings) == 2
    assert all("1,048,576 bytes" in each.sentence for each in findings)


def test_an_object_of_any_size_is_not_fetched(hours, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_STORED", 100)
    assert set(kinds(hours)) == {"damaged digest", "unnamed log file"}


def test_a_log_file_under_a_customers_own_key_is_a_finding(hours):
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    rule = {**default, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
    hours.s3.put_bucket_encryption(
        Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    sealed = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    made = hours.home.log_files[0]
    hours.s3.put_object(Bucket=BUCKET, Key=made.object_key, Body=b"", **sealed)
    assert kinds(hours) == ["damaged log file"]


def test_a_folder_of_a_region_that_is_none_is_looked_into(hours):
    made = hours.home.log_files[0]
    for kind in (made, hours.home.digests[0]):
        forged = kind._replace(object_key=kind.object_key.replace("us-east-1", "mars-1"))
        hours.put(forged.object_key, read(hours, kind), metadata_of(hours.home.digests[0]))
    report = verify(hours)
    assert {each.region for each in report.findings} == {"mars-1"}
    assert "unnamed log file" in report.kinds


def test_a_backfill_is_a_chain_of_its_own(hours):
    hours.suffix = "_backfill"
    backfill = type(hours.home)(hours, HOME)
    backfill.begins = START
    hours.lab.clock.advance(minutes=1)
    backfill.put_log_file()
    backfill.put_digest(digestStartTime=iso(START))
    hours.suffix = ""
    report = verify(hours)
    assert report.intact
    assert counts(report) == (7, 7, 7, 7)
    made = backfill.digests[0]
    hours.put(made.object_key, read(hours, made), metadata_of(made))
    assert kinds(hours) == ["damaged digest"]


def test_a_trail_that_was_given_another_bucket_is_followed_into_the_old_one(hours):
    hours.s3.create_bucket(Bucket="new-logs")
    hours.bucket = "new-logs"
    hours.cloudtrail.described[0]["S3BucketName"] = "new-logs"
    previous = {"previousDigestS3Bucket": BUCKET}
    hours.lab.clock.advance(minutes=10)
    hours.home.put_log_file()
    hours.lab.clock.advance(minutes=50)
    hours.home.put_digest(**previous)
    report = verify(hours)
    assert report.intact
    assert counts(report) == (7, 7, 7, 7)
    hours.bucket = BUCKET
    hours.delete(hours.home.digests[2])
    assert "missing digest" in kinds(hours)
    hours.bucket = "new-logs"


def test_the_old_bucket_is_gone(hours):
    hours.s3.create_bucket(Bucket="new-logs")
    hours.bucket = "new-logs"
    hours.cloudtrail.described[0]["S3BucketName"] = "new-logs"
    hours.lab.clock.advance(hours=1)
    hours.home.put_digest(previousDigestS3Bucket="gone-logs")
    assert "missing digest" in kinds(hours)


# --- What cannot be read, and misuse ------------------------------------------------------


def test_whoever_may_not_read_a_file_is_told_so(hours):
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/{hours.home.log_files[0].object_key}",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    hours.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    with pytest.raises(ClientError, match="AccessDenied"):
        verify(hours)


def test_whoever_may_not_list_public_keys_is_told_so(hours):
    hours.cloudtrail.refuses = {"ListPublicKeys"}
    with pytest.raises(ClientError, match="ListPublicKeys"):
        verify(hours)


def test_a_trail_that_is_gone_can_be_verified_where_its_bucket_is_named(hours):
    hours.lab.clock.advance(minutes=10)
    hours.stop()
    hours.cloudtrail.happened("DeleteTrail")
    hours.cloudtrail.described.clear()
    with pytest.raises(UnknownTrail, match="knows no trail"):
        verify(hours)
    assert verify(hours, bucket=BUCKET).intact
    hours.delete(hours.home.digests[0])
    assert not verify(hours, bucket=BUCKET).intact


def test_a_time_without_digests_is_not_called_intact(hours):
    hours.cloudtrail.refuses = {"GetTrailStatus", "LookupEvents"}
    report = verify(hours, START - 50 * HOUR, START - 40 * HOUR)
    assert not report.intact
    assert report.kinds == ["nothing to verify"]
    assert verify(hours, regions=["eu-west-1"]).kinds == ["nothing to verify"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"trail_arn": "amber-trail"}, "not the ARN of a trail"),
        ({"start": datetime(2026, 1, 5, 9)}, "needs a time zone"),
        ({"start": START, "end": START - HOUR}, "is after the end"),
    ],
)
def test_misuse_is_told_in_words(hours, arguments, words):
    given_arguments = {"trail_arn": TRAIL_ARN, "start": START, **arguments}
    with pytest.raises(ValueError, match=words):
        verify_trail(hours.cloudtrail, hours.s3, **given_arguments)


def test_public_keys_of_other_regions_need_clients_there():
    with made_trail(*MULTI_REGION) as trail:
        trail.hours(1)
        with pytest.raises(ValueError, match="in_region must be given"):
            verify(trail, in_region=None)
        assert verify(trail, in_region=None, regions=[HOME]).intact


def test_an_organizations_trail_needs_account_and_id(hours):
    hours.cloudtrail.described[0]["IsOrganizationTrail"] = True
    with pytest.raises(ValueError, match="organization's"):
        verify(hours)


# --- The command --------------------------------------------------------------------------


class MadeSession:
    """Makes the clients that `boto3.Session` would."""

    def __init__(self, trail):
        self.trail = trail

    def client(self, service, region_name, endpoint_url):
        if service == "organizations":
            return self
        return self.trail.s3 if service == "s3" else self.trail.cloudtrail.in_region(region_name)

    def describe_organization(self):
        return {"Organization": {"Id": "o-amber12345"}}


@pytest.fixture
def session(monkeypatch, trail):
    real = command.boto3.Session
    made = MadeSession(trail)
    made.get_available_partitions = real().get_available_partitions
    made.get_available_regions = real().get_available_regions
    monkeypatch.setattr(command.boto3, "Session", lambda: made)


def test_the_command_asks_whose_organization_it_is(trail, session, capsys):
    trail.folder = f"AWSLogs/o-amber12345/{trail.account}"
    trail.cloudtrail.described[0]["IsOrganizationTrail"] = True
    trail.hours(2)
    asked = command.Asked(trail.arn, iso(START), account_id=trail.account)
    assert command.run(asked) == command.INTACT
    assert "us-east-1: 2/2 digest files valid, 2/2 log files valid" in capsys.readouterr().out


@pytest.mark.parametrize(("region", "code"), [("us-east-1", 0), ("eu-west-1", 1), ("mars-1", 1)])
def test_the_command_looks_into_the_region_that_it_is_told(trail, session, region, code):
    trail.hours(2)
    assert command.run(command.Asked(trail.arn, "2026-01-05 09:00:17", region=region)) == code


def test_the_command_takes_times_of_any_zone():
    assert command.parse_time("2026-01-05T10:00:17+01:00") == START
    assert command.parse_time("2026-01-05T09:00:17") == START


# --- The report ---------------------------------------------------------------------------


def test_the_report_reads_well(hours):
    hours.delete(hours.home.log_files[1])
    report = verify(hours)
    assert str(report).splitlines() == [
        f"{TRAIL_ARN}, {iso(START)} to {iso(START + 6 * HOUR)}: 1 finding",
        "  us-east-1: 6/6 digest files valid, 5/6 log files valid",
        f"    verified {iso(START)} to {iso(START + 6 * HOUR)}",
        f"  missing log file: {uri(hours.home.log_files[1])}",
        "    A digest names it, and it is not there.",
    ]
    assert report.rows == [
        {
            "region": "us-east-1",
            "kind": "missing log file",
            "object": uri(hours.home.log_files[1]),
            "sentence": "A digest names it, and it is not there.",
        }
    ]
    assert report.region_rows[0]["log files"] == "5/6"
    assert "<table>" in report._repr_html_()
    verdicts = [file.verdict for file in report.checked]
    assert verdicts.count("valid") == 11
    assert verdicts.count("missing log file") == 1


def test_names_that_somebody_chose_are_not_html(hours):
    forged = hours.home.log_files[0].object_key[:-24] + "<b>.json.gz"
    hours.put(forged, b"")
    html = verify(hours)._repr_html_()
    assert "<b>.json.gz" not in html
    assert "&lt;b&gt;.json.gz" in html


def test_no_name_makes_a_line_of_its_own(hours):
    name = hours.home.log_files[0].object_key[:-24]
    hours.put(f"{name}\n  us-east-1: \x1b[1Aintact.json.gz", b"")
    hours.put(name.replace("us-east-1", "us-east-1\nintact"), b"")
    text = str(verify(hours))
    assert "\\u000a" in text
    assert "\x1b" not in text
    assert not [
        line for line in text.splitlines() if line.startswith(("intact", "  us-east-1: \\"))
    ]


# --- Any mutation -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def for_mutations():
    with made_trail() as made:
        made.hours(3)
        yield made


def mutate(stored, how, where, value):
    place = where % len(stored)
    if how == "set":
        return stored[:place] + bytes([value]) + stored[place + 1 :]
    if how == "cut":
        return stored[:place]
    if how == "insert":
        return stored[:place] + bytes([value]) + stored[place:]
    return stored[:place] + stored[place + 1 + value :]


@given(
    number=st.integers(0, 5),
    how=st.sampled_from(["set", "cut", "insert", "drop"]),
    where=st.integers(0, 10_000),
    value=st.integers(0, 255),
    inside=st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mutation_of_what_a_file_says_is_found(
    for_mutations, number, how, where, value, inside
):
    trail = for_mutations
    made = (*trail.home.digests, *trail.home.log_files)[number]
    metadata = metadata_of(made) if made.signature else {}
    stored = gzip.compress(made.unpacked, mtime=0)
    if inside:
        changed = gzip.compress(mutate(made.unpacked, how, where, value), mtime=0)
    else:
        changed = mutate(stored, how, where, value)
    trail.put(made.object_key, changed, metadata)
    try:
        assert verify(trail).intact is same_text(changed, made.unpacked)
    finally:
        trail.put(made.object_key, stored, metadata)


def same_text(stored, unpacked):
    """Whether it is still one gzip file with the same text in it: a header may say another time."""
    inflater = zlib.decompressobj(31)
    try:
        told = inflater.decompress(stored)
    except zlib.error:
        return False
    return told == unpacked and inflater.eof and not inflater.unused_data


@given(position=st.integers(0, 511), digit=st.sampled_from("0123456789abcdefABCDEF g"))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mutation_of_a_signature_is_found(for_mutations, position, digit):
    trail, made = for_mutations, for_mutations.home.digests[-1]
    signature = made.signature[:position] + digit + made.signature[position + 1 :]
    body = gzip.compress(made.unpacked, mtime=0)
    put_digest(trail, made, body, signature=signature)
    try:
        assert verify(trail).intact is (signature == made.signature)
    finally:
        put_digest(trail, made, body)


def signed_anew(trail, members):
    """The report on a trail whose second digest is `members`, signed; afterwards all is as it was.
    None for what cannot be signed: it cannot be stored either."""
    made = trail.home.digests[1]
    try:
        trail.home.resign(made, lambda signed: (signed.clear(), signed.update(members)))
        return verify(trail)
    except (TypeError, UnicodeEncodeError):
        return None
    finally:
        trail.home.digests[1] = made
        put_digest(trail, made, gzip.compress(made.unpacked, mtime=0))


@pytest.mark.parametrize("member", MEMBERS)
def test_somebody_with_the_private_key_signs_a_wrong_member(for_mutations, member):
    members = json.loads(for_mutations.home.digests[1].unpacked)
    for wrong in (7, {}, ["x"], "", "x\ud800"):
        report = signed_anew(for_mutations, {**members, member: wrong})
        assert report is None or not report.intact, wrong


@pytest.mark.parametrize("member", MEMBERS)
def test_a_digest_without_one_of_its_members_is_a_finding(for_mutations, member):
    made = for_mutations.home.digests[1]
    members = json.loads(made.unpacked)
    del members[member]
    put_digest(for_mutations, made, packed(members))
    try:
        assert not verify(for_mutations).intact
    finally:
        put_digest(for_mutations, made, gzip.compress(made.unpacked, mtime=0))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(member=st.sampled_from(MEMBERS), value=JSON)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_signed_nothing_breaks(for_mutations, member, value):
    """Somebody with the private key signs any nonsense: it is a finding, and no exception."""
    members = json.loads(for_mutations.home.digests[1].unpacked)
    report = signed_anew(for_mutations, {**members, member: value})
    assert report is None or report.intact is (members[member] == value)


def test_the_hour_is_cloudtrails(hours):
    """Not this machine's: a lab's clock may be years away."""
    assert verify(hours).span.ends == START + 6 * HOUR
    assert verify(hours).span.ends < datetime.now(UTC)
