"""The body of a request to S3 as its sender meant it: unwrapped, counted, and held against what was
signed of it.

A body may be wrapped in chunks (Content-Encoding: aws-chunked), signed or not, with trailers behind
them (`chunks`); others are only counted and hashed (`bodies`). No signed chunk is handed on before
it has been checked, and the last bytes not before all that follows them. Who signed is not known
here.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from kmslab.wire.aws_chunked import refusals
from kmslab.wire.aws_chunked.bodies import HashedBody, length_in
from kmslab.wire.aws_chunked.chunks import ChunkedBody
from kmslab.wire.message import Stream
from kmslab.wire.signing import ChunkSigner

__all__ = ["ChunkedBody", "HashedBody", "SignedBody", "decoded"]

_SHA256 = re.compile("[0-9a-fA-F]{64}")


class SignedBody(Protocol):
    """What the signature of a request says of its body."""

    @property
    def payload_hash(self) -> str: ...

    @property
    def chunk_signer(self) -> ChunkSigner | None: ...


def decoded(stream: Stream, headers: Mapping[str, str], signed: SignedBody) -> Stream:
    """The body of a request, whose bytes as they travelled stand in `stream`.

    Raises MissingContentLength for a body whose length nobody says, and NotImplemented for one that
    only HTTP has chunked. Reading it raises IncompleteBody, XAmzContentSHA256Mismatch,
    SignatureDoesNotMatch, EntityTooLarge for a signed chunk over 16 MiB, and MalformedTrailerError.
    """
    expected_hash = signed.payload_hash if _SHA256.fullmatch(signed.payload_hash) else ""
    if _is_chunked(headers, signed.payload_hash):
        if expected_hash:
            stream = HashedBody(stream, None, expected_hash)
        has_signed_trailers = signed.payload_hash.endswith("-TRAILER")
        return ChunkedBody(stream, headers, signed.chunk_signer, has_signed_trailers)
    if "transfer-encoding" in headers:
        raise refusals.not_implemented("Transfer-Encoding")
    return HashedBody(stream, length_in(headers.get("content-length", "0")), expected_hash)


def _is_chunked(headers: Mapping[str, str], payload_hash: str) -> bool:
    encodings = headers.get("content-encoding", "").lower().split(",")
    return payload_hash.startswith("STREAMING-") or "aws-chunked" in map(str.strip, encodings)
