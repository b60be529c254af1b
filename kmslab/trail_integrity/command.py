"""`kmslab verify-trail`: the verifier with AWS found as boto3 finds it, and its report printed.

Profile, credentials and endpoint come from where every AWS tool takes them, so that the same
command verifies a trail of AWS and one of a lab that is served. Exit codes are those of
`aws cloudtrail validate-logs`, which this does not otherwise imitate.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from kmslab.trail_integrity.findings import UnknownTrail
from kmslab.trail_integrity.names import TrailName, parse_trail_arn
from kmslab.trail_integrity.report import Report
from kmslab.trail_integrity.verification import verify_trail

INTACT, FINDINGS, CANNOT_READ = 0, 1, 255


class Asked(NamedTuple):
    """The options of the command; "" is what was not given."""

    trail_arn: str
    start_time: str
    end_time: str = ""
    s3_bucket: str = ""
    s3_prefix: str = ""
    account_id: str = ""
    region: str = ""
    endpoint_url: str = ""
    verbose: bool = False


def run(asked: Asked) -> int:
    """Verify, print the report, and give the exit code. Raises ValueError for misuse."""
    trail = parse_trail_arn(asked.trail_arn)
    span = parse_time(asked.start_time), parse_time(asked.end_time) if asked.end_time else None
    try:
        report = _verified(asked, trail, *span)
    except (ClientError, BotoCoreError, UnknownTrail) as problem:
        print(f"kmslab: {problem}", file=sys.stderr)
        return CANNOT_READ
    if asked.verbose:
        for file in report.checked:
            print(f"{file.verdict}\t{file.what}\t{file.object}")
    print(report)
    return INTACT if report.intact else FINDINGS


def parse_time(text: str) -> datetime:
    """A time as ISO 8601 spells it, in UTC where it says nothing else. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a time such as 2026-01-05T09:00:00Z: {text!r}") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _verified(asked: Asked, trail: TrailName, start: datetime, end: datetime | None) -> Report:
    client = _clients(asked.endpoint_url)
    cloudtrail = client("cloudtrail", trail.home_region)
    return verify_trail(
        cloudtrail,
        client("s3", trail.home_region),
        trail.arn,
        start,
        end,
        in_region=lambda region: client("cloudtrail", _known_region(region)),
        bucket=asked.s3_bucket,
        prefix=asked.s3_prefix,
        account_id=asked.account_id,
        organization_id=_organization_id(cloudtrail, client, trail) if asked.account_id else "",
        regions=[asked.region] if asked.region else (),
    )


def _clients(endpoint_url: str) -> Callable[[str, str], Any]:
    """A function that makes each client once."""
    session, made = boto3.Session(), {}

    def client(service: str, region: str) -> Any:
        if (service, region) not in made:
            made[service, region] = session.client(
                service, region_name=region, endpoint_url=endpoint_url or None
            )
        return made[service, region]

    return client


def _known_region(region: str) -> str:
    """Whoever writes into the bucket can name a folder like a Region that is none."""
    if region not in _regions():
        raise ValueError(f"there is no Region {region!r}")
    return region


@cache
def _regions() -> set[str]:
    session = boto3.Session()
    return {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudtrail", partition)
    }


def _organization_id(cloudtrail: Any, client: Callable[[str, str], Any], trail: TrailName) -> str:
    """Of an organization's trail, whose files lie below the organization's id."""
    trails = cloudtrail.describe_trails()["trailList"]
    found = [each for each in trails if each.get("TrailARN") == trail.arn]
    if not found or not found[0].get("IsOrganizationTrail"):
        return ""
    told = client("organizations", trail.home_region).describe_organization()
    organization_id: str = told["Organization"]["Id"]
    return organization_id
