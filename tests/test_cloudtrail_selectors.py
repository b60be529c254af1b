"""Event selectors: what a trail takes, shows, and then tells of."""

import json
from typing import Any

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, members, refused
from cloudtrail_words import BUCKET, SERVICE, TRAIL, client_of
from delivered_words import log_files, names, told
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.services.cloudtrail.advanced_selectors import _FIELDS
from kmslab.services.cloudtrail.selection import selects
from kmslab.store.events import Event
from kmslab.store.trail_records import Trail

pytest_plugins = ["cloudtrail_session"]

DEFAULT = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
ALL_OBJECTS = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}


def basic(**settings: Any) -> dict[str, Any]:
    return {**DEFAULT, **settings}


def objects(*values: str) -> dict[str, Any]:
    return {"Type": "AWS::S3::Object", "Values": list(values)}


def field(name: str, **operators: list[str]) -> dict[str, Any]:
    return {"Field": name, **operators}


def advanced(*fields: dict[str, Any], category: str = "Data") -> dict[str, Any]:
    kinds = [field("resources.type", Equals=["AWS::S3::Object"])] if category == "Data" else []
    return {"FieldSelectors": [field("eventCategory", Equals=[category]), *kinds, *fields]}


# --- Put and shown ------------------------------------------------------------------------


def test_a_trail_without_selectors_shows_the_default(cloudtrail, trail):
    answer = cloudtrail.get_event_selectors(TrailName=TRAIL)
    assert members(answer) == {"TrailARN", "EventSelectors"}
    assert (answer["TrailARN"], answer["EventSelectors"]) == (trail, [DEFAULT])


def test_what_is_left_out_takes_its_default(cloudtrail, trail):
    put = [{"ReadWriteType": "WriteOnly"}, {"DataResources": [ALL_OBJECTS]}]
    answer = cloudtrail.put_event_selectors(TrailName=trail, EventSelectors=put)
    whole = [basic(ReadWriteType="WriteOnly"), basic(DataResources=[ALL_OBJECTS])]
    assert (answer["TrailARN"], answer["EventSelectors"]) == (trail, whole)
    assert cloudtrail.get_event_selectors(TrailName=TRAIL)["EventSelectors"] == whole
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"]["HasCustomEventSelectors"] is True


def test_each_kind_of_selector_takes_the_place_of_the_other(cloudtrail, trail):
    selector = {"Name": "all objects", **advanced()}
    answer = cloudtrail.put_event_selectors(TrailName=TRAIL, AdvancedEventSelectors=[selector])
    assert members(answer) == {"TrailARN", "AdvancedEventSelectors"}
    shown = cloudtrail.get_event_selectors(TrailName=TRAIL)
    assert shown["AdvancedEventSelectors"] == [selector]
    assert "EventSelectors" not in shown
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[DEFAULT])
    shown = cloudtrail.get_event_selectors(TrailName=TRAIL)
    assert members(shown) == {"TrailARN", "EventSelectors"}


def test_a_shadow_shows_its_selectors_by_arn(lab, cloudtrail, bucket):
    arn = cloudtrail.create_trail(Name=TRAIL, S3BucketName=bucket, IsMultiRegionTrail=True)[
        "TrailARN"
    ]
    elsewhere = client_of(lab, "cloudtrail", region=OTHER_REGION)
    assert elsewhere.get_event_selectors(TrailName=arn)["EventSelectors"] == [DEFAULT]


# --- Refused ------------------------------------------------------------------------------

PLACES = [f"arn:aws:s3:::bucket-{number}/" for number in range(251)]


