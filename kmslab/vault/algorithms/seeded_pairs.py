"""What ML-DSA and ML-KEM key pairs have in common: the whole pair comes from a short seed, which is
all that is kept of it, and any seed of the right length is a good private key.

What a pair does stands with its own kind.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from kmslab.sources import RandomBytes
from kmslab.vault.algorithms.key_pairs import Private, Public, StoredKeyPair


class SeededPair(StoredKeyPair[Private, Public]):
    """A pair that is made of `_SEED_SIZE` random bytes. `_CLASSES` has the class of the private key
    for each key spec."""

    _SEED_SIZE: ClassVar[int]
    _CLASSES: ClassVar[Mapping[str, type[Any]]]

    @classmethod
    def generate(cls, key_spec: str, random: RandomBytes) -> Self:
        return cls(cls._CLASSES[key_spec].from_seed_bytes(random(cls._SEED_SIZE)))

    @classmethod
    def _of_spec(cls, key_spec: str, private_key: object) -> Private:
        if not isinstance(private_key, cls._CLASSES[key_spec]):
            raise ValueError(f"the material is no {key_spec} private key")
        return cast(Private, private_key)
