"""What the trail tells of S3: data events with encryption named, management events, no secrets."""

import base64
import json
from hashlib import sha256

from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, policy
from botocore import UNSIGNED
from botocore.config import Config
from s3_words import BODY, BUCKET, BUCKET_ARN, NAME, OBJECT_ARN, names, read, refused

pytest_plugins = ["s3_session"]


def data_events(lab):
    return [event for event in lab.events(data_events=True) if event["eventCategory"] == "Data"]


def put(s3, **more):
    return s3.put_object(Bucket=BUCKET, Key=NAME, Body=BODY, **more)


def test_what_happens_to_objects_is_told_only_on_request(lab, s3):
    before = len(lab.events())
    put(s3), read(s3)
    assert lab.events()[before:] == []
    assert names(data_events(lab)) == ["PutObject", "GetObject"]


def test_a_write_is_told_with_bucket_key_and_encryption(lab, s3, sse_kms, key_arn):
    put(s3, **sse_kms)
    (event,) = data_events(lab)
    assert event["eventSource"] == "s3.amazonaws.com"
    assert (event["managementEvent"], event["readOnly"]) == (False, False)
    assert event["requestParameters"] == {
        "bucketName": BUCKET,
        "key": NAME,
        "Host": f"{BUCKET}.s3.amazonaws.com",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    assert event["responseElements"] == {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }
    assert event["additionalEventData"]["SSEApplied"] == "SSE_KMS"
    assert event["additionalEventData"]["bytesTransferredIn"] == len(BODY)
    assert event["resources"] == [
        {"type": "AWS::S3::Object", "ARN": OBJECT_ARN},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": BUCKET_ARN},
    ]


def test_a_read_has_no_response_elements(lab, s3):
    put(s3), read(s3)
    event = data_events(lab)[-1]
    assert (event["readOnly"], event["responseElements"]) == (True, None)
    assert event["additionalEventData"]["bytesTransferredOut"] == len(BODY)


def test_the_encryption_of_the_bucket_is_told_as_its_default(lab, s3, key_arn):
    put(s3)
    put(s3, ServerSideEncryption="AES256")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rule = {"ApplyServerSideEncryptionByDefault": default}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    put(s3)
    told = [
        event["additionalEventData"]["SSEApplied"]
        for event in data_events(lab)
        if event["eventName"] == "PutObject"
    ]
    assert told == ["Default_SSE_S3", "SSE_S3", "Default_SSE_KMS"]


def test_a_change_of_a_bucket_is_a_management_event(lab, s3):
    event = lab.events()[-1]
    assert (event["eventName"], event["managementEvent"]) == ("CreateBucket", True)
    assert event["requestParameters"]["bucketName"] == BUCKET


def test_a_refusal_is_told_as_well(lab, s3):
    reader = lab.user("reader")
    with refused("AccessDenied", 403):
        read(lab.client("s3", reader))
    event = data_events(lab)[-1]
    assert (event["eventName"], event["errorCode"]) == ("GetObject", "AccessDenied")
    assert event["userIdentity"]["arn"] == reader.arn


def test_the_request_id_is_the_one_of_the_answer(lab, s3):
    answer = put(s3)
    assert data_events(lab)[-1]["requestID"] == answer["ResponseMetadata"]["RequestId"]


def test_the_owner_of_a_bucket_is_told_of_strangers(lab, s3):
    guest = lab.user("guest", allow("s3:*"), account=OTHER_ACCOUNT)
    named = {"Effect": "Allow", "Principal": {"AWS": guest.arn}, "Action": "s3:*"}
    statement = {**named, "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy(statement)))
    put(lab.client("s3", guest))
    own, shared = data_events(lab)
    assert [own["recipientAccountId"], shared["recipientAccountId"]] == [OTHER_ACCOUNT, ACCOUNT]
    assert own["sharedEventID"] == shared["sharedEventID"]
    assert shared["userIdentity"]["type"] == "AWSAccount"


def test_no_body_and_no_plaintext_key_is_told(lab, s3, sse_kms):
    put(s3, **sse_kms), read(s3)
    kms = lab.client("kms")
    blob = lab.s3.at_rest(BUCKET, NAME).encrypted_data_key
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"aws:s3:arn": OBJECT_ARN})
    told = json.dumps(lab.events(data_events=True))
    assert BODY.decode()[:40] not in told
    assert opened["Plaintext"].hex() not in told


def test_no_checksum_of_the_plaintext_is_told(lab, s3, sse_kms):
    checksum = base64.b64encode(sha256(BODY).digest()).decode()
    put(s3, ChecksumSHA256=checksum, **sse_kms)
    assert checksum not in json.dumps(lab.events(data_events=True))


def test_in_one_account_an_event_is_shared_with_nobody(lab, s3):
    put(s3)
    assert "sharedEventID" not in data_events(lab)[-1]


def test_nobodys_request_for_what_is_nobodys_is_not_recorded(lab):
    anonymous = lab.client("s3", config=Config(signature_version=UNSIGNED))
    with refused("NoSuchBucket", 404):
        read(anonymous)
    assert lab.events(data_events=True) == []
