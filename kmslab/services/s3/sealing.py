"""What S3 knows of keys: objects that seal and open, and that nobody can ask for their bytes.

The lab gives S3 a `Sealer` that the vault made. A plaintext data key passes through S3 on its way
from KMS into one of these, in a local variable, and is gone with the request.
"""

from collections.abc import Callable
from typing import Protocol


class Segment(Protocol):
    """The cipher of one stored file: chunks of `chunk_size` bytes, each sealed on its own, so that
    each can be opened on its own. Only the last one may be shorter."""

    chunk_size: int
    overhead: int

    def seal(self, first_index: int, piece: memoryview, is_end: bool) -> bytes | memoryview:
        """The chunks of `piece`, sealed, from number `first_index` on. `is_end`: the last of them
        is the last of the file."""
        ...

    def open(self, first_index: int, sealed: memoryview, is_end: bool) -> bytes | memoryview:
        """What `seal` was given. Raises IntegrityError for chunks that it did not make, or not
        for this place of this file."""
        ...


class ObjectKey(Protocol):
    """The key of one object."""

    def segment(self, content_id: str) -> Segment:
        """The cipher of the file `content_id`, a random name that no other file has."""
        ...

    def seal_text(self, text: bytes) -> bytes:
        """Seal what belongs to the object and is short: its checksum."""
        ...

    def open_text(self, sealed: bytes) -> bytes: ...

    def sealed_by(self, encrypt: Callable[[bytes], bytes]) -> bytes:
        """What `encrypt` makes of the key: KMS's Encrypt, and nothing else."""
        ...


class BucketKey(Protocol):
    """A key from KMS under which the keys of many objects are wrapped."""

    def new_object_key(self) -> tuple[ObjectKey, bytes]:
        """A fresh object key, and the same wrapped."""
        ...

    def open_object_key(self, wrapped: bytes) -> ObjectKey: ...

    def wrap(self, object_key: ObjectKey) -> bytes: ...


class Sealer(Protocol):
    """Where object keys come from."""

    def new_object_key(self) -> tuple[ObjectKey, bytes]:
        """A fresh object key, and the same wrapped under S3's own root key (SSE-S3)."""
        ...

    def open_object_key(self, wrapped: bytes) -> ObjectKey: ...

    def wrap(self, object_key: ObjectKey) -> bytes:
        """`object_key` wrapped under S3's own root key."""
        ...

    def with_data_key(self, plaintext_data_key: bytes) -> ObjectKey:
        """The object key that these 32 bytes are (SSE-KMS, SSE-C)."""
        ...

    def new_second_layer(self, plaintext_data_key: bytes) -> tuple[ObjectKey, bytes]:
        """A key of two independent layers (DSSE-KMS): the data key's, and over it that of a fresh
        key, which is also returned wrapped under S3's own root key."""
        ...

    def open_second_layer(self, plaintext_data_key: bytes, wrapped: bytes) -> ObjectKey: ...

    def bucket_key(self, plaintext_data_key: bytes) -> BucketKey: ...

    def prove_customer_key(self, customer_key: bytes) -> bytes:
        """A salted HMAC by which the same key is known again (SSE-C)."""
        ...

    def is_customer_key(self, proof: bytes, customer_key: bytes) -> bool: ...
