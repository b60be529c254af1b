"""What CloudTrail works with besides records: S3 and KMS through the door, and a signer.

The lab puts it together. CloudTrail calls S3 and KMS as the service principal that it is, on behalf
of one trail: its calls are authorised by bucket policy and key policy, and recorded, as everybody's
are. Of signing keys it sees the public half alone.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from kmslab.access.decision import Decision, Identities
from kmslab.access.principals import service_principal
from kmslab.services.call import Output
from kmslab.services.callers import Caller
from kmslab.store.trail_records import Trail

SERVICE = "cloudtrail.amazonaws.com"


class Signer(Protocol):
    """Makes key pairs for digests and signs with them, without giving a private key away."""

    def new_key_pair(self) -> tuple[bytes, bytes]:
        """The public key, as PKCS #1 in DER, and the token of the private key. It takes tens of
        milliseconds or more, so hold no lock meanwhile."""
        ...

    def sign(self, token: bytes, message: bytes) -> bytes:
        """The signature of `message` (RSASSA-PKCS1-v1_5 with SHA-256) by the private key of
        `token`. Raises IntegrityError for a token that is not this domain's."""
        ...


class ServiceDoor(Protocol):
    """The door's entry for the lab's own services."""

    def call(
        self,
        service: str,
        operation: str,
        given: dict[str, Any],
        caller: Caller,
        region: str,
        decisions: list[Decision] | None = None,
        *,
        now: float | None = None,
        content: bytes | None = None,
    ) -> Output:
        """Make the call, at the time `now`, with `content` as its body where it has one. What is
        decided is added to `decisions`. Raises ServiceError."""
        ...

    def may_put_object(
        self, given: Mapping[str, Any], caller: Caller, region: str, decisions: list[Decision]
    ) -> bool:
        """Whether the bucket's owner lets `caller` do a PutObject with these parameters; nothing is
        written and nothing recorded. What is decided is added to `decisions`."""
        ...


class Backing(NamedTuple):
    """`digests_use_sse_s3`: digest files are encrypted as until May 2025, with SSE-S3 even where
    the trail has a KMS key."""

    door: ServiceDoor
    signer: Signer
    digests_use_sse_s3: bool = False


def caller_for(trail: Trail) -> Caller:
    """CloudTrail itself, on behalf of `trail`."""
    return Caller(service_principal(SERVICE, trail.arn, trail.account), Identities())
