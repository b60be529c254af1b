"""The lab of an authorization case: its keys, everybody it names, its grants and key policies.

All of it is made through boto3 by administrators of the accounts, as anybody would make it. Who
then calls, and what becomes of the call, is not known here.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kmslab.lab import Lab
from kmslab.learn.authorization_cases import Case
from kmslab.learn.case_texts import REGION, filled, policy_document, policy_text

_IDENTITY = re.compile(r'"arn:aws:(?:iam|sts)::([0-9]{12}):(user|role|assumed-role)(/[^"*?]+)"')
_TRUST = policy_text([{"Principal": "root", "Action": "sts:AssumeRole", "Resource": None}], {})
# What an operation asks of its key.
_KINDS: dict[str, dict[str, Any]] = {
    "ReplicateKey": {"MultiRegion": True},
    "UpdatePrimaryRegion": {"MultiRegion": True},
    "GetParametersForImport": {"Origin": "EXTERNAL"},
    "ImportKeyMaterial": {"Origin": "EXTERNAL"},
}
_OPEN = [{"Principal": "111122223333:root"}, {"Principal": "444455556666:root"}]


class Stage(NamedTuple):
    """A lab in the making; `names` are those of `case_texts`."""

    case: Case
    lab: Lab
    names: dict[str, str]
    clients: dict[tuple[str, str], Any]

    def owner(self, account: str = "", service: str = "kms") -> Any:
        """An administrator's client in the account of the key, or another one."""
        whose = (service, account or self.case.owner)
        if whose not in self.clients:
            administrator = self.lab.administrator(whose[1])
            self.clients[whose] = self.lab.client(service, administrator)
        return self.clients[whose]


def make_world(stage: Stage) -> None:
    """Everything that has to be there before the policies are put, which may lock it all up."""
    _make_keys(stage)
    _make_identities(stage)
    _make_grants(stage)


def _make_keys(stage: Stage) -> None:
    case, kms = stage.case, stage.owner()
    tags = [{"TagKey": name, "TagValue": value} for name, value in case.key.tags.items()]
    kind = _KINDS.get(case.operation, {})
    metadata = kms.create_key(Tags=tags, **kind)["KeyMetadata"]
    stage.names.update({"key": metadata["Arn"], "key id": metadata["KeyId"]})
    if case.operation == "UpdatePrimaryRegion":
        kms.replicate_key(KeyId=metadata["KeyId"], ReplicaRegion=case.request["PrimaryRegion"])
        stage.lab.clock.advance(minutes=1)
    for alias_name in case.key.aliases:
        kms.create_alias(AliasName=alias_name, TargetKeyId=metadata["KeyId"])
        alias = f"arn:aws:kms:{REGION}:{case.owner}:{alias_name}"
        stage.names.setdefault("alias", alias)
    if case.second_key:
        second = stage.owner(case.second_key.owner).create_key()
        stage.names["second key"] = second["KeyMetadata"]["Arn"]


def _make_identities(stage: Stage) -> None:
    """Everybody whom the case names: AWS takes no policy and no grant with unknown principals."""
    case, names = stage.case, {**stage.names, "grant token": "-", "grant id": "-"}
    second_policy = case.second_key.key_policy if case.second_key else []
    policies = [case.key_policy, second_policy, case.request.get("Policy", [])]
    spelled: list[Any] = [policy_document(policy, names) for policy in policies]
    request = {name: value for name, value in case.request.items() if name != "Policy"}
    spelled += filled([request, list(case.grants), "<user/bob>"], names)
    found = set(_IDENTITY.findall(json.dumps(spelled)))
    if case.who.path != "/":
        kind = "user" if case.who.kind == "user" else "role"
        found.add((case.who.account, kind, case.who.path + case.who.name))
    # Names are unique whatever their paths: who has a path is made first.
    for account, kind, path in sorted(found, key=lambda each: -each[2].count("/")):
        _make_identity(stage, account, kind, path)


def _make_identity(stage: Stage, account: str, kind: str, path: str) -> None:
    """`path` is all that follows the kind in an ARN."""
    if kind == "assumed-role":
        kind, path = "role", path.rpartition("/")[0]
    parent, _, name = path.rpartition("/")
    if not parent:
        make: Callable[..., Any] = stage.lab.user if kind == "user" else stage.lab.role
        make(name, account=account)
        return
    iam = stage.owner(account, "iam")
    if kind == "user":
        iam.create_user(UserName=name, Path=f"{parent}/")
    else:
        iam.create_role(RoleName=name, Path=f"{parent}/", AssumeRolePolicyDocument=_TRUST)


def _make_grants(stage: Stage) -> None:
    grants, lab = stage.case.grants, stage.lab
    if any("by" in grant for grant in grants):
        _put_policy(stage.owner(), stage.names["key"], policy_text(_OPEN, {}))
    made = {number: _make_grant(stage, each) for number, each in _indexed(grants, fresh=False)}
    lab.clock.advance(minutes=10)
    _end(stage, [made[number] for number in made if grants[number].get("ended") == "long ago"])
    lab.clock.advance(minutes=10)
    made.update((number, _make_grant(stage, each)) for number, each in _indexed(grants, fresh=True))
    _end(stage, [made[number] for number in made if grants[number].get("ended") == "just now"])
    if made:
        stage.names.update({"grant id": made[0]["GrantId"], "grant token": made[0]["GrantToken"]})


def _indexed(grants: tuple[Mapping[str, Any], ...], fresh: bool) -> list[tuple[int, Any]]:
    numbered = enumerate(grants)
    return [(number, each) for number, each in numbered if each.get("fresh", False) is fresh]


def _make_grant(stage: Stage, grant: Mapping[str, Any]) -> Any:
    given = {name: value for name, value in grant.items() if name[0].isupper()}
    kms = stage.owner(grant.get("by", ""))
    return kms.create_grant(KeyId=stage.names["key"], **filled(given, stage.names))


def _end(stage: Stage, grants: list[Any]) -> None:
    for grant in grants:
        stage.owner().revoke_grant(KeyId=stage.names["key"], GrantId=grant["GrantId"])


def put_policies(stage: Stage) -> None:
    case, names = stage.case, stage.names
    if case.second_key:
        text = policy_text(case.second_key.key_policy, names)
        _put_policy(stage.owner(case.second_key.owner), names["second key"], text)
    _put_policy(stage.owner(), names["key"], policy_text(case.key_policy, names))


def _put_policy(kms: Any, key_arn: str, text: str) -> None:
    kms.put_key_policy(KeyId=key_arn, Policy=text, BypassPolicyLockoutSafetyCheck=True)
