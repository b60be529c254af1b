"""What CloudTrail calls its files (CloudTrail User Guide, "Finding your CloudTrail log files" and
"CloudTrail digest file structure").

Tools cut times and Regions out of these names by position, so the layout is exact. What is in a
file is not known here.
"""

from datetime import UTC, datetime

from kmslab.sources import RandomBytes
from kmslab.store.trail_records import Trail

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def log_file_name(trail: Trail, region: str, when: float, random: RandomBytes) -> str:
    """The object key, without the trail's prefix, of a log file for `region` that is delivered at
    `when`. Its last part is drawn, so no two files have one name."""
    drawn = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random(16))
    name = f"{trail.account}_CloudTrail_{region}_{_at(when):%Y%m%dT%H%MZ}_{drawn}.json.gz"
    return f"{_folder(trail, 'CloudTrail', region, when)}/{name}"


def digest_file_name(trail: Trail, region: str, end: float) -> str:
    """The same for the digest file of what was delivered for `region` until `end`."""
    name = "_".join(
        (
            f"{trail.account}_CloudTrail-Digest_{region}",
            f"{trail.trail_name}_{trail.region}",
            f"{_at(end):%Y%m%dT%H%M%SZ}.json.gz",
        )
    )
    return f"{_folder(trail, 'CloudTrail-Digest', region, end)}/{name}"


def object_key(trail: Trail, object_name: str) -> str:
    """`object_name` behind the prefix that the trail has now."""
    return f"{trail.prefix}/{object_name}" if trail.prefix else object_name


def _folder(trail: Trail, kind: str, region: str, when: float) -> str:
    return f"AWSLogs/{trail.account}/{kind}/{region}/{_at(when):%Y/%m/%d}"


def _at(when: float) -> datetime:
    return datetime.fromtimestamp(when, UTC)
