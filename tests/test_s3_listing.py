"""Listings: pages, prefixes, groups, in the order of UTF-8 bytes, against a plain model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_words import BUCKET, refused

from kmslab import Lab, insecure_seeded_random

pytest_plugins = ["s3_session"]

NAMES = ["a", "a/1", "a/2", "a/b/c", "b/", "b/x", "c", "é", "z/\U0001f600", "zz"]


@pytest.fixture
def full(s3):
    for name in reversed(NAMES):
        s3.put_object(Bucket=BUCKET, Key=name)
    return s3


def pages_v2(s3, size, **asked):
    """Keys and common prefixes, page by page."""
    pages, token = [], {}
    while True:
        answer = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=size, **asked, **token)
        pages.append(told(answer))
        assert answer["KeyCount"] == sum(map(len, pages[-1]))
        if not answer["IsTruncated"]:
            return pages
        token = {"ContinuationToken": answer["NextContinuationToken"]}


def pages_v1(s3, size, **asked):
    pages, marker = [], {}
    while True:
        answer = s3.list_objects(Bucket=BUCKET, MaxKeys=size, **asked, **marker)
        pages.append(told(answer))
        if not answer["IsTruncated"]:
            return pages
        # A client goes on from the last key where no marker is told.
        marker = {"Marker": answer.get("NextMarker") or pages[-1][0][-1]}


def told(answer):
    keys = [each["Key"] for each in answer.get("Contents", [])]
    return keys, [each["Prefix"] for each in answer.get("CommonPrefixes", [])]


def modelled(names, prefix="", delimiter="", after=""):
    """What a listing tells, the slow way: entries in order."""
    entries = set()
    for name in names:
        if not name.startswith(prefix):
            continue
        rest = name[len(prefix) :]
        if delimiter and delimiter in rest:
            group = prefix + rest.split(delimiter)[0] + delimiter
            if group > after:
                entries.add((group, True))
        elif name > after:
            entries.add((name, False))
    return sorted(entries)


def flat(pages):
    return sorted(
        [(key, False) for keys, _ in pages for key in keys]
        + [(prefix, True) for _, prefixes in pages for prefix in prefixes]
    )


def test_all_is_listed_in_the_order_of_utf_8(full):
    ((keys, prefixes),) = pages_v2(full, 1000)
    assert keys == sorted(NAMES, key=str.encode)
    assert prefixes == []


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("list_pages", [pages_v1, pages_v2])
def test_pages_cover_all_once(full, list_pages, size):
    pages = list_pages(full, size, Delimiter="/")
    assert all(len(keys) + len(prefixes) <= size for keys, prefixes in pages)
    assert flat(pages) == modelled(NAMES, delimiter="/")


def test_a_prefix_and_a_delimiter_show_one_folder(full):
    (page,) = pages_v2(full, 1000, Prefix="a/", Delimiter="/")
    assert page == (["a/1", "a/2"], ["a/b/"])


def test_a_listing_may_start_behind_a_name(full):
    answer = full.list_objects_v2(Bucket=BUCKET, StartAfter="a/2")
    assert told(answer)[0] == sorted(NAMES, key=str.encode)[3:]


def test_what_is_listed_tells_no_encryption(full):
    (first, *_) = full.list_objects_v2(Bucket=BUCKET, FetchOwner=True)["Contents"]
    assert first["Size"] == 0
    assert first["Owner"]["ID"].endswith("111122223333")
    assert not any("ncrypt" in member for member in first)


def test_nothing_may_be_asked_for(full):
    answer = full.list_objects_v2(Bucket=BUCKET, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)


def test_less_than_nothing_may_not(full):
    with refused("InvalidArgument", 400):
        full.list_objects_v2(Bucket=BUCKET, MaxKeys=-1)


def test_a_token_that_was_not_given_is_refused(full):
    with refused("InvalidArgument", 400):
        full.list_objects_v2(Bucket=BUCKET, ContinuationToken="%%%")


def test_names_that_xml_cannot_carry_are_listed_url_encoded(s3):
    s3.put_object(Bucket=BUCKET, Key="bell\x07")
    assert told(s3.list_objects_v2(Bucket=BUCKET))[0] == ["bell\x07"]


def test_a_group_of_many_costs_one_step(lab, s3, monkeypatch):
    for number in range(200):
        s3.put_object(Bucket=BUCKET, Key=f"many/{number:04}")
    s3.put_object(Bucket=BUCKET, Key="zz")
    looked = []
    table = lab._store.objects
    original = table.first_from
    monkeypatch.setattr(
        table, "first_from", lambda *place: looked.append(place) or original(*place)
    )
    assert pages_v2(s3, 1000, Delimiter="/") == [(["zz"], ["many/"])]
    assert len(looked) < 5


def test_a_group_may_hold_the_last_character_there_is(s3):
    s3.put_object(Bucket=BUCKET, Key="p/\U0010ffffx")
    assert pages_v2(s3, 1, Delimiter="/") == [([], ["p/"])]


def test_every_object_is_its_own_newest_version(full):
    pages = full.get_paginator("list_object_versions").paginate(
        Bucket=BUCKET, PaginationConfig={"PageSize": 3}
    )
    versions = [version for page in pages for version in page["Versions"]]
    assert [version["Key"] for version in versions] == sorted(NAMES, key=str.encode)
    assert {(version["VersionId"], version["IsLatest"]) for version in versions} == {("null", True)}


letters = st.text(st.sampled_from("ab/\u00e9\U0010ffff"), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.sets(letters, max_size=12),
    letters | st.just(""),
    st.sampled_from(["", "/", "a", "b/"]),
    st.integers(1, 4),
    letters | st.just(""),
)
def test_any_listing_is_that_of_the_model(names, prefix, delimiter, size, after):
    with Lab(random=insecure_seeded_random(1)) as lab:
        s3 = lab.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name in names:
            s3.put_object(Bucket=BUCKET, Key=name)
        asked = {"Prefix": prefix, "Delimiter": delimiter}
        expected = modelled(names, prefix, delimiter)
        assert flat(pages_v2(s3, size, **asked)) == expected
        assert flat(pages_v1(s3, size, **asked)) == expected
        behind = s3.list_objects_v2(Bucket=BUCKET, StartAfter=after)
        assert told(behind)[0] == sorted(name for name in names if name > after)
