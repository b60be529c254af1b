"""May this principal retire this grant? The grant says who may; the key policy only who may not.

KMS Developer Guide, "Retiring and revoking grants": its retiring principal may; its grantee, where
RetireGrant is among the operations; and, as far as identity policies there allow it, the accounts
that own the key and that issued the grant. An Allow in a key policy has no effect, a Deny wins
wherever it stands. How a grant is found and removed is not known here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from kmslab.access.decision import Decision, Identities, OwnerSide, decide
from kmslab.access.grants import GrantsInForce
from kmslab.access.policy import ANOTHER_ACTION, Named, Policy, PolicyInForce, Question, Statement
from kmslab.arn import account_root_arn
from kmslab.store.records import Grant

NO_EFFECT = "an Allow of kms:RetireGrant has no effect in a key policy"
_OPERATION = "RetireGrant"


class _Retirers(NamedTuple):
    """Who may retire one grant, told as grants of that right (`access.grants.GrantFinder`): the
    decision then knows what it is worth to be named as a role or by the account alone."""

    grant: Grant

    def candidates(
        self, grantee: str, operation: str, encryption_context: Mapping[str, str]
    ) -> Iterator[Grant]:
        return self.of(grantee)

    def of(self, grantee: str) -> Iterator[Grant]:
        # A constraint on SourceArn does not apply to RetireGrant.
        grant = replace(self.grant, source_arn="")
        if grantee in self._lasting():
            yield replace(grant, operations=(_OPERATION,), effective_from=grant.creation_date)
        if grantee == grant.grantee_principal:
            yield grant

    def _lasting(self) -> tuple[str, ...]:
        """Whose right does not come from what the grant allows, and so need not spread first."""
        grant = self.grant
        accounts = (grant.account, grant.issuing_account)
        return (grant.retiring_principal, *map(account_root_arn, accounts))


def decide_retirement(
    question: Question,
    identities: Identities,
    key_policy: PolicyInForce,
    grant: Grant,
    now: float,
    token_shown: bool = False,
) -> Decision:
    """Decide kms:RetireGrant on `grant`. `token_shown` says that a token named it: its grantee
    need then not wait until the grant has spread."""
    allows, denies = _parted(key_policy)
    shown = frozenset((grant.grant_id,) if token_shown else ())
    in_force = GrantsInForce(_Retirers(grant), now, shown)
    deny_only = PolicyInForce(key_policy.policy_name, Policy(denies))
    decision = decide(question, identities, OwnerSide(deny_only, grant.account, in_force))
    no_effect = tuple(
        (
            Named(key_policy.policy_name, statement),
            NO_EFFECT if statement.covers(question.action.lower()) else ANOTHER_ACTION,
        )
        for statement in allows
    )
    return decision._replace(
        grant=grant if decision.grant else None, passed_over=decision.passed_over + no_effect
    )


def _parted(policy: PolicyInForce) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The statements that allow, and those that deny."""
    statements = policy.statements
    return (
        tuple(statement for statement in statements if statement.allows),
        tuple(statement for statement in statements if not statement.allows),
    )
