"""From credentials to callers: whose they are, and what that identity may do on its own.

What was read of users, roles and policies is kept for as long as none of them changes. Who signed
a request has been established before; whether a session has expired is asked here, since only
the lab's clock knows.
"""

from typing import NamedTuple

from kmslab import errors
from kmslab.access.aws_managed_policies import aws_managed_policy
from kmslab.access.decision import Identities
from kmslab.access.identities import role_identities, root_identities, user_identities
from kmslab.access.principals import (
    Principal,
    anonymous_principal,
    root_principal,
    session_principal,
    user_principal,
)
from kmslab.arn import parse_arn
from kmslab.store.iam_records import AccessKey, RoleSession
from kmslab.store.store import Store

Credential = AccessKey | RoleSession
_MOST_KNOWN = 10_000


class Caller(NamedTuple):
    """Who calls, and the policies of that identity."""

    principal: Principal
    identities: Identities


ANONYMOUS = Caller(anonymous_principal(), Identities())
"""Who signs nothing: policies of resources alone may let it in."""


class Callers:
    """All callers of one lab."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # By access key id: the version of all identities that was read, the credential, the caller.
        self._known: dict[str, tuple[int, Credential, Caller]] = {}

    def credential(self, access_key_id: str) -> Credential | None:
        """The active credentials with this id."""
        access_key = self._store.access_keys.get("", access_key_id)
        if access_key:
            return access_key if access_key.status == "Active" else None
        return self._store.role_sessions.get("", access_key_id)

    def caller(self, credential: Credential, now: float) -> Caller:
        """Who calls with `credential`. Raises UnrecognizedClientException where the identity is
        gone, and ExpiredTokenException for a session whose time is over."""
        if isinstance(credential, RoleSession) and credential.expiration <= now:
            raise errors.expired_token()
        # Before anything is read: who changes an identity meanwhile makes this entry an old one.
        version = self._store.identities_version
        known = self._known.get(credential.access_key_id)
        if known and known[0] == version and known[1] is credential:
            return known[2]
        caller = self.read(credential)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[credential.access_key_id] = version, credential, caller
        return caller

    def find_policy(self, policy_arn: str) -> str | None:
        """The JSON text of a managed policy, AWS's own included."""
        of_aws = aws_managed_policy(policy_arn)
        if of_aws:
            return of_aws.text
        arn = parse_arn(policy_arn)
        if arn is None:
            return None
        policy = self._store.managed_policies.get(arn.account, arn.resource.rpartition("/")[2])
        return policy.text if policy and policy.arn == policy_arn else None

    def read(self, credential: Credential) -> Caller:
        """The caller as the records say now."""
        if isinstance(credential, RoleSession):
            return self._session(credential)
        if not credential.user_name:
            principal = root_principal(credential.account, credential.access_key_id)
            return Caller(principal, root_identities())
        user = self._store.users.get(credential.account, credential.user_name)
        if user is None:
            raise errors.unrecognized_client()
        principal = user_principal(user, credential.access_key_id)
        return Caller(principal, user_identities(user, self.find_policy))

    def _session(self, session: RoleSession) -> Caller:
        role = self._store.roles.get(session.account, session.role_name)
        if role is None or role.role_id != session.role_id:
            raise errors.unrecognized_client()
        principal = session_principal(role, session)
        return Caller(principal, role_identities(role, session, self.find_policy))
