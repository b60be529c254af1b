"""AWS CloudTrail: trails that deliver what happened, encrypted, signed and chained.

One module per concept, one function per operation: CreateTrail is answered by `create_trail`,
wherever in these modules that stands. CloudTrail reaches S3 and KMS through the door alone, as the
service principal that it is, and sees no key.
"""

from kmslab.services.call import Operation


def find_operation(name: str) -> Operation | None:
    return None
