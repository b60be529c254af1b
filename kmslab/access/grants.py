"""Does a grant allow it? A grant names one grantee, some operations, and perhaps constraints.

It only ever allows (KMS Developer Guide, "Grants in AWS KMS"). A grant takes some time to spread
through KMS, and so does its end; whoever shows its token need not wait for the beginning. How
grants are made and kept is not known here: `OwnerSide` of a decision brings those worth asking.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import NamedTuple, Protocol

from kmslab.access.policy import Question
from kmslab.store.records import Grant

Pairs = tuple[tuple[str, str], ...]

# A key may have fifty thousand grants; a reader of a decision wants to see a few.
_MOST_SHOWN = 20

# Constraints on the encryption context do not apply where a request has none by nature.
UNCONSTRAINED = frozenset({"DescribeKey", "RetireGrant"})


class GrantFinder(Protocol):
    """The grants on one key, found without a walk through all of them."""

    def candidates(
        self, grantee: str, operation: str, encryption_context: Mapping[str, str]
    ) -> Iterable[Grant]:
        """Grants to `grantee` that may allow `operation` with these pairs; none is left out."""
        ...

    def of(self, grantee: str) -> Iterable[Grant]:
        """All grants to `grantee`, lazily."""
        ...


class GrantsInForce(NamedTuple):
    """The grants on a key at a time; `shown` are the ids of those whose tokens came along."""

    find: GrantFinder
    now: float
    shown: frozenset[str] = frozenset()

    def allowing(self, question: Question) -> tuple[Grant | None, int]:
        """A grant that allows what is asked, and how strongly it names the caller."""
        operation = question.action.removeprefix("kms:")
        pairs = question.encryption_context or {}
        candidates = self.find.candidates
        for grantee, strength in question.principal.grantees:
            for grant in candidates(grantee, operation, pairs):
                if not self.why_not(grant, question):
                    return grant, strength
        return None, 0

    def not_allowing(self, question: Question) -> tuple[tuple[Grant, str], ...]:
        """Why the caller's grants on the key do not help; of very many, the first ones."""
        found = (self.find.of(grantee) for grantee, _ in question.principal.grantees)
        weighed = [
            (grant, self.why_not(grant, question))
            for grant in islice(chain.from_iterable(found), _MOST_SHOWN)
        ]
        return tuple((grant, why_not) for grant, why_not in weighed if why_not)

    def why_not(self, grant: Grant, question: Question) -> str:
        """The first reason why `grant` does not allow what is asked; "" where it does."""
        operation = question.action.removeprefix("kms:")
        if grant.ends_at is not None and grant.ends_at <= self.now:
            return "it has been removed"
        if grant.effective_from > self.now and grant.grant_id not in self.shown:
            return "it has not spread through KMS yet, and its token was not shown"
        if operation not in grant.operations:
            return f"it allows {', '.join(grant.operations)}"
        if grant.source_arn and question.context.get("aws:sourcearn") != grant.source_arn:
            return f"the request is not made on behalf of {grant.source_arn}"
        if operation == "CreateGrant":
            return _why_no_child(grant, question.asked_grant)
        if operation not in UNCONSTRAINED:
            return _why_other_pairs(grant, question.encryption_context or {})
        return ""


def _why_other_pairs(grant: Grant, pairs: Mapping[str, str]) -> str:
    equals, subset = grant.equals, grant.subset
    if equals is not None and not (len(equals) == len(pairs) and _holds_all(pairs, equals)):
        return f"the encryption context must equal {_shown(equals)}"
    if subset is not None and not _holds_all(pairs, subset):
        return f"the encryption context must include {_shown(subset)}"
    return ""


def _why_no_child(parent: Grant, child: Grant | None) -> str:
    """A grantee may pass on a part of what it was granted, on terms at least as strict (KMS
    Developer Guide, "Granting CreateGrant permission")."""
    if child is None:
        return "no grant is being made"
    if not set(child.operations) <= set(parent.operations):
        return "the new grant would allow more operations"
    if parent.source_arn and child.source_arn != parent.source_arn:
        return "the new grant would not keep the SourceArn constraint"
    if parent.equals is not None and child.equals != parent.equals:
        return "the new grant would not keep the EncryptionContextEquals constraint"
    if parent.subset is not None and not _as_strict(child, parent.subset):
        return "the new grant would not keep the EncryptionContextSubset constraint"
    return ""


def _as_strict(child: Grant, subset: Pairs) -> bool:
    """A subset constraint may gain pairs, or become an equality that has them all."""
    kept = [pairs for pairs in (child.equals, child.subset) if pairs is not None]
    return any(set(subset) <= set(pairs) for pairs in kept)


def _holds_all(pairs: Mapping[str, str], wanted: Pairs) -> bool:
    return set(wanted) <= pairs.items()


def _shown(pairs: Pairs) -> str:
    return ", ".join(f"{name}={value}" for name, value in pairs) or "no pair"
