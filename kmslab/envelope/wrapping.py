"""Wrapping keys: what makes data keys for messages, and opens those of messages that come back.

`WrappingKeys` is what all of them can do: the keys of KMS (`kms_keys`), one AES key of the
application's own (`raw_keys`), several of these together (`AnyOf`), and a cache in front of them
(`caching`). A plaintext data key lives in the materials of a message and is never shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from botocore.exceptions import BotoCoreError, ClientError

from kmslab.envelope import contexts, signatures
from kmslab.envelope.errors import EnvelopeError, NoKeyOpens
from kmslab.envelope.headers import EncryptedDataKey
from kmslab.envelope.suites import Suite

# What a wrapping key that was asked may say instead of giving a data key.
REFUSALS = (ClientError, BotoCoreError, EnvelopeError)


@dataclass(frozen=True)
class NewDataKey:
    """A fresh data key, and the same under each wrapping key."""

    plaintext_data_key: bytes = field(repr=False)
    encrypted_data_keys: tuple[EncryptedDataKey, ...]


@dataclass(frozen=True)
class SealingMaterials:
    """What a message is written with. The context holds the public key of a signed message."""

    suite: Suite
    encryption_context: dict[str, str]
    data_key: NewDataKey
    signing_key: signatures.SigningKey | None = field(repr=False)


class DataKeys(ABC):
    """Where the data keys of messages come from."""

    @abstractmethod
    def for_sealing(
        self, suite: Suite, encryption_context: contexts.Context, length: int | None
    ) -> SealingMaterials:
        """For a message of `length` bytes, None where nobody knows yet. Raises ClientError where
        KMS refuses, BotoCoreError where it cannot be asked, UnusableDataKey where its answer is no
        data key, ValueError where these keys only open."""

    @abstractmethod
    def for_opening(
        self,
        suite: Suite,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: contexts.Context,
    ) -> bytes:
        """The plaintext data key. Raises NoKeyOpens."""


class WrappingKeys(DataKeys):
    """Keys under which data keys are wrapped."""

    @abstractmethod
    def new_data_key(self, encryption_context: contexts.Context) -> NewDataKey:
        """A fresh data key, wrapped under all of these keys. Raises what `wrap` does."""

    @abstractmethod
    def wrap(
        self, plaintext_data_key: bytes, encryption_context: contexts.Context
    ) -> tuple[EncryptedDataKey, ...]:
        """A data key that is there already, wrapped under all of these keys. Raises ClientError
        where KMS refuses, BotoCoreError where it cannot be asked, UnusableDataKey where it answers
        with something else, ValueError where these keys only open."""

    @abstractmethod
    def unwrap(
        self, encrypted_data_key: EncryptedDataKey, encryption_context: contexts.Context
    ) -> bytes | None:
        """The plaintext data key, or None where it is not wrapped under one of these keys. Raises
        ClientError, BotoCoreError or EnvelopeError where it is, and does not open."""

    def rewrap(
        self,
        encrypted_data_key: EncryptedDataKey,
        plaintext_data_key: bytes,
        encryption_context: contexts.Context,
    ) -> tuple[EncryptedDataKey, ...]:
        """The data key that is in `encrypted_data_key`, wrapped under all of these keys, from the
        encrypted one where they can. Raises what `wrap` does."""
        return self.wrap(plaintext_data_key, encryption_context)

    def for_sealing(
        self, suite: Suite, encryption_context: contexts.Context, length: int | None
    ) -> SealingMaterials:
        context, signing_key = dict(encryption_context), None
        if suite is Suite.SIGNED:
            signing_key = signatures.new_signing_key()
            context[contexts.PUBLIC_KEY] = signatures.public_key_text(signing_key)
        return SealingMaterials(suite, context, self.new_data_key(context), signing_key)

    def for_opening(
        self,
        suite: Suite,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: contexts.Context,
    ) -> bytes:
        return self.opened(encrypted_data_keys, encryption_context)[0]

    def opened(
        self,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: contexts.Context,
    ) -> tuple[bytes, EncryptedDataKey]:
        """The plaintext data key, and which of the encrypted ones gave it. Raises NoKeyOpens."""
        reasons = []
        for each in encrypted_data_keys:
            try:
                plaintext_data_key = self.unwrap(each, encryption_context)
            except REFUSALS as refusal:
                reasons.append(f"{described(each)}: {refusal}")
            else:
                if plaintext_data_key is not None:
                    return plaintext_data_key, each
        raise NoKeyOpens(_no_key(encrypted_data_keys, reasons), reasons)


class AnyOf(WrappingKeys):
    """Several wrapping keys, each of which opens the message alone: keys of KMS in two Regions,
    say, with a client for each. The first one makes the data keys."""

    def __init__(self, first: WrappingKeys, *others: WrappingKeys) -> None:
        self._all = first, *others

    def new_data_key(self, encryption_context: contexts.Context) -> NewDataKey:
        first, *others = self._all
        made = first.new_data_key(encryption_context)
        plaintext, wrapped = made.plaintext_data_key, made.encrypted_data_keys
        for other in others:
            wrapped += other.wrap(plaintext, encryption_context)
        return NewDataKey(plaintext, wrapped)

    def wrap(
        self, plaintext_data_key: bytes, encryption_context: contexts.Context
    ) -> tuple[EncryptedDataKey, ...]:
        groups = (keys.wrap(plaintext_data_key, encryption_context) for keys in self._all)
        return tuple(chain.from_iterable(groups))

    def rewrap(
        self,
        encrypted_data_key: EncryptedDataKey,
        plaintext_data_key: bytes,
        encryption_context: contexts.Context,
    ) -> tuple[EncryptedDataKey, ...]:
        groups = (
            keys.rewrap(encrypted_data_key, plaintext_data_key, encryption_context)
            for keys in self._all
        )
        return tuple(chain.from_iterable(groups))

    def unwrap(
        self, encrypted_data_key: EncryptedDataKey, encryption_context: contexts.Context
    ) -> bytes | None:
        refusal: Exception | None = None
        for keys in self._all:
            try:
                plaintext_data_key = keys.unwrap(encrypted_data_key, encryption_context)
            except REFUSALS as refused:
                refusal = refused
            else:
                if plaintext_data_key is not None:
                    return plaintext_data_key
        if refusal:
            raise refusal
        return None


def described(encrypted_data_key: EncryptedDataKey) -> str:
    """Where a data key is wrapped, as text that is safe to print."""
    key_info = encrypted_data_key.key_info.decode("ascii", "backslashreplace")
    return f"{encrypted_data_key.provider_id!r} {key_info!r:.200}"


def _no_key(encrypted_data_keys: Sequence[EncryptedDataKey], reasons: Sequence[str]) -> str:
    if reasons:
        return "no wrapping key opens this message"
    listed = ", ".join(described(each) for each in encrypted_data_keys[:3])
    more = "" if len(encrypted_data_keys) <= 3 else f" and {len(encrypted_data_keys) - 3} more"
    return f"this message is for other wrapping keys: {listed}{more}"
