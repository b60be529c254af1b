"""A log file's way as sequence diagrams, drawn from the trail itself.

It shows what `trail_steps` reads, as `sequence` shows it.
"""

from collections.abc import Iterable
from typing import ClassVar

from kmslab.learn.widgets.kms_steps import Decisions
from kmslab.learn.widgets.s3_requests import Record
from kmslab.learn.widgets.s3_steps import LooksAtRest
from kmslab.learn.widgets.sequence import SequenceView
from kmslab.learn.widgets.trail_steps import moments


class TrailSequence(SequenceView):
    """See `trail_sequence`."""

    noun: ClassVar[str] = "moment"
    recorded: ClassVar[str] = "Caller, CloudTrail, S3 and KMS"


def trail_sequence(
    records: Iterable[Record],
    at_rest: LooksAtRest | None = None,
    why: Decisions | None = None,
) -> TrailSequence:
    """The moments at which a trail's key comes into play, each as a sequence diagram: the trail is
    configured, a log or digest file is stored, somebody reads it.

    `records` are CloudTrail's, as `lab.events(data_events=True)` gives them. With
    `lab.s3.at_rest` as `at_rest` the diagram has the disk as well, for a file that was not changed
    since; with `lab.decisions` as `why` each answer says what decided. `number` can be set by the
    next cell as well; `exchange` is then that moment. Raises ValueError where no record is about a
    trail or its files.
    """
    return TrailSequence(moments(records, at_rest, why))
