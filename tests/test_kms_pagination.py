"""Lists in pages: together they are the whole, whatever happens between two of them."""

import base64

import pytest
from aws_words import OTHER_REGION, UNCHECKED, all_pages, constraint, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from kmslab import Lab, insecure_seeded_random

pytest_plugins = ["lab_session"]

COUNT = 23


class Shelf:
    """A lab with COUNT keys; the first key has COUNT aliases and COUNT tags."""

    def __init__(self) -> None:
        kms = self.kms = Lab().client("kms")
        self.arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(COUNT)]
        self.first = self.arns[0]
        for number in range(COUNT):
            kms.create_alias(AliasName=f"alias/{number:02}", TargetKeyId=self.first)
        kms.create_alias(AliasName="alias/another", TargetKeyId=self.arns[1])
        tags = [{"TagKey": f"t{n:02}", "TagValue": str(n)} for n in range(COUNT)]
        kms.tag_resource(KeyId=self.first, Tags=tags)

    def pages(self, what, limit):
        list_page, asked, entries = LISTS[what]
        pages = all_pages(getattr(self.kms, list_page), limit, **asked(self))
        return [[NAME[what](entry) for entry in page[entries]] for page in pages]


LISTS = {
    "keys": ("list_keys", lambda shelf: {}, "Keys"),
    "aliases": ("list_aliases", lambda shelf: {}, "Aliases"),
    "aliases of a key": ("list_aliases", lambda shelf: {"KeyId": shelf.first}, "Aliases"),
    "tags": ("list_resource_tags", lambda shelf: {"KeyId": shelf.first}, "Tags"),
}
NAME = {
    "keys": lambda entry: entry["KeyArn"],
    "aliases": lambda entry: entry["AliasName"],
    "aliases of a key": lambda entry: entry["AliasName"],
    "tags": lambda entry: (entry["TagKey"], entry["TagValue"]),
}
SIZES = {"keys": COUNT, "aliases": COUNT + 1, "aliases of a key": COUNT, "tags": COUNT}
LARGEST = {"keys": 1000, "aliases": 100, "aliases of a key": 100, "tags": 50}


@pytest.fixture(scope="module")
def shelf():
    return Shelf()


@settings(deadline=None, max_examples=20)
@given(limit=st.integers(1, 2 * COUNT))
@pytest.mark.parametrize("what", LISTS)
def test_pages_of_any_size_are_together_the_whole_and_nothing_comes_twice(shelf, what, limit):
    pages = shelf.pages(what, limit)
    entries = [entry for page in pages for entry in page]
    assert len(set(entries)) == len(entries) == SIZES[what]
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 1 <= len(pages[-1]) <= limit
    (whole,) = shelf.pages(what, LARGEST[what])
    assert entries == whole


@pytest.mark.parametrize("what", LISTS)
def test_boto3s_paginator_finds_everything(shelf, what):
    list_page, asked, entries = LISTS[what]
    paginator = shelf.kms.get_paginator(list_page)
    pages = paginator.paginate(PaginationConfig={"PageSize": 4}, **asked(shelf))
    assert sum(len(page[entries]) for page in pages) == SIZES[what]


@pytest.mark.parametrize("what", LISTS)
def test_a_last_page_that_is_just_full_has_no_marker(shelf, what):
    (page,) = shelf.pages(what, SIZES[what])
    assert len(page) == SIZES[what]


def test_without_a_limit_a_page_has_a_hundred_keys_and_fifty_aliases():
    kms = Lab().client("kms")
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(101)]
    for number, arn in enumerate(arns[:51]):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=arn)
    keys, aliases = kms.list_keys(), kms.list_aliases()
    assert (len(keys["Keys"]), keys["Truncated"]) == (100, True)
    assert (len(aliases["Aliases"]), aliases["Truncated"]) == (50, True)
    assert len(kms.list_keys(Limit=1000)["Keys"]) == 101
    assert len(kms.list_aliases(Limit=100)["Aliases"]) == 51


@pytest.mark.parametrize("what", LISTS)
def test_a_limit_has_its_bounds(lab, what):
    kms = lab.client("kms", config=UNCHECKED)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    list_page, asked, _ = LISTS[what]
    asked = {"KeyId": arn} if asked(_First) else {}
    most = LARGEST[what]
    with constraint("limit", f"have value less than or equal to {most}", most + 1):
        getattr(kms, list_page)(Limit=most + 1, **asked)
    with constraint("limit", "have value greater than or equal to 1", 0):
        getattr(kms, list_page)(Limit=0, **asked)


