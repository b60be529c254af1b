"""BLAKE2b as RFC 7693 writes it down, in plain integers: slow, and nobody else's code."""

import math
import struct

_WORD = (1 << 64) - 1
# §2.6: the first 64 bits of the fractional parts of the square roots of eight primes.
_START = [math.isqrt(prime << 128) & _WORD for prime in (2, 3, 5, 7, 11, 13, 17, 19)]
# §2.7: in which order each round takes the words of the message; round 10 begins again.
_ORDERS = (
    *("0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8"),
    *("905724afe1bc683d", "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a"),
    *("6fe9b308c2d714a5", "a2847615fb9e3cd0", "0123456789abcdef", "ea489fd61c02b753"),
)
# §3.2: the columns and then the diagonals of the 4 × 4 words.
_QUARTERS = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def blake2b(message: bytes, key: bytes = b"", size: int = 64) -> bytes:
    """§3.3. A key comes first, as a block of its own."""
    text = (key.ljust(128, b"\0") if key else b"") + message
    state = _START.copy()
    state[0] ^= 0x01010000 ^ len(key) << 8 ^ size
    last = max(0, len(text) - 1) // 128
    for number in range(last):
        state = _compress(state, text[number * 128 : number * 128 + 128], number * 128 + 128)
    state = _compress(state, text[last * 128 :].ljust(128, b"\0"), len(text), final=_WORD)
    return struct.pack("<8Q", *state)[:size]


def _compress(state: list[int], block: bytes, counter: int, final: int = 0) -> list[int]:
    words = struct.unpack("<16Q", block)
    v = state + _START
    v[12] ^= counter
    v[14] ^= final
    for order in _ORDERS:
        taken = [words[int(digit, 16)] for digit in order]
        for index, quarter in enumerate(_QUARTERS):
            _mix(v, *quarter, *taken[2 * index : 2 * index + 2])
    return [old ^ v[index] ^ v[index + 8] for index, old in enumerate(state)]


def _mix(v: list[int], a: int, b: int, c: int, d: int, x: int, y: int) -> None:
    for word, first, second in ((x, 32, 24), (y, 16, 63)):
        v[a] = (v[a] + v[b] + word) & _WORD
        v[d] = _rotated(v[d] ^ v[a], first)
        v[c] = (v[c] + v[d]) & _WORD
        v[b] = _rotated(v[b] ^ v[c], second)


def _rotated(word: int, bits: int) -> int:
    return (word >> bits | word << (64 - bits)) & _WORD
