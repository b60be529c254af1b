"""The way of CloudTrail's log files, step by step, read from the events that it left in the trail.

A trail is configured, and CloudTrail tries its key; a file is stored; somebody reads it. Without a
widget in it. What S3 does with the file is read as of any object.
"""

import re
from collections.abc import Iterable

from kmslab import arn as arns
from kmslab.learn.widgets.exchanges import CALLER, CLOUDTRAIL, OK, S3, Exchange, Step
from kmslab.learn.widgets.kms_steps import (
    Decisions,
    call_of_kms,
    decisions_about,
    reasons,
    refusal,
)
from kmslab.learn.widgets.s3_requests import (
    BY_CLOUDTRAIL,
    Record,
    caused,
    contexts,
    is_about_object,
    left_alone,
    paired,
    parameters,
    who,
)
from kmslab.learn.widgets.s3_steps import LooksAtRest, exchange

_CONFIGURING = frozenset({"CreateTrail", "UpdateTrail"})
_FILE = re.compile(r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail(-Digest)?/.*")
_SHOWN = {"s3BucketName": "bucket", "kmsKeyId": "key"}


def moments(
    records: Iterable[Record],
    at_rest: LooksAtRest | None = None,
    why: Decisions | None = None,
) -> list[Exchange]:
    """The moments in `records` at which a trail was configured and its files were stored and read,
    oldest first, each with the calls to KMS that it caused. Raises ValueError where there is none.
    """
    told = list(records)
    found = list(paired(told, _is_moment, _caused))
    if not found:
        raise ValueError(
            f"no trail was configured and no log file touched in {len(told)} events; "
            "lab.events(data_events=True) has what happens to files"
        )
    of_files = [request for request, _ in found if is_about_object(request)]
    shows_disk = iter(left_alone(of_files))
    return [
        _about_file(request, asked, at_rest if next(shows_disk) else None, why)
        if is_about_object(request)
        else _about_trail(request, asked, why)
        for request, asked in found
    ]


# --- Which events belong together ---------------------------------------------------------


def _is_moment(record: Record) -> bool:
    if is_about_object(record):
        return _FILE.fullmatch(parameters(record)["key"]) is not None
    return record["eventSource"] == BY_CLOUDTRAIL and record["eventName"] in _CONFIGURING


def _caused(request: Record, asked: Record) -> bool:
    """Whether this was asked for `request`: by S3 for a file, or by CloudTrail itself."""
    if is_about_object(request):
        return caused(request, asked)
    if asked["userIdentity"]["invokedBy"] != BY_CLOUDTRAIL:
        return False
    if not contexts(asked):
        # GetBucketAcl and DescribeKey name no trail, but they come right before.
        return bool(request.get("recipientAccountId") == asked.get("recipientAccountId"))
    return any(
        context.get("aws:cloudtrail:arn") == _trail_arn(request)
        # What names a file was asked to store it.
        and not context.get("aws:s3:arn", "").endswith(".json.gz")
        for _, context in contexts(asked)
    )


def _trail_arn(request: Record) -> str:
    """A trail is named by its name, or by its ARN."""
    trail_name = str(parameters(request).get("name", "")).rpartition("/")[2]
    account = str(request["userIdentity"].get("accountId", ""))
    return arns.trail_arn(account, request["awsRegion"], trail_name)


# --- The steps ----------------------------------------------------------------------------


def _about_file(
    request: Record, asked: list[Record], at_rest: LooksAtRest | None, why: Decisions | None
) -> Exchange:
    # How small gzip makes a file depends on the machine.
    told = exchange(request, asked, at_rest, why, sizes=False)
    first, *others = told.steps
    # The key of a file is longer than a drawing is wide.
    kind = "digest file" if "/CloudTrail-Digest/" in told.resource_arn else "log file"
    words = f"{told.operation} of a {kind}"
    first = first._replace(words=words, details=(parameters(request)["key"], *first.details))
    return told._replace(steps=(first, *others))


def _about_trail(request: Record, asked: list[Record], why: Decisions | None) -> Exchange:
    steps = [_asks_cloudtrail(request)]
    for each in asked:
        steps += _cloudtrail_asks(each, why)
        if each["eventName"] == "GenerateDataKey" and "errorCode" not in each:
            steps.append(Step(CLOUDTRAIL, CLOUDTRAIL, "throws the data key away"))
    if "errorCode" in request:
        steps.append(refusal(CLOUDTRAIL, CALLER, request))
    else:
        answer = _shown(request["responseElements"] or {})
        steps.append(Step(CLOUDTRAIL, CALLER, "the trail", answer, is_answer=True))
    outcome = str(request.get("errorCode", OK))
    arn = _trail_arn(request)
    return Exchange(who(request), request["eventName"], arn, outcome, tuple(steps))


def _cloudtrail_asks(asked: Record, why: Decisions | None) -> list[Step]:
    if asked["eventSource"] == "kms.amazonaws.com":
        return call_of_kms(CLOUDTRAIL, asked, why)
    bucket_name = parameters(asked).get("bucketName", "")
    asks = Step(CLOUDTRAIL, S3, f"{asked['eventName']} {bucket_name}", (f"as {who(asked)}",))
    if "errorCode" in asked:
        return [asks, refusal(S3, CLOUDTRAIL, asked, reasons(asked, decisions_about(asked, why)))]
    return [asks, Step(S3, CLOUDTRAIL, "the bucket's ACL", is_answer=True)]


def _asks_cloudtrail(request: Record) -> Step:
    asked = parameters(request)
    words = f"{request['eventName']} {asked.get('name', '')}".rstrip()
    return Step(CALLER, CLOUDTRAIL, words, _shown(asked))


def _shown(members: Record) -> tuple[str, ...]:
    return tuple(f"{words}: {members[name]}" for name, words in _SHOWN.items() if name in members)
