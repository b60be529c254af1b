"""Amazon S3: buckets and objects that are really encrypted at rest, and KMS really asked.

One module per concept, one function per operation: PutObject is answered by `put_object`, wherever
in these modules that stands. Nothing here holds a key for longer than a request, but for Bucket
Keys, which nobody can read.
"""

from kmslab.services.operation_finder import operation_finder
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

find_operation = operation_finder(
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
