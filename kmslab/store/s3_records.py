"""The records of S3: buckets, objects, and uploads in parts.

They follow the same rules as every record (`records`). Object bytes are not here but in files
(`object_files`), sealed; a record has what is needed to find and, with the right key, open them:
wrapped keys as hex text, never a key.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from kmslab import arn as arns

Pairs = tuple[tuple[str, str], ...]

SSE_S3, SSE_KMS, DSSE_KMS, SSE_C = "AES256", "aws:kms", "aws:kms:dsse", "SSE-C"


class Encryption(NamedTuple):
    """How an object is encrypted at rest, and its key, wrapped.

    `encrypted_data_key` is KMS's ciphertext blob: of the object's own data key, or of the Bucket
    Key under which `wrapped_key` is wrapped; without KMS `wrapped_key` is wrapped under S3's
    root key, and so is the second layer's of DSSE-KMS. `context` is what the caller sent beside
    the pair that S3 adds. `key_context` is the whole context of the ciphertext blob.
    """

    algorithm: str
    kms_key_arn: str = ""
    encrypted_data_key: str = ""
    wrapped_key: str = ""
    bucket_key_enabled: bool = False
    context: Pairs = ()
    key_context: Pairs = ()
    customer_key_md5: str = ""
    customer_key_proof: str = ""

    @property
    def uses_kms(self) -> bool:
        return self.algorithm in (SSE_KMS, DSSE_KMS)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. `algorithm`, `kms_key_id` (as it was given) and `bucket_key_enabled` are its
    default encryption; `blocked` the kinds of encryption that writes may not ask for; `policy`
    the JSON text of its policy, "" where it has none."""

    table: ClassVar[str] = "buckets"
    account: str
    region: str
    bucket_name: str
    creation_date: float
    algorithm: str = SSE_S3
    kms_key_id: str = ""
    bucket_key_enabled: bool = False
    blocked: tuple[str, ...] = (SSE_C,)
    policy: str = ""

    @property
    def arn(self) -> str:
        return arns.bucket_arn(self.bucket_name)

    @property
    def shelf(self) -> str:
        # Bucket names are unique among all accounts.
        return ""

    @property
    def name(self) -> str:
        return self.bucket_name


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object, or the newest state of it.

    `segments` are its files in order: content id and number of plaintext bytes. `headers` are
    those that come back as they were sent (Content-Type and so on); `sealed_checksum` is the
    checksum, which tells of the plaintext and is therefore sealed with the object's key, in hex;
    `part_sizes` are the sizes of its parts, where it was uploaded in parts.
    """

    table: ClassVar[str] = "objects"
    bucket_name: str
    object_key: str
    size: int
    etag: str
    last_modified: float
    segments: tuple[tuple[str, int], ...]
    encryption: Encryption
    headers: Pairs = ()
    metadata: Pairs = ()
    tags: Pairs = ()
    checksum_algorithm: str = ""
    checksum_type: str = ""
    sealed_checksum: str = ""
    part_sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "encryption", Encryption(*self.encryption))

    @property
    def arn(self) -> str:
        return arns.object_arn(self.bucket_name, self.object_key)

    @property
    def shelf(self) -> str:
        return self.bucket_name

    @property
    def name(self) -> str:
        return self.object_key


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An upload in parts under way: all that the object will have, but the parts."""

    table: ClassVar[str] = "multipart_uploads"
    bucket_name: str
    object_key: str
    upload_id: str
    initiated: float
    initiator: str
    encryption: Encryption
    headers: Pairs = ()
    metadata: Pairs = ()
    tags: Pairs = ()
    checksum_algorithm: str = ""
    checksum_type: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "encryption", Encryption(*self.encryption))

    @property
    def arn(self) -> str:
        return arns.object_arn(self.bucket_name, self.object_key)

    @property
    def shelf(self) -> str:
        return self.bucket_name

    @property
    def name(self) -> str:
        # Listed by object key, then by upload.
        return f"{self.object_key}\0{self.upload_id}"


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part: its file, and its checksum sealed with the key of the upload, in hex."""

    table: ClassVar[str] = "uploaded_parts"
    upload_id: str
    part_number: int
    etag: str
    size: int
    last_modified: float
    content_id: str
    checksum_algorithm: str = ""
    sealed_checksum: str = ""

    @property
    def shelf(self) -> str:
        return self.upload_id

    @property
    def name(self) -> str:
        return f"{self.part_number:05}"
