"""The refusals of S3, word for word where AWS's words are known.

They follow the S3 API Reference ("Error responses"). Nothing here knows what is asked for.
"""

from kmslab.access.decision import IDENTITY, Decision
from kmslab.errors import ServiceError
from kmslab.store.s3_records import Bucket, UploadedPart

# --- Buckets and objects ------------------------------------------------------------------


def no_such_bucket(bucket_name: str) -> ServiceError:
    extras = {"BucketName": bucket_name}
    return ServiceError("NoSuchBucket", "The specified bucket does not exist", 404, extras)


def no_such_key(object_key: str) -> ServiceError:
    return ServiceError("NoSuchKey", "The specified key does not exist.", 404, {"Key": object_key})


def no_such_upload(upload_id: str) -> ServiceError:
    return ServiceError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
        404,
        {"UploadId": upload_id},
    )


def no_such_bucket_policy(bucket_name: str) -> ServiceError:
    extras = {"BucketName": bucket_name}
    return ServiceError("NoSuchBucketPolicy", "The bucket policy does not exist", 404, extras)


def bucket_elsewhere(bucket: Bucket) -> ServiceError:
    """The bucket is in another Region than the one that was asked."""
    extras = {
        "Endpoint": f"s3.{bucket.region}.amazonaws.com",
        "Bucket": bucket.bucket_name,
        "Region": bucket.region,
    }
    return ServiceError(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified "
        "endpoint. Please send all future requests to this endpoint.",
        301,
        extras,
    )


def bucket_taken(bucket_name: str) -> ServiceError:
    return ServiceError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all "
        "users of the system. Please select a different name and try again.",
        409,
        {"BucketName": bucket_name},
    )


def bucket_owned(bucket_name: str) -> ServiceError:
    return ServiceError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        {"BucketName": bucket_name},
    )


def bucket_not_empty(bucket_name: str) -> ServiceError:
    return ServiceError(
        "BucketNotEmpty",
        "The bucket you tried to delete is not empty",
        409,
        {"BucketName": bucket_name},
    )


def invalid_bucket_name(bucket_name: str) -> ServiceError:
    return ServiceError(
        "InvalidBucketName",
        "The specified bucket is not valid.",
        extras={"BucketName": bucket_name},
    )


def invalid_location(region: str) -> ServiceError:
    return ServiceError(
        "InvalidLocationConstraint",
        "The specified location-constraint is not valid",
        extras={"LocationConstraint": region},
    )


def illegal_location(region: str) -> ServiceError:
    return ServiceError(
        "IllegalLocationConstraintException",
        f"The {region} location constraint is incompatible for the region specific endpoint "
        "this request was sent to.",
    )


def key_too_long(size: int) -> ServiceError:
    return ServiceError(
        "KeyTooLongError",
        "Your key is too long",
        extras={"Size": str(size), "MaxSizeAllowed": "1024"},
    )


# --- The request --------------------------------------------------------------------------


def access_denied(message: str = "Access Denied") -> ServiceError:
    return ServiceError("AccessDenied", message, 403)


def denied(decision: Decision) -> ServiceError:
    """AWS's sentence (S3 User Guide, "Troubleshoot access denied errors")."""
    asked = decision.question
    if asked.principal.is_anonymous:
        return access_denied()
    head = (
        f"User: {asked.principal.arn} is not authorized to perform: {asked.action} on resource: "
        f'"{asked.resource}"'
    )
    if decision.explicit:
        article = "an" if decision.missing == IDENTITY else "a"
        return access_denied(f"{head} with an explicit deny in {article} {decision.missing}")
    return access_denied(f"{head} because no {decision.missing} allows the {asked.action} action")


def invalid_argument(message: str, name: str = "", value: str = "") -> ServiceError:
    extras = {"ArgumentName": name, "ArgumentValue": value} if name else {}
    return ServiceError("InvalidArgument", message, extras=extras)


def invalid_request(message: str) -> ServiceError:
    return ServiceError("InvalidRequest", message)


