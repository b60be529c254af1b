"""Typical wrong answers to the exercises of notebook 11, each with the mistake it makes."""

import gzip
import json


def returns_nothing(*arguments):
    return None


# --- 11-1 ---------------------------------------------------------------------------------


def names(s3, bucket, prefix="AWSLogs/"):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def records(s3, bucket, found):
    for name in found:
        body = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        yield from json.loads(gzip.decompress(body))["Records"]


def once(events):
    return list({event["eventID"]: event for event in events}.values())


def by_time(events):
    return sorted(events, key=lambda event: event["eventTime"])


def logs(s3, bucket):
    return [name for name in names(s3, bucket) if "/CloudTrail/" in name]


def reads_one_page(s3, bucket):
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="AWSLogs/111122223333/CloudTrail/")
    return by_time(once(records(s3, bucket, [each["Key"] for each in listed["Contents"]])))


def reads_one_day(s3, bucket):
    found = [name for name in logs(s3, bucket) if "/2026/01/05/" in name]
    return by_time(once(records(s3, bucket, found)))


def reads_everything(s3, bucket):
    return by_time(once(records(s3, bucket, names(s3, bucket))))


def reads_digests_too(s3, bucket):
    found = [name for name in names(s3, bucket) if name.endswith(".gz")]
    return by_time(once(records(s3, bucket, found)))


def tells_some_twice(s3, bucket):
    return by_time(records(s3, bucket, logs(s3, bucket)))


def keeps_the_order_of_files(s3, bucket):
    return once(records(s3, bucket, logs(s3, bucket)))


def sorts_by_id(s3, bucket):
    return sorted(once(records(s3, bucket, logs(s3, bucket))), key=lambda each: each["eventID"])


def newest_first(s3, bucket):
    return by_time(once(records(s3, bucket, logs(s3, bucket))))[::-1]


def returns_files(s3, bucket):
    return logs(s3, bucket)


def returns_a_generator(s3, bucket):
    return records(s3, bucket, logs(s3, bucket))


# --- 11-2 ---------------------------------------------------------------------------------


def name_of(row):
    return row["role"] if isinstance(row["role"], str) else row["principal"]


def is_object(context, object_arn):
    return (context or {}).get("aws:s3:arn") == object_arn


def answer(operation="kms:Decrypt", outcome="ok", name=name_of, wanted=is_object, finish=sorted):
    """A solution of 11-2 with one thing otherwise."""

    def readers(table, object_arn):
        rows = table[table["operation"].eq(operation) if operation else table["operation"].notna()]
        if outcome:
            rows = rows[rows["outcome"] == outcome]
        found = {
            name(row): None
            for _, row in rows.iterrows()
            if wanted(row["encryption_context"], object_arn)
        }
        return finish(found)

    return readers


def backwards(found):
    return sorted(found, reverse=True)


def begins(context, object_arn):
    named = (context or {}).get("aws:s3:arn")
    return named is not None and object_arn.startswith(named)


def names_each_call(table, object_arn):
    rows = table[(table["operation"] == "kms:Decrypt") & (table["outcome"] == "ok")]
    return sorted(
        name_of(row)
        for _, row in rows.iterrows()
        if is_object(row["encryption_context"], object_arn)
    )


WRONG = {
    "11-1": [
        ("reads one page of the listing", reads_one_page),
        ("reads one day", reads_one_day),
        ("reads everything in the bucket", reads_everything),
        ("reads digests too", reads_digests_too),
        ("tells some twice", tells_some_twice),
        ("keeps the order of the files", keeps_the_order_of_files),
        ("sorts by id", sorts_by_id),
        ("sorts the newest first", newest_first),
        ("returns names of files", returns_files),
        ("returns a generator", returns_a_generator),
        ("returns nothing", returns_nothing),
    ],
    "11-2": [
        ("counts who was refused", answer(outcome=None)),
        ("counts who wrote", answer(operation=None)),
        ("takes the beginning of a name for the name", answer(wanted=begins)),
        ("counts every decryption", answer(wanted=lambda context, arn: True)),
        ("names sessions", answer(name=lambda row: row["principal"])),
        ("names nobody who is no role", answer(name=lambda row: row["role"])),
        ("names each call", names_each_call),
        ("sorts backwards", answer(finish=backwards)),
        ("returns a set", answer(finish=set)),
        ("returns nothing", returns_nothing),
    ],
}
