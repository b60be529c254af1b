"""Signed requests, for tests that change one thing about them.

`ListeningLab` remembers what real boto3 clients sent; `signed_request` builds what they would
send, with botocore's own signer, so that the door is never judged by its own arithmetic.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kmslab import DEFAULT_REGION, Lab
from kmslab.wire.message import Request

HOST = "127.0.0.1:4599"
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"

AUTHENTICATION_CODES = {
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}


class ListeningLab(Lab):
    """A lab that keeps every request it was asked and every answer it gave."""

    def __init__(self, *arguments, **named):
        self.heard, self.answered = [], []
        super().__init__(*arguments, **named)

    def handle(self, request):
        self.heard.append(request)
        self.answered.append(super().handle(request))
        return self.answered[-1]


def signed_request(
    access_key,
    operation="ListKeys",
    body=b"{}",
    *,
    service="kms",
    region=DEFAULT_REGION,
    path="/",
    query="",
    headers=(),
    age=0,
    timestamp=None,
    content_type=JSON,
):
    """A request of `access_key`, signed by botocore `age` seconds ago, as HTTP delivers it."""
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    sent = AWSRequest("POST", url, {"Content-Type": content_type, **dict(headers)}, body)
    if operation:
        sent.headers["X-Amz-Target"] = f"TrentService.{operation}"
    signed_at = datetime.now(UTC) - timedelta(seconds=age)
    sent.context["timestamp"] = timestamp or signed_at.strftime("%Y%m%dT%H%M%SZ")
    sent.headers["X-Amz-Date"] = sent.context["timestamp"]
    credentials = Credentials(access_key.access_key_id, access_key.secret_access_key)
    signer = SigV4Auth(credentials, service, region)
    to_sign = signer.string_to_sign(sent, signer.canonical_request(sent))
    sent.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(sent)}, "
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(sent))}, "
        f"Signature={signer.signature(to_sign, sent)}"
    )
    return as_received(sent)


def as_received(sent):
    """An AWSRequest of botocore as the door gets it from an HTTP server."""
    parts = urlsplit(sent.url)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    headers.setdefault("host", parts.netloc)
    return Request(sent.method, parts.path, parts.query, headers, sent.data)


def altered(request, **headers):
    """`request` with headers set (None: left out); the rest, signature too, as it was."""
    kept = dict(request.headers)
    for name, value in headers.items():
        name = name.replace("_", "-")
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return request._replace(headers=kept)


def administrator_key(lab):
    return lab.credentials(lab.administrator())


def with_secret(access_key, secret_access_key):
    return replace(access_key, secret_access_key=secret_access_key)


def ask(lab, operation, body, **how):
    """The answer to a correctly signed request of the administrator; `body` bytes or JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lab.handle(signed_request(administrator_key(lab), operation, raw, **how))


def refusal(answer):
    """The code and the text of a refusal in the JSON protocol."""
    assert answer.status == 400, answer
    members = json.loads(answer.body)
    return members["__type"], members.get("message", "")


def nested_grant_tokens(depth, count):
    """The body of an Encrypt with `count` grant tokens that are lists in lists in lists."""
    token = "[" * depth + "]" * depth
    tokens = ",".join([token] * count)
    return f'{{"KeyId":"x","Plaintext":"YQ==","GrantTokens":[{tokens}]}}'.encode()
