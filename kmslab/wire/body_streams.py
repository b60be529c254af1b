"""Bodies of any size between an HTTP connection and the threads that answer S3.

Bytes arrive and leave on the event loop, which may never wait; threads read and make them, which
may. An `ArrivingBody` is a request's body on its way to a thread; an `Exchange` has one request
answered and sends the answer, piece by piece. What the bytes are for is not known here.
"""

import asyncio
import logging
import re
import secrets
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import Any

from kmslab import errors
from kmslab.errors import IntegrityError, ServiceError
from kmslab.wire import rest_xml
from kmslab.wire.message import Answer, Request, Stream

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE = 1024 * 1024
# How much may have arrived without having been read.
MOST_WAITING = 4 * PIECE
# How much is read and forgotten so that a connection can carry its next request.
MOST_SKIPPED = PIECE
# How long a client may go on sending what nobody reads.
SKIP_SECONDS = 5.0
LONGEST_SILENCE = 60.0
_WITHOUT_BODY = (204, 304)
_LENGTH = re.compile("[0-9]{1,19}")
# The server itself writes the date.
_SET_HERE = ("content-length", "date")

_log = logging.getLogger("kmslab")


class ClientHungUp(ConnectionError):
    """Whoever was sending a body is gone; what came of it is good for nothing."""


class ArrivingBody:
    """The body of one HTTP request: fed by the event loop it was made on, read by one thread.

    Nothing is asked of `receive` before the first read; only then is a client that expects
    "100 Continue" told so. While MOST_WAITING bytes wait to be read, no more are asked for.
    """

    def __init__(self, receive: Receive, headers: Mapping[str, str]) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._length = _length_by(headers)
        self._waits_to_be_asked = "expect" in headers
        self._is_asked_for = False
        self._listening: asyncio.Task[None] | None = None
        self._is_skipped = False
        self._arrived = 0
        # The lock is held for what both sides touch.
        self._changed = threading.Condition()
        self._blocks: deque[bytes | memoryview] = deque()
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()
        self._settled = asyncio.Event()
        self.has_ended = self._length == 0
        self.is_cut_off = False

    @property
    def has_bytes(self) -> bool:
        return self._length != 0

    # --- The thread that reads ------------------------------------------------------------

    def read(self, size: int = -1, /) -> bytes:
        """What has arrived, up to `size` bytes; waits where that is nothing.

        Raises ClientHungUp where the rest will never come, and RequestTimeout where nothing came
        for a minute.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(MOST_WAITING), b""))
        if not (self._is_asked_for or self.has_ended):
            self._is_asked_for = True
            self._tell_loop(self._listen)
        with self._changed:
            self._wait()
            was_full = self._waiting >= MOST_WAITING
            taken = self._take(size)
            has_room = self._waiting < MOST_WAITING
        if was_full and has_room:
            self._tell_loop(self._room.set)
        return b"".join(taken)

    def close(self) -> None:
        """Nothing: what is left is the event loop's to deal with."""

    def _wait(self) -> None:
        while not (self._blocks or self.has_ended):
            if self.is_cut_off:
                raise ClientHungUp("the request was cut off before its end")
            if not self._changed.wait(LONGEST_SILENCE):
                raise _silence()

    def _take(self, size: int) -> list[bytes | memoryview]:
        taken: list[bytes | memoryview] = []
        while size and self._blocks:
            block = self._blocks.popleft()
            if len(block) > size:
                block = memoryview(block)
                self._blocks.appendleft(block[size:])
                block = block[:size]
            taken.append(block)
            size -= len(block)
            self._waiting -= len(block)
        return taken

    def _tell_loop(self, what: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            raise ClientHungUp("the server has stopped") from None

    # --- The event loop -------------------------------------------------------------------

    def is_easily_skipped(self) -> bool:
        """Whether little is left, and the client will send it without being asked."""
        if self._length is None or (self._waits_to_be_asked and not self._is_asked_for):
            return self.has_ended
        return self._length - self._arrived <= MOST_SKIPPED

    def watch(self) -> None:
        """Only notice when the client is gone: nobody reads any more."""
        with self._changed:
            self._is_skipped = True
            self._blocks.clear()
        self._room.set()
        self._listen()

    async def skip(self) -> None:
        """Let the client send what is left, for some seconds, and forget it."""
        if self.has_ended or self.is_cut_off:
            return
        self.watch()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), SKIP_SECONDS)

    def cut_off(self) -> None:
        """No more will come. Whoever waits for it is told so at once."""
        with self._changed:
            self.is_cut_off = True
            self._changed.notify()
        self._settled.set()
        if self._listening:
            self._listening.cancel()

    def _listen(self) -> None:
        if not (self._listening or self.is_cut_off):
            self._listening = self._loop.create_task(self._take_in())

    async def _take_in(self) -> None:
        # It goes on after the end: then all that can come is that the client is gone.
        while not self.is_cut_off:
            await self._room.wait()
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.cut_off()
            else:
                self._add(message.get("body", b""), not message.get("more_body"))

    def _add(self, block: bytes, is_last: bool) -> None:
        self._arrived += len(block)
        with self._changed:
            if block and not self._is_skipped:
                self._blocks.append(block)
                self._waiting += len(block)
                if self._waiting >= MOST_WAITING:
                    self._room.clear()
            self.has_ended = is_last
            self._changed.notify()
        if is_last:
            self._settled.set()


