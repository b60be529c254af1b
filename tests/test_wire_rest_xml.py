"""The REST-XML protocol of S3 against botocore's own: its serializer writes requests, its parsers
read answers.

Every operation of S3 is asked with as little and with as much as AWS's model allows, by both styles
of address, and answered with every member filled. What no client would send is refused with
S3's errors, and nothing in an XML document grows or reaches out.
"""

import base64
import email.utils
import io
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as Xml

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.config import Config
from botocore.handlers import escape_xml_payload
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import errors
from kmslab.errors import ServiceError
from kmslab.wire import rest_xml
from kmslab.wire.boto import in_process_client
from kmslab.wire.message import Request
from kmslab.wire.model import service_schema

REQUEST_ID = "11112222-3333-4444-5555-666677778888"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BUCKET = "a-bucket"
S3 = service_schema("s3")
OPERATIONS = sorted(S3.operation_names)

# They share method and place with operations that took their place.
SUCCESSORS = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    # The same request; only the host of directory buckets would tell them apart.
    "ListDirectoryBuckets": "ListBuckets",
}
# Its path would be a bucket, and its host is one of Object Lambda.
OF_OBJECT_LAMBDA = "WriteGetObjectResponse"
# Deprecated, and nothing leads there: two members of one structure are called Event.
AMBIGUOUS = {"GetBucketNotification", "PutBucketNotification"}
# An event stream is no XML, and botocore reads a bucket's location with a handler of its own.
NOT_PARSED = {"SelectObjectContent", "GetBucketLocation"}

HARD = "<é=+&%'\"]]>\n\t\U0001f511 "
INVALID_URI = "InvalidURI"


def filled(shape, path="", least=False):
    """A value for `shape` as boto3 takes it: with every member, or with the `least` there is."""
    if shape.type_name == "structure":
        names = shape.required_members if least else shape.members
        # Of a union there is one.
        names = list(shape.members)[:1] if shape.metadata.get("union") else names
        return {name: filled(shape.members[name], path + name, least) for name in names}
    if shape.serialization.get("location") == "header" and shape.type_name == "list":
        return ["ETag", "Checksum"]
    if shape.type_name == "list":
        return [filled(shape.member, f"{path}{index}", least) for index in (1, 2)]
    if shape.type_name == "map":
        return {"colour": f"red {path}", "x_1.y": "a, b; c"}
    return a_scalar(shape, path)


def a_scalar(shape, path):
    """A value that no other member is likely to have, with what is hard to carry in it."""
    place = shape.serialization.get("location")
    words = {
        "header": f"{path}: \"1\" / (é) 'x'".encode().decode("latin-1"),
        "uri": f"{path}/{HARD}",
    }
    made = {
        "integer": len(path),
        "long": 2**40 + len(path),
        "boolean": len(path) % 2 == 0,
        "blob": path.encode() + bytes(range(256)),
        "timestamp": NOON,
    }
    if path in ("Bucket", "RequestRoute"):
        return BUCKET
    return made.get(shape.type_name, words.get(place, f"{path}: {HARD}"))


def asked(name, least=False):
    """Parameters of operation `name` as boto3 takes them."""
    return filled(S3.operation(name).model.input_shape, least=least)


