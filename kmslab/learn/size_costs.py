"""What size costs: the same bytes encrypted by KMS itself, in an envelope, and by AES alone.

KMS takes 4 KiB a call, so more than that goes to it in pieces here, which nobody should do; the
envelope asks KMS once for a data key; AES alone, with a key at hand and a buffer that is there, is
the limit. Times belong to the machine they were measured on.
"""

import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab import envelope
from kmslab.learn.style import INK, PALETTE, use_style

KIB, MIB = 1024, 1024 * 1024
KMS_LIMIT = 4 * KIB
SIZES = (1, KIB, KMS_LIMIT, 4 * KMS_LIMIT, 64 * KIB, MIB, 64 * MIB)
LARGEST = 64 * MIB

PIECES, ENVELOPE, AES = "KMS Encrypt, 4 KiB a call", "an envelope", "AES alone"
# In more pieces than this a call takes longer than anybody waits.
_MOST_PIECES = 16
_ENOUGH_SECONDS, _FEWEST = 0.06, 3
_UNITS = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": 1024 * MIB}
_LINES = {PIECES: ("s", ":"), ENVELOPE: ("o", "-"), AES: ("^", "--")}

Way = Callable[[bytes], object]


def time_sizes(
    kms: Any, key_id: str, sizes: Sequence[int] = SIZES, rounds: int = 15
) -> pandas.DataFrame:
    """Microseconds to encrypt so many bytes, one row for each size and way: median, and the middle
    half. Ways are measured in turn, large sizes in fewer of the `rounds`. Raises ValueError for a
    size below 1 or above 64 MiB, and for fewer than three rounds."""
    if rounds < _FEWEST:
        raise ValueError(f"rounds must be at least {_FEWEST}, not {rounds}")
    sizes = tuple(dict.fromkeys(sizes))
    for size in sizes:
        if not 0 < size <= LARGEST:
            raise ValueError(f"a size is 1 byte to 64 MiB, not {size}")
    rows = []
    for size in sizes:
        for way, microseconds in _timed(_ways(kms, key_id, size), size, rounds).items():
            low, median, high = statistics.quantiles(microseconds, n=4)
            rows.append((way, size, median, low, high))
    return pandas.DataFrame(rows, columns=["way", "size", "median", "low", "high"])


def crossover(costs: pandas.DataFrame) -> int | None:
    """The smallest size from which on an envelope takes less time than pieces; None where there is
    none, or where pieces were not measured."""
    medians = costs.pivot(index="size", columns="way", values="median").sort_index()
    if PIECES not in medians:
        return None
    medians = medians.dropna(subset=[PIECES])
    dearer = medians[medians[ENVELOPE] >= medians[PIECES]].index
    cheaper = medians.index[medians.index > dearer.max()] if len(dearer) else medians.index
    return int(cheaper.min()) if len(cheaper) else None


def plot_sizes(costs: pandas.DataFrame) -> str:
    """Draw time against size, one line for each way, both on logarithmic scales, with the middle
    half as a bar; return the caption, which says in numbers what the picture shows."""
    use_style()
    axes = plt.subplots(figsize=(6.6, 3.2), dpi=64, layout="constrained")[1]
    for (way, (marker, line)), colour in zip(_LINES.items(), PALETTE, strict=False):
        of_way = costs[costs["way"] == way]
        spread = [of_way["median"] - of_way["low"], of_way["high"] - of_way["median"]]
        look: dict[str, Any] = {"marker": marker, "color": colour, "label": way}
        axes.errorbar(of_way["size"], of_way["median"], spread, None, line, ms=5, **look)
    axes.axvline(KMS_LIMIT, color=INK, linewidth=0.8)
    axes.annotate(
        "KMS takes no more than 4 KiB ",
        (KMS_LIMIT, 0.3),
        xycoords=("data", "axes fraction"),
        ha="right",
    )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    sizes = sorted(set(costs["size"]))
    axes.set_xticks(sizes, [size_text(size) for size in sizes], rotation=45)
    axes.minorticks_off()
    axes.set_xlabel("size of the plaintext")
    axes.set_ylabel("microseconds")
    axes.set_title("What does size cost?")
    axes.legend(loc="upper left", frameon=False)
    plt.show()
    return _caption(costs)


def sizes_in(text: str) -> list[int]:
    """The sizes in a text such as "100, 4 KiB, 1 MiB", in order. Raises ValueError for other
    texts, and for sizes that `time_sizes` does not take."""
    sizes = []
    for each in text.split(","):
        read = re.fullmatch(r"\s*([0-9]{1,9})\s*([a-z]*)\s*", each, re.IGNORECASE | re.ASCII)
        if not read or read[2].lower() not in _UNITS:
            raise ValueError(f"a size is a number, or one with KiB or MiB, not {each.strip()!r}")
        size = int(read[1]) * _UNITS[read[2].lower()]
        if not 0 < size <= LARGEST:
            raise ValueError(f"a size is 1 byte to 64 MiB, not {each.strip()!r}")
        sizes.append(size)
    return sorted(set(sizes))


def size_text(size: int) -> str:
    """1048576 as "1 MiB"."""
    for unit, amount in (("MiB", MIB), ("KiB", KIB)):
        if size >= amount and size % amount == 0:
            return f"{size // amount} {unit}"
    return f"{size} B"


def _ways(kms: Any, key_id: str, size: int) -> dict[str, Way]:
    keys = envelope.KmsKeys(kms, key_id)
    aead, target = AESGCM(AESGCM.generate_key(256)), bytearray(size + 16)

    def in_pieces(plaintext: bytes) -> None:
        for start in range(0, size, KMS_LIMIT):
            kms.encrypt(KeyId=key_id, Plaintext=plaintext[start : start + KMS_LIMIT])

    ways: dict[str, Way] = {
        ENVELOPE: lambda plaintext: envelope.encrypt(plaintext, keys),
        AES: lambda plaintext: aead.encrypt_into(os.urandom(12), plaintext, None, target),
    }
    if size <= _MOST_PIECES * KMS_LIMIT:
        ways[PIECES] = in_pieces
    return ways


def _timed(ways: dict[str, Way], size: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds of each way, one figure a round."""
    plaintext = os.urandom(size)
    for way in ways.values():
        way(plaintext)
    times: dict[str, list[float]] = {name: [] for name in ways}
    began = time.perf_counter()
    for done in range(rounds):
        if done >= _FEWEST and time.perf_counter() - began > _ENOUGH_SECONDS * rounds:
            break
        for name, way in ways.items():
            started = time.perf_counter_ns()
            way(plaintext)
            times[name].append((time.perf_counter_ns() - started) / 1000)
    return times


def _caption(costs: pandas.DataFrame) -> str:
    medians = costs.pivot(index="size", columns="way", values="median")
    least, most = (
        medians.loc[size, ENVELOPE] / medians.loc[size, AES]
        for size in (medians.index.min(), medians.index.max())
    )
    place = crossover(costs)
    crossing = (
        f"is quicker than KMS in pieces from {size_text(place)} on"
        if place
        else ("is never quicker than KMS in pieces")
    )
    return (
        f"An envelope takes {least:,.0f} times as long as AES alone for "
        f"{size_text(int(medians.index.min()))}, and {most:.1f} times for "
        f"{size_text(int(medians.index.max()))}; it {crossing}."
    )
