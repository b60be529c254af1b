"""S3 Bucket Keys: one key from KMS for many objects, kept for a short time.

S3 asks KMS once for a bucket-level key and wraps the keys of objects under it by itself (S3 User
Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys"). Every requester has its own, so
that KMS decides about each, and the trail names each. What is kept are objects that wrap and
unwrap, never bytes; they are lost with the process, as are AWS's.
"""

import threading
from typing import NamedTuple

from kmslab.services.s3.sealing import BucketKey
from kmslab.store.s3_records import Pairs

# AWS says "a time-limited period" and no number. Seconds by the lab's clock.
LIFETIME = 300
_MOST_KEPT = 10_000


class Requester(NamedTuple):
    """For whom S3 keeps a Bucket Key. Another session of a role is another requester."""

    arn: str
    access_key_id: str


class KeptKey(NamedTuple):
    """A Bucket Key and its ciphertext blob, in hex."""

    bucket_key: BucketKey
    encrypted_data_key: str
    until: float


class BucketKeys:
    """The Bucket Keys that S3 keeps at the moment."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._for_writing: dict[tuple[Requester, str, Pairs], KeptKey] = {}
        self._for_reading: dict[tuple[Requester, str], KeptKey] = {}

    def for_writing(
        self, requester: Requester, kms_key_arn: str, context: Pairs, now: float
    ) -> KeptKey | None:
        """The key that wraps what `requester` writes under a KMS key and encryption context."""
        return _living(self._for_writing.get((requester, kms_key_arn, context)), now)

    def for_reading(
        self, requester: Requester, encrypted_data_key: str, now: float
    ) -> KeptKey | None:
        """The key that was opened for `requester` from this blob."""
        return _living(self._for_reading.get((requester, encrypted_data_key)), now)

    def keep(
        self,
        requester: Requester,
        bucket_key: BucketKey,
        encrypted_data_key: str,
        now: float,
        writes: tuple[str, Pairs] | None = None,
    ) -> KeptKey:
        """Keep what KMS gave to `requester`; `writes` is the KMS key and context of a key that is
        also there for writing."""
        kept = KeptKey(bucket_key, encrypted_data_key, now + LIFETIME)
        with self._one_at_a_time:
            for shelf in (self._for_writing, self._for_reading):
                if len(shelf) >= _MOST_KEPT:
                    shelf.clear()
            self._for_reading[requester, encrypted_data_key] = kept
            if writes:
                self._for_writing[requester, *writes] = kept
        return kept

    def forget_all(self) -> None:
        with self._one_at_a_time:
            self._for_writing.clear()
            self._for_reading.clear()


def _living(kept: KeptKey | None, now: float) -> KeptKey | None:
    return kept if kept and kept.until > now else None
