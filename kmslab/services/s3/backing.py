"""What S3 works with besides records: the files of objects, a sealer, and KMS through the door.

The lab puts it together. KMS is called like by everybody: the call is authorised and recorded, in
the name of the caller whose request S3 serves.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kmslab.access.decision import Decision
from kmslab.services.call import Output
from kmslab.services.callers import Caller
from kmslab.services.s3.bucket_keys import BucketKeys
from kmslab.services.s3.sealing import Sealer
from kmslab.store.object_files import ObjectFiles

# Operation, parameters, caller, Region, and a list that what is decided is added to → the answer.
# Raises ServiceError.
CallKms = Callable[[str, dict[str, Any], Caller, str, list[Decision]], Output]


class Backing(NamedTuple):
    files: ObjectFiles
    sealer: Sealer
    bucket_keys: BucketKeys
    call_kms: CallKms
