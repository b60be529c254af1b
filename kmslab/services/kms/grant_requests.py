"""What CreateGrant may ask for: principals, operations, constraints, and the grant they make.

This follows the API Reference of CreateGrant and the KMS Developer Guide ("Grants in AWS KMS").
What the request alone tells is checked before anybody looks for the key; what depends on the key
or on who there is, after the caller was authorised. Whether a grant allows anything is decided in
`access.grants`, and what becomes of it in `grants`.
"""

from collections.abc import Mapping
from typing import Any

from kmslab import errors
from kmslab.access.principal_element import principal_element
from kmslab.errors import PolicyError, ServiceError
from kmslab.services.call import Call
from kmslab.services.identities import exists
from kmslab.store.records import Grant, KmsKey

_MOST_PAIRS, _MOST_CHARACTERS = 8, 384
_ID_SIZE = 32
_CONTEXT_CONSTRAINTS = ("EncryptionContextEquals", "EncryptionContextSubset")

_OF_EVERY_KEY = frozenset({"CreateGrant", "RetireGrant", "DescribeKey"})
_SYMMETRIC = frozenset(
    {
        *("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"),
        *("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
    }
)
_OF_USAGE = {
    "ENCRYPT_DECRYPT": frozenset(
        {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"}
    ),
    "SIGN_VERIFY": frozenset({"Sign", "Verify", "GetPublicKey"}),
    "GENERATE_VERIFY_MAC": frozenset({"GenerateMac", "VerifyMac"}),
    "KEY_AGREEMENT": frozenset({"DeriveSharedSecret", "GetPublicKey"}),
    "ENCAPSULATE_DECAPSULATE": frozenset({"Encapsulate", "Decapsulate", "GetPublicKey"}),
}


def check_request(asked: Mapping[str, Any]) -> None:
    """Refuse what no key and no caller could make right.

    Raises ValidationException, or InvalidArnException for what cannot be a principal.
    """
    require_one(asked, "GranteePrincipal", "GranteeServicePrincipal")
    if "RetiringPrincipal" in asked and "RetiringServicePrincipal" in asked:
        raise errors.validation(
            "You cannot specify both RetiringPrincipal and RetiringServicePrincipal."
        )
    _check_principals(asked)
    _check_operations(asked["Operations"])
    constraints = asked.get("Constraints", {})
    _check_constraints(constraints)
    if "GranteeServicePrincipal" in asked:
        _check_service_grant(asked, constraints)


def asked_grant(call: Call, kms_key: KmsKey) -> Grant:
    """The grant that `call` asks for, whether or not it may be made."""
    asked = call.parameters
    constraints = asked.get("Constraints", {})
    return Grant(
        account=kms_key.account,
        region=kms_key.region,
        key_id=kms_key.key_id,
        grant_id=_unused_grant_id(call, kms_key),
        grantee_principal=asked.get("GranteePrincipal") or asked["GranteeServicePrincipal"],
        operations=tuple(asked["Operations"]),
        creation_date=call.now,
        effective_from=call.now + call.grant_propagation,
        # A service that calls for itself has no account of its own.
        issuing_account=call.account or kms_key.account,
        retiring_principal=(
            asked.get("RetiringPrincipal") or asked.get("RetiringServicePrincipal", "")
        ),
        grant_name=asked.get("Name", ""),
        equals=_pairs(constraints, "EncryptionContextEquals"),
        subset=_pairs(constraints, "EncryptionContextSubset"),
        source_arn=constraints.get("SourceArn", ""),
        grantee_is_service="GranteeServicePrincipal" in asked,
        retiring_is_service="RetiringServicePrincipal" in asked,
    )


def check_grant(call: Call, grant: Grant, kms_key: KmsKey) -> None:
    """Refuse a grant that its key cannot honour, or that names principals who are not there.

    Raises ValidationException and InvalidArnException.
    """
    unfit = set(grant.operations) - grantable_operations(kms_key)
    if unfit:
        raise errors.validation(
            f"The operation {min(unfit)} is not supported by a grant on a KMS key with key spec "
            f"{kms_key.key_spec} and key usage {kms_key.key_usage}."
        )
    constrained = grant.equals is not None or grant.subset is not None
    if constrained and kms_key.key_spec != "SYMMETRIC_DEFAULT":
        raise errors.validation(
            "Encryption context constraints are supported only by grants on symmetric "
            "encryption KMS keys."
        )
    for principal in (grant.grantee_principal, grant.retiring_principal):
        if not exists(call.store, principal):
            raise invalid_arn(f"ARN does not refer to a valid principal: {principal}")


def grantable_operations(kms_key: KmsKey) -> frozenset[str]:
    """The operations that a grant on a key of this kind may allow."""
    if kms_key.key_spec == "SYMMETRIC_DEFAULT":
        return _OF_EVERY_KEY | _SYMMETRIC
    return _OF_EVERY_KEY | _OF_USAGE[kms_key.key_usage]


def invalid_arn(message: str = "Invalid Arn") -> ServiceError:
    return ServiceError("InvalidArnException", message)


def require_one(asked: Mapping[str, Any], member: str, service_member: str) -> None:
    if (member in asked) is (service_member in asked):
        raise errors.validation(f"You must specify either {member} or {service_member}.")


def is_principal_arn(text: str) -> bool:
    """Whether it can be the ARN of a principal: an account, a user, a role, or a session. Unlike a
    policy, a grant takes neither the bare number of an account nor "*"."""
    return text.startswith("arn:") and _is_principal("AWS", text)


def _is_principal(kind: str, text: str) -> bool:
    try:
        principal_element({"Principal": {kind: text}}, "")
    except PolicyError:
        return False
    return True


def _check_principals(asked: Mapping[str, Any]) -> None:
    for member in ("GranteePrincipal", "RetiringPrincipal"):
        # KMS has always taken services here too, and lists them as they were given.
        text = asked.get(member)
        if text and not (is_principal_arn(text) or _is_principal("Service", text)):
            raise invalid_arn()
    for member in ("GranteeServicePrincipal", "RetiringServicePrincipal"):
        if member in asked and not _is_principal("Service", asked[member]):
            raise errors.validation(f"{member} is not a service principal of AWS.")


def _check_operations(operations: list[str]) -> None:
    if not operations:
        raise errors.constraints(
            [
                "Value '[]' at 'operations' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ]
        )
    if len(set(operations)) < len(operations):
        raise errors.validation("Operations must not contain the same operation twice.")
    if operations == ["CreateGrant"]:
        raise errors.validation("Grants must not contain only the CreateGrant operation.")


def _check_constraints(constraints: Mapping[str, Any]) -> None:
    given = [pairs for name in _CONTEXT_CONSTRAINTS if (pairs := constraints.get(name))]
    # The condition key kms:GrantConstraintType has room for one of them.
    if len(given) > 1:
        raise errors.validation("More than one constraint supplied")
    for pairs in given:
        if len(pairs) > _MOST_PAIRS:
            raise errors.validation(
                f"A grant constraint has at most {_MOST_PAIRS} encryption context pairs."
            )
        if sum(len(name) + len(value) for name, value in pairs.items()) > _MOST_CHARACTERS:
            raise errors.validation(
                f"The encryption context of a grant constraint has at most {_MOST_CHARACTERS} "
                "characters."
            )


def _check_service_grant(asked: Mapping[str, Any], constraints: Mapping[str, Any]) -> None:
    """Without these a service could use the key for anybody, and nobody could end it."""
    if "SourceArn" not in constraints:
        raise errors.validation(
            "You must specify a SourceArn grant constraint with GranteeServicePrincipal."
        )
    if "RetiringPrincipal" not in asked and "RetiringServicePrincipal" not in asked:
        raise errors.validation(
            "You must specify either RetiringPrincipal or RetiringServicePrincipal with "
            "GranteeServicePrincipal."
        )


def _pairs(constraints: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...] | None:
    """A constraint without pairs counts as none: so clients send the one that they do not mean."""
    pairs = constraints.get(name)
    return tuple(sorted(pairs.items())) if pairs else None


def _unused_grant_id(call: Call, kms_key: KmsKey) -> str:
    while call.store.grants.get(kms_key.own_shelf, grant_id := call.random(_ID_SIZE).hex()):
        # Only a seeded source, started again on an old state, draws an id twice.
        continue
    return grant_id
