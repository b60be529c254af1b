"""Requests against AWS's own service model: what does not fit is refused in AWS's words.

Every request here is correctly signed by the administrator, so that the shape of its body is all
that can be wrong. Requests are sent as bytes, since boto3 would not let most of them out.
"""

import base64
import json
import re
import sys

import pytest
from aws_words import refused
from botocore.loaders import Loader
from botocore.model import ServiceModel
from signed_requests import (
    ListeningLab,
    administrator_key,
    altered,
    ask,
    nested_grant_tokens,
    refusal,
    signed_request,
)

from kmslab import Lab

KMS = ServiceModel(Loader().load_service_model("kms", "service-2"), "kms")

# What `use_everything` calls.
USED = {
    *("CreateKey", "DescribeKey", "ListKeys", "EnableKey", "DisableKey", "UpdateKeyDescription"),
    *("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    *("GenerateRandom", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases"),
    *("TagResource", "UntagResource", "ListResourceTags", "ScheduleKeyDeletion"),
    *("CancelKeyDeletion", "GetKeyPolicy", "PutKeyPolicy", "ListKeyPolicies"),
    "GetPublicKey",
    *("CreateGrant", "ListGrants", "ListRetirableGrants", "RetireGrant", "RevokeGrant"),
}


@pytest.fixture
def lab():
    return Lab()


@pytest.fixture
def key_id(lab):
    return lab.client("kms").create_key()["KeyMetadata"]["KeyId"]


def violated(lab, operation, body):
    """The violations that AWS's frame holds, after checking the frame itself."""
    code, text = refusal(ask(lab, operation, body))
    assert code == "ValidationException"
    frame = re.fullmatch(r"(\d+) validation error(s?) detected: (.+)", text, re.DOTALL)
    violations = frame.group(3).split("; ")
    assert len(violations) == min(int(frame.group(1)), 20)
    assert frame.group(2) == ("" if frame.group(1) == "1" else "s")
    return violations


# --- Constraints --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "body", "violation"),
    [
        ("DescribeKey", {}, "Value null at 'keyId' … not be null"),
        ("DescribeKey", {"KeyId": None}, "Value null at 'keyId' … not be null"),
        (
            "DescribeKey",
            {"KeyId": ""},
            "Value '' at 'keyId' … have length greater than or equal to 1",
        ),
        (
            "UpdateKeyDescription",
            {"KeyId": "x", "Description": "d" * 8193},
            f"Value '{'d' * 1024}' at 'description' … have length less than or equal to 8192",
        ),
        (
            "GenerateRandom",
            {"NumberOfBytes": 0},
            "Value '0' at 'numberOfBytes' … have value greater than or equal to 1",
        ),
        (
            "GenerateRandom",
            {"NumberOfBytes": 1025},
            "Value '1025' at 'numberOfBytes' … have value less than or equal to 1024",
        ),
        (
            "CreateAlias",
            {"AliasName": "alias/a b", "TargetKeyId": "x"},
            "Value 'alias/a b' at 'aliasName' … "
            "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        ),
        (
            "ListKeys",
            {"Marker": "\u0100"},
            "Value 'Ā' at 'marker' … satisfy regular expression pattern: [\\u0020-\\u00FF]*",
        ),
        (
            "TagResource",
            {
                "KeyId": "x",
                "Tags": [{"TagKey": "a", "TagValue": ""}, {"TagKey": "", "TagValue": ""}],
            },
            "Value '' at 'tags.2.member.tagKey' … have length greater than or equal to 1",
        ),
        (
            "TagResource",
            {"KeyId": "x", "Tags": [{"TagKey": "a"}]},
            "Value null at 'tags.1.member.tagValue' … not be null",
        ),
        (
            "UntagResource",
            {"KeyId": "x", "TagKeys": ["a", "b" * 129]},
            f"Value '{'b' * 129}' at 'tagKeys.2.member' … have length less than or equal to 128",
        ),
        (
            "Encrypt",
            {"KeyId": "x", "Plaintext": "YQ==", "GrantTokens": ["t"] * 11},
            "Value at 'grantTokens' … have length less than or equal to 10",
        ),
        (
            "Encrypt",
            {"KeyId": "x", "Plaintext": "YQ==", "EncryptionContext": {"tenant": None}},
            "Value null at 'encryptionContext.tenant.member' … not be null",
        ),
        ("CreateKey", {"Tags": [None]}, "Value null at 'tags.1.member' … not be null"),
        (
            "UntagResource",
            {"KeyId": "x", "TagKeys": ["a", None]},
            "Value null at 'tagKeys.2.member' … not be null",
        ),
    ],
)
def test_a_violated_constraint_is_named_in_aws_words(lab, operation, body, violation):
    expected = violation.replace(" … ", " failed to satisfy constraint: Member must ")
    assert violated(lab, operation, body) == [expected]


