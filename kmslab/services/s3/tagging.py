"""Tags of objects. They are metadata: not encrypted, and no KMS key is needed for them."""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.s3 import refusals
from kmslab.services.s3.attributes import checked_tags
from kmslab.services.s3.authorization import authorise_object, find_bucket, find_object
from kmslab.store.s3_records import Pairs


def get_object_tagging(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html"""
    bucket = find_bucket(call)
    authorise_object(call, bucket, "GetObjectTagging", call.parameters["Key"])
    stored = find_object(call, bucket)
    return {"TagSet": [{"Key": name, "Value": value} for name, value in stored.tags]}


def put_object_tagging(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html"""
    listed = call.parameters["Tagging"].get("TagSet", [])
    if not all({"Key", "Value"} <= tag.keys() for tag in listed):
        raise refusals.malformed_xml()
    return _put(call, "PutObjectTagging", checked_tags([(t["Key"], t["Value"]) for t in listed]))


def delete_object_tagging(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html"""
    return _put(call, "DeleteObjectTagging", ())


def _put(call: Call, action: str, tags: Pairs) -> dict[str, Any]:
    call.begin_change()
    bucket = find_bucket(call)
    authorise_object(call, bucket, action, call.parameters["Key"])
    call.put(replace(find_object(call, bucket), tags=tags))
    return {}
