"""`kmslab serve` as a process of its own: the same lab for the AWS CLI and every SDK.

Servers are started on free ports of 127.0.0.1 and asked by boto3, by the AWS CLI and by plain
HTTP; nothing here reaches into them.
"""

import asyncio
import base64
import contextlib
import http.client
import json
import random
import signal
import socket
import sys
import threading
import time

import pytest
from aws_words import refused
from botocore.exceptions import ClientError
from serving_session import refused_start, serving
from signed_requests import nested_grant_tokens, signed_request

from kmslab import Lab
from kmslab.serving import Credential, parse_credential
from kmslab.store.iam_records import AccessKey
from kmslab.wire.http import Application
from kmslab.wire.message import Answer

ALICE = ("AKIAALICEEXAMPLE", "alice+secret/1", "111122223333")
BOB = ("AKIABOBEXAMPLE", "bob+secret/2", "444455556666")
BOTH = [option for one in (ALICE, BOB) for option in ("--credential", ":".join(one))]
DAY = 86_400


@pytest.fixture(scope="module")
def server():
    with serving(*BOTH) as running:
        yield running


@pytest.fixture(scope="module")
def controlled():
    with serving("--allow-control") as running:
        yield running


def arn_of(client):
    return client.create_key()["KeyMetadata"]["Arn"]


# --- Starting and stopping ----------------------------------------------------------------


def test_it_says_where_it_is_and_what_to_paste_into_a_shell(controlled):
    address = f"http://127.0.0.1:{controlled.port}"
    assert controlled.ready_line == f"kmslab is ready on {address}; paste this into a shell:"
    assert list(controlled.exports) == [
        *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    ]
    assert controlled.exports["AWS_ENDPOINT_URL"] == address
    assert controlled.exports["AWS_DEFAULT_REGION"] == "us-east-1"
    identity = controlled.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::111122223333:user/administrator"


def test_the_first_credential_given_is_the_one_to_paste(server):
    assert server.exports["AWS_ACCESS_KEY_ID"] == ALICE[0]
    assert server.exports["AWS_SECRET_ACCESS_KEY"] == ALICE[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_and_gives_back_port_and_state(tmp_path, number):
    with serving("--state", tmp_path) as first:
        arn = arn_of(first.client("kms"))
        first.process.send_signal(number)
        assert first.process.wait(timeout=20) in (0, 1, 130, -signal.SIGTERM)
        assert "Traceback" not in first.process.stderr.read()
    with serving("--state", tmp_path, "--port", first.port) as second:
        assert second.port == first.port
        assert second.exports == first.exports
        assert second.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]


def test_a_port_that_is_taken_is_told_in_plain_words(server):
    code, complaint = refused_start("--port", server.port)
    assert code == 1
    assert "in use" in complaint
    assert str(server.port) in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "options", [("--port", 99_999), ("--port", "soon"), ("--host", "192.0.2.1"), ("--host", "a b")]
)
def test_an_address_that_cannot_be_listened_on_is_told_in_plain_words(options):
    code, complaint = refused_start(*options)
    assert code in (1, 2)
    assert str(options[1]) in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "credential",
    ["", "KEY", "KEY:SECRET", "KEY:SECRET:12345", "KEY::111122223333", "A:B:111122223333:C"],
)
def test_a_credential_of_another_form_is_told_in_plain_words(credential):
    code, complaint = refused_start("--credential", credential)
    assert code == 2
    assert "ACCESS_KEY:SECRET_KEY:ACCOUNT" in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "credential",
    [
        "AKIAEXAMPLE:hunter2:12345",
        "AKIAEXAMPLE:hunter2",
        "hunter2",
        "hunter2:AKIAEXAMPLE:12345",
        "AKIAEXAMPLE hunter2 111122223333",
        "AKIAEXAMPLE/hunter2/111122223333",
        "AKIAEXAMPLE:hun:ter2:111122223333",
    ],
)
def test_a_credential_of_another_form_is_not_repeated(credential):
    with pytest.raises(ValueError, match="ACCESS_KEY:SECRET_KEY:ACCOUNT") as caught:
        parse_credential(credential)
    assert "hun" not in str(caught.value)


