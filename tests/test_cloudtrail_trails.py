"""Trails: made, changed, deleted, described, started, stopped, tagged; and the events of that."""

import json
from typing import Any

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    allow,
    members,
    no_identity_policy,
    policy,
    refused,
)
from cloudtrail_words import BUCKET, TRAIL, client_of, trail_arn, trail_bucket
from delivered_words import digests

from kmslab import Lab

pytest_plugins = ["cloudtrail_session"]

OTHER = "second-trail"


@pytest.fixture
def elsewhere(lab: Lab) -> Any:
    """The same administrator in another Region."""
    return client_of(lab, "cloudtrail", region=OTHER_REGION)


@pytest.fixture
def everywhere(cloudtrail: Any, bucket: str) -> str:
    """The ARN of the usual trail, for all Regions."""
    made = cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, IsMultiRegionTrail=True)
    return str(made["TrailARN"])


def names(listed: dict[str, Any]) -> list[str]:
    return [each["Name"] for each in listed["trailList"]]


def last_event(lab: Lab) -> dict[str, Any]:
    return lab.events()[-1]


# --- Made ---------------------------------------------------------------------------------


def test_create_trail_answers_defaults(cloudtrail, bucket):
    made = cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)
    del made["ResponseMetadata"]
    assert made == {
        "Name": TRAIL,
        "S3BucketName": BUCKET,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": False,
        "TrailARN": trail_arn(),
        "LogFileValidationEnabled": False,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
    }


def test_get_trail_tells_what_was_asked_for(lab, cloudtrail, key_arn):
    trail_bucket(lab, "logs-below", trail_arn(), prefix="audit")
    settings = {"IsMultiRegionTrail": True, "EnableLogFileValidation": True, "KmsKeyId": key_arn}
    cloudtrail.create_trail(Name=TRAIL, S3BucketName="logs-below", S3KeyPrefix="audit", **settings)
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"] == {
        "Name": TRAIL,
        "S3BucketName": "logs-below",
        "S3KeyPrefix": "audit",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": REGION,
        "TrailARN": trail_arn(),
        "LogFileValidationEnabled": True,
        "KmsKeyId": key_arn,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
    }


@pytest.mark.parametrize("name", ["abc", "a.b-c_d", "1-2", "A" * 128, "1.2.3.4.5"])
def test_a_good_name_is_taken(lab, cloudtrail, name):
    trail_bucket(lab, "for-good-names", trail_arn(name))
    assert cloudtrail.create_trail(Name=name, S3BucketName="for-good-names")["Name"] == name


_LETTERS = (
    "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, "
    "periods (.), hyphens (-), and underscores (_)."
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ab",
            "Trail name too short. Minimum allowed length: 3 characters. "
            "Specified name length: 2 characters.",
        ),
        (
            "a" * 129,
            "Trail name too long. Maximum allowed length: 128 characters. "
            "Specified name length: 129 characters.",
        ),
        ("-abc", "Trail name must starts with a letter or number."),
        ("abc.", "Trail name must ends with a letter or number."),
        ("a b", _LETTERS),
        ("caf\u00e9", _LETTERS),
        ("abc\n", _LETTERS),
        ("a--b", None),
        ("a-_b", None),
        ("192.168.5.4", None),
    ],
)
def test_a_bad_name_is_refused(cloudtrail, bucket, name, message):
    with refused("InvalidTrailNameException", message):
        cloudtrail.create_trail(Name=name, S3BucketName=bucket)


def test_a_name_is_taken_once_in_a_region(lab, cloudtrail, elsewhere, trail):
    taken = f"Trail {TRAIL} already exists for customer: {ACCOUNT}"
    with refused("TrailAlreadyExistsException", taken):
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET)
    trail_bucket(lab, "logs-elsewhere", trail_arn(region=OTHER_REGION))
    made = elsewhere.create_trail(Name=TRAIL, S3BucketName="logs-elsewhere")
    assert made["TrailARN"] == trail_arn(region=OTHER_REGION)


def test_a_shadow_takes_the_name(lab, elsewhere, everywhere):
    trail_bucket(lab, "logs-elsewhere", trail_arn(region=OTHER_REGION))
    with refused("TrailAlreadyExistsException", None):
        elsewhere.create_trail(Name=TRAIL, S3BucketName="logs-elsewhere")


