"""The verification of a trail: who is asked, which Regions are looked at, and what is reported.

The span that is asked for is that of AWS's own tool: the digests that end in it or in the hour
after it, with all log files that they name.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kmslab.trail_integrity.findings import NOTHING_FOUND, Finding, UnknownTrail
from kmslab.trail_integrity.names import (
    DIGESTS,
    LOG_FILES,
    Place,
    TrailName,
    parse_trail_arn,
    s3_uri,
)
from kmslab.trail_integrity.reading import list_folders
from kmslab.trail_integrity.regions import Inquiry, RegionCheck
from kmslab.trail_integrity.report import RegionReport, Report
from kmslab.trail_integrity.signatures import InRegion, PublicKeys
from kmslab.trail_integrity.times import Span
from kmslab.trail_integrity.witness import Testimony, testimony


def verify_trail(
    cloudtrail: Any,
    s3: Any,
    trail_arn: str,
    start: datetime,
    end: datetime | None = None,
    *,
    in_region: InRegion | None = None,
    bucket: str = "",
    prefix: str = "",
    account_id: str = "",
    organization_id: str = "",
    regions: Sequence[str] = (),
) -> Report:
    """Verify what a trail delivered from `start` to `end`, aware datetimes.

    `cloudtrail` and `s3` are boto3 clients, the first one in the trail's home Region. `in_region`
    gives a CloudTrail client of another Region, whose public keys are its own, and raises
    ValueError where there is no such Region. Without `end` it is verified up to the hour at
    CloudTrail. `bucket` and `prefix` say where the files lie if not where the trail delivers today;
    `account_id` is a member of the `organization_id` whose trail it is; `regions` are by default
    all in which files lie, and the home Region.

    Raises ValueError where an argument is wrong, UnknownTrail where CloudTrail knows no such trail
    and `bucket` is not given, and botocore's ClientError or BotoCoreError where the files or the
    public keys cannot be read. Anything that is wrong with the files is a finding.
    """
    trail = parse_trail_arn(trail_arn)
    _check_order(start, end or start)
    told = testimony(cloudtrail, trail)
    span = _check_order(start, end or told.now)
    place = _place(trail, told, bucket, prefix, account_id, organization_id)
    looked_at = list(regions) or _regions(s3, place, trail)
    ask = _by_region(cloudtrail, in_region, looked_at)
    inquiry = Inquiry(s3, ask, trail, place, span, told, PublicKeys(ask, span))
    checks = [RegionCheck(inquiry, region) for region in looked_at]
    reports = tuple(check.run() for check in checks)
    findings = [finding for check in checks for finding in check.findings]
    not_judged = [*_doubts(told), *(each for check in checks for each in check.not_judged)]
    if not findings and not any(report.digests.all for report in reports):
        findings.append(_nothing(place, reports))
    return Report(trail_arn, span, reports, tuple(findings), tuple(not_judged))


def _check_order(start: datetime, end: datetime) -> Span:
    for moment in (start, end):
        if moment.tzinfo is None:
            raise ValueError(f"a time needs a time zone: {moment!r}")
    if start > end:
        raise ValueError(f"the start, {start}, is after the end, {end}")
    return Span(start, end)


def _place(
    trail: TrailName,
    told: Testimony,
    bucket: str,
    prefix: str,
    account_id: str,
    organization_id: str,
) -> Place:
    account = account_id or trail.account
    if bucket:
        return Place(bucket, prefix.strip("/"), account, organization_id)
    if told.trail is None:
        raise UnknownTrail(f"CloudTrail knows no trail {trail.arn}, so its bucket must be named")
    if told.trail.get("IsOrganizationTrail") and not (account_id and organization_id):
        raise ValueError(
            "the trail is an organization's: an account and the organization's id are needed"
        )
    where = prefix.strip("/") or told.trail.get("S3KeyPrefix", "")
    return Place(told.trail["S3BucketName"], where, account, organization_id)


def _regions(s3: Any, place: Place, trail: TrailName) -> list[str]:
    """The home Region first, and then those in which anything lies."""
    folders = [
        region
        for kind in (DIGESTS, LOG_FILES)
        for region in list_folders(s3, place.bucket, place.folder(kind))
    ]
    return list(dict.fromkeys([trail.home_region, *sorted(folders)]))


def _by_region(cloudtrail: Any, in_region: InRegion | None, regions: list[str]) -> InRegion:
    if in_region:
        return in_region
    own = cloudtrail.meta.region_name
    others = [region for region in regions if region != own]
    if others:
        raise ValueError(
            f"the files are of {', '.join(others)} as well, whose public keys only a client there "
            "can list: in_region must be given, or regions"
        )
    return lambda region: cloudtrail


def _doubts(told: Testimony) -> list[str]:
    errors = [told.status.get("LatestDeliveryError"), told.status.get("LatestDigestDeliveryError")]
    failed = [
        f"CloudTrail says that its last delivery failed ({error}): files may still come."
        for error in dict.fromkeys(errors)
        if error
    ]
    return [*told.refused, *failed]


def _nothing(place: Place, reports: tuple[RegionReport, ...]) -> Finding:
    names = ", ".join(report.region for report in reports)
    where = s3_uri(place.bucket, place.folder(DIGESTS))
    sentence = "No digest of the trail is about this time, so nothing is proven."
    return Finding(names, NOTHING_FOUND, where, sentence)
