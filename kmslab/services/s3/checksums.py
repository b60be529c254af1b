"""The checksums of S3: of bytes as they pass, of parts, and of a whole whose parts are known.

S3 User Guide, "Checking object integrity": a COMPOSITE checksum is the checksum of the parts'
checksums; a FULL_OBJECT one is that of all the bytes, which for a CRC follows from those of the
parts without reading a byte again. MD5 is here for ETags and Content-MD5. What is done about a
checksum that does not fit is not known here.
"""

import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from hashlib import md5, sha1, sha256
from typing import NamedTuple, Protocol

Bytes = bytes | bytearray | memoryview


class Checksum(Protocol):
    """A checksum under way."""

    def update(self, piece: Bytes, /) -> None: ...

    def digest(self) -> bytes:
        """The checksum of all that came so far, as S3 spells it: big-endian."""
        ...


# Of more bytes and the CRC of all before them: the CRC of all.
_Continue = Callable[[Bytes, int], int]


class _CrcKind(NamedTuple):
    """One CRC. `polynomial` is written reflected: its highest bit is the coefficient of x^0, and
    the leading term, x^width, is left out. `load` gets the function that computes it.

    All three CRCs of S3 are of this form, with every bit inverted before and after.
    """

    width: int
    polynomial: int
    load: Callable[[], _Continue]


def _anycrc(model: str) -> _Continue:
    # Importing it takes as long as starting a lab, and what boto3 asks for by itself is CRC32.
    import anycrc  # type: ignore[import-untyped]

    calculate: _Continue = anycrc.Model(model).calc
    return calculate


_CRCS = {
    "CRC32": _CrcKind(32, 0xEDB88320, lambda: zlib.crc32),
    "CRC32C": _CrcKind(32, 0x82F63B78, lambda: _anycrc("CRC32-ISCSI")),
    "CRC64NVME": _CrcKind(64, 0x9A6C9329AC4BC9B5, lambda: _anycrc("CRC64-NVME")),
}
# They find accidents here; none of them guards against an attacker.
_HASHES: dict[str, Callable[[], Checksum]] = {
    "SHA1": partial(sha1, usedforsecurity=False),
    "SHA256": partial(sha256, usedforsecurity=False),
    "MD5": partial(md5, usedforsecurity=False),
}

ALGORITHMS = ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME")
"""What S3 calls a ChecksumAlgorithm. MD5 stands apart: it has headers of its own."""


class _Crc:
    def __init__(self, kind: _CrcKind) -> None:
        self._size = kind.width // 8
        self._continue = kind.load()
        self._value = 0

    def update(self, piece: Bytes, /) -> None:
        self._value = self._continue(piece, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def new_checksum(algorithm: str) -> Checksum:
    """An empty checksum: one of ALGORITHMS, or MD5. Raises KeyError for any other."""
    kind = _CRCS.get(algorithm)
    return _Crc(kind) if kind else _HASHES[algorithm]()


def digest_of(algorithm: str, content: Bytes) -> bytes:
    """The checksum of `content`, all of it at once."""
    checksum = new_checksum(algorithm)
    checksum.update(content)
    return checksum.digest()


def composite(algorithm: str, digests: Iterable[bytes]) -> bytes:
    """The checksum of the checksums of the parts, in their order. S3 writes the number of parts
    behind it: "…-3"."""
    return digest_of(algorithm, b"".join(digests))


def combined(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The CRC of all parts' bytes in a row, of each part's CRC and number of bytes.

    Raises KeyError for an algorithm that is not a CRC: of hashes it cannot be known.
    """
    kind = _CRCS[algorithm]
    whole = 0
    for digest, size in parts:
        moved = _product(whole, _power_of_x(8 * size, kind), kind)
        whole = moved ^ int.from_bytes(digest, "big")
    return whole.to_bytes(kind.width // 8, "big")


# --- Arithmetic of CRCs -------------------------------------------------------------------
#
# A CRC is the remainder of a polynomial over GF(2), whose coefficients are the message's bits. To
# put n bits behind a message is to multiply it by x^n; so the CRC of A then B is CRC(A) * x^n +
# CRC(B), n being the bits of B. The inversions before and after cancel each other out in this.


def _product(one: int, other: int, kind: _CrcKind) -> int:
    """Two polynomials multiplied, modulo that of the CRC."""
    product, coefficient = 0, 1 << (kind.width - 1)
    while coefficient:
        if one & coefficient:
            product ^= other
        # `other` times x; a term x^width is replaced by its remainder.
        other = (other >> 1) ^ (kind.polynomial if other & 1 else 0)
        coefficient >>= 1
    return product


# Parts of one upload are mostly of one size.
@lru_cache(maxsize=1024)
def _power_of_x(exponent: int, kind: _CrcKind) -> int:
    power = 1 << (kind.width - 1)
    square = power >> 1
    while exponent:
        if exponent & 1:
            power = _product(power, square, kind)
        square = _product(square, square, kind)
        exponent >>= 1
    return power