def test_trails_of_other_accounts_do_not_count(lab, trail):
    trail_bucket(lab, "others-logs", trail_arn(account=OTHER_ACCOUNT), account=OTHER_ACCOUNT)
    theirs = client_of(lab, "cloudtrail", OTHER_ACCOUNT)
    assert names(theirs.describe_trails()) == []
    made = theirs.create_trail(Name=TRAIL, S3BucketName="others-logs")
    assert made["TrailARN"] == trail_arn(account=OTHER_ACCOUNT)


def fill(lab: Lab, client: Any, region: str, count: int, **settings: Any) -> None:
    arns = [trail_arn(f"trail-{number}", region) for number in range(count)]
    name = trail_bucket(lab, f"full-{region}", *arns)
    for number in range(count):
        client.create_trail(Name=f"trail-{number}", S3BucketName=name, **settings)


def test_a_region_has_five_trails(lab, cloudtrail, bucket):
    fill(lab, cloudtrail, REGION, 5)
    full = f"User: {ACCOUNT} already has 5 trails in {REGION}."
    with refused("MaximumNumberOfTrailsExceededException", full):
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)
    cloudtrail.delete_trail(Name="trail-0")
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)


def test_shadows_count_among_the_five(lab, cloudtrail, elsewhere, bucket):
    fill(lab, elsewhere, OTHER_REGION, 5, IsMultiRegionTrail=True)
    full = f"User: {ACCOUNT} already has 5 trails in {REGION}."
    with refused("MaximumNumberOfTrailsExceededException", full):
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)


def test_a_trail_of_all_regions_needs_room_in_all(lab, cloudtrail, elsewhere, bucket):
    fill(lab, elsewhere, OTHER_REGION, 5)
    full = f"User: {ACCOUNT} already has 5 trails in {OTHER_REGION}."
    with refused("MaximumNumberOfTrailsExceededException", full):
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, IsMultiRegionTrail=True)
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)


def test_a_trail_of_all_regions_includes_global_events(cloudtrail, bucket):
    sentence = "Multi-Region trail must include global service events."
    settings = {"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False}
    with refused("InvalidParameterCombinationException", sentence):
        cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, **settings)


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"S3KeyPrefix": "p" * 201}, "InvalidS3PrefixException"),
        ({"S3BucketName": "Not_A_Bucket"}, "InvalidS3BucketNameException"),
        ({"KmsKeyId": "not a key"}, "InvalidKmsKeyIdException"),
        ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException"),
        ({"SnsTopicName": "told"}, "UnsupportedOperationException"),
        ({"CloudWatchLogsRoleArn": "arn:aws:iam::1:role/r"}, "UnsupportedOperationException"),
        ({"RecursiveLogging": False}, "UnsupportedOperationException"),
    ],
)
def test_what_a_trail_cannot_be_is_refused(cloudtrail, bucket, setting, code):
    with refused(code, None):
        cloudtrail.create_trail(**{"Name": TRAIL, "S3BucketName": bucket, **setting})
    assert names(cloudtrail.describe_trails()) == []


# --- Described ----------------------------------------------------------------------------


def test_a_trail_of_all_regions_shows_in_every_region(cloudtrail, elsewhere, everywhere):
    (shown,) = elsewhere.describe_trails()["trailList"]
    assert (shown["TrailARN"], shown["HomeRegion"]) == (everywhere, REGION)
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert names(cloudtrail.describe_trails(includeShadowTrails=False)) == [TRAIL]


def test_a_trail_of_one_region_shows_there_alone(elsewhere, trail):
    assert elsewhere.describe_trails()["trailList"] == []
    assert names(elsewhere.describe_trails(trailNameList=[trail])) == [TRAIL]
    assert elsewhere.describe_trails(trailNameList=[TRAIL])["trailList"] == []


def test_describe_trails_leaves_out_what_is_not_there(cloudtrail, trail):
    asked = [TRAIL, trail, "no-such-trail", trail_arn(account=OTHER_ACCOUNT)]
    assert names(cloudtrail.describe_trails(trailNameList=asked)) == [TRAIL]


def test_list_trails_lists_all_regions(lab, cloudtrail, elsewhere, trail):
    trail_bucket(lab, "logs-elsewhere", trail_arn(OTHER, OTHER_REGION))
    elsewhere.create_trail(Name=OTHER, S3BucketName="logs-elsewhere")
    listed = cloudtrail.list_trails()["Trails"]
    assert listed == elsewhere.list_trails()["Trails"]
    assert {each["TrailARN"]: (each["Name"], each["HomeRegion"]) for each in listed} == {
        trail: (TRAIL, REGION),
        trail_arn(OTHER, OTHER_REGION): (OTHER, OTHER_REGION),
    }


