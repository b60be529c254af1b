"""ReEncrypt: a ciphertext goes from one key to another, and its plaintext never leaves KMS."""

from typing import Any

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.ciphertext_keys import key_of_ciphertext
from kmslab.services.kms.dry_run import (
    ignores_ciphertext,
    refuse_dry_run,
    refuse_dry_run_without_ciphertext,
    require_ciphertext,
)
from kmslab.services.kms.encryption import (
    DESTINATION,
    SOURCE,
    check_contexts,
    checked_algorithm,
    decrypt_with,
    encrypt_with,
    refuse_large_plaintext,
)
from kmslab.services.kms.identifiers import find_key, peek_key
from kmslab.services.kms.key_specs import is_symmetric
from kmslab.services.kms.key_use import authorise_use


def re_encrypt(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html

    The plaintext exists only inside this function. Two rights are needed:
    kms:ReEncryptFrom on the old key and kms:ReEncryptTo on the new one.
    """
    asked = call.parameters
    check_contexts(call)
    require_ciphertext(call)
    _note_same_key(call)
    source, material = key_of_ciphertext(call, SOURCE, "ReEncryptFrom")
    destination = find_key(call, asked["DestinationKeyId"], "ReEncryptTo")
    authorise_use(call, destination, "ReEncryptTo")
    destination_algorithm = checked_algorithm(call, DESTINATION, destination)
    refuse_dry_run_without_ciphertext(call)
    plaintext = decrypt_with(call, SOURCE, source, material)
    refuse_large_plaintext(destination, destination_algorithm, plaintext)
    refuse_dry_run(call)
    answer = {
        "CiphertextBlob": encrypt_with(call, DESTINATION, destination, plaintext),
        "SourceKeyId": source.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": asked["SourceEncryptionAlgorithm"],
        "DestinationEncryptionAlgorithm": destination_algorithm,
    }
    materials = {}
    if is_symmetric(destination):
        materials["DestinationKeyMaterialId"] = destination.key_material_id
    if is_symmetric(source):
        materials["SourceKeyMaterialId"] = material.key_material_id
    call.additional = {f"{name[:1].lower()}{name[1:]}": each for name, each in materials.items()}
    return {**answer, **materials}


def _note_same_key(call: Call) -> None:
    """For the condition kms:ReEncryptOnSameKey, which both halves of the right may ask for."""
    destination = peek_key(call, call.parameters[DESTINATION.key_id])
    source = _peek_source(call)
    if destination and source:
        same = (destination.account, destination.key_id) == source
        call.more_context["kms:reencryptonsamekey"] = "true" if same else "false"


def _peek_source(call: Call) -> tuple[str, str] | None:
    """Account and id of the key that the ciphertext names, or the caller where it names none."""
    if not ignores_ciphertext(call):
        try:
            material = call.hsm.read_header(call.parameters["CiphertextBlob"])
            return material.account, material.key_id
        except errors.ServiceError:
            pass
    named = call.parameters.get(SOURCE.key_id)
    kms_key = peek_key(call, named) if named else None
    return (kms_key.account, kms_key.key_id) if kms_key else None
