"""The refusals of AWS, word for word, and the few errors of the lab itself.

AWS's sentences live here and nowhere else, so that a reader who meets one in a notebook
finds it with one search. This module knows nothing of requests, keys or state.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """An answer of AWS that is a refusal: what botocore raises as ClientError.

    `code` is AWS's error code, `message` AWS's sentence ("" where AWS sends none) and
    `status` the HTTP status. It follows the common errors of the KMS API Reference. S3 tells more
    in elements of their own: `extras`, name → text.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int = 400,
        extras: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status
        self.extras = extras or {}


class StateError(Exception):
    """The lab's directory cannot be used: held by another process, or its domain key is wrong."""


class IntegrityError(Exception):
    """Stored bytes are not what was stored: somebody changed, cut or exchanged them."""


class PolicyError(Exception):
    """A text is not a policy of its kind. The message is AWS's, where AWS's is known; `place` says
    where in the document, such as "statement 2, Condition"."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


# --- The request itself -------------------------------------------------------------------


def validation(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def constraints(violations: list[str]) -> ServiceError:
    """AWS's frame around the violated constraints of the service model; 20 are spelled out."""
    plural = "" if len(violations) == 1 else "s"
    spelled_out = "; ".join(violations[:20])
    return validation(f"{len(violations)} validation error{plural} detected: {spelled_out}")


def serialization(message: str = "") -> ServiceError:
    return ServiceError("SerializationException", message)


def unknown_operation(message: str = "") -> ServiceError:
    return ServiceError("UnknownOperationException", message)


def too_large() -> ServiceError:
    return ServiceError("RequestEntityTooLargeException", "Request body is too large.", 413)


def not_built(operation: str) -> ServiceError:
    return ServiceError(
        "UnsupportedOperationException", f"{operation} is not supported by kmslab yet."
    )


# --- Who is calling (facts: IAM User Guide, "Troubleshoot Signature Version 4") -----------


def missing_authentication_token() -> ServiceError:
    return ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")


def incomplete_signature(message: str) -> ServiceError:
    return ServiceError("IncompleteSignatureException", message)


def invalid_signature(message: str) -> ServiceError:
    return ServiceError("InvalidSignatureException", message)


def signature_differs() -> ServiceError:
    return invalid_signature(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details."
    )


def unrecognized_client() -> ServiceError:
    return ServiceError(
        "UnrecognizedClientException", "The security token included in the request is invalid."
    )


def expired_token() -> ServiceError:
    return ServiceError(
        "ExpiredTokenException", "The security token included in the request is expired"
    )


def access_denied(message: str) -> ServiceError:
    return ServiceError("AccessDeniedException", message)


# --- Names of keys and aliases ------------------------------------------------------------


def not_found(message: str) -> ServiceError:
    return ServiceError("NotFoundException", message)


def invalid_key_id(text: str) -> ServiceError:
    return not_found(f"Invalid keyId '{text}'")


def invalid_arn_region(region: str) -> ServiceError:
    return not_found(f"Invalid arn {region}")


def no_such_key(key_arn: str) -> ServiceError:
    return not_found(f"Key '{key_arn}' does not exist")


def no_such_alias(alias_arn: str) -> ServiceError:
    return not_found(f"Alias {alias_arn} is not found.")


def alias_exists(alias_arn: str) -> ServiceError:
    return ServiceError(
        "AlreadyExistsException", f"An alias with the name {alias_arn} already exists"
    )


def alias_prefix_missing() -> ServiceError:
    return validation(
        'Alias must start with the prefix "alias/". Please see '
        "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
    )


def reserved_alias(alias_name: str) -> ServiceError:
    return ServiceError("NotAuthorizedException", f"{alias_name} is a reserved alias name.")


def key_exists(key_arn: str) -> ServiceError:
    return ServiceError("AlreadyExistsException", f"Key '{key_arn}' already exists")


def limit_exceeded(message: str) -> ServiceError:
    return ServiceError("LimitExceededException", message)


def invalid_marker() -> ServiceError:
    return ServiceError("InvalidMarkerException", "Could not deserialize marker.")


# --- What a key may be used for -----------------------------------------------------------


def disabled(key_arn: str) -> ServiceError:
    return ServiceError("DisabledException", f"{key_arn} is disabled.")


def invalid_state(message: str) -> ServiceError:
    return ServiceError("KMSInvalidStateException", message)


