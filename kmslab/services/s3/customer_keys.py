"""SSE-C: the caller brings the key with every request, and S3 keeps only a salted HMAC of it.

This follows the S3 User Guide ("Using server-side encryption with customer-provided keys"). The
key lives in a local variable for one request; its repr does not show it.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from kmslab.services.s3 import refusals
from kmslab.services.s3.sealing import ObjectKey, Sealer
from kmslab.store.s3_records import SSE_C, Encryption

_SIZE = 32
_HEAD = "Requests specifying Server Side Encryption with Customer provided keys must provide"


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A customer's 256-bit key, and its MD5 in base64."""

    secret: bytes = field(repr=False)
    md5: str


def read_customer_key(asked: Mapping[str, Any], prefix: str = "") -> CustomerKey | None:
    """The key in the three headers, None where there is none of them; `prefix` is "CopySource"
    for the key of a copy's source. Raises InvalidArgument in S3's words."""
    algorithm, secret, given_md5 = (
        asked.get(f"{prefix}SSECustomer{name}") for name in ("Algorithm", "Key", "KeyMD5")
    )
    if algorithm is None and secret is None and given_md5 is None:
        return None
    if algorithm is None:
        raise refusals.invalid_argument(f"{_HEAD} a valid encryption algorithm.")
    if algorithm != "AES256":
        raise refusals.unknown_encryption(algorithm)
    if secret is None:
        raise refusals.invalid_argument(f"{_HEAD} an appropriate secret key.")
    try:
        decoded = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _SIZE:
        raise refusals.invalid_argument("The secret key was invalid for the specified algorithm.")
    if given_md5 is None:
        raise refusals.invalid_argument(f"{_HEAD} the client calculated MD5 of the secret key.")
    actual = base64.b64encode(md5(decoded, usedforsecurity=False).digest()).decode("ascii")
    if given_md5 != actual:
        raise refusals.invalid_argument(
            "The calculated MD5 hash of the key did not match the hash that was provided."
        )
    return CustomerKey(decoded, actual)


def new_customer_encryption(
    sealer: Sealer, customer_key: CustomerKey
) -> tuple[ObjectKey, Encryption]:
    """The object key that the customer's key is, and what S3 keeps to know it again."""
    proof = sealer.prove_customer_key(customer_key.secret)
    encryption = Encryption(
        SSE_C, customer_key_md5=customer_key.md5, customer_key_proof=proof.hex()
    )
    return sealer.with_data_key(customer_key.secret), encryption


def check_customer_key(
    sealer: Sealer, encryption: Encryption, customer_key: CustomerKey | None
) -> None:
    """Whether a read brings what the object needs. Raises InvalidRequest for a key that is
    missing or not needed, and AccessDenied for another key."""
    if encryption.algorithm != SSE_C:
        if customer_key:
            raise refusals.needs_no_customer_key()
        return
    if customer_key is None:
        raise refusals.needs_customer_key()
    proof = bytes.fromhex(encryption.customer_key_proof)
    if not sealer.is_customer_key(proof, customer_key.secret):
        raise refusals.wrong_customer_key()
