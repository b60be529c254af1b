"""From results and refusals to answers as S3 gives them: headers, XML, or the bytes of an object.

The service model says what stands where; the names of root elements are S3's own, and botocore's
parser does not look at them. What an operation does is not known here.
"""

import base64
import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from botocore.model import Shape, StructureShape

from kmslab.errors import ServiceError
from kmslab.wire.message import Answer, Stream
from kmslab.wire.model import OperationSchema, service_schema
from kmslab.wire.shape_names import model_name
from kmslab.wire.xml_writers import inner_writer, iso_milliseconds, xml_text

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XML = "application/xml"

# Content type and body.
Body = tuple[str, bytes]
BodyWriter = Callable[[Mapping[str, Any]], Body | None]
HeadersWriter = Callable[[Any], dict[str, str]]

# Where neither a payload nor the Put operation of the same name tells the root element.
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
}

# S3 has its own codes and sentences for what all services refuse.
_INTERNAL = ("InternalError", 500, "We encountered an internal error. Please try again.")
_REFUSALS: dict[str, tuple[str, int, str | None]] = {
    "AccessDeniedException": ("AccessDenied", 403, None),
    "MissingAuthenticationTokenException": ("AccessDenied", 403, "Access Denied"),
    "UnrecognizedClientException": (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "ExpiredTokenException": ("ExpiredToken", 400, "The provided token has expired."),
    "UnknownOperationException": (
        "NotImplemented",
        501,
        "A header you provided implies functionality that is not implemented.",
    ),
    "UnsupportedOperationException": ("NotImplemented", 501, None),
    "SerializationException": (
        "MalformedXML",
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "ValidationException": ("InvalidArgument", 400, None),
    "RequestEntityTooLargeException": (
        "MaxMessageLengthExceeded",
        400,
        "Your request was too big.",
    ),
    "InternalFailure": _INTERNAL,
    "KMSInternalException": _INTERNAL,
}


def answer(
    schema: OperationSchema,
    output: Mapping[str, Any] | None,
    request_id: str,
    stream: Stream | None = None,
) -> Answer:
    """A success. The bytes of an object stand in `stream`, and not in `output`."""
    output = output or {}
    headers, writers = _common_headers(request_id), _header_writers(schema)
    for name, value in output.items():
        if name in writers and value is not None:
            headers |= writers[name](value)
    # Partial Content: only what GetObject and HeadObject answer has a range.
    usual = schema.model.http.get("responseCode", 200)
    status = 206 if output.get("ContentRange") else usual
    written = _body_writer(schema)(output)
    if written is None:
        return Answer(status, headers, b"", stream)
    headers["content-type"], body = written
    return Answer(status, headers, body)


def refuse(refusal: ServiceError, request_id: str, service: str | None) -> Answer:
    """A refusal in S3's codes, with its extras as elements; `service` makes no difference."""
    usual = refusal.code, refusal.status, None
    code, status, sentence = _REFUSALS.get(refusal.code, usual)
    headers = _common_headers(request_id)
    region = refusal.extras.get("Region") or refusal.extras.get("BucketRegion")
    if region and code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        headers["x-amz-bucket-region"] = _header_text(region)
    if status == 304:
        # RFC 9110 §15.4.5: what a 200 would have said of the object's version.
        if "ETag" in refusal.extras:
            headers["etag"] = _header_text(refusal.extras["ETag"])
        return Answer(status, headers, b"")
    headers["content-type"] = _XML
    elements = {
        "Code": code,
        "Message": refusal.message if sentence is None else sentence,
        **refusal.extras,
        "RequestId": request_id,
        "HostId": _host_id(request_id),
    }
    inner = "".join(f"<{name}>{xml_text(text)}</{name}>" for name, text in elements.items())
    return Answer(status, headers, f"{_DECLARATION}<Error>{inner}</Error>".encode())


# --- Headers ------------------------------------------------------------------------------


def _common_headers(request_id: str) -> dict[str, str]:
    return {
        "x-amz-request-id": request_id,
        "x-amz-id-2": _host_id(request_id),
        "date": formatdate(time.time(), usegmt=True),
        "server": "AmazonS3",
    }


def _host_id(request_id: str) -> str:
    return base64.b64encode(sha256(request_id.encode()).digest()).decode("ascii")


@cache
def _header_writers(schema: OperationSchema) -> dict[str, HeadersWriter]:
    """Member → what writes its headers."""
    shape = schema.model.output_shape
    members = shape.members if shape else {}
    return {
        name: _headers_writer(member, model_name(member, name).lower())
        for name, member in members.items()
        if "location" in member.serialization
    }


def _headers_writer(shape: Shape, name: str) -> HeadersWriter:
    if shape.type_name == "map":
        return lambda texts: {
            name + suffix.lower(): _header_text(text)
            for suffix, text in texts.items()
            if _HEADER_NAME.fullmatch(suffix)
        }
    spell = _SPELLINGS.get(shape.type_name, str)
    if shape.serialization.get("timestampFormat") == "iso8601":
        spell = iso_milliseconds
    return lambda value: {name: _header_text(spell(value))}


_SPELLINGS: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false",
    "timestamp": lambda seconds: formatdate(seconds, usegmt=True),
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Answers repeat what callers wrote: no header may hold a line's end, or what is not latin-1.
_NOT_IN_A_HEADER = re.compile("[^\t\x20-\x7e\x80-\xff]")


def _header_text(text: str) -> str:
    return _NOT_IN_A_HEADER.sub(lambda found: quote(found[0], safe="", errors="replace"), text)


# --- Bodies -------------------------------------------------------------------------------


@cache
def _body_writer(schema: OperationSchema) -> BodyWriter:
    shape = schema.model.output_shape
    if shape is None:
        return lambda output: None
    if schema.name == "GetBucketLocation":
        return _location
    payload = shape.serialization.get("payload")
    if payload is None:
        return _members_writer(schema)
    member = shape.members[payload]
    if isinstance(member, StructureShape):
        write = _element_writer(member, model_name(member, payload))
        return lambda output: write(output.get(payload) or {})
    if member.type_name == "string":
        return lambda output: ("application/json", output[payload].encode())
    return lambda output: None


def _members_writer(schema: OperationSchema) -> BodyWriter:
    """What writes the members that are no headers."""
    shape = schema.model.output_shape
    inside = {name for name, m in shape.members.items() if "location" not in m.serialization}
    if not inside:
        return lambda output: None
    write = _element_writer(shape, _root(schema))
    return lambda output: write({n: value for n, value in output.items() if n in inside})


def _element_writer(shape: StructureShape, root: str) -> Callable[[Mapping[str, Any]], Body]:
    write_inner = inner_writer(shape, iso_milliseconds)
    return lambda members: _document(root, write_inner(members))


def _root(schema: OperationSchema) -> str:
    usual = _ROOTS.get(schema.name, f"{schema.name}Result")
    if not schema.name.startswith("Get"):
        return usual
    # What GetBucketVersioning answers is what PutBucketVersioning takes: VersioningConfiguration.
    twin = service_schema("s3").operation(schema.name.replace("Get", "Put", 1))
    if twin is None:
        return usual
    taken = twin.model.input_shape
    payload = taken.serialization["payload"]
    return model_name(taken.members[payload], payload)


def _location(output: Mapping[str, Any]) -> Body:
    """The root element itself holds the Region; it is empty for us-east-1."""
    return _document("LocationConstraint", xml_text(output.get("LocationConstraint") or ""))


def _document(root: str, inner: str) -> Body:
    document = f'{_DECLARATION}<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'
    return _XML, document.encode()
