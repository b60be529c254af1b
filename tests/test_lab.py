"""`Lab` itself: what it gives out, what it refuses, what repeats and what never shows."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from aws_words import allow, refused
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_requests import ListeningLab

from kmslab import Clock, Lab, StillClock, child, insecure_seeded_random, project
from kmslab.store.records import Alias
from kmslab.store.table import Table

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def python(code, **environment):
    """What `code` prints in a fresh interpreter."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.FOLDER,
        env={**child.clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


# --- What is imported when ----------------------------------------------------------------

HEAVY = ["boto3", "botocore", "pandas", "matplotlib", "jupyterlab", "uvicorn", "cryptography"]


def loaded_after(*statements):
    asked = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    return set(python("\n".join((*statements, asked))).split())


def test_importing_kmslab_imports_nothing_heavy():
    assert loaded_after("import kmslab") == set()


def test_a_lab_needs_boto3_only_when_a_client_is_asked_for():
    lab = "import kmslab; lab = kmslab.Lab()"
    assert "boto3" not in loaded_after(lab)
    with_client = loaded_after(lab, "lab.client('kms').create_key(); lab.events()")
    assert "boto3" in with_client
    assert not with_client & {"pandas", "matplotlib", "jupyterlab", "uvicorn"}


def test_every_public_name_can_be_imported_and_no_other():
    import kmslab

    for name in kmslab.__all__:
        assert getattr(kmslab, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'lba'"):
        _ = kmslab.lba


# --- Clients and principals ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a/b", "ä", "a b", "x" * 65, 7])
def test_a_name_that_iam_would_not_take_is_refused(name):
    for make in (Lab().user, Lab().role):
        with pytest.raises(ValueError, match="a name has 1 to 64 letters"):
            make(name)


def test_a_client_is_a_real_boto3_client_of_the_accounts_administrator():
    lab = Lab()
    identity = lab.client("sts").get_caller_identity()
    assert identity["Account"] == "111122223333"
    assert identity["Arn"] == "arn:aws:iam::111122223333:user/administrator"
    assert identity["UserId"] == lab.administrator().user_id
    assert type(lab.client("kms")).__name__ == "KMS"
    assert lab.client("kms").meta.region_name == "us-east-1"


def test_two_labs_have_nothing_in_common():
    one, other = Lab(), Lab()
    key_id = one.client("kms").create_key()["KeyMetadata"]["KeyId"]
    blob = one.client("kms").encrypt(KeyId=key_id, Plaintext=b"p")["CiphertextBlob"]
    assert other.client("kms").list_keys()["Keys"] == []
    with refused("InvalidCiphertextException", ""):
        other.client("kms").decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize("service", ["s4", "", "KMS", "ec2", None])
def test_a_service_that_the_lab_has_not_is_named(service):
    with pytest.raises(ValueError, match=f"not {service!r}"):
        Lab().client(service)


@pytest.mark.parametrize("region", ["mars-1", "", "us-east-1 ", "aws-global", None])
def test_a_region_that_there_is_not_is_named(region):
    for ask, name in ((Lab().client, "kms"), (Lab().call, "ListKeys")):
        with pytest.raises(ValueError, match=f"no Region {region!r}"):
            ask(name, region_name=region)


@pytest.mark.parametrize("account", ["12345", "", "11112222333x", "١١١١٢٢٢٢٣٣٣٣", 111122223333])
def test_an_account_that_is_not_twelve_digits_is_named(account):
    for refuse in (Lab().administrator, lambda account: Lab().user("u", account=account)):
        with pytest.raises(ValueError, match=f"not {account!r}"):
            refuse(account)


@pytest.mark.parametrize(
    "policy",
    ["", "{", "[]", {}, {"Version": "2012-10-17"}, {"Version": "2012-10-17", "Statement": [{}]}],
)
def test_a_policy_that_cannot_be_read_is_refused_and_makes_no_user(policy):
    lab = Lab()
    with pytest.raises(ValueError, match=r"[Pp]olicy"):
        lab.user("u", policy)
    with refused("AccessDeniedException", None):
        lab.client("kms", principal=lab.user("u")).list_keys()


def test_administrators_users_and_credentials_are_made_once():
    lab = Lab()
    administrator, user = lab.administrator(), lab.user("u", allow("kms:ListKeys"))
    assert lab.administrator() == administrator
    assert lab.user("u") == user
    assert lab.credentials(user) == lab.credentials(user) != lab.credentials(administrator)
    assert lab.administrator("444455556666") != administrator


def test_a_user_keeps_identity_and_credentials_when_the_policy_is_changed():
    lab = Lab()
    user = lab.user("u")
    kms = lab.client("kms", principal=user)
    with refused("AccessDeniedException", None):
        kms.list_keys()
    changed = lab.user("u", allow("kms:ListKeys"))
    assert changed.user_id == user.user_id
    assert kms.list_keys()["Keys"] == []
    lab.user("u", allow("kms:CreateKey"))
    with refused("AccessDeniedException", None):
        kms.list_keys()


def test_a_secret_access_key_is_not_in_what_python_shows_of_it():
    lab = Lab()
    access_key = lab.credentials(lab.administrator())
    assert access_key.secret_access_key not in repr(access_key)


def test_a_config_of_ones_own_goes_over_the_labs():
    lab = Lab()
    lab.client("kms", config=Config(user_agent="mine/1.0")).list_keys()
    lab.client("kms").list_keys()
    agents = [event["userAgent"] for event in lab.events()]
    assert agents[0].startswith("mine/1.0")
    assert not agents[1].startswith("mine/1.0")


def test_a_call_that_was_refused_was_made_once():
    lab = Lab()
    with refused("LimitExceededException", None):
        lab.client("kms").create_key(Policy="x" * 40_000)
    assert [event["errorCode"] for event in lab.events()] == ["LimitExceededException"]


ASK = """
from kmslab import Lab
lab = Lab()
kms = lab.client("kms", region_name="eu-west-1")
key_id = kms.create_key()["KeyMetadata"]["Arn"]
blob = kms.encrypt(KeyId=key_id, Plaintext=b"p")["CiphertextBlob"]
print(kms.decrypt(CiphertextBlob=blob)["Plaintext"], kms.meta.endpoint_url)
print(lab.client("sts").get_caller_identity()["Arn"], len(lab.events()))
"""


def test_what_the_machine_is_configured_for_does_not_reach_the_labs_clients(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = ap-south-1\nendpoint_url = http://127.0.0.1:9\nca_bundle = /none\n"
        "[profile broken]\nservices = lost\nuse_fips_endpoint = true\nretry_mode = legacy\n"
    )
    nowhere = "http://127.0.0.1:9"
    said = python(
        ASK,
        AWS_ENDPOINT_URL=nowhere,
        AWS_ENDPOINT_URL_KMS=nowhere,
        AWS_PROFILE="no-such-profile",
        AWS_CONFIG_FILE=str(config),
        AWS_SHARED_CREDENTIALS_FILE=str(config),
        AWS_CA_BUNDLE="/no/such/bundle.pem",
        AWS_ACCESS_KEY_ID="AKIAREALLYREAL",
        AWS_SECRET_ACCESS_KEY="real",
        AWS_SESSION_TOKEN="real",
        AWS_DEFAULT_REGION="sa-east-1",
        AWS_USE_FIPS_ENDPOINT="true",
        AWS_USE_DUALSTACK_ENDPOINT="true",
        AWS_MAX_ATTEMPTS="7",
        HTTP_PROXY=nowhere,
        HTTPS_PROXY=nowhere,
        ALL_PROXY=nowhere,
        REQUESTS_CA_BUNDLE="/no/such/bundle.pem",
    )
    assert said == (
        "b'p' https://kms.eu-west-1.amazonaws.com\narn:aws:iam::111122223333:user/administrator 4"
    )


# --- Events -------------------------------------------------------------------------------


def test_each_call_leaves_one_event_allowed_or_denied():
    lab = Lab()
    kms, nobody = lab.client("kms"), lab.client("kms", principal=lab.user("nobody"))
    kms.create_key()
    with refused("AccessDeniedException", None):
        nobody.create_key()
    with refused("ValidationException", None):
        kms.generate_random(NumberOfBytes=2000)
    nobody_is = [event["userIdentity"]["userName"] for event in lab.events()]
    assert nobody_is == ["administrator", "nobody", "administrator"]
    codes = [event.get("errorCode") for event in lab.events()]
    assert codes == [None, "AccessDenied", "ValidationException"]


def test_an_event_is_a_copy_that_nobody_can_spoil():
    lab = Lab()
    session = lab.role("worker", allow("kms:*")).session("monday")
    lab.client("kms", session).create_key(Description="true")
    told = lab.events()[0]
    told["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] = "spoilt"
    told["eventName"] = told["userIdentity"]["arn"] = "spoilt"
    told["requestParameters"]["description"] = "spoilt"
    assert "spoilt" not in json.dumps(lab.events())


def test_eight_threads_neither_lose_nor_double_an_event():
    lab, turns = Lab(), 40
    kms = lab.client("kms")
    request_ids, arns = [], []

    def work(name):
        own = lab.client("kms") if name % 2 else kms
        for _ in range(turns):
            created = own.create_key()
            arn = created["KeyMetadata"]["Arn"]
            encrypted = own.encrypt(KeyId=arn, Plaintext=str(name).encode())
            opened = own.decrypt(CiphertextBlob=encrypted["CiphertextBlob"])
            assert opened["Plaintext"] == str(name).encode()
            arns.append(arn)
            answers = (created, encrypted, opened)
            request_ids.extend(answer["ResponseMetadata"]["RequestId"] for answer in answers)

    run_together(work, 8)
    events = lab.events()
    assert len(events) == 8 * turns * 3
    assert sorted(event["requestID"] for event in events) == sorted(request_ids)
    assert len({event["eventID"] for event in events}) == len(events)
    listed = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 50})
    keys = [entry["KeyArn"] for page in listed for entry in page["Keys"]]
    assert sorted(keys) == sorted(arns)


def test_threads_that_change_one_key_do_not_undo_each_other():
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]

    def work(name):
        for turn in range(6):
            kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": f"{name}-{turn}", "TagValue": "x"}])
            kms.create_alias(AliasName=f"alias/{name}-{turn}", TargetKeyId=key_id)

    run_together(work, 8)
    assert len(kms.list_resource_tags(KeyId=key_id, Limit=50)["Tags"]) == 48
    assert len(kms.list_aliases(KeyId=key_id, Limit=100)["Aliases"]) == 48


