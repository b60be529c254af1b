"""The exercises of notebook 14: the longest stage of a call, and a cache of data keys."""

from collections.abc import Callable
from typing import Any

import pandas

from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import exercise, require

# --- 14-1 ---------------------------------------------------------------------------------


@exercise(
    "14-1",
    right="signing takes longest in a usual call, with two fifths of it, whatever the slow one did",
    hints=(
        "Which number of a column does a single slow call not move: mean, sum, maximum or median?",
        "total is no stage: take it out before you look for the longest.",
        "A Series has idxmax(), which gives the name, and max(), which gives the value.",
        "medians = times.median(); stages = medians.drop('total'); the share is stages.max() "
        "divided by medians['total'].",
    ),
)
def finds_the_longest_stage(longest_stage: Callable[[Any], Any]) -> None:
    usual = {"build": 30.0, "sign": 40.0, "HSM": 20.0, "total": 100.0}
    slow = {"build": 30.0, "sign": 40.0, "HSM": 9_020.0, "total": 9_100.0}
    times = pandas.DataFrame([usual] * 99 + [slow])
    told = longest_stage(times.copy())
    require(
        isinstance(told, tuple) and len(told) == 2,
        f"two things are wanted, a name and a share, not {type(told).__name__}",
    )
    name, share = told
    require(name != "total", "total is the whole call, and no stage")
    require(name == "sign", f"sign takes longest in each of the usual calls, not {name}")
    require(
        isinstance(share, (int, float)) and abs(share - 0.4) < 0.001,
        f"sign takes 40 of 100 microseconds: the share is 0.4, not {share}",
    )
    other = longest_stage(pandas.DataFrame([{"HSM": 30.0, "record": 10.0, "total": 50.0}] * 3))
    require(other[0] == "HSM", f"of other calls HSM takes longest, not {other[0]}")


# --- 14-2 ---------------------------------------------------------------------------------


@exercise(
    "14-2",
    right="25 data keys from 3 calls, each given out 10 times at most, and each opens",
    hints=(
        "The inner function has to remember two things between its calls: which?",
        "nonlocal lets an inner function change the variables of the outer one.",
        "Count how often the held key may still be given out; at 0 a new one is needed.",
        "if left == 0: ask KMS, keep (Plaintext, CiphertextBlob) and set left = most; then "
        "left -= 1 and return what is held.",
    ),
)
def keeps_data_keys(data_key_source: Callable[[Any, str, int], Any]) -> None:
    lab = classroom_lab(seed="14-2")
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]

    def asked() -> int:
        return sum(event["eventName"].startswith("GenerateDataKey") for event in lab.events())

    source = data_key_source(kms, key_id, 10)
    require(callable(source), f"a function is wanted, not {type(source).__name__}")
    require(asked() == 0, "KMS was asked before a data key was wanted")
    given = []
    for number in range(1, 26):
        given.append(source())
        calls, wanted = asked(), -(-number // 10)
        require(
            calls == wanted, f"after {number} data keys KMS was asked {calls} times, not {wanted}"
        )
    require(
        all(isinstance(pair, tuple) and len(pair) == 2 for pair in given),
        "each time a pair is wanted: the plaintext data key, and the same encrypted",
    )
    for plaintext, encrypted in (given[0], given[-1]):
        require(len(plaintext) == 32, f"a data key of 32 bytes is wanted, not of {len(plaintext)}")
        opened = kms.decrypt(CiphertextBlob=encrypted)["Plaintext"]
        require(opened == plaintext, "the encrypted one does not open to the plaintext one")
    kinds = len({plaintext for plaintext, _ in given})
    require(kinds == 3, f"25 times, at most 10 each, are 3 data keys, not {kinds}")
    before, once = asked(), data_key_source(kms, key_id, 1)
    different = {once()[0] for _ in range(3)}
    require(
        (len(different), asked() - before) == (3, 3),
        "where each may be given out once, three times are three data keys",
    )
    require(source()[0] == given[-1][0], "two sources must not share what they hold")
