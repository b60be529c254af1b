"""What is raced about authorisation: one decision on a typical key policy, with few and many
grants, and the same question answered by reading every document anew.

The caller is allowed by a grant alone, so that every statement and the grants are weighed.
"""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from kmslab.access.context import RequestContext, Value
from kmslab.access.decision import Decision, Identities, OwnerSide, decide
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import PolicyInForce, Question, identity_policy, key_policy
from kmslab.access.principals import session_principal
from kmslab.store.grant_index import GrantIndex
from kmslab.store.iam_records import Role, RoleSession
from kmslab.store.records import Grant

Call = Callable[[], object]
ACCOUNT, REGION, KEY_ID = "111122223333", "us-east-1", "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MEMBERS: dict[str, Value] = {
    "kms:calleraccount": ACCOUNT,
    "kms:viaservice": f"ec2.{REGION}.amazonaws.com",
    "kms:encryptioncontext:department": "payroll",
    "kms:encryptioncontextkeys": ("department",),
    "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:role/reader",
}

KEY_POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": ROOT},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "Administrators",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/administrator"},
            "Action": ["kms:Create*", "kms:Describe*", "kms:Put*", "kms:Schedule*", "kms:Tag*"],
            "Resource": "*",
        },
        {
            "Sid": "Through S3",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": ACCOUNT,
                    "kms:ViaService": f"s3.{REGION}.amazonaws.com",
                }
            },
        },
        {
            "Sid": "Sales",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "kms:*crypt*",
            "Resource": "*",
            "Condition": {"StringLike": {"kms:EncryptionContext:department": "sales-*"}},
        },
        {
            "Sid": "Never from elsewhere",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:CallerAccount": ACCOUNT}},
        },
    ],
}
IDENTITY_POLICY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["kms:List*", "s3:*"], "Resource": "*"},
}


def decision_with_ten_grants() -> Call:
    return _decision(10)


def decision_with_ten_thousand_grants() -> Call:
    return _decision(10_000)


def naive_decision() -> Call:
    """The same question for an evaluator that knows nothing but what this policy needs: it reads
    every document anew, looks at every grant, and explains nothing."""
    key_text, identity_text = json.dumps(KEY_POLICY), json.dumps(IDENTITY_POLICY)
    grants, pairs = _grants(10), {"department": "payroll"}

    def decide_naively() -> bool:
        statements = json.loads(key_text)["Statement"] + [json.loads(identity_text)["Statement"]]
        found = [one["Effect"] for one in statements if _is_about(one)]
        granted = any(
            "Decrypt" in grant.operations and dict(grant.subset or ()).items() <= pairs.items()
            for grant in grants
        )
        return "Deny" not in found and granted

    assert decide_naively()
    return decide_naively


def decision_read_anew() -> Call:
    """The same decision by the same code, with every policy read anew for it."""
    key_text, identity_text = json.dumps(KEY_POLICY), json.dumps(IDENTITY_POLICY)
    ask = _decision(10)

    def read_and_ask() -> object:
        key_policy.__wrapped__(key_text)
        identity_policy.__wrapped__(identity_text)
        return ask()

    return read_and_ask


def _decision(count: int) -> Call:
    index = GrantIndex()
    for grant in _grants(count):
        index.put(grant)
    grants = GrantsInForce(index.on(f"{ACCOUNT}/{REGION}/{KEY_ID}"), now=1000.0)
    owner_side = OwnerSide(key_policy(json.dumps(KEY_POLICY)), ACCOUNT, grants)
    own = PolicyInForce("inline", identity_policy(json.dumps(IDENTITY_POLICY)))
    identities = Identities((own,))
    principal = session_principal(_ROLE, _SESSION)
    pairs = {"department": "payroll"}

    def ask() -> Decision:
        context = RequestContext(lambda: MEMBERS)
        question = Question(principal, "kms:Decrypt", KEY_ARN, context, pairs)
        return decide(question, identities, owner_side)

    assert ask().allowed
    return ask


_ROLE = Role(ACCOUNT, "reader", "AROAREADER", "{}")
_SESSION = RoleSession("ASIAREADER", "", "", ACCOUNT, "reader", "AROAREADER", "one", 0.0, 9e9)


def _grants(count: int) -> list[Grant]:
    """Grants to one role, each for a department of its own."""
    departments = ["payroll", *(f"department-{number}" for number in range(1, count))]
    return [
        Grant(
            *(ACCOUNT, REGION, KEY_ID, f"{number:064x}", _ROLE.arn),
            operations=("Decrypt", "DescribeKey"),
            creation_date=0.0,
            effective_from=0.0,
            issuing_account=ROOT,
            subset=(("department", department),),
        )
        for number, department in enumerate(reversed(departments))
    ]


# --- Naively ------------------------------------------------------------------------------


def _is_about(statement: dict[str, Any]) -> bool:
    actions = statement["Action"]
    named = statement.get("Principal", {"AWS": "*"})["AWS"]
    return (
        named in ("*", _ROLE.arn)
        and any(
            fnmatchcase("kms:decrypt", action.lower())
            for action in ([actions] if isinstance(actions, str) else actions)
        )
        and fnmatchcase(KEY_ARN, statement["Resource"])
        and all(
            _holds(operator, name.lower(), wanted)
            for operator, tests in statement.get("Condition", {}).items()
            for name, wanted in tests.items()
        )
    )


def _holds(operator: str, name: str, wanted: str) -> bool:
    given = MEMBERS.get(name)
    if operator == "StringLike":
        return isinstance(given, str) and fnmatchcase(given, wanted)
    return (given == wanted) is (operator == "StringEquals")
