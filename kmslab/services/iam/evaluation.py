"""One simulated action: decided on each resource, and told as the simulator tells it.

Where policies and context come from is not known here, nor who asked.
"""

from itertools import chain
from typing import Any, NamedTuple

from kmslab.access.context import RequestContext, Value, folded
from kmslab.access.decision import Decision, Identities, OwnerSide, decide
from kmslab.access.policy import Named, PolicyInForce, Question
from kmslab.access.principals import Principal
from kmslab.arn import parse_arn
from kmslab.services.iam.context_keys import without_repeats
from kmslab.services.iam.simulated_policies import SimulatedPolicy

EVERYTHING = "*"
# A Deny outweighs what is merely not allowed, and that an Allow.
_BY_WEIGHT = ("allowed", "implicitDeny", "explicitDeny")


class Simulation(NamedTuple):
    """The policies that are asked, and who calls with what context."""

    own: tuple[SimulatedPolicy, ...]
    boundary: tuple[SimulatedPolicy, ...] | None
    resource_policy: SimulatedPolicy | None
    caller: Principal
    resource_owner: str
    context: dict[str, Value]

    @property
    def policies(self) -> tuple[SimulatedPolicy, ...]:
        of_resource = (self.resource_policy,) if self.resource_policy else ()
        return (*self.own, *(self.boundary or ()), *of_resource)


def evaluation_result(simulation: Simulation, action: str, resources: list[str]) -> dict[str, Any]:
    """The EvaluationResult of an action. Its own members tell of all resources together, the
    gravest decision among them; EvalResourceName is AWS's ARN template, which the lab has not."""
    decisions = [_decide(simulation, action, resource) for resource in resources]
    missing = _missing(simulation, action)
    word = max(map(_word, decisions), key=_BY_WEIGHT.index)
    result = {
        "EvalActionName": action,
        "EvalResourceName": EVERYTHING,
        "EvalDecision": word,
        "MatchedStatements": _matched(simulation, [d for d in decisions if _word(d) == word]),
        "MissingContextValues": missing,
        **_boundary_detail(simulation, decisions),
    }
    if resources == [EVERYTHING]:
        return result
    specific = [
        {
            "EvalResourceName": resource,
            "EvalResourceDecision": _word(decision),
            "MatchedStatements": _matched(simulation, [decision]),
            "MissingContextValues": missing,
            **_boundary_detail(simulation, [decision]),
        }
        for resource, decision in zip(resources, decisions, strict=True)
    ]
    return {**result, "ResourceSpecificResults": specific}


def _decide(simulation: Simulation, action: str, resource: str) -> Decision:
    question = Question(simulation.caller, action, resource, RequestContext.of(simulation.context))
    boundary = None if simulation.boundary is None else _in_force(simulation.boundary)
    identities = Identities(_in_force(simulation.own), boundary)
    if simulation.resource_policy is None:
        return decide(question, identities, None)
    owner = _account_of(resource) or simulation.resource_owner or simulation.caller.account
    owner_side = OwnerSide(simulation.resource_policy.in_force, owner)
    decision = decide(question, identities, owner_side)
    at_home = owner == simulation.caller.account
    if decision.allowed or decision.explicit or not at_home or action.startswith("kms:"):
        return decision
    # Only a key's policy must open the way for the policies of its account.
    by_identity = decide(question, identities, None)
    return by_identity if by_identity.allowed else decision


def _account_of(resource: str) -> str:
    arn = parse_arn(resource)
    return arn.account if arn else ""


def _in_force(policies: tuple[SimulatedPolicy, ...]) -> tuple[PolicyInForce, ...]:
    return tuple(policy.in_force for policy in policies)


def _word(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "explicitDeny" if decision.explicit else "implicitDeny"


def _matched(simulation: Simulation, decisions: list[Decision]) -> list[dict[str, Any]]:
    """The statements that decided, each once."""
    found = dict.fromkeys(chain.from_iterable(decision.decided_by for decision in decisions))
    told = (_told(simulation, named) for named in found)
    return [each for each in told if each]


def _told(simulation: Simulation, named: Named) -> dict[str, Any] | None:
    """One statement, which is in one of the policies; one that stands in for what cannot be read
    is nowhere."""
    for policy in simulation.policies:
        span = policy.span_of(named)
        if span:
            return {
                "SourcePolicyId": policy.policy_id,
                "SourcePolicyType": policy.policy_type,
                "StartPosition": {"Line": span.start.line, "Column": span.start.column},
                "EndPosition": {"Line": span.end.line, "Column": span.end.column},
            }
    return None


def _missing(simulation: Simulation, action: str) -> list[str]:
    """The condition keys that statements about the action ask for, and that nobody gave."""
    asked = chain.from_iterable(policy.asked_about(action) for policy in simulation.policies)
    return [name for name in without_repeats(asked) if folded(name) not in simulation.context]


def _boundary_detail(simulation: Simulation, decisions: list[Decision]) -> dict[str, Any]:
    if simulation.boundary is None:
        return {}
    boundary = Identities(_in_force(simulation.boundary))
    allowed = all(decide(each.question, boundary, None).allowed for each in decisions)
    return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": allowed}}
