"""Amazon S3: buckets and objects that are really encrypted at rest, and KMS really asked.

One module per concept, one function per operation: PutObject is answered by `put_object`, wherever
in these modules that stands. Nothing here holds a key for longer than a request, but for Bucket
Keys, which nobody can read.
"""

from functools import cache
from types import ModuleType

from botocore import xform_name

from kmslab.services.call import Operation
from kmslab.services.s3 import (
    bucket_encryption,
    bucket_policies,
    buckets,
    copying,
    listing,
    multipart,
    noting,
    object_attributes,
    objects,
    tagging,
    update_encryption,
)

note_request = noting.note_request

_MODULES: tuple[ModuleType, ...] = (
    buckets,
    bucket_encryption,
    bucket_policies,
    objects,
    multipart,
    copying,
    listing,
    tagging,
    object_attributes,
    update_encryption,
)


@cache
def find_operation(name: str) -> Operation | None:
    """The function for operation `name`, or None where it is not built yet."""
    function_name = xform_name(name)
    for module in _MODULES:
        function: Operation | None = getattr(module, function_name, None)
        if function is not None:
            return function
    return None
