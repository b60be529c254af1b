"""Who is calling: an IAM user with identity policies, ready to be decided on."""

from typing import Any, NamedTuple

from kmslab import arn as arns
from kmslab.access.policy import Policy, identity_policy
from kmslab.store.records import AccessKey, User

ADMINISTRATOR = "administrator"
ADMINISTRATOR_ACCESS = (
    "AdministratorAccess",
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
)


class Principal(NamedTuple):
    """A caller. `identity` is CloudTrail's userIdentity of a call made by it."""

    arn: str
    account: str
    account_root: str
    user_id: str
    identity: dict[str, Any]
    policies: tuple[tuple[str, Policy], ...]


def principal_of(user: User, access_key: AccessKey) -> Principal:
    """The principal that `user` is when signing with `access_key`."""
    arn = arns.user_arn(user.account, user.user_name)
    identity = {
        "type": "IAMUser",
        "principalId": user.user_id,
        "arn": arn,
        "accountId": user.account,
        "accessKeyId": access_key.access_key_id,
        "userName": user.user_name,
    }
    policies = tuple((name, identity_policy(text)) for name, text in user.policies)
    return Principal(
        arn, user.account, arns.account_root_arn(user.account), user.user_id, identity, policies
    )
