"""The day of the incident: made again, validated from outside, and decided anew call by call."""

import gzip
import json
import re
import subprocess
import sys
import threading
from fnmatch import fnmatch
from hashlib import md5, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from kmslab import child
from kmslab.learn import incident
from kmslab.learn.incident import evidence, making, tampering, theft
from kmslab.learn.incident.company import ACCOUNTS, SECURITY, TRAILS, found, new_lab, trail_arn
from kmslab.learn.incident.places import PUBLIC_KEYS, TAMPERED
from kmslab.learn.incident.replay import kms_records
from kmslab.trail_integrity import verify_trail
from kmslab.wire.http import Application, listen, server_of

MAKE_ANEW = "make the day anew: python -m kmslab.learn.incident"
MOST_BYTES = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def stored():
    """The committed files by name, as they lie there."""
    return {name: path.read_bytes() for name, path in evidence.files()}


@pytest.fixture(scope="module")
def contents(stored):
    return {name: gzip.decompress(body) for name, body in stored.items()}


@pytest.fixture(scope="module")
def records(contents):
    return [
        record
        for name, text in contents.items()
        if "/CloudTrail/" in name
        for record in json.loads(text)["Records"]
    ]


@pytest.fixture(scope="module")
def lab():
    with incident.evidence_lab() as lab:
        yield lab


def pem(region):
    return (incident.FOLDER / PUBLIC_KEYS / f"{region}.pem").read_text(encoding="ascii")


# --- What is committed --------------------------------------------------------------------


def test_the_company_is_the_one_that_the_files_tell_of(records):
    with new_lab() as lab:
        keys = set(found(lab, with_objects=False).keys.values())
    told = {
        resource["ARN"]
        for record in records
        for resource in record.get("resources", ())
        if resource["type"] == "AWS::KMS::Key"
    }
    assert keys == told, MAKE_ANEW


def test_the_day_made_again_has_the_same_bytes(contents):
    with making.lived_lab() as lab:
        again = making.collected(lab)
    assert again.files.keys() == contents.keys(), MAKE_ANEW
    differing = [name for name in contents if gzip.decompress(again.files[name]) != contents[name]]
    assert differing == [], MAKE_ANEW
    assert again.signatures == evidence.digest_signatures()
    assert again.public_keys == {region: pem(region) for region in again.public_keys}


def test_it_is_a_day_of_three_accounts_and_not_too_large(records):
    folder_size = sum(path.stat().st_size for path in incident.FOLDER.rglob("*") if path.is_file())
    assert folder_size <= MOST_BYTES
    assert len(records) >= 20_000
    assert {record["recipientAccountId"] for record in records} == set(ACCOUNTS.values())
    assert {record["awsRegion"] for record in records} == {"us-east-1", "eu-west-1"}


def test_every_file_of_data_has_its_origin_told():
    data = incident.FOLDER.parent
    told = re.findall(r"^\| `([^`]+)` \|", (data / "README.md").read_text("utf-8"), re.MULTILINE)
    for path in data.rglob("*"):
        name = path.relative_to(data).as_posix()
        if path.is_file() and name != "README.md":
            assert sum(fnmatch(name, f"{each}*") for each in told) == 1, name


def test_compressed_files_have_no_time_of_their_own(stored):
    assert {body[4:8] for body in stored.values()} == {bytes(4)}


# --- Validated from outside ---------------------------------------------------------------


def test_every_digest_bears_a_signature_of_the_public_key_of_its_region(contents):
    signatures = evidence.digest_signatures()
    digests = {name: text for name, text in contents.items() if "/CloudTrail-Digest/" in name}
    assert digests.keys() == signatures.keys()
    named = set()
    for name, text in digests.items():
        digest = json.loads(text)
        public_key = load_pem_public_key(pem(name.split("/")[3]).encode())
        der = public_key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        assert digest["digestPublicKeyFingerprint"] == md5(der).hexdigest()
        before = digest["previousDigestSignature"] or "null"
        lines = [digest["digestEndTime"], f"{TRAILS}/{name}", sha256(text).hexdigest(), before]
        signature = bytes.fromhex(signatures[name])
        public_key.verify(signature, "\n".join(lines).encode(), PKCS1v15(), SHA256())
        for listed in digest["logFiles"]:
            assert listed["hashValue"] == sha256(contents[listed["s3Object"]]).hexdigest()
            named.add(listed["s3Object"])
    assert named == contents.keys() - digests.keys()


@pytest.mark.parametrize("trail", ACCOUNTS)
def test_the_verifier_finds_each_trail_intact(lab, trail):
    report = verified(lab, trail)
    assert report.intact, report
    assert report.log_files.valid > 20


def test_the_aws_cli_finds_the_files_valid(lab, contents):
    with served(lab) as environment:
        for trail, account in (("shop", "111122223333"), ("security", SECURITY)):
            for region in ("us-east-1", "eu-west-1") if trail == "shop" else ("us-east-1",):
                lying = [
                    sum(name.startswith(f"AWSLogs/{account}/{kind}/{region}/") for name in contents)
                    for kind in ("CloudTrail-Digest", "CloudTrail")
                ]
                said = validate(trail, region, environment)
                assert f"{lying[0]}/{lying[0]} digest files valid" in said
                assert f"{lying[1]}/{lying[1]} log files valid" in said


