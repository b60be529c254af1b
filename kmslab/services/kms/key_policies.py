"""Key policies: the one named `default`, its syntax, and who could still change it."""

from dataclasses import replace
from typing import Any

from kmslab import arn as arns
from kmslab import errors
from kmslab.access.decision import OwnerSide, decide
from kmslab.access.policy import key_policy
from kmslab.access.principal_element import invalid_principals
from kmslab.errors import PolicyError
from kmslab.services.call import Call
from kmslab.services.identities import statement_naming_nobody
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.paging import page_end, page_limit, page_start
from kmslab.store.records import KmsKey

POLICY_NAME = "default"
_LARGEST = 32_768

# As KMS returns it, spaces included (KMS Developer Guide, "Default key policy").
_DEFAULT = """{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "%s"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"""


def default_key_policy(account: str) -> str:
    """The policy of a key that was created without one: it delegates to the account."""
    return _DEFAULT % arns.account_root_arn(account)


def get_key_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html"""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    _require_default_name(call)
    return {"Policy": kms_key.policy, "PolicyName": POLICY_NAME}


def list_key_policies(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html"""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    page_limit(call, 100, 1000)
    names = [] if page_start(call) else [POLICY_NAME]
    return {"PolicyNames": names, **page_end(call, False, "")}


def put_key_policy(call: Call) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    call.begin_change()
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    _require_default_name(call)
    policy = call.parameters["Policy"]
    check_key_policy(call, policy, kms_key)
    call.put(replace(kms_key, policy=policy))
    call.told = {"keyId": kms_key.arn}


def check_key_policy(call: Call, policy: str, kms_key: KmsKey) -> None:
    """Refuse a policy that is too long, is none, names nobody, or would lock its author out.

    Raises LimitExceededException and MalformedPolicyDocumentException.
    """
    if len(policy.encode()) > _LARGEST:
        raise errors.limit_exceeded(f"The key policy is larger than {_LARGEST} bytes.")
    try:
        compiled = key_policy(policy)
        stranger = statement_naming_nobody(call.store, compiled)
        if stranger:
            raise invalid_principals(stranger.label)
    except PolicyError as problem:
        raise errors.malformed_policy(str(problem)) from None
    if call.parameters.get("BypassPolicyLockoutSafetyCheck"):
        return
    question = call.question("PutKeyPolicy", kms_key.arn, kms_key)
    if not decide(question, call.identities, OwnerSide(compiled, kms_key.account)).allowed:
        raise errors.policy_locks_out()


def _require_default_name(call: Call) -> None:
    if call.parameters.setdefault("PolicyName", POLICY_NAME) != POLICY_NAME:
        raise errors.not_found("No such policy exists")
