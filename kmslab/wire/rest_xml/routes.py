"""Which operation of S3 a request asks for, as the service model tells methods and places.

A place is the service, a bucket or an object, and perhaps a sub-resource of it, such as
?encryption. Where several operations share a method and a place, the members that they require
tell them apart. What an operation takes besides is not known here.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from botocore.model import OperationModel

from kmslab.errors import ServiceError
from kmslab.wire.message import Request
from kmslab.wire.model import service_schema
from kmslab.wire.rest_xml.addresses import Address, address, query_fields
from kmslab.wire.s3_subresources import subresources

_LEVELS = {"/": "SERVICE", "/{Bucket}": "BUCKET", "/{Bucket}/{Key+}": "OBJECT"}
# It shares its method and place with ListBuckets, and only directory buckets answer it.
_OF_DIRECTORY_BUCKETS = "ListDirectoryBuckets"

# Method, level, and the sub-resource or "".
_Place = tuple[str, str, str]


class _Route(NamedTuple):
    """`fixed` is the query of the model's URI, "" for a field that needs no value; `in_query` and
    `in_headers` are what the operation requires there."""

    operation: str
    place: _Place
    fixed: Mapping[str, str]
    in_query: tuple[str, ...]
    in_headers: tuple[str, ...]

    def is_named(self, fields: Mapping[str, str]) -> bool:
        return all(
            name in fields and text in ("", fields[name]) for name, text in self.fixed.items()
        )

    def fit(self, fields: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, int]:
        """How many required members a request has, and (below 0) how many it lacks."""
        present = sum(name in fields for name in self.in_query)
        present += sum(name in headers for name in self.in_headers)
        return present, present - len(self.in_query) - len(self.in_headers)


def route(request: Request) -> tuple[str, str]:
    """The service, which is "s3", and the operation that `request` asks for.

    Raises MethodNotAllowed where there is none, and InvalidURI. What the query says besides is
    passed over, but a sub-resource never: DELETE /bucket?acl deletes no bucket.
    """
    level, fields = _level(address(request)), query_fields(request.query)
    named = _named(request.method, level, fields)
    if named:
        # A lone operation is meant also where what it requires is missing.
        return "s3", max(named, key=lambda r: r.fit(fields, request.headers)).operation
    if not subresources().isdisjoint(fields):
        raise _not_allowed(request.method, level)
    fits = [
        (r.fit(fields, request.headers), r.operation)
        for r in _routes().get((request.method, level, ""), ())
        if not (r.in_query or r.in_headers) or r.fit(fields, request.headers)[0]
    ]
    if not fits:
        raise _not_allowed(request.method, level)
    return "s3", max(fits)[1]


def _named(method: str, level: str, fields: Mapping[str, str]) -> list[_Route]:
    """The operations on the sub-resource that the query names."""
    routes = _routes()
    found = [r for name in fields for r in routes.get((method, level, name), ())]
    return [r for r in found if r.is_named(fields)]


def _level(place: Address) -> str:
    if place.object_key:
        return "OBJECT"
    return "BUCKET" if place.bucket else "SERVICE"


def _not_allowed(method: str, level: str) -> ServiceError:
    return ServiceError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        extras={"Method": method, "ResourceType": level},
    )


@cache
def _routes() -> dict[_Place, list[_Route]]:
    schema = service_schema("s3")
    routes: dict[_Place, list[_Route]] = {}
    for name in sorted(schema.operation_names - {_OF_DIRECTORY_BUCKETS}):
        model = schema.model.operation_model(name)
        path = model.http["requestUri"].partition("?")[0]
        # A deprecated operation has a successor at the same place. The answers of Object Lambda
        # functions have a path of their own, and a host.
        if path in _LEVELS and not model.deprecated:
            made = _made(model, _LEVELS[path])
            routes.setdefault(made.place, []).append(made)
    return routes


def _made(model: OperationModel, level: str) -> _Route:
    fixed = query_fields(model.http["requestUri"].partition("?")[2])
    place = model.http["method"], level, next(iter(fixed), "")
    in_headers = tuple(name.lower() for name in _required(model, "header"))
    return _Route(model.name, place, fixed, _required(model, "querystring"), in_headers)


def _required(model: OperationModel, location: str) -> tuple[str, ...]:
    shape = model.input_shape
    members = [shape.members[name] for name in shape.required_members]
    return tuple(
        member.serialization["name"]
        for member in members
        if member.serialization.get("location") == location
    )
