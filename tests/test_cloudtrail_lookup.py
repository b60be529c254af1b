"""Event history, and the public keys with which digests are checked."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aws_words import (
    OTHER_ACCOUNT,
    OTHER_REGION,
    UNCHECKED,
    constraint,
    members,
    refused,
)
from cloudtrail_words import BUCKET, NOON, TRAIL, client_of, trail_arn, trail_bucket
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from kmslab import Lab, StillClock

pytest_plugins = ["cloudtrail_session"]


def found(cloudtrail: Any, attribute: str = "", value: str = "", **asked: Any) -> list[Any]:
    """The first page of what is looked up."""
    wanted = [{"AttributeKey": attribute, "AttributeValue": value}] if attribute else []
    events: list[Any] = cloudtrail.lookup_events(LookupAttributes=wanted, **asked)["Events"]
    return events


def names(events: list[Any]) -> list[str]:
    return [event["EventName"] for event in events]


def pages(cloudtrail: Any, most: int, **asked: Any) -> Iterator[list[Any]]:
    """All pages, as a client without boto3's paginators would fetch them."""
    page = cloudtrail.lookup_events(MaxResults=most, **asked)
    yield page["Events"]
    while "NextToken" in page:
        page = cloudtrail.lookup_events(MaxResults=most, NextToken=page["NextToken"], **asked)
        yield page["Events"]


# --- What is shown ------------------------------------------------------------------------


def test_an_event_is_shown_with_its_record(lab, kms, cloudtrail):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    (shown,) = found(cloudtrail, "EventName", "CreateKey")
    (record,) = [event for event in lab.events() if event["eventName"] == "CreateKey"]
    assert json.loads(shown.pop("CloudTrailEvent")) == record
    assert shown.pop("EventTime") == datetime.fromisoformat(record["eventTime"])
    assert shown == {
        "EventId": record["eventID"],
        "EventName": "CreateKey",
        "EventSource": "kms.amazonaws.com",
        "ReadOnly": "false",
        "Username": "administrator",
        "AccessKeyId": record["userIdentity"]["accessKeyId"],
        "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": arn}],
    }


def test_what_a_service_did_has_neither_user_nor_access_key(cloudtrail, trail):
    (shown,) = found(cloudtrail, "EventName", "GetBucketAcl")
    assert members(shown) & {"Username", "AccessKeyId"} == set()
    assert shown["Resources"] == [
        {"ResourceType": "AWS::S3::Bucket", "ResourceName": f"arn:aws:s3:::{BUCKET}"},
        {"ResourceType": "AWS::S3::Bucket", "ResourceName": BUCKET},
    ]


def test_history_needs_no_trail_and_shows_at_once(kms, cloudtrail):
    kms.list_keys()
    assert names(found(cloudtrail)) == ["ListKeys"]


def test_the_newest_comes_first(kms, cloudtrail):
    for call in (kms.list_keys, kms.list_aliases, kms.create_key):
        call()
    listed = found(cloudtrail)
    assert names(listed) == ["CreateKey", "ListAliases", "ListKeys"]
    times = [event["EventTime"] for event in listed]
    assert times == sorted(times, reverse=True)


def test_data_events_are_no_part_of_it(s3, cloudtrail):
    s3.create_bucket(Bucket="amber")
    s3.put_object(Bucket="amber", Key="a", Body=b"a")
    assert names(found(cloudtrail)) == ["CreateBucket"]


def test_history_is_of_one_account_and_region(lab, kms, cloudtrail):
    kms.list_keys()
    client_of(lab, "kms", region=OTHER_REGION).list_aliases()
    client_of(lab, "kms", OTHER_ACCOUNT).list_aliases()
    assert names(found(cloudtrail)) == ["ListKeys"]
    elsewhere = client_of(lab, "cloudtrail", region=OTHER_REGION)
    assert names(found(elsewhere)) == ["ListAliases"]


def test_there_are_no_insights(kms, cloudtrail):
    kms.list_keys()
    assert found(cloudtrail, EventCategory="insight") == []


# --- By attribute -------------------------------------------------------------------------


@pytest.fixture
def scene(lab: Lab, kms: Any, key_arn: str) -> dict[str, str]:
    """One DescribeKey, by a session of a role, that each of these values is about."""
    session = lab.role("reader", trust=None).session("night-shift")
    role = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    lab.role("reader", {"Version": "2012-10-17", "Statement": [role]})
    lab.client("kms", session).describe_key(KeyId=key_arn)
    record = lab.events()[-1]
    return {
        "EventId": record["eventID"],
        "EventName": "DescribeKey",
        "ReadOnly": "true",
        "Username": "night-shift",
        "ResourceType": "AWS::KMS::Key",
        "ResourceName": key_arn,
        "EventSource": "kms.amazonaws.com",
        "AccessKeyId": session.access_key_id,
    }


