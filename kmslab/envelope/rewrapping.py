"""Another wrapping key for a message whose payload stays as it is, byte for byte.

Only the header is made anew: the same data key under other wrapping keys, and the tag, which
authenticates them. For the tag the data key has to be opened here; a new encrypted data key is
made by KMS's ReEncrypt where one client reaches both keys, so that the audit trail shows what
happened.

This replaces a message, and must not make a second one to be kept beside the first. The tag of a
header is AES-GCM's under the content key, which stays, with a nonce that the format fixes. From two
tags under one nonce whoever has both headers can compute the key that tags are made with (not the
one that encrypts), and can then change the payload unnoticed, though not read it. Nor does
rewrapping take anything from somebody who knows the data key, or has an old copy and the old
wrapping key. Where that matters, open the message and encrypt it again.

A signed message is refused. Its signature covers the header, and only its writer ever had the
private key; a new signature would vouch in another's name.
"""

import io

from kmslab.envelope import contexts
from kmslab.envelope.errors import SignedMessage
from kmslab.envelope.headers import Header, Limits, new_header, read_header, tagged
from kmslab.envelope.opening import DEFAULT_LIMITS, proven
from kmslab.envelope.pipeline import Progress
from kmslab.envelope.sources import Readable, Source, Writable, write_all
from kmslab.envelope.suites import Suite
from kmslab.envelope.wrapping import WrappingKeys

_PIECE = 1024 * 1024


def rewrap(
    message: bytes | bytearray | memoryview,
    old_keys: WrappingKeys,
    new_keys: WrappingKeys,
    encryption_context: contexts.Context | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """`message` under `new_keys`. See `rewrap_stream`."""
    target = io.BytesIO()
    rewrap_stream(
        io.BytesIO(message), target, old_keys, new_keys, encryption_context, limits=limits
    )
    return target.getvalue()


def rewrap_stream(
    source: Readable,
    target: Writable,
    old_keys: WrappingKeys,
    new_keys: WrappingKeys,
    encryption_context: contexts.Context | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Header:
    """Write the message in `source` to `target` with its data key under `new_keys` alone.

    The header is proven first, with one of `old_keys`; the payload is copied and not looked at.
    `encryption_context` and `limits` are those of `decrypt_stream`; `progress` is called with
    numbers of bytes copied.

    Raises SignedMessage, and what `decrypt_stream` raises for a header that is not to be believed;
    for `new_keys` ClientError where KMS refuses, BotoCoreError where it cannot be asked,
    UnusableDataKey where it answers with something else, ValueError where they only open; and what
    reading and writing raise. Nothing is written before the new header is whole.
    """
    reading = Source(source)
    old = read_header(reading, limits)
    if old.suite is Suite.SIGNED:
        raise SignedMessage("a signed message cannot be rewrapped: open it, and encrypt it anew")
    expected = contexts.expect(old.encryption_context, encryption_context)
    plaintext_data_key, opened = old_keys.opened(old.encrypted_data_keys, expected.all_pairs)
    cipher = proven(old, plaintext_data_key, expected)
    wrapped = new_keys.rewrap(opened, plaintext_data_key, expected.all_pairs)
    untagged = new_header(
        old.suite,
        old.message_id,
        old.encryption_context,
        wrapped,
        old.frame_length,
        old.commitment,
    )
    header = tagged(untagged, cipher, expected.not_stored)
    write_all(target, header.whole)
    _copy(reading, target, progress)
    return header


def _copy(source: Source, target: Writable, progress: Progress | None) -> None:
    room = memoryview(bytearray(_PIECE))
    while size := source.fill(room):
        write_all(target, room[:size])
        if progress:
            progress(size)