class _First:
    first = "the key"


# --- Markers ------------------------------------------------------------------------------


def marker_of(shelf, what):
    list_page, asked, _ = LISTS[what]
    return getattr(shelf.kms, list_page)(Limit=1, **asked(shelf))["NextMarker"]


BAD_MARKERS = [
    "x",
    "not base64!",
    "====",
    "ListKeys",
    base64.b64encode(b"ListKeys").decode(),
    base64.b64encode(b"ListKeys\n").decode(),
    base64.b64encode(b"\xff\xfe\n\xff").decode(),
    "é",
    " ",
    "A" * 1024,
]


@pytest.mark.parametrize("marker", BAD_MARKERS)
@pytest.mark.parametrize("what", LISTS)
def test_a_marker_that_nobody_handed_out_is_invalid(shelf, what, marker):
    list_page, asked, _ = LISTS[what]
    with refused("InvalidMarkerException", None):
        getattr(shelf.kms, list_page)(Marker=marker, **asked(shelf))


@pytest.mark.parametrize(
    ("what", "foreign"),
    [("keys", "aliases"), ("keys", "tags"), ("aliases", "keys"), ("tags", "aliases of a key")],
)
def test_a_marker_of_another_operation_is_invalid(shelf, what, foreign):
    list_page, asked, _ = LISTS[what]
    marker = marker_of(shelf, foreign)
    with refused("InvalidMarkerException", None):
        getattr(shelf.kms, list_page)(Marker=marker, **asked(shelf))


def test_list_key_policies_takes_no_foreign_marker(shelf):
    for marker in ("x", marker_of(shelf, "keys")):
        with refused("InvalidMarkerException", None):
            shelf.kms.list_key_policies(KeyId=shelf.first, Marker=marker)


def test_a_marker_may_be_used_twice(shelf):
    marker = marker_of(shelf, "keys")
    assert shelf.kms.list_keys(Marker=marker)["Keys"] == shelf.kms.list_keys(Marker=marker)["Keys"]


# --- While keys come and go ---------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    limit=st.integers(1, 5),
    seed=st.integers(0, 1000),
    meanwhile=st.lists(st.sampled_from(["nothing", "a key more", "a key less"]), max_size=12),
)
def test_what_was_there_all_the_time_is_listed_once_whatever_else_comes_and_goes(
    limit, seed, meanwhile
):
    lab = Lab(random=insecure_seeded_random(seed))
    kms = lab.client("kms")
    lasting = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(8)}
    fleeting = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(6)]
    for days, key_id in enumerate(fleeting, start=7):
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=days)
    listed = []
    for page in all_pages(kms.list_keys, limit):
        listed += [entry["KeyId"] for entry in page["Keys"]]
        event = meanwhile.pop() if meanwhile else "nothing"
        if event == "a key more":
            kms.create_key()
        if event == "a key less":
            lab.clock.advance(days=3.5)
    assert len(set(listed)) == len(listed)
    assert lasting <= set(listed)


def test_a_page_goes_on_behind_a_key_that_was_deleted_meanwhile():
    lab = Lab()
    kms = lab.client("kms")
    for _ in range(5):
        kms.create_key()
    every = [entry["KeyId"] for entry in kms.list_keys()["Keys"]]
    first = kms.list_keys(Limit=2)
    kms.schedule_key_deletion(KeyId=every[1], PendingWindowInDays=7)
    lab.clock.advance(days=7)
    rest = kms.list_keys(Marker=first["NextMarker"])
    assert [entry["KeyId"] for entry in rest["Keys"]] == every[2:]


def test_pages_of_one_region_never_hold_keys_of_another():
    lab = Lab()
    for region in ("us-east-1", OTHER_REGION) * 3:
        lab.client("kms", region_name=region).create_key()
    for region in ("us-east-1", OTHER_REGION):
        pages = list(all_pages(lab.client("kms", region_name=region).list_keys, 2))
        arns = [entry["KeyArn"] for page in pages for entry in page["Keys"]]
        assert len(arns) == 3
        assert all(f":{region}:" in arn for arn in arns)
