"""Who calls in a simulation, and what its requests say: CallerArn and ContextEntries.

The caller need not exist. What policies make of it is not known here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kmslab import arn as arns
from kmslab.access import readings
from kmslab.access.context import Value, folded
from kmslab.access.principals import Principal, session_principal, user_principal
from kmslab.arn import Arn
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.entities import Entity, find_entity
from kmslab.store.iam_records import Role, RoleSession, User

_SESSION_NAME = "simulation"

# What a value of each ContextKeyType has to be; a list is of the same.
_READINGS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "numeric": readings.number,
    "boolean": readings.boolean,
    "ip": readings.network,
    "binary": readings.binary,
    "date": readings.seconds,
}


def simulated_caller(call: Call, caller_arn: str) -> Principal:
    """The principal with this ARN, a user or a role. One of another account is not looked up:
    who asks would learn whether it exists."""
    arn = arns.parse_arn(caller_arn)
    if arn is None or (arn.service, arn.region) != ("iam", ""):
        raise refusals.unclear_entity(caller_arn)
    known = find_entity(call.store, caller_arn) if arn.account == call.account else None
    return principal_of(known or _made_up(arn), call.now)


def principal_of(entity: Entity, now: float) -> Principal:
    """The principal that a user is, or a session of a role."""
    if isinstance(entity, User):
        return user_principal(entity, "")
    session = RoleSession(
        access_key_id="",
        secret_access_key="",
        session_token="",
        account=entity.account,
        role_name=entity.role_name,
        role_id=entity.role_id,
        session_name=_SESSION_NAME,
        issued=now,
        expiration=now,
    )
    return session_principal(entity, session)


def facts_of(principal: Principal) -> dict[str, Value]:
    """What is known of a caller. Not the name and age of a session that never was, nor the id of
    somebody made up."""
    is_known = principal.identity["type"] == "IAMUser" and principal.user_id
    unknown = () if is_known else ("aws:userid", "aws:tokenissuetime")
    return {name: value for name, value in principal.facts.items() if name not in unknown}


def given_context(call: Call) -> dict[str, Value]:
    """The condition keys of ContextEntries, their names folded. Raises InvalidInput."""
    return dict(_entry(entry) for entry in call.parameters.get("ContextEntries", ()))


def _made_up(arn: Arn) -> Entity:
    kind, _, path_and_name = arn.resource.partition("/")
    path, _, name = f"/{path_and_name}".rpartition("/")
    if kind == "user" and name:
        return User(arn.account, name, "", path=f"{path}/")
    if kind == "role" and name:
        return Role(arn.account, name, "", "", path=f"{path}/")
    raise refusals.unclear_entity(str(arn))


def _entry(entry: Mapping[str, Any]) -> tuple[str, Value]:
    name, kind = entry.get("ContextKeyName", ""), entry.get("ContextKeyType", "string")
    values = entry.get("ContextKeyValues", [])
    read = _READINGS[kind.removesuffix("List")]
    for value in values:
        if read(value) is None:
            raise refusals.invalid_input(f"The value {value} of {name} is not of type {kind}.")
    if kind.endswith("List"):
        return folded(name), tuple(values)
    if len(values) != 1:
        raise refusals.invalid_input(f"{name} of type {kind} must have one value.")
    return folded(name), values[0]
