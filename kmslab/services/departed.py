"""What becomes of the rights of a user or role that is deleted: they are nobody's.

Where a key policy, a trust policy or a grant names it, its unique id takes the place of its ARN
(IAM User Guide, "AWS JSON policy elements: Principal"). So whoever is given the same name later
does not come into the rights of the one before. Who may delete is not known here.
"""

import json
from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.store.iam_records import Role, User


def renounce(call: Call, entity: User | Role) -> None:
    """Put the id of `entity` in the place of its ARN, in all policies and grants of the lab."""
    unique_id = entity.user_id if isinstance(entity, User) else entity.role_id
    quoted = json.dumps(entity.arn)
    for kms_key in call.store.kms_keys:
        if quoted in kms_key.policy:
            call.put(replace(kms_key, policy=_without(kms_key.policy, entity.arn, unique_id)))
    for role in call.store.roles:
        if quoted in role.trust_policy and role is not entity:
            trust_policy = _without(role.trust_policy, entity.arn, unique_id)
            call.put(replace(role, trust_policy=trust_policy))
    for bucket in call.store.buckets:
        if quoted in bucket.policy:
            call.put(replace(bucket, policy=_without(bucket.policy, entity.arn, unique_id)))
    for grant in call.store.grants:
        if entity.arn in (grant.grantee_principal, grant.retiring_principal):
            # Deleted first, since the index finds a grant by the principals it names.
            call.delete(grant)
            call.put(
                replace(
                    grant,
                    grantee_principal=_renamed(grant.grantee_principal, entity.arn, unique_id),
                    retiring_principal=_renamed(grant.retiring_principal, entity.arn, unique_id),
                )
            )


def _without(policy: str, arn: str, unique_id: str) -> str:
    """The policy with the id in its Principal elements, as JSON that reads like it did."""
    document = json.loads(policy)
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            if isinstance(named, dict) and "AWS" in named:
                named["AWS"] = _renamed(named["AWS"], arn, unique_id)
    return json.dumps(document, indent=2, ensure_ascii=False)


def _renamed(named: Any, arn: str, unique_id: str) -> Any:
    if isinstance(named, list):
        return [_renamed(each, arn, unique_id) for each in named]
    return unique_id if named == arn else named
