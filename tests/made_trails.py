"""Trails that a test makes itself: log files, digests, signatures, and a CloudTrail that vouches.

Nothing here comes from the verifier or from the lab's CloudTrail: names, hashes and signatures are
made again, from the CloudTrail User Guide alone. The files lie in a bucket of a lab whose clock
stands still unless it is moved. Whoever holds the private key, as a test does, can also sign what
CloudTrail never would.
"""

import base64
import gzip
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmslab import Lab, StillClock

ACCOUNT, HOME, TRAIL_NAME, BUCKET = "111122223333", "us-east-1", "amber-trail", "amber-logs"
TRAIL_ARN = f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/{TRAIL_NAME}"
START = datetime(2026, 1, 5, 9, 0, 17, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def still_lab() -> Lab:
    """A lab whose clock moves only when it is told to."""
    return Lab(clock=StillClock(START, step=timedelta(0)))


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """One key pair of each name in a run of the tests."""
    return rsa.generate_private_key(65_537, 2048)


def signature_of(key_name: str, end: str, place: str, unpacked: bytes, previous: str | None) -> str:
    lines = [end, place, hashlib.sha256(unpacked).hexdigest(), previous or "null"]
    message = "\n".join(lines).encode()
    return private_key(key_name).sign(message, padding.PKCS1v15(), hashes.SHA256()).hex()


class Made(NamedTuple):
    """A file as it was put: its key, its text and, of a digest, its signature."""

    object_key: str
    unpacked: bytes
    signature: str = ""


class MadeChain:
    """The log files and digests of one trail in one Region."""

    def __init__(self, trail: "MadeTrail", region: str) -> None:
        self.trail = trail
        self.region = region
        self.begins = trail.now()
        self.previous: Made | None = None
        self.waiting: list[Made] = []
        self.digests: list[Made] = []
        self.log_files: list[Made] = []

    def put_log_file(self, *, named: bool = True, **record: Any) -> Made:
        """A log file delivered now, with one event that is `record` where that differs."""
        event = {
            "eventVersion": "1.11",
            "eventTime": iso(self.trail.now()),
            "eventName": "Decrypt",
            "awsRegion": self.region,
            "eventID": str(uuid.uuid4()),
            "recipientAccountId": self.trail.account,
            **record,
        }
        unpacked = json.dumps({"Records": [event]}).encode()
        name = f"{self.trail.now():%Y%m%dT%H%MZ}_{uuid.uuid4().hex[:16]}.json.gz"
        made = Made(self._object_key("CloudTrail", f"{self.region}_{name}"), unpacked)
        self.trail.put(made.object_key, gzip.compress(unpacked, mtime=0))
        self.log_files.append(made)
        if named:
            self.waiting.append(made)
        return made

    def put_digest(self, key_name: str = "", **changed: Any) -> Made:
        """The digest that ends now; `changed` members are signed as they are."""
        trail, end = self.trail, self.trail.now()
        name = f"{self.region}_{trail.trail_name}_{HOME}_{end:%Y%m%dT%H%M%SZ}{trail.suffix}"
        object_key = self._object_key("CloudTrail-Digest", f"{name}.json.gz")
        members = self._members(object_key, end)
        unpacked = json.dumps({**members, **changed}).encode()
        made = self._signed(object_key, unpacked, key_name)
        self.digests.append(made)
        self.previous, self.waiting, self.begins = made, [], end
        return made

    def resign(self, made: Made, change: Callable[[dict[str, Any]], None]) -> Made:
        """Change a digest that lies there, and sign it again."""
        members = json.loads(made.unpacked)
        change(members)
        again = self._signed(made.object_key, json.dumps(members).encode(), "")
        self.digests[self.digests.index(made)] = again
        return again

    def _signed(self, object_key: str, unpacked: bytes, key_name: str) -> Made:
        members = json.loads(unpacked)
        place = f"{members['digestS3Bucket']}/{members['digestS3Object']}"
        end, previous = members["digestEndTime"], members["previousDigestSignature"]
        signature = signature_of(key_name or self.region, end, place, unpacked, previous)
        metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        if self.trail.suffix:
            metadata["backfill-generation-timestamp"] = iso(self.trail.now())
        self.trail.put(object_key, gzip.compress(unpacked, mtime=0), metadata)
        return Made(object_key, unpacked, signature)

    def _members(self, object_key: str, end: datetime) -> dict[str, Any]:
        previous = self.previous
        hashed = previous and hashlib.sha256(previous.unpacked).hexdigest()
        return {
            "awsAccountId": self.trail.account,
            "digestStartTime": iso(self.begins),
            "digestEndTime": iso(end),
            "digestS3Bucket": self.trail.bucket,
            "digestS3Object": object_key,
            "digestPublicKeyFingerprint": fingerprint(self.region),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": previous and self.trail.bucket,
            "previousDigestS3Object": previous and previous.object_key,
            "previousDigestHashValue": hashed,
            "previousDigestHashAlgorithm": previous and "SHA-256",
            "previousDigestSignature": previous and previous.signature,
            "logFiles": [self._entry(made) for made in self.waiting],
        }

    def _entry(self, made: Made) -> dict[str, Any]:
        return {
            "s3Bucket": self.trail.bucket,
            "s3Object": made.object_key,
            "hashValue": hashlib.sha256(made.unpacked).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": iso(self.trail.now()),
            "oldestEventTime": iso(self.trail.now()),
        }

    def _object_key(self, kind: str, name: str) -> str:
        folder = f"{self.trail.folder}/{kind}/{self.region}/{self.trail.now():%Y/%m/%d}"
        return f"{folder}/{self.trail.account}_{kind}_{name}"


class MadeTrail:
    """A trail that logs from the beginning on, and what CloudTrail would say of it."""

    def __init__(
        self,
        lab: Any,
        *regions: str,
        account: str = ACCOUNT,
        prefix: str = "",
        trail_name: str = TRAIL_NAME,
    ) -> None:
        self.lab, self.s3 = lab, lab.client("s3")
        self.account, self.trail_name, self.bucket = account, trail_name, BUCKET
        self.prefix = prefix
        self.folder = f"{prefix}/AWSLogs/{account}" if prefix else f"AWSLogs/{account}"
        self.suffix = ""
        self.s3.create_bucket(Bucket=BUCKET)
        self.cloudtrail = MadeCloudTrail(self)
        self.chains = {region: MadeChain(self, region) for region in regions or (HOME,)}
        self.cloudtrail.happened("CreateTrail", enableLogFileValidation=True)
        self.cloudtrail.happened("StartLogging")

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudtrail:{HOME}:{self.account}:trail/{self.trail_name}"

    @property
    def home(self) -> MadeChain:
        return self.chains[HOME]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.lab.clock.now(), UTC)

    def put(self, object_key: str, body: bytes, metadata: dict[str, str] | None = None) -> None:
        named = {"Bucket": self.bucket, "Key": object_key}
        self.s3.put_object(**named, Body=body, Metadata=metadata or {})

    def delete(self, made: Made) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=made.object_key)

    def hours(self, count: int = 1, log_files: int = 1) -> None:
        """So many hours go by, each with log files and a digest in every Region."""
        for _ in range(count):
            for _ in range(log_files):
                self.lab.clock.advance(minutes=10)
                for chain in self.chains.values():
                    chain.put_log_file()
            self.lab.clock.advance(minutes=60 - 10 * log_files)
            for chain in self.chains.values():
                chain.put_digest()
            self.cloudtrail.latest_digest = self.now()

    def stop(self) -> None:
        """Logging stops: the chains end here."""
        for chain in self.chains.values():
            chain.put_digest()
        self.cloudtrail.latest_digest = self.now()
        self.cloudtrail.happened("StopLogging")

    def start(self) -> None:
        self.cloudtrail.happened("StartLogging")
        for chain in self.chains.values():
            chain.begins, chain.previous = self.now(), None