def test_a_credential_of_another_form_is_not_repeated_on_the_terminal():
    code, complaint = refused_start("--credential", "AKIAEXAMPLE:hunter2:12345")
    assert code == 2
    assert "hunter2" not in complaint


def test_what_python_shows_of_a_credential_hides_the_secret():
    credential = parse_credential("AKIAEXAMPLE:hunter2:111122223333")
    assert credential == Credential("AKIAEXAMPLE", "hunter2", "111122223333")
    for shown in (repr(credential), str(credential), f"{(credential,)}"):
        assert "AKIAEXAMPLE" in shown
        assert "hunter2" not in shown


def test_two_servers_on_one_directory_are_refused(tmp_path):
    with serving("--state", tmp_path) as first:
        code, complaint = refused_start("--port", "0", "--state", tmp_path)
        assert code == 1
        assert "in use by another process" in complaint
        assert "Traceback" not in complaint
        assert arn_of(first.client("kms"))


def test_a_lost_domain_key_is_told_in_plain_words(tmp_path):
    with serving("--state", tmp_path):
        pass
    (tmp_path / "domain.key").unlink()
    code, complaint = refused_start("--port", "0", "--state", tmp_path)
    assert code == 1
    assert "domain.key is missing" in complaint
    assert "Traceback" not in complaint


# --- boto3 over HTTP ----------------------------------------------------------------------


def test_boto3_works_as_it_does_in_process(server):
    kms = server.client("kms")
    arn = arn_of(kms)
    context = {"purpose": "test"}
    blob = kms.encrypt(KeyId=arn, Plaintext=b"\x00secret\xff", EncryptionContext=context)
    opened = kms.decrypt(CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=context)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"\x00secret\xff", arn)
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=blob["CiphertextBlob"])


def test_the_region_is_the_one_a_client_signs_for(server):
    arn = arn_of(server.client("kms", region_name="eu-west-1"))
    assert arn.startswith("arn:aws:kms:eu-west-1:111122223333:key/")
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        server.client("kms").describe_key(KeyId=arn)


def test_each_credential_is_an_administrator_of_its_own_account(server):
    alice, bob = (server.client("kms", *one[:2]) for one in (ALICE, BOB))
    for one in (ALICE, BOB):
        identity = server.client("sts", *one[:2]).get_caller_identity()
        assert identity["Account"] == one[2]
        assert identity["Arn"] == f"arn:aws:iam::{one[2]}:user/administrator"
    bobs = arn_of(bob)
    assert bobs not in {entry["KeyArn"] for entry in alice.list_keys()["Keys"]}
    assert [entry["KeyArn"] for entry in bob.list_keys()["Keys"]] == [bobs]
    with refused("AccessDeniedException", None):
        alice.describe_key(KeyId=bobs)
    bob.describe_key(KeyId=bobs)


def test_a_wrong_secret_is_refused_over_http(server):
    with refused("InvalidSignatureException", None):
        server.client("kms", ALICE[0], BOB[1]).list_keys()
    with refused("UnrecognizedClientException", None):
        server.client("kms", "AKIANOBODY", "x").list_keys()


def test_many_clients_at_once_each_get_their_own_answer(server):
    def work(number):
        kms = server.client("kms", region_name="ap-south-1")
        for turn in range(10):
            plaintext = f"{number}/{turn}".encode()
            arn = arn_of(kms)
            blob = kms.encrypt(KeyId=arn, Plaintext=plaintext)["CiphertextBlob"]
            opened = kms.decrypt(CiphertextBlob=blob)
            done.append((opened["KeyId"] == arn, opened["Plaintext"] == plaintext))

    done = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [(True, True)] * 80
    keys = server.client("kms", region_name="ap-south-1").list_keys(Limit=1000)["Keys"]
    assert len({entry["KeyId"] for entry in keys}) == 80


# --- The AWS CLI --------------------------------------------------------------------------