@pytest.mark.parametrize(
    ("operation", "body", "start"),
    [
        ("CreateKey", {"KeySpec": "AES_512"}, "Value 'AES_512' at 'keySpec'"),
        ("CreateKey", {"KeyUsage": "encrypt_decrypt"}, "Value 'encrypt_decrypt' at 'keyUsage'"),
        ("GenerateDataKey", {"KeyId": "x", "KeySpec": ""}, "Value '' at 'keySpec'"),
    ],
)
def test_a_value_outside_an_enum_is_told_the_whole_set_in_any_order(lab, operation, body, start):
    (violation,) = violated(lab, operation, body)
    sentence, _, listed = violation.partition("[")
    assert sentence == f"{start} failed to satisfy constraint: Member must satisfy enum value set: "
    member = next(name for name in body if name != "KeyId")
    allowed = KMS.operation_model(operation).input_shape.members[member].enum
    assert sorted(listed.rstrip("]").split(", ")) == sorted(allowed)


def test_all_violations_are_told_together(lab):
    assert violated(lab, "CreateAlias", {"AliasName": ""}) == [
        "Value '' at 'aliasName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
        "Value '' at 'aliasName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        "Value null at 'targetKeyId' failed to satisfy constraint: Member must not be null",
    ]


def test_of_many_violations_all_are_counted_and_twenty_are_spelled_out(lab):
    body = {"KeyId": "x", "TagKeys": [""] * 30}
    assert refusal(ask(lab, "UntagResource", body))[1].startswith("30 validation errors detected: ")
    assert len(violated(lab, "UntagResource", body)) == 20


@pytest.mark.parametrize("plaintext", [b"", b"the very secret" * 300])
def test_a_plaintext_is_never_repeated(lab, plaintext):
    encoded = base64.b64encode(plaintext).decode()
    (violation,) = violated(lab, "Encrypt", {"KeyId": "x", "Plaintext": encoded})
    assert violation.startswith("Value at 'plaintext' failed to satisfy constraint: Member must ")
    assert violation.endswith(("greater than or equal to 1", "less than or equal to 4096"))


def test_a_password_is_never_repeated(lab):
    body = {"CustomKeyStoreName": "store", "KeyStorePassword": "hunter2" * 5}
    assert violated(lab, "CreateCustomKeyStore", body) == [
        "Value at 'keyStorePassword' failed to satisfy constraint: "
        "Member must have length less than or equal to 32"
    ]


TOKEN = "grant-token-of-this-test"


@pytest.mark.parametrize(
    ("operation", "member", "given"),
    [
        ("Encrypt", "GrantTokens", [TOKEN]),
        ("Encrypt", "GrantTokens", [TOKEN] * 11),
        ("Encrypt", "GrantTokens", [TOKEN * 1000]),
        ("Encrypt", "GrantTokens", [[TOKEN]]),
        ("Encrypt", "GrantTokens", [{TOKEN: TOKEN}, None]),
        ("Encrypt", "GrantTokens", TOKEN),
        ("Encrypt", "GrantTokens", {TOKEN: TOKEN}),
        ("RetireGrant", "GrantToken", TOKEN * 1000),
        ("RetireGrant", "GrantToken", [TOKEN]),
    ],
    ids=lambda given: str(given)[:40],
)
def test_a_grant_token_is_never_repeated(lab, key_id, operation, member, given):
    answer = ask(lab, operation, {"KeyId": key_id, "Plaintext": "YQ==", member: given})
    assert answer.status == 400
    assert TOKEN not in answer.body.decode()
    assert TOKEN not in json.dumps(lab.events())


