"""Log files that lie in the bucket, and that no digest names.

Nobody proves them: somebody may have put them there, or taken away the digest that named them. A
file may also be named by another trail's digest, wait for its digest, or be of a time without
validation; each of these is looked at before anything is said.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from kmslab.trail_integrity.names import LOG_FILES, Place, parse_log_file_name
from kmslab.trail_integrity.reading import Listed, list_objects
from kmslab.trail_integrity.shelves import DigestShelf
from kmslab.trail_integrity.timeline import Timeline
from kmslab.trail_integrity.times import HOUR, Span, earlier, later

# CloudTrail delivers a file a few minutes after the time in its name.
_DELIVERY = timedelta(minutes=15)


class Standing(Enum):
    """How a log file stands that the trail's digests do not name."""

    NAMED_ELSEWHERE = "another digest names it"
    NOT_VALIDATED = "the trail did not validate then"
    NOT_YET_COVERED = "its digest is not due"
    UNNAMED = "no digest names it"


class LyingFile(NamedTuple):
    """A log file in the bucket, by what S3 and its name say."""

    listed: Listed
    stamp: datetime

    @property
    def place(self) -> tuple[str, str]:
        return self.listed.bucket, self.listed.object_key


def lying_log_files(s3: Any, place: Place, region: str, span: Span) -> Iterator[LyingFile]:
    """The log files whose names say that they were made in `span`. Something whose name says no
    time is taken for one of its day. Raises ClientError."""
    folder = place.folder(LOG_FILES, region)
    begins = span.begins.replace(second=0, microsecond=0)
    after = f"{folder}{begins:%Y/%m/%d}/"
    last = f"{folder}{span.ends:%Y/%m/%d}0"
    for listed in list_objects(s3, place.bucket, folder, after):
        if listed.object_key >= last:
            return
        name = parse_log_file_name(listed.object_key)
        is_folder = listed.object_key.endswith("/")
        if name is None and not is_folder:
            yield LyingFile(listed, begins)
        elif name and begins <= name.stamp <= span.ends:
            yield LyingFile(listed, name.stamp)


class Unnamed:
    """Tells how log files stand. `logging_ended` is whether no digest is to come any more."""

    def __init__(
        self, shelf: DigestShelf, timeline: Timeline, now: datetime, logging_ended: bool
    ) -> None:
        self._shelf = shelf
        self._timeline = timeline
        self._now = now
        self._logging_ended = logging_ended
        self._named_by: dict[tuple[str, str], set[tuple[str, str]]] = {}

    def standing(self, file: LyingFile) -> Standing:
        if self._is_named_elsewhere(file):
            return Standing.NAMED_ELSEWHERE
        moments = (file.stamp, file.listed.last_modified)
        if all(self._timeline.is_validating(moment) is False for moment in moments):
            return Standing.NOT_VALIDATED
        return Standing.NOT_YET_COVERED if self._may_be_named_yet(file) else Standing.UNNAMED

    def _may_be_named_yet(self, file: LyingFile) -> bool:
        if self._logging_ended or self._now >= later(file.listed.last_modified, 2 * HOUR):
            return False
        ends = [each.ends for each in self._shelf.files.values()]
        newest = max(ends, default=earlier(self._now, HOUR))
        return file.listed.last_modified >= newest and later(file.stamp, _DELIVERY) > newest

    def _is_named_elsewhere(self, file: LyingFile) -> bool:
        """By a digest of another trail, or by one of this trail's that was made later: a delivery
        that failed is tried again."""
        windows = [
            Span(earlier(moment, _DELIVERY), later(moment, HOUR + _DELIVERY))
            for moment in (file.stamp, file.listed.last_modified.astimezone(UTC))
        ]
        return any(
            file.place in self._names(digest)
            for digest, name in self._shelf.names.items()
            if digest not in self._shelf.files
            and any(window.begins <= name.ends <= window.ends for window in windows)
        )

    def _names(self, digest: tuple[str, str]) -> set[tuple[str, str]]:
        if digest not in self._named_by:
            examined = self._shelf.examine(self._shelf.names[digest], digest[1])
            entries = examined.digest.log_files if examined.digest else ()
            self._named_by[digest] = {(entry.bucket, entry.object_key) for entry in entries}
        return self._named_by[digest]
