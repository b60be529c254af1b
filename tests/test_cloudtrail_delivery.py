"""Log files: what happened arrives in the bucket, in time, in the right place, once."""

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION
from cloudtrail_words import (
    BUCKET,
    SERVICE,
    TRAIL,
    bucket_policy,
    client_of,
    of_service,
    trail_arn,
    trail_bucket,
    trail_key,
)
from delivered_words import LOG_FILE_NAME, by_id, log_files, names, object_keys, told

from kmslab import Lab, StillClock, child, project
from kmslab.services.cloudtrail import agenda, planning
from kmslab.store.object_files import ObjectFiles

pytest_plugins = ["cloudtrail_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
BATCH = 5 * MINUTES
DENIED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        },
    }
)


def at(lab):
    return datetime.fromtimestamp(lab.clock.now(), UTC)


def until(lab, moment):
    """Let the clock move on to `moment`."""
    lab.clock.advance(seconds=moment.timestamp() - lab.clock.now())


def logging_trail(cloudtrail, **settings):
    """The usual trail, which logs; its ARN."""
    made = cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET, **settings)
    cloudtrail.start_logging(Name=TRAIL)
    return made["TrailARN"]


def allow_again(s3):
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy(BUCKET, trail_arn())))


# --- When ---------------------------------------------------------------------------------


