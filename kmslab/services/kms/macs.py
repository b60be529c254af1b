"""GenerateMac and VerifyMac: a code that only users of one HMAC key can make, or check.

Nothing is done about digests: a code of a message's digest is another one than of the message. A
code that does not fit is an exception without a sentence, never a false.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.key_material import wrapped_key
from kmslab.services.kms.key_specs import GENERATE_VERIFY_MAC
from kmslab.services.kms.key_use import key_for


def generate_mac(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html"""
    algorithm = call.parameters["MacAlgorithm"]
    kms_key = key_for(call, GENERATE_VERIFY_MAC, algorithm)
    refuse_dry_run(call)
    hmac_key = wrapped_key(call, kms_key)
    code = call.hsm.keys.code(hmac_key, algorithm, call.parameters["Message"])
    return {"Mac": code, "MacAlgorithm": algorithm, "KeyId": kms_key.arn}


def verify_mac(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html"""
    asked = call.parameters
    algorithm = asked["MacAlgorithm"]
    kms_key = key_for(call, GENERATE_VERIFY_MAC, algorithm)
    hmac_key = wrapped_key(call, kms_key)
    if not call.hsm.keys.code_fits(hmac_key, algorithm, asked["Message"], asked["Mac"]):
        raise errors.ServiceError("KMSInvalidMacException")
    refuse_dry_run(call)
    return {"KeyId": kms_key.arn, "MacValid": True, "MacAlgorithm": algorithm}
