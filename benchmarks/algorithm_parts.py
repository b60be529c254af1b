"""Signing, codes, encapsulation and RSA through the door, against the primitive alone."""

import statistics

from benchmarks.algorithms import SIGNERS
from benchmarks.race import race, ratio
from benchmarks.results import Figure, Row

_RSA = ("sign_rsa_4096", "verify_rsa_4096", "encrypt_rsa_4096")
_OTHERS = (
    *(f"{verb}_{signer}" for signer in SIGNERS[1:] for verb in ("sign", "verify")),
    *("mac", "decapsulate"),
)


def algorithms() -> list[Figure]:
    return [*_rsa_rows(), *_other_rows(), _key_making()]


def _rsa_rows() -> list[Figure]:
    """An RSA-4096 operation takes so long that the door's share is to be small."""
    times = _times(_RSA)
    rows: list[Figure] = []
    for operation in _RSA:
        door, bare = times[operation]
        words = f"{operation} ({statistics.median(bare):.0f} µs here): door / primitive"
        rows.append(Row(words, ratio(door, bare), "≤ 1.5"))
    return rows


def _other_rows() -> list[Figure]:
    """What the door adds to an operation, compared with what it adds to a symmetric Encrypt."""
    times = _times(("encrypt", *_OTHERS))
    rows: list[Figure] = []
    for operation in _OTHERS:
        _, bare = times[operation]
        words = f"{operation} ({statistics.median(bare):.0f} µs here): overhead / that of Encrypt"
        added, added_to_encrypt = (_added(*times[each]) for each in (operation, "encrypt"))
        rows.append(Row(words, ratio(added, added_to_encrypt), "≤ 1"))
    return rows


def _times(operations: tuple[str, ...]) -> dict[str, tuple[list[float], list[float]]]:
    """Operation → its times through the door, and those of the primitive."""
    arms = {each: [f"algorithms.{side}_{each}" for side in ("door", "bare")] for each in operations}
    times = race([name for names in arms.values() for name in names])
    return {each: (times[door], times[bare]) for each, (door, bare) in arms.items()}


def _added(door: list[float], bare: list[float]) -> list[float]:
    return [through - alone for through, alone in zip(door, bare, strict=True)]


def _key_making() -> Figure:
    alone, meanwhile = race(
        ["key_making.encrypt_alone", "key_making.encrypt_while_keys_are_made"]
    ).values()
    # A key takes a thousand times as long as an Encrypt; two threads share a core at times.
    return Row("Encrypt: RSA_4096 keys are made meanwhile / alone", ratio(meanwhile, alone), "≤ 3")
