"""Which state of a KMS key stops which operation, and in which words.

One table: a row for each class of operations, an entry for each state that stops it. What does not
stand there works (KMS Developer Guide, "Key states"). Whether a key is of the right kind for an
operation is another question, and comes after this one.
"""

from collections.abc import Callable, Mapping

from kmslab import errors
from kmslab.services.call import Call
from kmslab.store.records import KmsKey

ENABLED, DISABLED, UNAVAILABLE = "Enabled", "Disabled", "Unavailable"
PENDING_DELETION, PENDING_REPLICA_DELETION = "PendingDeletion", "PendingReplicaDeletion"
PENDING_IMPORT = "PendingImport"
CREATING, UPDATING = "Creating", "Updating"

DELETION_STATES = frozenset({PENDING_DELETION, PENDING_REPLICA_DELETION})

Refusal = Callable[[str], errors.ServiceError]

_DELETED = dict.fromkeys(DELETION_STATES, errors.pending_deletion)
_CREATING = {CREATING: errors.key_is_creating}
_UPDATING = {UPDATING: errors.key_is_updating}
_IMPORT_FIRST = {PENDING_IMPORT: errors.pending_import}
_DISABLED = {DISABLED: errors.disabled}

_NEEDS_KEY = {**_DISABLED, **_DELETED, **_IMPORT_FIRST, **_CREATING}

_ROWS: tuple[tuple[tuple[str, ...], Mapping[str, Refusal]], ...] = (
    (
        (
            *("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey"),
            *("GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair"),
            *("GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac", "Sign", "Verify"),
            *("DeriveSharedSecret", "Encapsulate", "Decapsulate", "GetPublicKey"),
        ),
        {**_NEEDS_KEY, UNAVAILABLE: errors.key_is_unavailable},
    ),
    (("CreateGrant",), _NEEDS_KEY),
    # What these say to a key in a custom key store, and to one whose material comes from outside,
    # depends on its origin.
    (("EnableKeyRotation", "DisableKeyRotation"), {**_DISABLED, **_DELETED, **_CREATING}),
    (("RotateKeyOnDemand",), _NEEDS_KEY),
    (("EnableKey", "DisableKey"), {**_DELETED, **_IMPORT_FIRST, **_CREATING, **_UPDATING}),
    (
        ("CreateAlias", "UpdateAlias", "TagResource", "UntagResource", "UpdateKeyDescription"),
        _DELETED,
    ),
    (("ScheduleKeyDeletion",), {**_DELETED, **_UPDATING}),
    (
        ("CancelKeyDeletion",),
        dict.fromkeys(
            (ENABLED, DISABLED, PENDING_IMPORT, UNAVAILABLE, CREATING, UPDATING),
            errors.not_pending_deletion,
        ),
    ),
    (("GetParametersForImport",), {**_DELETED, **_CREATING, **_UPDATING}),
    (("ImportKeyMaterial",), {**_DELETED, **_CREATING}),
    (("DeleteImportedKeyMaterial",), {**_CREATING, **_UPDATING}),
    (("ReplicateKey",), {**_NEEDS_KEY, **_UPDATING}),
    (("UpdatePrimaryRegion",), _NEEDS_KEY),
)
_REFUSED_IN = {operation: refused for operations, refused in _ROWS for operation in operations}


def require_state(call: Call, kms_key: KmsKey) -> None:
    """Refuse a key whose state stops the operation of `call`. Raises DisabledException or
    KMSInvalidStateException; KeyError for an operation that is not in the table."""
    refusal = _REFUSED_IN[call.operation].get(kms_key.key_state)
    if refusal:
        raise refusal(kms_key.arn)
