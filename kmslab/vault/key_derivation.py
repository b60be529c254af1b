"""NIST SP 800-108 in counter mode with HMAC-SHA256: many keys from one.

KMS derives a fresh key for every encryption from the backing key and a random nonce (AWS KMS
Cryptographic Details, "Encrypting data"), so no AES-GCM key ever protects two messages and the
usual worry of GCM, a repeated nonce under one key, does not arise.
"""

import hmac
from hashlib import sha256

_FIRST_BLOCK = (1).to_bytes(4, "big")
_LENGTH_IN_BITS = (256).to_bytes(4, "big")


class KeyDerivation:
    """Derives keys from one `secret`, which it never gives back."""

    def __init__(self, secret: bytes) -> None:
        # The secret is worked into HMAC's state once; each derivation goes on from a copy.
        self._keyed = hmac.new(secret, digestmod=sha256)

    def derive(self, label: bytes, context: bytes) -> bytes:
        """32 bytes for the purpose `label`, told apart by `context`.

        SHA-256 gives 256 bits, so the counter of the standard never gets beyond its first
        block.
        """
        block = self._keyed.copy()
        block.update(_FIRST_BLOCK + label + b"\0" + context + _LENGTH_IN_BITS)
        return block.digest()
