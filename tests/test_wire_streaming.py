"""Bodies of any size, over HTTP and in this process, with something in place of S3.

The server is the one of `kmslab serve`, on a free port; boto3, the AWS CLI, `http.client` and bare
sockets are its clients. What answers them is a `Shelf`, or a function that a test makes.
"""

import asyncio
import contextlib
import csv
import gc
import gzip
import hashlib
import http.client
import io
import itertools
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError
from botocore.httpchecksum import AwsChunkedWrapper

from kmslab import child
from kmslab.errors import IntegrityError, ServiceError
from kmslab.wire import body_streams, boto
from kmslab.wire import http as wire_http
from kmslab.wire.boto import StreamedBody, as_request, in_process_client, stream_of
from kmslab.wire.message import Answer

KIB, MIB = 1024, 1024 * 1024
KEYS = ("AKIAEXAMPLE", "secret")


# --- In place of S3 -----------------------------------------------------------------------


def noise(size):
    """Bytes of which no two pages are alike."""
    return hashlib.shake_128(b"noise").digest(size)


class Endless:
    """A stream of `size` bytes that are made when they are read."""

    block = noise(MIB)

    def __init__(self, size, fails_at=None):
        self.size, self.given, self.closed, self.fails_at = size, 0, 0, fails_at
        self.unused = threading.Event()

    def read(self, size=-1, /):
        if self.fails_at is not None and self.given >= self.fails_at:
            raise IntegrityError("stored bytes were changed")
        start = self.given % MIB
        left = self.size - self.given
        piece = self.block[start : start + (left if size < 0 else min(size, left))]
        self.given += len(piece)
        return piece

    def close(self):
        self.closed += 1
        self.unused.set()

    def digest(self):
        wanted, whole = hashlib.sha256(), Endless(self.size)
        while piece := whole.read(MIB):
            wanted.update(piece)
        return wanted.hexdigest()


class Closing(io.BytesIO):
    """A stream that counts how often it was closed, and can still be looked at."""

    times = 0

    def close(self):
        self.times += 1


class Shelf:
    """A handle that keeps objects under their paths, and knows as much of S3 as clients need."""

    def __init__(self):
        self.objects, self.parts, self.heard, self.streams = {}, {}, [], []

    def __call__(self, request):
        self.heard.append(request)
        assert request.body == b""
        asked = parse_qs(request.query, keep_blank_values=True)
        if request.method == "PUT":
            return self.put(request, asked)
        if request.method == "POST":
            return self.post(request, asked)
        return self.get(request)

    def put(self, request, asked):
        sent = b"".join(iter(lambda: request.stream.read(MIB), b""))
        if request.headers.get("x-amz-content-sha256", "").startswith("STREAMING"):
            sent = unframed(sent)
        if "partNumber" in asked:
            self.parts[int(asked["partNumber"][0])] = sent
        else:
            self.objects[request.path] = sent
        return Answer(200, {"etag": f'"{hashlib.md5(sent).hexdigest()}"'}, b"")

    def post(self, request, asked):
        if "uploads" in asked:
            begun = b"<InitiateMultipartUploadResult><UploadId>7</UploadId>"
            return Answer(200, {}, begun + b"</InitiateMultipartUploadResult>")
        self.objects[request.path] = b"".join(self.parts[n] for n in sorted(self.parts))
        return Answer(200, {}, b"<CompleteMultipartUploadResult/>")

    def get(self, request):
        if request.path not in self.objects:
            return Answer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
        body, status = self.objects[request.path], 200
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "")):
            status, start = 206, int(wanted[1])
            body = body[start : int(wanted[2]) + 1 if wanted[2] else None]
        self.streams.append(Closing(body))
        headers = {"content-length": str(len(body)), "ETag": '"e"', "x-amz-meta-Colour": "blue"}
        headers["Last-Modified"] = "Mon, 05 Jan 2026 00:00:00 GMT"
        return Answer(status, headers, b"", self.streams[-1])


def unframed(sent):
    """The bytes in aws-chunked frames; the trailer must be the last thing."""
    whole, place = [], 0
    while size := int(sent[place : (end := sent.index(b"\r\n", place))], 16):
        whole.append(sent[end + 2 : end + 2 + size])
        place = end + 2 + size + 2
    assert re.fullmatch(rb"0\r\nx-amz-checksum-crc32:[\w+/]{6}==\r\n\r\n", sent[place:])
    return b"".join(whole)


def ok(request):
    return Answer(200, {}, b"")


def refuse(request):
    return Answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>")


def read_all(request):
    """Says how many bytes came, and their digest."""
    size, digest = 0, hashlib.sha256()
    while piece := request.stream.read(MIB):
        size += len(piece)
        digest.update(piece)
    return Answer(200, {}, f"{size} {digest.hexdigest()}".encode())


class Watched:
    """A handle of which one sees what becomes of it: `done` is set with what it raised."""

    def __init__(self, handle):
        self.handle, self.raised, self.begun = handle, None, threading.Event()
        self.done, self.threads = threading.Event(), []

    def __call__(self, request):
        self.threads.append(threading.current_thread())
        self.begun.set()
        try:
            return self.handle(request)
        except BaseException as problem:
            self.raised = problem
            raise
        finally:
            self.done.set()


# --- The server ---------------------------------------------------------------------------