def malformed_xml() -> ServiceError:
    return ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def malformed_policy(message: str) -> ServiceError:
    return ServiceError("MalformedPolicy", message)


def precondition_failed(condition: str) -> ServiceError:
    return ServiceError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        {"Condition": condition},
    )


def conditional_conflict(object_key: str) -> ServiceError:
    return ServiceError(
        "ConditionalRequestConflict",
        "The conditional request cannot succeed due to a conflicting operation against this "
        "resource.",
        409,
        {"Condition": "If-Match", "Key": object_key},
    )


def not_modified() -> ServiceError:
    return ServiceError("NotModified", "Not Modified", 304)


def invalid_range(asked: str, size: int) -> ServiceError:
    return ServiceError(
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        {"RangeRequested": asked, "ActualObjectSize": str(size)},
    )


def damaged() -> ServiceError:
    """Stored bytes that do not open: the object is lost, and nobody gets something else for it."""
    return ServiceError("InternalError", "We encountered an internal error. Please try again.", 500)


def copy_onto_itself() -> ServiceError:
    return invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without "
        "changing the object's metadata, storage class, website redirect location or encryption "
        "attributes."
    )


def invalid_part_number() -> ServiceError:
    return ServiceError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)


def invalid_part(upload_id: str, part_number: int, etag: str) -> ServiceError:
    return ServiceError(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag.",
        extras={"UploadId": upload_id, "PartNumber": str(part_number), "ETag": etag},
    )


def invalid_part_order(upload_id: str) -> ServiceError:
    return ServiceError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        extras={"UploadId": upload_id},
    )


def part_too_small(part: UploadedPart, least: int) -> ServiceError:
    extras = {
        "ProposedSize": str(part.size),
        "MinSizeAllowed": str(least),
        "PartNumber": str(part.part_number),
        "ETag": part.etag,
    }
    return ServiceError(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        extras=extras,
    )


# --- Integrity ----------------------------------------------------------------------------


def too_large(size: int, most: int) -> ServiceError:
    return ServiceError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        extras={"ProposedSize": str(size), "MaxSizeAllowed": str(most)},
    )


def bad_digest(what: str) -> ServiceError:
    return ServiceError("BadDigest", f"The {what} you specified did not match what we received.")


def bad_checksum(algorithm: str) -> ServiceError:
    return ServiceError(
        "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
    )


def invalid_digest() -> ServiceError:
    return ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.")


def malformed_trailer() -> ServiceError:
    return ServiceError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    )


# --- Encryption ---------------------------------------------------------------------------


def unknown_encryption(value: str) -> ServiceError:
    return ServiceError(
        "InvalidEncryptionAlgorithmError",
        "The Encryption request you specified is not valid. Supported value: AES256.",
        extras={"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": value},
    )


def key_id_without_kms() -> ServiceError:
    return invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms",
        "x-amz-server-side-encryption",
        "null",
    )


def needs_sigv4() -> ServiceError:
    return invalid_argument(
        "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS "
        "Signature Version 4.",
        "Authorization",
        "null",
    )


def needs_customer_key() -> ServiceError:
    return invalid_request(
        "The object was stored using a form of Server Side Encryption. The correct parameters "
        "must be provided to retrieve the object."
    )


def needs_no_customer_key() -> ServiceError:
    return invalid_request("The encryption parameters are not applicable to this object.")


def wrong_customer_key() -> ServiceError:
    return access_denied(
        "Requests specifying Server Side Encryption with Customer provided keys must provide "
        "the correct secret key."
    )


def encryption_header_on_read(value: str) -> ServiceError:
    return invalid_argument(
        "x-amz-server-side-encryption header is not supported for this operation.",
        "x-amz-server-side-encryption",
        value,
    )


def of_kms(refusal: ServiceError) -> ServiceError:
    """What S3 answers where KMS refused it."""
    if refusal.code == "AccessDeniedException":
        return access_denied(refusal.message)
    if refusal.status >= 500:
        return damaged()
    return ServiceError(f"KMS.{refusal.code}", refusal.message)