def test_threads_list_what_others_make_and_delete_without_losing_anything():
    lab = Lab()
    kms = lab.client("kms")
    lasting = kms.create_key()["KeyMetadata"]["KeyId"]
    kept_aliases, kept_keys = {"alias/lasting"}, {lasting}
    kms.create_alias(AliasName="alias/lasting", TargetKeyId=lasting)

    def listed(operation, members, member, **asked):
        pages = kms.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **asked)
        return {entry[member] for page in pages for entry in page[members]}

    def aliases(**asked):
        return listed("list_aliases", "Aliases", "AliasName", **asked)

    def work(number):
        for turn in range(12):
            name = f"alias/{number}-{turn}"
            if number < 4:
                kms.create_alias(AliasName=name, TargetKeyId=lasting)
                kept_aliases.add(name)
                if turn % 3:
                    kept_aliases.discard(name)
                    kms.delete_alias(AliasName=name)
            elif number == 4:
                kept_keys.add(kms.create_key()["KeyMetadata"]["KeyId"])
                doomed = kms.create_key()["KeyMetadata"]["KeyId"]
                kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
                lab.clock.advance(days=8)
            else:
                assert "alias/lasting" in aliases()
                assert "alias/lasting" in aliases(KeyId=lasting)
                assert lasting in listed("list_keys", "Keys", "KeyId")

    run_together(work, 8)
    assert aliases() == aliases(KeyId=lasting) == kept_aliases
    assert listed("list_keys", "Keys", "KeyId") == kept_keys
    assert (len(kept_aliases), len(kept_keys)) == (17, 13)


