"""The chain of digests: each one names the digest before it, with its hash and its signature.

AWS's own tool follows these links and checks each signature; that a link fits what it points at is
checked here. A good signature shows who wrote a link, and not that the link is true: somebody with
the private key can take a digest out of the middle and sign the rest again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from kmslab.trail_integrity.digests import Digest, Link
from kmslab.trail_integrity.findings import BROKEN_LINK, MISSING_DIGEST, OVERLAP, Fault
from kmslab.trail_integrity.names import parse_digest_name, s3_uri
from kmslab.trail_integrity.times import HOUR, Span, earlier, shown


@dataclass
class DigestFile:
    """A digest file and what is wrong with it. `digest` is None where it is missing or damaged, or
    where nothing vouches for it; `ends` is what its name says."""

    bucket: str
    object_key: str
    ends: datetime
    digest: Digest | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return s3_uri(self.bucket, self.object_key)

    @property
    def span(self) -> Span:
        """The time that it is about; of a digest that cannot be read, the hour before its end."""
        return self.digest.span if self.digest else Span(earlier(self.ends, HOUR), self.ends)


def check_chain(files: list[DigestFile], since: datetime) -> list[DigestFile]:
    """Check all links of one Region's digests, oldest first, down to the one that began before
    `since`, adding to their faults. What is returned are the digests that a link names and that are
    not there."""
    missing: dict[str, DigestFile] = {}
    older: DigestFile | None = None
    for file in sorted(files, key=lambda each: each.ends):
        if file.digest:
            file.faults += _overlap(file.digest, older)
        if file.digest and file.digest.link and file.digest.span.begins >= since:
            gone = _check_link(file, file.digest, file.digest.link, older)
            missing.update({each.uri: each for each in gone})
        older = file
    return list(missing.values())


def _overlap(digest: Digest, older: DigestFile | None) -> Iterator[Fault]:
    if older and older.digest and digest.span.begins < older.digest.span.ends:
        yield Fault(
            OVERLAP,
            f"It is about {digest.span}, and the digest before it about {older.digest.span}.",
        )


def _check_link(
    file: DigestFile, digest: Digest, link: Link, older: DigestFile | None
) -> list[DigestFile]:
    """The digest that `link` names, where it is not there."""
    if older and (older.bucket, older.object_key) == (link.bucket, link.object_key):
        file.faults += _differences(digest, link, older)
        return []
    name = parse_digest_name(link.bucket, link.object_key)
    named = s3_uri(link.bucket, link.object_key)
    if name is None or name.ends != digest.span.begins:
        file.faults.append(
            Fault(BROKEN_LINK, f"It names {named} as the digest before it, which cannot be.")
        )
        return []
    if older and older.ends >= name.ends:
        file.faults.append(
            Fault(BROKEN_LINK, f"It names {named} as the digest before it, not {older.uri}.")
        )
        return []
    absent = Fault(MISSING_DIGEST, "The digest after it names it, and it is not there.")
    return [DigestFile(link.bucket, link.object_key, name.ends, faults=[absent])]


def _differences(digest: Digest, link: Link, older: DigestFile) -> Iterator[Fault]:
    """What a link says wrongly of the digest that it points at. Where that one is damaged there is
    nothing to compare with, and a finding about it already."""
    previous = older.digest
    if previous is None:
        return
    if link.hash_value != previous.hash_value:
        yield Fault(BROKEN_LINK, f"Its previousDigestHashValue is not the hash of {older.uri}.")
    if bytes.fromhex(link.signature) != previous.signature:
        yield Fault(
            BROKEN_LINK, f"Its previousDigestSignature is not the signature of {older.uri}."
        )
    if previous.span.ends < digest.span.begins:
        yield Fault(
            BROKEN_LINK,
            f"It begins at {shown(digest.span.begins)}, and the digest that it names ends at "
            f"{shown(previous.span.ends)}.",
        )
