"""The refusals of CloudTrail, word for word where AWS's words are known.

They follow the CloudTrail API Reference, whose exceptions are all HTTP 400. This module knows
nothing of requests or state: it makes errors, and never decides on one.
"""

from kmslab.errors import ServiceError

# --- Names and ARNs -----------------------------------------------------------------------


def invalid_trail_name(message: str) -> ServiceError:
    return ServiceError("InvalidTrailNameException", message)


def trail_name_too_short(length: int) -> ServiceError:
    return invalid_trail_name(
        "Trail name too short. Minimum allowed length: 3 characters. "
        f"Specified name length: {length} characters."
    )


def trail_name_too_long(length: int) -> ServiceError:
    return invalid_trail_name(
        "Trail name too long. Maximum allowed length: 128 characters. "
        f"Specified name length: {length} characters."
    )


def invalid_trail_arn(text: str) -> ServiceError:
    return ServiceError("CloudTrailARNInvalidException", f"Trail ARN is invalid: {text}")


def arn_of_another_region(region: str) -> ServiceError:
    return ServiceError(
        "CloudTrailARNInvalidException",
        f"Region in ARN is wrong, you can only access resources in region {region}.",
    )


def unknown_trail(text: str, account: str) -> ServiceError:
    """`text` is what the caller wrote."""
    return ServiceError("TrailNotFoundException", f"Unknown trail: {text} for the user: {account}")


def not_home_region(trail_arn: str, home_region: str) -> ServiceError:
    return ServiceError(
        "InvalidHomeRegionException",
        f"Trail {trail_arn} can only be changed from its home region: {home_region}.",
    )


def trail_exists(trail_name: str, account: str) -> ServiceError:
    return ServiceError(
        "TrailAlreadyExistsException",
        f"Trail {trail_name} already exists for customer: {account}",
    )


def too_many_trails(account: str, most: int, region: str) -> ServiceError:
    return ServiceError(
        "MaximumNumberOfTrailsExceededException",
        f"User: {account} already has {most} trails in {region}.",
    )


def changed_meanwhile(trail_arn: str) -> ServiceError:
    return ServiceError(
        "ConflictException",
        f"Another operation changed {trail_arn} meanwhile. Wait a moment, and try again.",
    )


# --- Settings of a trail ------------------------------------------------------------------


def global_events_missing() -> ServiceError:
    return ServiceError(
        "InvalidParameterCombinationException",
        "Multi-Region trail must include global service events.",
    )


def prefix_too_long(length: int, most: int) -> ServiceError:
    return ServiceError(
        "InvalidS3PrefixException",
        f"S3 prefix is longer than maximum length of {most} characters: it has {length}.",
    )


def invalid_bucket_name(bucket_name: str) -> ServiceError:
    return ServiceError("InvalidS3BucketNameException", f"Bucket name is invalid: {bucket_name}")


def no_organization(account: str) -> ServiceError:
    return ServiceError(
        "OrganizationsNotInUseException",
        f"The account {account} is not a member of an organization.",
    )


# --- Bucket and key -----------------------------------------------------------------------


def no_such_bucket(bucket_name: str) -> ServiceError:
    return ServiceError("S3BucketDoesNotExistException", f"S3 bucket {bucket_name} does not exist!")


def insufficient_bucket_policy(bucket_name: str) -> ServiceError:
    return ServiceError(
        "InsufficientS3BucketPolicyException",
        f"Incorrect S3 bucket policy is detected for bucket: {bucket_name}",
    )


def insufficient_key_policy(bucket_name: str, key_arn: str) -> ServiceError:
    return ServiceError(
        "InsufficientEncryptionPolicyException",
        f"Insufficient permissions to access S3 bucket {bucket_name} or KMS key {key_arn}.",
    )


def invalid_key_id(text: str) -> ServiceError:
    return ServiceError("InvalidKmsKeyIdException", f"KMS key ID is invalid: {text}")


def no_such_kms_key(text: str, region: str) -> ServiceError:
    return ServiceError(
        "KmsKeyNotFoundException",
        f"KMS key {text} was not found in {region}, the region of the S3 bucket.",
    )


def unusable_kms_key(text: str, reason: str) -> ServiceError:
    """`reason` is KMS's own sentence."""
    return ServiceError("KmsException", f"KMS key {text} cannot be used: {reason}")


# --- Selectors ----------------------------------------------------------------------------


def invalid_selectors(message: str) -> ServiceError:
    return ServiceError("InvalidEventSelectorsException", message)


def invalid_data_resource(value: str) -> ServiceError:
    return invalid_selectors(f"Value {value} for DataResources.Values is invalid.")


# --- Tags ---------------------------------------------------------------------------------


def unknown_resource(trail_arn: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"Resource {trail_arn} was not found.")


def resource_type_not_supported(text: str) -> ServiceError:
    return ServiceError(
        "ResourceTypeNotSupportedException", f"Resource type is not supported: {text}"
    )


def too_many_tags(most: int) -> ServiceError:
    return ServiceError(
        "TagsLimitExceededException", f"A resource can have no more than {most} tags."
    )


def invalid_tag(message: str) -> ServiceError:
    return ServiceError("InvalidTagParameterException", message)


# --- Looking up ---------------------------------------------------------------------------


def invalid_lookup_attributes(message: str) -> ServiceError:
    return ServiceError("InvalidLookupAttributesException", message)


def invalid_time_range() -> ServiceError:
    return ServiceError(
        "InvalidTimeRangeException", "Start time cannot be after the specified end time."
    )


def invalid_max_results(given: int, most: int) -> ServiceError:
    return ServiceError(
        "InvalidMaxResultsException",
        f"Max results {given} is invalid. Specify max results between 1 and {most}.",
    )


def invalid_next_token() -> ServiceError:
    return ServiceError(
        "InvalidNextTokenException",
        "The next token is invalid. It must be passed in with the parameters of the first call.",
    )


def invalid_token() -> ServiceError:
    """For the lists of CloudTrail that have one page alone."""
    return ServiceError("InvalidTokenException", "Reserved for future use.")
