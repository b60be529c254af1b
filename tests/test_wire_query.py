"""The query protocol against botocore's own: its serializer writes forms, its parsers read XML.

Every operation of IAM and STS is asked with every member filled, so that no shape of AWS's model
is left out; a made-up service adds the shapes that those two lack. What no client would send is
refused or ignored, and costs no more than its length.
"""

import base64
import time
import unicodedata
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import pytest
from botocore.awsrequest import AWSRequest
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_requests import FORM, administrator_key, signed_request

from kmslab import Lab, errors
from kmslab.errors import ServiceError
from kmslab.wire import query
from kmslab.wire.message import Request
from kmslab.wire.model import OperationSchema, service_schema

REQUEST_ID = "11112222-3333-4444-5555-666677778888"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
OPERATIONS = [
    (service, name)
    for service in ("iam", "sts")
    for name in sorted(service_schema(service).operation_names)
]
every_operation = pytest.mark.parametrize(("service", "name"), OPERATIONS)

# The shapes that IAM and STS do not have: flattened lists and maps, names that differ on the
# wire, floats, and a shape that contains itself.
MADE_UP = ServiceModel(
    {
        "metadata": {
            "apiVersion": "2026-01-01",
            "protocol": "query",
            "serviceId": "Made",
            "xmlNamespace": "https://made.amazonaws.com/doc/2026-01-01/",
        },
        "operations": {
            "Make": {
                "name": "Make",
                "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "All"},
                "output": {"shape": "All", "resultWrapper": "MakeResult"},
            }
        },
        "shapes": {
            "All": {
                "type": "structure",
                "members": {
                    "Renamed": {"shape": "Text", "locationName": "other"},
                    "Named": {"shape": "NamedList"},
                    "Flat": {"shape": "FlatList"},
                    "FlatNamed": {"shape": "FlatNamedList"},
                    "Entries": {"shape": "Map"},
                    "FlatEntries": {"shape": "FlatMap"},
                    "Lists": {"shape": "Lists"},
                    "Double": {"shape": "Double"},
                    "Float": {"shape": "Float"},
                    "Long": {"shape": "Long"},
                    "Flag": {"shape": "Flag"},
                    "Bytes": {"shape": "Bytes"},
                    "When": {"shape": "Moment"},
                    "Again": {"shape": "All"},
                },
            },
            "Text": {"type": "string"},
            "Double": {"type": "double"},
            "Float": {"type": "float"},
            "Long": {"type": "long"},
            "Flag": {"type": "boolean"},
            "Bytes": {"type": "blob"},
            "Moment": {"type": "timestamp"},
            "NamedList": {"type": "list", "member": {"shape": "Text", "locationName": "item"}},
            "FlatList": {"type": "list", "member": {"shape": "Text"}, "flattened": True},
            "FlatNamedList": {
                "type": "list",
                "member": {"shape": "Pair", "locationName": "OnePair"},
                "flattened": True,
            },
            "Pair": {"type": "structure", "members": {"A": {"shape": "Text"}}},
            "Lists": {"type": "list", "member": {"shape": "NamedList"}},
            "Map": {
                "type": "map",
                "key": {"shape": "Text", "locationName": "name"},
                "value": {"shape": "Pair", "locationName": "worth"},
            },
            "FlatMap": {
                "type": "map",
                "key": {"shape": "Text"},
                "value": {"shape": "NamedList"},
                "flattened": True,
            },
        },
    },
    "made",
)
MAKE = OperationSchema(MADE_UP.operation_model("Make"))


def schema_of(service, name):
    return service_schema(service).operation(name)


def filled(shape, path="", within=()):
    """A value for `shape` as boto3 takes it: every member there, every list of two."""
    if shape.type_name == "structure":
        return {
            name: filled(member, path + name, (*within, shape.name))
            for name, member in shape.members.items()
            if member.name not in (*within, shape.name)
        }
    if shape.type_name == "list":
        return [filled(shape.member, f"{path}{index}", within) for index in (1, 2)]
    if shape.type_name == "map":
        return {f"{path} & {i}": filled(shape.value, f"{path}{i}", within) for i in (1, 2)}
    return a_scalar(shape.type_name, path)


