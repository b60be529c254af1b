"""Trailers: headers that stand behind a body, since only then are they known."""

import re
from collections.abc import Mapping

from kmslab.wire.aws_chunked import refusals

Trailers = list[tuple[str, str]]

SIGNATURE = "x-amz-trailer-signature"
# AWS's own example ends a value with a line feed of its own.
_TRAILER = re.compile(r"([!-9;-~]+):([\t -~]*)\n?")


def announced_in(headers: Mapping[str, str]) -> list[str]:
    """The names of the trailers that will come, sorted."""
    names = headers.get("x-amz-trailer", "").lower().split(",")
    return sorted(name.strip(" \t") for name in names if name.strip(" \t"))


def trailers_in(text: bytes) -> Trailers:
    """Names, in lower case, and values, in their order. Raises MalformedTrailerError."""
    lines = text.strip(b"\r\n").decode("latin-1")
    return [_trailer(line) for line in lines.split("\r\n")] if lines else []


def _trailer(line: str) -> tuple[str, str]:
    parts = _TRAILER.fullmatch(line)
    if parts is None:
        raise refusals.malformed_trailer()
    return parts[1].lower(), parts[2].strip(" \t")