def cli_json(server, *arguments):
    ran = server.aws(*arguments, "--output", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    return json.loads(ran.stdout or "null")


def cli_text(server, *arguments):
    ran = server.aws(*arguments, "--output", "text")
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.strip()


def test_the_aws_cli_encrypts_a_file_and_decrypts_it_again(server, tmp_path):
    key_id = cli_text(server, "kms", "create-key", "--query", "KeyMetadata.KeyId")
    secret, sealed = tmp_path / "secret.txt", tmp_path / "secret.sealed"
    secret.write_bytes("Grüße, world\n".encode())
    encrypt = ("kms", "encrypt", "--key-id", key_id, "--plaintext", f"fileb://{secret}")
    sealed.write_bytes(base64.b64decode(cli_text(server, *encrypt, "--query", "CiphertextBlob")))
    assert secret.read_bytes() not in sealed.read_bytes()
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}")
    opened = cli_text(server, *decrypt, "--query", "Plaintext")
    assert base64.b64decode(opened) == secret.read_bytes()


def test_the_aws_cli_generates_a_data_key_and_lists_aliases(server):
    key_id = arn_of(server.client("kms")).rpartition("/")[2]
    create = ("kms", "create-alias", "--alias-name", "alias/cli", "--target-key-id", key_id)
    assert cli_json(server, *create) is None
    spec = ("--key-id", "alias/cli", "--key-spec", "AES_256")
    data_key = cli_json(server, "kms", "generate-data-key", *spec)
    assert len(base64.b64decode(data_key["Plaintext"])) == 32
    opened = server.client("kms").decrypt(
        CiphertextBlob=base64.b64decode(data_key["CiphertextBlob"])
    )
    assert opened["Plaintext"] == base64.b64decode(data_key["Plaintext"])
    listed = cli_json(server, "kms", "list-aliases")["Aliases"]
    assert ("alias/cli", key_id) in {(one["AliasName"], one["TargetKeyId"]) for one in listed}


def test_the_aws_cli_is_told_who_it_is(server):
    identity = cli_json(server, "sts", "get-caller-identity")
    assert identity["Arn"] == "arn:aws:iam::111122223333:user/administrator"


TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "111122223333"},
        "Action": "sts:AssumeRole",
    },
}
MAY_LIST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"},
}


def test_the_aws_cli_makes_a_role_assumes_it_and_lends_it_a_key(server, tmp_path):
    trust = ("--assume-role-policy-document", json.dumps(TRUST))
    made = cli_json(server, "iam", "create-role", "--role-name", "clerk", *trust)
    role_arn = made["Role"]["Arn"]
    assert made["Role"]["AssumeRolePolicyDocument"] == TRUST
    named = ("--role-arn", role_arn, "--role-session-name", "monday")
    session = as_environment(cli_json(server, "sts", "assume-role", *named)["Credentials"])

    identity = server.aws("sts", "get-caller-identity", "--output", "json", **session)
    assert json.loads(identity.stdout)["Arn"].endswith(":assumed-role/clerk/monday")

    key_id = cli_text(server, "kms", "create-key", "--query", "KeyMetadata.KeyId")
    context = ("--encryption-context", "case=7")
    secret, sealed = tmp_path / "secret", tmp_path / "sealed"
    secret.write_bytes(b"lent")
    encrypt = ("kms", "encrypt", "--key-id", key_id, "--plaintext", f"fileb://{secret}", *context)
    sealed.write_bytes(base64.b64decode(cli_text(server, *encrypt, "--query", "CiphertextBlob")))
    decrypt = ("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}", *context)
    ran = server.aws(*decrypt, **session)
    assert "AccessDeniedException" in ran.stderr
    assert "because no identity-based policy allows the kms:Decrypt action" in ran.stderr

    lend = ("kms", "create-grant", "--key-id", key_id, "--grantee-principal", role_arn)
    terms = ("--operations", "Decrypt", "--constraints", "EncryptionContextSubset={case=7}")
    grant = cli_json(server, *lend, *terms)
    token = ("--grant-tokens", grant["GrantToken"], "--query", "Plaintext", "--output", "text")
    ran = server.aws(*decrypt, *token, **session)
    assert (base64.b64decode(ran.stdout), ran.stderr) == (b"lent", "")
    listed = cli_json(server, "kms", "list-grants", "--key-id", key_id)["Grants"]
    assert [(one["GrantId"], one["GranteePrincipal"]) for one in listed] == [
        (grant["GrantId"], role_arn)
    ]
    end = ("kms", "revoke-grant", "--key-id", key_id, "--grant-id", grant["GrantId"])
    assert cli_json(server, *end) is None
    assert "AccessDeniedException" in server.aws(*decrypt, **session).stderr


