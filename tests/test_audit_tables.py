"""An auditor's table: the same rows from events, LookupEvents, a bucket and a folder."""

import gzip
import json
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, allow
from botocore.exceptions import ClientError
from cloudtrail_words import BUCKET, NOON, TRAIL, trail_arn, trail_key_policy
from delivered_words import object_keys
from hypothesis import given
from hypothesis import strategies as st

from kmslab import Lab, audit
from kmslab.audit import workers
from kmslab.audit.columns import Rows
from kmslab.audit.records import read_records
from kmslab.audit.tidy import tidy

pytest_plugins = ["cloudtrail_session"]

CONTEXT = {"department": "payroll"}
RECORD = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada"},
    "eventTime": "2026-05-01T12:00:00Z",
    "eventSource": "kms.amazonaws.com",
    "eventName": "ListKeys",
    "awsRegion": "us-east-1",
    "requestParameters": None,
    "eventID": "00000000-0000-0000-0000-000000000001",
    "recipientAccountId": ACCOUNT,
}


def table_of(*records: dict[str, Any]) -> pandas.DataFrame:
    """The table of records that differ from the usual one, each with an id of its own."""
    ids = (f"00000000-0000-0000-0000-{number:012}" for number in range(len(records)))
    return audit.from_events(
        {**RECORD, "eventID": id_, **record} for id_, record in zip(ids, records, strict=True)
    )


def row_of(**record: Any) -> dict[str, Any]:
    (row,) = table_of(record).to_dict("records")
    return row


def known(row: dict[str, Any]) -> dict[str, Any]:
    """What stands in a row."""
    said = {name: value for name, value in row.items() if name != "resources"}
    return {name: value for name, value in said.items() if value is not None and value == value}


@pytest.fixture
def day(lab, cloudtrail, kms, bucket, key_arn):
    """A trail under a key, calls of several people, and the hours until all is delivered."""
    cloudtrail.create_trail(
        Name=TRAIL, S3BucketName=BUCKET, KmsKeyId=key_arn, EnableLogFileValidation=True
    )
    cloudtrail.start_logging(Name=TRAIL)
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    sealed = kms.encrypt(KeyId="alias/payroll", Plaintext=b"1000", EncryptionContext=CONTEXT)[
        "CiphertextBlob"
    ]
    app = lab.role("app", allow("kms:Decrypt")).session("night")
    lab.client("kms", app).decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT)
    with pytest.raises(ClientError):
        lab.client("kms", lab.user("eve")).decrypt(CiphertextBlob=sealed)
    lab.client("kms", region_name=OTHER_REGION).list_keys()
    lab.clock.advance(hours=2)
    return lab


def copied(lab: Lab, folder: Path) -> Path:
    """The bucket's objects as files."""
    s3 = lab.client("s3")
    for object_key in object_keys(lab):
        path = folder / object_key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=BUCKET, Key=object_key)["Body"].read())
    return folder


def told(table: pandas.DataFrame) -> set[tuple[Any, ...]]:
    columns = ["time", "principal", "operation", "key_arn", "outcome", "request_id", "event_id"]
    return set(table[columns].astype("str").itertuples(index=False, name=None))


# --- Columns ------------------------------------------------------------------------------


def test_every_column_is_there_and_explained():
    table = table_of({}, {})
    assert list(table.columns) == list(audit.COLUMNS)
    assert all(len(words) > 10 for words in audit.COLUMNS.values())


def test_a_call_stands_in_one_row(day):
    table = audit.from_events(day.events())
    (row,) = table[table["operation"] == "kms:Encrypt"].to_dict("records")
    assert row["time"].tzinfo is not None
    assert row["principal"] == f"arn:aws:iam::{ACCOUNT}:user/administrator"
    assert row["alias"] == "alias/payroll"
    assert row["encryption_context"] == CONTEXT
    assert row["resources"] == (row["key_arn"],)
    assert (row["read_only"], row["outcome"]) == (True, "ok")


