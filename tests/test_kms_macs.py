"""GenerateMac and VerifyMac, against Python's own hmac and AWS's refusals."""

import hashlib
import hmac
from typing import Any

import pytest
from aws_words import Recorder, constraint, members, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab

SPECS = ["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"]
SIZES = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
MESSAGE = b"order 4711: 40 crowns"


class World:
    """A lab whose randomness is noted, so that a test knows the secrets that it drew."""

    def __init__(self) -> None:
        self.recorder = Recorder(seed=5)
        self.kms = Lab(random=self.recorder).client("kms")
        self.arns: dict[str, str] = {}
        self.secrets: dict[str, bytes] = {}
        for spec in SPECS:
            drawn = len(self.recorder.draws)
            made = self.kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
            self.arns[spec] = made["KeyMetadata"]["Arn"]
            new = self.recorder.draws[drawn:]
            # The key's id has 16 bytes; that of its material comes next, and then the secret.
            self.secrets[spec] = new[[len(each) for each in new].index(16) + 2]
            assert len(self.secrets[spec]) == SIZES[spec]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def algorithm_of(spec: str) -> str:
    return spec.replace("HMAC_", "HMAC_SHA_")


def invalid_mac() -> Any:
    return refused("KMSInvalidMacException", "")


@pytest.mark.parametrize("spec", SPECS)
def test_a_key_for_codes_says_what_it_is_for(world, spec):
    metadata = world.kms.describe_key(KeyId=world.arns[spec])["KeyMetadata"]
    told = {name: metadata[name] for name in ("KeySpec", "KeyUsage", "MacAlgorithms")}
    assert told == {
        "KeySpec": spec,
        "KeyUsage": "GENERATE_VERIFY_MAC",
        "MacAlgorithms": [algorithm_of(spec)],
    }
    assert "CurrentKeyMaterialId" not in metadata
    with refused("UnsupportedOperationException", ""):
        world.kms.get_public_key(KeyId=world.arns[spec])


@pytest.mark.parametrize("spec", SPECS)
@settings(max_examples=25)
@given(message=st.binary(min_size=1, max_size=4096))
def test_a_code_is_plain_hmac_under_the_secret_that_the_lab_drew(world, spec, message):
    asked = {"KeyId": world.arns[spec], "Message": message, "MacAlgorithm": algorithm_of(spec)}
    answer = world.kms.generate_mac(**asked)
    expected = hmac.new(world.secrets[spec], message, "sha" + spec[-3:]).digest()
    del answer["ResponseMetadata"]
    assert answer == {
        "Mac": expected,
        "MacAlgorithm": algorithm_of(spec),
        "KeyId": world.arns[spec],
    }
    verified = world.kms.verify_mac(Mac=expected, **asked)
    assert members(verified) == {"KeyId", "MacValid", "MacAlgorithm"}
    assert verified["MacValid"] is True


@pytest.mark.parametrize("spec", SPECS)
def test_a_code_that_does_not_fit_is_an_exception_and_never_false(world, spec):
    asked = {"KeyId": world.arns[spec], "MacAlgorithm": algorithm_of(spec)}
    good = world.kms.generate_mac(Message=MESSAGE, **asked)["Mac"]
    for message, code in (
        (MESSAGE + b"0", good),
        (hashlib.sha256(MESSAGE).digest(), good),
        (MESSAGE, good[:-1]),
        (MESSAGE, good + b"\0"),
        (MESSAGE, bytes((good[0] ^ 1,)) + good[1:]),
        (MESSAGE, b"x"),
    ):
        with invalid_mac():
            world.kms.verify_mac(Message=message, Mac=code, **asked)
    stranger = world.kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
    with invalid_mac():
        world.kms.verify_mac(
            **{**asked, "KeyId": stranger["KeyMetadata"]["KeyId"]}, Message=MESSAGE, Mac=good
        )


def test_an_algorithm_belongs_to_its_spec(world):
    for spec in SPECS:
        for other in set(SPECS) - {spec}:
            sentence = f"Algorithm {algorithm_of(other)} is incompatible with key spec {spec}."
            asked = {"KeyId": world.arns[spec], "MacAlgorithm": algorithm_of(other)}
            with refused("InvalidKeyUsageException", sentence):
                world.kms.generate_mac(Message=MESSAGE, **asked)
            with refused("InvalidKeyUsageException", sentence):
                world.kms.verify_mac(Message=MESSAGE, Mac=b"x", **asked)


def test_only_keys_for_codes_make_them(world):
    arn = world.kms.create_key()["KeyMetadata"]["Arn"]
    sentence = f"{arn} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."
    with refused("InvalidKeyUsageException", sentence):
        world.kms.generate_mac(KeyId=arn, Message=MESSAGE, MacAlgorithm="HMAC_SHA_256")
    mac_key = world.arns["HMAC_256"]
    sentence = f"{mac_key} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."
    with refused("InvalidKeyUsageException", sentence):
        world.kms.encrypt(KeyId=mac_key, Plaintext=MESSAGE)


def test_a_message_has_1_to_4096_bytes(world):
    asked = {"KeyId": world.arns["HMAC_256"], "MacAlgorithm": "HMAC_SHA_256"}
    assert world.kms.generate_mac(Message=b"m" * 4096, **asked)["Mac"]
    with constraint("message", "have length less than or equal to 4096"):
        world.kms.generate_mac(Message=b"m" * 4097, **asked)
