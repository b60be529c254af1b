"""Signature Version 2, which S3 still takes: in older Regions boto3 presigns its URLs with it.

An HMAC-SHA1 over a short text, without a scope and without a word about the body. This follows the
S3 User Guide ("Signing and authenticating REST requests").
"""

import base64
import hmac
import re
import time
from collections.abc import Mapping
from hashlib import sha1
from typing import NamedTuple

from kmslab.wire.message import Request
from kmslab.wire.s3_signature import refusals
from kmslab.wire.s3_signature.query_strings import Fields, as_bytes, decoded
from kmslab.wire.s3_signature.verified import (
    IN_HEADER,
    IN_QUERY,
    VERSION_2,
    Verified,
    check_window,
    signer,
    timestamp,
)
from kmslab.wire.s3_subresources import subresources
from kmslab.wire.signing import Credential, FindCredential, seconds_of

# Regions opened since 2014 take Version 4 only.
_REGIONS = frozenset(
    (
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "sa-east-1",
    )
)
# What of a query is signed besides sub-resources: "Constructing the CanonicalizedResource element",
# and the few names more that botocore knows.
_SIGNED_NAMES = (
    "defaultObjectAcl partNumber select-type storageClass uploadId versionId "
    "response-cache-control response-content-disposition response-content-encoding "
    "response-content-language response-content-type response-expires"
)
_SIGNED_FIELDS = frozenset(_SIGNED_NAMES.split())
_TOKEN = "x-amz-security-token"
_AMONG_HEADERS = ("content-md5", "content-type")
_PRESIGNED = ("AWSAccessKeyId", "Signature", "Expires")
_SECONDS = re.compile("[0-9]{1,18}")


class Claim(NamedTuple):
    """What a request says of its signature."""

    access_key_id: str
    signature: str
    session_token: str


def is_presigned(names: Mapping[str, str]) -> bool:
    """Whether a query with these names has, or should have, a signature of Version 2."""
    return any(name in names for name in _PRESIGNED[:2])


def check_region(expected_region: str | None) -> None:
    """Raises InvalidRequest in a Region that takes Version 4 only."""
    if expected_region and expected_region not in _REGIONS:
        raise refusals.needs_version_4()


def verify_header(
    request: Request, find_credential: FindCredential, bucket_of_host: str
) -> Verified:
    """Who signed, by an Authorization header. Raises InvalidArgument, AccessDenied,
    InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch, RequestTimeTooSkewed."""
    headers = request.headers
    access_key_id, signature = _read_header(headers["authorization"])
    date = headers.get("x-amz-date") or headers.get("date", "")
    signed_at = seconds_of(timestamp(date))
    if signed_at is None:
        raise refusals.missing_date()
    # A date among the x-amz- headers is signed there, and not a second time.
    told_date = "" if "x-amz-date" in headers else date
    claim = Claim(access_key_id, signature, headers.get(_TOKEN, ""))
    texts = _strings_to_sign(request, headers, told_date, bucket_of_host)
    credential = _verify(claim, texts, find_credential)
    check_window(date, signed_at)
    return Verified(credential, "", VERSION_2, IN_HEADER)


def verify_query(
    request: Request, fields: Fields, find_credential: FindCredential, bucket_of_host: str
) -> Verified:
    """Who made a presigned URL. Raises what `verify_header` does, and AccessDenied for a URL that
    has expired."""
    given = dict(fields)
    if not all(given.get(name) for name in _PRESIGNED):
        raise refusals.access_denied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters"
        )
    access_key_id, signature, expires = (given[name] for name in _PRESIGNED)
    if not _SECONDS.fullmatch(expires):
        raise refusals.access_denied(f"Invalid date (should be seconds since epoch): {expires}")
    hidden = _hidden_headers(fields)
    headers = {**hidden, **request.headers}
    claim = Claim(access_key_id, signature, headers.get(_TOKEN, ""))
    texts = _strings_to_sign(request, headers, expires, bucket_of_host)
    credential = _verify(claim, texts, find_credential)
    _check_life(int(expires))
    return Verified(credential, "", VERSION_2, IN_QUERY, headers=hidden)


def _hidden_headers(fields: Fields) -> dict[str, str]:
    """What would have been a header stands in the query: a URL has nothing else. A header cannot
    hold the end of a line, by which the text that is signed would say something else."""
    given = [(name.lower(), text.strip()) for name, text in fields if "\n" not in text]
    return {n: text for n, text in given if n.startswith("x-amz-") or n in _AMONG_HEADERS}


def _read_header(authorization: str) -> tuple[str, str]:
    access_key_id, _, signature = authorization.removeprefix("AWS ").partition(":")
    if not access_key_id or not signature or ":" in signature:
        raise refusals.invalid_argument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            "Authorization",
            authorization,
        )
    return access_key_id, signature


def _verify(claim: Claim, texts: list[bytes], find_credential: FindCredential) -> Credential:
    credential = signer(claim.access_key_id, claim.session_token, find_credential)
    secret, given = credential.secret_access_key.encode(), as_bytes(claim.signature)
    for text in texts:
        signature = base64.b64encode(hmac.digest(secret, text, sha1))
        if hmac.compare_digest(signature, given):
            return credential
    raise refusals.signature_differs(claim.access_key_id, claim.signature, texts[0])


def _strings_to_sign(
    request: Request, headers: Mapping[str, str], date: str, bucket_of_host: str
) -> list[bytes]:
    """What may have been signed: the text as documented and, of a bucket in the path, with a slash
    behind it, as botocore signs it although it sends none."""
    named = [headers.get(name, "").strip() for name in _AMONG_HEADERS]
    of_amz = sorted(name for name in headers if name.startswith("x-amz-"))
    lines = [f"{name}:{headers[name].strip()}" for name in of_amz]
    head = "\n".join([request.method, *named, date, *lines])
    path = f"/{bucket_of_host}{request.path}" if bucket_of_host else request.path
    paths = [path] if "/" in path[1:] or path == "/" else [path, f"{path}/"]
    query = _signed_query(request.query)
    return [as_bytes(f"{head}\n{path}{query}") for path in paths]


def _signed_query(query: str) -> str:
    # A name that the router goes by and nobody signed would make another request of it.
    signed, names = [], _SIGNED_FIELDS | subresources()
    for name, sign, value in [field.partition("=") for field in query.split("&")]:
        if decoded(name) in names:
            signed.append(f"{decoded(name)}{sign}{decoded(value)}")
    return f"?{'&'.join(sorted(signed))}" if signed else ""


def _check_life(expires: int) -> None:
    now = time.time()
    if expires < now:
        told = {"Expires": refusals.told_time(expires), "ServerTime": refusals.told_time(now)}
        raise refusals.access_denied("Request has expired", **told)
