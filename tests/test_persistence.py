"""Labs with a directory: everything comes back, secrets stay wrapped, nothing is half done.

A lab is opened, used, closed (or killed) and opened again. Whatever was acknowledged must be
there, and a directory that cannot be used must be refused in plain words and left as it was.
"""

import base64
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from aws_words import allow, refused
from botocore.exceptions import BotoCoreError, ClientError
from serving_session import serving, spawn, start

from kmslab import Lab, StateError, StillClock, child, project
from kmslab.store.journal import Journal
from kmslab.store.records import KINDS

DATABASE, DOMAIN_KEY = "lab.sqlite3", "domain.key"


def arn_of(client, **asked):
    return client.create_key(**asked)["KeyMetadata"]["Arn"]


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


class RememberingRandom:
    """The operating system's randomness, and everything that was drawn from it."""

    def __init__(self):
        self.drawn = []

    def __call__(self, size):
        self.drawn.append(os.urandom(size))
        return self.drawn[-1]


# --- Everything comes back ----------------------------------------------------------------


def everything(lab, arn):
    """What a caller can see of a lab and its key."""
    kms = lab.client("kms")
    asked = {"KeyId": arn}
    answers = [
        kms.list_keys(),
        kms.list_aliases(),
        kms.describe_key(**asked),
        kms.list_resource_tags(**asked),
        kms.get_key_policy(**asked),
    ]
    return [{**answer, "ResponseMetadata": None} for answer in answers]


def test_keys_aliases_tags_policies_and_descriptions_come_back(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms, Description="kept", Tags=[{"TagKey": "a", "TagValue": "ö"}])
        kms.create_alias(AliasName="alias/b", TargetKeyId=arn)
        kms.create_alias(AliasName="alias/a", TargetKeyId=arn)
        kms.delete_alias(AliasName="alias/b")
        policy = json.loads(kms.get_key_policy(KeyId=arn)["Policy"])
        policy["Statement"][0]["Sid"] = "Mine"
        kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy))
        kms.disable_key(KeyId=arn_of(kms))
        arn_of(lab.client("kms", region_name="eu-west-1"))
        kms.describe_key(KeyId="alias/aws/s3")
        before = everything(lab, arn)
    with Lab(tmp_path) as lab:
        assert everything(lab, arn) == before
        assert len(lab.client("kms", region_name="eu-west-1").list_keys()["Keys"]) == 1
        assert [one["AliasName"] for one in before[1]["Aliases"]] == ["alias/a", "alias/aws/s3"]


def test_ciphertexts_open_after_the_lab_was_opened_again(tmp_path):
    context = {"a": "b"}
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        asked = {"KeyId": arn_of(kms), "EncryptionContext": context}
        blob = kms.encrypt(Plaintext=b"kept", **asked)["CiphertextBlob"]
    with Lab(tmp_path) as lab:
        opened = lab.client("kms").decrypt(CiphertextBlob=blob, EncryptionContext=context)
        assert opened["Plaintext"] == b"kept"


def test_users_their_policies_and_their_access_keys_come_back(tmp_path):
    with Lab(tmp_path) as lab:
        user = lab.user("reader", allow("kms:ListKeys"), account="444455556666")
        access_key = lab.credentials(user)
        administrator = lab.administrator()
    with Lab(tmp_path) as lab:
        assert lab.administrator() == administrator
        assert lab.user("reader", account="444455556666") == user
        assert lab.credentials(user) == access_key
        reader = lab.client("kms", principal=user)
        assert reader.list_keys()["Keys"] == []
        with refused("AccessDeniedException", None):
            reader.create_key()


