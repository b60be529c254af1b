"""Signature Version 4 as S3 checks it, wherever in a request the signature stands.

It differs from that of the other services (`sigv4`): paths are taken as they are, the body's hash
is what x-amz-content-sha256 says, and the words of the refusals are S3's own. This follows the S3
API Reference ("Authenticating requests"). When a signature expires is not known here.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kmslab.errors import ServiceError
from kmslab.wire.message import Request
from kmslab.wire.model import region_names
from kmslab.wire.s3_signature import payload_hashes, refusals
from kmslab.wire.s3_signature.query_strings import as_bytes, canonical_path
from kmslab.wire.s3_signature.verified import signer
from kmslab.wire.signing import (
    TERMINATOR,
    Authorization,
    ChunkSigner,
    Credential,
    FindCredential,
    Scope,
    canonical_headers,
    sign,
    signing_key,
    string_to_sign,
)

_DATE = re.compile("[0-9]{8}")
_FIRST_REGION = "us-east-1"

# How a problem of the scope is refused: the sentence's end, and what else is told.
Refuse = Callable[..., ServiceError]


class Claim(NamedTuple):
    """What a request says of its signature. `query` is canonical; `may_be_unsigned` are headers
    that need no signature although their names begin with x-amz-."""

    authorization: Authorization
    timestamp: str
    payload_hash: str
    session_token: str
    query: str
    may_be_unsigned: frozenset[str] = frozenset()


def verify(
    request: Request, claim: Claim, find_credential: FindCredential
) -> tuple[Credential, ChunkSigner | None]:
    """Who signed, and what signs the body's chunks, where those are signed.

    Raises InvalidAccessKeyId, InvalidToken, AccessDenied for headers that are not signed, and
    SignatureDoesNotMatch, in this order.
    """
    scope, signed_headers, signature = claim.authorization
    credential = signer(scope.access_key_id, claim.session_token, find_credential)
    _check_signed_headers(request.headers, signed_headers, claim.may_be_unsigned)
    canonical = _canonical_request(request, claim)
    text = string_to_sign(canonical, claim.timestamp, scope)
    computed = sign(text, scope, credential.secret_access_key)
    if not hmac.compare_digest(computed.encode(), as_bytes(signature)):
        raise refusals.signature_differs(scope.access_key_id, signature, text.encode(), canonical)
    return credential, _chunk_signer(claim, credential)


def scope_of(credential: str, refuse: Refuse) -> Scope:
    """A credential as a request writes it; refused where it has not five parts."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5:
        raise refuse(
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/'
            'aws4_request".'
        )
    return Scope(*parts)


def check_scope(scope: Scope, timestamp: str, expected_region: str | None, refuse: Refuse) -> None:
    """Refuse what is not for S3, this Region and this day."""
    if not scope.access_key_id:
        raise refuse("a non-empty Access Key (AKID) must be provided in the credential.")
    if not _DATE.fullmatch(scope.date):
        raise refuse(
            f'incorrect date format "{scope.date}". This date in the credential must be in the '
            'format "yyyyMMdd".'
        )
    _check_region(scope.region, expected_region, refuse)
    if scope.service != "s3":
        raise refuse(f'incorrect service "{scope.service}". This endpoint belongs to "s3".')
    if scope.terminator != TERMINATOR:
        raise refuse(f'incorrect terminal "{scope.terminator}". This endpoint uses "{TERMINATOR}".')
    if scope.date != timestamp[:8]:
        raise refuse(
            f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: '
            f'"{timestamp[:8]}".'
        )


def _check_region(region: str, expected: str | None, refuse: Refuse) -> None:
    if region == expected or (expected is None and region in region_names()):
        return
    if not region:
        raise refuse("a non-empty region must be provided in the credential.")
    expected = expected or _FIRST_REGION
    raise refuse(f"the region '{region}' is wrong; expecting '{expected}'", Region=expected)


def _check_signed_headers(
    headers: Mapping[str, str], signed_headers: str, may_be_unsigned: frozenset[str]
) -> None:
    signed = frozenset(signed_headers.split(";")) | may_be_unsigned
    unsigned = [name for name in headers if name[:6] == "x-amz-" and name not in signed]
    if "host" not in signed:
        unsigned.append("host")
    if unsigned:
        raise refusals.unsigned_headers(sorted(unsigned))


def _canonical_request(request: Request, claim: Claim) -> bytes:
    signed_headers = claim.authorization.signed_headers
    lines = canonical_headers(request.headers, signed_headers)
    path = canonical_path(request.path)
    head = f"{request.method}\n{path}\n{claim.query}\n{lines}\n\n{signed_headers}"
    return as_bytes(f"{head}\n{claim.payload_hash}")


def _chunk_signer(claim: Claim, credential: Credential) -> ChunkSigner | None:
    if not payload_hashes.signs_chunks(claim.payload_hash):
        return None
    scope = claim.authorization.scope
    secret = credential.secret_access_key
    keyed = signing_key(secret, scope.date, scope.region, scope.service)
    return ChunkSigner(claim.authorization.signature, keyed, claim.timestamp, scope)