def test_get_trail_refuses_what_is_not_there(cloudtrail, elsewhere, everywhere):
    unknown = f"Unknown trail: no-such-trail for the user: {ACCOUNT}"
    with refused("TrailNotFoundException", unknown):
        cloudtrail.get_trail(Name="no-such-trail")
    with refused("TrailNotFoundException", None):
        elsewhere.get_trail(Name=TRAIL)
    assert elsewhere.get_trail(Name=everywhere)["Trail"]["HomeRegion"] == REGION


def test_a_trail_of_another_account_is_unknown(lab, trail):
    theirs = client_of(lab, "cloudtrail", OTHER_ACCOUNT)
    unknown = f"Unknown trail: {trail} for the user: {OTHER_ACCOUNT}"
    for operation in (theirs.get_trail, theirs.stop_logging, theirs.delete_trail):
        with refused("TrailNotFoundException", unknown):
            operation(Name=trail)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:cloudtrail",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:trail/{TRAIL}",
        f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/x",
        f"arn:aws:cloudtrail:{REGION}:me:trail/{TRAIL}",
    ],
)
def test_what_is_no_arn_of_a_trail_is_refused(cloudtrail, text):
    with refused("CloudTrailARNInvalidException", None):
        cloudtrail.get_trail_status(Name=text)
    with refused("CloudTrailARNInvalidException", None):
        cloudtrail.describe_trails(trailNameList=[text])


# --- Changed ------------------------------------------------------------------------------


def test_update_trail_leaves_what_it_does_not_name(cloudtrail, bucket, key_arn):
    cloudtrail.create_trail(
        Name=TRAIL, S3BucketName=bucket, KmsKeyId=key_arn, EnableLogFileValidation=True
    )
    before = cloudtrail.get_trail(Name=TRAIL)["Trail"]
    answer = cloudtrail.update_trail(Name=trail_arn(), IsMultiRegionTrail=True)
    after = cloudtrail.get_trail(Name=TRAIL)["Trail"]
    assert after == {**before, "IsMultiRegionTrail": True}
    assert {name: answer[name] for name in members(answer)} == {
        name: after[name] for name in members(answer)
    }


def test_an_empty_key_id_ends_encryption(cloudtrail, bucket, key_arn):
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, KmsKeyId=key_arn)
    assert "KmsKeyId" not in cloudtrail.update_trail(Name=TRAIL, KmsKeyId="")
    assert "KmsKeyId" not in cloudtrail.get_trail(Name=TRAIL)["Trail"]
    assert cloudtrail.update_trail(Name=TRAIL, KmsKeyId=key_arn)["KmsKeyId"] == key_arn


def test_a_trail_moves_to_another_bucket(lab, cloudtrail, trail):
    trail_bucket(lab, "new-logs", trail, prefix="new")
    cloudtrail.update_trail(Name=TRAIL, S3BucketName="new-logs", S3KeyPrefix="new")
    moved = cloudtrail.get_trail(Name=TRAIL)["Trail"]
    assert (moved["S3BucketName"], moved["S3KeyPrefix"]) == ("new-logs", "new")


def test_a_refused_update_changes_nothing(cloudtrail, trail):
    before = cloudtrail.get_trail(Name=TRAIL)["Trail"]
    with refused("S3BucketDoesNotExistException", None):
        cloudtrail.update_trail(Name=TRAIL, S3BucketName="nowhere", EnableLogFileValidation=True)
    with refused("InvalidParameterCombinationException", None):
        cloudtrail.update_trail(
            Name=TRAIL, IsMultiRegionTrail=True, IncludeGlobalServiceEvents=False
        )
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"] == before


def test_global_events_stay_in_a_trail_of_all_regions(cloudtrail, everywhere):
    with refused("InvalidParameterCombinationException", None):
        cloudtrail.update_trail(Name=TRAIL, IncludeGlobalServiceEvents=False)


CHANGES = [
    ("update_trail", {"Name": TRAIL}),
    ("delete_trail", {"Name": TRAIL}),
    ("start_logging", {"Name": TRAIL}),
    ("stop_logging", {"Name": TRAIL}),
    ("put_event_selectors", {"TrailName": TRAIL, "EventSelectors": [{"ReadWriteType": "All"}]}),
]


