"""Signature Version 4, checked: whose access key signed exactly this request, and when.

This follows the IAM User Guide ("Create a signed AWS API request") and refuses with its
sentences ("Troubleshoot Signature Version 4 signing"), in this order: no header, an incomplete
header, a wrong scope, an unknown access key, a header that should have been signed, a signature
that differs, a time too far away. The time is the operating system's: real clients sign with it.
What the caller may then do is not known here.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote

from kmslab import errors
from kmslab.wire.message import Request
from kmslab.wire.model import region_names
from kmslab.wire.signing import (
    ALGORITHM,
    ISO_TIME,
    TERMINATOR,
    Authorization,
    Credential,
    FindCredential,
    Scope,
    canonical_headers,
    has_its_token,
    iso_time,
    seconds_of,
    sign,
    string_to_sign,
    timestamp_of,
    usual_authorization,
)

_WINDOW = 300


def verify(
    request: Request, service: str, find_credential: FindCredential
) -> tuple[Credential, str]:
    """Who signed `request`, and the Region it is meant for.

    `service` is the signing name the request must be scoped to. Raises the refusals of AWS's
    authentication; whoever returns from here has shown knowledge of the secret access key.
    """
    authorization = _read_authorization(request.headers)
    timestamp = _timestamp(request.headers)
    scope = authorization.scope
    _check_scope(scope, service, request.host_region, timestamp)
    credential = find_credential(scope.access_key_id)
    given_token = request.headers.get("x-amz-security-token", "")
    if credential is None or not has_its_token(credential, given_token):
        raise errors.unrecognized_client()
    _check_signed_headers(authorization.signed_headers, request.headers)
    canonical = canonical_request(request, authorization.signed_headers)
    text = string_to_sign(canonical.encode(), timestamp, scope)
    signature = sign(text, scope, credential.secret_access_key)
    if not hmac.compare_digest(signature.encode(), authorization.signature.encode()):
        raise errors.signature_differs()
    _check_time(timestamp)
    return credential, scope.region


def canonical_request(request: Request, signed_headers: str) -> str:
    """The text that a signature is about. Services other than S3 encode the path twice."""
    lines = canonical_headers(request.headers, signed_headers)
    path = "/" if request.path == "/" else quote(_normalized(request.path), safe="/-_.~")
    query = _canonical_query(request.query) if request.query else ""
    body_hash = sha256(request.body).hexdigest()
    return f"{request.method}\n{path}\n{query}\n{lines}\n\n{signed_headers}\n{body_hash}"


def _canonical_query(query: str) -> str:
    pairs = sorted(pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, _, value in pairs)


def _read_authorization(headers: Mapping[str, str]) -> Authorization:
    header = headers.get("authorization")
    if not header:
        raise errors.missing_authentication_token()
    if "x-amz-date" in headers and (usual := usual_authorization(header)):
        return usual
    return _read_unusual(header, headers)


def _read_unusual(header: str, headers: Mapping[str, str]) -> Authorization:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise errors.incomplete_signature(f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parts = _named_parts(rest, header)
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in parts]
    sentences = [f"Authorization header requires '{name}' parameter." for name in missing]
    if "x-amz-date" not in headers and "date" not in headers:
        sentences.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if sentences:
        raise errors.incomplete_signature(" ".join((*sentences, f"Authorization={header}")))
    credential = parts["Credential"].rsplit("/", 4)
    if len(credential) != 5:
        raise errors.incomplete_signature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{parts['Credential']}'"
        )
    return Authorization(Scope(*credential), parts["SignedHeaders"], parts["Signature"])


def _named_parts(text: str, header: str) -> dict[str, str]:
    parts = {}
    for part in text.split(","):
        part = part.strip(" \t")
        name, equal_sign, value = part.partition("=")
        if not equal_sign:
            raise errors.incomplete_signature(
                f"'{part}' not a valid key=value pair (missing equal-sign) in "
                f"Authorization header: '{header}'."
            )
        if name in parts:
            raise errors.incomplete_signature(
                f"Authorization header names '{name}' twice: '{header}'."
            )
        parts[name] = value
    return parts


def _timestamp(headers: Mapping[str, str]) -> str:
    """The request's time as yyyymmddThhmmssZ."""
    amz_date = headers.get("x-amz-date")
    if amz_date is not None:
        if ISO_TIME.fullmatch(amz_date) is None:
            raise errors.incomplete_signature(
                f"Date must be in ISO-8601 'basic format'. Got '{amz_date}'. "
                "See http://en.wikipedia.org/wiki/ISO_8601"
            )
        return amz_date
    return timestamp_of(headers["date"]) or _timestamp({"x-amz-date": headers["date"]})


def _check_scope(scope: Scope, service: str, host_region: str | None, timestamp: str) -> None:
    problems = []
    known = scope.region == host_region if host_region else scope.region in region_names()
    if not known:
        problems.append(f"Credential should be scoped to a valid Region, not '{scope.region}'. ")
    if scope.service != service:
        problems.append(f"Credential should be scoped to correct service: '{service}'. ")
    if scope.terminator != TERMINATOR:
        problems.append(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', "
            f"not '{scope.terminator}'. "
        )
    if scope.date != timestamp[:8]:
        problems.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{scope.date}' != '{timestamp[:8]}', from '{timestamp}'. "
        )
    if problems:
        raise errors.invalid_signature("".join(problems).rstrip())


def _check_signed_headers(signed_headers: str, headers: Mapping[str, str]) -> None:
    signed = frozenset(signed_headers.split(";"))
    if "host" not in signed:
        raise errors.invalid_signature(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in headers:
        if name[:6] == "x-amz-" and name not in signed:
            raise errors.invalid_signature(
                f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )


def _check_time(timestamp: str) -> None:
    signed_at, now = seconds_of(timestamp), time.time()
    if signed_at is None:
        raise errors.incomplete_signature(f"Date is not a valid time. Got '{timestamp}'.")
    if signed_at < now - _WINDOW:
        raise errors.invalid_signature(
            f"Signature expired: {timestamp} is now earlier than {iso_time(now - _WINDOW)} "
            f"({iso_time(now)} - 5 min.)"
        )
    if signed_at > now + _WINDOW:
        raise errors.invalid_signature(
            f"Signature not yet current: {timestamp} is still later than {iso_time(now + _WINDOW)} "
            f"({iso_time(now)} + 5 min.)"
        )


def _normalized(path: str) -> str:
    """`path` without empty, "." and ".." segments, as RFC 3986 resolves them."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"
