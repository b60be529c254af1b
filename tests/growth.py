"""How the work of a call grows with its input: a ratio, for the machines are noisy."""

import time
from collections.abc import Callable


def growth(work: Callable[[int], object], small: int, large: int) -> float:
    """How many times the CPU time of ``work(small)`` does ``work(large)`` take?

    The least of five turns each: what else the machine does only ever adds time. A millisecond
    is the least that counts, for below it the clock and the caches decide.
    """
    least = {size: min(_cpu_seconds(work, size) for _ in range(5)) for size in (small, large)}
    return least[large] / max(least[small], 0.001)


def _cpu_seconds(work: Callable[[int], object], size: int) -> float:
    started = time.process_time()
    work(size)
    return time.process_time() - started
