"""Imported key material through boto3: brought, used, gone, brought again.

That it really is what was brought is shown outside: by public keys, by codes and signatures that
are made or checked there, and by what opens where.
"""

import hmac
import json
import math
import os
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from aws_words import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_REGION,
    allow,
    members,
    no_identity_policy,
    policy,
    refused,
)
from botocore.exceptions import ClientError
from conftest import required_program
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from key_imports import (
    DIRECT,
    HMAC_SIZES,
    HYBRID,
    NEVER,
    PAIRS,
    SEVERAL,
    bring,
    external_key,
    parameters_for,
    private_bytes,
    public_bytes,
    wrap_in_python,
    wrap_with_program,
)

from kmslab import Lab, StillClock

pytest_plugins = ["lab_session"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MATERIAL, OTHER_MATERIAL = bytes(range(32)), bytes(range(32, 64))


def still():
    return StillClock(NOON, step=timedelta(0))


@pytest.fixture
def lab():
    """A lab whose clock stands still, so that dates can be told to the second."""
    return Lab(clock=still())


@pytest.fixture
def waiting(kms):
    """The ARN of a symmetric key that waits for its material."""
    return external_key(kms)


@pytest.fixture
def brought(kms, waiting):
    """The same key with its material, which does not expire."""
    bring(kms, waiting, MATERIAL)
    return waiting


def metadata_of(client, key_id):
    return client.describe_key(KeyId=key_id)["KeyMetadata"]


def state_of(client, key_id):
    return metadata_of(client, key_id)["KeyState"]


def materials_of(client, key_id):
    asked = {"KeyId": key_id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    return client.list_key_rotations(**asked)["Rotations"]


def states_of(client, key_id):
    return [
        (material["KeyMaterialState"], material["ImportState"])
        for material in materials_of(client, key_id)
    ]


def pending_import(arn):
    return refused("KMSInvalidStateException", f"{arn} is pending import.")


def events_named(lab, name):
    return [event for event in lab.events() if event["eventName"] == name]


# --- A key that waits ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
        {"KeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
    ],
    ids=lambda kind: kind.get("KeySpec", "SYMMETRIC_DEFAULT"),
)
def test_a_key_of_external_origin_is_made_without_material(kms, kind):
    metadata = kms.create_key(Origin="EXTERNAL", **kind)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Origin"]) == ("PendingImport", "EXTERNAL")
    assert metadata["Enabled"] is False
    for member in ("CurrentKeyMaterialId", "ExpirationModel", "ValidTo"):
        assert member not in metadata
    assert metadata == metadata_of(kms, metadata["KeyId"])


def test_a_key_without_material_can_be_managed_and_not_used(kms, waiting):
    kms.create_alias(AliasName="alias/mine", TargetKeyId=waiting)
    kms.tag_resource(KeyId=waiting, Tags=[{"TagKey": "a", "TagValue": "b"}])
    with pending_import(waiting):
        kms.encrypt(KeyId=waiting, Plaintext=b"x")
    with pending_import(waiting):
        kms.enable_key(KeyId=waiting)
    kms.schedule_key_deletion(KeyId=waiting)
    kms.cancel_key_deletion(KeyId=waiting)
    assert state_of(kms, waiting) == "PendingImport", "there is nothing to enable"


def test_material_that_kms_made_is_not_replaced_by_an_import(kms, arn):
    for operation in (
        lambda: parameters_for(kms, arn),
        lambda: kms.import_key_material(
            KeyId=arn, ImportToken=b"t", EncryptedKeyMaterial=b"m", **NEVER
        ),
        lambda: kms.delete_imported_key_material(KeyId=arn),
    ):
        with refused(
            "UnsupportedOperationException",
            f"{arn} origin is AWS_KMS which is not valid for this operation.",
        ):
            operation()


# --- What comes with the public key -------------------------------------------------------


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_the_wrapping_key_is_an_rsa_key_of_the_size_asked_for_and_good_for_a_day(
    kms, waiting, spec
):
    answer = parameters_for(kms, waiting, spec=spec)
    assert members(answer) == {"KeyId", "ImportToken", "PublicKey", "ParametersValidTo"}
    assert answer["KeyId"] == waiting
    assert answer["ParametersValidTo"] == NOON + timedelta(hours=24)
    assert len(wrap_in_python(answer["PublicKey"], DIRECT[1], b"x")) * 8 == int(spec[4:])
    assert len(answer["ImportToken"]) <= 6144


def test_every_request_gets_a_wrapping_key_of_its_own(kms, waiting):
    first, second = (parameters_for(kms, waiting) for _ in range(2))
    assert first["PublicKey"] != second["PublicKey"]
    assert first["ImportToken"] != second["ImportToken"]


UNSUPPORTED = [
    ("SYMMETRIC_DEFAULT", "RSA_2048", "RSAES_PKCS1_V1_5"),
    ("SYMMETRIC_DEFAULT", "SM2", "SM2PKE"),
    ("SYMMETRIC_DEFAULT", "RSA_2048", "SM2PKE"),
    ("SYMMETRIC_DEFAULT", "SM2", "RSAES_OAEP_SHA_256"),
    ("SYMMETRIC_DEFAULT", "RSA_2048", "RSA_AES_KEY_WRAP_SHA_256"),
    ("HMAC_256", "RSA_2048", "RSA_AES_KEY_WRAP_SHA_1"),
    ("RSA_2048", "RSA_4096", "RSAES_OAEP_SHA_256"),
    ("ECC_NIST_P521", "RSA_2048", "RSAES_OAEP_SHA_1"),
]


@pytest.mark.parametrize(("key_spec", "spec", "algorithm"), UNSUPPORTED)
def test_what_cannot_be_wrapped_so_gets_no_wrapping_key(kms, key_spec, spec, algorithm):
    usage = {"HMAC_256": "GENERATE_VERIFY_MAC", "SYMMETRIC_DEFAULT": "ENCRYPT_DECRYPT"}
    arn = external_key(kms, KeySpec=key_spec, KeyUsage=usage.get(key_spec, "SIGN_VERIFY"))
    with refused("UnsupportedOperationException", None):
        parameters_for(kms, arn, algorithm, spec)


# --- Every kind of material, wrapped in every way by two makers ---------------------------


@pytest.fixture(params=["cryptography", "openssl"])
def wrap(request, tmp_path):
    if request.param == "cryptography":
        return wrap_in_python
    return wrap_with_program(required_program("openssl"), tmp_path)


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize("algorithm", DIRECT)
def test_a_symmetric_key_works_with_what_was_wrapped(kms, waiting, algorithm, spec, wrap):
    answer = bring(kms, waiting, MATERIAL, algorithm, spec, wrap)
    assert members(answer) == {"KeyId", "KeyMaterialId"}
    metadata = metadata_of(kms, waiting)
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Enabled", True)
    assert metadata["CurrentKeyMaterialId"] == answer["KeyMaterialId"]
    blob = kms.encrypt(KeyId=waiting, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == answer["KeyMaterialId"]


@pytest.mark.parametrize("key_spec", HMAC_SIZES)
@pytest.mark.parametrize("algorithm", DIRECT)
def test_an_hmac_key_makes_the_codes_that_its_owner_makes(kms, key_spec, algorithm, wrap):
    for size in HMAC_SIZES[key_spec]:
        arn = external_key(kms, KeySpec=key_spec, KeyUsage="GENERATE_VERIFY_MAC")
        secret, bits = os.urandom(size), key_spec[5:]
        assert members(bring(kms, arn, secret, algorithm, wrap=wrap)) == {"KeyId"}
        asked = {"KeyId": arn, "Message": b"m", "MacAlgorithm": f"HMAC_SHA_{bits}"}
        assert kms.generate_mac(**asked)["Mac"] == hmac.digest(secret, b"m", f"sha{bits}")


@pytest.mark.parametrize("key_spec", PAIRS)
def test_a_key_pair_has_the_public_key_that_its_owner_has(kms, key_spec, wrap):
    usage, make = PAIRS[key_spec]
    private_key = make()
    for algorithm in HYBRID if key_spec.startswith("RSA") else (*DIRECT, *HYBRID):
        arn = external_key(kms, KeySpec=key_spec, KeyUsage=usage)
        spec = "RSA_3072" if key_spec == "ECC_NIST_P521" else "RSA_2048"
        answer = bring(kms, arn, private_bytes(private_key), algorithm, spec, wrap)
        assert members(answer) == {"KeyId"}
        assert kms.get_public_key(KeyId=arn)["PublicKey"] == public_bytes(private_key)


def test_what_an_imported_pair_signs_is_verified_outside_and_the_other_way_round(kms):
    rsa_key, elliptic_key = PAIRS["RSA_2048"][1](), PAIRS["ECC_NIST_P256"][1]()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    schemes = {
        "RSASSA_PSS_SHA_256": (rsa_key, "RSA_2048", (pss, hashes.SHA256())),
        "ECDSA_SHA_256": (elliptic_key, "ECC_NIST_P256", (ec.ECDSA(hashes.SHA256()),)),
    }
    for algorithm, (private_key, key_spec, scheme) in schemes.items():
        arn = external_key(kms, KeySpec=key_spec, KeyUsage="SIGN_VERIFY")
        bring(kms, arn, private_bytes(private_key), HYBRID[1])
        asked = {"KeyId": arn, "Message": b"m", "SigningAlgorithm": algorithm}
        signature = kms.sign(**asked)["Signature"]
        private_key.public_key().verify(signature, b"m", *scheme)
        assert kms.verify(Signature=private_key.sign(b"m", *scheme), **asked)["SignatureValid"]


def test_what_was_encrypted_outside_for_an_imported_pair_opens(kms):
    private_key = PAIRS["RSA_3072"][1]()
    arn = external_key(kms, KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")
    bring(kms, arn, private_bytes(private_key), HYBRID[0])
    sealed = wrap_in_python(public_bytes(private_key), DIRECT[1], b"from outside")
    asked = {"KeyId": arn, "EncryptionAlgorithm": DIRECT[1], "CiphertextBlob": sealed}
    assert kms.decrypt(**asked)["Plaintext"] == b"from outside"


def test_the_same_material_in_two_keys_opens_nothing_of_the_other_one(kms, brought):
    twin = external_key(kms)
    answers = [bring(kms, arn, MATERIAL) for arn in (brought, twin)]
    assert answers[0]["KeyMaterialId"] != answers[1]["KeyMaterialId"]
    blob = kms.encrypt(KeyId=brought, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException", None):
        kms.decrypt(KeyId=twin, CiphertextBlob=blob)
    kms.delete_imported_key_material(KeyId=brought)
    with pending_import(brought):
        kms.decrypt(CiphertextBlob=blob)


# --- What does not fit --------------------------------------------------------------------


def import_with(kms, arn, given, wrapped, **asked):
    return kms.import_key_material(
        KeyId=arn,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        **(asked or NEVER),
    )


def test_a_token_goes_with_one_key_alone(kms, waiting):
    other = external_key(kms)
    given = parameters_for(kms, other)
    with refused("InvalidImportTokenException", None):
        import_with(kms, waiting, given, wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL))
    assert state_of(kms, waiting) == "PendingImport"


def test_what_was_wrapped_under_the_public_key_of_another_token_does_not_unwrap(kms, waiting):
    first, second = (parameters_for(kms, waiting) for _ in range(2))
    wrapped = wrap_in_python(first["PublicKey"], DIRECT[1], MATERIAL)
    with refused("InvalidCiphertextException", ""):
        import_with(kms, waiting, second, wrapped)
    import_with(kms, waiting, first, wrapped)


def test_a_token_is_good_for_a_day_and_not_a_second_longer(lab, kms, waiting):
    given = parameters_for(kms, waiting)
    wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
    lab.clock.advance(hours=24, seconds=-1)
    import_with(kms, waiting, given, wrapped)
    lab.clock.advance(seconds=1)
    with refused("ExpiredImportTokenException", None):
        import_with(kms, waiting, given, wrapped)


@pytest.fixture(scope="module")
def tokens():
    """A lab, a key that waits in it and a token of that key, all made once."""
    kms = Lab(clock=still()).client("kms")
    arn = external_key(kms)
    return kms, arn, parameters_for(kms, arn)["ImportToken"]


@settings(max_examples=100)
@given(
    at=st.integers(0, 8 * 6000),
    change=st.sampled_from(["flip", "cut", "lengthen"]),
    more=st.binary(min_size=1, max_size=50),
)
def test_a_token_that_was_touched_is_no_token(tokens, at, change, more):
    kms, arn, token = tokens
    place, bit = at // 8 % len(token), at % 8
    touched = {
        "flip": token[:place] + bytes([token[place] ^ 1 << bit]) + token[place + 1 :],
        "cut": token[: place or 1],
        "lengthen": token + more,
    }
    with refused("InvalidImportTokenException", None):
        import_with(kms, arn, {"ImportToken": touched[change]}, b"x")


@settings(max_examples=100)
@given(st.binary(min_size=1, max_size=6144))
def test_any_other_bytes_are_no_token(tokens, token):
    kms, arn, _ = tokens
    with refused("InvalidImportTokenException", None):
        import_with(kms, arn, {"ImportToken": token}, b"x")


def test_a_token_of_another_lab_is_no_token(kms, waiting):
    strange = Lab().client("kms")
    given = parameters_for(strange, external_key(strange))
    with refused("InvalidImportTokenException", None):
        import_with(kms, waiting, given, b"x")


def test_the_token_fixes_the_algorithm(kms, waiting):
    given = parameters_for(kms, waiting, DIRECT[1])
    for wrapped in (
        wrap_in_python(given["PublicKey"], DIRECT[0], MATERIAL),
        wrap_in_python(given["PublicKey"], HYBRID[1], MATERIAL),
        b"x",
        os.urandom(256),
    ):
        with refused("InvalidCiphertextException", ""):
            import_with(kms, waiting, given, wrapped)


@pytest.mark.parametrize("spoil", ["outer", "inner", "cut", "no inner", "AES-128"])
def test_a_hybrid_wrap_of_which_a_part_is_wrong_does_not_unwrap(kms, spoil):
    arn = external_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    given = parameters_for(kms, arn, HYBRID[1])
    wrapped = wrap_in_python(
        given["PublicKey"], HYBRID[1], private_bytes(PAIRS["ECC_NIST_P256"][1]())
    )
    if spoil == "AES-128":
        wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], bytes(16)) + wrapped[256:]
    spoiled = {
        "outer": bytes([wrapped[0] ^ 1]) + wrapped[1:],
        "inner": wrapped[:-1] + bytes([wrapped[-1] ^ 1]),
        "cut": wrapped[:-8],
        "no inner": wrapped[:256],
        "AES-128": wrapped,
    }
    with refused("InvalidCiphertextException", ""):
        import_with(kms, arn, given, spoiled[spoil])
    assert state_of(kms, arn) == "PendingImport"


UNSOUND = {
    "SYMMETRIC_DEFAULT": [bytes(16), bytes(31), bytes(33), bytes(64)],
    "HMAC_256": [bytes(31), bytes(65)],
    "ECC_NIST_P256": [bytes(32), private_bytes(PAIRS["ECC_NIST_P384"][1]())],
    "ECC_NIST_EDWARDS25519": [bytes(32), private_bytes(PAIRS["ML_DSA_44"][1]())],
}


@pytest.mark.parametrize("key_spec", UNSOUND)
def test_material_that_is_not_of_the_keys_kind_is_refused(kms, key_spec):
    usage = {"SYMMETRIC_DEFAULT": "ENCRYPT_DECRYPT", "HMAC_256": "GENERATE_VERIFY_MAC"}
    arn = external_key(kms, KeySpec=key_spec, KeyUsage=usage.get(key_spec, "SIGN_VERIFY"))
    for material in UNSOUND[key_spec]:
        with refused("IncorrectKeyMaterialException", None):
            bring(kms, arn, material, spec="RSA_3072")
    assert state_of(kms, arn) == "PendingImport"


def test_other_material_never_takes_the_place_of_the_first(kms, brought):
    kms.delete_imported_key_material(KeyId=brought)
    with refused("IncorrectKeyMaterialException", None):
        bring(kms, brought, OTHER_MATERIAL)
    assert state_of(kms, brought) == "PendingImport"
    bring(kms, brought, MATERIAL)
    assert state_of(kms, brought) == "Enabled"


def test_a_key_pair_has_one_material_for_life_however_it_is_written(kms):
    arn = external_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    private_key = PAIRS["ECC_NIST_P256"][1]()
    bring(kms, arn, private_bytes(private_key))
    with refused("IncorrectKeyMaterialException", None):
        bring(kms, arn, private_bytes(PAIRS["ECC_NIST_P256"][1]()))
    kms.delete_imported_key_material(KeyId=arn)
    without_public_half = shortened(private_key)
    assert without_public_half != private_bytes(private_key)
    bring(kms, arn, without_public_half)
    assert kms.get_public_key(KeyId=arn)["PublicKey"] == public_bytes(private_key)


def test_an_rsa_key_is_recognised_whichever_program_wrote_it(kms):
    arn = external_key(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    private_key = PAIRS["RSA_2048"][1]()
    bring(kms, arn, private_bytes(private_key), HYBRID[1])
    asked = {"KeyId": arn, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=b"x", **asked)["CiphertextBlob"]
    for written in (primes_swapped(private_key), exponent_enlarged(private_key)):
        assert private_bytes(written) != private_bytes(private_key)
        kms.delete_imported_key_material(KeyId=arn)
        bring(kms, arn, private_bytes(written), HYBRID[1])
        assert kms.decrypt(CiphertextBlob=blob, **asked)["Plaintext"] == b"x"


def primes_swapped(private_key):
    """The same RSA private key with its other prime first."""
    n = private_key.private_numbers()
    return rsa.RSAPrivateNumbers(
        *(n.q, n.p, n.d, n.dmq1, n.dmp1, rsa.rsa_crt_iqmp(n.q, n.p), n.public_numbers)
    ).private_key()


def exponent_enlarged(private_key):
    """The same RSA private key with another exponent that does the same, as before PKCS #1 v2."""
    n = private_key.private_numbers()
    least = math.lcm(n.p - 1, n.q - 1)
    d = pow(n.public_numbers.e, -1, least) + least
    return rsa.RSAPrivateNumbers(
        *(n.p, n.q, d, n.dmp1, n.dmq1, n.iqmp, n.public_numbers)
    ).private_key()


def shortened(private_key):
    """The same P-256 private key in PKCS #8, without the public key that most programs add."""
    number = private_key.private_numbers().private_value.to_bytes(32, "big")
    inner = b"\x30\x25\x02\x01\x01\x04\x20" + number
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    return b"\x30\x41\x02\x01\x00" + algorithm + b"\x04\x27" + inner


@pytest.mark.parametrize("meanwhile", ["disabled", "scheduled", "gone"])
def test_what_becomes_of_a_key_while_its_material_is_unwrapped_counts(lab, kms, waiting, meanwhile):
    """To unwrap takes time, and nobody waits for it: others may change the key."""
    bring(kms, waiting, MATERIAL)
    unwrap = lab._hsm.import_material

    def unwrap_slowly(*asked):
        unwrapped = unwrap(*asked)
        if meanwhile == "disabled":
            kms.disable_key(KeyId=waiting)
        else:
            kms.schedule_key_deletion(KeyId=waiting, PendingWindowInDays=7)
        if meanwhile == "gone":
            lab.clock.advance(days=7)
        return unwrapped

    lab._hsm.import_material = unwrap_slowly
    expected = {
        "scheduled": ("KMSInvalidStateException", f"{waiting} is pending deletion."),
        "gone": ("NotFoundException", f"Key '{waiting}' does not exist"),
    }
    if meanwhile == "disabled":
        bring(kms, waiting, MATERIAL)
        assert state_of(kms, waiting) == "Disabled"
        return
    with refused(*expected[meanwhile]):
        bring(kms, waiting, MATERIAL)
    if meanwhile == "gone":
        assert [list(lab._store.key_tokens), list(lab._store.key_materials)] == [[], []]


# --- How long -----------------------------------------------------------------------------


@pytest.fixture
def in_tokyo(monkeypatch):
    """A process whose own time is not UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process cannot be set")
@pytest.mark.parametrize(
    "end",
    [
        NOON + timedelta(days=30, seconds=0.5),
        (NOON + timedelta(days=30)).astimezone(timezone(timedelta(hours=9))),
        (NOON + timedelta(days=30)).replace(tzinfo=None),
    ],
)
def test_an_end_means_the_same_in_a_direct_call_as_in_boto3(lab, kms, in_tokyo, end):
    by_boto3, direct = external_key(kms), external_key(kms)
    bring(kms, by_boto3, MATERIAL, ValidTo=end)
    given = parameters_for(kms, direct)
    lab.call(
        "ImportKeyMaterial",
        KeyId=direct,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=bytearray(wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)),
        ValidTo=end,
    )
    ends = [metadata_of(kms, each)["ValidTo"] for each in (by_boto3, direct)]
    assert ends[0] == ends[1]
    told = lab.call("DescribeKey", KeyId=direct)["KeyMetadata"]["ValidTo"]
    assert told == ends[0].timestamp()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"),
        (
            {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        ),
        ({**NEVER, "ValidTo": NOON + timedelta(days=1)}, None),
        ({"ValidTo": NOON}, None),
        ({"ValidTo": NOON - timedelta(days=1)}, None),
        ({"ValidTo": NOON + timedelta(days=365, seconds=1)}, None),
    ],
)
def test_an_end_is_needed_or_excluded_and_lies_within_a_year(kms, waiting, asked, sentence):
    given = parameters_for(kms, waiting)
    wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
    with refused("ValidationException", sentence):
        kms.import_key_material(
            KeyId=waiting,
            ImportToken=given["ImportToken"],
            EncryptedKeyMaterial=wrapped,
            **asked,
        )


def test_material_goes_when_its_time_has_come_and_the_same_brings_the_key_back(lab, kms, waiting):
    end = NOON + timedelta(days=30)
    bring(kms, waiting, MATERIAL, ValidTo=end)
    metadata = metadata_of(kms, waiting)
    assert (metadata["ExpirationModel"], metadata["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", end)
    blob = kms.encrypt(KeyId=waiting, Plaintext=b"kept")["CiphertextBlob"]
    lab.clock.advance(days=30, seconds=-1)
    kms.decrypt(CiphertextBlob=blob)
    lab.clock.advance(seconds=1)
    metadata = metadata_of(kms, waiting)
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingImport", False)
    assert not {"ExpirationModel", "ValidTo", "CurrentKeyMaterialId"} & set(metadata)
    with pending_import(waiting):
        kms.decrypt(CiphertextBlob=blob)
    with refused("IncorrectKeyMaterialException", None):
        bring(kms, waiting, OTHER_MATERIAL)
    bring(kms, waiting, MATERIAL)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert metadata_of(kms, waiting)["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    lab.clock.advance(days=400)
    assert state_of(kms, waiting) == "Enabled"


def test_the_end_can_be_moved_by_bringing_the_same_again(lab, kms, waiting):
    for days in (10, 40, 20):
        bring(kms, waiting, MATERIAL, ValidTo=NOON + timedelta(days=days))
    assert metadata_of(kms, waiting)["ValidTo"] == NOON + timedelta(days=20)
    lab.clock.advance(days=19)
    assert state_of(kms, waiting) == "Enabled"
    lab.clock.advance(days=1)
    assert state_of(kms, waiting) == "PendingImport"
    assert len(events_named(lab, "DeleteExpiredKeyMaterial")) == 1


def test_material_can_be_deleted_and_the_wrapped_copy_goes_with_it(lab, kms, brought):
    answer = kms.delete_imported_key_material(KeyId=brought)
    assert members(answer) == {"KeyId", "KeyMaterialId"}
    assert state_of(kms, brought) == "PendingImport"
    assert list(lab._store.key_tokens) == []
    again = kms.delete_imported_key_material(KeyId=brought)
    assert again["KeyMaterialId"] == answer["KeyMaterialId"]
    assert members(kms.delete_imported_key_material(KeyId=external_key(kms))) == {"KeyId"}


def test_a_disabled_key_stays_disabled_when_its_end_is_moved(kms, brought):
    kms.disable_key(KeyId=brought)
    bring(kms, brought, MATERIAL, ValidTo=NOON + timedelta(days=1))
    assert state_of(kms, brought) == "Disabled"


@pytest.mark.parametrize("by", ["hand", "clock"])
def test_material_that_goes_while_the_key_waits_for_its_end_is_missed_after_a_cancellation(
    lab, kms, waiting, by
):
    bring(kms, waiting, MATERIAL, ValidTo=NOON + timedelta(days=1))
    kms.schedule_key_deletion(KeyId=waiting)
    if by == "hand":
        kms.delete_imported_key_material(KeyId=waiting)
    lab.clock.advance(days=2)
    assert state_of(kms, waiting) == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=waiting)
    assert state_of(kms, waiting) == "PendingImport"
    bring(kms, waiting, MATERIAL)
    kms.encrypt(KeyId=waiting, Plaintext=b"x")


def test_nothing_is_brought_to_a_key_on_its_way_out(kms, brought):
    given = parameters_for(kms, brought)
    kms.schedule_key_deletion(KeyId=brought)
    for operation in (
        lambda: parameters_for(kms, brought),
        lambda: import_with(kms, brought, given, b"x"),
    ):
        with refused("KMSInvalidStateException", f"{brought} is pending deletion."):
            operation()


def test_with_the_key_goes_all_that_was_known_of_its_material(lab, kms, waiting):
    bring(kms, waiting, MATERIAL, ValidTo=NOON + timedelta(days=10))
    kms.schedule_key_deletion(KeyId=waiting, PendingWindowInDays=7)
    lab.clock.advance(days=400)
    assert [list(table) for table in (lab._store.key_tokens, lab._store.key_materials)] == [[], []]
    assert events_named(lab, "DeleteExpiredKeyMaterial") == []


# --- Several materials --------------------------------------------------------------------


def test_new_material_waits_until_it_is_rotated_to_and_the_old_one_goes_on_opening(kms, brought):
    old = kms.encrypt(KeyId=brought, Plaintext=b"old")["CiphertextBlob"]
    first = metadata_of(kms, brought)["CurrentKeyMaterialId"]
    second = bring(kms, brought, OTHER_MATERIAL, **SEVERAL)["KeyMaterialId"]
    assert metadata_of(kms, brought)["CurrentKeyMaterialId"] == first
    assert states_of(kms, brought) == [("CURRENT", "IMPORTED"), ("PENDING_ROTATION", "IMPORTED")]
    kms.rotate_key_on_demand(KeyId=brought)
    assert metadata_of(kms, brought)["CurrentKeyMaterialId"] == second
    assert states_of(kms, brought) == [("NON_CURRENT", "IMPORTED"), ("CURRENT", "IMPORTED")]
    new = kms.encrypt(KeyId=brought, Plaintext=b"new")["CiphertextBlob"]
    opened = [kms.decrypt(CiphertextBlob=blob) for blob in (old, new)]
    assert [(each["Plaintext"], each["KeyMaterialId"]) for each in opened] == [
        (b"old", first),
        (b"new", second),
    ]
    with refused(
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {brought}.",
    ):
        kms.rotate_key_on_demand(KeyId=brought)


def test_one_material_waits_at_a_time(kms, brought):
    second = bring(kms, brought, OTHER_MATERIAL, **SEVERAL)["KeyMaterialId"]
    with pytest.raises(ClientError) as caught:
        bring(kms, brought, bytes(32), **SEVERAL)
    error = caught.value.response["Error"]
    assert error["Code"] == "KMSInvalidStateException"
    third = error["Message"].partition("(id: ")[2][:64]
    assert error["Message"] == (
        f"New key material (id: {third}) cannot be imported into KMS key {brought}, because "
        f"another key material (id: {second}) is pending rotation."
    )
    kms.delete_imported_key_material(KeyId=brought, KeyMaterialId=second)
    assert state_of(kms, brought) == "Enabled", "it did not belong to the key yet"
    assert bring(kms, brought, bytes(32), **SEVERAL)["KeyMaterialId"] == third


def test_without_any_one_of_its_materials_the_whole_key_stands_still(lab, kms, brought):
    first = metadata_of(kms, brought)["CurrentKeyMaterialId"]
    end = NOON + timedelta(days=1)
    bring(kms, brought, OTHER_MATERIAL, ImportType="NEW_KEY_MATERIAL", ValidTo=end)
    kms.rotate_key_on_demand(KeyId=brought)
    assert metadata_of(kms, brought)["ValidTo"] == end
    kms.delete_imported_key_material(KeyId=brought, KeyMaterialId=first)
    assert states_of(kms, brought) == [("NON_CURRENT", "PENDING_IMPORT"), ("CURRENT", "IMPORTED")]
    with pending_import(brought):
        kms.encrypt(KeyId=brought, Plaintext=b"x")
    lab.clock.advance(days=1)
    bring(kms, brought, MATERIAL)
    with pending_import(brought):
        kms.encrypt(KeyId=brought, Plaintext=b"x")
    bring(kms, brought, OTHER_MATERIAL)
    kms.encrypt(KeyId=brought, Plaintext=b"x")


def test_waiting_material_that_expires_is_forgotten_and_the_key_goes_on(lab, kms, brought):
    end = NOON + timedelta(days=1)
    bring(kms, brought, OTHER_MATERIAL, ImportType="NEW_KEY_MATERIAL", ValidTo=end)
    assert "ValidTo" not in metadata_of(kms, brought), "that is of what belongs to the key"
    lab.clock.advance(days=1)
    assert states_of(kms, brought) == [("CURRENT", "IMPORTED")]
    kms.encrypt(KeyId=brought, Plaintext=b"x")
    assert len(events_named(lab, "DeleteExpiredKeyMaterial")) == 1


def test_the_caller_says_whether_the_material_is_new_and_may_name_it(kms, brought):
    first = metadata_of(kms, brought)["CurrentKeyMaterialId"]
    for material, asked in (
        (OTHER_MATERIAL, {}),
        (OTHER_MATERIAL, {"ImportType": "EXISTING_KEY_MATERIAL"}),
        (MATERIAL, {"ImportType": "NEW_KEY_MATERIAL"}),
        (MATERIAL, {"KeyMaterialId": "0" * 64}),
    ):
        with refused("IncorrectKeyMaterialException", None):
            bring(kms, brought, material, **asked)
    with refused("ValidationException", None):
        bring(kms, brought, MATERIAL, **SEVERAL, KeyMaterialId=first)
    bring(kms, brought, MATERIAL, KeyMaterialId=first, KeyMaterialDescription="from the vault")
    (listed,) = materials_of(kms, brought)
    assert listed["KeyMaterialDescription"] == "from the vault"
    bring(kms, brought, MATERIAL)
    (listed,) = materials_of(kms, brought)
    assert listed["KeyMaterialDescription"] == "from the vault", "kept until it is said anew"
    with refused("NotFoundException", None):
        kms.delete_imported_key_material(KeyId=brought, KeyMaterialId="0" * 64)


@pytest.mark.parametrize(
    "asked",
    [
        {"ImportType": "NEW_KEY_MATERIAL"},
        {"KeyMaterialDescription": "d"},
        {"KeyMaterialId": "0" * 64},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_only_symmetric_keys_have_a_choice_of_materials(kms, asked):
    arn = external_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    with refused("ValidationException", None):
        bring(kms, arn, MATERIAL, **asked)


# --- Multi-Region -------------------------------------------------------------------------


@pytest.fixture
def elsewhere(lab):
    return lab.client("kms", region_name=OTHER_REGION)


@pytest.fixture
def related(lab, kms):
    """The id of a multi-Region key whose primary has its material, and whose replica has none."""
    arn = external_key(kms, MultiRegion=True)
    with pending_import(arn):
        kms.replicate_key(KeyId=arn, ReplicaRegion=OTHER_REGION)
    bring(kms, arn, MATERIAL)
    kms.replicate_key(KeyId=arn, ReplicaRegion=OTHER_REGION)
    lab.clock.advance(seconds=10)
    return arn.rpartition("/")[2]


def test_each_related_key_needs_the_same_material_and_then_opens_what_the_other_encrypted(
    kms, elsewhere, related
):
    assert state_of(elsewhere, related) == "PendingImport"
    blob = kms.encrypt(KeyId=related, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyMaterialException", None):
        bring(elsewhere, related, OTHER_MATERIAL)
    bring(elsewhere, related, MATERIAL, ValidTo=NOON + timedelta(days=30))
    assert elsewhere.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert metadata_of(kms, related)["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    elsewhere.delete_imported_key_material(KeyId=related)
    assert (state_of(kms, related), state_of(elsewhere, related)) == ("Enabled", "PendingImport")
    kms.decrypt(CiphertextBlob=blob)


def test_a_token_of_the_related_key_is_that_of_another_key(kms, elsewhere, related):
    given = parameters_for(kms, related)
    wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
    with refused("InvalidImportTokenException", None):
        import_with(elsewhere, related, given, wrapped)


def test_new_material_is_brought_to_the_primary_first_and_rotated_to_when_all_have_it(
    kms, elsewhere, related
):
    bring(elsewhere, related, MATERIAL)
    with refused("UnsupportedOperationException", None):
        bring(elsewhere, related, OTHER_MATERIAL, **SEVERAL)
    bring(kms, related, OTHER_MATERIAL, **SEVERAL)
    pending = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
    assert states_of(kms, related)[1] == (pending, "IMPORTED")
    assert states_of(elsewhere, related)[1] == (pending, "PENDING_IMPORT")
    assert state_of(elsewhere, related) == "Enabled"
    with refused("KMSInvalidStateException", None):
        kms.rotate_key_on_demand(KeyId=related)
    bring(elsewhere, related, OTHER_MATERIAL)
    for client in (kms, elsewhere):
        assert states_of(client, related)[1] == ("PENDING_ROTATION", "IMPORTED")
    old = kms.encrypt(KeyId=related, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=related)
    for client in (kms, elsewhere):
        assert states_of(client, related) == [("NON_CURRENT", "IMPORTED"), ("CURRENT", "IMPORTED")]
    new = elsewhere.encrypt(KeyId=related, Plaintext=b"new")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["Plaintext"] == b"new"
    assert elsewhere.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"


def test_a_replica_that_lost_what_is_rotated_to_waits_for_it(kms, elsewhere, related):
    bring(elsewhere, related, MATERIAL)
    second = bring(kms, related, OTHER_MATERIAL, **SEVERAL)["KeyMaterialId"]
    bring(elsewhere, related, OTHER_MATERIAL)
    elsewhere.delete_imported_key_material(KeyId=related, KeyMaterialId=second)
    assert state_of(elsewhere, related) == "Enabled"
    with refused("KMSInvalidStateException", None):
        kms.rotate_key_on_demand(KeyId=related)
    kms.delete_imported_key_material(KeyId=related, KeyMaterialId=second)
    for client in (kms, elsewhere):
        assert len(materials_of(client, related)) == 1


def test_a_new_primary_forgets_waiting_material_that_it_never_had(lab, kms, elsewhere, related):
    bring(elsewhere, related, MATERIAL)
    second = bring(kms, related, OTHER_MATERIAL, **SEVERAL)["KeyMaterialId"]
    kms.update_primary_region(KeyId=related, PrimaryRegion=OTHER_REGION)
    lab.clock.advance(seconds=10)
    kms.delete_imported_key_material(KeyId=related, KeyMaterialId=second)
    assert len(materials_of(elsewhere, related)) == 2
    elsewhere.delete_imported_key_material(KeyId=related, KeyMaterialId=second)
    for client in (kms, elsewhere):
        assert len(materials_of(client, related)) == 1
    bring(elsewhere, related, bytes(32), **SEVERAL)


def test_a_replica_that_goes_holds_no_rotation_up(lab, kms, elsewhere, related):
    bring(kms, related, OTHER_MATERIAL, **SEVERAL)
    with refused("KMSInvalidStateException", None):
        kms.rotate_key_on_demand(KeyId=related)
    elsewhere.schedule_key_deletion(KeyId=related, PendingWindowInDays=7)
    lab.clock.advance(days=7)
    kms.rotate_key_on_demand(KeyId=related)


# --- Who may, and what is told ------------------------------------------------------------


def test_each_step_needs_its_own_right(lab, kms, waiting):
    user = lab.user("importer")
    client = lab.client("kms", user)
    given = parameters_for(kms, waiting)
    steps = {
        "kms:GetParametersForImport": lambda: parameters_for(client, waiting),
        "kms:ImportKeyMaterial": lambda: import_with(
            client, waiting, given, wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
        ),
        "kms:DeleteImportedKeyMaterial": lambda: client.delete_imported_key_material(KeyId=waiting),
    }
    for action, step in steps.items():
        lab.user("importer", allow(*(set(steps) - {action})))
        with no_identity_policy(user, action, waiting):
            step()
        lab.user("importer", allow(action))
        step()


@pytest.mark.parametrize(
    ("condition", "passes", "fails"),
    [
        (
            {"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_256"}},
            ("RSAES_OAEP_SHA_256", "RSA_2048"),
            ("RSAES_OAEP_SHA_1", "RSA_2048"),
        ),
        (
            {"StringEquals": {"kms:WrappingKeySpec": "RSA_3072"}},
            ("RSAES_OAEP_SHA_256", "RSA_3072"),
            ("RSAES_OAEP_SHA_256", "RSA_2048"),
        ),
    ],
)
def test_a_policy_may_ask_for_a_wrapping_algorithm(lab, waiting, condition, passes, fails):
    user = lab.user("importer", allow("kms:GetParametersForImport", Condition=condition))
    client = lab.client("kms", user)
    parameters_for(client, waiting, *passes)
    with no_identity_policy(user, "kms:GetParametersForImport", waiting):
        parameters_for(client, waiting, *fails)


def test_a_policy_may_ask_that_material_expires_and_how_soon(lab, waiting):
    soon = {"DateLessThan": {"kms:ValidTo": "2026-06-01T00:00:00Z"}}
    expires = {"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_EXPIRES"}}
    parameters = {"Effect": "Allow", "Action": "kms:GetParametersForImport", "Resource": "*"}
    imports = {"Effect": "Allow", "Action": "kms:ImportKeyMaterial", "Resource": "*"}
    condition = {"Condition": {**soon, **expires}}
    user = lab.user("importer", policy(parameters, {**imports, **condition}))
    client = lab.client("kms", user)
    for asked in (NEVER, {"ValidTo": NOON + timedelta(days=60)}):
        with no_identity_policy(user, "kms:ImportKeyMaterial", waiting):
            bring(client, waiting, MATERIAL, **asked)
    bring(client, waiting, MATERIAL, ValidTo=NOON + timedelta(days=20))


def test_another_account_cannot_bring_material_whatever_the_policy_says(lab, waiting, put_policy):
    stranger = lab.user("stranger", allow("kms:*"), account=OTHER_ACCOUNT)
    everybody = {"AWS": [ACCOUNT, stranger.arn]}
    put_policy(
        waiting,
        policy({"Effect": "Allow", "Principal": everybody, "Action": "kms:*", "Resource": "*"}),
    )
    client = lab.client("kms", stranger)
    client.describe_key(KeyId=waiting)
    with refused("AccessDeniedException", None):
        parameters_for(client, waiting)


def test_the_events_of_an_import_tell_everything_but_the_material(lab, kms, waiting):
    given = parameters_for(kms, waiting)
    asked = lab.events()[-1]
    assert asked["requestParameters"] == {
        "keyId": waiting,
        "wrappingAlgorithm": "RSAES_OAEP_SHA_256",
        "wrappingKeySpec": "RSA_2048",
    }
    assert (asked["responseElements"], asked["readOnly"]) == (None, True)
    wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
    end = NOON + timedelta(days=1)
    answer = import_with(kms, waiting, given, wrapped, ValidTo=end)
    told = lab.events()[-1]
    assert told["requestParameters"] == {
        "keyId": waiting,
        "validTo": "May 2, 2026 12:00:00 PM",
        "expirationModel": "KEY_MATERIAL_EXPIRES",
        "importType": "NEW_KEY_MATERIAL",
    }
    assert told["responseElements"] == {
        "keyId": waiting,
        "keyMaterialId": answer["KeyMaterialId"],
    }
    assert [each["ARN"] for each in told["resources"]] == [waiting]
    assert told["readOnly"] is False
    lab.clock.advance(days=1)
    expired = lab.events()[-1]
    assert (expired["eventName"], expired["eventType"]) == (
        "DeleteExpiredKeyMaterial",
        "AwsServiceEvent",
    )
    assert expired["serviceEventDetails"] == {"keyId": waiting}
    assert expired["eventTime"] == "2026-05-02T12:00:00Z"
    kms.delete_imported_key_material(KeyId=waiting)
    assert lab.events()[-1]["responseElements"]["keyId"] == waiting


def test_neither_the_material_nor_what_wraps_it_lies_anywhere(tmp_path):
    with Lab(tmp_path, clock=still()) as lab:
        kms = lab.client("kms")
        arn = external_key(kms)
        given = parameters_for(kms, arn)
        wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
        import_with(kms, arn, given, wrapped)
        events = json.dumps(lab.events())
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (MATERIAL, wrapped, given["ImportToken"]):
        for form in (secret, secret.hex().encode()):
            assert form not in stored
        assert secret.hex() not in events


def test_the_id_of_a_material_tells_nothing_to_who_can_guess_it():
    ids = set()
    for _ in range(2):
        kms = Lab(clock=still()).client("kms")
        arn = external_key(kms)
        ids.add(bring(kms, arn, MATERIAL)["KeyMaterialId"])
    assert len(ids) == 2
    assert not ids & {hashed(MATERIAL), hashed(arn.encode() + MATERIAL)}


def hashed(content):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize().hex()


def test_it_all_comes_back_with_the_lab(tmp_path):
    with Lab(tmp_path, clock=still()) as lab:
        kms = lab.client("kms")
        arn = external_key(kms)
        bring(kms, arn, MATERIAL, ValidTo=NOON + timedelta(days=10))
        blob = kms.encrypt(KeyId=arn, Plaintext=b"kept")["CiphertextBlob"]
        given = parameters_for(kms, arn)
        wrapped = wrap_in_python(given["PublicKey"], DIRECT[1], MATERIAL)
    with Lab(tmp_path, clock=still()) as lab:
        kms = lab.client("kms")
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
        import_with(kms, arn, given, wrapped, ValidTo=NOON + timedelta(days=5))
    with Lab(tmp_path, clock=still()) as lab:
        kms = lab.client("kms")
        lab.clock.advance(days=5)
        assert state_of(kms, arn) == "PendingImport"
        with refused("IncorrectKeyMaterialException", None):
            bring(kms, arn, OTHER_MATERIAL)
        bring(kms, arn, MATERIAL)
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def test_a_service_in_a_users_name_meets_the_same_state(lab, kms, waiting):
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="imported")
    put = {"Bucket": "imported", "Key": "k", "Body": b"x", "SSEKMSKeyId": waiting}
    with pytest.raises(ClientError):
        s3.put_object(ServerSideEncryption="aws:kms", **put)
    bring(kms, waiting, MATERIAL)
    s3.put_object(ServerSideEncryption="aws:kms", **put)
    assert s3.get_object(Bucket="imported", Key="k")["Body"].read() == b"x"


# --- All of it ----------------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("bring"), st.integers(0, 2), st.sampled_from([None, 3, 10])),
    st.tuples(st.just("new"), st.integers(0, 2), st.sampled_from([None, 3, 10])),
    st.tuples(st.just("delete"), st.integers(0, 2), st.none()),
    st.tuples(st.just("rotate"), st.just(0), st.none()),
    st.tuples(st.just("days"), st.integers(1, 5), st.none()),
)


@settings(max_examples=30)
@given(st.lists(STEPS, max_size=18))
def test_a_key_works_exactly_while_all_its_materials_are_there(steps):
    """Against a plain model: which materials belong to the key, which are there and until when."""
    lab = Lab(clock=still())
    kms = lab.client("kms")
    arn = external_key(kms)
    given = parameters_for(kms, arn)
    materials = [bytes([number]) * 32 for number in range(3)]
    ids: dict[int, str] = {}
    own: list[int] = []
    waiting: int | None = None
    ends: dict[int, float] = {}
    blobs: dict[int, bytes] = {}

    def attempt(call):
        try:
            return call()
        except ClientError:
            return None

    for step, number, days in steps:
        now = lab.clock.now()
        if step in ("bring", "new"):
            asked = NEVER if days is None else {"ValidTo": now + days * 86_400}
            kind = "NEW_KEY_MATERIAL" if step == "new" else "EXISTING_KEY_MATERIAL"
            given = parameters_for(kms, arn) if now > NOON.timestamp() + 80_000 else given
            fresh = wrap_in_python(given["PublicKey"], DIRECT[1], materials[number])
            done = attempt(
                lambda: import_with(kms, arn, given, fresh, ImportType=kind, **asked)  # noqa: B023
            )
            known = number in own or number == waiting
            expected = (not known and waiting is None) if step == "new" else known
            assert (done is not None) is expected
            if done:
                ids[number] = done["KeyMaterialId"]
                ends[number] = float("inf") if days is None else now + days * 86_400
                if not own:
                    own.append(number)
                elif number not in own:
                    waiting = number
        elif step == "delete" and number in ids:
            done = attempt(
                lambda: kms.delete_imported_key_material(
                    KeyId=arn,
                    KeyMaterialId=ids[number],  # noqa: B023
                )
            )
            assert (done is not None) is (number in own or number == waiting)
            if done:
                ends.pop(number, None)
                waiting = None if number == waiting else waiting
        elif step == "rotate":
            works = own and all(each in ends for each in own)
            done = attempt(lambda: kms.rotate_key_on_demand(KeyId=arn))
            assert (done is not None) is bool(works and waiting is not None)
            if done:
                own.append(waiting)
                waiting = None
        elif step == "days":
            lab.clock.advance(days=number)
            for each in [each for each, end in ends.items() if end <= lab.clock.now()]:
                del ends[each]
                waiting = None if each == waiting else waiting
        works = bool(own) and all(each in ends for each in own)
        assert state_of(kms, arn) == ("Enabled" if works else "PendingImport")
        if works:
            made = kms.encrypt(KeyId=arn, Plaintext=bytes([own[-1]]))["CiphertextBlob"]
            blobs[own[-1]] = made
            for each, blob in blobs.items():
                opened = kms.decrypt(CiphertextBlob=blob)
                assert (opened["Plaintext"], opened["KeyMaterialId"]) == (bytes([each]), ids[each])
