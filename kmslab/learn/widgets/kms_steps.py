"""What a service asks of KMS for a request, and what KMS answers, as steps of an exchange.

Which events belong to a request is known elsewhere. Why KMS or the service decided as it did is in
no event; where a reader may look into the lab, it is told.
"""

from collections.abc import Callable, Iterable, Sequence

from kmslab.access.decision import Decision
from kmslab.learn.widgets.calls import short_name
from kmslab.learn.widgets.exchanges import KMS, Step
from kmslab.learn.widgets.s3_requests import Record, contexts, who

# Request id → what was decided about it, in the order asked.
Decisions = Callable[[str], Sequence[Decision]]

_ANSWERS = {
    "GenerateDataKey": "a data key, plain and encrypted",
    "Decrypt": "the plaintext data key",
    "DescribeKey": "what kind of key it is",
    "Encrypt": "the data key, encrypted",
    "ReEncrypt": "the data key, encrypted anew",
}


def call_of_kms(service: str, asked: Record, why: Decisions | None) -> list[Step]:
    """The call that `service`, a lifeline, made, and its answer."""
    return [_asks_kms(service, asked), _answer_of_kms(service, asked, why)]


def reasons(record: Record, decisions: Sequence[Decision]) -> list[str]:
    """What decided last, where that is why the call ended as it did: a disabled key is refused to
    those who may use it."""
    ended_well = "errorCode" not in record
    return [f"why: {each.because}" for each in decisions[-1:] if each.allowed == ended_well]


def refusal(origin: str, target: str, record: Record, reasons: Iterable[str] = ()) -> Step:
    said = [record["errorMessage"]] if record.get("errorMessage") else []
    code = str(record["errorCode"])
    return Step(origin, target, code, (*said, *reasons), error_code=code, is_answer=True)


def decisions_about(record: Record, why: Decisions | None) -> Sequence[Decision]:
    return why(record.get("requestID", "")) if why else ()


def _asks_kms(service: str, asked: Record) -> Step:
    invoked = asked["userIdentity"]["invokedBy"]
    details = [f"in the name of {who(asked)}", f"invokedBy: {invoked}"]
    for member, context in contexts(asked):
        details += [f"{member}: {name} = {value}" for name, value in sorted(context.items())]
    return Step(service, KMS, f"{asked['eventName']}{_with_key(asked)}", tuple(details))


def _answer_of_kms(service: str, asked: Record, why: Decisions | None) -> Step:
    because = reasons(asked, decisions_about(asked, why))
    if "errorCode" in asked:
        return refusal(KMS, service, asked, because)
    words = _ANSWERS.get(asked["eventName"], "an answer")
    return Step(KMS, service, words, tuple(because), is_answer=True)


def _with_key(asked: Record) -> str:
    """The key that was used, as the event names it; a denied call may name none."""
    named = [short_name(resource["ARN"]) for resource in asked.get("resources") or ()]
    return f" with key {', '.join(named)}" if named else ""
