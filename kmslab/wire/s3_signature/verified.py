"""What is known of a request's sender once its signature has been checked, in either version."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kmslab.wire.s3_signature import refusals
from kmslab.wire.signing import (
    ALGORITHM,
    ISO_TIME,
    ChunkSigner,
    Credential,
    FindCredential,
    has_its_token,
    timestamp_of,
)

# S3 API Reference, "Authenticating requests": 15 minutes, either way.
WINDOW = 900
IN_HEADER, IN_QUERY = "REST-HEADER", "REST-QUERY-STRING"
VERSION_2, VERSION_4 = "AWS", ALGORITHM


class Verified(NamedTuple):
    """Who signed a request, how, and what the signature says of the body.

    `credential` is None for a request that nobody signed. `region` is the scope's, "" where the
    signature names none (Version 2). `version` is VERSION_4 or VERSION_2, `auth_type` IN_HEADER or
    IN_QUERY, both "" where nobody signed. `age` is that of a presigned URL of Version 4, in
    milliseconds. `payload_hash` is x-amz-content-sha256, "" where nothing is said of the body;
    `chunk_signer` makes the signatures of its chunks where they are signed, each once. `headers`
    are those that a URL carries in its query and that were signed as headers (Version 2).
    """

    credential: Credential | None = None
    region: str = ""
    version: str = ""
    auth_type: str = ""
    age: int | None = None
    payload_hash: str = ""
    chunk_signer: ChunkSigner | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def facts(self) -> dict[str, str]:
        """The condition keys of S3 that tell how a request was signed, without their "s3:"."""
        told = {
            "signatureversion": self.version,
            "authtype": self.auth_type,
            "signatureage": "" if self.age is None else str(self.age),
            "x-amz-content-sha256": self.payload_hash,
        }
        return {name: text for name, text in told.items() if text}


def signer(access_key_id: str, given_token: str, find_credential: FindCredential) -> Credential:
    """The credential that a request names. Raises InvalidAccessKeyId and InvalidToken.

    Of temporary credentials S3 knows nothing without their session token.
    """
    credential = find_credential(access_key_id)
    if credential is None or (credential.session_token and not given_token):
        raise refusals.unknown_access_key(access_key_id)
    if not has_its_token(credential, given_token):
        raise refusals.invalid_token()
    return credential


def timestamp(date: str) -> str:
    """A Date or x-amz-date header as yyyymmddThhmmssZ. Raises AccessDenied for what is no date."""
    written = date if ISO_TIME.fullmatch(date) else timestamp_of(date)
    if written is None:
        raise refusals.missing_date()
    return written


def check_window(date: str, signed_at: int) -> None:
    """Raises RequestTimeTooSkewed; `date` is the time as the request writes it."""
    now = time.time()
    if abs(now - signed_at) > WINDOW:
        raise refusals.time_too_skewed(date, now, WINDOW)