def test_a_page_of_a_table_is_whole_while_other_threads_put_and_delete():
    table = Table()

    def alias(name):
        return Alias("111122223333", "us-east-1", name, "key", 0.0, 0.0)

    shelf = alias("").shelf
    for number in range(50):
        table.put(alias(f"{number:03}-lasting"))

    def work(number):
        for turn in range(300):
            if number < 4:
                table.put(alias(f"{turn % 50:03}-{number}"))
                table.delete(alias(f"{turn % 50:03}-{number}"))
            else:
                listed, more = table.page(shelf, "", 1000)
                names = [one.name for one in listed]
                assert names == sorted(set(names))
                assert len(names) >= 50
                assert not more

    run_together(work, 8)
    assert [one.name for one in table.page(shelf, "", 1000)[0]] == [
        f"{number:03}-lasting" for number in range(50)
    ]


def run_together(work, count):
    problems = []

    def guarded(number):
        try:
            work(number)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    usual = sys.getswitchinterval()
    # Threads then take turns in the middle of everything.
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert problems == []


def test_no_event_shows_a_plaintext_a_ciphertext_a_token_or_a_secret():
    lab = ListeningLab()
    kms = lab.client("kms")
    secrets = [b"the plaintext of this test", b"a grant token of this test"]
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    encrypted = kms.encrypt(KeyId=arn, Plaintext=secrets[0], EncryptionContext={"shown": "yes"})
    blob = encrypted["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext={"shown": "yes"})
    reencrypted = kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext={"shown": "yes"}, DestinationKeyId=arn
    )
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    sealed = kms.generate_data_key_without_plaintext(KeyId=arn, NumberOfBytes=40)
    drawn = kms.generate_random(NumberOfBytes=40)
    secrets += [blob, reencrypted["CiphertextBlob"], sealed["CiphertextBlob"]]
    secrets += [data_key["Plaintext"], data_key["CiphertextBlob"], drawn["Plaintext"]]
    token = {"GrantTokens": [secrets[1].decode()]}
    with refused("InvalidGrantTokenException", None):
        kms.encrypt(KeyId=arn, Plaintext=secrets[0], **token)
    with refused("InvalidGrantTokenException", None):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"shown": "yes"}, **token)
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=blob[:-1])
    with refused("ValidationException", None):
        kms.encrypt(KeyId=arn, Plaintext=secrets[0] * 400)
    proxy = {"AccessKeyId": "PROXYACCESSKEYOFTHISTEST", "RawSecretAccessKey": "s" * 43}
    with refused("ValidationException", None):
        kms.create_custom_key_store(
            CustomKeyStoreName="shown",
            KeyStorePassword="password-of-this-test",
            XksProxyAuthenticationCredential=proxy,
        )
    secrets += [b"password-of-this-test", *(value.encode() for value in proxy.values())]
    secrets.append(lab.credentials(lab.administrator()).secret_access_key.encode())
    shown = json.dumps(lab.events())
    assert len(lab.events()) == len(lab.heard) == 12
    assert '"customKeyStoreName": "shown"' in shown
    assert '"encryptionContext": {"shown": "yes"}' in shown
    for secret in secrets:
        for form in (secret.decode("latin-1"), secret.hex(), base64.b64encode(secret).decode()):
            assert form.strip("=") not in shown


