"""AWS Key Management Service: one module per concept, one function per operation.

Which function answers which operation follows from the service model: CreateKey is answered
by `create_key`, wherever in these modules that stands.
"""

from functools import cache
from types import ModuleType

from botocore import xform_name

from kmslab.services.call import Operation
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
    tags,
)

_MODULES: tuple[ModuleType, ...] = (
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