@pytest.mark.parametrize(
    "attribute",
    [
        *("EventId", "EventName", "ReadOnly", "Username"),
        *("ResourceType", "ResourceName", "EventSource", "AccessKeyId"),
    ],
)
def test_an_event_is_found_by_each_attribute_and_not_by_another_value(cloudtrail, scene, attribute):
    def ids(value: str) -> list[str]:
        return [event["EventId"] for event in found(cloudtrail, attribute, value)]

    assert scene["EventId"] in ids(scene[attribute])
    other = "false" if attribute == "ReadOnly" else f"{scene[attribute]}x"
    assert scene["EventId"] not in ids(other)


def test_root_is_found_by_its_name(lab, cloudtrail):
    lab.client("kms", lab.root()).list_keys()
    assert names(found(cloudtrail, "Username", "root")) == ["ListKeys"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("AWS::CloudTrail::Trail", TRAIL), ("AWS::S3::Bucket", BUCKET)],
)
def test_what_stands_in_the_request_alone_is_found_too(cloudtrail, trail, kind, name):
    assert "CreateTrail" in names(found(cloudtrail, "ResourceName", name))
    assert "CreateTrail" in names(found(cloudtrail, "ResourceType", kind))


def test_users_are_found_by_name(lab, cloudtrail):
    lab.client("iam").create_user(UserName="alice")
    assert names(found(cloudtrail, "ResourceName", "alice")) == ["CreateUser"]
    assert names(found(cloudtrail, "ResourceType", "AWS::IAM::User")) == ["CreateUser"]


def test_one_attribute_is_looked_up_at_a_time(cloudtrail):
    wanted = {"AttributeKey": "EventName", "AttributeValue": "CreateKey"}
    with refused("InvalidLookupAttributesException", None):
        cloudtrail.lookup_events(LookupAttributes=[wanted, wanted])
    with refused("InvalidLookupAttributesException", None):
        found(cloudtrail, "ReadOnly", "perhaps")


# --- By time ------------------------------------------------------------------------------


def test_start_and_end_belong_to_the_span(lab, kms, cloudtrail):
    """Each call is made a second after the one before."""
    for call in (kms.list_keys, kms.list_aliases, kms.list_keys):
        call()
    when = [datetime.fromisoformat(event["eventTime"]) for event in lab.events()]
    assert names(found(cloudtrail, StartTime=when[1], EndTime=when[1])) == ["ListAliases"]
    assert len(found(cloudtrail, StartTime=when[1])) == 3, "the call before this one as well"
    assert len(found(cloudtrail, EndTime=when[1])) == 2


def test_an_event_is_found_at_the_second_that_it_was_shown_with():
    """Its time has a fraction that nobody is told."""
    with Lab(clock=StillClock(NOON + timedelta(milliseconds=400))) as lab:
        lab.client("kms").list_keys()
        cloudtrail = lab.client("cloudtrail")
        (shown,) = found(cloudtrail)
        when = {"StartTime": shown["EventTime"], "EndTime": shown["EventTime"]}
        assert names(found(cloudtrail, **when)) == ["ListKeys"]


def test_history_reaches_back_ninety_days(lab, kms, cloudtrail):
    kms.create_key()
    lab.clock.advance(days=89)
    assert names(found(cloudtrail)) == ["CreateKey"]
    lab.clock.advance(days=2)
    assert "CreateKey" not in names(found(cloudtrail, StartTime=NOON))


def test_a_span_does_not_end_before_it_begins(cloudtrail):
    with refused("InvalidTimeRangeException", None):
        cloudtrail.lookup_events(StartTime=NOON, EndTime=NOON - timedelta(seconds=1))


# --- In pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 3, 7, 50])
def test_pages_tell_each_event_once_while_others_happen(lab, kms, cloudtrail, most):
    for _ in range(7):
        kms.list_keys()
    told = [event["EventId"] for page in pages(cloudtrail, most) for event in page]
    expected = [event["eventID"] for event in lab.events() if event["eventName"] == "ListKeys"]
    assert told == expected[::-1]


def test_the_last_page_has_no_token(kms, cloudtrail):
    for _ in range(4):
        kms.list_keys()
    named = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}]}
    assert [len(page) for page in pages(cloudtrail, 2, **named)] == [2, 2]


def test_boto3_fetches_all_pages(kms, cloudtrail):
    for _ in range(60):
        kms.list_keys()
    listed = cloudtrail.get_paginator("lookup_events").paginate().search("Events[].EventName")
    assert list(listed).count("ListKeys") == 60


def test_a_token_belongs_to_its_question(lab, kms, cloudtrail):
    for _ in range(3):
        kms.list_keys()
    token = cloudtrail.lookup_events(MaxResults=1)["NextToken"]
    place, _, seal = base64.b64decode(token).decode().partition("\n")
    moved = base64.b64encode(f"{int(place) + 1}\n{seal}".encode()).decode()
    for forged in ("", "token", token[:-4], moved, base64.b64encode(b"-1\nx").decode()):
        with refused("InvalidNextTokenException", None):
            cloudtrail.lookup_events(NextToken=forged)
    named = [{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}]
    with refused("InvalidNextTokenException", None):
        cloudtrail.lookup_events(NextToken=token, LookupAttributes=named)
    with refused("InvalidNextTokenException", None):
        cloudtrail.lookup_events(NextToken=token, StartTime=NOON)
    for other in ({"region": OTHER_REGION}, {"account": OTHER_ACCOUNT}):
        with refused("InvalidNextTokenException", None):
            client_of(lab, "cloudtrail", **other).lookup_events(NextToken=token)
    assert names(cloudtrail.lookup_events(NextToken=token)["Events"]) == ["ListKeys"] * 2


