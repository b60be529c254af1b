"""Bodies that are documents, such as the list of DeleteObjects, held against what is said of them.

Content-MD5 and the headers x-amz-checksum-* are about the body (S3 API Reference, "Common request
headers"), but for CompleteMultipartUpload, where the checksum is the object's. What a document says
is not known here; the bytes of objects are `integrity`'s.
"""

import base64
from collections.abc import Mapping

from kmslab.services.s3 import refusals
from kmslab.services.s3.checksums import ALGORITHMS, new_checksum
from kmslab.wire.message import Stream
from kmslab.wire.model import OperationSchema

_HEADERS = {name: f"x-amz-checksum-{name.lower()}" for name in ALGORITHMS}


class CheckedDocument:
    """The body in `stream` of a request for the operation of `schema`.

    Raises InvalidDigest for a Content-MD5 that is none. Reading its end raises BadDigest where the
    bytes are not those that `headers`, or trailers behind the body, tell of.
    """

    def __init__(self, stream: Stream, headers: Mapping[str, str], schema: OperationSchema) -> None:
        self._stream = stream
        self._md5 = _content_md5(headers)
        self._given = {} if _is_of_the_object(schema) else _given(headers)
        names = {*self._given, "MD5"} if self._md5 else self._given
        self._checksums = {name: new_checksum(name) for name in names}

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(size)
        for checksum in self._checksums.values():
            checksum.update(piece)
        if not piece or size < 0:
            self._check()
        return piece

    def close(self) -> None:
        self._stream.close()

    def _check(self) -> None:
        digests = {name: checksum.digest() for name, checksum in self._checksums.items()}
        if self._md5 and digests["MD5"] != self._md5:
            raise refusals.bad_digest("Content-MD5")
        trailers = getattr(self._stream, "trailers", {})
        for name, given in self._given.items():
            told = given or trailers.get(_HEADERS[name], "")
            if told != base64.b64encode(digests[name]).decode("ascii"):
                raise refusals.bad_checksum(name)


def _is_of_the_object(schema: OperationSchema) -> bool:
    members = schema.model.input_shape.members.values()
    return any(member.serialization.get("name") in _HEADERS.values() for member in members)


def _given(headers: Mapping[str, str]) -> dict[str, str]:
    """Algorithm → checksum as a header says it, "" where a trailer will."""
    announced = [name.strip() for name in headers.get("x-amz-trailer", "").lower().split(",")]
    return {
        name: headers.get(header, "")
        for name, header in _HEADERS.items()
        if header in headers or header in announced
    }


def _content_md5(headers: Mapping[str, str]) -> bytes:
    given = headers.get("content-md5")
    if given is None:
        return b""
    try:
        digest = base64.b64decode(given, validate=True)
    except ValueError:
        raise refusals.invalid_digest() from None
    if len(digest) != 16:
        raise refusals.invalid_digest()
    return digest
