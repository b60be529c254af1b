"""The chain of digests: each one names the digest before it, with its hash and its signature.

AWS's own tool follows these links and checks each signature; that a link fits what it points at is
checked here. A good signature shows who wrote a link, and not that the link is true: somebody with
the private key can take a digest out of the middle and sign the rest again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kmslab.trail_integrity.digests import Digest, Link
from kmslab.trail_integrity.findings import BROKEN_LINK, MISSING_DIGEST, OVERLAP, Absent, Fault
from kmslab.trail_integrity.names import parse_digest_name, s3_uri
from kmslab.trail_integrity.times import HOUR, ROUNDING, Span, earlier, shown


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
    """Check all links of one Region's digests, down to the one that began before `since`, adding to
    their faults. What is returned are the digests that a link names and that are not there."""
    missing: dict[str, DigestFile] = {}
    by_uri = {file.uri: file for file in files}
    trusted = sorted((file for file in files if file.digest), key=lambda file: file.ends)
    for number, file in enumerate(trusted):
        assert file.digest
        older = trusted[number - 1] if number else None
        file.faults += _wrong_times(file.digest, older)
        if file.digest.link and file.digest.span.begins >= since:
            try:
                _check_link(file.digest, file.digest.link, older, by_uri)
            except Absent:
                gone = _absent(file.digest.link)
                missing[gone.uri] = gone
            except Fault as fault:
                file.faults.append(fault)
    return list(missing.values())


def _wrong_times(digest: Digest, older: DigestFile | None) -> Iterator[Fault]:
    # What a backfill is about is not written anywhere.
    if digest.span.length > HOUR + ROUNDING and digest.generated is None:
        yield Fault(OVERLAP, f"It is about {digest.span}, and a digest is about an hour.")
    if older and older.digest and digest.span.begins < older.digest.span.ends:
        yield Fault(
            OVERLAP,
            f"It is about {digest.span}, and the digest before it about {older.digest.span}.",
        )


def _check_link(
    digest: Digest, link: Link, older: DigestFile | None, by_uri: Mapping[str, DigestFile]
) -> None:
    """Raises Absent where the digest that `link` names is not there, and Fault where it cannot be
    the digest before this one. `older` is the one that can be trusted."""
    named = s3_uri(link.bucket, link.object_key)
    name = parse_digest_name(link.bucket, link.object_key)
    if name is None or name.ends > digest.span.begins:
        raise Fault(BROKEN_LINK, f"It names {named} as the digest before it, which cannot be.")
    if older and older.uri != named and older.ends >= name.ends:
        raise Fault(BROKEN_LINK, f"It names {named} as the digest before it, not {older.uri}.")
    if name.ends < digest.span.begins:
        raise Fault(
            BROKEN_LINK,
            f"It begins at {shown(digest.span.begins)}, and the digest that it names ends at "
            f"{shown(name.ends)}.",
        )
    if named not in by_uri:
        raise Absent
    previous = by_uri[named].digest
    if previous:
        _compare(link, previous, named)


def _compare(link: Link, previous: Digest, named: str) -> None:
    """Raises Fault for what a link says wrongly of the digest that it points at. Where that one is
    damaged there is nothing to compare with, and a finding about it already."""
    if link.hash_value != previous.hash_value:
        raise Fault(BROKEN_LINK, f"Its previousDigestHashValue is not the hash of {named}.")
    if bytes.fromhex(link.signature) != previous.signature:
        raise Fault(BROKEN_LINK, f"Its previousDigestSignature is not the signature of {named}.")


def _absent(link: Link) -> DigestFile:
    name = parse_digest_name(link.bucket, link.object_key)
    assert name
    fault = Fault(MISSING_DIGEST, "The digest after it names it, and it is not there.")
    return DigestFile(link.bucket, link.object_key, name.ends, faults=[fault])