def test_events_come_back_in_order_and_new_ones_follow(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        kms.describe_key(KeyId=arn_of(kms))
        with refused("NotFoundException", None):
            kms.describe_key(KeyId="x")
        before = lab.events()
    with Lab(tmp_path) as lab:
        assert lab.events() == before
        lab.client("kms").list_keys()
        assert lab.events()[:-1] == before
        assert lab.events()[-1]["eventName"] == "ListKeys"


def test_a_clock_that_was_advanced_stays_advanced(tmp_path):
    with Lab(tmp_path) as lab:
        lab.clock.advance(days=400)
        lab.clock.advance(seconds=0.5)
    with Lab(tmp_path) as lab:
        assert lab.clock.advanced == timedelta(days=400, seconds=0.5)
        created = lab.client("kms").create_key()["KeyMetadata"]["CreationDate"]
        assert created - datetime.now(UTC) > timedelta(days=399)


def test_a_scheduled_deletion_falls_due_in_the_lab_that_was_opened_again(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        doomed, saved = arn_of(kms), arn_of(kms)
        kms.create_alias(AliasName="alias/doomed", TargetKeyId=doomed)
        for arn in (doomed, saved):
            kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
        kms.cancel_key_deletion(KeyId=saved)
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        assert kms.describe_key(KeyId=doomed)["KeyMetadata"]["KeyState"] == "PendingDeletion"
        lab.clock.advance(days=8)
        assert [entry["KeyArn"] for entry in kms.list_keys()["Keys"]] == [saved]
        assert kms.list_aliases()["Aliases"] == []
    with Lab(tmp_path) as lab:
        assert [entry["KeyArn"] for entry in lab.client("kms").list_keys()["Keys"]] == [saved]
        deleted = [event for event in lab.events() if event["eventName"] == "DeleteKey"]
        assert [event["resources"][0]["ARN"] for event in deleted] == [doomed]


def test_a_deletion_that_fell_due_while_the_lab_was_closed_is_done_when_it_opens(tmp_path):
    start_of_year = datetime(2026, 1, 1, tzinfo=UTC)
    with Lab(tmp_path, clock=StillClock(start_of_year)) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms)
        due = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)["DeletionDate"]
    with Lab(tmp_path, clock=StillClock(start_of_year + timedelta(days=30))) as lab:
        with refused("NotFoundException", None):
            lab.client("kms").describe_key(KeyId=arn)
        (deleted,) = (event for event in lab.events() if event["eventName"] == "DeleteKey")
        assert deleted["eventTime"] == f"{due:%Y-%m-%dT%H:%M:%SZ}"


def test_a_reset_empties_the_directory_too_and_keeps_its_domain_key(tmp_path):
    with Lab(tmp_path) as lab:
        arn_of(lab.client("kms"))
        lab.clock.advance(days=5)
        lab.reset()
        kept = arn_of(lab.client("kms"))
    with Lab(tmp_path) as lab:
        assert [entry["KeyArn"] for entry in lab.client("kms").list_keys()["Keys"]] == [kept]
        assert lab.clock.advanced == timedelta(0)
        assert [event["eventName"] for event in lab.events()] == ["CreateKey", "ListKeys"]
    (tmp_path / DOMAIN_KEY).write_bytes(os.urandom(32))
    with pytest.raises(StateError, match="is not the domain key"):
        Lab(tmp_path)


# --- What rests on the disk ---------------------------------------------------------------


def test_the_files_are_readable_by_their_owner_alone(tmp_path):
    directory = tmp_path / "made" / "by the lab"
    with Lab(directory) as lab:
        arn_of(lab.client("kms"))
        s3 = lab.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="object", Body=b"body")
        paths = [directory, *directory.rglob("*")]
        modes = {path: path.stat().st_mode & 0o777 for path in paths}
    assert modes[directory / DOMAIN_KEY] == 0o600
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}


