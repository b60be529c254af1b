"""The query protocol of IAM and STS: a form names the action, the answer is XML.

How a request names its service and how an answer is framed; members are read and written by
`form_readers` and `xml_writers`. It must not know what any operation does, nor who calls.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ServiceModel

from kmslab import errors
from kmslab.errors import ServiceError
from kmslab.wire.form_readers import FieldsReader, Json, fields_reader
from kmslab.wire.message import Answer, Request
from kmslab.wire.model import OperationSchema, service_schema
from kmslab.wire.xml_writers import xml_text, xml_writer

# The form's Version → the service.
_SERVICES = {"2011-06-15": "sts", "2010-05-08": "iam"}
_LARGEST_BODY = 1024 * 1024
_MOST_FIELDS = 10_000
# No shape lies deeper; a shape that contains itself must not be followed for ever.
_MOST_DOTS = 32

# Query services have their own codes, and 403 for who could not be authenticated.
_CODES = {
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnsupportedOperationException": ("InvalidAction", 400),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "AccessDeniedException": ("AccessDenied", 403),
    "ValidationException": ("ValidationError", 400),
    "SerializationException": ("MalformedInput", 400),
    "RequestEntityTooLargeException": ("RequestEntityTooLarge", 413),
}


def route(request: Request) -> tuple[str, str]:
    """The service and the operation that are asked for. Raises UnknownOperationException."""
    if len(request.body) > _LARGEST_BODY:
        raise errors.too_large()
    form = _form(request)
    service = _SERVICES.get(form.get("Version", ""))
    if request.method != "POST" or service is None:
        raise errors.unknown_operation(f"Could not find operation {form.get('Action', '')}")
    return service, form.get("Action", "")


def read_body(request: Request, schema: OperationSchema) -> Json:
    """The fields of the form as the JSON that `schema` reads; what it does not know is left out.

    A text that is not of its member's type stays a text, which `schema` refuses. Raises
    SerializationException for what is not a form, and for lists and maps that cannot be built.
    """
    form = _form(request)
    return _input_reader(schema)({n: t for n, t in form.items() if n.count(".") <= _MOST_DOTS})


def answer(schema: OperationSchema, output: Mapping[str, Any] | None, request_id: str) -> Answer:
    """A success: <OperationResponse><OperationResult>…</OperationResult>…"""
    result = _output_writer(schema)(output or {})
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    namespace = _namespace(schema.model.service_model)
    return _answer(200, f"{schema.name}Response", namespace, result + metadata, request_id)


def refuse(refusal: ServiceError, request_id: str, service: str | None) -> Answer:
    """A refusal, in the codes of the query services; `service` is None where it is unknown."""
    code, status = _CODES.get(refusal.code, (refusal.code, refusal.status))
    sentence = xml_text(refusal.message)
    error = f"<Type>Sender</Type><Code>{xml_text(code)}</Code><Message>{sentence}</Message>"
    inner = f"<Error>{error}</Error><RequestId>{request_id}</RequestId>"
    namespace = _namespace(service_schema(service).model) if service else ""
    return _answer(status, "ErrorResponse", namespace, inner, request_id)


def _answer(status: int, root: str, namespace: str, inner: str, request_id: str) -> Answer:
    headers = {"x-amzn-requestid": request_id, "content-type": "text/xml"}
    start = f'<{root} xmlns="{namespace}">' if namespace else f"<{root}>"
    return Answer(status, headers, f"{start}{inner}</{root}>".encode())


def _namespace(service: ServiceModel) -> str:
    namespace: str = service.metadata["xmlNamespace"]
    return namespace


def _form(request: Request) -> dict[str, str]:
    """The fields of the form. Raises SerializationException for what is not a form.

    The last of several fields of one name wins, as the last of several members does in JSON:
    what is read is then one thing, whoever reads it.
    """
    try:
        text = request.body.decode("ascii")
        fields = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
        return dict(fields)
    except ValueError:
        raise errors.serialization() from None


@cache
def _input_reader(schema: OperationSchema) -> FieldsReader:
    shape = schema.model.input_shape
    return fields_reader(shape) if shape else lambda fields: {}


@cache
def _output_writer(schema: OperationSchema) -> Callable[[Mapping[str, Any]], str]:
    shape = schema.model.output_shape
    if shape is None:
        return lambda output: ""
    wrapper, write = shape.serialization["resultWrapper"], xml_writer(shape)
    return lambda output: write(wrapper, output)