def test_a_session_has_its_role_beside_it(day):
    table = audit.from_events(day.events())
    rows = table[table["principal"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/app/night"]
    assert set(rows["role"]) == {f"arn:aws:iam::{ACCOUNT}:role/app"}


def test_what_a_service_does_in_anothers_name_has_both(day):
    audit.from_bucket(day.client("s3"), BUCKET)
    table = audit.from_events(day.events())
    read = table[(table["operation"] == "kms:Decrypt") & table["invoked_by"].notna()]
    assert set(read["principal"]) == {f"arn:aws:iam::{ACCOUNT}:user/administrator"}
    assert set(read["invoked_by"]) == {"AWS Internal"}


def test_what_a_service_does_for_itself_is_its_own(day):
    table = audit.from_events(day.events())
    made = table[table["operation"] == "kms:GenerateDataKey"]
    assert set(made["principal"]) == {"cloudtrail.amazonaws.com"}
    assert made["invoked_by"].isna().all()


def test_a_refusal_is_denied_and_another_error_failed(lab, kms):
    with pytest.raises(ClientError):
        kms.describe_key(KeyId="alias/nowhere")
    with pytest.raises(ClientError):
        lab.client("kms", lab.user("eve")).list_keys()
    failed, denied = audit.from_events(lab.events()).to_dict("records")
    assert (failed["outcome"], failed["error"]) == ("failed", "NotFoundException")
    assert (denied["outcome"], denied["error"]) == ("denied", "AccessDenied")
    assert "not authorized to perform: kms:ListKeys" in denied["error_message"]


@pytest.mark.parametrize(
    ("key_id", "alias", "key_arn"),
    [
        ("alias/aws/s3", "alias/aws/s3", None),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a", "alias/a", None),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1", None, f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"),
        ("key/alias/a", None, None),
        ("1234", None, None),
        (7, None, None),
    ],
)
def test_without_resources_the_key_is_what_the_call_named(key_id, alias, key_arn):
    row = known(row_of(requestParameters={"keyId": key_id}))
    assert (row.get("alias"), row.get("key_arn")) == (alias, key_arn)


@pytest.mark.parametrize(
    ("key_id", "alias"),
    [
        ("alias/a", "alias/a"),
        ("alias/alias/a:alias/b", "alias/alias/a:alias/b"),
        ("arn:aws:kms:us-east-1:111122223333:alias/a", "alias/a"),
        ("arn:aws:kms:us-east-1:111122223333:key/a", None),
        ("a:b", None),
        ("a:", None),
        ("myalias/a", None),
        ("", None),
    ],
)
def test_an_alias_is_what_a_call_names_by_alias_and_nothing_else(key_id, alias):
    row = known(row_of(requestParameters={"keyId": key_id}))
    assert row.get("alias") == alias


def test_a_key_has_the_newest_alias_that_the_table_tells_of(lab, kms, key_arn):
    kms.create_alias(AliasName="alias/old", TargetKeyId=key_arn)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/new", TargetKeyId=other)
    kms.update_alias(AliasName="alias/new", TargetKeyId=key_arn)
    kms.describe_key(KeyId=key_arn)
    assert audit.from_events(lab.events())["alias"].iloc[-1] == "alias/new"


def test_an_alias_that_moves_leaves_its_old_key(lab, kms, key_arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    kms.describe_key(KeyId="alias/payroll")
    kms.update_alias(AliasName="alias/payroll", TargetKeyId=other)
    kms.describe_key(KeyId=key_arn)
    kms.describe_key(KeyId=other)
    described = audit.from_events(lab.events()).query("operation == 'kms:DescribeKey'")
    # The first call named it.
    assert list(described["alias"].isna()) == [False, True, False]
    assert list(described["key_arn"]) == [key_arn, key_arn, other]


def test_a_key_whose_alias_was_deleted_has_the_one_that_is_left(lab, kms, key_arn):
    for name in ("alias/first", "alias/second"):
        kms.create_alias(AliasName=name, TargetKeyId=key_arn)
    kms.delete_alias(AliasName="alias/second")
    kms.describe_key(KeyId=key_arn)
    assert audit.from_events(lab.events())["alias"].iloc[-1] == "alias/first"
    kms.delete_alias(AliasName="alias/first")
    assert audit.from_events(lab.events()[-2:])["alias"].isna().all()


@pytest.mark.parametrize(
    ("operation", "named", "alias"),
    [
        ("CreateAlias", [":alias/x"], "alias/x"),
        ("CreateAlias", [f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a:b"], "alias/a:b"),
        ("UpdateAlias", [], "alias/old"),
    ],
)
def test_odd_names_of_aliases_cost_no_table(operation, named, alias):
    key_arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
    told = (
        ("CreateAlias", [f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/old"]),
        (operation, named),
        ("DescribeKey", []),
    )
    table = table_of(
        *(
            {"eventName": name, "resources": [{"ARN": arn} for arn in (*arns, key_arn)]}
            | {"requestParameters": {"keyId": key_arn}}
            for name, arns in told
        )
    )
    assert table["alias"].iloc[-1] == alias


def test_live_events_and_log_files_name_the_same_alias(tmp_path):
    asked = {**RECORD, "requestParameters": {"keyId": "alias/é"}}
    (tmp_path / "one.json").write_text(json.dumps({"Records": [asked]}))
    assert "\\u00e9" in (tmp_path / "one.json").read_text()
    for table in (audit.from_folder(tmp_path), audit.from_events([asked])):
        assert list(table["alias"]) == ["alias/é"]


def test_an_alias_from_before_the_trail_can_be_looked_up(lab, kms, key_arn):
    kms.create_alias(AliasName="alias/old", TargetKeyId=key_arn)
    kms.create_alias(AliasName="alias/second", TargetKeyId=key_arn)
    kms.describe_key(KeyId=key_arn)
    kms.describe_key(KeyId="alias/second")
    table = audit.from_events(lab.events()[-2:])
    assert list(table["alias"].isna()) == [True, False]
    assert list(audit.with_aliases(table, kms)["alias"]) == ["alias/old", "alias/second"]


def test_reencrypt_has_the_key_and_the_context_that_opened_the_old_ciphertext(lab, kms, key_arn):
    new = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key_arn, Plaintext=b"x", EncryptionContext={"of": "old"})
    kms.re_encrypt(
        CiphertextBlob=sealed["CiphertextBlob"],
        SourceEncryptionContext={"of": "old"},
        DestinationKeyId=new,
        DestinationEncryptionContext={"of": "new"},
    )
    row = audit.from_events(lab.events()).iloc[-1]
    assert (row["key_arn"], row["encryption_context"]) == (key_arn, {"of": "old"})
    assert row["resources"] == (key_arn, new)


def test_a_stranger_from_another_account_has_an_id(lab, kms):
    policy = trail_key_policy(trail_arn())
    policy["Statement"][0]["Principal"]["AWS"] = [
        f"arn:aws:iam::{account}:root" for account in (ACCOUNT, OTHER_ACCOUNT)
    ]
    shared = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    lab.client("kms", lab.administrator(OTHER_ACCOUNT)).describe_key(KeyId=shared)
    at_home, elsewhere = audit.from_events(lab.events()[-2:]).to_dict("records")
    assert {at_home["account"], elsewhere["account"]} == {ACCOUNT, OTHER_ACCOUNT}
    assert at_home["shared_event_id"] == elsewhere["shared_event_id"]
    owners = at_home if at_home["account"] == ACCOUNT else elsewhere
    assert owners["principal"].startswith("AIDA")


def test_types_do_not_depend_on_the_rows():
    full = table_of({"errorCode": "AccessDenied", "requestID": "r", "readOnly": True})
    empty = audit.from_events([])
    assert len(empty) == 0
    assert [str(kind) for kind in empty.dtypes] == [str(kind) for kind in full.dtypes]
    assert str(full["time"].dtype) == "datetime64[us, UTC]"


def test_rows_have_encryption_contexts_of_their_own():
    asked = {"requestParameters": {"encryptionContext": {"a": "b"}}}
    first, second = table_of(asked, asked)["encryption_context"]
    first["a"] = "changed"
    assert second == {"a": "b"}


def test_rows_are_in_the_order_of_time_and_of_the_file():
    times = ["2026-05-01T12:00:02Z", "2026-05-01T12:00:01Z", "2026-05-01T12:00:01Z"]
    table = table_of(*({"eventTime": each, "requestID": each[-3:-1]} for each in times))
    assert [each[-1] for each in table["event_id"]] == ["1", "2", "0"]


def test_a_record_that_was_delivered_twice_stands_once():
    assert len(audit.from_events([RECORD, RECORD])) == 1


# --- Sources ------------------------------------------------------------------------------


def test_bucket_and_folder_and_events_tell_the_same(day, tmp_path):
    live = audit.from_events(day.events())
    from_bucket = audit.from_bucket(day.client("s3"), BUCKET)
    from_folder = audit.from_folder(copied(day, tmp_path))
    assert told(from_folder) == told(from_bucket)
    # The trail is of one Region, began with StartLogging, and delivers the last files later.
    assert told(from_bucket) < told(live)
    assert {"kms:Encrypt", "kms:Decrypt", "cloudtrail:StartLogging"} <= set(
        from_bucket["operation"]
    )
    assert set(from_folder["file"]) == set(from_bucket["file"])
    assert from_bucket["file"].str.endswith(".json.gz").all()


def test_lookup_events_tell_the_same_of_one_region(day, cloudtrail):
    live = audit.from_events(day.events())
    found = audit.from_lookup(cloudtrail)
    assert told(found) == told(live[live["region"] == "us-east-1"])
    assert len(found) > 5
    found = audit.from_lookup(cloudtrail, EventName="Encrypt", start=NOON)
    assert list(found["operation"]) == ["kms:Encrypt"]


def test_an_auditor_reads_with_the_auditors_own_rights(day):
    auditor = day.client("s3", day.user("auditor", allow("s3:*")))
    with (
        pytest.warns(audit.SkippedFile, match="S3 refuses it: AccessDenied"),
        pytest.raises(ClientError) as caught,
    ):
        audit.from_bucket(auditor, BUCKET)
    assert "kms:Decrypt" in str(caught.value)


def test_one_file_that_is_refused_is_named_and_the_others_are_read(day, s3):
    refused, *_ = (each for each in object_keys(day) if "CloudTrail/" in each)
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/{refused}",
        }
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    # Another call, and thus another file.
    day.client("kms").list_keys()
    day.clock.advance(hours=2)
    with pytest.warns(audit.SkippedFile, match="S3 refuses it: AccessDenied"):
        table = audit.from_bucket(s3, BUCKET)
    assert table.attrs["skipped"] == [(refused, "S3 refuses it: AccessDenied")]
    assert len(table) > 0


def test_a_bucket_is_read_by_account_region_and_time(day, s3):
    everything = audit.from_bucket(s3, BUCKET)
    assert len(audit.from_bucket(s3, BUCKET, account=OTHER_ACCOUNT)) == 0
    assert len(audit.from_bucket(s3, BUCKET, region=OTHER_REGION)) == 0
    assert len(audit.from_bucket(s3, BUCKET, account=ACCOUNT, region="us-east-1")) >= len(
        everything
    )
    middle = everything["time"].iloc[2].to_pydatetime()
    until = audit.from_bucket(s3, BUCKET, end=middle)
    since = audit.from_bucket(s3, BUCKET, start=middle)
    assert until["time"].max() == since["time"].min() == middle
    assert told(until) | told(since) >= told(everything)


def test_only_times_that_were_given_leave_out_rows(lab, s3, bucket):
    times = ("0001-01-01T00:00:00Z", "2026-05-01T12:00:00Z", "9999-12-31T23:59:59Z")
    records = [{**RECORD, "eventTime": time, "eventID": time} for time in times]
    name = f"{ACCOUNT}_CloudTrail_us-east-1_20260501T1205Z_0123456789abcdef.json.gz"
    s3.put_object(
        Bucket=BUCKET,
        Key=f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/05/01/{name}",
        Body=gzip.compress(json.dumps({"Records": records}).encode()),
    )
    first, last = (each.replace(tzinfo=UTC) for each in (datetime.min, datetime.max))
    assert list(audit.from_bucket(s3, BUCKET)["event_id"]) == list(times)
    assert list(audit.from_bucket(s3, BUCKET, start=first, end=last)["event_id"]) == list(times)
    assert list(audit.from_bucket(s3, BUCKET, end=NOON)["event_id"]) == list(times[:2])


@pytest.mark.parametrize("bound", ["start", "end"])
def test_a_time_without_a_zone_is_refused(s3, bound):
    with pytest.raises(ValueError, match="time zone"):
        audit.from_bucket(s3, BUCKET, **{bound: datetime(2026, 5, 1)})


def test_a_prefix_is_that_of_the_trail(lab, cloudtrail, s3, bucket):
    assert len(audit.from_bucket(s3, BUCKET, prefix="elsewhere")) == 0


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        audit.from_folder(tmp_path / "nowhere")


def test_plain_and_gzipped_files_are_read_and_digests_left_out(tmp_path):
    text = json.dumps({"Records": [RECORD]})
    (tmp_path / "one.json").write_text(text)
    other = text.replace("000000000001", "000000000002")
    (tmp_path / "two.json.gz").write_bytes(gzip.compress(other.encode()))
    digests = tmp_path / "CloudTrail-Digest"
    digests.mkdir()
    (digests / "three.json.gz").write_bytes(b"no matter what")
    table = audit.from_folder(tmp_path)
    assert list(table["file"]) == ["one.json", "two.json.gz"]
    assert table.attrs["skipped"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_whose_name_is_no_text_is_read_and_named(tmp_path, monkeypatch, processes):
    monkeypatch.setattr(workers, "_GROUP_FILES", 1)
    for name in (b"\xff.json", b"\xfe.json"):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        Path(path).write_text(json.dumps({"Records": [{**RECORD, "eventID": str(name)}]}))
    table = audit.from_folder(tmp_path, processes=processes)
    assert sorted(table["file"]) == [r"\xfe.json", r"\xff.json"]


# --- Damage -------------------------------------------------------------------------------

GOOD = gzip.compress(json.dumps({"Records": [RECORD]}).encode(), mtime=0)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (b"", "it ends before its compressed data does"),
        (b"no gzip", "it is not a gzip file, or a damaged one"),
        (GOOD[:-9], "it ends before its compressed data does"),
        (GOOD + GOOD, "something follows its compressed data"),
        (gzip.compress(b"{"), "it is not a JSON text"),
        (gzip.compress(b"\xff\xfe"), "it is not a JSON text"),
        (gzip.compress(b'{"Records": ' + b"[" * 100_000), "it is not a JSON text"),
        (gzip.compress(b"[]"), "it has no list of Records"),
        (gzip.compress(b'{"logFiles": []}'), "it has no list of Records"),
        (gzip.compress(b'{"Records": {}}'), "it has no list of Records"),
    ],
    ids=range(10),
)
def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path, stored, why):
    (tmp_path / "good.json.gz").write_bytes(GOOD)
    (tmp_path / "bad.json.gz").write_bytes(stored)
    with pytest.warns(audit.SkippedFile, match=f"not in the table: bad.json.gz: {why}"):
        table = audit.from_folder(tmp_path)
    assert table.attrs["skipped"] == [("bad.json.gz", why)]
    assert list(table["file"]) == ["good.json.gz"]


@pytest.mark.parametrize(
    "changed",
    [
        {"eventTime": "yesterday"},
        {"eventTime": None},
        {"userIdentity": "ada"},
        {"resources": [7]},
        {"requestParameters": []},
        {"eventName": 3},
    ],
    ids=str,
)
def test_a_record_of_an_unknown_shape_is_named_and_its_file_is_read(changed):
    with pytest.warns(audit.SkippedFile, match="these events: record 2: "):
        table = table_of({}, changed, {})
    assert len(table) == 2
    ((_, why),) = table.attrs["skipped"]
    assert why.startswith("record 2: ")


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    listing = os.scandir

    def refused(path):
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    (tmp_path / "good.json.gz").write_bytes(GOOD)
    for name in ("closed", "CloudTrail-Digest/closed"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "lost.json.gz").write_bytes(GOOD)
    monkeypatch.setattr(os, "scandir", refused)
    with pytest.warns(audit.SkippedFile, match="not in the table: closed: "):
        table = audit.from_folder(tmp_path)
    assert table.attrs["skipped"] == [("closed", "it cannot be opened: Permission denied")]
    assert list(table["file"]) == ["good.json.gz"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_no_log_file_and_keeps_nobody_waiting(tmp_path):
    (tmp_path / "good.json.gz").write_bytes(GOOD)
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.warns(audit.SkippedFile, match=r"pipe\.json: it is not a regular file"):
        table = audit.from_folder(tmp_path)
    assert list(table["file"]) == ["good.json.gz"]


def test_a_folder_that_is_called_like_a_log_file_is_a_folder(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "good.json.gz").write_bytes(GOOD)
    table = audit.from_folder(tmp_path)
    assert (list(table["file"]), table.attrs["skipped"]) == (["folder.json/good.json.gz"], [])


@pytest.mark.parametrize(
    "cut",
    [{"userAgent": "\ud83d"}, {"requestParameters": {"encryptionContext": {"a": "\ud83d"}}}],
    ids=["text", "context"],
)
def test_half_of_a_character_costs_its_record_and_not_the_file(tmp_path, cut):
    records = [{**RECORD, "eventID": str(number), "userAgent": "é"} for number in range(3)]
    records[1] |= cut
    (tmp_path / "one.json").write_text(json.dumps({"Records": records}))
    with pytest.warns(audit.SkippedFile, match="one.json: record 2: .* surrogates not allowed"):
        table = audit.from_folder(tmp_path)
    assert list(table["event_id"]) == ["0", "2"]
    assert set(table["user_agent"]) == {"é"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('["\\ud83d"]', "it has no list of Records"),
        ('{"Records": {"a": "\\ud83d"}}', "it has no list of Records"),
        ('{"Records": ["\\ud83d"]', "it is not a JSON text"),
    ],
)
def test_half_of_a_character_makes_no_log_file_of_another_text(tmp_path, text, why):
    (tmp_path / "one.json").write_text(text)
    with pytest.warns(audit.SkippedFile, match=why):
        assert len(audit.from_folder(tmp_path)) == 0


def test_a_name_with_a_line_break_does_not_begin_a_line_of_the_warning(tmp_path):
    (tmp_path / "a\nb.json").write_text("{")
    with pytest.warns(audit.SkippedFile) as caught:
        audit.from_folder(tmp_path)
    assert "\n" not in str(caught[0].message)


words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*RECORD, "resources", "readOnly", "errorCode"]), words))
def test_whatever_a_record_says_it_is_read_or_named(changed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", audit.SkippedFile)
        table = audit.from_events([{**RECORD, **changed}])
    assert len(table) + len(table.attrs["skipped"]) == 1
    assert list(table.columns) == list(audit.COLUMNS)


@given(st.data())
def test_whatever_a_text_says_it_is_read_or_named(data):
    full = {**RECORD, "requestParameters": {"keyId": "alias/a", "encryptionContext": {"a": "é"}}}
    text = bytearray(json.dumps({"Records": [full]}, ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        records, refused = read_records(bytes(text))
    except ValueError:
        return
    rows = Rows()
    rows.add(records, None)
    assert len(tidy([rows.batch()])) == len(records)
    assert len(records) + len(refused) == 1


# --- Waiting ------------------------------------------------------------------------------


def test_a_bar_shows_only_where_reading_takes_long(tmp_path, capfd):
    (tmp_path / "one.json.gz").write_bytes(GOOD)
    audit.from_folder(tmp_path)
    assert capfd.readouterr() == ("", "")
