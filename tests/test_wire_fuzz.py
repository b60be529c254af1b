"""A fuzz of the wire: whatever comes in, the door answers, and lets in only what was signed.

No exception may leave the door and no answer may be a 5xx; a request that was changed after it
was signed must be refused; and after all of it the lab must still work.
"""

import base64
import json
from xml.etree import ElementTree as Xml

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from signed_requests import (
    AUTHENTICATION_CODES,
    FORM,
    JSON,
    ListeningLab,
    administrator_key,
    altered,
    signed_request,
)

from kmslab.wire.message import Request

KMS = ServiceModel(Loader().load_service_model("kms", "service-2"), "kms")
OPERATIONS = sorted(KMS.operation_names)

# What is said to those who are not let in. (A form is read before its signature is checked,
# because it names the service.)
TURNED_AWAY = {
    *AUTHENTICATION_CODES,
    "UnknownOperationException",
    *("InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken"),
    *("IncompleteSignature", "InvalidAction", "MalformedInput"),
}

fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class World:
    """A lab in use: a key, an alias, a ciphertext, and the requests that made and used them."""

    def __init__(self):
        self.lab = ListeningLab()
        self.kms = self.lab.client("kms")
        self.key_id = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.kms.create_alias(AliasName="alias/a", TargetKeyId=self.key_id)
        encrypted = self.kms.encrypt(KeyId="alias/a", Plaintext=b"kept")
        self.ciphertext_blob = encrypted["CiphertextBlob"]
        self.kms.decrypt(CiphertextBlob=self.ciphertext_blob)
        self.lab.client("sts").get_caller_identity()
        self.signed = tuple(self.lab.heard)
        self.access_key = administrator_key(self.lab)

    def ask(self, request):
        """The error code of the answer, or "" for a success."""
        answer = self.lab.handle(request)
        assert 200 <= answer.status < 500, (request, answer)
        return error_code(answer)

    def assert_it_works(self):
        """A new key and the old ciphertext. (The fuzz may well have scheduled the old key.)"""
        key_id = self.kms.create_key()["KeyMetadata"]["KeyId"]
        blob = self.kms.encrypt(KeyId=key_id, Plaintext=b"still")["CiphertextBlob"]
        assert self.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"still"
        if self.kms.describe_key(KeyId=self.key_id)["KeyMetadata"]["Enabled"]:
            opened = self.kms.decrypt(CiphertextBlob=self.ciphertext_blob)
            assert opened["Plaintext"] == b"kept"
        json.dumps(self.lab.events()).encode()


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.assert_it_works()


def error_code(answer):
    if answer.headers["content-type"] == "text/xml":
        return Xml.fromstring(answer.body).findtext(".//{*}Code", "")
    return json.loads(answer.body or b"{}").get("__type", "")


# --- Anything at all ----------------------------------------------------------------------

latin = st.text(st.characters(max_codepoint=255), max_size=60)
header_names = st.sampled_from(
    [
        *("authorization", "x-amz-date", "date", "x-amz-target", "content-type", "host"),
        *("x-amz-security-token", "user-agent", "x-amz-content-sha256"),
    ]
)
half_right = st.sampled_from(
    [
        *(JSON, FORM, "TrentService.ListKeys", "TrentService.", "20260101T000000Z"),
        *(
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=",
        ),
        *("Credential=", "//////", "=,=,=", "Thu, 1 Jan 2026 00:00:00 GMT", "99999999T999999Z"),
    ]
)
header_values = st.lists(half_right | latin, max_size=3).map("".join)


@given(
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE", "\xff"]),
    path=latin.map(lambda text: f"/{text}"),
    query=latin,
    headers=st.dictionaries(header_names, header_values),
    body=st.binary(max_size=200),
)
@settings(fuzz, max_examples=400)
def test_a_request_of_anything_is_refused_as_aws_refuses(world, method, path, query, headers, body):
    assert world.ask(Request(method, path, query, headers, body)) in TURNED_AWAY


@given(
    date=latin
    | st.from_regex(r"\A\w{0,4},? ?[0-9,]{0,5} \w{0,4} ?\d{0,5} [\d:.]{0,9} [-+]?\d{0,25}\Z")
)
@settings(fuzz, max_examples=300)
def test_any_date_header_is_a_date_or_is_refused(world, date):
    request = signed_request(world.access_key)
    assert world.ask(altered(request, x_amz_date=None, date=date)) in AUTHENTICATION_CODES


