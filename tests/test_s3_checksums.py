"""The checksums of S3 against published values, botocore's own and another library's."""

import hashlib
import zlib

import anycrc
import pytest
from botocore.httpchecksum import Crc32Checksum, Sha1Checksum, Sha256Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab.services.s3.checksums import (
    ALGORITHMS,
    combined,
    composite,
    digest_of,
    new_checksum,
)

SIZES = {"CRC32": 4, "CRC32C": 4, "SHA1": 20, "SHA256": 32, "CRC64NVME": 8, "MD5": 16}
CRCS = ("CRC32", "CRC32C", "CRC64NVME")
every_algorithm = pytest.mark.parametrize("algorithm", SIZES)
every_crc = pytest.mark.parametrize("algorithm", CRCS)

# A SCSI Read (10) command as RFC 3720, appendix B.4, has it.
SCSI_READ = bytes.fromhex(
    "01c00000000000000000000000000000140000000000040000000014000000182800000000000000"
    "0200000000000000"
)


# --- Known answers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "check"),
    [("CRC32", "cbf43926"), ("CRC32C", "e3069283"), ("CRC64NVME", "ae8b14860a799888")],
)
def test_the_digits_have_the_check_value_of_the_catalogue_of_crcs(algorithm, check):
    assert digest_of(algorithm, b"123456789").hex() == check


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (bytes(32), "8a9136aa"),
        (b"\xff" * 32, "62a8ab43"),
        (bytes(range(32)), "46dd794e"),
        (bytes(reversed(range(32))), "113fdb5c"),
        (SCSI_READ, "d9963a56"),
    ],
)
def test_crc32c_has_the_values_of_rfc_3720(content, value):
    assert digest_of("CRC32C", content).hex() == value


@pytest.mark.parametrize(
    ("algorithm", "theirs"),
    [("CRC32", Crc32Checksum), ("SHA1", Sha1Checksum), ("SHA256", Sha256Checksum)],
)
def test_a_checksum_is_the_one_that_botocore_sends(algorithm, theirs):
    checksum = theirs()
    checksum.update(b"the door code is 4711")
    assert digest_of(algorithm, b"the door code is 4711") == checksum.digest()


def test_md5_is_that_of_an_etag():
    assert digest_of("MD5", b"").hex() == "d41d8cd98f00b204e9800998ecf8427e"


@every_crc
def test_the_crc_of_nothing_is_zero(algorithm):
    assert not any(new_checksum(algorithm).digest())


# --- On the way ---------------------------------------------------------------------------


@every_algorithm
@settings(max_examples=25)
@given(pieces=st.lists(st.binary(max_size=300), max_size=6))
def test_pieces_have_the_checksum_of_the_whole(algorithm, pieces):
    checksum = new_checksum(algorithm)
    for piece in pieces:
        checksum.update(piece)
    assert checksum.digest() == digest_of(algorithm, b"".join(pieces))


@every_algorithm
def test_a_checksum_can_be_asked_and_go_on(algorithm):
    checksum = new_checksum(algorithm)
    checksum.update(b"1234")
    assert checksum.digest() == digest_of(algorithm, b"1234")
    checksum.update(b"56789")
    assert checksum.digest() == digest_of(algorithm, b"123456789")


@every_algorithm
@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda content: memoryview(content)[:]])
def test_any_bytes_will_do(algorithm, kind):
    assert digest_of(algorithm, kind(b"123456789")) == digest_of(algorithm, b"123456789")


@every_algorithm
def test_a_checksum_has_the_length_that_s3_asks_for(algorithm):
    assert len(digest_of(algorithm, b"x")) == SIZES[algorithm]


@every_crc
def test_leading_zeros_of_a_crc_are_written(algorithm):
    for number in range(100_000):
        digest = digest_of(algorithm, b"%d" % number)
        if digest[0] == 0:
            break
    assert (digest[0], len(digest)) == (0, SIZES[algorithm])


def test_s3_knows_five_algorithms_and_no_other():
    assert sorted((*ALGORITHMS, "MD5")) == sorted(SIZES)
    with pytest.raises(KeyError):
        new_checksum("XXHASH64")


# --- Of parts -----------------------------------------------------------------------------


def test_a_composite_checksum_is_that_of_the_checksums():
    of_parts = [hashlib.sha256(part).digest() for part in (b"one", b"two")]
    assert composite("SHA256", of_parts) == hashlib.sha256(of_parts[0] + of_parts[1]).digest()


def test_the_order_of_parts_counts_in_a_composite_checksum():
    one, two = digest_of("CRC32", b"one"), digest_of("CRC32", b"two")
    assert composite("CRC32", [one, two]) != composite("CRC32", [two, one])


@every_crc
@settings(max_examples=40)
@given(parts=st.lists(st.binary(max_size=200), max_size=6))
def test_the_crc_of_a_whole_follows_from_those_of_its_parts(algorithm, parts):
    known = [(digest_of(algorithm, part), len(part)) for part in parts]
    assert combined(algorithm, known) == digest_of(algorithm, b"".join(parts))


MODELS = {"CRC32": "CRC32", "CRC32C": "CRC32-ISCSI", "CRC64NVME": "CRC64-NVME"}


@every_crc
@settings(max_examples=40)
@given(
    sizes=st.tuples(st.integers(0, 5 * 1024**3), st.integers(0, 5 * 1024**4)),
    seeds=st.tuples(st.binary(max_size=9), st.binary(max_size=9)),
)
def test_crcs_of_parts_too_large_to_be_tried_combine_as_another_library_has_them(
    algorithm, sizes, seeds
):
    one, two = (digest_of(algorithm, seed) for seed in seeds)
    theirs = anycrc.Model(MODELS[algorithm]).combine(
        int.from_bytes(one, "big"), int.from_bytes(two, "big"), sizes[1]
    )
    ours = combined(algorithm, [(one, sizes[0]), (two, sizes[1])])
    assert int.from_bytes(ours, "big") == theirs


def test_a_gibibyte_of_zeros_is_combined_of_mebibytes():
    mebibyte = bytes(1024**2)
    whole = 0
    for _ in range(1024):
        whole = zlib.crc32(mebibyte, whole)
    parts = [(digest_of("CRC32", mebibyte), 1024**2)] * 1024
    assert combined("CRC32", parts) == whole.to_bytes(4, "big")


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "MD5"])
def test_hashes_do_not_combine(algorithm):
    with pytest.raises(KeyError):
        combined(algorithm, [(digest_of(algorithm, b"x"), 1)])
