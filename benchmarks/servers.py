"""Requests per second over HTTP: the same signed Encrypt, from 8 connections, to each server.

The clients are one process that writes prepared bytes and reads whole answers, so that the
server is what limits; each server gets one process, as it comes.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

CLIENTS = 8
_SECONDS = 1.5
_MINISTACK = "ministack==1.5.*"
ACCESS_KEY, SECRET_KEY = "AKIABENCHMARK0000000", "a-secret-for-benchmarks"


class Figures(NamedTuple):
    """Requests per second, one figure a round, and seconds from start to the first answer."""

    rates: dict[str, list[float]]
    starts: dict[str, list[float]]


def race_servers(rounds: int = 7) -> Figures:
    """kmslab, moto_server and ministack in turn."""
    names = ("kmslab", "moto", "ministack")
    rates: dict[str, list[float]] = {name: [] for name in names}
    starts: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(5):
        for name in names:
            with running_server(name) as (_, seconds):
                starts[name].append(seconds)
    with ExitStack() as running:
        requests = {}
        for name in names:
            port, _ = running.enter_context(running_server(name))
            requests[name] = port, _signed_encrypt(port)
        for _ in range(rounds):
            for name in names:
                rates[name].append(asyncio.run(_rate(*requests[name])))
    return Figures(rates, starts)


@contextmanager
def running_server(name: str) -> Iterator[tuple[int, float]]:
    """A server on a free port: the port, and the seconds until it answered."""
    port = _free_port()
    environment = {key: value for key, value in os.environ.items() if key[:4] != "AWS_"}
    environment |= {"GATEWAY_PORT": str(port), "PYTHONWARNINGS": "ignore", "LOG_LEVEL": "ERROR"}
    began = time.perf_counter()
    process = subprocess.Popen(
        _command(name, port),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield port, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=30)


def _command(name: str, port: int) -> Sequence[str]:
    scripts = Path(sys.executable).parent
    if name == "kmslab":
        credential = f"{ACCESS_KEY}:{SECRET_KEY}:111122223333"
        options = ["--port", str(port), "--credential", credential]
        return [sys.executable, "-m", "kmslab", "serve", *options]
    if name == "moto":
        return [str(scripts / "moto_server"), "-p", str(port)]
    return [str(_ministack_scripts() / "ministack")]


def _ministack_scripts() -> Path:
    """ministack's programs. It pins another botocore, so it lives in an environment of its own."""
    folder = Path(__file__).resolve().parent.parent / ".venv-ministack"
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    if not (scripts / "ministack").exists():
        print(f"installing {_MINISTACK} into {folder.name}", flush=True)
        venv.create(folder, with_pip=True)
        subprocess.run([scripts / "python", "-m", "pip", "install", "-q", _MINISTACK], check=True)
    return scripts


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers anything over HTTP."""
    for _ in range(3000):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args} stopped at once") from None
            time.sleep(0.01)
    raise TimeoutError(f"{process.args} does not answer")


def client_of(port: int) -> Any:
    """A boto3 KMS client of the server on this port."""
    import boto3

    return boto3.client(
        "kms",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def _signed_encrypt(port: int) -> bytes:
    """The bytes of one Encrypt for a new key of this server."""
    kms = client_of(port)
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    prepared: list[Any] = []
    kms.meta.events.register("before-send.kms", lambda request, **_: prepared.append(request))
    kms.encrypt(KeyId=key_id, Plaintext=b"the door code is 4711")
    request = prepared[-1]
    lines = [f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}".encode()]
    for name, value in request.headers.items():
        text = value if isinstance(value, bytes) else str(value).encode()
        lines.append(f"{name}: ".encode() + text)
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def _rate(port: int, request: bytes) -> float:
    """Answers per second over some time, all of them 200."""
    until = time.perf_counter() + _SECONDS
    counts = await asyncio.gather(*(_client(port, request, until) for _ in range(CLIENTS)))
    return sum(counts) / _SECONDS


async def _client(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(head.decode())
        await _skip_body(reader, head.lower())
        answered += 1
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return answered


async def _skip_body(reader: asyncio.StreamReader, head: bytes) -> None:
    if b"content-length:" in head:
        size = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
        await reader.readexactly(size)
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
