"""x-amz-content-sha256: what a request says of its body before the body comes.

This follows the S3 API Reference ("Authenticating requests: using the Authorization header").
"""

import re

from kmslab.wire.s3_signature import refusals

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_WORDS = (
    UNSIGNED_PAYLOAD,
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    _SIGNED_CHUNKS,
    f"{_SIGNED_CHUNKS}-TRAILER",
)
_SHA256 = re.compile("[0-9a-fA-F]{64}")


def check(payload_hash: str) -> None:
    """Raises InvalidArgument for what x-amz-content-sha256 cannot be."""
    if payload_hash not in _WORDS and not _SHA256.fullmatch(payload_hash):
        raise refusals.invalid_payload_hash(payload_hash)


def signs_chunks(payload_hash: str) -> bool:
    return payload_hash.startswith(_SIGNED_CHUNKS)


def without_version_4(payload_hash: str) -> str:
    """`payload_hash`, "" where none was sent, of a request without a Signature Version 4. Raises
    InvalidRequest for chunks that would be signed with it."""
    if payload_hash:
        check(payload_hash)
    if signs_chunks(payload_hash):
        raise refusals.needs_version_4()
    return payload_hash
