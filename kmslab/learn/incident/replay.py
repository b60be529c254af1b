"""What would have become of the day's calls to KMS, had a key policy or a grant been another one?

The calls are those of the log files, in their order and at their times, and nothing else is known
of them; the lab is the company as it was that morning. It decides about every call anew, as it
would if the call were made, and makes and ends the grants that were made and ended that day. Whose
calls were a thief's is not known here.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pandas

from kmslab.access.decision import Decision
from kmslab.lab import Lab, LabPrincipal
from kmslab.learn.incident.company import found, new_lab
from kmslab.learn.incident.evidence import files
from kmslab.learn.incident.places import MIDNIGHT
from kmslab.learn.incident.running import advance_to
from kmslab.wire.message import LOOPBACK

Record = dict[str, Any]
Document = Mapping[str, Any]

COLUMNS = (
    *("time", "principal", "role", "operation", "key_arn", "encryption_context", "source_ip"),
    *("event_id", "was", "would_be", "because"),
)
S3 = "s3.amazonaws.com"
# Whose credentials ended when is told by what was recorded: what they could not do is not there.
_A_DAY = timedelta(days=1)

# No single key decides about these, or they end a grant; `_Replay` does the latter.
_NOT_ASKED = frozenset({"ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"})
_ENDINGS = frozenset({"RetireGrant", "RevokeGrant"})


def morning_lab() -> Lab:
    """A lab with the company in it as it was at midnight: who there is, their policies, the keys
    and buckets. Nothing has happened yet."""
    lab = new_lab()
    found(lab, with_objects=False)
    advance_to(lab, 0)
    return lab


def replay(
    key_policies: Mapping[str, Document] | None = None,
    grants: Mapping[str, Document | None] | None = None,
) -> pandas.DataFrame:
    """The day's calls to KMS, and what would become of each under other rules.

    `key_policies` are documents by alias ("alias/orders") or key ARN, which hold from midnight on;
    `grants` are by the id of a grant what CreateGrant is asked for in its place (GranteePrincipal,
    Operations, Constraints), None for a grant that is not made. In the table stands for each call
    what it `was` and what it `would_be`, ok or denied, and why (`because`). Raises ClientError for
    what KMS refuses, ValueError for a grant that was not made that day.
    """
    changed = dict(grants or {})
    made = {_grant_id(record) for record in kms_records()} - {""}
    if unknown := changed.keys() - made:
        raise ValueError(f"no such grant was made on that day: {sorted(unknown)}")
    with morning_lab() as lab:
        for name, document in (key_policies or {}).items():
            _put_key_policy(lab, name, document)
        return pandas.DataFrame(_Replay(lab, changed).rows(), columns=list(COLUMNS))


def asked_grant(grant_id: str) -> dict[str, Any]:
    """What CreateGrant was asked for on that day, but for the key. Raises ValueError for the id of
    a grant that was not made then."""
    for record in kms_records():
        if record["eventName"] == "CreateGrant" and _grant_id(record) == grant_id:
            return _asked(record)
    raise ValueError(f"no such grant was made on that day: {grant_id!r}")


@cache
def kms_records() -> tuple[Record, ...]:
    """The records of calls to KMS that somebody of the company made, in order. What CloudTrail did
    for itself, and copies for other accounts, are left out."""
    records = [
        record
        for name, path in files()
        if "/CloudTrail/" in name
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]
        if record["eventSource"] == "kms.amazonaws.com"
        and record["userIdentity"].get("accountId") == record["recipientAccountId"]
    ]
    return tuple(sorted(records, key=lambda record: record["eventTime"]))


class _Replay:
    """One replay in one lab; `changed` are the grants that are asked for in another way."""

    def __init__(self, lab: Lab, changed: Mapping[str, Document | None]) -> None:
        self._lab = lab
        self._changed = changed
        self._known: dict[str, LabPrincipal] = {}
        # The grants of that day, with the key and the id that each has here.
        self._grants: dict[str, tuple[str, str]] = {}

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for record in kms_records():
            advance_to(self._lab, _seconds(record))
            if record["eventName"] in _ENDINGS:
                self._end_grant(record)
            elif record["eventName"] == "CreateGrant":
                yield from self._grant_rows(record)
            elif record["eventName"] not in _NOT_ASKED:
                yield _row(record, self._decided(record))

    def _grant_rows(self, record: Record) -> Iterator[tuple[Any, ...]]:
        """One row, or none for a grant that nobody asks for here."""
        asked = self._asked_grant(record)
        if asked is None:
            return
        decision = self._decided(record, asked)
        if decision.allowed and not record.get("errorCode"):
            kms = self._lab.client("kms", self._caller(record), record["awsRegion"])
            made = kms.create_grant(KeyId=_key_arn(record), **asked)["GrantId"]
            self._grants[_grant_id(record)] = _key_arn(record), made
        yield _row(record, decision)

    def _decided(self, record: Record, parameters: Document | None = None) -> Decision:
        return self._lab.would(
            self._caller(record),
            record["eventName"],
            _key_arn(record),
            (record["requestParameters"] or {}).get("encryptionContext"),
            via=S3 if "invokedBy" in record["userIdentity"] else "",
            source_ip=_address(record),
            **(parameters or {}),
        )

    def _caller(self, record: Record) -> LabPrincipal:
        identity = record["userIdentity"]
        arn, account = identity["arn"], identity["accountId"]
        if arn not in self._known:
            kind, _, name = arn.split(":", 5)[5].partition("/")
            if kind == "user":
                self._known[arn] = self._lab.user(name, account=account)
            else:
                role_name, _, session_name = name.partition("/")
                role = self._lab.role(role_name, account=account)
                self._known[arn] = role.session(session_name, duration=_A_DAY)
        return self._known[arn]

    def _asked_grant(self, record: Record) -> Document | None:
        """What CreateGrant is asked for here; None for a grant that is not to be made."""
        grant_id = _grant_id(record)
        if grant_id in self._changed:
            return self._changed[grant_id]
        return _asked(record)

    def _end_grant(self, record: Record) -> None:
        told = record["requestParameters"] or record.get("additionalEventData") or {}
        if grant := self._grants.pop(told.get("grantId", ""), None):
            kms = self._lab.client("kms", self._lab.administrator(grant[0].split(":")[4]))
            kms.revoke_grant(KeyId=grant[0], GrantId=grant[1])


def _put_key_policy(lab: Lab, name: str, document: Document) -> None:
    arn = name if name.startswith("arn:") else f"arn:aws:kms:us-east-1:111122223333:{name}"
    account, region = arn.split(":")[4], arn.split(":")[3]
    kms = lab.client("kms", lab.administrator(account), region)
    key_id = kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key_id, Policy=json.dumps(document))


def _row(record: Record, decision: Decision) -> tuple[Any, ...]:
    identity = record["userIdentity"]
    issuer = identity.get("sessionContext", {}).get("sessionIssuer", {})
    return (
        *(record["eventTime"], identity["arn"], issuer.get("arn"), record["eventName"]),
        _key_arn(record),
        (record["requestParameters"] or {}).get("encryptionContext"),
        *(record["sourceIPAddress"], record["eventID"]),
        "denied" if record.get("errorCode") else "ok",
        "ok" if decision.allowed else "denied",
        decision.because,
    )


def _key_arn(record: Record) -> str:
    for resource in record["resources"]:
        if resource["type"] == "AWS::KMS::Key":
            return str(resource["ARN"])
    return str(record["requestParameters"]["keyId"])


def _address(record: Record) -> str:
    """Where the call came from; of a call that S3 made for somebody it counts for nothing."""
    return LOOPBACK if "invokedBy" in record["userIdentity"] else str(record["sourceIPAddress"])


def _grant_id(record: Record) -> str:
    return str((record["responseElements"] or {}).get("grantId", ""))


def _asked(record: Record) -> dict[str, Any]:
    asked = _spelled(record["requestParameters"])
    asked["Constraints"] = _spelled(asked.get("Constraints") or {})
    return {name: value for name, value in asked.items() if value and name != "KeyId"}


def _spelled(members: Mapping[str, Any]) -> dict[str, Any]:
    """Members as the API spells them: records begin them with a small letter."""
    return {name[:1].upper() + name[1:]: value for name, value in members.items()}


def _seconds(record: Record) -> float:
    moment = pandas.Timestamp(record["eventTime"])
    return float((moment - pandas.Timestamp(MIDNIGHT)).total_seconds())