def a_scalar(kind, path):
    """A value that no other member is likely to have, with what is hard to carry in it."""
    made = {
        "integer": len(path),
        "long": 2**40 + len(path),
        "float": 0.25,
        "double": -1.5e-7,
        "boolean": len(path) % 2 == 0,
        "blob": path.encode() + bytes(range(256)),
        "timestamp": NOON,
    }
    return made.get(kind, f"{path}: <é=+&%'\"]]>\r\n\t\U0001f511 ")


def converted(value, of_bytes):
    """`value` with times as seconds and bytes as `of_bytes` makes them."""
    if isinstance(value, dict):
        return {name: converted(member, of_bytes) for name, member in value.items()}
    if isinstance(value, list):
        return [converted(member, of_bytes) for member in value]
    if isinstance(value, bytes):
        return of_bytes(value)
    return value.timestamp() if isinstance(value, datetime) else value


def as_json(value):
    return converted(value, lambda blob: base64.b64encode(blob).decode())


def as_output(value):
    """What boto3 shows, as an operation returns it."""
    return converted(value, bytes)


def form_of(schema, parameters):
    """The request that botocore makes of `parameters`."""
    serializer = create_serializer("query", include_validation=False)
    fields = serializer.serialize_to_request(parameters, schema.model)["body"]
    return request_of(AWSRequest("POST", "https://x/", {}, fields).prepare().body)


def request_of(body):
    raw = body if isinstance(body, bytes) else body.encode()
    return Request("POST", "/", "", {"content-type": FORM}, raw)


def parsed(schema, answer):
    """What botocore makes of `answer`."""
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    return create_parser("query").parse(response, schema.model.output_shape)


def read(body, operation="CreateUser", service="iam"):
    """What is read of a form, whole and in the words of the protocol."""
    return query.read_body(request_of(body), schema_of(service, operation))


def read_and_check(body, schema):
    schema.read(query.read_body(request_of(body), schema))


def refusal_of(call, *arguments):
    """The code that `call` was refused with, or "" where it was not."""
    try:
        call(*arguments)
    except ServiceError as refusal:
        return refusal.code
    return ""


# --- Every operation, there and back ------------------------------------------------------


@every_operation
def test_what_botocore_writes_is_read(service, name):
    schema = schema_of(service, name)
    shape = schema.model.input_shape
    parameters = filled(shape) if shape else {}
    request = form_of(schema, parameters)
    assert query.route(request) == (service, name)
    assert query.read_body(request, schema) == as_json(parameters)


@every_operation
def test_what_is_written_is_read_by_botocore(service, name):
    schema = schema_of(service, name)
    shape = schema.model.output_shape
    output = filled(shape) if shape else {}
    answer = query.answer(schema, as_output(output), REQUEST_ID)
    told = parsed(schema, answer)
    metadata = told.pop("ResponseMetadata")
    assert told == output
    assert (metadata["HTTPStatusCode"], metadata["RequestId"]) == (200, REQUEST_ID)
    namespace = schema.model.service_model.metadata["xmlNamespace"]
    assert Xml.fromstring(answer.body).tag == f"{{{namespace}}}{name}Response"


@every_operation
def test_every_check_of_the_model_can_be_made(service, name):
    """A pattern that Python cannot compile would be met only by who asks for the operation."""
    schema = schema_of(service, name)
    request = form_of(schema, filled(schema.model.input_shape) if schema.model.input_shape else {})
    assert refusal_of(schema.read, query.read_body(request, schema)) in {"", "ValidationException"}


def test_both_services_are_proved_with_all_they_have():
    services = [service for service, _ in OPERATIONS]
    assert services.count("iam") > 150
    assert services.count("sts") > 8


def test_shapes_that_neither_service_has():
    flat = filled(MAKE.model.input_shape)
    value = {**flat, "Again": {**flat, "Again": flat}}
    assert query.read_body(form_of(MAKE, value), MAKE) == as_json(value)
    told = parsed(MAKE, query.answer(MAKE, as_output(value), REQUEST_ID))
    del told["ResponseMetadata"]
    assert told == value


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
readable = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        include_characters="\t\n\r",
        exclude_characters="\ufffe\uffff",
    ),
    max_size=30,
)
tags = st.lists(st.fixed_dictionaries({"Key": texts, "Value": texts}), max_size=12)


