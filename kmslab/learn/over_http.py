"""A lab reached over HTTP from a notebook: a server in a thread of this process, and a client.

It is the server of `kmslab serve`, on a free port of this machine, for as long as one block of code
runs. So what HTTP costs can be measured beside the same calls without it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from kmslab.lab import DEFAULT_REGION, Lab
from kmslab.wire.boto import CONFIG
from kmslab.wire.http import Application, listen, server_of

_SECONDS_TO_START = 10


@contextmanager
def client_over_http(lab: Lab, service: str = "kms") -> Iterator[Any]:
    """A boto3 client of `lab`'s administrator whose requests go through a socket. Raises
    TimeoutError where the server does not start."""
    ready = threading.Event()
    listener = listen("127.0.0.1", 0)
    server = server_of(Application(lab.handle, None), ready.set, lab.endpoint.run_due)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        if not ready.wait(_SECONDS_TO_START):
            raise TimeoutError(f"no server within {_SECONDS_TO_START} seconds")
        credential = lab.credentials(lab.administrator())
        yield boto3.Session().client(
            service,
            region_name=DEFAULT_REGION,
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret_access_key,
            config=CONFIG,
        )
    finally:
        server.should_exit = True
        thread.join()
