"""GetPublicKey: the half of a key pair that leaves KMS. Who has it encrypts, verifies and
encapsulates without asking anybody."""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key
from kmslab.services.kms.key_material import wrapped_key
from kmslab.services.kms.key_specs import algorithms_of, is_key_pair
from kmslab.services.kms.key_states import require_state


def get_public_key(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html"""
    kms_key = find_key(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    require_state(call, kms_key)
    if not is_key_pair(kms_key):
        # AWS sends no sentence.
        raise errors.ServiceError("UnsupportedOperationException")
    return {
        "KeyId": kms_key.arn,
        "PublicKey": call.hsm.keys.public_key(wrapped_key(call, kms_key)),
        "CustomerMasterKeySpec": kms_key.key_spec,
        "KeySpec": kms_key.key_spec,
        "KeyUsage": kms_key.key_usage,
        **algorithms_of(kms_key),
    }
