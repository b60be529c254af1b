"""The query protocol of STS: a form names the action, the answer is XML.

Generic over botocore's model; nothing about signatures or principals.
"""

import re
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as Xml

from botocore.model import ListShape, Shape, StructureShape

from kmslab import errors
from kmslab.errors import ServiceError
from kmslab.wire.message import Answer, Request
from kmslab.wire.model import service_schema

# The form's Version → the service.
_SERVICES = {"2011-06-15": "sts"}
_LARGEST_BODY = 1024 * 1024
_MOST_FIELDS = 10_000

# Query services have their own codes, and 403 for who could not be authenticated.
_CODES = {
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnsupportedOperationException": ("InvalidAction", 400),
    "AccessDeniedException": ("AccessDenied", 403),
    "ValidationException": ("ValidationError", 400),
    "SerializationException": ("MalformedInput", 400),
    "RequestEntityTooLargeException": ("RequestEntityTooLarge", 413),
}


def route(request: Request) -> tuple[str, str]:
    """The service and the operation that are asked for. Raises UnknownOperationException."""
    if len(request.body) > _LARGEST_BODY:
        raise errors.too_large()
    form = read_body(request)
    service = _SERVICES.get(form.get("Version", ""))
    if request.method != "POST" or service is None:
        raise errors.unknown_operation(f"Could not find operation {form.get('Action', '')}")
    return service, form.get("Action", "")


def read_body(request: Request) -> dict[str, str]:
    """The fields of the form. Raises SerializationException for what is not a form."""
    try:
        text = request.body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise errors.serialization() from None


def answer(output: dict[str, Any] | None, operation: str, request_id: str) -> Answer:
    """A success: <OperationResponse><OperationResult>…</OperationResult>…"""
    schema = service_schema("sts").operation(operation)
    shape = schema.model.output_shape if schema else None
    response = Xml.Element(f"{operation}Response", xmlns=_NAMESPACE)
    if shape is not None:
        _add(Xml.SubElement(response, f"{operation}Result"), shape, output or {})
    metadata = Xml.SubElement(response, "ResponseMetadata")
    Xml.SubElement(metadata, "RequestId").text = request_id
    return Answer(200, _headers(request_id), _document(response))


def refuse(refusal: ServiceError, request_id: str) -> Answer:
    code, status = _CODES.get(refusal.code, (refusal.code, refusal.status))
    response = Xml.Element("ErrorResponse", xmlns=_NAMESPACE)
    error = Xml.SubElement(response, "Error")
    Xml.SubElement(error, "Type").text = "Sender"
    Xml.SubElement(error, "Code").text = code
    Xml.SubElement(error, "Message").text = _NOT_XML.sub("\ufffd", refusal.message)
    Xml.SubElement(response, "RequestId").text = request_id
    return Answer(status, _headers(request_id), _document(response))


# What no XML document may hold, not even escaped; refusals repeat what callers wrote.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def _add(parent: Xml.Element, shape: Shape, value: Any) -> None:
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            _add(Xml.SubElement(parent, name), shape.members[name], member)
    elif isinstance(shape, ListShape):
        for member in value:
            _add(Xml.SubElement(parent, "member"), shape.member, member)
    else:
        parent.text = _NOT_XML.sub("\ufffd", str(value))


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-requestid": request_id, "content-type": "text/xml"}


def _document(root: Xml.Element) -> bytes:
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