def test_key_material_is_nowhere_but_under_the_domain_key_and_that_only_in_its_file(tmp_path):
    source = RememberingRandom()
    plaintexts = [b"the plaintext of this test", b"another plaintext of this test"]
    with Lab(tmp_path, random=source) as lab:
        kms = lab.client("kms")
        created = [kms.create_key()["KeyMetadata"] for _ in range(5)]
        for key in created:
            for plaintext in plaintexts:
                blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=plaintext)["CiphertextBlob"]
                kms.decrypt(CiphertextBlob=blob)
            data_key = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
            plaintexts.append(data_key["Plaintext"])
        plaintexts.append(kms.generate_random(NumberOfBytes=32)["Plaintext"])
        while_open = contents(tmp_path)
    # The ids of key material are 32 random bytes as well, and no secret.
    ids = {bytes.fromhex(key["CurrentKeyMaterialId"]) for key in created}
    drawn = [one for one in source.drawn if len(one) == 32 and one not in ids]
    domain_key = (tmp_path / DOMAIN_KEY).read_bytes()
    assert domain_key in drawn
    assert len(ids & set(source.drawn)) == 5
    assert len(drawn) > 2 * len(created)
    for files in (while_open, contents(tmp_path)):
        assert files.pop(DOMAIN_KEY) == domain_key
        resting = b"".join(files.values())
        assert len(resting) > 10_000
        for secret in (*drawn, *plaintexts):
            for form in (secret, secret.hex().encode(), base64.b64encode(secret)):
                assert form not in resting


def test_a_failing_call_leaves_nothing_behind_but_its_event(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms)
        before = everything(lab, arn)
        with refused("MalformedPolicyDocumentException", None):
            kms.create_key(Policy="{}", Tags=[{"TagKey": "a", "TagValue": "b"}])
        with refused("NotFoundException", None):
            kms.create_alias(AliasName="alias/a", TargetKeyId=arn[:-1] + "x")
        with refused("TagException", None):
            kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "aws:x", "TagValue": "b"}])
        with refused("ValidationException", None):
            kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=6)
        assert everything(lab, arn) == before
    with Lab(tmp_path) as lab:
        assert everything(lab, arn) == before
        refusals = [event["errorCode"] for event in lab.events() if "errorCode" in event]
        assert len(refusals) == 4


FULL_DISK = """
import resource, sys
from kmslab import Lab
with Lab(sys.argv[1]) as lab:
    kms = lab.client("kms")
    kept = kms.create_key()["KeyMetadata"]["KeyId"]
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, unlimited[1]))
    try:
        for _ in range(3):
            try:
                kms.create_key()
            except Exception as problem:
                print(type(problem).__name__)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    print([entry["KeyId"] for entry in kms.list_keys()["Keys"]] == [kept])
    kms.create_key()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits for a process's files")
def test_what_the_disk_refuses_is_not_acknowledged_and_not_done(tmp_path):
    ran = python(FULL_DISK, tmp_path)
    assert ran.stdout.splitlines() == ["OperationalError"] * 3 + ["True"], ran.stderr
    with Lab(tmp_path) as lab:
        assert len(lab.client("kms").list_keys()["Keys"]) == 2
        names = [event["eventName"] for event in lab.events()]
        assert names == ["CreateKey", "ListKeys", "CreateKey", "ListKeys"]


@pytest.fixture
def refuse_once(monkeypatch):
    """A function that lets the journal's next `write` or `set` fail as on a full disk."""

    def refuse(name):
        real, left = getattr(Journal, name), [sqlite3.OperationalError("disk is full")]

        def refusing(journal, *arguments):
            if left:
                raise left.pop()
            return real(journal, *arguments)

        monkeypatch.setattr(Journal, name, refusing)

    return refuse


OPPORTUNITIES = {
    "the next call": lambda lab, kms: kms.list_keys(),
    "the next step of the clock": lambda lab, kms: lab.clock.advance(seconds=1),
    "an attempt to cancel": lambda lab, kms: None,
    "opening the lab again": lambda lab, kms: None,
}


@pytest.mark.parametrize("opportunity", OPPORTUNITIES)
def test_a_deletion_that_the_disk_refused_happens_at_the_next_opportunity(
    tmp_path, refuse_once, opportunity
):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms)
        due = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)["DeletionDate"]
        refuse_once("write")
        with pytest.raises(sqlite3.OperationalError):
            lab.clock.advance(days=30)
        OPPORTUNITIES[opportunity](lab, kms)
        if opportunity != "opening the lab again":
            with refused("NotFoundException", f"Key '{arn}' does not exist"):
                kms.cancel_key_deletion(KeyId=arn)
    with Lab(tmp_path) as lab:
        assert lab.client("kms").list_keys()["Keys"] == []
        (deleted,) = (event for event in lab.events() if event["eventName"] == "DeleteKey")
        assert deleted["eventTime"] == f"{due:%Y-%m-%dT%H:%M:%SZ}"


