"""An auditor's questions: each is asked of a small world whose answer is known."""

from datetime import datetime, timedelta

import pandas
import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, allow
from botocore.exceptions import ClientError
from cloudtrail_words import NOON

from kmslab import Lab, audit

pytest_plugins = ["cloudtrail_session"]

ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:user/administrator"
ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role/app", f"arn:aws:iam::{ACCOUNT}:user/eve"
CONTEXT = {"department": "payroll"}


@pytest.fixture
def used(lab: Lab, kms, key_arn) -> Lab:
    """Two sessions of a role decrypt, and a user in vain."""
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    sealed = kms.encrypt(KeyId=key_arn, Plaintext=b"1000", EncryptionContext=CONTEXT)
    asked = {"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": CONTEXT}
    role = lab.role("app", allow("kms:Decrypt"))
    for name in ("night", "day"):
        lab.client("kms", role.session(name)).decrypt(**asked)
    with pytest.raises(ClientError):
        lab.client("kms", lab.user("eve")).decrypt(**asked)
    return lab


@pytest.fixture
def table(used: Lab) -> pandas.DataFrame:
    return audit.from_events(used.events(data_events=True))


def stored(lab: Lab, key_arn: str, **settings) -> None:
    """A bucket with two encrypted objects, each read twice."""
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="reports")
    for name in ("may", "june"):
        s3.put_object(
            Bucket="reports",
            Key=name,
            Body=b"1000",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key_arn,
            **settings,
        )
    for _ in range(2):
        for name in ("may", "june"):
            s3.get_object(Bucket="reports", Key=name)["Body"].read()


def rows(answer: pandas.DataFrame, *columns: str) -> list[tuple]:
    return list(answer[list(columns)].itertuples(index=False, name=None))


# --- Who used this key --------------------------------------------------------------------


def test_sessions_of_one_role_used_a_key_as_that_role(table, key_arn):
    found = audit.who_used(table, key_arn)
    decrypted = found[found["operation"] == "kms:Decrypt"]
    assert rows(decrypted, "actor", "calls", "refused") == [(ROLE, 2, 0), (USER, 1, 1)]
    assert (decrypted["first"] <= decrypted["last"]).all()
    assert decrypted["first"].iloc[0] < decrypted["last"].iloc[0]


def test_a_key_is_named_by_arn_id_or_alias(table, key_arn):
    by_arn = audit.who_used(table, key_arn)
    assert len(by_arn) > 3
    for other in (key_arn.rpartition("/")[2], "alias/payroll"):
        pandas.testing.assert_frame_equal(by_arn, audit.who_used(table, other))


def test_an_alias_that_the_table_does_not_know_is_refused(table):
    with pytest.raises(ValueError, match="alias/nowhere"):
        audit.who_used(table, "alias/nowhere")


def test_a_key_that_nobody_used_has_no_rows(table):
    assert len(audit.who_used(table, f"arn:aws:kms:us-east-1:{ACCOUNT}:key/none")) == 0


def test_a_key_that_was_only_asked_for_in_vain_is_found_by_its_id_as_well(lab, kms, key_arn):
    with pytest.raises(ClientError):
        lab.client("kms", lab.administrator(OTHER_ACCOUNT)).encrypt(KeyId=key_arn, Plaintext=b"x")
    table = audit.from_events(lab.events()[-1:])
    assert list(table["resources"]) == [()]
    for key in (key_arn, key_arn.rpartition("/")[2]):
        assert rows(audit.who_used(table, key), "operation", "refused") == [("kms:Encrypt", 1)]


def test_the_new_key_of_a_reencrypt_was_used_too(lab, kms, key_arn):
    new = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key_arn, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=new)
    table = audit.from_events(lab.events())
    for arn in (key_arn, new):
        assert "kms:ReEncrypt" in set(audit.who_used(table, arn)["operation"])