def test_the_aws_cli_finds_what_was_tampered_with():
    with incident.evidence_lab(tampered=True) as lab, served(lab) as environment:
        said = validate("shop", "us-east-1", environment)
    assert "22/23 digest files valid, 1/23 digest files INVALID" in said
    assert "261/264 log files valid, 3/264 log files INVALID" in said


def verified(lab, trail):
    def cloudtrail(region="us-east-1"):
        return lab.client("cloudtrail", lab.administrator(ACCOUNTS[trail]), region)

    s3 = lab.client("s3", lab.administrator(SECURITY))
    start = incident.MIDNIGHT
    return verify_trail(cloudtrail(), s3, trail_arn(trail), start, in_region=cloudtrail)


class served:
    """`lab` behind a port: gives the environment of an AWS CLI of the bucket's account."""

    def __init__(self, lab):
        self._lab = lab

    def __enter__(self):
        listener, ready = listen("127.0.0.1", 0), threading.Event()
        application = Application(self._lab.handle, None)
        self._server = server_of(application, ready.set, lambda: None)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()
        assert ready.wait(20)
        credentials = self._lab.credentials(self._lab.administrator(SECURITY))
        return {
            **child.clean_environment(),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(20)


def validate(trail, region, environment):
    """What `aws cloudtrail validate-logs` says of the whole day."""
    command = [sys.executable, "-m", "awscli", "cloudtrail", "validate-logs"]
    command += ["--trail-arn", trail_arn(trail), "--s3-bucket", TRAILS, "--region", region]
    command += ["--start-time", "2026-03-10T00:00:00Z", "--end-time", "2026-03-11T01:00:30Z"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode in (0, 1), ran.stderr
    return ran.stdout


# --- The tampered copy --------------------------------------------------------------------


def test_the_tampered_copy_is_made_from_the_files(stored):
    changed, deleted = tampering.tamper(stored)
    lying = {
        path.relative_to(TAMPERED).as_posix(): path.read_bytes()
        for path in TAMPERED.rglob("*.json.gz")
    }
    assert changed.keys() == lying.keys(), MAKE_ANEW
    for name, body in changed.items():
        assert (
            gzip.decompress(body) == gzip.decompress(lying[name]) != gzip.decompress(stored[name])
        )
    assert {name for name, _ in evidence.files(tampered=True)} == stored.keys() - set(deleted)


def test_it_hides_the_grant_and_calls_of_the_thief(stored):
    left = {name: gzip.decompress(path.read_bytes()) for name, path in evidence.files(True)}
    of_theirs = theft.THIEF_IP.encode()
    before = sum(gzip.decompress(body).count(of_theirs) for body in stored.values())
    after = sum(text.count(of_theirs) for text in left.values())
    assert 0 < after < before


def test_the_verifier_tells_each_deed():
    with incident.evidence_lab(tampered=True) as lab:
        report = verified(lab, "shop")
        assert verified(lab, "security").intact
    found_kinds = {finding.kind for finding in report.findings}
    assert found_kinds == {
        "changed log file",
        "missing log file",
        "uncovered hours",
        "unnamed log file",
        "wrong signature",
    }


# --- Decided anew -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def as_it_was():
    return incident.replay()


def test_every_call_of_the_day_is_decided_as_it_was(as_it_was):
    assert len(as_it_was) > 10_000
    assert (as_it_was["was"] == as_it_was["would_be"]).all()
    assert set(as_it_was["was"]) == {"ok", "denied"}


def test_without_its_grant_the_role_opens_nothing_of_the_customers():
    grant_id = the_grant()["responseElements"]["grantId"]
    changed = differing(incident.replay(grants={grant_id: None}))
    assert set(changed["role"]) == {theft.ROLE}
    assert set(changed["would_be"]) == {"denied"}
    pairs = {context["dataset"] for context in changed["encryption_context"]}
    assert pairs == {"figures", "profiles"}


def test_a_narrower_grant_stops_the_thief_alone():
    record = the_grant()
    asked = {
        "GranteePrincipal": theft.ROLE,
        "Operations": ["Decrypt", "DescribeKey"],
        "Constraints": {"EncryptionContextSubset": {"dataset": "figures"}},
    }
    changed = differing(incident.replay(grants={record["responseElements"]["grantId"]: asked}))
    assert len(changed) == theft.STOLEN
    assert {context["dataset"] for context in changed["encryption_context"]} == {"profiles"}
    assert set(changed["role"]) == {theft.ROLE}


def test_a_key_policy_holds_from_midnight_on():
    nobody = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*"],
                "Resource": "*",
            }
        ],
    }
    changed = differing(incident.replay({"alias/invoices": nobody}))
    grants = changed[changed["operation"] == "CreateGrant"]
    assert len(grants) == 3
    assert set(changed["operation"]) == {"CreateGrant", "GenerateDataKey"}
    assert set(changed["would_be"]) == {"denied"}


def test_a_grant_that_was_not_made_cannot_be_made_otherwise():
    with pytest.raises(ValueError, match="no such grant was made on that day"):
        incident.replay(grants={"0" * 64: None})


def the_grant():
    (record,) = (
        record
        for record in kms_records()
        if record["eventName"] == "CreateGrant"
        and record["requestParameters"]["granteePrincipal"] == theft.ROLE
        and "/" + record["resources"][0]["ARN"].rpartition("/")[2] in customers_key()
    )
    return record


def customers_key():
    with new_lab() as lab:
        return found(lab, with_objects=False).keys["customers"]


def differing(replayed):
    return replayed[replayed["was"] != replayed["would_be"]]
