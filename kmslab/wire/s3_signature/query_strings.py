"""Paths and queries as signatures see them: decoded once, and encoded again in one way.

Texts hold one character for each byte that travelled, so that nothing is lost in between.
"""

from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

Fields = list[tuple[str, str]]


def as_bytes(text: str) -> bytes:
    """The bytes that a transport made `text` of."""
    return text.encode("latin-1", "replace")


def fields_of(query: str) -> Fields:
    """Names and values of a query, decoded, in their order."""
    pairs = [field.partition("=") for field in query.split("&") if field]
    return [(decoded(name), decoded(value)) for name, _, value in pairs]


def decoded(text: str) -> str:
    """A part of a query. A plus is a blank, as it is to whoever reads what the query asks for."""
    if "%" not in text and "+" not in text:
        return text
    return unquote_to_bytes(as_bytes(text.replace("+", " "))).decode("latin-1")


def canonical_query(fields: Iterable[tuple[str, str]]) -> str:
    encoded = sorted([(_encoded(name), _encoded(value)) for name, value in fields])
    return "&".join([f"{name}={value}" for name, value in encoded])


def canonical_path(path: str) -> str:
    """S3 neither normalises a path nor encodes it twice: an object key may hold anything."""
    return quote_from_bytes(unquote_to_bytes(as_bytes(path)), "/-_.~") or "/"


def _encoded(text: str) -> str:
    return quote_from_bytes(as_bytes(text), "-_.~")
