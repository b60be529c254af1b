"""How S3 refuses who did not sign, or not rightly, in AWS's words where they are known.

They follow the S3 API Reference ("Error responses", "Authenticating requests"). What was asked for,
and whether it is allowed, is not known here.
"""

import time

from kmslab.errors import ServiceError

_MALFORMED_HEADER = "The authorization header is malformed; "
_MALFORMED_CREDENTIAL = "Error parsing the X-Amz-Credential parameter; "


def access_denied(message: str, **extras: str) -> ServiceError:
    return ServiceError("AccessDenied", message, 403, extras)


def invalid_argument(message: str, name: str, value: str) -> ServiceError:
    extras = {"ArgumentName": name, "ArgumentValue": value}
    return ServiceError("InvalidArgument", message, extras=extras)


def invalid_request(message: str) -> ServiceError:
    return ServiceError("InvalidRequest", message)


def only_one_mechanism(authorization: str) -> ServiceError:
    return invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified",
        "Authorization",
        authorization,
    )


def unsupported_authorization(authorization: str) -> ServiceError:
    return invalid_argument("Unsupported Authorization Type", "Authorization", authorization)


def needs_version_4() -> ServiceError:
    return invalid_request(
        "The authorization mechanism you have provided is not supported. Please use "
        "AWS4-HMAC-SHA256."
    )


def malformed_header(problem: str, **extras: str) -> ServiceError:
    message = f"{_MALFORMED_HEADER}{problem}"
    return ServiceError("AuthorizationHeaderMalformed", message, extras=extras)


def malformed_credential(problem: str, **extras: str) -> ServiceError:
    """The same of a presigned URL."""
    return query_parameters(f"{_MALFORMED_CREDENTIAL}{problem}", **extras)


def query_parameters(message: str, **extras: str) -> ServiceError:
    return ServiceError("AuthorizationQueryParametersError", message, extras=extras)


def missing_payload_hash() -> ServiceError:
    return invalid_request("Missing required header for this request: x-amz-content-sha256")


def invalid_payload_hash(payload_hash: str) -> ServiceError:
    return invalid_argument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
        "valid sha256 value.",
        "x-amz-content-sha256",
        payload_hash,
    )


def missing_date() -> ServiceError:
    return access_denied("AWS authentication requires a valid Date or x-amz-date header")


def unknown_access_key(access_key_id: str) -> ServiceError:
    return ServiceError(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
        {"AWSAccessKeyId": access_key_id},
    )


def invalid_token() -> ServiceError:
    return ServiceError("InvalidToken", "The provided token is malformed or otherwise invalid.")


def unsigned_headers(names: list[str]) -> ServiceError:
    return access_denied(
        "There were headers present in the request which were not signed",
        HeadersNotSigned=", ".join(names),
    )


def signature_differs(
    access_key_id: str, signature: str, string_to_sign: bytes, canonical_request: bytes = b""
) -> ServiceError:
    """What was computed is told, so that the sender sees where the two part."""
    extras = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": string_to_sign.decode(errors="replace"),
        "SignatureProvided": signature,
        "StringToSignBytes": string_to_sign.hex(" "),
    }
    if canonical_request:
        extras["CanonicalRequest"] = canonical_request.decode(errors="replace")
        extras["CanonicalRequestBytes"] = canonical_request.hex(" ")
    return ServiceError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
        403,
        extras,
    )


def time_too_skewed(request_time: str, now: float, window: int) -> ServiceError:
    return ServiceError(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        403,
        {
            "RequestTime": request_time,
            "ServerTime": told_time(now),
            "MaxAllowedSkewMilliseconds": str(window * 1000),
        },
    )


def told_time(seconds: float) -> str:
    """A time as S3 tells it: 2026-01-05T09:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
