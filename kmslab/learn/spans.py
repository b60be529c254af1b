"""Where a call's time goes, stage by stage: at the door, in boto3 around it, and on the way.

The door tells the end of each stage only while somebody listens, and boto3 has hooks that are only
there while somebody listens; so an unmeasured call pays nothing. Times are in microseconds, by the
clock on the wall, and belong to the machine they were measured on. What is called is not known
here.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

import pandas

from kmslab.lab import Lab

DOOR_STAGES = ("verify", "validate", "authorise", "HSM", "record", "answer")
STAGES = ("build", "sign", "send", *DOOR_STAGES, "receive", "parse")
"""What a call by boto3 passes; a direct call passes those from validate to record."""

WARM_UP = 20
# Calls of one way before the next one's turn.
_TURN = 20

# The ends of boto3's own stages, by the events that botocore emits then.
_EVENTS = {
    "before-sign": "build",
    "before-send": "sign",
    "before-parse": "receive",
    "after-call": "parse",
}


class Spans:
    """The stages of one call: each ends where the next begins."""

    def __init__(self) -> None:
        self._began = time.perf_counter_ns()
        self._marks: list[tuple[str, int]] = []

    def mark(self, stage: str) -> None:
        """A stage ends now. What ends with a request's arrival at the door is its sending."""
        self._marks.append((stage, time.perf_counter_ns()))

    def microseconds(self) -> dict[str, float]:
        """How long each stage took, by name; one that comes twice is added up."""
        spans: dict[str, float] = {}
        since = self._began
        for stage, moment in self._marks:
            name = "send" if stage == "arrive" else stage
            spans[name] = spans.get(name, 0.0) + (moment - since) / 1000
            since = moment
        return spans


class Listener:
    """Listens to a lab's door, and to a boto3 client where one is given, call by call."""

    def __init__(self, lab: Lab, client: Any = None) -> None:
        self._lab = lab
        self._events = client.meta.events if client is not None else None
        self._spans = Spans()

    def time(self, call: Callable[[], Any]) -> dict[str, float]:
        """The stages of one call, and under "total" all of it."""
        spans = self._spans = Spans()
        self._lab.endpoint.mark = spans.mark
        try:
            call()
        finally:
            self._lab.endpoint.mark = None
        ended = time.perf_counter_ns()
        return {**spans.microseconds(), "total": (ended - spans._began) / 1000}

    def __enter__(self) -> Self:
        if self._events:
            for event, stage in _EVENTS.items():
                # First, because the answer to before-send ends the round of those who are told.
                self._events.register_first(event, self._hook(stage), self._hook_id(event))
        return self

    def __exit__(self, *_: object) -> None:
        if self._events:
            for event in _EVENTS:
                self._events.unregister(event, unique_id=self._hook_id(event))

    def _hook(self, stage: str) -> Callable[..., None]:
        def told(**_: Any) -> None:
            self._spans.mark(stage)

        return told

    def _hook_id(self, event: str) -> str:
        return f"kmslab-spans-{event}-{id(self)}"


class Way(NamedTuple):
    """A way to make one call, and the boto3 client that it uses, if it uses one."""

    call: Callable[[], Any]
    client: Any = None


def time_ways(lab: Lab, ways: Mapping[str, Way], rounds: int = 300) -> dict[str, pandas.DataFrame]:
    """Microseconds of each stage of some calls that `lab` answers, by the names of `ways`: one row
    for each of `rounds` calls, with its total in the last column. Of a way without a client only
    the door is listened to. The ways are called in turn, so that a machine that slows down slows
    all of them."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    with ExitStack() as listening:
        listeners = {
            name: listening.enter_context(Listener(lab, way.client)) for name, way in ways.items()
        }
        for way in ways.values():
            for _ in range(WARM_UP):
                way.call()
        for done in range(0, rounds, _TURN):
            for name, way in ways.items():
                for _ in range(min(_TURN, rounds - done)):
                    told[name].append(listeners[name].time(way.call))
    return {name: _as_table(rows) for name, rows in told.items()}


def time_calls(
    lab: Lab, call: Callable[[], Any], client: Any = None, rounds: int = 300
) -> pandas.DataFrame:
    """`time_ways` for a single way."""
    return time_ways(lab, {"": Way(call, client)}, rounds)[""]


def _as_table(told: list[dict[str, float]]) -> pandas.DataFrame:
    rows = pandas.DataFrame(told)
    known = [stage for stage in STAGES if stage in rows]
    return rows[[*known, "total"]].fillna(0.0)


def coverage(times: pandas.DataFrame) -> float:
    """The share of a call that the stages cover, in the median of the calls."""
    return float((times.drop(columns="total").sum(axis=1) / times["total"]).median())
