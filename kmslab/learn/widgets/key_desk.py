"""What the key console does: one call for each action, and what can be seen of every key.

Without a widget in it. All of it is done with an ordinary boto3 client, also the looking, as in the
console of AWS: so a key that the caller may not see is not seen here either. A key that was seen
once stays in the list when it is gone, with the ciphertexts that were made under it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.lab import Lab
from kmslab.learn.counts import counted
from kmslab.learn.widgets import calls

GONE = "gone"
OK, NOT_DONE = "ok", "not done"
NOTHING = "–"
_WINDOW, _PERIOD = 7, 90


class Outcome(NamedTuple):
    """What came of one action: "ok", AWS's error code, or "not done" where nothing was asked of
    AWS; the same in words; and what was recorded."""

    action: str
    verdict: str
    words: str
    recorded: str


class Seen(NamedTuple):
    """One key, as far as it can be seen. All members are words."""

    name: str
    state: str
    ciphertexts: str
    material: str = NOTHING
    next_rotation: str = NOTHING
    deletion: str = NOTHING
    last_use: str = NOTHING


@dataclass
class _Known:
    """A key that was seen; the ciphertexts are those made at this desk, oldest first."""

    name: str
    ciphertexts: list[bytes] = field(default_factory=list)


class KeyDesk:
    """The keys of `lab` that a boto3 client sees, and the actions on one of them, `selected`."""

    def __init__(self, lab: Lab, kms: Any) -> None:
        self.lab = lab
        self._kms = kms
        self._known: dict[str, _Known] = {}
        self.selected = ""
        self.look()

    @property
    def names(self) -> dict[str, str]:
        """Key id → the name by which it is shown: an alias, or the first block of the id."""
        return {key_id: known.name for key_id, known in self._known.items()}

    # --- To do ------------------------------------------------------------------------------

    def act(self, action: str) -> Outcome:
        """Do one of ACTIONS with the selected key, in one call. Raises ValueError for another."""
        if action not in ACTIONS:
            raise ValueError(f"an action is one of {sorted(ACTIONS)}, not {action!r}")
        before = len(self.lab.events())
        try:
            if not self.selected and action != CREATE:
                raise _NotDone("There is no key yet. Create one first.")
            verdict, words = OK, ACTIONS[action](self)
        except _NotDone as reason:
            verdict, words = NOT_DONE, str(reason)
        except ClientError as refusal:
            verdict, words = calls.refusal_code(refusal), calls.refusal_sentence(refusal)
        return Outcome(action, verdict, words, _told(self.lab.events()[before:]))

    def wait(self, days: int) -> Outcome:
        """Move the lab's clock on. What falls due on the way is done, and recorded by KMS."""
        before = len(self.lab.events())
        self.lab.clock.advance(days=days)
        words = f"It is {self.time()} in the lab now."
        recorded = _told(self.lab.events()[before:])
        return Outcome(f"wait {counted(days, 'day')}", OK, words, recorded)

    def time(self) -> str:
        return _day(datetime.fromtimestamp(self.lab.clock.now(), UTC))

    # --- To see -----------------------------------------------------------------------------

    def look(self) -> dict[str, Seen]:
        """Every key that is or was to be seen, by its id, in the order in which they came."""
        for key_id in self._listed():
            self._known.setdefault(key_id, _Known(calls.short_name(key_id)))
        for key_id, alias_name in self._aliases():
            if key_id in self._known:
                self._known[key_id].name = alias_name
        if not self.selected:
            self.selected = next(iter(self._known), "")
        return {key_id: self._see(key_id, known) for key_id, known in self._known.items()}

    def _listed(self) -> Iterator[str]:
        with suppress(ClientError):
            for page in self._kms.get_paginator("list_keys").paginate():
                yield from (entry["KeyId"] for entry in page["Keys"])

    def _aliases(self) -> Iterator[tuple[str, str]]:
        with suppress(ClientError):
            for page in self._kms.get_paginator("list_aliases").paginate():
                for alias in page["Aliases"]:
                    yield alias.get("TargetKeyId", ""), alias["AliasName"]

    def _see(self, key_id: str, known: _Known) -> Seen:
        ciphertexts = str(len(known.ciphertexts) or NOTHING)
        try:
            metadata = self._kms.describe_key(KeyId=key_id)["KeyMetadata"]
        except ClientError as refusal:
            code = calls.refusal_code(refusal)
            return Seen(known.name, GONE if code == "NotFoundException" else code, ciphertexts)
        return Seen(
            known.name,
            metadata["KeyState"],
            ciphertexts,
            self._material(key_id),
            self._next_rotation(key_id),
            _day(metadata.get("DeletionDate")),
            self._last_use(key_id),
        )

    def _material(self, key_id: str) -> str:
        """How many materials the key has had, and the first digits of the current one."""
        with suppress(ClientError):
            asked = {"KeyId": key_id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
            listed = self._kms.list_key_rotations(**asked)["Rotations"]
            for number, material in enumerate(listed, start=1):
                if material["KeyMaterialState"] == "CURRENT":
                    return f"no. {number}: {material['KeyMaterialId'][:8]}"
        return NOTHING

    def _next_rotation(self, key_id: str) -> str:
        with suppress(ClientError):
            status = self._kms.get_key_rotation_status(KeyId=key_id)
            return _day(status.get("NextRotationDate"))
        return NOTHING

    def _last_use(self, key_id: str) -> str:
        with suppress(ClientError):
            usage = self._kms.get_key_last_usage(KeyId=key_id)["KeyLastUsage"]
            if usage:
                return f"{usage['Operation']} on {_day(usage['Timestamp'])}"
        return NOTHING

    # --- The actions ------------------------------------------------------------------------

    def _create(self) -> str:
        metadata = self._kms.create_key()["KeyMetadata"]
        self.selected = metadata["KeyId"]
        return f"A new key, {calls.short_name(self.selected)}, and it is enabled."

    def _encrypt(self) -> str:
        asked = {"KeyId": self.selected, "Plaintext": b"a secret"}
        blob = self._kms.encrypt(**asked)["CiphertextBlob"]
        ciphertexts = self._known[self.selected].ciphertexts
        ciphertexts.append(blob)
        return f"Ciphertext no. {len(ciphertexts)} of this key."

    def _decrypt(self) -> str:
        ciphertexts = self._known[self.selected].ciphertexts
        if not ciphertexts:
            raise _NotDone("Nothing was encrypted under this key here yet. Encrypt first.")
        answer = self._kms.decrypt(CiphertextBlob=ciphertexts[0])
        return f"Ciphertext no. 1 opens, with material {answer['KeyMaterialId'][:8]}."

    def _enable(self) -> str:
        self._kms.enable_key(KeyId=self.selected)
        return "The key can be used."

    def _disable(self) -> str:
        self._kms.disable_key(KeyId=self.selected)
        return "The key cannot be used until it is enabled."

    def _rotate(self) -> str:
        self._kms.rotate_key_on_demand(KeyId=self.selected)
        return "The key has new material. What was encrypted before still opens."

    def _rotate_often(self) -> str:
        self._kms.enable_key_rotation(KeyId=self.selected, RotationPeriodInDays=_PERIOD)
        return f"KMS will give the key new material every {_PERIOD} days."

    def _rotate_no_more(self) -> str:
        self._kms.disable_key_rotation(KeyId=self.selected)
        return "The material stays as it is."

    def _schedule(self) -> str:
        asked = {"KeyId": self.selected, "PendingWindowInDays": _WINDOW}
        answer = self._kms.schedule_key_deletion(**asked)
        return f"The key will be deleted on {_day(answer['DeletionDate'])}."

    def _cancel(self) -> str:
        self._kms.cancel_key_deletion(KeyId=self.selected)
        return "The key stays. It is disabled."


CREATE = "Create a key"

ACTIONS: dict[str, Callable[[KeyDesk], str]] = {
    CREATE: KeyDesk._create,
    "Encrypt": KeyDesk._encrypt,
    "Decrypt the oldest": KeyDesk._decrypt,
    "Disable": KeyDesk._disable,
    "Enable": KeyDesk._enable,
    "Rotate now": KeyDesk._rotate,
    f"Rotate every {_PERIOD} days": KeyDesk._rotate_often,
    "Rotate no more": KeyDesk._rotate_no_more,
    f"Delete in {_WINDOW} days": KeyDesk._schedule,
    "Cancel deletion": KeyDesk._cancel,
}
"""The words on each button, and what it does."""

WAITS = (1, 7, 30, 90, 365)
"""By how many days the clock can be moved on."""


class _NotDone(Exception):
    """There is nothing to do it with."""


def _told(events: Iterable[Mapping[str, Any]]) -> str:
    """A line for the events, in which the same several times in a row stands once."""
    runs = groupby(calls.told([event]) for event in events)
    lines = [(len(list(run)), words) for words, run in runs]
    return "; ".join(w if n == 1 else f"{n} × {w}" for n, w in lines) or calls.told([])


def _day(when: datetime | None) -> str:
    return f"{when.day} {when:%b %Y}" if when else NOTHING