def test_what_happened_arrives_with_the_next_batch(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    kms.list_keys()
    until(lab, NOON + BATCH - timedelta(seconds=3))
    assert object_keys(lab) == []
    until(lab, NOON + BATCH)
    (file,) = log_files(lab)
    assert names(file.records) == ["StartLogging", "ListKeys"]
    assert file.delivered_at == NOON + BATCH
    assert LOG_FILE_NAME.fullmatch(file.object_key)["stamp"] == "20260501T1205Z"


def test_where_nothing_happens_no_file_comes(lab, cloudtrail, bucket):
    logging_trail(cloudtrail)
    lab.clock.advance(days=2)
    assert len(object_keys(lab)) == 1


def test_what_happens_at_the_very_moment_of_a_batch_is_told_with_the_next(
    lab, cloudtrail, bucket, kms
):
    logging_trail(cloudtrail)
    # The request itself takes the last second.
    until(lab, NOON + BATCH - timedelta(seconds=1))
    kms.list_keys()
    assert lab.events()[-1]["eventTime"] == "2026-05-01T12:05:00Z"
    until(lab, NOON + 2 * BATCH)
    first, second = log_files(lab)
    assert names(first.records) == ["StartLogging"]
    assert names(second.records) == ["ListKeys"]
    assert second.delivered_at == NOON + 2 * BATCH


def test_many_batches_are_delivered_each_at_its_time(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    for _ in range(4):
        kms.list_keys()
        lab.clock.advance(minutes=5)
    delivered = [file.delivered_at - NOON for file in log_files(lab)]
    assert delivered == [BATCH, 2 * BATCH, 3 * BATCH, 4 * BATCH]


def test_a_trail_that_stops_delivers_at_once_and_tells_of_its_end(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    kms.list_keys()
    cloudtrail.stop_logging(Name=TRAIL)
    stopped = at(lab)
    kms.create_key()
    lab.clock.advance(days=1)
    (file,) = log_files(lab)
    assert names(file.records) == ["StartLogging", "ListKeys", "StopLogging"]
    assert file.delivered_at == stopped


def test_a_trail_that_logs_again_tells_nothing_of_the_time_between(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    cloudtrail.stop_logging(Name=TRAIL)
    kms.list_keys()
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_aliases()
    lab.clock.advance(minutes=5)
    first, second = sorted(log_files(lab), key=lambda file: file.delivered_at)
    assert names(first.records) == ["StartLogging", "StopLogging"]
    assert names(second.records) == ["StartLogging", "ListAliases"]


def test_a_trail_that_is_deleted_delivers_what_it_owes(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    kms.list_keys()
    cloudtrail.delete_trail(Name=TRAIL)
    deleted = at(lab)
    kms.list_aliases()
    lab.clock.advance(hours=1)
    (file,) = log_files(lab)
    assert names(file.records) == ["StartLogging", "ListKeys", "DeleteTrail"]
    assert file.delivered_at == deleted
    assert list(lab._store.trails) == []


def test_a_deleted_trail_and_another_one_of_its_name_tell_each_its_own(
    lab, cloudtrail, bucket, kms
):
    logging_trail(cloudtrail)
    cloudtrail.delete_trail(Name=TRAIL)
    logging_trail(cloudtrail)
    kms.list_keys()
    lab.clock.advance(minutes=5)
    told_of = by_id(told(log_files(lab)))
    assert names(told_of.values()).count("StartLogging") == 2
    assert "CreateTrail" not in names(told_of.values())


def test_selectors_that_change_leave_what_happened_before_to_the_old_ones(
    lab, cloudtrail, bucket, kms
):
    logging_trail(cloudtrail)
    kms.list_keys()
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    kms.list_keys()
    kms.create_key()
    lab.clock.advance(minutes=5)
    assert sorted(names(file.records) for file in log_files(lab)) == [
        ["PutEventSelectors", "CreateKey"],
        ["StartLogging", "ListKeys"],
    ]
    assert {file.delivered_at for file in log_files(lab)} == {NOON + BATCH}


# --- What ---------------------------------------------------------------------------------


def test_the_records_are_the_events_that_the_lab_tells(lab, cloudtrail, bucket, kms):
    logging_trail(cloudtrail)
    before = len(lab.events()) - 1
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"department": "payroll"})
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/nobody")
    cloudtrail.stop_logging(Name=TRAIL)
    lab.clock.advance(minutes=5)
    assert by_id(told(log_files(lab))) == by_id(lab.events()[before:])


def test_a_file_is_one_compact_json_object_in_one_gzip_member(lab, cloudtrail, bucket):
    logging_trail(cloudtrail)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    assert list(file.members) == ["Records"]
    assert file.text == json.dumps(file.members, separators=(",", ":")).encode()
    assert (file.head["ContentType"], file.head["ContentEncoding"]) == ("application/json", "gzip")
    assert file.head["Metadata"] == {}


def test_a_file_tells_of_ten_thousand_events_at_most(lab, cloudtrail, bucket, kms, monkeypatch):
    assert planning.MOST_EVENTS == 10_000
    monkeypatch.setattr(planning, "MOST_EVENTS", 3)
    logging_trail(cloudtrail)
    for _ in range(6):
        kms.list_keys()
    lab.clock.advance(minutes=5)
    files = log_files(lab)
    assert sorted(len(file.records) for file in files) == [1, 3, 3]
    assert len(by_id(told(files))) == 7


def test_each_region_has_files_of_its_own(lab, cloudtrail, bucket):
    logging_trail(cloudtrail, IsMultiRegionTrail=True)
    client_of(lab, "kms", region=OTHER_REGION).list_keys()
    lab.client("iam", region_name=OTHER_REGION).list_users()
    lab.clock.advance(minutes=5)
    regions = {LOG_FILE_NAME.fullmatch(file.object_key)["region"]: file for file in log_files(lab)}
    assert names(regions[OTHER_REGION].records) == ["ListKeys"]
    assert names(regions[REGION].records) == ["StartLogging", "ListUsers"]


def test_a_trail_of_one_region_tells_of_no_other(lab, cloudtrail, bucket):
    logging_trail(cloudtrail)
    client_of(lab, "kms", region=OTHER_REGION).list_keys()
    lab.clock.advance(minutes=5)
    assert names(told(log_files(lab))) == ["StartLogging"]


def test_the_files_lie_below_the_prefix_in_the_folder_of_the_day(lab, cloudtrail):
    trail_bucket(lab, BUCKET, prefix="audit/2026")
    until(lab, datetime(2026, 12, 31, 23, 58, tzinfo=UTC))
    logging_trail(cloudtrail, S3KeyPrefix="audit/2026")
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    name = LOG_FILE_NAME.fullmatch(file.object_key)
    assert (name["prefix"], name["account"]) == ("audit/2026", ACCOUNT)
    assert (name["folder"], name["stamp"]) == ("2027/01/01", "20270101T0000Z")


def test_files_that_wait_go_where_the_trail_delivers_to_by_then(lab, cloudtrail, bucket, kms):
    trail_bucket(lab, "other-logs")
    logging_trail(cloudtrail)
    kms.list_keys()
    cloudtrail.update_trail(Name=TRAIL, S3BucketName="other-logs")
    lab.clock.advance(minutes=5)
    assert object_keys(lab) == []
    assert names(told(log_files(lab, "other-logs"))) == [
        *("StartLogging", "ListKeys", "GetBucketAcl", "UpdateTrail")
    ]


# --- Encrypted and in whose name ----------------------------------------------------------


def test_a_trail_with_a_key_has_its_files_encrypted_under_it(lab, cloudtrail, bucket, key_arn):
    arn = logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    assert (file.head["ServerSideEncryption"], file.head["SSEKMSKeyId"]) == ("aws:kms", key_arn)
    assert lab.s3.at_rest(BUCKET, file.object_key).encryption_context == {
        "aws:cloudtrail:arn": arn,
        "aws:s3:arn": f"arn:aws:s3:::{BUCKET}/{file.object_key}",
    }


def test_a_trail_without_a_key_asks_for_sse_s3_whatever_the_bucket_prefers(
    lab, cloudtrail, bucket, s3, key_arn
):
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rules)
    logging_trail(cloudtrail)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    assert file.head["ServerSideEncryption"] == "AES256"
    assert data_keys(lab) == []


def data_keys(lab):
    """What KMS noted of CloudTrail's encryption."""
    return [event for event in of_service(lab) if event["eventName"] == "GenerateDataKey"]


def test_each_file_asks_for_a_data_key_in_cloudtrails_name(lab, cloudtrail, bucket, key_arn):
    arn = logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    # The first one tried out the key when the trail was made.
    _, event = data_keys(lab)
    assert {name: event.pop(name) for name in ("requestID", "eventID", "sharedEventID")}
    key_material_id = event.pop("additionalEventData")["keyMaterialId"]
    assert len(key_material_id) == 64
    assert event == {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSService", "invokedBy": SERVICE},
        "eventTime": "2026-05-01T12:05:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "GenerateDataKey",
        "awsRegion": REGION,
        "sourceIPAddress": SERVICE,
        "userAgent": SERVICE,
        "requestParameters": {
            "keyId": key_arn,
            "keySpec": "AES_256",
            "encryptionContext": {
                "aws:cloudtrail:arn": arn,
                "aws:s3:arn": f"arn:aws:s3:::{BUCKET}/{file.object_key}",
            },
        },
        "responseElements": None,
        "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key_arn}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def puts(lab):
    """What S3 noted of CloudTrail's writes."""
    return [
        event
        for event in lab.events(data_events=True)
        if event["eventName"] == "PutObject" and event["userIdentity"].get("invokedBy") == SERVICE
    ]


def test_the_event_of_a_write_names_cloudtrail_and_the_object(lab, cloudtrail, bucket, key_arn):
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab)
    (event,) = puts(lab)
    assert {name: event.pop(name) for name in ("requestID", "eventID", "sharedEventID")}
    assert event.pop("additionalEventData") == {
        "bytesTransferredIn": file.head["ContentLength"],
        "SSEApplied": "SSE_KMS",
    }
    encryption = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }
    assert event == {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSService", "invokedBy": SERVICE},
        "eventTime": "2026-05-01T12:05:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "awsRegion": REGION,
        "sourceIPAddress": SERVICE,
        "userAgent": SERVICE,
        "requestParameters": {
            "bucketName": BUCKET,
            "key": file.object_key,
            "x-amz-acl": "bucket-owner-full-control",
            **encryption,
            "Host": f"{BUCKET}.s3.{REGION}.amazonaws.com",
        },
        "responseElements": encryption,
        "readOnly": False,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{BUCKET}/{file.object_key}"},
            {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{BUCKET}"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data",
    }


def test_bucket_and_key_of_another_account_have_both_accounts_told(lab, cloudtrail):
    trail_bucket(lab, BUCKET, trail_arn(), account=OTHER_ACCOUNT)
    key_arn = trail_key(lab, trail_arn(), account=OTHER_ACCOUNT)
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    assert len(log_files(lab, account=OTHER_ACCOUNT)) == 1
    for own, owners in (puts(lab), data_keys(lab)[-2:]):
        assert own["recipientAccountId"] == ACCOUNT
        assert owners["recipientAccountId"] == OTHER_ACCOUNT
        assert own["sharedEventID"] == owners["sharedEventID"]
        assert own["userIdentity"] == owners["userIdentity"]


def test_the_bucket_may_be_in_another_region_with_its_key(lab, cloudtrail):
    trail_bucket(lab, BUCKET, region=OTHER_REGION)
    key_arn = trail_key(lab, region=OTHER_REGION)
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    (file,) = log_files(lab, region=OTHER_REGION)
    assert LOG_FILE_NAME.fullmatch(file.object_key)["region"] == REGION
    assert {event["awsRegion"] for event in (*puts(lab), *of_service(lab))} == {OTHER_REGION}


def test_a_file_of_nothing_but_cloudtrails_own_calls_waits_for_the_full_hour(
    lab, cloudtrail, bucket, key_arn, kms
):
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(hours=3)
    assert [file.delivered_at - NOON for file in log_files(lab)] == [
        BATCH,
        *(timedelta(hours=hours) for hours in (1, 2, 3)),
    ]
    until(lab, NOON + timedelta(hours=3, minutes=20))
    kms.list_keys()
    until(lab, NOON + timedelta(hours=3, minutes=25))
    latest = log_files(lab)[-1]
    assert names(latest.records) == ["GenerateDataKey", "ListKeys"]


def test_what_a_reader_decrypts_is_no_call_of_cloudtrails_own(lab, cloudtrail, bucket, key_arn):
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    lab.clock.advance(minutes=5)
    assert len(log_files(lab)) == 1
    lab.clock.advance(minutes=5)
    assert names(log_files(lab)[-1].records) == ["GenerateDataKey", "Decrypt"]


# --- What S3 refuses ----------------------------------------------------------------------


def status(cloudtrail):
    return cloudtrail.get_trail_status(Name=TRAIL)


def test_a_delivery_tells_the_status_of_its_trail(lab, cloudtrail, bucket):
    logging_trail(cloudtrail)
    assert "LatestDeliveryTime" not in status(cloudtrail)
    lab.clock.advance(minutes=5)
    assert status(cloudtrail)["LatestDeliveryTime"] == NOON + BATCH
    assert "LatestDeliveryError" not in status(cloudtrail)


def test_a_bucket_policy_that_denies_is_told_in_the_status_until_it_allows(
    lab, cloudtrail, bucket, s3
):
    logging_trail(cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    lab.clock.advance(minutes=12)
    assert status(cloudtrail)["LatestDeliveryError"] == "AccessDenied"
    assert status(cloudtrail)["LatestDeliveryAttemptTime"] == "2026-05-01T12:10:00Z"
    assert "LatestDeliveryTime" not in status(cloudtrail)
    allow_again(s3)
    lab.clock.advance(minutes=5)
    assert status(cloudtrail)["LatestDeliveryTime"] == NOON + 3 * BATCH
    assert "LatestDeliveryError" not in status(cloudtrail)


def test_a_bucket_that_is_gone_is_told_in_the_status(lab, cloudtrail, bucket, s3):
    logging_trail(cloudtrail)
    s3.delete_bucket(Bucket=BUCKET)
    lab.clock.advance(minutes=5)
    assert status(cloudtrail)["LatestDeliveryError"] == "NoSuchBucket"
    trail_bucket(lab)
    lab.clock.advance(minutes=5)
    assert "StartLogging" in names(told(log_files(lab)))


def test_a_disk_that_refuses_is_an_internal_error(lab, cloudtrail, bucket, monkeypatch):
    logging_trail(cloudtrail)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(ObjectFiles, "new", full)
        lab.clock.advance(minutes=5)
    assert status(cloudtrail)["LatestDeliveryError"] == "InternalError"
    lab.clock.advance(minutes=5)
    assert "StartLogging" in names(told(log_files(lab)))


def test_while_a_file_is_refused_it_alone_is_tried_once_a_batch(lab, cloudtrail, bucket, kms, s3):
    logging_trail(cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    for _ in range(6):
        kms.list_keys()
        lab.clock.advance(minutes=5)
    tried = puts(lab)
    assert len(tried) == 6
    assert len({event["requestParameters"]["key"] for event in tried}) == 1
    assert {event["errorCode"] for event in tried} == {"AccessDenied"}


def test_a_key_that_was_disabled_for_a_day_loses_nothing(lab, cloudtrail, bucket, key_arn, kms):
    before = len(lab.events())
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    kms.disable_key(KeyId=key_arn)
    for _ in range(24):
        kms.list_keys()
        lab.clock.advance(hours=1)
    assert status(cloudtrail)["LatestDeliveryError"] == "KMS.DisabledException"
    assert object_keys(lab) == []
    kms.enable_key(KeyId=key_arn)
    lab.clock.advance(minutes=5)
    cloudtrail.stop_logging(Name=TRAIL)
    last = lab.events()[-1]["eventID"]
    lab.clock.advance(minutes=5)
    happened = by_id(lab.events()[before:])
    order = list(happened)
    start = names(happened.values()).index("StartLogging")
    delivered = by_id(told(log_files(lab)))
    assert delivered.keys() == set(order[start : order.index(last) + 1])
    assert all(happened[event_id] == record for event_id, record in delivered.items())
    assert names(delivered.values()).count("ListKeys") == 24


def test_after_thirty_days_a_file_is_given_up_and_nothing_behind_it(
    lab, cloudtrail, bucket, kms, s3
):
    logging_trail(cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    until(lab, NOON + timedelta(days=10))
    kms.list_keys()
    until(lab, NOON + timedelta(days=30, minutes=7))
    allow_again(s3)
    lab.clock.advance(minutes=5)
    assert names(told(log_files(lab))) == ["ListKeys", "PutBucketPolicy"]


def test_before_thirty_days_are_over_nothing_is_given_up(lab, cloudtrail, bucket, s3):
    logging_trail(cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    until(lab, NOON + timedelta(days=30) + 2 * MINUTES)
    allow_again(s3)
    lab.clock.advance(minutes=5)
    assert "StartLogging" in names(told(log_files(lab)))


def test_a_deleted_trail_goes_on_trying(lab, cloudtrail, bucket, kms, s3):
    logging_trail(cloudtrail)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    kms.list_keys()
    cloudtrail.delete_trail(Name=TRAIL)
    lab.clock.advance(days=3)
    assert object_keys(lab) == []
    allow_again(s3)
    lab.clock.advance(minutes=5)
    assert names(told(log_files(lab))) == [
        *("StartLogging", "PutBucketPolicy", "ListKeys", "DeleteTrail")
    ]
    assert len(lab._store.waiting_files) == len(lab._store.trails) == 0


def test_one_trail_that_fails_does_not_hold_up_another(lab, cloudtrail, bucket, s3, kms):
    trail_bucket(lab, "other-logs", trail_arn("second-trail"))
    logging_trail(cloudtrail)
    cloudtrail.create_trail(Name="second-trail", S3BucketName="other-logs")
    cloudtrail.start_logging(Name="second-trail")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=DENIED)
    kms.list_keys()
    lab.clock.advance(minutes=5)
    assert names(told(log_files(lab, "other-logs"))) == [
        *("StartLogging", "PutBucketPolicy", "ListKeys")
    ]


# --- Killed in between, and other threads -------------------------------------------------


def in_another_process(state, script):
    """Run `script`, which has a lab at `state` and ends by being killed."""
    before = f"""
        import os, signal, sys
        sys.path.insert(0, {str(project.FOLDER / "tests")!r})
        from datetime import UTC, datetime
        from cloudtrail_words import BUCKET, TRAIL, trail_bucket
        from kmslab import Lab, StillClock
        from kmslab.services.cloudtrail import deliveries
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        lab = Lab({str(state)!r}, clock=StillClock(datetime(2026, 5, 1, 12, tzinfo=UTC)))
        cloudtrail, kms = lab.client("cloudtrail"), lab.client("kms")
    """
    code = dedent(before) + dedent(script)
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.FOLDER,
        env=child.clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == -9, process.stderr


LOGGING = """
    trail_bucket(lab)
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_keys()
"""


def reopened(state: Path) -> Lab:
    return Lab(state, clock=StillClock(NOON))


@pytest.mark.parametrize(
    "death",
    [
        "die()",
        "deliveries.put_file = die; lab.clock.advance(minutes=6)",
        "deliveries.Deliveries._note = die; lab.clock.advance(minutes=6)",
    ],
    ids=["before the batch", "between plan and PutObject", "between PutObject and its note"],
)
def test_whoever_is_killed_delivers_every_event_in_one_file(tmp_path, death):
    in_another_process(tmp_path, dedent(LOGGING) + death)
    with reopened(tmp_path) as lab:
        until(lab, NOON + BATCH + MINUTES)
        (file,) = log_files(lab)
        assert names(file.records) == ["StartLogging", "ListKeys"]
        lab.client("cloudtrail").stop_logging(Name=TRAIL)
        lab.clock.advance(minutes=5)
        assert names(by_id(told(log_files(lab))).values()) == [
            *("StartLogging", "ListKeys", "StopLogging")
        ]


def test_what_fell_due_while_the_lab_was_closed_is_delivered_at_its_own_time(tmp_path):
    with reopened(tmp_path) as lab:
        trail_bucket(lab)
        logging_trail(lab.client("cloudtrail"))
        lab.clock.before_advance = lab.clock.after_advance = lambda *_: None
        # As if the clock had gone on without the lab.
        lab._journal.set("advanced", str(timedelta(hours=7).total_seconds()))
    with reopened(tmp_path) as lab:
        (file,) = log_files(lab)
        assert file.delivered_at == NOON + BATCH


def test_a_trail_that_changes_while_its_file_is_written_keeps_its_change(
    lab, cloudtrail, bucket, monkeypatch
):
    logging_trail(cloudtrail)
    door = lab.endpoint.call

    def slow_door(*asked, **named):
        answer = door(*asked, **named)
        trail = next(iter(lab._store.trails))
        cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "seen", "Value": "yes"}])
        return answer

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(lab.endpoint, "call", slow_door)
        lab.clock.advance(minutes=5)
    (trail,) = lab._store.trails
    assert dict(trail.tags) == {"seen": "yes"}
    assert trail.latest_delivery == (NOON + BATCH).timestamp()


def test_a_trail_that_is_deleted_while_its_file_is_written_is_not_brought_back(
    lab, cloudtrail, bucket, monkeypatch
):
    logging_trail(cloudtrail)
    door = lab.endpoint.call

    def slow_door(*asked, **named):
        answer = door(*asked, **named)
        monkeypatch.setattr(lab.endpoint, "call", door)
        cloudtrail.delete_trail(Name=TRAIL)
        return answer

    monkeypatch.setattr(lab.endpoint, "call", slow_door)
    lab.clock.advance(minutes=5)
    assert cloudtrail.describe_trails()["trailList"] == []
    lab.clock.advance(minutes=5)
    assert sorted(names(by_id(told(log_files(lab))).values())) == ["DeleteTrail", "StartLogging"]
    assert list(lab._store.trails) == []


def test_a_lab_that_is_emptied_while_a_file_is_written_stays_empty(
    lab, cloudtrail, bucket, monkeypatch
):
    logging_trail(cloudtrail)
    door, emptying = lab.endpoint.call, threading.Thread(target=lab.reset)

    def slow_door(*asked, **named):
        emptying.start()
        # Were it not held back, it would be over by then.
        emptying.join(timeout=0.5)
        return door(*asked, **named)

    monkeypatch.setattr(lab.endpoint, "call", slow_door)
    lab.clock.advance(minutes=5)
    emptying.join(timeout=30)
    assert not emptying.is_alive()
    assert (lab.events(data_events=True), list(lab._store.trails)) == ([], [])


def test_calls_of_many_threads_are_each_told_once_while_the_clock_moves():
    with Lab() as lab:
        trail_bucket(lab)
        cloudtrail = lab.client("cloudtrail")
        logging_trail(cloudtrail)
        clients = [lab.client("kms") for _ in range(4)]

        def call(kms):
            for _ in range(40):
                kms.list_keys()

        threads = [threading.Thread(target=call, args=[kms]) for kms in clients]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            lab.clock.advance(minutes=7)
        cloudtrail.stop_logging(Name=TRAIL)
        lab.clock.advance(minutes=7)
        delivered = by_id(told(log_files(lab)))
        assert names(delivered.values()).count("ListKeys") == 160
        assert {"StartLogging", "StopLogging"} < set(names(delivered.values()))


def test_an_event_that_was_noted_late_is_told_all_the_same(lab, cloudtrail, bucket, kms):
    """A call tells when it began, so a long one is noted behind shorter ones that began later."""
    logging_trail(cloudtrail)
    until(lab, NOON + BATCH - timedelta(seconds=1))
    kms.list_keys()
    late = lab._store.events[-1]._replace(event_id="late", time=NOON.timestamp() + 299)
    lab._store.commit(None, [late])
    lab.clock.advance(minutes=10)
    assert "late" in by_id(told(log_files(lab)))


# --- What it costs ------------------------------------------------------------------------


def test_an_event_is_not_looked_at_again_and_again(lab, cloudtrail, bucket, kms, monkeypatch):
    looks = []
    for module in (agenda, planning):
        selects = module.selects
        monkeypatch.setattr(
            module,
            "selects",
            lambda trail, event, selects=selects: looks.append(1) or selects(trail, event),
        )
    logging_trail(cloudtrail)
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    lab.clock.advance(minutes=5)
    looks.clear()
    for _ in range(200):
        kms.list_keys()
    lab.clock.advance(minutes=5)
    assert len(looks) <= 3 * 200


def test_a_lab_without_trails_looks_at_nothing(lab, kms, monkeypatch):
    monkeypatch.setattr(agenda, "selects", None)
    kms.list_keys()
    lab.clock.advance(days=400)
    assert lab.endpoint.deliveries.next_due() is None


# --- What ends by the clock ---------------------------------------------------------------


def test_what_else_the_clock_brings_stays_in_its_order(lab, cloudtrail, bucket, key_arn, kms):
    logging_trail(cloudtrail, KmsKeyId=key_arn)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    # A first date that is out of date when it comes must not bring on what comes behind it.
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key_id)
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=30)
    lab.clock.advance(days=31)
    times = [event["eventTime"] for event in lab.events()]
    assert "DeleteKey" in names(lab.events())
    assert times == sorted(times)