def test_a_step_of_the_clock_that_the_disk_refused_is_not_taken(tmp_path, refuse_once):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms)
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
        lab.clock.advance(days=1)
        refuse_once("set")
        with pytest.raises(sqlite3.OperationalError):
            lab.clock.advance(days=30)
        assert lab.clock.advanced == timedelta(days=1)
        assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    with Lab(tmp_path) as lab:
        assert lab.clock.advanced == timedelta(days=1)


def test_an_aws_managed_key_and_the_event_of_the_call_that_made_it_are_written_together(
    tmp_path, refuse_once
):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        refuse_once("write")
        with pytest.raises(sqlite3.OperationalError):
            kms.describe_key(KeyId="alias/aws/s3")
        assert kms.list_keys()["Keys"] == kms.list_aliases()["Aliases"] == []


def test_making_an_aws_managed_key_is_one_write(tmp_path, monkeypatch):
    written = []
    real = Journal.write

    def noting(journal, put, deleted, events):
        written.append(([record.table for record in put], [event.name for event in events]))
        real(journal, put, deleted, events)

    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        monkeypatch.setattr(Journal, "write", noting)
        kms.describe_key(KeyId="alias/aws/s3")
    made = ["kms_keys", "key_tokens", "key_materials", "aliases"]
    assert written == [(made, ["DescribeKey"])]


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=project.FOLDER,
        env=child.clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- Directories that cannot be used ------------------------------------------------------


@pytest.fixture
def used(tmp_path):
    """A directory in which a lab has been; its key's ARN and a ciphertext."""
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        arn = arn_of(kms)
        blob = kms.encrypt(KeyId=arn, Plaintext=b"kept")["CiphertextBlob"]
    return tmp_path, arn, blob


def assert_as_it_was(used):
    directory, arn, blob = used
    with Lab(directory) as lab:
        opened = lab.client("kms").decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyId"]) == (b"kept", arn)
        assert len(lab.events()) == 3


def test_a_lost_domain_key_is_told_and_no_new_one_is_made(used):
    directory = used[0]
    secret = (directory / DOMAIN_KEY).read_bytes()
    (directory / DOMAIN_KEY).unlink()
    for _ in range(2):
        with pytest.raises(StateError, match=r"domain\.key is missing.* put it back"):
            Lab(directory)
    assert set(contents(directory)) == {DATABASE}
    (directory / DOMAIN_KEY).write_bytes(secret)
    assert_as_it_was(used)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda secret: os.urandom(32),
        lambda secret: bytes([secret[0] ^ 1]) + secret[1:],
        lambda secret: secret[:31],
        lambda secret: secret + b"\n",
        lambda secret: b"",
    ],
    ids=["another", "one bit flipped", "too short", "too long", "empty"],
)
def test_a_wrong_domain_key_is_told_and_nothing_is_changed(used, wrong):
    directory = used[0]
    secret = (directory / DOMAIN_KEY).read_bytes()
    (directory / DOMAIN_KEY).write_bytes(wrong(secret))
    before = contents(directory)
    with pytest.raises(StateError, match=r"is not the domain key .* put the right file back"):
        Lab(directory)
    assert contents(directory) == before
    (directory / DOMAIN_KEY).write_bytes(secret)
    assert_as_it_was(used)


def test_a_second_lab_on_one_directory_is_refused_until_the_first_is_closed(used):
    directory = used[0]
    with Lab(directory) as first:
        with pytest.raises(StateError, match="is in use by another process; stop it first"):
            Lab(directory)
        first.client("kms").list_keys()
    Lab(directory).close()


