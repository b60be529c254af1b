"""The kinds of record a lab keeps. Records are values: a change is a new record.

Every record has a `shelf`, the part of the lab it belongs to (an account and Region, an
account, or all), and a `name` that is unique on its shelf. Times are seconds since 1970.
"""

from dataclasses import dataclass, field
from typing import ClassVar


def shelf_of(account: str, region: str) -> str:
    return f"{account}/{region}"


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user. `policies` are pairs of a policy's name and its JSON text."""

    table: ClassVar[str] = "users"
    account: str
    user_name: str
    user_id: str
    policies: tuple[tuple[str, str], ...] = ()

    @property
    def shelf(self) -> str:
        return self.account

    @property
    def name(self) -> str:
        return self.user_name


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A user's long-term credentials."""

    table: ClassVar[str] = "access_keys"
    access_key_id: str
    secret_access_key: str = field(repr=False)
    account: str
    user_name: str

    @property
    def shelf(self) -> str:
        return ""

    @property
    def name(self) -> str:
        return self.access_key_id


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


Record = User | AccessKey | KmsKey | KeyToken | Alias

KINDS: dict[str, type[Record]] = {
    kind.table: kind for kind in (User, AccessKey, KmsKey, KeyToken, Alias)
}
