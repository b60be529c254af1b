"""GetObjectAttributes and GetObjectAcl: what is known of an object without its bytes."""

from typing import Any

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.authorization import authorise_object, find_bucket, find_object
from kmslab.services.s3.buckets import full_control
from kmslab.services.s3.customer_keys import check_customer_key, read_customer_key
from kmslab.services.s3.integrity import member_of, opened_checksum
from kmslab.services.s3.object_keys import open_object_key
from kmslab.store.s3_records import StoredObject

_ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


def get_object_attributes(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html

    The checksum is sealed with the object's key: who asks for it needs the key.
    """
    bucket, object_key = find_bucket(call), call.parameters["Key"]
    authorise_object(call, bucket, "GetObjectAttributes", object_key)
    authorise_object(call, bucket, "GetObject", object_key)
    stored = find_object(call, bucket)
    customer_key = read_customer_key(call.parameters)
    check_customer_key(call.backing.sealer, stored.encryption, customer_key)
    wanted = set(call.parameters["ObjectAttributes"])
    if not wanted or wanted - _ATTRIBUTES:
        raise refusals.invalid_argument("Invalid attribute name specified.")
    members = {
        "ETag": stored.etag,
        "StorageClass": dict(stored.headers).get("StorageClass", "STANDARD"),
        "ObjectSize": stored.size,
    }
    answer: dict[str, Any] = {name: value for name, value in members.items() if name in wanted}
    if "ObjectParts" in wanted and stored.part_sizes:
        answer["ObjectParts"] = {"TotalPartsCount": len(stored.part_sizes)}
    if "Checksum" in wanted and stored.checksum_algorithm:
        answer["Checksum"] = _checksum(call, stored)
    return {**answer, "LastModified": stored.last_modified}


def get_object_acl(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html"""
    bucket = find_bucket(call)
    authorise_object(call, bucket, "GetObjectAcl", call.parameters["Key"])
    find_object(call, bucket)
    return full_control(bucket.account)


def _checksum(call: Call, stored: StoredObject) -> dict[str, str]:
    object_key = open_object_key(call, stored.encryption, read_customer_key(call.parameters))
    return {
        member_of(stored.checksum_algorithm): opened_checksum(object_key, stored.sealed_checksum),
        "ChecksumType": stored.checksum_type,
    }
