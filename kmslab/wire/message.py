"""One HTTP request and one HTTP answer, as every transport hands them to the door."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

LOOPBACK = "127.0.0.1"


class Stream(Protocol):
    """Bytes that are not all there at once. Not always the same thread reads, but never two at
    once."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, up to `size` of them, b"" at the end; all that are left where `size`
        is negative.

        A request's raises ConnectionError where the client is gone, and RequestTimeout where it
        fell silent: then nothing of the request may be kept. An answer's raises IntegrityError
        for stored bytes that were changed.
        """
        ...

    def close(self) -> None:
        """Let go of what is behind the bytes. A request's may be left open."""
        ...


class Request(NamedTuple):
    """A request as it travelled: nothing decoded, header names in lower case.

    The body is whole in `body`, but for S3, whose bodies stand in `stream` and have not been
    read; without a body the stream is empty. `host_service` and `host_region` are what the host
    name says, as in kms.eu-west-1.amazonaws.com; None where it names neither (127.0.0.1).
    `secure` says that the request came over TLS.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    host_service: str | None = None
    host_region: str | None = None
    source_ip: str = LOOPBACK
    secure: bool = False
    stream: Stream | None = None


class Answer(NamedTuple):
    """An answer. Where `stream` stands its bytes are the body, and the header content-length says
    how many. Whoever takes the answer closes it, read or not. The answer to a HEAD has no body, and
    its content-length is that of the GET."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: Stream | None = None
