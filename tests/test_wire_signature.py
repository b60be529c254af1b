"""The signature on every request: what is let in, and each refusal word for word.

A real request is taken as boto3 or botocore's signer made it, one thing about it is changed, and
the door must say what AWS says (IAM User Guide, "Troubleshoot Signature Version 4 signing").
"""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given, settings
from hypothesis import strategies as st
from signed_requests import (
    AUTHENTICATION_CODES,
    FORM,
    HOST,
    JSON,
    ListeningLab,
    administrator_key,
    altered,
    as_received,
    refusal,
    signed_request,
    with_secret,
)

from kmslab import Lab

DIFFERS = (
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details.",
)
UNRECOGNIZED = (
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
)


@pytest.fixture
def lab():
    return ListeningLab()


@pytest.fixture
def sent(lab):
    """A ListKeys exactly as a boto3 client sent it."""
    lab.client("kms").list_keys()
    return lab.heard[-1]


@pytest.fixture
def access_key(lab):
    return administrator_key(lab)


def scoped(request, old, new):
    """`request` with one part of its Credential replaced."""
    authorization = request.headers["authorization"]
    credential = re.search(r"Credential=([^,]+)", authorization).group(1)
    changed = credential.replace(f"/{old}", f"/{new}", 1)
    assert changed != credential
    return altered(request, authorization=authorization.replace(credential, changed))


# --- What is let in -----------------------------------------------------------------------


def test_a_request_as_boto3_signed_it_is_answered_again_and_again(lab, sent):
    assert lab.handle(sent).status == 200
    assert lab.handle(sent).status == 200


def test_a_request_for_a_plain_host_name_is_answered_in_the_region_of_its_scope(lab, access_key):
    lab.client("kms", region_name="eu-west-3").create_key()
    there = lab.handle(signed_request(access_key, region="eu-west-3"))
    here = lab.handle(signed_request(access_key))
    assert len(json.loads(there.body)["Keys"]) == 1
    assert json.loads(here.body)["Keys"] == []


@pytest.mark.parametrize("comma", [",", ", "])
def test_parts_of_the_header_may_be_divided_by_a_comma_with_or_without_a_space(lab, sent, comma):
    authorization = sent.headers["authorization"].replace(", ", comma)
    assert lab.handle(altered(sent, authorization=authorization)).status == 200


def test_the_parts_of_the_header_may_stand_in_any_order(lab, sent):
    algorithm, _, rest = sent.headers["authorization"].partition(" ")
    turned_round = f"{algorithm} {', '.join(reversed(rest.split(', ')))}"
    assert lab.handle(altered(sent, authorization=turned_round)).status == 200


def test_headers_that_are_not_signed_may_come_and_change_on_the_way(lab, sent):
    assert lab.handle(altered(sent, user_agent="another", via="1.1 proxy")).status == 200


def test_a_date_header_will_do_where_there_is_no_x_amz_date(lab, access_key):
    content = {"Content-Type": JSON, "X-Amz-Target": "TrentService.ListKeys"}
    unsigned = AWSRequest("POST", f"http://{HOST}/", {**content, "Date": formatdate()}, b"{}")
    credentials = Credentials(access_key.access_key_id, access_key.secret_access_key)
    SigV4Auth(credentials, "kms", "us-east-1").add_auth(unsigned)
    request = as_received(unsigned)
    assert "x-amz-date" not in request.headers
    assert lab.handle(request).status == 200


def test_the_systems_clock_counts_although_the_labs_clock_moved_400_days(lab, access_key):
    before = lab.handle(signed_request(access_key))
    lab.clock.advance(days=400)
    assert before.status == lab.handle(signed_request(access_key)).status == 200
    assert lab.client("kms").list_keys()["Keys"] == []
    by_the_labs_clock = signed_request(access_key, age=-400 * 86_400)
    assert refusal(lab.handle(by_the_labs_clock))[1].startswith("Signature not yet current: ")


# --- Botocore as the judge: whatever it signs is accepted ---------------------------------

