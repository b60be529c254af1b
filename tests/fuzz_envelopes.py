"""Fuzzes the reader of messages, guided by coverage: `python tests/fuzz_envelopes.py [SECONDS]`.

Not part of the tests: it needs atheris (`pip install atheris`), which is not installed with them.
Whatever bytes come, the reader either gives the plaintext of a message that was sealed here, or one
of our errors and a beginning of it. Half of the inputs are edits of whole messages, given as
(place, length, replacement); the other half are read as they are.
"""

import io
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kmslab.envelope"]):
    from kmslab import envelope

KEY = envelope.RawAesKey("fuzz", "wrapping", bytes(32))
PLAINTEXT = b"Dear reader, this is a letter, and it has an end."
MESSAGES = [
    envelope.encrypt(PLAINTEXT, KEY, {"a": "1", "b": "2"}, suite=suite, frame_length=length)
    for suite in envelope.Suite
    for length in (1, 8, 4096)
]


class Target:
    def __init__(self) -> None:
        self.given = b""

    def write(self, piece: bytes | bytearray | memoryview) -> int:
        self.given += piece
        return len(piece)


def read(message: bytes) -> None:
    target = Target()
    try:
        envelope.decrypt_stream(io.BytesIO(message), target, KEY)
    except envelope.EnvelopeError:
        assert PLAINTEXT.startswith(target.given)
        assert message not in MESSAGES
    else:
        assert message in MESSAGES
        assert target.given == PLAINTEXT


def one_input(noise: bytes) -> None:
    given = atheris.FuzzedDataProvider(noise)
    if given.ConsumeBool():
        read(given.ConsumeBytes(4096))
        return
    message = given.PickValueInList(MESSAGES)
    for _ in range(given.ConsumeIntInRange(1, 3)):
        at = given.ConsumeIntInRange(0, len(message))
        end = min(len(message), at + given.ConsumeIntInRange(0, 64))
        message = message[:at] + given.ConsumeBytes(64) + message[end:]
    read(message)


if __name__ == "__main__":
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    with tempfile.TemporaryDirectory() as corpus:
        for number, whole in enumerate(MESSAGES):
            (Path(corpus) / str(number)).write_bytes(b"\x01" + whole)
        options = [
            f"-max_total_time={seconds}",
            "-max_len=4200",
            "-rss_limit_mb=512",
            "-timeout=20",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], one_input)
        atheris.Fuzz()
