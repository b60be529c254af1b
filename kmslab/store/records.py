"""The kinds of record a lab keeps. Records are values: a change is a new record.

Every record has a `shelf`, the part of the lab it belongs to (an account and Region, an
account, or all), and a `name` that is unique on its shelf. Times are seconds since 1970.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from kmslab.sources import DAY
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
    """A KMS key's metadata, policy, tags and the names of its aliases; never its material.

    `key_material_id` names the current material. `rotation_period` is in days, 0 where automatic
    rotation is off; `enabled_since` is when a key that had been disabled was enabled again.
    """

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
    rotation_period: int = 0
    next_rotation_date: float | None = None
    enabled_since: float | None = None
    # Of a multi-Region key: the same in all related keys.
    primary_region: str = ""
    replica_regions: tuple[str, ...] = ()
    # The end of a state that does not last: what comes after it, and when.
    settled_state: str = ""
    settles_at: float | None = None
    # How long a primary key waits once the last of its replicas is gone.
    pending_window_in_days: int | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.key_id}"

    @property
    def is_multi_region(self) -> bool:
        return self.primary_region != ""

    @property
    def is_primary(self) -> bool:
        return self.primary_region == self.region

    @property
    def is_replica(self) -> bool:
        return self.is_multi_region and not self.is_primary

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}"

    @property
    def own_shelf(self) -> str:
        """The shelf on which the key's tokens, materials and grants stand."""
        return f"{self.account}/{self.region}/{self.key_id}"

    @property
    def name(self) -> str:
        return self.key_id

    @property
    def due(self) -> float | None:
        """When the clock next ends a passing state, ends the key, or rotates its material, which it
        never does while the key is disabled."""
        if self.settles_at is not None:
            return self.settles_at
        if self.deletion_date is not None:
            return self.deletion_date
        if self.next_rotation_date is None or self.key_state != "Enabled":
            return None
        if self.is_replica:
            # Rotated with its primary key.
            return None
        # What fell due while the key was disabled is done when it is enabled again.
        return max(self.next_rotation_date, self.enabled_since or self.next_rotation_date)


def rotated_yearly(kms_key: KmsKey) -> KmsKey:
    """The key with the rotation that AWS managed keys have, counted from its creation."""
    days = 365
    first = kms_key.creation_date + days * DAY
    return replace(kms_key, rotation_period=days, next_rotation_date=first)


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


CURRENT, NON_CURRENT, PENDING_ROTATION = "CURRENT", "NON_CURRENT", "PENDING_ROTATION"
PENDING_MULTI_REGION = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
"""The states of a key material, as AWS calls them. The last one follows from what related keys
have, so no record says it."""
IMPORTED, NOT_IMPORTED = "IMPORTED", "PENDING_IMPORT"
"""The import states of material that comes from outside; of other material it is ""."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """What is known of one material of a KMS key whose material can change; never its bytes.

    The record outlives the KeyToken: imported material can be deleted and imported again.
    `rotation_date` and `rotation_type` (AUTOMATIC, ON_DEMAND) say how it became current; the
    first material has neither. `number` counts the rotations up to this one. From `description`
    to `valid_to` it is about imported material only.
    """

    table: ClassVar[str] = "key_materials"
    account: str
    region: str
    key_id: str
    key_material_id: str
    creation_date: float
    state: str = CURRENT
    rotation_date: float | None = None
    rotation_type: str = ""
    description: str = ""
    import_state: str = ""
    expiration_model: str = ""
    valid_to: float | None = None
    number: int = 0

    @property
    def shelf(self) -> str:
        return f"{self.account}/{self.region}/{self.key_id}"

    @property
    def name(self) -> str:
        return self.key_material_id

    @property
    def due(self) -> float | None:
        """When imported material expires."""
        return self.valid_to


def first_material(kms_key: KmsKey) -> KeyMaterial:
    """What is known of the material that a key was made with."""
    return KeyMaterial(
        *(kms_key.account, kms_key.region, kms_key.key_id, kms_key.key_material_id),
        creation_date=kms_key.creation_date,
    )


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
    | KeyMaterial
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
        *(KmsKey, KeyToken, KeyMaterial, Alias, Grant),
        *(Bucket, StoredObject, MultipartUpload, UploadedPart),
        *(Trail, WaitingFile, DeliveredLogFile, DigestChain, SigningKey),
    )
}
