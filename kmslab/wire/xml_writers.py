"""From results to XML. A shape of botocore's model is compiled once into plain functions; what
an operation does is not known here."""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from kmslab.wire.shape_names import is_flattened, model_name, wire_name

# An element name and a value → the element, or elements, as XML.
XmlWriter = Callable[[str, Any], str]


def xml_writer(shape: Shape) -> XmlWriter:
    if isinstance(shape, StructureShape):
        return _structure_writer(shape)
    if isinstance(shape, ListShape):
        return _list_writer(shape)
    if isinstance(shape, MapShape):
        return _map_writer(shape)
    spell = _SPELLINGS.get(shape.type_name, str)
    return lambda name, value: f"<{name}>{xml_text(spell(value))}</{name}>"


def _structure_writer(shape: StructureShape) -> XmlWriter:
    writers: dict[str, tuple[str, XmlWriter]] = {}

    def write(name: str, members: Mapping[str, Any]) -> str:
        inner = []
        for member, value in members.items():
            if value is None:
                continue
            if member not in writers:
                inner_shape = shape.members[member]
                writers[member] = wire_name(inner_shape, member), xml_writer(inner_shape)
            spelled, write_member = writers[member]
            inner.append(write_member(spelled, value))
        return f"<{name}>{''.join(inner)}</{name}>"

    return write


def _list_writer(shape: ListShape) -> XmlWriter:
    write_member = xml_writer(shape.member)
    if is_flattened(shape):
        return lambda name, values: "".join(write_member(name, value) for value in values)
    inner = model_name(shape.member, "member")

    def write(name: str, values: Any) -> str:
        return f"<{name}>{''.join(write_member(inner, value) for value in values)}</{name}>"

    return write


def _map_writer(shape: MapShape) -> XmlWriter:
    write_name, write_value = xml_writer(shape.key), xml_writer(shape.value)
    name_part, value_part = model_name(shape.key, "key"), model_name(shape.value, "value")

    def entries(element: str, mapping: Mapping[Any, Any]) -> str:
        return "".join(
            f"<{element}>{write_name(name_part, key)}{write_value(value_part, value)}</{element}>"
            for key, value in mapping.items()
        )

    if is_flattened(shape):
        return entries
    return lambda name, mapping: f"<{name}>{entries('entry', mapping)}</{name}>"


def _iso(seconds: float) -> str:
    """2026-01-05T09:00:00Z: IAM and STS tell no fractions of a second."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


_SPELLINGS: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false",
    "timestamp": _iso,
    "blob": lambda blob: base64.b64encode(blob).decode("ascii"),
}

# What no XML document may hold, not even escaped; answers repeat what callers wrote.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """`text` as it may stand in an XML document."""
    # A carriage return that is not escaped reaches the reader as a line feed.
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})