@pytest.mark.parametrize("most", [0, 51, -1])
def test_a_page_has_one_to_fifty_events(lab, most):
    cloudtrail = lab.client("cloudtrail", config=UNCHECKED)
    sentence = f"Max results {most} is invalid. Specify max results between 1 and 50."
    with refused("InvalidMaxResultsException", sentence):
        cloudtrail.lookup_events(MaxResults=most)


def test_a_page_has_fifty_events_where_nothing_is_said(kms, cloudtrail):
    for _ in range(51):
        kms.list_keys()
    assert len(found(cloudtrail)) == 50


def test_an_attribute_that_there_is_not_is_refused_by_the_model(lab):
    cloudtrail = lab.client("cloudtrail", config=UNCHECKED)
    kinds = (
        "EventId, EventName, ReadOnly, Username, ResourceType, ResourceName, EventSource, "
        "AccessKeyId"
    )
    path = "lookupAttributes.1.member.attributeKey"
    with constraint(path, f"satisfy enum value set: [{kinds}]", "Colour"):
        found(cloudtrail, "Colour", "red")


# --- Public keys --------------------------------------------------------------------------


@pytest.fixture
def validating(cloudtrail: Any, bucket: str) -> Any:
    """The usual trail, with digests, that logs."""
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name=TRAIL)
    return cloudtrail


def test_a_public_key_is_shown_once_a_digest_was_signed(lab, validating):
    assert validating.list_public_keys()["PublicKeyList"] == []
    lab.clock.advance(hours=2)
    (shown,) = validating.list_public_keys()["PublicKeyList"]
    assert shown["Fingerprint"] == hashlib.md5(shown["Value"]).hexdigest()
    assert shown["ValidityEndTime"] - shown["ValidityStartTime"] == timedelta(days=30)
    public_key = load_der_public_key(shown["Value"])
    assert isinstance(public_key, RSAPublicKey)
    assert public_key.key_size == 2048
    assert public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1) == shown["Value"]


def test_each_region_has_its_own_key(lab, validating):
    arn = trail_arn("far", OTHER_REGION)
    trail_bucket(lab, "far-logs", arn)
    far = client_of(lab, "cloudtrail", region=OTHER_REGION)
    far.create_trail(Name="far", S3BucketName="far-logs", EnableLogFileValidation=True)
    far.start_logging(Name="far")
    lab.clock.advance(hours=2)
    (here,), (there,) = (client.list_public_keys()["PublicKeyList"] for client in (validating, far))
    assert here["Fingerprint"] != there["Fingerprint"]


def test_a_key_gives_way_to_another_after_thirty_days(lab, validating):
    lab.clock.advance(hours=2)
    (first,) = validating.list_public_keys()["PublicKeyList"]
    lab.clock.advance(days=30, hours=3)
    listed = validating.list_public_keys()["PublicKeyList"]
    assert [each["Fingerprint"] for each in listed][:1] == [first["Fingerprint"]]
    first, second = listed
    assert first["ValidityEndTime"] <= second["ValidityStartTime"]
    before = validating.list_public_keys(EndTime=first["ValidityStartTime"] + timedelta(days=1))
    assert [each["Fingerprint"] for each in before["PublicKeyList"]] == [first["Fingerprint"]]
    after = validating.list_public_keys(StartTime=second["ValidityStartTime"])
    assert [each["Fingerprint"] for each in after["PublicKeyList"]] == [second["Fingerprint"]]


def test_keys_of_the_last_day_are_shown_where_nothing_is_said(lab, validating):
    lab.clock.advance(hours=2)
    (first,) = validating.list_public_keys()["PublicKeyList"]
    validating.stop_logging(Name=TRAIL)
    lab.clock.advance(days=30, hours=10)
    assert validating.list_public_keys()["PublicKeyList"] == [first]
    lab.clock.advance(days=1)
    assert validating.list_public_keys()["PublicKeyList"] == []
    assert validating.list_public_keys(StartTime=NOON)["PublicKeyList"] == [first]


def test_a_span_of_keys_does_not_end_before_it_begins(cloudtrail):
    with refused("InvalidTimeRangeException", None):
        cloudtrail.list_public_keys(StartTime=NOON, EndTime=NOON - timedelta(seconds=1))
    assert cloudtrail.list_public_keys(StartTime=NOON, EndTime=NOON)["PublicKeyList"] == []


def test_lists_of_one_page_know_no_token(cloudtrail):
    with refused("InvalidTokenException", None):
        cloudtrail.list_public_keys(NextToken="next")
    with refused("InvalidTokenException", None):
        cloudtrail.list_trails(NextToken="next")