@pytest.mark.parametrize(
    "selectors",
    [
        [],
        [DEFAULT] * 6,
        [basic(DataResources=[objects(*PLACES)])],
        [basic(DataResources=[objects(*PLACES[:126])])] * 2,
        [basic(IncludeManagementEvents=False)],
        [basic(ExcludeManagementEventSources=["s3.amazonaws.com"])],
        [
            basic(
                IncludeManagementEvents=False,
                DataResources=[ALL_OBJECTS],
                ExcludeManagementEventSources=["kms.amazonaws.com"],
            )
        ],
        [basic(DataResources=[{"Type": "AWS::SNS::Topic", "Values": ["arn:aws:sns"]}])],
        [basic(DataResources=[{"Type": "AWS::S3::Object", "Values": []}])],
    ],
)
def test_basic_selectors_that_aws_does_not_take_are_refused(cloudtrail, trail, selectors):
    with refused("InvalidEventSelectorsException", None):
        cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=selectors)
    assert cloudtrail.get_event_selectors(TrailName=TRAIL)["EventSelectors"] == [DEFAULT]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "arn:aws:s3:::amber",
        "arn:aws:s3:::*",
        "arn:aws:s3:::/name",
        "amber/",
        "arn:aws:s3:amber/",
    ],
)
def test_a_value_that_names_no_objects_is_refused(cloudtrail, trail, value):
    sentence = f"Value {value} for DataResources.Values is invalid."
    with refused("InvalidEventSelectorsException", sentence):
        cloudtrail.put_event_selectors(
            TrailName=TRAIL, EventSelectors=[basic(DataResources=[objects(value)])]
        )


@pytest.mark.parametrize(
    "values",
    [["arn:aws:s3"], ["arn:aws:s3:::"], ["arn:aws:s3:::amber/"], ["arn:aws:s3:::amber/a b"]],
)
def test_values_that_name_objects_are_taken(cloudtrail, trail, values):
    selectors = [basic(DataResources=[objects(*values)])]
    answer = cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=selectors)
    assert answer["EventSelectors"] == selectors


def test_250_data_resources_are_taken_and_all_of_a_kind_counts_for_none(cloudtrail, trail):
    full = [
        basic(DataResources=[objects(*PLACES[:125])]),
        basic(DataResources=[objects(*PLACES[:125]), ALL_OBJECTS]),
    ]
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=full)


@pytest.mark.parametrize(
    "selector",
    [
        {"FieldSelectors": [field("readOnly", Equals=["true"])]},
        {"FieldSelectors": [field("eventCategory", Equals=["Data"])]},
        {"FieldSelectors": [field("eventCategory", StartsWith=["Data"])]},
        {"FieldSelectors": [field("eventCategory", Equals=["Management", "Data"])]},
        {"FieldSelectors": [field("eventCategory", Equals=["Insight"])]},
        advanced(field("eventCategory", Equals=["Data"])),
        advanced(field("readOnly", Equals=["yes"])),
        advanced(field("readOnly", NotEquals=["true"])),
        advanced(field("eventName")),
        advanced(field("errorCode", Equals=["AccessDenied"])),
        advanced(field("eventName", Equals=["PutObject"]), category="Management"),
        advanced(field("resources.ARN", Equals=["arn:aws:s3"]), category="Management"),
        advanced(field("eventSource", Equals=["kms.amazonaws.com"]), category="Management"),
        advanced(field("eventSource", NotEquals=["s3.amazonaws.com"]), category="Management"),
        advanced(field("eventName", Equals=[f"Event{number}" for number in range(499)])),
    ],
)
def test_advanced_selectors_that_aws_does_not_take_are_refused(cloudtrail, trail, selector):
    with refused("InvalidEventSelectorsException", None):
        cloudtrail.put_event_selectors(TrailName=TRAIL, AdvancedEventSelectors=[selector])


def test_what_the_lab_has_no_events_of_is_not_built(cloudtrail, trail):
    network = {"FieldSelectors": [field("eventCategory", Equals=["NetworkActivity"])]}
    for selector in (network, advanced(field("sessionCredentialFromConsole", Equals=["true"]))):
        with refused("UnsupportedOperationException", None):
            cloudtrail.put_event_selectors(TrailName=TRAIL, AdvancedEventSelectors=[selector])


def test_one_kind_of_selector_is_put_at_a_time(cloudtrail, trail):
    both = {"EventSelectors": [DEFAULT], "AdvancedEventSelectors": [advanced()]}
    for asked in (both, {}):
        with refused("InvalidEventSelectorsException", None):
            cloudtrail.put_event_selectors(TrailName=TRAIL, **asked)


# --- What a trail tells of ----------------------------------------------------------------


