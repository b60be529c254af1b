"""Which requests are for S3, and the bucket and object that they name.

Only the head of a request is looked at. A bucket stands in the path or in the host name (S3 User
Guide, "Virtual hosting of general purpose buckets"); whether it exists is not known here.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from kmslab.errors import ServiceError
from kmslab.wire.message import Request


class Address(NamedTuple):
    """What a request is about: "" for a bucket or an object key that it does not name. `region`
    is the one in the host name, None where that names none (s3.amazonaws.com, 127.0.0.1)."""

    bucket: str
    object_key: str
    region: str | None


# The bucket may hold dots; s3-us-west-2 is the older spelling of s3.us-west-2.
_AWS_HOST = re.compile(
    r"(?:([^\s/]+)\.)?s3(?:\.dualstack)?(?:[.-]([a-z0-9-]+))?\.amazonaws\.com(?::[0-9]+)?"
)
_LOCAL_HOST = re.compile(r"([^\s/]+)\.localhost(?::[0-9]+)?")
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def speaks(request: Request) -> bool:
    """Whether `request` is for S3: its host or its credential says so, or it has no credential
    and is like nothing that the other services take."""
    authorization = request.headers.get("authorization", "")
    if request.host_service == "s3" or authorization.startswith("AWS "):
        return True
    scopes = [scope for scope in _credential_scopes(authorization, request.query) if scope]
    if scopes:
        return "s3" in scopes
    form = request.method == "POST" and request.path == "/"
    return not form and "x-amz-target" not in request.headers


def address(request: Request) -> Address:
    """The bucket and object that `request` names. Raises InvalidURI for a path that is not
    UTF-8."""
    bucket, region = _named_by_host(request.headers.get("host", ""))
    path = request.path.removeprefix("/")
    if bucket:
        return Address(bucket, _decoded(path), region)
    # Split before it is decoded: an escaped slash belongs to a name.
    bucket, _, object_key = path.partition("/")
    return Address(_decoded(bucket), _decoded(object_key), region)


def bucket_in_host(request: Request) -> str:
    """The bucket that the host name says, "" where the path does."""
    return _named_by_host(request.headers.get("host", ""))[0]


def query_fields(query: str) -> dict[str, str]:
    """The fields of a query, decoded; the last of several of one name wins. Raises InvalidURI for
    what is not UTF-8."""
    fields = {}
    for field in query.split("&"):
        name, _, text = field.partition("=")
        if name:
            # Only in a query is a plus a blank.
            fields[_decoded(name.replace("+", " "))] = _decoded(text.replace("+", " "))
    return fields


def _credential_scopes(authorization: str, query: str) -> list[str]:
    """The services that the credentials of a request are for, "" where one tells none."""
    scopes = []
    _, found, rest = authorization.partition("Credential=")
    if found:
        scopes.append(_scoped_service(re.split(r"[,\s]", rest, maxsplit=1)[0]))
    names = dict(field.partition("=")[::2] for field in query.split("&"))
    if "X-Amz-Credential" in names:
        scopes.append(_scoped_service(unquote(names["X-Amz-Credential"])))
    if "AWSAccessKeyId" in names and "Signature" in names:
        # Signature Version 2, which of the services here only S3 ever took in a query.
        scopes.append("s3")
    return scopes


def _scoped_service(credential: str) -> str:
    """AKID/20260105/eu-west-1/s3/aws4_request → s3"""
    parts = credential.split("/")
    return parts[-2] if len(parts) > 2 else ""


@lru_cache(maxsize=1024)
def _named_by_host(host: str) -> tuple[str, str | None]:
    """The bucket and the Region in a host name, "" and None where there is none."""
    host = host.lower()
    if of_aws := _AWS_HOST.fullmatch(host):
        return of_aws[1] or "", of_aws[2]
    local = _LOCAL_HOST.fullmatch(host)
    return (local[1] if local else ""), None


def _decoded(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    try:
        if _BROKEN_ESCAPE.search(text):
            raise ValueError(text)
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except ValueError:
        raise ServiceError("InvalidURI", "Couldn't parse the specified URI.") from None
