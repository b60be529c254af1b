"""Typical wrong answers to the exercises of notebook 01, each with the mistake it makes."""


def first_page_only(kms):
    return [entry["KeyId"] for entry in kms.list_keys()["Keys"]]


def one_long_page(kms):
    return [entry["KeyId"] for entry in kms.list_keys(Limit=1000)["Keys"]]


def whole_dictionaries(kms):
    return [entry for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]]


def arns_instead_of_ids(kms):
    pages = kms.get_paginator("list_keys").paginate()
    return [entry["KeyArn"] for page in pages for entry in page["Keys"]]


def last_page_only(kms):
    found = []
    for page in kms.get_paginator("list_keys").paginate():
        found = [entry["KeyId"] for entry in page["Keys"]]
    return found


def pages_counted_twice(kms):
    page = kms.list_keys()
    found = [entry["KeyId"] for entry in page["Keys"]]
    while page["Truncated"]:
        found += [entry["KeyId"] for entry in page["Keys"]]
        page = kms.list_keys(Marker=page["NextMarker"])
    return found + [entry["KeyId"] for entry in page["Keys"]]


def ids_only_from_arns(kms, name):
    return name.rpartition("/")[2]


def every_error_is_none(kms, name):
    try:
        return kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"]
    except Exception:
        return None


def unknown_names_fail(kms, name):
    return kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"]


def aliases_only(kms, name):
    for alias in kms.list_aliases()["Aliases"]:
        if alias["AliasName"] == name:
            return alias["TargetKeyId"]
    return None


def all_keys(kms):
    pages = kms.get_paginator("list_keys").paginate()
    return [entry["KeyId"] for page in pages for entry in page["Keys"]]


def not_disabled(kms):
    metadata = [kms.describe_key(KeyId=key_id)["KeyMetadata"] for key_id in all_keys(kms)]
    return [m["KeyId"] for m in metadata if m["KeyState"] != "Disabled"]


def enabled_whoever_manages(kms):
    metadata = [kms.describe_key(KeyId=key_id)["KeyMetadata"] for key_id in all_keys(kms)]
    return [m["KeyId"] for m in metadata if m["Enabled"]]


def enabled_on_the_first_page(kms):
    metadata = [kms.describe_key(KeyId=key_id)["KeyMetadata"] for key_id in first_page_only(kms)]
    return [m["KeyId"] for m in metadata if m["Enabled"] and m["KeyManager"] == "CUSTOMER"]


def enabled_on_one_long_page(kms):
    metadata = [kms.describe_key(KeyId=key_id)["KeyMetadata"] for key_id in one_long_page(kms)]
    return [m["KeyId"] for m in metadata if m["Enabled"] and m["KeyManager"] == "CUSTOMER"]


def nothing_returned(kms):
    all_keys(kms)


WRONG = {
    "01-1": [
        ("reads the first page only", first_page_only),
        ("returns ARNs", arns_instead_of_ids),
        ("keeps the last page only", last_page_only),
        ("counts a page twice", pages_counted_twice),
        ("asks for one long page", one_long_page),
        ("returns whole dictionaries", whole_dictionaries),
        ("returns nothing", nothing_returned),
    ],
    "01-2": [
        ("cuts the name instead of asking", ids_only_from_arns),
        ("takes a denial for absence", every_error_is_none),
        ("lets unknown names fail", unknown_names_fail),
        ("knows aliases only", aliases_only),
    ],
    "01-3": [
        ("takes every key", all_keys),
        ("forgets keys that wait for deletion", not_disabled),
        ("forgets who manages the key", enabled_whoever_manages),
        ("reads the first page only", enabled_on_the_first_page),
        ("asks for one long page", enabled_on_one_long_page),
        ("returns whole dictionaries", whole_dictionaries),
        ("returns nothing", nothing_returned),
    ],
}