def trail_with(*selectors: dict[str, Any], **settings: Any) -> Trail:
    """A trail with these selectors, basic or advanced."""
    text = json.dumps(selectors) if selectors else ""
    kind = "advanced_event_selectors" if "FieldSelectors" in text else "event_selectors"
    return Trail(ACCOUNT, REGION, TRAIL, 0.0, BUCKET, **{kind: text, **settings})


def event(
    name: str = "Decrypt",
    source: str = "kms.amazonaws.com",
    resources: tuple[str, ...] = (),
    **members: Any,
) -> Event:
    members = {"account": ACCOUNT, "region": REGION, "read_only": True, **members}
    identity = members.pop("identity", {"arn": f"arn:aws:iam::{ACCOUNT}:user/alice"})
    told = {"source_ip": "192.0.2.1", "user_agent": "test", "identity": identity, **members}
    return Event("id", "request", 0.0, name=name, source=source, resources=resources, **told)


def put(object_name: str, bucket: str = "amber", **members: Any) -> Event:
    arns = (f"arn:aws:s3:::{bucket}/{object_name}", f"arn:aws:s3:::{bucket}")
    told = {"category": "Data", "read_only": False, **members}
    return event("PutObject", "s3.amazonaws.com", arns, **told)


def test_a_trail_tells_of_management_events_of_its_account_and_region():
    assert selects(trail_with(), event())
    assert selects(trail_with(), event(read_only=False))
    assert not selects(trail_with(), put("a"))
    assert not selects(trail_with(), event(account=OTHER_ACCOUNT))
    assert not selects(trail_with(), event(region=OTHER_REGION))
    assert selects(trail_with(is_multi_region=True), event(region=OTHER_REGION))


@pytest.mark.parametrize("source", ["iam.amazonaws.com", "sts.amazonaws.com"])
def test_events_of_global_services_may_be_left_out(source):
    quiet = trail_with(includes_global_events=False)
    assert selects(trail_with(), event(source=source))
    assert not selects(quiet, event(source=source))
    assert selects(quiet, event())
    regional = event(source="sts.amazonaws.com", region=OTHER_REGION)
    assert selects(Trail(*quiet_in(OTHER_REGION), includes_global_events=False), regional)


def quiet_in(region: str) -> tuple[str, str, str, float, str]:
    return ACCOUNT, region, TRAIL, 0.0, BUCKET


@pytest.mark.parametrize(
    ("kind", "reads", "writes"),
    [
        ("All", True, True),
        ("ReadOnly", True, False),
        ("WriteOnly", False, True),
    ],
)
def test_reads_and_writes_are_told_apart(kind, reads, writes):
    trail = trail_with(basic(ReadWriteType=kind, DataResources=[ALL_OBJECTS]))
    assert selects(trail, event(read_only=True)) is reads
    assert selects(trail, event(read_only=False)) is writes
    assert selects(trail, put("a", read_only=True)) is reads
    assert selects(trail, put("a", read_only=False)) is writes


def test_a_source_may_be_left_out():
    trail = trail_with(basic(ExcludeManagementEventSources=["kms.amazonaws.com"]))
    assert not selects(trail, event())
    assert selects(trail, event(source="s3.amazonaws.com"))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("arn:aws:s3", ["amber/logs/1", "amber/log", "ambergris/logs/1"]),
        ("arn:aws:s3:::amber/", ["amber/logs/1", "amber/log"]),
        ("arn:aws:s3:::amber/logs/", ["amber/logs/1"]),
        ("arn:aws:s3:::amber/log", ["amber/logs/1", "amber/log"]),
        ("arn:aws:s3:::other/", []),
    ],
)
def test_data_events_are_told_of_the_objects_that_are_named(value, told):
    trail = trail_with(basic(IncludeManagementEvents=False, DataResources=[objects(value)]))
    places = ["amber/logs/1", "amber/log", "ambergris/logs/1"]
    found = [place for place in places if selects(trail, put(*reversed(place.split("/", 1))))]
    assert found == told
    assert not selects(trail, event())


def test_a_list_of_objects_is_about_the_whole_bucket():
    listed = event("ListObjects", "s3.amazonaws.com", ("arn:aws:s3:::amber",), category="Data")
    assert selects(trail_with(basic(DataResources=[objects("arn:aws:s3:::amber/")])), listed)
    assert not selects(trail_with(basic(DataResources=[objects("arn:aws:s3:::amber/a")])), listed)