def as_read(value):
    """What boto3 takes or shows, as an operation takes or returns it: times are seconds."""
    if isinstance(value, dict):
        return {name: as_read(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_read(member) for member in value]
    return value.timestamp() if isinstance(value, datetime) else value


def request_of(name, parameters, host=None):
    """The request and its body that botocore makes. With `host` the bucket stands there and not
    in the path, as its endpoint rules would have it."""
    serializer = create_serializer("rest-xml", include_validation=False)
    serialized = serializer.serialize_to_request(parameters, S3.operation(name).model)
    serialized.pop("host_prefix", None)
    if host:
        serialized["url_path"] = serialized["url_path"].replace(f"/{BUCKET}", "", 1)
    prepare_request_dict(serialized, f"http://{host or '127.0.0.1:8000'}")
    prepared = create_request_object(serialized).prepare()
    parts = urlsplit(prepared.url)
    headers = {
        str(header).lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for header, value in prepared.headers.items()
    }
    headers["host"] = parts.netloc
    request = Request(prepared.method, parts.path or "/", parts.query, headers, b"")
    return request, io.BytesIO(prepared.body or b"")


def plain(method, target, host="127.0.0.1:8000", **headers):
    path, _, query = target.partition("?")
    given = {"host": host, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Request(method, path, query, given, b"")


def read(name, request, body=b""):
    return rest_xml.read(request, S3.operation(name), io.BytesIO(body))


def refusal_of(call, *arguments):
    """The refusal that `call` ended with."""
    with pytest.raises(ServiceError) as raised:
        call(*arguments)
    return raised.value


def code_of(call, *arguments):
    """The code that `call` was refused with, or "" where it was not."""
    try:
        call(*arguments)
    except ServiceError as refusal:
        return refusal.code
    return ""


def parsed(shape, answer, body=None):
    """What botocore makes of `answer`."""
    response = {
        "status_code": answer.status,
        "headers": HeadersDict(answer.headers),
        "body": answer.body if body is None else body,
    }
    return create_parser("rest-xml").parse(response, shape)


def root_of(answer):
    return Xml.fromstring(answer.body).tag


# --- Every operation, there and back ------------------------------------------------------


VIRTUAL_HOST = f"{BUCKET}.s3.eu-west-1.amazonaws.com"
BY_PATH = [(name, None) for name in OPERATIONS if name not in AMBIGUOUS]
BY_HOST = [
    (name, VIRTUAL_HOST)
    for name, _ in BY_PATH
    if "Bucket" in S3.operation(name).model.input_shape.members
]


@pytest.mark.parametrize("least", [True, False], ids=["least", "most"])
@pytest.mark.parametrize(("name", "host"), [*BY_PATH, *BY_HOST])
def test_what_botocore_writes_is_found_and_read(name, host, least):
    schema = S3.operation(name)
    parameters = asked(name, least)
    request, body = request_of(name, parameters, host)
    if name != OF_OBJECT_LAMBDA:
        assert rest_xml.route(request) == ("s3", SUCCESSORS.get(name, name))
    told = rest_xml.read(request, schema, body)
    payload = schema.model.input_shape.serialization.get("payload")
    if payload and schema.model.input_shape.members[payload].serialization.get("streaming"):
        assert body.tell() == 0
        parameters.pop(payload, None)
    # Which there always is, whether asked for or not.
    for either in (told, parameters):
        either.pop("ContentLength", None)
    assert told == as_read(parameters)


@pytest.mark.parametrize("name", [n for n in OPERATIONS if n not in AMBIGUOUS | NOT_PARSED])
def test_what_is_written_is_read_by_botocore(name):
    schema = S3.operation(name)
    shape = schema.model.output_shape
    output = filled(shape) if shape else {}
    payload = shape.serialization.get("payload") if shape else None
    stream = None
    if payload and shape.members[payload].type_name == "blob":
        stream = output[payload] = io.BytesIO(b"the bytes of an object")
    given = {n: value for n, value in output.items() if value is not stream}
    answer = rest_xml.answer(schema, as_read(given), REQUEST_ID, stream)
    told = parsed(shape, answer, stream)
    metadata = told.pop("ResponseMetadata")
    assert told == output
    assert answer.stream is stream
    assert metadata["RequestId"] == REQUEST_ID


def test_all_operations_of_s3_are_proved():
    assert len(OPERATIONS) > 105
    assert len(BY_HOST) == len(BY_PATH) - len({"ListBuckets", "ListDirectoryBuckets", "Write…"})
    assert {*SUCCESSORS, OF_OBJECT_LAMBDA, *AMBIGUOUS, *NOT_PARSED} <= set(OPERATIONS)


def test_no_field_of_a_query_is_called_like_a_sub_resource():
    """Such a field would be taken for one, and never reach its operation."""
    shapes = [S3.operation(name).model for name in OPERATIONS]
    fixed = {m.http["requestUri"].partition("?")[2].partition("&")[0] for m in shapes} - {""}
    fields = {
        member.serialization["name"]
        for model in shapes
        for member in model.input_shape.members.values()
        if member.serialization.get("location") == "querystring"
    }
    assert "uploads" in fixed
    assert "uploadId" in fields
    assert fixed.isdisjoint(fields)


# --- Through a real client ----------------------------------------------------------------


class Heard:
    """A boto3 client of S3, what it sent, and one answer to all of it."""

    def __init__(self, operation, output, config=None, region="eu-west-1"):
        self.requests = []

        def handle(request):
            self.requests.append(request)
            return rest_xml.answer(S3.operation(operation), output, REQUEST_ID)

        self.client = in_process_client("s3", region, "AKID", "secret", "", handle, config)


@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
@pytest.mark.parametrize("bucket", [BUCKET, "with.dots.in-it"])
def test_a_real_client_is_understood_by_every_style_of_address(style, region, bucket):
    config = Config(s3={"addressing_style": style})
    heard = Heard("HeadObject", {}, config, region)
    heard.client.head_object(Bucket=bucket, Key="a//b/../c d+é")
    (request,) = heard.requests
    assert rest_xml.speaks(request)
    assert rest_xml.route(request) == ("s3", "HeadObject")
    place = rest_xml.address(request)
    assert place[:2] == (bucket, "a//b/../c d+é")
    assert place.region in (region, None)


@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_a_location_is_the_text_of_the_root(region):
    heard = Heard("GetBucketLocation", {"LocationConstraint": region})
    told = heard.client.get_bucket_location(Bucket=BUCKET)
    assert told["LocationConstraint"] == region


def test_presigned_urls_name_their_operation():
    client = Heard("ListBuckets", {}).client
    for operation, method in (("put_object", "PutObject"), ("get_object", "GetObject")):
        url = client.generate_presigned_url(operation, {"Bucket": BUCKET, "Key": "a b"})
        parts = urlsplit(url)
        request = plain(method[:3].upper(), f"{parts.path}?{parts.query}", parts.netloc)
        assert rest_xml.speaks(request)
        assert rest_xml.route(request) == ("s3", method)
        assert read(method, request) == {"Bucket": BUCKET, "Key": "a b"}


# --- Whose request it is ------------------------------------------------------------------

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260105/eu-west-1/{}/aws4_request, SignedHeaders=host"


def test_a_credential_tells_the_service():
    for service, spoken in (("s3", True), ("kms", False), ("sts", False), ("s3express", False)):
        signed = plain("POST", "/", authorization=SIGNED.format(service))
        assert rest_xml.speaks(signed) is spoken
        for slash in ("/", "%2F", "%2f"):
            scope = SIGNED.format(service).split("=")[1].split(",")[0].replace("/", slash)
            assert rest_xml.speaks(plain("GET", f"/?X-Amz-Credential={scope}")) is spoken


@pytest.mark.parametrize(
    "request_",
    [
        plain("POST", "/", authorization="AWS AKID:c2lnbmF0dXJl"),
        plain("GET", "/b/k?AWSAccessKeyId=AKID&Signature=x&Expires=1"),
        plain("GET", "/"),
        plain("PUT", "/b/k"),
        plain("POST", "/b?delete"),
        plain("POST", "/")._replace(host_service="s3"),
    ],
)
def test_requests_that_are_for_s3(request_):
    assert rest_xml.speaks(request_)


@pytest.mark.parametrize(
    "request_",
    [
        plain("POST", "/"),
        plain("POST", "/?Action=GetCallerIdentity"),
        plain("PUT", "/b", x_amz_target="TrentService.ListKeys"),
        plain("GET", "/b", authorization=SIGNED.format("kms")),
    ],
)
def test_requests_that_are_not_for_s3(request_):
    assert not rest_xml.speaks(request_)


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("s3.amazonaws.com", "/b/k", ("b", "k", None)),
        ("s3.us-east-2.amazonaws.com", "/b/k", ("b", "k", "us-east-2")),
        ("s3-us-west-2.amazonaws.com", "/b/k", ("b", "k", "us-west-2")),
        ("bkt.s3.amazonaws.com", "/b/k", ("bkt", "b/k", None)),
        ("bkt.s3.us-east-2.amazonaws.com", "/k", ("bkt", "k", "us-east-2")),
        ("bkt.s3-us-west-2.amazonaws.com", "/k", ("bkt", "k", "us-west-2")),
        ("bkt.s3.dualstack.us-west-2.amazonaws.com:443", "/k", ("bkt", "k", "us-west-2")),
        ("a.b.s3.us-east-1.amazonaws.com", "/", ("a.b", "", "us-east-1")),
        ("s3.x.s3.us-east-1.amazonaws.com", "/", ("s3.x", "", "us-east-1")),
        ("BKT.S3.amazonaws.com", "/k", ("bkt", "k", None)),
        ("bkt.localhost:8000", "/k", ("bkt", "k", None)),
        ("a.b.localhost", "/k", ("a.b", "k", None)),
        *((host, "/b/k", ("b", "k", None)) for host in ("localhost:8000", "127.0.0.1:8000", "")),
        *((host, "/b/k", ("b", "k", None)) for host in ("[::1]:8000", "lab.example.org", "mys3")),
        ("localhost", "/b", ("b", "", None)),
        ("localhost", "/b/", ("b", "", None)),
        ("localhost", "/", ("", "", None)),
        ("localhost", "/b//k/", ("b", "/k/", None)),
        ("localhost", "/b/./../k", ("b", "./../k", None)),
        ("localhost", "/b/a+b%2Bc%20d", ("b", "a+b+c d", None)),
        ("localhost", "/b/a%252F", ("b", "a%2F", None)),
        ("localhost", "/b%2Fk", ("b/k", "", None)),
        ("localhost", "/b/%C3%A9", ("b", "é", None)),
        ("localhost", "/b/" + "é".encode().decode("latin-1"), ("b", "é", None)),
    ],
)
def test_addresses(host, path, place):
    assert rest_xml.address(plain("GET", path, host)) == place


