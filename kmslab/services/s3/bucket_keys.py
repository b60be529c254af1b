"""S3 Bucket Keys: one key from KMS for many objects, kept for a short time.

S3 asks KMS once for a bucket-level key and wraps the keys of objects under it by itself (S3 User
Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys"). Every requester has its own, so
that KMS decides about each, and the trail names each. What is kept are objects that wrap and
unwrap, never bytes; they are lost with the process, as are AWS's.
"""

import threading
from typing import Any, NamedTuple

from kmslab.services.s3.sealing import BucketKey
from kmslab.store.s3_records import Pairs

# AWS says "a time-limited period" and no number. Seconds by the lab's clock.
LIFETIME = 300
_MOST_KEPT = 10_000


class Requester(NamedTuple):
    """For whom S3 keeps a Bucket Key. Another session of a role is another requester, and so is
    somebody else who was given the name of a user that is gone."""

    arn: str
    user_id: str
    access_key_id: str


class Writes(NamedTuple):
    """What a Bucket Key is there for: the key as the caller named it and by its ARN, and the
    encryption context."""

    kms_key_text: str
    kms_key_arn: str
    context: Pairs


class KeptKey(NamedTuple):
    """A Bucket Key and its ciphertext blob, in hex."""

    bucket_key: BucketKey
    encrypted_data_key: str
    until: float


class BucketKeys:
    """The Bucket Keys that S3 keeps at the moment."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._for_writing: dict[tuple[Requester, Writes], KeptKey] = {}
        self._for_reading: dict[tuple[Requester, str], KeptKey] = {}

    def for_writing(self, requester: Requester, writes: Writes, now: float) -> KeptKey | None:
        """The key that wraps what `requester` writes."""
        return _living(self._for_writing.get((requester, writes)), now)

    def for_reading(
        self, requester: Requester, encrypted_data_key: str, now: float
    ) -> KeptKey | None:
        """The key that was opened for `requester` from this blob."""
        return _living(self._for_reading.get((requester, encrypted_data_key)), now)

    def keep_for_writing(
        self, requester: Requester, writes: Writes, bucket_key: BucketKey, blob: str, now: float
    ) -> KeptKey:
        """Keep what GenerateDataKey gave to `requester`. It opens nothing for a reader: that is
        another right."""
        kept = self._for_writing[requester, writes] = KeptKey(bucket_key, blob, now + LIFETIME)
        self._bound(self._for_writing)
        return kept

    def keep_for_reading(
        self, requester: Requester, bucket_key: BucketKey, blob: str, now: float
    ) -> KeptKey:
        """Keep what Decrypt gave to `requester`."""
        kept = self._for_reading[requester, blob] = KeptKey(bucket_key, blob, now + LIFETIME)
        self._bound(self._for_reading)
        return kept

    def _bound(self, shelf: dict[Any, KeptKey]) -> None:
        with self._one_at_a_time:
            if len(shelf) > _MOST_KEPT:
                shelf.clear()

    def forget_all(self) -> None:
        with self._one_at_a_time:
            self._for_writing.clear()
            self._for_reading.clear()


def _living(kept: KeptKey | None, now: float) -> KeptKey | None:
    return kept if kept and kept.until > now else None