header_text = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\t"))
header_name = st.from_regex(r"x-[a-z]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
queries = st.lists(
    st.tuples(any_text, any_text | st.none()).map(
        lambda pair: quote(pair[0], safe="") + ("" if pair[1] is None else f"={quote(pair[1])}")
    ),
    max_size=4,
).map(lambda pairs: "&".join(pair for pair in pairs if pair))
paths = st.lists(
    st.sampled_from(["", ".", "..", "a", "~", "%2F", "-_.~"]) | any_text.map(quote)
).map(lambda segments: "/" + "/".join(segments))


@pytest.fixture(scope="module")
def judged():
    lab = Lab()
    return lab, administrator_key(lab)


def assert_let_in(judged, **how):
    """Whoever is let in leaves an event, whatever then becomes of the call."""
    lab, access_key = judged
    before = len(lab.events())
    answer = lab.handle(signed_request(access_key, **how))
    assert len(lab.events()) == before + 1, (how, answer)


@given(body=st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_any_body_that_botocore_signed_is_let_in(judged, body):
    assert_let_in(judged, body=body)


@given(headers=st.dictionaries(header_name, header_text, max_size=4))
@example(headers={"x-amz-spaces": "  a   b  ", "x-tab": "a\tb", "x-empty": ""})
@settings(max_examples=150, deadline=None)
def test_any_headers_that_botocore_signed_are_let_in(judged, headers):
    assert_let_in(judged, headers=headers)


@given(query=queries)
@example(query="a=1&a-b=2")
@example(query="b&a=2&a=1")
@settings(max_examples=150, deadline=None)
def test_any_query_that_botocore_signed_is_let_in(judged, query):
    assert_let_in(judged, query=query)


@given(path=paths)
@example(path="/a/../b//c/./")
@settings(max_examples=150, deadline=None)
def test_any_path_that_botocore_signed_is_let_in(judged, path):
    assert_let_in(judged, path=path)


# --- Who is not let in --------------------------------------------------------------------


def test_a_wrong_secret(lab, access_key):
    forged = signed_request(with_secret(access_key, "x" * 40))
    assert refusal(lab.handle(forged)) == DIFFERS


def test_an_unknown_access_key(lab, access_key, sent):
    stranger = sent.headers["authorization"].replace(access_key.access_key_id, "AKIA" + "X" * 16)
    assert refusal(lab.handle(altered(sent, authorization=stranger))) == UNRECOGNIZED


def test_an_access_key_of_another_lab(sent):
    assert refusal(Lab().handle(sent)) == UNRECOGNIZED


def test_a_tampered_body(lab, sent):
    assert refusal(lab.handle(sent._replace(body=sent.body + b" "))) == DIFFERS


def test_a_tampered_header(lab, sent):
    other = altered(sent, x_amz_target="TrentService.ListAliases")
    assert refusal(lab.handle(other)) == DIFFERS


def test_a_tampered_host(lab, sent):
    assert refusal(lab.handle(altered(sent, host="kms.eu-west-1.amazonaws.com"))) == DIFFERS


def test_a_tampered_method_is_no_operation_of_kms(lab, sent):
    assert refusal(lab.handle(sent._replace(method="PUT")))[0] == "UnknownOperationException"


@pytest.mark.parametrize("change", [{"path": "/x"}, {"query": "x=1"}])
def test_a_tampered_path_or_query(lab, sent, change):
    assert refusal(lab.handle(sent._replace(**change))) == DIFFERS


def test_a_tampered_signature(lab, sent):
    authorization = sent.headers["authorization"]
    last = "0" if authorization[-1] != "0" else "1"
    assert refusal(lab.handle(altered(sent, authorization=authorization[:-1] + last))) == DIFFERS


def test_an_unsigned_payload_is_not_what_kms_takes(lab, access_key):
    request = signed_request(access_key, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert refusal(lab.handle(request)) == DIFFERS


def test_a_scope_of_another_region_than_the_host_names(lab, sent):
    assert refusal(lab.handle(scoped(sent, "us-east-1", "us-west-2"))) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid Region, not 'us-west-2'.",
    )


def test_a_region_that_there_is_not_over_http(lab, access_key):
    assert refusal(lab.handle(signed_request(access_key, region="mars-1"))) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid Region, not 'mars-1'.",
    )


def test_a_scope_of_another_service(lab, access_key):
    assert refusal(lab.handle(signed_request(access_key, service="sts"))) == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'kms'.",
    )


