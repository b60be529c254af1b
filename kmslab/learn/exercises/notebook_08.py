"""The exercises of notebook 08: to verify offline, to sign at any length, to open a capsule."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

TICKET = b"ferry 12, 3 May, one car, two adults"
P256 = {"SigningAlgorithm": "ECDSA_SHA_256"}


def _new_key(kms: Any, spec: str, usage: str) -> str:
    return str(kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"])


# --- 08-1 ---------------------------------------------------------------------------------


@exercise(
    "08-1",
    right="the real tickets pass, 6 others do not, and nobody was asked",
    hints=(
        "GetPublicKey answers DER. Which function of `cryptography` reads that?",
        "load_der_public_key(public_key).verify(...) raises InvalidSignature.",
        "verify takes the signature, the ticket and ec.ECDSA(hashes.SHA256()): it hashes itself.",
        "try: load_der_public_key(public_key).verify(signature, ticket, "
        "ec.ECDSA(hashes.SHA256())) and then return True; except InvalidSignature: return False.",
    ),
)
def verifies_on_board(is_real: Callable[..., Any]) -> None:
    kms = classroom_lab(seed="08-1").client("kms")
    key_id, other_id = (_new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY") for _ in range(2))
    public_key = kms.get_public_key(KeyId=key_id)["PublicKey"]
    for ticket in (TICKET, b"x"):
        signature = kms.sign(KeyId=key_id, Message=ticket, **P256)["Signature"]
        answer = _told(is_real, public_key, ticket, signature)
        require(answer, "a real ticket is turned away")
    signature = kms.sign(KeyId=key_id, Message=TICKET, **P256)["Signature"]
    foreign = kms.sign(KeyId=other_id, Message=TICKET, **P256)["Signature"]
    digest = hashlib.sha256(TICKET).digest()
    twice = kms.sign(KeyId=key_id, Message=digest, **P256)["Signature"]
    cases = {
        "whose text was changed": (TICKET.replace(b"two", b"nine"), signature),
        "with a space more": (TICKET + b" ", signature),
        "signed by another key": (TICKET, foreign),
        "whose digest was signed as a message": (TICKET, twice),
        "with a signature of zeros": (TICKET, bytes(len(signature))),
        "with no signature": (TICKET, b""),
    }
    for words, (ticket, shown) in cases.items():
        answer = _told(is_real, public_key, ticket, shown)
        require(not answer, f"a ticket {words} is let on board")


def _told(is_real: Callable[..., Any], *asked: bytes) -> bool:
    try:
        answer = is_real(*asked)
    except InvalidSignature:
        raise NotYet("for a forged ticket you raise InvalidSignature; False is wanted") from None
    require_kind(answer, bool, "True or False is wanted")
    return bool(answer)


# --- 08-2 ---------------------------------------------------------------------------------

PIECES = 300
_PIECE = 1000


class _Film:
    """Pieces that are given once, and counted."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.given = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        while self.given < self.pieces:
            self.given += 1
            yield self.given.to_bytes(4, "big") * (_PIECE // 4)

    def digest(self) -> bytes:
        return hashlib.sha384(b"".join(_Film(self.pieces))).digest()


@exercise(
    "08-2",
    right=f"a film of {PIECES} pieces and one of a single piece are signed, by their digests",
    hints=(
        "SHA-384 takes a message piece by piece: hashlib.sha384() has an update method.",
        "What you send to Sign has 48 bytes, whatever the film has.",
        "Sign hashes what it gets, unless MessageType says that it is hashed already.",
        'kms.sign(..., Message=running.digest(), MessageType="DIGEST", '
        'SigningAlgorithm="ECDSA_SHA_384")["Signature"].',
    ),
)
def signs_a_film(sign_film: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="08-2")
    kms = lab.client("kms")
    key_id = _new_key(kms, "ECC_NIST_P384", "SIGN_VERIFY")
    public_key = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    for pieces in (PIECES, 1):
        film = _Film(pieces)
        try:
            signature = sign_film(kms, key_id, film)
        except ClientError as refusal:
            error = refusal.response["Error"]
            raise NotYet(f"Sign refused: {error['Code']}: {error['Message']}") from None
        require_kind(signature, bytes, "bytes are wanted")
        seen = f"you took {film.given} of {pieces} pieces"
        require(film.given == pieces, seen)
        require(not _fits(public_key, hashlib.sha384(film.digest()).digest(), signature), _TWICE)
        words = "film of one piece" if pieces == 1 else f"film of {pieces} pieces"
        fits = _fits(public_key, film.digest(), signature)
        require(fits, f"the signature does not fit the {words}")


_TWICE = (
    "the signature fits the digest of the film, taken as a message: KMS hashed it once more, since "
    "nobody told it that this had been done"
)


def _fits(public_key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    try:
        public_key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA384())))
    except InvalidSignature:
        return False
    return True


# --- 08-3 ---------------------------------------------------------------------------------

CAPSULE = 1088


@exercise(
    "08-3",
    right="2 letters are opened, and 5 that are none, damaged or for another key give None",
    hints=(
        "Cut the letter first: [:1088] is the capsule, [1088:1100] the nonce, and then the text.",
        "Decapsulate never says that a capsule is wrong. What notices it later?",
        "AESGCM(secret).decrypt(nonce, sealed, None) raises InvalidTag where the key is wrong.",
        "except InvalidTag: return None.",
    ),
)
def opens_a_capsule(open_letter: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="08-3")
    kms = lab.client("kms")
    key_id, other_id = (_new_key(kms, "ML_KEM_768", "ENCAPSULATE_DECAPSULATE") for _ in range(2))
    for text in (b"41 passengers, two dogs", b""):
        answer = open_letter(kms, key_id, _letter(kms, key_id, text))
        shown = f"{len(text)} bytes of text went in and {answer!r:.40} came out"
        require(answer == text, "a good letter gives None" if answer is None else shown)
    letter = _letter(kms, key_id, b"41 passengers")
    cases = {
        "whose capsule was damaged": _flipped(letter, 5),
        "whose nonce was damaged": _flipped(letter, CAPSULE),
        "whose text was damaged": _flipped(letter, CAPSULE + 12),
        "that was cut": letter[:-1],
        "for another key": _letter(kms, other_id, b"41 passengers"),
    }
    for words, spoiled in cases.items():
        try:
            answer = open_letter(kms, key_id, spoiled)
        except ClientError as refusal:
            code = refusal.response["Error"]["Code"]
            raise NotYet(f"for a letter {words} KMS said {code}: look at what you sent") from None
        except Exception as mistake:
            name = type(mistake).__name__
            raise NotYet(f"a letter {words} ends in {name}; None is wanted") from None
        require(answer is None, f"a letter {words} gives {type(answer).__name__}; None is wanted")


def _letter(kms: Any, key_id: str, text: bytes) -> bytes:
    """A letter to the holder of the key, written by somebody who has its public key only."""
    public_key = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    assert isinstance(public_key, MLKEM768PublicKey)
    secret, capsule = public_key.encapsulate()
    nonce = bytes(range(12))
    return capsule + nonce + AESGCM(secret).encrypt(nonce, text, None)


def _flipped(letter: bytes, at: int) -> bytes:
    return letter[:at] + bytes((letter[at] ^ 1,)) + letter[at + 1 :]
