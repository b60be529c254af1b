"""GenerateDataKey and GenerateDataKeyWithoutPlaintext through boto3."""

import pytest
from aws_words import allow, constraint, members, no_identity_policy, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab

pytest_plugins = ["lab_session"]

BOTH = ["generate_data_key", "generate_data_key_without_plaintext"]
ASK_ONE = "Please specify either number of bytes or key spec."


def test_a_data_key_comes_in_clear_and_encrypted(kms, arn):
    answer = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    assert members(answer) == {"Plaintext", "CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert answer["KeyId"] == arn
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])
    assert opened["Plaintext"] == answer["Plaintext"]
    assert opened["KeyMaterialId"] == answer["KeyMaterialId"]


def test_without_plaintext_it_comes_encrypted_only(kms, arn):
    answer = kms.generate_data_key_without_plaintext(KeyId=arn, KeySpec="AES_256")
    assert members(answer) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert answer["KeyId"] == arn
    assert len(kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]) == 32


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1024}, 1024),
    ],
)
def test_a_data_key_is_as_long_as_asked(kms, arn, method, asked, size):
    answer = getattr(kms, method)(KeyId=arn, **asked)
    assert len(kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]) == size


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 1024))
def test_every_number_of_bytes_up_to_1024_is_given(size):
    kms = Lab().client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    assert len(kms.generate_data_key(KeyId=key_id, NumberOfBytes=size)["Plaintext"]) == size


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("asked", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_either_a_spec_or_a_number_must_be_given(kms, arn, method, asked):
    with refused("ValidationException", ASK_ONE):
        getattr(kms, method)(KeyId=arn, **asked)


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize(
    ("asked", "member", "rule"),
    [
        ({"NumberOfBytes": 0}, "numberOfBytes", "have value greater than or equal to 1"),
        ({"NumberOfBytes": 1025}, "numberOfBytes", "have value less than or equal to 1024"),
        ({"KeySpec": "AES_512"}, "keySpec", "satisfy enum value set: [AES_256, AES_128]"),
    ],
)
def test_other_sizes_are_refused_by_the_model(unchecked, arn, method, asked, member, rule):
    with constraint(member, rule, next(iter(asked.values()))):
        getattr(unchecked, method)(KeyId=arn, **asked)


def test_every_data_key_is_new(kms, arn):
    answers = [kms.generate_data_key(KeyId=arn, KeySpec="AES_256") for _ in range(30)]
    assert len({answer["Plaintext"] for answer in answers}) == 30
    assert len({answer["CiphertextBlob"] for answer in answers}) == 30


@pytest.mark.parametrize("method", BOTH)
def test_an_encrypted_data_key_opens_in_its_context_only(kms, arn, method):
    context = {"volume": "vol-1"}
    answer = getattr(kms, method)(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    blob = answer["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=blob)


def test_an_encrypted_data_key_moves_to_another_key_by_re_encrypt(kms, arn):
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    moved = kms.re_encrypt(CiphertextBlob=data_key["CiphertextBlob"], DestinationKeyId=other)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])
    assert (opened["Plaintext"], opened["KeyId"]) == (data_key["Plaintext"], other)


@pytest.mark.parametrize("method", BOTH)
def test_each_operation_needs_its_own_right(lab, arn, method):
    actions = {
        "generate_data_key": "kms:GenerateDataKey",
        "generate_data_key_without_plaintext": "kms:GenerateDataKeyWithoutPlaintext",
    }
    own = actions.pop(method)
    (others,) = actions.values()
    user = lab.user("user", allow(others, "kms:Encrypt", "kms:Decrypt", resource=arn))
    with no_identity_policy(user, own, arn):
        getattr(lab.client("kms", user), method)(KeyId=arn, KeySpec="AES_256")
    user = lab.user("user", allow(own, resource=arn))
    getattr(lab.client("kms", user), method)(KeyId=arn, KeySpec="AES_256")


@pytest.mark.parametrize("method", BOTH)
def test_permission_and_state_come_before_the_size(lab, kms, arn, method):
    nobody = lab.client("kms", lab.user("nobody"))
    with refused("AccessDeniedException", None):
        getattr(nobody, method)(KeyId=arn)
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        getattr(kms, method)(KeyId=arn)
