"""The one canonical encoding of an encryption context.

AES-GCM authenticates bytes, and an encryption context is a map, so both sides need the same
bytes for the same map, and other bytes for every other map. Here: the number of pairs, then
each pair in order of its name's UTF-8 bytes, every text preceded by its length. Because all
is counted, {"a": "bc"} and {"ab": "c"} differ, and no pair can be moved into its neighbour.
No context and the empty context are the same, as in AWS.
"""

from collections.abc import Mapping

_NO_PAIRS = (0).to_bytes(4, "big")


def canonical(encryption_context: Mapping[str, str] | None) -> bytes:
    """The bytes that stand for `encryption_context` in the additional authenticated data."""
    if not encryption_context:
        return _NO_PAIRS
    pairs = sorted((name.encode(), value.encode()) for name, value in encryption_context.items())
    parts = [len(pairs).to_bytes(4, "big")]
    for name, value in pairs:
        parts += (len(name).to_bytes(4, "big"), name, len(value).to_bytes(4, "big"), value)
    return b"".join(parts)
