"""The few AWS managed policies that the lab has. They belong to AWS: nobody can change them.

This knows their names and texts, and nothing of who has them attached.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

_ARN_HEAD = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True, slots=True)
class AwsManagedPolicy:
    """A policy of account "aws", of which only the present version is known. It reads like a
    ManagedPolicy."""

    policy_name: str
    policy_id: str
    description: str
    text: str
    creation_date: float
    update_date: float
    default_version: str = "v1"
    path: str = "/"
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return f"{_ARN_HEAD}{self.policy_name}"

    @property
    def versions(self) -> tuple[tuple[str, str, float], ...]:
        return ((self.default_version, self.text, self.update_date),)


def aws_managed_policy(arn: str) -> AwsManagedPolicy | None:
    """The policy with this ARN, None where the lab has none."""
    return _BY_ARN.get(arn)


def aws_managed_policies() -> tuple[AwsManagedPolicy, ...]:
    """All of them, by name."""
    return tuple(_BY_ARN.values())


def _allowing(actions: Iterable[str]) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=4)


# Actions, ids and dates as the AWS Managed Policy Reference Guide has them.
_KMS_POWER_USER = (
    *("kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*"),
    *("kms:GenerateRandom", "kms:Get*", "kms:List*", "kms:TagResource", "kms:UntagResource"),
    *("iam:ListGroups", "iam:ListRoles", "iam:ListUsers"),
)
# AWS lists hundreds of services here. These are the ones that the lab can show.
_READ_ONLY = (
    *("cloudtrail:Describe*", "cloudtrail:Get*", "cloudtrail:List*", "cloudtrail:LookupEvents"),
    *("iam:Get*", "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*"),
    *("s3:Describe*", "s3:Get*", "s3:List*", "sts:Get*"),
)

_BY_ARN = {
    policy.arn: policy
    for policy in (
        AwsManagedPolicy(
            "AWSKeyManagementServicePowerUser",
            "ANPAJNPP7PPPPMJRV2SA4",
            "Provides access to AWS Key Management Service (KMS).",
            _allowing(_KMS_POWER_USER),
            1423248040.0,
            1488848108.0,
            "v2",
        ),
        AwsManagedPolicy(
            "AdministratorAccess",
            "ANPAIWMBCKSKIEE64ZLYK",
            "Provides full access to AWS services and resources.",
            _allowing(["*"]),
            1423247986.0,
            1423247986.0,
        ),
        AwsManagedPolicy(
            "ReadOnlyAccess",
            "ANPAILL3HVNFSB6DCOWYQ",
            "Provides read-only access to AWS services and resources. Reduced by kmslab to the "
            "services cloudtrail, iam, kms, s3 and sts.",
            _allowing(_READ_ONLY),
            1423247988.0,
            1423247988.0,
        ),
    )
}
