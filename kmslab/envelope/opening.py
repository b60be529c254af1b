"""Opening a message: from bytes to bytes, and from a stream to a stream.

The order is what makes it safe. The header is parsed within limits; the reader's expected context
is compared with the message's; a wrapping key opens the data key; the commitment is compared, then
the tag of the header; then each frame is opened, and passed on only once its tag was right; then
the end of the message is looked for, and the signature checked where there is one.
"""

import io
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmslab.envelope import contexts, signatures
from kmslab.envelope.frames import Batch, Frames, fits_a_batch, frames_in_batch, open_block, slots
from kmslab.envelope.headers import Header, Limits, authenticated, read_header
from kmslab.envelope.pipeline import Piece, Progress, Take, hasher, pour, writer
from kmslab.envelope.sources import Readable, Source, Writable
from kmslab.envelope.suites import MessageCipher
from kmslab.envelope.wrapping import DataKeys

DEFAULT_LIMITS = Limits()


class Opened(NamedTuple):
    """A message that opened, every byte of it checked."""

    plaintext: bytes
    header: Header


def decrypt(
    message: bytes | bytearray | memoryview,
    keys: DataKeys,
    encryption_context: contexts.Context | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Opened:
    """The plaintext of `message` and its header. Parameters and refusals are those of
    `decrypt_stream`; nothing is returned unless all of the message holds, signature included."""
    target = io.BytesIO()
    header = decrypt_stream(
        io.BytesIO(message),
        target,
        keys,
        encryption_context,
        length=len(message),
        limits=limits,
    )
    return Opened(target.getvalue(), header)


def decrypt_stream(
    source: Readable,
    target: Writable,
    keys: DataKeys,
    encryption_context: contexts.Context | None = None,
    *,
    length: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Header:
    """Open the message in `source`, which has to end with it, and write its plaintext to `target`.

    Each frame is written as soon as it is authenticated, so where a later frame, the end or the
    signature is wrong, `target` has got a true beginning of the plaintext when the error comes:
    whoever needs all or nothing takes `decrypt` or `decrypt_file`. The last frames come only after
    the signature was checked.

    Every pair of `encryption_context` has to be one of the message's; pairs that its writer
    required have to be given. `length` is how many bytes `source` has, if known; `limits` are what
    a header may ask for; `progress` is called with numbers of plaintext bytes. Raises NoKeyOpens,
    ContextMismatch, ForeignMessage, OversizedMessage and the kinds of DamagedMessage (`errors`),
    and what reading and writing raise.
    """
    reading = Source(source, length)
    header = read_header(reading, limits)
    public_key = signatures.public_key_in(header.suite, header.encryption_context)
    cipher = _unlocked(header, keys, encryption_context)
    body = _Body(reading, header, cipher.aead, limits)
    checks = [body.verifier(public_key)] if public_key else []
    pour(slots(body.batch), body.fill, [*checks, writer(target, progress, sealed=False)])
    return header


def _unlocked(
    header: Header, keys: DataKeys, encryption_context: contexts.Context | None
) -> MessageCipher:
    """The cipher of a message, once its data key is open and its header proven. Raises
    ContextMismatch before any key is asked for, NoKeyOpens and AlteredMessage."""
    expected = contexts.expect(header.encryption_context, encryption_context)
    plaintext_data_key = keys.for_opening(
        header.suite, header.encrypted_data_keys, expected.all_pairs
    )
    return proven(header, plaintext_data_key, expected)


def proven(header: Header, plaintext_data_key: bytes, expected: contexts.Expected) -> MessageCipher:
    """The cipher of a message whose header is what was written. Raises AlteredMessage."""
    cipher = MessageCipher(header.suite, plaintext_data_key, header.message_id)
    cipher.check(header.commitment, header.tag, authenticated(header, expected.not_stored))
    return cipher


class _Body:
    """What follows the header, piece by piece."""

    def __init__(self, source: Source, header: Header, aead: AESGCM, limits: Limits) -> None:
        self._source = source
        self._header = header
        self._aead = aead
        self._limits = limits
        self._signature = b""
        self._count = _frames_expected(source, header.frame_length)
        self._frames = Frames(aead, header.message_id, header.frame_length, self._count)

    def batch(self) -> Batch:
        return Batch(self._header.frame_length, self._count)

    def fill(self, batch: Batch) -> Piece:
        """The next frames; with the last of them everything behind it is read too."""
        if not self._header.frame_length:
            block = open_block(self._aead, self._header, self._source, self._limits)
            return self._last(Piece((block.sealed,), (block.plaintext,), True))
        size = self._source.fill(batch.frames)
        whole = self._frames.open(batch, size)
        sealed = batch.frames[: whole * batch.stride]
        plaintext = batch.plaintext[: whole * batch.frame_length]
        if whole and whole == batch.count and self._frames_left(batch):
            return Piece((sealed,), (plaintext,), False)
        self._source.give_back(bytes(batch.frames[len(sealed) : size]))
        following = self._frames.open_next(self._source)
        piece = Piece(
            (sealed, following.sealed), (plaintext, following.plaintext), following.is_final
        )
        return self._last(piece) if piece.is_last else piece

    def verifier(self, public_key: ec.EllipticCurvePublicKey) -> Take:
        """Hashes all pieces, and checks the signature before the last one goes on."""
        digest = signatures.new_hash()
        digest.update(self._header.whole)
        hash_piece = hasher(digest.update)

        def take(piece: Piece) -> None:
            hash_piece(piece)
            if piece.is_last:
                signatures.verify(public_key, self._signature, digest.digest())

        return take

    def _frames_left(self, batch: Batch) -> bool:
        """Whether another batch may be needed. The end of a message alone needs none."""
        return self._source.left is None or self._source.left > batch.stride

    def _last(self, piece: Piece) -> Piece:
        if contexts.PUBLIC_KEY in self._header.encryption_context:
            self._signature = signatures.read_footer(self._source)
        self._source.expect_end()
        return piece


def _frames_expected(source: Source, frame_length: int) -> int:
    """How many regular frames to make room for at a time: no more than the message can have, and
    none where a frame is long, since its length is only a promise until it is there."""
    if not frame_length or not fits_a_batch(frame_length):
        return 0
    count = frames_in_batch(frame_length)
    return count if source.left is None else min(count, max(0, source.left) // frame_length)