@pytest.mark.parametrize("path", ["/b/%FF", "/b/%ED%A0%80", "/b/\xff", "/b/%zz", "/b/%4", "/b/€"])
def test_a_path_that_cannot_be_read_is_refused(path):
    for call in (rest_xml.address, rest_xml.route):
        refusal = refusal_of(call, plain("GET", path))
        assert (refusal.code, refusal.status) == (INVALID_URI, 400)
        assert refusal.message == "Couldn't parse the specified URI."


# --- Which operation ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/?max-buckets=5&x-id=ListBuckets", {}, "ListBuckets"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b/?prefix=&delimiter=%2F", {}, "ListObjects"),
        ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b?list-type=1", {}, "ListObjects"),
        ("PUT", "/b/", {}, "CreateBucket"),
        ("GET", "/b?uploads=", {}, "ListMultipartUploads"),
        ("PUT", "/b/k?x-id=PutObject", {}, "PutObject"),
        ("PUT", "/b/k", {"x_amz_copy_source": "b/j"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {"x_amz_copy_source": "b/j"}, "UploadPartCopy"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", {}, "CompleteMultipartUpload"),
        ("GET", "/b/k?uploadId=u", {}, "ListParts"),
        ("GET", "/b/k?partNumber=1&versionId=v", {}, "GetObject"),
        ("DELETE", "/b/k?uploadId=u", {}, "AbortMultipartUpload"),
        ("DELETE", "/b/k?colour=red", {}, "DeleteObject"),
        ("GET", "/b?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=i", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?lifecycle", {}, "GetBucketLifecycleConfiguration"),
        ("PUT", "/b?notification", {}, "PutBucketNotificationConfiguration"),
        ("POST", "/b/k?select&select-type=2", {}, "SelectObjectContent"),
    ],
)
def test_operations_are_told_apart(method, target, headers, operation):
    assert rest_xml.route(plain(method, target, **headers)) == ("s3", operation)


@pytest.mark.parametrize(
    ("method", "target", "operation", "missing"),
    [
        ("PUT", "/b/k?uploadId=u", "UploadPart", "InvalidArgument"),
        ("PUT", "/b/k?partNumber=1", "UploadPart", "InvalidArgument"),
        ("PUT", "/b/k?renameObject", "RenameObject", "InvalidRequest"),
        ("GET", "/b/k?attributes", "GetObjectAttributes", "InvalidRequest"),
        ("DELETE", "/b?inventory", "DeleteBucketInventoryConfiguration", "InvalidArgument"),
    ],
)
def test_what_is_required_and_missing_makes_no_other_operation(method, target, operation, missing):
    request = plain(method, target)
    assert rest_xml.route(request) == ("s3", operation)
    assert code_of(read, operation, request) == missing


@pytest.mark.parametrize(
    ("method", "target", "level"),
    [
        ("DELETE", "/", "SERVICE"),
        ("PATCH", "/b", "BUCKET"),
        ("POST", "/b", "BUCKET"),
        ("POST", "/b/k", "OBJECT"),
        ("get", "/b/k", "OBJECT"),
        # A sub-resource that the method does not have makes no request about the whole.
        ("DELETE", "/b?acl", "BUCKET"),
        ("DELETE", "/b?versioning=", "BUCKET"),
        ("PUT", "/b/k?policy", "OBJECT"),
        ("GET", "/b/k?uploads", "OBJECT"),
    ],
)
def test_a_method_that_a_place_does_not_have_is_refused(method, target, level):
    refusal = refusal_of(rest_xml.route, plain(method, target))
    assert (refusal.code, refusal.status) == ("MethodNotAllowed", 405)
    assert refusal.extras == {"Method": method, "ResourceType": level}


# --- Parameters of the head ---------------------------------------------------------------


def test_a_plus_is_a_blank_only_in_a_query():
    request = plain("GET", "/b?list-type=2&prefix=a+b%2Bc&prefix=d+e%2Bf")
    assert read("ListObjectsV2", request) == {"Bucket": "b", "Prefix": "d e+f"}


def test_metadata_is_kept_as_it_was_sent():
    utf_8 = "é".encode().decode("latin-1")
    headers = {"x-amz-meta-colour": utf_8, "x-amz-meta-x-amz-meta-": "", "x-amz-metal": "no"}
    request = plain("PUT", "/b/k", **headers)
    assert read("PutObject", request)["Metadata"] == {"colour": utf_8, "x-amz-meta-": ""}
    assert "Metadata" not in read("PutObject", plain("PUT", "/b/k"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("true", True), ("TRUE", True), ("False", False), ("false", False)),
        *((text, None) for text in ("", "1", "yes", "truefalse")),
    ],
)
def test_truths(text, value):
    name = "x-amz-server-side-encryption-bucket-key-enabled"
    request = plain("PUT", "/b/k", **{name: text})
    if value is None:
        refusal = refusal_of(read, "PutObject", request)
        assert refusal.code == "InvalidArgument"
        assert refusal.extras == {"ArgumentName": name, "ArgumentValue": text}
    else:
        assert read("PutObject", request)["BucketKeyEnabled"] is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("1000", 1000), ("-1", -1), ("2147483647", 2**31 - 1)),
        *(
            (text, None)
            for text in ("", "abc", "1.5", "1_0", "0x10", "١", "2147483648", "9" * 5000)
        ),
    ],
)
def test_whole_numbers(text, value):
    request = plain("GET", f"/b?{urlencode({'max-keys': text})}")
    if value is None:
        refusal = refusal_of(read, "ListObjects", request)
        assert (refusal.code, refusal.extras["ArgumentName"]) == ("InvalidArgument", "max-keys")
        assert refusal.message == "Provided max-keys not an integer or within integer range"
    else:
        assert read("ListObjects", request) == {"Bucket": "b", "MaxKeys": value}