# --- What repeats, and time ---------------------------------------------------------------


def tour(seed):
    """A short use of a lab on a still clock: its answers, byte for byte, and its events."""
    lab = ListeningLab(clock=StillClock(NOON), random=insecure_seeded_random(seed))
    kms, reader = lab.client("kms"), lab.client("kms", principal=lab.user("reader"))
    arn = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/a", TargetKeyId=arn)
    blob = kms.encrypt(KeyId="alias/a", Plaintext=b"p")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    with refused("AccessDeniedException", None):
        reader.describe_key(KeyId=arn)
    kms.schedule_key_deletion(KeyId=arn)
    lab.clock.advance(days=31)
    lab.client("sts").get_caller_identity()
    return [(answer.status, dict(answer.headers), answer.body) for answer in lab.answered], (
        lab.events()
    )


def test_a_lab_with_still_clock_and_seed_repeats_byte_for_byte():
    assert tour(7) == tour(7)
    assert tour(7)[1] != tour(8)[1]


def test_a_repeated_lab_repeats_in_another_process_too():
    code = "import sys; sys.path.insert(0, 'tests'); import test_lab; print(test_lab.tour(7))"
    assert python(code) == python(code, PYTHONHASHSEED="1") == str(tour(7))


def test_a_still_clock_takes_one_step_for_each_request():
    lab = Lab(clock=StillClock(NOON, step=timedelta(minutes=1)))
    kms = lab.client("kms")
    for _ in range(3):
        kms.create_key()
    times = [event["eventTime"] for event in lab.events()]
    assert times == ["2026-03-01T12:01:00Z", "2026-03-01T12:02:00Z", "2026-03-01T12:03:00Z"]


