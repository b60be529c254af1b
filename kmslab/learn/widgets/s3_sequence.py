"""Requests to S3 as sequence diagrams, drawn from the trail.

It shows what `s3_steps` reads, as `sequence` shows it.
"""

from collections.abc import Iterable

from kmslab.learn.widgets.kms_steps import Decisions
from kmslab.learn.widgets.s3_requests import Record
from kmslab.learn.widgets.s3_steps import LooksAtRest, exchanges
from kmslab.learn.widgets.sequence import SequenceView


class S3Sequence(SequenceView):
    """See `s3_sequence`."""


def s3_sequence(
    records: Iterable[Record],
    at_rest: LooksAtRest | None = None,
    why: Decisions | None = None,
) -> S3Sequence:
    """The requests about objects in `records`, each as a sequence diagram: what the caller asked
    of S3, what S3 asked of KMS and in whose name, and what each of them answered.

    `records` are CloudTrail's, as `lab.events(data_events=True)` gives them. With
    `lab.s3.at_rest` as `at_rest` the diagram has the disk as well, for an object that was not
    changed since; with `lab.decisions` as `why` each answer says what decided. `number` can be
    set by the next cell as well; `exchange` is then that request. Raises ValueError where no
    record is about an object.
    """
    return S3Sequence(exchanges(records, at_rest, why))
