"""Which grants may allow a request: found by grantee, operation and encryption context.

A key may have fifty thousand grants, and every request on it asks. So a grant lies under what a
request must have for the grant to allow it; who asks looks at a few, never at all. Whether one
of them does allow the request is not decided here.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

from kmslab.store.records import Grant

Pairs = tuple[tuple[str, str], ...]
# Operation, and the pairs that the request must have.
_Place = tuple[str, str, Pairs]

# Where a request has no encryption context, a constraint on it does not count.
_CONTEXT_FREE = frozenset({"DescribeKey", "RetireGrant", "CreateGrant"})
_A_FEW = 8
_ANY, _EQUALS, _SUBSET = "any", "equals", "subset"


class GrantIndex:
    """All grants of a lab, by key and grantee, and by retiring principal."""

    def __init__(self) -> None:
        self._granted: dict[tuple[str, str], _Granted] = {}
        self._retirers: dict[tuple[str, str], dict[str, Grant]] = {}

    def put(self, grant: Grant) -> None:
        granted = self._granted.setdefault((grant.shelf, grant.grantee_principal), _Granted())
        granted.put(grant)
        retirer = grant.region, grant.retiring_principal
        self._retirers.setdefault(retirer, {})[grant.grant_id] = grant

    def delete(self, grant: Grant) -> None:
        granted = self._granted.get((grant.shelf, grant.grantee_principal))
        if granted and granted.delete(grant):
            self._granted.pop((grant.shelf, grant.grantee_principal))
        _drop(self._retirers, (grant.region, grant.retiring_principal), grant)

    def clear(self) -> None:
        self._granted.clear()
        self._retirers.clear()

    def on(self, shelf: str) -> "KeyGrants":
        """The grants on the key whose grants stand on `shelf`."""
        return KeyGrants(self._granted, shelf)

    def retirable(self, region: str, retiring_principal: str) -> Iterable[Grant]:
        """The grants of a Region that `retiring_principal` may retire."""
        return _each(self._retirers.get((region, retiring_principal), {}))


class _Granted:
    """What one grantee was granted on one key."""

    __slots__ = ("grants", "lies", "places")

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}
        self.places: dict[_Place, dict[str, Grant]] = {}
        self.lies: dict[str, tuple[_Place, ...]] = {}

    def put(self, grant: Grant) -> None:
        self.grants[grant.grant_id] = grant
        places = self.lies.get(grant.grant_id) or self._places(grant)
        self.lies[grant.grant_id] = places
        for place in places:
            self.places.setdefault(place, {})[grant.grant_id] = grant

    def delete(self, grant: Grant) -> bool:
        """Whether nothing is left."""
        self.grants.pop(grant.grant_id, None)
        for place in self.lies.pop(grant.grant_id, ()):
            _drop(self.places, place, grant)
        return not self.grants

    def _places(self, grant: Grant) -> tuple[_Place, ...]:
        """Where a new grant lies: once for each operation, under pairs that it cannot do without;
        of several such pairs under the one with the fewest grants so far."""
        places = []
        for operation in grant.operations:
            kind, choices = _indispensable(grant, operation)
            crowd = [len(self.places.get((operation, kind, pairs), ())) for pairs in choices]
            places.append((operation, kind, choices[crowd.index(min(crowd))]))
        return tuple(places)


class KeyGrants(NamedTuple):
    """The grants on one key, as a decision asks for them (`access.grants.GrantFinder`)."""

    granted: dict[tuple[str, str], _Granted]
    shelf: str

    def candidates(
        self, grantee: str, operation: str, encryption_context: Mapping[str, str]
    ) -> Iterable[Grant]:
        """Grants to `grantee` that may allow `operation` with these pairs; none is left out."""
        granted = self.granted.get((self.shelf, grantee))
        return _worth_asking(granted, operation, encryption_context) if granted else ()

    def of(self, grantee: str) -> Iterable[Grant]:
        """All grants to `grantee`, lazily."""
        granted = self.granted.get((self.shelf, grantee))
        return _each(granted.grants) if granted else ()


def _worth_asking(
    granted: _Granted, operation: str, encryption_context: Mapping[str, str]
) -> Iterable[Grant]:
    asked: list[_Place] = [(operation, _ANY, ())]
    if operation not in _CONTEXT_FREE:
        pairs = sorted(encryption_context.items())
        asked.append((operation, _EQUALS, tuple(pairs)))
        asked += [(operation, _SUBSET, (pair,)) for pair in pairs]
    places = granted.places
    found = [places.get(place) for place in asked]
    return chain.from_iterable([_each(grants) for grants in found if grants])


def _each(found: dict[str, Grant]) -> Iterable[Grant]:
    """Another thread may add or remove grants meanwhile, hence copies; and nearly always one of
    the first will do, hence not of all at once."""
    return tuple(found.values()) if len(found) <= _A_FEW else _first_a_few(found)


def _first_a_few(found: dict[str, Grant]) -> Iterator[Grant]:
    first = tuple(islice(found.values(), _A_FEW))
    yield from first
    seen = {grant.grant_id for grant in first}
    yield from (grant for grant in tuple(found.values()) if grant.grant_id not in seen)


def _indispensable(grant: Grant, operation: str) -> tuple[str, list[Pairs]]:
    """The kind of its constraint, and the sets of pairs of which a request must have each."""
    if operation in _CONTEXT_FREE:
        return _ANY, [()]
    if grant.equals is not None:
        return _EQUALS, [tuple(sorted(grant.equals))]
    if grant.subset:
        return _SUBSET, [(pair,) for pair in grant.subset]
    return _ANY, [()]


def _drop(shelves: dict[Any, dict[str, Grant]], place: tuple[Any, ...], grant: Grant) -> None:
    found = shelves.get(place, {})
    found.pop(grant.grant_id, None)
    if not found:
        shelves.pop(place, None)
