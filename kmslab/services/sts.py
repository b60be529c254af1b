"""AWS Security Token Service, as far as it tells a caller who it is."""

from typing import Any

from botocore import xform_name

from kmslab.services.call import Call, Operation


def get_caller_identity(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

    No permission is needed: whoever can sign may ask.
    """
    call.allow_everyone()
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def find_operation(name: str) -> Operation | None:
    return get_caller_identity if xform_name(name) == "get_caller_identity" else None
