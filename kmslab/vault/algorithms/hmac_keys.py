"""HMAC keys: they make message authentication codes and check them (RFC 2104, FIPS 198-1).

Whoever can check a code can make one, so neither happens outside of the HSM. A new key is as long
as the hash; one that is brought may be longer, up to the block of the hash, where HMAC would begin
to shorten it.
"""

import hmac
from typing import ClassVar, Self

from kmslab.sources import RandomBytes

# How many bytes the hash has, and its block.
_SIZES = {
    "HMAC_224": (28, 64),
    "HMAC_256": (32, 64),
    "HMAC_384": (48, 128),
    "HMAC_512": (64, 128),
}


class HmacKey:
    """A secret of which only codes are seen."""

    KEY_SPECS: ClassVar = tuple(_SIZES)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        size, _ = _SIZES[key_spec]
        return cls(random(size))

    @classmethod
    def open(cls, key_spec: str, material: bytes) -> Self:
        return cls(material)

    @classmethod
    def decode(cls, key_spec: str, material: bytes) -> Self:
        """Untrusted material: any bytes that are neither too few nor too many. Raises
        ValueError."""
        least, most = _SIZES[key_spec]
        if not least <= len(material) <= most:
            raise ValueError(
                f"the material of an {key_spec} key has {least} to {most} bytes, "
                f"not {len(material)}"
            )
        return cls(material)

    def encode(self) -> bytes:
        return self._secret

    def code(self, algorithm: str, message: bytes) -> bytes:
        """The code of `message`; `algorithm` is like HMAC_SHA_256."""
        return hmac.digest(self._secret, message, "sha" + algorithm.rpartition("_")[2])

    def fits(self, algorithm: str, message: bytes, code: bytes) -> bool:
        """Whether `code` is that of `message`, told in a time that does not depend on where the
        two begin to differ."""
        return hmac.compare_digest(self.code(algorithm, message), code)
