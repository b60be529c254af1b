"""Digest files: what was delivered in an hour, signed and chained to the digest before.

CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail
log file integrity validation". A digest names every log file with its hash, and the digest before
it with its hash and signature; so nothing can be changed, removed or slipped in between unseen. Its
text and signature are fixed when its time ends, however late it is delivered.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from kmslab.services.cloudtrail.backing import Signer
from kmslab.services.cloudtrail.file_names import digest_file_name, object_key
from kmslab.services.cloudtrail.planning import next_number
from kmslab.store.events import iso_time
from kmslab.store.store import Store
from kmslab.store.trail_records import (
    DeliveredLogFile,
    DigestChain,
    SigningKey,
    Trail,
    WaitingFile,
)

DIGEST_SECONDS = 3600
SIGNATURE_ALGORITHM = "SHA256withRSA"
_HASH_ALGORITHM = "SHA-256"


class Place(NamedTuple):
    """Where a digest lies: its own text says so, and it is of no use anywhere else."""

    bucket_name: str
    object_key: str


def sign_digest(
    trail: Trail,
    chain: DigestChain,
    end: float,
    when: float,
    signing_key: SigningKey,
    store: Store,
    signer: Signer,
) -> tuple[WaitingFile, DigestChain, list[DeliveredLogFile]]:
    """The digest, made at `when`, of what was delivered for the chain's Region until `end`; the
    chain moved on behind it; and the log files that it names, which no other digest will. Hold the
    store's lock until all is written down."""
    named = list(store.delivered_log_files.on(f"{trail.trail_id}/{chain.region}"))
    name = digest_file_name(trail, chain.region, end)
    place = Place(trail.bucket_name, object_key(trail, name))
    text = _text(trail, chain, end, place, signing_key.fingerprint, named)
    message = string_to_sign(iso_time(end), place, text, chain.previous_signature)
    signature = signer.sign(bytes.fromhex(signing_key.token), message).hex()
    number = next_number(store, trail)
    waiting = WaitingFile(
        *(trail.trail_id, number, chain.region, name, when), digest=text, signature=signature
    )
    moved = DigestChain(trail.trail_id, chain.region, end, *place, hash_of(text), signature)
    return waiting, moved, named


def last_end(trail: Trail, chain: DigestChain, when: float, store: Store) -> float | None:
    """The whole second at which the last digest of a chain ends that closes at `when`; None where
    nothing is left to tell. A chain that was begun and closed within the second of the one before
    takes the second after: it must not take its name."""
    end = float(int(when))
    left = store.delivered_log_files.count(f"{trail.trail_id}/{chain.region}")
    if end <= chain.begins and not left:
        return None
    end = max(end, chain.begins)
    while _is_taken(trail, chain.region, end, store):
        end += 1
    return end


def place_of(digest: str) -> Place:
    """Where the digest says that it lies."""
    members = json.loads(digest)
    return Place(members["digestS3Bucket"], members["digestS3Object"])


def string_to_sign(end: str, place: Place, text: str, previous_signature: str) -> bytes:
    lines = (end, "/".join(place), hash_of(text), previous_signature or "null")
    return "\n".join(lines).encode()


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def missing_chains(trail: Trail, regions: Iterable[str], store: Store) -> list[DigestChain]:
    """The chains that begin with the first files for `regions`, by the same hours as the chain of
    the trail's home Region. Without that there is no validation."""
    home = store.digest_chains.get(trail.trail_id, trail.region)
    if home is None or not trail.validates_log_files:
        return []
    return [
        DigestChain(trail.trail_id, region, home.begins)
        for region in sorted(set(regions))
        if store.digest_chains.get(trail.trail_id, region) is None
    ]


def _is_taken(trail: Trail, region: str, end: float, store: Store) -> bool:
    name = digest_file_name(trail, region, end)
    waits = any(each.object_name == name for each in store.waiting_files.on(trail.trail_id))
    return waits or store.objects.get(trail.bucket_name, object_key(trail, name)) is not None


def _text(
    trail: Trail,
    chain: DigestChain,
    end: float,
    place: Place,
    fingerprint: str,
    named: Sequence[DeliveredLogFile],
) -> str:
    members = {
        "awsAccountId": trail.account,
        "digestStartTime": iso_time(chain.begins),
        "digestEndTime": iso_time(end),
        "digestS3Bucket": place.bucket_name,
        "digestS3Object": place.object_key,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": SIGNATURE_ALGORITHM,
        "newestEventTime": _time(max((each.newest_event for each in named), default=None)),
        "oldestEventTime": _time(min((each.oldest_event for each in named), default=None)),
        # Of the first digest of a chain nothing comes before.
        "previousDigestS3Bucket": chain.previous_bucket or None,
        "previousDigestS3Object": chain.previous_object or None,
        "previousDigestHashValue": chain.previous_hash or None,
        "previousDigestHashAlgorithm": _HASH_ALGORITHM if chain.previous_hash else None,
        "previousDigestSignature": chain.previous_signature or None,
        "logFiles": [_entry(each) for each in named],
    }
    return json.dumps(members, separators=(",", ":"))


def _entry(delivered: DeliveredLogFile) -> dict[str, Any]:
    return {
        "s3Bucket": delivered.bucket_name,
        "s3Object": delivered.object_key,
        "hashValue": delivered.hash_value,
        "hashAlgorithm": _HASH_ALGORITHM,
        "newestEventTime": iso_time(delivered.newest_event),
        "oldestEventTime": iso_time(delivered.oldest_event),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso_time(seconds)
