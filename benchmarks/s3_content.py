"""What sealing costs a client that sends or gets 64 MiB: wall time, as ratios, arms in turn.

The limits are what boto3 does without anybody behind it: its own wrapper read and thrown away, and
bytes that lie ready. A file of plaintext that is read whole stands beside them, since bytes that
are new to a process cost it more than AES does. `python -m benchmarks.s3_content [ROUNDS]` prints
the table.
"""

import io
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from benchmarks.race import ratio
from kmslab.services.s3.content import Content, read_content, store_content
from kmslab.store.object_files import ObjectFiles
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.object_sealer import ObjectSealer
from kmslab.wire.message import Stream

MIB = 1024 * 1024
BODY = os.urandom(64 * MIB)
CRC32 = zlib.crc32(BODY)

OBJECT_KEY, _ = ObjectSealer(DomainKey(os.urandom(32), os.urandom), os.urandom).new_object_key()
FILES = ObjectFiles(None)


class Sent:
    """A body as boto3 sends it over TLS: framed, with its CRC32 behind it."""

    def __init__(self) -> None:
        self._wrapper = AwsChunkedWrapper(io.BytesIO(BODY), Crc32Checksum, "x-amz-checksum-crc32")

    def read(self, size: int = -1, /) -> bytes:
        taken: bytes = self._wrapper.read(size)
        return taken

    def close(self) -> None: ...


def thrown_away() -> None:
    sent = Sent()
    while sent.read(MIB):
        pass


def stored(*checksums: str) -> Callable[[], None]:
    return lambda: _stored(Sent(), *checksums).abandon()


def read_by(opened: Callable[[], Stream], size: int) -> Callable[[], None]:
    """A client that reads `size` bytes at a time, or all at once, and computes the CRC32."""

    def read() -> None:
        stream, crc32 = opened(), 0
        for piece in _pieces(stream, size):
            crc32 = zlib.crc32(piece, crc32)
        stream.close()
        assert crc32 == CRC32

    return read


def _pieces(stream: Stream, size: int) -> Iterator[bytes]:
    while piece := stream.read(size):
        yield piece


def _stored(stream: Stream, *checksums: str) -> Content:
    return store_content(stream, OBJECT_KEY, FILES, os.urandom, checksums, 5 * 1024**3)


def main(rounds: int) -> None:
    content = _stored(io.BytesIO(BODY))
    content.keep()
    sealed = [(content.content_id, content.size)]
    with tempfile.TemporaryDirectory() as directory:
        plain = Path(directory) / "plain"
        plain.write_bytes(BODY)

        def opened() -> Stream:
            return read_content(sealed, OBJECT_KEY, FILES, 0, len(BODY))

        def ready() -> Stream:
            return io.BytesIO(BODY)

        def from_plain_file() -> Stream:
            return plain.open("rb", buffering=0)

        arms: dict[str, tuple[Callable[[], None], str]] = {
            "boto3's body thrown away": (thrown_away, ""),
            "stored, CRC32 checked": (stored("CRC32"), "boto3's body thrown away"),
            "stored, CRC32 and MD5": (stored("CRC32", "MD5"), "boto3's body thrown away"),
        }
        for size, name in ((-1, "all at once"), (MIB, "by 1 MiB"), (MIB // 4, "by 256 KiB")):
            base = f"ready bytes, {name}"
            arms[base] = read_by(ready, size), ""
            arms[f"plain file, {name}"] = read_by(from_plain_file, size), base
            arms[f"sealed file, {name}"] = read_by(opened, size), base
        _print_table(arms, rounds)


def _print_table(arms: dict[str, tuple[Callable[[], None], str]], rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, (arm, _) in arms.items():
            before = time.perf_counter()
            arm()
            seconds[name].append(time.perf_counter() - before)
    for name, (_, base) in arms.items():
        compared = f"{ratio(seconds[name], seconds[base])}  of {base}" if base else ""
        print(f"{name:28} at best {min(seconds[name]) * 1000:5.0f} ms  {compared}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