def test_a_still_clock_needs_to_know_its_time_zone():
    with pytest.raises(ValueError, match="time zone"):
        StillClock(datetime(2026, 3, 1))


def test_the_lab_goes_on_after_its_clock_moved_400_days():
    lab = Lab()
    kms = lab.client("kms")
    before = kms.create_key()["KeyMetadata"]
    lab.clock.advance(days=400)
    after = kms.create_key()["KeyMetadata"]
    assert 400 <= (after["CreationDate"] - before["CreationDate"]).days <= 401
    blob = kms.encrypt(KeyId=before["KeyId"], Plaintext=b"p")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


@pytest.mark.parametrize(
    "amount",
    [{"seconds": -1}, {"days": 3_000_000}, {"seconds": float("nan")}, {"days": 8000 * 366}],
)
def test_time_moves_only_forward_and_within_the_calendar(amount):
    clock = Clock()
    with pytest.raises((ValueError, OverflowError)):
        clock.advance(**amount)
    assert clock.advanced == timedelta(0)


def test_advancing_does_at_once_what_falls_due_on_the_way():
    lab = Lab()
    kms = lab.client("kms")
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(3)]
    for arn, days in zip(arns, (20, 7, 30), strict=True):
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=days)
    lab.clock.advance(days=25)
    deleted = [event for event in lab.events() if event["eventName"] == "DeleteKey"]
    assert [event["resources"][0]["ARN"] for event in deleted] == [arns[1], arns[0]]
    assert deleted[0]["eventTime"] < deleted[1]["eventTime"]


@given(sizes=st.lists(st.integers(0, 100), max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_seeded_source_gives_the_same_bytes_however_they_are_drawn(sizes):
    drawn = insecure_seeded_random("seed")
    parts = [drawn(size) for size in sizes]
    assert [len(part) for part in parts] == sizes
    assert b"".join(parts) == insecure_seeded_random("seed")(sum(sizes))


def test_a_reset_lab_is_empty_and_works():
    lab = Lab()
    lab.client("kms").create_key()
    lab.clock.advance(days=400)
    lab.reset()
    assert lab.events() == []
    assert lab.clock.advanced == timedelta(0)
    assert lab.client("kms").list_keys()["Keys"] == []


def test_ciphertexts_of_before_a_reset_stay_closed():
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=os.urandom(20))["CiphertextBlob"]
    lab.reset()
    with refused("AccessDeniedException", None):
        lab.client("kms").decrypt(CiphertextBlob=blob)


def test_calls_come_from_the_address_and_the_program_that_the_client_was_given():
    lab = Lab()
    office = lab.client("kms", source_ip="203.0.113.10", config=Config(user_agent="payroll/2"))
    office.list_keys()
    lab.client("s3", source_ip="2001:db8::7").list_buckets()
    told = [(event["sourceIPAddress"], event["userAgent"]) for event in lab.events()]
    assert told == [("203.0.113.10", "payroll/2"), ("2001:db8::7", "kmslab boto3")]


@pytest.mark.parametrize("source_ip", ["203.0.113", "", "AWS Internal", 3405803786, None])
def test_what_is_no_address_is_named(source_ip):
    lab = Lab()
    key_id = lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
    for ask in (
        lambda: lab.client("kms", source_ip=source_ip),
        lambda: lab.would(lab.administrator(), "Encrypt", key_id, source_ip=source_ip),
    ):
        with pytest.raises(ValueError, match=re.escape(repr(source_ip))):
            ask()


def test_a_policy_decides_by_the_address_of_a_call_and_of_one_that_would_be_made():
    lab, at_work = Lab(), {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": at_work}
    ada = lab.user("ada", {"Version": "2012-10-17", "Statement": statement})
    key_id = lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
    for source_ip, is_allowed in (("203.0.113.10", True), ("192.0.2.1", False)):
        would = lab.would(ada, "Encrypt", key_id, source_ip=source_ip)
        kms = lab.client("kms", ada, source_ip=source_ip)
        with nullcontext() if is_allowed else pytest.raises(ClientError):
            kms.encrypt(KeyId=key_id, Plaintext=b"x")
        assert would.allowed == lab.last_decision().allowed == is_allowed
    # What S3 does for somebody does not come from their address.
    via_s3 = lab.would(ada, "Encrypt", key_id, via="s3.amazonaws.com", source_ip="203.0.113.10")
    assert not via_s3.allowed
