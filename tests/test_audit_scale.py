"""Many log files: read by several processes or written to Parquet, the table is the same."""

import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import warnings
from threading import Barrier, Thread

import pandas
import pyarrow.parquet
import pytest
from aws_words import ACCOUNT
from hypothesis import given
from hypothesis import strategies as st

from kmslab import audit
from kmslab.audit import workers
from kmslab.audit.reading import Source, file_source, read_batch
from kmslab.audit.sources import log_files
from kmslab.audit.workers import read_batches

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"


def record(number: int, **said) -> dict:
    """One of many calls, each at a second of its own in no order, by one of three callers."""
    return {
        "eventTime": f"2026-05-01T12:{number % 60:02}:{number * 7 % 60:02}Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": ("Encrypt", "Decrypt")[number % 2],
        "awsRegion": "us-east-1",
        "eventID": f"00000000-0000-0000-0000-{number:012}",
        "requestID": f"request {number}",
        "userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/{'abc'[number % 3]}"},
        "requestParameters": {"keyId": KEY, "encryptionContext": {"number": str(number % 5)}},
        "resources": [{"ARN": KEY, "type": "AWS::KMS::Key"}],
        "readOnly": True,
        **said,
    }


@pytest.fixture
def folder(tmp_path):
    """Ten files of fifty records; one record stands in two files, one file is damaged, one record
    is of an unknown shape."""
    folder = tmp_path / "AWSLogs"
    folder.mkdir()
    for number in range(10):
        records = [record(50 * number + place) for place in range(50)]
        if number == 3:
            records += [record(0), record(999, eventTime="yesterday")]
        text = json.dumps({"Records": records}).encode()
        (folder / f"{number}.json.gz").write_bytes(gzip.compress(text))
    alias = {"ARN": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/payroll"}
    told = record(500, eventName="CreateAlias", resources=[alias, {"ARN": KEY}])
    (folder / "alias.json").write_text(json.dumps({"Records": [told]}))
    (folder / "broken.json.gz").write_bytes(b"no gzip")
    return folder


@pytest.fixture
def small_groups(monkeypatch):
    """A group of files for each two of them, as if they were large."""
    monkeypatch.setattr(workers, "_GROUP_FILES", 2)


@pytest.fixture(autouse=True)
def unwarned():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", audit.SkippedFile)
        yield


def same(one: pandas.DataFrame, other: pandas.DataFrame) -> bool:
    pandas.testing.assert_frame_equal(one, other)
    return one.attrs["skipped"] == other.attrs["skipped"]


# --- Processes ----------------------------------------------------------------------------


def test_several_processes_make_the_same_table(folder, small_groups):
    alone = audit.from_folder(folder, processes=1)
    assert len(alone) == 501
    assert [each.name for each in alone.attrs["skipped"]] == ["3.json.gz", "broken.json.gz"]
    assert same(audit.from_folder(folder, processes=3), alone)


def test_files_are_read_in_their_order_whoever_reads_them(folder, small_groups):
    batches = list(read_batches(log_files(folder), processes=2))
    assert [batch.files for batch in batches] == [2] * 6
    files = [name for batch in batches for name in batch.rows["file"].to_pylist()]
    assert files == sorted(files)


def test_a_script_that_reads_is_not_run_again_by_its_processes(folder):
    script = f"""
from kmslab import audit
from kmslab.audit import workers
workers._GROUP_FILES = 2
print(len(audit.from_folder({str(folder)!r}, processes=2)))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert (ran.stdout, ran.returncode) == ("501\n", 0), ran.stderr


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_process_that_is_killed_is_told(folder, small_groups):
    with workers._Process() as other:
        os.kill(other._process.pid, signal.SIGKILL)
        with pytest.raises(ChildProcessError, match="ended with -9"):
            other.read(log_files(folder))


def test_fewer_than_one_process_is_refused(folder):
    with pytest.raises(ValueError, match="at least 1"):
        audit.from_folder(folder, processes=0)


def test_an_empty_folder_is_an_empty_table(tmp_path):
    table = audit.from_folder(tmp_path, processes=2)
    assert len(table) == 0
    assert list(table.columns) == list(audit.COLUMNS)


def test_a_file_that_vanishes_is_named(tmp_path):
    (batch,) = read_batches([file_source("gone.json", str(tmp_path / "gone.json"))])
    ((name, why),) = batch.skipped
    assert name == "gone.json"
    assert why.startswith("it cannot be opened")


def test_nothing_is_collected_until_the_last_thread_has_read():
    begun, ended = Barrier(2), Barrier(2)

    def read() -> bytes:
        begun.wait(60)
        ended.wait(60)
        return b'{"Records": []}'

    other = Thread(target=read_batch, args=([Source("", read)],))
    was_on = []

    def starts_the_other() -> bytes:
        other.start()
        begun.wait(60)
        return b'{"Records": []}'

    assert gc.isenabled()
    read_batch([Source("", starts_the_other)])
    was_on.append(gc.isenabled())
    ended.wait(60)
    other.join(60)
    was_on.append(gc.isenabled())
    assert was_on == [False, True]


# --- Against an independent reading -------------------------------------------------------

texts = st.none() | st.text(max_size=4)
pairs = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
calls = st.fixed_dictionaries(
    {},
    optional={
        "errorCode": st.sampled_from([None, "", "AccessDenied", "NotFoundException"]),
        "errorMessage": texts,
        "sourceIPAddress": texts,
        "readOnly": st.none() | st.booleans(),
        "requestParameters": st.none() | st.fixed_dictionaries({"encryptionContext": pairs}),
        "resources": st.none() | st.lists(st.fixed_dictionaries({"ARN": st.text(max_size=3)})),
    },
)


@given(st.lists(calls, max_size=5))
def test_rows_say_what_plain_python_reads_in_the_records(said):
    records = [record(place, **each) for place, each in enumerate(said)]
    table = audit.from_events(records).sort_values("event_id", ignore_index=True)
    for each, row in zip(records, table.to_dict("records"), strict=True):
        asked = each["requestParameters"] or {}
        assert row["encryption_context"] == asked.get("encryptionContext")
        arns = [resource["ARN"] for resource in each["resources"] or ()]
        assert row["resources"] == tuple(arn for arn in arns if arn)
        for column, member in (
            ("error", "errorCode"),
            ("error_message", "errorMessage"),
            ("source_ip", "sourceIPAddress"),
            ("read_only", "readOnly"),
        ):
            value = each.get(member)
            assert row[column] == value if value is not None else pandas.isna(row[column])


# --- Parquet ------------------------------------------------------------------------------


def test_a_parquet_file_gives_back_the_table_of_its_log_files(folder, tmp_path):
    target = tmp_path / "trail.parquet"
    skipped = audit.to_parquet(folder, target)
    assert [each.name for each in skipped] == ["3.json.gz", "broken.json.gz"]
    assert same(audit.from_parquet(target), audit.from_folder(folder))


def test_several_processes_write_the_same_rows(folder, tmp_path, small_groups):
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    audit.to_parquet(folder, one, processes=1)
    audit.to_parquet(folder, other, processes=2)
    assert pyarrow.parquet.read_table(one).equals(pyarrow.parquet.read_table(other))


def test_a_parquet_file_tells_what_was_delivered_even_twice(folder, tmp_path):
    target = tmp_path / "trail.parquet"
    audit.to_parquet(folder, target)
    ids = pyarrow.parquet.read_table(target)["event_id"].to_pylist()
    assert len(ids) == 502
    assert len(set(ids)) == 501


@pytest.mark.parametrize("reads", [audit.from_folder, audit.to_parquet])
def test_skipped_files_are_warned_of_where_they_were_asked_for(folder, tmp_path, reads):
    target = [tmp_path / "trail.parquet"] if reads is audit.to_parquet else []
    with pytest.warns(audit.SkippedFile, match="broken.json.gz") as caught:
        reads(folder, *target)
    assert [each.filename for each in caught] == [__file__] * 2


def test_no_rows_are_a_parquet_file_without_rows(tmp_path):
    (tmp_path / "logs").mkdir()
    audit.to_parquet(tmp_path / "logs", tmp_path / "trail.parquet")
    table = audit.from_parquet(tmp_path / "trail.parquet")
    assert same(table, audit.from_folder(tmp_path / "logs"))


def test_nothing_half_written_stands_at_the_target(folder, tmp_path, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    target = tmp_path / "trail.parquet"
    target.write_bytes(b"what was there")
    monkeypatch.setattr("kmslab.audit.parquet._stored", die)
    with pytest.raises(KeyboardInterrupt):
        audit.to_parquet(folder, target)
    assert target.read_bytes() == b"what was there"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["AWSLogs", "trail.parquet"]


def test_another_parquet_file_is_refused(tmp_path):
    path = tmp_path / "other.parquet"
    pandas.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(ValueError, match="not written by to_parquet"):
        audit.from_parquet(path)
