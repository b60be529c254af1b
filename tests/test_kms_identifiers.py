"""The four ways to name a KMS key, which operation takes which, and what a wrong name gets."""

import json

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    REGION,
    UNKNOWN_KEY_ID,
    allow,
    denied,
    hidden_key,
    no_identity_policy,
    policy,
    refused,
)
from botocore.exceptions import ClientError

pytest_plugins = ["lab_session"]

TAGS = [{"TagKey": "cost", "TagValue": "1"}]
POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def blob_of(kms):
    return kms.encrypt(KeyId="alias/app", Plaintext=b"x")["CiphertextBlob"]


# How each operation is given a name. `alias/app` is the key's alias in every test below.
USES = {
    "Encrypt": lambda kms, name: kms.encrypt(KeyId=name, Plaintext=b"x"),
    "Decrypt": lambda kms, name: kms.decrypt(KeyId=name, CiphertextBlob=blob_of(kms)),
    "ReEncrypt source": lambda kms, name: kms.re_encrypt(
        CiphertextBlob=blob_of(kms), SourceKeyId=name, DestinationKeyId="alias/app"
    ),
    "ReEncrypt destination": lambda kms, name: kms.re_encrypt(
        CiphertextBlob=blob_of(kms), DestinationKeyId=name
    ),
    "GenerateDataKey": lambda kms, name: kms.generate_data_key(KeyId=name, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda kms, name: kms.generate_data_key_without_plaintext(
        KeyId=name, KeySpec="AES_256"
    ),
    "DescribeKey": lambda kms, name: kms.describe_key(KeyId=name),
}

MANAGEMENT = {
    "EnableKey": lambda kms, name: kms.enable_key(KeyId=name),
    "DisableKey": lambda kms, name: kms.disable_key(KeyId=name),
    "UpdateKeyDescription": lambda kms, name: kms.update_key_description(
        KeyId=name, Description="new"
    ),
    "TagResource": lambda kms, name: kms.tag_resource(KeyId=name, Tags=TAGS),
    "UntagResource": lambda kms, name: kms.untag_resource(KeyId=name, TagKeys=["cost"]),
    "ListResourceTags": lambda kms, name: kms.list_resource_tags(KeyId=name),
    "GetKeyPolicy": lambda kms, name: kms.get_key_policy(KeyId=name),
    "PutKeyPolicy": lambda kms, name: kms.put_key_policy(KeyId=name, Policy=POLICY),
    "ListKeyPolicies": lambda kms, name: kms.list_key_policies(KeyId=name),
    "ListAliases": lambda kms, name: kms.list_aliases(KeyId=name),
    "ScheduleKeyDeletion": lambda kms, name: kms.schedule_key_deletion(KeyId=name),
    "CancelKeyDeletion": lambda kms, name: cancel_deletion(kms, name),
}

ALIASING = {
    "CreateAlias": lambda kms, name: kms.create_alias(AliasName="alias/new", TargetKeyId=name),
    "UpdateAlias": lambda kms, name: kms.update_alias(AliasName="alias/app", TargetKeyId=name),
}

EVERY = USES | MANAGEMENT | ALIASING


def cancel_deletion(kms, name):
    metadata = kms.describe_key(KeyId="alias/app")["KeyMetadata"]
    if metadata["Enabled"]:
        kms.schedule_key_deletion(KeyId=metadata["KeyId"])
    return kms.cancel_key_deletion(KeyId=name)


@pytest.fixture
def named(kms, arn):
    """The ARN of a key with the alias `alias/app`."""
    kms.create_alias(AliasName="alias/app", TargetKeyId=arn)
    return arn


def written(arn, form):
    names = {
        "key id": arn.rpartition("/")[2],
        "key ARN": arn,
        "alias name": "alias/app",
        "alias ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/app",
    }
    return names[form]


@pytest.mark.parametrize("form", ["key id", "key ARN", "alias name", "alias ARN"])
@pytest.mark.parametrize("operation", USES)
def test_whoever_uses_a_key_may_name_it_in_four_ways(kms, named, operation, form):
    answer = USES[operation](kms, written(named, form))
    found = answer.get("KeyMetadata", {}).get("Arn") or answer["KeyId"]
    assert found == named, "the answer names the key by its ARN, however it was asked for"


@pytest.mark.parametrize("form", ["key id", "key ARN"])
@pytest.mark.parametrize("operation", MANAGEMENT | ALIASING)
def test_whoever_manages_a_key_names_it_by_id_or_arn(kms, named, operation, form):
    EVERY[operation](kms, written(named, form))


@pytest.mark.parametrize("form", ["alias name", "alias ARN"])
@pytest.mark.parametrize("operation", MANAGEMENT)
def test_whoever_manages_a_key_may_not_name_it_by_alias(kms, named, operation, form):
    name = written(named, form)
    with refused("NotFoundException", f"Invalid keyId '{name}'"):
        MANAGEMENT[operation](kms, name)


@pytest.mark.parametrize("form", ["alias name", "alias ARN"])
@pytest.mark.parametrize("operation", ALIASING)
def test_an_alias_cannot_stand_for_an_alias(kms, named, operation, form):
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        ALIASING[operation](kms, written(named, form))


BAD_NAMES = [
    "fake-key-id",
    "1234abcd-12ab-34cd-56ef-1234567890a",
    "1234ABCD-12AB-34CD-56EF-1234567890AB",
    "1234abcd12ab34cd56ef1234567890ab",
    "mrk-1234",
    f"key/{UNKNOWN_KEY_ID}",
    f"{UNKNOWN_KEY_ID} ",
    f" {UNKNOWN_KEY_ID}",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/fake-key-id",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:{UNKNOWN_KEY_ID}",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:grant/{UNKNOWN_KEY_ID}",
    f"arn:aws:s3:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}",
    f"arn:aws-cn:kms:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}",
    "arn:aws:kms",
    "arn:",
    "日本",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_is_no_name_of_a_key_is_an_invalid_key_id(kms, name):
    with refused("NotFoundException", f"Invalid keyId '{name}'"):
        kms.describe_key(KeyId=name)


@pytest.mark.parametrize("operation", EVERY)
def test_every_operation_refuses_a_bad_and_an_unknown_name_in_the_same_words(kms, named, operation):
    with refused("NotFoundException", "Invalid keyId 'fake-key-id'"):
        EVERY[operation](kms, "fake-key-id")
    unknown = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{UNKNOWN_KEY_ID}"
    for name in (UNKNOWN_KEY_ID, unknown):
        with refused("NotFoundException", f"Key '{unknown}' does not exist"):
            EVERY[operation](kms, name)


@pytest.mark.parametrize("operation", EVERY)
def test_no_operation_reaches_into_another_region(lab, named, operation):
    elsewhere = lab.client("kms", region_name=OTHER_REGION)
    here = elsewhere.create_key()["KeyMetadata"]["KeyId"]
    elsewhere.create_alias(AliasName="alias/app", TargetKeyId=here)
    with refused("NotFoundException", f"Invalid arn {REGION}"):
        EVERY[operation](elsewhere, named)


@pytest.mark.parametrize("operation", USES)
def test_an_unknown_alias_is_named_by_its_arn(kms, named, operation):
    alias_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/absent"
    for name in ("alias/absent", alias_arn):
        with refused("NotFoundException", f"Alias {alias_arn} is not found."):
            USES[operation](kms, name)


def test_a_name_longer_than_2048_characters_is_refused_by_the_model(kms):
    with refused("ValidationException", None):
        kms.describe_key(KeyId="a" * 2049)


# --- Another account ----------------------------------------------------------------------


@pytest.fixture
def stranger(lab):
    """A user of another account whose identity policy allows everything of KMS."""
    return lab.user("stranger", allow("kms:*"), OTHER_ACCOUNT)


@pytest.fixture
def theirs(lab, stranger):
    """The stranger's client, who has an own key with the alias `alias/app`."""
    client = lab.client("kms", stranger)
    own = client.create_key()["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName="alias/app", TargetKeyId=own)
    return client


@pytest.fixture
def shared(kms, named, put_policy):
    """A key with `alias/app` whose policy lets everyone in, whatever they want."""
    put_policy(
        named, policy({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    )
    return named


@pytest.mark.parametrize("form", ["key ARN", "alias ARN"])
@pytest.mark.parametrize("operation", USES)
def test_a_shared_key_is_used_from_another_account_by_an_arn(kms, theirs, shared, operation, form):
    made_here = {"CiphertextBlob": blob_of(kms)}
    calls = USES | {
        "Decrypt": lambda client, name: client.decrypt(KeyId=name, **made_here),
        "ReEncrypt source": lambda client, name: client.re_encrypt(
            SourceKeyId=name, DestinationKeyId="alias/app", **made_here
        ),
    }
    answer = calls[operation](theirs, written(shared, form))
    found = answer.get("SourceKeyId") if operation == "ReEncrypt source" else answer.get("KeyId")
    assert (found or answer["KeyMetadata"]["Arn"]) == shared


@pytest.mark.parametrize("form", ["key id", "alias name"])
@pytest.mark.parametrize("operation", ["Encrypt", "GenerateDataKey", "DescribeKey"])
def test_a_bare_name_is_looked_up_at_home(theirs, shared, operation, form):
    if form == "alias name":
        answer = USES[operation](theirs, "alias/app")
        assert shared not in (answer.get("KeyId"), answer.get("KeyMetadata", {}).get("Arn"))
        return
    absent = shared.replace(ACCOUNT, OTHER_ACCOUNT)
    with refused("NotFoundException", f"Key '{absent}' does not exist"):
        USES[operation](theirs, written(shared, "key id"))


def test_decrypt_and_the_source_of_re_encrypt_take_a_bare_id_of_another_account(
    kms, theirs, shared
):
    blob, key_id = blob_of(kms), written(shared, "key id")
    assert theirs.decrypt(CiphertextBlob=blob, KeyId=key_id)["KeyId"] == shared
    answer = theirs.re_encrypt(
        CiphertextBlob=blob, SourceKeyId=key_id, DestinationKeyId="alias/app"
    )
    assert answer["SourceKeyId"] == shared


@pytest.mark.parametrize("operation", MANAGEMENT | ALIASING)
def test_management_never_works_across_accounts_whatever_the_key_policy_says(
    kms, theirs, stranger, shared, operation
):
    if operation == "CancelKeyDeletion":
        kms.schedule_key_deletion(KeyId=shared)
        calls = {operation: lambda client, name: client.cancel_key_deletion(KeyId=name)}
    else:
        calls = EVERY
    for name in (shared, shared.replace(written(shared, "key id"), UNKNOWN_KEY_ID)):
        with hidden_key(stranger, f"kms:{operation}"):
            calls[operation](theirs, name)


@pytest.mark.parametrize("operation", ["Encrypt", "DescribeKey"])
def test_a_foreign_key_or_alias_that_is_not_there_is_denied_like_one_that_is(
    theirs, stranger, named, operation
):
    absent_key = named.replace(written(named, "key id"), UNKNOWN_KEY_ID)
    absent_alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/absent"
    for name in (named, written(named, "alias ARN"), absent_key, absent_alias):
        with hidden_key(stranger, f"kms:{operation}"):
            USES[operation](theirs, name)


def test_an_identity_policy_must_name_a_foreign_key_by_its_arn(lab, shared, kms):
    for resource in (shared, shared.replace("us-east-1", "*"), "arn:aws:kms:*:*:key/*"):
        reader = lab.user("reader", allow("kms:DescribeKey", resource=resource), OTHER_ACCOUNT)
        lab.client("kms", reader).describe_key(KeyId=shared)
    for resource in (written(shared, "key id"), "alias/app", written(shared, "alias ARN")):
        reader = lab.user("reader", allow("kms:DescribeKey", resource=resource), OTHER_ACCOUNT)
        with no_identity_policy(reader, "kms:DescribeKey", shared):
            lab.client("kms", reader).describe_key(KeyId=shared)


# --- What a stranger must not learn -------------------------------------------------------


@pytest.fixture
def there_and_absent(named):
    """The ARNs of a foreign key and its alias, and of a key and an alias that are not there."""
    return (
        *(named, written(named, "alias ARN")),
        named.replace(written(named, "key id"), UNKNOWN_KEY_ID),
        f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/absent",
    )


JUNK = {"GrantTokens": ["junk"]}
USES_WITH_A_JUNK_TOKEN = {
    "Encrypt": lambda kms, name: kms.encrypt(KeyId=name, Plaintext=b"x", **JUNK),
    "Decrypt": lambda kms, name: kms.decrypt(KeyId=name, CiphertextBlob=b"x", **JUNK),
    "GenerateDataKey": lambda kms, name: kms.generate_data_key(
        KeyId=name, KeySpec="AES_256", **JUNK
    ),
    "DescribeKey": lambda kms, name: kms.describe_key(KeyId=name, **JUNK),
}


@pytest.mark.parametrize("operation", USES_WITH_A_JUNK_TOKEN)
def test_a_junk_grant_token_does_not_tell_a_foreign_key_from_one_that_is_not_there(
    theirs, stranger, there_and_absent, operation
):
    for name in there_and_absent:
        with hidden_key(stranger, f"kms:{operation}"):
            USES_WITH_A_JUNK_TOKEN[operation](theirs, name)


@pytest.mark.parametrize("operation", USES_WITH_A_JUNK_TOKEN)
def test_who_is_denied_at_home_learns_nothing_of_foreign_keys(
    lab, named, there_and_absent, operation
):
    everything = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    denied_user = lab.user("denied", policy(everything), OTHER_ACCOUNT)
    client = lab.client("kms", denied_user)
    before = len(lab.events())
    for name in there_and_absent:
        with hidden_key(denied_user, f"kms:{operation}"):
            USES_WITH_A_JUNK_TOKEN[operation](client, name)
    by_key, by_alias, *_ = events = lab.events()[before:]
    assert [event["resources"] for event in events] == [[]] * 4
    assert written(named, "key id") not in json.dumps(by_alias)
    # What the caller wrote is all that is told.
    assert json.dumps(by_key).count(named) == 1


def test_who_is_denied_at_home_is_told_so_where_the_foreign_key_lets_them_in(lab, shared):
    everything = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
    denied_user = lab.user("denied", policy(everything), OTHER_ACCOUNT)
    why = "with an explicit deny in an identity-based policy"
    with denied(denied_user, "kms:DescribeKey", f"resource: {shared}", why):
        lab.client("kms", denied_user).describe_key(KeyId=shared)


@pytest.mark.parametrize("operation", MANAGEMENT)
def test_the_event_of_a_refused_management_call_names_no_foreign_key(
    lab, theirs, there_and_absent, operation
):
    key_arn, _, absent, _ = there_and_absent
    for name in (key_arn, absent):
        with refused("AccessDeniedException", None):
            MANAGEMENT[operation](theirs, name)
        assert lab.events()[-1]["resources"] == []


@pytest.mark.parametrize("operation", ALIASING)
@pytest.mark.parametrize("may", ["nothing", "its alias", "everything"])
@pytest.mark.parametrize("alias_name", ["alias/app", "alias/none-yet"])
def test_an_alias_operation_does_not_tell_a_foreign_target_from_one_that_is_not_there(
    lab, theirs, there_and_absent, operation, may, alias_name
):
    own_alias = f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:{alias_name}"
    rights = {
        "nothing": allow("s3:*"),
        "its alias": allow("kms:*", resource=own_alias),
        "everything": allow("kms:*"),
    }
    caller = lab.user("caller", rights[may], OTHER_ACCOUNT)
    client = lab.client("kms", caller)
    method = {"CreateAlias": client.create_alias, "UpdateAlias": client.update_alias}[operation]
    key_arn, _, absent, _ = there_and_absent
    told = []
    for target in (key_arn, absent):
        with pytest.raises(ClientError) as caught:
            method(AliasName=alias_name, TargetKeyId=target)
        told.append(caught.value.response["Error"])
    assert told[0] == told[1]
    assert key_arn not in told[0]["Message"]
    if may == "nothing":
        with no_identity_policy(caller, f"kms:{operation}", own_alias):
            method(AliasName=alias_name, TargetKeyId=key_arn)


def test_a_bare_id_of_a_foreign_key_is_denied_alike_while_the_key_is_there_and_when_it_is_gone(
    lab, kms, theirs, stranger, named
):
    asked = {"CiphertextBlob": blob_of(kms), "KeyId": written(named, "key id")}
    with hidden_key(stranger, "kms:Decrypt"):
        theirs.decrypt(**asked)
    kms.schedule_key_deletion(KeyId=named, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    with hidden_key(stranger, "kms:Decrypt"):
        theirs.decrypt(**asked)
