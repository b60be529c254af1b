"""The words in which tests speak of CloudTrail: trails, and the policies that they need."""

import json
from datetime import UTC, datetime
from typing import Any

from aws_words import ACCOUNT, REGION

from kmslab import Lab

BUCKET, TRAIL = "amber-logs", "management-events"
SERVICE = "cloudtrail.amazonaws.com"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def trail_arn(name: str = TRAIL, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def client_of(lab: Lab, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
    """The client of an account's administrator in one Region."""
    return lab.client(service, lab.administrator(account), region_name=region)


def trail_bucket(
    lab: Lab,
    name: str = BUCKET,
    *trail_arns: str,
    prefix: str = "",
    region: str = REGION,
    account: str = ACCOUNT,
) -> str:
    """The name of a new bucket to which these trails, by default the usual one, may deliver below
    `prefix`."""
    s3 = client_of(lab, "s3", account, region)
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **({} if region == "us-east-1" else elsewhere))
    policy = bucket_policy(name, *(trail_arns or (trail_arn(),)), prefix=prefix)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def bucket_policy(name: str, *trail_arns: str, prefix: str = "") -> dict[str, Any]:
    """CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"."""
    path = f"{prefix}/" if prefix else ""
    accounts = dict.fromkeys(arn.split(":")[4] for arn in trail_arns)
    places = [f"arn:aws:s3:::{name}/{path}AWSLogs/{account}/*" for account in accounts]
    source = {"aws:SourceArn": list(trail_arns)}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck20150319",
                "Effect": "Allow",
                "Principal": {"Service": SERVICE},
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{name}",
                "Condition": {"StringEquals": source},
            },
            {
                "Sid": "AWSCloudTrailWrite20150319",
                "Effect": "Allow",
                "Principal": {"Service": SERVICE},
                "Action": "s3:PutObject",
                "Resource": places,
                "Condition": {
                    "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **source}
                },
            },
        ],
    }


def trail_key(lab: Lab, *trail_arns: str, region: str = REGION, account: str = ACCOUNT) -> str:
    """The ARN of a new KMS key with which these trails, by default the usual one, may encrypt."""
    policy = trail_key_policy(*(trail_arns or (trail_arn(),)), account=account)
    made = client_of(lab, "kms", account, region).create_key(Policy=json.dumps(policy))
    arn: str = made["KeyMetadata"]["Arn"]
    return arn


def trail_key_policy(*trail_arns: str, account: str = ACCOUNT) -> dict[str, Any]:
    """CloudTrail User Guide, "Configure AWS KMS key policies for CloudTrail"; the account's own
    identity policies say who reads."""
    source = {"aws:SourceArn": list(trail_arns)}
    contexts = [f"{arn.partition(':trail/')[0]}:trail/*" for arn in trail_arns]
    service = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Resource": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Enable IAM policies",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                **service,
                "Sid": "Allow CloudTrail to encrypt logs",
                "Action": "kms:GenerateDataKey*",
                "Condition": {
                    "StringEquals": source,
                    "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": contexts},
                },
            },
            {
                **service,
                "Sid": "Allow CloudTrail to describe the key",
                "Action": "kms:DescribeKey",
                "Condition": {"StringEquals": source},
            },
        ],
    }


def without(policy: dict[str, Any], sid: str) -> str:
    """The policy as text, less one statement."""
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    assert len(kept) == len(policy["Statement"]) - 1, f"no statement {sid}"
    return json.dumps({**policy, "Statement": kept})


def of_service(lab: Lab, since: int = 0) -> list[dict[str, Any]]:
    """What CloudTrail itself called, oldest first, after the first `since` events."""
    asked = {"type": "AWSService", "invokedBy": SERVICE}
    return [event for event in lab.events()[since:] if event["userIdentity"] == asked]