def test_the_matrix_counts_successful_calls_by_actor_and_alias(table, kms, used):
    sleeper = kms.create_key()["KeyMetadata"]["Arn"]
    kms.encrypt(KeyId=sleeper, Plaintext=b"x")
    counted = audit.who_uses_what(audit.from_events(used.events()))
    short = sleeper.rpartition("/")[2].partition("-")[0]
    assert counted.to_dict() == {
        "payroll": {ROLE: 2, ADMINISTRATOR: 1},
        short: {ROLE: 0, ADMINISTRATOR: 1},
    }
    assert list(counted.columns) == ["payroll", short]


def test_keys_that_share_an_alias_have_columns_of_their_own(lab, kms, key_arn):
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    kms.encrypt(KeyId="alias/payroll", Plaintext=b"x")
    abroad = lab.client("kms", region_name=OTHER_REGION)
    other = abroad.create_key()["KeyMetadata"]["Arn"]
    abroad.create_alias(AliasName="alias/payroll", TargetKeyId=other)
    for _ in range(2):
        abroad.encrypt(KeyId="alias/payroll", Plaintext=b"x")
    counted = audit.who_uses_what(audit.from_events(lab.events()))
    assert counted.loc[ADMINISTRATOR].to_dict() == {
        f"payroll {OTHER_REGION}": 2,
        "payroll us-east-1": 1,
    }


def test_keys_that_had_one_alias_after_another_are_told_apart_by_their_ids(lab, kms, key_arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key_arn)
    kms.encrypt(KeyId="alias/payroll", Plaintext=b"x")
    kms.update_alias(AliasName="alias/payroll", TargetKeyId=other)
    kms.encrypt(KeyId="alias/payroll", Plaintext=b"x")
    counted = audit.who_uses_what(audit.from_events(lab.events()))
    assert sorted(counted.columns) == sorted(
        f"payroll us-east-1 {ACCOUNT} {arn.rpartition(':')[2]}" for arn in (key_arn, other)
    )


def test_a_key_with_two_aliases_has_one_column(lab, kms, key_arn):
    for name in ("alias/old", "alias/new"):
        kms.create_alias(AliasName=name, TargetKeyId=key_arn)
        kms.encrypt(KeyId=name, Plaintext=b"x")
    counted = audit.who_uses_what(audit.from_events(lab.events()))
    assert counted.to_dict() == {"new": {ADMINISTRATOR: 2}}


# --- In whose name ------------------------------------------------------------------------


def test_s3_asks_in_the_name_of_whoever_reads(used, key_arn):
    stored(used, key_arn)
    found = audit.in_whose_name(audit.from_events(used.events()))
    assert rows(found, "invoked_by", "actor", "operation", "key_arn", "calls") == [
        ("AWS Internal", ADMINISTRATOR, "kms:Decrypt", key_arn, 4),
        ("AWS Internal", ADMINISTRATOR, "kms:GenerateDataKey", key_arn, 2),
    ]


def test_direct_calls_are_in_nobody_elses_name(table):
    assert len(audit.in_whose_name(table)) == 0


# --- What was denied ----------------------------------------------------------------------


def test_a_denial_says_what_the_caller_was_told_and_what_decided(used, table, key_arn):
    (row,) = audit.denials(table, used.decisions).to_dict("records")
    assert (row["principal"], row["operation"], row["key_arn"]) == (USER, "kms:Decrypt", key_arn)
    assert "not authorized to perform: kms:Decrypt" in row["error_message"]
    assert row["because"] == "no identity-based policy allows it"


def test_a_denial_whose_decision_nobody_knows_any_more_has_no_reason(table):
    assert list(audit.denials(table, lambda _: ())["because"]) == [""]
    assert "because" not in audit.denials(table)


def test_what_failed_otherwise_was_not_denied(lab, kms):
    with pytest.raises(ClientError):
        kms.describe_key(KeyId="alias/nowhere")
    assert len(audit.denials(audit.from_events(lab.events()))) == 0


# --- Which objects ------------------------------------------------------------------------


def test_every_object_whose_data_key_was_opened_is_named(used, key_arn):
    stored(used, key_arn)
    found = audit.objects_opened(audit.from_events(used.events()))
    assert rows(found, "actor", "object_arn", "calls") == [
        (ADMINISTRATOR, "arn:aws:s3:::reports/may", 2),
        (ADMINISTRATOR, "arn:aws:s3:::reports/june", 2),
    ]


