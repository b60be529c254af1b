"""The digest files of one Region: found in the bucket, read, and checked each by itself.

A trail that was given another bucket has digests in both; the link of the first one in the new
place leads to the last one in the old. What the digests say of each other is not known here.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from kmslab.trail_integrity.chains import DigestFile
from kmslab.trail_integrity.digests import Digest, parse_digest
from kmslab.trail_integrity.findings import (
    DAMAGED_DIGEST,
    MISSING_DIGEST,
    MOVED_DIGEST,
    Absent,
    Fault,
    Unreadable,
)
from kmslab.trail_integrity.names import (
    DIGESTS,
    DigestName,
    Place,
    TrailName,
    parse_digest_name,
    s3_uri,
)
from kmslab.trail_integrity.reading import NO_BUCKET, fetch, list_folders, list_objects
from kmslab.trail_integrity.signatures import PublicKeys, check_signature
from kmslab.trail_integrity.times import HOUR, Span, later, shown


class DigestShelf:
    """The digests of `region` that end in `span` or in the hour after it.

    `names` are those of all digests in these folders from the span's beginning on, other trails'
    as well; `files` are the trail's own, examined.
    """

    def __init__(
        self, s3: Any, public_keys: PublicKeys, trail: TrailName, region: str, span: Span
    ) -> None:
        self._s3 = s3
        self._public_keys = public_keys
        self._trail = trail
        self._region = region
        self._span = span
        self.places: list[Place] = []
        self.names: dict[tuple[str, str], DigestName] = {}
        self.files: dict[tuple[str, str], DigestFile] = {}

    def read(self, place: Place) -> None:
        """Read what lies at `place`, and wherever the links lead from there. Raises ClientError."""
        waiting = [place]
        while waiting:
            here = waiting.pop()
            if here not in self.places and self._is_there(here):
                self.places.append(here)
                waiting += self._read_place(here)

    def ours(self, is_backfill: bool) -> list[DigestFile]:
        """The trail's own, oldest first; what a backfill made is a chain of its own."""
        files = [
            file
            for place, file in self.files.items()
            if self.names[place].is_backfill is is_backfill
        ]
        return sorted(files, key=lambda file: file.ends)

    def examine(self, name: DigestName, object_key: str) -> DigestFile:
        """The digest, vouched for by its own signature, or what is wrong with it."""
        file = DigestFile(name.place.bucket, object_key, name.ends)
        try:
            fetched = fetch(self._s3, file.bucket, object_key)
            digest = parse_digest(fetched, name.is_backfill)
            _check_place(digest, name, object_key)
            check_signature(digest, self._public_keys.find(self._region, digest))
            file.digest = digest
        except Absent:
            file.faults.append(Fault(MISSING_DIGEST, "It was in the listing, and is gone."))
        except Unreadable as reason:
            file.faults.append(Fault(DAMAGED_DIGEST, f"It cannot be read: {reason}."))
        except Fault as fault:
            file.faults.append(fault)
        return file

    def _read_place(self, place: Place) -> Iterator[Place]:
        """Where links lead from here to other places."""
        for name, object_key in self._listed(place):
            self.names[place.bucket, object_key] = name
            if not self._is_asked_for(name):
                continue
            file = self.examine(name, object_key)
            self.files[place.bucket, object_key] = file
            link = file.digest.link if file.digest else None
            if link and file.span.begins >= self._span.begins:
                linked = parse_digest_name(link.bucket, link.object_key)
                if linked and self._is_ours(linked):
                    yield linked.place

    def _listed(self, place: Place) -> Iterator[tuple[DigestName, str]]:
        folder = place.folder(DIGESTS, self._region)
        after = f"{folder}{self._span.begins:%Y/%m/%d}/"
        for listed in list_objects(self._s3, place.bucket, folder, after):
            name = parse_digest_name(place.bucket, listed.object_key)
            if name and (name.place, name.region) == (place, self._region):
                yield name, listed.object_key

    def _is_there(self, place: Place) -> bool:
        """The bucket that a link leads to may have been deleted, with all that lay in it."""
        if not self.places:
            return True
        try:
            list_folders(self._s3, place.bucket, place.folder(DIGESTS))
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] == NO_BUCKET:
                return False
            raise
        return True

    def _is_asked_for(self, name: DigestName) -> bool:
        # What was delivered late in the span is named by the digest that ends after it.
        return self._is_ours(name) and self._span.begins <= name.ends <= later(
            self._span.ends, HOUR
        )

    def _is_ours(self, name: DigestName) -> bool:
        of_trail = (name.trail_name, name.home_region, name.region)
        return (
            of_trail == (self._trail.trail_name, self._trail.home_region, self._region)
            and name.place.account == self.places[0].account
        )


def _check_place(digest: Digest, name: DigestName, object_key: str) -> None:
    """Raises Fault where a digest lies elsewhere than it says."""
    if (digest.bucket, digest.object_key) != (name.place.bucket, object_key):
        was = s3_uri(digest.bucket, digest.object_key)
        raise Fault(MOVED_DIGEST, f"It says that it is {was}.")
    if digest.account != name.place.account:
        raise Fault(MOVED_DIGEST, f"It says that it is of account {digest.account!r}.")
    if digest.span.ends != name.ends and not name.is_backfill:
        raise Fault(MOVED_DIGEST, f"It says that it ends at {shown(digest.span.ends)}.")
