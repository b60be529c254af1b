"""What a request tells to conditions: the `aws:` keys of every call and the `kms:` keys of its own.

This follows the IAM User Guide ("AWS global condition context keys") and the KMS Developer Guide
("AWS KMS condition keys"). Names are in lower case. A key that a request has nothing to say about
is absent, which is a fact too. What a policy makes of it is not known here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from kmslab.access.context import RequestContext, Value, folded
from kmslab.access.principals import Principal
from kmslab.store.events import iso_time
from kmslab.store.records import KmsKey
from kmslab.wire.message import LOOPBACK
from kmslab.wire.model import service_schema


class Origin(NamedTuple):
    """Where a request came from, as far as it matters: `secure` says that it came over TLS."""

    source_ip: str
    user_agent: str
    secure: bool


INTERNAL = Origin("AWS Internal", "AWS Internal", True)
IN_PROCESS = Origin(LOOPBACK, "kmslab boto3", True)
"""What a lab's own boto3 clients tell."""
DIRECT = Origin(LOOPBACK, "kmslab", True)
"""What is told of a call that no client made."""


class Asked(Protocol):
    """What is looked at of a call."""

    @property
    def principal(self) -> Principal: ...

    service: str
    operation: str
    parameters: dict[str, Any]
    region: str
    now: float
    origin: Origin
    more_context: dict[str, Value]


def context_of(call: Asked, kms_key: KmsKey | None, action: str) -> RequestContext:
    """The condition keys of `call` when `action` on `kms_key` is in question, made when they are
    first asked for."""

    def build() -> dict[str, Value]:
        context = {**_of_every_call(call), **call.principal.facts, **_of_tags(call)}
        if call.service == "kms":
            context.update(_of_the_caller(call))
            context.update(_of_parameters(call, action))
            context.update(_of_encryption_context(encryption_context_of(call, action)))
            context.update(_of_the_key(kms_key) if kms_key else {})
        context.update(call.more_context)
        return context

    return RequestContext(build)


def encryption_context_of(call: Asked, action: str) -> Mapping[str, str] | None:
    """The pairs that `action` of this call is about. ReEncrypt has two sets, one for each side;
    a grant in the making has those of its constraint."""
    if action == "CreateGrant":
        constraints = call.parameters.get("Constraints", {})
        equals, subset = (
            constraints.get(f"EncryptionContext{kind}") for kind in ("Equals", "Subset")
        )
        return {**(subset or {}), **(equals or {})} or None
    found: Mapping[str, str] | None = call.parameters.get(_SIDES.get(action, "EncryptionContext"))
    return found


def encryption_context_member(action: str) -> str:
    """The parameter in which `action` sends its encryption context, "" for one that has none.
    Raises ValueError for what is no action on a KMS key."""
    member = _SIDES.get(action, "EncryptionContext")
    schema = service_schema("kms").operation("ReEncrypt" if action in _SIDES else action)
    if schema is None or schema.model.input_shape is None:
        raise ValueError(f"KMS has no operation {action!r}")
    return member if member in schema.model.input_shape.members else ""


_SIDES = {
    "ReEncryptFrom": "SourceEncryptionContext",
    "ReEncryptTo": "DestinationEncryptionContext",
}


def _of_every_call(call: Asked) -> dict[str, Value]:
    forwarded = call.principal.via
    context: dict[str, Value] = {
        "aws:currenttime": iso_time(call.now),
        "aws:epochtime": str(int(call.now)),
        "aws:requestedregion": call.region,
        "aws:securetransport": _text(call.origin.secure),
        "aws:useragent": call.origin.user_agent,
        "aws:viaawsservice": _text(bool(forwarded)),
    }
    if forwarded:
        context["aws:calledvia"] = forwarded
        context["aws:calledviafirst"], context["aws:calledvialast"] = forwarded[0], forwarded[-1]
    elif not call.principal.is_service:
        # A service does not pass on the address of whoever called it.
        context["aws:sourceip"] = call.origin.source_ip
    return context


