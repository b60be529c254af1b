"""What is raced: each arm is a function that prepares a world and returns one call to repeat.

An arm runs in a process of its own (`benchmarks.race`), so that no library patches another's
client. An arm of another emulator uses it as its documentation says.
"""

import os
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse

from kmslab import Lab
from kmslab.wire.boto import CONFIG, RawBody, as_request
from kmslab.wire.message import Answer, Request

Call = Callable[[], object]
SECRET = b"the door code is 4711"

MANY_KEYS = 100_000


def lab_encrypt() -> Call:
    """boto3 Encrypt against a lab, everything included."""
    kms = Lab().client("kms")
    return _encrypt(kms, kms.create_key()["KeyMetadata"]["KeyId"])


def direct_encrypt() -> Call:
    """The lab's Python API, without boto3."""
    lab = Lab()
    key_id = lab.call("CreateKey")["KeyMetadata"]["KeyId"]
    return lambda: lab.call("Encrypt", KeyId=key_id, Plaintext=SECRET)


def canned_encrypt() -> Call:
    """A plain boto3 client of the same Config whose hook returns one stored answer: boto3's own
    cost, the limit."""
    import boto3

    signed, door = _signed_encrypt()
    canned = door(signed)
    kms = boto3.client(
        "kms",
        region_name="us-east-1",
        config=CONFIG,
        aws_access_key_id="AKIABENCHMARK0000000",
        aws_secret_access_key="a-secret-for-benchmarks",
    )

    def reply(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, canned.status, canned.headers, RawBody(canned.body))

    kms.meta.events.register("before-send.kms", reply)
    return _encrypt(kms, "alias/canned")


def door_encrypt() -> Call:
    """The door alone: one signed request answered, without boto3."""
    signed, door = _signed_encrypt()
    return lambda: door(signed)


def moto_encrypt() -> Call:
    kms = _moto_client()
    return _encrypt(kms, kms.create_key()["KeyMetadata"]["KeyId"])


def moto_default_encrypt() -> Call:
    """moto behind a client as boto3 makes it: its user agent is made anew for each call."""
    kms = _moto_client(config=None)
    return _encrypt(kms, kms.create_key()["KeyMetadata"]["KeyId"])


def lab_create_key() -> Call:
    return Lab().client("kms").create_key  # type: ignore[no-any-return]


def moto_create_key() -> Call:
    return _moto_client().create_key  # type: ignore[no-any-return]


def one_key_by_id() -> Call:
    return lab_encrypt()


def many_keys_by_id() -> Call:
    kms, key_id = _full_lab()
    return _encrypt(kms, key_id)


def many_keys_by_alias() -> Call:
    kms, key_id = _full_lab()
    kms.create_alias(AliasName="alias/bench", TargetKeyId=key_id)
    return _encrypt(kms, "alias/bench")


def first_page_of_one_hundred() -> Call:
    kms = Lab().client("kms")
    for _ in range(101):
        kms.create_key()
    return lambda: kms.list_keys(Limit=100)


def deep_page_of_many() -> Call:
    """A page from the middle of 100,000 keys."""
    kms, _ = _full_lab()
    marker, page = None, {}
    for _ in range(MANY_KEYS // 2000):
        page = kms.list_keys(Limit=1000, **({"Marker": marker} if marker else {}))
        marker = page["NextMarker"]
    return lambda: kms.list_keys(Limit=100, Marker=marker)


def _signed_encrypt() -> tuple[Request, Callable[[Request], Answer]]:
    """One Encrypt as it was signed and sent, and the door of the lab it was sent to."""
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    sent: list[Any] = []
    kms.meta.events.register("before-send.kms", lambda request, **_: sent.append(request))
    kms.encrypt(KeyId=key_id, Plaintext=SECRET)
    return as_request(sent[-1]), lab.endpoint.handle


def _encrypt(kms: Any, key_id: str) -> Call:
    return lambda: kms.encrypt(KeyId=key_id, Plaintext=SECRET)


def _full_lab() -> tuple[Any, str]:
    """A client in an account with 100,000 keys, and the id of one of them."""
    kms = Lab().client("kms")
    for _ in range(MANY_KEYS - 1):
        kms.create_key()
    return kms, kms.create_key()["KeyMetadata"]["KeyId"]


def _moto_client(config: Any = CONFIG) -> Any:
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "testing"
    mock_aws().start()
    return boto3.client("kms", region_name="us-east-1", config=config)
