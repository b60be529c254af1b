"""AWS Security Token Service: who am I, and may I become that role for a while?

A role's trust policy says who may assume it, the caller's own policies whether it may ask; in one
account either may be enough, as for every resource with a policy. Temporary credentials end by
the lab's clock.
"""

import base64
from typing import Any

from botocore import xform_name

from kmslab import arn as arns
from kmslab import errors
from kmslab.access.decision import OwnerSide
from kmslab.access.policy import identity_policy
from kmslab.access.stored_policies import stored_trust_policy
from kmslab.errors import PolicyError, ServiceError
from kmslab.services.call import Call, Operation
from kmslab.services.callers import Callers
from kmslab.services.iam.tags import checked_tags
from kmslab.sources import RandomBytes, random_id
from kmslab.store.iam_records import Pairs, Role, RoleSession

HOUR = 3600
_NOT_BUILT = frozenset(
    {"SourceIdentity", "SerialNumber", "TokenCode", "TransitiveTagKeys", "ProvidedContexts"}
)
_LONGEST_POLICY = 2048


def get_caller_identity(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

    No permission is needed: whoever can sign may ask.
    """
    call.allow_everyone()
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def assume_role(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
    asked = call.parameters
    for member in _NOT_BUILT & asked.keys():
        # To leave it out would give a session that is not the one that was asked for.
        raise errors.not_built(member)
    role = _authorised_role(call)
    duration = asked.get("DurationSeconds", HOUR)
    _check_duration(call, role, duration)
    session = new_session(
        role,
        asked["RoleSessionName"],
        call.now,
        duration,
        call.random,
        policies=_session_policies(call, role),
        tags=checked_tags(call),
    )
    call.put(session)
    call.tells_its_output = True
    return _answer(role, session)


def new_session(
    role: Role,
    session_name: str,
    now: float,
    duration: float,
    random: RandomBytes,
    policies: Pairs | None = None,
    tags: Pairs = (),
) -> RoleSession:
    """A session of `role` with fresh credentials; `duration` is in seconds."""
    return RoleSession(
        access_key_id=f"ASIA{random_id(random, 16)}",
        secret_access_key=base64.b64encode(random(30)).decode("ascii"),
        session_token=base64.b64encode(random(150)).decode("ascii"),
        account=role.account,
        role_name=role.role_name,
        role_id=role.role_id,
        session_name=session_name,
        issued=now,
        expiration=now + duration,
        policies=policies,
        tags=tags,
    )


def find_operation(name: str) -> Operation | None:
    return _OPERATIONS.get(xform_name(name))


_OPERATIONS: dict[str, Operation] = {
    "get_caller_identity": get_caller_identity,
    "assume_role": assume_role,
}


def _authorised_role(call: Call) -> Role:
    """The role that is asked for. Whether one exists is told only to who may assume it."""
    role_arn = call.parameters["RoleArn"]
    role = _find_role(call, role_arn)
    call.more_context = _context(call)
    actions = ["AssumeRole", *(["TagSession"] if call.parameters.get("Tags") else [])]
    for action in actions:
        question = call.question(action, role_arn)
        if role is None:
            call.deny(question)
            raise _denied(call, action, role_arn)
        owner_side = OwnerSide(stored_trust_policy(role.trust_policy), role.account)
        if not call.decide(question, owner_side).allowed:
            raise _denied(call, action, role_arn)
    assert role
    call.resources = (role.arn,)
    if call.principal.arn == call.principal.account_root:
        raise errors.access_denied("Roles may not be assumed by root accounts.")
    return role


def _denied(call: Call, action: str, role_arn: str) -> ServiceError:
    return errors.access_denied(
        f"User: {call.principal.arn} is not authorized to perform: sts:{action} "
        f"on resource: {role_arn}"
    )


def _find_role(call: Call, role_arn: str) -> Role | None:
    arn = arns.parse_arn(role_arn)
    if arn is None or (arn.service, arn.region) != ("iam", "") or arn.resource[:5] != "role/":
        raise errors.validation(f"{role_arn} is invalid")
    role = call.store.roles.get(arn.account, arn.resource.rpartition("/")[2])
    return role if role and role.arn == role_arn else None


def _context(call: Call) -> dict[str, Any]:
    """The condition keys of trust policies (IAM User Guide, "Available keys for AWS STS")."""
    asked = call.parameters
    context = {"sts:rolesessionname": asked["RoleSessionName"]}
    if "ExternalId" in asked:
        context["sts:externalid"] = asked["ExternalId"]
    return context


def _check_duration(call: Call, role: Role, duration: int) -> None:
    if duration > role.max_session_duration:
        raise errors.validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if call.principal.identity["type"] == "AssumedRole" and duration > HOUR:
        raise errors.validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
            "by role chaining"
        )


def _session_policies(call: Call, role: Role) -> Pairs | None:
    """The session policies as they are now: what becomes of a managed one later does not
    matter. None where there are none, which is not the same as one that allows nothing.

    A managed policy has to be of the role's own account, or AWS's.
    """
    asked = call.parameters
    policies: list[tuple[str, str]] = []
    if "Policy" in asked:
        policies.append(("", _checked(asked["Policy"])))
    callers = Callers(call.store)
    for listed in asked.get("PolicyArns", ()):
        policy_arn = listed.get("arn", "")
        own = (arns.policy_arn(account, "") for account in (role.account, "aws"))
        text = callers.find_policy(policy_arn) if policy_arn.startswith(tuple(own)) else None
        if text is None:
            raise errors.validation(f"Policy {policy_arn} does not exist.")
        policies.append((policy_arn.rpartition("/")[2], text))
    return tuple(policies) or None


def _checked(text: str) -> str:
    if len(text) > _LONGEST_POLICY:
        raise ServiceError(
            "PackedPolicyTooLarge",
            f"The session policy is longer than {_LONGEST_POLICY} characters.",
        )
    try:
        identity_policy(text)
    except PolicyError as problem:
        raise ServiceError("MalformedPolicyDocument", str(problem)) from None
    return text


def _answer(role: Role, session: RoleSession) -> dict[str, Any]:
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration,
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.role_id}:{session.session_name}",
            "Arn": session.arn,
        },
    }
