"""What lies on the disk of an object: sealed files, and a wrapped key.

It shows what somebody with the disk in hand would see, which is no plaintext and no key. It opens
nothing and asks nobody, and it must not.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from kmslab.store.object_files import ObjectFiles
from kmslab.store.s3_records import SSE_C, StoredObject
from kmslab.store.store import Store

_SHOWN = 24


class StoredFile(NamedTuple):
    """One file of an object: its name, which is part of its key's derivation, and where it is.
    `size` is that of the plaintext."""

    content_id: str
    path: Path
    size: int

    def read(self) -> bytes:
        """The bytes as they lie there."""
        return self.path.read_bytes()

    def read_start(self, size: int) -> bytes:
        with self.path.open("rb") as file:
            return file.read(size)


class AtRest(NamedTuple):
    """An object as it is stored.

    `stored_size` is the size of all its files, tags of authentication included.
    `encrypted_data_key` is a ciphertext blob of KMS, b"" where KMS is not involved, and
    `encryption_context` the pairs it was made with. `wrapped_key` is a key wrapped by S3 itself:
    under its root key, or under the Bucket Key that the ciphertext blob holds.
    """

    algorithm: str
    kms_key_arn: str
    encrypted_data_key: bytes
    encryption_context: dict[str, str]
    wrapped_key: bytes
    bucket_key_enabled: bool
    size: int
    stored_size: int
    first_bytes: bytes
    files: tuple[StoredFile, ...]

    def read(self) -> bytes:
        """All that is stored of the object's bytes."""
        return b"".join(file.read() for file in self.files)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What there is to say, as pairs of a name and a text."""
        rows = [("encryption", self.algorithm), ("plaintext", f"{self.size:,} bytes")]
        stored = f"{self.stored_size:,} bytes in {len(self.files)} file"
        rows.append(("on the disk", stored if len(self.files) == 1 else f"{stored}s"))
        rows.append(("first bytes", f"{self.first_bytes.hex(' ')} …"))
        if self.kms_key_arn:
            rows.append(("KMS key", self.kms_key_arn))
            what = "Bucket Key" if self.bucket_key_enabled else "data key"
            rows.append((f"encrypted {what}", _sized(self.encrypted_data_key)))
            context = ", ".join(f"{name} = {value}" for name, value in self._pairs)
            rows.append(("encryption context", context))
        if self.wrapped_key:
            rows.append(("key wrapped by S3", _sized(self.wrapped_key)))
        if self.algorithm == SSE_C:
            rows.append(("key", "none: the caller brings it with every request"))
        return rows

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return sorted(self.encryption_context.items())

    def __repr__(self) -> str:
        return "\n".join(f"{name:<20} {text}" for name, text in self.rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left"><code>{escape(text)}</code></td></tr>'
            for name, text in self.rows
        )
        return f"<table>{rows}</table>"


class ObjectsAtRest:
    """All objects of a lab, as they lie on its disk."""

    def __init__(self, store: Store, files: ObjectFiles) -> None:
        self._store = store
        self._files = files

    def at_rest(self, bucket: str, key: str) -> AtRest:
        """The object `key` of `bucket`. Raises ValueError where there is none."""
        stored = self._store.objects.get(bucket, key)
        if stored is None:
            raise ValueError(f"there is no object {key!r} in a bucket {bucket!r}")
        encryption = stored.encryption
        files = tuple(self._files_of(stored))
        return AtRest(
            encryption.algorithm,
            encryption.kms_key_arn,
            bytes.fromhex(encryption.encrypted_data_key),
            dict(encryption.key_context),
            bytes.fromhex(encryption.wrapped_key),
            encryption.bucket_key_enabled,
            stored.size,
            sum(file.path.stat().st_size for file in files),
            # Noted now: the object may be another one when this is looked at.
            files[0].read_start(_SHOWN),
            files,
        )

    def _files_of(self, stored: StoredObject) -> Iterator[StoredFile]:
        for content_id, size in stored.segments:
            yield StoredFile(content_id, self._files.path(content_id), size)


def _sized(blob: bytes) -> str:
    return f"{len(blob)} bytes: {blob[:_SHOWN].hex(' ')} …"
