"""Whether an identity that a policy or a grant names is there. AWS looks it up when it is named;
what it may do is not known here."""

from kmslab import arn as arns
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