def test_a_scope_with_another_terminator(lab, sent):
    assert refusal(lab.handle(scoped(sent, "aws4_request", "aws5_request"))) == (
        "InvalidSignatureException",
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
    )


def test_a_scope_of_another_day(lab, sent):
    timestamp = sent.headers["x-amz-date"]
    assert refusal(lab.handle(scoped(sent, timestamp[:8], "20200229"))) == (
        "InvalidSignatureException",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        f"HTTP: '20200229' != '{timestamp[:8]}', from '{timestamp}'.",
    )


def test_everything_that_is_wrong_with_a_scope_is_said_at_once(lab, sent):
    wrong = scoped(scoped(sent, "us-east-1/kms", "mars-1/s3"), "aws4_request", "x")
    assert refusal(lab.handle(wrong)) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid Region, not 'mars-1'. "
        "Credential should be scoped to correct service: 'kms'. "
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'x'.",
    )


# --- Time ---------------------------------------------------------------------------------


@pytest.mark.parametrize("age", [270, -270])
def test_four_and_a_half_minutes_are_near_enough(lab, access_key, age):
    assert lab.handle(signed_request(access_key, age=age)).status == 200


def test_a_stale_date(lab, access_key):
    stale = signed_request(access_key, age=330)
    code, text = refusal(lab.handle(stale))
    said = re.fullmatch(
        r"Signature expired: (\w+) is now earlier than (\w+) \((\w+) - 5 min\.\)", text
    )
    assert code == "InvalidSignatureException"
    assert_window(said, stale, limit=timedelta(minutes=-5))


def test_a_date_in_the_future(lab, access_key):
    early = signed_request(access_key, age=-330)
    code, text = refusal(lab.handle(early))
    said = re.fullmatch(
        r"Signature not yet current: (\w+) is still later than (\w+) \((\w+) \+ 5 min\.\)", text
    )
    assert code == "InvalidSignatureException"
    assert_window(said, early, limit=timedelta(minutes=5))


def assert_window(said, request, limit):
    """The three times of a sentence: the request's, the limit and the server's."""
    signed_at, edge, now = (
        datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for moment in said.groups()
    )
    assert said.group(1) == request.headers["x-amz-date"]
    assert edge == now + limit
    assert abs(now.timestamp() - time.time()) < 60
    assert (signed_at < edge) if limit < timedelta(0) else (signed_at > edge)


def test_a_wrong_secret_is_not_told_that_it_is_also_late(lab, access_key):
    forged = signed_request(with_secret(access_key, "x" * 40), age=330)
    assert refusal(lab.handle(forged)) == DIFFERS


@pytest.mark.parametrize("date", ["yesterday", "2026-01-01T00:00:00Z", "20260101T000000"])
def test_a_date_of_another_form(lab, sent, date):
    assert refusal(lab.handle(altered(sent, x_amz_date=date))) == (
        "IncompleteSignatureException",
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. "
        "See http://en.wikipedia.org/wiki/ISO_8601",
    )


def test_a_time_that_no_calendar_has(lab, access_key):
    request = signed_request(access_key, timestamp="20261399T256199Z")
    assert refusal(lab.handle(request)) == (
        "IncompleteSignatureException",
        "Date is not a valid time. Got '20261399T256199Z'.",
    )


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "Thu, 1 Jan 2026 00:00:00 +99999999999999999999",
        "Thu, 31 Feb 2026 00:00:00 GMT",
        ", , , , ,",
    ],
)
def test_a_date_header_that_is_no_date(lab, sent, date):
    code, text = refusal(lab.handle(altered(sent, x_amz_date=None, date=date)))
    assert code == "IncompleteSignatureException"
    assert f"Got '{date}'" in text


# --- What the header must have ------------------------------------------------------------


