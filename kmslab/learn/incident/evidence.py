"""The files of the day, laid into a bucket of a lab, as they are or as somebody left them.

The lab has the company's trails and CloudTrail's public keys of that day, since its clock has gone
through it; nobody worked there. What it delivered itself gives way to the files of the folder, so
that everything that is read and verified is what was committed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kmslab.lab import Lab
from kmslab.learn.incident.callers import EUROPE
from kmslab.learn.incident.chance import at
from kmslab.learn.incident.company import SECURITY, TRAILS, found, new_lab, start_trails
from kmslab.learn.incident.places import (
    COLLECTED,
    DELETED,
    FOLDER,
    LOGS,
    MIDNIGHT,
    SIGNATURES,
    TAMPERED,
)
from kmslab.learn.incident.running import advance_to


def evidence_lab(tampered: bool = False) -> Lab:
    """A lab in the night after the day, with its files in the bucket `amber-trails` of account
    777788889999; `tampered` gives the copy that somebody has changed."""
    lab = new_lab()
    company = found(lab, with_objects=False)
    start_trails(lab, company)
    advance_to(lab, at(7, 6))
    # CloudTrail has a public key in a Region from the first digest there.
    lab.client("kms", region_name=EUROPE).list_aliases()
    advance_to(lab, (COLLECTED - MIDNIGHT).total_seconds())
    s3 = lab.client("s3", lab.administrator(SECURITY))
    for name in list(names(s3)):
        s3.delete_object(Bucket=TRAILS, Key=name)
    signatures = digest_signatures()
    for name, path in files(tampered):
        metadata = {}
        if signature := signatures.get(name):
            metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        s3.put_object(Bucket=TRAILS, Key=name, Body=path.read_bytes(), Metadata=metadata)
    return lab


def files(tampered: bool = False) -> Iterator[tuple[str, Path]]:
    """The names of all files, and where each lies here."""
    found = {_name(path, FOLDER): path for path in sorted((FOLDER / LOGS).rglob("*.json.gz"))}
    if tampered:
        found |= {_name(path, TAMPERED): path for path in sorted((TAMPERED / LOGS).rglob("*.gz"))}
        for name in (TAMPERED / DELETED).read_text(encoding="ascii").split():
            del found[name]
    yield from found.items()


def digest_signatures() -> dict[str, str]:
    """The signature of each digest by its name, in hex: in S3 it is metadata of the object."""
    lines = (FOLDER / SIGNATURES).read_text(encoding="ascii").splitlines()
    return {name: signature for signature, name in map(str.split, lines)}


def names(s3: Any) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=TRAILS, Prefix=LOGS):
        for each in page.get("Contents", ()):
            yield each["Key"]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
