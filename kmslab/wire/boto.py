"""A real boto3 client whose requests are answered in this process.

botocore builds, validates and signs every request as usual; its `before-send` event then hands
the bytes over instead of opening a connection. So what travels is exactly what would travel to
AWS, and nothing leaves the process. Whatever the machine's AWS configuration says (profiles,
endpoints, proxies) does not reach these clients.
"""

import io
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from kmslab.wire.message import Answer, Request

Handle = Callable[[Request], Answer]

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
) -> Any:
    """A boto3 client of `service` for these credentials, answered by `handle`. `session_token` is
    "" for long-term credentials."""
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
        replied = handle(as_request(request))
        return AWSResponse(request.url, replied.status, replied.headers, RawBody(replied.body))

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
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=defaults))


class RawBody(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, amount: int = 65_536, **_: Any) -> Iterator[bytes]:
        while block := self.read(amount):
            yield block


def as_request(request: AWSPreparedRequest) -> Request:
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
    body = request.body or b""
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else body.read()
    secure = request.url.startswith("https:")
    return Request(request.method, path, query, headers, body, service, region, secure=secure)


@lru_cache(maxsize=1024)
def _parts_of(url: str) -> tuple[str, str | None, str | None, str, str]:
    """Host, service, Region, path and query of a URL like
    https://kms.eu-west-1.amazonaws.com/"""
    parts = urlsplit(url)
    labels = parts.netloc.split(".")
    service, region = None, None
    if labels[-2:] == ["amazonaws", "com"]:
        service = labels[0]
        # sts.amazonaws.com names no Region and is the one in Virginia.
        region = labels[1] if len(labels) == 4 else "us-east-1"
    return parts.netloc, service, region, parts.path or "/", parts.query
