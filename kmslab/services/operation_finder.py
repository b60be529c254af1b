"""Which function answers which operation: CreateKey is answered by `create_key`, wherever in the
modules of its service that stands."""

from collections.abc import Callable
from functools import cache
from types import ModuleType

from botocore import xform_name

from kmslab.services.call import Operation


def operation_finder(*modules: ModuleType) -> Callable[[str], Operation | None]:
    """A function from an operation's name to the function that answers it, None where it is not
    built yet."""

    @cache
    def find_operation(name: str) -> Operation | None:
        function_name = xform_name(name)
        for module in modules:
            function: Operation | None = getattr(module, function_name, None)
            if function is not None:
                return function
        return None

    return find_operation
