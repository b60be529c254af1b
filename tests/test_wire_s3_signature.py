"""Who signed a request to S3: what is let in, what is told of it, and each refusal word for word.

Requests are signed by botocore's own signers and by real boto3 clients, or are those of AWS's
documentation; then one thing about them is changed (S3 API Reference, "Authenticating requests").
"""

import base64
import hashlib
import re
import time
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmslab.errors import ServiceError
from kmslab.store.iam_records import AccessKey, RoleSession
from kmslab.wire import s3_signature
from kmslab.wire.message import Request
from kmslab.wire.s3_signature import Verified

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
USER = AccessKey("AKIAIOSFODNN7EXAMPLE", SECRET, "111122223333", "alice")
SESSION = RoleSession(
    "ASIAIOSFODNN7EXAMPLE", SECRET, "FwoGZXIvYXdz+/=", "111122223333", "r", "AROA", "s", 0.0, 9e9
)
KNOWN = {each.access_key_id: each for each in (USER, SESSION)}
LONG_TERM = Credentials(USER.access_key_id, SECRET)
TEMPORARY = Credentials(SESSION.access_key_id, SECRET, SESSION.session_token)
URL = "http://127.0.0.1:4599/bucket/a%20key"
PUBLISHED = "20130524T000000Z"
EMPTY = hashlib.sha256(b"").hexdigest()


def verify(request, **told):
    return s3_signature.verify(request, KNOWN.get, **told)


def refusal(request, **told):
    with pytest.raises(ServiceError) as caught:
        verify(request, **told)
    return caught.value


def code_of(request, **told):
    refused = refusal(request, **told)
    return refused.status, refused.code


def said(request, **told):
    refused = refusal(request, **told)
    return refused.status, refused.code, refused.message


def received(method, url, headers=()):
    """A request as an HTTP server delivers it."""
    parts = urlsplit(url)
    lower = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in dict(headers).items()
    }
    return Request(method, parts.path or "/", parts.query, {"host": parts.netloc, **lower}, b"")


def signed(method="GET", url=URL, headers=(), body=b"", credentials=LONG_TERM, region="us-east-1"):
    """A request that botocore signed in an Authorization header."""
    sent = AWSRequest(method, url, dict(headers), body)
    S3SigV4Auth(credentials, "s3", region).add_auth(sent)
    return received(method, sent.url, sent.headers)


def presigned(
    method="GET", url=URL, headers=(), credentials=LONG_TERM, region="us-east-1", expires=3600
):
    sent = AWSRequest(method, url, dict(headers))
    S3SigV4QueryAuth(credentials, "s3", region, expires).add_auth(sent)
    return received(method, sent.url, headers)


def signed_2(method="GET", url=URL, headers=(), credentials=LONG_TERM, auth_path=None):
    sent = AWSRequest(method, url, dict(headers), auth_path=auth_path)
    HmacV1Auth(credentials).add_auth(sent)
    return received(method, sent.url, sent.headers)


def presigned_2(method="GET", url=URL, headers=(), credentials=LONG_TERM, expires=3600):
    sent = AWSRequest(method, url, dict(headers))
    HmacV1QueryAuth(credentials, expires).add_auth(sent)
    return received(method, sent.url)


EVERY_WAY = {
    "header": signed,
    "presigned": presigned,
    "version 2": signed_2,
    "presigned with version 2": presigned_2,
}
every_way = pytest.mark.parametrize("sign", EVERY_WAY.values(), ids=EVERY_WAY)
both_headers = pytest.mark.parametrize("sign", [signed, signed_2], ids=["version 4", "version 2"])


def altered(request, **headers):
    """`request` with headers set (None: left out); the rest, signature too, as it was."""
    kept = dict(request.headers)
    for name, value in headers.items():
        name = name.replace("_", "-")
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return request._replace(headers=kept)


def requeried(request, name, value):
    """`request` with one field of the query set (None: left out)."""
    fields = [field for field in request.query.split("&") if field.partition("=")[0] != name]
    fields += [] if value is None else [f"{name}={quote(value, safe='')}"]
    return request._replace(query="&".join(fields))


def reworded(request, old, new):
    """`request` with `old` replaced by `new` where its signature stands."""
    header = request.headers.get("authorization")
    if header:
        assert old in header
        return altered(request, authorization=header.replace(old, new))
    assert quote(old, safe="") in request.query
    return request._replace(query=request.query.replace(quote(old, safe=""), quote(new, safe="")))


@pytest.fixture
def at(monkeypatch):
    """Set the operating system's clock."""

    def turn(moment):
        monkeypatch.setattr(time, "time", lambda: float(moment))

    return turn


def seconds(timestamp):
    return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


# --- The examples of AWS's documentation --------------------------------------------------

EXAMPLES = {
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41": (
        "GET",
        "/test.txt",
        {"Range": "bytes=0-9", "x-amz-content-sha256": EMPTY},
    ),
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd": (
        "PUT",
        "/test%24file.text",
        {
            "Date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
        },
    ),
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543": (
        "GET",
        "/?lifecycle",
        {"x-amz-content-sha256": EMPTY},
    ),
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7": (
        "GET",
        "/?max-keys=2&prefix=J",
        {"x-amz-content-sha256": EMPTY},
    ),
}


@pytest.mark.parametrize("signature", EXAMPLES)
def test_the_examples_of_the_api_reference_are_let_in(at, signature):
    at(seconds(PUBLISHED))
    method, path, headers = EXAMPLES[signature]
    headers = {**headers, "x-amz-date": PUBLISHED}
    names = ";".join(sorted(name.lower() for name in (*headers, "host")))
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={USER.access_key_id}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )
    request = received(method, f"https://examplebucket.s3.amazonaws.com{path}", headers)
    assert verify(request).credential is USER