def test_the_aws_cli_makes_a_user_with_an_access_key_and_a_policy(server):
    made = cli_json(server, "iam", "create-user", "--user-name", "dora", "--tags", "Key=t,Value=x")
    assert made["User"]["Arn"] == "arn:aws:iam::111122223333:user/dora"
    given = cli_json(server, "iam", "create-access-key", "--user-name", "dora")["AccessKey"]
    dora = as_environment(given)
    assert "AccessDenied" in server.aws("kms", "list-keys", **dora).stderr
    policy = ("--policy-name", "listing", "--policy-document", json.dumps(MAY_LIST))
    assert cli_json(server, "iam", "put-user-policy", "--user-name", "dora", *policy) is None
    assert server.aws("kms", "list-keys", **dora).returncode == 0
    simulate = ("iam", "simulate-principal-policy", "--policy-source-arn", made["User"]["Arn"])
    actions = ("--action-names", "kms:ListKeys", "kms:CreateKey")
    results = cli_json(server, *simulate, *actions)["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    ran = server.aws("iam", "get-user", "--user-name", "nobody")
    assert "(NoSuchEntity)" in ran.stderr


def as_environment(credentials):
    """Credentials as the CLI takes them."""
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials.get("SessionToken", ""),
    }


def test_the_aws_cli_with_a_wrong_secret_is_refused(server):
    ran = server.aws("kms", "list-keys", AWS_SECRET_ACCESS_KEY="wrong")
    assert ran.returncode in (254, 255)
    assert ran.stdout == ""
    assert "An error occurred (InvalidSignatureException) when calling the ListKeys" in ran.stderr
    assert "The request signature we calculated does not match" in ran.stderr
    ran = server.aws("sts", "get-caller-identity", AWS_SECRET_ACCESS_KEY="wrong")
    assert ran.returncode in (254, 255)
    assert "An error occurred (SignatureDoesNotMatch)" in ran.stderr


# --- S3, whose bodies stream --------------------------------------------------------------


@contextlib.contextmanager
def half_an_upload(running):
    """A client of a server with one bucket, and the line on which half of an object came."""
    s3 = running.client("s3")
    s3.create_bucket(Bucket="bucket")
    signed = s3.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "k"})
    asked = signed.removeprefix(running.address)
    head = f"PUT {asked} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nContent-Length: 10000000"
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as line:
        line.sendall(f"{head}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert line.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"x" * 5_000_000)
        yield s3, line


def test_an_upload_whose_sender_goes_away_leaves_nothing():
    with serving() as running:
        with half_an_upload(running) as (s3, _):
            pass
        for _ in range(5):
            assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"whole")
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"whole"


def test_it_stops_in_the_middle_of_an_upload_and_keeps_nothing_of_it(tmp_path):
    with serving("--state", tmp_path) as running, half_an_upload(running) as (_, line):
        running.process.send_signal(signal.SIGTERM)
        assert line.recv(65_536).startswith(b"HTTP/1.1 503")
        running.process.wait(timeout=20)
        assert "Traceback" not in running.process.stderr.read()
    with Lab(tmp_path) as lab:
        assert "Contents" not in lab.client("s3").list_objects_v2(Bucket="bucket")


# --- Control ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/_kmslab/reset", "/_kmslab/advance?seconds=5", "/_kmslab/"])
def test_without_allow_control_there_are_no_control_routes(server, path):
    arn = arn_of(server.client("kms"))
    status, text = server.http("POST", path)
    # To whoever is not told of them they look like an object.
    assert status == 405
    assert "<Code>MethodNotAllowed</Code>" in text
    assert server.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]


