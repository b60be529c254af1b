"""The kinds of record a lab keeps. Records are values: a change is a new record.

Every record has a `shelf`, the part of the lab it belongs to (an account and Region, an
account, or all), and a `name` that is unique on its shelf. Times are seconds since 1970.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from kmslab.store.iam_records import AccessKey, ManagedPolicy, Role, RoleSession, User
from kmslab.store.s3_records import Bucket, MultipartUpload, StoredObject, UploadedPart
from kmslab.store.trail_records import (
    DeliveredLogFile,
    DigestChain,
    SigningKey,
    Trail,
    WaitingFile,
)


def shelf_of(account: str, region: str) -> str:
    return f"{account}/{region}"


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A KMS key's metadata, policy, tags and the names of its aliases; never its material."""

    table: ClassVar[str] = "kms_keys"
    account: str
    region: str
    key_id: str
    creation_date: float
    policy: str
    key_material_id: str
    key_state: str = "Enabled"
    key_manager: str = "CUSTOMER"
    key_spec: str = "SYMMETRIC_DEFAULT"
    key_usage: str = "ENCRYPT_DECRYPT"
    origin: str = "AWS_KMS"
    description: str = ""
    deletion_date: float | None = None
    alias_names: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def name(self) -> str:
        return self.key_id

    @property
    def due(self) -> float | None:
        return self.deletion_date


@dataclass(frozen=True, slots=True)
class KeyToken:
    """An exported key token: one backing key, wrapped under the domain key, as hex text."""

    table: ClassVar[str] = "key_tokens"
    account: str
    region: str
    key_id: str
    key_material_id: str
    token: str = field(repr=False)

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}/{self.key_id}"

    @property
    def name(self) -> str:
        return self.key_material_id


@dataclass(frozen=True, slots=True)
class Alias:
    """A friendly name for a KMS key. `alias_name` starts with "alias/"."""

    table: ClassVar[str] = "aliases"
    account: str
    region: str
    alias_name: str
    target_key_id: str
    creation_date: float
    last_updated_date: float

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def name(self) -> str:
        return self.alias_name


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant on one KMS key.

    Pairs of a constraint are None where there is none of its kind, sorted otherwise.
    `effective_from` is when the creation has spread through KMS; `removed_at` when somebody
    retired or revoked it, and `ends_at` when that has spread. Then the record goes.
    """

    table: ClassVar[str] = "grants"
    account: str
    region: str
    key_id: str
    grant_id: str
    grantee_principal: str
    operations: tuple[str, ...]
    creation_date: float
    effective_from: float
    issuing_account: str
    retiring_principal: str = ""
    grant_name: str = ""
    subset: tuple[tuple[str, str], ...] | None = None
    equals: tuple[tuple[str, str], ...] | None = None
    source_arn: str = ""
    grantee_is_service: bool = False
    retiring_is_service: bool = False
    removed_at: float | None = None
    ends_at: float | None = None

    @property
    def key_arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}/{self.key_id}"

    @property
    def name(self) -> str:
        return self.grant_id

    @property
    def due(self) -> float | None:
        return self.ends_at


Record = (
    User
    | Role
    | ManagedPolicy
    | AccessKey
    | RoleSession
    | KmsKey
    | KeyToken
    | Alias
    | Grant
    | Bucket
    | StoredObject
    | MultipartUpload
    | UploadedPart
    | Trail
    | WaitingFile
    | DeliveredLogFile
    | DigestChain
    | SigningKey
)

KINDS: dict[str, type[Record]] = {
    kind.table: kind
    for kind in (
        *(User, Role, ManagedPolicy, AccessKey, RoleSession),
        *(KmsKey, KeyToken, Alias, Grant),
        *(Bucket, StoredObject, MultipartUpload, UploadedPart),
        *(Trail, WaitingFile, DeliveredLogFile, DigestChain, SigningKey),
    )
}
