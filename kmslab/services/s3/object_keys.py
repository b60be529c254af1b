"""The key of an object: asked from KMS in the caller's name, or wrapped by S3 itself.

With SSE-KMS S3 calls GenerateDataKey for every write and Decrypt for every read, through the same
door as everybody, with the rights of whoever made the request (S3 User Guide, "Using server-side
encryption with AWS KMS keys"). A Bucket Key makes those calls rare. What KMS refuses, S3 refuses.
"""

import base64
from typing import Any

from kmslab import arn as arns
from kmslab.errors import IntegrityError, ServiceError
from kmslab.services.call import Call
from kmslab.services.callers import Caller
from kmslab.services.s3 import refusals
from kmslab.services.s3.bucket_keys import KeptKey, Requester, Writes
from kmslab.services.s3.condition_keys import MANAGED_ALIAS, key_arn_of
from kmslab.services.s3.customer_keys import (
    CustomerKey,
    check_customer_key,
    new_customer_encryption,
)
from kmslab.services.s3.encryption_choice import Choice
from kmslab.services.s3.sealing import BucketKey, ObjectKey
from kmslab.store.s3_records import DSSE_KMS, SSE_S3, Bucket, Encryption, Pairs

SERVICE = "s3.amazonaws.com"
_OWN_PAIR = "aws:s3:arn"


def new_object_key(
    call: Call, bucket: Bucket, choice: Choice, object_arn: str
) -> tuple[ObjectKey, Encryption]:
    """A key for an object to be written, and how it is kept. Raises what KMS refuses, as S3 tells
    it: AccessDenied, or KMS.DisabledException and its like."""
    sealer = call.backing.sealer
    if choice.customer_key:
        return new_customer_encryption(sealer, choice.customer_key)
    if choice.algorithm == SSE_S3:
        object_key, wrapped = sealer.new_object_key()
        return object_key, Encryption(SSE_S3, wrapped_key=wrapped.hex())
    require_version_4(call)
    if choice.bucket_key_enabled:
        return _under_bucket_key(call, bucket, choice)
    return _under_data_key(call, choice, object_arn)


def open_object_key(
    call: Call, encryption: Encryption, customer_key: CustomerKey | None = None
) -> ObjectKey:
    """The key of a stored object. Raises what KMS refuses, and S3's refusals of a customer's key
    that is missing, wrong or not needed."""
    sealer = call.backing.sealer
    check_customer_key(sealer, encryption, customer_key)
    wrapped = bytes.fromhex(encryption.wrapped_key)
    try:
        if customer_key:
            return sealer.with_data_key(customer_key.secret)
        if encryption.algorithm == SSE_S3:
            return sealer.open_object_key(wrapped)
        require_version_4(call)
        if encryption.bucket_key_enabled:
            return _bucket_key_of(call, encryption).open_object_key(wrapped)
        plaintext_data_key = _decrypt(call, encryption)
        if encryption.algorithm == DSSE_KMS:
            return sealer.open_second_layer(plaintext_data_key, wrapped)
        return sealer.with_data_key(plaintext_data_key)
    except IntegrityError:
        raise refusals.damaged() from None


def call_kms(call: Call, operation: str, given: dict[str, Any], region: str = "") -> dict[str, Any]:
    """KMS's answer to S3, which asks in the name of its own caller; `region` is the request's
    unless another one is said. Raises S3's refusals."""
    caller = Caller(call.principal.forwarded_by(SERVICE), call.identities)
    decisions, region = call.nested_decisions, region or call.region
    try:
        # A delivery that is late is still of its own hour.
        answer = call.backing.call_kms(operation, given, caller, region, decisions, now=call.now)
        return answer or {}
    except ServiceError as refusal:
        raise refusals.of_kms(refusal) from None


def require_version_4(call: Call) -> None:
    """KMS takes no other signature, and S3 passes on none. Raises InvalidArgument."""
    signed = call.signature_facts.get("signatureversion")
    if not call.principal.is_service and signed != "AWS4-HMAC-SHA256":
        raise refusals.needs_sigv4()


def kms_key_text(call: Call, kms_key_id: str) -> str:
    """How S3 names the key to KMS: as the caller did, or AWS's own key for S3, in the account of
    the caller."""
    return kms_key_id or arns.alias_arn(call.account, call.region, MANAGED_ALIAS)


def whole_context(choice: Choice, own_arn: str) -> Pairs:
    """The caller's pairs, and the one that S3 adds. Raises InvalidArgument where the caller's own
    pairs say something else of the object."""
    pairs = dict(choice.context)
    if pairs.setdefault(_OWN_PAIR, own_arn) != own_arn:
        raise refusals.invalid_argument(
            f"The encryption context may not say another {_OWN_PAIR} than {own_arn}",
            "x-amz-server-side-encryption-context",
            pairs[_OWN_PAIR][:1024],
        )
    return tuple(sorted(pairs.items()))


