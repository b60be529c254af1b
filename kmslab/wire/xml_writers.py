"""From results to XML. A shape of botocore's model is compiled once into plain functions; what
an operation does is not known here."""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from botocore.model import ListShape, MapShape, Shape, StructureShape

from kmslab.wire.shape_names import is_flattened, model_name, wire_name

# An element name and a value → the element, or elements, as XML.
XmlWriter = Callable[[str, Any], str]
# The members of a structure → what stands between its tags.
InnerWriter = Callable[[Mapping[str, Any]], str]
SpellTime = Callable[[float], str]


def iso_seconds(seconds: float) -> str:
    """2026-01-05T09:00:00Z: IAM and STS tell no fractions of a second."""
    return f"{_calendar(int(seconds))}Z"


def iso_milliseconds(seconds: float) -> str:
    """2026-01-05T09:00:00.000Z, as S3 tells times: whole seconds, like its headers."""
    return f"{_calendar(int(seconds))}.000Z"


def xml_writer(shape: Shape, spell_time: SpellTime = iso_seconds) -> XmlWriter:
    """The function that writes a value of `shape`, with times as `spell_time` tells them."""
    if isinstance(shape, StructureShape):
        return _structure_writer(shape, spell_time)
    if isinstance(shape, ListShape):
        return _list_writer(shape, spell_time)
    if isinstance(shape, MapShape):
        return _map_writer(shape, spell_time)
    spell = spell_time if shape.type_name == "timestamp" else _SPELLINGS.get(shape.type_name, str)
    return lambda name, value: f"<{name}>{xml_text(spell(value))}</{name}>"


def inner_writer(shape: StructureShape, spell_time: SpellTime = iso_seconds) -> InnerWriter:
    """The function that writes the members of `shape` without the element around them."""
    writers: dict[str, tuple[str, XmlWriter]] = {}

    def write(members: Mapping[str, Any]) -> str:
        inner = []
        for member, value in members.items():
            if value is None:
                continue
            if member not in writers:
                inner_shape = shape.members[member]
                writers[member] = (
                    wire_name(inner_shape, member),
                    xml_writer(inner_shape, spell_time),
                )
            spelled, write_member = writers[member]
            inner.append(write_member(spelled, value))
        return "".join(inner)

    return write


def _structure_writer(shape: StructureShape, spell_time: SpellTime) -> XmlWriter:
    write_inner = inner_writer(shape, spell_time)
    attributes = {
        member: wire_name(inner_shape, member)
        for member, inner_shape in shape.members.items()
        if inner_shape.serialization.get("xmlAttribute")
    }
    if not attributes:
        return lambda name, members: f"<{name}>{write_inner(members)}</{name}>"
    namespace = shape.serialization["xmlNamespace"]
    start = f" xmlns:{namespace['prefix']}={quoteattr(namespace['uri'])}"

    def write(name: str, members: Mapping[str, Any]) -> str:
        written = [
            f" {spelled}={_attribute(members[member])}"
            for member, spelled in attributes.items()
            if members.get(member) is not None
        ]
        inner = write_inner({m: value for m, value in members.items() if m not in attributes})
        return f"<{name}{start}{''.join(written)}>{inner}</{name}>"

    return write


def _list_writer(shape: ListShape, spell_time: SpellTime) -> XmlWriter:
    write_member = xml_writer(shape.member, spell_time)
    if is_flattened(shape):
        return lambda name, values: "".join(write_member(name, value) for value in values)
    inner = model_name(shape.member, "member")

    def write(name: str, values: Any) -> str:
        return f"<{name}>{''.join(write_member(inner, value) for value in values)}</{name}>"

    return write


def _map_writer(shape: MapShape, spell_time: SpellTime) -> XmlWriter:
    write_name = xml_writer(shape.key, spell_time)
    write_value = xml_writer(shape.value, spell_time)
    name_part, value_part = model_name(shape.key, "key"), model_name(shape.value, "value")

    def entries(element: str, mapping: Mapping[Any, Any]) -> str:
        return "".join(
            f"<{element}>{write_name(name_part, key)}{write_value(value_part, value)}</{element}>"
            for key, value in mapping.items()
        )

    if is_flattened(shape):
        return entries
    return lambda name, mapping: f"<{name}>{entries('entry', mapping)}</{name}>"


def _calendar(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


_SPELLINGS: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false",
    "blob": lambda blob: base64.b64encode(blob).decode("ascii"),
}

# What no XML document may hold, not even escaped; answers repeat what callers wrote.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """`text` as it may stand in an XML document."""
    # A carriage return that is not escaped reaches the reader as a line feed.
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
