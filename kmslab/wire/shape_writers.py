"""From results to JSON, and from parameters and results to what an event may show.

Like the readers, a shape is compiled once. What is sensitive in AWS's model, what is bytes, and
tokens never pass into an event; what an event is, is not known here.
"""

import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from kmslab.wire.shape_readers import NEVER_NOTED, Json, lower_camel

Writer = Callable[[Any], Json]


def writer(shape: Shape) -> Writer:
    if isinstance(shape, StructureShape):
        return _structure_writer(shape)
    if isinstance(shape, ListShape):
        write_member = writer(shape.member)
        return lambda values: [write_member(value) for value in values]
    if shape.type_name == "blob":
        return lambda blob: binascii.b2a_base64(blob, newline=False).decode("ascii")
    if shape.type_name == "timestamp":
        return lambda seconds: round(seconds, 3)
    return lambda value: value


def _structure_writer(shape: StructureShape) -> Writer:
    writers: dict[str, Writer] = {}

    def write(output: Mapping[str, Any]) -> dict[str, Json]:
        written = {}
        for name, value in output.items():
            if value is None:
                continue
            if name not in writers:
                writers[name] = writer(shape.members[name])
            written[name] = writers[name](value)
        return written

    return write


def note_nothing(value: Any) -> Json:
    return None


def noter(shape: Shape) -> Writer:
    if isinstance(shape, StructureShape):
        return _structure_noter(shape)
    if isinstance(shape, ListShape):
        note_member = noter(shape.member)
        return lambda values: [note_member(value) for value in values]
    if shape.type_name == "timestamp":
        return _event_time
    return lambda value: value


def _structure_noter(shape: StructureShape) -> Writer:
    noters: dict[str, tuple[str, Writer]] = {
        name: (lower_camel(name), noter(member))
        for name, member in shape.members.items()
        if name not in NEVER_NOTED
        and member.type_name != "blob"
        and not member.metadata.get("sensitive")
    }

    def note(members: Mapping[str, Any]) -> dict[str, Json]:
        noted = {}
        for name, value in members.items():
            if value is not None and name in noters:
                spelled, write = noters[name]
                noted[spelled] = write(value)
        return noted

    return note


def _event_time(seconds: float) -> str:
    """A time inside an event, as KMS spells it there: "Apr 12, 2021 18:58:30 PM"."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b} {moment.day}, {moment:%Y %H:%M:%S %p}"
