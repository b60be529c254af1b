"""One HTTP request and one HTTP answer, as every transport hands them to the door."""

from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """A request as it travelled: nothing decoded, header names in lower case.

    `host_service` and `host_region` are what the host name says, as in
    kms.eu-west-1.amazonaws.com; None where the host names neither (127.0.0.1). `secure` says
    that the request came over TLS.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    host_service: str | None = None
    host_region: str | None = None
    source_ip: str = "127.0.0.1"
    secure: bool = False


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
