"""A refusal that is expected: one printed line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect AWS to refuse what stands inside with error `code`, and print what it says.

    Raises AssertionError where nothing is refused, or where the refusal is another one.
    """
    try:
        yield
    except ClientError as error:
        given = error.response["Error"]
        if given["Code"] != code:
            raise AssertionError(f"expected {code}, but AWS said {given['Code']}") from error
        print(f"refused: {code}: {reason(error)}")
    else:
        raise AssertionError(f"expected {code}, but the call was allowed")


def reason(refusal: ClientError) -> str:
    """What AWS says about a refusal; of some it says nothing."""
    said: str = refusal.response.get("Error", {}).get("Message", "")
    return said or "(AWS gives no reason)"