def fingerprint(key_name: str) -> str:
    der = private_key(key_name).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return hashlib.md5(der).hexdigest()


def public_key(key_name: str) -> bytes:
    return private_key(key_name).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


class MadeCloudTrail:
    """Answers as a boto3 client of CloudTrail does, with what the test tells it to.

    `refuses` holds the operations that the caller may not use.
    """

    def __init__(self, trail: MadeTrail) -> None:
        self.trail = trail
        self.region_name = HOME
        self.events: list[dict[str, Any]] = []
        self.refuses: set[str] = set()
        self.latest_digest: datetime | None = None
        self.key_begins = START - timedelta(days=1)
        self.key_ends = START + timedelta(days=29)
        self.described: list[dict[str, Any]] = [
            {
                "Name": trail.trail_name,
                "S3BucketName": BUCKET,
                **({"S3KeyPrefix": trail.prefix} if trail.prefix else {}),
                "IsMultiRegionTrail": True,
                "HomeRegion": HOME,
                "TrailARN": trail.arn,
                "LogFileValidationEnabled": True,
            }
        ]

    @property
    def meta(self) -> Any:
        return self

    def happened(self, event_name: str, **parameters: Any) -> None:
        """An event of the trail, now."""
        asked = {"name": self.trail.trail_name, "isMultiRegionTrail": True, **parameters}
        if event_name in ("StartLogging", "StopLogging", "DeleteTrail"):
            asked = {"name": self.trail.arn}
        self.events.append(
            {
                "EventName": event_name,
                "EventTime": self.trail.now().replace(microsecond=0),
                "CloudTrailEvent": json.dumps({"requestParameters": asked}),
            }
        )

    def in_region(self, region: str) -> "MadeCloudTrail":
        if region not in ("us-east-1", "eu-west-1", "ap-northeast-1"):
            raise ValueError(f"there is no Region {region!r}")
        other = MadeCloudTrail(self.trail)
        other.__dict__.update(self.__dict__, region_name=region)
        return other

    def describe_trails(self) -> dict[str, Any]:
        self._may("DescribeTrails")
        return {"trailList": self.described}

    def get_trail_status(self, Name: str) -> dict[str, Any]:
        self._may("GetTrailStatus")
        told: dict[str, Any] = {"IsLogging": False, "LatestDigestDeliveryTime": self.latest_digest}
        for event in self.events:
            if event["EventName"] == "StartLogging":
                told.update(IsLogging=True, StartLoggingTime=event["EventTime"])
            elif event["EventName"] == "StopLogging":
                told.update(IsLogging=False, StopLoggingTime=event["EventTime"])
        return {name: value for name, value in told.items() if value is not None}

    def lookup_events(
        self, LookupAttributes: Any = (), MaxResults: int = 50, NextToken: str = "0"
    ) -> dict[str, Any]:
        self._may("LookupEvents")
        asking = {"EventName": "LookupEvents", "EventTime": self.trail.now()}
        wanted = [each["AttributeValue"] for each in LookupAttributes]
        events = [asking, *reversed(self.events)]
        found = [each for each in events if not wanted or each["EventName"] in wanted]
        # One at a time: whoever asks must turn the page.
        begins = int(NextToken)
        more = {"NextToken": str(begins + 1)} if begins + 1 < len(found) else {}
        return {"Events": found[begins : begins + 1], **more}

    def list_public_keys(self, StartTime: datetime, EndTime: datetime) -> dict[str, Any]:
        self._may("ListPublicKeys")
        if self.key_begins > EndTime or self.key_ends < StartTime:
            return {"PublicKeyList": []}
        listed = {
            "Value": public_key(self.region_name),
            "ValidityStartTime": self.key_begins,
            "ValidityEndTime": self.key_ends,
            "Fingerprint": fingerprint(self.region_name),
        }
        return {"PublicKeyList": [listed]}

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(getattr(self, operation))

    def _may(self, operation: str) -> None:
        if operation in self.refuses:
            error = {"Code": "AccessDeniedException", "Message": "not authorized"}
            raise ClientError({"Error": error}, operation)


class _Pages:
    def __init__(self, ask: Callable[..., dict[str, Any]]) -> None:
        self._ask = ask

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        page = self._ask(**parameters)
        yield page
        while "NextToken" in page:
            page = self._ask(**parameters, NextToken=page["NextToken"])
            yield page


@contextmanager
def made_trail(*regions: str, **options: Any) -> Iterator[MadeTrail]:
    """A trail in a lab of its own."""
    with still_lab() as lab:
        yield MadeTrail(lab, *regions, **options)


# --- Over HTTP ----------------------------------------------------------------------------


@contextmanager
def served(cloudtrail: MadeCloudTrail) -> Iterator[str]:
    """The address of a server that answers as `cloudtrail` does, for the AWS CLI."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for name in ("StartTime", "EndTime"):
                if name in asked:
                    asked[name] = datetime.fromtimestamp(asked[name], UTC)
            method = getattr(cloudtrail, _METHODS[operation])
            answer = json.dumps(method(**asked), default=_as_json).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


_METHODS = {
    "DescribeTrails": "describe_trails",
    "GetTrailStatus": "get_trail_status",
    "LookupEvents": "lookup_events",
    "ListPublicKeys": "list_public_keys",
}


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.timestamp()
