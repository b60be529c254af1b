"""Files: what stands under a name is whole, whatever happens meanwhile."""

import os
import signal
import stat
import subprocess
import sys
import time

import pytest
from envelope_session import raw_key

from kmslab import child, envelope
from kmslab.envelope import Suite
from kmslab.envelope.files import UNFINISHED

SIZES = (0, 1, 1024 * 1024, 9_000_001)
BOTH = pytest.mark.parametrize("suite", Suite)


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter"
    path.write_bytes(os.urandom(9_000_001))
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@BOTH
@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back_as_it_was(tmp_path, suite, size):
    source, message, back = (tmp_path / name for name in ("source", "message", "back"))
    source.write_bytes(os.urandom(size))
    counts = []
    for frame_length in (4096, 1024 * 1024):
        envelope.encrypt_file(
            source,
            message,
            raw_key(),
            suite=suite,
            frame_length=frame_length,
            replace=True,
            progress=counts.append,
        )
        header = envelope.decrypt_file(message, back, raw_key(), replace=True)
        assert header.frame_length == frame_length
        assert back.read_bytes() == source.read_bytes()
    assert sum(counts) == 2 * size
    assert envelope.decrypt(message.read_bytes(), raw_key()).plaintext == source.read_bytes()
    assert names(tmp_path) == ["back", "message", "source"]


def test_nothing_is_overwritten_without_being_told(tmp_path, letter):
    target = tmp_path / "there"
    target.write_bytes(b"mine")
    for call in (
        lambda: envelope.encrypt_file(letter, target, raw_key()),
        lambda: envelope.decrypt_file(letter, target, raw_key()),
        lambda: envelope.rewrap_file(letter, target, raw_key(), raw_key()),
    ):
        with pytest.raises(FileExistsError, match="there exists already"):
            call()
    assert target.read_bytes() == b"mine"
    assert names(tmp_path) == ["letter", "there"]


def test_a_file_that_somebody_makes_meanwhile_is_not_overwritten_either(tmp_path, letter):
    target = tmp_path / "target"

    def make_it(_):
        target.write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        envelope.encrypt_file(letter, target, raw_key(), progress=make_it)
    assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["letter", "target"]


def test_a_dangling_link_counts_as_being_there(tmp_path, letter):
    target = tmp_path / "target"
    target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        envelope.encrypt_file(letter, target, raw_key())


@BOTH
def test_a_damaged_message_leaves_nothing_and_what_was_there_stays(tmp_path, letter, suite):
    message, target = tmp_path / "message", tmp_path / "target"
    envelope.encrypt_file(letter, message, raw_key(), suite=suite, frame_length=4096)
    whole = message.read_bytes()
    target.write_bytes(b"before")
    for damaged in (
        whole[:-1],
        whole + b"\x00",
        whole[:-1] + bytes([whole[-1] ^ 1]),
        whole[:-5000],
    ):
        message.write_bytes(damaged)
        with pytest.raises(envelope.DamagedMessage):
            envelope.decrypt_file(message, target, raw_key(), replace=True)
    assert target.read_bytes() == b"before"
    assert names(tmp_path) == ["letter", "message", "target"]


def test_plaintext_is_its_owners_alone_and_a_message_has_the_permissions_of_its_source(
    tmp_path, letter
):
    letter.chmod(0o644)
    message, back = tmp_path / "message", tmp_path / "back"
    envelope.encrypt_file(letter, message, raw_key())
    envelope.decrypt_file(message, back, raw_key())
    assert stat.S_IMODE(message.stat().st_mode) == 0o644
    assert stat.S_IMODE(back.stat().st_mode) == 0o600


def test_a_file_is_rewrapped_in_place(tmp_path, letter):
    message, back = tmp_path / "message", tmp_path / "back"
    old = envelope.encrypt_file(letter, message, raw_key("old"))
    payload = message.read_bytes()[old.size :]
    counts = []
    new = envelope.rewrap_file(
        message, message, raw_key("old"), raw_key("new"), replace=True, progress=counts.append
    )
    assert message.read_bytes()[new.size :] == payload
    assert sum(counts) == len(payload)
    envelope.decrypt_file(message, back, raw_key("new"))
    assert back.read_bytes() == letter.read_bytes()


def test_a_file_that_shrinks_or_grows_while_it_is_read_gives_no_message_of_another_length(
    tmp_path, letter
):
    target = tmp_path / "target"

    def grow(_):
        with letter.open("ab") as more:
            more.write(b"x" * 4_000_000)

    with pytest.raises(ValueError, match="more plaintext than the 9000001 bytes"):
        envelope.encrypt_file(letter, target, raw_key(), progress=grow)
    assert names(tmp_path) == ["letter"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path, letter):
    target = tmp_path / ("名" * 85)
    envelope.encrypt_file(letter, target, raw_key())
    assert envelope.decrypt(target.read_bytes(), raw_key()).plaintext == letter.read_bytes()


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="Linux alone has such files")
def test_a_file_that_says_it_is_empty_and_is_not_is_read_whole(tmp_path):
    target = tmp_path / "target"
    envelope.encrypt_file("/proc/version", target, raw_key())
    opened = envelope.decrypt(target.read_bytes(), raw_key())
    assert opened.plaintext.startswith(b"Linux version")


WRITER = """
import sys
from kmslab import envelope
key = envelope.RawAesKey("tests", "wrapping", bytes([7]) * 32)
what, source, target = sys.argv[1:]
def told(_):
    print("on the way", flush=True)
call = envelope.encrypt_file if what == "encrypt" else envelope.decrypt_file
while True:
    call(source, target, key, replace=True, progress=told)
    print("done", flush=True)
"""


@BOTH
@pytest.mark.parametrize("what", ["encrypt", "decrypt"])
def test_kill_9_leaves_nothing_half_under_the_final_name(tmp_path, what, suite):
    """Killed at some moment of the first or a later run: the name is absent, or the file whole."""
    letter, message = tmp_path / "letter", tmp_path / "message"
    letter.write_bytes(os.urandom(24 * 1024 * 1024))
    envelope.encrypt_file(letter, message, raw_key(), suite=suite, flush=False)
    source = letter if what == "encrypt" else message
    for steps in (1, 2, 5, 8):
        target = tmp_path / f"target-{steps}"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, what, source, target],
            stdout=subprocess.PIPE,
            text=True,
            env=child.clean_environment(),
        )
        lines = [process.stdout.readline() for _ in range(steps)]
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert lines[0] == "on the way\n"
        if "done\n" in lines:
            assert target.exists()
        if target.exists():
            found = target.read_bytes()
            opened = envelope.decrypt(found, raw_key()).plaintext if what == "encrypt" else found
            assert opened == letter.read_bytes()
    left = (
        set(names(tmp_path)) - {"letter", "message"} - {f"target-{each}" for each in (1, 2, 5, 8)}
    )
    assert all(name.startswith(".target-") and name.endswith(UNFINISHED) for name in left)


def test_a_taker_that_fails_stops_the_reader_though_it_would_go_on_for_ever(tmp_path):
    class Endless:
        def read(self, size):
            return b"x" * size

    class Full:
        def __init__(self):
            self.left = 20_000_000

        def write(self, piece):
            self.left -= len(piece)
            if self.left < 0:
                raise OSError("no room")
            return len(piece)

    began = time.monotonic()
    for suite in Suite:
        with pytest.raises(OSError, match="no room"):
            envelope.encrypt_stream(Endless(), Full(), raw_key(), suite=suite)
    assert time.monotonic() - began < 60
