"""Signature Version 4 in a query: a presigned URL, which carries its own time to live."""

import re
import time
from collections.abc import Mapping

from kmslab.wire.message import Request
from kmslab.wire.s3_signature import payload_hashes, refusals, version_4
from kmslab.wire.s3_signature.query_strings import Fields, canonical_query
from kmslab.wire.s3_signature.verified import IN_QUERY, VERSION_4, WINDOW, Verified
from kmslab.wire.signing import ISO_TIME, Authorization, FindCredential, seconds_of

_LONGEST_LIFE = 604_800
_NUMBER = re.compile("[+-]?[0-9]{1,19}")
_SIGNATURE = "X-Amz-Signature"
_REQUIRED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    _SIGNATURE,
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
# Whoever makes the URL does not know what the sender's SDK will add.
_MAY_BE_UNSIGNED = frozenset({"x-amz-content-sha256", "x-amz-user-agent"})


def is_presigned(names: Mapping[str, str]) -> bool:
    """Whether a query with these names has, or should have, a signature of Version 4."""
    return any(name in names for name in _REQUIRED[:3])


def verify(
    request: Request, fields: Fields, find_credential: FindCredential, expected_region: str | None
) -> Verified:
    """Who made the URL. Raises AuthorizationQueryParametersError for parameters that are missing
    or not as they should be, then the refusals of `version_4.verify`, and last AccessDenied for a
    URL that is not valid yet or no longer."""
    given = dict(fields)
    _check_form(given)
    signed_on = given["X-Amz-Date"]
    signed_at, life = _seconds(signed_on), _life(given["X-Amz-Expires"])
    scope = version_4.scope_of(given["X-Amz-Credential"], refusals.malformed_credential)
    version_4.check_scope(scope, signed_on, expected_region, refusals.malformed_credential)
    payload_hash = _payload_hash(request.headers, given)
    claim = version_4.Claim(
        Authorization(scope, given["X-Amz-SignedHeaders"], given[_SIGNATURE]),
        signed_on,
        payload_hash,
        given.get("X-Amz-Security-Token", ""),
        canonical_query([field for field in fields if field[0] != _SIGNATURE]),
        _MAY_BE_UNSIGNED,
    )
    credential, chunk_signer = version_4.verify(request, claim, find_credential)
    now = time.time()
    _check_life(signed_at, life, now)
    age = max(0, int((now - signed_at) * 1000))
    return Verified(credential, scope.region, VERSION_4, IN_QUERY, age, payload_hash, chunk_signer)


def _check_form(given: Mapping[str, str]) -> None:
    if not all(given.get(name) for name in _REQUIRED):
        raise refusals.query_parameters(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    if given["X-Amz-Algorithm"] != VERSION_4:
        raise refusals.query_parameters(f'X-Amz-Algorithm only supports "{VERSION_4}"')


def _seconds(signed_on: str) -> int:
    seconds = seconds_of(signed_on) if ISO_TIME.fullmatch(signed_on) else None
    if seconds is None:
        raise refusals.query_parameters(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    return seconds


def _life(expires: str) -> int:
    if not _NUMBER.fullmatch(expires):
        raise refusals.query_parameters("X-Amz-Expires should be a number")
    life = int(expires)
    if life < 1:
        raise refusals.query_parameters("X-Amz-Expires must be non-negative")
    if life > _LONGEST_LIFE:
        raise refusals.query_parameters(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {_LONGEST_LIFE} seconds"
        )
    return life


def _payload_hash(headers: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Said by the sender, or by the URL, or by nobody."""
    payload_hash = headers.get("x-amz-content-sha256") or given.get("X-Amz-Content-Sha256")
    if not payload_hash:
        return payload_hashes.UNSIGNED_PAYLOAD
    payload_hashes.check(payload_hash)
    return payload_hash


def _check_life(signed_at: int, life: int, now: float) -> None:
    end, told_now = refusals.told_time(signed_at + life), refusals.told_time(now)
    if signed_at > now + WINDOW:
        raise refusals.access_denied("Request is not valid yet", Expires=end, ServerTime=told_now)
    if signed_at + life < now:
        extras = {"X-Amz-Expires": str(life), "Expires": end, "ServerTime": told_now}
        raise refusals.access_denied("Request has expired", **extras)
