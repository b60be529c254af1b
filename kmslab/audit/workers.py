"""Log files read by several processes: each is given groups of files and answers with their rows.

A process of ours is `python -m kmslab.audit.workers`. It hears one line of JSON for each group, the
names and paths of its files, and answers with a length and the rows in Arrow's stream format. So
nothing is forked, and a learner's script is not run again, as `multiprocessing` would have to.
"""

import importlib.abc
import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow
import pyarrow.ipc

from kmslab.audit.reading import Batch, Skipped, Source, file_source, read_batch

# To start a process takes as long as to read some fifty thousand events.
_WORTH_A_PROCESS = 24 * 1024 * 1024
_GROUP_BYTES, _GROUP_FILES = 2 * 1024 * 1024, 500
_MOST_PROCESSES = 8
_REST = b"skipped and files"

Read = Callable[[Sequence[Source]], Batch]


def read_batches(sources: Sequence[Source], processes: int | None = None) -> Iterator[Batch]:
    """The rows of all files, group by group, in the order of the files.

    `processes` is how many read at once, this one among them; by default as many as there are
    cores, and eight at most, where the files are large enough. Where not all are on this machine
    this one reads alone. Raises ValueError for fewer than one, ChildProcessError where a process is
    killed.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    wanted = processes or (_cores() if _worth_it(sources) else 1)
    groups = list(grouped(sources))
    if min(wanted, len(groups)) < 2 or not all(source.path for source in sources):
        yield from map(read_batch, groups)
    else:
        yield from _shared(groups, min(wanted, len(groups)))


def _shared(groups: Sequence[Sequence[Source]], processes: int) -> Iterator[Batch]:
    with ExitStack() as running:
        free: queue.SimpleQueue[Read] = queue.SimpleQueue()
        free.put(read_batch)
        for _ in range(processes - 1):
            free.put(running.enter_context(_Process()).read)

        def read(group: Sequence[Source]) -> Batch:
            reader = free.get()
            try:
                return reader(group)
            finally:
                free.put(reader)

        pool = running.enter_context(ThreadPoolExecutor(processes))
        waiting: deque[Future[Batch]] = deque()
        try:
            for group in groups:
                waiting.append(pool.submit(read, group))
                # Not further ahead than this, or memory would grow with the number of files.
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


class _Process:
    """Another process that reads groups of files."""

    def __enter__(self) -> Self:
        above = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kmslab.audit.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        return self

    def read(self, group: Sequence[Source]) -> Batch:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked
        assert answered
        try:
            asked.write(json.dumps([(each.name, each.path) for each in group]).encode() + b"\n")
            asked.flush()
        except OSError:
            raise self._death() from None
        length = int.from_bytes(answered.read(8), "big")
        answer = answered.read(length)
        if not length or len(answer) < length:
            raise self._death()
        return _unpacked(answer)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if kind:
            self._process.kill()
        self._process.communicate()

    def _death(self) -> ChildProcessError:
        code = self._process.wait()
        return ChildProcessError(f"a process that read log files ended with {code}")


def _packed(batch: Batch) -> memoryview:
    schema = batch.rows.schema.with_metadata({_REST: json.dumps(batch[1:]).encode()})
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch.rows.cast(schema))
    return memoryview(sink.getvalue())


def _unpacked(answer: bytes) -> Batch:
    with pyarrow.ipc.open_stream(answer) as reader:
        skipped, files = json.loads(reader.schema.metadata[_REST])
        rows = reader.read_next_batch().replace_schema_metadata(None)
    return Batch(rows, [Skipped(*each) for each in skipped], files)


def grouped(sources: Sequence[Source]) -> Iterator[list[Source]]:
    group: list[Source] = []
    size = 0
    for source in sources:
        group.append(source)
        size += source.size
        if size >= _GROUP_BYTES or len(group) == _GROUP_FILES:
            yield group
            group, size = [], 0
    if group or not sources:
        yield group


def _worth_it(sources: Sequence[Source]) -> bool:
    return sum(source.size for source in sources) >= _WORTH_A_PROCESS


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return min(_MOST_PROCESSES, len(usable(0)) if usable else os.cpu_count() or 1)


def _serve(asked: BinaryIO, answers: BinaryIO) -> None:
    for line in asked:
        answer = _packed(read_batch([file_source(*each) for each in json.loads(line)]))
        answers.write(len(answer).to_bytes(8, "big"))
        answers.write(answer)
        answers.flush()


class _NoPandas(importlib.abc.MetaPathFinder):
    """pyarrow imports pandas before it makes its first array, to know pandas' objects when it is
    given some. A process that has none would wait for that as long as it reads 200,000 events."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


if __name__ == "__main__":
    sys.meta_path.insert(0, _NoPandas())
    _serve(sys.stdin.buffer, sys.stdout.buffer)
