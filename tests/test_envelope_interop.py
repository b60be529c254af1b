"""Messages open with AWS's own library and the other way round, whoever answers its KMS calls."""

import base64
import os

import pytest
from aws_encryption_sdk.caches.local import LocalCryptoMaterialsCache
from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.kms import DiscoveryAwsKmsMasterKeyProvider
from aws_encryption_sdk.key_providers.raw import RawMasterKey
from aws_encryption_sdk.materials_managers.caching import CachingCryptoMaterialsManager
from envelope_session import (
    AWS,
    CONTEXT,
    DataKeyInHand,
    answered_session,
    master_key,
    opened_by_aws,
    sealed_by_aws,
    strict_provider,
)
from published_messages import TO_OPEN, WRONG_COMMITMENT
from serving_session import serving

from kmslab import envelope
from kmslab.envelope import Suite

pytest_plugins = ["lab_session"]

SIZES = (0, 1, 127, 128, 129, 4095, 4096, 4097, 8192, 300_000)
BOTH = pytest.mark.parametrize("suite", Suite)


@BOTH
@pytest.mark.parametrize("frame_length", [1, 13, 128, 4096, 1024 * 1024])
def test_aws_opens_what_is_sealed_here(kms, arn, suite, frame_length):
    keys, theirs = envelope.KmsKeys(kms, arn), master_key(kms, arn)
    for size in SIZES if frame_length > 100 else SIZES[:5]:
        plaintext = os.urandom(size)
        message = envelope.encrypt(plaintext, keys, CONTEXT, suite=suite, frame_length=frame_length)
        assert opened_by_aws(message, theirs) == plaintext


@BOTH
@pytest.mark.parametrize("frame_length", [0, 128, 4096, 1024 * 1024])
def test_what_aws_sealed_opens_here(kms, arn, suite, frame_length):
    keys, theirs = envelope.KmsKeys(kms, arn), master_key(kms, arn)
    for size in SIZES:
        plaintext = os.urandom(size)
        opened = envelope.decrypt(sealed_by_aws(plaintext, theirs, suite, frame_length), keys)
        assert opened.plaintext == plaintext
        assert opened.header.frame_length == frame_length
        assert opened.header.encryption_context.items() >= CONTEXT.items()


@BOTH
def test_a_message_for_several_keys_opens_with_any_of_them_on_both_sides(lab, kms, arn, suite):
    arns = [arn, *(kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))]
    ours = envelope.encrypt(b"for three", envelope.KmsKeys(kms, *arns), CONTEXT, suite=suite)
    theirs = sealed_by_aws(b"for three", strict_provider(lab, *arns), suite, 4096)
    for each in arns:
        assert opened_by_aws(ours, master_key(kms, each)) == b"for three"
        assert envelope.decrypt(theirs, envelope.KmsKeys(kms, each)).plaintext == b"for three"
    assert envelope.decrypt(theirs, envelope.KmsDiscovery(kms)).plaintext == b"for three"


@BOTH
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_an_aes_wrapping_key_is_the_same_on_both_sides(suite, bits):
    wrapping_key = os.urandom(bits // 8)
    ours = envelope.RawAesKey("tests", "schlüssel", wrapping_key)
    algorithm = WrappingAlgorithm[f"AES_{bits}_GCM_IV12_TAG16_NO_PADDING"]
    theirs = RawMasterKey(
        provider_id="tests",
        key_id="schlüssel",
        wrapping_key=WrappingKey(algorithm, wrapping_key, EncryptionKeyType.SYMMETRIC),
    )
    assert opened_by_aws(envelope.encrypt(b"raw", ours, CONTEXT, suite=suite), theirs) == b"raw"
    assert envelope.decrypt(sealed_by_aws(b"raw", theirs, suite, 4096), ours).plaintext == b"raw"


def test_messages_of_aws_s_cache_and_of_ours_open_on_the_other_side(lab, kms, arn):
    cached = envelope.CachedDataKeys(envelope.KmsKeys(kms, arn), max_age=60)
    theirs = CachingCryptoMaterialsManager(
        cache=LocalCryptoMaterialsCache(10), max_age=60.0, master_key_provider=master_key(kms, arn)
    )
    before = len(lab.events())
    for suite in Suite:
        for _ in range(3):
            ours = envelope.encrypt(b"cached", cached, CONTEXT, suite=suite)
            assert AWS.decrypt(source=ours, materials_manager=theirs)[0] == b"cached"
            message, _ = AWS.encrypt(
                source=b"cached", materials_manager=theirs, encryption_context=CONTEXT
            )
            assert envelope.decrypt(message, cached).plaintext == b"cached"
    names = [event["eventName"] for event in lab.events()[before:]]
    assert names.count("GenerateDataKey") == 3
    assert names.count("Decrypt") == 3


def test_kms_sees_the_same_calls_of_both(lab, kms, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]

    def calls(seal, open_message):
        before = len(lab.events())
        open_message(seal())
        return [
            (event["eventName"], [each["ARN"] for each in event["resources"]])
            for event in lab.events()[before:]
        ]

    keys, theirs = envelope.KmsKeys(kms, arn, other), strict_provider(lab, arn, other)
    ours = calls(
        lambda: envelope.encrypt(b"x", keys, CONTEXT, suite=Suite.SIGNED),
        lambda message: envelope.decrypt(message, keys),
    )
    assert [name for name, _ in ours] == ["GenerateDataKey", "Encrypt", "Decrypt"]
    by_aws = calls(
        lambda: sealed_by_aws(b"x", theirs, Suite.SIGNED, 4096),
        lambda message: opened_by_aws(message, theirs),
    )
    # AWS's library tries encrypted data keys in no order, so it may open with either.
    assert ours[:2] == by_aws[:2]
    assert by_aws[2][0] == "Decrypt"


def test_aws_s_regional_clients_are_answered_in_process(lab, kms, arn):
    strict = strict_provider(lab, arn)
    found = DiscoveryAwsKmsMasterKeyProvider(botocore_session=answered_session(lab))
    message = envelope.encrypt(b"hooked", envelope.KmsKeys(kms, arn), CONTEXT)
    assert opened_by_aws(message, strict) == opened_by_aws(message, found) == b"hooked"
    theirs = sealed_by_aws(b"hooked", strict, Suite.SIGNED, 4096)
    assert envelope.decrypt(theirs, envelope.KmsKeys(kms, arn)).plaintext == b"hooked"


def test_both_meet_over_http():
    with serving() as server:
        kms = server.client("kms")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        for suite in Suite:
            ours = envelope.encrypt(b"served", envelope.KmsKeys(kms, arn), CONTEXT, suite=suite)
            theirs = sealed_by_aws(b"served", master_key(kms, arn), suite, 4096)
            assert opened_by_aws(ours, master_key(kms, arn)) == b"served"
            assert envelope.decrypt(theirs, envelope.KmsDiscovery(kms)).plaintext == b"served"


@pytest.mark.parametrize("published", TO_OPEN)
def test_messages_that_aws_published_open(published):
    keys = DataKeyInHand(base64.b64decode(published.plaintext_data_key))
    opened = envelope.decrypt(base64.b64decode(published.message), keys)
    assert opened.plaintext.decode() == published.plaintext
    assert opened.header.commitment == base64.b64decode(published.commitment)


def test_the_published_message_with_another_commitment_is_refused():
    keys = DataKeyInHand(base64.b64decode(WRONG_COMMITMENT.plaintext_data_key))
    with pytest.raises(envelope.AlteredMessage, match="not written with this data key"):
        envelope.decrypt(base64.b64decode(WRONG_COMMITMENT.message), keys)
