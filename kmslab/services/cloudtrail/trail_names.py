"""From what a caller wrote as Name to the trail it means.

A name means a trail whose home is the Region that is asked; an ARN may name another Region. A
multi-Region trail shows in every other Region as a shadow, which can be looked at and not changed
(API Reference, "DescribeTrails", "UpdateTrail"). Who finds a trail here was authorised first.
"""

import re
from collections.abc import Iterator

from kmslab import arn as arns
from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.condition_keys import by_name
from kmslab.store.records import shelf_of
from kmslab.store.store import Store
from kmslab.store.trail_records import DELETED, Trail

_SHORTEST, _LONGEST = 3, 128
_LETTERS = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]", re.ASCII)
_ADJACENT = re.compile(r"[._-]{2}")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", re.ASCII)
_TAG = "aws:resourcetag/"
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def check_trail_name(name: str) -> None:
    """Raises InvalidTrailNameException for what is no name of a trail."""
    if len(name) < _SHORTEST:
        raise refusals.trail_name_too_short(len(name))
    if len(name) > _LONGEST:
        raise refusals.trail_name_too_long(len(name))
    if not _LETTERS.fullmatch(name):
        raise refusals.invalid_trail_name(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, "
            "periods (.), hyphens (-), and underscores (_)."
        )
    if not _ALPHANUMERIC.match(name[0]):
        raise refusals.invalid_trail_name("Trail name must starts with a letter or number.")
    if not _ALPHANUMERIC.match(name[-1]):
        raise refusals.invalid_trail_name("Trail name must ends with a letter or number.")
    if _ADJACENT.search(name):
        raise refusals.invalid_trail_name(
            "Trail name cannot have adjacent periods, hyphens, or underscores."
        )
    if _ADDRESS.fullmatch(name):
        raise refusals.invalid_trail_name("Trail name cannot be in IP address format.")


def asked_arn(call: Call, text: str) -> str:
    """The ARN of the trail that `text` means, if there is one. Raises InvalidTrailNameException or
    CloudTrailARNInvalidException."""
    if text.startswith("arn:"):
        return str(trail_arn_in(text))
    check_trail_name(text)
    return arns.trail_arn(call.account, call.region, text)


def trail_arn_in(text: str) -> arns.Arn:
    """`text`, which is the ARN of a trail. Raises CloudTrailARNInvalidException for one that is
    not, and InvalidTrailNameException for one with such a name."""
    arn = arns.parse_arn(text)
    if (
        arn is None
        or (arn.partition, arn.service) != (arns.PARTITION, "cloudtrail")
        or not (arn.region and _ACCOUNT.fullmatch(arn.account))
        or not arn.resource.startswith("trail/")
    ):
        raise refusals.invalid_trail_arn(text)
    check_trail_name(arn.resource.removeprefix("trail/"))
    return arn


def find_trail(call: Call, text: str) -> Trail:
    """The trail that `text` means, to look at. Raises TrailNotFoundException, or
    AccessDeniedException before anything is told."""
    arn = asked_arn(call, text)
    trail = trail_at(call, arn)
    tell_tags(call, trail)
    call.authorise_in_account(arn)
    if trail is None:
        raise refusals.unknown_trail(text, call.account)
    return trail


def find_trail_to_change(call: Call, text: str) -> Trail:
    """`find_trail` for what is done in the home Region alone. Raises InvalidHomeRegionException
    elsewhere, for a shadow that is called by its name too."""
    arn = asked_arn(call, text)
    trail = trail_at(call, arn) or _shadow(call, text)
    tell_tags(call, trail)
    call.authorise_in_account(arn)
    if trail is None:
        raise refusals.unknown_trail(text, call.account)
    if trail.region != call.region:
        raise refusals.not_home_region(trail.arn, trail.region)
    return trail


def trail_at(call: Call, trail_arn: str) -> Trail | None:
    """The caller's own trail with this ARN."""
    arn = arns.parse_arn(trail_arn)
    if arn is None or arn.account != call.account:
        return None
    shelf, name = shelf_of(arn.account, arn.region), arn.resource.removeprefix("trail/")
    return call.store.trails.get(shelf, name)


def tell_tags(call: Call, trail: Trail | None) -> None:
    """Let conditions ask for the tags of `trail`, and of no other."""
    others = {name: value for name, value in call.more_context.items() if not name.startswith(_TAG)}
    call.more_context = {**others, **by_name(_TAG, trail.tags if trail else ())}


def trails_of(store: Store, account: str) -> Iterator[Trail]:
    """The trails of an account, in all Regions."""
    for trail in store.trails:
        if trail.account == account and trail.shelf != DELETED:
            yield trail


def trails_in(store: Store, account: str, region: str) -> Iterator[Trail]:
    """The trails that show in one Region, shadows included."""
    for trail in trails_of(store, account):
        if trail.region == region or trail.is_multi_region:
            yield trail


def _shadow(call: Call, trail_name: str) -> Trail | None:
    for trail in trails_in(call.store, call.account, call.region):
        if trail.trail_name == trail_name:
            return trail
    return None