@pytest.mark.parametrize("text", ["abc", "", "1.5"])
def test_a_header_that_is_no_number_is_refused(text):
    request = plain("PUT", "/b/k", content_length=text)
    assert code_of(read, "PutObject", request) == "InvalidArgument"


NOON_TEXTS = [
    *("Mon, 05 Jan 2026 12:00:00 GMT", "Mon, 5 Jan 2026 13:00:00 +0100", "05 Jan 2026 12:00:00"),
    *("Monday, 05-Jan-26 12:00:00 GMT", "Mon Jan  5 12:00:00 2026"),
    *("2026-01-05T12:00:00Z", "2026-01-05T12:00:00.000Z", "2026-01-05T13:00:00+01:00"),
    *("2026-01-05T12:00:00", "1767614400", "1767614400.0"),
]
NO_TIMES = ["", "noon", "NaN", "inf", "1e5", "9" * 30, "9" * 5000, "2026-13-01T00:00:00Z"]
NO_TIMES += [
    "9 " * 30_000,
    "9," * 30_000,
    "0001-01-01T00:00:00+23:59",
    "Mon, 99 Jan 2026 12:00:00 GMT",
    "Mon, 5 Jan 99999 1:1:1",
]


@pytest.mark.parametrize("text", NOON_TEXTS)
def test_times_of_every_spelling(text):
    request = plain("GET", "/b/k", if_modified_since=text)
    assert read("GetObject", request)["IfModifiedSince"] == NOON.timestamp()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set")
def test_a_time_without_a_zone_is_utc_wherever_the_lab_runs(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for text in ("2026-01-05T12:00:00", "05 Jan 2026 12:00:00"):
            request = plain("GET", "/b/k", if_modified_since=text)
            assert read("GetObject", request)["IfModifiedSince"] == NOON.timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", NO_TIMES, ids=range(len(NO_TIMES)))
def test_what_is_no_time_is_refused(text):
    request = plain("GET", "/b/k", if_modified_since=text)
    assert code_of(read, "GetObject", request) == "InvalidArgument"


@pytest.mark.parametrize("text", ["ETag,Checksum", "ETag, Checksum ,", " ETag,,Checksum"])
def test_a_list_in_a_header_is_parted_by_commas(text):
    request = plain("GET", "/b/k?attributes", x_amz_object_attributes=text)
    assert read("GetObjectAttributes", request)["ObjectAttributes"] == ["ETag", "Checksum"]


@pytest.mark.parametrize("query", ["prefix=%FF", "prefix=\xff", "%zz=1", "prefix=%"])
def test_a_query_that_cannot_be_read_is_refused(query):
    for call in (rest_xml.route, lambda request: read("ListObjects", request)):
        assert code_of(call, plain("GET", f"/b?{query}")) == INVALID_URI


# --- Bodies -------------------------------------------------------------------------------

PUT_TAGS = plain("PUT", "/b?tagging")
MEBIBYTE = 1024 * 1024


class Trickle:
    """One byte at a time, whatever is asked for."""

    def __init__(self, document):
        self._bytes = io.BytesIO(document)
        self.read_so_far = 0

    def read(self, size=-1):
        block = self._bytes.read(min(size, 1))
        self.read_so_far += len(block)
        return block

    def close(self):
        pass


class Endless(Trickle):
    def read(self, size=-1):
        block = b"x" * min(size, 300_000)
        self.read_so_far += len(block)
        return block


def a_tag(tag_key="a"):
    return f"<Tag><Key>{tag_key}</Key><Value>b</Value></Tag>"


def tags_of(document, request=PUT_TAGS):
    raw = document if isinstance(document, bytes) else document.encode()
    return read("PutBucketTagging", request, raw)["Tagging"]["TagSet"]


def tagging(inner, attributes=""):
    return f"<Tagging{attributes}><TagSet>{inner}</TagSet></Tagging>"


def malformed(document):
    return code_of(tags_of, document) == "MalformedXML"


@pytest.mark.parametrize("namespace", ["", NAMESPACE, "http://s3.amazonaws.com/doc/2005-03-31/"])
def test_the_namespace_does_not_matter(namespace):
    declared = f' xmlns="{namespace}"' if namespace else ""
    assert tags_of(tagging(a_tag(), declared)) == [{"Key": "a", "Value": "b"}]
    prefixed = tagging(a_tag()).replace("</", "</p:").replace("<T", "<p:T").replace("<K", "<p:K")
    prefixed = prefixed.replace("<V", "<p:V").replace("<p:Tagging>", '<p:Tagging xmlns:p="x">')
    assert tags_of(prefixed) == [{"Key": "a", "Value": "b"}]


def test_a_long_namespace_is_not_written_into_every_name():
    elements = "".join(f"<x:a{number}/>" for number in range(400))
    document = tagging(elements, f' xmlns:x="{"n" * 100_000}"').encode()
    tracemalloc.start()
    try:
        assert tags_of(document) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(document)


def test_documents_as_clients_write_them():
    expected = [{"Key": "a", "Value": "b"}]
    for start in ("\ufeff", '<?xml version="1.0" encoding="UTF-8"?>\n', "<!-- a comment -->"):
        assert tags_of(start + tagging(a_tag())) == expected
    assert tags_of(tagging(f"\n  {a_tag()}\n  ")) == expected
    assert tags_of(tagging(a_tag("<![CDATA[a]]>"))) == expected
    assert tags_of(tagging(a_tag("&#97;"))) == expected
    assert tags_of(tagging("<Colour><Tag/></Colour>" + a_tag())) == expected
    assert tags_of(tagging(a_tag("<Colour/>a") + "<!-- x -->")) == expected
    assert tags_of(tagging(a_tag()).replace("<Tag>", "<Tag><Colour/>")) == expected
    assert tags_of(tagging(a_tag(" a<!-- x -->b "))) == [{"Key": " ab ", "Value": "b"}]


def test_a_list_without_members_is_there():
    assert tags_of("<Tagging><TagSet/></Tagging>") == []


@pytest.mark.parametrize(
    "document",
    [
        *("", " ", "x", "<", "<Tagging>", "{}", "<Tagging/><Tagging/>", "\x00"),
        "<Tagging/>",
        "<Other><TagSet/></Other>",
        tagging("<Tag><Key>a</Key></Tag>"),
        tagging("<Tag><Key>a</Key><Key>b</Key><Value>c</Value></Tag>"),
        "<Tagging><TagSet/><TagSet/></Tagging>",
        tagging("&undefined;"),
        tagging(a_tag()).replace("<Tagging>", "<p:Tagging>"),
        tagging(a_tag("\x00")),
    ],
)
def test_what_does_not_validate_is_malformed(document):
    refusal = refusal_of(tags_of, document)
    assert (refusal.code, refusal.status) == ("MalformedXML", 400)
    assert refusal.message == (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "x"])