def pending_deletion(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is pending deletion.")


def not_pending_deletion(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is not pending deletion.")


def pending_import(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is pending import.")


def key_is_unavailable(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is unavailable.")


def key_is_creating(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is creating.")


def key_is_updating(key_arn: str) -> ServiceError:
    return invalid_state(f"{key_arn} is updating.")


def invalid_origin(key_arn: str, origin: str) -> ServiceError:
    """The material of the key comes from where the operation can do nothing with it."""
    return ServiceError(
        "UnsupportedOperationException",
        f"{key_arn} origin is {origin} which is not valid for this operation.",
    )


def wrong_key_usage(key_arn: str, key_usage: str, operation: str) -> ServiceError:
    return ServiceError(
        "InvalidKeyUsageException",
        f"{key_arn} key usage is {key_usage} which is not valid for {operation}.",
    )


def not_multi_region_primary(key_arn: str) -> ServiceError:
    return ServiceError(
        "UnsupportedOperationException", f"{key_arn} is not a multi-region primary key."
    )


def not_multi_region_replica(key_arn: str) -> ServiceError:
    return ServiceError(
        "UnsupportedOperationException", f"{key_arn} is not a multi-region replica key."
    )


def incompatible_algorithm(algorithm: str, key_spec: str) -> ServiceError:
    return ServiceError(
        "InvalidKeyUsageException",
        f"Algorithm {algorithm} is incompatible with key spec {key_spec}.",
    )


def invalid_ciphertext() -> ServiceError:
    """AWS sends no sentence here, so that nobody learns what exactly did not fit."""
    return ServiceError("InvalidCiphertextException")


def incorrect_key() -> ServiceError:
    return ServiceError(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


# --- Imported key material ----------------------------------------------------------------


def unsupported_wrapping(
    key_spec: str, wrapping_key_spec: str, wrapping_algorithm: str
) -> ServiceError:
    return ServiceError(
        "UnsupportedOperationException",
        f"{wrapping_algorithm} with a wrapping key of {wrapping_key_spec} is not supported for key "
        f"material of {key_spec}.",
    )


def invalid_import_token() -> ServiceError:
    return ServiceError(
        "InvalidImportTokenException",
        "The import token is not valid, or it belongs to another KMS key.",
    )


def expired_import_token() -> ServiceError:
    return ServiceError("ExpiredImportTokenException", "The import token is expired.")


def unsound_key_material(key_spec: str) -> ServiceError:
    return ServiceError(
        "IncorrectKeyMaterialException", f"The key material is not that of a key of {key_spec}."
    )


def other_key_material(key_arn: str, expects_new: bool) -> ServiceError:
    wrong = "is already associated" if expects_new else "is not associated"
    return ServiceError(
        "IncorrectKeyMaterialException", f"The key material {wrong} with the key {key_arn}."
    )


def other_material_waits(key_arn: str, material_id: str, waiting_id: str) -> ServiceError:
    return invalid_state(
        f"New key material (id: {material_id}) cannot be imported into KMS key {key_arn}, because "
        f"another key material (id: {waiting_id}) is pending rotation."
    )


# --- Custom key stores --------------------------------------------------------------------


def no_such_key_store() -> ServiceError:
    """AWS sends no sentence."""
    return ServiceError("CustomKeyStoreNotFoundException")


def no_such_cluster(cluster_id: str) -> ServiceError:
    return ServiceError(
        "CloudHsmClusterNotFoundException", f"There is no CloudHSM cluster '{cluster_id}'."
    )


def no_such_endpoint_service() -> ServiceError:
    return ServiceError(
        "XksProxyVpcEndpointServiceNotFoundException", "There is no such VPC endpoint service."
    )


def unreachable_proxy(endpoint: str) -> ServiceError:
    return ServiceError(
        "XksProxyUriUnreachableException", f"{endpoint} cannot be reached: no call leaves kmslab."
    )


# --- The call itself ----------------------------------------------------------------------


def dry_run() -> ServiceError:
    return ServiceError(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )


def invalid_grant_token() -> ServiceError:
    return ServiceError("InvalidGrantTokenException", "The grant token is not valid.")


# --- Policies and tags --------------------------------------------------------------------


def malformed_policy(message: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocumentException", message)


def policy_locks_out() -> ServiceError:
    return malformed_policy(
        "The new key policy will not allow you to update the key policy in the future."
    )


def tag_error(message: str) -> ServiceError:
    return ServiceError("TagException", message)


def internal_failure() -> ServiceError:
    return ServiceError("KMSInternalException", "", 500)