@given(user_name=texts, tags=tags)
@settings(deadline=None)
def test_any_text_comes_through_a_form(user_name, tags):
    parameters = {"UserName": user_name, "Tags": tags}
    schema = schema_of("iam", "CreateUser")
    assert query.read_body(form_of(schema, parameters), schema) == parameters


@given(arn=readable, names=st.lists(readable, max_size=12))
@settings(deadline=None)
def test_any_text_that_xml_can_hold_comes_through_an_answer(arn, names):
    output = {"PolicyNames": names, "Marker": arn}
    schema = schema_of("iam", "ListUserPolicies")
    told = parsed(schema, query.answer(schema, output, REQUEST_ID))
    assert (told["PolicyNames"], told["Marker"]) == (names, arn)


# --- Forms --------------------------------------------------------------------------------


def test_an_empty_list_is_a_list():
    assert read("UserName=a&Tags=") == {"UserName": "a", "Tags": []}
    assert read("UserName=a") == {"UserName": "a"}
    assert read("Tags=&Tags.member.1.Key=a") == {"Tags": [{"Key": "a"}]}


def test_the_members_of_a_list_stand_in_the_order_of_their_numbers():
    form = "TagKeys.member.10=c&TagKeys.member.9=b&TagKeys.member.2=a"
    assert read(form, "UntagUser") == {"TagKeys": ["a", "b", "c"]}


def test_a_great_number_makes_no_long_list():
    form = "TagKeys.member.999999999=z&TagKeys.member.1=a"
    assert read(form, "UntagUser") == {"TagKeys": ["a", "z"]}


@pytest.mark.parametrize("number", ["0", "-1", "+1", "01", "x", "1e3", "%D9%A1", "9" * 11])
def test_a_member_that_is_not_numbered_is_refused(number):
    form = f"TagKeys.member.{number}=a"
    assert refusal_of(read, form, "UntagUser") == "SerializationException"


def test_what_the_operation_does_not_know_is_left_out():
    form = "Action=CreateUser&UserName=a&Colour=red&Tags.item.1.Key=a&UserName.member.1=b&=x&.=y"
    assert read(form) == {"UserName": "a"}


def test_the_last_of_two_fields_of_one_name_wins():
    assert read("UserName=a&UserName=b") == {"UserName": "b"}
    form = "Action=GetUser&Version=2011-06-15&Version=2010-05-08&Action=CreateUser"
    assert query.route(request_of(form)) == ("iam", "CreateUser")


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        *(("true", True), ("TRUE", True), ("false", False), ("False", False)),
        *(("1", "1"), ("yes", "yes"), ("", "")),
    ],
)
def test_truths(text, read_as):
    form = f"RequireNumbers={text}"
    assert read(form, "UpdateAccountPasswordPolicy") == {"RequireNumbers": read_as}


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        *(("900", 900), ("%2B900", 900), ("-1", -1)),
        *((text, text) for text in ("", "x", "1.5", "1_000", "NaN", "0x10", "9" * 20)),
    ],
)
def test_whole_numbers(text, read_as):
    read_form = read(f"DurationSeconds={text}", "GetSessionToken", "sts")
    assert read_form == {"DurationSeconds": read_as}
    assert type(read_form["DurationSeconds"]) is type(read_as)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2026-01-05T12:00:00Z", NOON.timestamp()),
        ("2026-01-05T12:00:00.500Z", NOON.timestamp() + 0.5),
        ("2026-01-05T13:00:00+01:00", NOON.timestamp()),
        ("2026-01-05T12:00:00", NOON.timestamp()),
        ("1767614400", NOON.timestamp()),
        ("1767614400.5", NOON.timestamp() + 0.5),
        *((text, text) for text in ("", "noon", "2026-13-01T00:00:00Z", "NaN", "inf")),
    ],
)
def test_times(text, read_as):
    form = request_of(f"When={text.replace('+', '%2B')}")
    assert query.read_body(form, MAKE) == {"When": read_as}