def requester_of(call: Call) -> Requester:
    """For whom Bucket Keys are kept apart."""
    session = call.principal.identity["type"] == "AssumedRole"
    access_key_id = call.principal.identity["accessKeyId"] if session else ""
    return Requester(call.principal.arn, call.principal.user_id, access_key_id)


# --- Without and with a Bucket Key --------------------------------------------------------


def _under_data_key(call: Call, choice: Choice, object_arn: str) -> tuple[ObjectKey, Encryption]:
    context = whole_context(choice, object_arn)
    plaintext_data_key, encryption = _generate(call, choice, context)
    sealer = call.backing.sealer
    if choice.algorithm == DSSE_KMS:
        object_key, wrapped = sealer.new_second_layer(plaintext_data_key)
        return object_key, encryption._replace(wrapped_key=wrapped.hex())
    return sealer.with_data_key(plaintext_data_key), encryption


def _under_bucket_key(call: Call, bucket: Bucket, choice: Choice) -> tuple[ObjectKey, Encryption]:
    kept, encryption = bucket_key_for_writing(call, bucket, choice)
    object_key, wrapped = kept.bucket_key.new_object_key()
    return object_key, encryption._replace(wrapped_key=wrapped.hex())


def bucket_key_for_writing(
    call: Call, bucket: Bucket, choice: Choice
) -> tuple[KeptKey, Encryption]:
    """The Bucket Key for what this caller writes: kept from before, or asked from KMS."""
    context = whole_context(choice, bucket.arn)
    kms_key_arn = key_arn_of(call, kms_key_text(call, choice.kms_key_id))
    requester, backing = requester_of(call), call.backing
    writes = Writes(choice.kms_key_id, kms_key_arn, context)
    kept = backing.bucket_keys.for_writing(requester, writes, call.now)
    if kept:
        encryption = _encryption(choice, kms_key_arn, kept.encrypted_data_key, context)
        return kept, encryption
    plaintext_data_key, encryption = _generate(call, choice, context)
    bucket_key = backing.sealer.bucket_key(plaintext_data_key)
    # AWS's own key for S3 may have come to be with this very call.
    writes = writes._replace(kms_key_arn=encryption.kms_key_arn)
    kept = backing.bucket_keys.keep_for_writing(
        requester, writes, bucket_key, encryption.encrypted_data_key, call.now
    )
    return kept, encryption


def _bucket_key_of(call: Call, encryption: Encryption) -> BucketKey:
    """The Bucket Key of a stored object: kept for this caller, or opened by KMS."""
    backing, requester = call.backing, requester_of(call)
    blob = encryption.encrypted_data_key
    kept = backing.bucket_keys.for_reading(requester, blob, call.now)
    if kept is None:
        bucket_key = backing.sealer.bucket_key(_decrypt(call, encryption))
        kept = backing.bucket_keys.keep_for_reading(requester, bucket_key, blob, call.now)
    return kept.bucket_key


# --- What KMS is asked --------------------------------------------------------------------


def _generate(call: Call, choice: Choice, context: Pairs) -> tuple[bytes, Encryption]:
    """A plaintext data key, and how it is kept."""
    answer = call_kms(
        call,
        "GenerateDataKey",
        {
            "KeyId": kms_key_text(call, choice.kms_key_id),
            "KeySpec": "AES_256",
            "EncryptionContext": dict(context),
        },
    )
    blob = answer["CiphertextBlob"].hex()
    return answer["Plaintext"], _encryption(choice, answer["KeyId"], blob, context)


def _encryption(choice: Choice, kms_key_arn: str, blob: str, context: Pairs) -> Encryption:
    return Encryption(
        choice.algorithm,
        kms_key_arn,
        blob,
        bucket_key_enabled=choice.bucket_key_enabled,
        context=choice.context,
        key_context=context,
    )


def _decrypt(call: Call, encryption: Encryption) -> bytes:
    blob = bytes.fromhex(encryption.encrypted_data_key)
    answer = call_kms(
        call,
        "Decrypt",
        {
            "CiphertextBlob": base64.b64encode(blob).decode("ascii"),
            "EncryptionContext": dict(encryption.key_context),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
        # The source of a copy may be in another Region.
        encryption.kms_key_arn.split(":")[3],
    )
    plaintext_data_key: bytes = answer["Plaintext"]
    return plaintext_data_key
