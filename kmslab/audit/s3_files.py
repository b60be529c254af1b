"""A bucket as a file system for engines that take one (fsspec), read through a boto3 client.

Every listing and every read is a call with that client's own rights, to AWS or to a lab, and leaves
its event. It only reads. For large buckets at AWS there is s3fs, which does the same and much more.
"""

import io
from datetime import datetime
from typing import Any

from fsspec.spec import AbstractFileSystem

from kmslab.trail_integrity.findings import Absent
from kmslab.trail_integrity.reading import fetch, list_objects


class S3Files(AbstractFileSystem):  # type: ignore[misc]
    """The buckets that `s3`, a boto3 client, may read: `s3://bucket/object/key`."""

    protocol = "s3"
    # A file system for each client, and listings that are never out of date.
    cachable = False

    def __init__(self, s3: Any) -> None:
        super().__init__(use_listings_cache=False)
        self._s3 = s3
        # Engines ask for these file by file, after a listing that told them all.
        self._written: dict[str, datetime] = {}

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **_: Any,
    ) -> list[str] | dict[str, dict[str, Any]]:
        """All objects below `path`, however deep: S3 knows no folders. Raises ClientError."""
        found = self._found(path)
        return found if detail else list(found)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What lies directly in `path`, folders included; of an object that object. Raises
        ClientError."""
        above = self._strip_protocol(path) + "/"
        inside: dict[str, dict[str, Any]] = {}
        for name, told in self._listed(above).items():
            first, slash, _rest = name.removeprefix(above).partition("/")
            place = above + first
            inside[place] = {"name": place, "size": 0, "type": "directory"} if slash else told
        inside = inside or self._found(path)
        return list(inside.values()) if detail else list(inside)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Raises FileNotFoundError where there is neither an object nor a folder."""
        name = self._strip_protocol(path)
        found = self._found(path)
        if name in found:
            return found[name]
        if found:
            return {"name": name, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def modified(self, path: str) -> datetime:
        """When the object was last written, as of the last listing that told of it. Raises
        FileNotFoundError where there is none."""
        name = self._strip_protocol(path)
        if name not in self._written:
            self.info(path)
        return self._written[name]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        if mode != "rb":
            raise ValueError(f"files are only read here, not opened for {mode!r}")
        bucket, _slash, object_key = self._strip_protocol(path).partition("/")
        try:
            return io.BytesIO(fetch(self._s3, bucket, object_key).stored)
        except Absent:
            raise FileNotFoundError(path) from None

    def _found(self, path: str) -> dict[str, dict[str, Any]]:
        """The object `path`, where there is one, and all objects below it."""
        name = self._strip_protocol(path)
        # S3 compares letters: under the prefix `CloudTrail` it lists `CloudTrail-Digest` as well.
        return {
            each: told
            for each, told in self._listed(name).items()
            if each == name or each.startswith(name + "/")
        }

    def _listed(self, beginning: str) -> dict[str, dict[str, Any]]:
        """The objects whose names, bucket and all, begin so."""
        bucket, _slash, prefix = beginning.partition("/")
        found: dict[str, dict[str, Any]] = {}
        for each in list_objects(self._s3, bucket, prefix):
            name = f"{bucket}/{each.object_key}"
            self._written[name] = each.last_modified
            found[name] = {"name": name, "size": each.size, "type": "file"}
        return found
