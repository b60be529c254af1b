"""Exercise 04-1's lab: a broken key policy, and ten calls of which five are to pass.

The calls are really made, by five principals, under whatever policy is put on the key. Which
policy is right is not known here; only how many calls go as wanted.
"""

import json
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from kmslab.lab import Lab, LabPrincipal
from kmslab.learn.classroom import classroom_lab

IAM = "arn:aws:iam::111122223333"
Pairs = tuple[tuple[str, str], ...]
AUDIT: Pairs = (("audit", "yes"),)

BROKEN: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": f"{IAM}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "Payroll",
            "Effect": "Allow",
            "Principal": {"AWS": [f"{IAM}:user/alice", f"{IAM}:user/bob"]},
            "Action": ["kms:Encrypt", "kms:Decrypt"],
            "Resource": "*",
        },
        {
            "Sid": "Auditors",
            "Effect": "Allow",
            "Principal": {"AWS": f"{IAM}:role/auditor"},
            "Action": ["kms:DescribeKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:audit": "yes"}},
        },
    ],
}


class OneCall(NamedTuple):
    """Who calls which operation, with which encryption context, and whether it is to pass."""

    who: str
    operation: str
    passes: bool
    context: Pairs = ()

    def __str__(self) -> str:
        pairs = ", ".join(f"{name}={value}" for name, value in self.context)
        return f"{self.who}: {self.operation}" + (f" with {pairs}" if pairs else "")


TEN_CALLS = (
    OneCall("alice", "Encrypt", True),
    OneCall("alice", "Decrypt", True),
    OneCall("bob", "Encrypt", True),
    OneCall("auditor", "DescribeKey", True),
    OneCall("administrator", "PutKeyPolicy", True),
    OneCall("administrator", "Decrypt", False),
    OneCall("bob", "Decrypt", False),
    OneCall("dave", "Decrypt", False),
    OneCall("auditor", "Decrypt", False, AUDIT),
    OneCall("alice", "ScheduleKeyDeletion", False),
)


class TenCalls:
    """A key with the broken policy, and the five who want to use it."""

    def __init__(self) -> None:
        self.lab = classroom_lab(seed="04-1")
        kms = self.lab.client("kms")
        self._clients = {**_clients(self.lab), "administrator": kms}
        created = kms.create_key(Policy=json.dumps(BROKEN))
        self.key_id: str = created["KeyMetadata"]["KeyId"]
        alice = self._clients["alice"]
        self._blobs: dict[Pairs, bytes] = {}
        for pairs in ((), AUDIT):
            made = alice.encrypt(
                KeyId=self.key_id, Plaintext=b"4,200", EncryptionContext=dict(pairs)
            )
            self._blobs[pairs] = made["CiphertextBlob"]

    def problems(self, policy: dict[str, Any]) -> list[str]:
        """Put `policy` on the key, make all ten calls, and tell those that go another way.

        Raises ClientError where KMS refuses the policy or, for another reason than a denial, a
        call.
        """
        text = json.dumps(policy)
        self._clients["administrator"].put_key_policy(KeyId=self.key_id, Policy=text)
        found = []
        for call in TEN_CALLS:
            passed = allowed(self._clients[call.who], *self._request(call, text))
            if passed is not call.passes:
                fate = "passes and should be refused" if passed else "is refused and should pass"
                found.append(f"{call} {fate}{why(self.lab)}")
        return found

    def _request(self, call: OneCall, policy: str) -> tuple[str, dict[str, Any]]:
        """The boto3 method and its arguments."""
        key = {"KeyId": self.key_id}
        blob = {"CiphertextBlob": self._blobs[call.context]}
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            "Encrypt": ("encrypt", {**key, "Plaintext": b"4,200"}),
            "Decrypt": ("decrypt", {**blob, "EncryptionContext": dict(call.context)}),
            "DescribeKey": ("describe_key", key),
            "PutKeyPolicy": ("put_key_policy", {**key, "Policy": policy}),
            "ScheduleKeyDeletion": ("schedule_key_deletion", key),
        }
        return requests[call.operation]


def allowed(kms: Any, method: str, request: dict[str, Any]) -> bool:
    """Whether a call passes; a refusal that is no denial is raised as it is."""
    try:
        getattr(kms, method)(**request)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def why(lab: Lab) -> str:
    """What decided about the last call, in brackets."""
    decision = lab.last_decision()
    return f" ({decision.because})" if decision else ""


def _clients(lab: Lab) -> dict[str, Any]:
    anything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    dave = lab.user("dave", {"Version": "2012-10-17", "Statement": [anything]})
    principals: dict[str, LabPrincipal] = {
        "alice": lab.user("alice"),
        "bob": lab.user("bob"),
        "dave": dave,
        "auditor": lab.role("auditor").session("january"),
    }
    return {name: lab.client("kms", principal) for name, principal in principals.items()}
