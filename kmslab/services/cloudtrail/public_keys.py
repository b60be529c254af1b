"""ListPublicKeys: with what the digests of this Region can be checked."""

from typing import Any

from kmslab.services.call import Call
from kmslab.services.cloudtrail import refusals
from kmslab.services.cloudtrail.signing_keys import signing_keys_between
from kmslab.store.trail_records import SigningKey

_USUAL_SPAN = 24 * 3600


def list_public_keys(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html

    The keys of the last 24 hours, or of the day before EndTime, where no start is given. A Region
    in which no digest was signed yet has none.
    """
    asked = call.parameters
    call.authorise_in_account()
    if asked.get("NextToken"):
        raise refusals.invalid_token()
    end = asked.get("EndTime", call.now)
    start = asked.get("StartTime", end - _USUAL_SPAN)
    if start > end:
        raise refusals.invalid_time_range()
    found = signing_keys_between(call.store, call.region, start, end)
    return {"PublicKeyList": [_told(signing_key) for signing_key in found]}


def _told(signing_key: SigningKey) -> dict[str, Any]:
    return {
        "Value": bytes.fromhex(signing_key.public_key),
        "ValidityStartTime": signing_key.begins,
        "ValidityEndTime": signing_key.ends,
        "Fingerprint": signing_key.fingerprint,
    }