def test_with_a_bucket_key_the_bucket_is_named(used, key_arn):
    stored(used, key_arn, BucketKeyEnabled=True)
    found = audit.objects_opened(audit.from_events(used.events()))
    assert rows(found, "object_arn", "calls") == [("arn:aws:s3:::reports", 1)]


def test_what_was_decrypted_without_s3_is_no_object(table):
    assert len(audit.objects_opened(table)) == 0


# --- Which keys sleep ---------------------------------------------------------------------


def test_a_key_that_was_described_and_never_used_sleeps(used, kms, key_arn):
    sleeper = kms.create_key()["KeyMetadata"]["Arn"]
    kms.describe_key(KeyId=sleeper)
    found = audit.sleeping_keys(audit.from_events(used.events()), [key_arn, sleeper])
    assert list(found["key_arn"]) == [sleeper]
    assert found["last_used"].isna().all()


def test_a_key_that_was_used_before_a_time_sleeps_since(used, table, key_arn):
    assert len(audit.sleeping_keys(table, [key_arn], since=NOON)) == 0
    found = audit.sleeping_keys(table, [key_arn], since=NOON + timedelta(days=1))
    (last,) = found["last_used"]
    assert (
        last
        == table.loc[table["operation"] == "kms:Decrypt", "time"][table["outcome"] == "ok"].max()
    )


def test_a_denied_call_wakes_no_key(lab, kms):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError):
        lab.client("kms", lab.user("eve")).encrypt(KeyId=arn, Plaintext=b"x")
    assert len(audit.sleeping_keys(audit.from_events(lab.events()), [arn])) == 1


# --- Who could but never did --------------------------------------------------------------


def test_rights_that_were_used_are_left_out(table, key_arn):
    rights = [
        (ROLE, "kms:Decrypt", key_arn),
        (ROLE, "kms:Encrypt", key_arn),
        (USER, "kms:Decrypt", key_arn),
        (ADMINISTRATOR, "kms:Encrypt", key_arn),
    ]
    found = audit.could_but_never_did(table, rights)
    assert rows(found, "actor", "operation", "key_arn") == rights[1:3]


def test_both_rights_of_a_reencrypt_were_used_each_with_its_key(lab, kms, key_arn):
    new = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key_arn, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=new)
    rights = [
        (ADMINISTRATOR, f"kms:ReEncrypt{way}", arn)
        for way in ("From", "To")
        for arn in (key_arn, new)
    ]
    found = audit.could_but_never_did(audit.from_events(lab.events()), rights)
    assert rows(found, "actor", "operation", "key_arn") == [rights[1], rights[2]]
    kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=key_arn)
    found = audit.could_but_never_did(audit.from_events(lab.events()), rights)
    assert rows(found, "actor", "operation", "key_arn") == [rights[1]]


# --- Tables with nothing in them ----------------------------------------------------------


@pytest.mark.parametrize("records", [[], None], ids=["none", "of another service"])
def test_every_question_has_an_answer_for_a_table_without_keys(lab, records):
    if records is None:
        lab.client("sts").get_caller_identity()
        records = lab.events()
    table = audit.from_events(records)
    assert len(audit.who_used(table, "1234")) == 0
    assert len(audit.in_whose_name(table)) == 0
    assert len(audit.denials(table, lambda _: ())) == 0
    assert audit.who_uses_what(table).empty
    assert len(audit.objects_opened(table)) == 0
    assert list(audit.sleeping_keys(table, ["a", "a"])["key_arn"]) == ["a"]
    assert len(audit.could_but_never_did(table, [("a", "b", "c")])) == 1


def test_times_in_answers_have_a_zone(table, key_arn):
    for name in ("first", "last"):
        (moment, *_) = audit.who_used(table, key_arn)[name]
        assert isinstance(moment, datetime)
        assert moment.tzinfo is not None
