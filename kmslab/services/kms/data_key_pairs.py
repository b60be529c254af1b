"""Data key pairs: made by KMS, used outside of it. KMS keeps neither half.

The private key comes back in clear, or only encrypted under a symmetric KMS key, as a data key
does. No rule of KMS says what a pair may then be used for.
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import refuse_dry_run
from kmslab.services.kms.encryption import data_key_wrapper, encrypt_under
from kmslab.services.kms.key_specs import usages_of


def generate_data_key_pair(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html"""
    private_key, answer = _data_key_pair(call)
    return {**answer, "PrivateKeyPlaintext": private_key}


def generate_data_key_pair_without_plaintext(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/\
API_GenerateDataKeyPairWithoutPlaintext.html"""
    _, answer = _data_key_pair(call)
    return answer


def _data_key_pair(call: Call) -> tuple[bytes, dict[str, Any]]:
    """A private key, and the members that both operations answer."""
    asked = call.parameters
    kms_key = data_key_wrapper(call)
    key_pair_spec = asked["KeyPairSpec"]
    if not usages_of(key_pair_spec):
        raise errors.not_built(f"KeyPairSpec {key_pair_spec}")
    refuse_dry_run(call)
    private_key, public_key = call.hsm.keys.new_data_key_pair(key_pair_spec)
    blob = encrypt_under(call, kms_key, private_key, asked.get("EncryptionContext"))
    return private_key, {
        "PrivateKeyCiphertextBlob": blob,
        "PublicKey": public_key,
        "KeyId": kms_key.arn,
        "KeyPairSpec": key_pair_spec,
        "KeyMaterialId": kms_key.key_material_id,
    }
