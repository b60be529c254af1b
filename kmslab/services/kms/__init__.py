"""AWS Key Management Service: one module per concept, one function per operation.

Which function answers which operation follows from the service model: CreateKey is answered
by `create_key`, wherever in these modules that stands.
"""

from kmslab.services.kms import (
    aliases,
    asymmetric_keys,
    cryptography,
    data_keys,
    deletion,
    grant_lists,
    grants,
    key_policies,
    keys,
    re_encryption,
    rotation,
    tags,
)
from kmslab.services.operation_finder import operation_finder

find_operation = operation_finder(
    keys,
    asymmetric_keys,
    aliases,
    cryptography,
    re_encryption,
    data_keys,
    key_policies,
    tags,
    grants,
    grant_lists,
    deletion,
    rotation,
)
