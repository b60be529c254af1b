"""A real boto3 client whose requests are answered in this process.

botocore builds, validates and signs every request as usual; its `before-send` event then hands
the bytes over instead of opening a connection. So what travels is exactly what would travel to
AWS, and nothing leaves the process. Bodies of S3, which may have any size, are passed on as streams
and not copied. Whatever the machine's AWS configuration says (profiles, endpoints, proxies) does
not reach these clients.
"""

import io
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ResponseStreamingError
from botocore.httpchecksum import AwsChunkedWrapper

from kmslab.errors import IntegrityError
from kmslab.wire.message import LOOPBACK, Answer, Request, Stream

Handle = Callable[[Request], Answer]

_PIECE = 1024 * 1024
# Smaller reads are served from bytes read ahead.
_AHEAD = 64 * 1024
# A bucket's name may hold dots; s3-us-west-2 is the older spelling of s3.us-west-2.
_S3_HOST = re.compile(r"(?:.+\.)?s3(?:\.dualstack)?(?:[.-]([a-z]{2}(?:-[a-z]+)+-\d+))?")

# One attempt: an audit table shows each call once, as it was made.
# The user agent is fixed, so that a notebook's events can be repeated on any machine.
CONFIG = Config(
    user_agent="kmslab boto3",
    retries={"max_attempts": 0, "mode": "legacy"},
    ignore_configured_endpoint_urls=True,
    use_dualstack_endpoint=False,
    use_fips_endpoint=False,
    proxies={},
)


def in_process_client(
    service: str,
    region_name: str,
    access_key_id: str,
    secret_access_key: str,
    session_token: str,
    handle: Handle,
    config: Config | None = None,
    source_ip: str = LOOPBACK,
) -> Any:
    """A boto3 client of `service` for these credentials, answered by `handle`. `session_token` is
    "" for long-term credentials; `source_ip` is where its requests say that they come from."""
    merged = CONFIG.merge(config) if config else CONFIG
    with _one_at_a_time:
        client = _session().client(
            service,
            region_name=region_name,
            config=merged,
            verify=True,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token or None,
        )

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        replied = handle(as_request(request, source_ip))
        raw = _raw_body(request.method, replied)
        return AWSResponse(request.url, replied.status, replied.headers, raw)

    client.meta.events.register("before-send", answer)
    return client


# Making a session takes a hundred milliseconds, and a client of it ten. Clients may be used by
# many threads, the session by one at a time.
_one_at_a_time = threading.Lock()


@cache
def _session() -> boto3.Session:
    """A session with botocore's defaults alone: no variable of the environment and no file."""
    defaults = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        defaults[name] = (None, None, os.devnull, None)
    bare = botocore.session.Session(session_vars=defaults)
    session = boto3.Session(botocore_session=bare)
    # Here boto3 notes the version of botocore, which would stand in every event.
    bare.user_agent_extra = ""
    return session


# --- Requests -----------------------------------------------------------------------------


def as_request(request: AWSPreparedRequest, source_ip: str = LOOPBACK) -> Request:
    """What botocore prepared, as the door takes it."""
    host, service, region, path, query = _parts_of(request.url)
    # botocore's headers make several objects for every look-up; what they wrap spares a hundred
    # calls a request. Where a later botocore wraps nothing, the public way does as well.
    wrapped = getattr(request.headers, "_dict", request.headers)
    headers = {
        str(name).lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in wrapped.items()
    }
    headers.setdefault("host", host)
    secure = request.url.startswith("https:")
    body: Any = request.body or b""
    stream = None
    if service == "s3":
        body, stream = b"", stream_of(body)
    elif not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else body.read()
    return Request(
        request.method, path, query, headers, body, service, region, source_ip, secure, stream
    )


@lru_cache(maxsize=1024)
def _parts_of(url: str) -> tuple[str, str | None, str | None, str, str]:
    """Host, service, Region, path and query of a URL like
    https://kms.eu-west-1.amazonaws.com/"""
    parts = urlsplit(url)
    service, region = _named_by(parts.netloc)
    return parts.netloc, service, region, parts.path or "/", parts.query