HOLD = """
import sys
from kmslab import Lab
lab = Lab(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_on_one_directory_is_refused_until_the_first_is_gone(used):
    directory = used[0]
    command = [sys.executable, "-c", HOLD, str(directory)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project.FOLDER, **pipes) as holder:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StateError, match="is in use by another process; stop it first"):
            Lab(directory)
        holder.kill()
    assert_as_it_was(used)


@pytest.mark.parametrize("content", [b"hello", b"hello, world\n" * 2000, bytes(20_000)])
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path, content):
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(StateError, match=r"lab\.sqlite3 is not a kmslab database"):
        Lab(tmp_path)
    assert contents(tmp_path) == {DATABASE: content}


def test_a_damaged_database_is_told_and_let_go(used):
    directory = used[0]
    whole = (directory / DATABASE).read_bytes()
    damaged = bytearray(whole)
    damaged[4096:-100] = b"\xa5" * (len(damaged) - 4196)
    (directory / DATABASE).write_bytes(damaged)
    with pytest.raises(StateError, match=r"lab\.sqlite3 is (damaged|not a kmslab database)"):
        Lab(directory)
    (directory / DATABASE).write_bytes(whole)
    assert_as_it_was(used)


def changed(kind, member, value):
    """SQL that puts `value` in the place of a member of every record of this kind."""
    at = [each.name for each in fields(KINDS[kind])].index(member)
    return (
        "UPDATE record SET members = replace(json_set(members, "
        f"'$[{at}]', 'Instead'), '\"Instead\"', '{value}') WHERE kind = '{kind}'"
    )


UNREADABLE = {
    "the clock's step in words": "REPLACE INTO setting VALUES ('advanced', 'soon')",
    "an endless step of the clock": "REPLACE INTO setting VALUES ('advanced', 'inf')",
    "a step of the clock that is no number": "REPLACE INTO setting VALUES ('advanced', 'nan')",
    "an unknown kind of record": "UPDATE record SET kind = 'queues' WHERE kind = 'kms_keys'",
    "a record that is too short": "UPDATE record SET members = '[]' WHERE kind = 'kms_keys'",
    "half a record": "UPDATE record SET members = '[\"' WHERE kind = 'kms_keys'",
    "a record that is a number": "UPDATE record SET members = '7' WHERE kind = 'kms_keys'",
    "an event that is too short": "UPDATE event SET members = '[\"x\"]' WHERE sequence = 2",
    "a record that is an object": "UPDATE record SET members = '{\"a\": 1}' WHERE kind = 'users'",
    "a record without end": (
        "UPDATE record SET members = replace(hex(zeroblob(5000)), '0', '[') WHERE kind = 'users'"
    ),
    "a date that is no number": changed("kms_keys", "creation_date", "NaN"),
    "a date without end": changed("kms_keys", "creation_date", "1e999"),
    "a date beyond all years": changed("kms_keys", "creation_date", "1" + "0" * 400),
    "a date in words": changed("kms_keys", "creation_date", '"soon"'),
    "a date that is true": changed("kms_keys", "creation_date", "true"),
    "a key without a policy": changed("kms_keys", "policy", "null"),
    "tags that are a text": changed("kms_keys", "tags", '"ab"'),
    "a tag without a value": changed("kms_keys", "tags", '[["a"]]'),
    "a managed policy whose version has no text": (
        "INSERT INTO record VALUES ('managed_policies', '111122223333', 'p', "
        """'["111122223333", "p", "ANPAP", "v1", [["v1", null, 1.0]]]')"""
    ),
    "an inline policy that is no text": changed("users", "policies", '[["p", {"Statement": []}]]'),
    "the time of an event in words": "UPDATE event SET members = json_set(members, '$[2]', 'now')",
    "an event at no time": (
        "UPDATE event SET members = replace(json_set(members, '$[2]', '?'), '\"?\"', 'NaN')"
    ),
    "an event of no identity": (
        "UPDATE event SET members = json_set(members, '$[7]', NULL) WHERE sequence = 2"
    ),
    "half an event": "UPDATE event SET members = '[' WHERE sequence = 2",
    "an event that is nothing": "UPDATE event SET members = NULL WHERE sequence = 2",
}


@pytest.mark.parametrize("damage", UNREADABLE)
def test_a_database_with_something_unreadable_is_told_and_let_go(used, damage):
    directory = used[0]
    whole = (directory / DATABASE).read_bytes()
    database = sqlite3.connect(directory / DATABASE, isolation_level=None)
    database.execute(UNREADABLE[damage])
    database.close()
    # What pytest keeps of the refusal keeps everything alive that was not closed.
    with pytest.raises(StateError, match=r"lab\.sqlite3 is damaged") as kept:
        Lab(directory)
    (directory / DATABASE).write_bytes(whole)
    assert_as_it_was(used)
    assert kept.value.__cause__


@pytest.mark.parametrize("damage", UNREADABLE)
def test_what_is_told_of_something_unreadable_tells_no_secret(used, damage):
    directory = used[0]
    with sqlite3.connect(directory / DATABASE) as database:
        database.execute(UNREADABLE[damage])
        rows = database.execute("SELECT members FROM record").fetchall()
    database.close()
    with pytest.raises(StateError) as told:
        Lab(directory)
    secrets = re.findall(r"[0-9A-Za-z+/]{40,}", str(rows))
    assert secrets
    assert not any(secret in str(told.value) for secret in secrets)


def test_a_managed_policy_without_its_default_version_denies_everything(tmp_path):
    with Lab(tmp_path) as lab:
        iam, alice = lab.client("iam"), lab.user("alice", allow("kms:*"))
        made = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(allow("kms:*")))
        policy_arn = made["Policy"]["Arn"]
        iam.attach_user_policy(UserName="alice", PolicyArn=policy_arn)
        lab.client("kms", alice).create_key()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute(changed("managed_policies", "default_version", '"v7"'))
    database.close()
    with Lab(tmp_path) as lab:
        iam, alice = lab.client("iam"), lab.user("alice")
        with refused("AccessDeniedException", None):
            lab.client("kms", alice).create_key()
        asked = {"PolicySourceArn": alice.arn, "ActionNames": ["kms:CreateKey"]}
        [result] = iam.simulate_principal_policy(**asked)["EvaluationResults"]
        assert result["EvalDecision"] == "explicitDeny"
        assert iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"] == "v7"


def test_a_database_whose_proof_of_the_domain_key_is_damaged_is_told(used):
    directory = used[0]
    database = sqlite3.connect(directory / DATABASE, isolation_level=None)
    database.execute("UPDATE setting SET value = 'no hex' WHERE name = 'domain_key_proof'")
    database.close()
    with pytest.raises(StateError, match="is not the domain key"):
        Lab(directory)


def test_a_domain_key_that_is_a_directory_is_told_and_let_go(used):
    directory = used[0]
    secret = (directory / DOMAIN_KEY).read_bytes()
    (directory / DOMAIN_KEY).unlink()
    (directory / DOMAIN_KEY).mkdir()
    with pytest.raises(StateError, match=r"domain\.key cannot be used"):
        Lab(directory)
    (directory / DOMAIN_KEY).rmdir()
    (directory / DOMAIN_KEY).write_bytes(secret)
    assert_as_it_was(used)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may read every file"
)
def test_a_domain_key_that_this_user_may_not_read_is_told(used):
    directory = used[0]
    (directory / DOMAIN_KEY).chmod(0o000)
    with pytest.raises(StateError, match=r"domain\.key cannot be used"):
        Lab(directory)
    (directory / DOMAIN_KEY).chmod(0o600)
    assert_as_it_was(used)


def test_a_path_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StateError, match=r"file.* cannot be used"):
            Lab(path)
    assert (tmp_path / "file").read_text() == "mine"


# --- Written by an older version ----------------------------------------------------------


def test_a_state_from_before_keys_had_a_history_of_materials_opens(tmp_path):
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        asked = {"KeyId": arn_of(kms, Tags=[{"TagKey": "a", "TagValue": "b"}])}
        blob = kms.encrypt(Plaintext=b"kept", **asked)["CiphertextBlob"]
        before = everything(lab, asked["KeyId"])
    database = sqlite3.connect(tmp_path / DATABASE)
    columns = [member.name for member in fields(KINDS["kms_keys"])]
    later = [f"'$[{place}]'" for place in range(columns.index("rotation_period"), len(columns))]
    with database:
        database.execute("DELETE FROM record WHERE kind = 'key_materials'")
        for place in reversed(later):
            database.execute(
                f"UPDATE record SET members = json_remove(members, {place}) WHERE kind = 'kms_keys'"
            )
    database.close()
    with Lab(tmp_path) as lab:
        assert everything(lab, asked["KeyId"]) == before
        assert lab.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
        kms_key = next(iter(lab._store.kms_keys))
        materials = list(lab._store.key_materials.on(f"{kms_key.shelf}/{kms_key.key_id}"))
        assert [material.key_material_id for material in materials] == [kms_key.key_material_id]
        assert [material.state for material in materials] == ["CURRENT"]


# --- Killed at any moment -----------------------------------------------------------------

ROUNDS = 4


class Diary:
    """What a server acknowledged, written down by clients that never stop asking."""

    def __init__(self):
        self.request_ids, self.arns, self.aliases, self.blobs = [], [], {}, {}

    def keep_busy(self, kms, name):
        # The server is killed under these calls, so the last one of each client fails, or its
        # answer ends before the body.
        with suppress(ClientError, BotoCoreError, KeyError):
            for turn in range(10_000):
                self.one_turn(kms, f"{name}-{turn}")

    def one_turn(self, kms, name):
        created = kms.create_key(Description=name)
        arn = created["KeyMetadata"]["Arn"]
        self.arns.append(arn)
        self.note(created)
        self.note(kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=arn))
        self.aliases[f"alias/{name}"] = arn
        for plaintext in (f"{name} first".encode(), f"{name} second".encode()):
            encrypted = kms.encrypt(KeyId=arn, Plaintext=plaintext)
            self.blobs[encrypted["CiphertextBlob"]] = plaintext
            self.note(encrypted)

    def note(self, answer):
        self.request_ids.append(answer["ResponseMetadata"]["RequestId"])

    def assert_kept_by(self, lab):
        recorded = [event["requestID"] for event in lab.events()]
        assert len(recorded) == len(set(recorded))
        assert set(self.request_ids) <= set(recorded)
        kms = lab.client("kms")
        pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1000})
        kept = {entry["KeyArn"] for page in pages for entry in page["Keys"]}
        assert set(self.arns) <= kept
        for alias_name, arn in self.aliases.items():
            assert kms.describe_key(KeyId=alias_name)["KeyMetadata"]["Arn"] == arn
        for blob, plaintext in self.blobs.items():
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext


def test_nothing_acknowledged_is_lost_when_a_busy_server_is_killed(tmp_path):
    diary = Diary()
    for number in range(ROUNDS):
        server = start("--state", tmp_path)
        threads = [
            threading.Thread(target=diary.keep_busy, args=(kms, f"{number}-{one}"))
            for one, kms in enumerate([server.client("kms") for _ in range(3)])
        ]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.2, 1.5))
        server.kill()
        for thread in threads:
            thread.join()
        with Lab(tmp_path) as lab:
            diary.assert_kept_by(lab)
    assert len(diary.arns) > ROUNDS
    with serving("--state", tmp_path) as server:
        blob, plaintext = diary.blobs.popitem()
        assert server.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext


def test_a_server_that_is_killed_while_it_starts_leaves_a_directory_that_opens(tmp_path):
    for number in range(6):
        process = spawn("--port", "0", "--state", tmp_path / "lab")
        time.sleep(random.uniform(0.2, 0.7))
        process.kill()
        process.communicate()
        with Lab(tmp_path / "lab") as lab:
            arn_of(lab.client("kms"))
            assert len(lab.client("kms").list_keys()["Keys"]) == number + 1