@pytest.mark.parametrize(
    ("operation", "form"),
    [
        ("GetSessionToken", "DurationSeconds=ten"),
        ("GetSessionToken", "DurationSeconds="),
        ("AssumeRole", "RoleArn=x&RoleSessionName=y&Tags=a"),
    ],
)
def test_a_text_of_the_wrong_type_is_refused_by_the_schema(operation, form):
    schema = schema_of("sts", operation)
    assert refusal_of(read_and_check, form, schema) == "SerializationException"


def test_an_entry_of_a_map_needs_a_key():
    form = request_of("Entries.entry.1.worth.A=x")
    assert refusal_of(query.read_body, form, MAKE) == "SerializationException"


def test_violations_are_told_in_aws_words():
    schema = schema_of("iam", "TagUser")
    given = query.read_body(request_of("UserName=a/b&Tags.member.3.Value=v"), schema)
    with pytest.raises(ServiceError) as raised:
        schema.read(given)
    assert raised.value.message == (
        "2 validation errors detected: Value 'a/b' at 'userName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+; Value null at "
        "'tags.1.member.key' failed to satisfy constraint: Member must not be null"
    )


def test_a_tag_may_have_letters_digits_and_blanks_of_any_script():
    schema = schema_of("iam", "TagUser")
    for category, allowed in (("L", True), ("N", True), ("Z", True), ("S", False), ("C", False)):
        every = [c for c in map(chr, range(0x80, 0x3000)) if unicodedata.category(c)[0] == category]
        for character in every[::7]:
            given = {"UserName": "a", "Tags": [{"Key": character, "Value": character}]}
            if allowed:
                assert schema.read(given) == given
            else:
                assert refusal_of(schema.read, given) == "ValidationException"


# --- Hostile forms ------------------------------------------------------------------------

MEBIBYTE = 1024 * 1024
# Seconds, for a slow machine that is busy: most take milliseconds, and a cost that grew with the
# square of the length would be hours.
ENOUGH = 20


@pytest.mark.parametrize(
    "form",
    [
        "a.member.1" + ".member.1" * 100_000 + "=x",
        "Tags" + ".member.1" * 100_000 + "=x",
        "Tags.member.1.Key" + "." * 1_000_000 + "=x",
        "." * 1_000_000,
        "&".join(f"Tags.member.{i}.Key{'.a' * 28}=" for i in range(1, 10_001)),
        "&".join(f"Tags.member.{999_999_999 - i}.Key=a" for i in range(10_000)),
        "&".join("Tags.member.1.Key=a" for _ in range(10_000)),
        "UserName=" + "%41" * 300_000,
        "UserName=" + "%" * 1_000_000,
        "Tags.member." + "9" * 1_000_000 + "=x",
    ],
    ids=range(10),
)
def test_a_hostile_form_costs_little(form):
    assert len(form) <= MEBIBYTE
    started = time.process_time()
    assert refusal_of(read, form) in {"", "SerializationException"}
    assert time.process_time() - started < ENOUGH


def test_a_shape_that_contains_itself_is_not_followed_for_ever():
    assert query.read_body(request_of("Again." * 20 + "Long=1"), MAKE) != {}
    assert query.read_body(request_of("Again." * 100_000 + "Long=1"), MAKE) == {}


@pytest.mark.parametrize("text", ["9" * 1_000_000, "9" * 1_000_000 + "x", "1." + "0" * 1_000_000])
@pytest.mark.parametrize("member", ["Long", "Double", "When"])
def test_a_long_number_costs_little(member, text):
    started = time.process_time()
    assert query.read_body(request_of(f"{member}={text}"), MAKE) == {member: text}
    assert time.process_time() - started < ENOUGH


def test_ten_thousand_fields_and_no_more():
    most = "&".join(f"TagKeys.member.{i}=t" for i in range(1, 10_001))
    assert read(most, "UntagUser") == {"TagKeys": ["t"] * 10_000}
    assert refusal_of(read, most + "&x=", "UntagUser") == "SerializationException"
    assert refusal_of(query.route, request_of("&" * 10_000)) == "SerializationException"


@pytest.mark.parametrize("body", ["é".encode(), b"\xff", b"UserName=%FF", b"UserName=%ED%A0%80"])
def test_a_form_that_is_not_text_is_refused(body):
    assert refusal_of(read, body) == "SerializationException"


