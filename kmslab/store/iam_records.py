"""The records of identities: users, roles, managed policies and what they sign with.

They follow the same rules as every record (`records`). A pair in `policies` is the name of an
inline policy and its JSON text; `attached` and `boundary` are ARNs of managed policies.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from kmslab import arn as arns
from kmslab.sources import DAY

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user."""

    table: ClassVar[str] = "users"
    account: str
    user_name: str
    user_id: str
    policies: Pairs = ()
    attached: tuple[str, ...] = ()
    boundary: str = ""
    path: str = "/"
    creation_date: float = 0.0
    tags: Pairs = ()

    @property
    def arn(self) -> str:
        return arns.user_arn(self.account, self.user_name, self.path)

    @property
    def shelf(self) -> str:
        return self.account

    @property
    def name(self) -> str:
        return self.user_name


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role. `trust_policy` is the JSON text that says who may assume it;
    `max_session_duration` is in seconds."""

    table: ClassVar[str] = "roles"
    account: str
    role_name: str
    role_id: str
    trust_policy: str
    policies: Pairs = ()
    attached: tuple[str, ...] = ()
    boundary: str = ""
    path: str = "/"
    creation_date: float = 0.0
    tags: Pairs = ()
    description: str = ""
    max_session_duration: int = 3600

    @property
    def arn(self) -> str:
        return arns.role_arn(self.account, self.role_name, self.path)

    @property
    def shelf(self) -> str:
        return self.account

    @property
    def name(self) -> str:
        return self.role_name


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A customer managed policy. `versions` are triples of a version id, its JSON text and its
    date; `next_version` is the number that the next one gets."""

    table: ClassVar[str] = "managed_policies"
    account: str
    policy_name: str
    policy_id: str
    default_version: str
    versions: tuple[tuple[str, str, float], ...]
    next_version: int = 2
    path: str = "/"
    creation_date: float = 0.0
    update_date: float = 0.0
    tags: Pairs = ()
    description: str = ""

    @property
    def arn(self) -> str:
        return arns.policy_arn(self.account, self.policy_name, self.path)

    @property
    def text(self) -> str:
        """The JSON text of the default version; where there is none, what no policy is."""
        texts = {number: text for number, text, _ in self.versions}
        return texts.get(self.default_version, "")

    @property
    def shelf(self) -> str:
        return self.account

    @property
    def name(self) -> str:
        return self.policy_name


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Long-term credentials of a user, or of the account's root user (`user_name` "")."""

    table: ClassVar[str] = "access_keys"
    access_key_id: str
    secret_access_key: str = field(repr=False)
    account: str
    user_name: str
    status: str = "Active"
    creation_date: float = 0.0

    # Long-term credentials have none.
    session_token: ClassVar[str] = ""

    @property
    def shelf(self) -> str:
        return ""

    @property
    def name(self) -> str:
        return self.access_key_id


@dataclass(frozen=True, slots=True)
class RoleSession:
    """Temporary credentials of an assumed role. `policies` are the session policies; `expiration`
    is by the lab's clock. A session dies with its role: hence `role_id`."""

    table: ClassVar[str] = "role_sessions"
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    account: str
    role_name: str
    role_id: str
    session_name: str
    issued: float
    expiration: float
    policies: Pairs | None = None
    tags: Pairs = ()

    @property
    def arn(self) -> str:
        return arns.session_arn(self.account, self.role_name, self.session_name)

    @property
    def shelf(self) -> str:
        return ""

    @property
    def name(self) -> str:
        return self.access_key_id

    @property
    def due(self) -> float | None:
        """When the record goes: some time after the session, which is told it has expired."""
        return self.expiration + DAY
