"""From XML to the typed values of botocore's shapes.

A document becomes plain elements first, and nothing in it may grow or reach out: it has no
document type and no entities, and its depth and number of elements are bounded. Namespaces are
not looked at. A shape is compiled once into plain functions; what an operation does, and where a
document came from, is not known here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from xml.parsers import expat

from botocore.model import ListShape, Shape, StructureShape

from kmslab.errors import ServiceError
from kmslab.wire.shape_names import is_flattened, model_name, wire_name

ElementReader = Callable[["Element"], Any]

# No shape of S3 lies deeper than 10. 10,000 parts of an upload are 130,000 elements.
_MOST_DEPTH = 32
_MOST_ELEMENTS = 150_000
_MOST_ATTRIBUTES = 32


def malformed_xml() -> ServiceError:
    return ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


# --- Documents ----------------------------------------------------------------------------


class Element:
    """An element with its name and attributes, their prefixes taken off."""

    __slots__ = ("attributes", "children", "name", "pieces")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = _local(name)
        self.attributes = {_local(n): text for n, text in attributes.items() if _is_plain(n)}
        self.children: list[Element] = []
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def parse_xml(document: bytes) -> Element:
    """The root element of `document`, which is UTF-8 whatever it declares, or UTF-16 after a byte
    order mark. Raises MalformedXML, also for a document that has a document type, is too deep, or
    has too many elements, or an element too many attributes."""
    tree = _Tree()
    # Expat is asked for no namespaces: it would write the whole address of one into every name.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.add_text
    parser.StartDoctypeDeclHandler = tree.refuse
    # Where this handler has once been set expat expands no entity, not even in what it still reads
    # after a refusal.
    parser.DefaultHandler = tree.pass_over
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise malformed_xml() from None
    return tree.root


class _Tree:
    """What expat tells, as elements."""

    def __init__(self) -> None:
        self._outside = Element("", {})
        self._open = [self._outside]
        self._count = 0

    @property
    def root(self) -> Element:
        return self._outside.children[0]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _MOST_DEPTH or self._count > _MOST_ELEMENTS:
            raise malformed_xml()
        if len(attributes) > _MOST_ATTRIBUTES:
            raise malformed_xml()
        element = Element(name, attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, name: str) -> None:
        self._open.pop()

    def add_text(self, piece: str) -> None:
        self._open[-1].pieces.append(piece)

    def refuse(self, *doctype: object) -> NoReturn:
        raise malformed_xml()

    def pass_over(self, markup: str) -> None:
        pass


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _is_plain(name: str) -> bool:
    """Whether an attribute is more than the declaration of a namespace."""
    return name != "xmlns" and not name.startswith("xmlns:")


# --- Shapes -------------------------------------------------------------------------------


def element_reader(shape: Shape) -> ElementReader:
    """The function that reads an element as a value of `shape`.

    Members that have a place outside of the body are passed over, and so are elements that
    `shape` does not know. The function raises MalformedXML for a required member that is not
    there, one that is there twice, and a text that is not of its member's type.
    """
    if isinstance(shape, StructureShape):
        return _structure_reader(shape)
    if isinstance(shape, ListShape):
        return _list_reader(shape)
    return _text_element_reader(shape)


def _structure_reader(shape: StructureShape) -> ElementReader:
    inside = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
    required = {name for name in shape.required_members if name in inside}
    attributes = {
        wire_name(member, name).rpartition(":")[2]: name
        for name, member in inside.items()
        if member.serialization.get("xmlAttribute")
    }
    names = {wire_name(m, n): n for n, m in inside.items() if n not in attributes.values()}
    repeated = {n for n, m in inside.items() if isinstance(m, ListShape) and is_flattened(m)}
    # A shape may contain itself: its reader is then made when it is first met.
    readers: dict[str, ElementReader] = {}

    def reader_of(name: str) -> ElementReader:
        member = inside[name]
        readers[name] = element_reader(member.member if name in repeated else member)
        return readers[name]

    def read(element: Element) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: element.attributes[spelled]
            for spelled, name in attributes.items()
            if spelled in element.attributes
        }
        for child in element.children:
            name = names.get(child.name)
            if name is None:
                continue
            value = (readers.get(name) or reader_of(name))(child)
            if name in repeated:
                values.setdefault(name, []).append(value)
            elif name in values:
                raise malformed_xml()
            else:
                values[name] = value
        if not required <= values.keys():
            raise malformed_xml()
        return values

    return read


def _list_reader(shape: ListShape) -> ElementReader:
    read_member, inner = element_reader(shape.member), model_name(shape.member, "member")
    return lambda element: [read_member(c) for c in element.children if c.name == inner]


def _text_element_reader(shape: Shape) -> ElementReader:
    read_text = text_reader(shape)

    def read(element: Element) -> Any:
        try:
            return read_text(element.text)
        except ValueError:
            raise malformed_xml() from None

    return read


# --- Texts --------------------------------------------------------------------------------

# The lengths are bounded, so that no text costs more than its length to refuse.
_INTEGER = re.compile("[-+]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{0,30})?")


def text_reader(shape: Shape) -> Callable[[str], Any]:
    """The function that reads a text, of an element, a header or a query, as a value of `shape`.
    It raises ValueError for a text that is not of its type."""
    return _CONVERSIONS.get(shape.type_name, str)


def _whole_number(bits: int) -> Callable[[str], int]:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def read(text: str) -> int:
        text = text.strip()
        if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return read


def _boolean(text: str) -> bool:
    known = {"true": True, "false": False}.get(text.strip().lower())
    if known is None:
        raise ValueError(text)
    return known


def _timestamp(text: str) -> float:
    """Seconds since 1970 from themselves, from ISO 8601 or from an HTTP date; no zone means UTC."""
    text = text.strip()
    try:
        seconds = float(text) if _DECIMAL.fullmatch(text) else _moment(text).timestamp()
        # Not every number is a time of the calendar.
        datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, TypeError, IndexError):
        raise ValueError(text) from None
    return seconds


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "integer": _whole_number(32),
    "long": _whole_number(64),
    "boolean": _boolean,
    "timestamp": _timestamp,
}
