"""Whether the making of RSA keys holds up other calls: Encrypt, by the clock on the wall.

One arm has a second thread that makes RSA_4096 keys without a pause. If a lock or Python's own were
held meanwhile, an Encrypt would take as long as a key: hundreds of milliseconds.
"""

import threading
import time

from benchmarks.arms import SECRET, Call
from kmslab import Lab

CLOCK = time.perf_counter_ns


def encrypt_alone() -> Call:
    _, call = _encrypt()
    return call


def encrypt_while_keys_are_made() -> Call:
    lab, call = _encrypt()
    other = lab.client("kms")

    def make_keys() -> None:
        while True:
            other.create_key(KeySpec="RSA_4096", KeyUsage="SIGN_VERIFY")

    threading.Thread(target=make_keys, daemon=True).start()
    return call


def _encrypt() -> tuple[Lab, Call]:
    lab = Lab()
    kms = lab.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    return lab, lambda: kms.encrypt(KeyId=key_id, Plaintext=SECRET)
