"""Encryption contexts as bytes, and the rules for what may stand in one.

A context is names and values that are no secret and are authenticated. In a message, and in the
additional data of a raw AES wrapping key, it is:

    u16 number of pairs, then each pair: u16 length, name in UTF-8, u16 length, value in UTF-8

sorted by the bytes of the names. An empty context is no bytes at all, not a zero. How KMS binds a
context to a data key is KMS's business.
"""

import struct
from collections.abc import Collection, Mapping
from typing import NamedTuple

from kmslab.envelope.errors import ContextMismatch, MalformedMessage

PUBLIC_KEY = "aws-crypto-public-key"
_RESERVED = "aws-crypto-"
_LONGEST = 0xFFFF

Context = Mapping[str, str]


def checked_context(context: Context | None) -> dict[str, str]:
    """A copy. Raises TypeError for what is not text, ValueError for a name that the format keeps
    for itself, and for more bytes than a header has room for."""
    pairs = _of_text(context or {})
    for name in pairs:
        if name.startswith(_RESERVED):
            raise ValueError(f"a name in a context must not start with {_RESERVED!r}: {name!r}")
    serialize(pairs)
    return pairs


def _of_text(context: Context) -> dict[str, str]:
    pairs = dict(context)
    for name, value in pairs.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"names and values of a context are str, not {name!r}: {value!r}")
    return pairs


def serialize(context: Context) -> bytes:
    """The bytes that stand for `context` in a header. Raises ValueError for what does not fit into
    65,535 bytes or is not Unicode."""
    if not context:
        return b""
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    fields = [field for pair in pairs for field in pair]
    size = 2 + 2 * len(fields) + sum(map(len, fields))
    if size > _LONGEST:
        raise ValueError(f"a context has at most {_LONGEST} bytes, and not {size}")
    packed = [struct.pack(">H", len(field)) + field for field in fields]
    return struct.pack(">H", len(pairs)) + b"".join(packed)


def parse(serialized: bytes) -> dict[str, str]:
    """The inverse of `serialize`, in any order of the pairs: AWS's writers sort in several ways.

    Raises MalformedMessage for a name that stands twice, bytes that are left over or missing, and
    what is not UTF-8.
    """
    if not serialized:
        return {}
    count, fields = int.from_bytes(serialized[:2], "big"), _fields(serialized[2:])
    if not count or len(fields) != 2 * count:
        raise MalformedMessage(f"a context of {count} pairs has {len(fields)} names and values")
    context = dict(zip(fields[::2], fields[1::2], strict=True))
    if len(context) != count:
        raise MalformedMessage("a name stands twice in the encryption context")
    return context


def _fields(packed: bytes) -> list[str]:
    fields, at = [], 0
    while at < len(packed):
        start = at + 2
        at = start + int.from_bytes(packed[at:start], "big")
        if at > len(packed) or start > len(packed):
            raise MalformedMessage("the encryption context ends within a name or value")
        try:
            fields.append(packed[start:at].decode())
        except UnicodeDecodeError:
            raise MalformedMessage("the encryption context is not UTF-8") from None
    return fields


class Expected(NamedTuple):
    """What a reader's context means for one message: all pairs that were authenticated, and those
    of them that the message does not store."""

    all_pairs: dict[str, str]
    not_stored: dict[str, str]


def expect(stored: Context, given: Context | None) -> Expected:
    """Every pair that is given must be the message's: either stored there, or one that its writer
    required readers to know. Raises ContextMismatch for a stored name with another value, TypeError
    for what is not text."""
    given = _of_text(given or {})
    for name, value in given.items():
        if stored.get(name, value) != value:
            found = f"{name!r}: {stored[name]!r}"
            raise ContextMismatch(f"the message has {found:.200}, not {value!r:.200}")
    not_stored = {name: value for name, value in given.items() if name not in stored}
    return Expected({**stored, **not_stored}, not_stored)


def split(context: Context, required: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The pairs that are stored, and the required ones, which are authenticated and not stored.
    Raises ValueError for a required name that the context has not."""
    missing = sorted(set(required) - set(context))
    if missing:
        raise ValueError(f"required, and not in the encryption context: {', '.join(missing)}")
    kept_out = {name: context[name] for name in required}
    stored = {name: value for name, value in context.items() if name not in kept_out}
    return stored, kept_out
