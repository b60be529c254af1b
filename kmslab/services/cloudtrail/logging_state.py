"""Logging of a trail: switched on, switched off, and how its deliveries go.

A trail that is made does not log. The event of StartLogging is the first one it tells of, that of
StopLogging the last one.
"""

from dataclasses import replace
from typing import Any

from kmslab.services.call import Call
from kmslab.services.cloudtrail.settling import begin_chain, own_event, settled
from kmslab.services.cloudtrail.trail_names import find_trail, find_trail_to_change
from kmslab.store.events import iso_time
from kmslab.store.trail_records import Trail


def start_logging(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html

    A trail that logs goes on as it did.
    """
    call.begin_change()
    trail = find_trail_to_change(call, call.parameters["Name"])
    if not trail.is_logging:
        trail = replace(
            settled(call, trail),
            is_logging=True,
            started=call.now,
            next_event=own_event(call),
            end_event=None,
        )
        call.put(trail)
        begin_chain(call, trail)
    return {}


def stop_logging(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html

    What happened until now is delivered at once. A trail that does not log stays as it is.
    """
    call.begin_change()
    trail = find_trail_to_change(call, call.parameters["Name"])
    if trail.is_logging:
        call.put(stopped(call, trail))
    return {}


def stopped(call: Call, trail: Trail) -> Trail:
    """`trail` after the call that stops it, whose event it still tells of."""
    if not trail.is_logging:
        return trail
    return replace(trail, is_logging=False, stopped=call.now, end_event=own_event(call) + 1)


def get_trail_status(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html

    A shadow is asked for by its ARN, and has the status of the trail.
    """
    trail = find_trail(call, call.parameters["Name"])
    times = {
        "StartLoggingTime": trail.started,
        "StopLoggingTime": trail.stopped,
        "LatestDeliveryTime": trail.latest_delivery,
        "LatestDigestDeliveryTime": trail.latest_digest_delivery,
    }
    problems = {
        "LatestDeliveryError": trail.latest_delivery_error,
        "LatestDigestDeliveryError": trail.latest_digest_error,
    }
    return {
        "IsLogging": trail.is_logging,
        **{name: told for name, told in {**times, **problems}.items() if told},
        **_as_texts(trail),
    }


def _as_texts(trail: Trail) -> dict[str, str]:
    """What AWS's model calls "no longer in use", and AWS answers all the same."""
    attempt, delivery = trail.latest_delivery_attempt, trail.latest_delivery
    return {
        "LatestDeliveryAttemptTime": _text(attempt),
        "LatestDeliveryAttemptSucceeded": _text(delivery),
        "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "",
        "TimeLoggingStarted": _text(trail.started),
        "TimeLoggingStopped": _text(trail.stopped),
    }


def _text(seconds: float | None) -> str:
    return "" if seconds is None else iso_time(seconds)
