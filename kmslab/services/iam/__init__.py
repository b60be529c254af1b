"""AWS Identity and Access Management: users, roles and policies, one module per concept.

CreateUser is answered by `create_user`, wherever in these modules that stands.
"""

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
from kmslab.services.operation_finder import operation_finder

find_operation = operation_finder(
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
