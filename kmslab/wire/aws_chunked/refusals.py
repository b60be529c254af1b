"""How S3 refuses bodies that are not what was said of them, in AWS's words.

They follow the S3 API Reference ("Error responses").
"""

from kmslab.errors import ServiceError


def cut_off() -> ServiceError:
    return ServiceError("IncompleteBody", "The request body terminated unexpectedly")


def wrong_length() -> ServiceError:
    return ServiceError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def missing_length() -> ServiceError:
    return ServiceError(
        "MissingContentLength", "You must provide the Content-Length HTTP header.", 411
    )


def not_implemented(header: str) -> ServiceError:
    return ServiceError(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        501,
        {"Header": header},
    )


def too_large() -> ServiceError:
    return ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")


def wrong_hash(given: str, computed: str) -> ServiceError:
    return ServiceError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        extras={
            "ClientComputedContentSHA256": given,
            "S3ComputedContentSHA256": computed,
        },
    )


def signature_differs() -> ServiceError:
    return ServiceError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
        403,
    )


def malformed_trailer() -> ServiceError:
    return ServiceError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    )
