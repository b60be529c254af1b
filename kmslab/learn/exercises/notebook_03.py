"""The exercises of notebook 03: the 4 KiB wall, an envelope by hand, a new key for an old one."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

Envelope = dict[str, bytes]

PARTS = {"encrypted_data_key", "nonce", "ciphertext"}
CONTEXT = {"file": "will.txt"}
DOCUMENT = b"I leave my garden to the birds. " * 400


@exercise(
    "03-1",
    right="4,096 bytes fit, 4,097 need an envelope, and nothing at all is refused",
    hints=(
        "Where exactly was the wall in this notebook?",
        "Encrypt wants at least one byte, too.",
    ),
)
def knows_the_wall(fits: Callable[[bytes], Any]) -> None:
    for size, wanted in ((1, True), (4095, True), (4096, True), (4097, False), (1_000_000, False)):
        said = _verdict(fits, b"x" * size)
        word = "fits into one Encrypt" if wanted else "needs an envelope"
        require(said is wanted, f"a document of {size:,} bytes {word}")
    require(not _verdict(fits, b""), "an empty document is refused by Encrypt")
    letters = _verdict(fits, "é".encode() * 2049)
    require(not letters, "bytes are counted, not letters: 4,098 of them")


def _verdict(fits: Callable[[bytes], Any], document: bytes) -> bool:
    said = fits(document)
    require(isinstance(said, bool), f"True or False is wanted, not {said!r:.40}")
    return bool(said)


@exercise(
    "03-2",
    right="the envelope opens with its context alone, and no key lies in it readable",
    hints=(
        "generate_data_key(KeyId=..., KeySpec='AES_256', EncryptionContext=context) returns the "
        "data key twice; use Plaintext now, keep CiphertextBlob.",
        "A new data key and a new nonce for every call: make both inside seal.",
        "unseal needs decrypt(CiphertextBlob=..., EncryptionContext=context) and then AESGCM.",
    ),
)
def seals_and_unseals(
    seal: Callable[..., Any], unseal: Callable[[Any, Envelope, dict[str, str]], Any]
) -> None:
    lab = classroom_lab(seed="03-2")
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    envelope = seal(kms, key_id, DOCUMENT, dict(CONTEXT))
    _require_parts(envelope)
    require(envelope["ciphertext"], "the ciphertext is empty")
    data_key = _data_key(kms, envelope, CONTEXT)
    stored = b"".join(envelope.values())
    require(data_key not in stored, "the plaintext data key lies in the envelope")
    require(DOCUMENT[:32] not in stored, "the document lies in the envelope, readable")
    require(unseal(kms, envelope, dict(CONTEXT)) == DOCUMENT, "unseal gives another document")
    again = seal(kms, key_id, DOCUMENT, dict(CONTEXT))
    require(data_key != _data_key(kms, again, CONTEXT), "the same data key is used twice")
    require(envelope["nonce"] != again["nonce"], "the same nonce is used twice")
    for other in ({}, {"file": "other.txt"}):
        require(not _opens(unseal, kms, envelope, other), f"it opens with the context {other} too")
    for changed in _changed(envelope["ciphertext"]):
        _require_refusal(unseal, kms, {**envelope, "ciphertext": changed})


@exercise(
    "03-3",
    right="another KMS key, the same ciphertext, and the data key was never in the open",
    hints=(
        "Only one of the three parts was made with the KMS key.",
        "re_encrypt the encrypted data key, with the same context on both sides.",
        "Return a new dictionary: {**envelope, 'encrypted_data_key': ...}.",
    ),
)
def rewraps(rewrap: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="03-3")
    kms = lab.client("kms")
    old_key, new_key = (kms.create_key()["KeyMetadata"] for _ in range(2))
    made = kms.generate_data_key(
        KeyId=old_key["KeyId"], KeySpec="AES_256", EncryptionContext=CONTEXT
    )
    envelope = {
        "encrypted_data_key": made["CiphertextBlob"],
        "nonce": lab.random(12),
        "ciphertext": lab.random(500),
    }
    kept, before = dict(envelope), len(lab.events())
    renewed = rewrap(kms, envelope, dict(CONTEXT), new_key["KeyId"])
    calls = [event["eventName"] for event in lab.events()[before:]]
    _require_parts(renewed)
    for name in ("nonce", "ciphertext"):
        require(renewed[name] == kept[name], f"the {name} must not change")
    for call in ("Decrypt", "GenerateDataKey"):
        require(call not in calls, f"you called {call}, so a data key was in your hands")
    require(envelope == kept, "the old envelope was changed; return a new one")
    same = _data_key(kms, renewed, CONTEXT) == made["Plaintext"]
    require(same, "there is another data key in your envelope")
    used = kms.decrypt(CiphertextBlob=renewed["encrypted_data_key"], EncryptionContext=CONTEXT)
    require(used["KeyId"] == new_key["Arn"], "the data key is still under the old KMS key")


def _require_parts(envelope: Any) -> None:
    require_kind(envelope, dict, "a dictionary is wanted")
    require(set(envelope) == PARTS, f"the parts are {sorted(PARTS)}, not {sorted(envelope)}")
    for name, part in envelope.items():
        require_kind(part, bytes, f"{name} has to be bytes")


def _data_key(kms: Any, envelope: Envelope, context: dict[str, str]) -> bytes:
    try:
        answer = kms.decrypt(
            CiphertextBlob=envelope["encrypted_data_key"], EncryptionContext=context
        )
    except ClientError as refusal:
        code = refusal.response["Error"]["Code"]
        raise NotYet(
            f"KMS does not open the encrypted data key with the context {context}: {code}"
        ) from None
    plaintext: bytes = answer["Plaintext"]
    require(len(plaintext) in (16, 32), f"a data key of {len(plaintext)} bytes is no AES key here")
    return plaintext


def _opens(
    unseal: Callable[..., Any], kms: Any, envelope: Envelope, context: dict[str, str]
) -> bool:
    try:
        return bool(unseal(kms, envelope, dict(context)) == DOCUMENT)
    except Exception:
        return False


def _changed(ciphertext: bytes) -> Iterator[bytes]:
    """The same with one bit turned: in the first byte, in the middle, in the last; and cut."""
    for place in (0, len(ciphertext) // 2, len(ciphertext) - 1):
        turned = bytes([ciphertext[place] ^ 1])
        yield ciphertext[:place] + turned + ciphertext[place + 1 :]
    yield ciphertext[:-1]


def _require_refusal(unseal: Callable[..., Any], kms: Any, envelope: Envelope) -> None:
    try:
        given = unseal(kms, envelope, dict(CONTEXT))
    except Exception:
        return
    require(given is None, "a changed ciphertext is not noticed")
    raise NotYet("unseal has to raise an error for a changed ciphertext, and gives None")