def test_a_document_is_utf_8_whatever_it_declares(encoding):
    document = f'<?xml version="1.0" encoding="{encoding}"?>{tagging(a_tag("é"))}'
    assert tags_of(document.encode()) == [{"Key": "é", "Value": "b"}]
    assert malformed(document.encode("latin-1"))


def test_a_byte_order_mark_tells_utf_16():
    assert tags_of(tagging(a_tag("é")).encode("utf-16")) == [{"Key": "é", "Value": "b"}]


def an_entity(declaration, reference="&e;"):
    return f"<!DOCTYPE Tagging [{declaration}]>" + tagging(a_tag(reference))


@pytest.mark.parametrize(
    "document",
    [
        f"<!DOCTYPE Tagging>{tagging(a_tag())}",
        f'<!DOCTYPE Tagging SYSTEM "file:///etc/hostname">{tagging(a_tag())}',
        an_entity('<!ENTITY e "x">'),
        an_entity('<!ENTITY e SYSTEM "file:///etc/hostname">'),
        an_entity('<!ENTITY % e SYSTEM "file:///etc/hostname"> %e;', "a"),
        an_entity(
            "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 30))
            + '<!ENTITY e0 "x"><!ENTITY e "&e29;">'
        ),
        an_entity(f'<!ENTITY e "{"x" * 50_000}">', "&e;" * 100_000),
    ],
    ids=["doctype", "system", "entity", "external", "parameter", "billion laughs", "quadratic"],
)
def test_a_document_type_is_refused(document):
    assert len(document) < MEBIBYTE
    assert malformed(document)
    assert malformed(document.encode("utf-16"))


def nested(depth):
    """A document of `depth` levels."""
    return tagging("<a>" * (depth - 2) + "</a>" * (depth - 2))


def test_a_document_may_be_deep_only_so_far():
    assert tags_of(nested(32)) == []
    assert malformed(nested(33))
    assert malformed("<a>" * 300_000)


def test_an_element_may_have_only_so_many_attributes():
    def attributes(number):
        return "".join(f' a{each}="x"' for each in range(number))

    assert tags_of(tagging(a_tag(), attributes(32))) == [{"Key": "a", "Value": "b"}]
    assert malformed(tagging(a_tag(), attributes(33)))


def completed(parts):
    """A CompleteMultipartUpload of `parts` parts."""
    part = "<Part><ETag>e</ETag><PartNumber>1</PartNumber></Part>"
    document = f"<CompleteMultipartUpload>{part * parts}</CompleteMultipartUpload>"
    request = plain("POST", "/b/k?uploadId=u")
    told = read("CompleteMultipartUpload", request, document.encode())
    return told["MultipartUpload"]["Parts"]


def test_a_document_may_have_only_so_many_elements():
    assert completed(10_000) == [{"ETag": "e", "PartNumber": 1}] * 10_000
    assert code_of(completed, 50_000) == "MalformedXML"


