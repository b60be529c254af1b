"""Where the time of an Encrypt goes: stages measured inside the door, and boto3 around it.

The door tells the end of each stage only while somebody listens, so an unmeasured call pays
nothing. Times are in microseconds and belong to the machine they were measured on.
"""

import time
from typing import Any

import matplotlib.pyplot as plt
import pandas

from kmslab.lab import Lab
from kmslab.learn.style import INK, PALETTE, use_style

DOOR_STAGES = ("verify", "validate", "authorise", "HSM", "record", "answer")
STAGES = ("boto3", *DOOR_STAGES)


class _Stopwatch:
    """Collects what the door marks: the microseconds since the mark before, by stage."""

    def __init__(self) -> None:
        self.spans = dict.fromkeys(DOOR_STAGES, 0.0)
        self._since = 0

    def mark(self, stage: str) -> None:
        now = time.perf_counter_ns()
        if stage in self.spans:
            self.spans[stage] += (now - self._since) / 1000
        self._since = now


def time_encrypt_path(
    lab: Lab, client: Any, key_id: str, plaintext: bytes, rounds: int = 300
) -> pandas.DataFrame:
    """Microseconds of each stage for `rounds` calls of Encrypt, one row a call.

    `boto3` is all that is not spent inside the door: building, signing and parsing.
    """
    for _ in range(20):
        client.encrypt(KeyId=key_id, Plaintext=plaintext)
    return pandas.DataFrame(
        [_timed_call(lab, client, key_id, plaintext) for _ in range(rounds)], columns=list(STAGES)
    )


def _timed_call(lab: Lab, client: Any, key_id: str, plaintext: bytes) -> dict[str, float]:
    stopwatch = _Stopwatch()
    lab.endpoint.mark = stopwatch.mark
    started = time.perf_counter_ns()
    try:
        client.encrypt(KeyId=key_id, Plaintext=plaintext)
        total = (time.perf_counter_ns() - started) / 1000
    finally:
        lab.endpoint.mark = None
    return {"boto3": total - sum(stopwatch.spans.values()), **stopwatch.spans}


def plot_stages(times: pandas.DataFrame) -> str:
    """Draw each stage's median with the middle half of the calls as a line; return the caption,
    which says in numbers what the picture shows."""
    use_style()
    medians, low, high = (times.quantile(q) for q in (0.5, 0.25, 0.75))
    axes = plt.subplots(layout="constrained")[1]
    places = range(len(STAGES))
    colours = [INK if stage == "boto3" else PALETTE[0] for stage in STAGES]
    spread = [medians - low, high - medians]
    axes.barh(places, medians, color=colours, xerr=spread, ecolor=PALETTE[1], capsize=3)
    for place, median in zip(places, medians, strict=True):
        axes.annotate(
            f"{median:.0f}",
            (high.iloc[place], place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(places, STAGES)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("microseconds (median; the line spans the middle half of the calls)")
    axes.set_title("Where the time of one Encrypt goes")
    plt.show()
    door = medians[list(DOOR_STAGES)].sum()
    slowest = medians[list(DOOR_STAGES)].idxmax()
    return (
        f"One Encrypt: boto3 itself {medians['boto3']:.0f} µs, the simulated AWS {door:.0f} µs, "
        f"whose longest stage is {slowest} ({medians[slowest]:.0f} µs); {len(times)} calls."
    )