def test_the_presigned_example_of_the_api_reference_is_let_in(at):
    at(seconds(PUBLISHED) + 86_400)
    url = (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    assert verify(received("GET", url)) == Verified(
        USER,
        "us-east-1",
        "AWS4-HMAC-SHA256",
        "REST-QUERY-STRING",
        86_400_000,
        "UNSIGNED-PAYLOAD",
    )


VERSION_2_EXAMPLES = {
    "bWq2s1WEIj+Ydj0vQ697zp+IXMU=": ("GET", "/photos/puppy.jpg", "36:42", {}),
    "MyyxeRY7whkBe+bq8fHCL/2kKUg=": (
        "PUT",
        "/photos/puppy.jpg",
        "15:45",
        {"Content-Type": "image/jpeg"},
    ),
    "htDYFYduRNen8P9ZfE/s9SuKy0U=": (
        "GET",
        "/?prefix=photos&max-keys=50&marker=puppy",
        "42:41",
        {},
    ),
    "c2WLPFtWHVgbEmeEG93a4cG37dM=": ("GET", "/?acl", "44:46", {}),
}


@pytest.mark.parametrize("signature", VERSION_2_EXAMPLES)
def test_the_examples_of_version_2_are_let_in(at, signature):
    method, path, moment, headers = VERSION_2_EXAMPLES[signature]
    hour = "21" if method == "PUT" else "19"
    at(datetime.fromisoformat(f"2007-03-27T{hour}:{moment}+00:00").timestamp())
    headers = {
        **headers,
        "Date": f"Tue, 27 Mar 2007 {hour}:{moment} +0000",
        "Authorization": f"AWS {USER.access_key_id}:{signature}",
    }
    request = received(method, f"http://johnsmith.s3.amazonaws.com{path}", headers)
    assert verify(request, bucket_of_host="johnsmith") == Verified(USER, "", "AWS", "REST-HEADER")


def test_the_presigned_example_of_version_2_is_let_in(at):
    at(1175139620)
    url = (
        "http://johnsmith.s3.amazonaws.com/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE"
        "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    )
    verified = verify(received("GET", url), bucket_of_host="johnsmith")
    assert verified == Verified(USER, "", "AWS", "REST-QUERY-STRING")


# --- Real boto3 ---------------------------------------------------------------------------


def client(style="path", token=None, endpoint="https", version=None, region="us-east-1"):
    """A real boto3 client, and the requests it sent instead of sending them."""
    chosen = SESSION if token else USER
    made = boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id=chosen.access_key_id,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        endpoint_url="http://127.0.0.1:4599" if endpoint == "http" else None,
        config=Config(
            signature_version=version,
            s3={"addressing_style": style},
            retries={"max_attempts": 0, "mode": "legacy"},
        ),
    )
    heard = []

    def answer(request, **_):
        heard.append(received(request.method, request.url, request.headers))
        return AWSResponse(request.url, 204, {}, None)

    made.meta.events.register("before-send", answer)
    made.meta.events.register("before-parse", lambda **_: None)
    return made, heard


def heard_from(call, **how):
    made, heard = client(**how)
    try:
        call(made)
    except Exception:
        # What the client makes of an empty answer is not asked here.
        assert heard
    return heard[-1]


CALLS = {
    "list_buckets": lambda s3: s3.list_buckets(),
    "create_bucket": lambda s3: s3.create_bucket(Bucket="bkt"),
    "put_object": lambda s3: s3.put_object(
        Bucket="bkt", Key="a b/ü+%/../x//y~*(1)", Body=b"x" * 10, Metadata={"note": "a  b "}
    ),
    "put_encrypted": lambda s3: s3.put_object(
        Bucket="bkt", Key="k", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/x"
    ),
    "list_objects": lambda s3: s3.list_objects_v2(Bucket="bkt", Prefix="a+b c&=%/", Delimiter="/"),
    "copy_object": lambda s3: s3.copy_object(Bucket="bkt", Key="k", CopySource="bkt/a b+c"),
    "upload_part": lambda s3: s3.upload_part(
        Bucket="bkt", Key="k", UploadId="a+b/c=", PartNumber=1, Body=b"part"
    ),
    "delete_objects": lambda s3: s3.delete_objects(
        Bucket="bkt", Delete={"Objects": [{"Key": "k"}]}
    ),
    "get_policy": lambda s3: s3.get_bucket_policy(Bucket="bkt"),
}
STYLES = {"path": "", "virtual": "bkt"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("endpoint", ["http", "https"])
def test_what_boto3_sends_is_let_in(call, endpoint):
    verified = verify(heard_from(call, endpoint=endpoint, token=SESSION.session_token))
    assert verified.credential is SESSION
    assert verified.region == "us-east-1"
    assert verified.facts["authtype"] == "REST-HEADER"


def test_the_region_is_the_scopes():
    request = heard_from(CALLS["put_object"], style="virtual", region="ap-northeast-3")
    assert request.headers["host"] == "bkt.s3.ap-northeast-3.amazonaws.com"
    assert verify(request, expected_region="ap-northeast-3").region == "ap-northeast-3"


VERSION_2_CALLS = sorted(CALLS.keys() - {"list_buckets", "create_bucket"})


@pytest.mark.parametrize("name", VERSION_2_CALLS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("token", [None, SESSION.session_token], ids=["user", "session"])
def test_what_boto3_signs_with_version_2_is_let_in(name, style, token):
    request = heard_from(CALLS[name], style=style, version="s3", token=token)
    verified = verify(request, bucket_of_host=STYLES[style])
    assert verified.credential is (SESSION if token else USER)
    assert verified.facts["signatureversion"] == "AWS"


PRESIGNED_CALLS = {
    "get": ("get_object", {"Bucket": "bkt", "Key": "a b/ü+%/../x//y~*(1)"}),
    "get with a content type": (
        "get_object",
        {"Bucket": "bkt", "Key": "k", "ResponseContentType": "text/plain; charset=utf-8"},
    ),
    "get with a disposition": (
        "get_object",
        {"Bucket": "bkt", "Key": "k", "ResponseContentDisposition": 'attachment; filename="a+ü"'},
    ),
    "get a version": (
        "get_object",
        {"Bucket": "bkt", "Key": "k", "VersionId": "3/L4kqt+JlcpXroDT="},
    ),
    "head": ("head_object", {"Bucket": "bkt", "Key": "k"}),
    "list": ("list_objects_v2", {"Bucket": "bkt", "Prefix": "a b+c"}),
    "part": ("upload_part", {"Bucket": "bkt", "Key": "k", "UploadId": "a+/=", "PartNumber": 3}),
    "put": ("put_object", {"Bucket": "bkt", "Key": "k"}),
    "delete": ("delete_object", {"Bucket": "bkt", "Key": "k"}),
}
METHODS = {"list": "GET", "part": "PUT"}


def url_from_boto3(name, **how):
    operation, parameters = PRESIGNED_CALLS[name]
    made, _ = client(**how)
    url = made.generate_presigned_url(operation, parameters, ExpiresIn=300)
    return received(METHODS.get(name, name.split()[0].upper()), url)


@pytest.mark.parametrize("name", PRESIGNED_CALLS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("token", [None, SESSION.session_token], ids=["user", "session"])
def test_a_url_that_boto3_presigned_by_default_is_of_version_2_and_let_in(name, style, token):
    request = url_from_boto3(name, style=style, token=token)
    verified = verify(request, bucket_of_host=STYLES[style])
    assert verified.credential is (SESSION if token else USER)
    assert verified.facts == {"signatureversion": "AWS", "authtype": "REST-QUERY-STRING"}


@pytest.mark.parametrize("name", PRESIGNED_CALLS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("token", [None, SESSION.session_token], ids=["user", "session"])
def test_a_url_that_boto3_presigned_with_version_4_is_let_in(name, style, token):
    verified = verify(url_from_boto3(name, style=style, token=token, version="s3v4"))
    assert verified.credential is (SESSION if token else USER)
    assert verified.version == "AWS4-HMAC-SHA256"
    assert verified.payload_hash == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize("style", STYLES)
def test_headers_that_boto3_hides_in_a_url_of_version_2_are_signed(style):
    made, _ = client(style=style)
    parameters = {
        "Bucket": "bkt",
        "Key": "k",
        "ContentType": "text/plain",
        "ServerSideEncryption": "AES256",
        "Metadata": {"color": "red"},
    }
    url = made.generate_presigned_url("put_object", parameters)
    request = received("PUT", url, {"Content-Type": "text/plain"})
    assert verify(request, bucket_of_host=STYLES[style]).credential is USER
    for name in ("x-amz-server-side-encryption", "x-amz-meta-color", "content-type"):
        changed = altered(requeried(request, name, "other"), content_type=None)
        assert code_of(changed, bucket_of_host=STYLES[style]) == (403, "SignatureDoesNotMatch")


def test_a_header_hidden_in_a_url_cannot_be_read_as_two():
    made, _ = client()
    parameters = {"Bucket": "bkt", "Key": "k", "Metadata": {"a": "1", "b": "2"}}
    request = received("PUT", made.generate_presigned_url("put_object", parameters))
    assert verify(request).credential is USER
    joined = requeried(
        requeried(request, "x-amz-meta-b", None), "x-amz-meta-a", "1\nx-amz-meta-b:2"
    )
    assert code_of(joined) == (403, "SignatureDoesNotMatch")


def test_headers_that_a_url_of_version_2_hides_are_told():
    made, _ = client()
    parameters = {
        "Bucket": "bkt",
        "Key": "k",
        "ContentType": "text/plain",
        "ServerSideEncryption": "AES256",
        "Metadata": {"color": "red"},
    }
    url = made.generate_presigned_url("put_object", parameters)
    assert verify(received("PUT", f"{url}&range=bytes=0-1")).headers == {
        "content-type": "text/plain",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-meta-color": "red",
    }


def test_what_a_url_of_version_2_hides_about_the_body_holds():
    request = presigned_2("PUT", headers={"x-amz-content-sha256": EMPTY})
    assert verify(request).payload_hash == EMPTY


@pytest.mark.parametrize("sign", [signed, presigned, signed_2])
def test_no_other_signature_hides_headers(sign):
    url = f"{URL}?x-amz-meta-color=red&content-type=text%2Fplain"
    assert verify(sign("PUT", url)).headers == {}


@pytest.mark.parametrize("path", ["/bkt", "/bkt/"])
def test_version_2_may_be_signed_with_a_slash_behind_the_bucket_or_without(path):
    url = "http://127.0.0.1:4599/bkt"
    assert verify(signed_2(url=url, auth_path=path)).credential is USER
    for other in ("/bkt//", "/bk", "/bkt/k"):
        assert said(signed_2(url=url, auth_path=other)) == DIFFERS


def test_the_bucket_of_the_host_is_signed_in_version_2():
    request = url_from_boto3("get", style="virtual")
    assert code_of(request, bucket_of_host="another") == (403, "SignatureDoesNotMatch")


# --- Botocore's signers as the judge: whatever they sign is let in ------------------------

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
paths = st.lists(st.sampled_from(["", ".", "..", "a", "~", "-_.~"]) | any_text).map(
    lambda segments: quote("/bkt/" + "/".join(segments), safe="/~")
)
queries = st.lists(
    st.tuples(any_text, any_text).map(lambda pair: "=".join(quote(text, safe="") for text in pair)),
    max_size=4,
).map(lambda fields: "&".join(f"q{field}" for field in fields))
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
amz_headers = st.dictionaries(st.from_regex("x-amz-meta-[a-z]{1,8}", fullmatch=True), header_values)


@given(path=paths, query=queries, headers=amz_headers)
@example(path="/bkt/a/../b//c/./", query="a=1&a-b=2&b=&a=1", headers={"x-amz-meta-x": "  a   b  "})
@settings(max_examples=100, deadline=None)
def test_any_request_that_botocore_signed_is_let_in(path, query, headers):
    url = f"http://127.0.0.1:4599{path}?{query}"
    assert verify(signed("PUT", url, headers, b"body")).credential is USER


@given(path=paths, headers=amz_headers, expires=st.integers(60, 604_800))
@settings(max_examples=60, deadline=None)
def test_any_url_that_botocore_presigned_is_let_in(path, headers, expires):
    url = f"http://127.0.0.1:4599{path}?prefix=a%20b%2B&list-type=2"
    request = presigned("GET", url, headers, expires=expires)
    assert verify(request).credential is USER


@given(path=paths, headers=amz_headers)
@settings(max_examples=60, deadline=None)
def test_any_request_that_botocore_signed_with_version_2_is_let_in(path, headers):
    url = f"http://127.0.0.1:4599{path}?uploads&prefix=x&versionId=a%2Bb"
    for sign in (signed_2, presigned_2):
        assert verify(sign("POST", url, headers)).credential is USER


@pytest.mark.parametrize(
    "escaped", ["/bkt/a(1)'!*", "/bkt/a%281%29%27%21%2A", "/bkt/%61(1)%27!%2a"]
)
def test_a_path_may_be_escaped_in_another_way_than_it_was_signed(escaped):
    request = signed(url="http://127.0.0.1:4599" + quote("/bkt/a(1)'!*"))
    assert verify(request._replace(path=escaped)).credential is USER


@pytest.mark.parametrize("query", ["prefix=a%20b", "prefix=a+b", "prefix=%61%20b"])
def test_a_query_may_be_escaped_in_another_way_than_it_was_signed(query):
    request = signed(url="http://127.0.0.1:4599/bkt?prefix=a%20b")
    assert verify(request._replace(query=query)).credential is USER


@pytest.mark.parametrize("path", ["/bkt/x/../key", "/bkt//key", "/bkt/./key", "/bkt/key/"])
def test_a_path_is_not_normalised(path):
    request = signed(url="http://127.0.0.1:4599/bkt/key")
    assert code_of(request._replace(path=path)) == (403, "SignatureDoesNotMatch")


# --- What is told -------------------------------------------------------------------------


def test_of_a_signed_request_it_is_told_who_where_how_and_what():
    assert verify(signed(region="eu-west-3", body=b"abc")) == Verified(
        USER,
        "eu-west-3",
        "AWS4-HMAC-SHA256",
        "REST-HEADER",
        None,
        hashlib.sha256(b"abc").hexdigest(),
    )


def test_the_facts_are_condition_keys():
    assert verify(signed()).facts == {
        "signatureversion": "AWS4-HMAC-SHA256",
        "authtype": "REST-HEADER",
        "x-amz-content-sha256": EMPTY,
    }


def test_the_age_of_a_presigned_url_is_in_milliseconds(at):
    request = presigned()
    at(seconds(re.search(r"X-Amz-Date=(\w+)", request.query)[1]) + 90.5)
    assert verify(request).facts["signatureage"] == "90500"


def test_a_request_that_nobody_signed_is_anonymous():
    anonymous = verify(received("GET", URL))
    assert anonymous == Verified()
    assert anonymous.credential is None
    assert anonymous.facts == {}


def test_what_nobody_signed_of_the_body_holds_as_well():
    request = received("PUT", URL, {"x-amz-content-sha256": EMPTY})
    assert verify(request) == Verified(payload_hash=EMPTY)
    assert verify(altered(signed_2(), x_amz_content_sha256=None)).payload_hash == ""


def test_no_secret_is_shown():
    verified = verify(streaming(signed("PUT")))
    assert verified.chunk_signer
    assert SECRET not in f"{verified!r} {vars(verified.chunk_signer)!r}"


def streaming(request, payload_hash="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
    """`request` signed again, with another payload hash."""
    url = f"http://127.0.0.1:4599{request.path}"
    sent = AWSRequest(request.method, url, {"X-Amz-Content-SHA256": payload_hash})
    signer = S3SigV4Auth(LONG_TERM, "s3", "us-east-1")
    signer.payload = lambda _: payload_hash
    signer.add_auth(sent)
    return received(request.method, url, sent.headers)


@pytest.mark.parametrize(
    "payload_hash",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        hashlib.sha256(b"x").hexdigest(),
    ],
)
def test_a_payload_hash_is_told_and_where_chunks_are_signed_what_signs_them(payload_hash):
    verified = verify(streaming(signed("PUT"), payload_hash))
    assert verified.payload_hash == payload_hash
    assert (verified.chunk_signer is not None) == payload_hash.startswith("STREAMING-AWS4")


# --- Who is not let in --------------------------------------------------------------------

DIFFERS = (
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method.",
)
STRANGER = Credentials("AKIAI44QH8DHBEXAMPLE", SECRET)
FORGER = Credentials(USER.access_key_id, "x" * 40)


@every_way
def test_a_wrong_secret(sign):
    assert said(sign(credentials=FORGER)) == DIFFERS


@every_way
def test_an_unknown_access_key_is_told_before_the_signature_is_checked(sign):
    refused = refusal(reworded(sign(), USER.access_key_id, STRANGER.access_key))
    assert (refused.status, refused.code) == (403, "InvalidAccessKeyId")
    assert refused.message == "The AWS Access Key Id you provided does not exist in our records."
    assert refused.extras == {"AWSAccessKeyId": STRANGER.access_key}


@every_way
def test_temporary_credentials_with_their_token_are_let_in(sign):
    assert verify(sign(credentials=TEMPORARY)).credential is SESSION


@every_way
def test_temporary_credentials_without_their_token_are_unknown(sign):
    without = Credentials(SESSION.access_key_id, SECRET)
    assert code_of(sign(credentials=without)) == (403, "InvalidAccessKeyId")


@every_way
@pytest.mark.parametrize("access_key_id", [USER.access_key_id, SESSION.access_key_id])
def test_a_token_of_somebody_else(sign, access_key_id):
    foreign = Credentials(access_key_id, SECRET, "FwoGZXIvYXdzFOREIGN")
    assert said(sign(credentials=foreign)) == (
        400,
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
    )


TAMPERED = {
    "method": lambda request: request._replace(method="DELETE"),
    "path": lambda request: request._replace(path=f"{request.path}x"),
    "bucket": lambda request: request._replace(path="/another/a%20key"),
    "sub-resource": lambda request: request._replace(query=f"{request.query}&acl"),
    "signature": lambda request: reworded(request, *_other_signature(request)),
}


def _other_signature(request):
    text = request.headers.get("authorization", request.query)
    signature = re.search(r"(?:Signature=|AWS \w+:)([^&,]+)", text)[1].replace("%2B", "+")
    signature = signature.replace("%2F", "/").replace("%3D", "=")
    return signature, ("b" if signature[0] == "a" else "a") + signature[1:]


@every_way
@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_one_thing_changed_after_signing(sign, tamper):
    request = sign(url=f"{URL}?uploads=")
    assert verify(request).credential is USER
    assert said(tamper(request)) == DIFFERS


@pytest.mark.parametrize("sign", [signed, presigned], ids=["header", "presigned"])
def test_version_4_signs_the_host_and_the_whole_query(sign):
    request = sign(url=f"{URL}?prefix=a")
    assert said(altered(request, host="elsewhere")) == DIFFERS
    assert said(requeried(request, "prefix", "b")) == DIFFERS
    assert said(requeried(request, "more", "b")) == DIFFERS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_amz_acl", "public-read"),
        ("x_amz_date", "20200101T000000Z"),
        ("x_amz_content_sha256", hashlib.sha256(b"y").hexdigest()),
    ],
)
def test_version_4_signs_these_headers(name, value):
    request = signed(headers={"x-amz-acl": "private"})
    changed = altered(request, **{name: value})
    if name == "x_amz_date":
        changed = reworded(changed, request.headers["x-amz-date"][:8], "20200101")
    assert said(changed) == DIFFERS


@pytest.mark.parametrize("name", ["content_type", "content_md5", "date", "x_amz_meta_color"])
def test_version_2_signs_these_headers(name):
    headers = {"Content-Type": "a/b", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    request = signed_2("PUT", headers={**headers, "x-amz-meta-color": "red"})
    assert verify(request).credential is USER
    assert said(altered(request, **{name: formatdate(usegmt=True, timeval=1)})) == DIFFERS


def test_what_differs_is_shown_as_botocore_computed_it():
    sent = AWSRequest("PUT", f"{URL}?b=2&a=1", {"x-amz-acl": "private"}, b"body")
    signer = S3SigV4Auth(LONG_TERM, "s3", "us-east-1")
    signer.add_auth(sent)
    unsigned = AWSRequest("PUT", sent.url, dict(sent.headers.items()), b"body")
    unsigned.context["timestamp"] = sent.context["timestamp"]
    del unsigned.headers["Authorization"]
    canonical = signer.canonical_request(unsigned)
    to_sign = signer.string_to_sign(unsigned, canonical)
    forged = reworded(received("PUT", sent.url, sent.headers), "Signature=", "Signature=f")
    extras = refusal(forged).extras
    assert extras["CanonicalRequest"] == canonical
    assert extras["StringToSign"] == to_sign
    assert bytes.fromhex(extras["CanonicalRequestBytes"]) == canonical.encode()
    assert bytes.fromhex(extras["StringToSignBytes"]) == to_sign.encode()
    assert extras["StringToSignBytes"].startswith("41 57 53 34 2d")
    assert extras["AWSAccessKeyId"] == USER.access_key_id
    assert extras["SignatureProvided"] == forged.headers["authorization"].rpartition("=")[2]


def test_what_differs_in_version_2_is_shown_as_botocore_computed_it(monkeypatch):
    texts = []
    spied = HmacV1Auth.sign_string
    monkeypatch.setattr(
        HmacV1Auth, "sign_string", lambda self, text: texts.append(text) or spied(self, text)
    )
    request = signed_2("PUT", f"{URL}?acl", {"x-amz-acl": "private"}, credentials=FORGER)
    extras = refusal(request).extras
    assert extras["StringToSign"] == texts[-1]
    assert bytes.fromhex(extras["StringToSignBytes"]) == texts[-1].encode()
    assert extras["SignatureProvided"] == request.headers["authorization"].partition(":")[2]
    assert set(extras) == {
        "AWSAccessKeyId",
        "StringToSign",
        "StringToSignBytes",
        "SignatureProvided",
    }


# --- Headers that must be signed ----------------------------------------------------------

NOT_SIGNED = "There were headers present in the request which were not signed"


@pytest.mark.parametrize("sign", [signed, presigned], ids=["header", "presigned"])
def test_headers_of_amz_must_be_signed(sign):
    request = altered(sign(), x_amz_meta_b="1", x_amz_acl="public-read", user_agent="any")
    refused = refusal(request)
    assert (refused.status, refused.code, refused.message) == (403, "AccessDenied", NOT_SIGNED)
    assert refused.extras == {"HeadersNotSigned": "x-amz-acl, x-amz-meta-b"}


@pytest.mark.parametrize("sign", [signed, presigned], ids=["header", "presigned"])
def test_the_host_must_be_signed(sign):
    refused = refusal(reworded(sign(headers={"x-amz-acl": "private"}), "host;", ""))
    assert (refused.message, refused.extras) == (NOT_SIGNED, {"HeadersNotSigned": "host"})


def test_to_a_presigned_url_a_client_may_add_two_headers():
    request = altered(
        presigned("PUT"), x_amz_content_sha256="UNSIGNED-PAYLOAD", x_amz_user_agent="any"
    )
    assert verify(request).payload_hash == "UNSIGNED-PAYLOAD"


def test_in_a_header_nothing_may_be_unsigned():
    refused = refusal(altered(signed(), x_amz_user_agent="any"))
    assert refused.extras == {"HeadersNotSigned": "x-amz-user-agent"}


# --- The Authorization header -------------------------------------------------------------

MALFORMED = "The authorization header is malformed; "
COMPONENTS = (
    400,
    "AuthorizationHeaderMalformed",
    f"{MALFORMED}the authorization header requires three components: Credential, SignedHeaders, "
    "and Signature.",
)


@pytest.mark.parametrize("missing", ["Credential", "SignedHeaders", "Signature"])
def test_a_header_without_one_of_its_components(missing):
    header = re.sub(rf"(, )?{missing}=[^,]+", "", signed().headers["authorization"])
    assert said(altered(signed(), authorization=header)) == COMPONENTS


@pytest.mark.parametrize(
    "header", ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 x", "AWS4-HMAC-SHA256 ,="]
)
def test_a_header_without_any(header):
    assert said(altered(signed(), authorization=header)) == COMPONENTS


def test_a_component_that_stands_twice():
    header = f"{signed().headers['authorization']}, SignedHeaders=host"
    assert said(altered(signed(), authorization=header)) == COMPONENTS


def test_the_components_may_stand_in_any_order_with_other_blanks():
    request = signed()
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    turned_round = f"{algorithm} {',  '.join(reversed(rest.split(', ')))}"
    assert verify(altered(request, authorization=turned_round)).credential is USER


@pytest.mark.parametrize(
    "header", ["", "Basic dXNlcjpwYXNz", "AWS4-ECDSA-P256-SHA256 Credential=x"]
)
def test_another_way_of_authentication(header):
    refused = refusal(altered(signed(), authorization=header))
    assert (refused.status, refused.code) == (400, "InvalidArgument")
    assert refused.message == "Unsupported Authorization Type"
    assert refused.extras == {"ArgumentName": "Authorization", "ArgumentValue": header}


@pytest.mark.parametrize("header", ["AWS AKID", "AWS :x", "AWS AKID:", "AWS AKID:x:y"])
def test_a_header_of_version_2_that_is_none(header):
    refused = refusal(altered(signed_2(), authorization=header))
    assert (refused.status, refused.code) == (400, "InvalidArgument")
    assert refused.message == (
        "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
    )
    assert refused.extras == {"ArgumentName": "Authorization", "ArgumentValue": header}


TODAY = time.strftime("%Y%m%d", time.gmtime())
SCOPES = {
    "/us-east-1/s3/aws4_request": (
        "/s3/aws4_request",
        'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/'
        'aws4_request".',
    ),
    "/s3/": ("/kms/", 'incorrect service "kms". This endpoint belongs to "s3".'),
    "aws4_request": (
        "aws5_request",
        'incorrect terminal "aws5_request". This endpoint uses "aws4_request".',
    ),
    USER.access_key_id: (
        "",
        "a non-empty Access Key (AKID) must be provided in the credential.",
    ),
    "/us-east-1/": ("//", "a non-empty region must be provided in the credential."),
    "Y/": (
        "x/",
        'incorrect date format "20x". This date in the credential must be in the format '
        '"yyyyMMdd".',
    ),
}


def _with_scope(request, old, new):
    if old == "Y/":
        date = re.search(r"(?:/|%2F)(\d{8})(?:/|%2F)", str(request))[1]
        old, new = f"/{date}/", "/20x/"
    return reworded(request, old, new)


@pytest.mark.parametrize("old", SCOPES)
@pytest.mark.parametrize("sign", [signed, presigned], ids=["header", "presigned"])
def test_a_credential_with_a_wrong_scope(sign, old):
    new, problem = SCOPES[old]
    status, code, message = said(_with_scope(sign(), old, new))
    if sign is signed:
        assert (status, code) == (400, "AuthorizationHeaderMalformed")
        assert message == MALFORMED + problem
    else:
        assert (status, code) == (400, "AuthorizationQueryParametersError")
        assert message == f"Error parsing the X-Amz-Credential parameter; {problem}"


def test_a_scope_of_another_day(at):
    at(seconds(PUBLISHED))
    request = signed(headers={"x-amz-content-sha256": EMPTY})
    date = request.headers["x-amz-date"]
    assert said(altered(request, x_amz_date="20130525T000000Z")) == (
        400,
        "AuthorizationHeaderMalformed",
        f'{MALFORMED}Invalid credential date "{date[:8]}". This date is not the same as '
        'X-Amz-Date: "20130525".',
    )


@pytest.mark.parametrize("sign", [signed, presigned], ids=["header", "presigned"])
def test_another_region_than_the_expected_one(sign):
    refused = refusal(sign(region="eu-west-1"), expected_region="eu-central-1")
    assert refused.status == 400
    assert refused.message.endswith("; the region 'eu-west-1' is wrong; expecting 'eu-central-1'")
    assert refused.extras == {"Region": "eu-central-1"}
    assert verify(sign(region="eu-west-1")).region == "eu-west-1"


def test_a_region_that_does_not_exist():
    refused = refusal(signed(region="mars-1"))
    assert refused.code == "AuthorizationHeaderMalformed"
    assert refused.message == f"{MALFORMED}the region 'mars-1' is wrong; expecting 'us-east-1'"


@pytest.mark.parametrize("sign", [signed_2, presigned_2], ids=["header", "presigned"])
def test_younger_regions_do_not_take_version_2(sign):
    assert verify(sign(), expected_region="eu-west-1").credential is USER
    assert said(sign(), expected_region="eu-central-1") == (
        400,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use "
        "AWS4-HMAC-SHA256.",
    )


def test_the_header_needs_a_payload_hash():
    for absent in (None, ""):
        assert said(altered(signed(), x_amz_content_sha256=absent)) == (
            400,
            "InvalidRequest",
            "Missing required header for this request: x-amz-content-sha256",
        )


@pytest.mark.parametrize("value", ["x", "unsigned-payload", EMPTY[:-1], "STREAMING-AWS4"])
def test_a_payload_hash_that_is_none(value):
    for request in (signed(), presigned(), received("PUT", URL)):
        refused = refusal(altered(request, x_amz_content_sha256=value))
        assert (refused.status, refused.code) == (400, "InvalidArgument")
        assert refused.message.startswith("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ")
        assert refused.extras == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": value}


def test_signed_chunks_need_version_4():
    claimed = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    for request in (signed_2(headers=claimed), received("PUT", URL, claimed)):
        assert code_of(request) == (400, "InvalidRequest")


# --- Time ---------------------------------------------------------------------------------

NO_DATE = (403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")


@both_headers
@pytest.mark.parametrize("age", [890, -890])
def test_a_clock_may_be_wrong_by_15_minutes(at, sign, age):
    request = sign()
    at(datetime.now(UTC).timestamp() + age)
    assert verify(request).credential is USER


@both_headers
@pytest.mark.parametrize("age", [910, -910])
def test_a_clock_may_not_be_wrong_by_more(at, sign, age):
    request = sign()
    now = int(datetime.now(UTC).timestamp()) + age
    at(now)
    refused = refusal(request)
    assert (refused.status, refused.code) == (403, "RequestTimeTooSkewed")
    assert refused.message == (
        "The difference between the request time and the current time is too large."
    )
    assert refused.extras == {
        "RequestTime": request.headers.get("x-amz-date") or request.headers["date"],
        "ServerTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "MaxAllowedSkewMilliseconds": "900000",
    }


@both_headers
def test_a_wrong_secret_is_told_before_a_wrong_clock(at, sign):
    request = sign(credentials=FORGER)
    at(0)
    assert said(request) == DIFFERS


@both_headers
@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "20261399T256199Z", "2026-01-01T00:00:00Z"]
)
def test_a_request_without_a_date(sign, date):
    assert said(altered(sign(), date=date, x_amz_date=date)) == NO_DATE


def test_a_date_header_will_do_where_there_is_no_x_amz_date():
    request = signed(headers={"Date": formatdate(usegmt=True)})
    assert "x-amz-date" not in request.headers
    assert verify(request).credential is USER


def test_an_x_amz_date_stands_for_the_date_in_version_2():
    """Which botocore never sends: the text is the documentation's."""
    date = formatdate(usegmt=True)
    text = f"GET\n\n\n\nx-amz-date:{date}\n/bucket/key"
    signature = base64.b64encode(_hmac_sha1(text)).decode()
    headers = {"x-amz-date": date, "Authorization": f"AWS {USER.access_key_id}:{signature}"}
    request = received("GET", "http://127.0.0.1/bucket/key", headers)
    assert verify(request).credential is USER
    assert verify(altered(request, date=formatdate(1))).credential is USER


def _hmac_sha1(text):
    pads = [bytes(byte ^ pad for byte in SECRET.encode().ljust(64, b"\0")) for pad in (0x36, 0x5C)]
    inner = hashlib.sha1(pads[0] + text.encode()).digest()
    return hashlib.sha1(pads[1] + inner).digest()


# --- Presigned URLs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing", ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"]
)
def test_a_presigned_url_without_one_of_its_parameters(missing):
    for value in (None, ""):
        assert said(requeried(presigned(), f"X-Amz-{missing}", value)) == (
            400,
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters.",
        )


PARAMETERS = [
    ("Algorithm", "AWS4-HMAC-SHA1", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'),
    *[
        ("Date", value, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        for value in ("20260101", "Fri, 24 May 2013 00:00:00 GMT", "20261399T256199Z")
    ],
    *[
        ("Expires", value, "X-Amz-Expires should be a number")
        for value in ("x", "1.5", "0x10", "²", "9" * 5000)
    ],
    *[("Expires", value, "X-Amz-Expires must be non-negative") for value in ("0", "-1")],
    *[
        (
            "Expires",
            value,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            "X-Amz-Expires must be less than 604800 seconds",
        )
        for value in ("604801", "9223372036854775807")
    ],
]


@pytest.mark.parametrize(("name", "value", "message"), PARAMETERS)
def test_a_parameter_that_is_not_as_it_should_be(name, value, message):
    refused = said(requeried(presigned(), f"X-Amz-{name}", value))
    assert refused == (400, "AuthorizationQueryParametersError", message)


@pytest.mark.parametrize("name", ["Expires", "Date", "Security-Token"])
def test_the_parameters_themselves_are_signed(name):
    request = presigned(credentials=TEMPORARY, expires=60)
    assert verify(request).credential is SESSION
    date = re.search(r"X-Amz-Date=(\w+)", request.query)[1]
    other = {"Expires": "61", "Date": f"{date[:8]}T000000Z", "Security-Token": "other"}[name]
    expected = "InvalidToken" if name == "Security-Token" else "SignatureDoesNotMatch"
    assert code_of(requeried(request, f"X-Amz-{name}", other))[1] == expected


def test_a_presigned_url_expires(at):
    request = presigned(expires=60)
    made = seconds(re.search(r"X-Amz-Date=(\w+)", request.query)[1])
    at(made + 60)
    assert verify(request).credential is USER
    at(made + 61)
    refused = refusal(request)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert refused.message == "Request has expired"
    assert refused.extras == {
        "X-Amz-Expires": "60",
        "Expires": datetime.fromtimestamp(made + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ServerTime": datetime.fromtimestamp(made + 61, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_a_presigned_url_is_not_valid_before_its_time(at):
    request = presigned(expires=60)
    made = seconds(re.search(r"X-Amz-Date=(\w+)", request.query)[1])
    at(made - 900)
    assert verify(request).age == 0
    at(made - 901)
    refused = refusal(request)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert refused.message == "Request is not valid yet"
    assert set(refused.extras) == {"Expires", "ServerTime"}


def test_a_presigned_url_may_say_what_the_body_will_be():
    body_hash = hashlib.sha256(b"body").hexdigest()
    sent = AWSRequest("PUT", URL, {"x-amz-content-sha256": body_hash})
    S3SigV4QueryAuth(LONG_TERM, "s3", "us-east-1").add_auth(sent)
    request = received("PUT", sent.url, {"x-amz-content-sha256": body_hash})
    assert verify(request).payload_hash == body_hash
    assert said(altered(request, x_amz_content_sha256=EMPTY)) == DIFFERS


def test_a_url_of_version_2_expires(at):
    request = presigned_2(expires=60)
    expires = int(re.search(r"Expires=(\d+)", request.query)[1])
    at(expires)
    assert verify(request).credential is USER
    at(expires + 1)
    refused = refusal(request)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert refused.message == "Request has expired"
    assert refused.extras == {
        "Expires": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ServerTime": datetime.fromtimestamp(expires + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_the_end_of_a_url_of_version_2_is_signed():
    request = presigned_2()
    expires = int(re.search(r"Expires=(\d+)", request.query)[1])
    assert said(requeried(request, "Expires", str(expires + 1))) == DIFFERS


@pytest.mark.parametrize("missing", ["AWSAccessKeyId", "Signature", "Expires"])
def test_a_url_of_version_2_without_one_of_its_parameters(missing):
    assert said(requeried(presigned_2(), missing, None)) == (
        403,
        "AccessDenied",
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
    )


@pytest.mark.parametrize("expires", ["tomorrow", "-1", "²", "1e9", "9" * 5000])
def test_a_url_of_version_2_that_ends_at_no_time(expires):
    assert said(requeried(presigned_2(), "Expires", expires)) == (
        403,
        "AccessDenied",
        f"Invalid date (should be seconds since epoch): {expires}".replace("²", "Â²"),
    )


@pytest.mark.parametrize("name", ["response-content-type", "response%2Dcontent-type"])
def test_an_override_cannot_be_added_to_a_url_of_version_2(name):
    request = presigned_2()
    assert said(request._replace(query=f"{request.query}&{name}=text/html")) == DIFFERS


def subresources_of_the_model():
    model = boto3.Session().client("s3", "us-east-1").meta.service_model
    uris = [model.operation_model(name).http["requestUri"] for name in model.operation_names]
    return sorted({uri.partition("?")[2].partition("&")[0] for uri in uris} - {"", "list-type=2"})


@pytest.mark.parametrize("name", subresources_of_the_model())
@pytest.mark.parametrize("sign", [signed_2, presigned_2], ids=["header", "presigned"])
def test_a_sub_resource_cannot_be_added_after_signing_with_version_2(sign, name):
    request = sign("PUT", "http://127.0.0.1:4599/bkt?prefix=x")
    for added in (name, f"{name}=", name.replace(name[-1], f"%{ord(name[-1]):02X}")):
        assert said(request._replace(query=f"{request.query}&{added}")) == DIFFERS


# --- Two signatures at once ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (signed, presigned),
        (signed, presigned_2),
        (signed_2, presigned),
        (signed_2, presigned_2),
        (presigned, presigned_2),
    ],
)
def test_a_request_is_signed_in_one_way(one, other):
    first, second = one(), other()
    query = f"{first.query}&{second.query}".strip("&")
    refused = refusal(first._replace(query=query))
    assert (refused.status, refused.code) == (400, "InvalidArgument")
    assert refused.message == (
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified"
    )


# --- Garbage ------------------------------------------------------------------------------

latin_text = st.text(st.characters(max_codepoint=255), max_size=40)
fragments = st.lists(
    st.sampled_from(
        [
            "AWS ",
            "AWS4-HMAC-SHA256 ",
            "Credential=",
            f"{USER.access_key_id}/{TODAY}/us-east-1/s3/aws4_request",
            USER.access_key_id,
            ", SignedHeaders=host",
            ", Signature=",
            "0" * 64,
            ":",
            "%",
            "&",
            "=",
        ]
    )
    | latin_text,
    max_size=8,
).map("".join)
query_fragments = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "X-Amz-Algorithm",
                "X-Amz-Credential",
                "X-Amz-Date",
                "X-Amz-Expires",
                "X-Amz-SignedHeaders",
                "X-Amz-Signature",
                "AWSAccessKeyId",
                "Signature",
                "Expires",
            ]
        )
        | latin_text,
        st.sampled_from(["AWS4-HMAC-SHA256", "20260101T000000Z", "60", "host", USER.access_key_id])
        | latin_text,
    ).map("=".join),
    max_size=8,
).map("&".join)


@given(
    path=latin_text,
    query=query_fragments,
    authorization=st.none() | fragments,
    date=st.none() | st.just(formatdate()) | latin_text,
)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_refused_or_anonymous(path, query, authorization, date):
    headers = {"host": "h", "authorization": authorization, "date": date}
    headers = {name: value for name, value in headers.items() if value is not None}
    try:
        verified = verify(Request("GET", path, query, headers, b""))
    except ServiceError:
        return
    assert verified.credential is None
    assert authorization is None
