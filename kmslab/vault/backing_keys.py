"""How the HSM is told which key is meant: by name, and by the token that only it can open."""

from dataclasses import dataclass, field
from typing import NamedTuple

from kmslab.vault.domain_key import DomainKey


class BackingKeyName(NamedTuple):
    """Names one version of one KMS key's material. `key_material_id` is 64 hex digits."""

    account: str
    key_id: str
    key_material_id: str

    def encode(self) -> bytes:
        return ":".join(self).encode("ascii")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as it rests outside of the HSM: `token` is the exported key token, as hex text."""

    name: BackingKeyName
    token: str = field(repr=False)
    key_spec: str

    @property
    def bound_to(self) -> bytes:
        """What the token is bound to: no token of one kind opens as another's."""
        return b":".join((self.name.encode(), self.key_spec.encode("ascii")))


def name_of_material(
    domain_key: DomainKey, account: str, key_id: str, material: bytes
) -> BackingKeyName:
    """The name of material that somebody brings to a KMS key: the same for the same bytes. It tells
    nothing of them, not even to who can guess them."""
    owner = f"{account}:{key_id}:".encode("ascii")
    return BackingKeyName(account, key_id, domain_key.name_material(owner, material).hex())