def test_a_context_with_a_missing_value_encrypts_nothing(lab, key_id):
    asked = {"KeyId": key_id, "Plaintext": "YQ==", "EncryptionContext": {"a": "b", "c": None}}
    code, _ = refusal(ask(lab, "Encrypt", asked))
    assert code == "ValidationException"
    assert "additionalEventData" not in lab.events()[-1]


def test_the_shape_is_checked_before_anything_is_decided_about_the_caller(lab):
    nobody = lab.client("kms", principal=lab.user("nobody"))
    with refused("ValidationException", None):
        nobody.generate_random(NumberOfBytes=2000)
    with refused("AccessDeniedException", None):
        nobody.generate_random(NumberOfBytes=20)


@pytest.mark.parametrize("size", [1, 1024])
def test_the_limits_themselves_are_admitted(lab, size):
    assert len(lab.client("kms").generate_random(NumberOfBytes=size)["Plaintext"]) == size


# --- JSON that is no request --------------------------------------------------------------

NOT_JSON = {
    "not JSON": b"{",
    "two values": b"{}{}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "no UTF-8": b'{"KeyId":"\xff"}',
    "single quotes": b"{'KeyId':'x'}",
    "NaN": b'{"Limit":NaN}',
    "Infinity": b'{"Limit":-Infinity}',
    "a number without end": b'{"Limit":' + b"9" * 100_000 + b"}",
    "nesting without end": b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "an unclosed nesting": b'{"x":' * 100_000,
    "a list": b"[]",
    "a text": b'"KeyId"',
    "null": b"null",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_no_json_object_is_not_read(lab, body):
    assert refusal(ask(lab, "ListKeys", body))[0] == "SerializationException"


@pytest.mark.parametrize("count", [1, 11])
def test_grant_tokens_nested_to_any_depth_are_refused(lab, count):
    limit = sys.getrecursionlimit()
    for depth in (*range(1, limit - 250, 100), *range(limit - 250, limit)):
        answer = ask(lab, "Encrypt", nested_grant_tokens(depth, count))
        assert refusal(answer)[0] == "SerializationException", depth


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("DescribeKey", {"KeyId": 7}),
        ("DescribeKey", {"KeyId": ["x"]}),
        ("DescribeKey", {"KeyId": True}),
        ("ListKeys", {"Limit": "7"}),
        ("ListKeys", {"Limit": 7.5}),
        ("ListKeys", {"Limit": True}),
        ("CreateKey", {"MultiRegion": "true"}),
        ("CreateKey", {"MultiRegion": 1}),
        ("CreateKey", {"Tags": {"TagKey": "a", "TagValue": "b"}}),
        ("CreateKey", {"Tags": ["a"]}),
        ("CreateKey", {"Tags": [[]]}),
        ("Encrypt", {"KeyId": "x", "Plaintext": 7}),
        ("Encrypt", {"KeyId": "x", "Plaintext": ["YQ=="]}),
        ("Encrypt", {"KeyId": "x", "Plaintext": "YQ==", "EncryptionContext": "a=b"}),
        ("Encrypt", {"KeyId": "x", "Plaintext": "YQ==", "EncryptionContext": {"a": 1}}),
        ("Encrypt", {"KeyId": "x", "Plaintext": "YQ==", "EncryptionContext": ["a"]}),
    ],
)
def test_a_value_of_another_type_is_not_converted(lab, operation, body):
    assert refusal(ask(lab, operation, body))[0] == "SerializationException"


@pytest.mark.parametrize("given", ["YQ", "YQ=", "Y Q==", "YQ==\n", "YQ==YQ==", "-_-_", "ÄÖ=="])
def test_base64_is_read_strictly(lab, key_id, given):
    body = {"KeyId": key_id, "Plaintext": given}
    assert refusal(ask(lab, "Encrypt", body))[0] == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b'{"Description":"\\ud800"}',
        b'{"Tags":[{"TagKey":"\\udfff","TagValue":"x"}]}',
        b'{"KeySpec":"\\ud800"}',
        b'{"Policy":"\\ud83d"}',
    ],
)
def test_half_a_surrogate_pair_is_no_text(lab, body):
    assert refusal(ask(lab, "CreateKey", body))[0] == "SerializationException"
    assert lab.client("kms").list_keys()["Keys"] == []