def _of_the_caller(call: Asked) -> dict[str, Value]:
    principal = call.principal
    context: dict[str, Value] = {}
    if not principal.is_service:
        context["kms:calleraccount"] = principal.account
    if principal.via:
        service = principal.via[-1].removesuffix(".amazonaws.com")
        context["kms:viaservice"] = f"{service}.{call.region}.amazonaws.com"
    if call.operation in ("CreateGrant", "ListGrants", "RevokeGrant"):
        context["kms:grantisforawsresource"] = _text(principal.is_service or bool(principal.via))
    return context


def _of_the_key(kms_key: KmsKey) -> dict[str, Value]:
    context: dict[str, Value] = {
        "kms:keyspec": kms_key.key_spec,
        "kms:customermasterkeyspec": kms_key.key_spec,
        "kms:keyusage": kms_key.key_usage,
        "kms:customermasterkeyusage": kms_key.key_usage,
        "kms:keyorigin": kms_key.origin,
        "kms:multiregion": _text(kms_key.is_multi_region),
        "aws:resourceaccount": kms_key.account,
    }
    if kms_key.is_multi_region:
        context["kms:multiregionkeytype"] = "PRIMARY" if kms_key.is_primary else "REPLICA"
    if kms_key.alias_names:
        context["kms:resourcealiases"] = kms_key.alias_names
    return {**context, **by_name("aws:resourcetag/", kms_key.tags)}


def _of_encryption_context(pairs: Mapping[str, str] | None) -> dict[str, Value]:
    if not pairs:
        return {}
    named = by_name("kms:encryptioncontext:", pairs.items())
    return {"kms:encryptioncontextkeys": tuple(pairs), **named}


