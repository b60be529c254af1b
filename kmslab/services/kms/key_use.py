"""What every cryptographic operation asks before it touches a key: may the caller use it, does its
state allow it, and is the key made for it. What is then done with the key is not known here.
"""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key
from kmslab.services.kms.key_specs import require_fit
from kmslab.services.kms.key_states import require_state
from kmslab.store.records import KmsKey


def authorise_use(
    call: Call, kms_key: KmsKey, action: str | None = None, by_ciphertext: bool = False
) -> None:
    """Refuse whom the key is not for, and what its state stops. Raises what `Call.authorise` and
    `require_state` raise."""
    call.authorise(kms_key, action, by_ciphertext)
    require_state(call, kms_key)


def key_for(call: Call, key_usage: str, algorithm: str) -> KmsKey:
    """The key that KeyId names: authorised, usable, and made for `key_usage` with `algorithm`."""
    kms_key = find_key(call, call.parameters["KeyId"])
    authorise_use(call, kms_key)
    require_fit(kms_key, call.operation, key_usage, algorithm)
    return kms_key


def refuse_recipient(call: Call) -> None:
    if "Recipient" in call.parameters:
        raise errors.not_built("Recipient")
