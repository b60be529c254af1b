"""The bytes of objects: stored sealed, read back in any range, refused where they were touched."""

import errno
import gc
import hashlib
import hmac
import io
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.errors import IntegrityError, ServiceError
from kmslab.services.s3.content import read_content, store_content
from kmslab.services.s3.content_range import Lane
from kmslab.sources import insecure_seeded_random
from kmslab.store.object_files import NewObjectFile, ObjectFiles, OpenObjectFiles
from kmslab.vault.domain_key import DomainKey
from kmslab.vault.object_sealer import ObjectSealer

MIB = 1024 * 1024
CHUNK = 64 * 1024
SEALED_CHUNK = CHUNK + 16
RANDOM = insecure_seeded_random(30)
SEALER = ObjectSealer(DomainKey(RANDOM(32), RANDOM), RANDOM)
DATA_KEY = RANDOM(32)
OBJECT_KEY = SEALER.with_data_key(DATA_KEY)
TWO_LAYERS, _ = SEALER.new_second_layer(DATA_KEY)
both_kinds_of_key = pytest.mark.parametrize(
    "object_key", [OBJECT_KEY, TWO_LAYERS], ids=["one layer", "two layers"]
)
# No block of it is like another.
BYTES = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(12 * MIB // 32))
FILES = ObjectFiles(None)


class Trickle:
    """A stream that gives as many bytes at a time as it likes, never more than were asked for."""

    def __init__(self, content, sizes):
        self._stream = io.BytesIO(content)
        self._sizes = sizes
        self._turn = 0

    def read(self, size=-1, /):
        self._turn += 1
        return self._stream.read(min(size, self._sizes[self._turn % len(self._sizes)]))

    def close(self):
        raise AssertionError("who takes a stream from the door leaves its closing to the door")


class Endless:
    """`size` bytes that never lie in memory together; then `problem` is raised, if there is one."""

    def __init__(self, size, problem=None):
        self.left = size
        self._piece = BYTES[:MIB]
        self._problem = problem

    def read(self, size=-1, /):
        if not self.left and self._problem:
            raise self._problem
        piece = self._piece[: min(size, self.left)]
        self.left -= len(piece)
        return piece

    def close(self): ...


def store(stream, files=FILES, object_key=OBJECT_KEY, checksums=(), most=10**9):
    if isinstance(stream, bytes):
        stream = io.BytesIO(stream)
    return store_content(stream, object_key, files, RANDOM, checksums, most)


def kept(content, files=FILES, object_key=OBJECT_KEY):
    """`content` stored: its segment."""
    stored = store(content, files, object_key)
    stored.keep()
    return stored.content_id, stored.size


def opened(segments, start=0, length=None, files=FILES, object_key=OBJECT_KEY):
    length = sum(size for _, size in segments) - start if length is None else length
    return read_content(segments, object_key, files, start, length)


def read(segments, *arguments, **named):
    stream = opened(segments, *arguments, **named)
    try:
        return stream.read()
    finally:
        stream.close()


def is_refused(segments, *arguments, **named):
    try:
        read(segments, *arguments, **named)
    except IntegrityError:
        return True
    return False


def touch(segment, at, files=FILES):
    """Change one bit of a stored file."""
    path = files.path(segment[0])
    sealed = bytearray(path.read_bytes())
    sealed[at] ^= 1
    path.write_bytes(sealed)


def files_in(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


@pytest.fixture
def no_thread_stays():
    """What the test starts is gone at its end, as soon as it was given time to go."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
        assert not thread.is_alive()


# --- What was stored comes back -----------------------------------------------------------


@both_kinds_of_key
@pytest.mark.parametrize(
    "size",
    [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 77, 12 * MIB],
)
def test_every_size_comes_back(size, object_key):
    segment = kept(BYTES[:size], object_key=object_key)
    assert segment[1] == size
    assert read([segment], object_key=object_key) == BYTES[:size]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3 * MIB), st.lists(st.integers(1, MIB), min_size=1, max_size=5))
def test_a_stream_may_give_its_bytes_in_any_portions(size, portions):
    portions = [max(portion, 1000) for portion in portions]
    stored = store(Trickle(BYTES[:size], portions), checksums=["CRC32"])
    stored.keep()
    assert stored.digests["CRC32"] == zlib.crc32(BYTES[:size]).to_bytes(4, "big")
    assert read([(stored.content_id, size)]) == BYTES[:size]


LENGTHS = st.sampled_from([0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, MIB, MIB + 7, 2 * MIB])
SHELF = {size: kept(BYTES[:size]) for size in (0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1)}
SHELF |= {size: kept(BYTES[:size]) for size in (3 * CHUNK, MIB, MIB + 7, 2 * MIB)}


@settings(max_examples=100, deadline=None)
@given(st.lists(LENGTHS, min_size=1, max_size=5), st.data())
def test_any_range_of_any_segments_is_the_slice(sizes, data):
    whole = b"".join(BYTES[:size] for size in sizes)
    near_a_bound = st.sampled_from(
        [0, *(sum(sizes[:number]) for number in range(len(sizes))), CHUNK, MIB]
    ).flatmap(lambda bound: st.integers(max(0, bound - 2), bound + 2))
    start = min(data.draw(near_a_bound | st.integers(0, len(whole))), len(whole))
    end = data.draw(near_a_bound | st.integers(0, len(whole)))
    end = min(max(start, end), len(whole))
    assert read([SHELF[size] for size in sizes], start, end - start) == whole[start:end]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(LENGTHS, min_size=1, max_size=4),
    st.lists(st.integers(0, 6 * MIB) | st.integers(0, CHUNK), min_size=1, max_size=6),
    st.integers(0, CHUNK),
)
def test_reads_of_any_size_give_that_many_bytes_one_after_the_other(sizes, portions, start):
    whole = b"".join(BYTES[:size] for size in sizes)
    start = min(start, len(whole))
    left = io.BytesIO(whole[start:])
    stream = opened([SHELF[size] for size in sizes], start)
    for portion in portions:
        assert stream.read(portion) == left.read(portion)
    assert stream.read() == left.read()
    assert (stream.read(10), stream.read()) == (b"", b"")
    stream.close()


@pytest.mark.parametrize("portion", [1000, CHUNK, 256 * 1024, MIB, 3 * MIB, 5 * MIB])
def test_a_long_object_comes_back_in_equal_portions(portion, no_thread_stays):
    stream = opened([kept(BYTES), kept(BYTES[: MIB + 5])])
    portions = list(iter(lambda: stream.read(portion), b""))
    assert b"".join(portions) == BYTES + BYTES[: MIB + 5]
    assert {len(one) for one in portions[:-1]} == {portion}


def test_a_client_that_takes_its_time_gets_the_same_bytes():
    stream = opened([kept(BYTES[: 4 * MIB])])
    portions = []
    while portion := stream.read(300_000):
        portions.append(portion)
        time.sleep(0.02)
    assert b"".join(portions) == BYTES[: 4 * MIB]


@pytest.mark.parametrize("first", [0, 10, CHUNK, MIB, MIB + 5, 2 * MIB + 5])
def test_a_helping_thread_that_lags_behind_is_waited_for(first, monkeypatch):
    fill = Lane.fill

    def lag(self, target, position):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.05)
        fill(self, target, position)

    monkeypatch.setattr(Lane, "fill", lag)
    stream = opened([kept(BYTES)])
    assert stream.read(first) == BYTES[:first]
    assert stream.read() == BYTES[first:]


def test_what_is_read_is_bytes():
    stream = opened([kept(BYTES)])
    assert [type(stream.read(size)) for size in (10, MIB, 5 * MIB, -1)] == [bytes] * 4
    stream.close()


def test_many_readers_and_writers_do_not_disturb_each_other(no_thread_stays):
    problems = []

    def work(number):
        try:
            content = BYTES[number * CHUNK :][: 5 * MIB]
            assert read([kept(content)]) == content
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


# --- Checksums ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 3 * MIB + 5])
def test_the_checksums_are_those_of_the_plaintext(size):
    stored = store(BYTES[:size], checksums={"CRC32", "SHA256", "MD5"})
    stored.abandon()
    assert stored.digests == {
        "CRC32": zlib.crc32(BYTES[:size]).to_bytes(4, "big"),
        "SHA256": hashlib.sha256(BYTES[:size]).digest(),
        "MD5": hashlib.md5(BYTES[:size]).digest(),
    }


def test_what_boto3_sends_is_stored_as_it_came():
    sent = AwsChunkedWrapper(io.BytesIO(BYTES), Crc32Checksum, "x-amz-checksum-crc32")
    stored = store(sent)
    stored.keep()
    expected = AwsChunkedWrapper(io.BytesIO(BYTES), Crc32Checksum, "x-amz-checksum-crc32").read()
    assert read([(stored.content_id, stored.size)]) == expected


# --- What lies on the disk ----------------------------------------------------------------


def test_a_stored_file_opens_by_hand_as_its_layout_says(tmp_path):
    files = ObjectFiles(tmp_path)
    content_id, _ = kept(BYTES[: 2 * MIB + 5], files)
    sealed = (tmp_path / "objects" / content_id[:2] / content_id).read_bytes()
    segment_key = hmac.digest(DATA_KEY, b"kmslab s3 object" + content_id.encode(), "sha256")
    chunks = [sealed[at : at + SEALED_CHUNK] for at in range(0, len(sealed), SEALED_CHUNK)]
    plaintext = b""
    for number, chunk in enumerate(chunks):
        nonce = number.to_bytes(11, "big") + (b"\1" if number == len(chunks) - 1 else b"\0")
        plaintext += AESGCM(segment_key).decrypt(nonce, chunk, None)
    assert plaintext == BYTES[: 2 * MIB + 5]


@both_kinds_of_key
def test_neither_plaintext_nor_data_key_lies_on_the_disk(tmp_path, object_key):
    body = b"".join((b"4711", BYTES[:MIB], DATA_KEY, bytes(CHUNK)))
    kept(body, ObjectFiles(tmp_path), object_key)
    (path,) = files_in(tmp_path)
    sealed = path.read_bytes()
    windows = (body[at : at + 8] for at in range(0, MIB, 8000))
    assert not any(window in sealed for window in (*windows, bytes(8), DATA_KEY, DATA_KEY[:8]))


def test_the_same_body_twice_looks_different():
    one, two = (FILES.path(kept(BYTES[:CHUNK])[0]).read_bytes() for _ in range(2))
    assert one != two


def test_nobody_finds_a_file_before_it_is_kept(tmp_path):
    files = ObjectFiles(tmp_path)
    stored = store(BYTES[:CHUNK], files)
    with pytest.raises(IntegrityError):
        opened([(stored.content_id, stored.size)], files=files)
    stored.keep()
    assert read([(stored.content_id, stored.size)], files=files) == BYTES[:CHUNK]


def test_what_is_abandoned_leaves_nothing(tmp_path):
    store(BYTES[:CHUNK], ObjectFiles(tmp_path)).abandon()
    assert files_in(tmp_path) == []


# --- A store that fails half-way ----------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1000, 5 * MIB])
def test_a_body_that_breaks_off_leaves_no_file_and_says_why(tmp_path, size, no_thread_stays):
    with pytest.raises(ConnectionError, match="gone"):
        store(Endless(size, ConnectionError("gone")), ObjectFiles(tmp_path))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("size", [1000, 5 * MIB, 40 * MIB])
def test_a_disk_that_is_full_leaves_no_file_and_says_so(
    tmp_path, size, monkeypatch, no_thread_stays
):
    def refuse(self, piece):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(NewObjectFile, "write", refuse)
    body = Endless(size)
    with pytest.raises(OSError, match="No space"):
        store(body, ObjectFiles(tmp_path))
    assert files_in(tmp_path) == []
    # A long body is not read to its end for nothing.
    assert (body.left > 0) == (size == 40 * MIB)


@pytest.mark.parametrize("most", [0, 1000, MIB, 3 * MIB])
def test_a_body_may_have_the_most_and_not_a_byte_more(tmp_path, most):
    files = ObjectFiles(tmp_path)
    allowed = store(BYTES[:most], files, most=most)
    allowed.abandon()
    assert allowed.size == most
    with pytest.raises(ServiceError) as refused:
        store(BYTES[: most + 1], files, most=most)
    assert (refused.value.code, refused.value.status) == ("EntityTooLarge", 400)
    assert refused.value.message == "Your proposed upload exceeds the maximum allowed size"
    assert files_in(tmp_path) == []


# --- Files that were touched --------------------------------------------------------------


@both_kinds_of_key
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_flipped_bit_fails_the_reads_of_its_chunk_and_no_other(object_key, data):
    sizes = (2 * CHUNK + 5, CHUNK, 3 * CHUNK - 1)
    segments = [kept(BYTES[:size], object_key=object_key) for size in sizes]
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, FILES.size(segments[which][0]) - 1))
    touch(segments[which], at)
    bad_begin = sum(sizes[:which]) + at // (CHUNK + object_key.segment("0" * 32).overhead) * CHUNK
    bad_end = min(bad_begin + CHUNK, sum(sizes[: which + 1]))
    near = st.sampled_from([bad_begin, bad_end]).flatmap(lambda at: st.integers(at - 1, at + 1))
    start = max(0, data.draw(near | st.integers(0, sum(sizes) - 1)))
    end = min(data.draw(near | st.integers(0, sum(sizes))), sum(sizes))
    if start < end:
        touches = start < bad_end and bad_begin < end
        refused = is_refused(segments, start, end - start, object_key=object_key)
        assert refused == touches


@pytest.mark.parametrize("portion", [1000, CHUNK, MIB])
def test_all_that_comes_before_a_damaged_chunk_is_still_delivered(portion, no_thread_stays):
    segment = kept(BYTES)
    damaged = 100
    touch(segment, damaged * SEALED_CHUNK + 5)
    stream = opened([segment])
    whole_portions = damaged * CHUNK // portion
    got = [stream.read(portion) for _ in range(whole_portions)]
    assert b"".join(got) == BYTES[: whole_portions * portion]
    with pytest.raises(IntegrityError):
        stream.read(portion)
    # It does not get better by asking again.
    with pytest.raises(IntegrityError):
        stream.read(portion)


@pytest.mark.parametrize("damaged", range(0, 192, 13))
def test_damage_anywhere_is_found_when_all_is_read_at_once(damaged, no_thread_stays):
    segment = kept(BYTES)
    touch(segment, damaged * SEALED_CHUNK + 5)
    assert is_refused([segment])


def test_after_a_refusal_what_comes_before_the_damage_can_still_be_had():
    segment = kept(BYTES)
    touch(segment, 100 * SEALED_CHUNK)
    stream = opened([segment])
    assert stream.read(10) == BYTES[:10]
    assert stream.read(4 * MIB) == BYTES[10 : 4 * MIB + 10]
    for too_much in (8 * MIB, 4 * MIB, -1):
        with pytest.raises(IntegrityError):
            stream.read(too_much)
    rest = BYTES[4 * MIB + 10 : 100 * CHUNK]
    assert stream.read(len(rest)) == rest
    with pytest.raises(IntegrityError):
        stream.read(1)
    stream.close()


def test_a_damaged_end_does_not_keep_a_reader_from_the_beginning():
    segment = kept(BYTES)
    touch(segment, -1)
    stream = opened([segment])
    assert stream.read(len(BYTES) - CHUNK) == BYTES[:-CHUNK]
    with pytest.raises(IntegrityError):
        stream.read()
    stream.close()


@pytest.mark.parametrize("start", [0, 7 * CHUNK + 5])
def test_a_damaged_start_is_found_before_anything_is_read(start, no_thread_stays):
    segment = kept(BYTES[:MIB])
    touch(segment, start // CHUNK * SEALED_CHUNK)
    with pytest.raises(IntegrityError):
        opened([segment], start)


def test_damage_further_on_is_found_when_its_turn_comes():
    segment = kept(BYTES[:MIB])
    touch(segment, SEALED_CHUNK)
    stream = opened([segment])
    with pytest.raises(IntegrityError):
        stream.read()
    stream.close()


def test_a_damaged_empty_object_is_refused():
    segment = kept(b"")
    touch(segment, 3)
    assert is_refused([segment])


def _sealed(segment):
    return FILES.path(segment[0]).read_bytes()


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("its last byte cut off", lambda sealed: sealed[:-1]),
        ("its last chunk cut off", lambda sealed: sealed[: 3 * SEALED_CHUNK]),
        ("emptied", lambda sealed: b""),
        ("a byte appended", lambda sealed: sealed + b"\0"),
        ("a chunk appended", lambda sealed: sealed + sealed[:SEALED_CHUNK]),
        (
            "two chunks exchanged",
            lambda sealed: (
                sealed[SEALED_CHUNK : 2 * SEALED_CHUNK]
                + sealed[:SEALED_CHUNK]
                + sealed[2 * SEALED_CHUNK :]
            ),
        ),
        (
            "one chunk in the place of another",
            lambda sealed: sealed[:SEALED_CHUNK] * 2 + sealed[2 * SEALED_CHUNK :],
        ),
    ],
)
def test_a_file_that_is_not_whole_is_refused(case, change):
    segment = kept(BYTES[: 3 * CHUNK + 5])
    path = FILES.path(segment[0])
    path.write_bytes(change(path.read_bytes()))
    assert is_refused([segment])


def test_a_file_cut_to_whole_chunks_does_not_pass_for_a_shorter_object():
    content_id, _ = kept(BYTES[: 4 * CHUNK])
    path = FILES.path(content_id)
    path.write_bytes(path.read_bytes()[: 3 * SEALED_CHUNK])
    assert is_refused([(content_id, 3 * CHUNK)])


def test_a_file_that_becomes_shorter_under_a_reader_is_refused():
    segment = kept(BYTES)
    stream = opened([segment])
    os.truncate(FILES.path(segment[0]), 50 * SEALED_CHUNK)
    assert stream.read(50 * CHUNK) == BYTES[: 50 * CHUNK]
    with pytest.raises(IntegrityError, match="ends early"):
        stream.read()
    stream.close()


def test_exchanged_files_are_refused():
    one, two = kept(BYTES[:CHUNK]), kept(BYTES[CHUNK : 2 * CHUNK])
    first, second = _sealed(one), _sealed(two)
    FILES.path(one[0]).write_bytes(second)
    FILES.path(two[0]).write_bytes(first)
    assert is_refused([one])
    assert is_refused([two])


def test_segments_of_one_object_in_another_order_give_the_bytes_in_that_order():
    # The order stands in the record, which is not sealed; the whole checksum is what notices.
    one, two = kept(BYTES[:CHUNK]), kept(BYTES[CHUNK : 2 * CHUNK])
    assert read([two, one]) == BYTES[CHUNK : 2 * CHUNK] + BYTES[:CHUNK]


@pytest.mark.parametrize("other", [SEALER.new_object_key()[0], TWO_LAYERS], ids=["other", "layers"])
def test_a_file_of_another_key_is_refused(other):
    assert is_refused([kept(BYTES[:CHUNK])], object_key=other)


def test_a_missing_file_is_refused():
    assert is_refused([("0" * 32, 5)])


# --- What happens meanwhile ---------------------------------------------------------------


def test_a_range_reads_only_the_chunks_that_it_touches(monkeypatch):
    seen = []
    read_into = OpenObjectFiles.read_into

    def note(self, target, content_id, at):
        seen.append((at, len(target)))
        read_into(self, target, content_id, at)

    monkeypatch.setattr(OpenObjectFiles, "read_into", note)
    segment = kept(BYTES)
    assert read([segment], 100 * CHUNK - 5, 10) == BYTES[100 * CHUNK - 5 : 100 * CHUNK + 5]
    assert seen == [(99 * SEALED_CHUNK, SEALED_CHUNK), (100 * SEALED_CHUNK, SEALED_CHUNK)]


def test_a_segment_out_of_range_need_not_be_there():
    one, two = kept(BYTES[:CHUNK]), kept(BYTES[:CHUNK])
    FILES.delete(two[0])
    assert read([one, two], 0, CHUNK) == BYTES[:CHUNK]


needs_deletable_files = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows deletes no file that is open"
)


@needs_deletable_files
def test_an_object_deleted_under_a_reader_is_read_to_its_end():
    segments = [kept(BYTES[: MIB + number]) for number in range(16)]
    stream = opened(segments)
    for content_id, _ in segments:
        FILES.delete(content_id)
    assert stream.read() == b"".join(BYTES[:size] for _, size in segments)


@needs_deletable_files
def test_of_an_object_in_many_files_one_deleted_before_its_turn_breaks_the_reading_off():
    segments = [kept(BYTES[:CHUNK]) for _ in range(20)]
    stream = opened(segments)
    FILES.delete(segments[18][0])
    assert stream.read(18 * CHUNK) == BYTES[:CHUNK] * 18
    with pytest.raises(IntegrityError):
        stream.read()


def test_an_object_in_many_files_comes_back():
    segments = [SHELF[size] for size in (5, CHUNK, 1, MIB + 7)] * 15
    renamed = [kept(BYTES[:size]) for _, size in segments]
    assert read(renamed) == b"".join(BYTES[:size] for _, size in renamed)


@pytest.mark.parametrize("portion", [10, MIB, 5 * MIB])
def test_a_closed_stream_keeps_no_thread_and_gives_no_more(portion, no_thread_stays):
    stream = opened([kept(BYTES)])
    stream.read(portion)
    stream.close()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read(10)


@pytest.mark.parametrize("portion", [10, MIB, 5 * MIB])
def test_a_stream_that_was_dropped_keeps_no_thread_and_no_file(portion, no_thread_stays):
    before = set(threading.enumerate())
    stream = opened([kept(BYTES)])
    stream.read(portion)
    helpers = set(threading.enumerate()) - before
    files = stream._range.files
    del stream
    gc.collect()
    for helper in helpers:
        helper.join(timeout=30)
        assert not helper.is_alive()
    assert not files._open


def test_a_stream_read_to_its_end_has_let_go_of_its_files():
    stream = opened([kept(BYTES)])
    stream.read()
    assert not stream._range.files._open


# --- Memory -------------------------------------------------------------------------------


def _peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_body():
    small, large = (
        _peak(lambda size=size: store(Endless(size), checksums=["CRC32"]).abandon())
        for size in (16 * MIB, 256 * MIB)
    )
    assert large < 1.5 * small


def test_memory_does_not_grow_with_the_object():
    def read_through(segments):
        stream = opened(segments)
        while stream.read(MIB):
            pass

    stored = store(Endless(256 * MIB))
    stored.keep()
    segment = (stored.content_id, stored.size)
    small = _peak(lambda: read_through([kept(BYTES)]))
    assert _peak(lambda: read_through([segment])) < 1.5 * small
    FILES.delete(stored.content_id)


# --- The files themselves -----------------------------------------------------------------

NAME, OTHER_NAME = "ab" * 16, "cd" * 16


def write(files, content_id, content=b"sealed"):
    with files.new(content_id) as file:
        file.write(content)
        file.keep()


@pytest.fixture
def files(tmp_path):
    return ObjectFiles(tmp_path)


def test_a_kept_file_is_found_with_its_size(files, tmp_path):
    write(files, NAME)
    with files.open(NAME) as file:
        assert file.read() == b"sealed"
    assert (files.size(NAME), files.path(NAME)) == (6, tmp_path / "objects" / "ab" / NAME)


def test_a_file_is_abandoned_where_its_block_ends_without_keeping_it(files, tmp_path):
    with files.new(NAME) as file:
        file.write(b"half")
    assert files_in(tmp_path) == []


def test_a_name_is_written_once_at_a_time(files):
    with files.new(NAME), pytest.raises(FileExistsError):
        files.new(NAME)


def test_a_write_that_takes_less_is_gone_on_with(files, monkeypatch):
    with files.new(NAME) as file:
        real = file._file
        monkeypatch.setattr(file, "_file", _Reluctant(real))
        file.write(b"sealed in portions")
        monkeypatch.undo()
        file.keep()
    assert files.path(NAME).read_bytes() == b"sealed in portions"


class _Reluctant:
    def __init__(self, file):
        self._file = file

    def write(self, content):
        return self._file.write(content[:3])


@pytest.mark.parametrize("ask", [ObjectFiles.open, ObjectFiles.size])
def test_a_file_that_is_missing_is_an_integrity_error(files, ask):
    with pytest.raises(IntegrityError, match=NAME):
        ask(files, NAME)


@pytest.mark.parametrize("text", ["", "ab", "../" + "a" * 29, "AB" * 16, NAME + "\n", NAME + "00"])
def test_only_32_hex_digits_name_a_file(files, text):
    with pytest.raises(ValueError, match="32 hex digits"):
        files.path(text)


def test_a_deleted_file_is_gone_and_may_be_deleted_again(files, tmp_path):
    write(files, NAME)
    files.delete(NAME)
    files.delete(NAME)
    assert files_in(tmp_path) == []


def test_a_file_that_may_not_be_deleted_is_left_to_the_next_sweep(files, monkeypatch):
    write(files, NAME)
    with monkeypatch.context() as stubborn:
        stubborn.setattr(type(files.path(NAME)), "unlink", _held_open)
        files.delete(NAME)
    assert files.size(NAME) == 6
    files.sweep(set())
    assert not files.path(NAME).exists()


def _held_open(self, missing_ok=False):
    raise PermissionError("The process cannot access the file because it is being used")


def test_a_sweep_leaves_the_known_and_nothing_else(files, tmp_path):
    write(files, NAME)
    write(files, OTHER_NAME)
    files.path(NAME).with_suffix(".new").write_bytes(b"unfinished when the process was killed")
    ObjectFiles(tmp_path).sweep({NAME})
    assert files_in(tmp_path) == [files.path(NAME)]


def test_a_reset_removes_every_file_that_was_kept(files, tmp_path):
    write(files, NAME)
    under_way = files.new(OTHER_NAME)
    files.clear()
    assert [path.suffix for path in files_in(tmp_path)] == [".new"]
    under_way.keep()


def test_what_was_kept_is_there_for_the_next_process(files, tmp_path):
    write(files, NAME)
    assert ObjectFiles(tmp_path).size(NAME) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_the_directory_is_its_owners_alone(files, tmp_path):
    write(files, NAME)
    modes = [(tmp_path / "objects").stat().st_mode, files.path(NAME).parent.stat().st_mode]
    assert [mode & 0o777 for mode in modes] == [0o700, 0o700]


@pytest.mark.parametrize("end", ["files.close(); files.close()", "del files", "pass"])
def test_a_temporary_directory_goes_with_its_owner(end, tmp_path):
    program = (
        "from kmslab.store.object_files import ObjectFiles\n"
        "files = ObjectFiles(None)\n"
        f"files.new('{NAME}').write(b'sealed')\n"
        "print(files.path('00' * 16).parent.parent.exists())\n"
        f"{end}\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "True\n"
    assert list(tmp_path.iterdir()) == []


def test_closing_leaves_a_directory_that_was_given(files):
    write(files, NAME)
    files.close()
    assert files.size(NAME) == 6
