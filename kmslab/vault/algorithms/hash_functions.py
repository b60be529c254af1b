"""The hash function that the name of an algorithm ends in, such as ECDSA_SHA_256."""

from cryptography.hazmat.primitives import hashes

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "1": hashes.SHA1,
    "224": hashes.SHA224,
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def hash_of(algorithm: str) -> hashes.HashAlgorithm:
    """Raises KeyError for an algorithm that names no hash function."""
    return _HASHES[algorithm.rpartition("_SHA_")[2]]()
