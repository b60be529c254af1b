"""The header of a message: who can open it, under which context, and how its body is cut.

Message format 2 of the AWS Encryption SDK, all numbers big-endian:

    version 0x02 · suite id, 2 bytes · message id, 32 random bytes
    u16 length of the context, then the context as `contexts` lays it out
    u16 number of encrypted data keys, then each of them:
        u16 + provider id · u16 + key info · u16 + ciphertext
    content type: 1 one block, 2 frames · u32 frame length, 0 for one block
    commitment, 32 bytes · tag, 16 bytes

The tag is AES-GCM's for an empty text, with all fields before it as additional data. A header that
is read here is only parsed: nothing in it may be believed before `suites.MessageCipher.check`.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from kmslab.envelope import contexts
from kmslab.envelope.errors import ForeignMessage, MalformedMessage, OversizedMessage
from kmslab.envelope.sources import Source
from kmslab.envelope.suites import (
    COMMITMENT_SIZE,
    MESSAGE_ID_SIZE,
    TAG_SIZE,
    MessageCipher,
    Suite,
    suite_of,
)

LONGEST_FRAME = 2**31 - 1
_VERSION = b"\x02"
_ONE_BLOCK, _FRAMES = 1, 2


class Limits(NamedTuple):
    """What a reader lets a header ask for. Each encrypted data key may cost a call to KMS, and a
    frame, or the one block of a message without frames, is held in memory as a whole.

    `frame_length` and `context` are bytes.
    """

    encrypted_data_keys: int = 32
    context: int = 0xFFFF
    frame_length: int = 64 * 1024 * 1024


class EncryptedDataKey(NamedTuple):
    """The data key of a message under one wrapping key. For KMS the provider id is "aws-kms" and
    the key info the ARN of the KMS key."""

    provider_id: str
    key_info: bytes
    ciphertext: bytes


class Header(NamedTuple):
    """`frame_length` is 0 where the message is one block. `body` is the header as bytes without
    its tag, `whole` with it."""

    suite: Suite
    message_id: bytes
    encryption_context: dict[str, str]
    encrypted_data_keys: tuple[EncryptedDataKey, ...]
    frame_length: int
    commitment: bytes
    body: bytes
    tag: bytes = b""

    @property
    def whole(self) -> bytes:
        return self.body + self.tag

    @property
    def size(self) -> int:
        return len(self.body) + len(self.tag)


def new_header(
    suite: Suite,
    message_id: bytes,
    encryption_context: contexts.Context,
    encrypted_data_keys: Sequence[EncryptedDataKey],
    frame_length: int,
    commitment: bytes,
) -> Header:
    """A header without its tag. Raises ValueError for what has no room in the format."""
    if not 0 < len(encrypted_data_keys) <= 0xFFFF:
        raise ValueError(f"{len(encrypted_data_keys)} encrypted data keys: 1 to 65,535 have room")
    stored = contexts.serialize(encryption_context)
    content_type = _FRAMES if frame_length else _ONE_BLOCK
    body = b"".join(
        [
            _VERSION,
            suite.id_bytes,
            message_id,
            _with_length(stored),
            struct.pack(">H", len(encrypted_data_keys)),
            *(_packed(each) for each in encrypted_data_keys),
            struct.pack(">BI", content_type, frame_length),
            commitment,
        ]
    )
    return Header(
        suite,
        message_id,
        dict(encryption_context),
        tuple(encrypted_data_keys),
        frame_length,
        commitment,
        body,
    )


def authenticated(header: Header, not_stored: contexts.Context) -> bytes:
    """What the tag is over: the header, and the pairs of the context that it does not store."""
    return header.body + contexts.serialize(not_stored)


def tagged(header: Header, cipher: MessageCipher, not_stored: contexts.Context) -> Header:
    return header._replace(tag=cipher.header_tag(authenticated(header, not_stored)))


def read_header(source: Source, limits: Limits) -> Header:
    """Raises ForeignMessage, MalformedMessage, OversizedMessage and TruncatedMessage."""
    reading = _Reading(source)
    suite = _suite(reading)
    message_id = reading.take(MESSAGE_ID_SIZE)
    context = _context(reading, limits)
    encrypted_data_keys = _encrypted_data_keys(reading, limits)
    frame_length = _frame_length(reading, limits)
    commitment = reading.take(COMMITMENT_SIZE)
    body = b"".join(reading.taken)
    return Header(
        suite,
        message_id,
        context,
        encrypted_data_keys,
        frame_length,
        commitment,
        body,
        reading.take(TAG_SIZE),
    )


class _Reading:
    """Takes fields, and keeps them: the tag is over the bytes as they came."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.taken: list[bytes] = []

    def take(self, size: int) -> bytes:
        field = self._source.read_exactly(size)
        self.taken.append(field)
        return field

    def number(self, size: int = 2) -> int:
        return int.from_bytes(self.take(size), "big")


def _suite(reading: _Reading) -> Suite:
    version = reading.take(1)
    if version == b"\x01":
        raise ForeignMessage("a message of format 1, which has no key commitment, is not read here")
    if version != _VERSION:
        raise ForeignMessage("not a message of the AWS Encryption SDK's format 2")
    return suite_of(reading.take(2))


def _context(reading: _Reading, limits: Limits) -> dict[str, str]:
    size = reading.number()
    if size > limits.context:
        raise OversizedMessage(f"a context of {size} bytes, where {limits.context} are allowed")
    return contexts.parse(reading.take(size))


def _encrypted_data_keys(reading: _Reading, limits: Limits) -> tuple[EncryptedDataKey, ...]:
    count, most = reading.number(), limits.encrypted_data_keys
    if not count:
        raise MalformedMessage("a message without an encrypted data key")
    if count > most:
        raise OversizedMessage(f"{count} encrypted data keys, where {most} are allowed")
    return tuple(_encrypted_data_key(reading) for _ in range(count))


def _encrypted_data_key(reading: _Reading) -> EncryptedDataKey:
    provider_id, key_info, ciphertext = (reading.take(reading.number()) for _ in range(3))
    try:
        return EncryptedDataKey(provider_id.decode(), key_info, ciphertext)
    except UnicodeDecodeError:
        raise MalformedMessage("a provider id is not UTF-8") from None


def _frame_length(reading: _Reading, limits: Limits) -> int:
    content_type, length = reading.number(1), reading.number(4)
    if content_type not in (_ONE_BLOCK, _FRAMES) or (content_type == _FRAMES) != (length > 0):
        raise MalformedMessage(f"content type {content_type} with a frame length of {length}")
    if length > limits.frame_length:
        raise oversized_frame(length, limits)
    return length


def oversized_frame(length: int, limits: Limits) -> OversizedMessage:
    return OversizedMessage(
        f"frames of {length} bytes, where {limits.frame_length} are allowed; "
        "Limits(frame_length=...) allows more"
    )


def _packed(encrypted_data_key: EncryptedDataKey) -> bytes:
    provider_id, key_info, ciphertext = encrypted_data_key
    return b"".join(map(_with_length, (provider_id.encode(), key_info, ciphertext)))


def _with_length(field: bytes) -> bytes:
    if len(field) > 0xFFFF:
        raise ValueError(f"a field of a header has at most 65,535 bytes, and not {len(field)}")
    return struct.pack(">H", len(field)) + field