def advance(server, seconds, **headers):
    return server.http("POST", f"/_kmslab/advance?seconds={seconds}", **headers)


def test_calls_go_on_after_the_labs_clock_moved_400_days(controlled):
    kms = controlled.client("kms")
    before = kms.describe_key(KeyId=arn_of(kms))["KeyMetadata"]
    assert advance(controlled, 400 * DAY)[0] == 200
    after = kms.describe_key(KeyId=arn_of(kms))["KeyMetadata"]
    assert 400 <= (after["CreationDate"] - before["CreationDate"]).days <= 401
    blob = kms.encrypt(KeyId=before["KeyId"], Plaintext=b"p")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_advancing_beyond_a_scheduled_deletion_removes_the_key(controlled):
    kms = controlled.client("kms")
    arn = arn_of(kms)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert advance(controlled, 7 * DAY - 3600)[0] == 200
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert advance(controlled, 7200)[0] == 200
    with refused("NotFoundException", f"Key '{arn}' does not exist"):
        kms.describe_key(KeyId=arn)


def test_reset_empties_the_lab_and_keeps_its_credentials(controlled):
    kms = controlled.client("kms")
    arn = arn_of(kms)
    assert advance(controlled, 400 * DAY)[0] == 200
    assert controlled.http("POST", "/_kmslab/reset") == (200, "the lab is empty\n")
    assert kms.list_keys()["Keys"] == []
    with refused("NotFoundException", None):
        kms.describe_key(KeyId=arn)
    again = kms.describe_key(KeyId=arn_of(kms))
    answered = again["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert again["KeyMetadata"]["CreationDate"].strftime("%b %Y") in answered


def test_a_reset_keeps_the_credentials_that_were_given_on_the_command_line(tmp_path):
    with serving(*BOTH, "--allow-control", "--state", tmp_path) as running:
        bob = running.client("kms", *BOB[:2])
        arn_of(bob)
        assert running.http("POST", "/_kmslab/reset")[0] == 200
        assert bob.list_keys()["Keys"] == []
        kept = arn_of(bob)
    with serving("--state", tmp_path) as running:
        kms = running.client("kms", *BOB[:2])
        assert [entry["KeyArn"] for entry in kms.list_keys()["Keys"]] == [kept]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.com"},
        {"Origin": "null"},
        {"Host": "example.com"},
        {"Host": "example.com:4599"},
        {"Host": "127.0.0.1.example.com:4599"},
        {"Host": ""},
    ],
)
def test_a_web_page_cannot_control_the_lab(controlled, headers):
    arn = arn_of(controlled.client("kms"))
    for path in ("/_kmslab/reset", "/_kmslab/advance?seconds=5"):
        status, text = controlled.http("POST", path, **headers)
        assert (status, text) == (403, "only programs on this machine may control the lab\n")
    assert controlled.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]


class Controlled:
    """What a controlled lab was told to do."""

    def __init__(self):
        self.done = []

    def reset(self):
        self.done.append("reset")

    def advance(self, seconds):
        self.done.append(seconds)


WHOLE = {"type": "http.request", "body": b"", "more_body": False}


def sent_by(application, path, *messages, source_ip="127.0.0.1", headers=()):
    """What is sent to a POST that an ASGI server hands over from `source_ip`."""
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"seconds=5"}
    scope |= {"headers": [(b"host", b"127.0.0.1:4599"), *headers], "client": (source_ip, 50_000)}
    received, sent = iter(messages), []

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    return sent


def ask_application(application, path, *, source_ip="127.0.0.1"):
    """Status and body for a whole POST without a body."""
    sent = sent_by(application, path, WHOLE, source_ip=source_ip)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("word", ["reset", "advance"])