def test_a_thousand_keys_that_are_hard_to_write_are_deleted():
    keys = [f"{number:04}\r\n&<>\t{'&' * 400}" for number in range(1000)]
    parameters = {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": key} for key in keys]}}
    request, body = request_of("DeleteObjects", parameters)
    sent = {"body": body.getvalue()}
    escape_xml_payload(sent)
    assert len(sent["body"]) > MEBIBYTE
    assert read("DeleteObjects", request, sent["body"]) == parameters


def test_a_wrong_type_is_malformed_in_a_body():
    request = plain("PUT", "/b/k?retention")
    for until, seconds in (("2026-01-05T12:00:00Z", NOON.timestamp()), ("noon", None)):
        document = f"<Retention><RetainUntilDate>{until}</RetainUntilDate></Retention>".encode()
        if seconds is None:
            assert code_of(read, "PutObjectRetention", request, document) == "MalformedXML"
        else:
            told = read("PutObjectRetention", request, document)
            assert told["Retention"] == {"RetainUntilDate": seconds}


def test_an_optional_document_may_be_left_out():
    assert read("CreateBucket", plain("PUT", "/b")) == {"Bucket": "b"}
    assert read("CreateMultipartUpload", plain("POST", "/b/k?uploads")) == {
        "Bucket": "b",
        "Key": "k",
    }
    empty = read("CreateBucket", plain("PUT", "/b"), b"<CreateBucketConfiguration/>")
    assert empty["CreateBucketConfiguration"] == {}


def test_a_grantee_has_its_type_in_an_attribute():
    grantee = '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"/>'
    document = (
        "<AccessControlPolicy><AccessControlList>"
        f"<Grant>{grantee}</Grant></AccessControlList></AccessControlPolicy>"
    )
    told = read("PutBucketAcl", plain("PUT", "/b?acl"), document.encode())
    assert told["AccessControlPolicy"] == {"Grants": [{"Grantee": {"Type": "Group"}}]}
    for instead in ("", ' xmlns:type="Group"'):
        untyped = document.replace(' xsi:type="Group"', instead).encode()
        assert code_of(read, "PutBucketAcl", plain("PUT", "/b?acl"), untyped) == "MalformedXML"


def test_a_policy_is_read_as_it_stands():
    request = plain("PUT", "/b?policy")
    assert read("PutBucketPolicy", request, '{"é": 1} '.encode())["Policy"] == '{"é": 1} '
    assert code_of(read, "PutBucketPolicy", request, b"\xff") == "MalformedPolicy"
    assert code_of(read, "PutBucketPolicy", request) == "MissingRequestBodyError"


def test_a_body_may_come_in_pieces():
    body = Trickle(tagging(a_tag()).encode())
    told = rest_xml.read(PUT_TAGS, S3.operation("PutBucketTagging"), body)
    assert told["Tagging"] == {"TagSet": [{"Key": "a", "Value": "b"}]}


@pytest.mark.parametrize(
    ("name", "request_", "most"),
    [
        ("PutBucketPolicy", plain("PUT", "/b?policy"), MEBIBYTE),
        ("PutBucketTagging", PUT_TAGS, MEBIBYTE),
        ("DeleteObjects", plain("POST", "/b?delete"), 4 * MEBIBYTE),
        ("CompleteMultipartUpload", plain("POST", "/b/k?uploadId=u"), 4 * MEBIBYTE),
    ],
)
def test_a_body_is_read_only_so_far(name, request_, most):
    body = Endless(b"")
    refusal = refusal_of(rest_xml.read, request_, S3.operation(name), body)
    assert (refusal.code, refusal.status) == ("MaxMessageLengthExceeded", 400)
    assert refusal.message == "Your request was too big."
    assert body.read_so_far == most + 1
    assert code_of(read, name, request_, b" " * most) in ("", "MalformedXML")


@pytest.mark.parametrize("name", ["PutObject", "UploadPart"])
def test_the_bytes_of_an_object_are_left_unread(name):
    body = Endless(b"")
    request = plain("PUT", "/b/k?partNumber=1&uploadId=u")
    assert "Body" not in rest_xml.read(request, S3.operation(name), body)
    assert body.read_so_far == 0


# --- Answers ------------------------------------------------------------------------------


def answered(name, output=None, stream=None):
    return rest_xml.answer(S3.operation(name), output, REQUEST_ID, stream)


def test_an_answer_as_it_travels():
    bucket = {"Name": "a&b", "CreationDate": 1767603600.0, "BucketRegion": None}
    answer = answered("ListBuckets", {"Buckets": [bucket], "Owner": None})
    assert answer.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ListAllMyBucketsResult xmlns="{NAMESPACE}"><Buckets><Bucket><Name>a&amp;b</Name>'
        "<CreationDate>2026-01-05T09:00:00.000Z</CreationDate></Bucket></Buckets>"
        "</ListAllMyBucketsResult>"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1970-01-01T00:00:00.000Z"), (1767603600.9, "2026-01-05T09:00:00.000Z")],
)
def test_times_are_told_in_whole_seconds(seconds, text):
    answer = answered("CopyObject", {"CopyObjectResult": {"LastModified": seconds}})
    assert f"<LastModified>{text}</LastModified>" in answer.body.decode()


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("ListObjects", "ListBucketResult"),
        ("ListObjectsV2", "ListBucketResult"),
        ("ListObjectVersions", "ListVersionsResult"),
        ("ListBuckets", "ListAllMyBucketsResult"),
        ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
        ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
        ("CopyObject", "CopyObjectResult"),
        ("UploadPartCopy", "CopyPartResult"),
        ("DeleteObjects", "DeleteResult"),
        ("ListParts", "ListPartsResult"),
        ("ListMultipartUploads", "ListMultipartUploadsResult"),
        ("GetBucketLocation", "LocationConstraint"),
        ("GetBucketEncryption", "ServerSideEncryptionConfiguration"),
        ("GetObjectTagging", "Tagging"),
        ("GetBucketTagging", "Tagging"),
        ("GetBucketAcl", "AccessControlPolicy"),
        ("GetObjectAcl", "AccessControlPolicy"),
        ("GetObjectAttributes", "GetObjectAttributesResponse"),
        ("GetBucketVersioning", "VersioningConfiguration"),
        ("GetBucketLogging", "BucketLoggingStatus"),
        ("GetBucketCors", "CORSConfiguration"),
        ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
        ("GetObjectRetention", "Retention"),
        ("GetObjectLegalHold", "LegalHold"),
        ("GetPublicAccessBlock", "PublicAccessBlockConfiguration"),
        ("CreateSession", "CreateSessionResult"),
    ],
)
def test_root_elements_are_called_as_s3_calls_them(name, root):
    answer = answered(name, {})
    assert root_of(answer) == f"{{{NAMESPACE}}}{root}"
    assert answer.headers["content-type"] == "application/xml"


