"""AWS Key Management Service: one module per concept, one function per operation.

Which function answers which operation follows from the service model: CreateKey is answered
by `create_key`, wherever in these modules that stands.
"""

from kmslab.services.kms import (
    aliases,
    cryptography,
    custom_key_stores,
    data_key_pairs,
    data_keys,
    deletion,
    encapsulation,
    grant_lists,
    grants,
    import_parameters,
    imported_material,
    key_agreement,
    key_policies,
    keys,
    last_usage,
    macs,
    public_keys,
    re_encryption,
    replication,
    rotation,
    signing,
    tags,
)
from kmslab.services.operation_finder import operation_finder

find_operation = operation_finder(
    keys,
    aliases,
    cryptography,
    re_encryption,
    signing,
    macs,
    key_agreement,
    encapsulation,
    data_keys,
    data_key_pairs,
    public_keys,
    key_policies,
    tags,
    grants,
    grant_lists,
    deletion,
    rotation,
    last_usage,
    replication,
    import_parameters,
    imported_material,
    custom_key_stores,
)
