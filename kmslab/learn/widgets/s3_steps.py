"""What one request to S3 came to, step by step, read from the events that it left in the trail.

Without a widget in it. Which events belong together is known elsewhere. No event tells of the disk:
what lies there is asked of the lab, where a reader may.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kmslab.access.decision import Decision
from kmslab.at_rest import AtRest
from kmslab.learn.widgets.calls import short_name
from kmslab.learn.widgets.s3_requests import (
    STORING,
    Record,
    contexts,
    left_alone,
    object_arn,
    paired,
    parameters,
    who,
)

# Bucket and key → what is stored; raises ValueError where there is nothing.
LooksAtRest = Callable[[str, str], AtRest]
Decisions = Callable[[str], Sequence[Decision]]

CALLER, S3, KMS, DISK = "caller", "S3", "KMS", "disk"
OK = "ok"

_READING = frozenset({"GetObject", "HeadObject"})
_SSE = "x-amz-server-side-encryption"
_ANSWERS = {
    "GenerateDataKey": "a data key, plain and encrypted",
    "Decrypt": "the plaintext data key",
    "Encrypt": "the data key, encrypted",
    "ReEncrypt": "the data key, encrypted anew",
}
_WITHOUT_KMS = {
    "SSE_S3": "the key is one of S3's own",
    "SSE_C": "the caller brought the key",
    "SSE_KMS": "S3 still has the Bucket Key",
}


class Step(NamedTuple):
    """One arrow: who to whom, in a few words, with details in full. `error_code` is that of an
    answer that refuses; where `origin` and `target` are the same it is a remark."""

    origin: str
    target: str
    words: str
    details: tuple[str, ...] = ()
    error_code: str = ""
    is_answer: bool = False


class Exchange(NamedTuple):
    """One request to S3 about an object: who asked for what, what came of it, and the steps."""

    who: str
    operation: str
    object_arn: str
    outcome: str
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        return f"{self.operation} by {self.who}: {self.outcome}"

    @property
    def asked_kms(self) -> int:
        """How many times S3 asked KMS for it."""
        return sum(step.target == KMS for step in self.steps)


def exchanges(
    records: Iterable[Record],
    at_rest: LooksAtRest | None = None,
    why: Decisions | None = None,
) -> list[Exchange]:
    """The requests about objects in `records`, oldest first, each with S3's calls to KMS.

    Raises ValueError where there is none.
    """
    told = list(records)
    found = list(paired(told))
    if not found:
        raise ValueError(
            f"no request about an object in {len(told)} events; "
            "lab.events(data_events=True) has them"
        )
    shows_disk = left_alone([request for request, _ in found])
    return [
        _exchange(request, asked, at_rest if shows else None, why)
        for (request, asked), shows in zip(found, shows_disk, strict=True)
    ]


# --- The steps ----------------------------------------------------------------------------


def _exchange(
    request: Record, asked: list[Record], at_rest: LooksAtRest | None, why: Decisions | None
) -> Exchange:
    stored = _stored(request, at_rest)
    steps = [_asks_s3(request)]
    if stored and asked and request["eventName"] in _READING:
        steps += _reads_data_key(stored)
    for each in asked:
        steps += [_asks_kms(each), _answer_of_kms(each, why)]
    if not asked:
        steps += _asks_nothing(request)
    if stored and "errorCode" not in request:
        steps += _uses_disk(request, stored)
    steps.append(_answer_of_s3(request, why))
    outcome = str(request.get("errorCode", OK))
    return Exchange(who(request), request["eventName"], object_arn(request), outcome, tuple(steps))


def _stored(request: Record, at_rest: LooksAtRest | None) -> AtRest | None:
    """What lies on the disk of the object, where it is to be looked at and there."""
    if at_rest is None:
        return None
    try:
        return at_rest(parameters(request)["bucketName"], parameters(request)["key"])
    except ValueError:
        return None


def _asks_s3(request: Record) -> Step:
    asked = parameters(request)
    said = [f"{name}: {value}" for name, value in asked.items() if name.startswith(_SSE)]
    if not said and request["eventName"] in STORING:
        said = ["says nothing about encryption"]
    if copied := asked.get("x-amz-copy-source"):
        said.insert(0, f"x-amz-copy-source: {copied}")
    return Step(CALLER, S3, f"{request['eventName']} {asked['key']}", tuple(said))


def _asks_kms(asked: Record) -> Step:
    invoked = asked["userIdentity"]["invokedBy"]
    details = [f"in the name of {who(asked)}", f"invokedBy: {invoked}"]
    for member, context in contexts(asked):
        pairs = (f"{name} = {value}" for name, value in sorted(context.items()))
        details.append(f"{member}: {', '.join(pairs)}")
    return Step(S3, KMS, f"{asked['eventName']}{_with_key(asked)}", tuple(details))


def _answer_of_kms(asked: Record, why: Decisions | None) -> Step:
    reasons = _reasons(asked, _decisions(asked, why))
    if "errorCode" in asked:
        return _refusal(KMS, S3, asked, reasons)
    words = _ANSWERS.get(asked["eventName"], "an answer")
    return Step(KMS, S3, words, tuple(reasons), is_answer=True)


def _asks_nothing(request: Record) -> list[Step]:
    """A remark where something was sealed or opened, and KMS has no event of it."""
    kind = _applied(request).removeprefix("Default_")
    if kind not in _WITHOUT_KMS:
        return []
    return [Step(S3, S3, "KMS is not asked", (_WITHOUT_KMS[kind],))]


def _reads_data_key(stored: AtRest) -> list[Step]:
    stored_key = _stored_key(stored)
    return [Step(DISK, S3, stored_key)] if stored_key else []


def _stored_key(stored: AtRest) -> str:
    """What lies beside an object of what KMS gave."""
    what = "Bucket Key" if stored.bucket_key_enabled else "data key"
    size = len(stored.encrypted_data_key)
    return f"the encrypted {what}, {size} bytes" if size else ""


def _uses_disk(request: Record, stored: AtRest) -> list[Step]:
    sealed = f"{stored.stored_size:,} sealed bytes"
    if request["eventName"] in STORING:
        stored_key = _stored_key(stored)
        return [Step(S3, DISK, sealed, (f"and beside them {stored_key}",) if stored_key else ())]
    if request["eventName"] == "GetObject":
        return [Step(DISK, S3, sealed)]
    if request["eventName"] == "UpdateObjectEncryption":
        return [Step(S3, DISK, _stored_key(stored), (f"the {sealed} stay as they are",))]
    return []


def _answer_of_s3(request: Record, why: Decisions | None) -> Step:
    own = [each for each in _decisions(request, why) if each.question.action.startswith("s3:")]
    reasons = _reasons(request, own)
    if "errorCode" in request:
        return _refusal(S3, CALLER, request, reasons)
    told = dict(request.get("additionalEventData") or {})
    sizes = {"bytesTransferredIn": "bytes taken in", "bytesTransferredOut": "bytes handed out"}
    words = [f"{told[name]:,} {moved}" for name, moved in sizes.items() if name in told]
    details = [f"SSEApplied: {told['SSEApplied']}"] if "SSEApplied" in told else []
    return Step(S3, CALLER, ", ".join(words) or "done", (*details, *reasons), is_answer=True)


def _reasons(record: Record, decisions: Sequence[Decision]) -> list[str]:
    """What decided last, where that is why the call ended as it did: a disabled key is refused to
    those who may use it."""
    ended_well = "errorCode" not in record
    return [f"why: {each.because}" for each in decisions[-1:] if each.allowed == ended_well]


def _refusal(origin: str, target: str, record: Record, reasons: Iterable[str]) -> Step:
    said = [record["errorMessage"]] if record.get("errorMessage") else []
    code = str(record["errorCode"])
    return Step(origin, target, code, (*said, *reasons), error_code=code, is_answer=True)


# --- What a record says -------------------------------------------------------------------


def _applied(request: Record) -> str:
    return str((request.get("additionalEventData") or {}).get("SSEApplied", ""))


def _with_key(asked: Record) -> str:
    """The key that was used, as the event names it; a denied call may name none."""
    named = [short_name(resource["ARN"]) for resource in asked.get("resources") or ()]
    return f" with key {', '.join(named)}" if named else ""


def _decisions(record: Record, why: Decisions | None) -> Sequence[Decision]:
    return why(record.get("requestID", "")) if why else ()
