"""What tests of envelopes share: a lab with two KMS keys, AWS's own library beside it, messages."""

from collections.abc import Mapping
from typing import Any

import aws_encryption_sdk
import botocore.session
from aws_encryption_sdk.identifiers import AlgorithmSuite, CommitmentPolicy
from aws_encryption_sdk.key_providers.kms import (
    KMSMasterKey,
    KMSMasterKeyConfig,
    StrictAwsKmsMasterKeyProvider,
)
from botocore.awsrequest import AWSResponse

from kmslab import Lab, envelope
from kmslab.wire.boto import RawBody, as_request

CONTEXT = {"Abteilung": "Löhne", "月": "五月", "a": ""}
AWS = aws_encryption_sdk.EncryptionSDKClient(
    commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
)


class DataKeyInHand(envelope.DataKeys):
    """For a reader who was told the data key."""

    def __init__(self, plaintext_data_key: bytes) -> None:
        self._plaintext_data_key = plaintext_data_key

    def for_sealing(self, suite: Any, encryption_context: Any, length: int | None) -> Any:
        raise NotImplementedError

    def for_opening(
        self, suite: Any, encrypted_data_keys: Any, encryption_context: Mapping[str, str]
    ) -> bytes:
        return self._plaintext_data_key


def raw_key(name: str = "wrapping", byte: bytes = b"\x07") -> envelope.RawAesKey:
    return envelope.RawAesKey("tests", name, byte * 32)


def master_key(kms: Any, arn: str) -> KMSMasterKey:
    """AWS's own provider of a KMS key, with its calls answered by the client `kms`."""
    return KMSMasterKey(config=KMSMasterKeyConfig(key_id=arn, client=kms))


def answered_session(lab: Lab) -> botocore.session.Session:
    """A session all of whose KMS clients, in every Region, are answered by `lab`."""
    session = botocore.session.get_session()
    credential = lab.credentials(lab.administrator())
    session.set_credentials(credential.access_key_id, credential.secret_access_key)

    def answer(request: Any, **_: Any) -> AWSResponse:
        answered = lab.handle(as_request(request))
        return AWSResponse(request.url, answered.status, answered.headers, RawBody(answered.body))

    session.register("before-send.kms", answer)
    return session


def strict_provider(lab: Lab, *arns: str) -> StrictAwsKmsMasterKeyProvider:
    return StrictAwsKmsMasterKeyProvider(key_ids=list(arns), botocore_session=answered_session(lab))


def sealed_by_aws(
    plaintext: bytes,
    keys: Any,
    suite: envelope.Suite,
    frame_length: int,
    context: Mapping[str, str] = CONTEXT,
) -> bytes:
    message, _ = AWS.encrypt(
        source=plaintext,
        key_provider=keys,
        encryption_context=dict(context),
        frame_length=frame_length,
        algorithm=AlgorithmSuite.get_by_id(suite.value),
    )
    return message


def opened_by_aws(message: bytes, keys: Any) -> bytes:
    plaintext, _ = AWS.decrypt(source=message, key_provider=keys)
    return plaintext
