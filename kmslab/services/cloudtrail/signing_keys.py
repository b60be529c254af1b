"""The key pairs that sign digests: one of each Region at a time, for 30 days.

A key pair is made when it is first needed, so a Region without digests has none. They are kept for
good, since a digest is checked long after the key that signed it gave way to another. What is
signed is not known here.
"""

from hashlib import md5

from kmslab.services.cloudtrail.backing import Signer
from kmslab.store.store import Changes, Store
from kmslab.store.trail_records import SigningKey

_LIFETIME = 30 * 24 * 3600


def current_signing_key(store: Store, signer: Signer, region: str, now: float) -> SigningKey:
    """The key pair of `region` that is valid at `now`: one is made, and written down at once,
    where there is none. Nobody may hold the store's lock meanwhile."""
    known = _valid_at(store, region, now)
    if known:
        return known
    public_key, token = signer.new_key_pair()
    with store.lock:
        # Another thread may have been faster.
        known = _valid_at(store, region, now)
        if known:
            return known
        made = _signing_key(store, region, now, public_key, token)
        store.commit(Changes(put=[made]), ())
        return made


def signing_keys_between(store: Store, region: str, start: float, end: float) -> list[SigningKey]:
    """The key pairs of `region` that were valid at some time from `start` to `end`, oldest
    first."""
    found = [
        signing_key
        for signing_key in store.signing_keys.on(region)
        if signing_key.begins <= end and start < signing_key.ends
    ]
    return sorted(found, key=lambda signing_key: signing_key.begins)


def _valid_at(store: Store, region: str, now: float) -> SigningKey | None:
    for signing_key in store.signing_keys.on(region):
        if signing_key.begins <= now < signing_key.ends:
            return signing_key
    return None


def _signing_key(
    store: Store, region: str, now: float, public_key: bytes, token: bytes
) -> SigningKey:
    # The fingerprint is no secret and no proof: CloudTrail's is an MD5 as well.
    fingerprint = md5(public_key, usedforsecurity=False).hexdigest()
    begins = float(int(now))
    ends = begins + _LIFETIME
    for later in store.signing_keys.on(region):
        # A lab whose clock was set back: two keys are never valid at once.
        if now < later.begins < ends:
            ends = later.begins
    return SigningKey(region, fingerprint, begins, ends, public_key.hex(), token.hex())
