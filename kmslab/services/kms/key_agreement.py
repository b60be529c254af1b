"""DeriveSharedSecret: two sides find one secret, though each has sent the other a public key only.

What is answered is the bare result of ECDH. It is no key yet: that is derived from it.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.key_material import wrapped_key
from kmslab.services.kms.key_specs import KEY_AGREEMENT
from kmslab.services.kms.key_use import key_for, refuse_recipient


def derive_shared_secret(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html"""
    algorithm = call.parameters["KeyAgreementAlgorithm"]
    refuse_recipient(call)
    kms_key = key_for(call, KEY_AGREEMENT, algorithm)
    # Before a dry run ends: the public key is what most often does not fit.
    secret = call.hsm.keys.agree(wrapped_key(call, kms_key), call.parameters["PublicKey"])
    if secret is None:
        raise errors.validation(f"PublicKey is not valid for key spec {kms_key.key_spec}.")
    refuse_dry_run(call)
    return {
        "KeyId": kms_key.arn,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": algorithm,
        "KeyOrigin": kms_key.origin,
    }