def test_another_machine_cannot_control_the_lab_whatever_host_it_claims(word):
    control = Controlled()
    application = Application(Lab().handle, control)
    path = f"/_kmslab/{word}"
    assert ask_application(application, path, source_ip="192.0.2.7")[0] == 403
    assert control.done == []
    assert ask_application(application, path)[0] == 200
    assert control.done == ["reset" if word == "reset" else 5.0]


@pytest.mark.parametrize("word", ["reset", "advance"])
@pytest.mark.parametrize("block", [b"", b"half"])
def test_a_control_request_that_is_cut_off_does_nothing(word, block):
    control, asked = Controlled(), []
    application = Application(asked.append, control)
    begun = {"type": "http.request", "body": block, "more_body": True}
    for path in (f"/_kmslab/{word}", "/"):
        for before in ((), (begun,), (begun, begun)):
            assert sent_by(application, path, *before, {"type": "http.disconnect"}) == []
    assert control.done == asked == []


def test_a_control_request_whose_sender_goes_away_does_nothing(controlled):
    kms = controlled.client("kms")
    arn = arn_of(kms)
    head = f"POST /_kmslab/reset HTTP/1.1\r\nHost: 127.0.0.1:{controlled.port}\r\n"
    with socket.create_connection(("127.0.0.1", controlled.port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: 100\r\n\r\nhalf".encode())
    for _ in range(5):
        assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]


def test_a_header_may_not_say_who_is_calling(tmp_path, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    path = "/_kmslab/advance?seconds=0"
    with serving("--state", tmp_path, "--allow-control") as running:
        kms = running.client("kms")
        kms.meta.events.register("before-send", claim_another_address)
        arn_of(kms)
        # From this machine, whatever the headers claim …
        assert running.http("POST", path, X_Forwarded_For="192.0.2.7")[0] == 200
        if sys.platform == "linux":
            # … and from another address, which no header makes that of this machine.
            connection = http.client.HTTPConnection(
                "127.0.0.1", running.port, timeout=20, source_address=("127.0.0.2", 0)
            )
            connection.request("POST", path, headers={"X-Forwarded-For": "127.0.0.1"})
            assert connection.getresponse().status == 403
            connection.close()
    with Lab(tmp_path) as lab:
        assert [event["sourceIPAddress"] for event in lab.events()] == ["127.0.0.1"]


def claim_another_address(request, **_):
    request.headers["X-Forwarded-For"] = "192.0.2.7"


def test_a_defect_of_the_lab_is_a_500_that_tells_the_caller_nothing(caplog):
    def broken(request):
        raise RuntimeError("something secret")

    status, body = ask_application(Application(broken, None), "/")
    assert (status, json.loads(body)) == (500, {"__type": "KMSInternalException"})
    assert "something secret" in caplog.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:4599", "[::1]:4599"])
def test_this_machine_may_go_by_any_of_its_own_names(controlled, host):
    assert advance(controlled, 0, Host=host)[0] == 200


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "1e300", "soon", "", "0x10"])
def test_time_moves_only_forward_and_within_the_calendar(controlled, seconds):
    status, text = advance(controlled, seconds)
    assert status == 400
    assert text == f"seconds must be a number of seconds from 0 on, not '{seconds}'\n"


def test_control_takes_post_and_knows_two_words(controlled):
    assert controlled.http("GET", "/_kmslab/reset")[0] == 405
    assert controlled.http("POST", "/_kmslab/")[0] == 404
    assert controlled.http("POST", "/_kmslab/advance")[0] == 400


# --- What is no request of AWS ------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_one_mebibyte_is_too_large(server, chunked):
    body = b"x" * (1024 * 1024 + 1)
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    content = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "TrentService.ListKeys",
    }
    status, text = server.http("POST", "/", pieces if chunked else body, **content)
    assert status == 413
    assert json.loads(text)["__type"] == "RequestEntityTooLargeException"


def test_a_header_that_is_repeated_is_one_header_with_all_its_values():
    heard = []

    def note(request):
        heard.append(request.headers)
        return Answer(200, {}, b"")

    repeated = [(b"x-note", b"1"), (b"x-other", b"2"), (b"x-note", b"3"), (b"x-note", b"")]
    sent_by(Application(note, None), "/", WHOLE, headers=repeated)
    assert heard == [{"host": "127.0.0.1:4599", "x-note": "1,3,", "x-other": "2"}]