def test_half_a_surrogate_pair_is_no_name_in_an_encryption_context(lab, key_id):
    body = f'{{"KeyId":"{key_id}","Plaintext":"YQ==","EncryptionContext":{{"\\ud800":"a"}}}}'
    assert refusal(ask(lab, "Encrypt", body.encode()))[0] == "SerializationException"


def test_a_whole_surrogate_pair_is_one_character(lab):
    answer = ask(lab, "CreateKey", b'{"Description":"\\ud83d\\udd11"}')
    assert json.loads(answer.body)["KeyMetadata"]["Description"] == "🔑"


@pytest.mark.parametrize("valid_to", [1e18, -1e18, 10**30, 1e999])
def test_a_time_outside_of_the_calendar_is_no_time(lab, valid_to):
    number = "1e999" if valid_to == float("inf") else json.dumps(valid_to)
    body = f'{{"KeyId":"x","ImportToken":"YQ==","EncryptedKeyMaterial":"YQ==","ValidTo":{number}}}'
    code, _ = refusal(ask(lab, "ImportKeyMaterial", body.encode()))
    assert code == "SerializationException"


# --- What is let through ------------------------------------------------------------------


def test_members_that_the_model_does_not_know_are_ignored(lab):
    body = {"Limit": 5, "limit": "?", "Unknown": [{"deep": {"er": None}}], "": 1}
    assert json.loads(ask(lab, "ListKeys", body).body) == {"Keys": [], "Truncated": False}


def test_a_null_member_counts_as_absent(lab):
    answer = ask(lab, "CreateKey", {"Description": None, "Tags": None, "KeySpec": None})
    assert json.loads(answer.body)["KeyMetadata"]["Description"] == ""


def test_an_empty_body_is_an_empty_request(lab):
    assert ask(lab, "ListKeys", b"").status == 200


def test_nesting_that_json_can_read_is_ignored_where_nobody_asked_for_it(lab):
    assert ask(lab, "ListKeys", b'{"x":' + b"[" * 500 + b"]" * 500 + b"}").status == 200


def test_an_operation_without_output_answers_with_no_body(lab, key_id):
    answer = ask(lab, "DisableKey", {"KeyId": key_id})
    assert (answer.status, answer.body) == (200, b"")


def test_an_answer_has_the_headers_of_kms(lab):
    headers = ask(lab, "ListKeys", {}).headers
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["x-amzn-requestid"])
    assert headers["cache-control"] == "no-cache, no-store, must-revalidate, private"


# --- Operations ---------------------------------------------------------------------------


def smallest(shape, name=""):
    """A value that the model admits for `shape`, with required members alone."""
    if shape.type_name == "structure":
        return {
            member: smallest(shape.members[member], member) for member in shape.required_members
        }
    if shape.type_name == "list":
        return [smallest(shape.member)]
    if shape.type_name == "map":
        return {"a": "b"}
    if shape.type_name == "blob":
        return base64.b64encode(b"x" * 32).decode()
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long", "timestamp"):
        return shape.metadata.get("min", 1)
    if shape.enum:
        return shape.enum[0]
    if name.endswith("Region"):
        return "eu-west-1"
    return "alias/a" if name == "AliasName" else "1" * max(shape.metadata.get("min", 1), 12)


@pytest.mark.parametrize("operation", KMS.operation_names)
def test_every_operation_of_the_model_answers_the_way_aws_does(lab, operation):
    shape = KMS.operation_model(operation).input_shape
    for body in ({}, smallest(shape)):
        answer = ask(lab, operation, body)
        assert answer.status in (200, 400)
    assert json.loads(answer.body or b"{}").get("__type") != "UnsupportedOperationException"
    assert [event["eventName"] for event in lab.events()] == [operation, operation]


