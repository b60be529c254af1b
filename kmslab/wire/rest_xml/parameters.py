"""From a request to the parameters of an operation, typed, under the names of the service model.

Members stand in the path, the query, the headers or the body, as the model says. What may be a
gigabyte, the bytes of an object, is left unread. Enumerations, lengths and patterns are not
checked; what an operation does is not known here.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from botocore.model import ListShape, Shape, StructureShape

from kmslab.errors import ServiceError
from kmslab.wire.message import Request, Stream
from kmslab.wire.model import OperationSchema
from kmslab.wire.rest_xml.addresses import Address, address, query_fields
from kmslab.wire.shape_names import model_name
from kmslab.wire.xml_readers import element_reader, malformed_xml, parse_xml, text_reader

_LARGEST_BODY = 1024 * 1024
# 10,000 parts, or 1,000 keys of 1,024 bytes each, do not fit into a mebibyte of XML.
_LARGEST_BODIES = dict.fromkeys(("CompleteMultipartUpload", "DeleteObjects"), 4 * 1024 * 1024)

BodyReader = Callable[[Stream], dict[str, Any]]
DocumentReader = Callable[[bytes], Any]


def read(request: Request, schema: OperationSchema, body: Stream) -> dict[str, Any]:
    """The parameters in `request`, whose payload is read from `body` unless it is an object's.

    Raises InvalidArgument for a text that is not of its type and for a required field of the
    query that is not there, InvalidRequest for such a header, MissingRequestBodyError,
    MalformedXML, MalformedPolicy, MaxMessageLengthExceeded and InvalidURI.
    """
    wanted = _wanted(schema)
    place = address(request)
    parameters: dict[str, Any] = {name: read_part(place) for name, read_part in wanted.in_path}
    parameters |= _texts(wanted.in_query, query_fields(request.query), _missing_field)
    parameters |= _texts(wanted.in_headers, request.headers, _missing_header)
    for name, prefix in wanted.by_prefix:
        parameters |= _prefixed(name, prefix, request.headers)
    return parameters | wanted.read_body(body)


class _Text(NamedTuple):
    """A member that is one text of the head."""

    name: str
    kind: str
    is_required: bool
    read: Callable[[str], Any]


class _Wanted(NamedTuple):
    """The input of one operation: members of the path, by field of the query and by header, those
    that are all headers with one prefix, and the body."""

    in_path: tuple[tuple[str, Callable[[Address], str]], ...]
    in_query: Mapping[str, _Text]
    in_headers: Mapping[str, _Text]
    by_prefix: tuple[tuple[str, str], ...]
    read_body: BodyReader


_PARTS: Mapping[str, Callable[[Address], str]] = {
    "Bucket": lambda place: place.bucket,
    "Key": lambda place: place.object_key,
}


@cache
def _wanted(schema: OperationSchema) -> _Wanted:
    shape = schema.model.input_shape
    return _Wanted(
        tuple((name, _PARTS[wire]) for name, wire in _located(shape, "uri")),
        {wire: _text(shape, name) for name, wire in _located(shape, "querystring")},
        {wire.lower(): _text(shape, name) for name, wire in _located(shape, "header")},
        tuple((name, prefix.lower()) for name, prefix in _located(shape, "headers")),
        _body_reader(schema),
    )


def _located(shape: StructureShape, location: str) -> list[tuple[str, str]]:
    """The members at `location`, and what they are called there."""
    return [
        (name, model_name(member, name))
        for name, member in shape.members.items()
        if member.serialization.get("location") == location
    ]


# --- The head -----------------------------------------------------------------------------


def _text(shape: StructureShape, name: str) -> _Text:
    member = shape.members[name]
    return _Text(name, member.type_name, name in shape.required_members, _head_reader(member))


def _head_reader(shape: Shape) -> Callable[[str], Any]:
    if not isinstance(shape, ListShape):
        return text_reader(shape)
    read_member = text_reader(shape.member)
    return lambda text: [read_member(part.strip()) for part in text.split(",") if part.strip()]


def _texts(
    members: Mapping[str, _Text], given: Mapping[str, str], missing: Callable[[str], ServiceError]
) -> dict[str, Any]:
    values = {}
    for wire, text in given.items():
        member = members.get(wire)
        if member is None:
            continue
        try:
            values[member.name] = member.read(text)
        except ValueError:
            raise _not_of_its_type(member.kind, wire, text) from None
    for wire, member in members.items():
        if member.is_required and member.name not in values:
            raise missing(wire)
    return values


def _prefixed(name: str, prefix: str, headers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found = {h.removeprefix(prefix): text for h, text in headers.items() if h.startswith(prefix)}
    return {name: found} if found else {}


def _not_of_its_type(kind: str, wire: str, text: str) -> ServiceError:
    if kind in ("integer", "long"):
        return _invalid(wire, text, f"Provided {wire} not an integer or within integer range")
    return _invalid(wire, text, f"The value of {wire} is not a {kind}.")


def _missing_field(wire: str) -> ServiceError:
    return _invalid(wire, "null", f"This operation requires the query parameter {wire}.")


def _invalid(wire: str, text: str, sentence: str) -> ServiceError:
    extras = {"ArgumentName": wire, "ArgumentValue": text}
    return ServiceError("InvalidArgument", sentence, extras=extras)


def _missing_header(wire: str) -> ServiceError:
    return ServiceError("InvalidRequest", f"Missing required header for this request: {wire}")


# --- The body -----------------------------------------------------------------------------


def _body_reader(schema: OperationSchema) -> BodyReader:
    shape = schema.model.input_shape
    most = _LARGEST_BODIES.get(schema.name, _LARGEST_BODY)
    payload = shape.serialization.get("payload")
    if payload is None:
        if all("location" in member.serialization for member in shape.members.values()):
            return lambda body: {}
        read_members = _document_reader(shape, shape.name)
        return lambda body: read_members(_whole(body, most))
    member = shape.members[payload]
    if member.serialization.get("streaming"):
        return lambda body: {}
    is_structure = isinstance(member, StructureShape)
    read_document = _document_reader(member, payload) if is_structure else _policy_text
    return _payload_reader(payload, payload in shape.required_members, read_document, most)


def _payload_reader(
    payload: str, is_required: bool, read_document: DocumentReader, most: int
) -> BodyReader:
    def read_payload(body: Stream) -> dict[str, Any]:
        document = _whole(body, most)
        return {payload: read_document(document)} if document or is_required else {}

    return read_payload


def _document_reader(shape: StructureShape, name: str) -> DocumentReader:
    root_name, read_element = model_name(shape, name), element_reader(shape)

    def read_document(document: bytes) -> Any:
        root = parse_xml(document)
        if root.name != root_name:
            raise malformed_xml()
        return read_element(root)

    return read_document


def _policy_text(document: bytes) -> str:
    """The only payload that is neither an object nor XML is a policy."""
    if not document:
        raise ServiceError("MissingRequestBodyError", "Request Body is empty")
    try:
        return document.decode()
    except ValueError:
        sentence = "Policies must be valid JSON and the first byte must be '{'"
        raise ServiceError("MalformedPolicy", sentence) from None


def _whole(body: Stream, most: int) -> bytes:
    blocks, size = [], 0
    while block := body.read(most + 1 - size):
        blocks.append(block)
        size += len(block)
        if size > most:
            raise ServiceError("MaxMessageLengthExceeded", "Your request was too big.")
    return b"".join(blocks)
