"""Custom key stores through boto3: what an account without any is told."""

import pytest
from aws_words import allow, no_identity_policy, refused

pytest_plugins = ["lab_session"]

STORE_ID = "cks-1234567890abcdef0"
CLUSTER = {
    "CloudHsmClusterId": "cluster-aB2cD3eF4gH",
    "TrustAnchorCertificate": "certificate",
    "KeyStorePassword": "a password",
}
PROXY = {
    "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
    "XksProxyConnectivity": "PUBLIC_ENDPOINT",
    "XksProxyUriEndpoint": "https://proxy.example.com",
    "XksProxyUriPath": "/kms/xks/v1",
    "XksProxyAuthenticationCredential": {
        "AccessKeyId": "ABCDE234567EXAMPLEKEY",
        "RawSecretAccessKey": "anExampleSecretOf43LettersThatOpensNothing4",
    },
}


def test_an_account_has_no_custom_key_stores(kms):
    answer = kms.describe_custom_key_stores()
    assert (answer["CustomKeyStores"], answer["Truncated"]) == ([], False)


@pytest.mark.parametrize(
    "call",
    [
        lambda kms: kms.describe_custom_key_stores(CustomKeyStoreId=STORE_ID),
        lambda kms: kms.describe_custom_key_stores(CustomKeyStoreName="mine"),
        lambda kms: kms.connect_custom_key_store(CustomKeyStoreId=STORE_ID),
        lambda kms: kms.disconnect_custom_key_store(CustomKeyStoreId=STORE_ID),
        lambda kms: kms.update_custom_key_store(CustomKeyStoreId=STORE_ID),
        lambda kms: kms.delete_custom_key_store(CustomKeyStoreId=STORE_ID),
        lambda kms: kms.generate_random(NumberOfBytes=8, CustomKeyStoreId=STORE_ID),
        lambda kms: kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=STORE_ID),
        lambda kms: kms.create_key(
            Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=STORE_ID, XksKeyId="bb8562717f809024"
        ),
    ],
)
def test_a_store_that_is_named_is_not_there(kms, call):
    with refused("CustomKeyStoreNotFoundException", ""):
        call(kms)
    assert kms.list_keys()["Keys"] == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (CLUSTER, "CloudHsmClusterNotFoundException"),
        (PROXY, "XksProxyUriUnreachableException"),
        (
            {**PROXY, "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE"},
            "XksProxyVpcEndpointServiceNotFoundException",
        ),
        ({}, "ValidationException"),
        ({"CustomKeyStoreType": "EXTERNAL_KEY_STORE"}, "ValidationException"),
    ],
)
def test_a_store_cannot_be_made_since_nothing_is_there_to_make_it_of(lab, kms, asked, code):
    with refused(code, None):
        kms.create_custom_key_store(CustomKeyStoreName="mine", **asked)
    event = lab.events()[-1]
    assert (event["eventName"], event["errorCode"]) == ("CreateCustomKeyStore", code)
    told = str(event["requestParameters"])
    assert "mine" in told
    assert "a password" not in told
    assert PROXY["XksProxyAuthenticationCredential"]["RawSecretAccessKey"] not in told


@pytest.mark.parametrize(
    "asked",
    [
        {"Origin": "AWS_CLOUDHSM"},
        {"Origin": "EXTERNAL_KEY_STORE"},
        {"CustomKeyStoreId": STORE_ID},
        {"XksKeyId": "bb8562717f809024"},
        {"Origin": "EXTERNAL", "CustomKeyStoreId": STORE_ID},
    ],
)
def test_members_of_a_key_in_a_store_go_together(kms, asked):
    with refused("ValidationException", None):
        kms.create_key(**asked)


def test_only_who_may_is_told_what_there_is(lab):
    user = lab.user("nobody")
    client = lab.client("kms", user)
    with no_identity_policy(user, "kms:DescribeCustomKeyStores", "*"):
        client.describe_custom_key_stores()
    with no_identity_policy(user, "kms:DeleteCustomKeyStore", "*"):
        client.delete_custom_key_store(CustomKeyStoreId=STORE_ID)
    lab.user("nobody", allow("kms:DescribeCustomKeyStores"))
    client.describe_custom_key_stores()
