"""Arms side by side: a round lets each run for a while in turn; ratios are taken round by round.

So a machine that slows down slows all arms of that round, and the medians of the ratios hold.
"""

import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

from benchmarks.arms import Call

# A round's share of each arm, long enough to be timed and short enough to be fair: a machine that
# is shared changes its speed within a second.
_ROUND_SECONDS = 0.03

# More rounds make a figure surer, and the run longer.
rounds_factor = 1.0


class Ratio(NamedTuple):
    """The median over all rounds of one arm's time over another's, and the middle half."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 2 if self.median >= 0.1 else 3
        median, low, high = (f"{value:.{digits}f}" for value in self)
        return f"{median} ({low}-{high})"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    ratios = [one / other for one, other in zip(numerators, denominators, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(median, low, high)


def one_ratio(value: float) -> Ratio:
    """A figure that was taken once."""
    return Ratio(value, value, value)


def race(names: Sequence[str], rounds: int = 100) -> dict[str, list[float]]:
    """Microseconds for one call of each arm, one figure a round: of CPU, or by the clock that the
    arm's module calls its CLOCK.

    An arm is a function of `benchmarks.arms`, or of another module: "objects.put_64_mib".
    """
    figures: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as running:
        runners = {name: running.enter_context(_arm(name)) for name in names}
        for name in names:
            runners[name].run()
        for _ in range(max(3, round(rounds * rounds_factor))):
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
    module_name, _, function = name.rpartition(".")
    module = importlib.import_module(f"benchmarks.{module_name or 'arms'}")
    call = getattr(module, function)()
    now = getattr(module, "CLOCK", time.process_time_ns)
    calls = _calls_in(call, _ROUND_SECONDS)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = now()
        for _ in range(calls):
            call()
        print((now() - began) / calls / 1000, flush=True)


def _calls_in(call: Call, seconds: float) -> int:
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        call()
        calls += 1
    return max(1, calls)


if __name__ == "__main__":
    _run_arm(sys.argv[1])
