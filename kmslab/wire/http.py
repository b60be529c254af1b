"""The same door over HTTP: an ASGI application, and the server that `kmslab serve` runs.

Requests are handed over as they came; what answers them is not known here. Those for S3 carry
bodies of any size: they are answered by threads, and their bodies stream. All others are small and
answered at once. The two control routes exist only where they were asked for, and only for programs
on this machine: a request that a web page sent (it has an Origin) or that came by another name is
refused.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, Protocol
from urllib.parse import parse_qs

import uvicorn

from kmslab.wire import rest_xml
from kmslab.wire.body_streams import ArrivingBody, Exchange, Receive, Send, body_of, start_of
from kmslab.wire.message import Answer, Request

LARGEST_BODY = 1024 * 1024
LARGEST_HEADERS = 64 * 1024
CONTROL_PREFIX = "/_kmslab/"
# A thread that reads a body waits for its client, who may be waiting for another answer: requests
# without a body have threads of their own.
_UPLOAD_THREADS = 32
_OTHER_THREADS = 16
_GRACE_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "::1")
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?", re.ASCII)

Scope = MutableMapping[str, Any]

_log = logging.getLogger("kmslab")

_JSON = {"content-type": "application/x-amz-json-1.1"}


class Control(Protocol):
    """What the control routes may do to a lab."""

    def reset(self) -> None: ...

    def advance(self, seconds: float) -> None: ...


class Application:
    """ASGI: every request to `handle`; `control` None means that there are no control routes.

    `is_for_s3` says of a request's head whether its body streams; then threads call `handle`.
    """

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        control: Control | None,
        is_for_s3: Callable[[Request], bool] = rest_xml.speaks,
    ) -> None:
        self._handle = handle
        self._control = control
        self._is_for_s3 = is_for_s3
        self._uploads = ThreadPoolExecutor(_UPLOAD_THREADS, "kmslab-upload")
        self._others = ThreadPoolExecutor(_OTHER_THREADS, "kmslab-s3")
        self._arriving: set[ArrivingBody] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        head = _head_of(scope)
        answer: Callable[[Request], Answer]
        if sum(map(len, chain.from_iterable(scope["headers"]))) > LARGEST_HEADERS:
            answer = _refuse_headers
        elif self._control and head.path.startswith(CONTROL_PREFIX):
            answer = partial(_control_answer, self._control)
        # What names a target is not for S3: KMS's requests need no second look.
        elif "x-amz-target" not in head.headers and self._is_for_s3(head):
            await self._stream(head, receive, send)
            return
        else:
            answer = self._answer
        body = await _read_body(receive)
        if body is not None:
            await _send(send, head.method, answer(head._replace(body=body)))

    def cut_off(self) -> None:
        """End what is on its way: from here on no thread waits for a client."""
        for body in self._arriving:
            body.cut_off()

    def close(self) -> None:
        """Cut off what is on its way, and let the threads end."""
        self.cut_off()
        self._uploads.shutdown()
        self._others.shutdown()

    def _answer(self, request: Request) -> Answer:
        try:
            return self._handle(request)
        except Exception:
            # A defect of the lab's own: the caller learns nothing, the log everything.
            _log.exception("could not answer %s", request.headers.get("x-amz-target"))
            return Answer(500, _JSON, b'{"__type":"KMSInternalException"}')

    async def _stream(self, head: Request, receive: Receive, send: Send) -> None:
        body = ArrivingBody(receive, head.headers)
        begin_in = self._uploads if body.has_bytes else self._others
        exchange = Exchange(self._handle, head, body, self._others)
        self._arriving.add(body)
        try:
            await exchange.run(begin_in, send)
        finally:
            body.cut_off()
            self._arriving.discard(body)


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or one byte more than any service takes; None where the client hung up."""
    blocks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        block = message.get("body", b"")
        if size <= LARGEST_BODY:
            blocks.append(block[: LARGEST_BODY + 1 - size])
            size += len(block)
        if not message.get("more_body"):
            return b"".join(blocks) if len(blocks) != 1 else blocks[0]


