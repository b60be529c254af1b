"""`kmslab serve` as a real process, for tests that talk to it as the AWS CLI and SDKs do."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from kmslab import child, project

START_SECONDS = 30
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=20)


@dataclass
class Server:
    """A running `kmslab serve`: where it is, what it printed, and clients of it."""

    process: subprocess.Popen
    ready_line: str
    exports: dict[str, str] = field(default_factory=dict)

    @property
    def address(self):
        return self.exports["AWS_ENDPOINT_URL"]

    @property
    def port(self):
        return urlsplit(self.address).port

    def client(self, service, access_key=None, secret_key=None, region_name="us-east-1"):
        """A boto3 client over HTTP, by default with the credentials that were printed."""
        return boto3.Session().client(
            service,
            region_name=region_name,
            endpoint_url=self.address,
            aws_access_key_id=access_key or self.exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret_key or self.exports["AWS_SECRET_ACCESS_KEY"],
            config=ONE_ATTEMPT,
        )

    def http(self, method, path, body=None, **headers):
        """Status and text of the answer to a plain HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def aws(self, *arguments, **environment):
        """The real AWS CLI as a person who pasted the export lines would run it."""
        command = [sys.executable, "-m", "awscli", *arguments]
        settings = {**child.clean_environment(), **self.exports, **environment}
        # Nothing of this machine's user takes part.
        settings["AWS_CONFIG_FILE"] = settings["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.communicate()


def start(*options):
    """Start `kmslab serve` on a free port and wait until it says that it is ready."""
    return _until_ready(spawn("--port", "0", *options))


def spawn(*options):
    command = [sys.executable, "-m", "kmslab", "serve", *map(str, options)]
    environment = {**child.clean_environment(), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command,
        cwd=project.FOLDER,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextmanager
def serving(*options):
    """`with serving("--allow-control") as server:`; it is stopped at the end."""
    server = start(*options)
    try:
        yield server
    finally:
        stop(server)


def stop(server):
    """SIGTERM, as any supervisor sends it; the exit code."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGTERM)
    try:
        return server.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        raise
    finally:
        server.process.stdout.close()
        server.process.stderr.close()


def refused_start(*options):
    """Exit code and standard error of a `kmslab serve` that does not start."""
    process = spawn(*options)
    try:
        _, complaint = process.communicate(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, complaint


def _until_ready(process):
    # Should it neither start nor end, it is killed, and the line below is empty.
    too_late = threading.Timer(START_SECONDS, process.kill)
    too_late.start()
    try:
        server = Server(process, _line(process))
        while "AWS_DEFAULT_REGION" not in server.exports:
            name, _, value = _line(process).removeprefix("export ").partition("=")
            server.exports[name] = value
        return server
    finally:
        too_late.cancel()


def _line(process):
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the server did not start:\n{process.communicate()[1]}")
    return line.rstrip("\n")
