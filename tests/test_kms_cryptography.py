"""Encrypt, Decrypt, ReEncrypt and GenerateRandom through boto3."""

import pytest
from aws_words import (
    OTHER_ACCOUNT,
    OTHER_REGION,
    allow,
    constraint,
    hidden_by_ciphertext,
    hidden_key,
    members,
    no_identity_policy,
    policy,
    refused,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab

pytest_plugins = ["lab_session"]

PLAINTEXT = b"a secret"
CONTEXT = {"department": "IT", "file": "report"}
RSA = "RSAES_OAEP_SHA_256"
contexts = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=4)


def material_of(kms, name):
    return kms.describe_key(KeyId=name)["KeyMetadata"]["CurrentKeyMaterialId"]


def invalid_ciphertext():
    return refused("InvalidCiphertextException", "")


def incorrect_key():
    return refused(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def dry_run():
    return refused(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )


def wrong_algorithm():
    return refused(
        "InvalidKeyUsageException",
        f"Algorithm {RSA} is incompatible with key spec SYMMETRIC_DEFAULT.",
    )


@pytest.fixture
def blob(kms, arn):
    """PLAINTEXT under the key `arn` in CONTEXT."""
    answer = kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT, EncryptionContext=CONTEXT)
    return answer["CiphertextBlob"]


