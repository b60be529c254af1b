"""Why a message does not open, one class for each kind of reason.

All are EnvelopeErrors. Those that mean "these bytes are not what was written" are IntegrityErrors
as well; the others say that a message is whole, as far as one can tell, and not for this reader.
"""

from collections.abc import Sequence

from kmslab.errors import IntegrityError


class EnvelopeError(Exception):
    """A message could not be made, opened or rewrapped."""


class DamagedMessage(EnvelopeError, IntegrityError):
    """The bytes are not those that were written. The classes below say how one can tell."""


class MalformedMessage(DamagedMessage):
    """A field has a value that no writer gives it."""


class TruncatedMessage(DamagedMessage):
    """The message ends before its last field does."""


class ExtendedMessage(DamagedMessage):
    """Bytes follow where the message has ended."""


class ReorderedFrames(DamagedMessage):
    """A frame is not the next one: frames were exchanged, repeated or left out."""


class AlteredMessage(DamagedMessage):
    """A commitment, a tag or the signature does not fit what it stands for."""


class ForeignMessage(EnvelopeError):
    """Not a message of this format, or one of an algorithm suite that is not read here."""


class OversizedMessage(EnvelopeError):
    """A header asks for more than the reader's Limits allow."""


class ContextMismatch(EnvelopeError):
    """The message has another encryption context than the one expected. No key was asked for."""


class NoKeyOpens(EnvelopeError):
    """None of the encrypted data keys could be opened. `reasons` tells it for each that was
    tried, and is empty where none belonged to the reader's wrapping keys."""

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__("; ".join((message, *reasons)))
        self.reasons = tuple(reasons)


class UnusableDataKey(EnvelopeError):
    """KMS answered with something else than what it was asked for."""


class SignedMessage(EnvelopeError):
    """A signed message cannot be rewrapped: only its writer could sign the new header."""
