"""DuckDB and Dask on CloudTrail's own layout: the rows of `from_folder`, to the last value."""

import gzip
import json
import os
import sys
import warnings
from pathlib import Path

import dask
import duckdb
import pandas
import pytest
from aws_words import ACCOUNT, allow
from hypothesis import given
from hypothesis import strategies as st

from kmslab import audit, project
from kmslab.audit import workers

pytest_plugins = ["lab_session"]

DAY = project.FOLDER / "data" / "incident" / "AWSLogs"
RECORD = {
    "eventTime": "2026-05-01T12:00:00Z",
    "eventSource": "kms.amazonaws.com",
    "eventName": "ListKeys",
    "awsRegion": "us-east-1",
}


def write(path: Path, *records) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode()))


def rows(connection, folder) -> pandas.DataFrame:
    """The rows of DuckDB, in the order and the types of the table, as far as they are the same."""
    audit.duckdb_view(connection, "trail", folder)
    found = connection.sql("SELECT * FROM trail").df()
    found["time"] = found["time"].dt.tz_localize("UTC")
    found["resources"] = found["resources"].map(tuple)
    found["encryption_context"] = found["encryption_context"].map(
        lambda text: json.loads(text) if isinstance(text, str) else None
    )
    return found


def values(table: pandas.DataFrame) -> list[dict]:
    """What stands in the rows, by event; nothing where there is nothing."""
    told = table.astype("object").sort_values("event_id")
    return [
        {
            name: None if not isinstance(value, (dict, tuple)) and pandas.isna(value) else value
            for name, value in row.items()
        }
        for row in told.to_dict("records")
    ]


@pytest.fixture(scope="module")
def day():
    return audit.from_folder(DAY)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


# --- DuckDB -------------------------------------------------------------------------------


def test_duckdb_has_the_rows_of_the_table(connection, day):
    found = rows(connection, DAY)
    assert len(found) == len(day) > 20_000
    assert list(found) == list(audit.COLUMNS)
    assert values(found) == values(day)


@pytest.fixture
def by_any_name(lab, kms, arn, tmp_path):
    """Log files of three calls with one key: by its alias, by the alias's ARN, by its key id; and,
    in a folder beside them, of the call that made the alias."""
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=arn)
    home, key_id = arn.split("key/")
    for name in ("alias/payroll", f"{home}alias/payroll", key_id):
        kms.encrypt(KeyId=name, Plaintext=b"x")
    *_, made, by_alias, by_alias_arn, by_key_id = lab.events()
    write(tmp_path / "calls" / "one.json.gz", by_alias, by_alias_arn, by_key_id)
    write(tmp_path / "making" / "one.json.gz", made)
    return tmp_path


def test_duckdb_knows_the_alias_that_a_call_named(connection, by_any_name):
    found, table = rows(connection, by_any_name / "calls"), audit.from_folder(by_any_name / "calls")
    assert values(found) == values(table)
    assert found["alias"].dropna().tolist() == ["alias/payroll", "alias/payroll"]


def test_duckdb_does_not_know_the_alias_that_another_event_gives_the_key(connection, by_any_name):
    asked = "SELECT count(*), count(alias) FROM trail WHERE operation = 'kms:Encrypt'"
    audit.duckdb_view(connection, "trail", by_any_name)
    assert connection.sql(asked).fetchall() == [(3, 2)]
    table = audit.from_folder(by_any_name)
    assert set(table["alias"][table["operation"] == "kms:Encrypt"]) == {"alias/payroll"}


contexts = st.sampled_from([None, [], {}, {"a": "é"}, "text"])
texts = st.none() | st.sampled_from(["", "a", "alias/a", "arn:aws:kms:us-east-1:1:key/2", "é'\""])
key_ids = st.lists(st.sampled_from(["alias/", "key/", "a", ":", "/", "é"]), max_size=6).map("".join)
calls = st.fixed_dictionaries(
    {
        "eventTime": st.sampled_from(
            [
                *("2026-05-01T12:00:00Z", "2026-12-31T23:59:59Z", "2026-05-01T12:00:00.25Z"),
                *("2026-05-01T12:00:00+02:00", "2026-05-01T00:00:00-05:30", "2026-05-01T12:00:00"),
            ]
        ),
        "eventSource": st.sampled_from(["kms.amazonaws.com", "odd", "a.amazonaws.com.evil"]),
        "eventName": st.sampled_from(["Encrypt", "Decrypt"]),
        "awsRegion": st.just("us-east-1"),
    },
    optional={
        "userIdentity": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("arn", "principalId", "accountId", "invokedBy"), texts),
                "sessionContext": st.just({"sessionIssuer": {"arn": "arn:role"}}),
            },
        ),
        "requestParameters": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "keyId": key_ids,
                "encryptionContext": contexts,
                "sourceEncryptionContext": contexts,
            },
        ),
        "resources": st.none()
        | st.lists(
            st.fixed_dictionaries({"type": st.sampled_from(["AWS::KMS::Key", "x"]), "ARN": texts}),
            max_size=3,
        ),
        "errorCode": st.sampled_from([None, "", "AccessDenied", "Throttling"]),
        "readOnly": st.none() | st.booleans(),
        "errorMessage": texts,
    },
)


