"""What many records say in the same bytes, read once and kept once.

A CloudTrail record names its caller, its key and its encryption context as thousands of others do.
So each distinct text is read when it first comes and is a number from then on. Which columns there
are is not known here.
"""

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import numpy
import pyarrow

from kmslab.audit.records import (
    Identity,
    Parameters,
    parsed,
    read_identity,
    read_parameters,
    read_resources,
    read_time,
)

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

_T = TypeVar("_T", bound=Hashable)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

Codes = Any
"""A numpy array of int32: places among a column's words, -1 for none."""


class Words(dict[str | None, int]):
    """The words of a column, numbered as they come; None is no word."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self) - 1
        return number

    def codes(self, values: Sequence[str | None]) -> Codes:
        return numpy.fromiter(map(self.__getitem__, values), numpy.int32, len(values))

    def column(self, codes: Codes) -> pyarrow.Array:
        places = pyarrow.array(codes, mask=codes < 0)
        return pyarrow.DictionaryArray.from_arrays(
            places, pyarrow.array(list(self)[1:], pyarrow.string())
        )


class Readings(dict[_T, int]):
    """What many records say alike, each read once, into a word for each of some columns."""

    def __init__(self, read: Callable[[_T], Sequence[str | None]], words: Sequence[Words]) -> None:
        super().__init__()
        self._read = read
        self._words = words
        self._codes: list[list[int]] = [[] for _ in words]

    def __missing__(self, said: _T) -> int:
        for codes, words, word in zip(self._codes, self._words, self._read(said), strict=True):
            codes.append(words[word])
        number = self[said] = len(self)
        return number

    def codes(self, values: Sequence[_T]) -> list[Codes]:
        places = numpy.fromiter(map(self.__getitem__, values), numpy.intp, len(values))
        return [numpy.array(codes, numpy.int32)[places] for codes in self._codes]


class Times(dict[str, int]):
    """Times as microseconds since 1970, in UTC."""

    def __missing__(self, text: str) -> int:
        moment = read_time(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        number = self[text] = (aware - _EPOCH) // _MICROSECOND
        return number

    def of(self, texts: Sequence[str]) -> Any:
        return numpy.fromiter(map(self.__getitem__, texts), numpy.int64, len(texts))


# --- What records say ---------------------------------------------------------------------


def of_name(named: tuple[str, str]) -> tuple[str]:
    source, event_name = named
    return (f"{source.removesuffix('.amazonaws.com')}:{event_name}",)


def of_error(error: str | None) -> tuple[str | None, str]:
    if not error:
        return error, "ok"
    return error, "denied" if error in DENIED else "failed"


def of_identity(text: bytes) -> tuple[str | None, ...]:
    """Principal, role, invoked_by and access_key_id."""
    said = read_identity(text) if text else Identity()
    issuer = said.sessionContext.sessionIssuer if said.sessionContext else None
    return (
        said.arn or said.principalId or said.accountId or said.invokedBy,
        issuer.arn if issuer else None,
        said.invokedBy if said.arn or said.principalId else None,
        said.accessKeyId,
    )


def of_resources(text: bytes) -> tuple[str | None, str]:
    """The ARN of the KMS key, and all ARNs."""
    said = (read_resources(text) if text else None) or []
    keys = (each.ARN for each in said if each.type == "AWS::KMS::Key")
    return next(keys, None), msgspec.json.encode([each.ARN for each in said if each.ARN]).decode()


def of_parameters(text: bytes) -> tuple[str | None, str | None, str | None]:
    """The key's ARN and the alias, where the call names them, and the encryption context."""
    said = read_parameters(text) if text else None
    if said is None:
        return None, None, None
    read = parsed(said.keyId)
    key_id = read if isinstance(read, str) else ""
    return key_id if ":key/" in key_id else None, _alias_in(key_id), _context(said)


def _alias_in(key_id: str) -> str | None:
    before, named, name = key_id.partition("alias/")
    return named + name if named and (not before or before.endswith(":")) else None


def _context(said: Parameters) -> str | None:
    """The encryption context; of ReEncrypt that of the old ciphertext."""
    for raw in (said.encryptionContext, said.sourceEncryptionContext):
        read = parsed(raw)
        if read is not None:
            return bytes(raw).decode() if isinstance(read, dict) else None
    return None
