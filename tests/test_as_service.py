"""A call that a service makes for itself: really decided, really recorded, by the rules of all."""

import pytest

from kmslab.errors import ServiceError
from kmslab.learn import classroom_lab, service_call

DYNAMODB = "dynamodb.amazonaws.com"
TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/salaries"


@pytest.fixture
def lab():
    return classroom_lab("service call")


@pytest.fixture
def key_id(lab):
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_grant(
        KeyId=key_id,
        GranteeServicePrincipal=DYNAMODB,
        RetiringPrincipal=lab.administrator().arn,
        Operations=["GenerateDataKey"],
        Constraints={"SourceArn": TABLE},
    )
    return key_id


@pytest.mark.parametrize(
    ("service", "source_arn", "allowed"),
    [
        (DYNAMODB, TABLE, True),
        (DYNAMODB, TABLE + "-2", False),
        ("s3.amazonaws.com", TABLE, False),
    ],
)
def test_a_grant_to_a_service_allows_its_calls_for_one_resource(
    lab, key_id, service, source_arn, allowed
):
    decision = service_call(
        lab, service, "GenerateDataKey", source_arn, KeyId=key_id, KeySpec="AES_256"
    )
    assert decision.allowed is allowed
    assert bool(decision.grant) is allowed
    event = lab.events()[-1]
    assert event["eventName"] == "GenerateDataKey"
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": service}
    assert ("errorCode" in event) is not allowed


def test_what_fails_for_another_reason_is_raised(lab, key_id):
    lab.client("kms").disable_key(KeyId=key_id)
    with pytest.raises(ServiceError, match="DisabledException"):
        service_call(lab, DYNAMODB, "GenerateDataKey", TABLE, KeyId=key_id, KeySpec="AES_256")
