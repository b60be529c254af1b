"""The exercises of notebook 02: an encoding, a hand-over, random bytes."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import exercise, require

Pairs = dict[str, str]

# Each two contexts differ, and one careless way of writing them down takes them for the same.
TRAPS: tuple[tuple[Pairs, Pairs], ...] = (
    ({"a": "bc"}, {"ab": "c"}),
    ({"a": "b", "c": "d"}, {"a": "bcd"}),
    ({"a": "1,b=2"}, {"a": "1", "b": "2"}),
    ({"a": "1&b=2"}, {"a": "1", "b": "2"}),
    ({"a": "1;b=2"}, {"a": "1", "b": "2"}),
    ({"a": "1\nb=2"}, {"a": "1", "b": "2"}),
    ({"a": "1\0b\x002"}, {"a": "1", "b": "2"}),
    ({"a": "1 b 2"}, {"a": "1", "b": "2"}),
    ({"a=b": "c"}, {"a": "b=c"}),
    ({"a:b": "c"}, {"a": "b:c"}),
    ({"a": ""}, {"": "a"}),
    ({"a": ""}, {}),
    ({"A": "b"}, {"a": "b"}),
    ({"a": "b "}, {"a": "b"}),
    ({"a": "b"}, {"b": "a"}),
    ({"a": "é"}, {"a": ""}),
)


@exercise(
    "02-1",
    right=f"the same in any order, and none of {len(TRAPS)} pairs of look-alikes is confused",
    hints=(
        "A separator can also stand inside a name or a value. What cannot be imitated?",
        "Write the length of each text in front of it, in a fixed number of bytes.",
        "Sort the pairs first, so that their order in the dictionary does not matter.",
    ),
)
def encodes_without_traps(encode: Callable[[Pairs], Any]) -> None:
    encoded = encode({"patient": "P-1", "ward": "3"})
    require(isinstance(encoded, bytes), f"bytes are wanted, not {type(encoded).__name__}")
    turned = encode({"ward": "3", "patient": "P-1"})
    require(encoded == turned, "the same two pairs in another order give other bytes")
    for one, other in TRAPS:
        require(encode(one) != encode(other), f"{one} and {other} give the same bytes")
    require(encode({"a": "é"}) == encode({"a": "é"}), "the same pairs give other bytes each time")


@exercise(
    "02-2",
    right="it opens for the new owner and under the new key, and nobody held the plaintext",
    hints=(
        "One operation decrypts and encrypts again inside KMS.",
        "re_encrypt takes two contexts: SourceEncryptionContext, DestinationEncryptionContext.",
        "Return the member CiphertextBlob of its answer.",
    ),
)
def hands_a_ciphertext_over(hand_over: Callable[..., Any]) -> None:
    lab = classroom_lab(seed="02-2")
    kms = lab.client("kms")
    old_key, new_key = (kms.create_key()["KeyMetadata"] for _ in range(2))
    ciphertext = kms.encrypt(
        KeyId=old_key["KeyId"], Plaintext=b"a deed", EncryptionContext={"owner": "ann"}
    )["CiphertextBlob"]
    before = len(lab.events())
    moved = hand_over(kms, ciphertext, "ann", "ben", new_key["KeyId"])
    calls = [event["eventName"] for event in lab.events()[before:]]
    require(isinstance(moved, bytes), f"bytes are wanted, not {type(moved).__name__}")
    require("Decrypt" not in calls, "you called Decrypt, so the plaintext was in your hands")
    for owner, opens in (("ben", True), ("ann", False)):
        opened = _opened(kms, moved, {"owner": owner})
        word = "does not open" if opens else "still opens"
        require(bool(opened) is opens, f"your ciphertext {word} with the owner {owner}")
    used = _opened(kms, moved, {"owner": "ben"})["KeyId"]
    require(used == new_key["Arn"], "your ciphertext is still under the old key")


def _opened(kms: Any, ciphertext: bytes, pairs: Pairs) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = kms.decrypt(CiphertextBlob=ciphertext, EncryptionContext=pairs)
        return answer
    except ClientError:
        return {}


@exercise(
    "02-3",
    right="every size from 1 to 5,000 bytes, from KMS, in as few calls as there can be",
    hints=(
        "One call gives 1,024 bytes at most, so the size has to be split.",
        "Ask for min(1024, what is still missing) until nothing is missing.",
    ),
)
def draws_random_bytes(random_bytes: Callable[[Any, int], Any]) -> None:
    for size in (1, 1024, 1025, 2048, 5000):
        lab = classroom_lab(seed="02-3")
        drawn = random_bytes(lab.client("kms"), size)
        require(isinstance(drawn, bytes), f"bytes are wanted, not {type(drawn).__name__}")
        require(len(drawn) == size, f"of {size:,} wanted, you give {len(drawn):,} bytes")
        calls = [event["eventName"] for event in lab.events()]
        require("GenerateRandom" in calls, "the bytes are not from KMS")
        fewest = -(-size // 1024)
        require(len(calls) == fewest, f"{size:,} bytes: {fewest} would do, not {len(calls)} calls")
        blocks = {drawn[at : at + 32] for at in range(0, size, 1024)}
        require(len(blocks) == fewest, "a part of your bytes is repeated, so it is not random")
