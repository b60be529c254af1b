"""Whether an identity that a policy or a grant names is there. AWS looks it up when it is named;
what it may do is not known here."""

from kmslab import arn as arns
from kmslab.access.policy import PolicyInForce, Statement
from kmslab.store.store import Store


def exists(store: Store, name: str) -> bool:
    """Whether `name`, a legal name of a principal, is somebody's.

    Users and roles are looked up, a session by its role. Accounts, services, and the federated
    users of an account are taken at their word, as whoever was given such a name is not listed.
    """
    arn = arns.parse_arn(name)
    if arn is None:
        # An account or service, or the id of somebody who is gone.
        return not name.startswith(("AIDA", "AROA"))
    kind, _, rest = arn.resource.partition("/")
    last_name = rest.rpartition("/")[2]
    if kind == "user":
        user = store.users.get(arn.account, last_name)
        return user is not None and user.arn == name
    if kind == "role":
        role = store.roles.get(arn.account, last_name)
        return role is not None and role.arn == name
    if kind == "assumed-role":
        return store.roles.get(arn.account, rest.partition("/")[0]) is not None
    return True


def statement_naming_nobody(store: Store, policy: PolicyInForce) -> Statement | None:
    """The first statement of a resource's policy that names a principal which is not there."""
    for statement in policy.statements:
        names = statement.who.names if statement.who else ()
        if not all(exists(store, name) for name in names):
            return statement
    return None
