"""AWS managed keys: `alias/aws/<service>`, made by AWS when they are first needed.

Their policy is fixed. It lets the service use the key for callers of the account (by
kms:ViaService) and lets the account look at it; nobody may use or change it directly
(KMS Developer Guide, "AWS managed keys"). The policy says so itself, so no code here
treats these keys in a special way once they exist.
"""

from dataclasses import replace

from kmslab import arn as arns
from kmslab.services.call import Call
from kmslab.services.kms.new_keys import new_symmetric_key
from kmslab.store.records import Alias, KmsKey, rotated_yearly, shelf_of

PREFIX = "alias/aws/"

# The services with a predefined alias that a learner may meet, and what they protect.
_PROTECTS = {
    "acm": "ACM private keys",
    "backup": "backups",
    "dynamodb": "DynamoDB tables",
    "ebs": "EBS volumes",
    "elasticfilesystem": "EFS filesystems",
    "es": "Elasticsearch domains",
    "glue": "Glue metadata",
    "kinesis": "Kinesis streams",
    "lambda": "Lambda environment variables",
    "rds": "RDS databases",
    "redshift": "Redshift clusters",
    "s3": "S3 objects",
    "secretsmanager": "Secrets Manager secrets",
    "sns": "SNS topics",
    "sqs": "SQS queues",
    "ssm": "SSM parameters",
}

_POLICY = """{
  "Version" : "2012-10-17",
  "Id" : "auto-%(service)s-1",
  "Statement" : [ {
    "Sid" : "Allow access through %(service)s for all principals in the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", \
"kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "%(account)s",
        "kms:ViaService" : "%(service)s.%(region)s.amazonaws.com"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "%(root)s"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*" ],
    "Resource" : "*"
  } ]
}"""


def is_own_key_of(alias_name: str, via: tuple[str, ...]) -> bool:
    """Whether the alias is that of the service which forwards a call, the last of `via`."""
    return bool(via) and alias_name == f"{PREFIX}{via[-1].removesuffix('.amazonaws.com')}"


def make_when_named(call: Call, text: str) -> KmsKey | None:
    """The new AWS managed key that `text` names by its predefined alias; None where there is one
    already, or `text` names something else. It comes to be with the call, if that is allowed."""
    alias_name = text.removeprefix(arns.alias_arn(call.account, call.region, ""))
    service = alias_name.removeprefix(PREFIX)
    shelf = shelf_of(call.account, call.region)
    if not alias_name.startswith(PREFIX) or service not in _PROTECTS:
        return None
    if call.store.aliases.get(shelf, alias_name):
        return None
    call.begin_change()
    # Another call may have made it while this one waited for its turn.
    return None if call.store.aliases.get(shelf, alias_name) else _make(call, service, alias_name)


def _make(call: Call, service: str, alias_name: str) -> KmsKey:
    owner = {"account": call.account, "region": call.region}
    policy = _POLICY % {**owner, "service": service, "root": arns.account_root_arn(call.account)}
    kms_key, token, material = new_symmetric_key(call, policy)
    kms_key = replace(
        rotated_yearly(kms_key),
        key_manager="AWS",
        description=(
            f"Default key that protects my {_PROTECTS[service]} when no other key is defined"
        ),
        alias_names=(alias_name,),
    )
    alias = Alias(
        **owner,
        alias_name=alias_name,
        target_key_id=kms_key.key_id,
        creation_date=call.now,
        last_updated_date=call.now,
    )
    call.put(kms_key, token, material, alias)
    call.resources += (kms_key.arn,)
    return kms_key
