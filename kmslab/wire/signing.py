"""What every check of a Signature Version 4 needs: scopes, signing keys, strings to sign, times.

KMS, IAM and STS ask for it in `sigv4`, S3 in `s3_signature` and, chunk after chunk, in
`aws_chunked`. This follows the IAM User Guide ("Create a signed AWS API request"). What is refused,
and in whose words, is not known here.
"""

import calendar
import email.utils
import hmac
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from kmslab.store.iam_records import AccessKey, RoleSession

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
ISO_TIME = re.compile(r"\d{8}T\d{6}Z", re.ASCII)

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_BLANKS = " \t"
_RUN_OF_BLANKS = re.compile("[ \t]+")
_EMPTY_HASH = sha256(b"").hexdigest()
# What every SDK sends; anything else is read part by part, so that the refusal can say what
# is missing.
_USUAL_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,\s/]+)/([^,\s/]+)/([^,\s/]+)/([^,\s/]+)/([^,\s/]+), ?"
    r"SignedHeaders=([^,\s]+), ?Signature=([^,\s]+)"
)

Credential = AccessKey | RoleSession
FindCredential = Callable[[str], Credential | None]


class Scope(NamedTuple):
    """The Credential of an Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str


class Authorization(NamedTuple):
    scope: Scope
    signed_headers: str
    signature: str


def usual_authorization(header: str) -> Authorization | None:
    """What an Authorization header says; None where it is not written as SDKs write it."""
    usual = _USUAL_HEADER.fullmatch(header)
    if usual is None:
        return None
    *scope, signed_headers, signature = usual.groups()
    return Authorization(Scope(*scope), signed_headers, signature)


def canonical_headers(headers: Mapping[str, str], signed_headers: str) -> str:
    """The signed headers, a line each, as a canonical request has them."""
    names = signed_headers.split(";")
    lines = "\n".join([f"{name}:{headers.get(name, '').strip(_BLANKS)}" for name in names])
    if "  " in lines or "\t" in lines:
        lines = _RUN_OF_BLANKS.sub(" ", lines)
    return lines


def string_to_sign(canonical_request: bytes, timestamp: str, scope: Scope) -> str:
    canonical_hash = sha256(canonical_request).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{'/'.join(scope[1:])}\n{canonical_hash}"


def sign(text: str, scope: Scope, secret_access_key: str) -> str:
    """The signature of a string to sign, as 64 hex digits."""
    keyed = signing_key(secret_access_key, scope.date, scope.region, scope.service).copy()
    keyed.update(text.encode())
    return keyed.hexdigest()


@lru_cache(maxsize=1024)
def signing_key(secret_access_key: str, date: str, region: str, service: str) -> hmac.HMAC:
    """The signing key of a day, Region and service, ready to be copied and fed."""
    derived = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, TERMINATOR):
        derived = hmac.digest(derived, part.encode(), sha256)
    return hmac.new(derived, digestmod=sha256)


def has_its_token(credential: Credential, given: str) -> bool:
    """Temporary credentials come with their session token, long-term ones without any."""
    return hmac.compare_digest(given.encode(), credential.session_token.encode())


def timestamp_of(http_date: str) -> str | None:
    """A Date header as yyyymmddThhmmssZ; None where it is no date."""
    try:
        moment = email.utils.parsedate_to_datetime(http_date)
        return time.strftime(_TIME_FORMAT, moment.utctimetuple())
    except (ValueError, OverflowError):
        return None


def iso_time(seconds: float) -> str:
    return time.strftime(_TIME_FORMAT, time.gmtime(seconds))


@lru_cache(maxsize=1024)
def seconds_of(timestamp: str) -> int | None:
    """Seconds since the epoch; None for a time that no calendar has."""
    try:
        return calendar.timegm(time.strptime(timestamp, _TIME_FORMAT))
    except ValueError:
        return None


class ChunkSigner:
    """The signatures of a body that is signed chunk by chunk, each over the one before.

    The first follows on the signature of the request, the seed (S3 API Reference, "Transferring
    payload in multiple chunks", "Trailing headers"). Each call is for the next part of the body.
    """

    def __init__(self, seed: str, signing_key: hmac.HMAC, timestamp: str, scope: Scope) -> None:
        self._previous = seed
        self._signing_key = signing_key
        self._head = f"{timestamp}\n{'/'.join(scope[1:])}"

    def sign_chunk(self, chunk_hash: str) -> str:
        """The signature of the next chunk, whose SHA-256 is `chunk_hash`, in hex."""
        return self._sign("PAYLOAD", f"{_EMPTY_HASH}\n{chunk_hash}")

    def sign_trailers(self, trailers: bytes) -> str:
        """The signature of the trailers: "name:value\\n" for each."""
        return self._sign("TRAILER", sha256(trailers).hexdigest())

    def _sign(self, part: str, hashes: str) -> str:
        keyed = self._signing_key.copy()
        keyed.update(f"{ALGORITHM}-{part}\n{self._head}\n{self._previous}\n{hashes}".encode())
        self._previous = keyed.hexdigest()
        return self._previous
