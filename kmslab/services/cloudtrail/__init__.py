"""AWS CloudTrail: trails that deliver what happened, encrypted, signed and chained.

One module per concept, one function per operation: CreateTrail is answered by `create_trail`,
wherever in these modules that stands. CloudTrail reaches S3 and KMS through the door alone, as the
service principal that it is, and sees no key.
"""

from kmslab.services.cloudtrail import (
    event_selectors,
    logging_state,
    lookup,
    public_keys,
    tags,
    trails,
)
from kmslab.services.operation_finder import operation_finder

find_operation = operation_finder(trails, logging_state, event_selectors, lookup, public_keys, tags)
