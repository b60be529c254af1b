"""The policy simulator: what would be decided, without anything being done.

Decisions come from the evaluator that decides every real call, so a prediction is wrong only where
it was given another context, or policies of resources that it was not told.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from kmslab import errors
from kmslab.access.context import Value
from kmslab.access.principals import Principal
from kmslab.arn import parse_arn
from kmslab.services.call import Call
from kmslab.services.iam import refusals
from kmslab.services.iam.context_keys import without_repeats
from kmslab.services.iam.entities import Entity, find_entity, tell_tags
from kmslab.services.iam.evaluation import EVERYTHING, Simulation, evaluation_result
from kmslab.services.iam.paging import page
from kmslab.services.iam.simulated_callers import (
    facts_of,
    given_context,
    principal_of,
    simulated_caller,
)
from kmslab.services.iam.simulated_policies import (
    SimulatedPolicy,
    boundary_of,
    given_boundary,
    given_policies,
    given_resource_policy,
    own_policies,
)

# The lab's own bound: IAM documents none, and one request could ask for millions.
_MOST_DECISIONS = 10_000


def simulate_principal_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html

    What the user or role tells to conditions (its name, tags and so on) is filled in.
    """
    entity = _asked_entity(call)
    _refuse_unbuilt(call, "PolicyExclusionList")
    own = (*own_policies(call, entity), *given_policies(call, "PolicyInputList"))
    boundary = given_boundary(call) or boundary_of(call, entity)
    caller = principal_of(entity, call.now)
    if "CallerArn" in call.parameters:
        caller = simulated_caller(call, call.parameters["CallerArn"])
    return _simulate(call, own, boundary, caller, facts_of(caller))


def simulate_custom_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html"""
    call.authorise_in_account()
    _refuse_unbuilt(call, "OrderedOrganizationPolicyInputList")
    caller, facts = call.principal, {}
    if "CallerArn" in call.parameters:
        caller = simulated_caller(call, call.parameters["CallerArn"])
        facts = facts_of(caller)
    elif "ResourcePolicy" in call.parameters:
        raise refusals.invalid_input("CallerArn is required if ResourcePolicy is given.")
    own = given_policies(call, "PolicyInputList")
    return _simulate(call, own, given_boundary(call), caller, facts)


def get_context_keys_for_principal_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html"""
    entity = _asked_entity(call)
    policies = (*own_policies(call, entity), *given_policies(call, "PolicyInputList"))
    return _context_keys((*policies, *(boundary_of(call, entity) or ())))


def get_context_keys_for_custom_policy(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html"""
    call.authorise_in_account()
    return _context_keys(given_policies(call, "PolicyInputList"))


# --- What is asked ------------------------------------------------------------------------


def _asked_entity(call: Call) -> Entity:
    """The user or role of PolicySourceArn, if the caller may ask about it."""
    source_arn = call.parameters["PolicySourceArn"]
    arn = parse_arn(source_arn)
    entity = find_entity(call.store, source_arn)
    if entity and entity.account == call.account:
        tell_tags(call, entity.tags)
    call.authorise_in_account(source_arn)
    if arn is None or arn.service != "iam" or not arn.resource.startswith(("user/", "role/")):
        raise refusals.unclear_entity(source_arn)
    if entity is None or entity.account != call.account:
        name = arn.resource.rpartition("/")[2]
        is_user = arn.resource.startswith("user/")
        raise refusals.no_such_user(name) if is_user else refusals.no_such_role(name)
    return entity


def _refuse_unbuilt(call: Call, member: str) -> None:
    """To leave it out would give a wrong answer."""
    if call.parameters.get(member):
        raise errors.not_built(member)


def _simulate(
    call: Call,
    own: tuple[SimulatedPolicy, ...],
    boundary: tuple[SimulatedPolicy, ...] | None,
    caller: Principal,
    facts: dict[str, Value],
) -> dict[str, Any]:
    actions = call.parameters["ActionNames"]
    resources = call.parameters.get("ResourceArns") or [EVERYTHING]
    if len(actions) * len(resources) > _MOST_DECISIONS:
        raise refusals.invalid_input(
            f"{len(actions)} actions on {len(resources)} resources are more than "
            f"{_MOST_DECISIONS} decisions."
        )
    simulation = Simulation(
        own,
        boundary,
        given_resource_policy(call),
        caller,
        _owner(call.parameters.get("ResourceOwner", "")),
        {**facts, **given_context(call)},
    )
    for action in actions:
        _check_action(action)
    # A number for each, with which a marker can go on.
    numbered = ((f"{number:06}", action) for number, action in enumerate(actions, start=1))
    listed, end = page(call, numbered)
    results = [evaluation_result(simulation, action, resources) for action in listed]
    return {"EvaluationResults": results, **end}


def _owner(resource_owner: str) -> str:
    """The account of ResourceOwner, which is its number or the ARN of its root user."""
    arn = parse_arn(resource_owner)
    return arn.account if arn else resource_owner


def _check_action(action: str) -> None:
    service, colon, name = action.partition(":")
    if not (service and colon and name.isalnum() and name.isascii()):
        raise refusals.invalid_input(f"Invalid action name: {action}")


def _context_keys(policies: Iterable[SimulatedPolicy]) -> dict[str, Any]:
    of_statements = chain.from_iterable(policy.context_keys for policy in policies)
    return {"ContextKeyNames": without_repeats(chain.from_iterable(of_statements))}
