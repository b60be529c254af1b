"""Which states of a KMS key stop which operations (KMS Developer Guide, "Key states")."""

from kmslab import errors
from kmslab.store.records import KmsKey

ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"


def require_usable(kms_key: KmsKey) -> None:
    """For cryptographic operations: only an enabled key will do."""
    refuse_pending_deletion(kms_key)
    if kms_key.key_state == DISABLED:
        raise errors.disabled(kms_key.arn)


def refuse_pending_deletion(kms_key: KmsKey) -> None:
    """For operations that change a key: it must not be on its way out."""
    if kms_key.key_state == PENDING_DELETION:
        raise errors.pending_deletion(kms_key.arn)


def require_pending_deletion(kms_key: KmsKey) -> None:
    if kms_key.key_state != PENDING_DELETION:
        raise errors.not_pending_deletion(kms_key.arn)
