"""The refusals of IAM, word for word where AWS's words are known, with its codes and statuses.

This module knows nothing of requests or state: it makes errors, and never decides on one.
"""

from kmslab.errors import PolicyError, ServiceError

# --- What is not there --------------------------------------------------------------------


def _no_such_entity(message: str) -> ServiceError:
    return ServiceError("NoSuchEntity", message, 404)


def no_such_user(user_name: str) -> ServiceError:
    return _no_such_entity(f"The user with name {user_name} cannot be found.")


def no_such_role(role_name: str) -> ServiceError:
    return _no_such_entity(f"The role with name {role_name} cannot be found.")


def no_such_access_key(access_key_id: str) -> ServiceError:
    return _no_such_entity(f"The Access Key with id {access_key_id} cannot be found")


def no_such_inline_policy(kind: str, policy_name: str) -> ServiceError:
    """`kind` is "user" or "role"."""
    return _no_such_entity(f"The {kind} policy with name {policy_name} cannot be found.")


def no_such_policy(policy_arn: str) -> ServiceError:
    return _no_such_entity(f"Policy {policy_arn} was not found.")


def not_attachable(policy_arn: str) -> ServiceError:
    return _no_such_entity(f"Policy {policy_arn} does not exist or is not attachable.")


def no_such_boundary(policy_arn: str) -> ServiceError:
    return _no_such_entity(f"Scope ARN: {policy_arn} does not exist or is not attachable.")


def no_such_version(policy_arn: str, version_id: str) -> ServiceError:
    return _no_such_entity(
        f"Policy {policy_arn} version {version_id} does not exist or is not attachable."
    )


# --- What is in the way -------------------------------------------------------------------


def entity_exists(kind: str, name: str) -> ServiceError:
    """`kind` is "User" or "Role"."""
    return ServiceError("EntityAlreadyExists", f"{kind} with name {name} already exists.", 409)


def policy_exists(policy_name: str) -> ServiceError:
    return ServiceError(
        "EntityAlreadyExists",
        f"A policy called {policy_name} already exists. Duplicate names are not allowed.",
        409,
    )


def delete_conflict(message: str) -> ServiceError:
    return ServiceError("DeleteConflict", message, 409)


def must_first(step: str) -> ServiceError:
    """A user or role cannot go before `step`, such as "detach all policies"."""
    return delete_conflict(f"Cannot delete entity, must {step} first.")


def default_version() -> ServiceError:
    return delete_conflict("Cannot delete the default version of a policy.")


def policy_in_use() -> ServiceError:
    return delete_conflict("Cannot delete a policy attached to entities.")


def more_versions() -> ServiceError:
    return delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy."
    )


def of_aws(caller_arn: str, operation: str, policy_arn: str) -> ServiceError:
    """AWS's own policies are for nobody to change, whatever the caller's policies allow."""
    return ServiceError(
        "AccessDenied",
        f"User: {caller_arn} is not authorized to perform: iam:{operation} "
        f"on resource: policy {policy_arn}",
        403,
    )


# --- What is too much ---------------------------------------------------------------------


def _limit_exceeded(message: str) -> ServiceError:
    return ServiceError("LimitExceeded", message, 409)


def quota(name: str, most: int) -> ServiceError:
    return _limit_exceeded(f"Cannot exceed quota for {name}: {most}")


def inline_too_large(kind: str, name: str, most: int) -> ServiceError:
    return _limit_exceeded(f"Maximum policy size of {most} bytes exceeded for {kind} {name}")


def too_many_versions(most: int) -> ServiceError:
    return _limit_exceeded(
        f"A managed policy can have up to {most} versions. Before you create a new version, you "
        "must delete an existing version."
    )


def too_many_tags() -> ServiceError:
    return _limit_exceeded("The number of tags has reached the maximum limit.")


# --- What cannot be read ------------------------------------------------------------------


def malformed_policy(problem: PolicyError) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", str(problem))


def invalid_principal(principal_arn: str) -> ServiceError:
    return ServiceError(
        "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal_arn}"'
    )


def other_actions_than_sts() -> ServiceError:
    return ServiceError(
        "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."
    )


def invalid_input(message: str) -> ServiceError:
    return ServiceError("InvalidInput", message)


def invalid_arn(text: str) -> ServiceError:
    return invalid_input(f"ARN {text} is not valid.")


def duplicate_tags() -> ServiceError:
    return invalid_input(
        "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    )


def reserved_tag() -> ServiceError:
    return invalid_input("Tag keys that begin with aws: are reserved for system use.")


def unclear_entity(entity_arn: str) -> ServiceError:
    return invalid_input(
        f"Invalid Entity Arn: {entity_arn} does not clearly define entity type and name."
    )


def invalid_marker() -> ServiceError:
    return ServiceError("ValidationError", "Invalid Marker.")


def no_user_name() -> ServiceError:
    return ServiceError(
        "ValidationError", "Must specify userName when calling with non-User credentials"
    )
