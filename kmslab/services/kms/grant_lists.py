"""Lists of grants: those on a key, and those that a principal may retire.

A grant that was retired or revoked shows in neither, though it may still work until that has
spread. Who makes and ends grants is not known here.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Any

from kmslab import arn as arns
from kmslab import errors
from kmslab.services.call import Call
from kmslab.services.kms.grant_requests import invalid_arn, is_principal_arn, require_one
from kmslab.services.kms.grants import find_key_of_grants, require_grant_id, standing_grant
from kmslab.services.kms.paging import page_end, page_limit, page_start
from kmslab.store.records import Grant, KmsKey


def list_grants(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html"""
    asked = call.parameters
    if "GrantId" in asked:
        require_grant_id(asked["GrantId"])
    if "GranteePrincipal" in asked and "GranteeServicePrincipal" in asked:
        raise errors.validation(
            "You cannot specify both GranteePrincipal and GranteeServicePrincipal."
        )
    if "GranteeServicePrincipal" in asked:
        _require_service_caller(call, "GranteeServicePrincipal")
    kms_key = find_key_of_grants(call)
    call.authorise(kms_key)
    limit, start = page_limit(call, 50, 100), page_start(call)
    return _page(call, _found(call, kms_key, start, limit + 1), limit)


def list_retirable_grants(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html"""
    asked = call.parameters
    require_one(asked, "RetiringPrincipal", "RetiringServicePrincipal")
    by_service = "RetiringServicePrincipal" in asked
    retirer: str = asked["RetiringServicePrincipal" if by_service else "RetiringPrincipal"]
    if by_service:
        _require_service_caller(call, "RetiringServicePrincipal")
        # A service has no policies; what it may retire is its own to know.
        call.allow_everyone(retirer)
    else:
        _require_own_principal(call, retirer)
        call.authorise_in_account()
    limit, start = page_limit(call, 50, 100), page_start(call)
    retirable = call.store.grant_index.retirable(call.region, retirer)
    return _page(call, _in_order(retirable, start, limit + 1), limit)


def _require_service_caller(call: Call, member: str) -> None:
    caller = call.principal
    if not caller.is_service or call.parameters[member] != caller.arn:
        raise errors.validation(f"{member} can only be the AWS service that is calling.")


def _require_own_principal(call: Call, text: str) -> None:
    arn = arns.parse_arn(text)
    if not is_principal_arn(text) or arn is None or arn.account != call.account:
        raise invalid_arn()


def _found(call: Call, kms_key: KmsKey, after: str, most: int) -> list[Grant]:
    """Up to `most` grants on the key that the request asks for, in order of their ids."""
    asked, shelf = call.parameters, kms_key.own_shelf
    grantee = asked.get("GranteePrincipal") or asked.get("GranteeServicePrincipal")
    if "GrantId" in asked:
        one = standing_grant(call, kms_key, asked["GrantId"])
        found: Iterable[Grant] = [one] if one else []
    elif grantee:
        found = call.store.grant_index.on(shelf).of(grantee)
    else:
        return _all(call, shelf, after, most)
    by_service = "GranteeServicePrincipal" in asked
    return _in_order(
        (
            grant
            for grant in found
            if not grantee
            or (grant.grantee_principal, grant.grantee_is_service) == (grantee, by_service)
        ),
        after,
        most,
    )


def _all(call: Call, shelf: str, after: str, most: int) -> list[Grant]:
    """Page by page, since some of a page may be on their way out."""
    found: list[Grant] = []
    more = True
    while more and len(found) < most:
        page, more = call.store.grants.page(shelf, after, most)
        found += [grant for grant in page if grant.removed_at is None]
        after = page[-1].grant_id if page else after
    return found[:most]


def _in_order(grants: Iterable[Grant], after: str, most: int) -> list[Grant]:
    standing = (grant for grant in grants if grant.removed_at is None and grant.grant_id > after)
    return nsmallest(most, standing, key=lambda grant: grant.grant_id)


def _page(call: Call, found: list[Grant], limit: int) -> dict[str, Any]:
    listed = found[:limit]
    last_name = listed[-1].grant_id if listed else ""
    return {
        "Grants": [_entry(grant) for grant in listed],
        **page_end(call, len(found) > limit, last_name),
    }


def _entry(grant: Grant) -> dict[str, Any]:
    """A GrantListEntry. Of a grant without a name KMS answers an empty one."""
    grantee = "GranteeServicePrincipal" if grant.grantee_is_service else "GranteePrincipal"
    retirer = "RetiringServicePrincipal" if grant.retiring_is_service else "RetiringPrincipal"
    constraints = {
        "EncryptionContextSubset": dict(grant.subset) if grant.subset else None,
        "EncryptionContextEquals": dict(grant.equals) if grant.equals else None,
        "SourceArn": grant.source_arn or None,
    }
    return {
        "KeyId": grant.key_arn,
        "GrantId": grant.grant_id,
        "Name": grant.grant_name,
        "CreationDate": grant.creation_date,
        grantee: grant.grantee_principal,
        retirer: grant.retiring_principal or None,
        "IssuingAccount": arns.account_root_arn(grant.issuing_account),
        "Operations": list(grant.operations),
        "Constraints": constraints if any(constraints.values()) else None,
    }
