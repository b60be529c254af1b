"""How CloudTrail writes a file: a PutObject through the door, as the service principal that it is.

The bucket policy must let CloudTrail write for this trail, and the key policy must let it generate
data keys with the trail's ARN in the encryption context (CloudTrail User Guide, "Amazon S3 bucket
policy for CloudTrail" and "Configure AWS KMS key policies for CloudTrail"). What a file tells is
not known here.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from kmslab.errors import ServiceError
from kmslab.services.cloudtrail.backing import Backing, caller_for
from kmslab.services.cloudtrail.digests import Place
from kmslab.store.store import Store
from kmslab.store.trail_records import Trail


def put_file(
    backing: Backing,
    store: Store,
    trail: Trail,
    place: Place,
    content: bytes,
    when: float,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Put `content` in its place at the time `when`; a file with `metadata` is a digest. The answer
    is "", or the code of the error that S3 refused it with."""
    given = {
        "Bucket": place.bucket_name,
        "Key": place.object_key,
        "ACL": "bucket-owner-full-control",
        "ContentType": "application/json",
        "ContentEncoding": "gzip",
        **_encryption(trail, bool(metadata) and backing.digests_use_sse_s3),
        **({"Metadata": dict(metadata)} if metadata else {}),
    }
    bucket = store.buckets.get("", place.bucket_name)
    # The bucket may be in another Region than the trail. Of one that is gone S3 says so itself.
    region = bucket.region if bucket else trail.region
    try:
        backing.door.call(
            "s3", "PutObject", given, caller_for(trail), region, now=when, content=content
        )
    except ServiceError as refusal:
        return refusal.code
    except OSError:
        return "InternalError"
    return ""


def _encryption(trail: Trail, with_sse_s3: bool) -> dict[str, Any]:
    """What the trail says, and not the bucket's default, decides how its files are encrypted."""
    if with_sse_s3 or not trail.kms_key_arn:
        return {"ServerSideEncryption": "AES256"}
    pair = json.dumps({"aws:cloudtrail:arn": trail.arn}, separators=(",", ":"))
    return {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": trail.kms_key_arn,
        "SSEKMSEncryptionContext": base64.b64encode(pair.encode()).decode("ascii"),
    }
