"""Who is calling: a user, a role's session, a root user, a service of AWS, or nobody knows who.

A Principal is ready to be decided on: the names by which a policy may mean it, and what
conditions may ask about it. What it may do is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kmslab import arn as arns
from kmslab.access.context import Value, folded
from kmslab.store.events import iso_time
from kmslab.store.iam_records import Role, RoleSession, User

EVERYONE = "*"
NOT_NAMED, BY_ACCOUNT, AS_ROLE, ITSELF = range(4)


Grantees = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    `names` maps every name that means it to how strongly (BY_ACCOUNT, AS_ROLE, ITSELF);
    `identity` is CloudTrail's userIdentity of a call made by it; `facts` are the condition keys,
    in lower case, that say who it is. `via` are the services that forward its call, first to
    last; a service that calls for itself is a principal of its own (`is_service`), and so is
    whoever signs nothing (`is_anonymous`).
    """

    arn: str
    account: str
    user_id: str
    identity: dict[str, Any]
    names: Mapping[str, int]
    facts: Mapping[str, Value] = field(default_factory=dict)
    is_service: bool = False
    is_anonymous: bool = False
    via: tuple[str, ...] = ()
    grantees: Grantees = field(init=False)

    def __post_init__(self) -> None:
        """`grantees` are the names that are somebody's, the strongest first."""
        own = [(name, strength) for name, strength in self.names.items() if name != EVERYONE]
        object.__setattr__(self, "grantees", tuple(sorted(own, key=_strongest_first)))

    @property
    def account_root(self) -> str:
        return arns.account_root_arn(self.account)

    def forwarded_by(self, service: str) -> "Principal":
        """The same caller, whose call `service` (s3.amazonaws.com) makes in its name. A service
        that calls for itself stays who it is: its events name it, whoever forwards the call."""
        forwarded = {} if self.is_service else {"invokedBy": "AWS Internal"}
        identity = {**self.identity, **forwarded}
        return replace(self, identity=identity, via=(*self.via, service))

    def helped_by(self, service: str) -> "Principal":
        """The same caller, whose own call `service` carries on elsewhere. Nothing but the event
        tells of that: for conditions the caller still calls by itself."""
        return replace(self, identity={**self.identity, "invokedBy": service})


def _strongest_first(named: tuple[str, int]) -> tuple[int, str]:
    return -named[1], named[0]


def user_principal(user: User, access_key_id: str) -> Principal:
    """The principal that `user` is when signing with an access key."""
    identity = {
        "type": "IAMUser",
        "principalId": user.user_id,
        "arn": user.arn,
        "accountId": user.account,
        "accessKeyId": access_key_id,
        "userName": user.user_name,
    }
    facts = {
        **_facts(user.arn, user.account, "User", user.user_id),
        "aws:username": user.user_name,
        **_tag_facts(user.tags),
    }
    names = {
        user.arn: ITSELF,
        EVERYONE: ITSELF,
        arns.account_root_arn(user.account): BY_ACCOUNT,
    }
    return Principal(user.arn, user.account, user.user_id, identity, names, facts)


def session_principal(role: Role, session: RoleSession) -> Principal:
    """The principal that a session of `role` is."""
    arn = session.arn
    user_id = f"{role.role_id}:{session.session_name}"
    facts = {
        # Of a session it is the role that policies ask for by aws:PrincipalArn.
        **_facts(role.arn, role.account, "AssumedRole", user_id),
        "aws:multifactorauthpresent": "false",
        "aws:tokenissuetime": iso_time(session.issued),
        **_tag_facts((*role.tags, *session.tags)),
    }
    names = {
        arn: ITSELF,
        role.arn: AS_ROLE,
        EVERYONE: AS_ROLE,
        arns.account_root_arn(role.account): BY_ACCOUNT,
    }
    identity = _session_identity(role, session, arn, user_id)
    return Principal(arn, role.account, user_id, identity, names, facts)


def _session_identity(role: Role, session: RoleSession, arn: str, user_id: str) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "principalId": user_id,
        "arn": arn,
        "accountId": role.account,
        "accessKeyId": session.access_key_id,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role.role_id,
                "arn": role.arn,
                "accountId": role.account,
                "userName": role.role_name,
            },
            "attributes": {
                "creationDate": iso_time(session.issued),
                "mfaAuthenticated": "false",
            },
        },
    }


def root_principal(account: str, access_key_id: str) -> Principal:
    """The root user of an account: a key policy that names the account names this user itself."""
    arn = arns.account_root_arn(account)
    identity = {
        "type": "Root",
        "principalId": account,
        "arn": arn,
        "accountId": account,
        "accessKeyId": access_key_id,
    }
    names = {arn: ITSELF, EVERYONE: ITSELF}
    facts = _facts(arn, account, "Account", account)
    return Principal(arn, account, account, identity, names, facts)


def service_principal(service: str, source_arn: str = "", source_account: str = "") -> Principal:
    """A service of AWS that calls for itself, such as cloudtrail.amazonaws.com. `source_arn` and
    `source_account` are the resource on whose behalf it does."""
    facts: dict[str, Value] = {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
        "aws:principalservicenameslist": (service,),
        "aws:principaltype": "Service",
    }
    if source_arn:
        facts["aws:sourcearn"] = source_arn
    if source_account:
        facts["aws:sourceaccount"] = source_account
    return Principal(
        arn=service,
        account=source_account,
        user_id=service,
        identity={"type": "AWSService", "invokedBy": service},
        names={service: ITSELF, EVERYONE: ITSELF},
        facts=facts,
        is_service=True,
    )


def anonymous_principal() -> Principal:
    """Whoever signs nothing. S3 alone lets such a request in, and only "*" means it."""
    # IAM User Guide, "Policy variables" and "aws:PrincipalAccount": what a request without
    # credentials tells.
    facts: dict[str, Value] = {
        "aws:principaltype": "Anonymous",
        "aws:principalaccount": "anonymous",
        "aws:userid": "anonymous",
    }
    return Principal(
        arn="",
        account="",
        user_id="",
        identity={"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"},
        names={EVERYONE: ITSELF},
        facts=facts,
        is_anonymous=True,
    )


def _facts(arn: str, account: str, kind: str, user_id: str) -> dict[str, Value]:
    return {
        "aws:principalarn": arn,
        "aws:principalaccount": account,
        "aws:principaltype": kind,
        "aws:principalisawsservice": "false",
        "aws:userid": user_id,
    }


def _tag_facts(tags: tuple[tuple[str, str], ...]) -> dict[str, Value]:
    return {folded(f"aws:principaltag/{name}"): value for name, value in tags}
