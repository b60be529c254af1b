"""Amazon Resource Names: six parts between colons. Nothing here knows what a name stands for."""

from typing import NamedTuple

PARTITION = "aws"


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse_arn(text: str) -> Arn | None:
    """The parts of `text`, or None where it is not an ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    return Arn(*parts[1:])


def key_arn(account: str, region: str, key_id: str) -> str:
    return f"arn:{PARTITION}:kms:{region}:{account}:key/{key_id}"


def alias_arn(account: str, region: str, alias_name: str) -> str:
    return f"arn:{PARTITION}:kms:{region}:{account}:{alias_name}"


def account_root_arn(account: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:root"


def user_arn(account: str, user_name: str, path: str = "/") -> str:
    return f"arn:{PARTITION}:iam::{account}:user{path}{user_name}"


def role_arn(account: str, role_name: str, path: str = "/") -> str:
    return f"arn:{PARTITION}:iam::{account}:role{path}{role_name}"


def session_arn(account: str, role_name: str, session_name: str) -> str:
    """What a session of a role is called: the role's path is not part of it."""
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{session_name}"


def policy_arn(account: str, policy_name: str, path: str = "/") -> str:
    return f"arn:{PARTITION}:iam::{account}:policy{path}{policy_name}"


def bucket_arn(bucket_name: str) -> str:
    """Of a bucket no ARN says the account: its name is unique among all."""
    return f"arn:{PARTITION}:s3:::{bucket_name}"


def object_arn(bucket_name: str, object_key: str) -> str:
    return f"arn:{PARTITION}:s3:::{bucket_name}/{object_key}"


def trail_arn(account: str, region: str, trail_name: str) -> str:
    return f"arn:{PARTITION}:cloudtrail:{region}:{account}:trail/{trail_name}"
