"""The kinds of key that the HSM has besides symmetric encryption keys: in, out, and what is let in.

What they compute is checked against other programs in `test_kms_outside.py`.
"""

import base64
from collections.abc import Callable

import pytest
from aws_words import ACCOUNT, UNKNOWN_KEY_ID
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from hypothesis import given
from hypothesis import strategies as st

from kmslab import insecure_seeded_random
from kmslab.errors import ServiceError
from kmslab.sources import system_random
from kmslab.vault.algorithms import HmacKey, RsaKeyPair, kind_of
from kmslab.vault.domain_key import SIZE, DomainKey
from kmslab.vault.hsm_keys import HsmKeys

PAIRS = {
    "RSA_2048": lambda: rsa.generate_private_key(65_537, 2048),
    "ECC_NIST_P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECC_NIST_P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECC_NIST_P521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ECC_SECG_P256K1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey.generate,
    "ML_DSA_44": mldsa.MLDSA44PrivateKey.generate,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey.generate,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey.generate,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey.generate,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey.generate,
}
HMAC_SIZES = {
    "HMAC_224": (28, 64),
    "HMAC_256": (32, 64),
    "HMAC_384": (48, 128),
    "HMAC_512": (64, 128),
}
SEEDED = [*HMAC_SIZES, *(spec for spec in PAIRS if not spec.startswith("RSA"))]

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
BARE = serialization.NoEncryption()


def material_of(private_key) -> bytes:
    return private_key.private_bytes(DER, PKCS8, BARE)


def hsm_keys(random=system_random) -> HsmKeys:
    return HsmKeys(DomainKey(system_random(SIZE), system_random), random)


# --- In and out ---------------------------------------------------------------------------


@pytest.mark.parametrize("key_spec", [*PAIRS, *HMAC_SIZES])
def test_a_key_comes_back_as_it_went_out(key_spec):
    kind = kind_of(key_spec)
    made = kind.generate(key_spec, system_random)
    for again in (kind.open(key_spec, made.encode()), kind.decode(key_spec, made.encode())):
        assert again.encode() == made.encode()


@pytest.mark.parametrize("key_spec", ["RSA_3072", "RSA_4096"])
def test_larger_rsa_keys_have_the_size_that_they_say(key_spec):
    loaded = serialization.load_der_private_key(
        RsaKeyPair.generate(key_spec, system_random).encode(), None
    )
    assert f"RSA_{loaded.key_size}" == key_spec


@pytest.mark.parametrize("key_spec", SEEDED)
def test_seeded_randomness_makes_the_same_key_again_and_another_one_with_another_seed(key_spec):
    kind = kind_of(key_spec)
    one, same, other = (
        kind.generate(key_spec, insecure_seeded_random(seed)).encode() for seed in (7, 7, 8)
    )
    assert one == same != other


def test_rsa_keys_are_never_the_same():
    made = {RsaKeyPair.generate("RSA_2048", insecure_seeded_random(7)).encode() for _ in range(2)}
    assert len(made) == 2


@pytest.mark.parametrize("drawn", [b"\x00", b"\xff"])
def test_the_ends_of_what_can_be_drawn_make_an_elliptic_key_too(drawn):
    made = kind_of("ECC_NIST_P256").generate("ECC_NIST_P256", lambda size: drawn * size)
    number = serialization.load_der_private_key(made.encode(), None).private_numbers().private_value
    order = ec.SECP256R1.group_order
    assert number == int.from_bytes(drawn * 40) % (order - 1) + 1
    assert 1 <= number < order


def test_a_spec_without_keys_is_named():
    with pytest.raises(ValueError, match="'ML_KEM_512'"):
        kind_of("ML_KEM_512")


# --- What somebody sends ------------------------------------------------------------------