@pytest.mark.parametrize(("operation", "asked"), CHANGES)
def test_a_trail_is_changed_in_its_home_region_alone(elsewhere, everywhere, operation, asked):
    by_arn = {name: everywhere if value == TRAIL else value for name, value in asked.items()}
    for request in (asked, by_arn):
        with refused("InvalidHomeRegionException", None):
            getattr(elsewhere, operation)(**request)


@pytest.mark.parametrize(("operation", "asked"), CHANGES)
def test_a_change_of_what_is_not_there_is_refused(cloudtrail, operation, asked):
    unknown = f"Unknown trail: {TRAIL} for the user: {ACCOUNT}"
    with refused("TrailNotFoundException", unknown):
        getattr(cloudtrail, operation)(**asked)


def test_a_trail_that_leaves_other_regions_shows_there_no_more(cloudtrail, elsewhere, everywhere):
    cloudtrail.update_trail(Name=TRAIL, IsMultiRegionTrail=False)
    assert elsewhere.describe_trails()["trailList"] == []


def test_a_deleted_trail_is_gone_and_its_name_free(cloudtrail, bucket, trail):
    cloudtrail.start_logging(Name=TRAIL)
    cloudtrail.delete_trail(Name=trail)
    with refused("TrailNotFoundException", None):
        cloudtrail.get_trail_status(Name=TRAIL)
    assert cloudtrail.list_trails()["Trails"] == []
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket)
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is False


# --- Logging ------------------------------------------------------------------------------


def test_a_new_trail_does_not_log(cloudtrail, trail):
    status = cloudtrail.get_trail_status(Name=TRAIL)
    assert {name: status[name] for name in members(status)} == {
        "IsLogging": False,
        "LatestDeliveryAttemptTime": "",
        "LatestDeliveryAttemptSucceeded": "",
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "TimeLoggingStarted": "",
        "TimeLoggingStopped": "",
    }


def test_the_status_tells_when_logging_began_and_ended(lab, cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    began = last_event(lab)["eventTime"]
    cloudtrail.stop_logging(Name=TRAIL)
    ended = last_event(lab)["eventTime"]
    status = cloudtrail.get_trail_status(Name=trail)
    assert status["IsLogging"] is False
    assert (status["TimeLoggingStarted"], status["TimeLoggingStopped"]) == (began, ended)
    assert status["StartLoggingTime"].strftime("%Y-%m-%dT%H:%M:%SZ") == began
    assert began < ended


def test_starting_and_stopping_twice_does_no_harm(cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    began = cloudtrail.get_trail_status(Name=TRAIL)["StartLoggingTime"]
    cloudtrail.start_logging(Name=TRAIL)
    status = cloudtrail.get_trail_status(Name=TRAIL)
    assert (status["IsLogging"], status["StartLoggingTime"]) == (True, began)
    cloudtrail.stop_logging(Name=TRAIL)
    ended = cloudtrail.get_trail_status(Name=TRAIL)["StopLoggingTime"]
    cloudtrail.stop_logging(Name=TRAIL)
    assert cloudtrail.get_trail_status(Name=TRAIL)["StopLoggingTime"] == ended


def chains(lab: Lab) -> list[int]:
    """How many digests each chain has in the bucket; a chain begins with one that names none."""
    counts: list[int] = []
    for digest in digests(lab):
        if digest.members["previousDigestSignature"] is None:
            counts.append(0)
        counts[-1] += 1
    return counts


def test_validation_follows_a_trail_while_it_logs(lab, cloudtrail, trail):
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    lab.clock.advance(hours=3)
    assert chains(lab) == [], "it does not log yet"
    cloudtrail.start_logging(Name=TRAIL)
    lab.clock.advance(hours=3)
    assert chains(lab) == [3]


def test_validation_that_is_switched_on_later_begins_then(lab, cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    lab.clock.advance(hours=3)
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    began = last_event(lab)["eventTime"]
    lab.clock.advance(hours=2)
    assert chains(lab) == [2]
    assert digests(lab)[0].members["digestStartTime"] == began


def test_a_change_of_what_is_followed_breaks_no_chain(lab, cloudtrail, trail):
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name=TRAIL)
    lab.clock.advance(hours=1)
    cloudtrail.start_logging(Name=TRAIL)
    cloudtrail.update_trail(Name=TRAIL, EnableLogFileValidation=True, S3BucketName=BUCKET)
    lab.clock.advance(hours=1)
    assert chains(lab) == [2]


# --- Who may ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "action", "asked"),
    [
        ("create_trail", "CreateTrail", {"Name": TRAIL, "S3BucketName": "nowhere"}),
        ("get_trail", "GetTrail", {"Name": TRAIL}),
        ("get_trail_status", "GetTrailStatus", {"Name": TRAIL}),
        ("stop_logging", "StopLogging", {"Name": TRAIL}),
        ("get_event_selectors", "GetEventSelectors", {"TrailName": TRAIL}),
        ("add_tags", "AddTags", {"ResourceId": trail_arn(), "TagsList": [{"Key": "a"}]}),
        ("list_tags", "ListTags", {"ResourceIdList": [trail_arn()]}),
    ],
)
def test_who_may_not_is_told_nothing_of_trails(lab, operation, action, asked):
    """There is no such trail; the refusal is the one for a trail that is there."""
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, f"cloudtrail:{action}", trail_arn()):
        getattr(lab.client("cloudtrail", nobody), operation)(**asked)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("describe_trails", "DescribeTrails"),
        ("list_trails", "ListTrails"),
        ("lookup_events", "LookupEvents"),
        ("list_public_keys", "ListPublicKeys"),
    ],
)
def test_lists_are_decided_for_the_account(lab, operation, action):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, f"cloudtrail:{action}", "*"):
        getattr(lab.client("cloudtrail", nobody), operation)()


