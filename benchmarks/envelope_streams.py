"""What is raced about envelopes where several threads work, so by the clock on the wall: the signed
suite, and AWS's own library. 64 MiB from memory to memory, new memory for each result."""

import io
import os
import time
from hashlib import sha384

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import AlgorithmSuite, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKey

from benchmarks.arms import Call
from benchmarks.envelopes import KEY
from kmslab import envelope
from kmslab.envelope.frames import Batch

CLOCK = time.perf_counter_ns

_MIB = 1024 * 1024
_SIZE = 64 * _MIB


class _Nowhere:
    """Takes everything, so that memory for the result is nobody's cost."""

    def write(self, piece: bytes | bytearray | memoryview) -> int:
        return len(piece)


def signed() -> Call:
    plaintext = os.urandom(_SIZE)

    def seal() -> None:
        options = {"suite": envelope.Suite.SIGNED, "length": _SIZE}
        envelope.encrypt_stream(io.BytesIO(plaintext), _Nowhere(), KEY, **options)

    return seal


def hashed_and_sealed() -> Call:
    """SHA-384 and AES-GCM back to back, over the same frames in kept buffers."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plaintext, aead, batch = os.urandom(_SIZE), AESGCM(bytes(32)), Batch(_MIB, 1)
    nonce, authenticated = bytes(12), bytes(72)

    def hash_and_seal() -> None:
        source, digest = io.BytesIO(plaintext), sha384()
        while source.readinto(batch.plaintext):
            aead.encrypt_into(nonce, batch.plain[0], authenticated, batch.sealed[0])
            digest.update(batch.frames)

    return hash_and_seal


def ours() -> Call:
    """Suite 0x0478, which does not sign, with frames of 1 MiB: our default."""
    plaintext = os.urandom(_SIZE)
    return lambda: envelope.encrypt(plaintext, KEY)


def sdk_default() -> Call:
    """AWS's default signs, and its frames have 4 KiB."""
    return _sdk(AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384, 4096)


def sdk_equal() -> Call:
    return _sdk(AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY, _MIB)


def _sdk(algorithm: AlgorithmSuite, frame_length: int) -> Call:
    client = aws_encryption_sdk.EncryptionSDKClient()
    wrapping_key = WrappingKey(
        WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING, bytes(32), EncryptionKeyType.SYMMETRIC
    )
    keys = RawMasterKey(provider_id="benchmarks", key_id="w", wrapping_key=wrapping_key)
    plaintext = os.urandom(_SIZE)
    return lambda: client.encrypt(
        source=plaintext, key_provider=keys, algorithm=algorithm, frame_length=frame_length
    )