@given(st.lists(calls, min_size=1, max_size=6))
def test_duckdb_reads_odd_records_as_the_table_does(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("logs")
    told = [{**each, "eventID": str(place)} for place, each in enumerate(records)]
    text = json.dumps({"Records": told}).encode()
    (folder / "one.json.gz").write_bytes(gzip.compress(text))
    with duckdb.connect() as connection:
        assert values(rows(connection, folder)) == values(audit.from_folder(folder))


def test_names_and_places_cannot_break_out_of_the_view(connection, tmp_path):
    folder = tmp_path / "it's a trap"
    folder.mkdir()
    write(folder / "one.json.gz", {**RECORD, "eventID": "1"})
    audit.duckdb_view(connection, 'a "view"', folder)
    assert connection.sql('SELECT event_id, file FROM "a ""view"""').fetchall() == [
        ("1", "one.json.gz")
    ]


def test_a_damaged_file_fails_the_question(connection, tmp_path):
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    audit.duckdb_view(connection, "trail", tmp_path)
    with pytest.raises(duckdb.Error):
        connection.sql("SELECT count(*) FROM trail").fetchall()


@pytest.mark.parametrize("text", [b"{}", b"[]", b'{"Records": {}}', b"7"], ids=str)
def test_duckdb_names_a_file_that_is_no_log_file(connection, tmp_path, text):
    (tmp_path / "odd.json.gz").write_bytes(gzip.compress(text))
    audit.duckdb_view(connection, "trail", tmp_path)
    with pytest.raises(duckdb.Error, match=r"odd\.json\.gz: it has no list of Records"):
        connection.sql("SELECT count(*) FROM trail").fetchall()


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        {},
        *({"eventTime": time} for time in (None, "", "yesterday")),
        *({name: None} for name in ("eventID", "eventName", "eventSource", "awsRegion")),
    ],
    ids=str,
)
def test_no_question_passes_over_a_record_that_duckdb_cannot_read(connection, tmp_path, odd):
    good = {**RECORD, "eventID": "1"}
    write(tmp_path / "odd.json.gz", good, good | odd if isinstance(odd, dict) and odd else odd)
    audit.duckdb_view(connection, "trail", tmp_path)
    for where in ("true", "operation = 'kms:ListKeys'", "time > TIMESTAMP '2020-01-01'"):
        with pytest.raises(duckdb.Error, match=r"odd\.json\.gz: record 2 lacks"):
            connection.sql(f"SELECT count(*) FROM trail WHERE {where}").fetchall()


def files_of(connection, folder) -> list[str]:
    audit.duckdb_view(connection, "trail", folder)
    return [file for (file,) in connection.sql("SELECT file FROM trail ORDER BY file").fetchall()]


@pytest.mark.parametrize("name", ["a[b]", "[!c]", "it's"])
def test_the_name_of_a_folder_is_no_pattern_of_duckdbs(connection, tmp_path, name):
    for folder in (name, "ab", "d"):
        write(tmp_path / folder / f"in {folder}.json.gz", {**RECORD, "eventID": "1"})
    assert files_of(connection, tmp_path / name) == [f"in {name}.json.gz"]


@pytest.mark.skipif(os.name == "nt", reason="no names of files on Windows")
@pytest.mark.parametrize("name", ["a*", "?b", "**"])
def test_the_name_of_a_folder_is_no_wildcard_of_duckdbs(connection, tmp_path, name):
    for folder in (name, "ab", "abc"):
        write(tmp_path / folder / f"in {folder}.json.gz", {**RECORD, "eventID": "1"})
    assert files_of(connection, tmp_path / name) == [f"in {name}.json.gz"]