def _length_by(headers: Mapping[str, str]) -> int | None:
    """How long a request's body is; None where only its end will tell."""
    told = headers.get("content-length", "0")
    # What is no length will be refused; Python reads no number of any number of digits.
    if "transfer-encoding" in headers or not _LENGTH.fullmatch(told):
        return None
    return int(told)


def _silence() -> ServiceError:
    return ServiceError(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the "
        "timeout period. Idle connections will be closed.",
    )


# --- Answers ------------------------------------------------------------------------------


def start_of(answer: Answer, method: str, is_last: bool = False) -> Message:
    """Status and headers. `is_last`: of the connection's last answer."""
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
        if name.lower() not in _SET_HERE
    ]
    if answer.status not in _WITHOUT_BODY:
        headers.append((b"content-length", b"%d" % _length_of(answer, method)))
    if is_last:
        headers.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def body_of(piece: bytes, more: bool = False) -> Message:
    """A piece of the body. `more`: it is not the last one."""
    return {"type": "http.response.body", "body": piece, "more_body": more}


def _length_of(answer: Answer, method: str) -> int:
    """How long the answer's body is or, to a HEAD, would have been. Raises ValueError for a stream
    whose headers do not say it."""
    if answer.stream or method == "HEAD":
        for name, value in answer.headers.items():
            if name.lower() == "content-length":
                return int(value)
    if answer.stream:
        raise ValueError("an answer that streams must say its content-length")
    return len(answer.body)


class Exchange:
    """One request for S3 and its answer. Threads do what may take time, one thing after another;
    the event loop carries the bytes."""

    def __init__(
        self,
        handle: Callable[[Request], Answer],
        head: Request,
        body: ArrivingBody,
        readers: Executor,
    ) -> None:
        self._handle = handle
        self._request = head._replace(stream=body)
        self._body = body
        self._readers = readers
        self._answer = Answer(500, {}, b"")
        self._job: Future[bytes]

    async def run(self, begin_in: Executor, send: Send) -> None:
        """Have the request answered in one of the threads of `begin_in`, and send the answer."""
        self._job = begin_in.submit(self._begin)
        try:
            piece = await asyncio.wrap_future(self._job)
            if self._body.is_easily_skipped():
                await self._body.skip()
            await self._send(send, piece)
        finally:
            # Not before the last thread is done with it.
            self._job.add_done_callback(lambda _: self._close())

    def _begin(self) -> bytes:
        """Make the answer and its first piece: what fails so far is told by the status."""
        try:
            self._answer = self._handle(self._request)
            return self._first_piece()
        except ClientHungUp:
            # Nobody hears this, unless it is the server that went.
            self._answer = _refusal(_unavailable())
        except Exception as problem:
            self._log(problem)
            self._close()
            self._answer = _refusal(errors.internal_failure())
        return self._answer.body

    def _first_piece(self) -> bytes:
        if self._request.method == "HEAD" or self._answer.status in _WITHOUT_BODY:
            return b""
        if self._answer.stream is None:
            return self._answer.body
        return self._piece(self._answer.stream, self._length())

    async def _send(self, send: Send, piece: bytes) -> None:
        is_last = not self._body.has_ended
        await send(start_of(self._answer, self._request.method, is_last))
        if self._answer.stream and piece:
            try:
                piece = await self._send_on(self._answer.stream, send, piece)
            except Exception as problem:
                # The server cuts the connection where an answer is left incomplete.
                self._log(problem)
                return
            if self._body.is_cut_off:
                return
        if is_last:
            # A client that is still sending hears the answer when it is through.
            await send(body_of(piece, more=True))
            await self._body.skip()
            piece = b""
        await send(body_of(piece))

    async def _send_on(self, stream: Stream, send: Send, piece: bytes) -> bytes:
        """Send all but the last piece, each while the next one is read."""
        left = self._length() - len(piece)
        if left:
            self._body.watch()
        while left and not self._body.is_cut_off:
            self._job = self._readers.submit(self._piece, stream, left)
            await send(body_of(piece, more=True))
            piece = await asyncio.wrap_future(self._job)
            left -= len(piece)
        return piece

    def _piece(self, stream: Stream, left: int) -> bytes:
        piece = stream.read(min(PIECE, left))
        if left and not piece:
            raise IntegrityError(f"the stream ended {left} bytes before its end")
        return piece

    def _length(self) -> int:
        return _length_of(self._answer, self._request.method)

    def _log(self, problem: Exception) -> None:
        # Damaged bytes are no defect of the lab's: no more than a line about them.
        trace = None if isinstance(problem, IntegrityError) else problem
        asked = f"{self._request.method} {self._request.path}"
        _log.error("could not answer %s: %r", asked, problem, exc_info=trace)

    def _close(self) -> None:
        if self._answer.stream:
            self._answer.stream.close()


def _refusal(refusal: ServiceError) -> Answer:
    return rest_xml.refuse(refusal, secrets.token_hex(8).upper(), "s3")


def _unavailable() -> ServiceError:
    return ServiceError("ServiceUnavailable", "Service is unable to handle request.", 503)
