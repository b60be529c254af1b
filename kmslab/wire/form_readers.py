"""From the fields of a form to the JSON that a schema reads.

A shape of botocore's model is compiled once into plain functions. A text that is not of its
member's type stays a text, which the schema refuses. What an operation does is not known here.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from kmslab import errors
from kmslab.wire.shape_names import is_flattened, model_name, wire_name

Json = Any
# What a form says at and below some name: the rest of each name → the text, "" for the name
# itself. Below Tags, Tags.member.1.Key=a is {"member.1.Key": "a"}, and Tags= is {"": ""}.
Fields = Mapping[str, str]
FieldsReader = Callable[[Fields], Json]


def fields_reader(shape: Shape) -> FieldsReader:
    """The function that reads a value of `shape`: None where the fields hold none."""
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape)
    if isinstance(shape, MapShape):
        return _map_reader(shape)
    return _text_reader(_CONVERSIONS.get(shape.type_name, str))


def _structure_reader(shape: StructureShape) -> FieldsReader:
    names = {wire_name(member, name): name for name, member in shape.members.items()}
    # A shape may contain itself: its reader is then made when it is first met.
    readers: dict[str, FieldsReader] = {}

    def read(fields: Fields) -> Json:
        members = {}
        for first, below in _by_first_part(fields).items():
            name = names.get(first)
            if name is None:
                continue
            if name not in readers:
                readers[name] = fields_reader(shape.members[name])
            value = readers[name](below)
            if value is not None:
                members[name] = value
        return members

    return read


def _list_reader(shape: ListShape) -> FieldsReader:
    read_member = fields_reader(shape.member)
    inner = None if is_flattened(shape) else model_name(shape.member, "member")

    def read(fields: Fields) -> Json:
        members = [read_member(below) for below in _numbered(fields, inner)]
        return members or _empty([], fields)

    return read


def _map_reader(shape: MapShape) -> FieldsReader:
    read_name, read_value = fields_reader(shape.key), fields_reader(shape.value)
    name_part, value_part = model_name(shape.key, "key"), model_name(shape.value, "value")
    inner = None if is_flattened(shape) else "entry"

    def read(fields: Fields) -> Json:
        entries = {}
        for below in _numbered(fields, inner):
            parts = _by_first_part(below)
            name = read_name(parts.get(name_part, {}))
            if name is None:
                raise errors.serialization("An entry of a map has no key.")
            entries[name] = read_value(parts.get(value_part, {}))
        return entries or _empty({}, fields)

    return read


def _empty(nothing: Json, fields: Fields) -> Json:
    """What a list or map without members is: botocore writes an empty list as Tags= alone."""
    text = fields.get("")
    return nothing if text == "" else text


def _by_first_part(fields: Fields) -> dict[str, dict[str, str]]:
    """A.1.B=x, A.2.B=y → {"A": {"1.B": "x", "2.B": "y"}}"""
    parts: dict[str, dict[str, str]] = {}
    for name, text in fields.items():
        first, _, rest = name.partition(".")
        parts.setdefault(first, {})[rest] = text
    return parts


def _numbered(fields: Fields, inner: str | None) -> list[Fields]:
    """What stands below each number, in the order of the numbers, whatever numbers are left out.

    No list is made as long as its greatest number says, which is the caller's to choose.
    """
    parts = _by_first_part(fields)
    if inner is not None:
        parts = _by_first_part(parts.get(inner, {}))
    parts.pop("", None)
    if not all(_POSITION.fullmatch(number) for number in parts):
        raise errors.serialization("The members of a list are numbered from 1.")
    return [parts[number] for number in sorted(parts, key=int)]


# The lengths are bounded, so that no text costs more than its length to refuse.
_POSITION = re.compile("[1-9][0-9]{0,9}")
_INTEGER = re.compile("[-+]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")


def _text_reader(convert: Callable[[str], Json]) -> FieldsReader:
    def read(fields: Fields) -> Json:
        text = fields.get("")
        return None if text is None else convert(text)

    return read


def _integer(text: str) -> Json:
    return int(text) if _INTEGER.fullmatch(text) else text


def _decimal(text: str) -> Json:
    return float(text) if _DECIMAL.fullmatch(text) else text


def _boolean(text: str) -> Json:
    return {"true": True, "false": False}.get(text.lower(), text)


def _timestamp(text: str) -> Json:
    """Seconds since 1970 from themselves or from ISO 8601, where no zone means UTC."""
    if _DECIMAL.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return text


_CONVERSIONS: dict[str, Callable[[str], Json]] = {
    "integer": _integer,
    "long": _integer,
    "float": _decimal,
    "double": _decimal,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
