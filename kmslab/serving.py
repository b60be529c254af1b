"""`kmslab serve`: one lab behind an HTTP port, for the AWS CLI and every SDK.

This opens the lab, gives out credentials and prints what to paste into a shell; how a
request becomes an answer is the business of `wire.http` and the door.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kmslab.errors import StateError
from kmslab.lab import DEFAULT_ACCOUNT, DEFAULT_REGION, Lab
from kmslab.store.iam_records import AccessKey, RoleSession
from kmslab.wire.http import Application, listen, serve


@dataclass(frozen=True)
class Credential:
    """An access key given on the command line; its user is the administrator of `account`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    account: str


def parse_credential(text: str) -> Credential:
    """ACCESS_KEY:SECRET_KEY:ACCOUNT. Raises ValueError for another form."""
    parts = text.split(":")
    if len(parts) != 3 or not all(parts) or not re.fullmatch("[0-9]{12}", parts[2]):
        raise ValueError(
            "a credential is ACCESS_KEY:SECRET_KEY:ACCOUNT with an account of 12 digits, "
            "and one that was given is not"
        )
    return Credential(*parts)


class _LabControl:
    """The control routes' hold on a lab, which keeps its credentials through a reset."""

    def __init__(self, lab: Lab, credentials: tuple[Credential, ...]) -> None:
        self._lab = lab
        self._credentials = credentials

    def reset(self) -> None:
        self._lab.reset()
        admit(self._lab, self._credentials)

    def advance(self, seconds: float) -> None:
        self._lab.clock.advance(seconds=seconds)


def admit(lab: Lab, credentials: tuple[Credential, ...]) -> AccessKey | RoleSession:
    """Make each credential an administrator's; the first one, or a new one, is returned."""
    admitted = [
        lab.add_credentials(
            lab.administrator(given.account), given.access_key_id, given.secret_access_key
        )
        for given in credentials
    ]
    return admitted[0] if admitted else lab.credentials(lab.administrator(DEFAULT_ACCOUNT))


def run(
    host: str,
    port: int,
    credentials: tuple[Credential, ...],
    state: Path | None,
    allow_control: bool,
) -> int:
    """Serve until stopped; the exit code."""
    try:
        listener = listen(host, port)
    except (OSError, OverflowError) as problem:
        return _give_up(f"cannot listen on {host}, port {port}: {problem}")
    try:
        lab = Lab(path=state)
    except (StateError, OSError) as problem:
        return _give_up(str(problem))
    with lab:
        access_key = admit(lab, credentials)
        shown = Credential(
            access_key.access_key_id, access_key.secret_access_key, access_key.account
        )
        keep = credentials or (shown,)
        control = _LabControl(lab, keep) if allow_control else None
        bound_port = listener.getsockname()[1]
        address = f"http://{'[::1]' if host == '::1' else host}:{bound_port}"
        application = Application(lab.handle, control)
        serve(application, listener, lambda: _greet(address, shown), lab.endpoint.run_due)
    return 0


def _give_up(problem: str) -> int:
    print(f"kmslab: {problem}", file=sys.stderr)
    return 1


def _greet(address: str, shown: Credential) -> None:
    print(f"kmslab is ready on {address}; paste this into a shell:", flush=True)
    for name, value in (
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", shown.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", shown.secret_access_key),
        ("AWS_DEFAULT_REGION", DEFAULT_REGION),
    ):
        print(f"export {name}={value}", flush=True)
