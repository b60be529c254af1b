"""Typical wrong answers to the exercises of notebook 03, each with the mistake it makes."""

import os
from itertools import cycle

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ONE_NONCE = bytes(12)


def one_less(document):
    return len(document) < 4096


def one_more(document):
    return len(document) <= 4097


def empty_fits(document):
    return len(document) <= 4096


def letters_counted(document):
    return 1 <= len(document.decode()) <= 4096


def the_document_itself(document):
    return document and len(document) <= 4096


def nearly_the_document_itself(document):
    return len(document) <= 4096 if document else document


def seal(kms, key_id, document, context, nonce=None, **more):
    """A right one, for the wrong ones below to be wrong in one thing."""
    made = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
    nonce = nonce or os.urandom(12)
    ciphertext = AESGCM(made["Plaintext"]).encrypt(nonce, document, None)
    parts = {"encrypted_data_key": made["CiphertextBlob"], "nonce": nonce, "ciphertext": ciphertext}
    return {**parts, **{name: made[member] for name, member in more.items()}}


def unseal(kms, envelope, context):
    data_key = kms.decrypt(
        CiphertextBlob=envelope["encrypted_data_key"], EncryptionContext=context
    )["Plaintext"]
    return AESGCM(data_key).decrypt(envelope["nonce"], envelope["ciphertext"], None)


def seal_forgetting_the_context(kms, key_id, document, context):
    return seal(kms, key_id, document, {})


def unseal_forgetting_the_context(kms, envelope, context):
    return unseal(kms, envelope, {})


def seal_keeping_the_data_key(kms, key_id, document, context):
    return seal(kms, key_id, document, context, encrypted_data_key="Plaintext")


def seal_with_one_nonce(kms, key_id, document, context):
    return seal(kms, key_id, document, context, nonce=_ONE_NONCE)


def seal_adding_the_data_key(kms, key_id, document, context):
    return seal(kms, key_id, document, context, plaintext_data_key="Plaintext")


def seal_encrypting_with_kms(kms, key_id, document, context):
    blob = kms.encrypt(KeyId=key_id, Plaintext=document, EncryptionContext=context)
    return {"encrypted_data_key": blob["CiphertextBlob"], "nonce": b"", "ciphertext": b""}


def seal_encrypting_nothing(kms, key_id, document, context):
    return {**seal(kms, key_id, document, context), "ciphertext": document}


def unseal_encrypting_nothing(kms, envelope, context):
    unseal_key = kms.decrypt(
        CiphertextBlob=envelope["encrypted_data_key"], EncryptionContext=context
    )
    return envelope["ciphertext"] if unseal_key else b""


def seal_by_xor(kms, key_id, document, context):
    made = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
    ciphertext = _xor(document, made["Plaintext"])
    return {
        "encrypted_data_key": made["CiphertextBlob"],
        "nonce": os.urandom(12),
        "ciphertext": ciphertext,
    }


def unseal_by_xor(kms, envelope, context):
    answer = kms.decrypt(CiphertextBlob=envelope["encrypted_data_key"], EncryptionContext=context)
    return _xor(envelope["ciphertext"], answer["Plaintext"])


def _xor(content, data_key):
    return bytes(one ^ other for one, other in zip(content, cycle(data_key), strict=False))


def unseal_hiding_the_error(kms, envelope, context):
    try:
        return unseal(kms, envelope, context)
    except Exception:
        return None


def rewrap_by_decrypting(kms, envelope, context, new_key_id):
    data_key = kms.decrypt(
        CiphertextBlob=envelope["encrypted_data_key"], EncryptionContext=context
    )["Plaintext"]
    blob = kms.encrypt(KeyId=new_key_id, Plaintext=data_key, EncryptionContext=context)
    return {**envelope, "encrypted_data_key": blob["CiphertextBlob"]}


def rewrap_with_a_new_data_key(kms, envelope, context, new_key_id):
    return seal(kms, new_key_id, unseal(kms, envelope, context), context)


def rewrap_dropping_the_context(kms, envelope, context, new_key_id):
    answer = kms.re_encrypt(
        CiphertextBlob=envelope["encrypted_data_key"],
        SourceEncryptionContext=context,
        DestinationKeyId=new_key_id,
    )
    return {**envelope, "encrypted_data_key": answer["CiphertextBlob"]}


def rewrap_in_place(kms, envelope, context, new_key_id):
    answer = kms.re_encrypt(
        CiphertextBlob=envelope["encrypted_data_key"],
        SourceEncryptionContext=context,
        DestinationKeyId=new_key_id,
        DestinationEncryptionContext=context,
    )
    envelope["encrypted_data_key"] = answer["CiphertextBlob"]
    return envelope


def rewrap_nothing(kms, envelope, context, new_key_id):
    return dict(envelope)


WRONG = {
    "03-1": [
        ("stops one byte early", one_less),
        ("lets 4,097 bytes in", one_more),
        ("lets nothing in", empty_fits),
        ("counts letters", letters_counted),
        ("answers with the document", the_document_itself),
        ("answers with nothing for nothing", nearly_the_document_itself),
    ],
    "03-2": [
        ("forgets the context", seal_forgetting_the_context, unseal_forgetting_the_context),
        ("stores the plaintext data key", seal_keeping_the_data_key, unseal),
        ("uses one nonce for all", seal_with_one_nonce, unseal),
        ("adds the plaintext data key", seal_adding_the_data_key, unseal),
        ("sends the document to KMS", seal_encrypting_with_kms, unseal),
        ("encrypts nothing", seal_encrypting_nothing, unseal_encrypting_nothing),
        ("notices no change", seal_by_xor, unseal_by_xor),
        ("hides the error", seal, unseal_hiding_the_error),
    ],
    "03-3": [
        ("decrypts the data key", rewrap_by_decrypting),
        ("makes a new data key", rewrap_with_a_new_data_key),
        ("drops the context", rewrap_dropping_the_context),
        ("changes the old envelope", rewrap_in_place),
        ("changes nothing", rewrap_nothing),
    ],
}
