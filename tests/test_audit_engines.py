"""DuckDB and Dask on CloudTrail's own layout: the rows of `from_folder`, to the last value."""

import gzip
import json

import duckdb
import pandas
import pytest
from aws_words import allow
from hypothesis import given
from hypothesis import strategies as st

from kmslab import audit, project
from kmslab.audit import workers

pytest_plugins = ["lab_session"]

DAY = project.FOLDER / "data" / "incident" / "AWSLogs"


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
    told = table.drop(columns="alias", errors="ignore").astype("object").sort_values("event_id")
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
    assert [name for name in audit.COLUMNS if name not in found] == ["alias"]
    assert values(found) == values(day)


texts = st.none() | st.sampled_from(["", "a", "alias/a", "arn:aws:kms:us-east-1:1:key/2", "é'\""])
calls = st.fixed_dictionaries(
    {
        "eventTime": st.sampled_from(["2026-05-01T12:00:00Z", "2026-12-31T23:59:59Z"]),
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
        | st.fixed_dictionaries({}, optional={"keyId": st.text("ab:/key", max_size=8)}),
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
    text = json.dumps({"Records": [{"eventID": "1", "eventTime": "2026-05-01T12:00:00Z"}]})
    (folder / "one.json.gz").write_bytes(gzip.compress(text.encode()))
    audit.duckdb_view(connection, 'a "view"', folder)
    assert connection.sql('SELECT event_id, file FROM "a ""view"""').fetchall() == [
        ("1", "one.json.gz")
    ]


def test_a_damaged_file_fails_the_question(connection, tmp_path):
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    audit.duckdb_view(connection, "trail", tmp_path)
    with pytest.raises(duckdb.Error):
        connection.sql("SELECT count(*) FROM trail").fetchall()


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


RECORD = {
    "eventTime": "2026-05-01T12:00:00Z",
    "eventSource": "kms.amazonaws.com",
    "eventName": "ListKeys",
    "awsRegion": "us-east-1",
}


def test_duckdb_reads_an_encrypted_bucket_through_a_client(connection, lab, bucket):
    connection.register_filesystem(audit.S3Files(bucket))
    audit.duckdb_view(connection, "trail", "s3://trail-files/AWSLogs")
    asked = "SELECT event_id, file FROM trail ORDER BY event_id"
    assert connection.sql(asked).fetchall() == [
        ("0", "CloudTrail/one.json.gz"),
        ("1", "CloudTrail/two.json.gz"),
    ]
    assert lab.events()[-1]["eventName"] == "Decrypt"


def test_duckdb_reads_with_the_readers_own_rights(connection, lab, bucket):
    reader = lab.client("s3", lab.user("reader", allow("s3:*")))
    connection.register_filesystem(audit.S3Files(reader))
    audit.duckdb_view(connection, "trail", "s3://trail-files/AWSLogs")
    with pytest.raises(duckdb.Error, match="not authorized to perform: kms:Decrypt"):
        connection.sql("SELECT count(*) FROM trail").fetchall()


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