@pytest.mark.parametrize(
    ("name", "status"),
    [("PutObject", 200), ("DeleteObject", 204), ("DeleteBucketPolicy", 204), ("HeadBucket", 200)],
)
def test_an_answer_without_a_body(name, status):
    answer = answered(name)
    assert (answer.status, answer.body, answer.stream) == (status, b"", None)
    assert "content-type" not in answer.headers


def test_every_answer_says_which_it_is():
    refused = rest_xml.refuse(errors.internal_failure(), REQUEST_ID, None)
    for answer in (answered("PutObject"), answered("ListBuckets"), refused):
        assert answer.headers["x-amz-request-id"] == REQUEST_ID
        host_id = base64.b64decode(answer.headers["x-amz-id-2"])
        assert host_id == sha256(REQUEST_ID.encode()).digest()
        assert answer.headers["server"] == "AmazonS3"
        sent = email.utils.parsedate_to_datetime(answer.headers["date"])
        assert abs(datetime.now(UTC) - sent) < timedelta(hours=1)


def test_the_bytes_of_an_object_are_passed_on():
    stream = io.BytesIO(b"ten bytes!")
    output = {"ContentLength": 10, "ContentType": "text/x", "ETag": '"e"', "AcceptRanges": None}
    answer = answered("GetObject", output, stream)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.stream is stream
    assert stream.tell() == 0
    assert answer.headers["content-length"] == "10"
    assert answer.headers["content-type"] == "text/x"
    assert answer.headers["etag"] == '"e"'
    assert "accept-ranges" not in answer.headers


@pytest.mark.parametrize("name", ["GetObject", "HeadObject"])
def test_a_range_is_partial_content(name):
    output = {"ContentRange": "bytes 0-1/10", "ContentLength": 2}
    answer = answered(name, output)
    assert (answer.status, answer.headers["content-range"]) == (206, "bytes 0-1/10")


def test_headers_are_spelled_by_their_types():
    output = {
        "LastModified": 1767603600.9,
        "BucketKeyEnabled": True,
        "DeleteMarker": False,
        "MissingMeta": 0,
        "ObjectLockRetainUntilDate": 1767603600.0,
        "Metadata": {"Colour": "red"},
    }
    headers = answered("HeadObject", output).headers
    assert headers["last-modified"] == "Mon, 05 Jan 2026 09:00:00 GMT"
    assert headers["x-amz-server-side-encryption-bucket-key-enabled"] == "true"
    assert headers["x-amz-delete-marker"] == "false"
    assert headers["x-amz-missing-meta"] == "0"
    assert headers["x-amz-object-lock-retain-until-date"] == "2026-01-05T09:00:00.000Z"
    assert headers["x-amz-meta-colour"] == "red"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\r\nset-cookie: b", "a%0D%0Aset-cookie: b"),
        ("\x00\x1f\x7f", "%00%1F%7F"),
        ("\U0001f511 é\t%", "%F0%9F%94%91 é\t%"),
        ("\ud800", "%3F"),
    ],
)
def test_what_no_header_can_hold_is_escaped(text, sent):
    headers = answered("HeadObject", {"ContentDisposition": text, "Metadata": {"a": text}}).headers
    assert headers["content-disposition"] == headers["x-amz-meta-a"] == sent


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é", "a\x00"])
def test_metadata_that_no_header_can_be_called_is_left_out(name):
    headers = answered("HeadObject", {"Metadata": {name: "x", "b": "y"}}).headers
    assert {n for n in headers if n.startswith("x-amz-meta-")} == {"x-amz-meta-b"}


def test_a_policy_is_answered_as_it_was_put():
    answer = answered("GetBucketPolicy", {"Policy": '{"é": 1}'})
    assert answer.body.decode() == '{"é": 1}'
    assert answer.headers["content-type"] == "application/json"


def test_a_grantee_is_answered_with_its_type_in_an_attribute():
    grantees = [{"Type": 'a "b"', "URI": "u"}, {"Type": None, "URI": "u"}]
    answer = answered("GetBucketAcl", {"Grants": [{"Grantee": grantee} for grantee in grantees]})
    declared = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    for attribute in (" xsi:type='a \"b\"'", ""):
        written = f"<Grantee {declared}{attribute}><URI>u</URI></Grantee>"
        assert written in answer.body.decode()


def test_what_no_xml_can_hold_is_replaced():
    for text in ("\x00", "\ud800", "\uffff"):
        grant = {"Grantee": {"Type": text, "ID": text}}
        root = Xml.fromstring(answered("GetBucketAcl", {"Grants": [grant]}).body)
        grantee = root.find(".//{*}Grantee")
        assert list(grantee.attrib.values()) == ["\ufffd"]
        assert grantee.findtext("{*}ID") == "\ufffd"


# --- Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status", "code", "message"),
    [
        (ServiceError("NoSuchKey", "no", 404), 404, "NoSuchKey", "no"),
        (errors.access_denied("no"), 403, "AccessDenied", "no"),
        (errors.missing_authentication_token(), 403, "AccessDenied", "Access Denied"),
        (
            errors.unrecognized_client(),
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        (errors.expired_token(), 400, "ExpiredToken", "The provided token has expired."),
        (
            errors.unknown_operation("x"),
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented.",
        ),
        (
            errors.not_built("PutBucketCors"),
            501,
            "NotImplemented",
            "PutBucketCors is not supported by kmslab yet.",
        ),
        (
            errors.serialization("x"),
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published "
            "schema",
        ),
        (errors.validation("no"), 400, "InvalidArgument", "no"),
        (errors.too_large(), 400, "MaxMessageLengthExceeded", "Your request was too big."),
        *(
            (error, 500, "InternalError", "We encountered an internal error. Please try again.")
            for error in (errors.internal_failure(), ServiceError("InternalFailure", "x", 500))
        ),
        (ServiceError("KMS.DisabledException", "a&b is disabled."), 400, None, None),
    ],
)
@pytest.mark.parametrize("service", ["s3", None])
def test_a_refusal_is_read_by_botocore(refusal, status, code, message, service):
    answer = rest_xml.refuse(refusal, REQUEST_ID, service)
    told = parsed(None, answer)
    assert told["Error"] == {
        "Code": code or refusal.code,
        "Message": refusal.message if message is None else message,
    }
    assert answer.status == told["ResponseMetadata"]["HTTPStatusCode"] == status
    assert told["ResponseMetadata"]["RequestId"] == REQUEST_ID
    assert answer.headers["content-type"] == "application/xml"