def _head_of(scope: Scope) -> Request:
    names = [name.decode("latin-1") for name, _ in scope["headers"]]
    values = [value.decode("latin-1") for _, value in scope["headers"]]
    headers = dict(zip(names, values, strict=True))
    if len(headers) < len(names):
        headers = _joined(names, values)
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    client = scope.get("client")
    source_ip = client[0] if client else "127.0.0.1"
    return Request(scope["method"], path, query, headers, b"", source_ip=source_ip)


def _joined(names: list[str], values: list[str]) -> dict[str, str]:
    """Headers of which some came more than once."""
    several: dict[str, list[str]] = {}
    for name, value in zip(names, values, strict=True):
        several.setdefault(name, []).append(value)
    return {name: ",".join(given) for name, given in several.items()}


def _refuse_headers(_: Request) -> Answer:
    return _plain(431, "the headers are too large")


async def _send(send: Send, method: str, answer: Answer) -> None:
    await send(start_of(answer, method))
    await send(body_of(answer.body))


# --- Control ------------------------------------------------------------------------------


def _control_answer(control: Control, request: Request) -> Answer:
    local = _LOCAL_HOST.fullmatch(request.headers.get("host", ""))
    if request.source_ip not in _LOOPBACK or not local or "origin" in request.headers:
        return _plain(403, "only programs on this machine may control the lab")
    if request.method != "POST":
        return _plain(405, "POST only")
    if request.path == f"{CONTROL_PREFIX}reset":
        control.reset()
        return _plain(200, "the lab is empty")
    if request.path == f"{CONTROL_PREFIX}advance":
        return _advance(request, control)
    return _plain(404, "there are reset and advance")


def _advance(request: Request, control: Control) -> Answer:
    given = parse_qs(request.query).get("seconds", [""])[0]
    try:
        control.advance(float(given))
    except (ValueError, OverflowError):
        return _plain(400, f"seconds must be a number of seconds from 0 on, not {given!r}")
    return _plain(200, f"the lab's clock moved by {given} seconds")


def _plain(status: int, text: str) -> Answer:
    return Answer(status, {"content-type": "text/plain; charset=utf-8"}, f"{text}\n".encode())


# --- Serving ------------------------------------------------------------------------------


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


def serve(
    application: Application,
    listener: socket.socket,
    when_ready: Callable[[], None],
    each_second: Callable[[], None],
) -> None:
    """Answer on `listener` until the process is told to stop; `each_second` does what is due, in a
    thread of its own, since that may take long."""
    server_of(application, when_ready, each_second).run(sockets=[listener])


def server_of(
    application: Application, when_ready: Callable[[], None], each_second: Callable[[], None]
) -> uvicorn.Server:
    """The server, not yet started. It closes `application` when it stops."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who called is who connected: a header may say anything.
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return _Server(config, application, when_ready, each_second)


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        when_ready: Callable[[], None],
        each_second: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._application = application
        self._when_ready = when_ready
        self._each_second = each_second
        self._apart = ThreadPoolExecutor(1, "kmslab-due")
        self._is_at_it = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Who is cut off within the grace can still be told so.
        asyncio.get_running_loop().call_later(_GRACE_SECONDS - 1, self._application.cut_off)
        await super().shutdown(sockets)
        self._application.close()
        # What is being done is done to its end: the lab is closed after this.
        await asyncio.to_thread(self._apart.shutdown)

    async def on_tick(self, counter: int) -> bool:
        # uvicorn ticks ten times a second.
        if counter % 10 == 0 and not self._is_at_it:
            self._is_at_it = True
            self._apart.submit(self._do_what_is_due)
        return await super().on_tick(counter)

    def _do_what_is_due(self) -> None:
        try:
            self._each_second()
        except Exception:
            _log.exception("could not do what is due")
        finally:
            self._is_at_it = False
