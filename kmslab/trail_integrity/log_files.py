"""A log file, held against what a digest says of it: its hash, and whose events it tells.

The hash is of the unpacked text. That a log file tells of the account and Region in whose folder it
lies is a check of its own: a good hash shows only that nobody changed it since it was named.
"""

from hashlib import sha256
from typing import Any

from kmslab.trail_integrity.digests import LogEntry
from kmslab.trail_integrity.findings import (
    CHANGED_LOG_FILE,
    DAMAGED_LOG_FILE,
    FOREIGN_RECORDS,
    MISSING_LOG_FILE,
    Absent,
    Fault,
    Unreadable,
)
from kmslab.trail_integrity.names import is_bucket_name, parse_log_file_name
from kmslab.trail_integrity.reading import fetch, parse_object, unpack


def check_log_file(s3: Any, entry: LogEntry, account: str, region: str) -> None:
    """Raises Fault where the log file is not what `entry` says, or not about this account and
    Region; ClientError where the caller may not read it."""
    name = parse_log_file_name(entry.object_key)
    if name is None or not is_bucket_name(entry.bucket):
        raise Fault(DAMAGED_LOG_FILE, "A digest names it, and no log file has such a name.")
    if (name.account, name.region) != (account, region):
        raise Fault(FOREIGN_RECORDS, f"A digest of account {account} in {region} names it.")
    try:
        unpacked = unpack(fetch(s3, entry.bucket, entry.object_key).stored)
        if sha256(unpacked).hexdigest() != entry.hash_value:
            raise Fault(CHANGED_LOG_FILE, "Its hash is not the one in the digest that names it.")
        _check_records(parse_object(unpacked), account, region)
    except Absent:
        raise Fault(MISSING_LOG_FILE, "A digest names it, and it is not there.") from None
    except Unreadable as reason:
        raise Fault(DAMAGED_LOG_FILE, f"It cannot be read: {reason}.") from None


def _check_records(members: dict[str, Any], account: str, region: str) -> None:
    records = members.get("Records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise Unreadable("it has no list of Records")
    foreign = [each for each in records if _is_foreign(each, account, region)]
    if foreign:
        first = foreign[0]
        raise Fault(
            FOREIGN_RECORDS,
            f"{len(foreign)} of its {len(records)} records tell of another account or Region, the "
            f"first of {first.get('recipientAccountId')!r} in {first.get('awsRegion')!r}.",
        )


def _is_foreign(record: dict[str, Any], account: str, region: str) -> bool:
    """Older records do not say whose they are."""
    of_account = record.get("recipientAccountId", account)
    of_region = record.get("awsRegion", region)
    return (of_account, of_region) != (account, region)
