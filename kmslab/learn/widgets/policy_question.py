"""One question to a key policy that is being written: what is asked, and what the lab answers.

Without a widget in it. The lab decides; this reads what was typed, says where it cannot be read,
and puts the lines of a Decision in the order in which the policy has them.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from kmslab.access.decision import Decision
from kmslab.access.explanation import Line
from kmslab.access.policy import key_policy
from kmslab.errors import PolicyError
from kmslab.lab import AccountRoot, Lab, LabPrincipal
from kmslab.services.condition_keys import encryption_context_member
from kmslab.store.iam_records import RoleSession

S3 = "s3.amazonaws.com"

OPERATIONS = (
    *("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"),
    *("DescribeKey", "GetKeyPolicy", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion"),
)

_PLACE = re.compile(r"line (\d+)(?:, column (\d+))?")


class Unreadable(ValueError):
    """What was typed is no policy, or no encryption context. `excerpt` shows the line, if one is
    known."""

    def __init__(self, message: str, excerpt: str = "") -> None:
        super().__init__(message)
        self.excerpt = excerpt


class Asked(NamedTuple):
    """Who asks for which operation, with which pairs, and through which service, if any."""

    principal: LabPrincipal
    operation: str
    pairs: dict[str, str]
    via: str = ""

    @property
    def sends_context(self) -> bool:
        return bool(encryption_context_member(self.operation))

    @property
    def words(self) -> str:
        pairs = ", ".join(f"{name}={value}" for name, value in self.pairs.items())
        context = f" with {pairs}" if pairs and self.sends_context else ""
        via = " through S3" if self.via else ""
        return f"{title(self.principal)} asks for {self.operation}{context}{via}"


class Branch(NamedTuple):
    """A policy, or a grant, and what each of its statements says."""

    title: str
    lines: Sequence[Line]


def title(principal: LabPrincipal) -> str:
    """The name by which a reader knows a principal."""
    if isinstance(principal, AccountRoot):
        return f"root user of {principal.account}"
    if isinstance(principal, RoleSession):
        return f"{principal.role_name}/{principal.session_name}"
    return principal.user_name


def read_pairs(text: str) -> dict[str, str]:
    """The pairs in `text`: a JSON object, or name=value with commas between."""
    text = text.strip()
    if text.startswith("{"):
        return _pairs_from_json(text)
    pairs: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = map(str.strip, part.partition("="))
        if not (name and equals):
            raise Unreadable(f"The encryption context: “{part}” is not name=value.")
        if name in pairs:
            raise Unreadable(f"The encryption context: “{name}” stands there twice.")
        pairs[name] = value
    return pairs


def _pairs_from_json(text: str) -> dict[str, str]:
    try:
        pairs = json.loads(text)
    except ValueError as problem:
        raise Unreadable(f"The encryption context is not valid JSON: {problem}.") from None
    if not all(isinstance(value, str) for value in pairs.values()):
        raise Unreadable("The encryption context: every value has to be text.")
    return dict(pairs)


def answer(lab: Lab, key_id: str, policy: str, asked: Asked) -> Decision:
    """What the lab would decide with `policy` in place of the key's own.

    Raises Unreadable where it is no policy.
    """
    try:
        key_policy(policy)
    except PolicyError as problem:
        place = f" ({problem.place})" if problem.place else ""
        raise Unreadable(f"{problem}{place}", _excerpt(policy, problem.place)) from None
    return lab.would(
        asked.principal,
        asked.operation,
        key_id,
        encryption_context=asked.pairs or None,
        via=asked.via,
        key_policy=policy,
    )


def branches(decision: Decision, policy: str) -> list[Branch]:
    """The lines of `decision` by policy, those of the key policy first and in its own order."""
    grouped: dict[str, list[Line]] = {"key policy": []}
    for line in decision.lines:
        policy_name, _, label = line.where.partition(", ")
        grouped.setdefault(policy_name, []).append(line._replace(where=label))
    labels = [statement.label for statement in key_policy(policy).statements]
    grouped["key policy"].sort(key=lambda line: labels.index(line.where))
    return [Branch(policy_name, lines) for policy_name, lines in grouped.items()]


def _excerpt(policy: str, place: str) -> str:
    """The line that a place such as "line 3, column 5: …" is about, after the one before it, at
    whose end a comma is often missing; and a mark under the column."""
    found = _PLACE.match(place)
    if not found:
        return ""
    number, column = int(found[1]), int(found[2] or 0)
    # A long line is shown from shortly before the place.
    start = max(0, column - 40)
    above = number - 1 if start else max(0, number - 2)
    shown = [line[start : start + 60] for line in policy.splitlines()[above:number]]
    return "\n".join([*shown, f"{' ' * (column - 1 - start)}▲"] if column else shown)
