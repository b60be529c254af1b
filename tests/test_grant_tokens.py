"""Grant tokens: made by this lab alone, whole or worthless, and no right by themselves."""

import base64

import pytest
from aws_words import ACCOUNT, OTHER_ACCOUNT, allow, hidden_key, no_identity_policy, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab, insecure_seeded_random
from kmslab.vault.domain_key import SEAL_SIZE, SIZE, DomainKey

pytest_plugins = ["lab_session"]

INVALID = "The grant token is not valid."


@pytest.fixture
def alice(lab):
    """A user without any policy."""
    return lab.user("alice")


@pytest.fixture
def new_token(kms, arn, alice):
    """A function that makes a grant to alice to Encrypt and gives its token."""

    def make(**changed):
        asked = {"KeyId": arn, "GranteePrincipal": alice.arn, "Operations": ["Encrypt"]}
        return kms.create_grant(**asked | changed)["GrantToken"]

    return make


def encrypt(client, arn, *tokens):
    client.encrypt(KeyId=arn, Plaintext=b"x", GrantTokens=list(tokens))


def grant_in(lab):
    """A key of `lab`, and the token of a grant on it."""
    kms = lab.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    grantee = lab.administrator().arn
    made = kms.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=["Encrypt"])
    return kms, arn, made["GrantToken"]


# --- Whole or worthless -------------------------------------------------------------------


def test_a_token_is_base64_text_that_a_request_has_room_for(new_token):
    token = new_token()
    assert base64.b64encode(base64.b64decode(token, validate=True)).decode() == token
    assert len(token) <= 8192


def test_every_token_is_another(new_token):
    assert len({new_token(Name="once") for _ in range(50)}) == 50


KMS, ARN, TOKEN = grant_in(Lab())
SEALED = base64.b64decode(TOKEN)


def invalid(token):
    """Whether both ways to show a token refuse it."""
    with refused("InvalidGrantTokenException", INVALID):
        encrypt(KMS, ARN, token)
    with refused("InvalidGrantTokenException", INVALID):
        KMS.retire_grant(GrantToken=token)
    return True


def test_the_token_that_the_next_tests_touch_is_valid():
    encrypt(KMS, ARN, TOKEN)


@settings(deadline=None)
@given(st.integers(0, len(SEALED) * 8 - 1))
def test_a_token_with_one_bit_changed_is_invalid(bit):
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << bit % 8
    assert invalid(base64.b64encode(changed).decode())


@settings(deadline=None)
@given(st.integers(0, len(TOKEN) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_token_with_one_letter_changed_is_invalid(at, letter):
    changed = TOKEN[:at] + letter + TOKEN[at + 1 :]
    assert changed == TOKEN or invalid(changed)


@pytest.mark.parametrize("region", ["us-east-1", "us-east-2", "eu-central-1", "ap-southeast-2"])
def test_not_even_the_bits_that_base64_ignores_may_change(region):
    lab = Lab()
    kms = lab.client("kms", region_name=region)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    grantee = lab.administrator().arn
    token = kms.create_grant(KeyId=arn, GranteePrincipal=grantee, Operations=["Encrypt"])
    text = token["GrantToken"]
    last = len(text.rstrip("=")) - 1
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for letter in letters.replace(text[last], ""):
        with refused("InvalidGrantTokenException", INVALID):
            encrypt(kms, arn, text[:last] + letter + text[last + 1 :])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, len(SEALED) - 1))
def test_a_part_of_a_token_is_invalid(size):
    for part in (SEALED[:size], SEALED[size:]):
        assert invalid(base64.b64encode(part).decode())


@settings(deadline=None, max_examples=30)
@given(st.binary(min_size=1, max_size=40))
def test_a_token_with_anything_around_it_is_invalid(more):
    for longer in (SEALED + more, more + SEALED):
        assert invalid(base64.b64encode(longer).decode())


@settings(deadline=None)
@given(st.text(min_size=1, max_size=300))
def test_any_other_text_is_invalid(text):
    assert invalid(text)


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "\n{}", "{}=", "{}{}"])
def test_a_token_is_taken_to_the_letter(around):
    assert invalid(around.format(TOKEN, TOKEN))


def test_a_token_of_another_lab_is_invalid():
    _, _, others = grant_in(Lab())
    assert invalid(others)


def test_a_ciphertext_blob_is_no_token_and_a_token_is_no_ciphertext_blob():
    blob = KMS.encrypt(KeyId=ARN, Plaintext=b"x")["CiphertextBlob"]
    assert invalid(base64.b64encode(blob).decode())
    with refused("InvalidCiphertextException", ""):
        KMS.decrypt(CiphertextBlob=SEALED)


