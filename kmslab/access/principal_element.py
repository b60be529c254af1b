"""Whom a statement names: the Principal and NotPrincipal elements of a policy.

A principal can be named in three ways, and it matters which (IAM User Guide, "Determining
whether a request is allowed or denied within an account"): itself; as a role, whose boundary and
session policies then limit it; or only by its account, which then decides with policies of its
own. Whether the named principals exist is not known here.
"""

import re
from typing import Any, NamedTuple

from kmslab import arn as arns
from kmslab.access.principals import EVERYONE, NOT_NAMED, Principal
from kmslab.errors import PolicyError

_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_ACCOUNT = re.compile("[0-9]{12}", re.ASCII)
_PRINCIPAL_ARN = re.compile(
    r"arn:aws:(iam::[0-9]{12}:(root|(user|role)/[\w+=,.@/-]+)"
    r"|sts::[0-9]{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+))",
    re.ASCII,
)
# What stands in a stored policy for a user or role that is gone: it is nobody's name.
_DEPARTED = re.compile("A(ID|RO)A[A-Z2-7]{16,}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com", re.ASCII)


class PrincipalElement(NamedTuple):
    """`names` are ARNs, service names and perhaps "*". `inverted` stands for NotPrincipal."""

    names: frozenset[str]
    inverted: bool = False

    def naming(self, principal: Principal, allows: bool) -> int:
        """How the statement names `principal`: NOT_NAMED, BY_ACCOUNT, AS_ROLE or ITSELF."""
        if self.inverted:
            return self._naming_all_but(principal, allows)
        best = NOT_NAMED
        known = principal.names
        for name in self.names & known.keys():
            best = max(best, known[name])
        return best

    def _naming_all_but(self, principal: Principal, allows: bool) -> int:
        """NotPrincipal reads every name of a caller on its own: a Deny spares only whom it lists
        with role and account, an Allow reaches only whom it lists in no way."""
        if EVERYONE in self.names:
            # All but everyone is nobody.
            return NOT_NAMED
        own = principal.names.keys() - {EVERYONE}
        # Whoever has no name is listed nowhere, and no Deny spares them.
        spared = bool(own) and own <= self.names if not allows else bool(own & self.names)
        return NOT_NAMED if spared else principal.names[EVERYONE]


def principal_element(statement: dict[str, Any], place: str) -> PrincipalElement:
    """The compiled element of `statement`. Raises PolicyError in the words of KMS."""
    if "Principal" in statement and "NotPrincipal" in statement:
        raise PolicyError("Policy has a statement with Principal and NotPrincipal.", place)
    inverted = "NotPrincipal" in statement
    element = statement["NotPrincipal" if inverted else "Principal"]
    if element == EVERYONE:
        return PrincipalElement(frozenset((EVERYONE,)), inverted)
    if not isinstance(element, dict) or not element or set(element) - _KINDS:
        raise invalid_principals(place)
    names: set[str] = set()
    for kind, listed in element.items():
        names.update(_named(kind, name, place) for name in _texts(listed, place))
    return PrincipalElement(frozenset(names), inverted)


def invalid_principals(place: str) -> PolicyError:
    return PolicyError(
        "Policy contains a statement with one or more invalid principals.", f"{place}, Principal"
    )


def _texts(listed: Any, place: str) -> list[str]:
    texts = [listed] if isinstance(listed, str) else listed
    if texts == []:
        raise PolicyError("Policy contains a statement with no principal.", f"{place}, Principal")
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise invalid_principals(place)
    return texts


def _named(kind: str, name: str, place: str) -> str:
    """One name; an account's number is another way to write its root."""
    if kind == "AWS":
        if _ACCOUNT.fullmatch(name):
            return arns.account_root_arn(name)
        if name == EVERYONE or _PRINCIPAL_ARN.fullmatch(name) or _DEPARTED.fullmatch(name):
            return name
        raise invalid_principals(place)
    if kind == "Service":
        if name == EVERYONE or not _SERVICE.fullmatch(name):
            raise invalid_principals(place)
        return name
    # Nobody in the lab signs in through a web identity or has a canonical id: such a name is kept
    # apart from the others, and is nobody's.
    return f"{kind}:{name}"
