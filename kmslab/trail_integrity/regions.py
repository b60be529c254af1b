"""One Region of a trail: its digests, their chain, the log files they name, what they leave out.

Each kind of check stands in a module of its own; here they are made one after the other, and what
they find is written down.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.trail_integrity.chains import DigestFile, check_chain
from kmslab.trail_integrity.coverage import Hole, uncovered
from kmslab.trail_integrity.digests import LogEntry
from kmslab.trail_integrity.findings import UNCOVERED, UNNAMED_LOG_FILE, Fault, Finding
from kmslab.trail_integrity.log_files import check_log_file
from kmslab.trail_integrity.names import DIGESTS, Place, TrailName, digest_object, printable, s3_uri
from kmslab.trail_integrity.report import CheckedFile, RegionReport, checked_file, count
from kmslab.trail_integrity.shelves import DigestShelf
from kmslab.trail_integrity.signatures import InRegion, PublicKeys
from kmslab.trail_integrity.times import HOUR, ROUNDING, Span, later, merged
from kmslab.trail_integrity.unnamed import LyingFile, Standing, Unnamed, lying_log_files
from kmslab.trail_integrity.witness import (
    Status,
    Testimony,
    latest_digest,
    other_trails,
    status_of,
)


class Inquiry(NamedTuple):
    """What is to be verified, and who is asked."""

    s3: Any
    in_region: InRegion
    trail: TrailName
    place: Place
    span: Span
    testimony: Testimony
    public_keys: PublicKeys


class RegionCheck:
    """Verifies one Region; `findings` and `not_judged` hold what came out."""

    def __init__(self, inquiry: Inquiry, region: str) -> None:
        self._inquiry = inquiry
        self._region = region
        # As it is told: whoever writes into the bucket names folders.
        self._label = printable(region)
        self._is_home = region == inquiry.trail.home_region
        self._digests: list[CheckedFile] = []
        self._log_files: list[CheckedFile] = []
        self.findings: list[Finding] = []
        self.not_judged: list[str] = []
        self._shelf = DigestShelf(
            inquiry.s3, inquiry.public_keys, inquiry.trail, region, inquiry.span
        )

    def run(self) -> RegionReport:
        """Raises ClientError where something may not be read."""
        self._shelf.read(self._inquiry.place)
        chain, backfills = self._chain(is_backfill=False), self._chain(is_backfill=True)
        for file in (*chain, *backfills):
            self._check_log_files(file)
        waiting = self._check_unnamed((*chain, *backfills))
        self._check_hours([file.span for file in chain])
        return RegionReport(
            self._label,
            count(self._digests),
            count(self._log_files),
            self._verified(chain),
            waiting,
            (*self._digests, *self._log_files),
        )

    # --- What the digests vouch for -------------------------------------------------------

    def _chain(self, is_backfill: bool) -> list[DigestFile]:
        """The digests of a chain, oldest first, with those that are missing in between."""
        files = self._shelf.ours(is_backfill)
        files += check_chain(files, self._inquiry.span.begins)
        files.sort(key=lambda file: file.ends)
        for file in files:
            self._digests.append(self._noted("digest file", file.uri, file.faults))
        return files

    def _check_log_files(self, file: DigestFile) -> None:
        for entry in file.digest.log_files if file.digest else ():
            uri = s3_uri(entry.bucket, entry.object_key)
            self._log_files.append(self._noted("log file", uri, self._faults_of(entry)))

    def _faults_of(self, entry: LogEntry) -> list[Fault]:
        account = self._inquiry.place.account
        try:
            check_log_file(self._inquiry.s3, entry, account, self._region)
        except Fault as fault:
            return [fault]
        return []

    def _verified(self, files: list[DigestFile]) -> tuple[Span, ...]:
        """The time that valid digests are about, as far as it was asked for."""
        asked = self._inquiry.span
        spans = [file.span for file in files if file.digest and not file.faults]
        within = [Span(max(s.begins, asked.begins), min(s.ends, asked.ends)) for s in spans]
        return tuple(merged(span for span in within if span.begins < span.ends))

    # --- What they leave out --------------------------------------------------------------

    def _check_unnamed(self, digests: Iterable[DigestFile]) -> int:
        """How many log files wait for their digest."""
        trusted = [file.digest for file in digests if file.digest]
        named = {(each.bucket, each.object_key) for one in trusted for each in one.log_files}
        unnamed = Unnamed(
            self._shelf,
            self._inquiry.testimony.timeline,
            self._inquiry.testimony.now,
            self._logging_ended(),
        )
        found: dict[Standing, list[LyingFile]] = {standing: [] for standing in Standing}
        for place in self._shelf.places:
            for file in lying_log_files(self._inquiry.s3, place, self._region, self._inquiry.span):
                if file.place not in named:
                    found[unnamed.standing(file)].append(file)
        self._judge_unnamed(found)
        return len(found[Standing.NOT_YET_COVERED])

    def _judge_unnamed(self, found: dict[Standing, list[LyingFile]]) -> None:
        unproven = found[Standing.UNNAMED]
        if found[Standing.NOT_VALIDATED]:
            self._leave(
                f"of a time without validation, which no digest can name: "
                f"{_counted(found[Standing.NOT_VALIDATED])}"
            )
        others = self._trails_without_digests() if unproven else []
        if others:
            self._leave(
                f"named by no digest, and perhaps of {', '.join(others)}, which delivers here "
                f"without validation: {_counted(unproven)}"
            )
            return
        for file in unproven:
            fault = Fault(UNNAMED_LOG_FILE, "No digest that can be trusted names it.")
            self._noted("log file", s3_uri(*file.place), [fault])

    def _trails_without_digests(self) -> list[str]:
        """Other trails that put their log files into the same folders, and no digests."""
        inquiry = self._inquiry
        try:
            others = other_trails(inquiry.in_region, self._region, inquiry.trail)
        except (ClientError, ValueError):
            return []
        places = {(place.bucket, place.prefix) for place in self._shelf.places}
        return [
            each["TrailARN"]
            for each in others
            if (each["S3BucketName"], each.get("S3KeyPrefix", "")) in places
            and not each.get("LogFileValidationEnabled")
        ]

    def _logging_ended(self) -> bool:
        """Whether no digest is to come any more: the last one came, or would have come by now."""
        testimony = self._inquiry.testimony
        whole = Span(self._inquiry.span.begins, testimony.now)
        pieces = list(testimony.timeline.pieces(whole, self._is_home))
        if not pieces or pieces[-1].must_be_covered is not False:
            return False
        stopped = pieces[-1].span.begins
        return testimony.now >= later(stopped, HOUR) or any(
            later(file.ends, ROUNDING) >= stopped for file in self._shelf.ours(False)
        )

    def _check_hours(self, covered: list[Span]) -> None:
        testimony = self._inquiry.testimony
        whole = Span(self._inquiry.span.begins, min(self._inquiry.span.ends, testimony.now))
        delivered = latest_digest(self._status())
        for hole in uncovered(
            testimony.timeline, whole, covered, self._is_home, testimony.now, delivered
        ):
            if hole.doubt:
                self._leave(f"no digest is about {hole.span}; {hole.doubt}")
            else:
                self._note_hole(hole, covered)

    def _note_hole(self, hole: Hole, covered: list[Span]) -> None:
        place, trail = self._shelf.places[-1], self._inquiry.trail
        uri = s3_uri(place.bucket, place.folder(DIGESTS, self._region))
        if hole.span.begins in {span.ends for span in covered}:
            name = digest_object(place, trail, self._region, hole.next_end)
            uri = s3_uri(place.bucket, name)
        sentence = f"No digest is about {hole.span}, and the trail logged and validated then."
        self._noted("digest file", uri, [Fault(UNCOVERED, sentence)])

    def _status(self) -> Status:
        inquiry = self._inquiry
        if self._is_home:
            return inquiry.testimony.status
        try:
            return status_of(inquiry.in_region(self._region), inquiry.trail)
        except (ClientError, ValueError):
            return {}

    # --- Writing down ---------------------------------------------------------------------

    def _noted(self, what: str, uri: str, faults: list[Fault]) -> CheckedFile:
        for fault in faults:
            self.findings.append(Finding(self._label, fault.kind, uri, fault.sentence))
        return checked_file(self._label, what, uri, [fault.kind for fault in faults])

    def _leave(self, sentence: str) -> None:
        self.not_judged.append(f"{self._label}: {sentence}.")


def _counted(files: list[LyingFile]) -> str:
    return f"{len(files)} log file{'' if len(files) == 1 else 's'}"