@pytest.mark.parametrize("folder", [".", "", "./x", "x//y", "x/../x", "x/y/"])
def test_duckdb_names_files_as_the_table_does_wherever_one_stands(
    connection, tmp_path, monkeypatch, folder
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x" / "y" / "one.json.gz", {**RECORD, "eventID": "1"})
    assert files_of(connection, folder) == list(audit.from_folder(folder)["file"])


def test_digests_are_left_out_by_where_they_lie_in_the_folder(connection, tmp_path):
    folder = tmp_path / "CloudTrail-Digest" / "AWSLogs"
    write(folder / "CloudTrail" / "one.json.gz", {**RECORD, "eventID": "1"})
    write(folder / "CloudTrail-Digest" / "two.json.gz")
    (folder / "CloudTrail-Digest" / "three.json.gz").write_bytes(b"no matter what")
    assert files_of(connection, folder) == ["CloudTrail/one.json.gz"]
    assert list(audit.from_folder(folder)["file"]) == ["CloudTrail/one.json.gz"]


# --- Dask ---------------------------------------------------------------------------------


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(workers, "_GROUP_FILES", 50)


def test_dask_gives_the_same_table_to_the_row(day, small_groups):
    lazy = audit.dask_table(DAY)
    assert lazy.npartitions > 5
    found = lazy.compute().sort_values("time", kind="stable", ignore_index=True)
    for name in audit.COLUMNS:
        if name != "alias":
            one, other = day[name], found[name]
            assert str(one.dtype) == str(other.dtype)
            kind = "object"
            pandas.testing.assert_series_equal(one.astype(kind), other.astype(kind))


def test_the_same_pandas_code_asks_both(day, small_groups):
    def denied(table):
        refused = table[table["outcome"] == "denied"]
        return refused.groupby("principal", observed=True).size().nlargest(3)

    assert denied(audit.dask_table(DAY)).compute().to_dict() == denied(day).to_dict()
    assert len(denied(day)) > 1


def test_dask_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        audit.dask_table(tmp_path / "nowhere")


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A folder with a good file, a damaged one, and one with a record of an unknown shape."""
    write(tmp_path / "good.json.gz", {**RECORD, "eventID": "1"})
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    write(tmp_path / "odd.json.gz", {**RECORD, "eventID": "2"}, {"eventID": "3"})
    return tmp_path


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_dask_warns_of_what_it_cannot_read_at_each_question(damaged, scheduler):
    lazy = audit.dask_table(damaged)
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught, dask.config.set(scheduler=scheduler):
            warnings.simplefilter("default")
            assert len(lazy) == 2
        told = [each for each in caught if each.category is audit.SkippedFile]
        assert [str(each.message).split(": ")[:3] for each in told] == [
            ["not in the table", "bad.json.gz", "it is not a gzip file, or a damaged one"],
            ["not in the table", "odd.json.gz", "record 2"],
        ]
        assert {each.filename for each in told} == {__file__}


def test_another_process_that_dask_has_read_fails_where_it_cannot(damaged):
    lazy = audit.dask_table(damaged)
    with pytest.raises(audit.SkippedFile, match=r"not in the table: bad\.json\.gz"):
        lazy.compute(scheduler="processes")
    (damaged / "bad.json.gz").unlink()
    (damaged / "odd.json.gz").unlink()
    assert list(audit.dask_table(damaged).compute(scheduler="processes")["event_id"]) == ["1"]


def test_dask_finds_its_files_from_wherever_it_is_asked(tmp_path, monkeypatch):
    write(tmp_path / "logs" / "one.json.gz", {**RECORD, "eventID": "1"})
    monkeypatch.chdir(tmp_path)
    lazy = audit.dask_table("logs")
    monkeypatch.chdir(tmp_path / "logs")
    assert list(lazy.compute(scheduler="sync")["file"]) == ["one.json.gz"]


@pytest.mark.parametrize("files", [1, 2, 500])
def test_dask_gives_the_rows_as_the_files_have_them_however_they_are_grouped(
    tmp_path, monkeypatch, files
):
    monkeypatch.setattr(workers, "_GROUP_FILES", files)
    key_arn, alias_arn = (
        f"arn:aws:kms:us-east-1:{ACCOUNT}:{each}" for each in ("key/1", "alias/a")
    )
    used = {**RECORD, "eventID": "2", "resources": [{"ARN": key_arn, "type": "AWS::KMS::Key"}]}
    made = {**used, "eventID": "1", "eventName": "CreateAlias", "eventTime": "2026-05-01T13:00:00Z"}
    made["resources"] = [*used["resources"], {"ARN": alias_arn, "type": "AWS::KMS::Alias"}]
    write(tmp_path / "a.json.gz", made)
    write(tmp_path / "b.json.gz", used)
    write(tmp_path / "c.json.gz", used)
    found = audit.dask_table(tmp_path).compute(scheduler="sync")
    assert list(found["event_id"]) == ["1", "2", "2"]
    assert found["alias"].isna().all()


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text")
def test_dask_reads_a_file_whose_name_is_no_text(tmp_path):
    text = json.dumps({"Records": [{**RECORD, "eventID": "1"}]})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json")).write_text(text)
    for scheduler in ("sync", "processes"):
        found = audit.dask_table(tmp_path).compute(scheduler=scheduler)
        assert list(found["file"]) == [r"\xff.json"]


# --- A bucket, read with the reader's own rights ------------------------------------------


@pytest.fixture
def bucket(lab):
    """A bucket with two log files under a KMS key, a digest, and another object."""
    kms, s3 = lab.client("kms"), lab.client("s3")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket="trail-files")
    for number, name in enumerate(("CloudTrail/one", "CloudTrail/two", "CloudTrail-Digest/three")):
        record = {**RECORD, "eventID": str(number)}
        s3.put_object(
            Bucket="trail-files",
            Key=f"AWSLogs/{name}.json.gz",
            Body=gzip.compress(json.dumps({"Records": [record]}).encode()),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key_id,
        )
    s3.put_object(Bucket="trail-files", Key="AWSLogs/readme.txt", Body=b"x")
    return s3


def test_duckdb_reads_an_encrypted_bucket_through_a_client(connection, lab, bucket):
    connection.register_filesystem(audit.S3Files(bucket))
    audit.duckdb_view(connection, "trail", "s3://trail-files/AWSLogs")
    asked = "SELECT event_id, file FROM trail ORDER BY event_id"
    assert connection.sql(asked).fetchall() == [
        ("0", "CloudTrail/one.json.gz"),
        ("1", "CloudTrail/two.json.gz"),
    ]
    assert lab.events()[-1]["eventName"] == "Decrypt"


def test_duckdb_takes_the_name_of_a_folder_in_a_bucket_for_no_pattern(connection, bucket):
    for folder in ("a[b]", "ab"):
        text = json.dumps({"Records": [{**RECORD, "eventID": folder}]})
        bucket.put_object(
            Bucket="trail-files",
            Key=f"{folder}/AWSLogs/one.json.gz",
            Body=gzip.compress(text.encode()),
        )
    connection.register_filesystem(audit.S3Files(bucket))
    assert files_of(connection, "s3://trail-files/a[b]/AWSLogs/") == ["one.json.gz"]
    assert connection.sql("SELECT event_id FROM trail").fetchall() == [("a[b]",)]


def test_duckdb_reads_with_the_readers_own_rights(connection, lab, bucket):
    reader = lab.client("s3", lab.user("reader", allow("s3:*")))
    connection.register_filesystem(audit.S3Files(reader))
    audit.duckdb_view(connection, "trail", "s3://trail-files/AWSLogs")
    with pytest.raises(duckdb.Error, match="not authorized to perform: kms:Decrypt"):
        connection.sql("SELECT count(*) FROM trail").fetchall()


def test_a_folder_is_not_the_one_whose_name_goes_on(bucket):
    files, folder = audit.S3Files(bucket), "trail-files/AWSLogs/CloudTrail"
    there = [f"{folder}/one.json.gz", f"{folder}/two.json.gz"]
    for path in (folder, f"{folder}/", f"s3://{folder}", f"s3://{folder}/"):
        assert files.find(path) == files.ls(path, detail=False) == there
        assert [each["type"] for each in files.ls(path)] == ["file", "file"]


def test_the_beginning_of_a_name_is_no_folder(bucket):
    files = audit.S3Files(bucket)
    for path in ("trail-files/AWSLogs/CloudT", "trail-files/AWSLogs/CloudTrail/one"):
        assert files.find(path) == files.ls(path) == []


def test_below_an_object_lies_that_object_alone(bucket):
    files, place = audit.S3Files(bucket), "trail-files/AWSLogs/readme.txt"
    bucket.put_object(Bucket="trail-files", Key="AWSLogs/readme.txt.old", Body=b"y")
    assert files.find(place) == files.ls(place, detail=False) == [place]
    assert files.ls(place) == [files.info(place)]


def test_a_listing_asks_s3_for_what_lies_in_the_folder_alone(bucket):
    asked = []
    bucket.meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: asked.append(params["Prefix"])
    )
    audit.S3Files(bucket).ls("trail-files/AWSLogs/CloudTrail")
    assert asked == ["AWSLogs/CloudTrail/"]


def test_a_bucket_has_folders_files_and_nothing_else(bucket):
    files = audit.S3Files(bucket)
    assert sorted(files.ls("s3://trail-files/AWSLogs", detail=False)) == [
        "trail-files/AWSLogs/CloudTrail",
        "trail-files/AWSLogs/CloudTrail-Digest",
        "trail-files/AWSLogs/readme.txt",
    ]
    assert files.isdir("trail-files/AWSLogs/CloudTrail")
    assert not files.exists("trail-files/AWSLogs/CloudT")
    assert files.cat("s3://trail-files/AWSLogs/readme.txt") == b"x"
    with pytest.raises(FileNotFoundError):
        files.open("s3://trail-files/nothing")
    with pytest.raises(ValueError, match="only read"):
        files.open("s3://trail-files/nothing", "wb")