def test_a_percent_sign_that_escapes_nothing_stands_for_itself():
    assert read("UserName=100%&Path=%zz%4") == {"UserName": "100%", "Path": "%zz%4"}


@given(form=st.binary(max_size=200) | st.text("TagsKeyMmbr.123=&%", max_size=200).map(str.encode))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(form):
    for operation in ("CreateUser", "SimulateCustomPolicy"):
        schema = schema_of("iam", operation)
        code = refusal_of(read_and_check, form, schema)
        assert code in {"", "SerializationException", "ValidationException"}


# --- Answers ------------------------------------------------------------------------------


def test_an_answer_without_output_is_only_metadata():
    answer = query.answer(schema_of("iam", "DeleteUser"), None, REQUEST_ID)
    assert answer.body.decode() == (
        '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
        f"<RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></DeleteUserResponse>"
    )


def test_an_answer_as_it_travels():
    user = {"UserName": "a&b", "Path": None, "CreateDate": 1767603600.9, "Tags": []}
    answer = query.answer(schema_of("iam", "GetUser"), {"User": user}, REQUEST_ID)
    assert answer.status == 200
    assert answer.headers == {"x-amzn-requestid": REQUEST_ID, "content-type": "text/xml"}
    assert (
        "<GetUserResult><User><UserName>a&amp;b</UserName>"
        "<CreateDate>2026-01-05T09:00:00Z</CreateDate><Tags></Tags></User></GetUserResult>"
    ) in answer.body.decode()


def test_truths_are_written_in_lower_case():
    answer = query.answer(
        schema_of("iam", "ListUsers"), {"Users": [], "IsTruncated": False}, REQUEST_ID
    )
    assert b"<IsTruncated>false</IsTruncated>" in answer.body


def test_what_no_xml_can_hold_is_replaced():
    for text in ("\x00", "\x1b", "\ud800", "\uffff"):
        answer = query.answer(schema_of("iam", "ListUsers"), {"Marker": text}, REQUEST_ID)
        assert Xml.fromstring(answer.body).findtext(".//{*}Marker") == "\ufffd"


# --- Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (errors.validation("no"), 400, "ValidationError"),
        (errors.serialization("no"), 400, "MalformedInput"),
        (errors.unknown_operation("no"), 400, "InvalidAction"),
        (ServiceError("AccessDeniedException", "no"), 403, "AccessDenied"),
        (ServiceError("ExpiredTokenException", "no"), 403, "ExpiredToken"),
        (ServiceError("NoSuchEntity", "no", 404), 404, "NoSuchEntity"),
    ],
)
@pytest.mark.parametrize("service", ["iam", "sts", None])
def test_a_refusal_is_read_by_botocore(refusal, status, code, service):
    answer = query.refuse(refusal, REQUEST_ID, service)
    told = parsed(schema_of("sts", "GetCallerIdentity"), answer)
    assert told["Error"] == {"Type": "Sender", "Code": code, "Message": "no"}
    assert told["ResponseMetadata"]["RequestId"] == REQUEST_ID
    assert answer.status == status
    root = Xml.fromstring(answer.body).tag
    assert root.removesuffix("ErrorResponse") == NAMESPACES[service]


NAMESPACES = {
    "iam": "{https://iam.amazonaws.com/doc/2010-05-08/}",
    "sts": "{https://sts.amazonaws.com/doc/2011-06-15/}",
    None: "",
}


def test_only_a_post_of_a_known_version_is_routed():
    form = request_of("Action=ListUsers&Version=2010-05-08")
    assert query.route(form) == ("iam", "ListUsers")
    assert refusal_of(query.route, form._replace(method="GET")) == "UnknownOperationException"
    for version in ("", "&Version=2010-05-09", "&Version="):
        other = request_of(f"Action=ListUsers{version}")
        assert refusal_of(query.route, other) == "UnknownOperationException"


# --- Through the door ---------------------------------------------------------------------


def test_a_signed_form_that_cannot_be_read_is_malformed():
    lab = Lab()
    form = b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=ten"
    signed = signed_request(administrator_key(lab), None, form, service="sts", content_type=FORM)
    answer = lab.handle(signed)
    assert answer.status == 400
    assert Xml.fromstring(answer.body).findtext(".//{*}Code") == "MalformedInput"
