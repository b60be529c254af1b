"""Typical wrong answers to the exercises of notebook 08, each with the mistake it makes."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

SHA_256 = ec.ECDSA(hashes.SHA256())


def _verify(public_key, ticket, signature, how=SHA_256):
    load_der_public_key(public_key).verify(signature, ticket, how)


def lets_the_exception_out(public_key, ticket, signature):
    _verify(public_key, ticket, signature)
    return True


def returns_what_verify_returns(public_key, ticket, signature):
    try:
        return load_der_public_key(public_key).verify(signature, ticket, SHA_256)
    except InvalidSignature:
        return False


def lets_everybody_on_board(public_key, ticket, signature):
    return True


def lets_nobody_on_board(public_key, ticket, signature):
    return False


def hashes_twice(public_key, ticket, signature):
    try:
        _verify(public_key, hashlib.sha256(ticket).digest(), signature)
    except InvalidSignature:
        return False
    return True


def takes_another_hash(public_key, ticket, signature):
    try:
        _verify(public_key, ticket, signature, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def _sign(kms, key_id, message, **more):
    answer = kms.sign(KeyId=key_id, Message=message, SigningAlgorithm="ECDSA_SHA_384", **more)
    return answer["Signature"]


def sends_the_whole_film(kms, key_id, pieces):
    return _sign(kms, key_id, b"".join(pieces))


def forgets_to_say_digest(kms, key_id, pieces):
    return _sign(kms, key_id, hashlib.sha384(b"".join(pieces)).digest())


def takes_another_digest(kms, key_id, pieces):
    return _sign(kms, key_id, hashlib.sha256(b"".join(pieces)).digest(), MessageType="DIGEST")


def signs_the_first_piece(kms, key_id, pieces):
    first = next(iter(pieces))
    return _sign(kms, key_id, hashlib.sha384(first).digest(), MessageType="DIGEST")


def signs_a_digest_of_digests(kms, key_id, pieces):
    running = hashlib.sha384()
    for piece in pieces:
        running.update(hashlib.sha384(piece).digest())
    return _sign(kms, key_id, running.digest(), MessageType="DIGEST")


def returns_the_whole_answer(kms, key_id, pieces):
    digest = hashlib.sha384(b"".join(pieces)).digest()
    return kms.sign(
        KeyId=key_id,
        Message=digest,
        MessageType="DIGEST",
        SigningAlgorithm="ECDSA_SHA_384",
    )


def _secret(kms, key_id, capsule):
    answer = kms.decapsulate(
        KeyId=key_id, SharedSecretCiphertextBlob=capsule, EncapsulationAlgorithm="ML_KEM"
    )
    return answer["SharedSecret"]


def expects_kms_to_refuse(kms, key_id, letter):
    secret = _secret(kms, key_id, letter[:1088])
    return AESGCM(secret).decrypt(letter[1088:1100], letter[1100:], None)


def returns_the_secret(kms, key_id, letter):
    return _secret(kms, key_id, letter[:1088])


def sends_the_whole_letter(kms, key_id, letter):
    return _secret(kms, key_id, letter)


def never_opens(kms, key_id, letter):
    return None


def cuts_in_the_wrong_place(kms, key_id, letter):
    secret = _secret(kms, key_id, letter[:1088])
    try:
        return AESGCM(secret).decrypt(letter[1088:1104], letter[1104:], None)
    except Exception:
        return None


def gives_the_text_as_it_is(kms, key_id, letter):
    secret = _secret(kms, key_id, letter[:1088])
    try:
        return AESGCM(secret).decrypt(letter[1088:1100], letter[1100:], None)
    except Exception:
        return letter[1100:]


WRONG = {
    "08-1": [
        ("lets the exception out", lets_the_exception_out),
        ("returns what verify returns, which is nothing", returns_what_verify_returns),
        ("lets everybody on board", lets_everybody_on_board),
        ("lets nobody on board", lets_nobody_on_board),
        ("hashes the ticket before it is hashed", hashes_twice),
        ("takes another hash", takes_another_hash),
    ],
    "08-2": [
        ("sends the whole film", sends_the_whole_film),
        ("forgets to say that it is a digest", forgets_to_say_digest),
        ("takes another digest", takes_another_digest),
        ("signs the first piece", signs_the_first_piece),
        ("signs a digest of digests", signs_a_digest_of_digests),
        ("returns the whole answer", returns_the_whole_answer),
    ],
    "08-3": [
        ("expects KMS to refuse a wrong capsule", expects_kms_to_refuse),
        ("returns the secret", returns_the_secret),
        ("sends the whole letter", sends_the_whole_letter),
        ("never opens anything", never_opens),
        ("cuts in the wrong place", cuts_in_the_wrong_place),
        ("gives the text as it is when it does not open", gives_the_text_as_it_is),
    ],
}