def _named_by(host: str) -> tuple[str | None, str | None]:
    """The service and the Region in the name of one of AWS's hosts."""
    name = host.removesuffix(".amazonaws.com")
    if name == host:
        return None, None
    # A name without a Region, such as sts.amazonaws.com, is of the one in Virginia.
    if of_s3 := _S3_HOST.fullmatch(name):
        return "s3", of_s3[1] or "us-east-1"
    labels = name.split(".")
    return labels[0], labels[1] if len(labels) == 2 else "us-east-1"


def stream_of(body: Any) -> Stream:
    """A stream of what botocore takes for a body: bytes, a text, an open file or what reads like
    one, or an iterable of bytes. Closing it closes no file: that is its owner's to do."""
    if isinstance(body, (bytes, str)):
        # BytesIO shares the bytes that it is made of.
        return io.BytesIO(body.encode() if isinstance(body, str) else body)
    if isinstance(body, (bytearray, memoryview)):
        return _Chunks([body])
    # botocore's wrapper copies all it holds at every read, and gives whole chunks uncopied.
    if isinstance(body, AwsChunkedWrapper) or not hasattr(body, "read"):
        return _Chunks(body)
    return _OpenFile(body)


class _OpenFile:
    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        piece: bytes = self._file.read(size)
        return piece

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""


class _Chunks:
    def __init__(self, chunks: Iterable[bytes | bytearray | memoryview]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(2 * _PIECE), b""))
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            if isinstance(chunk, bytes) and 0 < len(chunk) <= size:
                return chunk
            self._left = memoryview(chunk)
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)

    def close(self) -> None:
        """Nothing: what the chunks are made from is not ours."""


# --- Answers ------------------------------------------------------------------------------


class RawBody(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, amount: int = 65_536, **_: Any) -> Iterator[bytes]:
        while block := self.read(amount):
            yield block


def _raw_body(method: str, answer: Answer) -> "RawBody | StreamedBody":
    if method == "HEAD" or answer.status in (204, 304):
        if answer.stream:
            answer.stream.close()
        return RawBody()
    return StreamedBody(answer.stream) if answer.stream else RawBody(answer.body)


class StreamedBody(io.RawIOBase):
    """What botocore reads an answer from whose bytes are not all there at once.

    As from a connection, a read gives all that was asked for, unless the end comes first. Large
    reads are handed on uncopied. The stream is closed at its end, or with this.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream
        self._is_over = False
        self._ahead = memoryview(b"")
        self._taken = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._taken

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes; all that are left where it is None or negative. Raises
        botocore's ResponseStreamingError where stored bytes are damaged."""
        piece = b"".join(self._gather(-1 if size is None else size))
        self._taken += len(piece)
        return piece

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def peek(self, size: int = 0, /) -> bytes:
        """A few bytes that are still to be read, by which `readline` finds the end of a line."""
        if not self._ahead:
            self._ahead = memoryview(self._next(_AHEAD))
        return bytes(self._ahead[:4096])

    def stream(self, amount: int = _PIECE, **_: Any) -> Iterator[bytes]:
        while piece := self.read(amount):
            yield piece

    def close(self) -> None:
        self._ahead = memoryview(b"")
        self._end()
        super().close()

    def _gather(self, size: int) -> Iterator[bytes | memoryview]:
        """The pieces that a read is made of; a single one is not copied when it is joined."""
        while size:
            if not self._ahead and 0 < size < _AHEAD:
                self._ahead = memoryview(self._next(_AHEAD))
            piece: bytes | memoryview
            if self._ahead:
                piece = self._ahead[:size] if size > 0 else self._ahead
                self._ahead = self._ahead[len(piece) :]
            else:
                piece = self._next(size)
            if not piece:
                return
            yield piece
            size -= len(piece) if size > 0 else 0

    def _next(self, size: int) -> bytes:
        if self._is_over:
            return b""
        try:
            piece = self._stream.read(size)
        except IntegrityError as problem:
            raise ResponseStreamingError(error=problem) from problem
        if size < 0 or not piece:
            self._end()
        return piece

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._stream.close()
