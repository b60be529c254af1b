"""Typical wrong answers to the exercises of notebook 12, each with the mistake it makes."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

HOUR = timedelta(hours=1)


def returns_nothing(*arguments):
    return None


# --- 12-1 ---------------------------------------------------------------------------------


def verifies(public_key, metadata, lines):
    signature = bytes.fromhex(metadata.get("signature", ""))
    text = "\n".join(lines).encode()
    try:
        load_der_public_key(public_key).verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def lines_of(digest, place, hashed, previous="null"):
    return [
        digest["digestEndTime"],
        place,
        sha256(hashed).hexdigest(),
        digest["previousDigestSignature"] or previous,
    ]


def answer(place=None, hashed=None, previous="null", chosen=None):
    """A solution of 12-1 with one thing otherwise."""

    def is_genuine(body, metadata, bucket, name, public_keys):
        content = gzip.decompress(body)
        digest = json.loads(content)
        where = place(digest) if place else f"{bucket}/{name}"
        lines = lines_of(digest, where, hashed(body) if hashed else content, previous)
        if chosen:
            return any(verifies(key, metadata, lines) for key in chosen(public_keys, digest))
        named = [
            each["Value"]
            for each in public_keys
            if each["Fingerprint"] == digest["digestPublicKeyFingerprint"]
        ]
        return any(verifies(key, metadata, lines) for key in named)

    return is_genuine


def believes_the_digest(digest):
    return f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"


def takes_any_key(public_keys, digest):
    return [each["Value"] for each in public_keys]


def checks_the_hash_alone(body, metadata, bucket, name, public_keys):
    return len(metadata.get("signature", "")) == 512


def looks_for_the_key_alone(body, metadata, bucket, name, public_keys):
    digest = json.loads(gzip.decompress(body))
    known = {each["Fingerprint"] for each in public_keys}
    return digest["digestPublicKeyFingerprint"] in known


def lets_the_error_out(body, metadata, bucket, name, public_keys):
    content = gzip.decompress(body)
    digest = json.loads(content)
    keys = {each["Fingerprint"]: each["Value"] for each in public_keys}
    text = "\n".join(lines_of(digest, f"{bucket}/{name}", content)).encode()
    load_der_public_key(keys[digest["digestPublicKeyFingerprint"]]).verify(
        bytes.fromhex(metadata["signature"]), text, PKCS1v15(), SHA256()
    )
    return True


def takes_everything(*arguments):
    return True


# --- 12-2 ---------------------------------------------------------------------------------


def body_of(s3, listed):
    return s3.get_object(Bucket=listed["s3Bucket"], Key=listed["s3Object"])["Body"].read()


def is_as_it_was(body, listed):
    return sha256(gzip.decompress(body)).hexdigest() == listed["hashValue"]


def comparing(same=is_as_it_was, missing="missing", broken="changed", body=body_of):
    """A solution of 12-2 with one thing otherwise."""

    def touched(s3, digest):
        found = {}
        for listed in digest["logFiles"]:
            name = listed["s3Object"]
            try:
                if not same(body(s3, listed), listed):
                    found[name] = "changed"
            except s3.exceptions.NoSuchKey:
                if missing:
                    found[name] = missing
            except (OSError, EOFError, zlib.error):
                if broken:
                    found[name] = broken
        return found

    return touched


def hashes_what_lies_there(body, listed):
    return sha256(body).hexdigest() == listed["hashValue"]


def from_one_bucket(s3, listed):
    return s3.get_object(Bucket="audit-logs", Key=listed["s3Object"])["Body"].read()


def stops_at_the_first_missing_file(s3, digest):
    return {
        listed["s3Object"]: "changed"
        for listed in digest["logFiles"]
        if not is_as_it_was(body_of(s3, listed), listed)
    }


def returns_names(s3, digest):
    return sorted(comparing()(s3, digest))


# --- 12-3 ---------------------------------------------------------------------------------


def end_of(name):
    return datetime.strptime(name[-24:-8], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def hours(first, last, with_last=True):
    found, end = [], first
    while end < last or (with_last and end == last):
        found.append(end)
        end += HOUR
    return found


def absent(names, expected):
    there = {end_of(name) for name in names}
    return [end for end in expected if end not in there]


def looks_between_digests(names, first, now):
    ends = sorted(map(end_of, names))
    return absent(names, hours(ends[0], ends[-1])) if ends else []


def looks_up_to_the_newest(names, first, now):
    return absent(names, hours(first, max(map(end_of, names), default=first)))


def begins_with_the_oldest(names, first, now):
    return absent(names, hours(min(map(end_of, names), default=first), now))


def forgets_the_last_hour(names, first, now):
    return absent(names, hours(first, now - HOUR))


def wants_one_too_many(names, first, now):
    return absent(names, hours(first, now + HOUR))


def newest_first(names, first, now):
    return absent(names, hours(first, now))[::-1]


def counts_them(names, first, now):
    return len(absent(names, hours(first, now)))


def returns_texts(names, first, now):
    return [end.strftime("%Y%m%dT%H%M%SZ") for end in absent(names, hours(first, now))]


def forgets_the_time_zone(names, first, now):
    there = {datetime.strptime(name[-24:-8], "%Y%m%dT%H%M%SZ") for name in names}
    return [end for end in hours(first, now) if end not in there]


# --- 12-4 ---------------------------------------------------------------------------------

TRAILS = "arn:aws:s3:::amber-trails/"


def rows_of_cloudtrail(table):
    wrote = table["principal"] == "cloudtrail.amazonaws.com"
    return table[wrote & (table["operation"] == "kms:GenerateDataKey")]


def arns(rows):
    return [(context or {}).get("aws:s3:arn", "") for context in rows["encryption_context"]]


def takes_all_data_keys(table, names):
    found = table[table["operation"] == "kms:GenerateDataKey"]
    return sorted({arn.removeprefix(TRAILS) for arn in arns(found)} - set(names))


def keeps_the_bucket(table, names):
    return sorted(set(arns(rows_of_cloudtrail(table))) - set(names))


def passes_over_digests(table, names):
    told = {arn.removeprefix(TRAILS) for arn in arns(rows_of_cloudtrail(table))}
    return sorted(name for name in told - set(names) if "/CloudTrail/" in name)


def asks_the_table_which_files_there_are(table, names):
    read = {f"AWSLogs/{name}" for name in table["file"].dropna()}
    return sorted(read - set(names))


def tells_what_is_there(table, names):
    told = {arn.removeprefix(TRAILS) for arn in arns(rows_of_cloudtrail(table))}
    return sorted(set(names) - told)


def tells_twice(table, names):
    told = [arn.removeprefix(TRAILS) for arn in arns(rows_of_cloudtrail(table))]
    return sorted(name for name in told if name not in set(names))


WRONG = {
    "12-1": [
        ("believes the place in the digest", answer(place=believes_the_digest)),
        ("forgets the bucket", answer(place=lambda digest: digest["digestS3Object"])),
        ("hashes the compressed bytes", answer(hashed=lambda body: body)),
        ("leaves the line of the first digest empty", answer(previous="")),
        ("writes None for the first digest", answer(previous="None")),
        ("takes any key in the list", answer(chosen=takes_any_key)),
        ("looks whether there is a signature", checks_the_hash_alone),
        ("looks whether the key is known", looks_for_the_key_alone),
        ("lets the error out", lets_the_error_out),
        ("takes everything", takes_everything),
        ("returns nothing", returns_nothing),
    ],
    "12-2": [
        ("hashes the compressed bytes", comparing(same=hashes_what_lies_there)),
        ("calls missing files changed", comparing(missing="changed")),
        ("passes over missing files", comparing(missing="")),
        ("passes over broken files", comparing(broken="")),
        ("gives broken files a name of their own", comparing(broken="broken")),
        ("looks into one bucket", comparing(body=from_one_bucket)),
        ("stops at the first missing file", stops_at_the_first_missing_file),
        ("returns names alone", returns_names),
        ("returns nothing", returns_nothing),
    ],
    "12-3": [
        ("looks between the digests that are there", looks_between_digests),
        ("looks up to the newest, as AWS's tool does", looks_up_to_the_newest),
        ("begins with the oldest digest", begins_with_the_oldest),
        ("forgets the last hour", forgets_the_last_hour),
        ("wants the hour that is not over", wants_one_too_many),
        ("returns the newest first", newest_first),
        ("counts them", counts_them),
        ("returns texts", returns_texts),
        ("forgets the time zone", forgets_the_time_zone),
        ("returns nothing", returns_nothing),
    ],
    "12-4": [
        ("takes all data keys", takes_all_data_keys),
        ("keeps the bucket in the name", keeps_the_bucket),
        ("passes over digests", passes_over_digests),
        ("asks the table which files there are", asks_the_table_which_files_there_are),
        ("tells what is there", tells_what_is_there),
        ("tells a name twice", tells_twice),
        ("returns nothing", returns_nothing),
    ],
}