@given(target=latin | st.sampled_from(OPERATIONS).map(lambda name: f"TrentService.{name}\x00"))
@settings(fuzz, max_examples=200)
def test_any_other_target_is_an_unknown_operation(world, target):
    request = signed_request(world.access_key, None, headers={"X-Amz-Target": "x"})
    assert world.ask(altered(request, x_amz_target=target)) == "UnknownOperationException"


# --- Signed, but nonsense -----------------------------------------------------------------


@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=300))
@settings(fuzz, max_examples=300)
def test_random_bytes_in_a_signed_body(world, operation, body):
    assert world.ask(signed_request(world.access_key, operation, body)) not in AUTHENTICATION_CODES


any_text = st.text(max_size=20)
numbers = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 7, 30, 1000, 2**63, 10**400])
any_json = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)


def nearly(shape, world):
    """Values that often fit `shape`, so that the fuzz gets behind the model's checks."""
    if shape.type_name == "structure":
        fitting = st.fixed_dictionaries(
            {name: nearly(shape.members[name], world) for name in shape.required_members},
            optional={
                name: nearly(member, world)
                for name, member in shape.members.items()
                if name not in shape.required_members
            },
        )
    elif shape.type_name == "list":
        fitting = st.lists(nearly(shape.member, world), max_size=3)
    elif shape.type_name == "map":
        fitting = st.dictionaries(any_text, any_text, max_size=3)
    elif shape.type_name == "blob":
        blob = base64.b64encode(world.ciphertext_blob).decode()
        fitting = st.just(blob) | st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode())
    elif shape.type_name == "boolean":
        fitting = st.booleans()
    elif shape.type_name in ("integer", "long", "timestamp"):
        fitting = st.integers(-1, 40) | numbers
    else:
        known = [*shape.enum, world.key_id, "alias/a", "alias/aws/s3", "default"]
        fitting = st.sampled_from(known) | any_text
    return st.one_of(*[fitting] * 9, any_json)


@given(data=st.data())
@settings(fuzz, max_examples=400)
def test_random_json_in_a_signed_body(world, data):
    operation = data.draw(st.sampled_from(OPERATIONS), "operation")
    body = data.draw(nearly(KMS.operation_model(operation).input_shape, world), "body")
    raw = json.dumps(body).encode()
    request = signed_request(world.access_key, operation, raw)
    assert world.ask(request) not in AUTHENTICATION_CODES


@given(body=st.binary(max_size=100) | latin.map(lambda text: f"Version=2011-06-15&{text}".encode()))
@settings(fuzz, max_examples=200)
def test_random_bytes_in_a_signed_form(world, body):
    request = signed_request(world.access_key, None, body, service="sts", content_type=FORM)
    world.ask(request)


# --- Signed, and then changed -------------------------------------------------------------


@given(data=st.data(), bits=st.integers(1, 255))
@settings(fuzz, max_examples=1000)
def test_a_signed_request_with_one_byte_changed_is_refused(world, data, bits):
    request = data.draw(st.sampled_from(world.signed), "request")
    place = data.draw(st.sampled_from(["body", "authorization", "x-amz-date"]), "place")
    original = request.body if place == "body" else request.headers[place].encode("latin-1")
    position = data.draw(st.integers(0, len(original) - 1), "position")
    changed = bytearray(original)
    changed[position] ^= bits
    if place == "body":
        mutated = request._replace(body=bytes(changed))
    else:
        # The kind of white space between the parts of a header is not signed by anybody.
        assume(changed.decode("latin-1").split() != original.decode("latin-1").split())
        mutated = altered(request, **{place: changed.decode("latin-1")})
    assert world.ask(mutated) in TURNED_AWAY


@given(data=st.data())
@settings(fuzz, max_examples=150)
def test_a_signed_request_cut_short_or_made_longer_is_refused(world, data):
    request = data.draw(st.sampled_from(world.signed), "request")
    body = data.draw(st.binary(max_size=40) | st.just(request.body + b" "), "body")
    cut = request.body[: data.draw(st.integers(0, len(request.body)), "cut")]
    for other in {body, cut} - {request.body}:
        assert world.ask(request._replace(body=other)) in TURNED_AWAY


def test_two_signed_requests_do_not_mix(world):
    for one in world.signed:
        for other in world.signed:
            mixed = one._replace(headers={**other.headers, "host": one.headers["host"]})
            if one.body != other.body:
                assert world.ask(mixed) in TURNED_AWAY
