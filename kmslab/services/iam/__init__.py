"""AWS Identity and Access Management: users, roles and policies, one module per concept.

Which function answers which operation follows from the service model: CreateUser is answered
by `create_user`, wherever in these modules that stands.
"""

from functools import cache
from types import ModuleType

from botocore import xform_name

from kmslab.services.call import Operation
from kmslab.services.iam import (
    access_keys,
    attachments,
    boundaries,
    inline_policies,
    managed_policies,
    policy_usage,
    policy_versions,
    roles,
    simulation,
    tags,
    users,
)

_MODULES: tuple[ModuleType, ...] = (
    users,
    access_keys,
    roles,
    tags,
    inline_policies,
    managed_policies,
    policy_versions,
    policy_usage,
    attachments,
    boundaries,
    simulation,
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