def test_no_authorization_at_all(lab, sent):
    for absent in (None, ""):
        assert refusal(lab.handle(altered(sent, authorization=absent))) == (
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )


@pytest.mark.parametrize("missing", ["Credential", "SignedHeaders", "Signature"])
def test_a_header_without_one_of_its_pieces(lab, sent, missing):
    algorithm, _, rest = sent.headers["authorization"].partition(" ")
    pieces = [piece for piece in rest.split(", ") if not piece.startswith(f"{missing}=")]
    header = f"{algorithm} {', '.join(pieces)}"
    assert refusal(lab.handle(altered(sent, authorization=header))) == (
        "IncompleteSignatureException",
        f"Authorization header requires '{missing}' parameter. Authorization={header}",
    )


def test_everything_that_is_missing_is_said_at_once(lab, sent):
    header = "AWS4-HMAC-SHA256 Nothing=here"
    assert refusal(lab.handle(altered(sent, authorization=header, x_amz_date=None))) == (
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        f"Authorization={header}",
    )


def test_a_request_without_any_date(lab, sent):
    header = sent.headers["authorization"]
    assert refusal(lab.handle(altered(sent, x_amz_date=None))) == (
        "IncompleteSignatureException",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        f"Authorization={header}",
    )


def test_a_part_without_an_equal_sign(lab, sent):
    header = sent.headers["authorization"].replace("Signature=", "Signature")
    part = header.rpartition(", ")[2]
    assert refusal(lab.handle(altered(sent, authorization=header))) == (
        "IncompleteSignatureException",
        f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: "
        f"'{header}'.",
    )


@pytest.mark.parametrize("repeated", ["Credential", "SignedHeaders", "Signature", "Other"])
@pytest.mark.parametrize("value", ["the same", "another"])
def test_a_part_that_stands_twice(lab, sent, repeated, value):
    header = f"{sent.headers['authorization']}, Other=x"
    (part,) = re.findall(f"{repeated}=[^,]+", header)
    header = f"{header}, {part if value == 'the same' else repeated + '=x'}"
    assert refusal(lab.handle(altered(sent, authorization=header))) == (
        "IncompleteSignatureException",
        f"Authorization header names '{repeated}' twice: '{header}'.",
    )


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1c"])
def test_only_a_space_or_a_tab_divides_the_parts_of_the_header(lab, sent, blank):
    for tidy in (" ", "\t", "  "):
        header = sent.headers["authorization"].replace(", ", f",{tidy}")
        assert lab.handle(altered(sent, authorization=header)).status == 200
    header = sent.headers["authorization"].replace(", ", f",{blank}")
    code, _ = refusal(lab.handle(altered(sent, authorization=header)))
    assert code == "IncompleteSignatureException"


@pytest.mark.parametrize("other", ["a\xa0b", "a \xa0b", "\xa0a b", "a b\xa0", "a\x85b", "a\x1cb"])
def test_no_other_blank_of_unicode_is_taken_for_a_space(lab, access_key, other):
    request = signed_request(access_key, headers={"X-Amz-Note": "a b"})
    assert lab.handle(altered(request, x_amz_note=" a \t b ")).status == 200
    assert refusal(lab.handle(altered(request, x_amz_note=other))) == DIFFERS


def test_a_credential_with_too_few_elements(lab, sent):
    header = sent.headers["authorization"].replace("/aws4_request", "")
    code, text = refusal(lab.handle(altered(sent, authorization=header)))
    assert code == "IncompleteSignatureException"
    assert text.startswith("Credential must have exactly 5 slash-delimited elements")


@pytest.mark.parametrize(
    "header", ["Basic dXNlcjpwYXNz", "Bearer x", "AWS4-HMAC-SHA1 Credential=x"]
)
def test_another_way_of_authentication(lab, sent, header):
    assert refusal(lab.handle(altered(sent, authorization=header))) == (
        "IncompleteSignatureException",
        f"Unsupported AWS 'algorithm': '{header.partition(' ')[0]}'.",
    )


