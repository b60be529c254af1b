"""The signature of suite 0x0578, over everything in a message that stands before it.

Each data key has a key pair of its own (ECDSA on P-384 with SHA-384), and so has each message, but
where `caching` holds both for several. The private key is forgotten with the data key; the public
one stands in the encryption context as `aws-crypto-public-key`: base64 of the compressed point. KMS
binds the context to the data key, so who can only decrypt cannot put another public key there.

    footer: u16 length · the signature in DER, of any length
"""

import base64
import struct
from hashlib import sha384
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA384

from kmslab.envelope import contexts
from kmslab.envelope.errors import AlteredMessage, MalformedMessage
from kmslab.envelope.sources import Source
from kmslab.envelope.suites import Suite

_ALGORITHM = ec.ECDSA(Prehashed(SHA384()))
SigningKey = ec.EllipticCurvePrivateKey


class Hash(Protocol):
    def update(self, piece: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def new_hash() -> Hash:
    return sha384()


def new_signing_key() -> SigningKey:
    return ec.generate_private_key(ec.SECP384R1())


def public_key_text(signing_key: SigningKey) -> str:
    # Needed by who signs alone, and slow to import: a command for one file would notice.
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = signing_key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return base64.b64encode(point).decode("ascii")


def footer(signing_key: SigningKey, digest: bytes) -> bytes:
    signature = signing_key.sign(digest, _ALGORITHM)
    return struct.pack(">H", len(signature)) + signature


def read_footer(source: Source) -> bytes:
    """The signature. Raises TruncatedMessage."""
    return source.read_exactly(int.from_bytes(source.read_exactly(2), "big"))


def verify(public_key: ec.EllipticCurvePublicKey, signature: bytes, digest: bytes) -> None:
    """Raises AlteredMessage."""
    try:
        public_key.verify(signature, digest, _ALGORITHM)
    except InvalidSignature:
        raise AlteredMessage("the signature does not fit the message") from None


def public_key_in(suite: Suite, context: contexts.Context) -> ec.EllipticCurvePublicKey | None:
    """The public key of a signed message. Raises MalformedMessage where a signed message has
    none, and where another one has one: a signature was taken away from it."""
    text = context.get(contexts.PUBLIC_KEY)
    if (text is not None) != (suite is Suite.SIGNED):
        raise MalformedMessage(f"{suite.name.lower()} suite, public key: {text!r:.100}")
    if text is None:
        return None
    try:
        point = base64.b64decode(text, validate=True)
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
    except ValueError:
        raise MalformedMessage(f"no public key on P-384: {text!r:.100}") from None