def test_a_refusal_as_it_travels():
    refusal = ServiceError("NoSuchKey", "no", 404, {"Key": "<a\x00>"})
    answer = rest_xml.refuse(refusal, REQUEST_ID, "s3")
    assert parsed(None, answer)["Error"]["Key"] == "<a\ufffd>"
    host_id = answer.headers["x-amz-id-2"]
    assert answer.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>NoSuchKey</Code><Message>no</Message><Key>&lt;a\ufffd&gt;</Key>"
        f"<RequestId>{REQUEST_ID}</RequestId><HostId>{host_id}</HostId></Error>"
    )


@pytest.mark.parametrize("extra", ["Region", "BucketRegion"])
def test_who_asks_the_wrong_region_is_told_the_right_one(extra):
    for code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        refusal = ServiceError(code, "no", 301, {extra: "eu-west-1"})
        answer = rest_xml.refuse(refusal, REQUEST_ID, "s3")
        assert answer.headers["x-amz-bucket-region"] == "eu-west-1"
        assert parsed(None, answer)["Error"][extra] == "eu-west-1"
    other = rest_xml.refuse(ServiceError("NoSuchKey", "", 404, {extra: "x"}), REQUEST_ID, "s3")
    assert "x-amz-bucket-region" not in other.headers


def test_what_was_not_modified_has_no_body():
    refusal = ServiceError("NotModified", "Not Modified", 304)
    answer = rest_xml.refuse(refusal, REQUEST_ID, "s3")
    assert (answer.status, answer.body) == (304, b"")
    assert {"content-type", "etag"}.isdisjoint(answer.headers)


def test_what_was_not_modified_says_which_version_that_is():
    refusal = ServiceError("NotModified", "Not Modified", 304, {"ETag": '"abc"'})
    answer = rest_xml.refuse(refusal, REQUEST_ID, "s3")
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == '"abc"'


# --- Anything at all ----------------------------------------------------------------------

object_keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
latin = st.text(st.characters(max_codepoint=255), max_size=40)
paths = latin | st.text("/%2FBb.+aé\xff", max_size=20).map("/b/".__add__)
fields = st.sampled_from(
    ["acl", "uploads", "uploadId=", "list-type=2", "max-keys=", "x-id=", "&", "="]
)
queries = latin | st.lists(fields | latin, max_size=5).map("&".join)
methods = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE"]) | latin
hosts = st.sampled_from(["localhost", "b.localhost", "b.s3.eu-west-1.amazonaws.com"]) | latin


@given(object_key=object_keys | st.text("/.+%é ", min_size=1, max_size=12))
@settings(deadline=None, max_examples=60)
def test_any_object_key_comes_through_a_url(object_key):
    parameters = {"Bucket": BUCKET, "Key": object_key}
    for host in (None, f"{BUCKET}.localhost:8000"):
        request, _ = request_of("GetObject", parameters, host)
        assert rest_xml.address(request) == (BUCKET, object_key, None)
        assert rest_xml.route(request) == ("s3", "GetObject")


@given(prefix=object_keys, marker=object_keys)
@settings(deadline=None, max_examples=60)
def test_any_text_comes_through_a_query(prefix, marker):
    parameters = {"Bucket": BUCKET, "Prefix": prefix, "Marker": marker}
    request, _ = request_of("ListObjects", parameters)
    assert read("ListObjects", request) == parameters


@given(
    method=methods,
    path=paths,
    query=queries,
    host=hosts,
    headers=st.dictionaries(
        st.sampled_from(["authorization", "if-modified-since", "content-length", "expires"]),
        latin | st.just("Credential=a/s3/b"),
    ),
    body=st.binary(max_size=60) | latin.map(lambda text: f"<Tagging>{text}</Tagging>".encode()),
    name=st.sampled_from(OPERATIONS),
)
@settings(deadline=None, max_examples=300)
def test_any_request_is_read_or_refused(method, path, query, host, headers, body, name):
    request = Request(method, path, query, {"host": host, **headers}, b"")
    assert rest_xml.speaks(request) in (True, False)
    code_of(rest_xml.address, request)
    if not code_of(rest_xml.route, request):
        name = rest_xml.route(request)[1]
    code_of(read, name, request, body)


ACL, ACL_BODY = request_of("PutBucketAcl", asked("PutBucketAcl"))
DOCUMENT = ACL_BODY.getvalue()


@given(position=st.integers(0, len(DOCUMENT) - 1), instead=st.binary(max_size=3), cut=st.booleans())
@settings(deadline=None, max_examples=150)
def test_a_document_that_was_changed_is_read_or_refused(position, instead, cut):
    rest = b"" if cut else DOCUMENT[position + 1 :]
    body = DOCUMENT[:position] + instead + rest
    assert code_of(read, "PutBucketAcl", ACL, body) in ("", "MalformedXML")


@given(refusal_text=st.text(max_size=40), extra=st.text(max_size=40))
@settings(deadline=None, max_examples=60)
def test_any_text_is_refused_with(refusal_text, extra):
    answer = rest_xml.refuse(
        ServiceError("PermanentRedirect", refusal_text, 301, {"Region": extra}), REQUEST_ID, "s3"
    )
    assert root_of(answer) == "Error"
    for text in answer.headers.values():
        assert not {"\n", "\r"}.intersection(text)
        text.encode("latin-1")
