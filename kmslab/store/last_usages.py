"""When each KMS key was last used: the event of its last successful cryptographic operation.

The events say it all, so nothing more is kept on the disk; this remembers, for each key, which of
them it was. It is on the way of every call, so it does little.
"""

from collections.abc import Iterable

from kmslab.store.events import Event

USES = frozenset(
    {
        *("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("Sign", "Verify", "GenerateMac", "VerifyMac"),
        *("DeriveSharedSecret", "Encapsulate", "Decapsulate"),
    }
)
"""The operations that count (KMS API Reference, "KeyLastUsageData")."""


class LastUsages:
    """The last use of every key, by its ARN."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}

    def note(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.name in USES and not event.error_code:
                for arn in event.resources:
                    # The owner of a key is told of the event in its own account.
                    if arn.split(":", 5)[4] == event.account:
                        self._events[arn] = event

    def of(self, key_arn: str, since: float = 0.0) -> Event | None:
        """The last use of a key that was made at `since`. A replica can be deleted and made again
        under the same ARN, and was not used before that."""
        event = self._events.get(key_arn)
        return event if event and event.time >= since else None

    def forget(self, key_arn: str) -> None:
        self._events.pop(key_arn, None)

    def clear(self) -> None:
        self._events.clear()