@pytest.mark.parametrize(
    "target",
    [
        *("TrentService.NoSuchOperation", "TrentService.", "TrentService", "ListKeys", "", None),
        *("trentservice.ListKeys", "Other.ListKeys", "TrentService.listKeys", ".ListKeys", "."),
    ],
)
def test_another_target_is_no_operation(lab, target):
    request = signed_request(administrator_key(lab))
    refused = lab.handle(altered(request, x_amz_target=target))
    assert refusal(refused)[0] == "UnknownOperationException"


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", None])
def test_another_content_type_is_no_operation(lab, content_type):
    request = signed_request(administrator_key(lab))
    refused = lab.handle(altered(request, content_type=content_type))
    assert refusal(refused)[0] == "UnknownOperationException"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_another_method_is_no_operation(lab, method):
    request = signed_request(administrator_key(lab))._replace(method=method)
    assert refusal(lab.handle(request))[0] == "UnknownOperationException"


def test_a_body_of_one_mebibyte_is_read_and_a_byte_more_is_too_large(lab):
    filled = b'{"x":"' + b"x" * (1024 * 1024 - 8) + b'"}'
    assert ask(lab, "ListKeys", filled).status == 200
    answer = ask(lab, "ListKeys", filled + b" ")
    assert answer.status == 413
    assert json.loads(answer.body)["__type"] == "RequestEntityTooLargeException"


def test_a_kms_request_to_the_host_of_sts_is_no_operation(lab):
    request = signed_request(administrator_key(lab))._replace(host_service="sts")
    assert refusal(lab.handle(request))[0] == "UnknownOperationException"


def test_what_kms_answers_is_what_botocores_model_promises():
    """Every member of every answer is one of the output shape, so that any SDK can read it."""
    lab = ListeningLab()
    use_everything(lab.client("kms"))
    seen = set()
    for request, answer in zip(lab.heard, lab.answered, strict=True):
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        shape = KMS.operation_model(operation).output_shape
        told = set(json.loads(answer.body)) if answer.body else set()
        assert told <= set(shape.members if shape else ()), operation
        seen.add(operation)
    assert seen >= USED


def use_pairs(kms):
    for usage in ("ENCRYPT_DECRYPT", "SIGN_VERIFY"):
        made = kms.create_key(KeySpec="RSA_2048", KeyUsage=usage)["KeyMetadata"]
        kms.get_public_key(KeyId=made["KeyId"])
        kms.describe_key(KeyId=made["KeyId"])
        if usage == "ENCRYPT_DECRYPT":
            asked = {"KeyId": made["KeyId"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
            blob = kms.encrypt(Plaintext=b"p", **asked)["CiphertextBlob"]
            kms.decrypt(CiphertextBlob=blob, **asked)


def use_everything(kms):
    key_id = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    named, listed = {"KeyId": key_id}, {"KeyId": key_id, "Limit": 1}
    alias = {"AliasName": "alias/a"}
    kms.describe_key(**named)
    kms.list_keys(Limit=1)
    kms.update_key_description(**named, Description="d")
    kms.disable_key(**named)
    kms.enable_key(**named)
    kms.create_alias(**alias, TargetKeyId=key_id)
    kms.update_alias(**alias, TargetKeyId=key_id)
    kms.list_aliases(Limit=1)
    kms.delete_alias(**alias)
    kms.tag_resource(**named, Tags=[{"TagKey": "c", "TagValue": "d"}])
    kms.list_resource_tags(**listed)
    kms.untag_resource(**named, TagKeys=["c"])
    policy = kms.get_key_policy(**named)["Policy"]
    kms.put_key_policy(**named, Policy=policy)
    kms.list_key_policies(**listed)
    blob = kms.encrypt(**named, Plaintext=b"p")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id)
    kms.generate_data_key(**named, KeySpec="AES_256")
    kms.generate_data_key_without_plaintext(**named, NumberOfBytes=7)
    kms.generate_random(NumberOfBytes=7)
    use_pairs(kms)
    account = "arn:aws:iam::111122223333:root"
    lent = {"GranteePrincipal": account, "RetiringPrincipal": account, "Operations": ["Decrypt"]}
    grants = [kms.create_grant(**named, **lent)["GrantId"] for _ in range(2)]
    kms.list_grants(**listed)
    kms.list_retirable_grants(RetiringPrincipal=account, Limit=1)
    kms.retire_grant(**named, GrantId=grants[0])
    kms.revoke_grant(**named, GrantId=grants[1])
    kms.schedule_key_deletion(**named)
    kms.cancel_key_deletion(**named)
