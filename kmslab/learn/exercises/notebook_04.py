"""The exercises of notebook 04: a policy to repair, a department's own secrets, two accounts."""

import copy
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kmslab.lab import Lab
from kmslab.learn.classroom import classroom_lab
from kmslab.learn.exercises import NotYet, exercise, require, require_kind
from kmslab.learn.exercises.ten_calls import BROKEN, IAM, TEN_CALLS, TenCalls, allowed, why

Policy = dict[str, Any]
Context = dict[str, str]

OTHER_ACCOUNT = "444455556666"


def policy_of(*statements: Any) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


DELEGATION: Policy = {
    "Effect": "Allow",
    "Principal": {"AWS": f"{IAM}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


@exercise(
    "04-1",
    right="five calls pass and five are refused, each for real",
    hints=(
        "dave and the administrator have identity policies that allow kms:*. Which statement "
        "makes these count?",
        "Name the administrator instead of the account, with fewer actions than kms:*.",
        "DescribeKey sends no encryption context, so a condition on one makes its Allow dead.",
        "Four statements: administrator with kms:PutKeyPolicy, alice with Encrypt and Decrypt, "
        "bob with Encrypt, the role auditor with DescribeKey and no condition.",
    ),
)
def repairs_a_policy(repaired: Callable[[Policy], Any]) -> None:
    ten_calls = TenCalls()
    policy = repaired(copy.deepcopy(BROKEN))
    _require_dictionary(policy)
    problems = _unless_refused(lambda: ten_calls.problems(policy))
    if problems:
        right = len(TEN_CALLS) - len(problems)
        raise NotYet(f"{right} of {len(TEN_CALLS)} calls go as wanted; {problems[0]}")


@exercise(
    "04-2",
    right="each department decrypts its own and nothing else, and both may describe the key",
    hints=(
        "The condition key is kms:EncryptionContext:department; compare with StringEquals.",
        "Which of the two operations sends an encryption context? The other one must not be "
        "asked for it.",
        "Return two statements: Decrypt with the condition, DescribeKey without one.",
    ),
)
def keeps_departments_apart(statements: Callable[[str, str], Any]) -> None:
    lab = classroom_lab(seed="04-2")
    roles = {name: lab.role(f"{name}-clerk") for name in ("payroll", "sales")}
    policy = policy_of(DELEGATION)
    for department, role in roles.items():
        added = statements(role.arn, department)
        require_kind(added, list, "a list is wanted")
        policy["Statement"] += added
    key_id = lab.client("kms").create_key()["KeyMetadata"]["KeyId"]
    _put(lab, key_id, policy)
    for department, role in roles.items():
        clerk = lab.client("kms", role.session("monday"))
        _require_own_department(lab, clerk, key_id, department)
    stranger = lab.client("kms", lab.role("stranger").session("monday"))
    opened = _opens(lab, stranger, key_id, {"department": "payroll"})
    require(not opened, f"a role of no department can decrypt too{why(lab)}")


def _require_own_department(lab: Lab, clerk: Any, key_id: str, department: str) -> None:
    who, own = f"the clerk of {department}", {"department": department}
    for context in (own, {**own, "document": "7"}):
        opened = _opens(lab, clerk, key_id, context)
        require(opened, f"{who} cannot decrypt with the context {context}{why(lab)}")
    for context in _of_others(department):
        opened = _opens(lab, clerk, key_id, context)
        require(not opened, f"{who} can decrypt with the context {context}{why(lab)}")
    described = allowed(clerk, "describe_key", {"KeyId": key_id})
    require(described, f"{who} cannot describe the key{why(lab)}")
    _require_no_more(lab, clerk, key_id, who, own)


def _of_others(department: str) -> list[Context]:
    """Contexts that look a little like those of `department`, and the one that is none."""
    other = "sales" if department == "payroll" else "payroll"
    values = (other, f"{department}-archive", department.upper(), "")
    return [{"department": value} for value in values] + [{"document": department}, {}]


@exercise(
    "04-3",
    right="carol decrypts across the border, nobody else does, and with no other key",
    hints=(
        "The key's account speaks in the key policy: a Principal, and Resource * for this key.",
        "carol's account speaks in her identity policy: no Principal, and the key's full ARN.",
        "Name carol herself and not her account, and kms:Decrypt and not kms:*, in both halves.",
    ),
)
def crosses_accounts(
    key_statement: Callable[[str], Any], identity_policy: Callable[[str], Any]
) -> None:
    lab = classroom_lab(seed="04-3")
    carol = lab.user("carol", account=OTHER_ACCOUNT)
    statement = key_statement(carol.arn)
    require_kind(statement, dict, "a dictionary is wanted")
    kms = lab.client("kms")
    key_arn, another_arn = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    for arn in (key_arn, another_arn):
        _put(lab, arn, policy_of(DELEGATION, statement))
    carols = lab.client("kms", _with_policy(lab, "carol", identity_policy(key_arn)))
    require(_opens(lab, carols, key_arn), f"carol cannot decrypt{why(lab)}")
    spread = _opens(lab, carols, another_arn)
    require(not spread, f"carol can use another key of that account too{why(lab)}")
    _require_no_more(lab, carols, key_arn, "carol", {})
    anything = policy_of({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    erins = lab.client("kms", _with_policy(lab, "erin", anything))
    opened = _opens(lab, erins, key_arn)
    require(not opened, f"erin of carol's account can decrypt too{why(lab)}")


def _with_policy(lab: Lab, user_name: str, policy: Any) -> Any:
    _require_dictionary(policy)
    try:
        return lab.user(user_name, policy, account=OTHER_ACCOUNT)
    except (TypeError, ValueError) as problem:
        raise NotYet(f"that is no identity policy: {problem}") from None


# --- What the three have in common --------------------------------------------------------


def _require_dictionary(policy: Any) -> None:
    require_kind(policy, dict, "a dictionary is wanted")


def _put(lab: Lab, key_id: str, policy: Policy) -> None:
    def put() -> None:
        lab.client("kms").put_key_policy(KeyId=key_id, Policy=json.dumps(policy))

    _unless_refused(put)


def _unless_refused(act: Callable[[], Any]) -> Any:
    """What `act` gives; a policy that KMS does not take is told in its words."""
    try:
        return act()
    except TypeError as problem:
        raise NotYet(f"your policy cannot be written as JSON: {problem}") from None
    except ClientError as refusal:
        error = refusal.response["Error"]
        raise NotYet(f"KMS refuses the policy: {error['Code']}: {error['Message']}") from None


def _opens(lab: Lab, kms: Any, key_id: str, context: Context | None = None) -> bool:
    """Whether `kms` may decrypt what the administrator has encrypted with this context."""
    pairs = {"EncryptionContext": context or {}}
    made = lab.client("kms").encrypt(KeyId=key_id, Plaintext=b"x", **pairs)
    return allowed(kms, "decrypt", {"CiphertextBlob": made["CiphertextBlob"], **pairs})


def _require_no_more(lab: Lab, kms: Any, key_id: str, who: str, context: Context) -> None:
    pairs = {"KeyId": key_id, "EncryptionContext": context}
    for name, method, request in (
        ("encrypt", "encrypt", {**pairs, "Plaintext": b"x"}),
        ("make data keys", "generate_data_key", {**pairs, "KeySpec": "AES_256"}),
    ):
        passed = allowed(kms, method, request)
        require(not passed, f"{who} can {name} too, and should only decrypt{why(lab)}")
