"""What a request to S3 tells to conditions: the `s3:` condition keys.

This follows the S3 User Guide ("Bucket policy examples using condition keys", "Requiring and
restricting SSE-KMS encryption"). Most keys are headers and query parameters under their own names.
A key that a request has nothing to say about is absent, which is a fact too: a bucket's default
encryption is not in the request.
"""

from urllib.parse import parse_qsl

from kmslab import arn as arns
from kmslab.access.context import Value, folded
from kmslab.services.call import Call
from kmslab.store.records import shelf_of
from kmslab.store.s3_records import Bucket

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
_CREATING = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
MANAGED_ALIAS = "alias/aws/s3"


def s3_context(call: Call, bucket: Bucket | None) -> dict[str, Value]:
    """The condition keys of `call`."""
    given = call.parameters
    context: dict[str, Value] = {
        f"s3:{name}": str(given[member]) for member, name in _NAMED.items() if member in given
    }
    context.update({f"s3:{name}": value for name, value in call.signature_facts.items()})
    if bucket:
        context["s3:resourceaccount"] = context["aws:resourceaccount"] = bucket.account
    if call.operation in _CREATING:
        context["s3:objectcreationoperation"] = "true"
    if "CopySource" in given:
        context["s3:x-amz-copy-source"] = given["CopySource"].removeprefix("/")
    if str(given.get("ServerSideEncryption")).startswith("aws:kms"):
        key_arn = key_arn_of(call, given.get("SSEKMSKeyId") or MANAGED_ALIAS)
        context["s3:x-amz-server-side-encryption-aws-kms-key-id"] = key_arn
    return {**context, **_of_tags(given.get("Tagging"))}


def key_arn_of(call: Call, text: str) -> str:
    """The ARN of the KMS key that a caller wrote as `text`; of an alias without a key, the alias's
    own. Aliases are looked up in the account of the caller, whoever owns the bucket."""
    if text.startswith("arn:"):
        arn = arns.parse_arn(text)
        if arn is None or not arn.resource.startswith("alias/"):
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


def _of_tags(tagging: object) -> dict[str, Value]:
    """The tags that a request puts on its object, from the header."""
    if not isinstance(tagging, str):
        return {}
    tags = parse_qsl(tagging, keep_blank_values=True)
    context: dict[str, Value] = {
        folded(f"s3:requestobjecttag/{name}"): value for name, value in tags
    }
    return {**context, "s3:requestobjecttagkeys": tuple(name for name, _ in tags)}
