"""Typical wrong answers to the exercises of notebook 05, each with the mistake it makes."""

import json


def _created(kms, key_id, role_arn, operations=("Decrypt",), **constraints):
    return kms.create_grant(
        KeyId=key_id,
        GranteePrincipal=role_arn,
        Operations=list(operations),
        Constraints=constraints,
    )


def shows_nothing(kms, key_id, role_arn, context):
    _created(kms, key_id, role_arn, EncryptionContextEquals=context)
    return {}


def shows_the_id(kms, key_id, role_arn, context):
    made = _created(kms, key_id, role_arn, EncryptionContextEquals=context)
    return {"GrantTokens": [made["GrantId"]]}


def returns_the_token_alone(kms, key_id, role_arn, context):
    return _created(kms, key_id, role_arn, EncryptionContextEquals=context)["GrantToken"]


def returns_the_whole_answer(kms, key_id, role_arn, context):
    return _created(kms, key_id, role_arn, EncryptionContextEquals=context)


def lends_without_a_constraint(kms, key_id, role_arn, context):
    return {"GrantTokens": [_created(kms, key_id, role_arn)["GrantToken"]]}


def lends_every_larger_context(kms, key_id, role_arn, context):
    made = _created(kms, key_id, role_arn, EncryptionContextSubset=context)
    return {"GrantTokens": [made["GrantToken"]]}


def lends_encrypt_too(kms, key_id, role_arn, context):
    made = _created(kms, key_id, role_arn, ("Encrypt", "Decrypt"), EncryptionContextEquals=context)
    return {"GrantTokens": [made["GrantToken"]]}


def lends_to_the_account(kms, key_id, role_arn, context):
    account = role_arn.partition(":role/")[0] + ":root"
    made = _created(kms, key_id, account, EncryptionContextEquals=context)
    return {"GrantTokens": [made["GrantToken"]]}


def edits_the_key_policy(kms, key_id, role_arn, context):
    policy = json.loads(kms.get_key_policy(KeyId=key_id)["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": role_arn},
            "Action": "kms:Decrypt",
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key_id, Policy=json.dumps(policy))
    return {}


def no_constraint(wanted):
    return {}


def nothing_returned(wanted):
    wanted[0].get("app")


def always_subset(wanted):
    return {"EncryptionContextSubset": _common(wanted)}


def always_equals(wanted):
    return {"EncryptionContextEquals": _common(wanted)}


def the_first_one(wanted):
    return {"EncryptionContextEquals": wanted[0]}


def the_same_names(wanted):
    first, *others = wanted
    names = set(first).intersection(*others)
    kind = "EncryptionContextSubset" if others else "EncryptionContextEquals"
    return {kind: {name: first[name] for name in sorted(names)}}


def all_pairs_together(wanted):
    together = {name: value for pairs in wanted for name, value in pairs.items()}
    return {"EncryptionContextSubset": together}


def the_pairs_alone(wanted):
    return _common(wanted)


def both_kinds(wanted):
    common = _common(wanted)
    return {"EncryptionContextEquals": common, "EncryptionContextSubset": common}


def _common(wanted):
    first, *others = wanted
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }


def first_page_only(kms, key_id, grantee_arn):
    page = kms.list_grants(KeyId=key_id, GranteePrincipal=grantee_arn)
    return _revoked(kms, key_id, page["Grants"])


def one_long_page(kms, key_id, grantee_arn):
    page = kms.list_grants(KeyId=key_id, GranteePrincipal=grantee_arn, Limit=100)
    return _revoked(kms, key_id, page["Grants"])


def everybodys(kms, key_id, grantee_arn):
    return _revoked(kms, key_id, _all(kms, key_id))


def names_that_begin_alike(kms, key_id, grantee_arn):
    alike = [
        grant for grant in _all(kms, key_id) if grant["GranteePrincipal"].startswith(grantee_arn)
    ]
    return _revoked(kms, key_id, alike)


def those_it_may_retire(kms, key_id, grantee_arn):
    its = [
        grant
        for grant in _all(kms, key_id)
        if grantee_arn in (grant["GranteePrincipal"], grant.get("RetiringPrincipal"))
    ]
    return _revoked(kms, key_id, its)


def retires(kms, key_id, grantee_arn):
    its = _all(kms, key_id, GranteePrincipal=grantee_arn)
    for grant in its:
        kms.retire_grant(KeyId=grant["KeyId"], GrantId=grant["GrantId"])
    return len(its)


def counts_nothing(kms, key_id, grantee_arn):
    _revoked(kms, key_id, _all(kms, key_id, GranteePrincipal=grantee_arn))


def only_counts(kms, key_id, grantee_arn):
    return len(_all(kms, key_id, GranteePrincipal=grantee_arn))


def _all(kms, key_id, **more):
    pages = kms.get_paginator("list_grants").paginate(KeyId=key_id, **more)
    return [grant for page in pages for grant in page["Grants"]]


def _revoked(kms, key_id, grants):
    for grant in grants:
        kms.revoke_grant(KeyId=key_id, GrantId=grant["GrantId"])
    return len(grants)


WRONG = {
    "05-1": [
        ("shows nothing, so the job waits", shows_nothing),
        ("shows the id in place of the token", shows_the_id),
        ("returns the token alone", returns_the_token_alone),
        ("returns the whole answer", returns_the_whole_answer),
        ("lends without a constraint", lends_without_a_constraint),
        ("lends every larger context", lends_every_larger_context),
        ("lends Encrypt too", lends_encrypt_too),
        ("lends to the whole account", lends_to_the_account),
        ("edits the key policy", edits_the_key_policy),
    ],
    "05-2": [
        ("constrains nothing", no_constraint),
        ("returns nothing", nothing_returned),
        ("takes Subset for one context too", always_subset),
        ("takes Equals for several contexts", always_equals),
        ("looks at the first context only", the_first_one),
        ("compares names and not values", the_same_names),
        ("wants all pairs together", all_pairs_together),
        ("names no kind of constraint", the_pairs_alone),
        ("sets both kinds", both_kinds),
    ],
    "05-3": [
        ("reads the first page only", first_page_only),
        ("asks for one long page", one_long_page),
        ("revokes everybody's grants", everybodys),
        ("compares beginnings of names", names_that_begin_alike),
        ("takes the retiring principal for the grantee", those_it_may_retire),
        ("retires without the right to", retires),
        ("tells no number", counts_nothing),
        ("counts and revokes nothing", only_counts),
    ],
}