def by_name(prefix: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Names are compared without case here, and names that differ by it alone cannot be told
    apart: such a name has two values, and a condition on one value does not hold."""
    context: dict[str, Value] = {}
    for name, value in pairs:
        spelled = folded(f"{prefix}{name}")
        earlier = context.get(spelled)
        context[spelled] = value if earlier is None else (*_listed(earlier), value)
    return context


def _listed(value: Value) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


# --- What stands in the parameters --------------------------------------------------------

# Parameter → condition key, for every operation that has the parameter.
_NAMED = {
    "SigningAlgorithm": "kms:signingalgorithm",
    "MessageType": "kms:messagetype",
    "MacAlgorithm": "kms:macalgorithm",
    "KeyAgreementAlgorithm": "kms:keyagreementalgorithm",
    "KeyPairSpec": "kms:datakeypairspec",
    "WrappingAlgorithm": "kms:wrappingalgorithm",
    "WrappingKeySpec": "kms:wrappingkeyspec",
    "ExpirationModel": "kms:expirationmodel",
    "ValidTo": "kms:validto",
    "RotationPeriodInDays": "kms:rotationperiodindays",
    "PendingWindowInDays": "kms:schedulekeydeletionpendingwindowindays",
    "PolicyName": "kms:policyname",
    "ReplicaRegion": "kms:replicaregion",
    "PrimaryRegion": "kms:primaryregion",
    "BypassPolicyLockoutSafetyCheck": "kms:bypasspolicylockoutsafetycheck",
    "GranteePrincipal": "kms:granteeprincipal",
    "RetiringPrincipal": "kms:retiringprincipal",
    "GranteeServicePrincipal": "kms:granteeserviceprincipal",
    "RetiringServicePrincipal": "kms:retiringserviceprincipal",
}

# A default that the caller did not spell out is in the request all the same.
_DEFAULTS: dict[str, dict[str, Value]] = {
    "CreateKey": {
        "kms:bypasspolicylockoutsafetycheck": "false",
        "kms:keyspec": "SYMMETRIC_DEFAULT",
        "kms:keyusage": "ENCRYPT_DECRYPT",
        "kms:keyorigin": "AWS_KMS",
        "kms:multiregion": "false",
    },
    "PutKeyPolicy": {
        "kms:bypasspolicylockoutsafetycheck": "false",
        "kms:policyname": "default",
    },
    "GetKeyPolicy": {"kms:policyname": "default"},
    "ScheduleKeyDeletion": {"kms:schedulekeydeletionpendingwindowindays": "30"},
    "EnableKeyRotation": {"kms:rotationperiodindays": "365"},
    "ImportKeyMaterial": {"kms:expirationmodel": "KEY_MATERIAL_EXPIRES"},
    "Sign": {"kms:messagetype": "RAW"},
    "Verify": {"kms:messagetype": "RAW"},
}

# Which parameters say the key and the algorithm; ReEncrypt has them for each side.
_KEY_MEMBERS = {"ReEncryptFrom": "SourceKeyId", "ReEncryptTo": "DestinationKeyId"}
_ALGORITHM_MEMBERS = {
    "Encrypt": "EncryptionAlgorithm",
    "Decrypt": "EncryptionAlgorithm",
    "ReEncryptFrom": "SourceEncryptionAlgorithm",
    "ReEncryptTo": "DestinationEncryptionAlgorithm",
}


def _of_parameters(call: Asked, action: str) -> dict[str, Value]:
    given = call.parameters
    context = dict(_DEFAULTS.get(call.operation, {}))
    context.update({_NAMED[name]: _text(given[name]) for name in _NAMED.keys() & given.keys()})
    if call.operation == "CreateKey":
        context.update(_of_new_key(given))
    if call.operation == "CreateGrant":
        context.update(_of_new_grant(given))
    if action in _ALGORITHM_MEMBERS or action.startswith("GenerateDataKey"):
        algorithm = given.get(_ALGORITHM_MEMBERS.get(action, ""), "SYMMETRIC_DEFAULT")
        context["kms:encryptionalgorithm"] = algorithm
    alias = str(given.get(_KEY_MEMBERS.get(action, "KeyId"), "")).rpartition(":")[2]
    if alias.startswith("alias/"):
        context["kms:requestalias"] = alias
    return context


def _of_new_key(given: Mapping[str, Any]) -> dict[str, Value]:
    spec = given.get("KeySpec") or given.get("CustomerMasterKeySpec")
    wanted = {
        "kms:keyspec": spec,
        "kms:keyusage": given.get("KeyUsage"),
        "kms:keyorigin": given.get("Origin"),
        "kms:multiregion": given.get("MultiRegion"),
        "kms:multiregionkeytype": "PRIMARY" if given.get("MultiRegion") else None,
    }
    return {name: _text(value) for name, value in wanted.items() if value is not None}


def _of_new_grant(given: Mapping[str, Any]) -> dict[str, Value]:
    context: dict[str, Value] = {"kms:grantoperations": tuple(given.get("Operations", ()))}
    constraints = given.get("Constraints", {})
    for kind in ("EncryptionContextSubset", "EncryptionContextEquals"):
        # Without pairs it constrains nothing.
        if constraints.get(kind):
            context["kms:grantconstrainttype"] = kind
    if "SourceArn" in constraints:
        context["kms:grantconstraintsourcearn"] = constraints["SourceArn"]
    return context


def _of_tags(call: Asked) -> dict[str, Value]:
    """KMS says TagKey and TagValue where IAM says Key and Value."""
    tags = call.parameters.get("Tags") or []
    pairs = [(tag.get("TagKey") or tag.get("Key"), _value_of(tag)) for tag in tags]
    names: Iterable[str] = call.parameters.get("TagKeys") or [name for name, _ in pairs if name]
    context = by_name("aws:requesttag/", [(name, value) for name, value in pairs if name])
    if names := tuple(names):
        context["aws:tagkeys"] = names
    return context


def _value_of(tag: Mapping[str, str]) -> str:
    return tag.get("TagValue", tag.get("Value", ""))


def _text(value: Any) -> str:
    """A value as conditions spell it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) else str(value)
