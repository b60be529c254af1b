"""What one request to S3 came to, step by step, read from the events that it left in the trail.

Without a widget in it. Which events belong together is known elsewhere. No event tells of the disk:
what lies there is asked of the lab, where a reader may.
"""

from collections.abc import Callable, Iterable

from kmslab.at_rest import AtRest
from kmslab.learn.widgets.exchanges import CALLER, CLOUDTRAIL, DISK, OK, S3, Exchange, Step
from kmslab.learn.widgets.kms_steps import (
    Decisions,
    call_of_kms,
    decisions_about,
    reasons,
    refusal,
)
from kmslab.learn.widgets.s3_requests import (
    BY_CLOUDTRAIL,
    STORING,
    Record,
    left_alone,
    object_arn,
    paired,
    parameters,
    who,
)

# Bucket and key → what is stored; raises ValueError where there is nothing.
LooksAtRest = Callable[[str, str], AtRest]

_READING = frozenset({"GetObject", "HeadObject"})
_SSE = "x-amz-server-side-encryption"
_WITHOUT_KMS = {
    "SSE_S3": "the key is one of S3's own",
    "SSE_C": "the caller brought the key",
    "SSE_KMS": "S3 still has the Bucket Key",
}


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
        exchange(request, asked, at_rest if shows else None, why)
        for (request, asked), shows in zip(found, shows_disk, strict=True)
    ]


def exchange(
    request: Record,
    asked: list[Record],
    at_rest: LooksAtRest | None,
    why: Decisions | None,
    sizes: bool = True,
) -> Exchange:
    """The request with what S3 `asked` of KMS for it; `at_rest` where the disk is to be shown, and
    `sizes` unless those of the object differ from one machine to the next."""
    stored = _stored(request, at_rest)
    steps = [_asks_s3(request)]
    if stored and asked and request["eventName"] in _READING:
        steps += _reads_data_key(stored)
    for each in asked:
        steps += call_of_kms(S3, each, why)
    if not asked:
        steps += _asks_nothing(request)
    if stored and "errorCode" not in request:
        steps += _uses_disk(request, stored, sizes)
    steps.append(_answer_of_s3(request, why, sizes))
    outcome = str(request.get("errorCode", OK))
    return Exchange(who(request), request["eventName"], object_arn(request), outcome, tuple(steps))


# --- The steps ----------------------------------------------------------------------------


def _stored(request: Record, at_rest: LooksAtRest | None) -> AtRest | None:
    """What lies on the disk of the object, where it is to be looked at and there."""
    if at_rest is None:
        return None
    try:
        return at_rest(parameters(request)["bucketName"], parameters(request)["key"])
    except ValueError:
        return None


def _asker(request: Record) -> str:
    """On which lifeline the request begins."""
    return CLOUDTRAIL if request["userIdentity"].get("invokedBy") == BY_CLOUDTRAIL else CALLER


def _asks_s3(request: Record) -> Step:
    asked = parameters(request)
    said = [f"{name}: {value}" for name, value in asked.items() if name.startswith(_SSE)]
    if not said and request["eventName"] in STORING:
        said = ["says nothing about encryption"]
    if copied := asked.get("x-amz-copy-source"):
        said.insert(0, f"x-amz-copy-source: {copied}")
    return Step(_asker(request), S3, f"{request['eventName']} {asked['key']}", tuple(said))


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


def _uses_disk(request: Record, stored: AtRest, sizes: bool) -> list[Step]:
    sealed = f"{stored.stored_size:,} sealed bytes" if sizes else "the sealed bytes"
    if request["eventName"] in STORING:
        stored_key = _stored_key(stored)
        return [Step(S3, DISK, sealed, (f"and beside them {stored_key}",) if stored_key else ())]
    if request["eventName"] == "GetObject":
        return [Step(DISK, S3, sealed)]
    if request["eventName"] == "UpdateObjectEncryption":
        return [Step(S3, DISK, _stored_key(stored), (f"the {sealed} stay as they are",))]
    return []


def _answer_of_s3(request: Record, why: Decisions | None, sizes: bool) -> Step:
    decided = decisions_about(request, why)
    own = [each for each in decided if each.question.action.startswith("s3:")]
    because = reasons(request, own)
    if "errorCode" in request:
        return refusal(S3, _asker(request), request, because)
    told = dict(request.get("additionalEventData") or {})
    ways = {"bytesTransferredIn": "taken in", "bytesTransferredOut": "handed out"}
    words = [
        f"{told[name]:,} bytes {moved}" if sizes else moved
        for name, moved in ways.items()
        if name in told
    ]
    details = [f"SSEApplied: {told['SSEApplied']}"] if "SSEApplied" in told else []
    answer = ", ".join(words) or "done"
    return Step(S3, _asker(request), answer, (*details, *because), is_answer=True)


def _applied(request: Record) -> str:
    return str((request.get("additionalEventData") or {}).get("SSEApplied", ""))