@pytest.mark.parametrize("key_spec", PAIRS)
def test_a_key_that_was_made_elsewhere_is_let_in_and_does_its_work(key_spec):
    outside = PAIRS[key_spec]()
    keys = hsm_keys()
    brought = keys.bring_in(ACCOUNT, UNKNOWN_KEY_ID, key_spec, material_of(outside))
    public_key = outside.public_key().public_bytes(
        DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert keys.public_key(brought) == public_key


def longer_exponent() -> bytes:
    """An RSA key that OpenSSL takes, with the small public exponent 3."""
    return material_of(rsa.generate_private_key(3, 2048))


def unsound_rsa_key() -> bytes:
    """One of its primes is none: the same bytes read quickly are taken as they are."""
    numbers = rsa.generate_private_key(65_537, 2048).private_numbers()
    unsound = rsa.RSAPrivateNumbers(
        *(numbers.p, numbers.q, numbers.d - 2, numbers.dmp1, numbers.dmq1, numbers.iqmp),
        numbers.public_numbers,
    )
    return material_of(unsound.private_key(unsafe_skip_rsa_key_validation=True))


def mixed_halves() -> bytes:
    """A private key on P-256 with the public key of another one."""
    one, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    halves = [each.public_key().public_bytes(*point) for each in (one, other)]
    return material_of(one).replace(*halves)


UNFIT: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("ECC_NIST_P256", lambda: b""),
    "noise": ("RSA_2048", lambda: bytes(range(256))),
    "a lone tag": ("RSA_2048", lambda: b"\x30"),
    "cut": ("ECC_NIST_P384", lambda: material_of(PAIRS["ECC_NIST_P384"]())[:-1]),
    "longer": ("ML_KEM_768", lambda: material_of(PAIRS["ML_KEM_768"]()) + b"\0"),
    "as text": ("RSA_2048", lambda: PAIRS["RSA_2048"]().private_bytes(PEM, PKCS8, BARE)),
    "PKCS #1": ("RSA_2048", lambda: PAIRS["RSA_2048"]().private_bytes(DER, TRADITIONAL, BARE)),
    "SEC 1": (
        "ECC_NIST_P256",
        lambda: PAIRS["ECC_NIST_P256"]().private_bytes(DER, TRADITIONAL, BARE),
    ),
    "encrypted": (
        "ECC_NIST_P256",
        lambda: PAIRS["ECC_NIST_P256"]().private_bytes(
            DER, PKCS8, serialization.BestAvailableEncryption(b"password")
        ),
    ),
    "a public key": (
        "RSA_2048",
        lambda: (
            PAIRS["RSA_2048"]()
            .public_key()
            .public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        ),
    ),
    "another curve": ("ECC_NIST_P256", lambda: material_of(PAIRS["ECC_SECG_P256K1"]())),
    "another size": ("RSA_3072", lambda: material_of(PAIRS["RSA_2048"]())),
    "another kind": ("RSA_2048", lambda: material_of(PAIRS["ECC_NIST_P256"]())),
    "the other post-quantum kind": ("ML_DSA_44", lambda: material_of(PAIRS["ML_KEM_768"]())),
    "another parameter set": ("ML_DSA_65", lambda: material_of(PAIRS["ML_DSA_44"]())),
    "RSA for Edwards": ("ECC_NIST_EDWARDS25519", lambda: material_of(PAIRS["RSA_2048"]())),
    "a small exponent": ("RSA_2048", longer_exponent),
    "an unsound RSA key": ("RSA_2048", unsound_rsa_key),
    "two halves of two keys": ("ECC_NIST_P256", mixed_halves),
    "too short for its hash": ("HMAC_256", lambda: bytes(31)),
    "longer than a block": ("HMAC_384", lambda: bytes(129)),
}


@pytest.mark.parametrize("case", UNFIT)
def test_material_that_is_no_sound_key_of_its_spec_is_refused(case):
    key_spec, material = UNFIT[case]
    with pytest.raises(ValueError):  # noqa: PT011 - what OpenSSL says may change
        hsm_keys().bring_in(ACCOUNT, UNKNOWN_KEY_ID, key_spec, material())


def test_an_unsound_rsa_key_would_pass_unseen_on_the_quick_way_in():
    assert RsaKeyPair.open("RSA_2048", unsound_rsa_key())


@given(st.binary(max_size=200))
def test_no_bytes_make_any_kind_fail_otherwise_than_with_a_value_error(material):
    for key_spec in PAIRS:
        with pytest.raises(ValueError):  # noqa: PT011
            kind_of(key_spec).decode(key_spec, b"\x30" + material)


@pytest.mark.parametrize("key_spec", HMAC_SIZES)
def test_an_hmac_key_has_between_a_hash_and_a_block_of_bytes(key_spec):
    least, most = HMAC_SIZES[key_spec]
    for size in (least, most):
        assert HmacKey.decode(key_spec, bytes(size)).encode() == bytes(size)
    for size in (least - 1, most + 1, 0):
        with pytest.raises(ValueError, match=f"not {size}"):
            HmacKey.decode(key_spec, bytes(size))
    assert len(HmacKey.generate(key_spec, system_random).encode()) == least


# --- The HSM ------------------------------------------------------------------------------


def test_a_key_is_asked_only_for_what_its_kind_can_do():
    keys = hsm_keys()
    made = {spec: keys.create(ACCOUNT, UNKNOWN_KEY_ID, spec) for spec in SEEDED}
    algorithm, message = "ECDSA_SHA_256", b"m"
    for misuse in (
        lambda: keys.public_key(made["HMAC_256"]),
        lambda: keys.sign(made["HMAC_256"], algorithm, "RAW", message),
        lambda: keys.sign(made["ML_KEM_768"], algorithm, "RAW", message),
        lambda: keys.code(made["ECC_NIST_P256"], "HMAC_SHA_256", message),
        lambda: keys.agree(made["ML_KEM_768"], b""),
        lambda: keys.encapsulate(made["ECC_NIST_P256"]),
        lambda: keys.encrypt(made["ECC_NIST_P256"], "RSAES_OAEP_SHA_256", message),
    ):
        with pytest.raises(TypeError, match="key"):
            misuse()
    with pytest.raises(TypeError):
        keys.new_data_key_pair("HMAC_256")


@pytest.mark.parametrize("key_spec", SEEDED)
def test_the_material_of_every_kind_rests_wrapped_and_bound_to_its_name_and_spec(key_spec):
    keys = hsm_keys()
    made = keys.create(ACCOUNT, UNKNOWN_KEY_ID, key_spec)
    material = kind_of(key_spec).open(key_spec, keys._open(made).encode()).encode()
    token = bytes.fromhex(made.token)
    assert material not in token
    assert len(token) == 12 + len(material) + 16
    assert base64.b16encode(material).lower().decode() not in repr(made) + repr(keys)
    assert made.token not in repr(made)
    with pytest.raises(ServiceError) as caught:
        hsm_keys()._open(made)
    assert caught.value.code == "KMSInternalException"
