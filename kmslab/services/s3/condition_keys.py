"""What a request to S3 tells to conditions: the `s3:` condition keys.

This follows the S3 User Guide ("Bucket policy examples using condition keys", "Requiring and
restricting SSE-KMS encryption"). Most keys are headers and query parameters under their own names.
A key that a request has nothing to say about is absent, which is a fact too: a bucket's default
encryption is not in the request.
"""

from typing import Any
from urllib.parse import parse_qsl

from kmslab import arn as arns
from kmslab.access.context import Value
from kmslab.errors import ServiceError
from kmslab.services.call import Call
from kmslab.services.condition_keys import by_name
from kmslab.services.s3.copy_source import read_copy_source
from kmslab.store.records import shelf_of
from kmslab.store.s3_records import SSE_C, Bucket, StoredObject

# Parameter → the header or query parameter after which the condition key is called.
_NAMED = {
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "ACL": "x-amz-acl",
    "MetadataDirective": "x-amz-metadata-directive",
    "StorageClass": "x-amz-storage-class",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "Prefix": "prefix",
    "Delimiter": "delimiter",
    "MaxKeys": "max-keys",
}
# Whether an operation makes an object: conditional writes are asked for then (S3 User Guide,
# "Enforce conditional writes on Amazon S3 buckets").
_CREATING = {
    **dict.fromkeys(("PutObject", "CopyObject", "CompleteMultipartUpload"), "true"),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "UploadPartCopy"), "false"),
}
MANAGED_ALIAS = "alias/aws/s3"


def s3_context(
    call: Call, bucket: Bucket | None, existing: StoredObject | None = None
) -> dict[str, Value]:
    """The condition keys of `call`, which is about `bucket` and perhaps an `existing` object."""
    given = call.parameters
    context: dict[str, Value] = {
        f"s3:{name}": str(given[member]) for member, name in _NAMED.items() if member in given
    }
    context.update({f"s3:{name}": value for name, value in call.signature_facts.items()})
    if bucket:
        context["s3:resourceaccount"] = context["aws:resourceaccount"] = bucket.account
    if call.operation in _CREATING:
        context["s3:objectcreationoperation"] = _CREATING[call.operation]
    if "CopySource" in given:
        context["s3:x-amz-copy-source"] = _source(given["CopySource"])
    context.update(_of_upload(call))
    if str(given.get("ServerSideEncryption")).startswith("aws:kms"):
        key_arn = key_arn_of(call, given.get("SSEKMSKeyId") or MANAGED_ALIAS)
        context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = key_arn
    if existing:
        context.update(by_name("s3:existingobjecttag/", existing.tags))
    return {**context, **_of_tags(given.get("Tagging"))}


def key_arn_of(call: Call, text: str) -> str:
    """The ARN of the KMS key that a caller wrote as `text`; of an alias without a key, the alias's
    own. Aliases are looked up in the account of the caller, whoever owns the bucket."""
    if text.startswith("arn:"):
        arn = arns.parse_arn(text)
        if arn is None or (arn.service, arn.region) != ("kms", call.region):
            return text
        if not arn.resource.startswith("alias/"):
            return text
        account, resource = arn.account, arn.resource
    else:
        account, resource = call.account, text
    if not resource.startswith("alias/"):
        return arns.key_arn(account, call.region, resource)
    alias = call.store.aliases.get(shelf_of(account, call.region), resource)
    if alias is None:
        return arns.alias_arn(account, call.region, resource)
    return arns.key_arn(account, call.region, alias.target_key_id)


def _of_upload(call: Call) -> dict[str, Value]:
    """Parts travel without a word about encryption: what holds of them was said when the upload
    began."""
    given = call.parameters
    if "UploadId" not in given:
        return {}
    name = f"{given['Key']}\0{given['UploadId']}"
    upload = call.store.multipart_uploads.get(given["Bucket"], name)
    if upload is None or upload.encryption.algorithm == SSE_C:
        return {}
    header = "s3:x-amz-server-side-encryption"
    told: dict[str, Value] = {header: upload.encryption.algorithm}
    if upload.encryption.uses_kms:
        told[f"{header}-aws-kms-key-id"] = upload.encryption.kms_key_arn
    return told


def _source(header: str) -> str:
    try:
        return str(read_copy_source(header))
    except ServiceError:
        # The operation will refuse it.
        return header


def _of_tags(tagging: str | dict[str, Any] | None) -> dict[str, Value]:
    """The tags that a request puts on its object: from the header, or from PutObjectTagging."""
    if not tagging:
        return {}
    if isinstance(tagging, str):
        tags = parse_qsl(tagging, keep_blank_values=True)
    else:
        tags = [(tag.get("Key", ""), tag.get("Value", "")) for tag in tagging.get("TagSet", ())]
    named = by_name("s3:requestobjecttag/", tags)
    return {**named, "s3:requestobjecttagkeys": tuple(name for name, _ in tags)}
