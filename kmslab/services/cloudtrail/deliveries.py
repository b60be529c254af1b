"""CloudTrail's deliveries: log files and digests, each at its own time.

The door asks what is due next and has it done, one thing at a time: files are planned, a log file
is put, a digest is signed, a digest is put, a trail that was deleted and owes nothing more is
forgotten. Log files and digests are two queues. What S3 refuses is told in the trail's status and
stays first in its queue; with the next batch, five minutes later, it alone is tried again, and the
rest of the queue once it went through. After 30 days a file is given up (CloudTrail User Guide,
"Creating a trail"); events that no file was planned for meanwhile are not, and wait longer.

Operations change trails at the same time. So every note is made on the newest record of a trail,
which may be gone, and under the store's lock; calls to S3 are made without it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from kmslab.services.cloudtrail.agenda import Agenda, Duty, Step, is_closing
from kmslab.services.cloudtrail.backing import Backing
from kmslab.services.cloudtrail.digests import (
    DIGEST_SECONDS,
    SIGNATURE_ALGORITHM,
    Place,
    last_end,
    missing_chains,
    place_of,
    sign_digest,
)
from kmslab.services.cloudtrail.file_names import object_key
from kmslab.services.cloudtrail.log_files import LogFile, log_file, packed
from kmslab.services.cloudtrail.planning import plan_files, told_until
from kmslab.services.cloudtrail.putting import put_file
from kmslab.services.cloudtrail.signing_keys import current_signing_key
from kmslab.sources import RandomBytes
from kmslab.store.records import Record
from kmslab.store.store import Changes, Store
from kmslab.store.trail_records import DELETED, DeliveredLogFile, Trail, WaitingFile

GIVEN_UP_AFTER = 30 * 24 * 3600


class Deliveries:
    """What the trails of one lab deliver. One thread at a time calls `do_next`."""

    def __init__(self, store: Store, backing: Backing, random: RandomBytes) -> None:
        self._store = store
        self._backing = backing
        self._random = random
        self._agenda = Agenda(store)
        self._done_by: dict[Duty, Callable[[Step], None]] = {
            Duty.PLAN_LOG_FILES: self._plan_log_files,
            Duty.PUT_LOG_FILE: self._put_log_file,
            Duty.SIGN_DIGEST: self._sign_digest,
            Duty.PUT_DIGEST: self._put_digest,
            Duty.FORGET_TRAIL: self._forget_trail,
        }

    def next_due(self) -> float | None:
        """When the next thing is to be done, None where nothing is."""
        step = self._agenda.first()
        return step.when if step else None

    def do_next(self) -> None:
        """Do the next thing, at its own time. What S3 refuses raises nothing here."""
        step = self._agenda.first()
        if step:
            self._done_by[step.duty](step)

    # --- Log files ------------------------------------------------------------------------

    def _plan_log_files(self, step: Step) -> None:
        with self._store.lock:
            trail = self._newest(step.trail_id)
            if trail is None or self._waiting(trail, digests=False):
                return
            until = trail.end_event
            if until is None:
                until = told_until(trail, step.when, self._store.events)
            moved, files = plan_files(trail, until, self._store, step.when, self._random)
            chains = missing_chains(moved, (planned.region for planned in files), self._store)
            self._write(moved, *files, *chains)

    def _put_log_file(self, step: Step) -> None:
        with self._store.lock:
            trail = self._newest(step.trail_id)
            waiting = self._waiting(trail, digests=False) if trail else []
            if trail is None or not waiting:
                return
            # An operation that planned this file did not look for chains.
            self._write(*missing_chains(trail, [waiting[0].region], self._store))
            events = [self._store.events[number] for number in waiting[0].events]
        built = log_file(events)
        place = Place(trail.bucket_name, object_key(trail, waiting[0].object_name))
        error = put_file(self._backing, self._store, trail, place, built.content, step.when)
        delivered = [] if error else self._delivered(waiting[0], place, built)
        self._note(waiting[0], step.when, error, *delivered)

    def _delivered(
        self, waiting: WaitingFile, place: Place, built: LogFile
    ) -> list[DeliveredLogFile]:
        """What the next digest is to name; nothing where no chain of digests runs."""
        if self._store.digest_chains.get(waiting.trail_id, waiting.region) is None:
            return []
        times = built.oldest_event, built.newest_event
        return [
            DeliveredLogFile(waiting.trail_id, waiting.region, *place, built.hash_value, *times)
        ]

    # --- Digests --------------------------------------------------------------------------

    def _sign_digest(self, step: Step) -> None:
        """The digest of an hour, or the last one of a chain."""
        store, signer = self._store, self._backing.signer
        signing_key = current_signing_key(store, signer, step.region, step.when)
        with store.lock:
            trail = self._newest(step.trail_id)
            chain = store.digest_chains.get(step.trail_id, step.region)
            if trail is None or chain is None:
                return
            end: float | None = chain.begins + DIGEST_SECONDS
            is_last = step.when < chain.begins + DIGEST_SECONDS
            if is_last:
                if not is_closing(trail):
                    return
                end = last_end(trail, chain, step.when, store)
            if end is None:
                self._write(deleted=[chain])
                return
            signed = sign_digest(trail, chain, end, step.when, signing_key, store, signer)
            waiting, moved, named = signed
            if is_last:
                self._write(waiting, deleted=[*named, chain])
            else:
                self._write(waiting, moved, deleted=named)

    def _put_digest(self, step: Step) -> None:
        with self._store.lock:
            trail = self._newest(step.trail_id)
            queue = self._waiting(trail, digests=True) if trail else []
        if trail is None or not queue:
            return
        # A bucket that the trail has left must not hold up what goes to its new one.
        spelled = f'"digestS3Bucket":"{trail.bucket_name}"'
        waiting = next((each for each in queue if spelled in each.digest), queue[0])
        metadata = {
            "signature": waiting.signature,
            "signature-algorithm": SIGNATURE_ALGORITHM,
        }
        place, content = place_of(waiting.digest), packed(waiting.digest.encode())
        error = put_file(self._backing, self._store, trail, place, content, step.when, metadata)
        self._note(waiting, step.when, error)

    # --- Records --------------------------------------------------------------------------

    def _note(
        self, waiting: WaitingFile, when: float, error: str, *delivered: DeliveredLogFile
    ) -> None:
        """Note what became of a file, in the trail's status too."""
        status = _digest_status(when, error) if waiting.is_digest else _log_status(when, error)
        is_done = not error or when >= waiting.created + GIVEN_UP_AFTER
        with self._store.lock:
            trail = self._newest(waiting.trail_id)
            if trail is not None:
                noted = replace(trail, **status)
                self._write(noted, *delivered, deleted=[waiting] if is_done else [])

    def _forget_trail(self, step: Step) -> None:
        with self._store.lock:
            trail = self._newest(step.trail_id)
            if trail and trail.deleted is not None:
                self._write(deleted=[trail])

    def _newest(self, trail_id: str) -> Trail | None:
        account, region, trail_name, _ = trail_id.split("/")
        trail = self._store.trails.get(f"{account}/{region}", trail_name)
        if trail and trail.trail_id == trail_id:
            return trail
        return self._store.trails.get(DELETED, trail_id)

    def _waiting(self, trail: Trail, digests: bool) -> list[WaitingFile]:
        """The files of one queue, oldest first."""
        files = self._store.waiting_files.on(trail.trail_id)
        return [waiting for waiting in files if waiting.is_digest == digests]

    def _write(self, *put: Record, deleted: Iterable[Record] = ()) -> None:
        if put or deleted:
            self._store.commit(Changes(put=list(put), deleted=list(deleted)), ())


def _log_status(when: float, error: str) -> dict[str, Any]:
    attempt = {"latest_delivery_attempt": when, "latest_delivery_error": error}
    return attempt if error else {**attempt, "latest_delivery": when}


def _digest_status(when: float, error: str) -> dict[str, Any]:
    attempt = {"latest_digest_attempt": when, "latest_digest_error": error}
    return attempt if error else {**attempt, "latest_digest_delivery": when}
