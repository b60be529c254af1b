"""The first half of an import: a public key to wrap key material under, and a token to go with it.

The token says for which KMS key, with which wrapping key and algorithm, and until when. Only this
lab can make one, and it has to come back unchanged (KMS Developer Guide, "Download the wrapping
public key and import token").
"""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.identifiers import find_key_by_id
from kmslab.services.kms.key_specs import GENERATE_VERIFY_MAC, is_symmetric
from kmslab.services.kms.key_states import require_state
from kmslab.services.kms.material_records import EXTERNAL
from kmslab.store.records import KmsKey
from kmslab.vault.wrapping_keys import ImportTerms

_VALID_FOR = 24 * 3600
# Refused since October 2023, and what AWS has in China alone.
_WITHDRAWN = frozenset({"RSAES_PKCS1_V1_5", "SM2PKE", "SM2"})


def get_parameters_for_import(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetParametersForImport.html"""
    kms_key = find_key_to_import(call)
    asked = call.parameters
    spec, algorithm = asked["WrappingKeySpec"], asked["WrappingAlgorithm"]
    if not _fits(kms_key, spec, algorithm):
        raise errors.unsupported_wrapping(kms_key.key_spec, spec, algorithm)
    terms = ImportTerms(kms_key.arn, spec, algorithm, valid_to=call.now + _VALID_FOR)
    made = call.hsm.new_import_parameters(terms)
    return {
        "KeyId": kms_key.arn,
        "ImportToken": made.import_token,
        "PublicKey": made.public_key,
        "ParametersValidTo": terms.valid_to,
    }


def find_key_to_import(call: Call) -> KmsKey:
    """The key of the call, authorised, which must take its material from outside and be in a state
    for that. Raises UnsupportedOperationException."""
    kms_key = find_key_by_id(call, call.parameters["KeyId"])
    call.authorise(kms_key)
    if kms_key.origin != EXTERNAL:
        raise errors.invalid_origin(kms_key.arn, kms_key.origin)
    require_state(call, kms_key)
    return kms_key


def require_token_of(call: Call, kms_key: KmsKey) -> None:
    """Refuse an import token that is not for this key, or not any more. Raises
    InvalidImportTokenException and ExpiredImportTokenException."""
    terms = call.hsm.import_terms(call.parameters["ImportToken"])
    if terms is None or terms.key_arn != kms_key.arn:
        raise errors.invalid_import_token()
    if call.now >= terms.valid_to:
        raise errors.expired_import_token()


def _fits(kms_key: KmsKey, wrapping_key_spec: str, algorithm: str) -> bool:
    """Whether material of the key can be wrapped so. RSA private keys do not fit into one RSA
    ciphertext, nor do those of P-521 into the smallest; secrets need no second key."""
    if {wrapping_key_spec, algorithm} & _WITHDRAWN:
        return False
    if algorithm.startswith("RSA_AES_KEY_WRAP"):
        return not is_symmetric(kms_key) and kms_key.key_usage != GENERATE_VERIFY_MAC
    too_long = kms_key.key_spec == "ECC_NIST_P521" and wrapping_key_spec == "RSA_2048"
    return not kms_key.key_spec.startswith("RSA_") and not too_long
