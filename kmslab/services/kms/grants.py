"""Grants. None can be made yet, so no token can be one of theirs."""

from kmslab import errors
from kmslab.services.call import Call


def check_grant_tokens(call: Call) -> None:
    """Raise InvalidGrantTokenException for a token that no grant of this lab handed out."""
    if call.parameters.get("GrantTokens"):
        raise errors.invalid_grant_token()