def test_twice_as_many_repeated_headers_take_about_twice_the_time():
    application = Application(lambda request: Answer(200, {}, b""), None)

    def seconds(count):
        headers = [(b"x", b"y" * 14)] * count
        started = time.perf_counter()
        sent_by(application, "/", WHOLE, headers=headers)
        return time.perf_counter() - started

    # In turn, so that a busy moment of the machine slows all three down.
    turns = [[seconds(count) for count in (0, 2000, 4000)] for _ in range(30)]
    none, some, twice_as_many = map(min, zip(*turns, strict=True))
    assert twice_as_many - none < 2.7 * (some - none)


@pytest.mark.parametrize(
    "headers",
    [{"X": "y" * 70_000}, {f"X{number}": "y" * 1000 for number in range(70)}],
    ids=["one", "many"],
)
def test_headers_over_64_kibibytes_are_too_large(server, headers):
    assert server.http("POST", "/", **headers) == (431, "the headers are too large\n")
    fewer = {name: value[: len(value) * 9 // 10] for name, value in headers.items()}
    assert server.http("POST", "/", **fewer)[0] == 400


def test_grant_tokens_nested_to_any_depth_are_refused_over_http(server):
    alice = AccessKey(*ALICE, "administrator")
    limit = sys.getrecursionlimit()
    for depth in (1, 100, *range(limit - 100, limit)):
        request = signed_request(alice, "Encrypt", nested_grant_tokens(depth, 11))
        status, text = server.http("POST", "/", request.body, **request.headers)
        assert (status, json.loads(text)["__type"]) == (400, "SerializationException"), depth


def test_a_plain_http_request_is_answered_with_a_refusal(server):
    status, text = server.http("POST", "/")
    assert (status, json.loads(text)["__type"]) == (400, "UnknownOperationException")
    # Anything else is of S3, which lists no buckets for nobody.
    status, text = server.http("GET", "/")
    assert status == 403
    assert "<Code>AccessDenied</Code>" in text
    for method in ("PUT", "DELETE", "OPTIONS"):
        status, text = server.http(method, "/")
        assert status == 405
        assert "<Code>MethodNotAllowed</Code>" in text
    assert server.http("HEAD", "/") == (405, "")


def garbage():
    """Things that are hardly HTTP; the last ones differ from run to run."""
    yield b""
    yield b"\x00" * 1000
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    yield b"GET"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nshort"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9e9\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"
    yield b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n"
    yield b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    yield b"POST /%ff%00/\xff?%zz HTTP/1.1\r\nHost: \xff\r\nX-Amz-Date: \xff\r\n\r\n"
    for _ in range(20):
        yield random.randbytes(random.randrange(500))


def test_garbage_on_the_line_leaves_the_server_going(server):
    for nonsense in garbage():
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
            line.sendall(nonsense)
            line.shutdown(socket.SHUT_WR)
            try:
                while answer := line.recv(65_536):
                    assert b"HTTP/1.1 5" not in answer, nonsense
            except ConnectionResetError:
                pass
    assert server.process.poll() is None
    assert arn_of(server.client("kms"))


def test_a_caller_who_goes_away_in_the_middle_hurts_nobody_else(server):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        silent.sendall(head + b"x" * 1000)
        assert arn_of(server.client("kms"))
    assert arn_of(server.client("kms"))


def test_an_answer_tells_nothing_about_the_server(server):
    with pytest.raises(ClientError) as caught:
        server.client("kms").describe_key(KeyId="x")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert "server" not in headers
    assert headers["x-amzn-requestid"]


def test_the_log_of_all_this_is_quiet_about_secrets():
    with serving(*BOTH) as running:
        arn_of(running.client("kms"))
        with refused("InvalidSignatureException", None):
            running.client("kms", ALICE[0], "x").list_keys()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(timeout=20)
        said = running.process.stderr.read()
    assert ALICE[1] not in said
    assert BOB[1] not in said
