"""Whatever happens, every event that a trail selects lies in exactly one record that it delivers.

Worlds are drawn: calls of two accounts in two Regions, allowed and denied, between trails that are
started, stopped, changed and hindered, while the clock moves. What ought to be delivered is counted
up plainly, from the events of the lab and the trails' settings at the time.
"""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, Recorder
from botocore.exceptions import ClientError
from cloudtrail_words import (
    bucket_policy,
    client_of,
    trail_arn,
    trail_bucket,
    trail_key_policy,
)
from delivered_words import (
    LOG_FILE_NAME,
    by_id,
    check_chain,
    digests,
    hashed,
    log_files,
    named,
    region_of,
    told,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmslab import Lab, StillClock
from kmslab.services.cloudtrail.selection import selects
from kmslab.store.trail_records import Trail

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACES = [
    (account, region) for account in (ACCOUNT, OTHER_ACCOUNT) for region in (REGION, OTHER_REGION)
]
SELECTORS = {
    "writes": [{"ReadWriteType": "WriteOnly"}],
    "reads": [{"ReadWriteType": "ReadOnly"}],
    "without KMS": [{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}],
    "with objects": [
        {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::amber-things/"]}]}
    ],
    # The log bucket among them: each delivery makes an event that is delivered.
    "with all objects": [
        {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::"]}]}
    ],
}
PLAINTEXT = b"the door code is 4711 and nobody else may know it"


# --- A world ------------------------------------------------------------------------------


@dataclass
class Window:
    """A time in which a trail logged with the same settings: from event `begins` to before
    `ends`."""

    settings: Trail
    begins: int
    ends: int | None = None


@dataclass
class Watched:
    """One trail of a world, with the client that changes it and what it ought to have told."""

    name: str
    account: str
    region: str
    bucket: str
    made: dict
    windows: list[Window] = field(default_factory=list)

    @property
    def arn(self):
        return trail_arn(self.name, self.region, self.account)

    @property
    def is_logging(self):
        return bool(self.windows) and self.windows[-1].ends is None


class World:
    """A lab with three trails: two of one account, one of them validated and under a key, and a
    multi-Region trail of the other account in the other Region."""

    def __init__(self):
        self.lab = Lab(clock=StillClock(NOON, step=timedelta(seconds=1)), random=Recorder(8))
        self.secrets = [PLAINTEXT]
        self.trails = [
            Watched("sealed", ACCOUNT, REGION, "amber-sealed", {"EnableLogFileValidation": True}),
            Watched("plain", ACCOUNT, REGION, "amber-plain", {}),
            Watched(
                *("wide", OTHER_ACCOUNT, OTHER_REGION, "amber-wide"),
                {"IsMultiRegionTrail": True, "EnableLogFileValidation": True},
            ),
        ]
        self._make_what_is_called()
        for trail in self.trails:
            self._make_trail(trail)

    def client(self, service, account=ACCOUNT, region=REGION):
        return client_of(self.lab, service, account, region)

    def _make_what_is_called(self):
        policy = trail_key_policy(self.trails[0].arn)
        policy["Statement"][0]["Principal"]["AWS"] = [
            f"arn:aws:iam::{account}:root" for account in (ACCOUNT, OTHER_ACCOUNT)
        ]
        made, self.log_key = (
            self.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]
            for _ in range(2)
        )
        self.key_arn = made["Arn"]
        self.secrets += map(self.lab.random.backing_key_of, (made, self.log_key))
        self.trails[0].made["KmsKeyId"] = self.log_key["Arn"]
        self.client("s3").create_bucket(Bucket="amber-things")
        self.nobody = self.lab.user("nobody")
        for user in (self.nobody, *map(self.lab.administrator, (ACCOUNT, OTHER_ACCOUNT))):
            self.secrets.append(self.lab.credentials(user).secret_access_key.encode())

    def _make_trail(self, trail):
        place = {"account": trail.account, "region": trail.region}
        trail_bucket(self.lab, trail.bucket, trail.arn, **place)
        self.cloudtrail(trail).create_trail(
            Name=trail.name, S3BucketName=trail.bucket, **trail.made
        )

    def cloudtrail(self, trail):
        return self.client("cloudtrail", trail.account, trail.region)

    def record(self, trail):
        found = self.lab._store.trails.get(f"{trail.account}/{trail.region}", trail.name)
        assert found
        return found

    # --- What happens ---------------------------------------------------------------------

    def start(self, trail):
        self.cloudtrail(trail).start_logging(Name=trail.name)
        if not trail.is_logging:
            trail.windows.append(Window(self.record(trail), self._last_event()))

    def stop(self, trail):
        self.cloudtrail(trail).stop_logging(Name=trail.name)
        if trail.is_logging:
            trail.windows[-1].ends = self._last_event() + 1

    def select(self, trail, which):
        selectors = [
            {"ReadWriteType": "All", "IncludeManagementEvents": True, **each}
            for each in SELECTORS[which]
        ]
        self.cloudtrail(trail).put_event_selectors(TrailName=trail.name, EventSelectors=selectors)
        self._settings_changed(trail)

    def widen(self, trail, is_wide):
        self.cloudtrail(trail).update_trail(Name=trail.name, IsMultiRegionTrail=is_wide)
        self._settings_changed(trail)

    def hinder(self, trail):
        """Its bucket lets it write no more."""
        self._put_bucket_policy(trail, trail_arn("another-trail"))

    def help(self, trail):
        self._put_bucket_policy(trail, trail.arn)

    def disable_key(self, trail):
        self.client("kms").disable_key(KeyId=self.log_key["Arn"])

    def enable_key(self, trail):
        self.client("kms").enable_key(KeyId=self.log_key["Arn"])

    def advance(self, minutes):
        self.lab.clock.advance(minutes=minutes)

    def call(self, what, account, region):
        with suppress(ClientError):
            getattr(self, f"_{what}")(account, region)

    def _put_bucket_policy(self, trail, arn):
        s3 = self.client("s3", trail.account, trail.region)
        policy = bucket_policy(trail.bucket, arn)
        s3.put_bucket_policy(Bucket=trail.bucket, Policy=json.dumps(policy))

    def _settings_changed(self, trail):
        """Its own event is the first one under the new settings."""
        if trail.is_logging:
            trail.windows[-1].ends = self._last_event()
            trail.windows.append(Window(self.record(trail), self._last_event()))

    def _last_event(self):
        return len(self.lab._store.events) - 1

    # --- Calls ----------------------------------------------------------------------------

    def _encrypt(self, account, region):
        """Across accounts for one of them; the other Region has no such key."""
        pair = {"department": "payroll"}
        kms = self.client("kms", account, region)
        kms.encrypt(KeyId=self.key_arn, Plaintext=PLAINTEXT, EncryptionContext=pair)

    def _data_key(self, account, region):
        kms = self.client("kms", account, region)
        made = kms.generate_data_key(KeyId=self.key_arn, KeySpec="AES_256")
        self.secrets.append(made["Plaintext"])

    def _grant(self, account, region):
        kms = self.client("kms", account, region)
        made = kms.create_grant(
            KeyId=self.key_arn, GranteePrincipal=self.nobody.arn, Operations=["Decrypt"]
        )
        self.secrets.append(made["GrantToken"].encode())

    def _denied(self, account, region):
        self.lab.client("kms", self.nobody, region).describe_key(KeyId=self.key_arn)

    def _create_key(self, account, region):
        self.client("kms", account, region).create_key(Description="made on the way")

    def _list_keys(self, account, region):
        self.client("kms", account, region).list_keys()

    def _put_object(self, account, region):
        """Denied to the other account."""
        s3 = self.client("s3", account, REGION)
        sse_kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key_arn}
        s3.put_object(Bucket="amber-things", Key="note", Body=PLAINTEXT, **sse_kms)

    def _get_object(self, account, region):
        self.client("s3", account, REGION).get_object(Bucket="amber-things", Key="note")[
            "Body"
        ].read()

    def _create_access_key(self, account, region):
        iam = self.client("iam", account, region)
        name = f"user-{self._last_event()}"
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        self.secrets.append(made["SecretAccessKey"].encode())

    def _assume_role(self, account, region):
        role = self.lab.role("reader", account=account)
        sts = self.client("sts", account, region)
        made = sts.assume_role(RoleArn=role.arn, RoleSessionName="one")["Credentials"]
        self.secrets.append(made["SecretAccessKey"].encode())

    # --- The end --------------------------------------------------------------------------

    def end(self):
        """Nothing hinders any more, all trails stop, and what they owe is delivered."""
        self.enable_key(None)
        for trail in self.trails:
            self.help(trail)
        self.advance(10)
        for trail in self.trails:
            self.stop(trail)
        self.advance(10)

    def expected(self, trail):
        """The records that the trail ought to have delivered, by event id."""
        return by_id(
            [
                event.as_record()
                for window in trail.windows
                for event in self.lab._store.events[window.begins : window.ends]
                if selects(window.settings, event)
            ]
        )

    def files(self, trail):
        place = {"account": trail.account, "region": trail.region}
        return (
            log_files(self.lab, trail.bucket, **place),
            digests(self.lab, trail.bucket, **place),
        )


trails, places = st.integers(0, 2), st.sampled_from(PLACES)
CALLS = sorted(
    name.removeprefix("_")
    for name in vars(World)
    if name
    in (
        *("_encrypt", "_data_key", "_grant", "_denied", "_create_key", "_list_keys"),
        *("_put_object", "_get_object", "_create_access_key", "_assume_role"),
    )
)
calls = st.tuples(st.just("call"), st.sampled_from(CALLS), places)
moves = st.tuples(st.just("advance"), st.sampled_from((1, 4, 5, 7, 31, 60, 200)))
changes = st.one_of(
    st.tuples(st.sampled_from(("start", "start", "stop", "hinder", "help")), trails),
    st.tuples(st.sampled_from(("disable_key", "enable_key")), st.just(0)),
    st.tuples(st.just("select"), trails, st.sampled_from(sorted(SELECTORS))),
    st.tuples(st.just("widen"), trails, st.booleans()),
)
stories = st.lists(st.one_of(calls, calls, moves, changes), min_size=8, max_size=40)


def live(world, story):
    for trail in world.trails:
        world.start(trail)
    for act, *how in story:
        if act == "call":
            world.call(how[0], *how[1])
        elif act == "advance":
            world.advance(how[0])
        else:
            getattr(world, act)(world.trails[how[0]], *how[1:])
    world.end()


# --- What holds ---------------------------------------------------------------------------


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(stories)
def test_every_selected_event_is_in_exactly_one_record_of_each_trail(story):
    world = World()
    with world.lab:
        live(world, story)
        for trail in world.trails:
            expected = world.expected(trail)
            files, found = world.files(trail)
            assert by_id(told(files)) == expected
            assert_in_their_places(trail, files)
            if trail.made.get("EnableLogFileValidation"):
                assert named(found) == hashed(files)
                check_chains(world.lab, found)
        assert not len(world.lab._store.waiting_files)


def assert_in_their_places(trail, files):
    for file in files:
        name = LOG_FILE_NAME.fullmatch(file.object_key)
        assert name["account"] == trail.account
        assert {record["awsRegion"] for record in file.records} == {name["region"]}
        assert {record["recipientAccountId"] for record in file.records} == {trail.account}


def check_chains(lab, found):
    """Each chain begins without a previous digest; a trail that starts again begins a new one."""
    for region in {region_of(digest) for digest in found}:
        chain = []
        for digest in (each for each in found if region_of(each) == region):
            if digest.members["previousDigestS3Object"] is None:
                check_chain(lab, chain)
                chain = []
            chain.append(digest)
        check_chain(lab, chain)


# --- What stands in them ------------------------------------------------------------------

TEXT, OBJECT, FLAG = str, dict, bool
NULL = type(None)
# CloudTrail User Guide, "CloudTrail record contents": what every record has, and what one may have.
ALWAYS = {
    "eventVersion": (TEXT,),
    "userIdentity": (OBJECT,),
    "eventTime": (TEXT,),
    "eventSource": (TEXT,),
    "eventName": (TEXT,),
    "awsRegion": (TEXT,),
    "sourceIPAddress": (TEXT,),
    "userAgent": (TEXT,),
    "requestParameters": (OBJECT, NULL),
    "responseElements": (OBJECT, NULL),
    "eventID": (TEXT,),
    "readOnly": (FLAG,),
    "eventType": (TEXT,),
    "managementEvent": (FLAG,),
    "recipientAccountId": (TEXT,),
    "eventCategory": (TEXT,),
}
SOMETIMES = {
    "errorCode": (TEXT,),
    "errorMessage": (TEXT,),
    "additionalEventData": (OBJECT,),
    "serviceEventDetails": (OBJECT,),
    "requestID": (TEXT,),
    "resources": (list,),
    "sharedEventID": (TEXT,),
}


@pytest.fixture(scope="module")
def full_life():
    """A world in which every kind of call was made by both accounts, and what was delivered."""
    world = World()
    story = [
        *(("select", number, "with all objects") for number in range(3)),
        *(("call", what, place) for what in CALLS for place in PLACES),
        ("advance", 120),
        ("disable_key", 0),
        ("hinder", 1),
        *(("call", what, PLACES[0]) for what in CALLS),
        ("advance", 60),
    ]
    with world.lab:
        live(world, story)
        delivered = [world.files(trail) for trail in world.trails]
    return world, delivered


def test_every_record_has_the_members_of_the_user_guide(full_life):
    _, delivered = full_life
    records = [record for files, _ in delivered for record in told(files)]
    assert len(records) > 200
    for record in records:
        assert ALWAYS.keys() <= record.keys() <= ALWAYS.keys() | SOMETIMES.keys()
        for name, value in record.items():
            assert type(value) in {**ALWAYS, **SOMETIMES}[name], f"{name}: {value!r}"
        datetime.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ")
    seen = {name for record in records for name in record}
    assert seen == ALWAYS.keys() | SOMETIMES.keys() - {"serviceEventDetails"}


def test_of_the_resources_each_has_an_arn_and_a_type(full_life):
    _, delivered = full_life
    resources = [
        resource
        for files, _ in delivered
        for record in told(files)
        for resource in record.get("resources", ())
    ]
    assert {frozenset(resource) for resource in resources} == {
        frozenset({"ARN", "accountId", "type"}),
        frozenset({"ARN", "type"}),
    }
    for resource in resources:
        assert all(type(value) is str for value in resource.values())


def test_no_file_tells_a_secret(full_life):
    world, delivered = full_life
    text = b"".join(
        file.text + json.dumps(file.head, default=str).encode()
        for both in delivered
        for files in both
        for file in files
    )
    assert b"GenerateDataKey" in text
    kinds = {len(secret) for secret in world.secrets}
    assert len(world.secrets) >= 20
    assert len(kinds) > 3
    for secret in world.secrets:
        for spelled in (secret, secret.hex().encode(), base64.b64encode(secret)):
            assert spelled not in text
