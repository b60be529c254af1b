"""Event history: the management events of one account and Region, newest first.

It is there without any trail and reaches back 90 days. At AWS an event shows up after minutes; here
at once. It is read from the newest event back, so that a page costs what it looks at.
"""

import base64
import binascii
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.looked_up import Matches, looked_up, matcher
from kmslab.store.events import Event

_HISTORY = 90 * 24 * 3600
_MOST = 50
# Events lie in the order in which calls ended, and each tells when its call began. No call is
# thought to take longer than this.
_LONGEST_CALL = 3600


def lookup_events(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html

    There are no Insights events. Raises InvalidMaxResultsException,
    InvalidLookupAttributesException, InvalidTimeRangeException, and InvalidNextTokenException for
    a token that another question, or nobody, was answered with.
    """
    asked = call.parameters
    call.authorise_in_account()
    most = asked.get("MaxResults", _MOST)
    if not 1 <= most <= _MOST:
        raise refusals.invalid_max_results(most, _MOST)
    matches = _asked_attribute(asked)
    oldest, newest = _span(call)
    before = _place(call) if "NextToken" in asked else len(call.store.events)
    if asked.get("EventCategory") == "insight":
        return {"Events": []}
    found = _backwards(call, before, oldest, newest, matches)
    page = list(islice(found, most))
    listed = sorted(page, key=_newest_first)
    answer: dict[str, Any] = {"Events": [looked_up(event) for _, event in listed]}
    if next(found, None):
        answer["NextToken"] = _token(call, page[-1][0])
    return answer


def _newest_first(numbered: tuple[int, Event]) -> tuple[float, int]:
    number, event = numbered
    return -int(event.time), -number


def _backwards(
    call: Call, before: int, oldest: float, newest: float, matches: Matches
) -> Iterator[tuple[int, Event]]:
    """The events before number `before` that are asked for, the last one first. Their times are
    compared as they are told: in whole seconds."""
    events, account, region = call.store.events, call.account, call.region
    for number in range(before - 1, -1, -1):
        event = events[number]
        if event.time < oldest - _LONGEST_CALL:
            return
        if (
            event.account == account
            and event.region == region
            and event.category == "Management"
            and oldest <= int(event.time) <= newest
            and matches(event)
        ):
            yield number, event


def _asked_attribute(asked: dict[str, Any]) -> Matches:
    attributes = asked.get("LookupAttributes", [])
    if len(attributes) > 1:
        raise refusals.invalid_lookup_attributes(
            f"You can specify one lookup attribute, not {len(attributes)}."
        )
    if not attributes:
        return lambda event: True
    return matcher(attributes[0]["AttributeKey"], attributes[0]["AttributeValue"])


def _span(call: Call) -> tuple[float, float]:
    """The first and the last second that are asked for."""
    asked, earliest = call.parameters, call.now - _HISTORY
    start, end = asked.get("StartTime", earliest), asked.get("EndTime", call.now)
    if "StartTime" in asked and start > end:
        raise refusals.invalid_time_range()
    return max(start, earliest), end


# --- Pages --------------------------------------------------------------------------------


def _token(call: Call, number: int) -> str:
    """What stands for "before event `number`" in this question and in no other."""
    return base64.b64encode(f"{number}\n{_seal(call, number)}".encode()).decode("ascii")


def _place(call: Call) -> int:
    try:
        told = base64.b64decode(call.parameters["NextToken"], validate=True).decode("ascii")
        text, _, seal = told.partition("\n")
        number = int(text)
    except (binascii.Error, ValueError):
        raise refusals.invalid_next_token() from None
    if seal != _seal(call, number) or not 0 <= number <= len(call.store.events):
        raise refusals.invalid_next_token()
    return number


def _seal(call: Call, number: int) -> str:
    """A digest of question and place. It is no secret; it finds out what does not belong."""
    asked = call.parameters
    question = [
        call.account,
        call.region,
        asked.get("LookupAttributes", []),
        asked.get("StartTime"),
        asked.get("EndTime"),
        number,
    ]
    return sha256(repr(question).encode()).hexdigest()[:32]
