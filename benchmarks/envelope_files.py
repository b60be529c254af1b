"""Files through envelopes: a plain copy, whole processes, and memory (Linux alone).

Files lie in $KMSLAB_BENCH_FOLDER, or else in memory (/dev/shm) where that has room for three of
them, since a disk that others use too makes every figure its own. Nobody flushes to the disk, for
the same reason. Every result is a new file, removed at once.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import race
from benchmarks.envelopes import KEY
from benchmarks.servers import ACCESS_KEY, SECRET_KEY, client_of, running_server
from kmslab import envelope

_MIB, _GIB = 1024**2, 1024**3
_MEMORY = Path("/dev/shm")
Seconds = dict[str, list[float]]


@contextmanager
def bench_folder() -> Iterator[Path]:
    chosen = os.environ.get("KMSLAB_BENCH_FOLDER")
    if not chosen and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 5 * _GIB:
        chosen = str(_MEMORY)
    with tempfile.TemporaryDirectory(dir=chosen) as name:
        yield Path(name)


def race_copies(rounds: int = 7) -> dict[str, Seconds]:
    """1 GiB to a new file, on all cores and on one: copied, encrypted, opened."""
    with bench_folder() as folder:
        source = _random_file(folder / "source", _GIB)
        message = folder / "message"
        envelope.encrypt_file(source, message, KEY, flush=False)
        target = folder / "target"
        arms = {
            "copy": lambda: _copy(source, target),
            "encrypt": lambda: envelope.encrypt_file(source, target, KEY, flush=False),
            "decrypt": lambda: envelope.decrypt_file(message, target, KEY, flush=False),
        }
        on_all = _timed(arms, target, rounds)
        with _one_core():
            return {"all": on_all, "one": _timed(arms, target, rounds)}


def race_processes(rounds: int = 5) -> Seconds:
    """1 GiB encrypted by a command, from its start to its end; only of programs that are here.
    kmslab asks a served KMS over HTTP, age has a recipient, openssl a password and no tag: neither
    of its modes would notice a change."""
    with bench_folder() as folder, running_server("kmslab") as (port, _):
        source, target = _random_file(folder / "source", _GIB), folder / "target"
        environment = _environment(port)
        arms = {
            name: _command([*words, str(source)], environment)
            for name, words in _commands(port, folder, target).items()
        }
        return _timed(arms, target, rounds)


def peak_memory(size: int) -> float:
    """MiB above a process that only holds a KMS client, for a file of `size` bytes."""
    with bench_folder() as folder, running_server("kmslab") as (port, _):
        source = folder / "source"
        with source.open("wb") as sparse:
            sparse.truncate(size)
        told = subprocess.run(
            [sys.executable, "-c", _MEASURED, source, folder / "target", _new_key(port)],
            env=_environment(port),
            capture_output=True,
            check=True,
        )
        figure: float = json.loads(told.stdout)
        return figure


_MEASURED = """
import json, sys
import boto3
from kmslab import envelope

source, target, key_id = sys.argv[1:]
keys = envelope.KmsKeys(boto3.client("kms"), key_id)
envelope.decrypt(envelope.encrypt(b"idle", keys), keys)
def peak():
    # Of this program alone; what getrusage tells begins with its parent's.
    (line,) = [each for each in open("/proc/self/status") if each.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
idle = peak()
envelope.encrypt_file(source, target, keys, flush=False)
print(json.dumps(peak() - idle))
"""


def _timed(arms: Mapping[str, Callable[[], object]], target: Path, rounds: int) -> Seconds:
    seconds: Seconds = {name: [] for name in arms}
    for number in range(max(3, round(rounds * race.rounds_factor)) + 1):
        for name, arm in arms.items():
            began = time.perf_counter()
            arm()
            taken = time.perf_counter() - began
            target.unlink()
            if number:
                # The first round warms up.
                seconds[name].append(taken)
    return seconds


def _copy(source: Path, target: Path) -> None:
    room = memoryview(bytearray(_MIB))
    with source.open("rb", buffering=0) as reading, target.open("wb", buffering=0) as writing:
        while size := reading.readinto(room):
            writing.write(room[:size])


@contextmanager
def _one_core() -> Iterator[None]:
    """Threads that are started here stay on the core that we are on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _random_file(path: Path, size: int) -> Path:
    piece = os.urandom(8 * _MIB)
    with path.open("wb") as writing:
        for _ in range(size // len(piece)):
            writing.write(piece)
    return path


def _commands(port: int, folder: Path, target: Path) -> dict[str, list[str]]:
    """Each ends with the file that it reads."""
    kmslab = str(Path(sys.executable).parent / "kmslab")
    key_id = _new_key(port)
    commands = {
        "kmslab": [kmslab, "encrypt", "--no-flush", "--key-id", key_id, "--output", str(target)]
    }
    if age := shutil.which("age"):
        identity = folder / "identity"
        subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
        told = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True)
        commands["age"] = [age, "-r", told.stdout.decode().strip(), "-o", str(target)]
    if openssl := shutil.which("openssl"):
        for mode in ("cbc", "ctr"):
            words = ["enc", f"-aes-256-{mode}", "-pbkdf2", "-pass", "pass:benchmark"]
            commands[f"openssl enc -aes-256-{mode}"] = [openssl, *words, "-out", str(target), "-in"]
    return commands


def _command(words: list[str], environment: dict[str, str]) -> Callable[[], object]:
    return lambda: subprocess.run(words, env=environment, check=True)


def _environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
    return {
        **kept,
        "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _new_key(port: int) -> str:
    arn: str = client_of(port).create_key()["KeyMetadata"]["Arn"]
    return arn
