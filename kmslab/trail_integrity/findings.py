"""What can be wrong with a trail: the kinds of findings, by their names, and what carries them.

How anything is found is not known here.
"""

from typing import NamedTuple

MISSING_DIGEST = "missing digest"
DAMAGED_DIGEST = "damaged digest"
MOVED_DIGEST = "moved digest"
UNKNOWN_KEY = "unknown public key"
KEY_NOT_VALID = "public key not valid then"
WRONG_SIGNATURE = "wrong signature"
BROKEN_LINK = "broken link"
OVERLAP = "overlapping hours"
UNCOVERED = "uncovered hours"
MISSING_LOG_FILE = "missing log file"
DAMAGED_LOG_FILE = "damaged log file"
CHANGED_LOG_FILE = "changed log file"
FOREIGN_RECORDS = "foreign records"
UNNAMED_LOG_FILE = "unnamed log file"
UNKNOWN_REGION = "unknown Region"
NOTHING_FOUND = "nothing to verify"

VALID = "valid"


class Finding(NamedTuple):
    """One thing that is wrong: its kind, the object it is about (s3://…), and a sentence."""

    region: str
    kind: str
    object: str
    sentence: str


class Fault(Exception):
    """Whoever examines a file raises it; the file's name is added by whoever asked."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(kind, sentence)
        self.kind = kind
        self.sentence = sentence


class UnknownTrail(LookupError):
    """CloudTrail knows no such trail."""


class Unreadable(Exception):
    """The object lies there and is no file of CloudTrail's: the words say why."""


class Absent(Exception):
    """There is no such object."""
