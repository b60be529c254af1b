"""AWS managed keys through boto3: there when named, to be looked at and never to be used."""

import json

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    allow,
    hidden_key,
    no_identity_policy,
    no_key_policy,
    refused,
)

pytest_plugins = ["lab_session"]

ALIAS = "alias/aws/s3"
ALIAS_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:{ALIAS}"


def described(kms, name=ALIAS):
    return kms.describe_key(KeyId=name)["KeyMetadata"]


@pytest.fixture
def managed(kms):
    """The ARN of the AWS managed key of S3."""
    return described(kms)["Arn"]


@pytest.mark.parametrize("name", [ALIAS, ALIAS_ARN])
def test_it_appears_when_it_is_described_by_its_alias(kms, name):
    assert kms.list_keys()["Keys"] == []
    metadata = described(kms, name)
    assert (metadata["KeyManager"], metadata["KeyState"]) == ("AWS", "Enabled")
    assert metadata["Description"].startswith("Default key that protects my S3 objects")
    assert (metadata["Origin"], metadata["KeySpec"]) == ("AWS_KMS", "SYMMETRIC_DEFAULT")
    assert [key["KeyArn"] for key in kms.list_keys()["Keys"]] == [metadata["Arn"]]
    (alias,) = kms.list_aliases()["Aliases"]
    assert (alias["AliasName"], alias["AliasArn"]) == (ALIAS, ALIAS_ARN)
    assert alias["TargetKeyId"] == metadata["KeyId"]


def test_it_is_made_once_in_each_account_and_region(lab, kms, managed):
    elsewhere = (
        lab.client("kms", region_name=OTHER_REGION),
        lab.client("kms", lab.administrator(OTHER_ACCOUNT)),
    )
    assert described(kms)["Arn"] == managed
    assert len({managed, *(described(client)["Arn"] for client in elsewhere)}) == 3


@pytest.mark.parametrize("service", ["ebs", "rds", "secretsmanager", "sqs", "ssm", "lambda"])
def test_every_service_has_its_own(kms, managed, service):
    metadata = described(kms, f"alias/aws/{service}")
    assert metadata["KeyManager"] == "AWS"
    assert metadata["Arn"] != managed


@pytest.mark.parametrize("name", ["alias/aws/none-such", "alias/aws/", "alias/aws", "alias/s3"])
def test_no_other_alias_makes_a_key(kms, name):
    sentence = f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:{name} is not found."
    with refused("NotFoundException", sentence):
        described(kms, name)
    assert kms.list_keys()["Keys"] == []


def test_only_describe_key_makes_it(kms):
    with refused("NotFoundException", f"Alias {ALIAS_ARN} is not found."):
        kms.encrypt(KeyId=ALIAS, Plaintext=b"x")
    assert kms.list_keys()["Keys"] == []


def test_its_policy_is_fixed_by_aws_and_can_be_read(kms, managed):
    document = json.loads(kms.get_key_policy(KeyId=managed)["Policy"])
    through_the_service, to_the_account = document["Statement"]
    assert through_the_service["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": ACCOUNT,
            "kms:ViaService": f"s3.{REGION}.amazonaws.com",
        }
    }
    assert through_the_service["Principal"] == {"AWS": "*"}
    assert to_the_account["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert to_the_account["Action"] == ["kms:Describe*", "kms:Get*", "kms:List*"]


DIRECT_CALLS = {
    "Encrypt": lambda kms, arn: kms.encrypt(KeyId=arn, Plaintext=b"x"),
    "GenerateDataKey": lambda kms, arn: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda kms, arn: kms.generate_data_key_without_plaintext(
        KeyId=arn, KeySpec="AES_256"
    ),
    "EnableKey": lambda kms, arn: kms.enable_key(KeyId=arn),
    "DisableKey": lambda kms, arn: kms.disable_key(KeyId=arn),
    "ScheduleKeyDeletion": lambda kms, arn: kms.schedule_key_deletion(KeyId=arn),
    "CancelKeyDeletion": lambda kms, arn: kms.cancel_key_deletion(KeyId=arn),
    "UpdateKeyDescription": lambda kms, arn: kms.update_key_description(
        KeyId=arn, Description="mine"
    ),
    "PutKeyPolicy": lambda kms, arn: kms.put_key_policy(KeyId=arn, Policy="{}"),
    "TagResource": lambda kms, arn: kms.tag_resource(
        KeyId=arn, Tags=[{"TagKey": "a", "TagValue": "b"}]
    ),
    "UntagResource": lambda kms, arn: kms.untag_resource(KeyId=arn, TagKeys=["a"]),
    "CreateAlias": lambda kms, arn: kms.create_alias(AliasName="alias/mine", TargetKeyId=arn),
}


@pytest.mark.parametrize("operation", DIRECT_CALLS)
def test_not_even_the_administrator_uses_or_changes_it(lab, kms, managed, operation):
    with no_key_policy(lab.administrator(), f"kms:{operation}", managed):
        DIRECT_CALLS[operation](kms, managed)


def test_nothing_is_re_encrypted_to_it(lab, kms, managed, arn):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    with no_key_policy(lab.administrator(), "kms:ReEncryptTo", managed):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=ALIAS)


def test_it_can_be_looked_at(kms, managed):
    assert kms.list_resource_tags(KeyId=managed)["Tags"] == []
    assert kms.list_key_policies(KeyId=managed)["PolicyNames"] == ["default"]
    assert len(kms.list_aliases(KeyId=managed)["Aliases"]) == 1


@pytest.mark.parametrize("operation", ["create_alias", "update_alias", "delete_alias"])
def test_its_alias_belongs_to_aws(kms, managed, arn, operation):
    asked = {} if operation == "delete_alias" else {"TargetKeyId": arn}
    with refused("NotAuthorizedException", None):
        getattr(kms, operation)(AliasName=ALIAS, **asked)


def test_looking_at_it_still_needs_an_identity_policy(lab, managed):
    nobody = lab.user("nobody")
    with no_identity_policy(nobody, "kms:DescribeKey", managed):
        described(lab.client("kms", nobody))


@pytest.mark.parametrize("name", [ALIAS, ALIAS_ARN])
def test_who_may_not_look_at_it_does_not_bring_it_about(lab, kms, name):
    with refused("AccessDeniedException", None):
        described(lab.client("kms", lab.user("nobody")), name)
    with refused("InvalidGrantTokenException", None):
        kms.describe_key(KeyId=name, GrantTokens=["junk"])
    assert kms.list_keys()["Keys"] == []
    assert kms.list_aliases()["Aliases"] == []


def test_who_may_look_at_it_brings_it_about_and_the_event_names_it(lab):
    reader = lab.user("reader", allow("kms:DescribeKey"))
    made = described(lab.client("kms", reader))["Arn"]
    event = lab.events()[-1]
    assert event["eventName"] == "DescribeKey"
    assert [resource["ARN"] for resource in event["resources"]] == [made]
    assert described(lab.client("kms"))["Arn"] == made


def test_another_account_sees_nothing_of_it(lab, managed):
    stranger = lab.administrator(OTHER_ACCOUNT)
    client = lab.client("kms", stranger)
    for name in (managed, ALIAS_ARN, ALIAS_ARN.replace("s3", "ebs")):
        with hidden_key(stranger, "kms:DescribeKey"):
            described(client, name)
    assert client.list_keys()["Keys"] == []