def test_one_selector_that_matches_is_enough():
    trail = trail_with(
        basic(ReadWriteType="WriteOnly"),
        basic(
            ReadWriteType="ReadOnly",
            IncludeManagementEvents=False,
            DataResources=[objects("arn:aws:s3:::amber/")],
        ),
    )
    assert selects(trail, event(read_only=False))
    assert not selects(trail, event(read_only=True))
    assert selects(trail, put("a", read_only=True))
    assert not selects(trail, put("a", read_only=False))


ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (field("eventName", Equals=["PutObject"]), True),
        (field("eventName", Equals=["GetObject", "PutObject"]), True),
        (field("eventName", NotEquals=["PutObject"]), False),
        (field("eventName", NotEquals=["GetObject", "PutObject"]), False),
        (field("eventName", StartsWith=["Get", "Put"]), True),
        (field("eventName", NotStartsWith=["Put"]), False),
        (field("eventName", EndsWith=["Object"]), True),
        (field("eventName", NotEndsWith=["Tagging"]), True),
        (field("eventName", Equals=["GetObject"], StartsWith=["Put"]), True),
        (field("eventName", StartsWith=["Put"], NotEquals=["PutObject"]), False),
        (field("eventName", StartsWith=["Put"], NotEquals=["PutObjectTagging"]), True),
        (field("eventSource", Equals=["s3.amazonaws.com"]), True),
        (field("eventType", Equals=["AwsApiCall"]), True),
        (field("readOnly", Equals=["false"]), True),
        (field("readOnly", Equals=["true"]), False),
        (field("resources.ARN", StartsWith=["arn:aws:s3:::amber/"]), True),
        (field("resources.ARN", Equals=["arn:aws:s3:::amber"]), False),
        (field("resources.ARN", NotStartsWith=["arn:aws:s3:::amber/logs/"]), False),
        (field("userIdentity.arn", Equals=[ALICE]), True),
        (field("userIdentity.arn", NotEquals=[ALICE]), False),
    ],
)
def test_an_advanced_selector_selects_by_each_operator(condition, holds):
    told = put("logs/1", kind="AwsApiCall")
    assert selects(trail_with(advanced(condition)), told) is holds


def test_the_category_and_the_type_of_resource_decide_too():
    assert not selects(trail_with(advanced(category="Management")), put("a"))
    assert selects(trail_with(advanced(category="Management")), event())
    functions = field("resources.type", Equals=["AWS::Lambda::Function"])
    selector = {"FieldSelectors": [field("eventCategory", Equals=["Data"]), functions]}
    assert not selects(trail_with(selector), put("a"))


def test_a_caller_without_arn_is_nobody_that_is_named():
    by_service = put("a", identity={"type": "AWSService", "invokedBy": SERVICE})
    named = trail_with(advanced(field("userIdentity.arn", StartsWith=["arn:"])))
    unnamed = trail_with(advanced(field("userIdentity.arn", NotEquals=[ALICE])))
    assert not selects(named, by_service)
    assert selects(unnamed, by_service)


def test_management_events_without_kms():
    sources = field("eventSource", NotEquals=["kms.amazonaws.com", "rdsdata.amazonaws.com"])
    trail = trail_with(advanced(sources, category="Management"))
    assert not selects(trail, event())
    assert selects(trail, event(source="iam.amazonaws.com"))


@given(
    kind=st.sampled_from(["All", "ReadOnly", "WriteOnly"]),
    management=st.booleans(),
    excluded=st.lists(st.sampled_from(["kms.amazonaws.com", "rdsdata.amazonaws.com"])),
    prefixes=st.lists(st.sampled_from(["arn:aws:s3:::amber/", "arn:aws:s3:::amber/a"])),
    told=st.sampled_from([event(), event(read_only=False), put("a/1"), put("b", read_only=True)]),
)
@settings(max_examples=60, deadline=None)
def test_a_basic_selector_says_what_its_members_say(kind, management, excluded, prefixes, told):
    """The rule of the API Reference, written a second time, in words."""
    selector = basic(
        ReadWriteType=kind,
        IncludeManagementEvents=management,
        ExcludeManagementEventSources=excluded,
        DataResources=[objects(*prefixes)] if prefixes else [],
    )
    if kind == ("WriteOnly" if told.read_only else "ReadOnly"):
        expected = False
    elif told.category == "Management":
        expected = management and told.source not in excluded
    else:
        expected = any(told.resources[0].startswith(prefix) for prefix in prefixes)
    assert selects(trail_with(selector), told) is expected


