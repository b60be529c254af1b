"""What is raced about envelopes in memory: frames sealed and opened in kept buffers, against
nothing but the cipher on buffers of the same layout.

An arm takes a batch, 2 MiB of frames, as the loops over files do.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.arms import Call
from kmslab.envelope import RawAesKey
from kmslab.envelope.frames import Batch, Frames, frames_in_batch

_KIB, _MIB = 1024, 1024 * 1024
_MESSAGE_ID = bytes(32)
KEY = RawAesKey("benchmarks", "wrapping key", bytes(32))


def seal_1_mib() -> Call:
    return _sealing(_MIB)


def seal_4_kib() -> Call:
    return _sealing(4 * _KIB)


def open_1_mib() -> Call:
    return _opening(_MIB)


def open_4_kib() -> Call:
    return _opening(4 * _KIB)


def raw_seal_1_mib() -> Call:
    return _raw_sealing(_MIB)


def raw_seal_4_kib() -> Call:
    return _raw_sealing(4 * _KIB)


def raw_open_1_mib() -> Call:
    return _raw_opening(_MIB)


def raw_open_4_kib() -> Call:
    return _raw_opening(4 * _KIB)


def _sealing(frame_length: int) -> Call:
    batch, frames = _batch(frame_length), _frames(frame_length, AESGCM(bytes(32)))
    size = len(batch.plaintext)
    return lambda: frames.seal(batch, size)


def _opening(frame_length: int) -> Call:
    """The same batch again and again: its frames always bear the numbers from 1 on."""
    aead, batch = AESGCM(bytes(32)), _batch(frame_length)
    _frames(frame_length, aead).seal(batch, len(batch.plaintext))
    frames, size = _frames(frame_length, aead), len(batch.frames)

    def open_batch() -> None:
        frames._next = 1
        assert frames.open(batch, size) == batch.count

    return open_batch


def _raw_sealing(frame_length: int) -> Call:
    """As fast as Python can call it: one nonce and one view of additional data for all frames."""
    aead, batch = AESGCM(bytes(32)), _batch(frame_length)
    nonce, authenticated = bytes(12), bytes(72)

    def seal() -> None:
        for plaintext, sealed in zip(batch.plain, batch.sealed, strict=True):
            aead.encrypt_into(nonce, plaintext, authenticated, sealed)

    return seal


def _raw_opening(frame_length: int) -> Call:
    aead, batch = AESGCM(bytes(32)), _batch(frame_length)
    nonce, authenticated = bytes(12), bytes(72)
    for plaintext, sealed in zip(batch.plain, batch.sealed, strict=True):
        aead.encrypt_into(nonce, plaintext, authenticated, sealed)

    def open_frames() -> None:
        for plaintext, sealed in zip(batch.plain, batch.sealed, strict=True):
            aead.decrypt_into(nonce, sealed, authenticated, plaintext)

    return open_frames


def _batch(frame_length: int) -> Batch:
    batch = Batch(frame_length, frames_in_batch(frame_length))
    batch.plaintext[:] = os.urandom(len(batch.plaintext))
    return batch


def _frames(frame_length: int, aead: AESGCM) -> Frames:
    return Frames(aead, _MESSAGE_ID, frame_length, frames_in_batch(frame_length))