# --- The seal -----------------------------------------------------------------------------


def domain_key(seed=1):
    random = insecure_seeded_random(seed)
    return DomainKey(random(SIZE), random)


def test_what_was_sealed_for_a_purpose_opens_for_it():
    sealed = domain_key().seal_token(b"grant token", b"payload")
    assert domain_key().open_token(b"grant token", sealed) == b"payload"


@pytest.mark.parametrize("purpose", [b"", b"grant", b"grant tokenp", b"session token"])
def test_what_was_sealed_for_one_purpose_opens_for_no_other(purpose):
    sealed = domain_key().seal_token(b"grant token", b"payload")
    assert domain_key().open_token(purpose, sealed) is None


def test_a_purpose_cannot_be_continued_by_the_payload():
    sealed = domain_key().seal_token(b"grant", b" token")
    assert domain_key().open_token(b"grant token", sealed[len(b" token") :]) is None


def test_what_another_domain_sealed_does_not_open():
    sealed = domain_key(seed=2).seal_token(b"grant token", b"payload")
    assert domain_key().open_token(b"grant token", sealed) is None


def test_a_seal_of_a_blob_seals_no_token():
    key = domain_key()
    for message in (b"payload", b"\x0bgrant tokenpayload"):
        assert key.open_token(b"grant token", b"payload" + key.seal(message)) is None


@pytest.mark.parametrize("size", [0, 1, SEAL_SIZE - 1, SEAL_SIZE])
def test_what_is_too_short_to_be_sealed_does_not_open(size):
    assert domain_key().open_token(b"grant token", bytes(size)) is None


# --- No right by itself -------------------------------------------------------------------


def test_a_token_gives_nothing_to_others(lab, arn, new_token):
    bob = lab.user("bob")
    with no_identity_policy(bob, "kms:Encrypt", arn):
        encrypt(lab.client("kms", bob), arn, new_token())


def test_a_token_of_a_grant_that_is_gone_has_no_effect(lab, kms, arn, alice, new_token):
    token = new_token()
    kms.retire_grant(GrantToken=token)
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(lab.client("kms", alice), arn, token)
    encrypt(kms, arn, token)


def test_a_token_of_another_key_has_no_effect(lab, kms, arn, alice, new_token):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    with no_identity_policy(alice, "kms:Encrypt", arn):
        encrypt(lab.client("kms", alice), arn, new_token(KeyId=other))
    encrypt(kms, arn, new_token(KeyId=other))


def test_tokens_may_be_shown_where_none_is_needed(kms, arn, new_token):
    encrypt(kms, arn, *(new_token() for _ in range(10)))


def test_an_empty_list_of_tokens_shows_none(kms, arn):
    encrypt(kms, arn)


def test_ten_tokens_are_the_most(kms, arn, new_token):
    with refused("ValidationException", None):
        encrypt(kms, arn, *[new_token()] * 11)


def test_one_invalid_token_among_valid_ones_refuses_the_call(kms, arn, new_token):
    with refused("InvalidGrantTokenException", INVALID):
        encrypt(kms, arn, new_token(), "no-token")


def test_an_invalid_token_tells_a_stranger_nothing_of_the_key(lab, arn):
    stranger = lab.administrator(OTHER_ACCOUNT)
    absent = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    for key in (arn, absent):
        with hidden_key(stranger, "kms:Encrypt"):
            encrypt(lab.client("kms", stranger), key, "no-token")


def test_who_is_denied_learns_nothing_about_a_token(lab, arn):
    nobody = lab.user("nobody", allow("s3:*"))
    with no_identity_policy(nobody, "kms:Encrypt", arn):
        encrypt(lab.client("kms", nobody), arn, "no-token")


# --- Over time ----------------------------------------------------------------------------


def test_a_token_is_still_good_when_the_lab_is_opened_again(tmp_path):
    with Lab(tmp_path) as lab:
        _, arn, token = grant_in(lab)
    with Lab(tmp_path) as lab:
        kms = lab.client("kms")
        encrypt(kms, arn, token)
        kms.retire_grant(GrantToken=token)
        assert kms.list_grants(KeyId=arn)["Grants"] == []


def test_a_seeded_lab_repeats_its_tokens():
    tokens = [grant_in(Lab(random=insecure_seeded_random(7)))[2] for _ in range(2)]
    assert tokens[0] == tokens[1]


def test_after_a_reset_old_tokens_name_nothing():
    lab = Lab()
    _, _, token = grant_in(lab)
    lab.reset()
    with refused("NotFoundException", None):
        lab.client("kms").retire_grant(GrantToken=token)
