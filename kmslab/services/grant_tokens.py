"""Grant tokens: texts that name a grant and that only this lab can have made.

A grant takes some time to spread through KMS, and who shows its token need not wait (KMS Developer
Guide, "Using a grant token"). A token is neither a secret nor a right: it helps only whom the grant
names anyway. What a grant allows is not known here.
"""

import base64
import binascii
from typing import Any, NamedTuple, Protocol

from kmslab import errors
from kmslab.sources import RandomBytes
from kmslab.store.records import Grant, shelf_of
from kmslab.store.store import Store
from kmslab.vault.hsm import Hsm

_PURPOSE = b"grant token"
_NONCE_SIZE = 16


class Asked(Protocol):
    """What is looked at of a call."""

    parameters: dict[str, Any]
    region: str
    store: Store
    hsm: Hsm
    random: RandomBytes


class GrantName(NamedTuple):
    """The grant that a token is of."""

    account: str
    region: str
    key_id: str
    grant_id: str

    @property
    def shelf(self) -> str:
        return f"{shelf_of(self.account, self.region)}/{self.key_id}"


def new_grant_token(call: Asked, grant: Grant) -> str:
    """A token of `grant`, unlike any other; all of them mean the same."""
    nonce = call.random(_NONCE_SIZE).hex()
    payload = ":".join((grant.account, grant.region, grant.key_id, grant.grant_id, nonce))
    return _text(call.hsm.seal_token(_PURPOSE, payload.encode("ascii")))


def grant_name_of_token(call: Asked, token: str) -> GrantName:
    """Raises InvalidGrantTokenException for a token that this lab did not make, to the letter."""
    try:
        sealed = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise errors.invalid_grant_token() from None
    payload = call.hsm.open_token(_PURPOSE, sealed)
    # The last letter of a base64 text has bits that mean nothing, and could be changed unnoticed.
    if payload is None or _text(sealed) != token:
        raise errors.invalid_grant_token()
    return GrantName(*payload.decode("ascii").split(":")[:-1])


def grant_of_token(call: Asked, token: str) -> Grant | None:
    """The grant; None where it is gone, or in another Region than the one that is asked.

    Raises InvalidGrantTokenException for a token that this lab did not make.
    """
    name = grant_name_of_token(call, token)
    if name.region != call.region:
        return None
    return call.store.grants.get(name.shelf, name.grant_id)


def grants_shown(call: Asked) -> frozenset[str]:
    """The ids of the grants whose tokens a request brings along. That a grant is gone, or on
    another key, needs no look: nobody will ask for it.

    Raises InvalidGrantTokenException where this lab did not make one of them.
    """
    tokens = call.parameters.get("GrantTokens") or ()
    return frozenset(grant_name_of_token(call, token).grant_id for token in tokens)


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode("ascii")