def test_every_field_that_is_taken_is_understood():
    for category, fields in _FIELDS.items():
        for name in fields - {"eventCategory", "resources.type"}:
            selector = advanced(field(name, NotEquals=["nothing"]), category=category)
            assert selects(trail_with(selector), put("a") if category == "Data" else event())


# --- From outside: the files --------------------------------------------------------------


def told_names(lab: Any) -> list[str]:
    return names(told(log_files(lab)))


def test_a_trail_tells_of_its_start_and_its_stop_and_all_between(lab, kms, cloudtrail, trail):
    kms.list_keys()
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_aliases()
    cloudtrail.stop_logging(Name=TRAIL)
    kms.list_keys()
    lab.clock.advance(minutes=10)
    assert told_names(lab) == ["StartLogging", "ListAliases", "StopLogging"]


def test_what_happened_belongs_to_the_old_selectors(lab, s3, kms, cloudtrail, trail):
    """KMS is left out from the call on that says so: that call is the first under the new rule."""
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_aliases()
    excluding = [basic(ExcludeManagementEventSources=["kms.amazonaws.com"])]
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=excluding)
    kms.list_aliases()
    s3.list_buckets()
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[DEFAULT])
    kms.list_keys()
    lab.clock.advance(minutes=5)
    told = told_names(lab)
    assert sorted(told) == sorted(
        [
            *("StartLogging", "ListAliases", "PutEventSelectors"),
            *("ListBuckets", "PutEventSelectors", "ListKeys"),
        ]
    )


def test_what_happened_belongs_to_the_old_regions(lab, cloudtrail, trail):
    elsewhere = client_of(lab, "kms", region=OTHER_REGION)
    cloudtrail.start_logging(Name=TRAIL)
    elsewhere.list_keys()
    cloudtrail.update_trail(Name=TRAIL, IsMultiRegionTrail=True)
    elsewhere.list_aliases()
    cloudtrail.update_trail(Name=TRAIL, IsMultiRegionTrail=False)
    elsewhere.list_keys()
    lab.clock.advance(minutes=5)
    assert sorted(told_names(lab)) == [
        "ListAliases",
        "StartLogging",
        "UpdateTrail",
        "UpdateTrail",
    ]


def test_the_pause_between_stop_and_start_is_not_told(lab, kms, cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_keys()
    cloudtrail.stop_logging(Name=TRAIL)
    kms.list_aliases()
    cloudtrail.start_logging(Name=TRAIL)
    lab.clock.advance(minutes=5)
    assert sorted(told_names(lab)) == ["ListKeys", "StartLogging", "StartLogging", "StopLogging"]


def test_a_deleted_trail_still_delivers_what_it_saw(lab, kms, cloudtrail, trail):
    cloudtrail.start_logging(Name=TRAIL)
    kms.list_keys()
    cloudtrail.delete_trail(Name=TRAIL)
    kms.list_aliases()
    lab.clock.advance(minutes=5)
    assert sorted(told_names(lab)) == ["DeleteTrail", "ListKeys", "StartLogging"]


def test_data_events_are_told_where_they_are_asked_for(lab, s3, cloudtrail, trail):
    s3.create_bucket(Bucket="amber")
    selector = basic(
        IncludeManagementEvents=False, DataResources=[objects("arn:aws:s3:::amber/logs/")]
    )
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[selector])
    cloudtrail.start_logging(Name=TRAIL)
    s3.put_object(Bucket="amber", Key="logs/1", Body=b"told")
    s3.put_object(Bucket="amber", Key="notes", Body=b"not told")
    lab.clock.advance(minutes=5)
    (record,) = told(log_files(lab))
    assert record["requestParameters"]["key"] == "logs/1"
