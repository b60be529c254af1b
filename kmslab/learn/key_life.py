"""The life of a key as a picture: its states over the days, its rotations, its end.

All of it is read from the events that the key left behind, as an auditor would do it; the key is
not asked, and may be gone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import matplotlib.pyplot as plt

from kmslab.learn.counts import counted
from kmslab.learn.style import INK, PALETTE, use_style

ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"

_BECOMES = {
    "CreateKey": ENABLED,
    "EnableKey": ENABLED,
    "DisableKey": DISABLED,
    "ScheduleKeyDeletion": PENDING_DELETION,
    "CancelKeyDeletion": DISABLED,
}
_DAY = 86_400

# Dark, white and hatched: in grey they differ too, and the legend says what they are.
_FILLS: dict[str, dict[str, Any]] = {
    ENABLED: {"color": PALETTE[2]},
    DISABLED: {"color": "#FFFFFF"},
    PENDING_DELETION: {"color": PALETTE[1], "hatch": "///"},
}


class Stretch(NamedTuple):
    """A time in one state, in days since the key was created."""

    state: str
    begins: float
    ends: float


class KeyLife(NamedTuple):
    """What the events tell of a key: `rotations` and `deleted` are days since its creation."""

    stretches: tuple[Stretch, ...]
    rotations: tuple[float, ...]
    deleted: float | None


def read_key_life(
    events: Iterable[Mapping[str, Any]], key_arn: str, until: datetime | None = None
) -> KeyLife:
    """The life of one key in events as CloudTrail records them, up to `until`, which by default is
    the last of the events. Raises ValueError where its creation is not among them by then."""
    moments = [(_time(event["eventTime"]), event) for event in events]
    own = [
        (when, event)
        for when, event in moments
        if _is_about(event, key_arn) and (until is None or when <= until)
    ]
    began = next((when for when, event in own if event["eventName"] == "CreateKey"), None)
    if began is None:
        raise ValueError(f"the events do not tell of the creation of {key_arn}")
    changes = [(_days(began, when), event["eventName"]) for when, event in own]
    deleted = next((day for day, name in changes if name == "DeleteKey"), None)
    ends = _days(began, until or moments[-1][0]) if deleted is None else deleted
    starts = [(day, _BECOMES[name]) for day, name in changes if name in _BECOMES]
    stops = [*(day for day, _ in starts[1:]), ends]
    stretches = (
        Stretch(state, day, stop) for (day, state), stop in zip(starts, stops, strict=True)
    )
    rotations = tuple(day for day, name in changes if name == "RotateKey")
    return KeyLife(_joined(stretches), rotations, deleted)


def plot_key_life(
    events: Iterable[Mapping[str, Any]],
    key_arns: Mapping[str, str],
    until: datetime | None = None,
) -> str:
    """Draw the lives of some keys, name → key ARN, one below the other; return the caption, which
    says in numbers what the picture shows. Arguments and errors as of `read_key_life`."""
    events = list(events)
    lives = {name: read_key_life(events, arn, until) for name, arn in key_arns.items()}
    use_style()
    axes = plt.subplots(layout="constrained")[1]
    for place, life in enumerate(lives.values()):
        _draw(axes, place, life)
    for state, fill in _FILLS.items():
        axes.bar(0, 0, edgecolor=INK, label=state, **fill)
    axes.plot([], [], "v", color=INK, label="rotation")
    axes.plot([], [], "X", color=PALETTE[5], label="deleted")
    axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.25), frameon=False)
    axes.set_yticks(range(len(lives)), list(lives))
    axes.set_ylim(len(lives) - 0.4, -0.7)
    axes.set_xlabel("days since creation")
    axes.set_title("The states of a key over its life")
    plt.show()
    return " ".join(f"{name}: {_caption(life)}." for name, life in lives.items())


def _draw(axes: Any, place: int, life: KeyLife) -> None:
    for stretch in life.stretches:
        width = stretch.ends - stretch.begins
        look = {"height": 0.5, "edgecolor": INK, **_FILLS[stretch.state]}
        axes.barh(place, width, left=stretch.begins, **look)
    axes.plot(life.rotations, [place - 0.4] * len(life.rotations), "v", color=INK)
    if life.deleted is not None:
        axes.plot([life.deleted], [place], "X", color=PALETTE[5], markersize=10)


def _caption(life: KeyLife) -> str:
    days: Counter[str] = Counter()
    for stretch in life.stretches:
        days[stretch.state] += round(stretch.ends) - round(stretch.begins)
    words = [f"{state} for {counted(days[state], 'day')}" for state in _FILLS if days[state]]
    words.append(counted(len(life.rotations), "rotation"))
    if life.deleted is not None:
        words.append(f"deleted on day {round(life.deleted)}")
    return ", ".join(words)


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """One stretch where several of the same state follow each other."""
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and joined[-1].state == stretch.state:
            joined[-1] = joined[-1]._replace(ends=stretch.ends)
        else:
            joined.append(stretch)
    return tuple(joined)


def _is_about(event: Mapping[str, Any], key_arn: str) -> bool:
    """Whether the event is a call that was allowed, or a deed of KMS, with this key."""
    resources = event.get("resources") or ()
    return "errorCode" not in event and any(each["ARN"] == key_arn for each in resources)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _days(began: datetime, when: datetime) -> float:
    return (when - began).total_seconds() / _DAY
