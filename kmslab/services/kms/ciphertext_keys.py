"""Which key a ciphertext needs.

The ciphertext of a symmetric key names its key and material; that of an asymmetric one says
nothing, so the caller must name the key. AWS lets nobody learn from a ciphertext whether a key is
there, so the key that it names is authorised before anything else is told.
"""

from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.dry_run import ignores_ciphertext
from kmslab.services.kms.encryption import Side, checked_algorithm
from kmslab.services.kms.identifiers import find_key, is_key_id
from kmslab.services.kms.key_material import current_material
from kmslab.services.kms.key_specs import SYMMETRIC_DEFAULT, is_symmetric
from kmslab.services.kms.key_use import authorise_use, refuse_recipient
from kmslab.store.records import KmsKey, shelf_of
from kmslab.vault.backing_keys import BackingKeyName


def key_of_ciphertext(
    call: Call, side: Side, action: str | None = None
) -> tuple[KmsKey, BackingKeyName]:
    """The key that the ciphertext needs, authorised, usable and of the algorithm asked for, and
    the material: that which the ciphertext names, of an asymmetric key the only one. Where the
    ciphertext is to be ignored, the key is the one that the caller names.

    Raises IncorrectKeyException where the caller names another key, and AccessDeniedException
    where the ciphertext's key is not in this Region.
    """
    refuse_recipient(call)
    ignored = ignores_ciphertext(call)
    named_by_blob = None if ignored else _key_in_ciphertext(call, side, action)
    if named_by_blob:
        return named_by_blob
    if side.key_id not in call.parameters:
        raise errors.validation(f"{side.key_id} is required with IGNORE_CIPHERTEXT.")
    kms_key = find_key(call, call.parameters[side.key_id], action)
    authorise_use(call, kms_key, action)
    checked_algorithm(call, side, kms_key)
    if ignored or not is_symmetric(kms_key):
        return kms_key, current_material(kms_key)
    material = call.hsm.read_header(call.parameters["CiphertextBlob"])
    if (kms_key.account, kms_key.key_id) != (material.account, material.key_id):
        raise errors.incorrect_key()
    return kms_key, material


def _key_in_ciphertext(
    call: Call, side: Side, action: str | None
) -> tuple[KmsKey, BackingKeyName] | None:
    """`key_of_ciphertext` where the caller names no key, or by a bare id one of another account;
    None where the caller's word is enough to find the key."""
    key_text = call.parameters.get(side.key_id)
    if key_text is not None and not _is_of_another_account(call, side, key_text):
        return None
    material = _read_header(call, side)
    if key_text is not None and (key_text != material.key_id or material.account == call.account):
        return None
    kms_key = _named_by(call, material, action, by_ciphertext=key_text is None)
    authorise_use(call, kms_key, action, by_ciphertext=key_text is None)
    checked_algorithm(call, side, kms_key)
    return kms_key, material


def _read_header(call: Call, side: Side) -> BackingKeyName:
    """What the ciphertext says of its key. Raises InvalidCiphertextException, or
    ValidationException where the algorithm is one whose ciphertexts say nothing."""
    try:
        return call.hsm.read_header(call.parameters["CiphertextBlob"])
    except errors.ServiceError:
        if _asks_for_symmetric(call, side):
            raise
        algorithm = call.parameters[side.algorithm]
        raise errors.validation(
            f"{side.key_id} is required when {side.algorithm} is {algorithm}."
        ) from None


def _asks_for_symmetric(call: Call, side: Side) -> bool:
    return bool(call.parameters.get(side.algorithm, SYMMETRIC_DEFAULT) == SYMMETRIC_DEFAULT)


def _is_of_another_account(call: Call, side: Side, key_text: str) -> bool:
    """Whether `key_text` is a bare key id that only a ciphertext can tell the account of."""
    if not is_key_id(key_text) or not _asks_for_symmetric(call, side):
        return False
    return call.store.kms_keys.get(shelf_of(call.account, call.region), key_text) is None


def _named_by(
    call: Call, material: BackingKeyName, action: str | None, by_ciphertext: bool
) -> KmsKey:
    shelf = shelf_of(material.account, call.region)
    kms_key = call.store.kms_keys.get(shelf, material.key_id)
    if kms_key is None:
        raise call.deny_absent(action, by_ciphertext)
    call.resources += (kms_key.arn,)
    return kms_key
