"""Where CloudTrail puts its files: the names of digest and log files, read and written.

The layout is that of the CloudTrail User Guide ("Finding your CloudTrail log files", "CloudTrail
digest file structure"). Nothing is read from a bucket here.
"""

import re
from datetime import datetime
from typing import NamedTuple

from kmslab.trail_integrity.times import parse_stamp

DIGESTS, LOG_FILES = "CloudTrail-Digest", "CloudTrail"

_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
_TRAIL_ARN = re.compile(r"arn:aws[a-z-]*:cloudtrail:([a-z0-9-]+):([0-9]{12}):trail/([\w.-]+)", re.A)
_FOLDER = r"(?P<prefix>.*/)?AWSLogs/(?:(?P<organization>o-[a-z0-9]+)/)?(?P<account>[0-9]{12})/"
_DAY = r"(?P<region>[a-z0-9-]+)/(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2})/"
_DIGEST_NAME = re.compile(
    _FOLDER + r"CloudTrail-Digest/" + _DAY + r"(?P=account)_CloudTrail-Digest_(?P=region)_"
    r"(?P<trail>[\w.-]+)_(?P<home>[a-z0-9-]+)_(?P<stamp>[0-9]{8}T[0-9]{6}Z)"
    r"(?P<backfill>_backfill)?\.json\.gz",
    re.A | re.S,
)
# Insights and network activity lie in folders of their own, such as CloudTrail-Insight.
_LOG_NAME = re.compile(
    _FOLDER
    + r"(?P<kind>CloudTrail(?:-[A-Za-z]+)?)/"
    + _DAY
    + r"(?P=account)_(?P=kind)_(?P=region)_"
    r"(?P<stamp>[0-9]{8}T[0-9]{4}Z)_[A-Za-z0-9]{16}\.json\.gz",
    re.A | re.S,
)


class TrailName(NamedTuple):
    """A trail, by what its ARN says."""

    arn: str
    home_region: str
    account: str
    trail_name: str


class Place(NamedTuple):
    """Where the files of an account lie: a bucket, the trail's prefix in it, and in a trail of an
    organization the organization's id."""

    bucket: str
    prefix: str
    account: str
    organization_id: str = ""

    def folder(self, *names: str) -> str:
        above = [self.prefix, "AWSLogs", self.organization_id, self.account, *names]
        return "/".join(name for name in above if name) + "/"


class DigestName(NamedTuple):
    """What the name of a digest file says of it."""

    place: Place
    region: str
    trail_name: str
    home_region: str
    ends: datetime
    is_backfill: bool


class LogFileName(NamedTuple):
    """What the name of a log file says of it; `stamp` is when CloudTrail made it."""

    account: str
    region: str
    stamp: datetime


def parse_trail_arn(trail_arn: str) -> TrailName:
    """Raises ValueError for what is no trail's ARN."""
    found = _TRAIL_ARN.fullmatch(trail_arn)
    if found is None:
        raise ValueError(f"not the ARN of a trail: {trail_arn!r}")
    return TrailName(trail_arn, *found.groups())


def parse_digest_name(bucket: str, object_key: str) -> DigestName | None:
    """None for a name that no digest file has."""
    found = _DIGEST_NAME.fullmatch(object_key)
    ends = _stamp_of(found)
    if found is None or ends is None or not is_bucket_name(bucket):
        return None
    prefix = (found["prefix"] or "").removesuffix("/")
    place = Place(bucket, prefix, found["account"], found["organization"] or "")
    backfill = found["backfill"] is not None
    return DigestName(place, found["region"], found["trail"], found["home"], ends, backfill)


def parse_log_file_name(object_key: str) -> LogFileName | None:
    """None for a name that no log file has."""
    found = _LOG_NAME.fullmatch(object_key)
    stamp = _stamp_of(found)
    if found is None or stamp is None:
        return None
    return LogFileName(found["account"], found["region"], stamp)


def is_bucket_name(text: str) -> bool:
    return _BUCKET_NAME.fullmatch(text) is not None


def digest_object(place: Place, trail: TrailName, region: str, ends: datetime) -> str:
    """The object key of the digest of `trail` in `region` that ends then."""
    folder = place.folder(DIGESTS, region, *f"{ends:%Y/%m/%d}".split("/"))
    name = f"{place.account}_{DIGESTS}_{region}_{trail.trail_name}_{trail.home_region}"
    return f"{folder}{name}_{ends:%Y%m%dT%H%M%SZ}.json.gz"


def s3_uri(bucket: str, object_key: str) -> str:
    return printable(f"s3://{bucket}/{object_key}")


def printable(text: str) -> str:
    """Names are chosen by whoever writes: a line break in one must not begin a line of ours."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def _stamp_of(found: re.Match[str] | None) -> datetime | None:
    """The time in the name, if the folder is that of the same day."""
    stamp = parse_stamp(found["stamp"]) if found else None
    return stamp if found and stamp and f"{stamp:%Y/%m/%d}" == found["day"] else None
