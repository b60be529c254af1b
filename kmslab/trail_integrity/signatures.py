"""The signature of a digest, and the public keys that CloudTrail gives out to check it.

RSASSA-PKCS1-v1_5 with SHA-256 over four lines (CloudTrail User Guide, "Custom implementations of
CloudTrail log file integrity validation"). A key counts in its own Region alone, and only for
digests that ended while it was valid. Where a digest lies, and what it names, is not known here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmslab.trail_integrity.digests import Digest
from kmslab.trail_integrity.findings import (
    KEY_NOT_VALID,
    UNKNOWN_KEY,
    UNKNOWN_REGION,
    WRONG_SIGNATURE,
    Fault,
)
from kmslab.trail_integrity.times import HOUR, Span, earlier, later

InRegion = Callable[[str], Any]
"""A function from a Region to a CloudTrail client of it; ValueError where there is none."""


class PublicKey(NamedTuple):
    """A public key of one Region: PKCS #1 in DER, and when its private half signs."""

    value: bytes
    valid: Span


class PublicKeys:
    """The public keys of every Region, asked for once each. `span` is that of the digests."""

    def __init__(self, in_region: InRegion, span: Span) -> None:
        self._in_region = in_region
        # As AWS's own tool asks: a digest is made in the hour after it ended.
        self._asked = Span(span.begins, later(span.ends, 2 * HOUR))
        self._known: dict[tuple[str, Span], dict[str, PublicKey]] = {}

    def find(self, region: str, digest: Digest) -> PublicKey:
        """The key that `digest` says it was signed with. Raises Fault where the Region has no such
        key, ClientError where the caller may not list them."""
        asked = self._asked
        if digest.generated:
            asked = Span(earlier(digest.generated, HOUR), later(digest.generated, HOUR))
        listed = self._listed(region, asked)
        if digest.fingerprint not in listed:
            raise Fault(
                UNKNOWN_KEY,
                f"CloudTrail has in {region} no public key with the fingerprint "
                f"{digest.fingerprint!r}.",
            )
        return listed[digest.fingerprint]

    def _listed(self, region: str, asked: Span) -> dict[str, PublicKey]:
        if (region, asked) not in self._known:
            self._known[region, asked] = _public_keys(self._client(region), asked)
        return self._known[region, asked]

    def _client(self, region: str) -> Any:
        try:
            return self._in_region(region)
        except ValueError:
            raise Fault(UNKNOWN_REGION, f"There is no Region {region!r} to ask for keys.") from None


def check_signature(digest: Digest, public_key: PublicKey) -> None:
    """Raises Fault where `public_key` did not sign `digest`, or was not valid when it ended."""
    try:
        loaded = load_der_public_key(public_key.value)
    except ValueError:
        loaded = None
    if not isinstance(loaded, rsa.RSAPublicKey):
        raise Fault(UNKNOWN_KEY, f"The public key {digest.fingerprint} is no RSA key in PKCS #1.")
    try:
        loaded.verify(digest.signature, string_to_sign(digest), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Fault(
            WRONG_SIGNATURE,
            "Its signature is not that of this text in this place, behind that digest.",
        ) from None
    when = digest.generated or digest.span.ends
    if not public_key.valid.begins <= when <= public_key.valid.ends:
        raise Fault(
            KEY_NOT_VALID, f"Its signature is good, but the key was valid from {public_key.valid}."
        )


def string_to_sign(digest: Digest) -> bytes:
    previous = digest.link.signature if digest.link else "null"
    place = f"{digest.bucket}/{digest.object_key}"
    return "\n".join([digest.end_text, place, digest.hash_value, previous]).encode()


def _public_keys(cloudtrail: Any, asked: Span) -> dict[str, PublicKey]:
    pages = cloudtrail.get_paginator("list_public_keys").paginate(
        StartTime=asked.begins, EndTime=asked.ends
    )
    return {
        each["Fingerprint"]: PublicKey(
            each["Value"], Span(each["ValidityStartTime"], each["ValidityEndTime"])
        )
        for page in pages
        for each in page["PublicKeyList"]
    }