def test_an_x_amz_header_that_nobody_signed(lab, sent):
    assert refusal(lab.handle(altered(sent, x_amz_extra="1"))) == (
        "InvalidSignatureException",
        "'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_a_host_that_nobody_signed(lab, sent):
    header = sent.headers["authorization"].replace(";host;", ";")
    assert refusal(lab.handle(altered(sent, authorization=header))) == (
        "InvalidSignatureException",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_a_session_token_that_does_not_belong_to_the_access_key(lab, access_key):
    foreign = signed_request(access_key, headers={"X-Amz-Security-Token": "FwoGZXIvYXdzEXAMPLE"})
    assert refusal(lab.handle(foreign)) == UNRECOGNIZED


def test_a_user_that_was_lost_in_a_reset_is_unknown(lab, sent):
    lab.reset()
    assert refusal(lab.handle(sent)) == UNRECOGNIZED


def test_nobody_who_was_refused_leaves_an_event_or_a_change(lab, access_key):
    forged = signed_request(with_secret(access_key, "x"), "CreateKey")
    assert refusal(lab.handle(forged))[0] in AUTHENTICATION_CODES
    assert lab.events() == []
    assert lab.client("kms").list_keys()["Keys"] == []


# --- The same for STS, whose protocol has its own codes -----------------------------------

IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"


def sts_request(access_key, body=IDENTITY, **how):
    how = {"service": "sts", **how}
    return signed_request(access_key, None, body, content_type=FORM, **how)


def sts_refusal(answer):
    error = Xml.fromstring(answer.body).find("{*}Error")
    return answer.status, error.findtext("{*}Code"), error.findtext("{*}Message")


def test_sts_tells_who_signed(lab, access_key):
    answer = lab.handle(sts_request(access_key))
    told = Xml.fromstring(answer.body)
    assert answer.status == 200
    assert told.findtext(".//{*}Arn") == "arn:aws:iam::111122223333:user/administrator"
    assert lab.client("sts").get_caller_identity()["Account"] == "111122223333"


def test_sts_refuses_a_wrong_secret(lab, access_key):
    forged = sts_request(with_secret(access_key, "x" * 40))
    assert sts_refusal(lab.handle(forged)) == (403, "SignatureDoesNotMatch", DIFFERS[1])


def test_sts_refuses_an_unknown_access_key(lab):
    stranger = sts_request(administrator_key(Lab()))
    assert sts_refusal(lab.handle(stranger)) == (403, "InvalidClientTokenId", UNRECOGNIZED[1])


def test_sts_refuses_a_stale_date(lab, access_key):
    status, code, text = sts_refusal(lab.handle(sts_request(access_key, age=330)))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert text.startswith("Signature expired: ")


def test_sts_refuses_who_does_not_sign(lab, access_key):
    unsigned = altered(sts_request(access_key), authorization=None)
    assert sts_refusal(lab.handle(unsigned)) == (
        403,
        "MissingAuthenticationToken",
        "Missing Authentication Token",
    )


def test_sts_refuses_a_signature_that_was_made_for_kms(lab, access_key):
    status, code, text = sts_refusal(lab.handle(sts_request(access_key, service="kms")))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert text == "Credential should be scoped to correct service: 'sts'."


def test_sts_refuses_a_form_over_one_mebibyte(lab, access_key):
    form = IDENTITY + b"&x=" + b"x" * 1024 * 1024
    status, code, _ = sts_refusal(lab.handle(sts_request(access_key, form)))
    assert (status, code) == (413, "RequestEntityTooLarge")


@given(action=st.text(max_size=8), version=st.sampled_from(["2011-06-15", "2000-01-01"]))
@example(action="\x00\x01", version="2000-01-01")
@settings(max_examples=60, deadline=None)
def test_sts_refuses_an_unknown_action_in_readable_xml(judged, action, version):
    lab, access_key = judged
    body = f"Action={quote(action.encode(errors='replace'))}&Version={version}".encode()
    status, code, _ = sts_refusal(lab.handle(sts_request(access_key, body)))
    assert (status, code) == (400, "InvalidAction")
