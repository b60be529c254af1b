"""Arms side by side: a round lets each run for a while in turn; ratios are taken round by round.

So a machine that slows down slows all arms of that round, and the medians of the ratios hold.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

from benchmarks import arms, decisions, objects, tables, trails

# A round's share of each arm, long enough to be timed and short enough to be fair.
_ROUND_SECONDS = 0.12


class Ratio(NamedTuple):
    """The median over all rounds of one arm's time over another's, and the middle half."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    ratios = [one / other for one, other in zip(numerators, denominators, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(median, low, high)


def race(names: Sequence[str], rounds: int = 25) -> dict[str, list[float]]:
    """Microseconds for one call of each arm, one figure a round: of CPU, for objects by the clock
    on the wall."""
    figures: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as running:
        runners = {name: running.enter_context(_arm(name)) for name in names}
        for name in names:
            runners[name].run()
        for _ in range(rounds):
            for name in names:
                figures[name].append(runners[name].run())
    return figures


class _Runner:
    def __init__(self, asked: IO[str], answered: IO[str]) -> None:
        self._asked = asked
        self._answered = answered

    def run(self) -> float:
        self._asked.write("run\n")
        self._asked.flush()
        return float(self._answered.readline())


@contextmanager
def _arm(name: str) -> Iterator[_Runner]:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.race", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield _Runner(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def _run_arm(name: str) -> None:
    """In the arm's own process: prepare, say so, then time a batch for every line read."""
    module = next(
        each for each in (arms, decisions, objects, tables, trails) if hasattr(each, name)
    )
    call = getattr(module, name)()
    # Two threads share the work on large objects: what counts is when it is done.
    now = time.perf_counter_ns if module is objects else time.process_time_ns
    calls = _calls_in(call, _ROUND_SECONDS)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = now()
        for _ in range(calls):
            call()
        print((now() - began) / calls / 1000, flush=True)


def _calls_in(call: arms.Call, seconds: float) -> int:
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        call()
        calls += 1
    return max(1, calls)


if __name__ == "__main__":
    _run_arm(sys.argv[1])
