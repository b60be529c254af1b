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
        sentence = given.get("Message") or "(AWS gives no reason)"
        print(f"refused: {code}: {sentence}")
    else:
        raise AssertionError(f"expected {code}, but the call was allowed")
