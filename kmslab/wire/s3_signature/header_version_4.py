"""Signature Version 4 in an Authorization header: what SDKs send with every call."""

from kmslab.wire.message import Request
from kmslab.wire.s3_signature import payload_hashes, refusals, version_4
from kmslab.wire.s3_signature.query_strings import Fields, canonical_query
from kmslab.wire.s3_signature.verified import (
    IN_HEADER,
    VERSION_4,
    Verified,
    check_window,
    timestamp,
)
from kmslab.wire.signing import (
    Authorization,
    FindCredential,
    seconds_of,
    usual_authorization,
)

_COMPONENTS = ("Credential", "SignedHeaders", "Signature")


def verify(
    request: Request, fields: Fields, find_credential: FindCredential, expected_region: str | None
) -> Verified:
    """Who signed. Raises the refusals of AWS's authentication: for a header that is malformed,
    without a date or without a payload hash, then those of `version_4.verify`, and last
    RequestTimeTooSkewed."""
    headers = request.headers
    header = headers["authorization"]
    authorization = usual_authorization(header) or _read_unusual(header)
    date = headers.get("x-amz-date") or headers.get("date", "")
    signed_on = timestamp(date)
    signed_at = seconds_of(signed_on)
    if signed_at is None:
        raise refusals.missing_date()
    scope = authorization.scope
    version_4.check_scope(scope, signed_on, expected_region, refusals.malformed_header)
    payload_hash = headers.get("x-amz-content-sha256", "")
    if not payload_hash:
        raise refusals.missing_payload_hash()
    payload_hashes.check(payload_hash)
    token = headers.get("x-amz-security-token", "")
    query = canonical_query(fields)
    claim = version_4.Claim(authorization, signed_on, payload_hash, token, query)
    credential, chunk_signer = version_4.verify(request, claim, find_credential)
    check_window(date, signed_at)
    return Verified(
        credential, scope.region, VERSION_4, IN_HEADER, None, payload_hash, chunk_signer
    )


def _read_unusual(header: str) -> Authorization:
    algorithm, _, rest = header.partition(" ")
    if algorithm != VERSION_4:
        raise refusals.unsupported_authorization(header)
    parts = [part.strip(" \t").partition("=") for part in rest.split(",")]
    values = {name: value for name, _, value in parts}
    # Not a part too many either: the same name twice could be read in two ways.
    if sorted(name for name, _, _ in parts) != sorted(_COMPONENTS) or not all(values.values()):
        raise refusals.malformed_header(
            "the authorization header requires three components: Credential, SignedHeaders, and "
            "Signature."
        )
    scope = version_4.scope_of(values["Credential"], refusals.malformed_header)
    return Authorization(scope, values["SignedHeaders"], values["Signature"])
