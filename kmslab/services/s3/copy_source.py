"""What x-amz-copy-source names. Conditions and copies must read it in one way: else a policy would
speak of one object and the copy be of another."""

from typing import NamedTuple
from urllib.parse import unquote

from kmslab.services.s3 import refusals


class CopySource(NamedTuple):
    bucket_name: str
    object_key: str

    def __str__(self) -> str:
        return f"{self.bucket_name}/{self.object_key}"


def read_copy_source(text: str) -> CopySource:
    """The bucket and object of the header `text`, which is url-encoded. Raises InvalidArgument for
    what names none, and for versions, which the lab does not keep."""
    path, _, version = text.partition("?versionId=")
    bucket_name, slash, object_key = unquote(path).removeprefix("/").partition("/")
    if not slash or not bucket_name or not object_key:
        raise refusals.invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            path[:1024],
        )
    if version not in ("", "null"):
        raise refusals.invalid_argument("Invalid version id specified", "versionId", version)
    return CopySource(bucket_name, object_key)
