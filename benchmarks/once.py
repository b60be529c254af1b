"""Long work, done once in a fresh process: seconds by the clock, and the most memory it had.

What takes a minute cannot be repeated a hundred times; so each round of such a race starts every
arm anew, in turn. Memory is that of the process and all that it starts, looked at again and again.
"""

import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

_LOOK_SECONDS = 0.02


class Run(NamedTuple):
    """What one arm needed once. `seconds` begin when its imports are done."""

    seconds: float
    mebibytes: float


def run_once(name: str, *arguments: str) -> Run:
    """Run a function of a module of `benchmarks`: "audit_scale.kmslab_table"."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    command = [sys.executable, "-m", "benchmarks.once", name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    return Run(*map(float, done.stdout.split()[-2:]))


def race_once(arms: Sequence[tuple[str, ...]], rounds: int) -> list[list[Run]]:
    """The runs of each arm, which are names with arguments, one in each round in turn."""
    runs: list[list[Run]] = [[] for _ in arms]
    for _ in range(rounds):
        for arm, done in zip(arms, runs, strict=True):
            done.append(run_once(*arm))
    return runs


class _Watch(threading.Thread):
    """Looks how much memory this process and its children have."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._over = threading.Event()

    def run(self) -> None:
        import psutil

        me = psutil.Process()
        while not self._over.wait(_LOOK_SECONDS):
            held = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.Error:
                    continue
            self.most = max(self.most, held)

    def stop(self) -> None:
        self._over.set()
        self.join()


def _main(name: str, *arguments: str) -> None:
    module, _, function = name.rpartition(".")
    work = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    watch = _Watch()
    watch.start()
    began = time.perf_counter()
    kept = work(*arguments)
    seconds = time.perf_counter() - began
    watch.stop()
    del kept
    print(seconds, watch.most / 2**20)


if __name__ == "__main__":
    _main(*sys.argv[1:])
