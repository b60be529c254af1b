"""Key pairs on the curves of NIST and SECG: they sign (ECDSA), or they agree (ECDH).

A private key is drawn from the lab's randomness, as FIPS 186-5 has it (appendix A.2.1, extra random
bits): 64 bits more than the order of the curve has, so that what is left of them is even. A
signature is as X9.62 encodes it, and new each time; a shared secret is the bare coordinate
(SP 800-56A, 5.7.1.2), from which keys have yet to be derived.
"""

from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms import pkcs8
from kmslab.vault.algorithms.hash_functions import hash_of
from kmslab.vault.algorithms.key_pairs import SigningPair

_CURVES: dict[str, ec.EllipticCurve] = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
_EXTRA_BITS = 64


class EllipticKeyPair(SigningPair[ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey]):
    """A number, and the point that it makes of the curve's base point."""

    KEY_SPECS: ClassVar = tuple(_CURVES)

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        curve = _CURVES[key_spec]
        bits = curve.group_order.bit_length() + _EXTRA_BITS
        drawn = int.from_bytes(random(-(-bits // 8)), "big")
        return cls(ec.derive_private_key(drawn % (curve.group_order - 1) + 1, curve))

    @classmethod
    def decode(cls, key_spec: str, material: bytes) -> Self:
        """Untrusted material: the public key that may come with it is made again. Raises
        ValueError."""
        sent = cls._of_spec(key_spec, pkcs8.read_untrusted(material))
        made = ec.derive_private_key(sent.private_numbers().private_value, _CURVES[key_spec])
        if made.public_key() != sent.public_key():
            raise ValueError("the public key in the material is not that of its private key")
        return cls(made)

    def sign(self, algorithm: str, message_type: str, message: bytes) -> bytes:
        return self._private_key.sign(message, _ecdsa(algorithm, message_type))

    def agree(self, public_key: bytes) -> bytes | None:
        """The secret that the holder of the other half of `public_key` finds as well; None for
        what is no public key on this curve."""
        try:
            other = pkcs8.read_public(public_key)
        except ValueError:
            return None
        curve = self._private_key.curve
        if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != curve.name:
            return None
        return self._private_key.exchange(ec.ECDH(), other)

    def _check(self, algorithm: str, message_type: str, message: bytes, signature: bytes) -> None:
        self._public_key.verify(signature, message, _ecdsa(algorithm, message_type))

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> ec.EllipticCurvePrivateKey:
        name = _CURVES[key_spec].name
        if isinstance(private_key, ec.EllipticCurvePrivateKey) and private_key.curve.name == name:
            return private_key
        raise ValueError(f"the material is no private key on the curve {name}")


def _ecdsa(algorithm: str, message_type: str) -> ec.ECDSA:
    hash_function = hash_of(algorithm)
    return ec.ECDSA(Prehashed(hash_function) if message_type == "DIGEST" else hash_function)