@contextlib.contextmanager
def serving(handle, is_for_s3=lambda head: True, application=None):
    """A server on a free port, which is given; afterwards no thread of it may be left."""
    before = set(threading.enumerate())
    application = application or wire_http.Application(handle, None, is_for_s3)
    listener, ready = wire_http.listen("127.0.0.1", 0), threading.Event()
    port = listener.getsockname()[1]
    server = wire_http.server_of(application, ready.set, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    assert ready.wait(20)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(30)
        left = [one for one in set(threading.enumerate()) - before if "kmslab" in one.name]
        assert (thread.is_alive(), left) == (False, [])


def connection_to(port):
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30))


def asked(port, method="GET", path="/b/k", body=None, headers=None):
    """Status, headers and body of one answer."""
    with connection_to(port) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@contextlib.contextmanager
def line_to(port, text=b""):
    """A bare connection on which `text` was written."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(text)
        yield line


def head_of(length, *headers, method="PUT"):
    lines = [f"{method} /b/k HTTP/1.1", "Host: x", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def received(line):
    """What comes until the server closes the connection."""
    return b"".join(iter(lambda: line.recv(65_536), b""))


def pieces_of(body, size=100_000):
    return (body[start : start + size] for start in range(0, len(body), size))


def eventually(happened):
    """Whether something happens at all; it may take its time."""
    until = time.monotonic() + 20
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()


def standing_still(amount):
    """The value of `amount()` once it no longer changes."""
    seen, now = None, amount()
    while seen != now:
        time.sleep(0.5)
        seen, now = now, amount()
    return now


# --- Up -----------------------------------------------------------------------------------


SIZES = [0, 1, 65_535, 65_536, 65_537, 3 * MIB + 7, 9 * MIB]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_arrives_as_it_was_sent(size, is_chunked):
    body = noise(size)
    with serving(read_all) as port:
        sent = asked(port, "PUT", body=pieces_of(body) if is_chunked else body)
    assert sent[2].decode() == f"{size} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("size", [1, 1000, 65_536, MIB + 1, -1])
def test_a_read_gives_no_more_than_was_asked_for(size):
    body, reads = noise(200_000), []

    def handle(request):
        while piece := request.stream.read(size):
            reads.append(piece)
            if size == 1 and len(reads) == 1000:
                break
        return ok(request)

    with serving(handle) as port:
        assert asked(port, "PUT", body=body)[0] == 200
    assert b"".join(reads) == body[: sum(map(len, reads))]
    assert {type(piece) for piece in reads} == {bytes}
    assert all(len(piece) <= size for piece in reads) or (size == -1 and len(reads) == 1)


def test_reading_on_at_the_end_gives_nothing():
    def handle(request):
        request.stream.read(-1)
        after = [request.stream.read(size) for size in (-1, 0, 1)]
        request.stream.close()
        return Answer(200, {}, repr(after).encode())

    with serving(handle) as port:
        for body in (b"", b"some"):
            assert asked(port, "PUT", body=body)[2] == b"[b'', b'', b'']"


def test_one_hundred_mebibytes_go_up_and_down_in_flat_memory():
    size = 100 * MIB
    with serving(lambda request: read_all(request) if request.method == "PUT" else down()) as port:

        def down():
            return Answer(200, {"content-length": str(size)}, b"", Endless(size))

        source, seen = Endless(size), hashlib.sha256()
        tracemalloc.start()
        pieces = iter(lambda: source.read(MIB), b"")
        answer = asked(port, "PUT", body=pieces, headers={"Content-Length": str(size)})
        with connection_to(port) as connection:
            connection.request("GET", "/b/k")
            body = connection.getresponse()
            while piece := body.read(MIB):
                seen.update(piece)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert answer[2].decode() == f"{size} {source.digest()}"
    assert seen.hexdigest() == source.digest()
    assert peak < size / 4


def test_a_client_is_held_back_while_nobody_reads():
    size, may_read = 100 * MIB, threading.Event()

    def handle(request):
        request.stream.read(1)
        may_read.wait()
        return read_all(request)

    with serving(handle) as port, line_to(port, head_of(size, "Connection: close")) as line:
        source, sent = Endless(size), []

        def send():
            while piece := source.read(MIB):
                line.sendall(piece)
                sent.append(len(piece))

        sender = threading.Thread(target=send)
        sender.start()
        held = standing_still(lambda: sum(sent))
        may_read.set()
        answer = received(line)
        sender.join()
    # What the two ends of a connection hold, and the few MiB that may wait.
    assert held < size / 2
    assert sum(sent) == size
    assert answer.split(b"\r\n\r\n")[1].startswith(b"%d " % (size - 1))


def test_many_uploads_at_once_each_arrive():
    shelf = Shelf()
    with serving(shelf) as port, ThreadPoolExecutor(48) as clients:

        def upload(number):
            return asked(port, "PUT", f"/b/{number}", noise(MIB + number))[0]

        assert set(clients.map(upload, range(96))) == {200}
    assert shelf.objects == {f"/b/{number}": noise(MIB + number) for number in range(96)}


def test_uploads_that_wait_for_their_clients_keep_no_other_request_waiting():
    with serving(Shelf()) as port, contextlib.ExitStack() as opened:
        for _ in range(wire_http._UPLOAD_THREADS + 1):
            opened.enter_context(line_to(port, head_of(10)))
        assert asked(port, "GET", "/b/nothing")[0] == 404


# --- 100 Continue -------------------------------------------------------------------------


def test_a_client_is_told_to_continue_when_its_body_is_read_and_not_before():
    may_read = threading.Event()

    def handle(request):
        may_read.wait()
        return read_all(request)

    expecting = head_of(5, "Expect: 100-continue", "Connection: close")
    with serving(handle) as port, line_to(port, expecting) as line:
        line.settimeout(0.5)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(30)
        may_read.set()
        assert line.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"12345")
        assert received(line).startswith(b"HTTP/1.1 200")


def test_a_refusal_before_the_body_is_read_is_not_preceded_by_a_continue():
    # Nobody can tell whether the body still comes: the connection cannot be used on.
    with serving(refuse) as port, line_to(port, head_of(5, "Expect: 100-continue")) as line:
        head, _, body = line.recv(65_536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403")
    assert b"connection: close" in head
    assert body == refuse(None).body


def test_boto3_does_not_wait_before_it_sends_a_body(caplog):
    shelf = Shelf()
    with serving(shelf) as port, caplog.at_level(logging.DEBUG, "botocore.awsrequest"):
        client_of(port).put_object(Bucket="bucket", Key="k", Body=b"some")
    assert shelf.objects == {"/bucket/k": b"some"}
    said = [record.message for record in caplog.records if "ontinue" in record.message]
    assert said[-1] == "100 Continue response seen, now sending request body."


def test_boto3_hears_a_refusal_and_goes_on_with_the_next_request():
    with serving(refuse) as port:
        s3 = client_of(port)
        for body in (b"", b"some", noise(3 * MIB)):
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.put_object(Bucket="bucket", Key="k", Body=body)


def test_the_aws_cli_copies_files_up_and_down_without_waiting(tmp_path):
    shelf = Shelf()
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(noise(1000))
    large.write_bytes(noise(9 * MIB))
    with serving(shelf) as port:
        put = ("s3api", "put-object", "--bucket", "b", "--key", "small", "--body", str(small))
        said = cli(port, *put, "--debug").stderr
        assert "100 Continue response seen" in said
        assert "No response seen from server" not in said
        cli(port, "s3", "cp", str(large), "s3://b/large")
        cli(port, "s3", "cp", "s3://b/large", str(tmp_path / "back"))
    assert shelf.objects == {"/b/small": small.read_bytes(), "/b/large": large.read_bytes()}
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


def cli(port, *arguments):
    settings = {**child.clean_environment(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    settings |= {"AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1]}
    settings |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull}
    command = [sys.executable, "-m", "awscli", *arguments]
    ran = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran


def client_of(port):
    return boto3.Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEYS[0],
        aws_secret_access_key=KEYS[1],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


# --- Answered before the end --------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100_000, MIB])
@pytest.mark.parametrize("reads", [0, 1])
def test_after_a_refusal_that_left_little_unread_the_connection_is_used_on(size, reads):
    def handle(request):
        if request.method == "GET":
            return ok(request)
        request.stream.read(reads)
        return refuse(request)

    with serving(handle) as port, connection_to(port) as connection:
        for method in ("PUT", "GET", "PUT"):
            connection.request(method, "/b/k", b"x" * size if method == "PUT" else None)
            used = connection.sock
            answer = connection.getresponse()
            assert (answer.status, answer.headers["connection"]) == (
                (403, None) if method == "PUT" else (200, None)
            )
            answer.read()
            # http.client would have opened another one.
            assert connection.sock is used


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_refusal_that_left_much_unread_is_heard_and_ends_the_connection(is_chunked):
    body = noise(20 * MIB)
    with serving(refuse) as port:
        sent = pieces_of(body) if is_chunked else body
        status, headers, text = asked(port, "PUT", body=sent)
    assert (status, headers["connection"], text) == (403, "close", refuse(None).body)


def test_what_is_left_of_a_refused_body_is_not_kept():
    source = Endless(50 * MIB)
    with serving(refuse) as port:
        tracemalloc.start()
        pieces = iter(lambda: source.read(MIB), b"")
        status, *_ = asked(port, "PUT", body=pieces, headers={"Content-Length": str(50 * MIB)})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert status == 403
    assert peak < 12 * MIB


def test_a_client_that_sends_no_more_after_a_refusal_is_let_go(monkeypatch):
    monkeypatch.setattr(body_streams, "SKIP_SECONDS", 0.1)
    for length in (100, 10 * MIB):
        with serving(refuse) as port, line_to(port, head_of(length) + b"begun") as line:
            answer = received(line)
        assert answer.startswith(b"HTTP/1.1 403")
        assert b"connection: close" in answer
        assert answer.endswith(refuse(None).body)


# --- Cut off ------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [0, 5, 2 * MIB])
@pytest.mark.parametrize("size", [MIB, -1])
def test_a_client_that_goes_away_while_it_sends_ends_the_read(sent, size, caplog):
    watched = Watched(lambda request: list(iter(lambda: request.stream.read(size), b"")))
    with serving(watched) as port:
        with line_to(port, head_of(3 * MIB) + b"x" * sent):
            assert watched.begun.wait(20)
        assert watched.done.wait(20)
        assert isinstance(watched.raised, ConnectionError)
        assert caplog.records == []


def test_a_client_that_goes_away_before_anything_is_read_is_noticed_by_the_read():
    may_read = threading.Event()
    watched = Watched(lambda request: may_read.wait() and request.stream.read(1))
    with serving(watched) as port:
        with line_to(port, head_of(10)):
            assert watched.begun.wait(20)
        may_read.set()
        assert watched.done.wait(20)
    assert isinstance(watched.raised, ConnectionError)


def test_a_whole_body_can_be_read_after_its_client_went_away():
    may_read = threading.Event()

    def handle(request):
        first = request.stream.read(1)
        may_read.wait()
        read.append(first + request.stream.read(-1))
        return ok(request)

    read, watched = [], Watched(handle)
    with serving(watched) as port:
        with line_to(port, head_of(100_000) + b"x" * 100_000):
            assert watched.begun.wait(20)
            time.sleep(0.3)
        time.sleep(0.3)
        may_read.set()
        assert watched.done.wait(20)
    assert read == [b"x" * 100_000]


def test_a_client_that_falls_silent_is_refused(monkeypatch):
    monkeypatch.setattr(body_streams, "LONGEST_SILENCE", 0.2)
    monkeypatch.setattr(body_streams, "SKIP_SECONDS", 0.1)

    def handle(request):
        try:
            return read_all(request)
        except ServiceError as silence:
            return Answer(silence.status, {}, silence.code.encode())

    with serving(handle) as port, line_to(port, head_of(10) + b"half") as line:
        answer = received(line)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"RequestTimeout")
    assert b"connection: close" in answer


@pytest.mark.parametrize("reads", [True, False])
def test_a_server_that_stops_keeps_no_thread_waiting(monkeypatch, caplog, reads):
    monkeypatch.setattr(wire_http, "_GRACE_SECONDS", 2)
    go_on = threading.Event()
    watched = Watched(lambda request: read_all(request) if reads else go_on.wait(1) or ok(request))
    with contextlib.ExitStack() as opened:
        with serving(watched) as port:
            line = opened.enter_context(line_to(port, head_of(10) + b"half"))
            assert watched.begun.wait(20)
        answer = received(line)
    if reads:
        assert isinstance(watched.raised, ConnectionError)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"<Code>ServiceUnavailable</Code>" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 200")
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("way", ["close", "cancel"])
def test_a_request_that_is_stopped_at_once_keeps_no_thread_waiting(way):
    watched = Watched(read_all)

    async def scenario():
        application = wire_http.Application(watched, None, lambda head: True)
        headers = [(b"content-length", b"10")]
        scope = {"type": "http", "method": "PUT", "path": "/", "query_string": b""}

        async def never(*_):
            await asyncio.Event().wait()

        asking = asyncio.create_task(application(scope | {"headers": headers}, never, never))
        while not watched.begun.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        application.close() if way == "close" else asking.cancel()
        await asyncio.to_thread(watched.done.wait, 20)
        asking.cancel()

    asyncio.run(scenario())
    assert isinstance(watched.raised, ConnectionError)


# --- Down ---------------------------------------------------------------------------------


def streamed(stream, size, status=200):
    return lambda request: Answer(status, {"Content-Length": str(size)}, b"", stream)


@pytest.mark.parametrize("size", SIZES)
def test_a_streamed_answer_comes_as_it_was_read(size):
    stream = Closing(noise(size))
    with serving(streamed(stream, size)) as port:
        status, headers, body = asked(port)
        assert eventually(lambda: stream.times)
    assert (status, headers.get_all("content-length")) == (200, [str(size)])
    assert body == noise(size)
    assert stream.times == 1


def test_an_answer_that_nobody_takes_is_read_no_further():
    stream = Endless(200 * MIB)
    with serving(streamed(stream, stream.size)) as port:
        with line_to(port, head_of(0, method="GET")) as line:
            line.recv(1)
            held = standing_still(lambda: stream.given)
            assert not stream.closed
        # The client is gone.
        assert stream.unused.wait(20)
        assert stream.given <= held + 4 * MIB
    assert held < stream.size / 2
    assert stream.closed == 1


def test_clients_that_take_their_time_keep_no_other_request_waiting():
    def handle(request):
        return streamed(Endless(50 * MIB), 50 * MIB)(request)

    with serving(handle) as port, contextlib.ExitStack() as opened:
        for _ in range(wire_http._OTHER_THREADS + 1):
            line = opened.enter_context(line_to(port, head_of(0, method="GET")))
            line.recv(1)
        assert asked(port, "HEAD")[0] == 200


@pytest.mark.parametrize("cut", ["damaged", "short"])
def test_an_answer_that_breaks_off_is_seen_to_be_incomplete(cut, caplog):
    size = 5 * MIB
    stream = Endless(size, fails_at=3 * MIB) if cut == "damaged" else Endless(3 * MIB)
    with serving(streamed(stream, size)) as port:
        with pytest.raises(http.client.IncompleteRead) as caught:
            asked(port)
        assert stream.unused.wait(20)
    assert len(caught.value.partial) == 3 * MIB
    assert stream.closed == 1
    (said,) = [record for record in caplog.records if record.name == "kmslab"]
    assert "GET /b/k" in said.getMessage()
    assert not any(record.exc_info for record in caplog.records)


def test_boto3_sees_that_an_answer_broke_off():
    stream = Endless(5 * MIB, fails_at=3 * MIB)
    with serving(streamed(stream, 5 * MIB)) as port:
        body = client_of(port).get_object(Bucket="b", Key="k")["Body"]
        with pytest.raises((ResponseStreamingError, IncompleteReadError)):
            body.read()


def test_damage_in_the_first_bytes_is_told_by_the_status(caplog):
    stream = Endless(5 * MIB, fails_at=0)
    with serving(streamed(stream, stream.size)) as port:
        status, headers, body = asked(port)
        assert stream.unused.wait(20)
    assert (status, headers["content-type"]) == (500, "application/xml")
    assert b"<Code>InternalError</Code>" in body
    assert stream.closed == 1
    assert len(caplog.records) == 1
    assert not caplog.records[0].exc_info


@pytest.mark.parametrize(
    "handle",
    [
        lambda request: 1 / 0,
        lambda request: Answer(200, {}, b"", Endless(1)),
        lambda request: Answer(200, {"content-length": "many"}, b"", Endless(1)),
    ],
    ids=["raises", "no length", "no number"],
)
def test_a_defect_of_the_lab_is_an_error_of_s3_that_tells_nothing(handle, caplog):
    with serving(handle) as port:
        status, _, body = asked(port, "PUT", body=b"some")
        with pytest.raises(ClientError, match="InternalError"):
            client_of(port).get_object(Bucket="b", Key="k")
    assert status == 500
    assert b"<Code>InternalError</Code>" in body
    assert b"division" not in body
    assert caplog.records[0].exc_info


def test_an_answer_may_stream_while_the_request_is_still_being_sent():
    stream, body = Endless(3 * MIB), noise(10 * MIB)
    with serving(streamed(stream, stream.size)) as port:
        status, headers, answer = asked(port, "PUT", body=body)
    assert (status, headers["connection"], len(answer)) == (200, "close", 3 * MIB)
    assert stream.closed == 1


@pytest.mark.parametrize("by", ["stream", "headers", "body"])
def test_the_answer_to_a_head_says_how_long_the_body_would_be(by):
    stream = Closing(b"x" * 1000) if by == "stream" else None
    headers = {} if by == "body" else {"Content-Length": "1000"}
    answer = Answer(200, headers, b"x" * 1000 if by == "body" else b"", stream)
    with serving(lambda request: answer) as port, connection_to(port) as connection:
        for _ in range(2):
            connection.request("HEAD", "/b/k")
            heard = connection.getresponse()
            assert heard.headers.get_all("content-length") == ["1000"]
            assert heard.read() == b""
        assert client_of(port).head_object(Bucket="b", Key="k")["ContentLength"] == 1000
    if stream:
        assert stream.tell() == 0
        assert stream.times == 3


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("headers", [{}, {"content-length": "5"}])
@pytest.mark.parametrize("is_for_s3", [True, False])
def test_an_answer_without_a_body_has_none(status, headers, is_for_s3):
    answer = Answer(status, headers, b"")
    served = serving(lambda request: answer, lambda head: is_for_s3)
    with served as port, connection_to(port) as connection:
        for _ in range(2):
            connection.request("GET", "/b/k")
            heard = connection.getresponse()
            assert (heard.status, heard.headers["content-length"]) == (status, None)
            assert (heard.headers["transfer-encoding"], heard.read()) == (None, b"")


@pytest.mark.parametrize("status", [204, 304])
def test_a_stream_has_no_place_in_an_answer_without_a_body(status):
    stream = Closing(b"some")
    with serving(streamed(stream, 4, status)) as port:
        assert asked(port)[2] == b""
        assert eventually(lambda: stream.times)
    assert stream.tell() == 0


def test_an_answer_has_one_length_and_one_date():
    headers = {"Content-Length": "77", "Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
    with serving(lambda request: Answer(200, headers, b"four")) as port:
        _, heard, body = asked(port)
    assert heard.get_all("content-length") == ["4"]
    assert len(heard.get_all("date")) == 1
    assert body == b"four"


# --- Which requests stream ----------------------------------------------------------------


def test_only_requests_for_s3_are_answered_by_threads():
    watched = Watched(lambda request: heard.append(request) or ok(request))
    heard = []
    with serving(watched, lambda head: head.path == "/b/k") as port:
        asked(port, "POST", "/", b"whole")
        asked(port, "PUT", "/b/k", b"whole")
    plain, streaming = heard
    assert (plain.body, plain.stream) == (b"whole", None)
    assert streaming.body == b""
    assert streaming.stream is not None
    assert ["kmslab" in thread.name for thread in watched.threads] == [False, True]


def test_the_server_itself_knows_the_requests_of_s3():
    shelf = Shelf()
    with serving(shelf, application=wire_http.Application(shelf, None)) as port:
        client_of(port).put_object(Bucket="bucket", Key="k", Body=b"some")
    assert shelf.objects == {"/bucket/k": b"some"}


def test_a_request_that_names_a_target_is_not_for_s3():
    heard = []
    with serving(lambda request: heard.append(request) or ok(request)) as port:
        asked(port, "POST", "/", b"whole", {"X-Amz-Target": "TrentService.Encrypt"})
    assert (heard[0].body, heard[0].stream) == (b"whole", None)


def test_a_request_is_handed_over_as_it_came():
    with serving(shelf := Shelf()) as port:
        path = "/b/a%2Fb//%C3%BC+c?list-type=2&prefix=%20"
        with line_to(port) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n\r\n".encode())
            line.recv(1)
    heard = shelf.heard[0]
    assert (heard.path, heard.query) == tuple(path.split("?"))
    assert heard.headers["x-a"] == "1,2"
    assert (heard.source_ip, heard.secure) == ("127.0.0.1", False)


def test_headers_over_64_kibibytes_are_too_large_for_s3_as_well():
    with serving(Shelf()) as port:
        assert asked(port, headers={"X": "y" * 70_000})[0] == 431


# --- In this process: up ------------------------------------------------------------------


def in_process(handle, config=None, region="us-east-1"):
    return in_process_client("s3", region, *KEYS, "", handle, config)


# Where botocore adds no checksum, it hands over the caller's own object.
AS_GIVEN = Config(
    request_checksum_calculation="when_required", s3={"payload_signing_enabled": False}
)


class OnlyReads:
    """What a caller may have that reads and can do nothing else."""

    def __init__(self, body):
        self._file = io.BytesIO(body)

    def read(self, size=-1):
        return self._file.read(size)


BODIES = {
    "bytes": lambda body, folder: body,
    "bytearray": lambda body, folder: bytearray(body),
    "BytesIO": lambda body, folder: io.BytesIO(body),
    "file": lambda body, folder: open_file(body, folder),
    "not seekable": lambda body, folder: OnlyReads(body),
}


def open_file(body, folder):
    (folder / "body").write_bytes(body)
    return open(folder / "body", "rb")


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("size", [0, 5, 3 * MIB + 7])
@pytest.mark.parametrize("config", [None, AS_GIVEN], ids=["framed", "as given"])
def test_what_boto3_is_given_arrives(kind, size, config, tmp_path):
    shelf, body = Shelf(), noise(size)
    given = BODIES[kind](body, tmp_path)
    length = {"ContentLength": size} if kind == "not seekable" else {}
    in_process(shelf, config).put_object(Bucket="bucket", Key="k", Body=given, **length)
    assert list(shelf.objects.values()) == [body]
    if kind in ("BytesIO", "file"):
        # It is the caller's, and open.
        assert given.tell() == size
        given.close()


def test_a_request_without_a_body_has_a_stream_without_bytes():
    read = []
    handle = Watched(lambda request: read.append(request.stream.read(-1)) or ok(request))
    in_process(handle).head_bucket(Bucket="bucket")
    with serving(handle) as port:
        asked(port)
    assert read == [b"", b""]


def test_a_file_is_sent_from_where_it_stands():
    shelf, file = Shelf(), io.BytesIO(b"0123456789")
    file.seek(7)
    in_process(shelf, AS_GIVEN).put_object(Bucket="bucket", Key="k", Body=file)
    assert list(shelf.objects.values()) == [b"789"]


@pytest.mark.parametrize("body", [bytes, bytearray, io.BytesIO])
@pytest.mark.parametrize("config", [None, AS_GIVEN], ids=["framed", "as given"])
def test_a_body_is_not_copied_whole(body, config):
    size = 64 * MIB
    given = body(noise(size))

    def handle(request):
        while request.stream.read(2 * MIB):
            pass
        return ok(request)

    client = in_process(handle, config)
    tracemalloc.start()
    client.put_object(Bucket="bucket", Key="k", Body=given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # botocore makes a file of a bytearray that it frames.
    copied = size if (body, config) == (bytearray, None) else 0
    assert peak - copied < size / 4


@pytest.mark.parametrize("given", [b"", b"some", "some", bytearray(b"some")])
def test_a_stream_of_a_small_body(given):
    wanted = given.encode() if isinstance(given, str) else bytes(given)
    stream = stream_of(given)
    assert [stream.read(3), stream.read(-1), stream.read(3)] == [wanted[:3], wanted[3:], b""]
    stream.close()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100, -1])
def test_a_stream_of_chunks_gives_them_all_in_any_reads(size):
    chunks = [b"ab", b"", b"cdef", bytearray(b"g"), b"h" * 50]
    stream = stream_of(iter(chunks))
    reads = list(itertools.takewhile(bool, iter(lambda: stream.read(size), None)))
    assert b"".join(reads) == b"".join(chunks)
    assert size < 0 or max(map(len, reads)) <= size
    assert {type(piece) for piece in reads} == {bytes}


def test_a_file_is_asked_for_so_many_bytes_and_never_for_all():
    """As a connection would ask: not everything that reads knows what -1 is."""

    class Counted(OnlyReads):
        def read(self, size):
            assert size > 0
            return super().read(size)

    assert stream_of(Counted(noise(3 * MIB))).read(-1) == noise(3 * MIB)


def test_botocores_frames_are_handed_over_whole():
    framed = AwsChunkedWrapper(io.BytesIO(noise(2 * MIB)), chunk_size=MIB)
    assert stream_of(framed).read(2 * MIB) == b"100000\r\n" + noise(2 * MIB)[:MIB] + b"\r\n"


def test_a_streams_end_leaves_the_file_open():
    file = io.BytesIO(b"some")
    stream = stream_of(file)
    assert stream.read(-1) == b"some"
    stream.close()
    assert not file.closed


def test_a_file_that_cannot_be_read_tells_its_owner():
    class Broken(OnlyReads):
        def read(self, size=-1):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        in_process(Shelf(), AS_GIVEN).put_object(
            Bucket="bucket", Key="k", Body=Broken(b""), ContentLength=5
        )


@pytest.mark.parametrize(
    ("host", "service", "region"),
    [
        ("s3.amazonaws.com", "s3", "us-east-1"),
        ("s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("bucket.s3.amazonaws.com", "s3", "us-east-1"),
        ("bucket.s3.us-gov-west-1.amazonaws.com", "s3", "us-gov-west-1"),
        ("bucket.s3-ap-southeast-2.amazonaws.com", "s3", "ap-southeast-2"),
        ("my.dotted.bucket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("my.s3.bucket.s3.amazonaws.com", "s3", "us-east-1"),
        ("kms.bucket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("kms.eu-west-1.amazonaws.com", "kms", "eu-west-1"),
        ("sts.amazonaws.com", "sts", "us-east-1"),
        ("s3x.eu-west-1.amazonaws.com", "s3x", "eu-west-1"),
        ("s3.example.com", None, None),
        ("s3.amazonaws.com.example.com", None, None),
    ],
)
def test_the_host_names_service_and_region(host, service, region):
    prepared = AWSRequest("GET", f"https://{host}/b/k?x=1", {}).prepare()
    request = as_request(prepared)
    assert (request.host_service, request.host_region) == (service, region)
    assert request.headers["host"] == host
    assert (request.stream is None) == (service != "s3")
    assert (request.path, request.query, request.secure) == ("/b/k", "x=1", True)


@pytest.mark.parametrize("bucket", ["bucket", "my.dotted.bucket"])
@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_every_address_of_boto3_is_one_of_s3(bucket, style, region):
    shelf = Shelf()
    s3 = in_process(shelf, Config(s3={"addressing_style": style}), region)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"some")
    heard = shelf.heard[0]
    assert (heard.host_service, heard.host_region) == ("s3", region)
    named = bucket in heard.headers["host"]
    assert heard.path == ("" if named else f"/{bucket}") + "/a%20b/%C3%BC"


# --- In this process: down ----------------------------------------------------------------


@contextlib.contextmanager
def answering(body, closed=True, **headers):
    """The Body of a get_object whose answer streams."""
    stream = Closing(body)
    length = headers.pop("length", len(body))
    answer = Answer(200, {"content-length": str(length), **headers}, b"", stream)
    got = in_process(lambda request: answer).get_object(Bucket="bucket", Key="k")
    yield got["Body"]
    if closed:
        got["Body"].close()
        assert stream.times == 1


LINES = b"".join(b"%d,%s\n" % (number, b"x" * (number % 90)) for number in range(9000)) + b"last"


def by_readinto(body):
    buffer, whole = bytearray(70_000), b""
    while size := body.readinto(buffer):
        whole += buffer[:size]
    return whole


def by_unequal_reads(body):
    sizes = itertools.cycle([1, 65_535, 7, 65_536, 100_000, 0])
    return b"".join(iter(lambda: body.read(next(sizes) or 1), b""))


STYLES = {
    "read": lambda body: body.read(),
    "read(None)": lambda body: body.read(None),
    "twice": lambda body: body.read(10) + body.read(),
    "reads": by_unequal_reads,
    "iter_chunks": lambda body: b"".join(body.iter_chunks(100)),
    "large chunks": lambda body: b"".join(body.iter_chunks(100_000)),
    "for chunk": lambda body: b"".join(body),
    "iter_lines": lambda body: b"".join(body.iter_lines(keepends=True)),
    "readlines": lambda body: b"".join(body.readlines()),
    "readinto": by_readinto,
    "with": lambda body: with_statement(body),
    "for line": lambda body: b"".join(line for line in body._raw_stream),
    "readline": lambda body: b"".join(iter(body._raw_stream.readline, b"")),
    "text": lambda body: io.TextIOWrapper(body).read().encode(),
    "text lines": lambda body: "".join(io.TextIOWrapper(body)).encode(),
    "buffered": lambda body: io.BufferedReader(body._raw_stream).read(),
    "csv": lambda body: "\n".join(map(",".join, csv.reader(io.TextIOWrapper(body)))).encode(),
}


def with_statement(body):
    with body as raw:
        return raw.read(5) + raw.read()


@pytest.mark.parametrize("style", STYLES)
def test_an_answer_can_be_read_in_every_style(style):
    with answering(LINES) as body:
        assert STYLES[style](body) == LINES


def test_lines_are_lines():
    with answering(LINES) as body:
        assert body.readlines() == LINES.splitlines(keepends=True)
    with answering(LINES) as body:
        assert list(body.iter_lines()) == LINES.splitlines()


def test_a_zipped_answer_is_unzipped_on_the_way():
    with answering(gzip.compress(LINES)) as body:
        assert gzip.GzipFile(fileobj=body).read() == LINES


class Dribbling(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read(self, size=-1, /):
        return super().read(min(size, 10) if size > 0 else size)


@pytest.mark.parametrize("size", [15, 100_000])
def test_a_read_gives_all_that_was_asked_for_even_from_a_stream_that_dribbles(size):
    raw = StreamedBody(Dribbling(LINES))
    assert raw.read(size) == LINES[:size]
    assert raw.tell() == size
    assert raw.read() == LINES[size:]


def test_small_reads_do_not_reach_the_stream_one_by_one():
    asked_for = []

    class Counting(io.BytesIO):
        def read(self, size=-1, /):
            asked_for.append(size)
            return super().read(size)

    raw = StreamedBody(Counting(bytes(MIB)))
    assert sum(map(len, raw.stream(1000))) == MIB
    assert len(asked_for) < 30


def test_a_large_read_hands_on_the_very_bytes_of_the_stream():
    given = noise(3 * MIB)

    class Ready(io.BytesIO):
        def read(self, size=-1, /):
            return given

    for size in (None, -1, 3 * MIB):
        assert StreamedBody(Ready()).read(size) is given


def test_an_answer_shorter_than_its_length_is_incomplete():
    with answering(b"some", length=5) as body, pytest.raises(IncompleteReadError):
        body.read()


def test_damaged_bytes_are_an_error_of_the_connection():
    answer = streamed(Endless(5 * MIB, fails_at=MIB), 5 * MIB)
    body = in_process(answer).get_object(Bucket="bucket", Key="k")["Body"]
    with pytest.raises(ResponseStreamingError, match="stored bytes were changed"):
        for _ in body.iter_chunks(MIB):
            pass


def test_a_defect_comes_straight_out_of_the_read():
    class Broken(Closing):
        def read(self, size=-1, /):
            raise ZeroDivisionError

    body = in_process(streamed(Broken(), 5)).get_object(Bucket="bucket", Key="k")["Body"]
    with pytest.raises(ZeroDivisionError):
        body.read()


def test_a_stream_is_closed_at_its_end_at_close_or_when_nobody_holds_it():
    for way in ("end", "close", "drop"):
        stream = Closing(b"some bytes")
        body = in_process(streamed(stream, 10)).get_object(Bucket="bucket", Key="k")["Body"]
        assert (body.read(2), stream.times) == (b"so", 0)
        if way == "end":
            assert body.read() == b"me bytes"
        elif way == "close":
            body.close()
            assert body._raw_stream.closed
        else:
            del body
            gc.collect()
        assert stream.times == 1


def test_after_close_there_is_nothing_to_read():
    with answering(LINES) as body:
        body.read(10)
        body.close()
        assert body._raw_stream.read(10) == b""
        with pytest.raises(IncompleteReadError):
            body.read()


def test_an_error_that_streams_is_read_by_botocore():
    stream = Closing(b"<Error><Code>Teapot</Code></Error>")
    with pytest.raises(ClientError, match="Teapot"):
        in_process(streamed(stream, 34, 400)).get_object(Bucket="bucket", Key="k")
    assert stream.times == 1


@pytest.mark.parametrize(("call", "status"), [("head_object", 200), ("delete_object", 204)])
def test_an_answer_that_can_have_no_body_has_none_in_this_process(call, status):
    stream = Closing(b"some")
    got = getattr(in_process(streamed(stream, 4, status)), call)(Bucket="bucket", Key="k")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == status
    assert got.get("ContentLength", 4) == 4
    assert (stream.times, stream.tell()) == (1, 0)


@pytest.mark.parametrize("over_http", [False, True])
def test_headers_are_found_in_any_case(over_http):
    shelf = Shelf()
    with serving(shelf) as port:
        s3 = client_of(port) if over_http else in_process(shelf)
        s3.put_object(Bucket="bucket", Key="k", Body=b"some")
        got = s3.get_object(Bucket="bucket", Key="k")
        assert (got["ETag"], got["ContentLength"]) == ('"e"', 4)
        assert {name.lower(): text for name, text in got["Metadata"].items()} == {"colour": "blue"}
        got["Body"].close()


# --- Both ways ----------------------------------------------------------------------------


@pytest.mark.parametrize("over_http", [False, True])
@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_transfers_use_many_threads_and_arrive(over_http, size, tmp_path):
    shelf, seen, threads = Shelf(), [], set()

    def handle(request):
        threads.add(threading.current_thread().name)
        return shelf(request)

    (tmp_path / "up").write_bytes(noise(size))
    transfer = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=5 * MIB)
    with serving(handle) as port:
        s3 = client_of(port) if over_http else in_process(handle)
        named = {"Bucket": "bucket", "Key": "k", "Config": transfer}
        s3.upload_file(str(tmp_path / "up"), Callback=seen.append, **named)
        s3.download_file(Filename=str(tmp_path / "down"), **named)
        there = io.BytesIO()
        s3.download_fileobj(Fileobj=there, **named)
        s3.upload_fileobj(OnlyReads(noise(size)), "bucket", "again", Config=transfer)
    assert (tmp_path / "down").read_bytes() == there.getvalue() == noise(size)
    assert set(shelf.objects.values()) == {noise(size)}
    assert sum(seen) == size
    assert all(stream.times == 1 for stream in shelf.streams if stream.tell())
    assert len(threads) > 1


def test_kms_is_asked_as_before():
    """A body of another service is whole, whatever botocore holds it in."""
    heard = []

    def handle(request):
        heard.append(request)
        return Answer(200, {}, b'{"KeyId":"x"}')

    kms = in_process_client("kms", "eu-west-1", *KEYS, "", handle)
    assert kms.encrypt(KeyId="k", Plaintext=b"p")["KeyId"] == "x"
    request = heard[0]
    assert (request.host_service, request.host_region) == ("kms", "eu-west-1")
    assert (request.body, request.stream) == (b'{"KeyId": "k", "Plaintext": "cA=="}', None)
    assert isinstance(boto.RawBody(b"some").read(), bytes)