@pytest.fixture
def other(kms):
    """The ARN of a second key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


# --- Encrypt and Decrypt ------------------------------------------------------------------


def test_encrypt_answers_ciphertext_key_and_algorithm(kms, arn):
    answer = kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT)
    assert members(answer) == {"CiphertextBlob", "KeyId", "EncryptionAlgorithm"}
    assert (answer["KeyId"], answer["EncryptionAlgorithm"]) == (arn, "SYMMETRIC_DEFAULT")
    assert PLAINTEXT not in answer["CiphertextBlob"]


@pytest.mark.parametrize("named", [True, False], ids=["with KeyId", "without KeyId"])
def test_decrypt_answers_plaintext_key_algorithm_and_material(kms, arn, blob, named):
    asked = {"KeyId": arn} if named else {}
    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, **asked)
    del answer["ResponseMetadata"]
    assert answer == {
        "Plaintext": PLAINTEXT,
        "KeyId": arn,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": material_of(kms, arn),
    }


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=1, max_size=4096), contexts)
def test_what_goes_in_comes_out(plaintext, context):
    kms = Lab().client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key_id, Plaintext=plaintext, EncryptionContext=context)
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == plaintext


@pytest.mark.parametrize("size", [1, 4096])
def test_the_smallest_and_the_largest_plaintext_are_taken(kms, arn, size):
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x" * size)["CiphertextBlob"]
    assert len(blob) <= 6144
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x" * size


@pytest.mark.parametrize(
    ("size", "rule"),
    [
        (0, "have length greater than or equal to 1"),
        (4097, "have length less than or equal to 4096"),
        (5000, "have length less than or equal to 4096"),
    ],
)
def test_a_plaintext_of_another_size_is_refused_and_never_quoted(kms, arn, size, rule):
    with constraint("plaintext", rule):
        kms.encrypt(KeyId=arn, Plaintext=b"x" * size)


def test_a_ciphertext_over_6144_bytes_is_refused_by_the_model(kms):
    with constraint("ciphertextBlob", "have length less than or equal to 6144"):
        kms.decrypt(CiphertextBlob=b"x" * 6145)
    with invalid_ciphertext():
        kms.decrypt(CiphertextBlob=b"x" * 6144)


def test_one_plaintext_encrypted_twice_gives_two_ciphertexts(kms, arn):
    blobs = {kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT)["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"department": "IT"},
        {"department": "IT", "file": "Report"},
        {"Department": "IT", "file": "report"},
        {"department": "report", "file": "IT"},
        {"department": "IT", "file": "report", "": ""},
        {"departmen": "tIT", "file": "report"},
    ],
)
def test_another_context_opens_nothing(kms, blob, context):
    asked = {} if context is None else {"EncryptionContext": context}
    with invalid_ciphertext():
        kms.decrypt(CiphertextBlob=blob, **asked)


def test_the_order_of_the_context_means_nothing(kms, blob):
    backwards = dict(reversed(CONTEXT.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=backwards)["Plaintext"] == PLAINTEXT


@pytest.mark.parametrize("position", [0, 1, 13, 14, 50, 82, 98, 110, -17, -1])
def test_a_touched_ciphertext_is_refused_without_a_word_wherever_it_was_touched(
    kms, blob, arn, position
):
    tampered = bytearray(blob)
    tampered[position] ^= 1
    for asked in ({}, {"KeyId": arn}):
        with invalid_ciphertext():
            kms.decrypt(CiphertextBlob=bytes(tampered), EncryptionContext=CONTEXT, **asked)


def test_a_ciphertext_of_another_lab_is_refused(blob):
    kms = Lab().client("kms")
    with invalid_ciphertext():
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)


def test_naming_another_key_than_the_ciphertexts_is_incorrect(kms, blob, other):
    kms.create_alias(AliasName="alias/other", TargetKeyId=other)
    for name in (other, other.rpartition("/")[2], "alias/other"):
        with incorrect_key():
            kms.decrypt(KeyId=name, CiphertextBlob=blob, EncryptionContext=CONTEXT)


def test_decrypt_and_re_encrypt_need_a_ciphertext(kms, arn):
    sentence = (
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy "
        "constraint: Member must not be null"
    )
    with refused("ValidationException", sentence):
        kms.decrypt(KeyId=arn)
    with refused("ValidationException", sentence):
        kms.re_encrypt(DestinationKeyId=arn)


def test_a_ciphertext_of_another_region_is_denied_without_naming_its_key(lab, blob):
    elsewhere = lab.client("kms", region_name=OTHER_REGION)
    with hidden_by_ciphertext(lab.administrator(), "kms:Decrypt"):
        elsewhere.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    here = elsewhere.create_key()["KeyMetadata"]["Arn"]
    with hidden_by_ciphertext(lab.administrator(), "kms:ReEncryptFrom"):
        elsewhere.re_encrypt(CiphertextBlob=blob, DestinationKeyId=here)


def test_a_ciphertext_of_another_account_is_denied_without_naming_its_key(lab, blob, arn):
    stranger = lab.administrator(OTHER_ACCOUNT)
    theirs = lab.client("kms", stranger)
    with hidden_by_ciphertext(stranger, "kms:Decrypt"):
        theirs.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    with hidden_key(stranger, "kms:Decrypt"):
        theirs.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=arn)


def test_a_policy_change_bites_at_the_next_call(kms, arn, blob, lab):
    reader = lab.user("reader", allow("kms:Decrypt", resource=arn))
    asked = {"CiphertextBlob": blob, "EncryptionContext": CONTEXT}
    lab.client("kms", reader).decrypt(**asked)
    reader = lab.user("reader", policy({"Effect": "Deny", "Action": "*", "Resource": "*"}))
    with refused("AccessDeniedException", None):
        lab.client("kms", reader).decrypt(**asked)


# --- The order of checks ------------------------------------------------------------------


@pytest.fixture
def nobody(lab):
    return lab.client("kms", lab.user("nobody"))


@pytest.mark.parametrize("asked", [{}, {"DryRun": True}], ids=["for good", "dry run"])
def test_permission_comes_before_state_and_state_before_algorithm_and_that_before_ciphertext(
    lab, kms, nobody, arn, blob, asked
):
    forged = blob[:-1] + bytes((blob[-1] ^ 1,))
    call = {"KeyId": arn, "CiphertextBlob": forged, "EncryptionAlgorithm": RSA, **asked}
    kms.disable_key(KeyId=arn)
    with no_identity_policy(lab.user("nobody"), "kms:Decrypt", arn):
        nobody.decrypt(**call)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.decrypt(**call)
    kms.enable_key(KeyId=arn)
    with wrong_algorithm():
        kms.decrypt(**call)
    del call["EncryptionAlgorithm"]
    with invalid_ciphertext():
        kms.decrypt(**call)


def test_a_wrong_key_comes_before_a_wrong_context(kms, other, blob):
    with incorrect_key():
        kms.decrypt(KeyId=other, CiphertextBlob=blob)


def test_the_key_must_be_there_before_its_name_is_weighed_against_the_ciphertext(kms, blob):
    with refused("NotFoundException", "Invalid keyId 'fake-key-id'"):
        kms.decrypt(KeyId="fake-key-id", CiphertextBlob=b"no ciphertext")


@pytest.mark.parametrize(
    "call",
    [
        lambda kms, arn, blob: kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT, EncryptionAlgorithm=RSA),
        lambda kms, arn, blob: kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm=RSA),
        lambda kms, arn, blob: kms.re_encrypt(
            CiphertextBlob=blob, DestinationKeyId=arn, SourceEncryptionAlgorithm=RSA
        ),
        lambda kms, arn, blob: kms.re_encrypt(
            CiphertextBlob=blob, DestinationKeyId=arn, DestinationEncryptionAlgorithm=RSA
        ),
    ],
    ids=["Encrypt", "Decrypt", "ReEncrypt from", "ReEncrypt to"],
)
def test_an_algorithm_of_another_kind_of_key_does_not_fit(kms, arn, blob, call):
    with wrong_algorithm():
        call(kms, arn, blob)


# --- DryRun and grant tokens --------------------------------------------------------------


USES = {
    "Encrypt": lambda kms, arn, blob, **more: kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT, **more),
    "Decrypt": lambda kms, arn, blob, **more: kms.decrypt(
        CiphertextBlob=blob, EncryptionContext=CONTEXT, **more
    ),
    "ReEncrypt": lambda kms, arn, blob, **more: kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=arn, **more
    ),
    "GenerateDataKey": lambda kms, arn, blob, **more: kms.generate_data_key(
        KeyId=arn, KeySpec="AES_256", **more
    ),
    "GenerateDataKeyWithoutPlaintext": (
        lambda kms, arn, blob, **more: kms.generate_data_key_without_plaintext(
            KeyId=arn, KeySpec="AES_256", **more
        )
    ),
}


@pytest.mark.parametrize("operation", USES)
def test_a_dry_run_that_would_succeed_says_so_by_an_exception(kms, arn, blob, operation):
    USES[operation](kms, arn, blob, DryRun=False)
    with dry_run():
        USES[operation](kms, arn, blob, DryRun=True)


@pytest.mark.parametrize("operation", USES)
def test_a_dry_run_that_would_fail_says_why(lab, kms, nobody, arn, blob, operation):
    with refused("AccessDeniedException", None):
        USES[operation](nobody, arn, blob, DryRun=True)
    kms.disable_key(KeyId=arn)
    with refused("DisabledException", f"{arn} is disabled."):
        USES[operation](kms, arn, blob, DryRun=True)


def test_a_dry_run_looks_at_the_ciphertext_too(kms, arn, blob):
    with invalid_ciphertext():
        kms.decrypt(CiphertextBlob=blob, DryRun=True)
    with invalid_ciphertext():
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn, DryRun=True)


@pytest.mark.parametrize("operation", USES)
def test_a_token_of_no_grant_is_refused(kms, arn, blob, operation):
    with refused("InvalidGrantTokenException", None):
        USES[operation](kms, arn, blob, GrantTokens=["a-token"])


@pytest.mark.parametrize("operation", USES)
def test_permission_comes_before_the_grant_token(nobody, kms, arn, blob, operation):
    with refused("AccessDeniedException", None):
        USES[operation](nobody, arn, blob, GrantTokens=["a-token"])
    with refused("AccessDeniedException", None):
        nobody.describe_key(KeyId=arn, GrantTokens=["a-token"])
    with refused("InvalidGrantTokenException", None):
        kms.describe_key(KeyId=arn, GrantTokens=["a-token"])


def test_an_answer_sealed_for_an_enclave_is_not_built_yet(kms, arn, blob):
    recipient = {"Recipient": {"AttestationDocument": b"document"}}
    for call in (
        lambda: kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, **recipient),
        lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256", **recipient),
        lambda: kms.generate_random(NumberOfBytes=8, **recipient),
    ):
        with refused("UnsupportedOperationException", None):
            call()


# --- ReEncrypt ----------------------------------------------------------------------------


def test_re_encrypt_moves_a_secret_to_another_key_and_context_unseen(kms, arn, other, blob):
    answer = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=other,
        DestinationEncryptionContext={"purpose": "archive"},
    )
    new_blob = answer.pop("CiphertextBlob")
    del answer["ResponseMetadata"]
    assert answer == {
        "KeyId": other,
        "SourceKeyId": arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": material_of(kms, arn),
        "DestinationKeyMaterialId": material_of(kms, other),
    }
    assert PLAINTEXT not in new_blob
    opened = kms.decrypt(CiphertextBlob=new_blob, EncryptionContext={"purpose": "archive"})
    assert (opened["Plaintext"], opened["KeyId"]) == (PLAINTEXT, other)
    with invalid_ciphertext():
        kms.decrypt(CiphertextBlob=new_blob, EncryptionContext=CONTEXT)
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == PLAINTEXT


@settings(deadline=None, max_examples=30)
@given(contexts, contexts)
def test_re_encrypt_changes_any_context_into_any_other(old, new):
    kms = Lab().client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=PLAINTEXT, EncryptionContext=old)
    moved = kms.re_encrypt(
        CiphertextBlob=blob["CiphertextBlob"],
        SourceEncryptionContext=old,
        DestinationKeyId=key_id,
        DestinationEncryptionContext=new,
    )["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=moved, EncryptionContext=new)
    assert opened["Plaintext"] == PLAINTEXT


def test_re_encrypt_needs_the_source_context_and_the_source_key(kms, arn, other, blob):
    with invalid_ciphertext():
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    with incorrect_key():
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceEncryptionContext=CONTEXT,
            SourceKeyId=other,
            DestinationKeyId=arn,
        )


@pytest.mark.parametrize("missing", ["kms:ReEncryptFrom", "kms:ReEncryptTo"])
def test_re_encrypt_needs_a_right_on_either_key(lab, arn, other, blob, missing):
    rights = {"kms:ReEncryptFrom": arn, "kms:ReEncryptTo": other}
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resource}
        for action, resource in rights.items()
        if action != missing
    ]
    mover = lab.user("mover", policy(*statements))
    asked = {
        "CiphertextBlob": blob,
        "SourceEncryptionContext": CONTEXT,
        "SourceKeyId": arn,
        "DestinationKeyId": other,
    }
    with no_identity_policy(mover, missing, rights[missing]):
        lab.client("kms", mover).re_encrypt(**asked)
    statements.append({"Effect": "Allow", "Action": missing, "Resource": rights[missing]})
    mover = lab.user("mover", policy(*statements))
    assert lab.client("kms", mover).re_encrypt(**asked)["KeyId"] == other


def test_the_right_to_re_encrypt_is_neither_the_right_to_decrypt_nor_an_action_of_its_name(
    lab, arn, blob
):
    mover = lab.user("mover", allow("kms:ReEncrypt*", resource=arn))
    client = lab.client("kms", mover)
    asked = {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT}
    client.re_encrypt(DestinationKeyId=arn, **asked)
    with refused("AccessDeniedException", None):
        client.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    lab.user("mover", allow("kms:ReEncrypt", resource=arn))
    with refused("AccessDeniedException", None):
        client.re_encrypt(DestinationKeyId=arn, **asked)


# --- GenerateRandom -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 32, 1024])
def test_generate_random_gives_as_many_bytes_as_asked(kms, size):
    answer = kms.generate_random(NumberOfBytes=size)
    assert members(answer) == {"Plaintext"}
    assert len(answer["Plaintext"]) == size


def test_no_two_draws_are_equal(kms):
    assert len({kms.generate_random(NumberOfBytes=16)["Plaintext"] for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("size", "rule"),
    [
        (0, "have value greater than or equal to 1"),
        (-1, "have value greater than or equal to 1"),
        (1025, "have value less than or equal to 1024"),
    ],
)
def test_generate_random_gives_1_to_1024_bytes(unchecked, size, rule):
    with constraint("numberOfBytes", rule, size):
        unchecked.generate_random(NumberOfBytes=size)


def test_generate_random_must_be_told_how_many(kms):
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()


def test_generate_random_from_a_key_store_that_is_not_there(kms):
    with refused("CustomKeyStoreNotFoundException", None):
        kms.generate_random(NumberOfBytes=8, CustomKeyStoreId="cks-1234567890abcdef0")


def test_generate_random_needs_an_identity_policy(lab, nobody):
    with no_identity_policy(lab.user("nobody"), "kms:GenerateRandom", "*"):
        nobody.generate_random(NumberOfBytes=8)
