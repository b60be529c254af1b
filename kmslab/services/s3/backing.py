"""What S3 works with besides records: the files of objects, a sealer, and KMS through the door.

The lab puts it together. KMS is called like by everybody: the call is authorised and recorded, in
the name of the caller whose request S3 serves.
"""

from typing import Any, NamedTuple, Protocol

from kmslab.access.decision import Decision
from kmslab.services.call import Output
from kmslab.services.callers import Caller
from kmslab.services.s3.bucket_keys import BucketKeys
from kmslab.services.s3.sealing import Sealer
from kmslab.store.object_files import ObjectFiles


class CallKms(Protocol):
    """The door's entry to KMS. What is decided is added to `decisions`; `now` is the time of the
    request that S3 serves. Raises ServiceError."""

    def __call__(
        self,
        operation: str,
        given: dict[str, Any],
        caller: Caller,
        region: str,
        decisions: list[Decision] | None = None,
        *,
        now: float | None = None,
    ) -> Output: ...


class Backing(NamedTuple):
    files: ObjectFiles
    sealer: Sealer
    bucket_keys: BucketKeys
    call_kms: CallKms