def test_a_right_is_to_one_trail(lab, trail):
    reader = lab.user("reader", allow("cloudtrail:GetTrail", resource=trail))
    client = lab.client("cloudtrail", reader)
    assert client.get_trail(Name=TRAIL)["Trail"]["TrailARN"] == trail
    with no_identity_policy(reader, "cloudtrail:GetTrail", trail_arn(OTHER)):
        client.get_trail(Name=OTHER)


# --- Tags ---------------------------------------------------------------------------------


def tags_of(cloudtrail: Any, arn: str) -> dict[str, str]:
    (listed,) = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert listed["ResourceId"] == arn
    return {tag["Key"]: tag.get("Value", "") for tag in listed["TagsList"]}


def pairs(**tags: str) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def test_tags_are_added_replaced_and_removed(cloudtrail, bucket):
    made = cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, TagsList=pairs(team="a"))
    arn = made["TrailARN"]
    cloudtrail.add_tags(ResourceId=arn, TagsList=[*pairs(team="b", use="audit"), {"Key": "bare"}])
    assert tags_of(cloudtrail, arn) == {"team": "b", "use": "audit", "bare": ""}
    cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": "use"}, {"Key": "not-there"}])
    assert tags_of(cloudtrail, arn) == {"team": "b", "bare": ""}


def test_a_trail_has_at_most_fifty_tags(cloudtrail, bucket, trail):
    fifty = pairs(**{f"tag-{number}": "x" for number in range(50)})
    cloudtrail.add_tags(ResourceId=trail, TagsList=fifty)
    with refused("TagsLimitExceededException", None):
        cloudtrail.add_tags(ResourceId=trail, TagsList=pairs(one="more"))
    with refused("TagsLimitExceededException", None):
        cloudtrail.create_trail(Name=OTHER, S3BucketName=bucket, TagsList=[*fifty, {"Key": "x"}])
    cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "tag-0", "Value": "changed"}])
    assert len(tags_of(cloudtrail, trail)) == 50


def test_bad_tags_are_refused(cloudtrail, trail):
    for tags in ([*pairs(a="1"), *pairs(a="2")], [{"Key": "aws:mine"}]):
        with refused("InvalidTagParameterException", None):
            cloudtrail.add_tags(ResourceId=trail, TagsList=tags)


def test_tags_are_of_trails_of_this_region(cloudtrail, elsewhere, trail):
    wrong = f"Region in ARN is wrong, you can only access resources in region {OTHER_REGION}."
    with refused("CloudTrailARNInvalidException", wrong):
        elsewhere.list_tags(ResourceIdList=[trail])
    with refused("ResourceNotFoundException", None):
        cloudtrail.list_tags(ResourceIdList=[trail_arn(OTHER)])
    with refused("CloudTrailARNInvalidException", None):
        cloudtrail.add_tags(ResourceId=TRAIL, TagsList=pairs(a="b"))
    store = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/x"
    with refused("ResourceTypeNotSupportedException", None):
        cloudtrail.list_tags(ResourceIdList=[store])


