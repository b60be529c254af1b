"""UpdateObjectEncryption: another key for an object whose bytes stay where they are.

Only the wrapped data key changes (S3 User Guide, "Updating server-side encryption for existing
objects"). Between KMS keys that is KMS's ReEncrypt; an object key that S3 had wrapped itself is
encrypted by KMS, or wrapped under a Bucket Key. Size, ETag, date and checksum stay as they are.
"""

import base64
from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab.errors import IntegrityError
from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_object, find_bucket, find_object
from kmslab.services.s3.encryption_choice import Choice
from kmslab.services.s3.object_keys import (
    bucket_key_for_writing,
    call_kms,
    open_object_key,
    require_version_4,
    whole_context,
)
from kmslab.services.s3.sealing import ObjectKey
from kmslab.store.s3_records import DSSE_KMS, SSE_C, SSE_KMS, Bucket, Encryption, StoredObject


def update_object_encryption(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html

    From SSE-S3 or SSE-KMS to SSE-KMS, with a key of the bucket owner's account by its full ARN.
    """
    bucket = find_bucket(call)
    authorise_object(call, bucket, "UpdateObjectEncryption", call.parameters["Key"])
    stored = find_object(call, bucket)
    choice = _choice(call, bucket)
    require_version_4(call)
    if stored.encryption.algorithm in (DSSE_KMS, SSE_C):
        raise refusals.invalid_request(
            "The source object's encryption type is not supported by UpdateObjectEncryption."
        )
    try:
        encryption = _encryption(call, bucket, stored, choice)
    except IntegrityError:
        raise refusals.damaged() from None
    call.begin_change()
    if call.store.objects.get(bucket.bucket_name, stored.object_key) is not stored:
        raise refusals.conditional_conflict(stored.object_key)
    call.put(replace(stored, encryption=encryption))
    call.additional = {"SSEApplied": choice.applied}
    return {}


def _choice(call: Call, bucket: Bucket) -> Choice:
    asked = call.parameters["ObjectEncryption"].get("SSEKMS")
    if asked is None:
        raise refusals.malformed_xml()
    arn = arns.parse_arn(asked["KMSKeyArn"])
    if arn is None or arn.service != "kms" or not arn.resource.startswith("key/"):
        raise refusals.invalid_argument(
            "The KMS key must be given by its full ARN", "KMSKeyArn", asked["KMSKeyArn"][:1024]
        )
    if arn.account != bucket.account:
        raise refusals.access_denied(
            "UpdateObjectEncryption takes KMS keys of the bucket owner's account only."
        )
    return Choice(SSE_KMS, asked["KMSKeyArn"], bool(asked.get("BucketKeyEnabled")))


def _encryption(call: Call, bucket: Bucket, stored: StoredObject, choice: Choice) -> Encryption:
    """How the object's key is kept from now on."""
    old = stored.encryption
    # The caller's own pairs belong to the object and move with it.
    choice = choice._replace(context=old.context)
    if choice.bucket_key_enabled:
        object_key = open_object_key(call, old)
        kept, encryption = bucket_key_for_writing(call, bucket, choice)
        return encryption._replace(wrapped_key=kept.bucket_key.wrap(object_key).hex())
    context = dict(whole_context(choice, stored.arn))
    if old.uses_kms and not old.bucket_key_enabled:
        answer = _re_encrypted(call, old, choice, context)
    else:
        answer = _encrypted(call, open_object_key(call, old), choice, context)
    return Encryption(
        SSE_KMS,
        answer["KeyId"],
        answer["CiphertextBlob"].hex(),
        context=old.context,
        key_context=tuple(sorted(context.items())),
    )


def _re_encrypted(
    call: Call, old: Encryption, choice: Choice, context: dict[str, str]
) -> dict[str, Any]:
    given = {
        "CiphertextBlob": _base64(bytes.fromhex(old.encrypted_data_key)),
        "SourceEncryptionContext": dict(old.key_context),
        "DestinationKeyId": choice.kms_key_id,
        "DestinationEncryptionContext": context,
    }
    return call_kms(call, "ReEncrypt", given)


def _encrypted(
    call: Call, object_key: ObjectKey, choice: Choice, context: dict[str, str]
) -> dict[str, Any]:
    """KMS's Encrypt of an object key that S3 made itself."""
    answer: dict[str, Any] = {}

    def encrypt(plaintext: bytes) -> bytes:
        given = {
            "KeyId": choice.kms_key_id,
            "Plaintext": _base64(plaintext),
            "EncryptionContext": context,
        }
        answer.update(call_kms(call, "Encrypt", given))
        return bytes(answer["CiphertextBlob"])

    object_key.sealed_by(encrypt)
    return answer


def _base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")
