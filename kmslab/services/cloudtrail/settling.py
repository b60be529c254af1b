"""What the changes of a trail have in common: what happened before belongs to the old settings.

So the files that tell of it are decided on first, in the same change. Whoever calls this holds the
store's lock (`Call.begin_change`), or events would slip in between.
"""

from kmslab.services.call import Call
from kmslab.services.cloudtrail.planning import plan_files
from kmslab.store.trail_records import DigestChain, Trail


def own_event(call: Call) -> int:
    """The number that the event of `call` is going to have."""
    return len(call.store.events)


def settled(call: Call, trail: Trail) -> Trail:
    """`trail` with everything that it selected until now decided on; the files are put."""
    until = own_event(call)
    if trail.end_event is not None:
        until = min(until, trail.end_event)
    if trail.next_event >= until:
        return trail
    moved_on, files = plan_files(trail, until, call.store, call.now, call.random)
    call.put(*files)
    return moved_on


def begin_chain(call: Call, trail: Trail) -> None:
    """From now on `trail` is followed by digests, unless it is already. Chains of further Regions
    begin with the first file for them."""
    known = call.store.digest_chains.get(trail.trail_id, trail.region)
    if known is None and trail.is_logging and trail.validates_log_files:
        call.put(DigestChain(trail.trail_id, trail.region, float(int(call.now))))
