"""The life of one grant, minute by minute: two calls of Decrypt really made at each of them.

Without a widget in it, so that it reads as the story it is. A lab's clock cannot go back; hence
all calls are made once, in order, in a lab of their own. Its clock stands still within a minute.
What is allowed, the lab decides; how it looks is not known here.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.access.explanation import Line
from kmslab.lab import Lab
from kmslab.learn.classroom import START
from kmslab.sources import StillClock, insecure_seeded_random

FIRST, LAST = -2, 15
LONGEST_SPREAD = 10
ALLOWED, DENIED, NO_TOKEN = "allowed", "denied", "no token yet"
WITHOUT_TOKEN, WITH_TOKEN = "without token", "with token"
ROWS = (WITHOUT_TOKEN, WITH_TOKEN)
CREATED, SPREAD = "created", "spread"
REVOKED, REVOCATION_SPREAD = "revoked", "revocation spread"

Argument = dict[str, Any]


class Try(NamedTuple):
    """One call of Decrypt and what was weighed; before there is a token, none is made."""

    verdict: str
    weighed: tuple[Line, ...] = ()


class GrantMinutes:
    """A grant that is created at minute 0 and revoked at `revoked_at`, and takes `spreads_in`
    minutes to spread; so does its end. `tries` has what came of each row's call at each minute.
    """

    def __init__(self, spreads_in: int, revoked_at: int) -> None:
        _check("spreads_in", spreads_in, 0, LONGEST_SPREAD)
        _check("revoked_at", revoked_at, 1, LAST)
        self.markers = _markers(spreads_in, revoked_at)
        self.lab = _lab(spreads_in)
        self._kms = self.lab.client("kms")
        self._prepare()
        self.tries: dict[int, dict[str, Try]] = {}
        for minute in range(FIRST, LAST + 1):
            self._act(minute)
            self.tries[minute] = {row: self._try(row) for row in ROWS}
            self.lab.clock.advance(minutes=1)

    def verdicts(self, minute: int) -> dict[str, str]:
        """The verdict of each row at `minute`."""
        return {row: tried.verdict for row, tried in self.tries[minute].items()}

    def spans(self, row: str, until: int = LAST) -> list[tuple[str, int, int]]:
        """The verdicts of a row up to `until`, each with its first and last minute."""
        minutes = range(FIRST, until + 1)
        runs = groupby(minutes, key=lambda minute: self.tries[minute][row].verdict)
        spans = [(verdict, list(run)) for verdict, run in runs]
        return [(verdict, run[0], run[-1]) for verdict, run in spans]

    # --- What is done in the lab ----------------------------------------------------------

    def _prepare(self) -> None:
        """A key, a ciphertext under it, and a role without any policy."""
        self.key_id = self._kms.create_key()["KeyMetadata"]["KeyId"]
        encrypted = self._kms.encrypt(KeyId=self.key_id, Plaintext=b"the figures of tonight")
        self._ciphertext = encrypted["CiphertextBlob"]
        self._role = self.lab.role("report-job")
        self._job = self.lab.client("kms", self._role.session("night"))
        self._grant_id, self._token = "", ""

    def _act(self, minute: int) -> None:
        if CREATED in self.markers.get(minute, ()):
            grant = self._kms.create_grant(
                KeyId=self.key_id, GranteePrincipal=self._role.arn, Operations=["Decrypt"]
            )
            self._grant_id, self._token = grant["GrantId"], grant["GrantToken"]
        if REVOKED in self.markers.get(minute, ()):
            self._kms.revoke_grant(KeyId=self.key_id, GrantId=self._grant_id)

    def _try(self, row: str) -> Try:
        shown: Argument = {"GrantTokens": [self._token]} if row == WITH_TOKEN else {}
        if row == WITH_TOKEN and not self._token:
            return Try(NO_TOKEN)
        try:
            self._job.decrypt(CiphertextBlob=self._ciphertext, KeyId=self.key_id, **shown)
            verdict = ALLOWED
        except ClientError:
            verdict = DENIED
        decision = self.lab.last_decision()
        # Written down at once: a decision looks up the grants when it is asked for its lines.
        return Try(verdict, tuple(decision.lines) if decision else ())


def _lab(spreads_in: int) -> Lab:
    return Lab(
        clock=StillClock(START, step=timedelta(0)),
        random=insecure_seeded_random("grant timeline"),
        grant_propagation=timedelta(minutes=spreads_in),
    )


def _markers(spreads_in: int, revoked_at: int) -> dict[int, list[str]]:
    """What happens at which minute, as far as it is shown."""
    markers: dict[int, list[str]] = {}
    for minute, words in _happenings(spreads_in, revoked_at):
        if minute <= LAST:
            markers.setdefault(minute, []).append(words)
    return markers


def _happenings(spreads_in: int, revoked_at: int) -> Iterator[tuple[int, str]]:
    yield 0, CREATED
    yield spreads_in, SPREAD
    yield revoked_at, REVOKED
    yield revoked_at + spreads_in, REVOCATION_SPREAD


def _check(name: str, minutes: int, least: int, most: int) -> None:
    if not isinstance(minutes, int) or isinstance(minutes, bool):
        raise TypeError(f"{name} is a whole number of minutes, not {minutes!r}")
    if not least <= minutes <= most:
        raise ValueError(f"{name} is {least} to {most} minutes, not {minutes}")
