"""What is raced about spans: the same Encrypt by boto3, listened to and not."""

from benchmarks.arms import SECRET, Call
from kmslab import Lab
from kmslab.learn.spans import Listener


def listened_encrypt() -> Call:
    """Every stage of the call is told."""
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    listener = Listener(lab, kms).__enter__()
    return lambda: listener.time(lambda: kms.encrypt(KeyId=key_id, Plaintext=SECRET))


def encrypt_after_listening() -> Call:
    """Somebody listened once, and does no more."""
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    with Listener(lab, kms) as listener:
        listener.time(lambda: kms.encrypt(KeyId=key_id, Plaintext=SECRET))
    return lambda: kms.encrypt(KeyId=key_id, Plaintext=SECRET)
