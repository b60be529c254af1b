"""The exercises of notebook 02: an encoding, a hand-over, random bytes."""

import random
import string
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind

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
    ({"a": "b\0"}, {"a": "b"}),
    ({"1": "1" * 11}, {"1" * 11: "1"}),
)

# What an answer writes for these is cut into traps of its own. The second and the third are for
# lengths in one byte: those that stop at 255, and those that begin anew at 256.
OWN_TRAPS: tuple[Pairs, ...] = (
    {"quay": "jinx", "quiz": "junk"},
    {"quay": "j" * 255, "quiz": "junk"},
    {"quay": "jinx", "quip": "p" * 122, "quiz": "z" * 122},
)

# Letters drawn at random: an encoding may pack them, and yet needs some two hundred bytes.
LONG_VALUE = "".join(random.Random(2).choices(string.ascii_letters, k=300))
FEWEST_BYTES = 150


@exercise(
    "02-1",
    right="the same in any order, and no look-alikes are confused, nor any made of your own bytes",
    hints=(
        "A separator can also stand inside a name or a value. What cannot be imitated?",
        "Write the length of each text in front of it, in a fixed number of bytes.",
        "Sort the pairs first, so that their order in the dictionary does not matter.",
    ),
)
def encodes_without_traps(encode: Callable[[Pairs], Any]) -> None:
    def written(pairs: Pairs) -> bytes:
        encoded = encode(dict(pairs))
        require_kind(encoded, bytes, "bytes are wanted")
        return bytes(encoded)

    pairs = {"patient": "P-1", "ward": "3"}
    require(written(pairs) == written(pairs), "the same pairs give other bytes each time")
    turned = written({"ward": "3", "patient": "P-1"})
    require(written(pairs) == turned, "the same two pairs in another order give other bytes")
    for one, other in TRAPS:
        _require_difference(written, one, other)
    _require_room_for_a_long_value(written)
    for one in OWN_TRAPS:
        for other in _look_alikes(written(one), one):
            _require_difference(written, one, other)


def _require_difference(written: Callable[[Pairs], bytes], one: Pairs, other: Pairs) -> None:
    same = written(one) == written(other)
    require(not same, f"{_shown(one)} and {_shown(other)} give the same bytes")


def _require_room_for_a_long_value(written: Callable[[Pairs], bytes]) -> None:
    letters = len(LONG_VALUE)
    try:
        more = len(written({"a": LONG_VALUE})) - len(written({"a": ""}))
    except (OverflowError, ValueError) as mistake:
        name = type(mistake).__name__
        raise NotYet(f"a value of {letters} letters stops your code with {name}") from None
    hardly = f"a value of {letters} letters takes hardly more bytes than an empty one"
    require(more >= FEWEST_BYTES, f"{hardly}, so some values must share theirs")


def _look_alikes(written: bytes, pairs: Pairs) -> Iterator[Pairs]:
    """Contexts of one pair, made of what an answer wrote for several.

    From the first value to the last one everything becomes one value, separators and all; from
    the first name to the last one, one name. What cannot be found in the answer is left out.
    """
    names = sorted(pairs, key=lambda name: written.find(name.encode()))
    first, last = names[0], names[-1]
    name = _piece(written, first, last)
    value = _piece(written, pairs[first], pairs[last])
    if value is not None:
        yield from ({first: value}, {last: value})
    if name is not None:
        yield from ({name: pairs[first]}, {name: pairs[last]})
    if name is not None and value is not None:
        yield {name: value}


def _piece(written: bytes, first: str, last: str) -> str | None:
    begin, end = written.find(first.encode()), written.rfind(last.encode())
    if not 0 <= begin < end:
        return None
    try:
        return written[begin : end + len(last.encode())].decode()
    except UnicodeDecodeError:
        return None


def _shown(pairs: Pairs) -> str:
    words = str(pairs)
    return words if len(words) <= 100 else f"{words[:60]}…{words[-30:]}"


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
    require_kind(moved, bytes, "bytes are wanted")
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
        require_kind(drawn, bytes, "bytes are wanted")
        require(len(drawn) == size, f"of {size:,} wanted, you give {len(drawn):,} bytes")
        calls = [event["eventName"] for event in lab.events()]
        require("GenerateRandom" in calls, "the bytes are not from KMS")
        fewest = -(-size // 1024)
        require(len(calls) == fewest, f"{size:,} bytes: {fewest} would do, not {len(calls)} calls")
        blocks = {drawn[at : at + 32] for at in range(0, size, 1024)}
        require(len(blocks) == fewest, "a part of your bytes is repeated, so it is not random")
