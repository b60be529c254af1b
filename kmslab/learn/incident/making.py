"""Make the day: run it in a lab, and write what its trails delivered into a folder.

The same code gives the same bytes before compression; compressed ones depend on the version of
zlib. So whatever changes what a record says, or the order in which a lab draws, changes the day.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from kmslab.lab import Lab
from kmslab.learn.incident.callers import EUROPE, REGION
from kmslab.learn.incident.company import SECURITY, TRAILS, found, new_lab, start_trails
from kmslab.learn.incident.days_work import everybody
from kmslab.learn.incident.evidence import names
from kmslab.learn.incident.places import (
    COLLECTED,
    MIDNIGHT,
    PUBLIC_KEYS,
    SIGNATURES,
)
from kmslab.learn.incident.running import advance_to, run
from kmslab.learn.incident.stage import stage
from kmslab.learn.incident.theft import incident


class Collected(NamedTuple):
    """What was in the bucket at the end: files by name, the signatures of digests, and the public
    key of each Region, in PEM."""

    files: dict[str, bytes]
    signatures: dict[str, str]
    public_keys: dict[str, str]


def lived_lab() -> Lab:
    """A lab in which the day has passed."""
    lab = new_lab()
    company = found(lab)
    start_trails(lab, company)
    here = stage(lab, company)
    run(lab, [*everybody(here), *incident(here)])
    advance_to(lab, (COLLECTED - MIDNIGHT).total_seconds())
    return lab


def collected(lab: Lab) -> Collected:
    """Everything that the trails delivered, read with the rights of the bucket's account."""
    s3 = lab.client("s3", lab.administrator(SECURITY))
    files, signatures = {}, {}
    for name in names(s3):
        answer = s3.get_object(Bucket=TRAILS, Key=name)
        files[name] = answer["Body"].read()
        if signature := answer["Metadata"].get("signature"):
            signatures[name] = signature
    return Collected(files, signatures, public_keys(lab))


def write(folder: Path, taken: Collected) -> None:
    """Write it all; what else lies in the folder stays."""
    for name, stored in taken.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(gzip.decompress(stored), compresslevel=9, mtime=0))
    lines = [f"{signature}  {name}\n" for name, signature in taken.signatures.items()]
    (folder / SIGNATURES).write_text("".join(lines), encoding="ascii")
    (folder / PUBLIC_KEYS).mkdir(exist_ok=True)
    for region, pem in taken.public_keys.items():
        (folder / PUBLIC_KEYS / f"{region}.pem").write_text(pem, encoding="ascii")


def public_keys(lab: Lab) -> dict[str, str]:
    """The one public key that ListPublicKeys tells of each Region, in PEM."""
    found = {}
    for region in (REGION, EUROPE):
        cloudtrail = lab.client("cloudtrail", lab.administrator(SECURITY), region)
        (listed,) = cloudtrail.list_public_keys(StartTime=MIDNIGHT, EndTime=COLLECTED)[
            "PublicKeyList"
        ]
        public_key = load_der_public_key(listed["Value"])
        found[region] = public_key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode("ascii")
    return found
