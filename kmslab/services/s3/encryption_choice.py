"""Which encryption a write asks for: its headers, else the bucket's default.

This follows the S3 User Guide ("Specifying server-side encryption with AWS KMS", "Setting default
server-side encryption behavior"). What a choice costs, and whether KMS allows it, comes later.
"""

import base64
import json
from typing import Any, NamedTuple

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.customer_keys import CustomerKey, read_customer_key
from kmslab.store.s3_records import DSSE_KMS, SSE_C, SSE_KMS, SSE_S3, Bucket, Encryption, Pairs

_ALGORITHMS = frozenset({SSE_S3, SSE_KMS, DSSE_KMS})
_NAME = "x-amz-server-side-encryption-context"


class Choice(NamedTuple):
    """What a write asks for. `kms_key_id` is "" for AWS's own key for S3; `by_default` says that
    the bucket chose and not the request."""

    algorithm: str
    kms_key_id: str = ""
    bucket_key_enabled: bool = False
    context: Pairs = ()
    customer_key: CustomerKey | None = None
    by_default: bool = False

    @property
    def applied(self) -> str:
        """How CloudTrail calls it (S3 User Guide, "Monitoring default encryption")."""
        name = APPLIED[self.algorithm]
        return f"Default_{name}" if self.by_default else name


# How CloudTrail calls each kind.
APPLIED = {SSE_S3: "SSE_S3", SSE_KMS: "SSE_KMS", DSSE_KMS: "DSSE_KMS", SSE_C: "SSE_C"}


def chosen_encryption(call: Call, bucket: Bucket) -> Choice:
    """The choice of a PutObject, CopyObject or CreateMultipartUpload into `bucket`.

    Raises InvalidArgument and InvalidEncryptionAlgorithmError for headers that do not belong
    together, and AccessDenied for a kind of encryption that the bucket blocks.
    """
    asked = call.parameters
    customer_key = read_customer_key(asked)
    algorithm = asked.get("ServerSideEncryption")
    if customer_key:
        if algorithm or "SSEKMSKeyId" in asked:
            raise refusals.invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the "
                "encryption method specified",
                "x-amz-server-side-encryption",
                algorithm or "",
            )
        if SSE_C in bucket.blocked:
            raise refusals.access_denied(
                f"User: {call.principal.arn} is not authorized to perform: s3:PutObject "
                f'on resource: "{bucket.arn}/{asked["Key"]}" because this bucket has blocked '
                "upload requests that specify Server Side Encryption with Customer provided "
                "keys (SSE-C). Please specify a different server-side encryption type"
            )
        return Choice(SSE_C, customer_key=customer_key)
    if algorithm is None:
        return _default(asked, bucket)
    if algorithm not in _ALGORITHMS:
        raise refusals.unknown_encryption(algorithm)
    return _asked(asked, algorithm, bucket)


def _default(asked: dict[str, Any], bucket: Bucket) -> Choice:
    """No header says how: the bucket does."""
    if "SSEKMSKeyId" in asked or "SSEKMSEncryptionContext" in asked:
        raise refusals.key_id_without_kms()
    return Choice(
        bucket.algorithm,
        bucket.kms_key_id,
        bucket.algorithm == SSE_KMS and asked.get("BucketKeyEnabled", bucket.bucket_key_enabled),
        by_default=True,
    )


def _asked(asked: dict[str, Any], algorithm: str, bucket: Bucket) -> Choice:
    if algorithm == SSE_S3:
        if "SSEKMSKeyId" in asked or "SSEKMSEncryptionContext" in asked:
            raise refusals.key_id_without_kms()
        return Choice(SSE_S3)
    if algorithm == DSSE_KMS and asked.get("BucketKeyEnabled"):
        raise refusals.invalid_argument(
            "Dual-layer server-side encryption with AWS KMS keys does not support Bucket Keys.",
            "x-amz-server-side-encryption-bucket-key-enabled",
            "true",
        )
    # Without a key id it is AWS's own key, even where the bucket's default names another.
    return Choice(
        algorithm,
        asked.get("SSEKMSKeyId", ""),
        algorithm == SSE_KMS and asked.get("BucketKeyEnabled", bucket.bucket_key_enabled),
        _context(asked.get("SSEKMSEncryptionContext")),
    )


def _context(header: str | None) -> Pairs:
    """The encryption context that a caller sends as base64 of a JSON object of texts."""
    if header is None:
        return ()
    try:
        pairs = json.loads(base64.b64decode(header, validate=True).decode("utf-8"))
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, dict) or not all(isinstance(text, str) for text in pairs.values()):
        raise refusals.invalid_argument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 "
            "string holding JSON which represents a string-string map",
            _NAME,
            header[:1024],
        )
    return tuple(sorted(pairs.items()))


def told(encryption: Encryption) -> dict[str, Any]:
    """The members of an answer that say how an object is encrypted."""
    if encryption.algorithm == SSE_C:
        return {
            "SSECustomerAlgorithm": SSE_S3,
            "SSECustomerKeyMD5": encryption.customer_key_md5,
        }
    members: dict[str, Any] = {"ServerSideEncryption": encryption.algorithm}
    if encryption.uses_kms:
        members["SSEKMSKeyId"] = encryption.kms_key_arn
    if encryption.bucket_key_enabled:
        members["BucketKeyEnabled"] = True
    return members


def told_on_write(encryption: Encryption) -> dict[str, Any]:
    """The same for the answer to a write, which repeats the caller's encryption context."""
    members = told(encryption)
    if encryption.context:
        spelled = json.dumps(dict(encryption.context), ensure_ascii=False, separators=(",", ":"))
        members["SSEKMSEncryptionContext"] = base64.b64encode(spelled.encode()).decode("ascii")
    return members