def test_conditions_ask_for_the_tags_of_the_trail_in_question(lab, cloudtrail, bucket, trail):
    """Of two trails in one request, each is decided by its own tags."""
    trail_bucket(lab, "second-bucket", trail_arn(OTHER))
    cloudtrail.create_trail(Name=OTHER, S3BucketName="second-bucket")
    cloudtrail.add_tags(ResourceId=trail, TagsList=pairs(team="audit"))
    condition = {"StringEquals": {"aws:ResourceTag/team": "audit"}}
    auditor = lab.user("auditor", allow("cloudtrail:*", Condition=condition))
    client = lab.client("cloudtrail", auditor)
    client.stop_logging(Name=TRAIL)
    assert tags_of(client, trail) == {"team": "audit"}
    with no_identity_policy(auditor, "cloudtrail:ListTags", trail_arn(OTHER)):
        client.list_tags(ResourceIdList=[trail, trail_arn(OTHER)])


def test_conditions_ask_for_the_tags_of_a_request(lab, bucket):
    condition = {"StringEquals": {"aws:RequestTag/team": "audit"}}
    may = {"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*", "Condition": condition}
    tagger = lab.user("tagger", policy(may))
    client = lab.client("cloudtrail", tagger)
    with no_identity_policy(tagger, "cloudtrail:CreateTrail", trail_arn()):
        client.create_trail(Name=TRAIL, S3BucketName=bucket)
    client.create_trail(Name=TRAIL, S3BucketName=bucket, TagsList=pairs(team="audit"))


def test_tags_of_a_new_trail_need_a_right_of_their_own(lab, bucket):
    maker = lab.user("maker", allow("cloudtrail:CreateTrail"))
    with no_identity_policy(maker, "cloudtrail:AddTags", trail_arn()):
        lab.client("cloudtrail", maker).create_trail(
            Name=TRAIL, S3BucketName=bucket, TagsList=pairs(a="b")
        )


# --- Their events -------------------------------------------------------------------------


def test_the_event_of_a_change_tells_its_answer(lab, cloudtrail, bucket, key_arn):
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, KmsKeyId=key_arn)
    event = last_event(lab)
    assert event["requestParameters"] == {
        "name": TRAIL,
        "s3BucketName": BUCKET,
        "kmsKeyId": key_arn,
    }
    assert event["responseElements"] == {
        "name": TRAIL,
        "s3BucketName": BUCKET,
        "includeGlobalServiceEvents": True,
        "isMultiRegionTrail": False,
        "trailARN": trail_arn(),
        "logFileValidationEnabled": False,
        "isOrganizationTrail": False,
        "recursiveLogging": True,
        "kmsKeyId": key_arn,
    }
    assert (event["eventSource"], event["readOnly"]) == ("cloudtrail.amazonaws.com", False)
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[{"ReadWriteType": "All"}])
    told = last_event(lab)["responseElements"]
    assert (told["trailARN"], told["eventSelectors"][0]["readWriteType"]) == (trail_arn(), "All")


@pytest.mark.parametrize("operation", ["start_logging", "stop_logging", "delete_trail"])
def test_the_event_of_a_switch_tells_no_answer(lab, cloudtrail, trail, operation):
    getattr(cloudtrail, operation)(Name=trail)
    event = last_event(lab)
    assert (event["requestParameters"], event["responseElements"]) == ({"name": trail}, None)
    assert event["readOnly"] is False


@pytest.mark.parametrize(
    "operation", ["describe_trails", "list_trails", "lookup_events", "list_public_keys"]
)
def test_the_event_of_a_read_tells_no_answer(lab, cloudtrail, trail, operation):
    getattr(cloudtrail, operation)()
    event = last_event(lab)
    assert (event["readOnly"], event["requestParameters"], event["responseElements"]) == (
        True,
        None,
        None,
    )


def test_a_refusal_leaves_its_event(lab, cloudtrail):
    with refused("TrailNotFoundException", None):
        cloudtrail.stop_logging(Name=TRAIL)
    event = last_event(lab)
    assert (event["eventName"], event["errorCode"]) == ("StopLogging", "TrailNotFoundException")
    assert json.dumps(event["requestParameters"]) == json.dumps({"name": TRAIL})
