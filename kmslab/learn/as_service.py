"""A call that a service of AWS makes for itself, and what was decided about it.

Nobody but AWS can sign as one of its services, so such a call does not come in over the wire: it
takes the entry that the lab keeps for its own services. Everything behind that entry is the same.
"""

from typing import Any

from kmslab import arn as arns
from kmslab.access.decision import Decision, Identities
from kmslab.access.principals import service_principal
from kmslab.errors import ServiceError
from kmslab.lab import DEFAULT_REGION, Lab
from kmslab.services.callers import Caller


def service_call(
    lab: Lab, service: str, operation: str, source_arn: str = "", **parameters: Any
) -> Decision:
    """Let `service` (dynamodb.amazonaws.com) call `operation` of KMS on behalf of `source_arn`.

    `parameters` are those of the operation as they stand on the wire, bytes in base64. The call
    is really made and recorded; the answer is the decision about it. Raises ServiceError for a
    call that fails for another reason than a denial.
    """
    source = arns.parse_arn(source_arn)
    principal = service_principal(service, source_arn, source.account if source else "")
    caller = Caller(principal, Identities())
    try:
        lab.endpoint.call("kms", operation, parameters, caller, DEFAULT_REGION)
    except ServiceError as refusal:
        if refusal.code != "AccessDeniedException":
            raise
    decision = lab.last_decision()
    assert decision
    return decision
