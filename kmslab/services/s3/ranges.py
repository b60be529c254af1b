"""Which bytes of an object are asked for: the Range header, or the number of a part."""

import re
from typing import NamedTuple

from kmslab.services.s3 import refusals
from kmslab.store.s3_records import StoredObject

# One range alone: where several are asked for S3 answers with the whole object.
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


class Span(NamedTuple):
    """`length` bytes from `start` on. `is_part` of the object, and not all of it because nothing
    else was asked for."""

    start: int
    length: int
    is_part: bool

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def asked_span(stored: StoredObject, header: str | None, part_number: int | None) -> Span:
    """The bytes of `stored` that a request wants. Raises InvalidRange (416) for bytes that are not
    there, InvalidRequest for a range and a part at once."""
    if part_number is not None:
        if header is not None:
            raise refusals.invalid_request("Cannot specify both Range header and partNumber")
        return _part(stored, part_number)
    found = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if not found or not any(found.groups()):
        # What is no range is no wish either (RFC 9110 §14.2).
        return Span(0, stored.size, False)
    return _range(stored, header or "", found[1], found[2])


def _range(stored: StoredObject, header: str, first: str, last: str) -> Span:
    size = stored.size
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise refusals.invalid_range(header, size)
        return Span(size - length, length, True)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return Span(0, size, False)
    if start >= size:
        raise refusals.invalid_range(header, size)
    return Span(start, end - start + 1, True)


def _part(stored: StoredObject, part_number: int) -> Span:
    sizes = stored.part_sizes or (stored.size,)
    if not 1 <= part_number <= len(sizes):
        raise refusals.invalid_part_number()
    # An empty object has no byte that a range could name.
    return Span(sum(sizes[: part_number - 1]), sizes[part_number - 1], stored.size > 0)
